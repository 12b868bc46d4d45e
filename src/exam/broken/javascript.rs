//! Tests of node, jest, vitest and mocha, in JavaScript and TypeScript.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::braces::closing;
use super::{Test, Tests, group, regex};

/// The body goes into a `try`, and its `finally` throws. A body that cannot be followed to its end throws at once.
pub fn javascript(text: &str, word: &str) -> Tests {
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
        let call = group(&found, "call");
        let _ = writeln!(tests.bare, "{call}({bare}, () => {{ throw new Error('{word}') }})");
        tests.all.push(Test { skipped: false, edits });
    }
    tests
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
