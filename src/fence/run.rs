//! The caller's side: prepares a run, starts the supervisor, reads the output, and steps in when the supervisor is gone.
//! Never waits longer than the limit and two seconds.

use std::fmt::Write as _;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::choose::{bubblewrap, choose, program, said, unshare};
use super::clean::{Places, clean};
use super::plan::plan;
use super::scratch::Scratch;
use super::wire::{Access, Inbox, Inside, Job, Mount, Mounts, Report, send};
use super::{Ended, Limits, Network, Order, Output, Ran, Walls, tree};
use crate::error::{Error, Result};

/// How often `cancelled` is asked.
const ASK: Duration = Duration::from_millis(50);
/// How long after the limit, or after the end was asked for, the supervisor is given up.
const GRACE: Duration = Duration::from_millis(1500);
/// How long output may still come after the last process has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Characters of a failed wall's output that are shown.
const SHOWN: usize = 300;

/// Runs a command behind the best fence that the order allows. `home` is the user's real home folder; `cancelled` is
/// asked every 50 ms. An error means that the command was not run.
pub fn run(order: &Order, home: &Path, cancelled: &dyn Fn() -> bool) -> Result<Ran> {
    let walls = choose(order, home, |walls| works(order, home, walls))?;
    run_behind(order, home, walls, cancelled)
}

/// The same behind walls of one kind; an error when they do not work.
pub fn run_behind(order: &Order, home: &Path, walls: Walls, cancelled: &dyn Fn() -> bool) -> Result<Ran> {
    let cannot = |why: &dyn std::fmt::Display| Error::new("cannot run the command behind a fence", why);
    let dir = order
        .dir
        .canonicalize()
        .map_err(|why| cannot(&why).at(order.dir).fix("name a folder that exists"))?;
    let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
    let scratch = Scratch::new(&std::env::temp_dir())?;
    let mark = mark();
    let job = job(order, &dir, &home, walls, &scratch, &mark)
        .map_err(|why| cannot(&why).at(&dir).fix("choose --sandbox auto or --sandbox off"))?;
    let start = Instant::now();
    let mut running = Running::start(order, &job).map_err(|why| {
        cannot(&why)
            .at(order.sef)
            .fix("see that the sef binary is still there and can be run, then try again")
    })?;
    let report = running.watch(&job.limits, cancelled);
    running.finish(report.is_none(), &mark);
    let ms = start.elapsed().as_millis() as u64;
    let (ended, left, stuck) = match report {
        Some(Report::Done { ended, left, stuck }) => (ended, left, stuck),
        Some(Report::Failed(why)) => {
            let printed: String = running.output.text().trim().chars().take(SHOWN).collect();
            let why = if printed.is_empty() { why } else { format!("{why}: {printed}") };
            return Err(cannot(&why).at(&dir).fix("choose --sandbox auto or --sandbox off"));
        }
        // Somebody ended the supervisor, or it did not keep its time. Whatever the command did, it is no success.
        None if start.elapsed() >= job.limits.wall => (Ended::TimedOut, 0, 0),
        None => (Ended::Signal(9), 0, 0),
    };
    let mut said = said(walls, order.network);
    if stuck > 0 {
        let _ = write!(said, "; {stuck} of its processes could not be ended");
    }
    Ok(Ran { ended, output: running.output, ms, walls, left, said })
}

/// Whether `true` runs behind these walls, or why it does not.
fn works(order: &Order, home: &Path, walls: Walls) -> std::result::Result<(), String> {
    let limits = Limits { wall: Duration::from_secs(5), ..Limits::default() };
    let order = Order { command: "true", limits, ..order.clone() };
    match run_behind(&order, home, walls, &|| false) {
        Ok(Ran { ended: Ended::Exit(0), .. }) => Ok(()),
        Ok(ran) => Err(format!("`true` ended with {:?}", ran.ended)),
        Err(error) => Err(error.why),
    }
}

/// A variable that no other run has.
fn mark() -> String {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), time.as_nanos())
}

