//! The rate limit: parallel calls fit instead of failing, and what headers say is learned.

use serde_json::json;

use super::{Service, files, turbo};
use crate::sandbox::{Run, Sandbox};

#[test]
fn three_parallel_orders_fit_into_a_small_rate_limit_without_a_refusal() {
    let mut sandbox = Sandbox::new();
    // 6,000 tokens each, five requests and 30,000 tokens a minute, charged up front with the bound.
    let big = "x = 1  # a line of about twenty-four bytes\n".repeat(560);
    let script = json!([files(&[("greeter.py", &big)])]);
    let service = Service::start_with(&mut sandbox, &script, &["--rpm", "5", "--tpm", "30000"]);
    sandbox.write("project/contract.md", super::CONTRACT);
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let orders: Vec<_> = ["one", "two", "three"]
            .into_iter()
            .map(|out| {
                let sandbox = &sandbox;
                let args =
                    ["turbo", "--contract", "contract.md", "--out", out, "--json", "--max-tokens", "8500"];
                scope.spawn(move || sandbox.run("sef", &args, ""))
            })
            .collect();
        orders.into_iter().map(|order| order.join().expect("it ends")).collect()
    });
    for run in &runs {
        let value = super::done(run);
        assert_eq!(value["retries"], 0, "nobody was refused: {value}");
        assert!(value["usage"]["completion"].as_u64() > Some(5_900), "{value}");
    }
    assert_eq!(service.calls().len(), 3);
}

#[test]
fn what_does_not_fit_into_the_time_is_refused_before_it_is_sent() {
    let mut sandbox = Sandbox::new();
    let script = json!([files(&[("greeter.py", "x = 1\n")])]);
    let service = Service::start_with(&mut sandbox, &script, &["--rpm", "2", "--tpm", "30000"]);
    super::done(&turbo(&sandbox, &["--max-tokens", "25000"]));
    let value = super::failed(&turbo(&sandbox, &["--max-tokens", "25000", "--timeout", "3"]), "rate_limited");
    assert!(
        value["error"]["message"].as_str().unwrap_or_default().contains("rate limit has room"),
        "{value}"
    );
    assert_eq!(service.calls().len(), 1);
    let status = sandbox.run("sef", &["turbo", "status", "--offline"], "");
    assert!(status.out.contains("2 requests and 30000 tokens a minute"), "{status:?}");
}

#[test]
fn what_a_services_list_does_not_say_is_filled_in_from_what_is_built_in() {
    let mut sandbox = Sandbox::new();
    let _service = Service::start(&mut sandbox, &json!([files(&[("greeter.py", "x = 1\n")])]));
    let status = sandbox.run("sef", &["turbo", "status"], "");
    assert!(status.out.contains("$0.35 / $0.75 per million"), "{status:?}");
    let value = super::done(&turbo(&sandbox, &[]));
    assert!(value["cost_usd"].as_f64() > Some(0.0), "{value}");
}

#[test]
fn the_services_list_of_models_is_read_kept_and_gives_the_price() {
    let mut sandbox = Sandbox::new();
    let models = json!([{"id": "gpt-oss-120b", "pricing": {"prompt": "0.000001", "completion": "0.000002"},
                         "limits": {"max_context_length": 9000, "max_completion_tokens": 3000}}]);
    let script = json!([files(&[("greeter.py", "x = 1\n")])]);
    let service = Service::start_with(&mut sandbox, &script, &["--models", &models.to_string()]);
    let status = sandbox.run("sef", &["turbo", "status"], "");
    assert!(status.code == Some(0) && status.out.contains("$1 / $2 per million"), "{status:?}");
    let value = super::done(&turbo(&sandbox, &[]));
    let (prompt, completion) = (value["usage"]["prompt"].as_f64(), value["usage"]["completion"].as_f64());
    let expected = (prompt.unwrap_or(0.0) + 2.0 * completion.unwrap_or(0.0)) / 1e6;
    assert!((value["cost_usd"].as_f64().unwrap_or(0.0) - expected).abs() < 1e-12, "{value}");
    assert_eq!(service.calls()[0]["max_completion_tokens"], 3000);
    let lists = service.requests().iter().filter(|request| request["method"] == "GET").count();
    assert_eq!(lists, 2, "the account's list and the public one, once");
    let other = sandbox.run("sef", &["turbo", "status", "--json"], "");
    assert_eq!(other.code, Some(0));
    sandbox.set("CEREBRAS_MODEL", "llama-3.3-70b");
    let gone = sandbox.run("sef", &["turbo", "status"], "");
    assert!(
        gone.code == Some(1) && gone.out.contains("no_model") && gone.out.contains("gpt-oss-120b"),
        "{gone:?}"
    );
}
