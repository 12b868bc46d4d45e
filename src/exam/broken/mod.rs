//! Breaks the tests of an exam, each one after it has run: what then still passes was not passed by the tests. An assertion
//! that the file uses and that lets a plain untruth pass leaves its test unbroken, and so shows itself. Also writes
//! the same tests without a body, for finding out which of them a command runs. Text in, text out; what it cannot read it
//! leaves alone and says so.

mod braces;
mod go;
mod javascript;
mod python;
mod rust;

use regex::{Captures, Regex};

pub use rust::own_in_source;

/// The tests of one file.
#[derive(Debug, Default)]
pub struct Tests {
    /// In the order of the file.
    pub all: Vec<Test>,
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
    /// Marked as not to be run.
    pub skipped: bool,
    /// What to insert, and where, so that it fails.
    edits: Vec<(usize, String)>,
}

/// The tests of a file; none when it is of no language that can be broken. `word` is in every failure's message.
pub fn read(path: &str, text: &str, word: &str) -> Option<Tests> {
    let tests = match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "py" => python::python(text, word),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => javascript::javascript(text, word),
        "rs" => rust::rust(text, word),
        "go" => go::go(text, word),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> (Tests, String) {
        let tests = read(path, text, "w0rd").expect("is a language that can be broken");
        let broken = apply(text, tests.all.iter());
        (tests, broken)
    }

    #[test]
    fn python_tests_are_found_in_classes_and_outside_and_fixtures_are_none() {
        let text = "import pytest\n\n@pytest.fixture\ndef test_client():\n    pass\n\nclass A(unittest.TestCase):\n    @patch('x')\n    def test_a(\n        self,\n    ):\n        pass\n\n    @unittest.skip('later')\n    def test_b(self): pass\n\nasync def test_c(): pass\n\ndef helper(): pass\n";
        let (tests, broken) = of("tests/test_a.py", text);
        assert_eq!((tests.all.len(), tests.whole, tests.may_skip), (3, true, true));
        let lines: Vec<&str> = broken.lines().collect();
        let above = |line: &str| {
            let at = lines.iter().position(|other| other.starts_with(line)).expect("is there");
            lines[at - 1].trim_start().starts_with("@(lambda f:")
        };
        assert!(above("    def test_a(") && above("    def test_b(") && above("async def test_c("));
        assert!(!above("def helper") && !above("def test_client"));
        assert_eq!(
            tests.bare,
            "import unittest\nclass A(unittest.TestCase):\n    def test_a(*a): raise AssertionError('w0rd')\ndef test_c(*a): raise AssertionError('w0rd')\n"
        );
    }

    #[test]
    fn javascript_bodies_are_wrapped_to_their_own_end() {
        let text = "import { test } from 'node:test'\ntest('a', { timeout: 9 }, async (t) => {\n  f('}')\n  await t.test('b', () => { g() })\n})\nit(\"c\", function (done) { h() })\nif (/x/.test(y)) {}\ntest('d', () => throws(() => { f() }))\n";
        let (tests, broken) = of("a.test.ts", text);
        assert_eq!((tests.all.len(), tests.whole), (3, false), "an expression is no body");
        assert_eq!(broken.matches(" try {").count(), 3 + 3, "with the ones that try the assertions");
        assert!(broken.contains("(t) => { try {\n") && broken.contains("(done) { try { h() } finally {"));
        assert!(tests.bare.starts_with("import { test } from 'node:test'\ntest('a', () =>"));
        assert!(!of("a.test.js", "test.each([1])('n', (n) => { f(n) })\n").0.whole);
    }

    #[test]
    fn rust_and_go_tests_fail_once_they_are_over() {
        let rust = "#[test]\nfn a() { f() }\n#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn b() -> Result<(), E> { g() }\n";
        let (tests, broken) = of("tests/a.rs", rust);
        assert_eq!((tests.all.len(), tests.whole, tests.may_skip), (2, true, true));
        assert!(
            broken.contains("fn a() { struct Gw0rd;") && broken.contains("Result<(), E> { struct Gw0rd;")
        );
        assert_eq!(tests.bare, "#[test]\nfn a() { panic!(\"w0rd\") }\n");
        assert!(!of("a.rs", "#[test]\n#[should_panic]\nfn a() { f() }\n").0.whole);
        let go = "package limiter\n\nfunc TestA(t *testing.T) {\n\tf()\n}\n\nfunc Testimony(t *testing.T) {\n}\n\nfunc TestMain(m *testing.M) {}\n";
        let (tests, broken) = of("a_test.go", go);
        assert_eq!((tests.all.len(), tests.whole), (1, false));
        assert!(broken.contains("func TestA(t *testing.T) { t.Error(\"w0rd\");\n\tf()"));
        assert_eq!(
            tests.bare,
            "package limiter\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { t.Error(\"w0rd\") }\n"
        );
    }

    #[test]
    fn any_text_is_read_without_harm() {
        for text in [
            "",
            "def test_",
            "test('",
            "test(() => {",
            "#[test]",
            "func TestA(",
            "class A(\n def test(é):",
            "`${",
        ] {
            for path in ["a.py", "a.js", "a.rs", "a.go"] {
                let (tests, broken) = of(path, text);
                assert!(broken.len() >= text.len() && tests.all.len() <= 1, "{path}: {text}");
            }
        }
        assert!(read("a.rb", "", "w").is_none() && read("Makefile", "", "w").is_none());
    }

    #[test]
    fn a_candidates_own_unit_tests_are_counted() {
        let text = "/// ```\n/// f();\n/// ```\nfn f() {}\n#[cfg(test)]\nmod tests { #[test] fn a() {} }\n";
        assert_eq!(own_in_source(text), 2);
    }
}
