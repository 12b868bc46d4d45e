//! Tokens and money, against the client's own sums.

use sef::metrics::record::{Kind, Record};
use serde_json::json;

use super::corpus::{FOLDER, Transcript, record, write_log};
use super::{dollars, page, report};
use crate::sandbox::Sandbox;

const OPUS: &str = "claude-opus-5-5";
const HAIKU: &str = "claude-haiku-5-5";

/// Two delegations from an Opus session to Haiku. The counts and the sum are those of a session of the real client.
fn two_delegations() -> [Transcript; 3] {
    let main = Transcript::main("s1")
        .noise()
        .answer("m1", OPUS, (2000, 150, 9000, 0), 2)
        .agent_result("toolu_1", "a1", HAIKU, "completed")
        .answer("m2", OPUS, (300, 140, 500, 11_000), 2)
        .agent_result("toolu_2", "a2", HAIKU, "completed")
        .answer("m3", OPUS, (250, 60, 450, 11_500), 2)
        .answer("m4", OPUS, (200, 110, 300, 12_000), 2)
        .answer("m5", OPUS, (150, 45, 200, 12_300), 1)
        .cost_state(0.084_992_75);
    let first = Transcript::agent("s1", "a1").noise().answer("m6", HAIKU, (1500, 80, 4000, 0), 2).answer(
        "m7",
        HAIKU,
        (300, 40, 250, 5500),
        1,
    );
    let second = Transcript::agent("s1", "a2").answer("m8", HAIKU, (1600, 90, 4100, 0), 1).answer(
        "m9",
        HAIKU,
        (320, 35, 260, 5700),
        1,
    );
    [main, first, second]
}

#[test]
fn the_sum_of_a_session_is_the_clients_own() {
    let sandbox = Sandbox::new();
    for transcript in two_delegations() {
        transcript.write(&sandbox);
    }
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!(cost["actual_usd"], json!(0.084_992_75));
    assert_eq!(cost["main_usd"], json!(0.083_31));
    assert_eq!(cost["subagents_usd"], json!(0.001_682_75));
    assert_eq!(cost["client_usd"], json!(0.084_992_75));
    assert_eq!(cost["differences"], json!([]));
    assert_eq!(cost["unknown_models"], json!([]));
    let haiku = &cost["by_model"][HAIKU];
    assert_eq!(haiku["input_tokens"], 3720);
    assert_eq!(haiku["output_tokens"], 245);
    assert_eq!(haiku["cache_read_tokens"], 11_200);
    assert_eq!(haiku["cache_write_tokens"], 8610);
    assert_eq!(haiku["usd"], json!(0.001_682_75));
    let page = page(&sandbox, &[]);
    assert!(page.contains("total $0.0850: orchestrator $0.0833, subagents $0.0017"), "{page}");
    assert!(page.contains("$0.0850 over 1 session, ours agree to the cent"), "{page}");
    assert!(page.contains("list prices as of 2026-11-20"), "{page}");
}

#[test]
fn spaced_json_costs_the_same() {
    let sandbox = Sandbox::new();
    let spaced = Transcript::main("s1").spaced().answer("m1", OPUS, (1_000_000, 0, 0, 0), 2).cost_state(4.0);
    spaced.write(&sandbox);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!((dollars(&cost["actual_usd"]), dollars(&cost["client_usd"])), (json!(4.0), json!(4.0)));
}

#[test]
fn a_message_on_many_lines_in_many_files_is_paid_once() {
    let sandbox = Sandbox::new();
    let main = Transcript::main("s1").answer("m1", OPUS, (1_000_000, 0, 0, 0), 5);
    main.write(&sandbox);
    // A fork of the agent kind: its own file begins with a copy of the parent's request.
    let copy = Transcript::agent("s9", "a0").answer("m1", OPUS, (1_000_000, 0, 0, 0), 1);
    copy.answer("m2", OPUS, (500_000, 0, 0, 0), 1).write(&sandbox);
    for fork in ["s0", "s2", "s3"] {
        let cost = &report(&sandbox, &[])["cost"];
        assert_eq!(cost["by_model"][OPUS]["requests"], 2);
        assert_eq!((dollars(&cost["main_usd"]), dollars(&cost["subagents_usd"])), (json!(4.0), json!(2.0)));
        main.forked(fork).write(&sandbox);
    }
}

