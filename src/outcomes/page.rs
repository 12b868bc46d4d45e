//! An audit as text of 80 columns. Shows, never judges.

use crate::models::Family;
use crate::outcomes::Ended;
use crate::outcomes::audit::{Audit, Entry};
use crate::report::page::{COLUMNS, Ink};
use crate::report::text::{name, plural};

/// The audit as text.
pub fn page(audit: &Audit, ink: Ink) -> String {
    let mut text = String::from("SEF audit\n");
    let mut line = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    wrap(&format!("  outcomes: {}", audit.outcomes.by_kind_text()), 4, &mut line);
    wrap(&format!("  rejected: {}", audit.outcomes.rejected_text()), 4, &mut line);
    if audit.list.is_empty() {
        line("");
        line("no such delegation");
    }
    for entry in &audit.list {
        line("");
        entry_lines(entry, ink, &mut line);
    }
    let troubles = [
        (audit.unreadable_lines, "unreadable line", "skipped"),
        (audit.later_lines, "log line", "of a later version of SEF left out: update sef"),
        (audit.unreadable_files, "unreadable file", "or folder skipped"),
    ];
    for (count, noun, what) in troubles.into_iter().filter(|(count, ..)| *count > 0) {
        line("");
        line(&format!("{} {what}", plural(count, noun)));
    }
    text
}

fn entry_lines(entry: &Entry, ink: Ink, line: &mut impl FnMut(&str)) {
    let ran = entry.ran.map_or("-", Family::alias);
    let title =
        format!("{:<13}{:<18} {} ({ran})", entry.outcome.name(), entry.reason, name(&entry.executor, 38));
    match ink {
        Ink::Colour if entry.outcome.is_rejection() => line(&format!("\x1b[1;31m{title}\x1b[0m")),
        Ink::Colour if entry.outcome == Ended::Accepted => line(&format!("\x1b[32m{title}\x1b[0m")),
        _ => line(&title),
    }
    let time = entry.time.as_deref().and_then(|time| time.get(..19)).unwrap_or("time unknown");
    line(&format!("  {}  session {}", time.replace('T', " "), name(&entry.session, 46)));
    let id = |id: &Option<String>| id.as_deref().map_or("-".to_owned(), |id| name(id, 32));
    let nested = if entry.nested { ", nested" } else { "" };
    chunks(&format!("call {}, agent {}{nested}", id(&entry.tool_use_id), id(&entry.agent_id)), "  ", line);
    let mut file = None;
    for shown in &entry.evidence {
        let place = shown.at.file.as_deref();
        if place.is_some() && place != file {
            file = place;
            let path = place.map(|path| path.display().to_string()).unwrap_or_default();
            chunks(&name(&path, 4_096), "  ", line);
        }
        line(&format!("    {:<9} {}", shown.at.what, name(&shown.at.id, 64)));
        if let Some(text) = &shown.text {
            chunks(&name(text, 4_096), "      | ", line);
        }
    }
}

/// A text on as many lines as it takes, each behind a mark.
fn chunks(text: &str, mark: &str, line: &mut impl FnMut(&str)) {
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(COLUMNS - mark.len()) {
        line(&format!("{mark}{}", part.iter().collect::<String>()));
    }
}

/// Words broken at [`COLUMNS`], later lines indented.
fn wrap(text: &str, indent: usize, line: &mut impl FnMut(&str)) {
    let start = text.len() - text.trim_start().len();
    let mut current = " ".repeat(start);
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && current.chars().count() + 1 + word.chars().count() > COLUMNS {
            line(&current);
            current = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            current.push(' ');
        }
        current.push_str(word);
        empty = false;
    }
    line(&current);
}
