//! RELIABILITY E1 to E3: where the key goes, where it does not, and that without one nothing is done.

use serde_json::json;

use super::service::KEY;
use super::{Service, app, done, failed, files, tree, turbo};
use crate::sandbox::Sandbox;

fn hello() -> serde_json::Value {
    json!([files(&[("greeter.py", "x = 1\n")])])
}

/// Everywhere in the sandbox that holds the key, the service's own log apart: that is where it was sent.
fn holders(sandbox: &Sandbox) -> Vec<String> {
    let all = tree(&sandbox.home());
    all.into_iter()
        .filter(|(path, text)| !path.contains("service.log") && text.contains(KEY))
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn e1_the_key_is_sent_and_found_nowhere_else() {
    let echo = json!({"do": "status", "status": 401, "echo": true});
    let frame = format!("data: {{\"error\":{{\"message\":\"your {KEY} is bad\"}}}}\n\n");
    let odd = format!("HTTP/1.1 307 Temporary Redirect\nlocation: https://example.com/?key={KEY}");
    for step in [
        echo,
        json!({"do": "events", "events": [frame]}),
        json!({"do": "status", "status": 500, "body": format!("<pre>{KEY}</pre>")}),
        json!({"do": "raw", "head": odd}),
        files(&[("greeter.py", "x = 1\n")]),
    ] {
        let mut sandbox = Sandbox::new();
        let service = Service::start(&mut sandbox, &json!([step]));
        for more in [&[][..], &["--unchecked"]] {
            let run = turbo(&sandbox, more);
            assert!(!format!("{run:?}").contains(KEY), "{run:?}");
        }
        assert_eq!(service.requests()[0]["headers"]["authorization"], format!("Bearer {KEY}"));
        let status = sandbox.run("sef", &["turbo", "status", "--json"], "");
        assert!(
            !format!("{status:?}").contains(KEY) && status.out.contains("\"key_set\":true"),
            "{status:?}"
        );
        assert_eq!(holders(&sandbox), Vec::<String>::new());
    }
}

#[test]
fn e3_without_a_key_nothing_is_sent_and_the_way_to_one_is_said() {
    for value in [None, Some(""), Some("${CEREBRAS_API_KEY}"), Some("  ")] {
        let mut sandbox = Sandbox::new();
        let service = Service::start(&mut sandbox, &hello());
        match value {
            Some(value) => sandbox.set("CEREBRAS_API_KEY", value),
            None => sandbox.unset("CEREBRAS_API_KEY"),
        }
        let error = failed(&turbo(&sandbox, &[]), "no_key")["error"].clone();
        let fix = error["fix"].as_str().unwrap_or_default();
        assert!(
            fix.contains("cloud.cerebras.ai") && fix.contains("settings.json") && fix.contains("stop here"),
            "{error}"
        );
        assert!(service.requests().is_empty() && app(&sandbox).is_empty());
    }
}

#[test]
fn e2_a_project_that_brings_its_own_configuration_chooses_no_service() {
    for dir in ["/proc/self/cwd/.sef", "project/.sef"] {
        for theirs in
            ["base_url = \"https://llm.example.com/v1\"", "key_env = \"HOME\"", "provider = \"groq\""]
        {
            let mut sandbox = Sandbox::new();
            let service = Service::start(&mut sandbox, &hello());
            sandbox.unset("CEREBRAS_BASE_URL");
            sandbox.write("project/.sef/config.toml", format!("[hosted]\n{theirs}\n"));
            sandbox.set("SEF_CONFIG_DIR", sandbox.path(dir));
            let error = failed(&turbo(&sandbox, &[]), "bad_address")["error"].clone();
            let why = error["message"].as_str().or(error["why"].as_str()).unwrap_or_default();
            assert!(why.contains("lies in the project itself"), "{dir} {theirs}: {error}");
            assert!(service.requests().is_empty() && app(&sandbox).is_empty());
        }
    }
}

#[test]
fn the_key_may_stand_in_claude_codes_own_settings() {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &hello());
    sandbox.set("CEREBRAS_API_KEY", "${CEREBRAS_API_KEY}");
    sandbox.write(".claude/settings.json", json!({"env": {"CEREBRAS_API_KEY": KEY}}).to_string());
    done(&turbo(&sandbox, &[]));
    assert_eq!(
        service.requests().iter().find(|request| request["method"] == "POST").expect("one call")["headers"]["authorization"],
        format!("Bearer {KEY}")
    );
    assert_eq!(holders(&sandbox), [".claude/settings.json"]);
}

