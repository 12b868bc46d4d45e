//! RELIABILITY E4, D5, D6: the service may lie, stall, fail or never end. Each has its own outcome, and the folder stays.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Service, app, done, failed, files, only, turbo};
use crate::sandbox::Sandbox;

const HELLO: (&str, &str) = ("greeter.py", "def greet(name):\n    return name\n");

fn hello() -> Value {
    files(&[HELLO])
}

fn status(status: u16, body: &str) -> Value {
    json!({"do": "status", "status": status, "body": body})
}

/// Plays a script to one order that fails; answers how many calls were made.
fn refused(script: &Value, code: &str, more: &[&str]) -> (usize, Value) {
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, script);
    let run = turbo(&sandbox, more);
    let value = failed(&run, code);
    assert!(app(&sandbox).is_empty(), "nothing is written: {:?}", app(&sandbox));
    assert_eq!(run.err, "");
    (service.calls().len(), value)
}

#[test]
fn e4_a_refusal_has_its_kind_and_is_not_tried_again() {
    let flat = |message: &str, code: &str| {
        json!({"message": message, "type": "invalid_request_error", "param": null, "code": code}).to_string()
    };
    for (answer, code, said) in [
        (status(400, &flat("bad field", "wrong_api_format")), "bad_request", "bad field"),
        (status(400, &flat("Please reduce the length of the messages", "")), "too_long", "reduce"),
        (status(401, &flat("Wrong API key", "wrong_api_key")), "bad_key", "401"),
        (status(402, "{\"error\":{\"message\":\"pay\"}}"), "payment_required", "pay"),
        (status(403, "no"), "forbidden", "403"),
        (status(413, "<html>too big</html>"), "too_long", "413"),
        (status(422, "{\"detail\":\"bad value\"}"), "bad_value", "bad value"),
    ] {
        let (calls, value) = refused(&json!([answer]), code, &[]);
        let message = value["error"]["message"].as_str().unwrap_or_default();
        assert!(calls == 1 && message.contains(said), "{code}: {calls} calls, {message}");
    }
}

#[test]
fn e4_a_retired_model_is_answered_with_what_is_served_now() {
    let gone = json!({"message": "Model llama3.1-8b does not exist", "type": "not_found_error", "code": "model_not_found"});
    let (calls, value) =
        refused(&json!([status(404, &gone.to_string())]), "no_model", &["--model", "llama3.1-8b"]);
    let fix = value["error"]["fix"].as_str().unwrap_or_default();
    assert!(fix.contains("gpt-oss-120b") && fix.contains("qwen-3.8-27b") && calls == 1, "{value}");
}

#[test]
fn e4_a_busy_service_is_asked_again_after_the_time_it_names() {
    for headers in [
        json!({"retry-after": "0.3"}),
        json!({"retry-after-ms": "300"}),
        json!({"x-ratelimit-remaining-tokens-minute": "0", "x-ratelimit-reset-tokens-minute": "0.3"}),
        json!({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "300ms"}),
        json!({}),
    ] {
        let mut sandbox = Sandbox::new();
        let busy = json!({"do": "status", "status": 429, "headers": headers,
                          "body": {"message": "slow down", "type": "too_many_requests_error", "code": "request_quota_exceeded"}});
        let service = Service::start(&mut sandbox, &json!([busy, hello()]));
        let value = done(&turbo(&sandbox, &[]));
        assert_eq!((value["retries"].as_u64(), service.calls().len()), (Some(1), 2), "{headers}");
        let times: Vec<f64> = service
            .requests()
            .iter()
            .filter(|r| r["method"] == "POST")
            .filter_map(|r| r["at"].as_f64())
            .collect();
        assert!(times[1] - times[0] >= 0.28, "it waited: {times:?}");
    }
}

#[test]
fn e4_a_wait_that_is_longer_than_the_time_left_is_refused_at_once() {
    let start = Instant::now();
    let busy = json!({"do": "status", "status": 429, "headers": {"retry-after": "300"}, "body": "{}"});
    let (calls, value) = refused(&json!([busy]), "rate_limited", &["--timeout", "30"]);
    assert!(start.elapsed() < Duration::from_secs(15) && calls == 1);
    assert!(value["error"]["message"].as_str().unwrap_or_default().contains("300 s"), "{value}");
}

