//! Breaks the tests of an exam, each one after it has run: what then still passes was not passed by the tests. An assertion
//! that the file uses and that lets a plain untruth pass leaves its test unbroken, and so shows itself. Also writes
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
    let after = python_after(text, word);
    let mut class_at = None;
    for found in TEST.captures_iter(text) {
        let (marks, indent) = (group(&found, "marks"), group(&found, "indent"));
        if marks.contains("fixture") {
            continue;
        }
        let at = found.name("indent").map_or(0, |group| group.start());
        let decorator = format!(
            "{indent}@(lambda f: __import__('functools').wraps(f)(lambda *a, **k: (f(*a, **k), exec(\"{after}\", {{'a': a}}))[1]))\n"
        );
        let (name, skipped) = (group(&found, "name"), SKIPS.is_match(marks));
        tests.tests.push(Test { skipped, edits: vec![(at, decorator)] });
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

/// Assertions of Python with arguments that they must not accept.
const PYTHON_UNTRUTHS: &[(&str, &str)] = &[
    ("assertEqual", "1, 2"),
    ("assertNotEqual", "1, 1"),
    ("assertTrue", "False"),
    ("assertFalse", "True"),
    ("assertIs", "1, 2"),
    ("assertIsNone", "1"),
    ("assertIsNotNone", "None"),
    ("assertIn", "1, []"),
    ("assertNotIn", "1, [1]"),
    ("assertIsInstance", "1, str"),
    ("assertRaises", "OSError, int"),
    ("assertRaisesRegex", "OSError, 'a', int"),
    ("assertAlmostEqual", "1, 2"),
    ("assertGreater", "1, 2"),
    ("assertGreaterEqual", "1, 2"),
    ("assertLess", "2, 1"),
    ("assertLessEqual", "2, 1"),
    ("assertRegex", "'a', 'b'"),
    ("assertCountEqual", "[], [1]"),
    ("assertListEqual", "[], [1]"),
    ("assertDictEqual", "{}, {1: 1}"),
    ("assertSequenceEqual", "[], [1]"),
];

/// What runs after a test: raises, unless an assertion accepts what it must not. Stands in a string with double quotes.
fn python_after(text: &str, word: &str) -> String {
    let of_case = PYTHON_UNTRUTHS
        .iter()
        .filter(|(name, _)| text.contains(&format!(".{name}(")))
        .map(|(name, given)| format!("lambda: a[0].{name}({given})"));
    let raises = text
        .contains("pytest.raises")
        .then(|| "lambda: __import__('pytest').raises(OSError, int)".to_owned());
    let untruths: Vec<String> = of_case.chain(raises).collect();
    format!(
        "believed = False\\nfor f in [{}]:\\n  try: f()\\n  except BaseException: continue\\n  believed = True\\nif not believed: raise AssertionError('{word}')",
        untruths.join(", ")
    )
}

/// Assertions of JavaScript by how they stand in a text, with a use that must throw.
const JAVASCRIPT_UNTRUTHS: &[(&str, &str)] = &[
    ("assert(", "assert(false)"),
    ("assert.ok(", "assert.ok(false)"),
    ("assert.equal(", "assert.equal(1, 2)"),
    ("assert.strictEqual(", "assert.strictEqual(1, 2)"),
    ("assert.deepEqual(", "assert.deepEqual([1], [2])"),
    ("assert.deepStrictEqual(", "assert.deepStrictEqual([1], [2])"),
    ("assert.notEqual(", "assert.notEqual(1, 1)"),
    ("assert.notStrictEqual(", "assert.notStrictEqual(1, 1)"),
    ("assert.throws(", "assert.throws(() => {})"),
    ("assert.match(", "assert.match('a', /b/)"),
    (".toBe(", "expect(1).toBe(2)"),
    (".toEqual(", "expect([1]).toEqual([2])"),
    (".toStrictEqual(", "expect([1]).toStrictEqual([2])"),
    (".toThrow", "expect(() => {}).toThrow()"),
    (".toContain(", "expect([]).toContain(1)"),
    (".toHaveLength(", "expect([]).toHaveLength(1)"),
    (".toBeTruthy(", "expect(0).toBeTruthy()"),
    (".toBeFalsy(", "expect(1).toBeFalsy()"),
    (".toBeNull(", "expect(1).toBeNull()"),
    (".toBeUndefined(", "expect(1).toBeUndefined()"),
    (".toBeDefined(", "expect(undefined).toBeDefined()"),
    (".to.equal(", "expect(1).to.equal(2)"),
    (".to.deep.equal(", "expect([1]).to.deep.equal([2])"),
];

/// What runs after a test: throws, unless an assertion accepts what it must not.
fn javascript_after(text: &str, word: &str) -> String {
    let used = JAVASCRIPT_UNTRUTHS.iter().filter(|(name, _)| text.contains(name));
    let untruths: Vec<String> = used.map(|(_, untruth)| format!("() => {untruth}")).collect();
    format!(
        "let believed_{word} = false; for (const f of [{}]) {{ try {{ f() }} catch {{ continue }} believed_{word} = true }} if (!believed_{word}) throw new Error('{word}')",
        untruths.join(", ")
    )
}

/// The body goes into a `try`, and its `finally` throws. A body that cannot be followed to its end throws at once.
fn javascript(text: &str, word: &str) -> Tests {
    static TEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?m)^[ \t]*(?:await[ \t]+)?(?:\w+\.)?(?P<call>test|it)[ \t]*\(\s*(?P<title>'[^'\n]*'|\x22[^\x22\n]*\x22|`[^`]*`)?",
        )
    });
    static BODY: LazyLock<Regex> =
        LazyLock::new(|| regex(r"=>\s*(?P<brace>\{?)|\bfunction\b[^(]*\([^)]*\)\s*(?P<block>\{)"));
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
    let after = javascript_after(text, word);
    let starts: Vec<usize> = TEST.find_iter(text).map(|found| found.start()).collect();
    for (number, found) in TEST.captures_iter(text).enumerate() {
        let from = found.get(0).map_or(0, |all| all.end());
        let until = starts.get(number + 1).copied().unwrap_or(text.len());
        // A function whose body is an expression holds others, whose failure it may want.
        let body = BODY.captures(&text[from.min(until)..until]);
        let brace = body.filter(|body| !group(body, "brace").is_empty() || !group(body, "block").is_empty());
        let Some(open) = brace.and_then(|body| body.get(0)).map(|body| from + body.end()) else {
            tests.whole = false;
            continue;
        };
        let edits = match closing(text, open) {
            Some(close) => vec![(open, " try {".to_owned()), (close, format!("}} finally {{ {after} }} "))],
            None => vec![(open, format!(" {after};"))],
        };
        let title = group(&found, "title");
        let bare =
            if title.is_empty() || title.starts_with('`') { format!("'{number}'") } else { title.to_owned() };
        tests
            .bare
            .push_str(&format!("{}({bare}, () => {{ throw new Error('{word}') }})\n", group(&found, "call")));
        tests.tests.push(Test { skipped: false, edits });
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
        tests.tests.push(Test { skipped, edits: vec![(at, guard)] });
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
        tests.tests.push(Test { skipped: false, edits });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> (Tests, String) {
        let tests = read(path, text, "w0rd").expect("is a language that can be broken");
        let broken = apply(text, tests.tests.iter());
        (tests, broken)
    }

    #[test]
    fn python_tests_are_found_in_classes_and_outside_and_fixtures_are_none() {
        let text = "import pytest\n\n@pytest.fixture\ndef test_client():\n    pass\n\nclass A(unittest.TestCase):\n    @patch('x')\n    def test_a(\n        self,\n    ):\n        pass\n\n    @unittest.skip('later')\n    def test_b(self): pass\n\nasync def test_c(): pass\n\ndef helper(): pass\n";
        let (tests, broken) = of("tests/test_a.py", text);
        assert_eq!((tests.tests.len(), tests.whole, tests.may_skip), (3, true, true));
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
        assert_eq!((tests.tests.len(), tests.whole), (3, false), "an expression is no body");
        assert_eq!(broken.matches(" try {").count(), 3 + 3, "with the ones that try the assertions");
        assert!(broken.contains("(t) => { try {\n") && broken.contains("(done) { try { h() } finally {"));
        assert!(tests.bare.starts_with("import { test } from 'node:test'\ntest('a', () =>"));
        assert!(!of("a.test.js", "test.each([1])('n', (n) => { f(n) })\n").0.whole);
    }

    #[test]
    fn rust_and_go_tests_fail_once_they_are_over() {
        let rust = "#[test]\nfn a() { f() }\n#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn b() -> Result<(), E> { g() }\n";
        let (tests, broken) = of("tests/a.rs", rust);
        assert_eq!((tests.tests.len(), tests.whole, tests.may_skip), (2, true, true));
        assert!(
            broken.contains("fn a() { struct Gw0rd;") && broken.contains("Result<(), E> { struct Gw0rd;")
        );
        assert_eq!(tests.bare, "#[test]\nfn a() { panic!(\"w0rd\") }\n");
        assert!(!of("a.rs", "#[test]\n#[should_panic]\nfn a() { f() }\n").0.whole);
        let go = "package limiter\n\nfunc TestA(t *testing.T) {\n\tf()\n}\n\nfunc Testimony(t *testing.T) {\n}\n\nfunc TestMain(m *testing.M) {}\n";
        let (tests, broken) = of("a_test.go", go);
        assert_eq!((tests.tests.len(), tests.whole), (1, false));
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
                assert!(broken.len() >= text.len() && tests.tests.len() <= 1, "{path}: {text}");
            }
        }
        assert!(read("a.rb", "", "w").is_none() && read("Makefile", "", "w").is_none());
    }

    #[test]
    fn a_candidates_own_unit_tests_are_counted() {
        let text = "/// ```\n/// f();\n/// ```\nfn f() {}\n#[cfg(test)]\nmod tests { #[test] fn a() {} }\n";
        assert_eq!((own_in_source("src/lib.rs", text), own_in_source("a.py", text)), (2, 0));
    }
}
