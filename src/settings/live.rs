//! The live check: fires two sample events through the very command that was registered and says what came back.
//!
//! The hook gets a state folder of its own that is thrown away, so the user's log holds no event that never was.

use std::io::{self, Read as _, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use super::install::say;
use crate::error::{Error, Result};
use crate::fsx::atomic::make_folder;

/// What the client would wait, from hooks/hooks.json.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Longest part of a reply that is shown, in characters.
const SHOWN: usize = 100;

const PROMPT: &str = "find where the config is loaded";
const TASK: &str = "Find the greeting";

/// Most bytes of output that are read; a reply has some hundreds.
const MOST: u64 = 1 << 20;

/// What a program said.
#[derive(Debug)]
pub(crate) struct Answer {
    /// All of stdout, as far as it is read.
    pub(crate) stdout: String,
    /// The same of stderr.
    pub(crate) stderr: String,
    /// Exit code; none after a signal.
    pub(crate) code: Option<i32>,
    /// From start to end.
    pub(crate) took: Duration,
}

/// Fires a prompt and a delegation; an error when the hook would not route the delegation.
pub fn check(command: &str, scratch: &Path, out: &mut dyn Write) -> Result<()> {
    make_folder(scratch, 0o700)?;
    let checked = fire_both(command, scratch, out);
    let _ = std::fs::remove_dir_all(scratch);
    checked
}

fn fire_both(command: &str, scratch: &Path, out: &mut dyn Write) -> Result<()> {
    let mut event = json!({
        "session_id": "sef-live-check",
        "transcript_path": scratch.join("no-transcript.jsonl"),
        "cwd": scratch,
        "permission_mode": "default",
        "hook_event_name": "UserPromptSubmit",
        "prompt": PROMPT,
    });
    let answer = fire(command, scratch, &event, PATIENCE)?;
    let reply = well_behaved(&answer)?;
    let context = reply.pointer("/hookSpecificOutput/additionalContext").and_then(Value::as_str);
    report(out, PROMPT, context.unwrap_or("no guidance"), &answer);

    let task = json!({
        "description": TASK,
        "prompt": "Find where the greeting is defined and report file:line.",
        "subagent_type": "general-purpose",
    });
    event["hook_event_name"] = "PreToolUse".into();
    event["tool_name"] = "Agent".into();
    event["tool_use_id"] = "toolu_sef_live_check".into();
    event["tool_input"] = task.clone();
    let answer = fire(command, scratch, &event, PATIENCE)?;
    let reply = well_behaved(&answer)?;
    let input = reply.pointer("/hookSpecificOutput/updatedInput");
    let model = input.and_then(|input| input["model"].as_str()).ok_or_else(|| {
        failed("the hook set no model for a delegation that has none").fix(
            "a config of yours may switch routing off; `sef uninstall` takes the registered hooks out again",
        )
    })?;
    // The client takes the new input whole: a key that is left out makes the call fail.
    if let Some(lost) =
        ["description", "prompt"].into_iter().find(|key| input.is_none_or(|i| i[*key] != task[*key]))
    {
        return Err(failed(&format!("the hook's new input does not hold the task's {lost}"))
            .fix("run `sef uninstall`, and report this with the output of `sef status`"));
    }
    report(out, TASK, &format!("model {model}"), &answer);
    Ok(())
}

/// The reply as JSON (null when there is none); an error for everything that would show in a session.
fn well_behaved(answer: &Answer) -> Result<Value> {
    let again = "run `sef install` again after rebuilding with scripts/install.sh";
    if answer.code != Some(0) || !answer.stderr.is_empty() {
        let code = answer.code.map_or("a signal".to_owned(), |code| format!("code {code}"));
        let why = format!("the hook ended with {code} and said: {}", shown(&answer.stderr));
        return Err(failed(&why).fix(again));
    }
    if answer.stdout.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&answer.stdout).map_err(|error| {
        failed(&format!("the hook's reply is not JSON ({error}): {}", shown(&answer.stdout))).fix(again)
    })
}

/// Fires one event through a registered command, as the client would, with a state folder of its own.
pub(crate) fn fire(command: &str, scratch: &Path, event: &Value, patience: Duration) -> Result<Answer> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("SEF_STATE_DIR", scratch)
        .env_remove("CLAUDE_CODE_SUBAGENT_MODEL")
        .env_remove("CLAUDE_CODE_SUBAGENT_MODEL_FORCE")
        .env_remove("CLAUDE_PROJECT_DIR")
        .current_dir(scratch);
    match run(shell, event.to_string().as_bytes(), patience) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(failed(&format!("the hook did not answer within {} s", patience.as_secs()))),
        Err(error) => Err(failed(&format!("cannot run the command: {error}"))),
    }
}

/// Runs a program to its end with a short input, at most for so long; none when it was stopped, with all that it started.
pub(crate) fn run(mut command: Command, input: &[u8], patience: Duration) -> io::Result<Option<Answer>> {
    let start = Instant::now();
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.process_group(0).spawn()?;
    let pid = Pid::from_child(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read is its own affair; the pipe holds this much without a reader.
        let _ = stdin.write_all(input);
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let read = |pipe: Option<&mut dyn io::Read>| {
            let mut bytes = Vec::new();
            let _ = pipe.map(|pipe| pipe.take(MOST).read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let stdout = read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn io::Read));
        let stderr = read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn io::Read));
        // What was not read in full sees a broken pipe instead of waiting for ever.
        drop((child.stdout.take(), child.stderr.take()));
        let _ = sender.send(child.wait().map(|status| (status.code(), stdout, stderr)));
    });
    let Ok(ended) = receiver.recv_timeout(patience) else {
        let _ = kill_process_group(pid, Signal::KILL);
        return Ok(None);
    };
    let took = start.elapsed();
    ended.map(|(code, stdout, stderr)| Some(Answer { stdout, stderr, code, took }))
}

fn report(out: &mut dyn Write, sample: &str, decision: &str, answer: &Answer) {
    let milliseconds = answer.took.as_secs_f64() * 1e3;
    say(out, &format!("live check: \"{sample}\" -> {} ({milliseconds:.1} ms)", shown(decision)));
}

/// The first line, cut and with control characters escaped, fit for a terminal.
pub(crate) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let cut = cut.replace("\\\"", "\"").replace("\\'", "'");
    if line.chars().count() > SHOWN || text.lines().count() > 1 { format!("{cut}...") } else { cut }
}

fn failed(why: &str) -> Error {
    Error::new("the live check failed", why)
}