#[test]
fn e2_a_redirect_is_not_followed() {
    let mut sandbox = Sandbox::new();
    let other = Service::named(&sandbox, "other", &hello(), &[]);
    for status in [301, 302, 303, 307, 308] {
        let step = json!({"do": "status", "status": status, "headers": {"location": format!("{}/chat/completions", other.url)}});
        let service = Service::start(&mut sandbox, &json!([step]));
        let value = failed(&turbo(&sandbox, &[]), "redirected");
        assert!(value["error"]["message"].as_str().unwrap_or_default().contains(&other.url), "{value}");
        assert_eq!(service.calls().len(), 1);
        std::fs::remove_file(sandbox.path("service.log")).expect("forget it");
    }
    assert!(other.requests().is_empty() && app(&sandbox).is_empty());
}

#[test]
fn e2_only_the_users_own_configuration_can_name_another_host() {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &hello());
    for url in ["https://llm.example.com/v1", "http://llm.example.com/v1", "ftp://localhost/", "nonsense"] {
        sandbox.set("CEREBRAS_BASE_URL", url);
        failed(&turbo(&sandbox, &[]), "bad_address");
    }
    // A project's file says nothing here: only the user's config.toml counts.
    sandbox.write("project/.claude/sef.toml", "[hosted]\nbase_url = \"https://llm.example.com/v1\"\n");
    sandbox.unset("CEREBRAS_BASE_URL");
    let own =
        format!("[hosted]\nbase_url = \"{}\"\nkey_env = \"MY_KEY\"\nmodel = \"my-model\"\n", service.url);
    sandbox.write("config/config.toml", own);
    failed(&turbo(&sandbox, &[]), "no_key");
    assert!(service.requests().is_empty());
    sandbox.set("MY_KEY", "own-key-0123456789");
    let value = done(&turbo(&sandbox, &[]));
    assert_eq!(
        (value["model"].as_str(), value["cost_usd"].as_f64()),
        (Some("my-model"), None),
        "no price is no zero"
    );
    let sent = service.requests().into_iter().find(|request| request["method"] == "POST").expect("one call");
    assert_eq!(sent["headers"]["authorization"], "Bearer own-key-0123456789");
}

#[test]
fn a_service_that_wants_no_key_gets_none() {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &hello());
    let own = format!("[hosted]\nprovider = \"ollama\"\nbase_url = \"{}\"\n", service.url);
    sandbox.write("config/config.toml", own);
    let value = done(&turbo(&sandbox, &[]));
    assert_eq!(value["cost_usd"], 0.0);
    assert!(service.requests().iter().all(|request| request["headers"].get("authorization").is_none()));
}

#[test]
fn e2_a_configuration_with_a_mistake_sends_nothing_anywhere() {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &hello());
    for text in [
        "[hosted]\nbase_ulr = \"https://llm.example.com\"\n",
        "[hosted\n",
        "[hosted]\nprovider = \"cerebas\"\n",
    ] {
        sandbox.write("config/config.toml", text);
        let value = failed(&turbo(&sandbox, &[]), "bad_address");
        assert!(value["error"]["message"].as_str().unwrap_or_default().len() > 20, "{value}");
    }
    assert!(service.requests().is_empty());
}

#[test]
fn e1_the_key_is_in_no_command_line() {
    let mut sandbox = Sandbox::new();
    let mut slow = files(&[("greeter.py", "x = 1\n")]);
    slow["latency"] = 20.into();
    let service = Service::start(&mut sandbox, &json!([slow]));
    sandbox.write("project/contract.md", super::CONTRACT);
    let mut command = sandbox.command(crate::sandbox::binary("sef"));
    command.args(["turbo", "--contract", "contract.md", "--out", "app"]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().expect("it starts");
    while service.calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let line = std::fs::read(format!("/proc/{}/cmdline", child.id())).expect("it runs");
    assert!(!String::from_utf8_lossy(&line).contains(KEY));
    child.kill().and_then(|()| child.wait()).expect("it ends");
}