#[test]
fn a_forked_session_is_compared_with_all_it_holds_and_summed_once() {
    let sandbox = Sandbox::new();
    let transcripts = two_delegations();
    for transcript in &transcripts {
        transcript.write(&sandbox);
    }
    // The client's sum of a fork goes on from the session that it was copied from, agents included.
    let fork = transcripts[0].forked("s2").answer("m10", OPUS, (1_000_000, 0, 0, 0), 1);
    fork.cost_state(4.084_992_75).write(&sandbox);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!(cost["differences"], json!([]));
    assert_eq!(cost["sessions_checked"], 2);
    assert_eq!(cost["actual_usd"], json!(4.084_992_75));
    assert_eq!(dollars(&cost["client_usd"]), 4.084_992_75);
}

#[test]
fn a_session_that_goes_on_after_its_sum_is_compared_up_to_there() {
    let sandbox = Sandbox::new();
    let ended = Transcript::main("s1").answer("m1", OPUS, (1_000_000, 0, 0, 0), 1).cost_state(4.0);
    ended.clone().answer("m2", OPUS, (2_000_000, 0, 0, 0), 1).write(&sandbox);
    Transcript::agent("s1", "a1").noise().answer("m3", HAIKU, (1_000_000, 0, 0, 0), 1).write(&sandbox);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!(cost["differences"], json!([]));
    assert_eq!((dollars(&cost["client_usd"]), dollars(&cost["actual_usd"])), (json!(4.0), json!(12.5)));
    // Resumed and ended again: the last sum holds for all.
    ended.answer("m2", OPUS, (2_000_000, 0, 0, 0), 1).cost_state(12.5).write(&sandbox);
    assert_eq!(report(&sandbox, &[])["cost"]["differences"], json!([]));
}

#[test]
fn a_difference_of_more_than_a_cent_is_named() {
    let sandbox = Sandbox::new();
    for (session, client) in [("near", 4.01), ("far", 4.0101)] {
        Transcript::main(session)
            .answer(session, OPUS, (1_000_000, 0, 0, 0), 1)
            .cost_state(client)
            .write(&sandbox);
    }
    let cost = &report(&sandbox, &[])["cost"];
    let differences = cost["differences"].as_array().expect("a list");
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0]["session"], "far");
    assert_eq!(
        (dollars(&differences[0]["client_usd"]), dollars(&differences[0]["computed_usd"])),
        (json!(4.0101), json!(4.0))
    );
    let page = page(&sandbox, &[]);
    assert!(page.contains("DIFFERENCE session far: client $4.01, ours $4.00"), "{page}");
}

#[test]
fn a_partial_usage_followed_by_the_full_one_counts_full_in_any_order() {
    for order in [[10, 500], [500, 10]] {
        let sandbox = Sandbox::new();
        let [first, second] = order;
        Transcript::main("s1")
            .answer("m1", OPUS, (100, first, 0, 0), 1)
            .answer("m1", OPUS, (100, second, 0, 0), 1)
            .write(&sandbox);
        assert_eq!(report(&sandbox, &[])["cost"]["by_model"][OPUS]["output_tokens"], 500);
    }
}

#[test]
fn the_haiku_band_is_chosen_for_each_request() {
    let sandbox = Sandbox::new();
    Transcript::main("s1")
        .answer("m1", HAIKU, (50_000, 1000, 20_000, 30_000), 1)
        .answer("m2", HAIKU, (50_001, 1000, 20_000, 30_000), 1)
        .write(&sandbox);
    // 0.005 + 0.0005 + 0.0025 + 0.0003, then every token at the higher card: 0.0250005 + 0.0025 + 0.0125 + 0.0015.
    assert_eq!(report(&sandbox, &[])["cost"]["actual_usd"], json!(0.049_800_5));
}

