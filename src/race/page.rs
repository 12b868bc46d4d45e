//! The race as one page of HTML: candidates side by side, scores as bars, tests, plans, cost, and why the winner won. Shows
//! figures, never makes them; everything that a model or a design wrote is text there and never markup.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::outcome::{CRITERIA, Outcome, Runner, Status};
use super::result::cost;
use crate::calendar;
use crate::report::html::charts::bar;
use crate::report::html::document;
use crate::report::html::escape::{name, words};
use crate::report::html::numbers::usd;
use crate::report::html::tables::{Kind, Table};
use crate::report::text::plural;

/// Most candidates of a race.
const MOST: usize = 16;
/// Characters of a name that are shown.
const WIDTH: usize = 40;

/// The page; `made` in milliseconds since 1970.
pub fn page(outcome: &Outcome, made: u64) -> String {
    let title = format!("{}: {}", outcome.kind, outcome.feature);
    let mut body = format!(
        "<header><h1>{}</h1><p>{} of <code>{}</code>; race {}</p></header><main>",
        words(&title),
        plural(outcome.candidates.len() as u64, "candidate"),
        words(&outcome.design),
        words(&outcome.id)
    );
    for (id, title, content) in [
        ("winner", "Who won, and why", verdict(outcome)),
        ("candidates", "Side by side", candidates(outcome)),
        ("scores", "Scores", scores(outcome)),
        ("others", "What became of each", fates(outcome)),
        ("plans", "Their plans", plans(outcome)),
        ("cost", "Time and cost", costs(outcome)),
    ] {
        let _ =
            write!(body, "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title}</h2>{content}</section>");
    }
    let _ = write!(
        body,
        "</main><footer><p>Made by SEF {} on {} UTC. Scores, gates and the winner are computed; what had to be read was answered \
         item by item, each with a line that exists. Costs in Claude's prices are an estimate.</p></footer>",
        env!("CARGO_PKG_VERSION"),
        words(&calendar::minute(made))
    );
    document(&title, &body)
}

fn verdict(outcome: &Outcome) -> String {
    let head = match outcome.best() {
        Some(best) => format!("<h3>{} <span class=\"chip good\">winner</span></h3>", words(&best.name)),
        None => "<h3>No winner</h3>".to_owned(),
    };
    let sentences: String =
        outcome.rationale.iter().map(|sentence| format!("<p>{}</p>", words(sentence))).collect();
    let better: String = outcome
        .trade_offs
        .iter()
        .map(|line| format!("<p class=\"more\">Better elsewhere: {}</p>", words(line)))
        .collect();
    let notes: String =
        outcome.notes.iter().map(|note| format!("<p class=\"note\">{}</p>", words(note))).collect();
    format!("<div class=\"panel\">{head}{sentences}{better}{notes}</div>")
}

fn candidates(outcome: &Outcome) -> String {
    let mut table = Table::new(
        "Candidates",
        &[
            ("Candidate", Kind::Words),
            ("Tests", Kind::Number),
            ("", Kind::Bar),
            ("Review", Kind::Words),
            ("Lines", Kind::Number),
            ("Calls", Kind::Number),
            ("Repairs", Kind::Number),
            ("Seconds", Kind::Number),
            ("Cost", Kind::Number),
        ],
    )
    .of_at_most(MOST);
    for runner in &outcome.candidates {
        table.row(|| {
            let approach = runner.approach.as_deref().unwrap_or(&runner.bent);
            let all = runner.passed.unwrap_or(0) + runner.failed.unwrap_or(0);
            vec![
                format!("{} {}<small>{}</small>", words(&runner.name), chip(runner), name(approach, WIDTH)),
                words(&runner.tests()),
                bar(runner.passed.unwrap_or(0) as f64 / all.max(1) as f64),
                words(&runner.issues()),
                runner.lines.map_or("-".to_owned(), |lines| lines.to_string()),
                runner.spent.calls.to_string(),
                runner.repairs.to_string(),
                format!("{:.1}", runner.ms as f64 / 1e3),
                runner.spent.cost_usd.map_or("-".to_owned(), usd),
            ]
        });
    }
    format!("<div class=\"panel\">{}</div>", table.done("sef race status"))
}

