//! Whether a line is the heading of a part, in the ways in which people write headings. Looks at one line; which of several
//! headings count is decided in [`super::parse`].

use super::Part;
use super::line;
use super::vocabulary::NONE;
use super::words::holds;

/// A line that may open a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading<'a> {
    /// The part that it names.
    pub part: Part,
    /// Its name as the table has it.
    pub name: &'static str,
    /// Whether the name can mean anything else.
    pub claim: Claim,
    /// What stands behind the name on the same line and belongs to the section: `API CONTRACT: none`.
    pub rest: &'a str,
}

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is a part wherever it stands.
    Sure,
    /// It is a part only when no sure heading names that part.
    Likely,
}

use Claim::{Likely, Sure};

/// Every name of a part; of two that fit, the longer stands first.
const NAMES: &[(&str, Part, Claim)] = &[
    ("DATA CONTRACTS", Part::Data, Sure),
    ("DATA CONTRACT", Part::Data, Sure),
    ("DATA MODELS", Part::Data, Sure),
    ("DATA MODEL", Part::Data, Sure),
    ("DATA STRUCTURES", Part::Data, Likely),
    ("DATA SCHEMA", Part::Data, Likely),
    ("DATA TYPES", Part::Data, Likely),
    ("DATA", Part::Data, Likely),
    ("API CONTRACTS", Part::Api, Sure),
    ("API CONTRACT", Part::Api, Sure),
    ("INTERFACE CONTRACT", Part::Api, Sure),
    ("FUNCTION CONTRACT", Part::Api, Sure),
    ("CLI CONTRACT", Part::Api, Sure),
    ("PUBLIC API", Part::Api, Likely),
    ("INTERFACE", Part::Api, Likely),
    ("FUNCTIONS", Part::Api, Likely),
    ("ENDPOINTS", Part::Api, Likely),
    ("COMMANDS", Part::Api, Likely),
    ("ROUTES", Part::Api, Likely),
    ("API", Part::Api, Likely),
    ("CLI", Part::Api, Likely),
    ("ALGORITHMS", Part::Algorithm, Sure),
    ("ALGORITHM", Part::Algorithm, Sure),
    ("RULES", Part::Rules, Sure),
];

/// Most words behind a name in one heading: `## RULES for every route`.
const MOST_TAIL: usize = 6;

/// The heading that a line is. `next` is the line below, which may underline it.
pub fn heading<'a>(text: &'a str, next: &str) -> Option<Heading<'a>> {
    let text = text.trim_end();
    let hashes = text.bytes().take_while(|&byte| byte == b'#').count();
    if hashes > 6 {
        return None;
    }
    let (marked, rest) = unmark(text[hashes..].trim_start());
    let (numbered, rest) = match line::bullet(rest) {
        Some(_) => return None,
        None => line::step(rest).map_or((false, rest), |(rest, _)| (true, rest)),
    };
    let (bold, rest) = unmark(rest);
    // `1. Rules: ...` may be a step; only a mark or capitals make it a heading.
    let style = match (hashes, marked || bold) {
        (1.., _) => Style::Hashes(hashes),
        (0, true) => Style::Bold,
        (0, false) if numbered => Style::Numbered,
        (0, false) => Style::Plain,
    };
    let (name, part, claim, written, tail) = named(rest)?;
    let underlined = next.trim().len() > 2 && next.trim().bytes().all(|byte| byte == b'=' || byte == b'-');
    let rest = behind(tail, name, written, style, underlined)?;
    Some(Heading { part, name, claim, rest })
}

/// How many hashes a heading has; 0 for every other line.
pub fn level(text: &str) -> usize {
    let hashes = text.bytes().take_while(|&byte| byte == b'#').count();
    if hashes <= 6 && text[hashes..].starts_with(' ') { hashes } else { 0 }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Hashes(usize),
    Bold,
    Numbered,
    Plain,
}

/// Takes off `**`, `__` and runs of `=` or `-`.
fn unmark(text: &str) -> (bool, &str) {
    let run = |mark: u8| text.bytes().take_while(|&byte| byte == mark).count();
    let longest = [b'*', b'_', b'=', b'-'].into_iter().map(run).max().unwrap_or(0);
    if longest >= 2 { (true, text[longest..].trim_start()) } else { (false, text) }
}

/// The name at the beginning of a text, as it is written there, and what follows.
fn named(text: &str) -> Option<(&'static str, Part, Claim, &str, &str)> {
    // Cheap for the lines that are none: the first letters of all names.
    if !text.starts_with(['D', 'd', 'A', 'a', 'I', 'i', 'F', 'f', 'C', 'c', 'P', 'p', 'E', 'e', 'R', 'r']) {
        return None;
    }
    NAMES.iter().find_map(|&(name, part, claim)| {
        let tail = after_name(text, name)?;
        Some((name, part, claim, &text[..text.len() - tail.len()], tail))
    })
}

/// What follows a name, whatever its case and whatever joins its words.
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    for (at, word) in name.split(' ').enumerate() {
        if at > 0 {
            let joined = rest.trim_start_matches([' ', '_', '-', '\t']);
            if joined.len() == rest.len() {
                return None;
            }
            rest = joined;
        }
        let head = rest.as_bytes().get(..word.len())?;
        if !head.eq_ignore_ascii_case(word.as_bytes()) {
            return None;
        }
        rest = &rest[word.len()..];
    }
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '/');
    (ends || rest.starts_with("__")).then_some(rest)
}

