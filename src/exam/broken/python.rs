//! Tests of unittest and pytest.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::{Test, Tests, group, regex};

/// A decorator right above the function runs it and fails then; those above it see the function's own name and parameters.
pub fn python(text: &str, word: &str) -> Tests {
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
        tests.all.push(Test { skipped, edits: vec![(at, decorator)] });
        let class = CLASS
            .captures_iter(&text[..at])
            .filter(|class| group(class, "indent").len() < indent.len())
            .last();
        if skipped {
            continue;
        }
        let body = format!("def {name}(*a): raise AssertionError('{word}')\n");
        let Some(class) = class else {
            class_at = None;
            tests.bare.push_str(&body);
            continue;
        };
        let start = class.get(0).map(|all| all.start());
        if class_at != start {
            class_at = start;
            let case = if group(&class, "bases").contains("TestCase") { "(unittest.TestCase)" } else { "" };
            let _ = writeln!(tests.bare, "class {}{case}:", group(&class, "name"));
        }
        let _ = write!(tests.bare, "    {body}");
    }
    if text.contains("unittest.main(") {
        tests.bare.push_str("if __name__ == '__main__':\n    unittest.main()\n");
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
