//! node --test with its two reporters; the second one is TAP, which other runners write too.

use super::Found;
use super::lines::add;

/// `ℹ pass 1` and the like, and below `✖ failing tests:` the failed ones.
pub fn spec(all: &[&str]) -> Option<Found> {
    let mut found = summed(all, "ℹ ")?;
    let listed = all.iter().skip_while(|line| !line.starts_with("✖ failing tests:")).skip(1);
    let names = listed.filter_map(|line| line.strip_prefix("✖ "));
    found.failing =
        names.map(|name| name.rsplit_once(" (").map_or(name, |(name, _)| name).to_owned()).collect();
    Some(found)
}

/// `ok 1 - name`, `not ok 2 - name`, and at the end `# pass 1` and the like.
pub fn tap(all: &[&str]) -> Option<Found> {
    let version = all.iter().any(|line| line.starts_with("TAP version "));
    let summary = summed(all, "# ");
    if !version && summary.is_none() {
        return None;
    }
    let mut points = Found { passed: Some(0), ..Found::default() };
    for (at, line) in all.iter().enumerate() {
        let text = line.trim_start();
        let (failed, rest) = match (text.strip_prefix("not ok "), text.strip_prefix("ok ")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            _ => continue,
        };
        // What a suite says of itself its tests have said already.
        let about = all[at + 1..].iter().map(|line| line.trim()).skip_while(|line| *line == "---");
        let suite = about
            .take_while(|line| *line != "..." && !line.contains("ok "))
            .any(|line| line == "type: 'suite'");
        let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let name = name.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([' ', '-']);
        let excused = ["SKIP", "TODO"].iter().any(|word| directive.to_ascii_uppercase().starts_with(word));
        match () {
            () if suite => {}
            () if excused => points.skipped += 1,
            () if failed => {
                points.failed += 1;
                points.failing.push(name.to_owned());
            }
            () => add(&mut points.passed, 1),
        }
    }
    let planned = all.iter().any(|line| {
        let plan = line.strip_prefix("1..").and_then(|rest| rest.split(' ').next());
        plan.is_some_and(|count| count.parse::<u64>().is_ok())
    });
    let timed = all
        .iter()
        .any(|line| line.trim_start().starts_with("duration_ms") || line.starts_with("# duration_ms"));
    let runner = if timed { "node --test" } else { "TAP" };
    let failing = points.failing.clone();
    let found = summary.unwrap_or(Found { complete: planned, ..points });
    Some(Found { runner, failing, ..found })
}

/// The counts at the end, each on a line of its own after a sign.
fn summed(all: &[&str], sign: &str) -> Option<Found> {
    let mut found = Found { runner: "node --test", ..Found::default() };
    let mut tests = false;
    for line in all {
        let Some((word, count)) = line.strip_prefix(sign).and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let Ok(count) = count.trim().parse::<u64>() else { continue };
        match word {
            "tests" => tests = true,
            "pass" => add(&mut found.passed, count),
            "fail" | "cancelled" => found.failed = found.failed.saturating_add(count),
            "skipped" | "todo" => found.skipped = found.skipped.saturating_add(count),
            _ => {}
        }
    }
    found.complete = tests && found.passed.is_some();
    found.complete.then_some(found)
}
