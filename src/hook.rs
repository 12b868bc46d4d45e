//! The shell around the hot path: read one event from stdin within bounds, handle it, write one reply, append one
//! record, exit 0. Whatever goes wrong here costs a hint or a record, never a prompt or a tool call.

#[cfg(any(test, fuzzing))]
pub mod property;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::calendar::now;
use crate::config::Env;
use crate::handle::{self, World};
use crate::hosted::service;
use crate::main_turn::memory::Memory;
use crate::metrics::log;
use crate::metrics::record::{Kind, Record};
use crate::protocol::{Event, Name};
use crate::rules::{cache, project};
use crate::settings::precedence;
use crate::state;
use crate::tail::{self, Spoke, Whose};
use crate::{agents, guidance, rules, so_far};

/// Largest event that is read; a larger one is drained and gets no answer.
const MAX_EVENT: usize = 8 << 20;
/// How long the whole event may take to arrive.
const BUDGET: Duration = Duration::from_millis(900);
/// How long a writer that goes on after its event is read out, so that it does not see a broken pipe.
const DRAIN: Duration = Duration::from_millis(300);

/// Whose entry started this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// One in a settings file.
    Settings,
    /// The plugin's: its command passes the word `plugin`. The client's variables do not tell it as surely, because a
    /// client that a plugin started hands them on to hooks that are no plugin's.
    Plugin,
}

/// Runs the hook. The only exit is 0.
pub fn run() -> ExitCode {
    let start = Instant::now();
    std::panic::set_hook(Box::new(|_| {
        survive("panic");
        #[expect(clippy::exit, reason = "a panic must end as silently as anything else here")]
        std::process::exit(0);
    }));
    let by_plugin = std::env::args_os().nth(1).is_some_and(|word| word == "plugin");
    let entry = if by_plugin { Entry::Plugin } else { Entry::Settings };
    if let Some(input) = read_event(start) {
        answer(&input, entry, start);
        drain();
    }
    ExitCode::SUCCESS
}

