//! What a hosted model wrote: orders, tests, money beside Claude's list prices. Shows figures, never makes them.

use crate::report::Report;
use crate::report::html::escape::{name, words};
use crate::report::html::numbers::{count, percent, usd};
use crate::report::html::tables::{Kind, Table, figures};
use crate::report::text::plural;
use crate::report::turbo::Turbo;

/// The section; none when nothing was ordered.
pub fn turbo(report: &Report) -> Option<String> {
    let turbo = &report.turbo;
    if turbo.is_empty() {
        return None;
    }
    let compared = compared(turbo).unwrap_or_default();
    Some(format!("<div class=\"pair\">{}{}</div>{compared}", orders(turbo), models(turbo)))
}

fn orders(turbo: &Turbo) -> String {
    let seconds = |millis: Option<u64>| {
        millis.map_or("\u{2013}".to_owned(), |millis| format!("{:.1}\u{a0}s", millis as f64 / 1e3))
    };
    let mut rows = vec![
        (
            "Orders",
            count(turbo.orders),
            format!(
                "{} complete: {} with {}",
                count(turbo.complete),
                plural(turbo.files, "file"),
                plural(turbo.lines, "line")
            ),
        ),
        (
            "Median time",
            seconds(turbo.p50_ms),
            format!("{} of it for the service", seconds(turbo.p50_service_ms)),
        ),
    ];
    if let Some(rate) = turbo.first_pass_rate() {
        let more = format!(
            "of {} passed at the first run; {} in the end, with {}",
            plural(turbo.tested, "tested order"),
            count(turbo.passed),
            plural(turbo.repairs, "repair round")
        );
        rows.push(("Tests", percent(rate), more));
    }
    if !turbo.failed.is_empty() {
        let failed: u64 = turbo.failed.values().sum();
        let why: Vec<String> = turbo
            .failed
            .iter()
            .take(8)
            .map(|(code, number)| format!("{} {}", words(code), count(*number)))
            .collect();
        rows.push(("Failed", count(failed), why.join(", ")));
    }
    if turbo.vague + turbo.retries > 0 {
        let more = format!("refused as too vague; {} made again", plural(turbo.retries, "call"));
        rows.push(("Contracts", count(turbo.vague), more));
    }
    format!("<div class=\"panel\"><h3>Orders</h3>{}</div>", figures(&rows))
}

fn models(turbo: &Turbo) -> String {
    let mut table = Table::new(
        "Hosted models",
        &[
            ("Model", Kind::Words),
            ("Orders", Kind::Number),
            ("Tokens in", Kind::Number),
            ("Out", Kind::Number),
            ("Cost", Kind::Number),
        ],
    );
    for (model, sum) in &turbo.by_model {
        table.row(|| {
            let out = format!("{} <small>{} reasoning</small>", count(sum.completion), count(sum.reasoning));
            vec![name(model, 40), count(sum.orders), count(sum.prompt), out, usd(sum.micro_usd as f64 / 1e6)]
        });
    }
    let unpriced = match turbo.unpriced {
        0 => String::new(),
        orders => {
            format!("<p class=\"note\">{} without a known price: in no sum</p>", plural(orders, "order"))
        }
    };
    format!("<div class=\"panel\">{}{unpriced}</div>", table.done("sef-stats report --json"))
}

/// The same numbers of tokens on Claude's models; none without a priced order.
fn compared(turbo: &Turbo) -> Option<String> {
    if turbo.compare.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "The same numbers of tokens by list price",
        &[("On", Kind::Words), ("Orders", Kind::Number), ("There", Kind::Number), ("Here", Kind::Number)],
    );
    for other in &turbo.compare {
        let on = if other.model == "session" {
            "their sessions' own model".to_owned()
        } else {
            name(&other.model, 40)
        };
        table.row(|| vec![on, count(other.orders), usd(other.there_usd), usd(other.here_usd)]);
    }
    Some(format!(
        "<div class=\"panel wide\">{}<p class=\"note\">A scale and no bill: tokenizers differ, and another model would have \
         written something else.</p></div>",
        table.done("sef-stats report --json")
    ))
}
