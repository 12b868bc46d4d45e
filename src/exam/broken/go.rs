//! Tests of go.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::{Test, Tests, group, regex};

/// An error at the start of the body, which lets the test go on.
pub fn go(text: &str, word: &str) -> Tests {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"(?m)^func\s+(?P<name>Test(?:[^a-z\s(][^\s(]*)?)\s*\(\s*(?P<t>\w+)\s+\*testing\.T\s*\)\s*\{")
    });
    static PACKAGE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^package\s+\w+"));
    static ODD: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^func\s+(?:Example|Fuzz|TestMain)"));
    let mut tests =
        Tests { whole: !ODD.is_match(text), may_skip: text.contains(".Skip"), ..Tests::default() };
    let package = PACKAGE.find(text).map_or("package main", |found| found.as_str());
    tests.bare = format!("{package}\n\nimport \"testing\"\n\n");
    for found in TEST.captures_iter(text) {
        let (name, t) = (group(&found, "name"), group(&found, "t"));
        if t == "_" {
            tests.whole = false;
            continue;
        }
        let at = found.get(0).map_or(0, |all| all.end());
        let edits = vec![(at, format!(" {t}.Error(\"{word}\");"))];
        tests.all.push(Test { skipped: false, edits });
        let _ = writeln!(tests.bare, "func {name}(t *testing.T) {{ t.Error(\"{word}\") }}");
    }
    tests
}
