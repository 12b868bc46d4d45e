//! Puts the mod `sef-main` in and takes it out again, by asking the client; says what came of it. The mod is written into
//! the state folder, and the client is pointed there; `enabledPlugins` and `extraKnownMarketplaces` are its to write.
//! Unlike the rest of an install the mod fails closed: a client that is too old, or that cannot be asked, gets none.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::agents::{Copied, OnEdited};
use super::client::{self, Client, PROGRAM, Version, ask_all, dotted};
use super::install::say;
use super::manifest::{self, Before, ModRecord, Record, Store};
use super::mod_entry::{self, Entry};
use super::mod_files::{self, ID, MARKETPLACE};
use super::place::{Place, Scope, is_program, places, server_binary};
use super::server::{Level, typed};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};

/// The first client that loads mods without being told to (its documents; tried with 2.1.329).
pub const OLDEST: Version = [2, 1, 287];

/// The command that puts it in.
const INSTALL: &str = "sef install --main-turn";

/// How often a file that others keep writing is tried again.
const TRIES: usize = 20;

/// Whether an install is to put the mod in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MainTurn {
    /// Have it put in.
    PutIn,
    /// Only keep one that is in up to date.
    KeepUp,
}

/// What `sef status` says of the mod.
#[derive(Debug, Clone, Serialize)]
pub struct ModReport {
    /// Its name and its marketplace.
    #[serde(rename = "mod")]
    pub id: &'static str,
    /// A new session will load it, as far as the settings of the scope go; `sef doctor` looks at the rest.
    pub installed: bool,
    /// Where the client keeps it; none when it is not in.
    pub scope: Option<Level>,
    /// The program that it asks at each turn.
    pub program: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to type to have it put in; none when it is.
    pub to_install: Option<String>,
}

/// Brings the mod of a place up to date, and with [`MainTurn::PutIn`] puts it in, so that it asks `program` (the `sef` of
/// this install). Answers whether anything was changed.
pub fn put_in(
    env: &Env,
    store: &mut Store,
    place: &Place,
    program: &Path,
    asked: MainTurn,
    on_edited: OnEdited,
    out: &mut dyn Write,
) -> Result<bool> {
    let remembered = store.record(&place.claude).main_turn.clone();
    if asked == MainTurn::KeepUp && remembered.is_none() {
        return Ok(false);
    }
    let cannot = |why: String| Error::new("cannot put in the mod for the main turn", why);
    let level = Level::of(place);
    let folder = mod_files::folder(env)?;
    let (Some(program), Some(folder_word)) =
        (program.to_str().filter(|_| is_program(program)), folder.to_str())
    else {
        return Err(cannot(format!("{} is no program with a name in UTF-8", program.display())).fix(
            format!("run scripts/install.sh in the SEF checkout, then {}", command_for(INSTALL, place)),
        ));
    };
    let entry = mod_entry::look(env, level)?;
    if let Some(source) = entry.source.as_ref().filter(|_| entry.is_elsewhere(&folder)) {
        return Err(cannot(format!("Claude Code takes the marketplace {MARKETPLACE} from elsewhere"))
            .at(source)
            .fix(format!(
                "claude plugin marketplace remove {MARKETPLACE} && {}",
                command_for(INSTALL, place)
            )));
    }
    let is_on = entry.is_on(&folder);
    let was_taken_out = remembered.as_ref().is_some_and(|record| record.done) && !is_on;
    if asked == MainTurn::KeepUp && was_taken_out {
        let command = command_for(INSTALL, place);
        say(
            out,
            &format!(
                "main turn: the mod was taken out or switched off in Claude Code; to have it again: {command}"
            ),
        );
    } else if !is_on {
        check_client(store, place)?;
    }
    note(store, env, place, &entry, remembered, program)?;
    let copied = mod_files::write_all(store, place, &folder, program, on_edited)?;
    describe(&folder, &copied, out);
    if is_on || (asked == MainTurn::KeepUp && was_taken_out) {
        finish(store, place, is_on)?;
        if is_on {
            say(out, &format!("main turn: the mod {ID} is in ({})", level.word()));
        }
        return Ok(copied.written > 0);
    }
    let additions = mod_entry::additions(level, folder_word);
    let failure = ask_all(env, &additions);
    if !mod_entry::look(env, level).is_ok_and(|entry| entry.is_on(&folder)) {
        let why = failure
            .unwrap_or_else(|| format!("`{PROGRAM}` said that it did it, but its files do not say so"));
        return Err(cannot(why).fix(additions.map(|words| typed(&words)).join(" && ")));
    }
    finish(store, place, true)?;
    let config = env.config_dir.clone().unwrap_or_default().join("config.toml");
    say(
        out,
        &format!("main turn: the mod {ID} was put in ({}); at each turn it asks {program}", level.word()),
    );
    say(out, "  it runs as you, outside the sandbox; a running session keeps what it started with");
    say(
        out,
        &format!(
            "  to switch it off: preset = \"off\" under [main] in {}; to take it out: {}",
            config.display(),
            command_for("sef uninstall --main-turn", place)
        ),
    );
    Ok(true)
}

