//! jest, vitest and mocha.

use super::Found;
use super::lines::{add, counts};

/// `Tests:       1 failed, 1 skipped, 2 passed, 4 total`, and `● name` for each failure.
pub fn jest(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "jest", passed: Some(0), ..Found::default() };
    let (mut suites, mut tests, mut none) = (0, 0, false);
    for line in all {
        if line.starts_with("Test Suites: ") {
            suites += 1;
        } else if let Some(counted) = line.strip_prefix("Tests: ") {
            tests += 1;
            tally(counts(counted), &mut found);
        } else if line.starts_with("No tests found, exiting with code") {
            none = true;
        } else if let Some(name) = line.strip_prefix("  ● ") {
            if name == "Test suite failed to run" {
                found.errors += 1;
            } else if !name.starts_with("Console") && !found.failing.iter().any(|other| other == name) {
                found.failing.push(name.to_owned());
            }
        }
    }
    found.complete = none || tests >= suites;
    (suites > 0 || none).then_some(found)
}

/// `Tests  1 failed | 1 passed | 1 skipped (3)`, and ` FAIL  file > suite > name` for each failure.
pub fn vitest(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "vitest", passed: Some(0), ..Found::default() };
    let (mut begun, mut ended) = (0, 0);
    for line in all {
        let text = line.trim_start();
        if text.strip_prefix("RUN ").is_some_and(|rest| rest.trim_start().starts_with('v')) {
            begun += 1;
        } else if line.starts_with(' ') && text.starts_with("Tests  ") {
            ended += 1;
            tally(counts(&text["Tests".len()..]), &mut found);
        } else if text.starts_with("No test files found") {
            ended += 1;
        } else if let Some(name) = line.strip_prefix(" FAIL ") {
            let name = name.trim();
            if !name.contains(" > ") {
                found.errors += 1;
            } else if !found.failing.iter().any(|other| other == name) {
                found.failing.push(name.to_owned());
            }
        } else if let Some(counted) = text.strip_prefix("Errors  ") {
            found.errors += counts(counted).map(|(count, _)| count).next().unwrap_or(1).min(1 << 32);
        }
    }
    found.complete = ended >= begun;
    (begun > 0).then_some(found)
}

/// `  1 passing (4ms)`, `  1 pending`, `  1 failing`, and below them the failures with numbers.
pub fn mocha(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "mocha", passed: Some(0), complete: true, ..Found::default() };
    let mut seen = false;
    let mut titles: Option<Vec<&str>> = None;
    for line in all {
        let count = line.strip_prefix("  ").and_then(|text| counts(text).next());
        match count {
            Some((count, "passing")) if line.ends_with(')') => {
                seen = true;
                add(&mut found.passed, count);
            }
            Some((count, "pending")) if seen => found.skipped = found.skipped.saturating_add(count),
            Some((count, "failing")) if seen => found.failed = found.failed.saturating_add(count),
            _ => {}
        }
        if found.failed == 0 {
            continue;
        }
        let text = line.trim();
        let numbered = text.split_once(") ").filter(|(number, _)| number.parse::<u64>().is_ok());
        match (&mut titles, numbered) {
            (_, Some((_, first))) if line.starts_with("  ") => titles = Some(vec![first]),
            (Some(parts), _) if !text.is_empty() => parts.push(text),
            _ => titles = None,
        }
        if let Some(parts) = titles.take_if(|parts| parts.last().is_some_and(|last| last.ends_with(':'))) {
            found.failing.push(parts.join(" ").trim_end_matches(':').to_owned());
        }
    }
    seen.then_some(found)
}

fn tally<'a>(counts: impl Iterator<Item = (u64, &'a str)>, found: &mut Found) {
    for (count, word) in counts {
        match word {
            "passed" => add(&mut found.passed, count),
            "failed" => found.failed = found.failed.saturating_add(count),
            "skipped" | "todo" | "pending" => found.skipped = found.skipped.saturating_add(count),
            _ => {}
        }
    }
}