fn chip(runner: &Runner) -> String {
    let class = match runner.status {
        Status::Winner => "good",
        Status::Passed => "plain",
        Status::Eliminated => "watch",
        Status::Failed => "bad",
    };
    format!("<span class=\"chip {class}\">{}</span>", runner.status.word())
}

fn scores(outcome: &Outcome) -> String {
    let panels: Vec<String> = outcome
        .candidates
        .iter()
        .filter(|runner| runner.scores.iter().any(Option::is_some))
        .map(|runner| {
            let mut table =
                Table::new("", &[("Criterion", Kind::Words), ("", Kind::Bar), ("of 5", Kind::Number)]);
            for (criterion, score) in CRITERIA.iter().zip(runner.scores) {
                table.row(|| {
                    vec![
                        (*criterion).to_owned(),
                        bar(f64::from(score.unwrap_or(0)) / 5.0),
                        score.map_or("\u{2013}".to_owned(), |score| score.to_string()),
                    ]
                });
            }
            let total = runner.total.map_or(String::new(), |total| format!(": {total}"));
            format!(
                "<div class=\"panel\"><h3>{}{total}</h3>{}</div>",
                words(&runner.name),
                table.done("sef judge")
            )
        })
        .collect();
    if panels.is_empty() {
        return "<p class=\"panel calm\">Nobody got far enough to be scored.</p>".to_owned();
    }
    let pairs: Vec<String> =
        panels.chunks(2).map(|pair| format!("<div class=\"pair\">{}</div>", pair.concat())).collect();
    pairs.concat()
}

fn fates(outcome: &Outcome) -> String {
    let mut list = String::new();
    for runner in &outcome.candidates {
        let notes: String = runner.notes.iter().map(|note| format!("; {}", words(note))).collect();
        let _ = write!(
            list,
            "<div><dt>{}</dt><dd><b>{}</b> <span>{}{notes}</span></dd></div>",
            words(&runner.name),
            runner.status.word(),
            words(&runner.why)
        );
    }
    format!("<div class=\"panel\"><dl class=\"steps\">{list}</dl></div>")
}

/// Each plan; what no other plan has is in bold.
fn plans(outcome: &Outcome) -> String {
    let mut html = String::new();
    let planned: Vec<&Runner> = outcome.candidates.iter().filter(|runner| !runner.plan.is_empty()).collect();
    let mut plans_with: BTreeMap<String, usize> = BTreeMap::new();
    for runner in &planned {
        let lines: BTreeSet<String> = runner.plan.lines().map(plain_line).collect();
        for line in lines {
            *plans_with.entry(line).or_default() += 1;
        }
    }
    for runner in planned {
        let line = |line: &str| match plans_with.get(&plain_line(line)) {
            Some(1) => format!("<b>{}</b><br/>", words(line)),
            _ => format!("{}<br/>", words(line)),
        };
        let lines: String = runner.plan.lines().map(line).collect();
        let _ = write!(
            html,
            "<details><summary><b>{}</b>: {}</summary><p class=\"note\">{lines}</p></details>",
            words(&runner.name),
            words(runner.approach.as_deref().unwrap_or(&runner.bent))
        );
    }
    let alike = outcome
        .plans_alike
        .iter()
        .map(|pair| (pair, "plans"))
        .chain(outcome.code_alike.iter().map(|pair| (pair, "code")));
    for (pair, what) in alike {
        let _ = write!(
            html,
            "<p class=\"more\">The {what} of {} and {} is {:.0} % the same.</p>",
            words(&pair.one),
            words(&pair.other),
            pair.percent
        );
    }
    format!("<div class=\"panel\">{html}</div>")
}

/// A line as it is compared: letters and digits in lower case.
fn plain_line(line: &str) -> String {
    line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn costs(outcome: &Outcome) -> String {
    let lines: String = cost(outcome).iter().map(|line| format!("<p>{}</p>", words(line))).collect();
    format!("<div class=\"panel\">{lines}<p class=\"note\">Tests: {}</p></div>", words(&outcome.sandbox))
}