#[test]
fn an_unknown_model_is_loud_and_never_free() {
    let sandbox = Sandbox::new();
    Transcript::main("s1")
        .answer("m1", "claude-opus-9", (1_000_000, 7, 0, 0), 1)
        .answer("m2", "<synthetic>", (1_000_000, 0, 0, 0), 1)
        .answer("m3", OPUS, (1_000_000, 0, 0, 0), 1)
        .write(&sandbox);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!(cost["unknown_models"], json!(["claude-opus-9"]));
    assert_eq!(cost["by_model"]["claude-opus-9"]["usd"], json!(null));
    assert_eq!(cost["by_model"]["claude-opus-9"]["output_tokens"], 7);
    assert_eq!(cost["by_model"]["<synthetic>"], json!(null));
    assert_eq!(dollars(&cost["actual_usd"]), 4.0);
    assert!(page(&sandbox, &[]).contains("NO PRICE for claude-opus-9: its cost is in no sum above"));
}

#[test]
fn the_users_prices_replace_ours_and_a_faulty_file_stops_the_report() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", "my-model", (1_000_000, 0, 0, 0), 1).write(&sandbox);
    let row = "[[price]]\nmodel = \"my-model\"\ninput = 1.5\noutput = 0\ncache_write_5m = 0\ncache_write_1h = 0\ncache_read = 0\nsource = \"contract\"\nas_of = \"2026-11-01\"\n";
    sandbox.write("config/prices.toml", row);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!(
        (dollars(&cost["actual_usd"]), &cost["own_prices"]["my-model"]),
        (json!(1.5), &json!("2026-11-01"))
    );
    let path = sandbox.write("config/prices.toml", row.replace("input = 1.5", "input = cheap"));
    let run = sandbox.run("sef-stats", &["report"], "");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    let place = format!("sef-stats: cannot use your prices: {}:3:", path.display());
    assert!(run.err.starts_with(&place) && run.err.contains("to mend it: correct that line"), "{}", run.err);
}

#[test]
fn fast_mode_hour_long_writes_and_searches_are_charged() {
    let sandbox = Sandbox::new();
    let more = json!({"speed": "fast", "server_tool_use": {"web_search_requests": 7},
        "cache_creation": {"ephemeral_5m_input_tokens": 1_000_000, "ephemeral_1h_input_tokens": 2_000_000}});
    Transcript::main("s1")
        .answer_with("m1", OPUS, (1_000_000, 100_000, 3_000_000, 1_000_000), 1, &more)
        .cost_state(54.47)
        .write(&sandbox);
    let cost = &report(&sandbox, &[])["cost"];
    assert_eq!((dollars(&cost["actual_usd"]), &cost["differences"]), (json!(54.47), &json!([])));
}

#[test]
fn since_leaves_out_older_requests_and_sessions_begun_before() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", OPUS, (1_000_000, 0, 0, 0), 1).cost_state(4.0).write(&sandbox);
    for (since, usd, client) in [("2026-11-20", 4.0, json!(4.0)), ("2026-11-21", 0.0, json!(null))] {
        let cost = &report(&sandbox, &["--since", since])["cost"];
        assert_eq!((dollars(&cost["actual_usd"]), &cost["client_usd"]), (json!(usd), &client), "{since}");
    }
    assert_eq!(sandbox.run("sef-stats", &["report", "--since", "soon"], "").code, Some(2));
}

