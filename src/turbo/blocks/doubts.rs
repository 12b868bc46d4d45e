//! What makes a complete file doubtful: words that stand for left-out code, and characters that stand for lost ones.
//! Only says so; the text stays as it is.

use super::body::{self, Body};
use super::fence::Fence;
use super::{MAX_LISTED, Reason};
use crate::report::text::name;

/// Longest line that can be a remark about left-out code, in bytes.
const LONGEST: usize = 120;
/// What begins a comment in common languages, the longer ones first.
const COMMENTS: [&str; 10] = ["{/*", "<!--", "///", "//", "/*", "--", "#", ";", "%", "*"];
/// In Markdown `#` begins a heading, `*` and `--` a list or a rule.
const COMMENTS_IN_MARKDOWN: [&str; 4] = ["{/*", "<!--", "//", "/*"];
const ENDS: [&str; 3] = ["*/}", "*/", "-->"];
/// One of these says that code was left out.
const LEFT_OUT: [&str; 12] = [
    "existing",
    "more",
    "omitted",
    "previous",
    "remainder",
    "remaining",
    "rest",
    "same",
    "snip",
    "snipped",
    "truncated",
    "unchanged",
];
/// With these, a comment without dots is about code that was left out and nothing else.
const AROUND: [&str; 30] = [
    "above",
    "all",
    "as",
    "before",
    "brevity",
    "class",
    "code",
    "component",
    "content",
    "contents",
    "file",
    "for",
    "function",
    "functions",
    "here",
    "implementation",
    "imports",
    "is",
    "method",
    "methods",
    "module",
    "of",
    "other",
    "remains",
    "stays",
    "the",
    "this",
    "unmodified",
    "your",
    "logic",
];

/// Lines with such words or characters, in their order; the first line only for lost characters.
pub fn doubts(path: &str, body: &Body<'_>) -> Vec<Reason> {
    let comments: &[&str] = if body::is_markdown(path) { &COMMENTS_IN_MARKDOWN } else { &COMMENTS };
    let mut doubts: Vec<Reason> = (body.line..)
        .zip(body.text.split('\n'))
        .filter(|(_, line)| is_left_out(line, comments))
        .map(|(line, text)| Reason {
            line,
            what: format!("may leave code out: {}", name(text.trim(), LONGEST)),
        })
        .take(MAX_LISTED)
        .collect();
    let first = body.text.trim_start();
    if !body::is_markdown(path) && Fence::begun_by(first.lines().next().unwrap_or("")).is_some() {
        let line = body.line + body.text[..body.text.len() - first.len()].matches('\n').count();
        doubts.push(Reason {
            line,
            what: "begins with a code fence that does not enclose all of it".to_owned(),
        });
    }
    if let Some(at) = body.text.find(is_replacement) {
        let line = body.line + body.text[..at].matches('\n').count();
        doubts.push(Reason { line, what: "holds a character that stands for one that was lost".to_owned() });
    }
    doubts
}

/// U+FFFD stands for bytes that were no text, U+FFFC for an object, U+001A for what a code page lacked.
fn is_replacement(c: char) -> bool {
    matches!(c, '\u{fffd}' | '\u{fffc}' | '\u{1a}')
}

/// Whether a line is nothing but a remark that code is not written out.
fn is_left_out(line: &str, comments: &[&str]) -> bool {
    let line = line.trim();
    if line.len() > LONGEST {
        return false;
    }
    let comment = comments.iter().find_map(|begin| line.strip_prefix(begin));
    let Some(comment) = comment else { return is_bare_remark(line) };
    let comment = ENDS.iter().find_map(|end| comment.trim_end().strip_suffix(end)).unwrap_or(comment);
    let words = words(comment);
    let has_dots = has_dots(comment);
    let names_it = words.iter().any(|word| LEFT_OUT.contains(&word.as_str()));
    if has_dots {
        return names_it || words.is_empty();
    }
    let is_about_code =
        words.iter().all(|word| LEFT_OUT.contains(&word.as_str()) || AROUND.contains(&word.as_str()));
    let says_enough =
        words.len() > 1 || words.iter().any(|word| matches!(word.as_str(), "unchanged" | "omitted"));
    names_it && is_about_code && says_enough
}

/// Dots, a space and such a word, without a comment. Dots alone are code in Python, dots at a name in many languages.
fn is_bare_remark(line: &str) -> bool {
    let line = line.trim_start_matches(['[', '(', '<']);
    let Some(rest) = line.strip_prefix("...").or_else(|| line.strip_prefix('…')) else { return false };
    rest.starts_with(' ') && words(rest).iter().any(|word| LEFT_OUT.contains(&word.as_str()))
}

fn has_dots(comment: &str) -> bool {
    let comment = comment.trim().trim_matches(['[', ']', '(', ')']);
    ["...", "…"].iter().any(|dots| comment.starts_with(dots) || comment.ends_with(dots))
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_that_stand_for_code_are_found() {
        for line in [
            "... rest unchanged",
            "... rest of the file ...",
            "… existing code …",
            "[... remaining methods ...]",
            "(... rest of file unchanged)",
            "// existing code here",
            "// ... existing code ...",
            "    // rest of the file remains unchanged",
            "# ... rest of the file",
            "# rest of code",
            "# ...",
            "// …",
            "/* unchanged */",
            "/* ... */",
            "{/* existing code */}",
            "<!-- ... rest of the page ... -->",
            "-- remaining functions omitted for brevity",
            "; ... same as before",
            "// Same as above...",
            "% previous code here",
            "* ... unchanged ...",
        ] {
            assert!(is_left_out(line, &COMMENTS), "{line}");
        }
    }

    #[test]
    fn code_and_ordinary_comments_are_left_alone() {
        for line in [
            "...",
            "    ...",
            "...rest,",
            "...existing",
            "{ ...rest }",
            "def f(*rest): ...",
            "# existing users keep their id",
            "// the rest of the bytes belong to the next frame",
            "# rest",
            "// existing",
            "# Loading...",
            "print('... rest unchanged')",
            "let rest = unchanged; // existing code here",
            "#[derive(Debug)]",
            "#!/bin/sh",
            "*rest",
            "--",
            "//",
            "",
        ] {
            assert!(!is_left_out(line, &COMMENTS), "{line}");
        }
        assert!(!is_left_out("# Unchanged", &COMMENTS_IN_MARKDOWN));
        assert!(is_left_out("<!-- unchanged -->", &COMMENTS_IN_MARKDOWN));
    }
}
