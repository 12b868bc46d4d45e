//! The steps of an algorithm and the items of the rules: how many there are, and which of them say too little.

use super::api::has_status;
use super::line;
use super::parse::Line;
use super::vocabulary::{EMPTY_PROMISES, ERRORS};
use super::words::{self, holds};

/// Fewest words of a step that says something: `Return the sum`.
const SENTENCE: usize = 3;
/// Fewest words of a sentence on errors that names no code, type or value.
const ERROR_SENTENCE: usize = 4;

/// A numbered step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Line, from 1.
    pub line: usize,
    /// Words in it, the lines below its number included.
    words: usize,
}

impl Step {
    /// Whether it is too short to be a sentence.
    pub fn is_short(self) -> bool {
        self.words < SENTENCE
    }
}

/// The numbered steps in line order.
pub fn steps(lines: &[Line<'_>]) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    for line in lines {
        if let Some((rest, _)) = line::step(line.text) {
            found.push(Step { line: line.number, words: words::count(rest) });
        } else if let Some(last) = found.last_mut() {
            last.words += words::count(line.text);
        }
    }
    found
}

/// How many rules there are: items of a list, rows of a table, and sentences that stand alone.
pub fn rules(lines: &[Line<'_>]) -> usize {
    let is_rule = |line: &&Line<'_>| {
        let listed = line::bullet(line.text).or_else(|| line::step(line.text).map(|(rest, _)| rest));
        match listed {
            Some(item) => !line::is_bare(item),
            None => !line::is_table_rule(line.text) && words::count(line.text) >= SENTENCE,
        }
    };
    lines.iter().filter(is_rule).count()
}

/// The first line that says what happens on an error. `Handle errors gracefully` says nothing.
pub fn error_statement(lines: &[Line<'_>]) -> Option<usize> {
    let mut items = lines.iter().peekable();
    while let Some(first) = items.next() {
        // An item goes on in the lines below it.
        let mut told = Told::default();
        told.add(first.text);
        while let Some(line) = items.next_if(|line| is_continuation(line.text)) {
            told.add(line.text);
        }
        if told.is_statement() {
            return Some(first.number);
        }
    }
    None
}

/// What the lines of an item have said so far.
#[derive(Default)]
struct Told {
    of_errors: bool,
    exactly: bool,
    promises: bool,
    words: usize,
}

impl Told {
    fn add(&mut self, text: &str) {
        self.of_errors |= has_error_status(text) || holds(text, &ERRORS);
        self.exactly |= is_exact(text);
        self.promises |= holds(text, &EMPTY_PROMISES);
        self.words += words::count(text);
    }

    fn is_statement(&self) -> bool {
        self.of_errors && (self.exactly || !self.promises && self.words >= ERROR_SENTENCE)
    }
}

fn is_continuation(text: &str) -> bool {
    text.starts_with([' ', '\t']) && line::bullet(text).is_none() && line::step(text).is_none()
}

/// Whether it names a code, a value or a type: `404`, `exit 2`, `` `Err` ``, `ValueError`.
fn is_exact(text: &str) -> bool {
    let quoted = text.contains(['`', '"', '“', '„', '«', '「']);
    let is_type = |word: &str| {
        word.len() > 4
            && word.starts_with(char::is_uppercase)
            && word.chars().skip(1).any(char::is_uppercase)
            && word.chars().any(char::is_lowercase)
    };
    quoted
        || text.bytes().any(|byte| byte.is_ascii_digit()) && line::step(text).is_none()
        || words::words(text).any(is_type)
}

/// A status code from 400 on.
fn has_error_status(text: &str) -> bool {
    has_status(text)
        && words::words(text).any(|word| {
            word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn says(text: &str) -> bool {
        error_statement(&parse(text).lines).is_some()
    }

    #[test]
    fn steps_are_counted_with_the_lines_below_them() {
        let contract = parse("1. Read the file line by line.\n2. Sort:\n   by name, then by age\n3. Done\n");
        let short: Vec<bool> = steps(&contract.lines).iter().map(|step| step.is_short()).collect();
        assert_eq!(short, [false, false, true]);
    }

    #[test]
    fn a_statement_on_errors_is_known_in_every_language() {
        for text in [
            "- Return 404 for missing resources",
            "- Raise ValueError when n < 1",
            "- Unknown ids: `Err(NotFound)`",
            "- exit 2 on bad usage",
            "- Errors are returned, never logged",
            "- never panics, whatever the input is",
            "- Ungültige Eingaben werden mit 422 abgelehnt",
            "- Bei leerer Eingabe wirft parse einen Fehler",
            "- Lever une exception si le fichier est vide",
            "- Lanzar una excepción si el archivo no existe",
            "- Devuelve un error si la lista está vacía",
            "- Lançar exceção quando o valor for negativo",
            "- Вернуть ошибку, если файл пуст",
            "- 文件为空时返回错误",
            "- 空の入力では例外を投げること",
            "- Errors are handled gracefully: log, then exit 1",
            "- When the file is missing\n  the tool prints one line and exits with 3",
        ] {
            assert!(says(text), "{text}");
        }
    }

    #[test]
    fn a_promise_is_no_statement() {
        for text in [
            "- Handle errors gracefully",
            "- Handle all errors properly and return useful messages",
            "- Handle errors",
            "- Fehler sinnvoll behandeln und sauber melden",
            "- Use FastAPI with uvicorn",
            "- Keep it fast",
            "3. Handle errors well",
            "",
        ] {
            assert!(!says(text), "{text}");
        }
    }
}
