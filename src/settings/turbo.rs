//! Registers `sef mcp` with Claude Code and takes it out again, by asking the client; says what came of it. An entry
//! that is not ours, or that somebody added to, stays; routing works without any of this, so nothing here ends an install.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::client::{PROGRAM, ask_all};
use super::install::say;
use super::manifest::{Record, ServerRecord, Store};
use super::place::{Place, Scope, is_program, server_binary};
use super::server::{self, Entry, Level, NAME};
use crate::config::Env;
use crate::error::{Error, Result};

/// Whether an install is to register the MCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turbo {
    /// Have it registered.
    Register,
    /// Leave it as it is, registered or not.
    LeaveOut,
}

/// What came of registering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is there since now.
    New,
    /// It was there before.
    Already,
    /// It is not there; why was said.
    Not,
}

/// What `sef status` says of the MCP server.
#[derive(Debug, Clone, Serialize)]
pub struct ServerReport {
    /// Its name.
    pub server: &'static str,
    /// A new session will start a `sef mcp` that is there.
    pub registered: bool,
    /// Where the client keeps the entry; none when there is none of ours.
    pub scope: Option<Level>,
    /// The program that the entry starts.
    pub command: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to type to have it registered; none when it is.
    pub to_register: Option<String>,
}

/// Sees to it that the client starts `program` (the `sef` of this install) as an MCP server. An error is one of SEF's own
/// memory only; what the client would not do is said.
pub fn register(
    env: &Env,
    store: &mut Store,
    place: &Place,
    program: &Path,
    out: &mut dyn Write,
) -> Result<Registered> {
    let level = Level::of(place);
    let Some(path) = program.to_str().filter(|_| is_program(program)) else {
        say(out, &format!("turbo: not registered: {} is no program", program.display()));
        return Ok(Registered::Not);
    };
    let is_it = |entry: &Entry| matches!(entry, Entry::Ours { command, .. } if command == path);
    let found = match server::look(env, level) {
        Ok(found) => found,
        Err(error) => {
            say(out, &format!("turbo: not registered: {error}"));
            return Ok(Registered::Not);
        }
    };
    // An entry of the project goes before the user's, so that one serves only where the project has none.
    let serving = match &found {
        Entry::Missing => covering(level).find(|level| server::look(env, *level).is_ok_and(|it| is_it(&it))),
        found => is_it(found).then_some(level),
    };
    if let Some(level) = serving {
        say(out, &format!("turbo: already registered as {NAME} ({})", level.word()));
        return Ok(Registered::Already);
    }
    let (removal, addition) = (server::removal(level), server::addition(level, path));
    let both = format!("{} && {}", server::typed(&removal), server::typed(&addition));
    let (questions, by_hand) = match &found {
        Entry::Missing => (vec![&addition], server::typed(&addition)),
        Entry::Ours { edited: false, .. } => (vec![&removal, &addition], both),
        Entry::Ours { command, .. } => {
            let why = format!("{NAME} starts {command}, and its entry holds settings of yours");
            say(out, &format!("turbo: not registered: {why}; to register it without them: {both}"));
            return Ok(Registered::Not);
        }
        Entry::Foreign => {
            let why = format!("Claude Code has another server named {NAME}");
            say(out, &format!("turbo: not registered: {why}; to register SEF's in its place: {both}"));
            return Ok(Registered::Not);
        }
    };
    let before = store.record(&place.claude).server.clone();
    // Noted ahead, so that a kill right after the client's write leaves an entry that uninstall knows.
    store.record(&place.claude).server = Some(ServerRecord { level, command: path.to_owned() });
    store.save()?;
    let failure = ask_all(env, questions);
    let now = server::look(env, level);
    if now.as_ref().is_ok_and(is_it) {
        say(out, &format!("turbo: registered with Claude Code as {NAME} ({})", level.word()));
        return Ok(Registered::New);
    }
    let why = failure.unwrap_or_else(|| match &now {
        Ok(_) => format!("`{PROGRAM}` said that it did it, but the entry is not in its file"),
        Err(error) => format!("the client's file cannot be read any more: {}", error.why),
    });
    say(out, &format!("turbo: not registered: {why}; to register it: {by_hand}"));
    store.record(&place.claude).server = before;
    store.save()?;
    Ok(Registered::Not)
}

