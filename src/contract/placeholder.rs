//! What a template leaves to be filled in and nobody filled: `[what it does]`, `<the name>`, `TODO:`, `...`. Knows what only
//! looks like it: generics, slices, option brackets of a usage line, links, spread and variadic dots.

use super::line;
use super::parse::Line;

/// Longest text between brackets that is taken for a placeholder, in bytes.
const LONGEST: usize = 160;

/// Words that are a placeholder alone between brackets.
const ALONE: &[&str] = &[
    "...",
    "…",
    "tbd",
    "todo",
    "fixme",
    "placeholder",
    "describe",
    "description",
    "fill",
    "insert",
    "x",
    "y",
];

/// What was left on a line, in words for its author.
pub fn placeholder(line: &Line<'_>) -> Option<&'static str> {
    let text = line.text;
    if !text.bytes().any(|byte| b"[<.T?F".contains(&byte)) && !text.contains('…') {
        return None;
    }
    if is_dots(line) {
        return Some("only dots");
    }
    if is_marked_todo(line) {
        return Some("a TODO");
    }
    let bytes = text.as_bytes();
    let mut code = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'`' if !line.fenced => code = !code && text[at + 1..].contains('`'),
            _ if code => {}
            b'[' if opens(text, at) => match between(text, at, ']') {
                Some((inside, after)) if is_bracketed(inside, after) => {
                    return Some("a placeholder in brackets");
                }
                _ => {}
            },
            b'<' if opens(text, at) => match between(text, at, '>') {
                Some((inside, _)) if is_angled(inside) => return Some("a placeholder in angle brackets"),
                _ => {}
            },
            b'T' | b'F' if is_word_at(text, at, "TBD") || is_word_at(text, at, "FIXME") => {
                return Some("a TBD or FIXME");
            }
            b'?' if text[at..].starts_with("???") && opens(text, at) => return Some("question marks"),
            _ => {}
        }
        at += 1;
    }
    None
}

/// `...` as the whole line or item, and `... more fields` in a line of its own.
fn is_dots(line: &Line<'_>) -> bool {
    let trimmed = line.text.trim();
    let item = line::bullet(trimmed).or_else(|| line::step(trimmed).map(|(rest, _)| rest));
    let uncommented = trimmed.trim_start_matches(['#', '/', '-', '*', ' ']);
    let said = item.unwrap_or(uncommented).trim();
    let Some(rest) = said.strip_prefix("...").or_else(|| said.strip_prefix('…')) else { return false };
    let elides = rest.starts_with(' ') && rest.trim_start().starts_with(|c: char| c.is_lowercase());
    // Indented dots are the body of a function.
    let whole = rest.trim_matches(['.', ' ']).is_empty();
    elides || whole && (item.is_some() || !line.fenced && !line.text.starts_with([' ', '\t']))
}

/// `TODO`, `TODO: fields`, `# TODO fields`, `<TODO>`; not `TODO` among the values of a status.
fn is_marked_todo(line: &Line<'_>) -> bool {
    let Some(at) = line.text.find("TODO") else { return false };
    if !is_word_at(line.text, at, "TODO") {
        return false;
    }
    let (before, after) = (line.text[..at].trim_end(), &line.text[at + 4..]);
    let commented = before.ends_with(['#', '/']) || before.ends_with("--");
    let field = before.ends_with(':') && after.trim().is_empty();
    let item =
        before.is_empty() || matches!(before.trim_start(), "-" | "*" | "+") || line::step(before).is_some();
    let alone =
        after.trim().is_empty() && !line.fenced && !(before.is_empty() && line.text.starts_with([' ', '\t']));
    let told =
        after.starts_with([':', '(']) && !line.fenced || after.starts_with(" -") || after.starts_with(" –");
    commented || field || item && (alone || told)
}

/// Whether a bracket at `at` stands for itself: not behind a name, as in `list[int]`, nor behind a mark of a language.
fn opens(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_none_or(|c| c.is_whitespace() || "(\"'{=:,|“*_".contains(c))
}

/// The text up to the closing bracket, and what follows it.
fn between(text: &str, at: usize, close: char) -> Option<(&str, &str)> {
    let rest = &text[at + 1..];
    let end = rest.bytes().take(LONGEST).position(|byte| byte == close as u8)?;
    Some((&rest[..end], &rest[end + 1..]))
}

