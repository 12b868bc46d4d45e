//! Routes, signatures and command lines, and whether each says what comes back. Reads notations, not languages: it does not
//! know whether the code would compile.

use super::line;
use super::parse::Line;
use super::vocabulary::{ENDPOINTS, INTERFACES, NEGATIONS, NONE, RESULT_COLUMNS, RESULTS};
use super::words::{self, holds, position};

/// Something that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Line, from 1.
    pub line: usize,
    /// How it is called.
    pub form: Form,
    /// Whether its result is stated.
    pub has_result: bool,
}

/// How something is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Over HTTP.
    Route,
    /// As a function.
    Signature,
    /// As a program.
    Usage,
}

const METHODS: &[&str] =
    &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "WS", "WEBSOCKET", "SSE"];

/// Lines of one signature that are read together.
const MOST_JOINED: usize = 24;

/// Everything that can be called, in line order.
pub fn entries(lines: &[Line<'_>]) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut result_column = None;
    let mut at = 0;
    while at < lines.len() {
        let (line, text) = (&lines[at], lines[at].text.trim());
        at += 1;
        if text.is_empty() {
            continue;
        }
        if text.starts_with('|') {
            if lines.get(at).is_some_and(|next| line::is_table_rule(next.text)) {
                result_column = result_column_of(text);
            } else if let Some(has_result) = table_route(text, result_column) {
                found.push(Entry { line: line.number, form: Form::Route, has_result });
            }
            continue;
        }
        let content = line::content(text);
        let (joined, more) = joined(content, &lines[at..]);
        if let Some((form, has_result)) = entry(joined.as_deref().unwrap_or(content), text, line.fenced) {
            at += more;
            found.push(Entry { line: line.number, form, has_result });
        } else if let Some(last) = found.last_mut().filter(|entry| !entry.has_result) {
            last.has_result = states_result(content);
        }
    }
    // The exit codes of a program stand once, below all its command lines.
    let told = found.iter().any(|entry| entry.form == Form::Usage)
        && lines.iter().any(|line| holds(line.text, &RESULTS));
    for entry in found.iter_mut().filter(|entry| entry.form == Form::Usage) {
        entry.has_result |= told;
    }
    if found.is_empty() { in_sentences(lines) } else { found }
}

/// Whether a section says that there is no interface.
pub fn says_none(lines: &[Line<'_>]) -> bool {
    let said = lines.iter().map(|line| line::content(line.text)).find(|text| !line::is_bare(text));
    said.is_some_and(|text| {
        let first = &text[..text.find(['.', ';', ':', ',', '(']).unwrap_or(text.len())];
        let begins =
            position(first, &NONE).is_some_and(|at| first[..at].chars().all(|c| !c.is_alphanumeric()));
        begins || text.to_ascii_lowercase().starts_with("n/a")
    })
}

/// The first line outside of the section that has something to call: by its notation, or by a word that can mean nothing else.
pub fn sure_interface<'a>(lines: impl Iterator<Item = &'a Line<'a>>) -> Option<usize> {
    lines
        .filter(|line| !line.text.is_empty())
        .find(|line| is_notation(line) || tells(line.text, &ENDPOINTS))
        .map(|line| line.number)
}

/// The first line that speaks of something to call in any of the words for it.
pub fn likely_interface<'a>(lines: impl Iterator<Item = &'a Line<'a>>) -> Option<usize> {
    lines.filter(|line| !line.fenced).find(|line| tells(line.text, &INTERFACES)).map(|line| line.number)
}

fn is_notation(line: &Line<'_>) -> bool {
    let content = line::content(line.text);
    let declared = [
        "def ",
        "async def ",
        "fn ",
        "pub fn ",
        "async fn ",
        "pub async fn ",
        "func ",
        "function ",
        "export function ",
    ];
    declared.iter().any(|mark| content.starts_with(mark)) && signature(content, line.fenced).is_some()
        || route(content).is_some()
}

/// Whether a line has one of the words and does not deny it.
fn tells(text: &str, vocabulary: &words::Vocabulary) -> bool {
    position(text, vocabulary).is_some_and(|at| {
        let clause = text[..at].rfind(['.', ';']).map_or(0, |end| end + 1);
        !holds(&text[clause..at], &NEGATIONS)
    })
}

/// What one line calls: `content` without marks and joined with the lines of its parentheses, `text` as it stands.
fn entry(content: &str, text: &str, fenced: bool) -> Option<(Form, bool)> {
    if let Some(has_result) = route(content) {
        return Some((Form::Route, has_result));
    }
    if is_usage(content, text, fenced) {
        return Some((Form::Usage, states_result(content)));
    }
    signature(content, fenced).map(|has_result| (Form::Signature, has_result))
}

