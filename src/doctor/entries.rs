//! The hooks in the settings, ours and other people's: which events are registered, how often, for which program, and who
//! else answers for the Agent tool. Of a hook that is not ours only the first word of its command is ever shown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::matcher::{self, Life};
use super::programs::real;
use super::settings::{Content, Facts, File};
use super::{Finding, Ground, Repair, Said, action, command, install_command, kinds, programs};
use crate::fsx::atomic::stale_temps;
use crate::report::text::{name, plural};
use crate::settings::hooks::{self, Handler, Hook};
use crate::settings::place::is_program;
use crate::settings::plugin::Plugin;

/// Events whose matcher is compared with the name of a tool.
const TOOL_EVENTS: &[&str] =
    &["PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionDenied", "PermissionRequest"];

/// One hook of a settings file.
pub(super) struct Entry {
    pub(super) event: String,
    pub(super) matcher: Option<String>,
    /// What it runs; empty for hooks that are no commands.
    pub(super) command: String,
    /// `command`, `http`, ...
    pub(super) kind: String,
    /// Not waited for, so it cannot rewrite anything.
    is_async: bool,
    /// The program, when some SEF wrote the entry.
    pub(super) ours: Option<PathBuf>,
    /// It says exactly what this version writes for this install.
    is_current: bool,
}

/// Every hook of a settings file, compared with what would be written for `hook`.
pub(super) fn of(root: &Value, hook: Option<&Path>) -> Vec<Entry> {
    let command = hook.and_then(|hook| hooks::command_for(hook).ok()).unwrap_or_default();
    let wanted = hooks::wanted(&command);
    let mut entries = Vec::new();
    let Some(events) = root["hooks"].as_object() else { return entries };
    for (event, groups) in events {
        for group in groups.as_array().into_iter().flatten() {
            let matcher = group["matcher"].as_str().map(str::to_owned);
            for handler in group["hooks"].as_array().into_iter().flatten() {
                let text = |name: &str| handler[name].as_str().unwrap_or_default().to_owned();
                let command = text("command");
                entries.push(Entry {
                    is_current: wanted
                        .iter()
                        .any(|want| want.event == *event && says(want, matcher.as_deref(), handler)),
                    ours: hooks::binary_of(&command).map(PathBuf::from),
                    event: event.clone(),
                    matcher: matcher.clone(),
                    kind: text("type"),
                    is_async: handler["async"] == true,
                    command,
                });
            }
        }
    }
    entries
}

/// Judges the plugin where it alone brings the hooks; answers what there is.
fn judge_plugin(plugin: &Plugin, ground: &Ground<'_>, said: &mut Said) -> String {
    let setup = plugin.root.as_ref().map(|root| root.join("bin/sef-setup"));
    let mend =
        setup.map_or_else(|| action("type /sef:setup in Claude Code"), |setup| command(super::word(&setup)));
    match (&plugin.hook, &plugin.version) {
        (None, _) => {
            said.find(&kinds::PLUGIN_NOT_BUILT, "the plugin's programs are not built yet", mend)
                .at(plugin.data.join("bin"));
        }
        (Some(hook), Some(wanted)) => {
            let found = programs::version(hook, ground);
            if found != *wanted {
                let what = format!("its programs are of {found}, and the plugin is of {}", name(wanted, 40));
                said.find(&kinds::PLUGIN_PROGRAMS_OTHER, what, mend).at(hook);
            }
        }
        (Some(_), None) => {}
    }
    format!("registered by the plugin {}", name(&plugin.id, 60))
}

fn says(want: &Hook, matcher: Option<&str>, handler: &Value) -> bool {
    let found = serde_json::from_value::<Handler>(handler.clone()).ok();
    want.group.matcher.as_deref() == matcher && found.is_some() && found.as_ref() == want.group.hooks.first()
}

/// Judges the hooks of all files; answers what there is.
pub(super) fn judge(facts: &Facts, ground: &Ground<'_>, said: &mut Said) -> String {
    let mut words = Vec::new();
    for file in &facts.files {
        if let Some(place) = &file.place {
            words.extend(judge_ours(file, place.name, ground, said));
        }
        judge_others(file, said);
    }
    let is_there = |file: &File| file.is_remembered != Some(false) || our_entries(file).next().is_some();
    let unknown = facts.files.iter().any(|file| {
        file.place.is_some()
            && matches!(file.content, Content::Unreadable(_) | Content::Invalid(_) | Content::BadHooks(_))
    });
    let installed = facts.files.iter().any(|file| file.place.is_some() && is_there(file));
    match &ground.plugin {
        Some(plugin) if installed => {
            let mend = command(format!("claude plugin disable {}", super::word(Path::new(&plugin.id))));
            said.find(
                &kinds::PLUGIN_BESIDE,
                format!("the plugin {} is enabled too", name(&plugin.id, 60)),
                mend,
            );
        }
        Some(plugin) => words.push(judge_plugin(plugin, ground, said)),
        None if !installed && !unknown && ground.env.claude_dir.is_some() => {
            let what = "the hooks are not registered in any settings";
            let finding = said.find(&kinds::NOT_INSTALLED, what, command("sef install"));
            if let Some(place) = ground.places.first() {
                finding.at(place.settings());
            }
        }
        None => {}
    }
    judge_twice(facts, said);
    if words.is_empty() { "no hooks of ours".to_owned() } else { words.join("; ") }
}

