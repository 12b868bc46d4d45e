//! A client that speaks to `sef mcp` line by line, and fails at any line of stdout that is no JSON-RPC message.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, binary};

/// Longest wait for anything; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Session {
    pub sandbox: Sandbox,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    next: u64,
    modern: bool,
}

impl Session {
    /// A server that was not greeted yet.
    pub fn raw() -> Self {
        Self::within(Sandbox::new())
    }

    /// The same, in a home that is prepared.
    pub fn within(sandbox: Sandbox) -> Self {
        let (child, input, lines) = start(&sandbox);
        Self { sandbox, child, input, lines, next: 100, modern: false }
    }

    /// The next server in the same home, after the handshake. The one before has ended.
    pub fn begin_again(&mut self) {
        (self.child, self.input, self.lines) = start(&self.sandbox);
        self.initialize("2025-11-25");
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    /// Waits for the end of a server that was killed.
    pub fn gone(&mut self) {
        self.child.wait().expect("it ends");
    }

    /// A server after the handshake of an older revision.
    pub fn legacy() -> Self {
        let mut session = Self::raw();
        let hello = session.initialize("2025-11-25");
        assert_eq!(hello["result"]["protocolVersion"], "2025-11-25");
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        session
    }

    /// A server that gets requests of 2026-07-28, without a handshake.
    pub fn modern() -> Self {
        let mut session = Self::raw();
        session.modern = true;
        session
    }

    pub fn initialize(&mut self, version: &str) -> Value {
        let client = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
        self.ask("initialize", params)
    }

    /// Sends a request and waits for its reply.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.reply(&id)
    }

    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Sends a request; its id.
    pub fn begin(&mut self, method: &str, mut params: Value) -> Value {
        self.next += 1;
        let id = json!(self.next);
        if self.modern {
            for (key, value) in meta("2026-07-28").as_object().expect("an object") {
                params["_meta"][key] = value.clone();
            }
        }
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The next line, which must be the reply to that request.
    pub fn reply(&mut self, id: &Value) -> Value {
        let line = self.line();
        assert_eq!(&line["id"], id, "{line}");
        line
    }

    pub fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("not closed yet");
        input.write_all(bytes).and_then(|()| input.flush()).expect("the server reads");
    }

    /// The next line of stdout.
    pub fn line(&mut self) -> Value {
        message(&self.lines.recv_timeout(PATIENCE).expect("a line in time"))
    }

    /// The server lives and is in step: the next line answers this ping.
    pub fn lives(&mut self) {
        let reply = self.ask("ping", json!({}));
        assert_eq!(reply["result"], json!({}));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Closes the input; every line that still came. Fails unless the server ends well.
    pub fn close(mut self) -> Vec<Value> {
        self.close_input();
        self.ended()
    }

    /// Waits for the end; every line that still came.
    pub fn ended(&mut self) -> Vec<Value> {
        let began = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("wait for the server") {
                break status.code();
            }
            assert!(began.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(code, Some(0));
        self.lines.iter().map(|line| message(&line)).collect()
    }
}

fn start(sandbox: &Sandbox) -> (Child, Option<ChildStdin>, Receiver<String>) {
    let mut command = sandbox.command(binary("sef"));
    command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the server");
    let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in output.lines() {
            let Ok(line) = line else { return };
            let _ = sender.send(line);
        }
    });
    let input = child.stdin.take();
    (child, input, lines)
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What every request of 2026-07-28 carries, as Claude Code fills it.
pub fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {
            "name": "claude-code", "title": "Claude Code", "version": "2.1.329",
            "description": "An agentic coding tool", "websiteUrl": "https://claude.com/claude-code",
        },
        "io.modelcontextprotocol/clientCapabilities": {
            "roots": {"listChanged": true}, "elicitation": {"form": {}, "url": {}},
        },
    })
}

/// Waits until `is` holds.
pub fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn message(line: &str) -> Value {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no message: {line}"));
    assert_eq!(message["jsonrpc"], "2.0", "{line}");
    let kinds = ["result", "error", "method"].iter().filter(|kind| message.get(**kind).is_some()).count();
    assert_eq!(kinds, 1, "{line}");
    assert!(message.get("method").is_none() || message.get("id").is_none(), "a server asks nothing: {line}");
    message
}
