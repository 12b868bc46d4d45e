//! The scripted hosted service (`tests/hosted/server.py`) as a value: started on a free port, ended when dropped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// The key that the sandboxes have; it must turn up nowhere.
pub const KEY: &str = "csk-canary-0123456789";

/// Longest script that is an argument, in bytes; Linux takes 128 KB. The answers of a race are longer, and go through a file.
const MOST_ARGUMENT: usize = 100_000;

/// A running service.
pub struct Service {
    child: Child,
    /// Its base URL.
    pub url: String,
    log: PathBuf,
}

impl Service {
    /// Plays `script`; `name` keeps several services of one test apart.
    pub fn named(sandbox: &Sandbox, name: &str, script: &Value, options: &[&str]) -> Self {
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hosted/server.py");
        let log = sandbox.path(&format!("{name}.log"));
        let mut script = script.to_string();
        if script.len() > MOST_ARGUMENT {
            script = format!("@{}", sandbox.write(&format!("{name}.json"), script).display());
        }
        let mut child = Command::new("python3")
            .args(["-B", server, "--log"])
            .arg(&log)
            .args(["--script", &script])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts the service");
        let mut url = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut url).expect("it says where it is");
        Self { child, url: url.trim().to_owned(), log }
    }

    /// Plays `script` and makes it the sandbox's service, with a key.
    pub fn start(sandbox: &mut Sandbox, script: &Value) -> Self {
        Self::start_with(sandbox, script, &[])
    }

    /// The same with options of the server.
    pub fn start_with(sandbox: &mut Sandbox, script: &Value, options: &[&str]) -> Self {
        let service = Self::named(sandbox, "service", script, options);
        sandbox.set("CEREBRAS_BASE_URL", &service.url);
        sandbox.set("CEREBRAS_API_KEY", KEY);
        service
    }

    /// Everything that was asked, in order.
    pub fn requests(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("the log is JSON")).collect()
    }

    /// The bodies of the calls of chat/completions.
    pub fn calls(&self) -> Vec<Value> {
        let all = self.requests().into_iter();
        all.filter(|request| request["method"] == "POST").map(|mut request| request["body"].take()).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