/// Says which version this is, as the other programs do.
pub fn say_version() -> ExitCode {
    let _ = std::io::stdout().write_all(concat!("sef-hook ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
    ExitCode::SUCCESS
}

/// Leaves a reason code in the log, when there is a log.
fn survive(why: &str) {
    if let Some(dir) = Env::read().state_dir {
        let mut record = Record::new(Kind::Fault, now(), "");
        record.why = Some(why.to_owned());
        let bounds = crate::rules::policy::Log { max_bytes: 4 << 20, keep: 4 };
        let _ = log::append(&dir, &bounds, &[record]);
    }
}

fn answer(input: &[u8], entry: Entry, start: Instant) {
    let text = String::from_utf8_lossy(input);
    let Some(event) = Event::parse(text.trim_start_matches('\u{feff}').trim()) else { return };
    if event.name() == Name::Other {
        return;
    }
    let env = Env::read();
    let panics = |place: &str| assert!(env.test_panic.as_deref() != Some(place), "asked to panic");
    panics("early");
    let cwd = event.cwd();
    if entry == Entry::Plugin && precedence::settings_serve(&env, &event.hook_event_name(), &cwd) {
        return;
    }
    let state_dir = env.state_dir.as_deref();
    let (image, _) = cache::image(&env, project::root(&env, Path::new(&*cwd)));
    let policy = rules::policy_of(&image);
    let transcript = PathBuf::from(event.transcript_path().into_owned());
    let folders = agent_folders(&env, &cwd);
    // A turn that the mod moved elsewhere was answered by another model than the user's, which subagents inherit.
    let spoke = || {
        let Spoke { model, time } = tail::last_model(&transcript, Whose::Main)?;
        let turns: Memory = state::peek_at(state_dir, &event.session_id(), state::Whose::MainTurn);
        Some(Spoke { model: turns.users_model(model), time })
    };
    let world = World {
        image: &image,
        policy: &policy,
        now: now(),
        forced_model: env.subagent_model.as_deref(),
        chosen_model: env.anthropic_model.as_deref(),
        spoke: &spoke,
        agent_spoke: &|id| tail::last_model(&tail::subagent_transcript(&transcript, id)?, Whose::Any),
        agent_note: &|id| tail::agent_note(&tail::subagent_transcript(&transcript, id)?),
        so_far: &|| so_far::of(&env, &transcript, &spoke()?.model),
        turbo_ready: &|| service::is_set_up(&policy.hosted, &env),
        agent_model: &|name| agents::model_of(name, &folders, state_dir),
    };
    let memory = handle::needs_memory(&event).then_some(state_dir).flatten();
    let mut held = state::hold(memory, &event.session_id());
    let mut outcome = handle::handle(&event, &world, &mut held.session);
    panics("late");
    let reply = outcome.reply.take().map(|reply| match entry {
        Entry::Settings => reply,
        Entry::Plugin => reply.reworded(guidance::in_the_plugin),
    });
    if let Some(reply) = &reply {
        // One write of the whole reply; a reader that is gone is nobody's fault.
        let mut line = reply.to_json().into_bytes();
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
    held.save();
    drop(held);
    if let Some(dir) = state_dir {
        for record in &mut outcome.records {
            record.us = Some(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        let _ = log::append(dir, &policy.log, &outcome.records);
        if event.name() == Name::SessionStart {
            state::sweep(dir);
        }
    }
}

/// Where the client finds agent files, most specific first.
pub(crate) fn agent_folders(env: &Env, cwd: &str) -> Vec<PathBuf> {
    let cwd = (!cwd.is_empty()).then(|| Path::new(cwd));
    let mut folders: Vec<PathBuf> = Vec::new();
    for root in [cwd, env.project_dir.as_deref()].into_iter().flatten().filter(|root| root.is_absolute()) {
        let folder = root.join(".claude/agents");
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.extend(env.claude_dir.as_ref().map(|dir| dir.join("agents")));
    folders
}

/// Reads until the first JSON object is complete. None for anything else: empty, too large, too slow, no object.
fn read_event(start: Instant) -> Option<Vec<u8>> {
    let mut input: Vec<u8> = Vec::with_capacity(64 << 10);
    let mut scan = Scan::default();
    loop {
        if input.capacity() - input.len() < 32 << 10 {
            input.reserve(input.len().max(64 << 10));
        }
        let left = BUDGET.checked_sub(start.elapsed())?;
        if !readable(left) {
            return None;
        }
        let before = input.len();
        let count =
            rustix::io::read(rustix::stdio::stdin(), rustix::buffer::spare_capacity(&mut input)).ok()?;
        if count == 0 {
            return None;
        }
        match scan.feed(&input[before..]) {
            Progress::Done(used) => {
                input.truncate(before + used);
                return Some(input);
            }
            Progress::NotAnObject => {
                drain();
                return None;
            }
            Progress::More if input.len() > MAX_EVENT => {
                drain();
                return None;
            }
            Progress::More => {}
        }
    }
}

/// Whether stdin has something to read, or its end, within a time.
fn readable(within: Duration) -> bool {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let within = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: i64::from(within.subsec_nanos()) };
    matches!(poll(&mut fds, Some(&within)), Ok(ready) if ready > 0)
}

/// Reads out what else the writer has ready, for a short time.
fn drain() {
    let start = Instant::now();
    let mut sink = [0; 16 << 10];
    // After its event a client closes the pipe: then the first look finds the end and costs nothing.
    let mut wait = Duration::ZERO;
    while start.elapsed() < DRAIN && readable(wait) {
        match rustix::io::read(rustix::stdio::stdin(), &mut sink) {
            Ok(0) | Err(_) => return,
            Ok(_) => wait = Duration::from_millis(20),
        }
    }
}

enum Progress {
    More,
    Done(usize),
    NotAnObject,
}

/// Finds the end of the first JSON object without parsing it.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    fn feed(&mut self, bytes: &[u8]) -> Progress {
        for (index, byte) in bytes.iter().copied().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' if self.depth > 0 => self.in_string = true,
                b'{' | b'[' if self.depth > 0 => self.depth += 1,
                b'{' => self.depth = 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Progress::Done(index + 1);
                    }
                }
                // White space and a byte order mark may come first.
                _ if self.depth == 0
                    && !byte.is_ascii_whitespace()
                    && !matches!(byte, 0xef | 0xbb | 0xbf) =>
                {
                    return Progress::NotAnObject;
                }
                _ => {}
            }
        }
        Progress::More
    }
}
