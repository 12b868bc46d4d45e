//! What needs a look: mismatches, models without a price, sums that differ from the client's, refusals, faults, and what
//! could not be read. Says so too when there is nothing.

use crate::report::Report;
use crate::report::delegations::Delegation;
use crate::report::html::escape::name;
use crate::report::html::money::minute;
use crate::report::html::numbers::{count, usd};
use crate::report::html::tables::{Kind, ROWS, Table};
use crate::report::page::Row;
use crate::report::text::plural;

/// One thing to look at.
struct Notice {
    bad: bool,
    title: String,
    what_to_do: String,
    list: String,
}

/// The section's content.
pub fn notices(report: &Report) -> String {
    let all =
        [mismatches(report), unknown_models(report), differences(report), refusals(report), faults(report)];
    let all: Vec<Notice> = all.into_iter().flatten().chain(unreadable(report)).collect();
    if all.is_empty() {
        return "<p class=\"panel calm\"><span class=\"chip good\">\u{2713} nothing</span> No mismatch, no model without a price, \
                no refused call, no fault, and all files could be read.</p>"
            .to_owned();
    }
    format!("<div class=\"panel notices\">{}</div>", all.iter().map(show).collect::<String>())
}

fn show(notice: &Notice) -> String {
    let Notice { bad, title, what_to_do, list } = notice;
    let chip = if *bad {
        "<span class=\"chip bad\">! look</span>"
    } else {
        "<span class=\"chip watch\">\u{25b2} note</span>"
    };
    let head = format!("{chip} <b>{title}</b> <span>{what_to_do}</span>");
    if list.is_empty() {
        return format!("<p class=\"notice\">{head}</p>");
    }
    let open = if *bad { " open=\"open\"" } else { "" };
    format!("<details class=\"notice\"{open}><summary>{head}</summary>{list}</details>")
}

fn mismatches(report: &Report) -> Option<Notice> {
    let wrong: Vec<&Delegation> = report.delegations.list.iter().filter(|one| one.mismatch).collect();
    if wrong.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Delegations that ran on another model",
        &[
            ("Executor", Kind::Words),
            ("Wanted", Kind::Words),
            ("Requested", Kind::Words),
            ("Ran", Kind::Words),
            ("Answered by", Kind::Words),
            ("Time (UTC)", Kind::Words),
            ("Session", Kind::Words),
        ],
    );
    for one in wrong.iter().copied() {
        table.row(|| {
            let row = Row::of(one);
            vec![
                name(row.executor, 24),
                row.wanted().to_owned(),
                row.requested().to_owned(),
                format!("<b>{}</b>", name(row.ran, 20)),
                models(&one.ran_models),
                minute(one.time.as_deref()),
                format!("<code>{}</code>", name(&one.session, 13)),
            ]
        });
    }
    let title = match wrong.len() as u64 {
        1 => "1 mismatch".to_owned(),
        many => format!("{} mismatches", count(many)),
    };
    Some(Notice {
        bad: true,
        title,
        what_to_do: "another model ran than was asked for".to_owned(),
        list: table.done("sef-stats audit"),
    })
}

fn models(ids: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> = ids.iter().take(SHOWN).map(|id| name(id, 30)).collect();
    if ids.len() > SHOWN {
        names.push(format!("{} more", ids.len() - SHOWN));
    }
    names.join(", ")
}

fn unknown_models(report: &Report) -> Option<Notice> {
    let unknown = &report.cost.unknown_models;
    if unknown.is_empty() {
        return None;
    }
    let mut table =
        Table::new("Models without a price", &[("Model", Kind::Words), ("Used in", Kind::Number)]);
    for model in unknown {
        let requests = report.cost.groups.by_model.get(model).map_or(0, |sum| sum.unpriced_requests);
        table.row(|| vec![format!("<code>{}</code>", name(model, 44)), plural(requests, "request")]);
    }
    Some(Notice {
        bad: true,
        title: format!("{} without a price", plural(unknown.len() as u64, "model")),
        what_to_do:
            "in no sum of money here; add it to <code>prices.toml</code> in SEF\u{2019}s configuration folder"
                .to_owned(),
        list: table.done("sef-stats report --json"),
    })
}

fn differences(report: &Report) -> Option<Notice> {
    let cost = &report.cost;
    if cost.differences.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Sessions whose sums differ by more than a cent",
        &[
            ("Session", Kind::Words),
            ("Client", Kind::Number),
            ("SEF", Kind::Number),
            ("Client more by", Kind::Number),
            ("", Kind::Words),
        ],
    );
    for one in &cost.differences {
        table.row(|| {
            vec![
                format!("<code>{}</code>", name(&one.session, 36)),
                usd(one.client_usd),
                usd(one.computed_usd),
                usd(one.difference_usd),
                if one.unknown_price { "a model without a price" } else { "" }.to_owned(),
            ]
        });
    }
    Some(Notice {
        bad: false,
        title: format!(
            "The client\u{2019}s own sums differ in {} of {}",
            count(cost.differences.len() as u64),
            plural(cost.sessions_checked, "session")
        ),
        what_to_do: "it also counts requests that leave no transcript, such as titles".to_owned(),
        list: table.done("sef-stats report --json"),
    })
}

fn refusals(report: &Report) -> Option<Notice> {
    let refusals = &report.hook.refusals;
    if refusals.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Sessions in which the client refused changed calls",
        &[("Session", Kind::Words), ("Calls", Kind::Number), ("Permission mode", Kind::Words)],
    );
    for one in refusals {
        let mode = one.mode.as_deref().unwrap_or("unknown");
        table.row(|| {
            vec![format!("<code>{}</code>", name(&one.session, 36)), count(one.calls), name(mode, 20)]
        });
    }
    Some(Notice {
        bad: false,
        title: format!("Changed calls were refused in {}", plural(refusals.len() as u64, "session")),
        what_to_do: "SEF changed no more calls there".to_owned(),
        list: table.done("sef-stats report --json"),
    })
}

fn faults(report: &Report) -> Option<Notice> {
    let faults = &report.hook.faults;
    if faults.is_empty() {
        return None;
    }
    let all: u64 = faults.values().fold(0, |sum, number| sum.saturating_add(*number));
    let mut table =
        Table::new("Faults by code", &[("Code", Kind::Words), ("Times", Kind::Number)]).of_at_most(ROWS);
    for (code, number) in faults {
        table.row(|| vec![format!("<code>{}</code>", name(code, 40)), count(*number)]);
    }
    Some(Notice {
        bad: false,
        title: format!("The hook survived {}", plural(all, "fault")),
        what_to_do: "the session ran as if SEF were not there".to_owned(),
        list: table.done("sef-stats report --json"),
    })
}

fn unreadable(report: &Report) -> Option<Notice> {
    let counts = [
        (report.unreadable_lines, "lines skipped that are not readable"),
        (report.later_lines, "log lines left out that a later version of SEF wrote: update sef"),
        (report.unreadable_files, "files or folders could not be read"),
    ];
    let told = counts.into_iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told.map(|(number, words)| format!("{}: {}", words, count(number))).collect();
    (!told.is_empty()).then(|| Notice {
        bad: false,
        title: "Not everything could be read".to_owned(),
        what_to_do: told.join("; "),
        list: String::new(),
    })
}
