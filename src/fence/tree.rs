//! The processes below one process, and their end. Looks at `/proc`; where there is none, only at process groups.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};

/// One process below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    parent: i32,
    group: i32,
    /// It has ended and waits for its parent to notice.
    dead: bool,
    /// Resident memory, in pages.
    pages: u64,
}

/// The living processes below `root`, without `root` itself.
#[cfg(target_os = "linux")]
pub fn below(root: i32) -> Vec<Process> {
    let all: Vec<Process> = numbers()
        .filter_map(|pid| parsed(pid, &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent && process.pid != parent) {
            parents.push(process.pid);
            found.push(*process);
        }
    }
    found.retain(|process| !process.dead);
    found
}

/// Without `/proc` nothing is known; the group that was started is still ended.
#[cfg(not(target_os = "linux"))]
pub fn below(_root: i32) -> Vec<Process> {
    Vec::new()
}

/// Resident memory of some processes, in bytes. Pages that several of them share are counted once when the plain sum
/// is over `limit`; that costs more time to ask for.
pub fn resident(processes: &[Process], limit: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    let sum: u64 = processes.iter().map(|process| process.pages * page).sum();
    if sum <= limit {
        return sum;
    }
    processes.iter().map(|process| shared_out(process.pid).unwrap_or(process.pages * page)).sum()
}

/// Ends everything below this process and the group `group`, also what started sessions of its own; needs this process
/// to be a subreaper. Answers how many are still there after `patience`.
pub fn end(group: i32, patience: Duration) -> u64 {
    let me = rustix::process::getpid().as_raw_nonzero().get();
    let own_group = rustix::process::getpgrp().as_raw_nonzero().get();
    let until = Instant::now() + patience;
    // Behind walls this ends everything: the kernel ends a process namespace with its first process.
    let _ = Pid::from_raw(group).map(|group| kill_process_group(group, Signal::KILL));
    loop {
        let processes = below(me);
        // A group ends at once, so nothing in it can start more while the rest is looked for.
        let mut groups: Vec<i32> = processes.iter().map(|process| process.group).chain([group]).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups.into_iter().filter(|group| *group > 1 && *group != own_group) {
            let _ = Pid::from_raw(group).map(|group| kill_process_group(group, Signal::KILL));
        }
        for process in &processes {
            let _ = Pid::from_raw(process.pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if processes.is_empty() {
            return 0;
        }
        if Instant::now() >= until {
            return processes.len() as u64;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends every process of this user whose variables hold `mark` as `NAME=value`, for when nobody else can any more.
pub fn end_marked(mark: &str) {
    let me = std::process::id() as i32;
    let holds = |pid: &i32| {
        let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        bytes.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    // Those that start others while we look are found in a later round.
    for _ in 0..20 {
        let marked: Vec<i32> = numbers().filter(|pid| *pid != me).filter(holds).collect();
        if marked.is_empty() {
            return;
        }
        for pid in marked {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Threads of the whole machine; cheap to ask for, see proc_loadavg(5). None where there is no `/proc`.
pub fn threads_of_machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').nth(3)?.split_once('/')?.1.parse().ok()
}

/// Threads of this user, which is what RLIMIT_NPROC counts.
#[cfg(target_os = "linux")]
pub fn threads_of_user() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::getuid().as_raw();
    let of_user = |pid: &i32| std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == user);
    let threads =
        |pid: i32| std::fs::read_dir(format!("/proc/{pid}/task")).map_or(1, |tasks| tasks.count() as u64);
    numbers().filter(of_user).map(threads).sum()
}

fn numbers() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A line of `/proc/PID/stat`, see proc_pid_stat(5). The name in parentheses may hold anything.
#[cfg(any(target_os = "linux", test))]
fn parsed(pid: i32, line: &str) -> Option<Process> {
    let fields: Vec<&str> = line.get(line.rfind(')')? + 2..)?.split(' ').collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        dead: matches!(*fields.first()?, "Z" | "X"),
        pages: fields.get(21)?.parse().ok()?,
    })
}

/// Resident memory with each shared page divided by those who share it, in bytes.
fn shared_out(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let rest = "S 7 8 9 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 100 1000000 345 18446744073709551615";
        for name in ["sh", "a b", "x) S 1 1 (y"] {
            let process = parsed(5, &format!("5 ({name}) {rest}")).expect("parses");
            assert_eq!(process, Process { pid: 5, parent: 7, group: 8, dead: false, pages: 345 });
        }
        assert_eq!(parsed(5, "5 (sh"), None);
        assert_eq!(parsed(5, ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_is_found_below_its_parent_and_nowhere_else() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let pid = child.id() as i32;
        let found = below(std::process::id() as i32);
        assert!(found.iter().any(|process| process.pid == pid));
        assert!(below(pid).is_empty());
        child.kill().expect("ends");
        let id = rustix::process::WaitId::Pid(Pid::from_raw(pid).expect("a number"));
        let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(id, ended).expect("has ended, and stays until it is waited for");
        assert!(
            below(std::process::id() as i32).iter().all(|process| process.pid != pid),
            "a dead one is none"
        );
        child.wait().expect("waited");
    }
}
