//! What was done and how it ended: tasks by tier, outcomes by kind, delegations by executor, rejections by rule, role and
//! tier. Shows figures, never makes them.

use std::collections::BTreeMap;

use crate::outcomes::Ended;
use crate::report::Report;
use crate::report::activity::REJECTION_TARGET;
use crate::report::by_rule::Fate;
use crate::report::html::charts::{bar, gauge, parts};
use crate::report::html::escape::name;
use crate::report::html::numbers::{count, percent, percents};
use crate::report::html::over_time::{FAMILIES, family};
use crate::report::html::tables::{Kind, Table};
use crate::report::page::Row;

/// Tasks by tier and outcomes by kind, side by side.
pub fn tasks_and_outcomes(report: &Report) -> String {
    format!("<div class=\"pair\">{}{}</div>", tasks(report), outcomes(report))
}

fn tasks(report: &Report) -> String {
    const TIERS: [(u8, &str, &str); 4] = [
        (1, "Tier 1", "find, read, run, small texts"),
        (2, "Tier 2", "standard engineering"),
        (3, "Tier 3", "design, security, subtle bugs"),
        (0, "No task", "thanks, approvals, talk"),
    ];
    let of = |tier: u8| report.tasks.get(&tier).copied().unwrap_or(0);
    let all: u64 = report.tasks.values().fold(0, |sum, number| sum.saturating_add(*number));
    let most = report.tasks.values().copied().max().unwrap_or(0).max(1) as f64;
    let mut table = Table::new(
        "Prompts by tier",
        &[("Tier", Kind::Words), ("", Kind::Bar), ("Prompts", Kind::Number), ("Share", Kind::Number)],
    );
    for (tier, title, work) in TIERS {
        table.row(|| {
            vec![
                format!("{title} <small>{work}</small>"),
                bar(of(tier) as f64 / most),
                count(of(tier)),
                if all > 0 { percent(of(tier) as f64 / all as f64) } else { "\u{2013}".to_owned() },
            ]
        });
    }
    let hints: u64 = report.hook.hints.values().fold(0, |sum, number| sum.saturating_add(*number));
    let note = format!(
        "<p class=\"note\">{} given to the orchestrator</p>",
        crate::report::text::plural(hints, "hint")
    );
    format!("<div class=\"panel\">{}{note}</div>", table.done("sef-stats report --json"))
}

/// Colour class and words of each outcome.
fn kind(ended: Ended) -> (&'static str, &'static str, &'static str) {
    match ended {
        Ended::Accepted => ("o-accepted", "Accepted", "the work came back and was used"),
        Ended::Failed => ("o-failed", "Failed", "an error, or a report that says that it is none"),
        Ended::Redone => ("o-redone", "Redone", "by the orchestrator"),
        Ended::Redelegated => ("o-again", "Re-delegated", "the same task went out again"),
        Ended::UserVisible => ("o-user", "Complained about", "by the user"),
        Ended::Unknown => ("o-unknown", "Unknown", "nothing shows it; in no rate"),
    }
}

fn outcomes(report: &Report) -> String {
    let of = |ended: Ended| report.outcomes.by_kind.get(ended.name()).copied().unwrap_or(0);
    let all: u64 = Ended::ALL.into_iter().map(of).sum();
    if all == 0 {
        return "<div class=\"panel\"><h3>How delegations ended</h3><p class=\"note\">no delegation yet</p></div>".to_owned();
    }
    let share = |ended: Ended| of(ended) as f64 / all as f64;
    let bar: Vec<(&str, String, f64)> = Ended::ALL
        .into_iter()
        .map(|ended| {
            let (class, title, _) = kind(ended);
            (class, format!("{title}: {} ({})", count(of(ended)), percent(share(ended))), share(ended))
        })
        .collect();
    let mut table = Table::new(
        "Delegations by outcome",
        &[("Outcome", Kind::Words), ("Delegations", Kind::Number), ("Share", Kind::Number)],
    );
    for ended in Ended::ALL {
        let (class, title, more) = kind(ended);
        table.row(|| {
            vec![
                format!("<i class=\"{class}\"></i>{title} <small>{more}</small>"),
                count(of(ended)),
                percent(share(ended)),
            ]
        });
    }
    let label: Vec<&str> = bar.iter().map(|(_, title, _)| title.as_str()).collect();
    format!(
        "<div class=\"panel\"><h3>How delegations ended</h3>{}{}<p class=\"note\"><code>sef-stats audit</code> lists each one \
         with its evidence</p></div>",
        parts(&bar, &label.join(", ")),
        table.done("sef-stats audit")
    )
}

