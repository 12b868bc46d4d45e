//! A calibration as text of 80 columns. Shows figures, never makes them.

use super::{Calibration, Row};
use crate::report::sheet::{Ink, Sheet};
use crate::report::text::{name, plural};

/// The calibration as text.
pub fn page(found: &Calibration, ink: Ink) -> String {
    let mut sheet = Sheet::new(ink);
    let page = &mut sheet;
    page.line("SEF calibration");
    page.wrapped("  ", 2, &format!("{} of work that SEF placed", plural(found.known, "known outcome")));
    table(page, "Rejected by role", "rejected", &found.roles);
    table(page, "Rejected by rule (the most first; one delegation has many rules)", "rejected", &found.rules);
    table(page, "Hints in their present wording", "followed", &found.hints);
    page.title(&match (found.proposals.len(), found.applied) {
        (0, _) => "Nothing to change".to_owned(),
        (count, false) => format!("Proposed: {}", plural(count as u64, "change")),
        (count, true) => format!("Applied: {}", plural(count as u64, "change")),
    });
    for one in &found.proposals {
        page.wrapped("  ", 4, &format!("{} {}: {}", one.kind, name(&one.name, 40), one.change));
        page.wrapped("      because: ", 8, &one.because);
        page.wrapped("      expected: ", 8, &one.effect);
    }
    for sentence in &found.otherwise {
        page.wrapped("  ", 4, sentence);
    }
    if found.known == 0 && found.hints.is_empty() {
        page.wrapped("  ", 4, "nothing has been delegated yet: work as usual and look again in a week");
    }
    page.line("");
    page.line(match (found.proposals.is_empty(), found.applied) {
        (false, true) => "  the hook uses it from now on; `sef-stats calibrate --revert` takes it back",
        (false, false) => "  `sef-stats calibrate --apply` makes these changes, --revert takes them back",
        (true, _) => "  thresholds and rules stay as they are",
    });
    sheet.text
}

fn table(sheet: &mut Sheet, title: &str, part: &str, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    sheet.title(title);
    sheet.line(&format!("  {:<34}{:>6}{:>7}{part:>10}{:>10}  {}", "", "all", "known", "95 %", "changed"));
    for row in rows {
        let percent = |share: f64| format!("{:.0}", share * 100.0);
        let interval =
            row.interval.map_or(String::new(), |(low, high)| format!("{}-{} %", percent(low), percent(high)));
        sheet.line(&format!(
            "  {:<34}{:>6}{:>7}{:>10}{interval:>10}  {}",
            name(&row.name, 33),
            row.share.all,
            row.share.known,
            row.share.part,
            name(&row.now, 9)
        ));
    }
}
