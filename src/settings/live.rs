//! The live check: fires two sample events through the very command that was registered and says what came back.
//!
//! The hook gets a state folder of its own that is thrown away, so the user's log holds no event that never was.

use std::io::{Read as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::install::say;
use crate::error::{Error, Result};
use crate::fsx::atomic::make_folder;

/// What the client would wait, from hooks/hooks.json.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest part of a reply that is shown, in characters.
const SHOWN: usize = 100;

const PROMPT: &str = "find where the config is loaded";
const TASK: &str = "Find the greeting";

/// What one event gave.
struct Answer {
    stdout: String,
    stderr: String,
    code: Option<i32>,
    took: Duration,
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
    let answer = fire(command, scratch, &event)?;
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
    let answer = fire(command, scratch, &event)?;
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

fn fire(command: &str, scratch: &Path, event: &Value) -> Result<Answer> {
    let cannot = |error: std::io::Error| failed(&format!("cannot run the command: {error}"));
    let start = Instant::now();
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("SEF_STATE_DIR", scratch)
        .env_remove("CLAUDE_CODE_SUBAGENT_MODEL")
        .env_remove("CLAUDE_CODE_SUBAGENT_MODEL_FORCE")
        .env_remove("CLAUDE_PROJECT_DIR")
        .current_dir(scratch)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot)?;
    let pid = Pid::from_child(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A hook that does not read is its own affair; the pipe holds this much without a reader.
        let _ = stdin.write_all(event.to_string().as_bytes());
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stdout = Vec::new();
        let mut stderr = Vec::new();
        let _ = child.stdout.take().map(|mut pipe| pipe.read_to_end(&mut stdout));
        let _ = child.stderr.take().map(|mut pipe| pipe.read_to_end(&mut stderr));
        let ended = child.wait();
        let _ = sender.send((ended, stdout, stderr));
    });
    let Ok((ended, stdout, stderr)) = receiver.recv_timeout(PATIENCE) else {
        let _ = kill_process(pid, Signal::KILL);
        return Err(failed(&format!("the hook did not answer within {} s", PATIENCE.as_secs())));
    };
    let took = start.elapsed();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Answer { stdout: text(stdout), stderr: text(stderr), code: ended.map_err(cannot)?.code(), took })
}

fn report(out: &mut dyn Write, sample: &str, decision: &str, answer: &Answer) {
    let milliseconds = answer.took.as_secs_f64() * 1e3;
    say(out, &format!("live check: \"{sample}\" -> {} ({milliseconds:.1} ms)", shown(decision)));
}

/// The first line, cut and with control characters escaped, fit for a terminal.
pub(super) fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let cut = cut.replace("\\\"", "\"").replace("\\'", "'");
    if line.chars().count() > SHOWN || text.lines().count() > 1 { format!("{cut}...") } else { cut }
}

fn failed(why: &str) -> Error {
    Error::new("the live check failed", why)
}