/// Takes out what install had registered. `memory` is what was remembered of the place before anything was taken out;
/// without any, an entry that starts this very SEF counts as ours.
pub fn unregister(
    env: &Env,
    store: &mut Store,
    place: &Place,
    memory: &Record,
    out: &mut dyn Write,
) -> Result<()> {
    let level = Level::of(place);
    let removal = server::removal(level);
    let by_hand = server::typed(&removal);
    let kept = |out: &mut dyn Write, why: &str| {
        say(out, &format!("turbo: kept {NAME} ({}): {why}; to take it out: {by_hand}", level.word()));
    };
    let entry = match server::look(env, level) {
        Ok(entry) => entry,
        Err(error) if memory.server.is_some() => {
            say(out, &format!("turbo: {NAME} ({}) may still be registered: {error}", level.word()));
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    let Entry::Ours { command, edited } = entry else { return forget(store, place) };
    let is_from_here = match &memory.server {
        Some(record) => record.command == command,
        None if *memory == Record::default() => {
            server_binary(env).is_some_and(|program| Path::new(&command) == program)
        }
        None => false,
    };
    if !is_from_here {
        kept(out, "this install did not put it there");
        return forget(store, place);
    }
    if edited {
        kept(out, "its entry holds settings of yours");
        return forget(store, place);
    }
    let failure = ask_all(env, [&removal]);
    match server::look(env, level) {
        Ok(Entry::Ours { command: left, .. }) if left == command => {
            // It stays remembered: the next uninstall tries again.
            kept(out, &failure.unwrap_or_else(|| format!("`{PROGRAM}` said it is out, but it is there")));
            Ok(())
        }
        _ => {
            say(out, &format!("turbo: {NAME} taken out of Claude Code ({})", level.word()));
            forget(store, place)
        }
    }
}

/// Looks where a session of that scope would find the server.
pub fn report(env: &Env, scope: Scope) -> ServerReport {
    let level = if scope == Scope::Project { Level::Local } else { Level::User };
    let program = server_binary(env);
    let addition = program.as_ref().map(|path| server::addition(level, &path.to_string_lossy()));
    let mut report = ServerReport {
        server: NAME,
        registered: false,
        scope: None,
        command: None,
        problem: None,
        to_register: addition.map(|arguments| server::typed(&arguments)),
    };
    for level in covering(level) {
        match server::look(env, level) {
            Ok(Entry::Missing) => continue,
            Ok(Entry::Ours { command, .. }) => {
                report.registered = is_program(&PathBuf::from(&command));
                if report.registered {
                    report.to_register = None;
                } else {
                    report.problem = Some(format!("{command} is no program"));
                    report.to_register = Some("sef install".to_owned());
                }
                (report.scope, report.command) = (Some(level), Some(command));
            }
            Ok(Entry::Foreign) => {
                report.problem = Some(format!("Claude Code has another server named {NAME}"));
                let removal = server::typed(&server::removal(level));
                report.to_register = report.to_register.map(|addition| format!("{removal} && {addition}"));
            }
            Err(Error { why, .. }) => report.problem = Some(why),
        }
        break;
    }
    report
}

/// The report as one line.
pub fn line(report: &ServerReport) -> String {
    let ServerReport { scope, problem, to_register, .. } = report;
    let scope = scope.map_or("", Level::word);
    match (report.registered, problem, to_register) {
        (true, _, _) => format!("turbo: registered as {NAME} ({scope})"),
        (false, Some(problem), Some(command)) => {
            format!("turbo: not registered: {problem}; to mend it: {command}")
        }
        (false, Some(problem), None) => format!("turbo: not registered: {problem}"),
        (false, None, command) => {
            format!("turbo: not registered: {}", command.as_deref().unwrap_or("there is no sef"))
        }
    }
}

/// Where an entry serves the sessions that `level` is for, that one first: the user's serves every project.
fn covering(level: Level) -> impl Iterator<Item = Level> {
    let wider = (level == Level::Local).then_some(Level::User);
    std::iter::once(level).chain(wider)
}

fn forget(store: &mut Store, place: &Place) -> Result<()> {
    store.record(&place.claude).server = None;
    store.save()
}
