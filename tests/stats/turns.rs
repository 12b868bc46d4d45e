//! The conversation's own turns in the report: where they ran, and what detours came to, against figures worked out by hand.

use sef::metrics::record::{Kind, MainTurn, Record};
use serde_json::json;

use super::corpus::{NOON, Tokens, Transcript, record, write_log};
use super::html::html;
use super::{dollars, page, report};
use crate::sandbox::Sandbox;

const OPUS: &str = "claude-opus-5-5";
const HAIKU: &str = "claude-haiku-5-5";

/// A decision about the turn of a prompt.
fn decision(prompt: &str, want: Option<&str>, why: &str, gain: i64) -> Record {
    let turn = MainTurn {
        g: Some(gain),
        w: Some(gain.saturating_sub(9_000)),
        alt: Some("haiku".to_owned()),
        ..MainTurn::default()
    };
    Record {
        p: Some(prompt.to_owned()),
        tier: Some(1),
        par: Some(OPUS.to_owned()),
        want: want.map(str::to_owned),
        why: Some(why.to_owned()),
        mt: Some(Box::new(turn)),
        ..record(Kind::Main)
    }
}

/// A prompt, and the answers of one model to it.
fn turn(transcript: Transcript, prompt: &str, model: &str, answers: &[Tokens]) -> Transcript {
    let typed = json!({"type": "user", "promptId": prompt, "message": {"role": "user", "content": "go"}});
    answers.iter().enumerate().fold(transcript.line(&typed), |transcript, (number, tokens)| {
        transcript.answer(&format!("{prompt}-{number}"), model, *tokens, 1)
    })
}

/// Opus, two turns on Haiku, Opus again with its cache still there.
fn detour() -> Transcript {
    let begun = turn(Transcript::main("s1"), "p1", OPUS, &[(0, 100, 40_000, 0)]);
    let away = turn(begun, "p2", HAIKU, &[(0, 100, 41_000, 0), (0, 100, 1_000, 41_000)]);
    turn(turn(away, "p3", HAIKU, &[(0, 100, 1_000, 42_000)]), "p4", OPUS, &[(0, 100, 4_000, 40_000)])
}

fn decisions() -> Vec<Record> {
    vec![
        decision("p1", None, "tier-3", 0),
        decision("p2", Some("haiku"), "pays", 30_000),
        decision("p3", Some("haiku"), "pays", 10_000),
        decision("p4", None, "no-gain", -5_000),
    ]
}

