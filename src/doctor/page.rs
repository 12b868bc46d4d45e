//! The doctor's report as a page for people and as JSON. Paths and words from outside leave here without control bytes.

use std::fmt::Write as _;

use super::kinds::Level;
use super::{Finding, Mend, Report};
use crate::error::Result;
use crate::report::text::{self, plain, plural};

/// One JSON object on a line.
pub fn json(report: &Report) -> Result<String> {
    text::json(report)
}

/// What was looked at, then what is wrong.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    for line in &report.done {
        let _ = writeln!(out, "{}", one_line(line));
    }
    if !report.done.is_empty() {
        out.push('\n');
    }
    for check in &report.checks {
        let millis = check.us as f64 / 1e3;
        let _ = writeln!(out, "  {:<9} {}  ({millis:.1} ms)", check.name, one_line(&check.said));
    }
    for finding in &report.findings {
        out.push('\n');
        out.push_str(&lines_of(finding));
    }
    let _ = writeln!(out, "\n{} ({} ms)", verdict(report), report.ms);
    out
}

fn lines_of(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Broken => "BROKEN",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let mut out = format!("{level:<8} {}: {}\n", finding.id, one_line(&finding.what));
    if let Some(place) = &finding.place {
        let _ = writeln!(out, "         where  {}", one_line(place));
    }
    let _ = writeln!(out, "         why    {}", finding.why);
    let by_fix = if finding.fix { "   (sef doctor --fix does it)" } else { "" };
    let (word, mend) = match &finding.mend {
        Mend::Command(text) => ("run", text),
        Mend::Action(text) => ("do", text),
    };
    let _ = writeln!(out, "         {word:<6} {}{by_fix}", one_line(mend));
    out
}

fn verdict(report: &Report) -> String {
    let count = |level: Level| report.findings.iter().filter(|finding| finding.level == level).count() as u64;
    let (broken, warnings, notes) = (count(Level::Broken), count(Level::Warning), count(Level::Note));
    let rest = format!("{}, {}", plural(warnings, "warning"), plural(notes, "note"));
    match (broken, report.findings.len()) {
        (0, 0) => "all well".to_owned(),
        (0, _) => format!("nothing is broken: {rest}"),
        _ => format!("{broken} broken, {rest}"),
    }
}

fn one_line(text: &str) -> String {
    plain(text).replace('\n', "\\n")
}