/// What was wanted, requested and ran, by executor; none without delegations.
pub fn delegations(report: &Report) -> Option<String> {
    let delegations = &report.delegations;
    if delegations.total == 0 {
        return None;
    }
    let mut rows: Vec<(Row, usize)> = Row::all(&delegations.list).into_iter().collect();
    // What ran differently must not fall off the end.
    rows.sort_by_key(|(row, calls)| (!row.mismatch, std::cmp::Reverse(*calls)));
    let mut table = Table::new(
        "Delegations by executor and model",
        &[
            ("Executor", Kind::Words),
            ("Calls", Kind::Number),
            ("Wanted", Kind::Words),
            ("Requested", Kind::Words),
            ("Ran", Kind::Words),
        ],
    );
    for (row, calls) in rows {
        table.row(|| {
            let mark = if row.mismatch { " <span class=\"chip bad\">! mismatch</span>" } else { "" };
            let ran = format!("<i class=\"{}\"></i>{}{mark}", FAMILIES[family(row.ran)].0, name(row.ran, 28));
            vec![
                name(row.executor, 30),
                count(calls as u64),
                row.wanted().to_owned(),
                row.requested().to_owned(),
                ran,
            ]
        });
    }
    let more = [
        (delegations.nested, "by subagents"),
        (delegations.not_seen_by_hook, "before SEF, or not seen by its hook"),
    ];
    let notes: String = more
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("<p class=\"note\">{} {words}</p>", count(number as u64)))
        .collect();
    Some(format!("<div class=\"panel wide\">{}{notes}</div>", table.done("sef-stats audit")))
}

/// Rejections by rule, and by role and tier; none while the log has no outcome.
pub fn rules(report: &Report) -> Option<String> {
    let rules = &report.rules;
    if rules.by_rule.is_empty() && rules.by_role.is_empty() && rules.by_tier.is_empty() {
        return None;
    }
    let tiers = rules.by_tier.iter().map(|(tier, fate)| (format!("Tier {tier}"), fate));
    let roles: BTreeMap<&str, &Fate> =
        rules.by_role.iter().map(|(role, fate)| (role.as_str(), fate)).collect();
    let roles = worst(roles.into_iter().map(|(role, fate)| (name(role, 20), fate)).collect());
    let by_rule = worst(
        rules.by_rule.iter().map(|(rule, fate)| (format!("<code>{}</code>", name(rule, 34)), fate)).collect(),
    );
    Some(format!(
        "<div class=\"panel wide\">{}<p class=\"note\">First those that are surest to be rejected often, by the lower end of the \
         interval. A call counts under each rule that fired on it.</p></div>\
         <div class=\"pair\"><div class=\"panel\">{}</div><div class=\"panel\">{}</div></div>",
        fates("Rejections by rule", RULE, by_rule).done("sef-stats report --json"),
        fates("Rejections by tier of the call", TIER, tiers.collect()).done("sef-stats report --json"),
        fates("Rejections by role", ROLE, roles).done("sef-stats report --json")
    ))
}

type Heads = &'static [(&'static str, Kind)];
const RULE: Heads = &[
    ("Rule", Kind::Words),
    ("Delegations", Kind::Number),
    ("Known", Kind::Number),
    ("Rejected", Kind::Number),
    ("Share", Kind::Number),
    ("", Kind::Bar),
    ("95\u{a0}% interval", Kind::Number),
];
const TIER: Heads = &[
    ("Tier", Kind::Words),
    ("Known", Kind::Number),
    ("Rejected", Kind::Number),
    ("Share", Kind::Number),
    ("95\u{a0}% interval", Kind::Bar),
];
const ROLE: Heads = &[
    ("Role", Kind::Words),
    ("Known", Kind::Number),
    ("Rejected", Kind::Number),
    ("Share", Kind::Number),
    ("95\u{a0}% interval", Kind::Bar),
];

fn worst(mut fates: Vec<(String, &Fate)>) -> Vec<(String, &Fate)> {
    let low = |fate: &Fate| fate.rejection_interval.map_or(-1.0, |(low, _)| low);
    fates.sort_by(|(_, a), (_, b)| low(b).total_cmp(&low(a)).then(b.delegations.cmp(&a.delegations)));
    fates
}

fn fates(caption: &'static str, heads: Heads, fates: Vec<(String, &Fate)>) -> Table<'static> {
    let mut table = Table::new(caption, heads);
    let highest = fates
        .iter()
        .filter_map(|(_, fate)| fate.rejection_interval)
        .map(|(_, high)| high)
        .fold(0.0, f64::max);
    let most = if highest > 0.5 { 1.0 } else { 0.5 };
    for (label, fate) in fates {
        table.row(|| {
            let share = fate.rejection_rate.zip(fate.rejection_interval);
            let interval = share.map_or(String::new(), |(_, interval)| percents(interval));
            let mut cells = vec![
                label,
                count(fate.delegations),
                count(fate.known),
                count(fate.rejected),
                share.map_or("\u{2013}".to_owned(), |(share, _)| percent(share)),
                gauge(share.map(|(share, interval)| (share, Some(interval))), REJECTION_TARGET, most),
                interval,
            ];
            if heads.len() < cells.len() {
                cells.remove(1);
                cells.pop();
            }
            cells
        });
    }
    table
}
