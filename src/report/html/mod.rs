//! A report as one page of HTML that needs nothing besides itself: no script, no font, no request, which its policy
//! states too. Shows figures, never makes them, and holds no word of a prompt.

pub mod attention;
pub mod cards;
pub mod charts;
pub mod escape;
pub mod money;
pub mod numbers;
pub mod over_time;
pub mod periods;
pub mod races;
pub mod tables;
pub mod turbo;
pub mod turns;
pub mod work;

use std::fmt::Write as _;
use std::path::Path;

use crate::calendar;
use crate::report::Report;
use crate::report::text::{plural, scope_words, short};
use escape::words;

const STYLE: &str = include_str!("style.css");

/// The page. `made` is the time of making, in milliseconds since 1970: the one part that the report does not decide.
pub fn page(report: &Report, made: u64) -> String {
    let inner = if report.is_empty() { first_steps(report) } else { sections(report) };
    document("SEF report", &format!("{}<main>{inner}</main>{}", header(report), footer(report, made)))
}

/// A whole page round a body that is escaped already.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"/>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\
         <meta name=\"color-scheme\" content=\"light dark\"/><meta name=\"referrer\" content=\"no-referrer\"/>\
         <link rel=\"icon\" href=\"data:,\"/><title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>\n",
        words(title)
    )
}

fn header(report: &Report) -> String {
    let looked = &report.scope;
    format!(
        "<header><h1>SEF report</h1><p>{}{}</p><p class=\"note\">read {} and {} ({}B)</p></header>",
        words(&scope_words(looked.project.as_deref(), looked.since.as_deref())),
        span(report).map_or(String::new(), |span| format!(": {span}")),
        plural(looked.log_files, "log file"),
        plural(looked.transcript_files, "transcript"),
        short(looked.transcript_bytes)
    )
}

/// First and last day that anything happened on.
fn span(report: &Report) -> Option<String> {
    let days = report.days.keys().chain(report.cost.groups.by_day.keys());
    let days: std::collections::BTreeSet<u64> = days.filter_map(|name| periods::day(name)).collect();
    let name = |day: u64| calendar::timestamp(day * calendar::DAY).chars().take(10).collect::<String>();
    Some(format!("{} to {}", name(*days.first()?), name(*days.last()?)))
}

fn sections(report: &Report) -> String {
    let no_cost = || "<p class=\"panel calm\">No request with a price in this period.</p>".to_owned();
    let has_requests = !report.cost.groups.by_model.is_empty();
    let of_cost = has_requests.then(|| {
        over_time::cost(report).unwrap_or_else(no_cost) + &money::bars(report) + &money::models(report)
    });
    let all = [
        ("attention", "Needs a look", Some(attention::notices(report))),
        ("cost", "Where the money went", of_cost),
        ("shares", "Delegated and rejected over time", over_time::trends(report)),
        ("work", "Work and how it ended", Some(work::tasks_and_outcomes(report))),
        ("delegations", "Who did it, on which model", work::delegations(report)),
        ("rules", "Which rules sent work that came back", work::rules(report)),
        ("savings", "Was it worth it? An estimate", money::savings(report)),
        ("turns", "The conversation's own turns", turns::turns(report)),
        ("turbo", "Turbo: code by a hosted model", turbo::turbo(report)),
        ("races", "Races: several candidates, judged by tests", races::races(report)),
        ("prompts", "What single prompts cost", money::prompts(report)),
    ];
    let mut html = cards::cards(report);
    for (id, title, content) in all {
        let Some(content) = content else { continue };
        let _ =
            write!(html, "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title}</h2>{content}</section>");
    }
    html
}

fn first_steps(report: &Report) -> String {
    let folder = |path: Option<&Path>| match path {
        Some(path) => format!("<code>{}</code>", words(&path.to_string_lossy())),
        None => "(not known: HOME is not set)".to_owned(),
    };
    let looked = &report.scope;
    let narrowed = if looked.project.is_some() || looked.since.is_some() {
        "<p>Nothing there fits <code>--project</code> and <code>--since</code>; try without them.</p>"
    } else {
        ""
    };
    format!(
        "<section class=\"panel first\" aria-labelledby=\"first\"><h2 id=\"first\">Nothing to report yet</h2>\
         <ol><li>Run <code>sef install</code>.</li><li>Start <code>claude</code> in a project and give it a task.</li>\
         <li>Run this command again.</li></ol>{narrowed}<p class=\"note\">Looked for a log in {} and for transcripts in {}.</p></section>",
        folder(looked.state_dir.as_deref()),
        folder(looked.transcripts.as_deref())
    )
}

fn footer(report: &Report, made: u64) -> String {
    let looked = &report.scope;
    format!(
        "<footer><p>Made by SEF {} on <time id=\"made\">{} UTC</time> for {}. Costs are tokens at list prices as of {}. \
         What delegating saved is an estimate: the same tokens at other prices, whatever they would have come to. \
         Days are those of UTC. No word of a prompt is in this page; session ids and names of projects are.</p></footer>",
        env!("CARGO_PKG_VERSION"),
        words(&calendar::minute(made)),
        words(&scope_words(looked.project.as_deref(), looked.since.as_deref())),
        words(&report.cost.prices_as_of)
    )
}
