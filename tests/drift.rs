//! What each recorded client gives its hooks (`tests/payloads/recorded/VERSION`, by scripts/record-payloads.sh), held
//! against what SEF reads and against the real hook. A client that renames something fails here with one line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::payloads::object;
use crate::sandbox::{Run, Sandbox};

/// What SEF reads of one event of one tool; some payload of that kind must have each field. Paths below `tool_input`
/// and `tool_response` are of what is inside.
struct Need {
    event: &'static str,
    tool: Option<Tool>,
    fields: &'static [&'static str],
}

/// Tools by what SEF takes them for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Spawn,
    Codegen,
}

/// In every payload of every event.
const ALWAYS: &[&str] = &["hook_event_name", "session_id", "transcript_path", "cwd"];

const NEEDS: &[Need] = &[
    Need { event: "SessionStart", tool: None, fields: &["source", "model"] },
    Need { event: "UserPromptSubmit", tool: None, fields: &["prompt", "prompt_id", "permission_mode"] },
    Need {
        event: "PreToolUse",
        tool: Some(Tool::Spawn),
        fields: &[
            "tool_name",
            "tool_use_id",
            "prompt_id",
            "permission_mode",
            "tool_input.description",
            "tool_input.prompt",
            "tool_input.subagent_type",
            "tool_input.model",
        ],
    },
    Need { event: "PreToolUse", tool: Some(Tool::Codegen), fields: &["tool_use_id", "tool_input.prompt"] },
    Need {
        event: "PostToolUse",
        tool: Some(Tool::Spawn),
        fields: &[
            "tool_use_id",
            "duration_ms",
            "tool_input.subagent_type",
            "tool_response.status",
            "tool_response.agentId",
            "tool_response.resolvedModel",
            "tool_response.content",
            "tool_response.totalDurationMs",
        ],
    },
    Need {
        event: "PostToolUseFailure",
        tool: Some(Tool::Spawn),
        fields: &["tool_use_id", "error", "is_interrupt", "duration_ms"],
    },
    Need { event: "PermissionDenied", tool: Some(Tool::Spawn), fields: &["tool_use_id", "permission_mode"] },
    Need { event: "SubagentStart", tool: None, fields: &["agent_id", "agent_type"] },
    Need {
        event: "SubagentStop",
        tool: None,
        fields: &["agent_id", "agent_type", "prompt_id", "last_assistant_message"],
    },
    Need { event: "Stop", tool: None, fields: &["prompt_id", "last_assistant_message"] },
    Need { event: "StopFailure", tool: None, fields: &["agent_id", "error"] },
    Need { event: "SessionEnd", tool: None, fields: &[] },
];

/// What a client is known not to have, and what SEF does without it.
const WITHOUT: &[(&str, &str, &str)] = &[];

/// One recorded client.
struct Client {
    version: String,
    about: Value,
    payloads: Vec<(String, Value)>,
}

fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/payloads/recorded")
}

/// All recorded clients, oldest first.
fn clients() -> Vec<Client> {
    let number =
        |version: &str| -> Vec<u32> { version.split('.').map(|n| n.parse().expect("a number")).collect() };
    let mut found: Vec<Client> = files(&recorded())
        .into_iter()
        .map(|(version, folder)| {
            let read = |path: &PathBuf| -> Value {
                let text = std::fs::read_to_string(path).expect("a payload is readable");
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            };
            let about = read(&folder.join("client.json"));
            let mut payloads = files(&folder);
            payloads.remove("client.json");
            let payloads = payloads.into_iter().map(|(name, path)| (name, read(&path))).collect();
            Client { version, about, payloads }
        })
        .collect();
    found.sort_by_key(|client| number(&client.version));
    assert!(found.len() >= 3, "three clients are recorded");
    found
}

/// A folder's entries by name, in order.
fn files(folder: &PathBuf) -> BTreeMap<String, PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

fn event(payload: &Value) -> &str {
    payload["hook_event_name"].as_str().unwrap_or_default()
}