fn our_entries(file: &File) -> impl Iterator<Item = (&Entry, &Path)> {
    let entries = match &file.content {
        Content::Good { entries, .. } => entries.as_slice(),
        _ => &[],
    };
    entries.iter().filter_map(|entry| Some((entry, entry.ours.as_deref()?)))
}

/// Judges our own entries of one place; answers what there is, when something is or was.
fn judge_ours(file: &File, place: &'static str, ground: &Ground<'_>, said: &mut Said) -> Option<String> {
    if !matches!(file.content, Content::Missing | Content::Good { .. }) {
        return None;
    }
    let ours: Vec<(&Entry, &Path)> = our_entries(file).collect();
    if ours.is_empty() && file.is_remembered != Some(true) {
        return None;
    }
    let another = ours.iter().map(|(_, binary)| *binary).find(|binary| is_another(binary, ground));
    let found = |said: &mut Said, kind: &kinds::Kind, what: String| {
        let finding: &mut Finding = said.find(kind, what, command(install_command(place))).at(&file.path);
        // What another install wrote is not taken over unasked.
        if another.is_none() && kind.mender == kinds::Mender::Doctor {
            finding.repaired_by(Repair::Install(place));
        }
    };
    let wanted = hooks::wanted("");
    let count = |event: &str| ours.iter().filter(|(entry, _)| entry.event == event).count();
    let missing: Vec<&str> =
        wanted.iter().map(|hook| hook.event.as_str()).filter(|event| count(event) == 0).collect();
    if !missing.is_empty() {
        let what = format!("{} of {} hooks are gone: {}", missing.len(), wanted.len(), missing.join(", "));
        found(said, &kinds::HOOKS_STRIPPED, what);
    }
    for hook in wanted.iter().filter(|hook| count(&hook.event) > 1) {
        found(said, &kinds::HOOK_TWICE, format!("{} is registered {} times", hook.event, count(&hook.event)));
    }
    let binaries: BTreeSet<&Path> = ours.iter().map(|(_, binary)| *binary).collect();
    for binary in binaries.iter().filter(|binary| !is_program(binary)) {
        found(said, &kinds::HOOK_BINARY_GONE, format!("there is no program {}", binary.display()));
    }
    if let Some(binary) = another {
        let what = format!("the hooks run {}, which is not this install's", binary.display());
        found(said, &kinds::HOOK_OTHER_INSTALL, what);
    }
    let mut outdated = Vec::new();
    for (entry, binary) in &ours {
        if entry.is_current || !is_program(binary) || is_another(binary, ground) {
            continue;
        }
        let is_of_tools = wanted.iter().any(|hook| hook.event == entry.event && hook.group.matcher.is_some());
        if is_of_tools && matcher::matches_agent(entry.matcher.as_deref()) == Some(false) {
            let shown = name(entry.matcher.as_deref().unwrap_or_default(), 60);
            found(
                said,
                &kinds::MATCHER_MISSES_AGENT,
                format!("our {} hook is only for {shown}", entry.event),
            );
        } else if !outdated.contains(&entry.event.as_str()) {
            outdated.push(&entry.event);
        }
    }
    if !outdated.is_empty() {
        let what = format!(
            "{} of {} hooks are not what this version writes: {}",
            outdated.len(),
            wanted.len(),
            outdated.join(", ")
        );
        found(said, &kinds::HOOK_OUTDATED, what);
    }
    if let Some(first) = stale_temps(&file.path).first() {
        let what = "temporary files of a killed run are left beside the settings";
        // They may hold what another program wrote; install knows how to keep that.
        let finding = said.find(&kinds::TEMP_STALE, what, command(install_command(place))).at(first);
        finding.repaired_by(Repair::Install(place));
    }
    let there = wanted.len() - missing.len();
    Some(format!("{there} of {} hooks in {}", wanted.len(), file.path.display()))
}

