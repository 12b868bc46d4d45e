//! `sef mcp`: what a client sees, whatever it sends.

pub mod schema;
pub mod session;

use rustix::process::{Pid, Signal, kill_process};
use sef::fsx::confined::Action;
use sef::hosted::usage::Usage;
use sef::mcp::tools::{Ready, list};
use sef::turbo::order::{Compared, Failure, Finished, Status, Tests};
use sef::turbo::runs::WrittenFile;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, binary};
use schema::conforms;
use session::{Session, meta, until};

const TOOLS: [&str; 11] = [
    "check_status",
    "generate",
    "generate_and_write_files",
    "run_tests",
    "undo",
    "showdown",
    "any_percent",
    "judge",
    "race_status",
    "race_resume",
    "race_promote",
];

fn names(reply: &Value) -> Vec<&str> {
    let tools = reply["result"]["tools"].as_array().expect("a list of tools");
    tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

/// Code of an error, which must say something.
fn code(reply: &Value) -> i64 {
    let said = reply["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {reply}"));
    assert!(!said.is_empty() && said.len() < 300, "{said}");
    reply["error"]["code"].as_i64().expect("a code")
}

/// What a call that failed says; the shape of the result is checked on the way.
fn refused(reply: &Value) -> String {
    let result = &reply["result"];
    assert_eq!(result["isError"], true, "{reply}");
    let error = &result["structuredContent"]["error"];
    assert!(error["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{error}");
    format!("{}: {}", error["code"].as_str().expect("a code"), error["message"].as_str().expect("words"))
}

/// A command that runs until it is killed, and how to find it among the machine's processes.
fn endless() -> (String, impl Fn() -> bool) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("300.{}{:03}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let wanted = format!("sleep\0{mark}\0");
    let runs = move || {
        let processes = std::fs::read_dir("/proc").expect("a list of processes").flatten();
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.into_iter().any(|line| line == wanted.as_bytes())
    };
    (format!("exec sleep {mark}"), runs)
}

#[test]
fn every_older_revision_is_answered_in_kind() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = Session::raw();
        let hello = session.initialize(version);
        assert_eq!(hello["result"]["protocolVersion"], version);
        assert_eq!(hello["result"]["serverInfo"]["name"], "sef");
        assert_eq!(hello["result"]["capabilities"], json!({"tools": {}}));
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        session.send(&json!({"jsonrpc": "2.0", "id": "no params", "method": "tools/list"}));
        let listed = session.line();
        assert_eq!((names(&listed), &listed["id"]), (TOOLS.to_vec(), &json!("no params")));
        assert!(listed["result"].get("resultType").is_none(), "it did not exist then");
        session.lives();
        assert_eq!(session.close(), [] as [Value; 0]);
    }
}

#[test]
fn an_unknown_revision_gets_the_newest_that_shakes_hands() {
    for version in ["1999-01-01", "2026-07-28", "2031-01-01", "x"] {
        let hello = Session::raw().initialize(version);
        assert_eq!(hello["result"]["protocolVersion"], "2025-11-25", "{version}");
    }
}

#[test]
fn claude_codes_probe_is_answered_and_tools_follow_without_a_handshake() {
    let mut session = Session::modern();
    let probe = json!({
        "jsonrpc": "2.0", "id": "server-discover-probe-1", "method": "server/discover",
        "params": {"_meta": meta("2026-07-28")},
    });
    session.send(&probe);
    let found = session.reply(&json!("server-discover-probe-1"));
    let result = &found["result"];
    assert_eq!(result["resultType"], "complete");
    assert!(result["supportedVersions"].as_array().is_some_and(|all| all.contains(&json!("2026-07-28"))));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "sef");
    assert!(
        result["ttlMs"].is_u64() && result["cacheScope"].is_string() && result["instructions"].is_string()
    );
    let listed = session.ask("tools/list", json!({}));
    assert_eq!(names(&listed), TOOLS);
    assert_eq!(listed["result"]["resultType"], "complete");
    assert!(listed["result"]["ttlMs"].is_u64() && listed["result"]["cacheScope"].is_string());
    let called = session.call("check_status", &json!({"live": false}));
    assert_eq!(called["result"]["resultType"], "complete");
    assert_eq!(code(&session.ask("ping", json!({}))), -32601, "2026-07-28 has no ping");
    assert_eq!(code(&session.ask("nope", json!({}))), -32601);
    assert_eq!(session.close(), [] as [Value; 0]);
}