#[test]
fn e4_a_broken_service_is_asked_again_a_few_times() {
    let mut sandbox = Sandbox::new();
    let page = status(502, "<!DOCTYPE html><title>Bad gateway</title>");
    let service = Service::start(&mut sandbox, &json!([status(500, "{}"), page, hello()]));
    assert_eq!(done(&turbo(&sandbox, &[]))["retries"], 2);
    assert_eq!(app(&sandbox), only(HELLO.0, HELLO.1));
    drop(service);
    let (calls, value) = refused(&json!([status(503, "{\"message\":\"down\"}")]), "unavailable", &[]);
    assert!(calls == 4 && value["retries"] == 3, "{calls}: {value}");
}

#[test]
fn e4_a_post_is_not_repeated_once_an_answer_began() {
    let delta = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let error =
        |code: u16| format!("data: {{\"error\":{{\"message\":\"boom\"}},\"status_code\":{code}}}\n\n");
    let head = "HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: 500";
    for (step, code) in [
        (json!({"do": "events", "events": [delta], "then": "cut"}), "cut_off"),
        (json!({"do": "events", "events": [delta]}), "cut_off"),
        (json!({"do": "events", "events": [delta, error(500)]}), "unavailable"),
        (json!({"do": "events", "events": [delta, "data: {\"error\":\"boom\"}\n\n"]}), "error_in_answer"),
        (json!({"do": "raw", "head": head, "body": "{\"choices\":[{\"mess", "then": "cut"}), "cut_off"),
        (json!({"do": "raw", "head": head, "body": "", "then": "cut"}), "cut_off"),
    ] {
        let (calls, _) = refused(&json!([step]), code, &[]);
        assert_eq!(calls, 1, "{step}");
    }
}

#[test]
fn e4_an_error_in_place_of_an_answer_is_asked_again_like_a_refusal() {
    let frame = "data: {\"error\":{\"message\":\"queue full\"},\"status_code\":429}\n\n";
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &json!([{"do": "events", "events": [frame]}, hello()]));
    done(&turbo(&sandbox, &[]));
    assert_eq!(service.calls().len(), 2);
}

#[test]
fn e4_what_is_no_answer_is_said_to_be_none() {
    let head = |kind: &str| format!("HTTP/1.1 200 OK\ncontent-type: {kind}\nconnection: close");
    let gzip = format!("{}\ncontent-encoding: gzip", head("application/json"));
    for (step, code) in [
        (
            json!({"do": "raw", "head": head("text/html"), "body": "<!DOCTYPE html><title>Welcome</title>"}),
            "not_an_answer",
        ),
        (json!({"do": "raw", "head": head("application/json"), "body": "{\"hello\":1}"}), "not_an_answer"),
        (
            json!({"do": "raw", "head": head("text/event-stream"), "body": "<html>oops</html>\n"}),
            "not_an_answer",
        ),
        (json!({"do": "raw", "head": gzip, "gzip": 300_000_000}), "not_an_answer"),
        (json!({"do": "answer", "form": "text", "text": "", "sse": false}), "empty"),
        (json!({"do": "answer", "form": "text", "text": "", "reasoning": "only thoughts"}), "empty"),
        (json!({"do": "answer", "files": {"a.py": "x\n"}, "finish": null, "sse": false}), "cut_off"),
        (json!({"do": "answer", "files": {"a.py": "x\n"}, "finish": "content_filter"}), "filtered"),
    ] {
        let (calls, _) = refused(&json!([step]), code, &[]);
        assert_eq!(calls, 1, "{step}");
    }
}

#[test]
fn e4_a_service_that_stalls_or_dribbles_is_left_when_the_time_is_up() {
    let ok = "HTTP/1.1 200 OK\ncontent-type: text/event-stream";
    let dribble: Vec<&str> = vec![": \n"; 100];
    for step in [
        json!({"do": "raw", "head": ok, "then": "stall"}),
        json!({"do": "status", "status": 200, "latency": 20}),
        json!({"do": "events", "events": dribble, "pause": 0.3, "then": "stall"}),
    ] {
        let start = Instant::now();
        let (calls, _) = refused(&json!([step]), "timed_out", &["--timeout", "2"]);
        assert!(calls == 1 && start.elapsed() < Duration::from_secs(12), "{step}");
    }
}

