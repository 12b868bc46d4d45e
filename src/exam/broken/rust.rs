//! Tests of cargo, and those that stand inside sources.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::{Test, Tests, group, regex};

/// A value at the start of the body panics when it goes, unless the test has panicked already.
pub fn rust(text: &str, word: &str) -> Tests {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"#\[(?:\w+::)*test(?:\([^\]]*\))?\](?P<marks>(?:\s*#\[[^\]]*\])*)\s*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+(?P<name>\w+)\s*\([^)]*\)[^{;]*\{",
        )
    });
    static ANY: LazyLock<Regex> = LazyLock::new(|| regex(r"#\[(?:\w+::)*test\b"));
    static ODD: LazyLock<Regex> =
        LazyLock::new(|| regex(r"should_panic|rstest|test_case|proptest!|quickcheck|macro_rules!|include!"));
    let mut tests = Tests { may_skip: text.contains("ignore"), ..Tests::default() };
    for found in TEST.captures_iter(text) {
        let (name, marks) = (group(&found, "name"), group(&found, "marks"));
        if marks.contains("should_panic")
            || text[..found.get(0).map_or(0, |all| all.start())].ends_with("#[should_panic]\n")
        {
            continue;
        }
        let skipped = marks.contains("ignore");
        let at = found.get(0).map_or(0, |all| all.end());
        let guard = format!(
            " struct G{word}; impl Drop for G{word} {{ fn drop(&mut self) {{ if !std::thread::panicking() {{ panic!(\"{word}\") }} }} }} let _g{word} = G{word};"
        );
        tests.all.push(Test { skipped, edits: vec![(at, guard)] });
        if !skipped {
            let _ = writeln!(tests.bare, "#[test]\nfn {name}() {{ panic!(\"{word}\") }}");
        }
    }
    tests.whole = !ODD.is_match(text) && ANY.find_iter(text).count() == tests.all.len();
    tests
}

/// Tests inside a source of a candidate: they are its own, stay in the copy, and are not broken. An upper bound.
pub fn own_in_source(text: &str) -> u64 {
    static TEST: LazyLock<Regex> = LazyLock::new(|| regex(r"#\[(?:\w+::)*(?:test|rstest|case|test_case)\b"));
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^\s*(?://[/!]|\*)?\s*```"));
    (TEST.find_iter(text).count() + BLOCK.find_iter(text).count().div_ceil(2)) as u64
}
