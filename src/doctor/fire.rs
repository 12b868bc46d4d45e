//! Fires the registered commands with a sample of each event, in a throw-away folder, and judges what comes back.
//!
//! A command is fired only when it is, to the byte, what SEF writes for a program, and when that program is this install's
//! or stands in the user's own settings: a cloned project's settings start nothing here.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::programs::real;
use super::samples::sample;
use super::settings::Facts as Settings;
use super::{Ground, REBUILD, Said, action, kinds};
use crate::report::text::name;
use crate::settings::hooks;
use crate::settings::live::{Answer, PATIENCE, fire};
use crate::settings::place::is_program;

/// How long one shot is waited for before it is called endless.
const LONGEST: Duration = Duration::from_secs(20);

/// What came of firing.
pub(super) struct Facts {
    shots: Vec<Shot>,
    /// Commands of ours that are not fired.
    spared: usize,
    /// There was no folder to do it in.
    no_scratch: bool,
}

struct Shot {
    event: String,
    binary: String,
    took: Duration,
    /// What is wrong with the answer.
    fault: Option<String>,
    /// A sample delegation got no model.
    is_unrouted: bool,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>, settings: &Settings) -> Self {
        let mut facts = Self { shots: Vec::new(), spared: 0, no_scratch: ground.scratch.is_none() };
        let mut fired = Vec::new();
        for (file, entry) in settings.entries() {
            let Some(binary) = entry.ours.as_deref().filter(|binary| is_program(binary)) else { continue };
            let key = (&entry.event, &entry.command);
            if fired.contains(&key) {
                continue;
            }
            fired.push(key);
            let is_exact = hooks::command_for(binary).is_ok_and(|command| command == entry.command);
            let is_installs = ground.hook.as_deref().is_some_and(|hook| real(hook) == real(binary));
            if !is_exact || !(is_installs || file.name == "user") {
                facts.spared += 1;
                continue;
            }
            let folder = ground.scratch.as_ref().and_then(|scratch| scratch.folder("fired"));
            if let Some(folder) = folder {
                facts.shots.extend(shoot(&entry.event, &entry.command, binary, &folder));
            }
        }
        let entries_are_ours = settings.entries().any(|(_, entry)| entry.ours.is_some());
        let plugins = ground.plugin.as_ref().and_then(|plugin| plugin.hook.as_deref());
        if let Some(binary) = plugins.filter(|_| !entries_are_ours) {
            let command = format!("{} plugin", hooks::quote(&binary.to_string_lossy()));
            for hook in hooks::wanted(&command) {
                let folder = ground.scratch.as_ref().and_then(|scratch| scratch.folder("fired"));
                let shot = folder.and_then(|folder| shoot(&hook.event, &command, binary, &folder));
                facts.shots.extend(shot);
            }
        }
        facts
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let binaries: BTreeSet<&str> = self.shots.iter().map(|shot| shot.binary.as_str()).collect();
        for binary in binaries {
            let of = || self.shots.iter().filter(move |shot| shot.binary == binary);
            let bad: Vec<(&str, &str)> =
                of().filter_map(|shot| Some((shot.event.as_str(), shot.fault.as_deref()?))).collect();
            if let Some((event, fault)) = bad.first() {
                let and =
                    if bad.len() > 1 { format!(" and {} more are", bad.len() - 1) } else { " is".to_owned() };
                let what = format!("{event}{and} not answered well: {fault}");
                said.find(&kinds::HOOK_FAILS, what, action(REBUILD)).at(binary);
            }
            if of().any(|shot| shot.is_unrouted) {
                let what = "a sample delegation got no model";
                let mend = action("look at [spawn] and [tiers] in config.toml");
                said.find(&kinds::HOOK_DOES_NOT_ROUTE, what, mend).at(binary);
            }
        }
        if self.no_scratch {
            return "not fired: no folder could be made for it in the temporary one".to_owned();
        }
        let mut words = Vec::new();
        let well = self.shots.iter().filter(|shot| shot.fault.is_none());
        let slowest = well.clone().max_by_key(|shot| shot.took);
        if let Some(slowest) = slowest {
            let mut times: Vec<Duration> = well.clone().map(|shot| shot.took).collect();
            times.sort_unstable();
            let millis = |took: Duration| took.as_secs_f64() * 1e3;
            words.push(format!(
                "{} of {} sample events answered well: {:.1} ms in the middle, {:.1} ms at most ({})",
                times.len(),
                self.shots.len(),
                millis(times[times.len() / 2]),
                millis(slowest.took),
                slowest.event
            ));
        } else if !self.shots.is_empty() {
            words.push(format!("none of {} sample events answered well", self.shots.len()));
        }
        if self.spared > 0 {
            words.push(format!(
                "{} not fired: not what this SEF writes, or a project's own program",
                self.spared
            ));
        }
        if words.is_empty() { "nothing to fire".to_owned() } else { words.join("; ") }
    }
}