#[test]
fn a_project_is_named_by_path_or_by_folder() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", OPUS, (1_000_000, 0, 0, 0), 1).write(&sandbox);
    let other = sandbox.read(&format!("{FOLDER}/s1.jsonl")).replace("m1", "m2");
    let folder = sef::metrics::record::transcript_folder(&sandbox.path("project").to_string_lossy());
    sandbox.write(&format!(".claude/projects/{folder}/s2.jsonl"), other.replace("1000000", "2000000"));
    let usd = |args: &[&str]| dollars(&report(&sandbox, args)["cost"]["actual_usd"]);
    assert_eq!(usd(&[]), 12.0);
    assert_eq!(usd(&["--project", "-home-user-shop"]), 4.0);
    assert_eq!(usd(&["--project", "/home/user/shop"]), 4.0);
    assert_eq!(usd(&["--project", "/home/user/shop/"]), 4.0);
    assert_eq!(usd(&["--project", "."]), 8.0);
    assert_eq!(usd(&["--project", &folder]), 8.0);
    assert_eq!(usd(&["--project", "/home/user/elsewhere"]), 0.0);
}

#[test]
fn the_same_money_is_told_by_day_project_executor_and_prompt() {
    let sandbox = Sandbox::new();
    let said =
        |id: &str| json!({"type": "user", "promptId": id, "message": {"role": "user", "content": "go"}});
    let million = (1_000_000, 0, 0, 0);
    Transcript::main("s1")
        .answer("m0", OPUS, million, 1)
        .line(&said("p1"))
        .answer("m1", OPUS, million, 2)
        .line(&said("p2"))
        .answer("m2", OPUS, million, 1)
        // A background agent's report comes back under the prompt that started it.
        .line(&said("p1"))
        .at(13 * 3600)
        .answer("m3", OPUS, (0, 0, 1_000_000, 0), 1)
        .answer("m4", "claude-opus-9", million, 1)
        .write(&sandbox);
    Transcript::agent("s1", "a1").line(&said("p1")).answer("m5", HAIKU, million, 1).write_with_meta(
        &sandbox,
        "sef:sef-explore",
        "toolu_1",
        "haiku",
        None,
    );
    Transcript::agent("s1", "acompact-1").line(&said("p2")).answer("m6", HAIKU, million, 1).write(&sandbox);
    let other = Transcript::main("s2").line(&said("p3")).answer("m7", OPUS, million, 1);
    other.write_to(&sandbox, ".claude/projects/-home-user-a-much-longer-name/s2.jsonl");
    write_log(&sandbox, &[Record { p: Some("p1".to_owned()), tier: Some(1), ..record(Kind::Prompt) }]);
    let report = report(&sandbox, &[]);
    let cost = &report["cost"];
    let usd = |group: &str| {
        let rows = cost[group].as_object().expect(group);
        rows.iter().map(|(key, sum)| (key.clone(), dollars(&sum["usd"]))).collect::<Vec<_>>()
    };
    let is = |rows: &[(&str, f64)]| {
        rows.iter().map(|(key, sum)| ((*key).to_owned(), json!(sum))).collect::<Vec<_>>()
    };
    assert_eq!(dollars(&cost["actual_usd"]), 22.0);
    assert_eq!(usd("by_day"), is(&[("2026-11-20", 17.0), ("2026-11-21", 5.0)]));
    assert_eq!(usd("by_project"), is(&[("-home-user-a-much-longer-name", 4.0), ("-home-user-shop", 18.0)]));
    assert_eq!(
        usd("by_executor"),
        is(&[("client's helpers", 0.5), ("orchestrator", 21.0), ("sef-explore", 0.5)])
    );
    assert_eq!(cost["by_day"]["2026-11-21"]["unpriced_requests"], 1);
    // Each day's models come to the day, and each model's days to the model.
    for (day, sum) in cost["by_day"].as_object().expect("days") {
        let models = cost["by_day_model"][day].as_object().expect("models");
        let all: f64 = models.values().filter_map(|of_model| of_model["usd"].as_f64()).sum();
        assert_eq!(dollars(&json!(all)), dollars(&sum["usd"]), "{day}");
    }
    for (model, sum) in cost["by_model"].as_object().expect("models") {
        let days = cost["by_day_model"].as_object().expect("days").values();
        let all: u64 = days.filter_map(|of_day| of_day[model]["requests"].as_u64()).sum();
        assert_eq!(sum["requests"], all, "{model}");
    }
    assert_eq!(cost["by_project"]["-home-user-shop"]["cache_write_1h_tokens"], 0);
    assert_eq!(dollars(&cost["by_project"]["-home-user-shop"]["subagents_usd"]), 1.0);
    let prompts = &cost["prompts"];
    assert_eq!((&prompts["count"], &prompts["requests_without"]), (&json!(3), &json!(1)));
    let dearest: Vec<_> = prompts["dearest"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["prompt"], &one["tier"]))
        .collect();
    assert_eq!(
        dearest,
        [(&json!("p1"), &json!(1)), (&json!("p2"), &json!(null)), (&json!("p3"), &json!(null))]
    );
    assert_eq!(dollars(&prompts["dearest"][0]["usd"]), 9.5);
    assert_eq!(prompts["by_tier"]["1"], json!({"prompts": 1, "usd": 9.5, "median_usd": 9.5}));
    assert_eq!(prompts["by_tier"]["unknown"]["prompts"], 2);
    for (by, expected) in [
        ("day", "2026-11-21"),
        ("project", "~r-a-much-longer-name"),
        ("executor", "client's helpers"),
        ("prompt", "tier 1: 1 prompt, $9.50 in all"),
        ("model", "claude-haiku-5-5"),
    ] {
        let page = page(&sandbox, &["--by", by]);
        assert!(page.contains(expected), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    }
}