/// Is this a program, and not the one of this install?
fn is_another(binary: &Path, ground: &Ground<'_>) -> bool {
    is_program(binary) && ground.hook.as_deref().is_some_and(|hook| real(hook) != real(binary))
}

/// Matchers that never match, and hooks that answer for the Agent tool too.
fn judge_others(file: &File, said: &mut Said) {
    let Content::Good { entries, .. } = &file.content else { return };
    let mut seen = BTreeSet::new();
    for entry in entries.iter().filter(|entry| entry.ours.is_none()) {
        if !TOOL_EVENTS.contains(&entry.event.as_str()) {
            continue;
        }
        let (path, event) = (&file.path, &entry.event);
        let who = first_word(entry);
        let shown = name(entry.matcher.as_deref().unwrap_or_default(), 60);
        if !seen.insert((event, shown.clone(), who.clone())) {
            continue;
        }
        match matcher::life(entry.matcher.as_deref()) {
            Life::Alive => {}
            Life::WrongCase(tool) => {
                let mend = action(format!(
                    "write {tool} for {shown} in the {event} hook `{who}` of {}",
                    path.display()
                ));
                let what = format!("the {event} hook `{who}` is for {shown}, and the tool is {tool}");
                said.find(&kinds::MATCHER_CASE, what, mend).at(path);
            }
            Life::Dead => {
                let mend = action(format!(
                    "correct the matcher {shown} of the {event} hook `{who}` in {}",
                    path.display()
                ));
                let what = format!("the {event} hook `{who}` is for {shown}, which is no known tool");
                said.find(&kinds::MATCHER_DEAD, what, mend).at(path);
            }
        }
        let rewrites = event == "PreToolUse" && !entry.is_async;
        if rewrites && matcher::matches_agent(entry.matcher.as_deref()) == Some(true) {
            let scope =
                if matcher::matches_all(entry.matcher.as_deref()) { "every tool" } else { "the Agent tool" };
            let mend = action(format!(
                "if it answers with updatedInput, leave Agent out of its matcher in {}",
                path.display()
            ));
            let what = format!("the PreToolUse hook `{who}` answers for {scope} too");
            said.find(&kinds::OTHER_HOOK_ON_AGENT, what, mend).at(path);
        }
    }
}

/// The program of a command, without the variables that are set before it: they may hold secrets.
fn first_word(entry: &Entry) -> String {
    if entry.kind != "command" {
        return format!("({})", name(&entry.kind, 20));
    }
    let is_assignment = |word: &&str| {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_of_name))
    };
    let mut words = entry.command.split_whitespace();
    match words.find(|word| !is_assignment(word)) {
        // What follows a quoted value with a space in it cannot be told from the value.
        Some(_)
            if entry
                .command
                .split_whitespace()
                .next()
                .is_some_and(|word| is_assignment(&word) && word.contains(['\'', '"', '$', '`'])) =>
        {
            "(a command)".to_owned()
        }
        Some(word) => name(word, 60),
        None => "(a command)".to_owned(),
    }
}

/// The same event for two programs in two places: the client runs equal commands once, and different ones both.
fn judge_twice(facts: &Facts, said: &mut Said) {
    let of = |place: &str| -> Vec<(&File, &Entry)> {
        let ours = |entry: &Entry| entry.ours.as_deref().is_some_and(is_program);
        facts.entries().filter(|(file, entry)| file.name == place && ours(entry)).collect()
    };
    let (user, project) = (of("user"), of("project"));
    let both = project.iter().filter(|(_, mine)| {
        user.iter().any(|(_, other)| other.event == mine.event && other.command != mine.command)
    });
    let events: BTreeSet<&str> = both.map(|(_, entry)| entry.event.as_str()).collect();
    if let (false, Some((file, _))) = (events.is_empty(), project.first()) {
        let what = format!(
            "{} fire in the user's settings and in the project's",
            plural(events.len() as u64, "event")
        );
        said.find(&kinds::FIRES_TWICE, what, command("sef uninstall --project")).at(&file.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_another_hook_only_the_program_is_shown() {
        let shown = |command: &str| {
            first_word(&Entry {
                event: "PreToolUse".to_owned(),
                matcher: None,
                command: command.to_owned(),
                kind: "command".to_owned(),
                is_async: false,
                ours: None,
                is_current: false,
            })
        };
        for (command, expected) in [
            ("guard --token s3cret", "guard"),
            ("TOKEN=s3cret guard", "guard"),
            ("A=1 B=s3cret /opt/x/guard y", "/opt/x/guard"),
            ("TOKEN='s3cret two' guard", "(a command)"),
            ("TOKEN=s3cret", "(a command)"),
            ("", "(a command)"),
            ("\u{1b}[31mguard", "\\u{1b}[31mguard"),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }
}
