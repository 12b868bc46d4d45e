//! dotnet test, before and since its terminal logger.

use super::Found;
use super::lines::add;

/// `Failed!  - Failed: 1, Passed: 2, ...` for each project, or one `Test summary: total: 4, failed: 1, ...`.
pub fn dotnet(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "dotnet test", passed: Some(0), ..Found::default() };
    let (mut begun, mut ended) = (0, 0);
    let mut above = "";
    for line in all {
        let text = line.trim();
        let project = ["Passed!", "Failed!", "Skipped!"]
            .iter()
            .find_map(|word| text.strip_prefix(word)?.trim_start().strip_prefix("- "));
        if let Some(counted) = project.or_else(|| text.strip_prefix("Test summary: ")) {
            ended += 1;
            tally(counted, &mut found);
        } else if text.starts_with("Starting test execution") {
            begun += 1;
        } else if text.starts_with("No test is available in ") || text.starts_with("No test matches ") {
            ended += 1;
        } else if let Some(name) = text.strip_prefix("Failed ").and_then(|rest| timed(rest, " [", ']')) {
            found.failing.push(name.to_owned());
        } else if above.ends_with(": error TESTERROR:") {
            let head = text.split(": Error Message").next().unwrap_or(text);
            found.failing.extend(timed(head, " (", ')').map(str::to_owned));
        }
        above = text;
    }
    found.complete = ended > 0;
    (begun + ended > 0).then_some(found)
}

/// `NAME [3 ms]`: the name.
fn timed<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
    let (name, time) = text.rsplit_once(open)?;
    let time = time.strip_suffix(close)?;
    (time.ends_with('s') && !name.is_empty()).then_some(name)
}

fn tally(counted: &str, found: &mut Found) {
    for (word, count) in counted.split(", ").filter_map(|part| part.split_once(':')) {
        let Ok(count) = count.trim().parse::<u64>() else { continue };
        match word.trim().to_ascii_lowercase().as_str() {
            "passed" | "succeeded" => add(&mut found.passed, count),
            "failed" => found.failed = found.failed.saturating_add(count),
            "skipped" => found.skipped = found.skipped.saturating_add(count),
            _ => {}
        }
    }
}