/// What belongs to the section of what stands behind the name; none when the line is no heading after all.
fn behind<'a>(tail: &'a str, name: &str, written: &str, style: Style, underlined: bool) -> Option<&'a str> {
    let capitals = !written.bytes().any(|byte| byte.is_ascii_lowercase());
    let titled = written.starts_with(|c: char| c.is_ascii_uppercase());
    let two_words = name.contains(' ');
    let marked = matches!(style, Style::Hashes(_) | Style::Bold);

    let tail = close(tail);
    let noted = tail.strip_prefix('(').and_then(|note| note.split_once(')'));
    let tail = noted.map_or(tail, |(_, after)| close(after));
    if let Some(inline) = tail.strip_prefix([':', '：']) {
        let inline = close(inline);
        // `rules: list[Rule]` is a field, and `rules:` a key.
        let is_heading = match (style, inline.is_empty()) {
            (Style::Hashes(_) | Style::Bold, _) => true,
            (Style::Plain, true) => titled || two_words,
            (Style::Plain, false) => capitals || two_words && titled,
            (Style::Numbered, true) => titled,
            (Style::Numbered, false) => capitals,
        };
        return is_heading.then_some(inline);
    }
    if tail.is_empty() {
        return (marked || capitals || underlined && titled).then_some("");
    }
    if let Some(said) = tail.strip_prefix(['-', '–', '—']) {
        // A note behind a dash says something of the heading; only "none" says it of the section.
        let none = holds(said, &NONE);
        return (marked || capitals).then_some(if none { said.trim() } else { "" });
    }
    if style == Style::Bold && noted.is_none() && tail.len() < MOST_INLINE && written.len() < tail.len() {
        // `**RULES** Use FastAPI.`
        return capitals.then_some(tail);
    }
    // A comment in code has one hash: `# Rules are applied in order`.
    let roomy = matches!(style, Style::Hashes(2..)) || style == Style::Hashes(1) && capitals;
    let few = tail.split_whitespace().nth(MOST_TAIL).is_none();
    (roomy && few && (capitals || two_words || titled && tail.starts_with(['&', '/', '+', ','])))
        .then_some("")
}

/// Longest text behind a bold name that is taken for the first line of its section, in bytes.
const MOST_INLINE: usize = 400;

/// Takes off what closes a bold or ruled heading.
fn close(text: &str) -> &str {
    text.trim().trim_start_matches(['*', '_', '=']).trim_start_matches("--").trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> Option<Part> {
        heading(text, "").map(|heading| heading.part)
    }

    #[test]
    fn headings_are_known_in_the_ways_people_write_them() {
        for (text, wanted) in [
            ("## DATA CONTRACT (use exactly these models):", Part::Data),
            ("# data contract", Part::Data),
            ("###### Data Models", Part::Data),
            ("**DATA CONTRACT**", Part::Data),
            ("**Data contract:**", Part::Data),
            ("__API CONTRACT__", Part::Api),
            ("DATA CONTRACT:", Part::Data),
            ("Data contract:", Part::Data),
            ("data_contract:", Part::Data),
            ("DATA CONTRACT", Part::Data),
            ("1. DATA CONTRACT", Part::Data),
            ("## 2. API CONTRACT", Part::Api),
            ("2) **API CONTRACT**", Part::Api),
            ("=== ALGORITHM ===", Part::Algorithm),
            ("--- RULES ---", Part::Rules),
            ("## RULES AND ERRORS", Part::Rules),
            ("## Rules & errors", Part::Rules),
            ("## RULES – for every route", Part::Rules),
            ("## CLI CONTRACT", Part::Api),
            ("## Functions", Part::Api),
            ("##ALGORITHM", Part::Algorithm),
            ("Algorithm:", Part::Algorithm),
        ] {
            assert_eq!(part(text), Some(wanted), "{text}");
        }
        assert_eq!(heading("Rules", "-----").map(|heading| heading.part), Some(Part::Rules));
    }

    #[test]
    fn fields_steps_comments_and_sentences_are_no_headings() {
        for text in [
            "rules: list[Rule]",
            "rules:",
            "- RULES:",
            "1. Rules apply in order",
            "1. Rules: apply them in order",
            "# Rules are applied in order",
            "Data is read from the file",
            "Rules",
            "The data contract: see below",
            "DATABASE:",
            "API_KEY: str",
            "api/v1: x",
            "algorithmic:",
            "## Notes",
            "",
            "##",
        ] {
            assert_eq!(heading(text, ""), None, "{text}");
        }
    }

    #[test]
    fn what_stands_behind_the_colon_belongs_to_the_section() {
        for (text, rest) in [
            ("API CONTRACT: none", "none"),
            ("## API CONTRACT - none", "none"),
            ("## API CONTRACT (HTTP)", ""),
            ("**RULES:** Use FastAPI.", "Use FastAPI."),
            ("**RULES** Use FastAPI.", "Use FastAPI."),
        ] {
            assert_eq!(heading(text, "").map(|heading| heading.rest), Some(rest), "{text}");
        }
    }
}