/// `GET /tasks -> list[Task]`, `/tasks (GET)`, and the `/tasks:` and `get:` of OpenAPI.
fn route(content: &str) -> Option<bool> {
    let mut words = content.split_whitespace();
    let first = words.next()?;
    let second = words.next().unwrap_or_default();
    let bare = |word: &str| -> usize { word.trim_matches(['*', '`', ':', '(', ')', '[', ']', ',']).len() };
    let is_method = |word: &str| {
        let word = word.trim_matches(['*', '`', ':', '(', ')', '[', ']', ',']);
        word.split(['/', '|', ',']).all(|method| METHODS.contains(&method)) && !word.is_empty()
    };
    let is_path =
        |word: &str| word.trim_start_matches(['`', '*', '"']).starts_with(['/', '{']) && bare(word) > 0;
    if is_method(first) && (is_path(second) || second.contains("://")) {
        let path = content.find(second).map_or("", |at| &content[at..]);
        let behind = &path[second.len().min(path.len())..];
        let named = second.ends_with(':') && !behind.trim().is_empty();
        return Some(named || states_result(behind));
    }
    if is_path(first) && first.len() > 1 && (is_method(second) || first.ends_with(':') && second.is_empty()) {
        return Some(states_result(content));
    }
    let openapi = first.strip_suffix(':').filter(|_| second.is_empty())?;
    matches!(openapi, "get" | "post" | "put" | "patch" | "delete").then_some(false)
}

/// A row with a method and a path.
fn table_route(row: &str, result_column: Option<usize>) -> Option<bool> {
    let mut method = false;
    let mut path = false;
    let mut told = false;
    for (column, cell) in line::cells(row)?.enumerate() {
        let cell = cell.trim_matches('`');
        let mut words = cell.split_whitespace();
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        method |= METHODS.contains(&first.trim_matches('`'));
        path |= first.starts_with('/') || second.trim_matches('`').starts_with('/');
        told |= result_column == Some(column) && !cell.is_empty();
    }
    (method && path).then(|| told || result_column.is_none() && states_result(row))
}

fn result_column_of(header: &str) -> Option<usize> {
    line::cells(header)?.position(|cell| holds(cell, &RESULT_COLUMNS))
}

/// Whether a text says what comes back: an arrow, a status code, or a word for it.
fn states_result(text: &str) -> bool {
    text.contains("->")
        || text.contains('→')
        || text.contains("=>")
        || has_status(text)
        || holds(text, &RESULTS)
}

/// A status code of HTTP as a word of its own.
pub fn has_status(text: &str) -> bool {
    words::words(text).any(|word| {
        word.len() == 3
            && word.bytes().all(|byte| byte.is_ascii_digit())
            && (b'1'..=b'5').contains(&word.as_bytes()[0])
    })
}

/// `$ tool FILE`, `usage: tool`, `tool convert [--out FILE] INPUT`.
fn is_usage(content: &str, text: &str, fenced: bool) -> bool {
    if content.starts_with("$ ") {
        return true;
    }
    let bare = content.trim_start_matches(['*', '`']);
    if bare.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("usage:")) {
        return bare.len() > 8;
    }
    let end = if fenced { content.len() } else { content.find('`').unwrap_or(content.len()) };
    let mut words = content[..end].split_whitespace();
    let Some(first) = words.next() else { return false };
    let is_tool = first.starts_with(|c: char| c.is_ascii_lowercase() || c == '.')
        && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if !is_tool {
        return false;
    }
    let in_code = fenced || text.trim_start_matches(['-', '*', ' ']).starts_with('`');
    words.any(|word| {
        let option = word.starts_with("[-") || word.starts_with("--") && in_code;
        let operand = word.len() > 2 && word.starts_with('<') && word.ends_with('>');
        let capitals =
            word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase() || b"_.[]".contains(&byte));
        option || operand || capitals && in_code
    })
}