#[test]
fn a_client_that_probes_may_still_shake_hands() {
    let mut session = Session::raw();
    let params = json!({"_meta": meta("2026-07-28")});
    assert!(session.ask("server/discover", params)["result"].is_object());
    assert_eq!(session.initialize("2025-06-18")["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(names(&session.ask("tools/list", json!({}))), TOOLS);
    assert!(session.initialize("2025-06-18")["result"].is_object(), "twice does no harm");
    session.lives();
}

#[test]
fn an_unsupported_revision_and_missing_metadata_are_said_so() {
    let mut session = Session::raw();
    for method in ["server/discover", "tools/list"] {
        let reply = session.ask(method, json!({"_meta": meta("2031-01-01")}));
        assert_eq!(code(&reply), -32022, "{reply}");
        assert_eq!(reply["error"]["data"]["requested"], "2031-01-01");
        let supported = reply["error"]["data"]["supported"].as_array().expect("a list").clone();
        assert_eq!(supported.len(), 5, "{supported:?}");
        assert_eq!(code(&session.ask(method, json!({}))), -32602);
    }
    assert_eq!(names(&session.ask("tools/list", json!({"_meta": meta("2026-07-28")}))), TOOLS);
}

#[test]
fn every_tool_describes_itself_and_the_order_never_changes() {
    let mut session = Session::legacy();
    let first = session.ask("tools/list", json!({}))["result"]["tools"].clone();
    for tool in first.as_array().expect("a list") {
        assert!(tool["description"].is_string() && tool["title"].is_string(), "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object");
        assert_eq!(tool["outputSchema"]["type"], "object");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
    }
    assert_eq!(first[1]["_meta"]["anthropic/maxResultSizeChars"], 200_000);
    assert_eq!(session.ask("tools/list", json!({}))["result"]["tools"], first);
}

#[test]
fn e1_a_key_loads_one_tool_and_is_never_shown() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CEREBRAS_API_KEY", "csk-canary-7f3a-0123456789abcdef");
    let mut session = Session::within(sandbox);
    let hello = session.initialize("2025-11-25");
    assert!(
        hello["result"]["instructions"]
            .as_str()
            .is_some_and(|said| said.contains("generate_and_write_files"))
    );
    let listed = session.ask("tools/list", json!({}));
    let loaded = |tool: &&Value| tool["_meta"]["anthropic/alwaysLoad"] == true;
    let tools = listed["result"]["tools"].as_array().expect("a list");
    let loaded: Vec<&Value> = tools.iter().filter(loaded).map(|tool| &tool["name"]).collect();
    assert_eq!(loaded, ["check_status"]);
    let status = session.call("check_status", &json!({"live": false}));
    assert_eq!(status["result"]["structuredContent"]["key_set"], true);
    let env = session.call("run_tests", &json!({"command": "env; cat /proc/*/environ"}));
    for reply in [&hello, &listed, &status, &env] {
        assert!(!reply.to_string().contains("canary"), "{reply}");
    }
}

#[test]
fn every_result_conforms_to_its_own_schema_and_says_the_same_twice() {
    let mut session = Session::legacy();
    let tools = session.ask("tools/list", json!({}))["result"]["tools"].clone();
    let contract = "Write a.py with add(a, b) and test_a.py that tests it.";
    for (tool, arguments) in [
        ("check_status", json!({"live": false})),
        ("check_status", json!({"live": "yes"})),
        ("generate", json!({"prompt": contract, "include_code": true})),
        ("generate", json!({})),
        ("generate_and_write_files", json!({"prompt": contract, "output_dir": "out"})),
        ("generate_and_write_files", json!({"prompt": contract, "output_dir": "/"})),
        ("run_tests", json!({"command": "true"})),
        ("run_tests", json!({"command": "true", "dir": "not-there"})),
        ("undo", json!({})),
        ("undo", json!({"run": 5})),
        ("showdown", json!({"design": "a\nb", "test_command": "true"})),
        ("showdown", json!({"design": "design.md"})),
        ("any_percent", json!({"design": "a\nb", "test_command": "true", "auto": 2, "approaches": []})),
        ("judge", json!({})),
        ("race_status", json!({})),
        ("race_resume", json!({"race": "20"})),
        ("race_promote", json!({})),
    ] {
        let reply = session.call(tool, &arguments);
        let result = &reply["result"];
        let of = tools.as_array().expect("a list").iter().find(|of| of["name"] == tool).expect("is listed");
        conforms(&result["structuredContent"], &of["outputSchema"], tool);
        for field in result["structuredContent"].as_object().expect("an object").keys() {
            assert!(of["outputSchema"]["properties"].get(field).is_some(), "{tool}: {field} is in no schema");
        }
        let text = result["content"][0]["text"].as_str().expect("a text");
        let same: Value = serde_json::from_str(text).expect("the text is JSON");
        assert_eq!(
            (&same, result["content"].as_array().map(Vec::len)),
            (&result["structuredContent"], Some(1))
        );
        let failed = result["structuredContent"]["status"] == "error";
        assert_eq!(result["isError"], failed, "{tool} {arguments}: {reply}");
    }
}

#[test]
fn a_full_result_of_the_engine_conforms_too() {
    let written = |action| WrittenFile { path: "a/b.py".to_owned(), lines: 3, bytes: 40, action };
    let mut finished = Finished {
        status: Status::Ok,
        run: Some("r-1".to_owned()),
        out: "out".to_owned(),
        files: vec![written(Action::Created), written(Action::Overwritten), written(Action::Unchanged)],
        model: "m".to_owned(),
        usage: Usage { prompt: 1, completion: 2, reasoning: 1, cached: 0 },
        ms: 900,
        service_ms: 700,
        retries: 1,
        cost_usd: Some(0.001),
        compare: vec![Compared { model: "claude-opus-5".to_owned(), usd: 0.1 }],
        tests: Some(Tests { passed: true, first_pass: false, repairs: 1, seen: json!({"passed_count": 4}) }),
        warnings: vec!["odd".to_owned()],
        error: None,
    };
    let tools = serde_json::to_value(list(Ready::Yes)).expect("tools are JSON");
    conforms(&json!(finished), &tools[1]["outputSchema"], "generate");
    conforms(&json!(finished), &tools[2]["outputSchema"], "generate_and_write_files");
    finished.error = Some(Failure { code: "x".to_owned(), message: "y".to_owned(), fix: "z".to_owned() });
    finished.tests = None;
    conforms(&json!(finished), &tools[2]["outputSchema"], "generate_and_write_files");
}

#[test]
fn g4_broken_json_costs_one_error_reply() {
    let mut session = Session::legacy();
    for line in [&b"{\"jsonrpc\":\"2.0\",\"id\":7,"[..], b"hello", b"\xff\xfe{}", b"[[[[", b"{}{}", b"\0"] {
        session.write(line);
        session.write(b"\n");
        let reply = session.line();
        assert_eq!((code(&reply), reply.get("id")), (-32700, None), "{}", String::from_utf8_lossy(line));
        session.lives();
    }
    session.write(b"\n\r\n   \n");
    session.lives();
}

#[test]
fn g4_a_line_of_50_mb_costs_one_error_reply_with_its_id() {
    let mut session = Session::legacy();
    let filler = "x".repeat(50 << 20);
    session.write(
        format!(
            "{{\"method\":\"tools/call\",\"params\":{{\"id\":1,\"name\":\"{filler}\"}},\"id\":\"big\"}}\n"
        )
        .as_bytes(),
    );
    assert_eq!(code(&session.reply(&json!("big"))), -32600);
    session.lives();
    let status = std::fs::read_to_string(format!("/proc/{}/status", session.pid())).expect("it lives");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak < 48 << 10, "the line was not held: {peak} kB");
}

