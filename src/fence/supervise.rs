//! The process between the caller and the walls: starts what is inside, enforces the limits that the kernel does not,
//! and ends everything that is left. It does so as well when its caller is gone. Its environment is empty.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus, wait};

use super::inside::ended;
use super::wire::{FromInside, Inbox, Job, Report, given, receive, send};
use super::{Ended, Limits, tree};

/// How often memory and processes are counted.
const LOOK: Duration = Duration::from_millis(40);
/// How often it is asked whether the machine has many more threads than before, which brings the next count forward.
const GLANCE: Duration = Duration::from_millis(5);
/// The supervisor's own priority, where it may have one: it must come to its turn among everything that it ends.
const PRIORITY: i32 = -10;
/// How long ending what is left may take before it is given up.
const PATIENCE: Duration = Duration::from_millis(1200);

/// `sef fence supervise`.
pub fn main() -> ExitCode {
    let Ok(caller) = given() else { return ExitCode::FAILURE };
    let report = match receive::<Job>(&caller) {
        Err(why) => Report::Failed(format!("cannot read what to run: {why}")),
        Ok(job) => isolate().and_then(|()| supervise(&job, &caller)).unwrap_or_else(Report::Failed),
    };
    let _ = send(&caller, &report);
    ExitCode::SUCCESS
}

/// A session of its own, without a terminal; all orphans come here; nobody looks in.
fn isolate() -> Result<(), String> {
    rustix::process::setsid().map_err(|why| format!("cannot start a session: {why}"))?;
    // Only root may; only root is free of the kernel's limit on processes, so only then it matters.
    let _ = rustix::process::setpriority_process(None, PRIORITY);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior};
        set_child_subreaper(Some(getpid())).map_err(|why| format!("cannot keep hold of orphans: {why}"))?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .map_err(|why| format!("cannot keep other processes out: {why}"))?;
    }
    Ok(())
}

fn supervise(job: &Job, caller: &UnixStream) -> Result<Report, String> {
    let (ours, theirs) = UnixStream::pair().map_err(|why| format!("cannot make a socket: {why}"))?;
    let sef = job.sef.as_os_str();
    let mut words =
        job.walls.iter().map(std::ffi::OsStr::new).chain([sef, "fence".as_ref(), "inside".as_ref()]);
    let program = words.next().unwrap_or(sef);
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .current_dir("/")
        .stdin(std::os::fd::OwnedFd::from(theirs))
        .process_group(0);
    let start = Instant::now();
    let child = command.spawn().map_err(|why| format!("cannot start {}: {why}", program.display()))?;
    // The command holds our side of the child's end, which would keep the socket open.
    drop(command);
    send(&ours, &job.inside).map_err(|why| format!("cannot say what to run: {why}"))?;
    let caller =
        caller.try_clone().and_then(Inbox::new).map_err(|why| format!("cannot hear the caller: {why}"))?;
    let inside = Inbox::new(ours).map_err(|why| format!("cannot hear what is inside: {why}"))?;
    let mut watch = Watch { pid: child.id() as i32, limits: job.limits, start, caller, inside, ready: false };
    let (end, left) = watch.until_the_end();
    // Nothing is counted when there may be too much of it: then every moment makes more.
    let by_itself = matches!(end, Ok(Ended::Exit(_) | Ended::Signal(_)));
    let below = if by_itself { tree::below(std::process::id() as i32).len() as u64 } else { 0 };
    let stuck = tree::end(child.id() as i32, PATIENCE);
    let end = end?;
    // What the walls themselves are made of is nothing that the command left behind.
    let left = left.unwrap_or(if job.walls.is_empty() { below } else { 0 });
    Ok(Report::Done { ended: end, left, stuck })
}

/// One run as it is watched.
struct Watch {
    pid: i32,
    limits: Limits,
    start: Instant,
    caller: Inbox,
    inside: Inbox,
    ready: bool,
}

impl Watch {
    /// Waits for the end of the command, or the reason to end it; with what was left behind when the inside counted.
    fn until_the_end(&mut self) -> (Result<Ended, String>, Option<u64>) {
        let mut looked = self.start;
        let usual = tree::threads_of_machine();
        let storm = |now: u64| usual.is_some_and(|usual| now > usual + self.limits.processes);
        loop {
            self.sleep();
            let gone = reap(self.pid);
            while let Some(message) = self.inside.next::<FromInside>() {
                match message {
                    FromInside::Ready => self.ready = true,
                    FromInside::Failed(why) => return (Err(why), None),
                    FromInside::Done(ended, left) => return (Ok(ended), Some(left)),
                }
            }
            if let Some(status) = gone {
                return (self.without_a_word(status), None);
            }
            let _ = self.caller.next::<()>();
            if self.caller.ended {
                return (Ok(Ended::Cancelled), None);
            }
            if self.start.elapsed() >= self.limits.wall {
                return (Ok(Ended::TimedOut), None);
            }
            if looked.elapsed() >= LOOK || tree::threads_of_machine().is_some_and(storm) {
                looked = Instant::now();
                if let Some(ended) = self.over() {
                    return (Ok(ended), None);
                }
            }
        }
    }

    /// The child has ended and the process inside said nothing of an end: it is the command itself, or was killed.
    fn without_a_word(&self, status: WaitStatus) -> Result<Ended, String> {
        if !self.ready {
            return Err(format!("the walls came down before the command started ({})", word(ended(status))));
        }
        Ok(ended(status))
    }

    /// Over which limit the processes are.
    fn over(&self) -> Option<Ended> {
        let processes = tree::below(std::process::id() as i32);
        if processes.len() as u64 > self.limits.processes {
            return Some(Ended::TooManyProcesses);
        }
        let memory = self.limits.memory_bytes;
        (tree::resident(&processes, memory) > memory).then_some(Ended::TooMuchMemory)
    }

    /// Until somebody says something, the child ends, or it is time to look again.
    fn sleep(&self) {
        let left = self.limits.wall.saturating_sub(self.start.elapsed()).min(GLANCE);
        let timeout = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
        #[cfg(target_os = "linux")]
        let child = Pid::from_raw(self.pid)
            .and_then(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok());
        #[cfg(not(target_os = "linux"))]
        let child: Option<std::os::fd::OwnedFd> = None;
        // A socket that has ended would wake us again and again; the child's own end does the rest.
        let sockets = [&self.caller, &self.inside].into_iter().filter(|inbox| !inbox.ended);
        let mut waited: Vec<PollFd> =
            sockets.map(|inbox| PollFd::from_borrowed_fd(inbox.socket().as_fd(), PollFlags::IN)).collect();
        waited.extend(child.iter().map(|child| PollFd::new(child, PollFlags::IN)));
        let _ = poll(&mut waited, Some(&timeout));
    }
}

/// Takes leave of everything that has ended; answers how `pid` did.
fn reap(pid: i32) -> Option<WaitStatus> {
    let mut found = None;
    while let Ok(Some((other, status))) = wait(WaitOptions::NOHANG) {
        if Pid::from_raw(pid) == Some(other) {
            found = Some(status);
        }
    }
    found
}

fn word(ended: Ended) -> String {
    match ended {
        Ended::Exit(code) => format!("exit {code}"),
        Ended::Signal(signal) => format!("signal {signal}"),
        _ => "ended".to_owned(),
    }
}
