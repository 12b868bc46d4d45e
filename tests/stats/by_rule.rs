//! Which rules sent work that came back: the log's rules, roles and tiers against the outcomes.

use sef::calendar::DAY;
use sef::metrics::record::{Kind, Outcome, Record};
use serde_json::{Value, json};

use super::corpus::{NOON, record, result, spawn, write_log};
use super::report;
use crate::sandbox::Sandbox;

/// A spawn by some rules, and how it ended; none: nothing says it.
fn case(number: usize, rules: &[&str], tier: u8, role: &str, out: Option<Outcome>) -> Vec<Record> {
    let call = format!("toolu_{number}");
    let spawned = Record {
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        tier: Some(tier),
        role: Some(role.to_owned()),
        ..spawn(&call, "general-purpose", Some("haiku"), Some("haiku"), "claude-opus-5-5")
    };
    let ended = out.map(|out| Record { out: Some(out), ..result(&call, "a1", "claude-haiku-5-5") });
    [Some(spawned), ended].into_iter().flatten().collect()
}

fn fate(value: &Value) -> (u64, u64, u64) {
    let count = |key: &str| value[key].as_u64().expect(key);
    (count("delegations"), count("known"), count("rejected"))
}

#[test]
fn each_rule_role_and_tier_has_its_delegations_and_how_many_were_rejected() {
    let sandbox = Sandbox::new();
    let failed = Some(Outcome::Failed);
    let cases = [
        case(1, &["a", "b"], 1, "explore", failed),
        case(2, &["a", "a"], 1, "explore", failed),
        case(3, &["a"], 2, "implement", None),
        case(4, &[], 2, "implement", failed),
    ];
    write_log(&sandbox, &cases.concat());
    let report = report(&sandbox, &[]);
    let rules = &report["rules"];
    assert_eq!((fate(&rules["by_rule"]["a"]), fate(&rules["by_rule"]["b"])), ((3, 2, 2), (1, 1, 1)));
    assert_eq!(rules["by_rule"].as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(
        (fate(&rules["by_role"]["explore"]), fate(&rules["by_role"]["implement"])),
        ((2, 2, 2), (2, 1, 1))
    );
    assert_eq!((fate(&rules["by_tier"]["1"]), fate(&rules["by_tier"]["2"])), ((2, 2, 2), (2, 1, 1)));
    assert_eq!(rules["by_rule"]["a"]["rejection_rate"], 1.0);
    let low = rules["by_rule"]["a"]["rejection_interval"][0].as_f64().expect("a number");
    assert!((low - 0.342).abs() < 0.001, "{low}");
}

#[test]
fn what_no_outcome_is_known_of_has_no_rate_and_a_call_logged_twice_counts_once() {
    let sandbox = Sandbox::new();
    let twice = [case(1, &["a"], 1, "explore", None), case(1, &["b"], 2, "explore", None)];
    let nameless = Record { tu: None, ..case(3, &["c"], 1, "explore", None).remove(0) };
    write_log(&sandbox, &[twice.concat(), vec![nameless]].concat());
    let report = report(&sandbox, &[]);
    let expected = json!({"delegations": 1, "known": 0, "rejected": 0, "rejection_rate": null, "rejection_interval": null});
    assert_eq!(report["rules"]["by_rule"], json!({"b": expected}));
    assert_eq!(report["rules"]["by_tier"], json!({"2": expected}));
}

#[test]
fn days_hold_the_tasks_the_delegations_and_the_rejections_of_each_day() {
    let sandbox = Sandbox::new();
    let prompt = |day: u64, id: &str| Record {
        t: NOON + day * DAY,
        p: Some(id.to_owned()),
        tier: Some(1),
        ..record(Kind::Prompt)
    };
    let mut records = vec![prompt(0, "p1"), prompt(0, "p2"), prompt(1, "p3"), prompt(99_999_999, "p4")];
    records.extend(case(1, &["a"], 1, "explore", Some(Outcome::Failed)));
    records.extend(case(2, &["a"], 1, "explore", None));
    write_log(&sandbox, &records);
    let day = |tasks: u64, delegated: u64, delegations: u64, rejected: u64| {
        json!({"tasks": tasks, "tasks_delegated": delegated, "delegations": delegations, "known": rejected,
            "rejected": rejected})
    };
    assert_eq!(
        report(&sandbox, &[])["days"],
        json!({"2026-11-20": day(2, 1, 2, 1), "2026-11-21": day(1, 0, 0, 0), "after 9999": day(1, 0, 0, 0)})
    );
}