#[test]
fn d6_an_answer_without_end_is_left_and_takes_no_memory() {
    let head = |kind: &str| format!("HTTP/1.1 200 OK\ncontent-type: {kind}\nconnection: close");
    let event =
        "data: {\"choices\":[{\"delta\":{\"content\":\"0123456789012345678901234567890123456789\"}}]}\n\n";
    for (kind, text) in
        [("application/json", "            "), ("text/event-stream", event), ("text/event-stream", ": ")]
    {
        let mut sandbox = Sandbox::new();
        let body = json!({"repeat": text, "times": 400_000_000 / text.len()});
        let service = Service::start(&mut sandbox, &json!([{"do": "raw", "head": head(kind), "body": body}]));
        sandbox.write("project/contract.md", super::CONTRACT);
        // 300 MB of address space hold the program and its threads, and no answer of that size.
        let sef = crate::sandbox::binary("sef").display().to_string();
        let command = format!("ulimit -v 300000; exec {sef} turbo --contract contract.md --out app --json");
        let mut shell = sandbox.command("sh");
        shell.args(["-c", &command]);
        failed(&crate::sandbox::finish(shell, b""), "endless");
        assert_eq!((service.calls().len(), app(&sandbox).len()), (1, 0));
    }
}

#[test]
fn d5_an_answer_that_is_cut_off_is_asked_for_with_more_room_and_never_written() {
    let cut = json!({"do": "answer", "files": {"greeter.py": "def gre"}, "finish": "length"});
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &json!([cut, hello()]));
    let value = done(&turbo(&sandbox, &[]));
    let bounds: Vec<u64> =
        service.calls().iter().filter_map(|call| call["max_completion_tokens"].as_u64()).collect();
    assert!(bounds.len() == 2 && bounds[1] == bounds[0] * 2 && value["retries"] == 1, "{bounds:?}");
    assert_eq!(app(&sandbox), only(HELLO.0, HELLO.1));
    drop(service);
    let (calls, value) = refused(&json!([cut]), "truncated", &[]);
    assert!(calls == 3 && value["usage"]["completion"].as_u64() > Some(0), "what was used counts: {value}");
    // A bound that a person set is kept.
    assert_eq!(refused(&json!([cut]), "truncated", &["--max-tokens", "700"]).0, 1);
}

#[test]
fn d5_an_answer_that_cannot_be_read_is_asked_for_once_more_and_never_written() {
    let prose = json!({"do": "answer", "form": "text", "text": "Sure! Here is how I would do it."});
    let open = json!({"do": "answer", "form": "text", "text": "<FILE path=\"greeter.py\">\ndef greet():\n"});
    let mut sandbox = Sandbox::new();
    let service = Service::start(&mut sandbox, &json!([open, hello()]));
    done(&turbo(&sandbox, &[]));
    let second = service.calls()[1]["messages"][1]["content"].to_string();
    assert!(second.contains("line 1") && second.contains("greeter library"), "it is told why: {second}");
    assert_eq!(app(&sandbox), only(HELLO.0, HELLO.1));
    drop(service);
    let (calls, value) = refused(&json!([prose]), "unreadable_answer", &[]);
    assert!(
        calls == 2 && value["error"]["message"].as_str().unwrap_or_default().contains("Here is how"),
        "{value}"
    );
}

#[test]
fn a_field_that_a_service_does_not_know_is_left_out_the_next_time() {
    let mut sandbox = Sandbox::new();
    let unknown = |field: &str| {
        status(400, &json!({"error": {"message": format!("unknown field `{field}`")}}).to_string())
    };
    let script = json!([unknown("stream_options"), unknown("max_completion_tokens"), hello()]);
    let service = Service::start(&mut sandbox, &script);
    done(&turbo(&sandbox, &[]));
    let last = &service.calls()[2];
    assert!(last.get("stream_options").is_none() && last.get("max_completion_tokens").is_none(), "{last}");
    assert!(last["max_tokens"].as_u64() > Some(0), "{last}");
}

#[test]
fn e4_odd_figures_do_not_break_an_order() {
    for usage in [
        json!({"prompt_tokens": u64::MAX, "completion_tokens": u64::MAX}),
        json!({"prompt_tokens": -4, "completion_tokens": "many"}),
        json!([1, 2]),
        json!(null),
    ] {
        let mut sandbox = Sandbox::new();
        let mut step = hello();
        step["usage"] = usage;
        let _service = Service::start(&mut sandbox, &json!([step]));
        done(&turbo(&sandbox, &[]));
        assert_eq!(app(&sandbox), only(HELLO.0, HELLO.1));
    }
}
