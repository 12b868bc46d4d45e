//! Named fields with types, in the notations people use: annotations of programming languages, SQL columns, tables, and
//! sentences such as `name (string, required)`. Counts them; does not check that the types exist.

use super::line;
use super::parse::Line;
use super::vocabulary::TYPE_COLUMNS;
use super::words::{self, holds, is_type};

/// Bytes of a text in parentheses that are looked at.
const LONGEST_NOTE: usize = 80;

/// How many lines or cells name a field and its type. Definitions of a type by name (`enum Status`) count too.
pub fn fields(lines: &[Line<'_>]) -> usize {
    let mut found = 0;
    let mut depth = 0_usize;
    let mut type_column = None;
    for (at, line) in lines.iter().enumerate() {
        let text = line.text.trim();
        if let Some(cells) = line::cells(text) {
            let is_header = lines.get(at + 1).is_some_and(|next| line::is_table_rule(next.text));
            if is_header {
                type_column =
                    cells.skip(1).position(|cell| holds(cell, &TYPE_COLUMNS)).map(|column| column + 1);
            } else if !line::is_table_rule(text) {
                found += usize::from(is_row(cells, type_column));
            }
            continue;
        }
        type_column = None;
        if text.starts_with(['}', ')']) {
            depth = depth.saturating_sub(1);
        }
        let in_code = line.fenced
            || depth > 0
            || text.contains('{')
            || text.ends_with([';', '`']) && !text.contains("` ");
        found += on_line(line::content(text), in_code);
        if text.ends_with(['{', '(']) {
            depth += 1;
        }
    }
    found
}

/// A row whose first cell is a name and that has a type in its column, or anywhere when no column is named so.
fn is_row<'a>(cells: impl Iterator<Item = &'a str>, type_column: Option<usize>) -> bool {
    let mut named = false;
    for (column, cell) in cells.enumerate() {
        if column == 0 {
            named = last_name(cell).is_some();
            continue;
        }
        let typed = match type_column {
            Some(wanted) => column == wanted && !cell.is_empty(),
            None => begins_with_type(cell),
        };
        if named && typed {
            return true;
        }
    }
    false
}

fn on_line(text: &str, in_code: bool) -> usize {
    if text.is_empty() {
        return 0;
    }
    if defines_type(text) {
        return 1 + segments(text).skip(1).filter(|segment| is_field(segment, true)).count();
    }
    if in_parentheses(text) || behind_a_dash(text) {
        return 1;
    }
    segments(text).filter(|segment| is_field(segment, in_code)).count()
}

fn segments(text: &str) -> impl Iterator<Item = &str> {
    text.split(['{', '}', '(', ')', ';', ',']).map(str::trim).filter(|segment| segment.len() > 2)
}

/// `name: type`, and in code `name type` or `type name`.
fn is_field(segment: &str, in_code: bool) -> bool {
    // The tag of a field in Go.
    let tagged = segment.find(" `").filter(|_| segment.ends_with('`'));
    let segment = tagged.map_or(segment, |at| &segment[..at]);
    let colon = segment.char_indices().find(|&(at, c)| {
        c == '：' || c == ':' && !segment[at + 1..].starts_with(':') && !segment[..at].ends_with(':')
    });
    if let Some((at, c)) = colon {
        let (left, right) = (&segment[..at], segment[at + c.len_utf8()..].trim());
        let quoted = left.trim_start().starts_with(['"', '\'']);
        return left.split_whitespace().nth(4).is_none()
            && last_name(left).is_some()
            && (is_type_of(right, in_code) || quoted && is_value(right));
    }
    let mut parts = segment.split_whitespace();
    let (Some(first), Some(second)) = (parts.next(), parts.next()) else { return false };
    let short = parts.next().is_none() || in_code;
    if !(in_code || tagged.is_some()) || !short {
        return false;
    }
    let first_is_name = last_name(first).is_some();
    let second_is_name = last_name(second.trim_end_matches(['=', ';'])).is_some();
    first_is_name && (begins_with_type(second) || is_composed(second))
        || second_is_name && (begins_with_type(first) || is_composed(first))
        || in_code
            && [first, second.trim_start_matches(['*', '&'])]
                .iter()
                .all(|word| word.starts_with(char::is_uppercase))
}