#[test]
fn g4_unknown_methods_and_tools_cost_one_error_reply() {
    let mut session = Session::legacy();
    for method in ["nope", "resources/list", "prompts/get", "notifications/initialized", "", "tools/call/x"] {
        assert_eq!(code(&session.ask(method, json!({}))), -32601, "{method}");
    }
    session.send(&json!({"jsonrpc": "2.0", "id": "text", "method": "nope"}));
    assert_eq!(code(&session.reply(&json!("text"))), -32601);
    for name in ["nope", "", "Generate", "mcp__speed-run__generate"] {
        assert_eq!(code(&session.call(name, &json!({}))), -32602, "{name}");
    }
    session.send(&json!({"jsonrpc": "2.0", "method": "notifications/of/tomorrow", "params": [1]}));
    session.lives();
}

#[test]
fn g4_wrong_types_cost_one_error_reply() {
    let mut session = Session::legacy();
    for params in
        [json!({"name": 5}), json!({"name": "undo", "arguments": [1]}), json!([1]), json!("x"), json!({})]
    {
        assert_eq!(code(&session.ask("tools/call", params.clone())), -32602, "{params}");
    }
    for (message, code_of, id) in [
        (json!({"jsonrpc": "2.0", "id": null, "method": "ping"}), -32600, None),
        (json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}), -32600, None),
        (json!({"jsonrpc": "2.0", "id": [], "method": "ping"}), -32600, None),
        (json!({"jsonrpc": 2, "id": 9, "method": "ping"}), -32600, Some(&json!(9))),
        (json!({"jsonrpc": "2.0", "id": 9, "method": {}}), -32600, Some(&json!(9))),
        (json!([{"jsonrpc": "2.0", "id": 9, "method": "ping"}]), -32600, None),
        (json!(5), -32600, None),
        (json!(null), -32600, None),
    ] {
        session.send(&message);
        let reply = session.line();
        assert_eq!((code(&reply), reply.get("id")), (code_of, id), "{message}");
    }
    for arguments in [json!({"promt": "x"}), json!({"prompt": 5}), json!({"prompt": "x", "max_tokens": -1})] {
        let said = refused(&session.call("generate", &arguments));
        assert!(said.starts_with("bad_arguments: "), "{said}");
    }
    let big = json!({"prompt": "x".repeat(200_001)});
    assert!(refused(&session.call("generate", &big)).contains("200001 bytes, and 200000 are allowed"));
    session.lives();
}

