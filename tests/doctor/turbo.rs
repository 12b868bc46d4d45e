//! The hosted service and the MCP server.

use serde_json::{Value, json};

use super::planted::Mend::{Do, Fix, Run};
use super::planted::{Defect, check, defect};
use crate::install::{succeeds, write_program};
use crate::sandbox::Sandbox;

/// The client's state file of a sandbox.
const CLIENT: &str = ".claude/.claude.json";

fn server(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(CLIENT)).expect("JSON");
    change(&mut value["mcpServers"]);
    sandbox.write(CLIENT, value.to_string());
}

const DEFECTS: &[Defect] = &[
    defect(
        "there is no key",
        |s| s.unset("CEREBRAS_API_KEY"),
        "key-missing",
        Do("put CEREBRAS_API_KEY into \"env\" of ~/.claude/settings.json"),
    ),
    defect(
        "the address is another host's",
        |s| s.set("CEREBRAS_BASE_URL", "https://example.org/v1"),
        "hosted-invalid",
        Do("config.toml"),
    ),
    defect(
        "the server was taken out",
        |s| server(s, |servers| *servers = json!({})),
        "server-stripped",
        Fix("claude mcp add --scope user speed-run -- ~/bin/sef mcp"),
    ),
    defect(
        "the server was never registered",
        |s| {
            succeeds(s, &["uninstall"]);
            succeeds(s, &["install", "--no-turbo"]);
        },
        "server-missing",
        Run("claude mcp add --scope user speed-run -- ~/bin/sef mcp"),
    ),
    defect(
        "another server has the name",
        |s| {
            server(s, |servers| {
                servers["speed-run"] = json!({"type": "stdio", "command": "node", "args": ["x"]});
            });
        },
        "server-foreign",
        Run(
            "claude mcp remove --scope user speed-run && claude mcp add --scope user speed-run -- ~/bin/sef mcp",
        ),
    ),
    defect(
        "the server's program is gone",
        |s| server(s, |servers| servers["speed-run"]["command"] = json!("/gone/sef")),
        "server-binary-gone",
        Fix("sef install"),
    ),
    defect(
        "the server does not answer",
        |s| {
            let version = env!("CARGO_PKG_VERSION");
            write_program(
                &s.path("bin/sef"),
                &format!("#!/bin/sh\n[ \"$1\" = --version ] && echo sef {version}\nexit 0\n"),
            );
        },
        "server-silent",
        Do("scripts/install.sh"),
    ),
    defect(
        "the client's state file is damaged",
        |s| {
            s.write(CLIENT, "[");
        },
        "server-unknown",
        Do("start `claude` once"),
    ),
];

#[test]
fn defects_of_turbo_are_found_and_mended() {
    check(DEFECTS);
}
