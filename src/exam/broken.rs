//! Breaks the tests of an exam, each one after it has run: what then still passes was not passed by the tests. Also writes
//! the same tests without a body, for finding out which of them a command runs. Text in, text out; what it cannot read it
//! leaves alone and says so.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::braces::closing;

/// The tests of one file.
#[derive(Debug, Default)]
pub struct Tests {
    /// In the order of the file.
    pub tests: Vec<Test>,
    /// Every test of the file is among them, as far as reading shows.
    pub whole: bool,
    /// Something in the file skips tests on purpose.
    pub may_skip: bool,
    /// A file with the same tests, in which each fails at once and which needs nothing of the project.
    pub bare: String,
}

/// One test.
#[derive(Debug)]
pub struct Test {
    /// Its name or title.
    pub name: String,
    /// Marked as not to be run.
    pub skipped: bool,
    /// What to insert, and where, so that it fails.
    edits: Vec<(usize, String)>,
}

/// The tests of a file; none when it is of no language that can be broken. `word` is in every failure's message.
pub fn read(path: &str, text: &str, word: &str) -> Option<Tests> {
    let tests = match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "py" => python(text, word),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => javascript(text, word),
        "rs" => rust(text, word),
        "go" => go(text, word),
        _ => return None,
    };
    Some(tests)
}

/// The text with some of its tests broken.
pub fn apply<'a>(text: &str, tests: impl Iterator<Item = &'a Test>) -> String {
    let mut edits: Vec<&(usize, String)> = tests.flat_map(|test| &test.edits).collect();
    edits.sort_by_key(|(at, _)| *at);
    let mut broken = String::with_capacity(text.len() + 128 * edits.len());
    let mut from = 0;
    for (at, insert) in edits {
        broken.push_str(&text[from..*at]);
        broken.push_str(insert);
        from = *at;
    }
    broken.push_str(&text[from..]);
    broken
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a test compiles it")
}

fn group<'a>(found: &Captures<'a>, name: &str) -> &'a str {
    found.name(name).map_or("", |group| group.as_str())
}

/// A decorator right above the function runs it and fails then; those above it see the function's own name and parameters.
fn python(text: &str, word: &str) -> Tests {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?m)^(?P<marks>(?:[ \t]*@[^\n]*\n)*)(?P<indent>[ \t]*)(?:async[ \t]+)?def[ \t]+(?P<name>test\w*)[ \t]*\(",
        )
    });
    static CLASS: LazyLock<Regex> =
        LazyLock::new(|| regex(r"(?m)^(?P<indent>[ \t]*)class[ \t]+(?P<name>\w+)(?P<bases>[^\n]*)"));
    static ODD: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"doctest|load_tests|\.TestCase[ \t]*$|setattr\(|\bexec\(|^\s*test\w*[ \t]*=")
    });
    static SKIPS: LazyLock<Regex> = LazyLock::new(|| regex(r"skip|xfail|expectedFailure"));
    let mut tests = Tests { whole: !ODD.is_match(text), may_skip: SKIPS.is_match(text), ..Tests::default() };
    tests.bare.push_str("import unittest\n");
    let mut class_at = None;
    for found in TEST.captures_iter(text) {
        let (marks, indent) = (group(&found, "marks"), group(&found, "indent"));
        if marks.contains("fixture") {
            continue;
        }
        let at = found.name("indent").map_or(0, |group| group.start());
        let decorator = format!(
            "{indent}@(lambda f: __import__('functools').wraps(f)(lambda *a, **k: (f(*a, **k), exec('raise AssertionError(\"{word}\")'))))\n"
        );
        let (name, skipped) = (group(&found, "name"), SKIPS.is_match(marks));
        tests.tests.push(Test { name: name.to_owned(), skipped, edits: vec![(at, decorator)] });
        let class = CLASS
            .captures_iter(&text[..at])
            .filter(|class| group(class, "indent").len() < indent.len())
            .last();
        if skipped {
            continue;
        }
        let body = format!("def {name}(*a): raise AssertionError('{word}')\n");
        match class {
            Some(class) => {
                let start = class.get(0).map(|all| all.start());
                if class_at != start {
                    class_at = start;
                    let case =
                        if group(&class, "bases").contains("TestCase") { "(unittest.TestCase)" } else { "" };
                    tests.bare.push_str(&format!("class {}{case}:\n", group(&class, "name")));
                }
                tests.bare.push_str(&format!("    {body}"));
            }
            None => {
                class_at = None;
                tests.bare.push_str(&body);
            }
        }
    }
    tests
}

