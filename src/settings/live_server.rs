//! The live check of the MCP server: starts the registered program as the client would and asks for its tools.
//! It gets a state folder of its own that is thrown away. What it finds is said; routing does not hang on it.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::install::say;
use super::live::shown;
use crate::fsx::atomic::make_folder;

/// Time to the list of tools; it takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes that are read of what the server says; its list of tools has about fifteen thousand.
const MOST: u64 = 1 << 20;

/// Starts `program mcp` and says how many tools it has, or why that is not known.
pub fn check(program: &Path, scratch: &Path, out: &mut dyn Write) {
    let start = Instant::now();
    let tools = make_folder(scratch, 0o700).map_err(|error| error.why).and_then(|_| count(program, scratch));
    let took = start.elapsed().as_secs_f64() * 1e3;
    let _ = std::fs::remove_dir_all(scratch);
    match tools {
        Ok(tools) => say(out, &format!("live check: sef mcp answers with {tools} tools ({took:.1} ms)")),
        Err(why) => say(out, &format!("live check: sef mcp gives no tools: {why}")),
    }
}

/// How many tools `program mcp` has, started in a throw-away folder.
pub(crate) fn count(program: &Path, scratch: &Path) -> Result<usize, String> {
    let mut child = Command::new(program)
        .arg("mcp")
        .env("SEF_STATE_DIR", scratch)
        .env_remove("CLAUDE_PROJECT_DIR")
        .current_dir(scratch)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
    let answer = ask(&mut child);
    // Its input is closed by now, which ends it; what does not end by itself is ended.
    let _ = child.kill();
    let _ = child.wait();
    let answer = answer?;
    let tools = answer["result"]["tools"].as_array();
    tools.map(Vec::len).ok_or_else(|| format!("it answered {}", shown(&answer.to_string())))
}

/// Sends the handshake and the question; the answer to the question.
fn ask(child: &mut Child) -> Result<Value, String> {
    let client = json!({"name": "sef-live-check", "version": env!("CARGO_PKG_VERSION")});
    let greeting = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let messages = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}),
    ];
    let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
    let mut stdin = child.stdin.take().ok_or("it has no input")?;
    let stdout = child.stdout.take().ok_or("it has no output")?;
    // A server that does not read is told apart by its silence; the pipe holds this much without a reader.
    let _ = stdin.write_all(lines.as_bytes());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(answer(stdout))));
    // The input stays open until the answer is there: its end would end the server.
    let answer = receiver.recv_timeout(PATIENCE);
    drop(stdin);
    answer.map_err(|_| format!("it did not answer within {} s", PATIENCE.as_secs()))?
}

fn answer(stdout: ChildStdout) -> Result<Value, String> {
    for line in BufReader::new(stdout.take(MOST)).split(b'\n') {
        let line = line.map_err(|error| error.to_string())?;
        let message: Value = serde_json::from_slice(&line)
            .map_err(|_| format!("it said {}", shown(&String::from_utf8_lossy(&line))))?;
        if message["id"] == 2 {
            return Ok(message);
        }
    }
    Err("it ended without an answer".to_owned())
}