/// Whether a line declares a function; if so, whether its result is stated.
fn signature(content: &str, fenced: bool) -> Option<bool> {
    let mut rest = content;
    while let Some((_, after)) = rest.split_once(' ').filter(|(word, _)| is_modifier(word)) {
        rest = after.trim_start();
    }
    let (keyword, after) = rest.split_once(' ').unwrap_or((rest, ""));
    match keyword {
        "def" => return callable(after).map(|(name, behind)| name == "__init__" || behind.contains("->")),
        // Without an arrow these return nothing, and that is said.
        "fn" | "func" => return after.contains('(').then_some(true),
        "function" | "function*" => return callable(after).map(|(_, behind)| has_annotation(behind)),
        "rpc" => return callable(after).map(|_| after.contains("returns")),
        "class" | "interface" | "struct" | "type" | "trait" | "impl" | "enum" => return None,
        _ => {}
    }
    if rest.contains("=>")
        && rest.contains('(')
        && rest.split(['(', '<']).next().is_some_and(|left| left.contains([':', '=']))
    {
        return Some(true);
    }
    if rest.contains(" :: ") && rest.contains("->") {
        return Some(true);
    }
    if let Some((name, behind)) = callable(rest) {
        return bare_call(name, behind);
    }
    // `int add(int a, int b);`
    let (before, _) = rest.split_once('(')?;
    let words = before.split_whitespace().count();
    let ends = rest.ends_with([';', '{']) || fenced && rest.ends_with(')');
    ((2..=5).contains(&words) && ends && !before.contains('=') && !before.ends_with(' ')).then_some(true)
}

fn is_modifier(word: &str) -> bool {
    matches!(
        word,
        "export"
            | "default"
            | "pub"
            | "pub(crate)"
            | "async"
            | "static"
            | "public"
            | "private"
            | "protected"
            | "abstract"
            | "override"
            | "const"
            | "unsafe"
            | "extern"
            | "declare"
            | "readonly"
            | "final"
            | "virtual"
            | "new"
    )
}

/// A name with parentheses directly behind it, and what follows those.
fn callable(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_alphanumeric() && !"_.$:".contains(c))?;
    let name = &text[..end];
    let mut rest = &text[end..];
    if rest.starts_with('<') || rest.starts_with('[') {
        let close = if rest.starts_with('<') { ">(" } else { "](" };
        rest = &rest[rest.find(close)? + 1..];
    }
    if !rest.starts_with('(') || !name.starts_with(|c: char| c.is_alphabetic() || "_$".contains(c)) {
        return None;
    }
    let end = closing(rest)?;
    Some((name, rest[end + 1..].trim_start()))
}

/// A call without a keyword in front: `push(value: T): void`, `Cache(capacity)`.
fn bare_call(name: &str, behind: &str) -> Option<bool> {
    if matches!(name, "if" | "for" | "while" | "switch" | "catch" | "return" | "match" | "with" | "print") {
        return None;
    }
    if has_annotation(behind) || states_result(behind) {
        return Some(true);
    }
    let behind = behind.trim_start_matches(['`', '*']).trim_start();
    let ends = behind.is_empty() || behind.starts_with([';', '{', '#', '/', '-', '–', '—', ':']);
    let constructs = matches!(name, "constructor" | "__init__") || name.starts_with(char::is_uppercase);
    ends.then_some(constructs)
}

/// `: Type`, `-> Type`.
fn has_annotation(behind: &str) -> bool {
    let behind = behind.trim_start_matches(['`', '*', ' ']);
    behind.starts_with("->")
        || behind.starts_with("=>")
        || behind.starts_with('→')
        || behind.strip_prefix(':').is_some_and(|of| !of.trim_matches([' ', '{', ';', '.']).is_empty())
}

