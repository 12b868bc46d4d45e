//! What Claude is told of a race: counts, scores, the winner and why, and where the papers lie. Small and bounded, because all
//! of it enters the conversation; never code, and every text of a model is cut.

use serde_json::{Value, json};

use crate::calendar::timestamp;
use crate::race::manifest::{Kind, Known};
use crate::race::outcome::{CRITERIA, Likeness, Outcome, Runner, Status};
use crate::race::result::cost;
use crate::report::text::excerpt;

/// Largest result, in bytes of its JSON: about 1,500 tokens.
pub(super) const LARGEST: usize = 6_000;
/// Lengths of texts that are tried until a result fits, in characters.
const CUTS: [usize; 5] = [300, 160, 80, 40, 20];
/// Notes and pairs of each kind.
const MOST: usize = 6;
/// Bytes of a token, for the estimate of what a result costs the conversation.
const BYTES_A_TOKEN: usize = 4;

/// A race that is over.
pub(super) fn over(outcome: &Outcome) -> Value {
    fitting(|cut| {
        let next = next(outcome);
        json!({
            "status": "ok",
            "race": outcome.id,
            "state": state_of(outcome),
            "kind": outcome.kind,
            "feature": outcome.feature,
            "winner": outcome.winner,
            "rationale": some(&outcome.rationale, cut * 2),
            "trade_offs": some(&outcome.trade_offs, cut),
            "candidates": outcome.candidates.iter().map(|one| candidate(one, cut)).collect::<Vec<_>>(),
            "alike": alike(outcome),
            "cost": some(&cost(outcome), cut * 2),
            "notes": some(&outcome.notes, cut),
            "result": outcome.written.result,
            "worksheet": outcome.written.worksheet,
            "page": outcome.written.page,
            "promoted": outcome.promoted.as_deref().map(|line| short(line, cut)),
            "next": next,
        })
    })
}

/// A race that goes on, or was stopped: how far everyone is.
pub(super) fn under_way(known: &Known) -> Value {
    fitting(|cut| unfinished(known, cut))
}

/// All races of a project in a line each; `more` are not shown.
pub(super) fn listed(races: &[Known], more: usize) -> Value {
    fitting(|cut| {
        let races: Vec<Value> = races
            .iter()
            .map(|known| {
                let manifest = &known.manifest;
                json!({
                    "race": manifest.id,
                    "kind": kind(manifest.kind),
                    "feature": short(&manifest.feature, cut),
                    "began": timestamp(manifest.created),
                    "state": state(known),
                    "winner": manifest.state["outcome"]["winner"],
                })
            })
            .collect();
        json!({ "status": "ok", "races": races, "more": more })
    })
}

/// How a race stands: `running`, `stopped`, `finished`, `promoted` or `cleared`.
pub(super) fn state(known: &Known) -> &'static str {
    let outcome = &known.manifest.state["outcome"];
    match (outcome.is_null(), known.is_alive) {
        (true, true) => "running",
        // A race that was killed before its first worktree has none to clear.
        (true, false) if known.manifest.is_cleared() && !known.manifest.candidates.is_empty() => "cleared",
        (true, false) => "stopped",
        (false, _) if !outcome["promoted"].is_null() => "promoted",
        (false, _) => "finished",
    }
}

/// The value that comes of the longest texts with which it is small enough, with what it costs the conversation.
pub(super) fn fitting(make: impl Fn(usize) -> Value) -> Value {
    let made = CUTS.iter().map(|cut| make(*cut));
    let mut value = made
        .reduce(|kept, next| if kept.to_string().len() <= LARGEST { kept } else { next })
        .expect("there are cuts");
    value["conversation_tokens"] = (value.to_string().len() / BYTES_A_TOKEN).into();
    value
}

/// The beginning of a text, on one line; that it goes on is seen.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut begin = excerpt(text, most + 1);
    if begin.chars().count() > most {
        begin.pop();
        begin.push('…');
    }
    begin
}

fn some(texts: &[String], cut: usize) -> Vec<String> {
    texts.iter().take(MOST).map(|text| short(text, cut)).collect()
}

fn candidate(runner: &Runner, cut: usize) -> Value {
    let scores: serde_json::Map<String, Value> = CRITERIA
        .iter()
        .zip(runner.scores)
        .filter_map(|(criterion, score)| Some((criterion.to_lowercase(), score?.into())))
        .collect();
    json!({
        "name": runner.name,
        "approach": short(runner.approach.as_deref().unwrap_or(&runner.bent), cut.min(80)),
        "result": runner.status.word(),
        "tests": runner.tests(),
        "repairs": runner.repairs,
        "lines": runner.lines,
        "scores": scores,
        "total": runner.total,
        "review": runner.issues(),
        "why": short(&runner.why, cut),
    })
}

fn alike(outcome: &Outcome) -> Vec<String> {
    let pairs = |pairs: &[Likeness], what: &str| -> Vec<String> {
        let pairs = pairs.iter().take(MOST);
        pairs
            .map(|pair| format!("{what} of {} and {}: {:.0} %", pair.one, pair.other, pair.percent))
            .collect()
    };
    [pairs(&outcome.code_alike, "code"), pairs(&outcome.plans_alike, "plans")].concat()
}

fn state_of(outcome: &Outcome) -> &'static str {
    if outcome.promoted.is_some() { "promoted" } else { "finished" }
}

