//! Lines of an output: made harmless to show, and the few worth reading picked out. Knows no runner.

use super::Verdict;

/// Lines that are shown.
const MOST_LINES: usize = 40;
/// Characters of a line that are shown.
const MOST_CHARS: usize = 400;
/// Lines after a telling one that belong to it.
const AFTER: usize = 3;

/// How telling lines look, anywhere in the line.
const TELLING: &[&str] = &[
    "Error:",
    "Error [",
    "error:",
    "error[",
    "panicked at",
    "assertion",
    "Assert",
    "AssertionError",
    "Exception",
    "--- FAIL",
    "not ok ",
    "FAILED",
    "FAIL ",
    "FAIL:",
    "FAIL\t",
    "✖ ",
    "● ",
    "Failure",
    "expected",
    "Expected",
    "Received",
    "undefined",
    "cannot ",
    "Cannot ",
    "want ",
    "Traceback",
];
/// How lines begin, after spaces, that say nothing of a failure.
const NOISE: &[&str] = &[
    "at ",
    "stack backtrace",
    "note: ",
    "Compiling ",
    "Finished ",
    "Running ",
    "test result:",
    "running ",
    "collected ",
    "platform ",
    "rootdir",
    "plugins:",
    "PASS",
    "ok ",
    "# Subtest",
    "duration_ms",
    "type: ",
    "failureType",
    "code: ",
    "...",
    "location:",
    "For more information",
    "stdout ───",
    "stderr ───",
    "failures:",
    "Snapshots:",
    "Time:",
    "Ran all",
    "{\"Time\"",
    "✔",
    "▶",
    "✓",
    "=== RUN",
    "--- PASS",
    "Starting",
    "Nextest run",
    "error: test failed",
    "error: test run failed",
];

/// Text without colours, control characters and characters that reorder what is seen.
pub fn plain(output: &str) -> String {
    let mut plain = String::with_capacity(output.len());
    let mut rest = output.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => skip_sequence(&mut rest),
            '\n' | '\t' => plain.push(next),
            '\r' if rest.peek() == Some(&'\n') => {}
            // A line that is written over is a new one to us.
            '\r' => plain.push('\n'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            next if next.is_control() => {}
            next => plain.push(next),
        }
    }
    plain
}

/// A line of bounded length, without tabs.
pub fn shortened(line: &str) -> String {
    line.replace('\t', "  ").chars().take(MOST_CHARS).collect()
}

/// The lines that say most about what happened: around failures when there are some, else the end.
pub fn relevant(all: &[&str], verdict: Verdict) -> Vec<String> {
    let mut chosen: Vec<&str> = Vec::new();
    if verdict == Verdict::Failed {
        let mut follows = 0;
        for line in all.iter().copied().filter(|line| !is_noise(line)) {
            follows = if is_telling(line) { AFTER + 1 } else { follows };
            if follows > 0 && !chosen.contains(&line) {
                chosen.push(line);
                follows -= 1;
            }
            if chosen.len() == MOST_LINES {
                break;
            }
        }
    }
    if chosen.is_empty() {
        let some: Vec<&str> = all.iter().copied().filter(|line| !line.trim().is_empty()).collect();
        chosen = some[some.len().saturating_sub(MOST_LINES)..].to_vec();
    }
    chosen.into_iter().map(shortened).collect()
}

/// Whether a line counts failures, as `3 tests failed` or `1 failure` does.
pub fn speak_of_failures(all: &[&str]) -> bool {
    let failures = |line: &str| {
        let words: Vec<&str> =
            line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        words.iter().enumerate().any(|(at, word)| {
            let counts = word.parse::<u64>().is_ok_and(|count| count > 0);
            let next = match words.get(at + 1) {
                Some(&("test" | "tests" | "spec" | "specs")) => words.get(at + 2),
                other => other,
            };
            counts && matches!(next, Some(&("failed" | "failing" | "failure" | "failures")))
        })
    };
    all.iter().any(|line| failures(line))
}

/// The counts of a summary: pairs of a number and the word after it, between commas or bars.
pub fn counts(text: &str) -> impl Iterator<Item = (u64, &str)> {
    text.split([',', '|']).filter_map(|part| {
        let (number, rest) = part.trim().split_once(' ')?;
        Some((number.parse().ok()?, rest.split_whitespace().next()?))
    })
}

/// Adds to a count that may not be known yet; what anybody may print does not overflow.
pub fn add(sum: &mut Option<u64>, count: u64) {
    *sum = Some(sum.unwrap_or(0).saturating_add(count));
}

/// After an escape: a CSI sequence ends with a letter or the like, an OSC with a bell or escape, others are one more.
fn skip_sequence(rest: &mut std::iter::Peekable<std::str::Chars>) {
    match rest.next() {
        Some('[') => {
            let _ = rest.find(|next| ('\u{40}'..='\u{7e}').contains(next));
        }
        Some(']') => {
            let _ = rest.find(|next| matches!(next, '\u{7}' | '\u{1b}' | '\n'));
        }
        _ => {}
    }
}

fn is_telling(line: &str) -> bool {
    line.starts_with("E   ") || TELLING.iter().any(|part| line.contains(part))
}

fn is_noise(line: &str) -> bool {
    let trimmed = line.trim();
    let rule = |line: &str| line.chars().all(|c| matches!(c, '=' | '-' | '_' | '─' | '⎯' | '^' | ' '));
    let frame = || {
        trimmed.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok())
            || trimmed.contains("node:internal")
            || trimmed.contains("node_modules/")
    };
    rule(trimmed)
        || trimmed.starts_with("====")
        || NOISE.iter().any(|start| trimmed.starts_with(start))
        || frame()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_titles_and_control_characters_are_taken_out() {
        let table = [
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("50%\r100%\r\nend", "50%\n100%\nend"),
            ("a\u{0}\u{8}b\u{202e}c\u{9b}", "abc"),
            ("cut \u{1b}[3", "cut "),
            ("cut \u{1b}", "cut "),
        ];
        for (given, wanted) in table {
            assert_eq!(plain(given), wanted);
        }
    }

    #[test]
    fn an_output_nobody_knows_is_shown_from_its_end() {
        let text: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        let all: Vec<&str> = text.iter().map(String::as_str).collect();
        let relevant = relevant(&all, Verdict::Failed);
        assert_eq!((relevant.len(), relevant[39].as_str()), (40, "line 99"));
    }

    #[test]
    fn counts_are_numbers_before_words() {
        let text = "2 failed, 1 passed (1 slow) | 3 skipped (9), x passed, 5";
        assert_eq!(counts(text).collect::<Vec<_>>(), [(2, "failed"), (1, "passed"), (3, "skipped")]);
    }
}
