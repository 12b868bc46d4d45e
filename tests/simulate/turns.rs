//! `simulate --main-turn`: turns of transcripts that the tests write, against figures worked out by hand, and made-up months.

use serde_json::{Value, json};

use super::{Chat, HAIKU, OPUS, Tokens, page, simulate, tree, units};
use crate::sandbox::Sandbox;

const SEARCH: &str = "find all files importing the logger module";
const DESIGN: &str = "Design the architecture of a multi-tenant billing platform";
/// Input, output, cache write, cache read.
const BEGUN: Tokens = (0, 200, 15_000, 0);

fn turns(sandbox: &Sandbox, args: &[&str]) -> Value {
    simulate(sandbox, &[&["--main-turn"], args].concat())
}

fn sums(found: &Value) -> [i64; 3] {
    ["actual_usd", "low_usd", "high_usd"].map(|key| units(&found[key]))
}

/// In units of [`units`], from dollars per million times tokens.
fn millionths(sum: f64) -> i64 {
    (sum * 100.0).round() as i64
}

#[test]
fn a_search_and_a_design_cost_what_haiku_and_the_way_back_would_have() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed(SEARCH)
        .done("m1", OPUS, BEGUN)
        .typed(DESIGN)
        .done("m2", OPUS, (0, 500, 1_000, 15_000))
        .typed("thanks")
        .done("m3", OPUS, (0, 50, 600, 16_000))
        .write(&sandbox);
    let before = tree(&sandbox.home());
    let found = turns(&sandbox, &[]);
    assert_eq!(
        (&found["turns"], &found["moved"], &found["detours"]),
        (&json!(3), &json!({"haiku": 1}), &json!(1))
    );
    assert_eq!(found["left"], json!({"no-task": 1, "tier-3": 1}));
    let opus = |write: f64, read: f64, output: f64| write * 5.0 + read * 0.2 + output * 20.0;
    let actual = opus(15_000.0, 0.0, 200.0) + opus(1_000.0, 15_000.0, 500.0) + opus(600.0, 16_000.0, 50.0);
    // On Haiku the first prompt is written for 0.125; the design finds nothing in the cache of Opus, the thanks all of it.
    let haiku = 15_000.0 * 0.125 + 200.0 * 0.5;
    let low = haiku + opus(16_000.0, 0.0, 500.0) + opus(600.0, 16_000.0, 50.0);
    let high = low + 0.04 * opus(15_000.0, 0.0, 200.0);
    assert_eq!(sums(&found), [actual, low, high].map(millionths));
    assert_eq!(tree(&sandbox.home()), before, "nothing is written");
    let page = page(&sandbox, &["--main-turn"]);
    for words in ["3 turns: 1 would have run on less", "1 on haiku", "1 left alone: work for your model"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn turns_that_stay_cost_what_they_did() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1").typed(DESIGN).done("m1", OPUS, BEGUN).write(&sandbox);
    Chat::main(&sandbox, "s2").typed(SEARCH).done("m2", HAIKU, BEGUN).write(&sandbox);
    let found = turns(&sandbox, &["--preset", "eager"]);
    assert_eq!((&found["moved"], &found["detours"]), (&json!({}), &json!(0)));
    let [actual, low, high] = sums(&found);
    assert_eq!((actual, low), (low, high));
    assert_eq!(found["left"], json!({"no-gain": 1, "tier-3": 1}));
}

#[test]
fn an_interrupted_turn_keeps_the_next_one_where_it_was() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed(DESIGN)
        .done("m1", OPUS, BEGUN)
        .typed("[Request interrupted by user]")
        .typed(SEARCH)
        .done("m2", OPUS, (0, 200, 500, 15_000))
        .write(&sandbox);
    assert_eq!(turns(&sandbox, &[])["left"], json!({"mid-work": 1, "tier-3": 1}));
}

#[test]
fn a_fork_is_counted_once_and_begins_with_an_unknown_history() {
    let sandbox = Sandbox::new();
    let chat = Chat::main(&sandbox, "s1").typed(DESIGN).done("m1", OPUS, BEGUN);
    chat.write(&sandbox);
    let fork = Chat { session: "s2".to_owned(), ..chat };
    fork.typed(SEARCH).done("m2", OPUS, (0, 200, 500, 15_000)).write(&sandbox);
    let found = turns(&sandbox, &[]);
    assert_eq!((&found["turns"], &found["left"]), (&json!(2), &json!({"history-unknown": 1, "tier-3": 1})));
}

#[test]
fn a_period_leaves_out_what_was_before_it() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1").on("2026-11-10").typed(SEARCH).done("m1", OPUS, BEGUN).write(&sandbox);
    assert_eq!(turns(&sandbox, &["--since", "2026-11-15"])["turns"], 0);
    assert_eq!(turns(&sandbox, &["--since", "2026-11-05"])["turns"], 1);
    assert!(page(&sandbox, &["--main-turn", "--since", "2026-11-15"]).contains("Nothing to simulate"));
}

#[test]
fn a_model_without_a_price_and_broken_lines_are_in_no_sum() {
    let sandbox = Sandbox::new();
    Chat::main(&sandbox, "s1")
        .typed(SEARCH)
        .done("m1", "claude-opus-99", BEGUN)
        .raw("{\"type\":\"user\",\n\u{0}\n")
        .write(&sandbox);
    let found = turns(&sandbox, &[]);
    assert_eq!((&found["without_price"], sums(&found)), (&json!(1), [0, 0, 0]));
    assert!(page(&sandbox, &["--main-turn"]).contains("NO PRICE for 1 request"));
}

#[test]
fn made_up_months_show_the_guard_beside_staying_tiers_and_oracle() {
    let sandbox = Sandbox::new();
    let months = simulate(&sandbox, &["--main-turn", "--months", "1"]);
    let kinds = months["kinds"].as_array().expect("kinds");
    assert_eq!((kinds.len(), &months["preset"]), (7, &json!("careful")));
    for kind in kinds {
        let dollars = |key: &str| kind[key].as_f64().expect(key);
        assert!(dollars("worst") > -0.01, "{kind}");
        assert!(dollars("oracle_usd") <= dollars("guard_usd").min(dollars("by_tier_usd")), "{kind}");
        assert!(dollars("turns") > 1_000.0);
    }
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let sandbox = Sandbox::new();
    for (args, words) in [
        (&["--months", "1"][..], "--main-turn"),
        (&["--main-turn", "--months", "0"], "1..=1000"),
        (&["--main-turn", "--months", "1", "--since", "7d"], "cannot be used with"),
        (&["--main-turn", "--preset", "balanced"], "careful or --preset eager"),
    ] {
        let run = sandbox.run("sef-stats", &[&["simulate"], args].concat(), "");
        assert!(run.code != Some(0) && run.err.contains(words), "{args:?}: {}", run.err);
    }
}
