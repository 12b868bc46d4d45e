//! An audit as text of 80 columns. Shows, never judges.

use crate::models::Family;
use crate::outcomes::Ended;
use crate::outcomes::audit::{Audit, Entry};
use crate::report::sheet::{COLUMNS, Ink, Sheet};
use crate::report::text::{name, plural};

/// The audit as text.
pub fn page(audit: &Audit, ink: Ink) -> String {
    let mut sheet = Sheet::new(ink);
    sheet.line("SEF audit");
    sheet.wrapped("  ", 4, &format!("outcomes: {}", audit.outcomes.by_kind_text()));
    sheet.wrapped("  ", 4, &format!("rejected: {}", audit.outcomes.rejected_text()));
    if audit.list.is_empty() {
        sheet.line("");
        sheet.line("no such delegation");
    }
    for entry in &audit.list {
        sheet.line("");
        entry_lines(&mut sheet, entry);
    }
    let troubles = [
        (audit.unreadable_lines, "unreadable line", "skipped"),
        (audit.later_lines, "log line", "of a later version of SEF left out: update sef"),
        (audit.unreadable_files, "unreadable file", "or folder skipped"),
    ];
    for (count, noun, what) in troubles.into_iter().filter(|(count, ..)| *count > 0) {
        sheet.line("");
        sheet.line(&format!("{} {what}", plural(count, noun)));
    }
    sheet.text
}

fn entry_lines(sheet: &mut Sheet, entry: &Entry) {
    let ran = entry.ran.map_or("-", Family::alias);
    let title =
        format!("{:<13}{:<18} {} ({ran})", entry.outcome.name(), entry.reason, name(&entry.executor, 38));
    match entry.outcome {
        rejected if rejected.is_rejection() => sheet.loud(&title),
        Ended::Accepted => sheet.good(&title),
        _ => sheet.line(&title),
    }
    let time = entry.time.as_deref().and_then(|time| time.get(..19)).unwrap_or("time unknown");
    sheet.line(&format!("  {}  session {}", time.replace('T', " "), name(&entry.session, 46)));
    let id = |id: &Option<String>| id.as_deref().map_or("-".to_owned(), |id| name(id, 32));
    let nested = if entry.nested { ", nested" } else { "" };
    chunks(sheet, &format!("call {}, agent {}{nested}", id(&entry.tool_use_id), id(&entry.agent_id)), "  ");
    let mut file = None;
    for shown in &entry.evidence {
        let place = shown.at.file.as_deref();
        if place.is_some() && place != file {
            file = place;
            let path = place.map(|path| path.display().to_string()).unwrap_or_default();
            chunks(sheet, &name(&path, 4_096), "  ");
        }
        sheet.line(&format!("    {:<9} {}", shown.at.what, name(&shown.at.id, 64)));
        if let Some(text) = &shown.text {
            chunks(sheet, &name(text, 4_096), "      | ");
        }
    }
}

/// A text on as many lines as it takes, each behind a mark.
fn chunks(sheet: &mut Sheet, text: &str, mark: &str) {
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(COLUMNS - mark.len()) {
        sheet.line(&format!("{mark}{}", part.iter().collect::<String>()));
    }
}