#[test]
fn what_delegated_work_would_have_cost_is_the_same_tokens_at_other_prices() {
    let sandbox = Sandbox::new();
    for transcript in two_delegations() {
        transcript.write(&sandbox);
    }
    let savings = &report(&sandbox, &[])["savings"];
    for (key, sum) in [
        ("agents_usd", 0.001_682_75),
        ("agents_on_orchestrator_usd", 0.065_07),
        ("opening_usd", 0.001_322_5),
        ("reading_usd", 0.000_375),
        ("sessions_usd", 0.084_992_75),
        ("single_model_usd", 0.003_999_5),
    ] {
        assert_eq!(dollars(&savings[key]), json!(sum), "{key}");
    }
    assert_eq!((&savings["agents"], &savings["agents_left_out"]), (&json!(2), &json!(0)));
    assert_eq!(savings["single_models"], json!({HAIKU: 1}));
    let page = page(&sandbox, &[]);
    assert!(page.contains("Estimates: the same tokens at other prices"), "{page}");
    assert!(page.contains("as long as less than 97 % of that work is done again"), "{page}");
}

#[test]
fn dearer_subagents_are_said_to_cost_more_and_unknown_prices_are_in_no_estimate() {
    let sandbox = Sandbox::new();
    Transcript::main("s1")
        .answer("m1", HAIKU, (1000, 100, 0, 0), 1)
        .agent_result("toolu_1", "a1", OPUS, "completed")
        .write(&sandbox);
    Transcript::agent("s1", "a1").answer("m2", OPUS, (1000, 100, 0, 0), 1).write(&sandbox);
    let text = page(&sandbox, &[]);
    assert!(text.contains("MORE than on the orchestrator's model"), "{text}");
    assert!(text.contains("less than 0 %"), "{text}");
    Transcript::agent("s1", "a2").answer("m3", "claude-opus-99", (1000, 100, 0, 0), 1).write(&sandbox);
    Transcript::agent("gone", "a3").answer("m4", OPUS, (1000, 100, 0, 0), 1).write(&sandbox);
    let savings = &report(&sandbox, &[])["savings"];
    assert_eq!((&savings["agents"], &savings["agents_left_out"]), (&json!(1), &json!(2)));
    assert_eq!(dollars(&savings["agents_usd"]), json!(0.006));
}

#[test]
fn without_delegations_nothing_is_said_about_savings() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", OPUS, (1000, 100, 0, 0), 1).write(&sandbox);
    assert!(!page(&sandbox, &[]).contains("worth it"));
}
