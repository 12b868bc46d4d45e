//! `sef uninstall`: back to the bytes from before when nobody edited them since, else only our entries go.

use std::io::Write;

use jsonc_parser::ast::Object;

use super::agents;
use super::check::{self, Refusal};
use super::edit::{self, Shells};
use super::install::say;
use super::manifest::{Before, SettingsRecord, Store, fingerprint};
use super::mods;
use super::place::{Place, Scope, places};
use super::plugin;
use super::turbo;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};

/// How often a file that others keep writing is tried again.
const TRIES: usize = 20;

/// What is to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Everything that install put in.
    All,
    /// Only the mod for the conversation's own turns.
    MainTurn,
}

/// What is to become of a settings file.
enum Plan {
    Nothing,
    Write(Vec<u8>),
    Remove,
}

/// Takes out what install put in, and nothing else; reports to `out` in words.
pub fn uninstall(env: &Env, scope: Scope, what: What, out: &mut dyn Write) -> Result<()> {
    let places = places(env, scope)?;
    let mut store = Store::open(env)?;
    if what == What::MainTurn {
        for place in &places {
            let memory = store.record(&place.claude).clone();
            if !mods::take_out(env, &mut store, place, &memory, out)? {
                say(out, &format!("main turn: no mod of ours ({})", place.name));
            }
        }
        say(out, "restart open Claude Code sessions");
        return Ok(());
    }
    for place in &places {
        plan(&mut store, place, &Target::read(&place.settings())?)?;
    }
    for place in &places {
        let memory = store.record(&place.claude).clone();
        // Before the hooks, so that these find the settings as install had left them.
        if let Err(error) = mods::take_out(env, &mut store, place, &memory, out) {
            say(out, &format!("main turn: {error}"));
        }
        let settings =
            if unregister(&mut store, place)? { "hooks taken out of" } else { "no hook of ours in" };
        let kept = agents::remove_all(&mut store, place)?;
        store.drop_backup(&place.settings())?;
        let record = store.record(&place.claude);
        record.settings = None;
        agents::remove_folders(record);
        store.save()?;
        say(out, &format!("{}: {settings} {}", place.name, place.settings().display()));
        for path in kept {
            say(out, &format!("  kept {}: it was edited, or is a link", path.display()));
        }
        turbo::unregister(env, &mut store, place, &memory, out)?;
    }
    store.tell_rescued(out);
    if let Some(plugin) = plugin::enabled(env) {
        let id = plugin.id;
        say(
            out,
            &format!(
                "note: the plugin {id} stays and runs the hooks: `claude plugin uninstall {id}` ends that"
            ),
        );
    }
    say(out, "restart open Claude Code sessions");
    Ok(())
}

fn unregister(store: &mut Store, place: &Place) -> Result<bool> {
    let mut wrote = false;
    for _ in 0..TRIES {
        let target = Target::read(&place.settings())?;
        store.rescue(&place.claude, &target.path, target.bytes.as_deref());
        atomic::sweep(&target.path);
        let replaced = match plan(store, place, &target)? {
            Plan::Nothing => return Ok(wrote),
            Plan::Write(bytes) => atomic::replace(&target, &bytes, 0o600)?,
            Plan::Remove => atomic::remove(&target)?,
        };
        if replaced == Replaced::Done {
            wrote = true;
            // What is there now is the user's; a second round must not take it for what install wrote.
            store.record(&place.claude).settings = None;
        }
    }
    Err(Error::new("cannot take the hooks out", "another program keeps rewriting the file")
        .at(place.settings())
        .fix("close open Claude Code sessions, then run `sef uninstall` again"))
}

fn plan(store: &mut Store, place: &Place, target: &Target) -> Result<Plan> {
    let Some(bytes) = &target.bytes else { return Ok(Plan::Nothing) };
    let record = store.record(&place.claude).settings.clone();
    if let Some(record) = record.as_ref().filter(|record| record.written == fingerprint(bytes)) {
        match record.before {
            Before::Nothing if !target.is_link() => return Ok(Plan::Remove),
            Before::Backup => {
                let print = record.backup.as_deref().unwrap_or_default();
                if let Some(backup) = store.backup(&place.settings(), print) {
                    return Ok(Plan::Write(backup));
                }
            }
            _ => {}
        }
    }
    let planned = check::decode(bytes).and_then(|(mark, text)| {
        let Some(text) = edit::take_out(text, &shells(text, record.as_ref())?)? else {
            return Ok(Plan::Nothing);
        };
        let made_by_us = record.is_some_and(|record| record.created) && !target.is_link();
        if made_by_us && check::parse(&text).is_ok_and(|root: Object<'_>| root.properties.is_empty()) {
            return Ok(Plan::Remove);
        }
        Ok(Plan::Write(format!("{mark}{text}").into_bytes()))
    });
    planned.map_err(|refusal: Refusal| {
        Error::new("cannot edit the settings", refusal.why)
            .at(&target.name)
            .place(refusal.place.0, refusal.place.1)
            .fix("correct the file and run `sef uninstall` again, or delete the hooks whose command holds /sef-hook' from it")
    })
}

/// The containers that may go when empty. Without a record those that hold ours now count as made by us.
fn shells(text: &str, record: Option<&SettingsRecord>) -> std::result::Result<Shells, Refusal> {
    if let Some(record) = record {
        return Ok(record.shells.clone());
    }
    let found = edit::find(text, &[])?;
    let hooks = !found.is_empty();
    Ok(Shells { hooks, events: found.into_iter().map(|one| one.event).collect() })
}