fn job(
    order: &Order,
    dir: &Path,
    home: &Path,
    walls: Walls,
    scratch: &Scratch,
    mark: &str,
) -> std::result::Result<Job, String> {
    let walled = walls != Walls::ProcessOnly;
    let (inner_home, inner_tmp) = if walled {
        ("/tmp/home".into(), "/tmp".into())
    } else {
        (scratch.path("tmp/home"), scratch.path("tmp"))
    };
    let places = Places { home, scratch_home: &inner_home, tmp: &inner_tmp };
    let mut variables =
        clean(order.variables, order.allowed, &places, order.network, &|path: &Path| path.is_dir());
    variables.push((MARK.to_owned(), mark.to_owned()));
    let mut list = Vec::new();
    if walled {
        list = plan(order, dir, home, scratch).map_err(|why| format!("cannot plan what it sees: {why}"))?;
    }
    let not_found = || "its program is not on the PATH, or a path is not UTF-8".to_owned();
    let mut mounts = None;
    let line = match walls {
        Walls::Bubblewrap => bubblewrap(order, dir, scratch, &list).ok_or_else(not_found)?,
        Walls::Namespaces => {
            let shm = Mount { from: scratch.path("shm"), to: "/dev/shm".into(), access: Access::Write };
            list.insert(0, shm);
            let ip = if order.network == Network::None { program(order, "ip") } else { None };
            mounts = Some(Mounts { root: scratch.path("root"), dev: scratch.path("dev"), list, ip });
            unshare(order).ok_or_else(not_found)?
        }
        Walls::ProcessOnly => Vec::new(),
    };
    let inside = Inside {
        command: order.command.to_owned(),
        dir: dir.to_path_buf(),
        variables,
        limits: order.limits,
        stay: walled,
        mounts,
    };
    let sef = order.sef.canonicalize().map_err(|why| format!("{}: {why}", order.sef.display()))?;
    Ok(Job { walls: line, sef, limits: order.limits, inside })
}

/// Names the variable by which left-over processes are found when the supervisor is gone.
const MARK: &str = "SEF_FENCE";

/// A supervisor at work.
struct Running {
    supervisor: Child,
    control: Option<Inbox>,
    pipe: Option<PipeReader>,
    output: Output,
}

impl Running {
    fn start(order: &Order, job: &Job) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(order.sef);
        command.args(["fence", "supervise"]).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(theirs)).stdout(writer.try_clone()?).stderr(writer);
        let supervisor = command.spawn()?;
        // It holds the other ends of the pipe and the socket.
        drop(command);
        let mut running = Self {
            supervisor,
            control: None,
            pipe: Some(reader),
            output: Output::new(order.limits.output_bytes),
        };
        if let Err(why) =
            send(&ours, job).and_then(|()| Inbox::new(ours).map(|inbox| running.control = Some(inbox)))
        {
            running.stop();
            return Err(why);
        }
        Ok(running)
    }

    /// Reads output until the supervisor reports; none when it is gone without a report or out of time.
    fn watch(&mut self, limits: &Limits, cancelled: &dyn Fn() -> bool) -> Option<Report> {
        let mut until = Instant::now() + limits.wall + GRACE;
        let mut asked_to_end = false;
        let mut asked = Instant::now();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.read(left.min(ASK));
            let control = self.control.as_mut()?;
            if let Some(report) = control.next::<Report>() {
                return Some(report);
            }
            if control.ended {
                return None;
            }
            if !asked_to_end && asked.elapsed() >= ASK {
                asked = Instant::now();
                if cancelled() {
                    asked_to_end = true;
                    until = until.min(Instant::now() + GRACE);
                    // The supervisor reads the end of our side as the wish to end; we still hear its report.
                    let _ = control.socket().shutdown(std::net::Shutdown::Write);
                }
            }
        }
    }

    /// Waits for output or a message, and takes the output that is there.
    fn read(&mut self, wait: Duration) {
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
        let mut waited = Vec::with_capacity(2);
        if let Some(pipe) = &self.pipe {
            waited.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(control) = &self.control {
            waited.push(PollFd::from_borrowed_fd(control.socket().as_fd(), PollFlags::IN));
        }
        if poll(&mut waited, Some(&timeout)).is_err() {
            return;
        }
        let readable = self.pipe.is_some() && !waited[0].revents().is_empty();
        drop(waited);
        if readable {
            self.take();
        }
    }

    /// Takes one block from a pipe that has something, or has ended.
    fn take(&mut self) {
        let mut block = [0; 16 << 10];
        match self.pipe.as_mut().map(|pipe| pipe.read(&mut block)) {
            Some(Ok(count)) if count > 0 => self.output.push(&block[..count]),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => self.pipe = None,
        }
    }

    /// Ends what is still there and takes what is left in the pipe.
    fn finish(&mut self, alone: bool, mark: &str) {
        self.control = None;
        if alone {
            self.stop();
            tree::end_marked(&format!("{MARK}={mark}"));
        }
        let until = Instant::now() + LAST_WORDS;
        while self.pipe.is_some() && Instant::now() < until {
            self.read(ASK);
        }
        self.pipe = None;
        self.output.close();
        let _ = self.supervisor.wait();
    }

    fn stop(&mut self) {
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}
