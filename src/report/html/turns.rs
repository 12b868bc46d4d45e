//! The conversation's own turns: what was decided, where it ran, what each detour came to. Shows figures, never makes them.

use crate::main_turn::account::{Detour, Turns};
use crate::report::Report;
use crate::report::html::escape::{name, words};
use crate::report::html::money::minute;
use crate::report::html::numbers::{count, usd};
use crate::report::html::tables::{Kind, ROWS, Table, figures};
use crate::report::page_main::{checked, decided, detours, written};

/// The section; none when nobody asked about a turn.
pub fn turns(report: &Report) -> Option<String> {
    let turns = &report.main_turns;
    (!turns.is_empty()).then(|| format!("{}{}", facts(turns), table(&turns.detours)))
}

fn facts(turns: &Turns) -> String {
    let mut rows = vec![("Decided", count(turns.decided), words(&decided(turns)))];
    let left: Vec<String> =
        turns.left.iter().map(|(why, number)| format!("{} {}", words(why), count(*number))).collect();
    if !left.is_empty() {
        rows.push(("Left alone", count(turns.left.values().sum()), left.join(", ")));
    }
    if !turns.moved.is_empty() {
        let (net, spent) = (turns.net_usd(), usd(turns.went_usd));
        let term = if net < 0.0 { "Lost" } else { "Gained" };
        let more =
            format!("{spent} instead of an estimated {}; {}", usd(turns.stayed_usd), words(&detours(turns)));
        rows.push((term, usd(net.abs()), more));
        rows.push(("Checked", count(turns.ran_there), words(&checked(turns))));
    }
    rows.extend(turns.output.iter().filter_map(|(tier, output)| {
        Some(("Less effort", count(output.lowered_requests), words(&written(*tier, output)?)))
    }));
    if turns.complaints > 0 {
        rows.push(("Complaints", count(turns.complaints), "about a turn that was changed".to_owned()));
    }
    format!("<div class=\"panel\">{}</div>", figures(&rows))
}

/// The latest detours; nothing without one.
fn table(detours: &[Detour]) -> String {
    if detours.is_empty() {
        return String::new();
    }
    let mut table = Table::new(
        "Detours, the latest first",
        &[
            ("Began (UTC)", Kind::Words),
            ("Session", Kind::Words),
            ("Model", Kind::Words),
            ("Requests", Kind::Number),
            ("Cost", Kind::Number),
            ("Had it stayed", Kind::Number),
            ("Came back to", Kind::Words),
        ],
    );
    for way in detours.iter().rev().take(ROWS) {
        table.row(|| {
            let back = match (way.returned, way.cold) {
                (false, _) => "not back",
                (true, true) => "a cold cache",
                (true, false) => "its cache",
            };
            vec![
                minute(way.time.as_deref()),
                name(&way.session, 40),
                name(&way.model, 40),
                count(way.requests),
                usd(way.went_usd),
                usd(way.stayed_usd),
                back.to_owned(),
            ]
        });
    }
    format!("<div class=\"panel wide\">{}</div>", table.done("sef-stats report --json"))
}