/// What SEF takes a payload's tool for, by the same names as its code.
fn tool(payload: &Value) -> Option<Tool> {
    let text = json!({ "tool_name": payload["tool_name"] }).to_string();
    let asked = sef::protocol::Event::parse(&text)?;
    if asked.is_spawn() {
        return Some(Tool::Spawn);
    }
    asked.is_codegen().then_some(Tool::Codegen)
}

/// The value at a path such as `tool_input.prompt`.
fn at<'v>(payload: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(payload, |value, key| value.get(key))
}

/// What a client lacks of what SEF reads, one line each.
fn lacking(client: &Client) -> Vec<String> {
    let version = &client.version;
    let mut lines = Vec::new();
    for (name, payload) in &client.payloads {
        for field in ALWAYS.iter().filter(|field| at(payload, field).is_none()) {
            lines.push(format!("{version}: {name} has no {field}; seen: {}", keys(payload)));
        }
    }
    for need in NEEDS {
        let of_event: Vec<&Value> = client
            .payloads
            .iter()
            .map(|(_, payload)| payload)
            .filter(|payload| event(payload) == need.event)
            .collect();
        let of_tool: Vec<&Value> = of_event
            .iter()
            .copied()
            .filter(|payload| need.tool.is_none() || tool(payload) == need.tool)
            .collect();
        if WITHOUT.contains(&(version, need.event, "")) {
            continue;
        }
        if of_tool.is_empty() {
            let tools: BTreeSet<&str> =
                of_event.iter().filter_map(|payload| payload["tool_name"].as_str()).collect();
            let seen = if of_event.is_empty() { events(client) } else { tools };
            lines.push(format!("{version}: no {}; seen: {}", said(need), list(seen)));
            continue;
        }
        for field in need.fields {
            let known = WITHOUT.contains(&(version, need.event, field));
            if known
                || of_tool.iter().any(|payload| at(payload, field).is_some())
                || in_schema(client, need, field)
            {
                continue;
            }
            let within = field.rsplit_once('.').map(|(within, _)| within);
            let seen: BTreeSet<String> = of_tool
                .iter()
                .filter_map(|payload| within.map_or(Some(*payload), |within| at(payload, within)))
                .map(keys)
                .collect();
            let seen = seen.into_iter().collect::<Vec<_>>().join(" | ");
            lines.push(format!("{version}: {} has no {field}; seen: {seen}", said(need)));
        }
    }
    lines
}

/// Whether the client's own description of the tool that spawns has the field: what a model may leave out of its call.
fn in_schema(client: &Client, need: &Need, field: &str) -> bool {
    let Some(name) = field.strip_prefix("tool_input.") else { return false };
    need.tool == Some(Tool::Spawn) && client.about["agent_print"].get(name).is_some()
}

fn said(need: &Need) -> String {
    match need.tool {
        None => need.event.to_owned(),
        Some(Tool::Spawn) => format!("{} of a spawn", need.event),
        Some(Tool::Codegen) => format!("{} of a codegen tool", need.event),
    }
}

fn keys(payload: &Value) -> String {
    payload.as_object().map_or_else(|| payload.to_string(), |map| list(map.keys().map(String::as_str)))
}

fn events(client: &Client) -> BTreeSet<&str> {
    client.payloads.iter().map(|(_, payload)| event(payload)).collect()
}

fn list<'s>(names: impl IntoIterator<Item = &'s str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The fields of a struct in src/protocol.rs, as they are named in JSON.
fn fields_in_code(of: &str) -> BTreeSet<String> {
    let code = include_str!("../src/protocol.rs");
    let (_, rest) = code.split_once(&format!("pub struct {of}<'a> {{")).expect("the struct is there");
    let (body, _) = rest.split_once("\n}").expect("it ends");
    let mut fields = BTreeSet::new();
    let mut renamed = None;
    for line in body.lines().map(str::trim) {
        if let Some((_, name)) = line.split_once("rename = \"") {
            renamed = name.split('"').next().map(str::to_owned);
        } else if let Some((name, _)) = line.split_once(": Option<&'a RawValue>") {
            fields.insert(renamed.take().unwrap_or_else(|| name.to_owned()));
        }
    }
    assert!(fields.len() > 3, "{of}: {fields:?}");
    fields
}

