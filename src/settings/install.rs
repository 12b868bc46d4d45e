//! `sef install`: plans every place first, writes only when all of them can be, verifies, then fires a live event.

use std::io::Write;
use std::path::Path;

use super::agents::{self, Copied, OnEdited};
use super::check::{self, Refusal};
use super::edit::{self, Edited};
use super::hooks::{self, Hook};
use super::live;
use super::live_server;
use super::manifest::{Before, SettingsRecord, Store, fingerprint};
use super::mods::{self, Followed, MainTurn};
use super::place::{Place, Scope, hook_binary, places};
use super::plugin;
use super::turbo::{self, Registered, Turbo};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};

/// How often a file that others keep writing is tried again; each try takes a fresh look.
const TRIES: usize = 20;

/// Registers the hooks, copies agents and skills, has the client register the MCP server and, when that is asked for, take
/// the mod; reports to `out` in words. What keeps the mod out is an error after all the rest is done.
pub fn install(
    env: &Env,
    scope: Scope,
    on_edited: OnEdited,
    turbo: Turbo,
    main_turn: MainTurn,
    out: &mut dyn Write,
) -> Result<()> {
    let binary = hook_binary(env)?;
    if let Some(plugin) = plugin::enabled(env).filter(|plugin| binary.starts_with(&plugin.data)) {
        return Err(Error::new(
            "cannot register the hook",
            format!("this program is the plugin {}'s and goes with it", plugin.id),
        )
        .at(&binary)
        .fix("the plugin registers the hooks by itself; for an install of its own run scripts/install.sh in the SEF checkout"));
    }
    let command = hooks::command_for(&binary)?;
    let wanted = hooks::wanted(&command);
    let places = places(env, scope)?;
    let mut store = Store::open(env)?;
    for place in &places {
        place.check_owner()?;
        agents::check_all(place)?;
        let target = Target::read(&place.settings())?;
        if plan(&target, &wanted)?.is_some() {
            target.check_replaceable()?;
        }
    }
    let mut changed = false;
    for place in &places {
        let wrote = register(&mut store, place, &wanted)?;
        let copied = agents::copy_all(&mut store, place, on_edited)?;
        changed |= wrote || copied.written > 0;
        describe(place, &wanted, wrote, &copied, out);
        warn_when_switched_off(place, out);
    }
    store.save()?;
    store.tell_rescued(out);
    let server = binary.with_file_name("sef");
    let registered = match (turbo, places.first()) {
        // Where both folders are installed to, the user's entry serves the project too.
        (Turbo::Register, Some(place)) => turbo::register(env, &mut store, place, &server, out)?,
        _ => Registered::Not,
    };
    changed |= registered == Registered::New;
    // As with the server, the user's mod serves the project too where both folders are installed to.
    let mut first_failure = None;
    for (number, place) in places.iter().enumerate() {
        let asked = if number == 0 { main_turn } else { MainTurn::KeepUp };
        match mods::put_in(env, &mut store, place, &server, asked, on_edited, out) {
            Ok(put) => changed |= put,
            Err(error) if asked == MainTurn::PutIn => first_failure = Some(error),
            Err(error) => say(out, &format!("main turn: {error}")),
        }
    }
    let scratch = store.scratch();
    // The lock is for the files; another install need not wait for our live check.
    drop(store);
    live::check(&command, &scratch, out)?;
    if registered != Registered::Not {
        live_server::check(&server, &scratch, out);
    }
    if let Some(plugin) = plugin::enabled(env) {
        let id = plugin.id;
        say(
            out,
            &format!(
                "note: the plugin {id} is enabled too: its hooks and its MCP server step aside for these"
            ),
        );
        say(
            out,
            &format!("  to have only one of the two: `claude plugin uninstall {id}` or `sef uninstall`"),
        );
    }
    if env.subagent_model.is_some() {
        say(
            out,
            "note: CLAUDE_CODE_SUBAGENT_MODEL is set: SEF leaves the model of subagents alone while it is",
        );
    }
    say(
        out,
        if changed {
            "restart open Claude Code sessions: a session that is running keeps the hooks and servers it started with"
        } else {
            "nothing was changed"
        },
    );
    first_failure.map_or(Ok(()), Err)
}

/// What to write into a settings file; none when it says everything already.
fn plan(target: &Target, wanted: &[Hook]) -> Result<Option<(Vec<u8>, Edited)>> {
    let Some(bytes) = &target.bytes else {
        let edited = edit::fresh(wanted);
        return Ok(Some((edited.text.clone().into_bytes(), edited)));
    };
    changed(bytes, wanted).map_err(|refusal| refused(&target.name, refusal, wanted))
}

fn changed(bytes: &[u8], wanted: &[Hook]) -> std::result::Result<Option<(Vec<u8>, Edited)>, Refusal> {
    let (mark, text) = check::decode(bytes)?;
    let edited = edit::add(text, wanted)?;
    Ok(edited.map(|edited| (format!("{mark}{}", edited.text).into_bytes(), edited)))
}

