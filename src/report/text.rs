//! Names and numbers as people read them, and the report as JSON. Whatever a log or a transcript put into a name, no
//! control byte leaves here.

use std::fmt::Write as _;

use serde::Serialize;

use crate::error::{Error, Result};

/// A report as one line of JSON, with control characters escaped beyond what JSON asks for.
pub fn json(report: &impl Serialize) -> Result<String> {
    let compact =
        serde_json::to_string(report).map_err(|why| Error::new("cannot print the report as JSON", why))?;
    let mut text = String::with_capacity(compact.len() + 1);
    for c in compact.chars() {
        if is_unsafe(c) {
            // Such a character can only stand inside a string, where JSON takes this for the same.
            let _ = write!(text, "\\u{:04x}", c as u32);
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    Ok(text)
}

/// Text with every control character (but the line feed) and every character that reorders or hides text made visible.
pub fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || !is_unsafe(c) { safe.push(c) } else { safe.extend(c.escape_unicode()) }
    }
    safe
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'
                ..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The beginning of a text from outside, at most `most` characters: one line, no control characters.
pub fn excerpt(text: &str, most: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_unsafe(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// `1,234`.
pub fn grouped(count: u64) -> String {
    apart(&count.to_string())
}

/// Digits with a comma before each three from the end.
pub fn apart(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name on one line, cut to `width` characters.
pub fn name(text: &str, width: usize) -> String {
    let safe = plain(text).replace('\n', "\\n");
    if safe.chars().count() <= width {
        return safe;
    }
    safe.chars().take(width.saturating_sub(1)).chain(['~']).collect()
}

/// Which projects and which days a page is about. `since` is an RFC 3339 time.
pub fn scope_words(project: Option<&str>, since: Option<&str>) -> String {
    let project = project.map_or("all projects".to_owned(), |folder| name(folder, 50));
    let period = since.map_or("everything so far".to_owned(), |since| {
        format!("since {} UTC", since.get(..16).unwrap_or(since).replace('T', " "))
    });
    format!("{project}, {period}")
}

/// A name on one line of which only the last `width` characters are shown.
pub fn name_end(text: &str, width: usize) -> String {
    let safe = name(text, usize::MAX);
    let count = safe.chars().count();
    if count <= width {
        return safe;
    }
    ['~'].into_iter().chain(safe.chars().skip(count + 1 - width)).collect()
}

/// `1 task`, `2 tasks`.
pub fn plural(count: impl Into<u64>, one: &str) -> String {
    let count = count.into();
    if count == 1 { format!("{count} {one}") } else { format!("{count} {one}s") }
}

/// Dollars with cents, and with hundredths of a cent below a dollar.
pub fn money(dollars: f64) -> String {
    if dollars.abs() < 1.0 { format!("${dollars:.4}") } else { format!("${dollars:.2}") }
}

/// `999`, `12.3k`, `4.5M`, `6.7G`, ...
pub fn short(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["", "k", "M", "G", "T", "P"] {
        if value < 999.95 || (unit.is_empty() && value < 1000.0) {
            return if unit.is_empty() { count.to_string() } else { format!("{value:.1}{unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.0}E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_byte_survives() {
        assert_eq!(name("a\x1b[31m\nb\u{9b}\u{202e}", 80), "a\\u{1b}[31m\\nb\\u{9b}\\u{202e}");
        assert_eq!(name("abcdef", 4), "abc~");
    }

    #[test]
    fn counts_stay_short() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (999_949, "999.9k"),
            (999_950, "1.0M"),
            (u64::MAX, "18E"),
        ] {
            assert_eq!(short(count), text, "{count}");
        }
    }
}