#[test]
fn g4_output_dir_outside_the_project_is_refused_and_nothing_is_made() {
    let mut session = Session::legacy();
    let home = session.sandbox.home();
    let beside = home.join("elsewhere");
    for dir in
        ["..", "../elsewhere", "a/../../elsewhere", "/", "/etc", "~/x", beside.to_str().expect("is text")]
    {
        let arguments = json!({"prompt": "a contract", "output_dir": dir});
        let said = refused(&session.call("generate_and_write_files", &arguments));
        assert!(said.contains("`output_dir` must lie inside the project") && said.contains(dir), "{said}");
        let said = refused(&session.call("run_tests", &json!({"command": "touch here", "dir": dir})));
        assert!(said.contains("`dir` must lie inside the project"), "{said}");
    }
    assert!(!beside.exists() && !home.join("here").exists());
    session.lives();
}

#[test]
#[cfg(target_os = "linux")]
fn g4_a_stray_print_goes_to_stderr_and_children_cannot_read_the_protocol() {
    let mut session = Session::legacy();
    let stream =
        |number| std::fs::read_link(format!("/proc/{}/fd/{number}", session.pid())).expect("an open stream");
    assert_eq!(stream(1), stream(2));
    assert_eq!(stream(0), std::path::Path::new("/dev/null"));
    let reply = session.call("run_tests", &json!({"command": "echo stray; cat; echo stray >&2"}));
    assert_eq!(reply["result"]["isError"], false, "{reply}");
    session.lives();
}

#[test]
fn what_comes_before_the_first_request_does_no_harm() {
    let mut session = Session::raw();
    for message in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
        json!({"jsonrpc": "2.0", "id": 3, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 3, "error": {"code": 1, "message": "x"}}),
    ] {
        session.send(&message);
    }
    session.lives();
    assert_eq!(code(&session.ask("tools/list", json!({}))), -32602);
    assert_eq!(code(&session.ask("nope", json!({}))), -32601);
    assert_eq!(code(&session.ask("initialize", json!({"protocolVersion": 5}))), -32602);
    assert!(session.initialize("2025-11-25")["result"].is_object());
    session.lives();
}

