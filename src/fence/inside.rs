//! The process inside the walls: finishes them, sets the limits of the kernel, and starts the command.
//! Says "ready" only when all of that is done; any failure ends it before the command has started.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{Resource, Rlimit, WaitOptions, WaitStatus, setrlimit, wait};

use super::wire::{FromInside, Inside, given, receive, send};
use super::{Ended, Limits, tree};

/// Files that one process may have open at the same time; the usual hard limit of Linux.
const OPEN_FILES: u64 = 4096;

/// `sef fence inside`.
pub fn main() -> ExitCode {
    let Ok(supervisor) = given() else { return ExitCode::FAILURE };
    let started = receive::<Inside>(&supervisor)
        .map_err(|why| format!("cannot read what to run: {why}"))
        .and_then(|inside| prepare(&inside).map(|()| inside));
    match started {
        Err(why) => {
            let _ = send(&supervisor, &FromInside::Failed(why));
            ExitCode::FAILURE
        }
        Ok(inside) if inside.stay => stay(&inside, &supervisor),
        Ok(inside) => r#become(&inside, &supervisor),
    }
}

fn prepare(inside: &Inside) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    {
        if let Some(mounts) = &inside.mounts {
            super::namespaces::enter(mounts)?;
            super::namespaces::give_up_rights().map_err(|why| format!("cannot give up rights: {why}"))?;
        }
        rustix::thread::set_no_new_privs(true).map_err(|why| format!("cannot give up new rights: {why}"))?;
        if inside.stay {
            // The command could else make this process tell a lie about how it ended.
            use rustix::process::{DumpableBehavior, set_dumpable_behavior};
            set_dumpable_behavior(DumpableBehavior::NotDumpable)
                .map_err(|why| format!("cannot keep other processes out: {why}"))?;
        }
    }
    rustix::process::setpriority_process(None, 0)
        .map_err(|why| format!("cannot take the usual priority: {why}"))?;
    limit(&inside.limits).map_err(|why| format!("cannot set the limits: {why}"))
}

/// Limits of the kernel for this process and all that it starts. Memory is bounded by what a process may write, not by
/// its addresses: node, Go and Java reserve far more of these than they use. It is twice what all may use together, so
/// that the sum over all processes, which the supervisor watches, decides and this is for what grows faster than that.
fn limit(limits: &Limits) -> io::Result<()> {
    let cpu = limits.cpu.as_secs().max(1);
    let bounds = [
        (Resource::Cpu, cpu, cpu + 1),
        (Resource::Data, 2 * limits.memory_bytes, 2 * limits.memory_bytes),
        (Resource::Fsize, limits.file_bytes, limits.file_bytes),
        (Resource::Nofile, OPEN_FILES, OPEN_FILES),
        (Resource::Core, 0, 0),
    ];
    for (resource, soft, hard) in bounds.into_iter().chain(processes(limits)) {
        let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        setrlimit(resource, Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) })?;
    }
    Ok(())
}

/// The bound of processes: the kernel counts all threads of the user, here and outside.
#[cfg(target_os = "linux")]
fn processes(limits: &Limits) -> [(Resource, u64, u64); 1] {
    let most = tree::threads_of_user() + 4 * limits.processes;
    [(Resource::Nproc, most, most)]
}

/// None where nothing here can count them.
#[cfg(not(target_os = "linux"))]
fn processes(_: &Limits) -> [(Resource, u64, u64); 0] {
    []
}

fn command(inside: &Inside) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(&inside.command).current_dir(&inside.dir);
    command.env_clear().envs(inside.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command
}

/// Turns this process into the command.
fn r#become(inside: &Inside, supervisor: &UnixStream) -> ExitCode {
    if send(supervisor, &FromInside::Ready).is_err() {
        return ExitCode::FAILURE;
    }
    let why = command(inside).exec();
    let _ = send(supervisor, &FromInside::Failed(format!("cannot start /bin/sh: {why}")));
    ExitCode::FAILURE
}

/// Starts the command and stays as the first process of the namespace, whose end is the end of all others.
fn stay(inside: &Inside, supervisor: &UnixStream) -> ExitCode {
    let said = send(supervisor, &FromInside::Ready).map_err(|why| why.to_string());
    let started = said.and_then(|()| command(inside).process_group(0).spawn().map_err(|why| why.to_string()));
    let child = match started {
        Ok(child) => child,
        Err(why) => {
            let _ = send(supervisor, &FromInside::Failed(format!("cannot start /bin/sh: {why}")));
            return ExitCode::FAILURE;
        }
    };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == child.id() as i32 => {
                let left = tree::below(std::process::id() as i32).len() as u64;
                let _ = send(supervisor, &FromInside::Done(ended(status), left));
                return ExitCode::SUCCESS;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return ExitCode::FAILURE,
        }
    }
}

/// What a status of the kernel means.
pub fn ended(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Signal(9),
    }
}