#[test]
fn the_table_of_needs_is_what_the_code_reads() {
    let needed: BTreeSet<&str> =
        ALWAYS.iter().copied().chain(NEEDS.iter().flat_map(|need| need.fields.iter().copied())).collect();
    let below = |prefix: &str| -> BTreeSet<String> {
        needed.iter().filter_map(|field| field.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let mut top: BTreeSet<String> =
        needed.iter().map(|field| field.split('.').next().expect("a first part").to_owned()).collect();
    assert_eq!(below("tool_input."), fields_in_code("SpawnInput"));
    assert_eq!(below("tool_response."), fields_in_code("SpawnResult"));
    top.extend(["tool_input".to_owned(), "tool_response".to_owned()]);
    assert_eq!(top, fields_in_code("Event"));

    let code = include_str!("../src/protocol.rs");
    let read: BTreeSet<&str> = code
        .lines()
        .filter(|line| line.contains("=> Name::"))
        .filter_map(|line| line.trim().strip_prefix("Some(\"")?.split('"').next())
        .collect();
    assert_eq!(NEEDS.iter().map(|need| need.event).collect::<BTreeSet<_>>(), read);
}

#[test]
fn every_recorded_client_gives_what_sef_reads() {
    for client in clients() {
        let lines = lacking(&client);
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
        let known: BTreeSet<&str> =
            client.about["events"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let absent: Vec<&str> = NEEDS
            .iter()
            .map(|need| need.event)
            .filter(|event| !known.contains(event) && !WITHOUT.contains(&(&client.version, event, "")))
            .collect();
        assert!(
            absent.is_empty(),
            "{}: the client knows no {}; seen: {}",
            client.version,
            list(absent),
            list(known)
        );
        for mode in ["print", "tui"] {
            let models = &client.about[format!("agent_{mode}")]["model"];
            for model in ["haiku", "sonnet", "opus"] {
                let taken = models.as_array().is_some_and(|models| models.contains(&json!(model)));
                assert!(taken, "{}: a spawn takes no model {model}; seen: {models}", client.version);
            }
        }
    }
}

#[test]
fn what_is_without_is_really_without() {
    for (version, event, field) in WITHOUT {
        let mut clients = clients();
        let client = clients.iter_mut().find(|client| client.version == *version).expect("it is recorded");
        let there = client.payloads.iter().any(|(_, payload)| {
            self::event(payload) == *event && (field.is_empty() || at(payload, field).is_some())
        });
        assert!(!there, "{version} has {event} {field}: take it off the list");
    }
}

#[test]
fn a_rename_by_a_client_is_named_in_one_line() {
    let newest = || {
        let mut client = clients().pop().expect("a client");
        client.version = "2.1.400".to_owned();
        client
    };
    let rename = |map: &mut Value, old: &str, new: &str| {
        if let Some(value) = object(map).remove(old) {
            object(map).insert(new.to_owned(), value);
        }
    };

    let mut client = newest();
    object(&mut client.about["agent_print"]).remove("subagent_type");
    for (_, payload) in client.payloads.iter_mut().filter(|(_, payload)| tool(payload) == Some(Tool::Spawn)) {
        rename(&mut payload["tool_input"], "subagent_type", "agent");
    }
    let lines = lacking(&client);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let wanted =
        "2.1.400: PreToolUse of a spawn has no tool_input.subagent_type; seen: agent, description, prompt";
    assert!(lines[0].starts_with(wanted), "{}", lines[0]);
    assert!(lines[1].contains("PostToolUse of a spawn has no tool_input.subagent_type"), "{}", lines[1]);

    let mut client = newest();
    for (_, payload) in &mut client.payloads {
        if payload["tool_name"] == "Agent" {
            payload["tool_name"] = json!("Delegate");
        }
    }
    let lines = lacking(&client);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(
        lines[0].starts_with("2.1.400: no PreToolUse of a spawn; seen: Bash, Delegate, Read"),
        "{}",
        lines[0]
    );

    let mut client = newest();
    for (_, payload) in &mut client.payloads {
        if event(payload) == "SubagentStop" {
            payload["hook_event_name"] = json!("AgentStop");
        }
    }
    let lines = lacking(&client);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("2.1.400: no SubagentStop; seen: AgentStop, "), "{}", lines[0]);

    let mut client = newest();
    let (_, payload) =
        client.payloads.iter_mut().find(|(name, _)| name == "Stop.json").expect("Stop is recorded");
    rename(payload, "session_id", "sessionId");
    let lines = lacking(&client);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("2.1.400: Stop.json has no session_id; seen: "), "{}", lines[0]);
}

#[test]
fn what_is_checked_in_is_small_and_of_no_machine() {
    let mut total = 0;
    for (version, folder) in files(&recorded()) {
        for (name, path) in files(&folder) {
            let text = std::fs::read_to_string(&path).expect("a payload is readable");
            assert!(text.len() < 10_000, "{version}/{name} has {} bytes", text.len());
            total += text.len();
            for place in ["/root", "/work", "/tmp/sef", "/private", "/Users", "C:\\", "127.0.0.1", "sk-ant"] {
                assert!(!text.contains(place), "{version}/{name} holds {place}");
            }
        }
    }
    assert!(total < 300_000, "{total} bytes");
}

/// Exit 0 and a silent stderr; stdout empty or a reply that the client takes. Gives the reply.
fn reply(run: &Run, payload: &Value, case: &str) -> Option<Value> {
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{case}");
    if run.out.is_empty() {
        return None;
    }
    let reply: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{case}: {error}: {}", run.out));
    for key in reply.as_object().expect("an object").keys() {
        assert!(["hookSpecificOutput", "systemMessage"].contains(&key.as_str()), "{case}: {key}");
    }
    if let Some(message) = reply.get("systemMessage") {
        assert!(message.is_string(), "{case}: {reply}");
    }
    let Some(output) = reply.get("hookSpecificOutput") else { return Some(reply) };
    assert_eq!(output["hookEventName"], payload["hook_event_name"], "{case}");
    for (key, value) in output.as_object().expect("an object") {
        match key.as_str() {
            "hookEventName" => {}
            "additionalContext" => {
                assert!(value.as_str().is_some_and(|text| text.len() < 1024), "{case}: {value}");
            }
            // It replaces: every key but `model` must come back as it was.
            "updatedInput" => {
                let mut given = payload["tool_input"].clone();
                object(&mut given).insert("model".to_owned(), value["model"].clone());
                assert_eq!(*value, given, "{case}");
                assert!(
                    ["haiku", "sonnet", "opus"].contains(&value["model"].as_str().unwrap_or("")),
                    "{case}: {value}"
                );
            }
            // Only for an order of code without its sections; a spawn is never decided on.
            "permissionDecision" | "permissionDecisionReason" => {
                assert!(tool(payload) == Some(Tool::Codegen) && value.is_string(), "{case}: {key}");
            }
            other => panic!("{case}: {other}"),
        }
    }
    Some(reply)
}

#[test]
fn the_hook_answers_every_recorded_payload_and_routes_each_clients_spawns() {
    for client in clients() {
        let mut routed = 0;
        for (name, payload) in &client.payloads {
            let case = format!("{} {name}", client.version);
            let sandbox = Sandbox::new();
            let reply = reply(&sandbox.run("sef-hook", &[], payload.to_string()), payload, &case);
            if event(payload) == "PreToolUse"
                && tool(payload) == Some(Tool::Spawn)
                && payload.get("agent_id").is_none()
            {
                let kind = &payload["tool_input"]["subagent_type"];
                if kind == "general-purpose" {
                    let model =
                        reply.as_ref().map(|reply| &reply["hookSpecificOutput"]["updatedInput"]["model"]);
                    assert_eq!(model, Some(&json!("haiku")), "{case}");
                    routed += 1;
                }
            }
            let handled = NEEDS.iter().any(|need| need.event == event(payload));
            let ours = payload.get("tool_name").is_none() || tool(payload).is_some();
            if !handled || !ours {
                assert!(reply.is_none(), "{case}: {reply:?}");
            }
        }
        assert!(routed > 0, "{}: no spawn was routed", client.version);
    }
}

/// The paths of all fields of an object and of what is in it, two levels deep: what is further down nobody reads.
fn paths(payload: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in payload.as_object().expect("an object") {
        found.push(key.clone());
        found.extend(
            value.as_object().into_iter().flat_map(|map| map.keys()).map(|inner| format!("{key}.{inner}")),
        );
    }
    found
}

/// The payload with the field at a path taken out, and the object that held it given to `change` with its value.
fn changed(payload: &Value, path: &str, change: impl Fn(&mut Value, &str, Value)) -> Value {
    let mut payload = payload.clone();
    let (within, key) = path.rsplit_once('.').unwrap_or(("", path));
    let holder = if within.is_empty() { &mut payload } else { &mut payload[within] };
    let value = object(holder).remove(key).expect("the path is of this payload");
    change(holder, key, value);
    payload
}

#[test]
fn unknown_missing_renamed_and_retyped_fields_are_survived() {
    let odd = [
        json!(null),
        json!(7),
        json!("\u{1b}[31m../../x"),
        json!([[], {}]),
        json!({"a": {"b": 1}}),
        json!(true),
    ];
    let mut tried = BTreeSet::new();
    let mut cases: Vec<(String, Value)> = Vec::new();
    for client in clients().iter().rev() {
        for (name, payload) in &client.payloads {
            let ours = payload.get("tool_name").is_none() || tool(payload).is_some();
            if !ours || !NEEDS.iter().any(|need| need.event == event(payload)) {
                continue;
            }
            let kind = format!("{}{:?}", event(payload), payload["tool_name"]);
            for path in paths(payload).into_iter().filter(|path| tried.insert(format!("{kind} {path}"))) {
                let case = format!("{} {name} {path}", client.version);
                cases.push((format!("{case} dropped"), changed(payload, &path, |_, _, _| {})));
                cases.push((
                    format!("{case} renamed"),
                    changed(payload, &path, |holder, key, value| {
                        object(holder).insert(format!("{key}2"), value);
                    }),
                ));
                for value in &odd {
                    let retyped = changed(payload, &path, |holder, key, _| {
                        object(holder).insert(key.to_owned(), value.clone());
                    });
                    cases.push((format!("{case} as {value}"), retyped));
                }
            }
            if tried.insert(format!("{kind} more")) {
                let mut more = payload.clone();
                for holder in ["", "tool_input", "tool_response"] {
                    let holder = if holder.is_empty() { Some(&mut more) } else { more.get_mut(holder) };
                    if let Some(map) = holder.and_then(Value::as_object_mut) {
                        map.insert("future_field".to_owned(), json!({"deep": [1, null, {"x": "y"}]}));
                    }
                }
                cases.push((format!("{} {name} with unknown fields", client.version), more));
            }
        }
    }
    assert!(cases.len() > 500, "{}", cases.len());
    let half = cases.len() / 2;
    std::thread::scope(|scope| {
        for cases in [&cases[..half], &cases[half..]] {
            scope.spawn(move || {
                let sandbox = Sandbox::new();
                for (case, payload) in cases {
                    reply(&sandbox.run("sef-hook", &[], payload.to_string()), payload, case);
                }
            });
        }
    });
}

#[test]
fn unknown_events_and_tools_get_no_answer() {
    let sandbox = Sandbox::new();
    let newest = clients().pop().expect("a client");
    for (name, payload) in &newest.payloads {
        for field in ["hook_event_name", "tool_name"] {
            if payload.get(field).is_none() {
                continue;
            }
            let mut payload = payload.clone();
            payload[field] = json!("FutureThing");
            let run = sandbox.run("sef-hook", &[], payload.to_string());
            assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), "", ""), "{name}: {field}");
        }
    }
}
