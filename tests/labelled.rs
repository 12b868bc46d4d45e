//! The rules against labelled prompts of real people, when a file of them is there (`SEF_LABELLED_PROMPTS`). The file
//! is no part of this project: lines {"id","kind","prompt","tier",...} as `sef classify --jsonl` reads them.

use serde_json::Value;

use crate::sandbox::{Sandbox, skipped};

/// Weighted error of always choosing tier 2, the plain baseline: the rules must beat it clearly on both kinds.
fn weighted(wanted: u64, got: u64) -> f64 {
    match (wanted, got) {
        (0, 0) => 0.0,
        (0, _) => 0.5,
        // Silence on a task leaves it with the orchestrator, which is tier 3.
        (wanted, 0) => (3 - wanted) as f64,
        (wanted, got) if got < wanted => 3.0 * (wanted - got) as f64,
        (wanted, got) => (got - wanted) as f64,
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the path comes from outside; figures are for people"
)]
fn labelled_prompts_are_judged_better_than_by_one_tier_for_all() {
    let Some(path) = std::env::var_os("SEF_LABELLED_PROMPTS").filter(|path| !path.is_empty()) else {
        return skipped("labelled prompts", "SEF_LABELLED_PROMPTS names no file");
    };
    let text = std::fs::read_to_string(&path).expect("the file of labelled prompts is readable");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let run = Sandbox::new().run("sef", &["classify", "--jsonl"], &text);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let answers: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), lines.len());
    for kind in ["user", "subagent"] {
        let pairs: Vec<(u64, u64)> = lines
            .iter()
            .zip(&answers)
            .filter(|(line, _)| line["kind"] == kind)
            .map(|(line, answer)| {
                (line["tier"].as_u64().expect("a tier"), answer["tier"].as_u64().expect("a tier"))
            })
            .collect();
        let count = pairs.len() as f64;
        let right = pairs.iter().filter(|(wanted, got)| wanted == got).count() as f64 / count;
        let error = pairs.iter().map(|(wanted, got)| weighted(*wanted, *got)).sum::<f64>() / count;
        let plain = pairs.iter().map(|(wanted, _)| weighted(*wanted, 2)).sum::<f64>() / count;
        println!(
            "{kind}: {count} prompts, accuracy {right:.3}, weighted error {error:.3} (always tier 2: {plain:.3})"
        );
        assert!(error < plain * 0.9, "{kind}: {error:.3} against {plain:.3}");
        assert!(right > 0.6, "{kind}: {right:.3}");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the path comes from outside; figures are for people"
)]
fn no_labelled_prompt_is_taken_for_one_that_asks_for_a_race() {
    let Some(path) = std::env::var_os("SEF_LABELLED_PROMPTS").filter(|path| !path.is_empty()) else {
        return skipped("labelled prompts", "SEF_LABELLED_PROMPTS names no file");
    };
    let text = std::fs::read_to_string(&path).expect("the file of labelled prompts is readable");
    let run = Sandbox::new().run("sef", &["classify", "--jsonl"], &text);
    let named = |line: &&str| line.contains("\"race-asked\"") || line.contains("\"race-any-percent-sign\"");
    let asked = run.out.lines().filter(named).count();
    let open = run.out.lines().filter(|line| line.contains("\"race-options\"")).count();
    let all = run.out.lines().count();
    println!("races: {asked} of {all} prompts ask for one, {open} leave several ways open");
    // Nobody who wrote them knew of races, and a word too many is said to everybody who did not ask.
    assert_eq!((asked, open), (0, 0));
}