/// What of a settings file was kept from before the mod, and has now followed a change of the hooks.
pub struct Followed {
    /// Fingerprint of the kept bytes as they were.
    pub was: String,
    /// And as they are now.
    pub is: String,
}

/// Keeps what is given back at the end in step with the hooks: `change` is what is about to be done to the user's settings
/// `now`, and is done to the kept bytes too. None when nothing is kept, or when they say something else than `now`.
pub fn follow(
    store: &mut Store,
    place: &Place,
    now: &[u8],
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<Followed>> {
    let record = store.record(&place.claude).main_turn.clone();
    let Some(record) = record.filter(|record| record.level == Level::User) else { return Ok(None) };
    let name = backup_name(&place.settings());
    let Some(was) = record.backup else { return Ok(None) };
    let kept = store.backup(&name, &was).filter(|kept| mod_entry::same_settings(kept, now));
    let Some(changed) = kept.and_then(|kept| change(&kept)) else { return Ok(None) };
    let is = store.back_up(&name, &changed)?;
    if let Some(record) = &mut store.record(&place.claude).main_turn {
        record.backup = Some(is.clone());
    }
    Ok(Some(Followed { was, is }))
}

/// Takes out what install had put in, and gives the settings back as they were when they say the same; answers whether
/// there was anything. `memory` is what was remembered of the place before anything was taken out; without any, a mod
/// from this very state folder counts as ours.
pub fn take_out(
    env: &Env,
    store: &mut Store,
    place: &Place,
    memory: &Record,
    out: &mut dyn Write,
) -> Result<bool> {
    let level = Level::of(place);
    let folder = mod_files::folder(env)?;
    let removals = mod_entry::removals(level);
    let by_hand = removals.clone().map(|words| typed(&words)).join(" && ");
    let kept = |why: String| Error::new("the mod for the main turn was kept", why).fix(by_hand.clone());
    let entry = match mod_entry::look(env, level) {
        Ok(entry) => entry,
        Err(_) if memory.main_turn.is_none() => return Ok(false),
        Err(error) => return Err(error),
    };
    let is_forgotten = *memory == Record::default() && entry.is_from(&folder) && !entry.is_missing();
    let Some(record) = memory.main_turn.clone().or_else(|| is_forgotten.then(|| forgotten(env, level)))
    else {
        return Ok(false);
    };
    if !entry.is_elsewhere(&folder) {
        let is_out = || mod_entry::look(env, level).is_ok_and(|entry| entry.is_missing());
        let [plugin, marketplace] = &removals;
        let there = [(plugin, entry.enabled.is_some()), (marketplace, entry.is_declared)];
        let mut failure =
            ask_all(env, there.iter().filter(|(_, is_there)| *is_there).map(|(words, _)| *words));
        if failure.is_some() && !is_out() {
            // It does not take out what only the settings know, after it has forgotten the rest (see below).
            let again = mod_entry::additions(level, &folder.to_string_lossy());
            failure = ask_all(env, again.iter().chain(&removals)).and(failure);
        }
        if !is_out() {
            // It stays remembered: the next uninstall tries again.
            return Err(kept(
                failure.unwrap_or_else(|| format!("`{PROGRAM}` said it is out, but it is there")),
            ));
        }
        give_back(store, &mod_entry::settings(env, level)?, &record)?;
    }
    // The folder serves every place. The client forgets a marketplace with all its plugins where no settings that it sees
    // from here name it, and takes it from a project's settings again at the next session there.
    if store.has_mod_elsewhere(&place.claude) {
        if mod_entry::look(env, level).is_ok_and(|entry| entry.source.is_none()) {
            say(
                out,
                "main turn: other projects have the mod again from their next session on, where you trust the folder;",
            );
            say(out, &format!("  where you do not: {INSTALL} --project"));
        }
    } else {
        for path in mod_files::remove_all(store, &folder, &record.program)? {
            say(out, &format!("main turn: kept {}: it was edited, or is a link", path.display()));
        }
    }
    store.drop_backup(&backup_name(&mod_entry::settings(env, level)?))?;
    store.record(&place.claude).main_turn = None;
    store.save()?;
    say(out, &format!("main turn: the mod {ID} was taken out of Claude Code ({})", level.word()));
    Ok(true)
}

/// Looks where a session of that scope would find the mod.
pub fn report(env: &Env, scope: Scope) -> ModReport {
    let is_project = scope == Scope::Project;
    let install = if is_project { format!("{INSTALL} --project") } else { INSTALL.to_owned() };
    let mut report = ModReport {
        id: ID,
        installed: false,
        scope: None,
        program: None,
        problem: None,
        to_install: Some(install),
    };
    let (Ok(folder), Ok(places)) = (mod_files::folder(env), places(env, Scope::Both)) else { return report };
    // The project's goes before the user's, which serves every project.
    for place in places.iter().rev().filter(|place| is_project || place.name == "user") {
        let level = Level::of(place);
        let is_remembered = manifest::peek(env, &place.claude).is_ok_and(|record| record.main_turn.is_some());
        match mod_entry::look(env, level) {
            Ok(entry) if entry.is_on(&folder) => {
                report.program = mod_files::program_in(&folder);
                report.installed = report.program.is_some();
                report.scope = Some(level);
                if report.installed {
                    report.to_install = None;
                } else {
                    report.problem = Some(format!("its files in {} are gone or damaged", folder.display()));
                }
            }
            Ok(entry) if entry.enabled == Some(false) => {
                report.problem = Some("it is switched off".to_owned());
            }
            Ok(_) if is_remembered => report.problem = Some("Claude Code has it no more".to_owned()),
            Err(error) if is_remembered => report.problem = Some(error.why),
            Ok(_) | Err(_) => continue,
        }
        break;
    }
    report
}

/// The report as one line; none when there is no mod and nothing is wrong with that.
pub fn line(report: &ModReport) -> Option<String> {
    let scope = report.scope.map_or("", Level::word);
    match (report.installed, &report.program, &report.problem) {
        (true, Some(program), _) => {
            Some(format!("main turn: the mod {ID} is in ({scope}), it asks {program}"))
        }
        (_, _, Some(problem)) => {
            let command = report.to_install.as_deref().unwrap_or(INSTALL);
            Some(format!("main turn: the mod is not in: {problem}; to mend it: {command}"))
        }
        _ => None,
    }
}

/// Refuses a client that would ignore the mod, or of which that is not known.
fn check_client(store: &Store, place: &Place) -> Result<()> {
    let scratch = store.scratch();
    let home = scratch.join("home");
    atomic::make_folder(&home, 0o700)?;
    let client = client::find(&home);
    let _ = std::fs::remove_dir_all(&scratch);
    let needed = dotted(OLDEST);
    let (why, path, first) = match client {
        Client::Of(_, version) if version >= OLDEST => return Ok(()),
        Client::Of(path, version) => (
            format!("mods need Claude Code {needed}, and this is {}", dotted(version)),
            path,
            "claude update",
        ),
        Client::Silent(path) => (
            format!("mods need Claude Code {needed}, and this one does not say its version"),
            path,
            "claude --version",
        ),
        Client::Absent => (
            format!("mods need Claude Code {needed}, and there is no `{PROGRAM}` on PATH"),
            PathBuf::new(),
            "npm install -g @anthropic-ai/claude-code",
        ),
    };
    let error = Error::new("cannot put in the mod for the main turn", why)
        .fix(format!("{first} && {}; all else was installed", command_for(INSTALL, place)));
    Err(if path.as_os_str().is_empty() { error } else { error.at(path) })
}

/// Remembers, before anything is done, what is about to be, and how to get back from it.
fn note(
    store: &mut Store,
    env: &Env,
    place: &Place,
    entry: &Entry,
    remembered: Option<ModRecord>,
    program: &str,
) -> Result<()> {
    let level = Level::of(place);
    let mut record = remembered.unwrap_or_else(|| fresh(level, program));
    program.clone_into(&mut record.program);
    // Only a file without a trace of ours is what the user had.
    if entry.is_missing() {
        let settings = mod_entry::settings(env, level)?;
        (record.before, record.backup) = match Target::read(&settings)?.bytes {
            None => (Before::Nothing, None),
            Some(bytes) => (Before::Backup, Some(store.back_up(&backup_name(&settings), &bytes)?)),
        };
    }
    let place = store.record(&place.claude);
    if record.before == Before::Nothing
        && let Some(folder) = mod_entry::settings(env, level)?.parent()
    {
        place.will_make(folder);
    }
    place.main_turn = Some(record);
    store.save()
}

/// Remembers whether the client has done its part.
fn finish(store: &mut Store, place: &Place, is_on: bool) -> Result<()> {
    if let Some(record) = &mut store.record(&place.claude).main_turn {
        record.done |= is_on;
    }
    store.save()
}

fn fresh(level: Level, program: &str) -> ModRecord {
    ModRecord {
        level,
        program: program.to_owned(),
        done: false,
        files: std::collections::BTreeMap::new(),
        before: Before::Unknown,
        backup: None,
    }
}

/// What is taken for the record of a mod that nothing remembers.
fn forgotten(env: &Env, level: Level) -> ModRecord {
    fresh(level, &server_binary(env).unwrap_or_default().to_string_lossy())
}

/// Puts the settings back to the bytes from before, if they still say the same.
fn give_back(store: &Store, settings: &Path, record: &ModRecord) -> Result<()> {
    let before = match record.before {
        Before::Backup => {
            let print = record.backup.as_deref().unwrap_or_default();
            let Some(bytes) = store.backup(&backup_name(settings), print) else { return Ok(()) };
            Some(bytes)
        }
        Before::Nothing => None,
        Before::Unknown => return Ok(()),
    };
    for _ in 0..TRIES {
        let target = Target::read(settings)?;
        let Some(now) = &target.bytes else { return Ok(()) };
        if before.as_ref() == Some(now) || !mod_entry::same_settings(before.as_deref().unwrap_or(b"{}"), now)
        {
            return Ok(());
        }
        let replaced = match &before {
            Some(bytes) => atomic::replace(&target, bytes, 0o600)?,
            None if target.is_link() => return Ok(()),
            None => atomic::remove(&target)?,
        };
        if replaced == Replaced::Done {
            return Ok(());
        }
    }
    // Somebody keeps writing it: what they write is what it is.
    Ok(())
}

/// The name that the backup goes by: the hooks have one of the file itself.
fn backup_name(settings: &Path) -> PathBuf {
    settings.with_extension("json.before-mod")
}

fn describe(folder: &Path, copied: &Copied, out: &mut dyn Write) {
    if copied.written > 0 {
        let folder = folder.display();
        say(
            out,
            &format!(
                "main turn: {} of {} files of the mod written in {folder}",
                copied.written,
                mod_files::FILES.len()
            ),
        );
    }
    for path in &copied.kept {
        let path = path.display();
        say(out, &format!("  kept {path}: you edited it; `{INSTALL} --take-ours` keeps yours aside"));
    }
    for (path, aside) in &copied.replaced {
        say(out, &format!("  replaced {}; your version is in {}", path.display(), aside.display()));
    }
}

fn command_for(command: &str, place: &Place) -> String {
    if place.name == "project" { format!("{command} --project") } else { command.to_owned() }
}
