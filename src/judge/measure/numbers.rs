//! Numbers in the code that have no name. Each value counts once in a file.

use std::collections::BTreeSet;

use super::Parsed;
use crate::judge::facts::{Finding, Kind};
use crate::judge::syntax::Tree;

/// Words beside which 100 to 599 is the status of a response.
const STATUS: [&str; 8] =
    ["status", "respon", "http", "reply", "abort", "statuscode", "send_error", "writehead"];

/// Statuses that HTTP has (IANA's registry); in a file that speaks HTTP everybody knows them.
const REGISTERED: [std::ops::RangeInclusive<u32>; 7] =
    [100..=103, 200..=208, 300..=308, 400..=418, 421..=431, 451..=451, 500..=511];

/// How far from the number such a word may stand, in bytes.
const NEAR: usize = 120;

/// Finds numbers without a name.
pub fn magic(one: &Parsed<'_>, findings: &mut Vec<Finding>) {
    let tree = &one.tree;
    let mut seen = BTreeSet::new();
    for at in one.nodes().filter(|&at| tree.is(at, tree.language.numbers)) {
        let value = value(tree.text_of(at));
        if is_plain(&value) || seen.contains(&value) || has_name(tree, at) || is_status(&value, tree, at) {
            continue;
        }
        findings.push(one.point(Kind::MagicNumber, at, format!("`{value}`")));
        seen.insert(value);
    }
}

/// A number as one writes it: `1_000u32` is `1000`, `2.0` is `2`.
fn value(text: &str) -> String {
    let text = text.replace('_', "").to_ascii_lowercase();
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?.trim_end_matches(['n', 'l']);
        let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        u128::from_str_radix(&digits[..end], radix).ok().map(|number| number.to_string())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)) {
        return number;
    }
    if text.starts_with("0x") {
        return text;
    }
    let suffix = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-')))
        .unwrap_or(text.len());
    let digits = text[..suffix].trim_end_matches('e');
    digits.parse::<f64>().map_or_else(|_| text.clone(), |number| number.to_string())
}

/// 0, 1, 2 and the powers of ten.
fn is_plain(value: &str) -> bool {
    let is_power = value.starts_with('1') && value[1..].bytes().all(|digit| digit == b'0');
    matches!(value, "0" | "2") || is_power
}

fn has_name(tree: &Tree<'_>, at: usize) -> bool {
    let language = tree.language;
    let mut child = at;
    let mut direct = true;
    for around in tree.ancestors(at) {
        if tree.stands_in(child, language.named_numbers) {
            return true;
        }
        let names = language.upper_constants.iter().filter(|slot| slot.0 == tree.nodes[around].kind);
        for slot in names {
            let name = tree.child(around, slot.1).map_or("", |name| tree.text_of(name));
            let is_left = tree.nodes[child].field == slot.1;
            if !is_left
                && (is_upper(name) || direct && is_const(tree, around) || is_field_default(tree, around))
            {
                return true;
            }
        }
        // `add_argument("--port", default=8080)`
        if tree.nodes[around].kind == "keyword_argument" {
            let name = tree.child(around, "name").map_or("", |name| tree.text_of(name));
            if name.starts_with("default") {
                return true;
            }
        }
        direct &= tree.is(around, &["binary_expression", "unary_expression", "parenthesized_expression"]);
        if tree.is(around, language.functions) {
            return false;
        }
        child = around;
    }
    false
}

/// `LIKE_THIS`.
fn is_upper(name: &str) -> bool {
    name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase)
}

/// The declarator of a `const`.
fn is_const(tree: &Tree<'_>, declarator: usize) -> bool {
    tree.parent(declarator)
        .and_then(|declaration| tree.children(declaration).next())
        .is_some_and(|keyword| tree.nodes[keyword].kind == "const")
}

/// `limit: int = 50` in a class.
fn is_field_default(tree: &Tree<'_>, assignment: usize) -> bool {
    let mut around = tree.ancestors(assignment);
    let is_annotated = tree.child(assignment, "type").is_some();
    is_annotated
        && around.next().is_some_and(|at| tree.nodes[at].kind == "expression_statement")
        && around.nth(1).is_some_and(|at| tree.nodes[at].kind == "class_definition")
}

/// Whether it is a status of HTTP: a word for one stands near it on the line, or the file speaks HTTP and the number is one of
/// its statuses.
fn is_status(value: &str, tree: &Tree<'_>, at: usize) -> bool {
    let Some(number) = value.parse::<u32>().ok().filter(|number| (100..600).contains(number)) else {
        return false;
    };
    let (before, after) = tree.around(at, NEAR);
    let before = before.rsplit('\n').next().unwrap_or_default().to_ascii_lowercase();
    let after = after.split('\n').next().unwrap_or_default().to_ascii_lowercase();
    let is_near = STATUS.iter().any(|word| before.contains(word) || after.contains(word));
    is_near || REGISTERED.iter().any(|range| range.contains(&number)) && speaks_http(tree)
}

fn speaks_http(tree: &Tree<'_>) -> bool {
    tree.text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"http"))
}
