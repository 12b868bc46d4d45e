//! cargo test, with one summary for each binary, and cargo nextest.

use super::Found;
use super::lines::{add, counts};

/// `test result: FAILED. 1 passed; 1 failed; 1 ignored; ...`, once for each `running 3 tests`.
pub fn cargo(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "cargo test", passed: Some(0), ..Found::default() };
    let (mut begun, mut ended, mut broken) = (0, 0, false);
    for line in all {
        let running = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test"));
        if running
            .is_some_and(|(count, rest)| count.parse::<u64>().is_ok() && (rest.is_empty() || rest == "s"))
        {
            begun += 1;
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            ended += 1;
            let counted = rest.split_once(". ").map_or("", |(_, counted)| counted).replace(';', ",");
            for (count, word) in counts(&counted) {
                match word {
                    "passed" => add(&mut found.passed, count),
                    "failed" => found.failed = found.failed.saturating_add(count),
                    "ignored" => found.skipped = found.skipped.saturating_add(count),
                    _ => {}
                }
            }
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            found.failing.push(name.to_owned());
        } else if line.starts_with("error: could not compile") {
            broken = true;
        } else if line.starts_with("error[")
            || (line.starts_with("error: ") && !line.starts_with("error: test"))
        {
            found.errors += 1;
        }
    }
    // Errors of a compiler count only where a compiler gave up.
    found.errors = if broken { found.errors.max(1) } else { 0 };
    found.complete = ended >= begun;
    (begun + ended > 0 || broken).then_some(found)
}

/// `Summary [0.259s] 4 tests run: 2 passed, 2 failed, 1 skipped`, and the failed ones below it.
pub fn nextest(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "cargo nextest", passed: Some(0), ..Found::default() };
    let (mut begun, mut ended) = (0, 0);
    for line in all {
        let text = line.trim_start();
        if text.starts_with("Nextest run ID ") {
            begun += 1;
        } else if let Some((_, rest)) = text.strip_prefix("Summary [").and_then(|rest| rest.split_once("] "))
        {
            let Some((_, counted)) = rest.split_once(" run: ") else { continue };
            ended += 1;
            for (count, word) in counts(counted) {
                match word {
                    "passed" => add(&mut found.passed, count),
                    "failed" | "timed" => found.failed = found.failed.saturating_add(count),
                    "exec" => found.errors = found.errors.saturating_add(count),
                    "skipped" => found.skipped = found.skipped.saturating_add(count),
                    _ => {}
                }
            }
        } else if let (true, Some(name)) = (ended > 0, failed(text)) {
            found.failing.push(name.to_owned());
        }
    }
    found.complete = ended > 0 && ended >= begun;
    (begun + ended > 0).then_some(found)
}

/// `FAIL [   0.178s] (2/4) demo tests::bad`: the name.
fn failed(text: &str) -> Option<&str> {
    let (status, rest) = text.split_once(" [")?;
    let failed = matches!(status.trim(), "FAIL" | "TIMEOUT" | "ABORT" | "XFAIL") || status.starts_with("SIG");
    let (_, name) = rest.split_once("] ")?;
    let name = match name.strip_prefix('(') {
        Some(numbered) => numbered.split_once(") ")?.1,
        None => name,
    };
    failed.then(|| name.trim())
}