/// The body goes into a `try`, and its `finally` throws. A body that cannot be followed to its end throws at once.
fn javascript(text: &str, word: &str) -> Tests {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?m)^[ \t]*(?:await[ \t]+)?(?:\w+\.)?(?P<call>test|it)[ \t]*\(\s*(?P<title>'[^'\n]*'|\x22[^\x22\n]*\x22|`[^`]*`)?",
        )
    });
    static BODY: LazyLock<Regex> = LazyLock::new(|| regex(r"=>\s*\{|\bfunction\b[^(]*\([^)]*\)\s*\{"));
    static ODD: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\b(?:test|it|describe|suite)\.(?:each|for|concurrent|sequential|failing|prop|only|step)|\bspecify\(|QUnit|Deno\.test",
        )
    });
    static SKIPS: LazyLock<Regex> = LazyLock::new(|| {
        regex(r"\.(?:skip|todo|skipIf|runIf)\b|\b(?:skip|todo)\s*:|\bx(?:it|test|describe)\(")
    });
    static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?m)^[^\n]*\b(?:from|require)\b[^\n]*['\x22](?:node:test|test|vitest|@jest/globals|mocha|bun:test)['\x22][^\n]*$",
        )
    });
    let mut tests = Tests { whole: !ODD.is_match(text), may_skip: SKIPS.is_match(text), ..Tests::default() };
    for line in IMPORT.find_iter(text) {
        tests.bare.push_str(line.as_str());
        tests.bare.push('\n');
    }
    let starts: Vec<usize> = TEST.find_iter(text).map(|found| found.start()).collect();
    for (number, found) in TEST.captures_iter(text).enumerate() {
        let from = found.get(0).map_or(0, |all| all.end());
        let until = starts.get(number + 1).copied().unwrap_or(text.len());
        let Some(open) = BODY.find(&text[from.min(until)..until]).map(|body| from + body.end()) else {
            tests.whole = false;
            continue;
        };
        let edits = match closing(text, open) {
            Some(close) => vec![
                (open, " try {".to_owned()),
                (close, format!("}} finally {{ throw new Error('{word}') }} ")),
            ],
            None => vec![(open, format!(" throw new Error('{word}');"))],
        };
        let title = group(&found, "title");
        let name = title.get(1..title.len().saturating_sub(1)).unwrap_or_default().to_owned();
        let bare =
            if title.is_empty() || title.starts_with('`') { format!("'{number}'") } else { title.to_owned() };
        tests
            .bare
            .push_str(&format!("{}({bare}, () => {{ throw new Error('{word}') }})\n", group(&found, "call")));
        tests.tests.push(Test { name, skipped: false, edits });
    }
    tests
}

/// A value at the start of the body panics when it goes, unless the test has panicked already.
fn rust(text: &str, word: &str) -> Tests {
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
        tests.tests.push(Test { name: name.to_owned(), skipped, edits: vec![(at, guard)] });
        if !skipped {
            tests.bare.push_str(&format!("#[test]\nfn {name}() {{ panic!(\"{word}\") }}\n"));
        }
    }
    tests.whole = !ODD.is_match(text) && ANY.find_iter(text).count() == tests.tests.len();
    tests
}

/// An error at the start of the body, which lets the test go on.
fn go(text: &str, word: &str) -> Tests {
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
        tests.tests.push(Test { name: name.to_owned(), skipped: false, edits });
        tests.bare.push_str(&format!("func {name}(t *testing.T) {{ t.Error(\"{word}\") }}\n"));
    }
    tests
}

/// Tests inside the sources of a candidate: they are its own, stay in the copy, and are not broken. An upper bound.
pub fn own_in_source(path: &str, text: &str) -> u64 {
    static TEST: LazyLock<Regex> = LazyLock::new(|| regex(r"#\[(?:\w+::)*(?:test|rstest|case|test_case)\b"));
    static BLOCK: LazyLock<Regex> = LazyLock::new(|| regex(r"(?m)^\s*(?://[/!]|\*)?\s*```"));
    if !path.ends_with(".rs") {
        return 0;
    }
    (TEST.find_iter(text).count() + BLOCK.find_iter(text).count().div_ceil(2)) as u64
}