/// Whether a text behind a colon is a type.
fn is_type_of(right: &str, in_code: bool) -> bool {
    let bare = right.trim_start_matches(['&', '*', '?', '`', '\'', '(']).trim_start_matches("mut ");
    if bare.is_empty() {
        return false;
    }
    if is_composed(right) || begins_with_type(bare) {
        return true;
    }
    let end = bare.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(bare.len());
    let (name, rest) = bare.split_at(end);
    let closed = rest.trim_start_matches(['`', '*', ' ', '?']);
    let ends = closed.is_empty() || closed.starts_with(['=', '#', '/', '|', ')', '-', '–', '—', '(', ',']);
    let alone = !rest.starts_with(' ') || ends;
    let own = name.starts_with(char::is_uppercase) || in_code && !name.is_empty();
    // A union of literals: `"open" | "done"`.
    own && alone && ends || right.starts_with(['"', '\'']) && right.contains('|')
}

/// A type that is put together: `[]string`, `list[int]`, `Vec<T>`, `np.ndarray`, `A | B`, `*T`.
fn is_composed(text: &str) -> bool {
    let rest = text.trim_start_matches(['*', '&', '?']);
    if let Some(inner) = rest.strip_prefix('[') {
        let inner =
            inner.split_once(']').map_or(inner, |(size, after)| if after.is_empty() { size } else { after });
        return inner.starts_with(|c: char| c.is_alphanumeric() || c == '*' || c == '[');
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let mut behind = rest[end..].chars();
    match (end, behind.next(), behind.next()) {
        (2.., Some('[' | '<'), Some(_)) => true,
        (2.., Some('.'), Some(c)) => c.is_alphabetic() && rest[..end].len() > 1,
        _ => false,
    }
}

/// A type among the first three words: `string`, `non-empty string`, `list of strings`, `an optional date`.
fn begins_with_type(text: &str) -> bool {
    let end = text.find(['.', ';', '|', '=']).filter(|&end| end > 0).unwrap_or(text.len());
    words::words(&text[..end]).take(3).any(is_type)
}

/// `name (string, required)` anywhere in the line.
fn in_parentheses(text: &str) -> bool {
    text.match_indices('(').any(|(at, _)| {
        let before = text[..at].trim_end();
        let inside = &text[at + 1..];
        let inside = &inside[..inside.floor_char_boundary(LONGEST_NOTE)];
        let inside = inside.split_once(')').map_or(inside, |(inside, _)| inside);
        let first = inside.split([',', ';']).next().unwrap_or_default();
        // `f(text: str)` is a call, and its parameters are seen elsewhere.
        !first.contains(':')
            && text[..at].ends_with([' ', '`', '*', '"'])
            && last_name(before).is_some()
            && begins_with_type(first)
    })
}

/// `name - string`, `name → string`, `name is a string`.
fn behind_a_dash(text: &str) -> bool {
    [" - ", " – ", " — ", " → ", " -> ", " is a ", " is an ", " as a "].iter().any(|mark| {
        text.split_once(mark).is_some_and(|(left, right)| {
            left.split_whitespace().nth(2).is_none() && last_name(left).is_some() && begins_with_type(right)
        })
    })
}

/// `enum Status`, `type Id = string`, `type Celsius float64`, `UserId = NewType(...)`.
fn defines_type(text: &str) -> bool {
    let text = ["export ", "declare ", "pub ", "public ", "const "]
        .iter()
        .fold(text, |text, modifier| text.strip_prefix(modifier).unwrap_or(text));
    let mut parts = text.split_whitespace();
    let (Some(first), Some(second), third) = (parts.next(), parts.next(), parts.next()) else { return false };
    let titled = second.starts_with(char::is_uppercase);
    match first {
        "enum" => titled && (third.is_some() || second.ends_with('{')),
        "type" => {
            titled && third.is_some_and(|third| third == "=" || begins_with_type(third) || is_composed(third))
        }
        "struct" => titled && second.contains('('),
        "class" => titled && text.contains("Enum)"),
        _ => second == "=" && [" NewType(", " Literal["].iter().any(|call| text.contains(call)),
    }
}

/// A literal that shows a field's type by example.
fn is_value(right: &str) -> bool {
    right.starts_with(|c: char| c.is_ascii_digit() || c == '"' || c == '[' || c == '-')
        || ["true", "false", "null"].iter().any(|word| right.starts_with(word))
}

/// The name at the end of what stands before a type: of `- **id**` it is `id`.
fn last_name(left: &str) -> Option<&str> {
    let left = left.trim().trim_matches(['`', '*', '"', '\'', '?', '!']).trim_end();
    let name = left.split_whitespace().next_back()?.trim_matches(['`', '*', '"', '\'', '?', '!']);
    let inner = |c: char| c.is_alphanumeric() || "_.-$[]@".contains(c);
    let named = name.starts_with(|c: char| c.is_alphabetic() || "_$@#".contains(c));
    (named && name.chars().skip(1).all(inner)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn count(text: &str) -> usize {
        fields(&parse(text).lines)
    }

    #[test]
    fn fields_are_found_in_every_notation() {
        for (text, least) in [
            ("class Task(BaseModel):\n    id: str\n    done: bool = False\n    tags: list[str]", 3),
            (
                "export interface Task {\n  id: string;\n  status: \"open\" | \"done\";\n  due?: Date | null;\n}",
                3,
            ),
            ("pub struct Task {\n    pub id: u64,\n    pub tags: Vec<String>,\n}", 2),
            ("pub struct Point { x: f64, y: f64 }", 2),
            ("enum Status { Open, Done }", 1),
            (
                "type Task struct {\n\tID string `json:\"id\"`\n\tTags []string\n\tOwner *User\n\tDue time.Time\n}",
                4,
            ),
            ("type Point struct { X, Y int }", 1),
            ("CREATE TABLE tasks (\n  id INTEGER PRIMARY KEY,\n  title TEXT NOT NULL\n);", 2),
            ("CREATE TABLE t (id INT, name TEXT)", 1),
            ("{ \"id\": int, \"name\": string }", 2),
            ("{\"id\": 1, \"title\": \"x\"}", 2),
            ("| field | type | meaning |\n|---|---|---|\n| id | UserId | key |\n| `n` | int | count |", 2),
            ("| Feld | Typ |\n|---|---|\n| name | Zeichenkette |", 1),
            ("| id | integer | key |", 1),
            ("- name (string, required)\n- `age` (non-negative integer)", 2),
            ("Each task has an id (uuid) and a title (text).", 1),
            ("- **id**: string, unique\n- `title`: non-empty string", 2),
            ("- id — integer\n- title - string, at most 80 characters", 2),
            ("`count` is an integer", 1),
            ("type UserId = string", 1),
            ("UserId = NewType(\"UserId\", int)", 1),
            ("message Task {\n  string id = 1;\n  int32 n = 2;\n}", 2),
            ("private String name;", 0),
            ("字段 id：整数\n标题: 字符串", 2),
            ("- nombre: cadena de texto", 1),
            ("имя: строка", 1),
            ("def f(text: str, n: int) -> bool", 2),
        ] {
            assert!(count(text) >= least, "{}: {text}", count(text));
        }
    }

    #[test]
    fn prose_has_no_fields() {
        for text in [
            "The usual fields of a task.",
            "Tasks with everything that they need",
            "Note: the user decides what to store",
            "Store whatever makes sense: names, dates and so on",
            "- id\n- title",
            "id, title, completed",
            "- title: what it is called",
            "Use a good schema; keep it simple",
            "",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
