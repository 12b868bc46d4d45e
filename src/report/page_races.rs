//! Races on the page of text. Shows figures, never makes them.

use super::page::labelled;
use super::races::{Races, Run};
use super::sheet::Sheet;
use super::text::{money, name, plural, short};

/// The section; nothing when there were no races.
pub fn races(sheet: &mut Sheet, races: &Races) {
    if races.is_empty() {
        return;
    }
    sheet.title("Races: several candidates by a hosted model, judged by tests");
    labelled(
        sheet,
        "races:",
        &format!(
            "{} ({} showdown, {} any-percent): {} with a winner ({} promoted), {} without, {} stopped",
            races.races,
            races.showdowns,
            races.any_percents,
            races.won,
            races.promoted,
            races.no_winner,
            races.stopped
        ),
    );
    let odd = [(races.duplicates, "the same as another"), (races.forged_exams, "changed their own exam")];
    let odd: String =
        odd.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("; {count} {what}")).collect();
    labelled(
        sheet,
        "candidates:",
        &format!(
            "{}, {} sat the final exam, {} passed it; {} passed without any repair, {} in all{odd}",
            races.candidates,
            races.finished,
            races.passed,
            races.first_pass,
            plural(races.repairs, "repair round")
        ),
    );
    labelled(
        sheet,
        "calls:",
        &format!(
            "{} ({} made again, {} for reviews): {} in, {} out ({} of them reasoning), {}",
            races.calls,
            races.retries,
            races.review_calls,
            short(races.prompt),
            short(races.completion),
            short(races.reasoning),
            money(races.usd)
        ),
    );
    let half = races
        .p50_ms
        .map_or(String::new(), |millis| format!("; half of the races within {}", seconds(millis)));
    labelled(sheet, "time:", &format!("{} in all{half}", seconds(races.ms)));
    if let Some(tokens) = races.orchestrator_tokens {
        let words = format!("about {} tokens (an estimate: bytes / 4)", short(tokens));
        labelled(sheet, "into Claude's context:", &words);
    }
    if races.unpriced > 0 {
        sheet.loud(&format!("  NO PRICE for {}: their cost is in no sum", plural(races.unpriced, "race")));
    }
    for other in &races.compare {
        let whose = if other.model == "session" { "their sessions' own model" } else { &other.model };
        let words = format!(
            "{} here, {} on {} at today's prices",
            money(other.here_usd),
            money(other.there_usd),
            name(whose, 30)
        );
        labelled(sheet, "same tokens:", &words);
    }
    if !races.compare.is_empty() {
        labelled(
            sheet,
            "",
            "(an estimate: work that Claude does alone takes other numbers of tokens than these races)",
        );
    }
    last(sheet, &races.last);
}

fn last(sheet: &mut Sheet, runs: &[Run]) {
    sheet.line(&format!(
        "  {:<17}{:<11}{:>5}{:>6}{:>7}{:>7}{:>9}{:>8} {}",
        "latest (UTC)", "kind", "cand.", "calls", "in", "out", "cost", "time", "winner"
    ));
    for run in runs {
        let time = run.time.get(..16).unwrap_or("unknown").replace('T', " ");
        sheet.line(&format!(
            "  {time:<17}{:<11}{:>5}{:>6}{:>7}{:>7}{:>9}{:>8} {}",
            run.kind.unwrap_or("unknown"),
            short(run.candidates),
            short(run.calls),
            short(run.prompt),
            short(run.completion),
            run.usd.map_or("NO PRICE".to_owned(), money),
            run.ms.map_or("?".to_owned(), seconds),
            run.ended()
        ));
    }
}

/// `83.4 s`, `12 min`, `3.5 h`.
pub(super) fn seconds(millis: u64) -> String {
    let seconds = millis as f64 / 1e3;
    match seconds {
        short if short < 600.0 => format!("{short:.1} s"),
        long if long < 5_400.0 => format!("{:.0} min", long / 60.0),
        longer => format!("{:.1} h", longer / 3_600.0),
    }
}

impl Run {
    /// How it ended, in a word.
    pub(super) fn ended(&self) -> &'static str {
        match (self.winner, self.promoted) {
            (_, true) => "taken",
            (Some(true), _) => "yes",
            (Some(false), _) => "no",
            (None, _) => "stopped",
        }
    }
}