/// What can be done now, and by whom.
fn next(outcome: &Outcome) -> String {
    let id = &outcome.id;
    let clear = format!("`sef clean {id} --discard all` clears it away");
    if outcome.promoted.is_some() {
        return "nothing: it is promoted".to_owned();
    }
    let may_win = |one: &&Runner| matches!(one.status, Status::Winner | Status::Passed);
    let unread = outcome.candidates.iter().filter(may_win).any(|one| one.scores[4].is_none());
    let read =
        if unread { format!("judge with race={id} asks what is still to be read; ") } else { String::new() };
    match &outcome.winner {
        Some(winner) => format!(
            "{read}once the user agrees, race_promote with race={id} puts {winner} onto the current branch; else {clear}"
        ),
        None => format!("{read}nobody won: tell the user why; {clear}"),
    }
}

fn unfinished(known: &Known, cut: usize) -> Value {
    let manifest = &known.manifest;
    let state = state(known);
    let records = manifest.state["records"].as_array().map_or(&[][..], Vec::as_slice);
    let candidates: Vec<Value> = records
        .iter()
        .map(|record| {
            let name = record["name"].as_str().unwrap_or_default();
            let exam = &manifest.state["exams"][name];
            let tests = exam["of"].as_u64().map(|of| format!("{}/{of}", exam["passed"]));
            json!({
                "name": name,
                "result": record["stage"],
                "tests": tests.unwrap_or_else(|| "-".to_owned()),
                "why": short(record["failure"]["message"].as_str().unwrap_or_default(), cut),
            })
        })
        .collect();
    let id = &manifest.id;
    let next = match state {
        "running" => {
            format!("race_status with race={id} and wait_s waits for it; it stops when this session ends")
        }
        "stopped" => format!(
            "race_resume with race={id} goes on where it stopped (in a shell: sef race resume {id}); `sef clean {id} --discard all` \
             clears it away"
        ),
        _ => "nothing of it is left in the repository".to_owned(),
    };
    json!({
        "status": if state == "running" { "running" } else { "ok" },
        "race": id,
        "state": state,
        "kind": kind(manifest.kind),
        "feature": short(&manifest.feature, cut),
        "candidates": candidates,
        "next": next,
    })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Showdown => "showdown",
        Kind::AnyPercent => "any-percent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turbo::order::Spent;

    /// A race whose every text is as long as a model likes.
    fn endless(candidates: usize) -> Outcome {
        let long = "é <b>\u{1b}[31m\n".repeat(2_000);
        let runner = |number: usize| {
            serde_json::from_value::<Runner>(json!({
                "name": format!("variant-{number}-with-a-name-of-thirty"),
                "bent": long, "approach": long, "status": "eliminated", "why": long, "branch": long, "commit": long,
                "passed": 14, "failed": 3, "exam": {"seen": long}, "missing": [long], "files": [long], "lines": 50_000,
                "issues": [12, 12, 12], "spent": Spent::default(), "repairs": 5, "first_pass": false, "ms": 1_000,
                "total": 25, "scores": [5, 5, 5, 5, 5], "notes": [long], "plan": long,
            }))
            .expect("is a runner")
        };
        let pairs: Vec<Likeness> = (0..15)
            .map(|number| Likeness { one: format!("variant-{number}"), other: "x".repeat(40), percent: 99.0 })
            .collect();
        let pairs = serde_json::to_value(pairs).expect("are pairs");
        serde_json::from_value(json!({
            "schema": 1, "id": "20261121T115500000Z-0011aabb", "kind": "any-percent", "feature": "rate-limiter",
            "design": long, "repo": long, "base": long, "test": long, "complexity": null,
            "candidates": (0..candidates).map(runner).collect::<Vec<_>>(), "winner": null,
            "rationale": [long], "trade_offs": vec![long.clone(); 50], "plans_alike": pairs, "code_alike": pairs,
            "judgement": {"all": long}, "spent": Spent::default(), "review": Spent::default(), "compare": [], "ms": 1,
            "sandbox": long, "notes": vec![long.clone(); 50],
            "written": {"result": "/home/u/.local/state/sef/races/x/result/result.md", "worksheet": "w", "page": "p"},
            "promoted": null,
        }))
        .expect("is an outcome")
    }

    #[test]
    fn no_race_puts_more_into_the_conversation_than_its_bound() {
        for candidates in 0..=6 {
            let value = over(&endless(candidates));
            let bytes = value.to_string().len();
            assert!(bytes <= LARGEST + 40, "{candidates} candidates: {bytes} bytes");
            assert_eq!(value["candidates"].as_array().map(Vec::len), Some(candidates));
            let estimate = value["conversation_tokens"].as_u64().expect("a number") as usize;
            assert!(estimate.abs_diff(bytes / BYTES_A_TOKEN) < 10, "{estimate} for {bytes} bytes");
            assert!(!value.to_string().contains("\\u001b"), "nothing that steers a terminal");
        }
    }

    #[test]
    fn the_longest_texts_that_fit_are_kept() {
        let value = fitting(|cut| json!({ "text": "x".repeat(cut * 30) }));
        assert_eq!(value["text"].as_str().map(str::len), Some(160 * 30));
        assert_eq!(fitting(|_| json!({ "text": "y".repeat(40) }))["conversation_tokens"], 12);
    }
}
