//! Runs one shell command that nobody has read behind a fence, and says how good the fence was.
//!
//! Three processes: the caller in [`run`], which reads the output and keeps a bounded part of it; `sef fence supervise`
//! outside the walls, which enforces time, memory and number of processes and ends everything that is left; and `sef
//! fence inside`, which finishes the walls and starts the command. The caller's variables never reach any of them.

mod choose;
mod clean;
pub mod inside;
#[cfg(target_os = "linux")]
mod namespaces;
mod output;
mod plan;
mod run;
mod scratch;
pub mod supervise;
pub mod tested;
mod toolchains;
mod tree;
mod wire;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use output::Output;
pub use run::{run, run_behind};
pub use scratch::{Scratch, remove};

use crate::error::{Error, Result};
pub use crate::rules::policy::Sandbox;

/// What to run, where, and within which bounds.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Text for `/bin/sh -c`.
    pub command: &'a str,
    /// The project folder: the command starts here and may write here.
    pub dir: &'a Path,
    /// What the command may use.
    pub limits: Limits,
    /// How much of a fence is wanted.
    pub sandbox: Sandbox,
    /// Whether the machine's network is there.
    pub network: Network,
    /// The caller's variables, see [`crate::config::variables`]; only a short list of them is passed on.
    pub variables: &'a [(String, String)],
    /// Names that are passed on as well. One that looks like a secret never is.
    pub allowed: &'a [&'a str],
    /// Folders that are hidden beside the home folder, as SEF's and Claude's when they lie elsewhere.
    pub hidden: &'a [PathBuf],
    /// Folders that are shown read-only although they lie in a hidden one, as the repository of a worktree.
    pub shown: &'a [PathBuf],
    /// The `sef` binary, see [`own_binary`].
    pub sef: &'a Path,
}

/// Upper bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From start to end.
    pub wall: Duration,
    /// Processor time of one process; full seconds, at least one.
    pub cpu: Duration,
    /// Resident memory of all processes together, in bytes.
    pub memory_bytes: u64,
    /// Processes at the same time.
    pub processes: u64,
    /// How much of the output is kept, in bytes; half from its beginning, half from its end.
    pub output_bytes: usize,
    /// The largest file that can be written, in bytes.
    pub file_bytes: u64,
}

impl Default for Limits {
    /// Room for the tests of one project; a compiler and a few workers fit in.
    fn default() -> Self {
        Self {
            wall: Duration::from_mins(5),
            cpu: Duration::from_mins(5),
            memory_bytes: 4 << 30,
            processes: 512,
            output_bytes: 256 << 10,
            file_bytes: 1 << 30,
        }
    }
}

/// Whether the machine's network is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A loopback of its own at most.
    None,
    /// The machine's.
    Host,
}

/// What stands between the command and the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walls {
    /// bubblewrap: own view of the files, own processes, own network.
    Bubblewrap,
    /// The same through util-linux `unshare` and mounts of our own.
    Namespaces,
    /// Limits and a clean environment, no walls.
    ProcessOnly,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// At [`Limits::wall`].
    TimedOut,
    /// Over [`Limits::memory_bytes`].
    TooMuchMemory,
    /// Over [`Limits::processes`].
    TooManyProcesses,
    /// The caller wanted it to end.
    Cancelled,
}

/// One run.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// stdout and stderr in the order they came.
    pub output: Output,
    /// From start to end, in milliseconds.
    pub ms: u64,
    /// What it ran behind.
    pub walls: Walls,
    /// Processes that the command left behind; all are ended.
    pub left: u64,
    /// How well it was fenced, in words.
    pub said: String,
}

/// This process's own binary, for [`Order::sef`] where this process is `sef`.
pub fn own_binary() -> Result<PathBuf> {
    std::env::current_exe().map_err(|why| {
        Error::new("cannot find the running sef", why)
            .fix("run sef by its full path, from a file that still exists")
    })
}