#[test]
fn a_detour_is_worth_what_staying_would_have_cost_less_what_it_did() {
    let sandbox = Sandbox::new();
    detour().write(&sandbox);
    write_log(&sandbox, &decisions());
    let turns = &report(&sandbox, &[])["main_turns"];
    assert_eq!(
        (&turns["decided"], &turns["moved"], &turns["left"]),
        (&json!(4), &json!({"haiku": 2}), &json!({"no-gain": 1, "tier-3": 1}))
    );
    assert_eq!(
        (&turns["ran_there"], &turns["ran_elsewhere"], &turns["not_seen"]),
        (&json!(2), &json!(0), &json!(0))
    );
    assert_eq!((&turns["gained"], &turns["lost"], &turns["cold_returns"]), (&json!(1), &json!(0), &json!(0)));
    // Haiku: 41,000 and 1,000 and 1,000 written at 0.125, 41,000 and 42,000 read at 0.01, 300 out at 0.5 a million;
    // back on Opus 4,000 written at 5, 40,000 read at 0.2, 100 out at 20.
    let went =
        (43_000.0 * 0.125 + 83_000.0 * 0.01 + 300.0 * 0.5 + 4_000.0 * 5.0 + 40_000.0 * 0.2 + 100.0 * 20.0)
            / 1e6;
    // On Opus all the way: each request reads what the one before it had and writes the rest.
    let stayed = ((1_000.0 + 1_000.0 + 1_000.0 + 1_000.0) * 5.0
        + (40_000.0 + 41_000.0 + 42_000.0 + 43_000.0) * 0.2
        + 400.0 * 20.0)
        / 1e6;
    assert_eq!(dollars(&turns["went_usd"]), dollars(&json!(went)));
    assert_eq!(dollars(&turns["stayed_usd"]), dollars(&json!(stayed)));
    assert_eq!(dollars(&turns["expected_usd"]), json!(0.04));
    let way = &turns["detours"][0];
    assert_eq!((&way["model"], &way["requests"], &way["returned"]), (&json!(HAIKU), &json!(3), &json!(true)));
    let page = page(&sandbox, &[]);
    for words in
        ["4 turns: 2 on haiku, 2 left alone", "2 of 2 moved turns ran wholly", "gained $", "1 gained, 0 lost"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(html(&sandbox, &[]).contains("its cache"));
}

#[test]
fn a_cache_that_died_on_the_way_is_a_loss_and_said_loudly() {
    let sandbox = Sandbox::new();
    // 200 seconds to the detour, 200 back: Opus is left alone for 400.
    let begun = turn(Transcript::main("s1"), "p1", OPUS, &[(0, 100, 80_000, 0)]);
    let away = turn(begun.at(200), "p2", HAIKU, &[(0, 100, 81_000, 0)]);
    turn(away.at(400), "p4", OPUS, &[(0, 100, 82_000, 0)]).write(&sandbox);
    write_log(&sandbox, &[decision("p2", Some("haiku"), "pays", 5_000)]);
    let turns = &report(&sandbox, &[])["main_turns"];
    assert_eq!((&turns["gained"], &turns["lost"], &turns["cold_returns"]), (&json!(0), &json!(1), &json!(1)));
    assert!(turns["went_usd"].as_f64() > turns["stayed_usd"].as_f64());
    let page = page(&sandbox, &[]);
    assert!(page.contains("LOST $0.3760") && page.contains("preset = \"off\""), "{page}");
    assert!(html(&sandbox, &[]).contains("a cold cache"));
}

#[test]
fn a_choice_that_did_not_come_true_is_named_and_counts_for_nothing() {
    let sandbox = Sandbox::new();
    let begun = turn(Transcript::main("s1"), "p1", OPUS, &[(0, 100, 40_000, 0)]);
    turn(begun, "p2", OPUS, &[(0, 100, 1_000, 40_000)]).write(&sandbox);
    write_log(
        &sandbox,
        &[decision("p2", Some("haiku"), "pays", 5_000), decision("p9", Some("haiku"), "pays", 5_000)],
    );
    let turns = &report(&sandbox, &[])["main_turns"];
    assert_eq!(
        (&turns["ran_there"], &turns["ran_elsewhere"], &turns["not_seen"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!((&turns["detours"], &turns["went_usd"]), (&json!([]), &json!(0.0)));
    assert!(page(&sandbox, &[]).contains("NOT MOVED: 1"));
}

#[test]
fn turns_with_less_effort_are_compared_by_what_they_wrote_and_no_gain_is_claimed() {
    let sandbox = Sandbox::new();
    let begun = turn(Transcript::main("s1"), "p1", OPUS, &[(0, 400, 40_000, 0), (0, 600, 500, 40_000)]);
    turn(begun, "p2", OPUS, &[(0, 200, 1_000, 40_500)]).write(&sandbox);
    write_log(&sandbox, &[decision("p1", None, "no-gain", -1), decision("p2", Some("low"), "effort", 2_000)]);
    let turns = &report(&sandbox, &[])["main_turns"];
    assert_eq!(
        (&turns["lowered"], &turns["expected_usd"], &turns["detours"]),
        (&json!({"low": 1}), &json!(0.0), &json!([]))
    );
    let output =
        json!({"lowered_requests": 1, "lowered_tokens": 200, "left_requests": 2, "left_tokens": 1_000});
    assert_eq!(turns["output"]["1"], output);
    let page = page(&sandbox, &[]);
    assert!(page.contains("tier 1: 200 tokens written") && !page.contains("gained $"), "{page}");
}

#[test]
fn a_fork_and_a_period_change_no_detour() {
    let sandbox = Sandbox::new();
    detour().write(&sandbox);
    detour().forked("s2").write(&sandbox);
    write_log(&sandbox, &decisions());
    let all = report(&sandbox, &[])["main_turns"].clone();
    assert_eq!(all["detours"].as_array().map(Vec::len), Some(1));
    let later: Vec<Record> = decisions().into_iter().map(|record| Record { t: NOON - 1, ..record }).collect();
    write_log(&sandbox, &later);
    let none = report(&sandbox, &["--since", "2026-11-20"])["main_turns"].clone();
    assert_eq!(none["detours"], all["detours"]);
}

#[test]
fn without_a_decision_there_is_no_section() {
    let sandbox = Sandbox::new();
    detour().write(&sandbox);
    assert_eq!(report(&sandbox, &[])["main_turns"]["decided"], 0);
    assert!(!page(&sandbox, &[]).contains("own turns") && !html(&sandbox, &[]).contains("own turns"));
}

#[test]
fn hostile_names_in_the_log_stay_names() {
    let sandbox = Sandbox::new();
    detour().write(&sandbox);
    let evil = "\u{1b}[31m<script>\u{202e}";
    let mut records = decisions();
    records.push(Record { want: Some(evil.to_owned()), ..decision("p5", None, evil, i64::MIN) });
    records.push(decision("p6", None, evil, i64::MAX));
    records.push(Record { mt: None, par: None, why: None, ..decision("p7", Some("haiku"), "", 0) });
    write_log(&sandbox, &records);
    let page = page(&sandbox, &[]);
    assert!(page.contains("7 turns"), "{page}");
    assert!(!html(&sandbox, &[]).contains("<script>"));
}
