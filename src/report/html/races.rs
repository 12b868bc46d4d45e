//! Races on the page: how they ended, what they used, the latest ones, and Claude's list prices beside them. Shows figures,
//! never makes them.

use crate::report::Report;
use crate::report::html::escape::{name, words};
use crate::report::html::numbers::{count, usd};
use crate::report::html::tables::{Kind, Table, figures};
use crate::report::page_races::seconds;
use crate::report::races::Races;
use crate::report::text::{plural, short};

/// The section; none when there were no races.
pub fn races(report: &Report) -> Option<String> {
    let races = &report.races;
    if races.is_empty() {
        return None;
    }
    let compared = compared(races).unwrap_or_default();
    Some(ends(races) + &used(races) + &last(races) + &compared)
}

fn ends(races: &Races) -> String {
    let rows = [
        (
            "Races",
            count(races.races),
            format!("{} showdown, {} any-percent", count(races.showdowns), count(races.any_percents)),
        ),
        (
            "With a winner",
            count(races.won),
            format!(
                "{} promoted; {} without a winner, {} stopped",
                count(races.promoted),
                count(races.no_winner),
                count(races.stopped)
            ),
        ),
        (
            "Candidates",
            count(races.candidates),
            format!("{} sat the final exam, {} passed it", count(races.finished), count(races.passed)),
        ),
        (
            "Without repair",
            count(races.first_pass),
            format!("passed their tests at once; {} in all", plural(races.repairs, "repair round")),
        ),
        (
            "Sorted out",
            count(races.duplicates.saturating_add(races.forged_exams)),
            format!(
                "{} the same as another, {} changed their own exam",
                count(races.duplicates),
                count(races.forged_exams)
            ),
        ),
    ];
    panel("How they ended", &rows)
}

fn used(races: &Races) -> String {
    let mut rows = vec![
        (
            "Calls",
            count(races.calls),
            format!("{} made again, {} for reviews", count(races.retries), count(races.review_calls)),
        ),
        (
            "Tokens in",
            short(races.prompt),
            match races.cached {
                0 => String::new(),
                some => format!("{} of them from the service's cache", short(some)),
            },
        ),
        ("Tokens out", short(races.completion), format!("{} of them reasoning", short(races.reasoning))),
        (
            "Cost",
            usd(races.usd),
            match races.unpriced {
                0 => String::new(),
                some => format!("{} without a known price: in no sum", plural(some, "race")),
            },
        ),
        (
            "Time",
            words(&seconds(races.ms)),
            races
                .p50_ms
                .map_or(String::new(), |millis| format!("half of the races within {}", seconds(millis))),
        ),
    ];
    if let Some(tokens) = races.orchestrator_tokens {
        rows.push(("Into Claude", short(tokens), "tokens in its context, estimated as bytes / 4".to_owned()));
    }
    panel("What they used", &rows)
}

fn panel(title: &str, rows: &[(&str, String, String)]) -> String {
    format!("<div class=\"panel wide\"><h3>{title}</h3>{}</div>", figures(rows))
}

fn last(races: &Races) -> String {
    let mut table = Table::new(
        "The latest races",
        &[
            ("Begun (UTC)", Kind::Words),
            ("Kind", Kind::Words),
            ("Candidates", Kind::Number),
            ("Calls", Kind::Number),
            ("Tokens in", Kind::Number),
            ("Out", Kind::Number),
            ("Cost", Kind::Number),
            ("Time", Kind::Number),
            ("Winner", Kind::Words),
        ],
    );
    for run in &races.last {
        table.row(|| {
            vec![
                words(&run.time.get(..16).unwrap_or("unknown").replace('T', " ")),
                format!("{} <small>{}</small>", run.kind.unwrap_or("unknown"), name(&run.model, 24)),
                format!("{} <small>{} passed</small>", short(run.candidates), short(run.passed)),
                short(run.calls),
                short(run.prompt),
                short(run.completion),
                run.usd.map_or("no price".to_owned(), usd),
                run.ms.map_or("\u{2013}".to_owned(), seconds),
                run.ended().to_owned(),
            ]
        });
    }
    format!("<div class=\"panel wide\">{}</div>", table.done("sef race status"))
}

/// The same numbers of tokens on Claude's models; none without a race with a price.
fn compared(races: &Races) -> Option<String> {
    if races.compare.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "An estimate: the same numbers of tokens at today's list prices",
        &[("On", Kind::Words), ("Races", Kind::Number), ("There", Kind::Number), ("Here", Kind::Number)],
    );
    for other in &races.compare {
        let on = if other.model == "session" {
            "their sessions' own model".to_owned()
        } else {
            name(&other.model, 40)
        };
        table.row(|| vec![on, count(other.races), usd(other.there_usd), usd(other.here_usd)]);
    }
    Some(format!(
        "<div class=\"panel wide\">{}<p class=\"note\">A scale and no bill: tokenizers differ, and work that Claude does alone \
         takes other numbers of tokens than these races.</p></div>",
        table.done("sef-stats report --json")
    ))
}