fn shoot(event: &str, command: &str, binary: &Path, folder: &Path) -> Option<Shot> {
    let sample = sample(event, folder)?;
    let binary = binary.to_string_lossy().into_owned();
    let shot = |took, fault, is_unrouted| Shot { event: event.to_owned(), binary, took, fault, is_unrouted };
    let mut answer = fire(command, folder, &sample, LONGEST);
    if answer.as_ref().is_ok_and(|answer| answer.took > PATIENCE) {
        // The first run after a change of the rules compiles them, and a busy machine is no fault of the hook.
        answer = fire(command, folder, &sample, LONGEST);
    }
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Some(shot(Duration::ZERO, Some(error.why), false)),
    };
    if answer.took > PATIENCE {
        let (took, patience) = (answer.took.as_secs_f64(), PATIENCE.as_secs());
        let why = format!("it took {took:.1} s twice, and the client waits {patience} s");
        return Some(shot(answer.took, Some(why), false));
    }
    Some(match verdict(&answer, &sample) {
        Err(fault) => shot(answer.took, Some(fault), false),
        Ok(reply) => {
            let is_unrouted = event == "PreToolUse"
                && !reply.pointer("/hookSpecificOutput/updatedInput/model").is_some_and(Value::is_string);
            shot(answer.took, None, is_unrouted)
        }
    })
}

/// The reply, or what a session would suffer from it.
fn verdict(answer: &Answer, sample: &Value) -> Result<Value, String> {
    if answer.code != Some(0) {
        return Err(answer
            .code
            .map_or("it was ended by a signal".to_owned(), |code| format!("it ended with code {code}")));
    }
    if !answer.stderr.is_empty() {
        return Err(format!("it said on stderr: {}", name(answer.stderr.trim(), 80)));
    }
    if answer.stdout.trim().is_empty() {
        return Ok(Value::Null);
    }
    let reply: Value = serde_json::from_str(&answer.stdout)
        .map_err(|_| format!("its reply is not JSON: {}", name(answer.stdout.trim(), 80)))?;
    if !reply.is_object() {
        return Err("its reply is no JSON object".to_owned());
    }
    if reply["continue"] == false || reply["decision"] == "block" {
        return Err("its reply stops the session".to_owned());
    }
    let Some(specific) = reply.get("hookSpecificOutput") else { return Ok(reply) };
    if specific["hookEventName"] != sample["hook_event_name"] {
        return Err("its reply is for another event, and the client drops it".to_owned());
    }
    if specific.get("additionalContext").is_some_and(|context| !context.is_string()) {
        return Err("its additionalContext is no text, and the client drops the reply".to_owned());
    }
    if specific.get("permissionDecision").is_some() {
        return Err("its reply takes the permission check from the user".to_owned());
    }
    if let Some(input) = specific.get("updatedInput") {
        // The client takes the new input whole: what is left out is lost.
        let lost = sample["tool_input"].as_object().into_iter().flatten().find(|(key, value)| {
            let may_change = matches!(key.as_str(), "model" | "subagent_type");
            !may_change && input.get(key.as_str()) != Some(*value)
        });
        if let Some((key, _)) = lost {
            return Err(format!("its new input loses the task's {key}, and the call fails"));
        }
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(event: &str, stdout: &str) -> Result<Value, String> {
        let sample = sample(event, Path::new("/p")).expect("a sample");
        let answer =
            Answer { stdout: stdout.to_owned(), stderr: String::new(), code: Some(0), took: Duration::ZERO };
        verdict(&answer, &sample)
    }

    #[test]
    fn only_a_reply_that_the_client_takes_is_well() {
        for (event, reply) in [
            ("Stop", ""),
            ("Stop", "{}"),
            ("Stop", r#"{"systemMessage": "saved"}"#),
            (
                "UserPromptSubmit",
                r#"{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":"x"}}"#,
            ),
            (
                "PreToolUse",
                r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","updatedInput":{"description":"Find retry settings","prompt":"Find where the retry settings are read and report file:line.","subagent_type":"sef-explore","model":"haiku"}}}"#,
            ),
        ] {
            assert!(judged(event, reply).is_ok(), "{reply}");
        }
        for (event, reply, why) in [
            ("Stop", "hello", "not JSON"),
            ("Stop", "[]", "no JSON object"),
            ("Stop", r#"{"decision":"block","reason":"x"}"#, "stops the session"),
            ("UserPromptSubmit", r#"{"continue":false}"#, "stops the session"),
            ("UserPromptSubmit", r#"{"hookSpecificOutput":{"additionalContext":"x"}}"#, "another event"),
            (
                "UserPromptSubmit",
                r#"{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":null}}"#,
                "no text",
            ),
            (
                "PreToolUse",
                r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow"}}"#,
                "permission",
            ),
            (
                "PreToolUse",
                r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","updatedInput":{"model":"haiku"}}}"#,
                "loses the task's",
            ),
        ] {
            let said = judged(event, reply).expect_err(reply);
            assert!(said.contains(why), "{reply}: {said}");
        }
    }
}