#[test]
fn requests_are_answered_while_a_tool_runs_and_its_id_is_taken() {
    for mut session in [Session::legacy(), Session::modern()] {
        let (command, runs) = endless();
        let id = session.begin("tools/call", json!({"name": "run_tests", "arguments": {"command": command}}));
        until("the command runs", &runs);
        assert_eq!(names(&session.ask("tools/list", json!({}))), TOOLS);
        assert!(session.call("check_status", &json!({"live": false}))["result"].is_object());
        session.send(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/list", "params": {}}));
        assert_eq!(code(&session.reply(&id)), -32600);
        assert!(runs());
    }
}

#[test]
fn progress_is_told_to_who_asks_and_never_after_the_result() {
    for mut session in [Session::legacy(), Session::modern()] {
        for token in [json!(7), json!("seven")] {
            let params = json!({
                "name": "run_tests", "arguments": {"command": "true"},
                "_meta": {"progressToken": token, "claudecode/toolUseId": "toolu_1"},
            });
            let id = session.begin("tools/call", params);
            let mut last = 0.0;
            let result = loop {
                let line = session.line();
                if line.get("id") == Some(&id) {
                    break line;
                }
                assert_eq!(
                    (&line["method"], &line["params"]["progressToken"]),
                    (&json!("notifications/progress"), &token)
                );
                let progress = line["params"]["progress"].as_f64().expect("a number");
                assert!(progress > last && line["params"]["message"].is_string(), "{line}");
                last = progress;
            };
            assert!(last > 0.0 && result["result"]["isError"] == false, "{result}");
        }
        let reply = session.call("run_tests", &json!({"command": "true"}));
        assert!(reply["result"].is_object(), "without a token the result is the next line");
        assert_eq!(session.close(), [] as [Value; 0]);
    }
}

#[test]
fn a_cancelled_call_stops_and_is_not_answered() {
    for mut session in [Session::legacy(), Session::modern()] {
        let (command, runs) = endless();
        let id = session.begin("tools/call", json!({"name": "run_tests", "arguments": {"command": command}}));
        until("the command runs", &runs);
        let cancel = json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "enough"},
        });
        session.send(&cancel);
        until("the command is stopped", || !runs());
        session.send(&cancel);
        assert_eq!(names(&session.ask("tools/list", json!({}))), TOOLS);
        assert_eq!(session.close(), [] as [Value; 0]);
    }
}

#[test]
fn the_end_of_the_input_cancels_what_runs_and_ends_the_server() {
    let (command, runs) = endless();
    let mut session = Session::legacy();
    session.begin("tools/call", json!({"name": "run_tests", "arguments": {"command": command}}));
    until("the command runs", &runs);
    session.write(b"{\"jsonrpc\":\"2.0\",\"id\":");
    session.close_input();
    session.ended();
    until("the command is stopped", || !runs());
}

#[test]
fn a_signal_cancels_what_runs_and_ends_the_server() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (command, runs) = endless();
        let mut session = Session::legacy();
        session.begin("tools/call", json!({"name": "run_tests", "arguments": {"command": command}}));
        until("the command runs", &runs);
        let pid = Pid::from_raw(session.pid() as i32).expect("a pid");
        kill_process(pid, signal).expect("it lives");
        session.ended();
        until("the command is stopped", || !runs());
    }
}

#[test]
fn what_was_asked_before_the_end_of_the_input_is_still_answered() {
    let mut session = Session::legacy();
    let listed = session.begin("tools/list", json!({}));
    let called = session.begin("tools/call", json!({"name": "check_status", "arguments": {"live": false}}));
    let ids: Vec<Value> = session.close().iter().map(|line| line["id"].clone()).collect();
    assert!(ids.len() == 2 && ids.contains(&listed) && ids.contains(&called), "{ids:?}");
}

#[test]
fn a_client_that_never_came_or_never_reads_does_not_hold_the_server() {
    assert_eq!(Session::raw().close(), [] as [Value; 0]);
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(binary("sef"));
    command.arg("mcp").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("start the server");
    let mut input = child.stdin.take().expect("stdin is piped");
    let request = json!({
        "jsonrpc": "2.0", "id": 0, "method": "tools/list", "params": {"_meta": meta("2026-07-28")},
    });
    for id in 0..200 {
        let mut request = request.clone();
        request["id"] = json!(id);
        std::io::Write::write_all(&mut input, format!("{request}\n").as_bytes()).expect("the server reads");
    }
    drop(input);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