/// The byte of the parenthesis that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// A line whose parentheses stay open, joined with those below up to where they close; and how many those are.
fn joined(content: &str, below: &[Line<'_>]) -> (Option<String>, usize) {
    let open = |text: &str| {
        text.bytes().fold(0_i32, |open, byte| open + i32::from(byte == b'(') - i32::from(byte == b')'))
    };
    let mut left = open(content);
    if left <= 0 {
        return (None, 0);
    }
    let mut whole = content.to_owned();
    for (at, line) in below.iter().take(MOST_JOINED).enumerate() {
        if line.text.trim().is_empty() {
            break;
        }
        whole.push(' ');
        whole.push_str(line.text.trim());
        left += open(line.text);
        if left <= 0 {
            return (Some(whole), at + 1);
        }
    }
    (None, 0)
}

/// Prose that names something in code and says what it returns: "`parse` takes a text and returns a list of tokens".
fn in_sentences(lines: &[Line<'_>]) -> Vec<Entry> {
    let is_told = |line: &&Line<'_>| {
        let coded = line.text.matches('`').nth(1).is_some() || line.text.contains("()");
        coded && holds(line.text, &RESULTS)
    };
    let entry = |line: &Line<'_>| Entry { line: line.number, form: Form::Signature, has_result: true };
    lines.iter().filter(is_told).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn found(text: &str) -> Vec<(usize, Form, bool)> {
        entries(&parse(text).lines).iter().map(|entry| (entry.line, entry.form, entry.has_result)).collect()
    }

    #[test]
    fn each_form_is_found_with_its_result() {
        use Form::{Route, Signature, Usage};
        for (text, form) in [
            ("POST /tasks -> Task", Route),
            ("- `GET /tasks/{id}` → 200 Task, 404", Route),
            ("**DELETE** `/tasks/{id}` returns 204", Route),
            ("### GET /tasks\n\nReturns `Task[]`.", Route),
            ("1. GET /tasks: Task[]", Route),
            ("WS /events -> stream of Event", Route),
            ("/tasks (POST) -> 201", Route),
            ("def get(self, key: str) -> int | None: ...", Signature),
            ("async def run(\n    path: str,\n    n: int = 1,\n) -> bool", Signature),
            ("pub fn get(&mut self, key: &K) -> Option<&V>;", Signature),
            ("pub fn clear(&mut self);", Signature),
            ("func (c *Cache) Get(key string) (int, bool)", Signature),
            ("export function parse<T>(text: string): T[];", Signature),
            ("on<K extends keyof E>(event: K, f: (e: E[K]) => void): () => void;", Signature),
            ("emit: (name: string) => boolean", Signature),
            ("int add(int a, int b);", Signature),
            ("- `parse(text)` returns the tokens", Signature),
            ("Cache(capacity: int)", Signature),
            ("rpc Get(Request) returns (Reply);", Signature),
            ("`split` nimmt einen Text und liefert Zeilen", Signature),
            ("$ csv2json in.csv > out.json\nexit 0, 1 on errors", Usage),
            ("usage: csv2json [--out FILE] INPUT\nPrints JSON.", Usage),
            ("```\nwc-tool count FILE\n```\nExit code 0.", Usage),
        ] {
            let found = found(text);
            assert!(matches!(found.as_slice(), [(_, f, true)] if *f == form), "{text}: {found:?}");
        }
    }

    #[test]
    fn what_has_no_result_is_named_by_its_line() {
        for (text, lines) in [
            ("POST /tasks\nGET /tasks -> Task", vec![1]),
            ("- GET /a   # lists\n- GET /b", vec![1, 2]),
            ("def f(x: int):\ndef g() -> int:", vec![1]),
            ("function f(x: number) {", vec![1]),
            ("add(a, b)\nsub(a, b) -> int", vec![1]),
            ("| method | path | what |\n|---|---|---|\n| GET | /a | lists |", vec![3]),
            ("| method | path | response |\n|---|---|---|\n| GET | /a | Task |\n| PUT | /a | |", vec![4]),
            ("usage: tool [--x] FILE", vec![1]),
        ] {
            let without: Vec<usize> =
                found(text).iter().filter(|(.., has)| !has).map(|(line, ..)| *line).collect();
            assert_eq!(without, lines, "{text}");
        }
    }

    #[test]
    fn prose_calls_nothing() {
        for text in [
            "Some routes for tasks.",
            "The API should be RESTful",
            "Get /the/ thing",
            "if (x) {",
            "",
            "(((",
            ")(",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn a_section_can_say_that_there_is_none() {
        for (text, none) in [
            ("none", true),
            ("- None.", true),
            ("N/A (a pure script)", true),
            ("Keine.", true),
            ("无", true),
            ("no interface: runs as a cron job", true),
            ("GET /x", false),
            ("Nonempty", false),
            ("It has none of the usual things", false),
            ("", false),
        ] {
            assert_eq!(says_none(&parse(text).lines), none, "{text}");
        }
    }

    #[test]
    fn speaking_of_an_interface_is_seen_and_denying_one_is_not_speaking_of_it() {
        for (text, sure, likely) in [
            ("GET /tasks -> x", true, false),
            ("    def run(self) -> None:", true, false),
            ("Build the endpoints for it", true, true),
            ("Build a function that sorts", false, true),
            ("Eine Funktion, die sortiert", false, true),
            ("There are no endpoints and no commands", false, false),
            ("Sort the lines of a file", false, false),
        ] {
            let contract = parse(text);
            let lines = &contract.lines;
            assert_eq!(sure_interface(lines.iter()).is_some(), sure, "{text}");
            assert_eq!(likely_interface(lines.iter()).is_some(), likely, "{text}");
        }
    }
}