fn refused(settings: &Path, refusal: Refusal, wanted: &[Hook]) -> Error {
    Error::new("cannot edit the settings", refusal.why)
        .at(settings)
        .place(refusal.place.0, refusal.place.1)
        .fix(format!(
            "correct the file and run `sef install` again; nothing was changed. To register by hand, put this into it:\n{}",
            hooks::snippet(wanted)
        ))
}

/// Brings one settings file up to date; true when it was written.
fn register(store: &mut Store, place: &Place, wanted: &[Hook]) -> Result<bool> {
    let settings = place.settings();
    let mut wrote = false;
    for _ in 0..TRIES {
        let target = Target::read(&settings)?;
        store.rescue(&place.claude, &target.path, target.bytes.as_deref());
        atomic::sweep(&target.path);
        let Some((bytes, edited)) = plan(&target, wanted)? else { return Ok(wrote) };
        target.check_replaceable()?;
        let change = |kept: &[u8]| changed(kept, wanted).ok().flatten().map(|(bytes, _)| bytes);
        let now = target.bytes.as_deref().unwrap_or_default();
        let followed = mods::follow(store, place, now, change)?;
        remember(store, place, &target, &bytes, &edited, followed)?;
        store.record(&place.claude).will_make(&place.claude);
        store.save()?;
        atomic::make_folder(&place.claude, 0o755)?;
        // The next round verifies: it reads the file back and finds nothing left to do, or somebody else's version.
        wrote |= atomic::replace(&target, &bytes, 0o600)? == Replaced::Done;
    }
    Err(Error::new("cannot register the hooks", "another program keeps rewriting the file")
        .at(&settings)
        .fix("close open Claude Code sessions, then run `sef install` again"))
}

/// Notes, before the file is touched, how to get back from what is about to be written.
fn remember(
    store: &mut Store,
    place: &Place,
    target: &Target,
    new: &[u8],
    edited: &Edited,
    followed: Option<Followed>,
) -> Result<()> {
    let previous = store.record(&place.claude).settings.clone();
    if let (Some(record), Some(Followed { was, is })) = (&previous, followed)
        && record.written == was
    {
        // The client wrote the mod into what we had written, and nobody else did; once the mod is out, it is that again.
        let shells = record.shells.clone().and(&edited.made);
        store.record(&place.claude).settings = Some(SettingsRecord { written: is, shells, ..record.clone() });
        return Ok(());
    }
    let had_ours = target.bytes.as_deref().is_some_and(holds_ours);
    let mut record = match (previous, &target.bytes) {
        // An upgrade of exactly what we wrote last time: the way back is the same as it was.
        (Some(record), Some(bytes)) if had_ours && record.written == fingerprint(bytes) => record,
        (previous, Some(bytes)) => {
            let backup = Some(store.back_up(&place.settings(), bytes)?);
            let previous = previous.filter(|_| had_ours).unwrap_or_default();
            let before = if had_ours { Before::Unknown } else { Before::Backup };
            SettingsRecord { before, backup, ..previous }
        }
        (_, None) => SettingsRecord { before: Before::Nothing, created: true, ..SettingsRecord::default() },
    };
    record.written = fingerprint(new);
    record.shells = record.shells.and(&edited.made);
    store.record(&place.claude).settings = Some(record);
    Ok(())
}

fn holds_ours(bytes: &[u8]) -> bool {
    check::decode(bytes).and_then(|(_, text)| edit::find(text, &[])).is_ok_and(|found| !found.is_empty())
}

fn describe(place: &Place, wanted: &[Hook], wrote: bool, copied: &Copied, out: &mut dyn Write) {
    let Place { name, .. } = place;
    let hooks = if wrote { "registered" } else { "already registered" };
    let settings = place.settings();
    say(out, &format!("{name}: {} hooks {hooks} in {}", wanted.len(), settings.display()));
    say(out, &format!("  {} of {} agent and skill files written", copied.written, agents::FILES.len()));
    for path in &copied.kept {
        let path = path.display();
        say(
            out,
            &format!("  kept {path}: you edited it; `sef install --{name} --take-ours` keeps yours aside"),
        );
    }
    for (path, aside) in &copied.replaced {
        say(out, &format!("  replaced {}; your version is in {}", path.display(), aside.display()));
    }
    if *name == "project" && wrote {
        say(out, "  the command names a program on this machine; where it is missing, the hooks do nothing");
    }
}

fn warn_when_switched_off(place: &Place, out: &mut dyn Write) {
    if let Ok(Target { bytes: Some(bytes), .. }) = Target::read(&place.settings())
        && edit::all_switched_off(&bytes)
    {
        let path = place.settings();
        say(
            out,
            &format!("note: \"disableAllHooks\" is true in {}: no hook runs until it is not", path.display()),
        );
    }
}

/// One line to a person; a closed pipe is no reason to fail.
pub fn say(out: &mut dyn Write, line: &str) {
    let _ = writeln!(out, "{line}");
}
