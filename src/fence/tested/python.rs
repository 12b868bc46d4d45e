//! pytest and unittest.

use super::Found;
use super::lines::{add, counts};

/// `2 failed, 1 passed in 0.03s`, between rules or alone with `-q`.
pub fn pytest(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "pytest", passed: Some(0), ..Found::default() };
    let (mut begun, mut ended) = (0, 0);
    for line in all {
        if line.contains("= test session starts =") {
            begun += 1;
        }
        let text = line.trim_matches(['=', ' ']);
        if let Some(summary) = summary(text) {
            ended += 1;
            for (count, word) in counts(summary) {
                match word {
                    "passed" | "xpassed" => add(&mut found.passed, count),
                    "failed" => found.failed = found.failed.saturating_add(count),
                    "skipped" | "xfailed" => found.skipped = found.skipped.saturating_add(count),
                    "error" | "errors" => found.errors = found.errors.saturating_add(count),
                    _ => {}
                }
            }
        }
        let failure = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "));
        if let Some(rest) = failure {
            let name = rest.split(" - ").next().unwrap_or(rest);
            if name.contains(".py") {
                found.failing.push(name.to_owned());
            }
        }
    }
    found.complete = ended > 0 && ended >= begun;
    (begun + ended > 0).then_some(found)
}

/// The counts of a line `COUNTS in 0.03s`; none when it is no such line.
fn summary(text: &str) -> Option<&str> {
    let (head, time) = text.rsplit_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    let words = [
        "passed",
        "failed",
        "error",
        "errors",
        "skipped",
        "deselected",
        "xfailed",
        "xpassed",
        "warning",
        "warnings",
        "rerun",
    ];
    let counted = head == "no tests ran"
        || head.split(", ").all(|part| {
            part.split_once(' ')
                .is_some_and(|(count, word)| count.parse::<u64>().is_ok() && words.contains(&word))
        });
    (seconds.parse::<f64>().is_ok() && counted).then_some(head)
}

/// `Ran 5 tests in 0.000s`, and below it `FAILED (failures=1, errors=1, skipped=1)`.
pub fn unittest(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "unittest", passed: Some(0), ..Found::default() };
    let (mut seen, mut open) = (false, None);
    let mut above = "";
    for line in all {
        let ran = line.strip_prefix("Ran ").and_then(|rest| {
            let (count, rest) = rest.split_once(" test")?;
            (rest.starts_with(" in ") || rest.starts_with("s in ")).then(|| count.parse::<u64>().ok())?
        });
        if let Some(count) = ran {
            (seen, open) = (true, Some(count));
        }
        let end = ["OK", "FAILED", "NO TESTS RAN"].iter().any(|word| {
            line.strip_prefix(word)
                .is_some_and(|rest| rest.is_empty() || (rest.starts_with(" (") && rest.ends_with(')')))
        });
        if let (true, Some(count)) = (end, open) {
            open = None;
            let counted = details(line, &mut found);
            add(&mut found.passed, count.saturating_sub(counted));
        }
        let failure = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "));
        if let (Some(name), true) = (failure, above.starts_with("======")) {
            found.failing.push(name.to_owned());
        }
        above = line;
    }
    found.complete = open.is_none();
    seen.then_some(found)
}

/// Adds what stands in the parentheses; answers how many of the tests that is.
fn details(line: &str, found: &mut Found) -> u64 {
    let inner = line.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
    let mut sum: u64 = 0;
    for (name, count) in inner.split(", ").filter_map(|part| part.split_once('=')) {
        let Ok(count) = count.parse::<u64>() else { continue };
        let place = match name {
            "failures" | "unexpected successes" => &mut found.failed,
            "errors" => &mut found.errors,
            "skipped" | "expected failures" => &mut found.skipped,
            _ => continue,
        };
        *place = place.saturating_add(count);
        sum = sum.saturating_add(count);
    }
    sum
}
