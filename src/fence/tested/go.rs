//! go test: plain, `-v` and `-json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Found;
use super::lines::add;

/// One line for each package, `--- FAIL:` for failed tests, and with `-v` one for every test.
pub fn plain(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "go test", passed: Some(0), ..Found::default() };
    let (mut packages, mut counted, mut open) = (0, false, false);
    for line in all {
        let text = line.trim_start();
        if line.starts_with("=== RUN ") {
            (counted, open) = (true, true);
        } else if let Some((word, name)) = text.strip_prefix("--- ").and_then(|rest| rest.split_once(": ")) {
            let name = name.split(" (").next().unwrap_or(name);
            let top = text.len() == line.len();
            match word {
                "PASS" if top => add(&mut found.passed, 1),
                "SKIP" if top => found.skipped += 1,
                "FAIL" => {
                    found.failed += u64::from(top);
                    found.failing.push(name.to_owned());
                }
                _ => {}
            }
        } else if let Some(rest) = package(line, "ok") {
            (packages, open) = (packages + 1, false);
            found.uncounted |= !rest.contains("[no tests to run]");
        } else if let Some(rest) = package(line, "FAIL") {
            (packages, open) = (packages + 1, false);
            let untested = rest.contains("[build failed]") || rest.contains("[setup failed]");
            found.errors += u64::from(untested);
            found.uncounted |= !untested;
        } else if package(line, "?").is_some() {
            packages += 1;
        }
    }
    if found.uncounted && !counted {
        found.passed = None;
    }
    found.uncounted &= !counted;
    found.complete = packages > 0 && !open;
    (packages > 0 || counted).then_some(found)
}

/// What follows the word of a package's line: a tab and the package.
fn package<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?.trim_start_matches(' ').strip_prefix('\t')?;
    (!rest.is_empty()).then_some(rest)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    test: Option<String>,
}

/// One JSON object for each event, see `go doc test2json`.
pub fn json(all: &[&str]) -> Option<Found> {
    let mut found = Found { runner: "go test", passed: Some(0), ..Found::default() };
    let mut packages: BTreeMap<String, bool> = BTreeMap::new();
    let events = all.iter().filter(|line| line.starts_with('{') && line.contains("\"Action\""));
    for event in events.filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
        let top = event.test.as_ref().is_some_and(|name| !name.contains('/'));
        match (event.action.as_str(), event.test) {
            ("pass" | "skip", None) => {
                packages.insert(event.package, true);
            }
            ("fail", None) => {
                found.errors += u64::from(found.failing.is_empty());
                packages.insert(event.package, true);
            }
            ("pass", Some(_)) if top => add(&mut found.passed, 1),
            ("skip", Some(_)) if top => found.skipped += 1,
            ("fail", Some(name)) => {
                found.failed += u64::from(top);
                found.failing.push(name);
            }
            ("start" | "run", _) => {
                packages.entry(event.package).or_insert(false);
            }
            _ => {}
        }
    }
    found.complete = packages.values().all(|ended| *ended);
    (!packages.is_empty()).then_some(found)
}