fn is_bracketed(inside: &str, after: &str) -> bool {
    // `[text](link)`, `[K in Keys]: T`, `[task for task in tasks]`.
    let mapped = after.trim_start_matches('?').starts_with(':') && inside.contains(" in ");
    let comprehended = inside.contains(" for ") && inside.contains(" in ");
    if after.starts_with(['(', '[']) || mapped || comprehended {
        return false;
    }
    if is_alone(inside) {
        // `- [x] done` is a check box.
        return !(inside.eq_ignore_ascii_case("x") && after.starts_with(' ') && after.len() > 1)
            || inside == "X" && after.starts_with(" with");
    }
    is_instruction(inside)
}

fn is_angled(inside: &str) -> bool {
    is_alone(inside) || is_instruction(inside)
}

fn is_alone(inside: &str) -> bool {
    let inside = inside.trim();
    inside.len() <= 12 && !inside.is_empty() && ALONE.iter().any(|word| inside.eq_ignore_ascii_case(word))
}

/// Two words and more, and nothing that code would have; with a comma only as a sentence: `[List all routes, with results]`.
fn is_instruction(inside: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || c == ' ' || "-/'’.,:;()".contains(c);
    let words =
        inside.split_whitespace().filter(|word| word.starts_with(|c: char| c.is_alphabetic())).count();
    let starts_word = inside.starts_with(|c: char| c.is_alphabetic());
    if !starts_word || !inside.chars().all(plain) {
        return false;
    }
    let punctuated = inside.contains([',', ':', ';', '(']);
    if punctuated { words >= 3 && inside.starts_with(char::is_uppercase) } else { words >= 2 }
}

fn is_word_at(text: &str, at: usize, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '\'' || c == '"';
    text[at..].starts_with(word)
        && !text[..at].chars().next_back().is_some_and(is_part)
        && !text[at + word.len()..].chars().next().is_some_and(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str, fenced: bool) -> bool {
        placeholder(&Line { number: 1, text, fenced }).is_some()
    }

    #[test]
    fn what_a_template_leaves_is_found() {
        for text in [
            "Build [X] with [tech stack].",
            "[Pydantic models / interfaces with exact field names and types]",
            "1. [Step-by-step logic for the implementation]",
            "- Store data in [storage mechanism]",
            "- [List all routes, methods and results]",
            "[...]",
            "[TODO]",
            "name: <the type>",
            "- <...>",
            "<describe>",
            "TODO",
            "TODO: the fields",
            "- TODO",
            "3. TODO - steps",
            "id: TODO",
            "x: int  # TODO check the range",
            "- retries: TBD",
            "FIXME",
            "...",
            "- ...",
            "2. …",
            "# ... other routes",
            "// ... more fields",
            "size: ???",
        ] {
            assert!(left(text, false), "{text}");
        }
        assert!(left("# ... other routes", true) && left("x int // TODO", true));
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            "items: list[Task]",
            "tags []string",
            "buf: [u8; 4]",
            "m: dict[str, tuple[int, ...]]",
            "usage: csv2json [--out FILE] [OPTIONS] <FILE>",
            "- [x] done",
            "- [ ] open it",
            "see [the guide](https://example.com)",
            "[key: string]: number",
            "{ [K in Keys]: boolean }",
            "take the half-open interval [start, end)",
            "return [task for task in tasks]",
            "#[derive(Debug, Clone)]",
            "if a < b and c > d: swap",
            "Vec<Option<T>>",
            "GET /tasks/<id> -> Task",
            "the pattern `[not a placeholder]` is kept",
            "[1, 2, 3]",
            "[INFO] started",
            "    ...",
            "def get(self, key: K) -> V: ...",
            "log(...args: unknown[])",
            "func Sum(values ...int) int",
            "status: TODO | DOING | DONE",
            "  TODO = \"todo\"",
            "A TODO app with FastAPI",
            "the sequence 1, 2, 4, ...",
            "x?.y ?? z",
            "",
        ] {
            assert!(!left(text, false), "{text}");
        }
        assert!(!left("  TODO", true) && !left("    ...", true));
    }

    #[test]
    fn it_takes_linear_time_and_any_text() {
        for text in ["[".repeat(60_000), "`[a b".repeat(12_000), "<é ".repeat(20_000), "TODO".repeat(9_000)]
        {
            let _ = left(&text, false);
        }
    }
}
