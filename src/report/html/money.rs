//! Where the money went: models, executors, projects, dearest prompts, and the estimate of what delegating saved.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::report::groups::Sum;
use crate::report::html::charts::bar;
use crate::report::html::escape::{name, name_end, words};
use crate::report::html::numbers::{count, percent, usd};
use crate::report::html::over_time::{FAMILIES, family};
use crate::report::html::tables::{Kind, Table};
use crate::report::text::{plural, short};

/// Bars by executor and by project, side by side.
pub fn bars(report: &Report) -> String {
    let (groups, total) = (&report.cost.groups, report.cost.actual_usd);
    let executors = by_cost("By executor", "Executor", &groups.by_executor, total, name);
    let projects = by_cost("By project", "Project", &groups.by_project, total, name_end);
    format!(
        "<div class=\"pair\"><div class=\"panel\">{}</div><div class=\"panel\">{}</div></div>",
        executors.done("sef-stats report --by executor"),
        projects.done("sef-stats report --by project")
    )
}

fn by_cost<'a>(
    caption: &'a str,
    head: &'static str,
    sums: &BTreeMap<String, Sum>,
    total: f64,
    shorten: fn(&str, usize) -> String,
) -> Table<'a> {
    let columns: &'static [(&str, Kind)] = match head {
        "Executor" => {
            &[("Executor", Kind::Words), ("", Kind::Bar), ("Cost", Kind::Number), ("Share", Kind::Number)]
        }
        _ => &[("Project", Kind::Words), ("", Kind::Bar), ("Cost", Kind::Number), ("Share", Kind::Number)],
    };
    let sorted = dearest(sums);
    let longest = sorted.first().map_or(0.0, |(_, sum)| sum.usd.unwrap_or(0.0));
    let mut table = Table::new(caption, columns);
    for (label, sum) in sorted {
        table.row(|| {
            vec![shorten(label, 30), bar(sum.usd.unwrap_or(0.0) / longest), cost(sum), share(sum, total)]
        });
    }
    table
}

/// Tokens and money by model.
pub fn models(report: &Report) -> String {
    let mut table = Table::new(
        "By model",
        &[
            ("Model", Kind::Words),
            ("Requests", Kind::Number),
            ("Input", Kind::Number),
            ("Output", Kind::Number),
            ("Cache read", Kind::Number),
            ("Cache written", Kind::Number),
            ("Cost", Kind::Number),
            ("Share", Kind::Number),
        ],
    );
    for (model, sum) in dearest(&report.cost.groups.by_model) {
        table.row(|| {
            vec![
                format!("<i class=\"{}\"></i>{}", FAMILIES[family(model)].0, name(model, 32)),
                count(sum.requests),
                short(sum.input_tokens),
                short(sum.output_tokens),
                short(sum.cache_read_tokens),
                short(sum.cache_write_tokens),
                cost(sum),
                share(sum, report.cost.actual_usd),
            ]
        });
    }
    let prices = format!("<p class=\"note\">List prices as of {}</p>", words(&report.cost.prices_as_of));
    format!("<div class=\"panel wide\">{}{prices}</div>", table.done("sef-stats report --by model"))
}

/// The prompts that cost most. Their ids only; no word of them is anywhere.
pub fn prompts(report: &Report) -> Option<String> {
    let prompts = &report.cost.groups.prompts;
    if prompts.dearest.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Dearest prompts, with all that they set off",
        &[
            ("Time (UTC)", Kind::Words),
            ("Project", Kind::Words),
            ("Session", Kind::Words),
            ("Tier", Kind::Number),
            ("Requests", Kind::Number),
            ("", Kind::Bar),
            ("Cost", Kind::Number),
        ],
    )
    .of_at_most(10);
    let highest = prompts.dearest.first().and_then(|one| one.sum.usd).unwrap_or(0.0);
    for one in &prompts.dearest {
        table.row(|| {
            vec![
                minute(one.time.as_deref()),
                name_end(&one.project, 26),
                format!("<code>{}</code>", name(&one.session, 13)),
                one.tier.map_or("\u{2013}".to_owned(), |tier| tier.to_string()),
                count(one.sum.requests),
                bar(one.sum.usd.unwrap_or(0.0) / highest),
                cost(&one.sum),
            ]
        });
    }
    let of = format!(
        "<p class=\"note\">of {} in all; the tier is that of the hook\u{2019}s log</p>",
        plural(prompts.count, "prompt")
    );
    Some(format!("<div class=\"panel wide\">{}{of}</div>", table.done("sef-stats report --by prompt")))
}

/// `20 Nov 13:59` without needless precision; the year is in the period above.
pub fn minute(time: Option<&str>) -> String {
    let short = time.and_then(|time| time.get(..16)).map(|time| time.replace('T', " "));
    words(&short.unwrap_or("unknown".to_owned()))
}

/// What delegating came to, step by step; none when nothing was delegated.
pub fn savings(report: &Report) -> Option<String> {
    let savings = &report.savings;
    if savings.agents == 0 {
        return None;
    }
    let net = savings.net_usd();
    let mut rows = vec![
        (
            "Subagents cost",
            usd(savings.agents_usd),
            format!(
                "{}, of that {} to open their own contexts",
                plural(savings.agents, "subagent"),
                usd(savings.opening_usd)
            ),
        ),
        (
            "On their orchestrator\u{2019}s model",
            usd(savings.agents_on_orchestrator_usd),
            "the same tokens at its prices".to_owned(),
        ),
        (
            "Reading their reports",
            format!("\u{2248}\u{a0}{}", usd(savings.reading_usd)),
            "once, by the orchestrator".to_owned(),
        ),
        (
            if net < 0.0 { "More by delegating" } else { "Less by delegating" },
            format!("\u{2248}\u{a0}{}", usd(net.abs())),
            "the second less the first and the third".to_owned(),
        ),
    ];
    if let Some(share) = savings.break_even() {
        rows.push((
            "Break-even",
            percent(share),
            "of that work could be done again before nothing is saved; compare it with the share rejected"
                .to_owned(),
        ));
    }
    rows.push(("One model instead", usd(savings.single_model_usd), format!("these sessions, which cost {}, each wholly on the cheapest model that ran in it, if its results had been good enough", usd(savings.sessions_usd))));
    let list: String = rows
        .into_iter()
        .map(|(term, figure, more)| {
            format!("<div><dt>{term}</dt><dd><b>{figure}</b> <span>{more}</span></dd></div>")
        })
        .collect();
    let left_out = match savings.agents_left_out {
        0 => String::new(),
        agents => format!(
            "<p class=\"note\">Left out: {} without a main transcript or without a price</p>",
            plural(agents, "subagent")
        ),
    };
    Some(format!("<div class=\"panel wide\"><dl class=\"steps\">{list}</dl>{left_out}</div>"))
}

fn dearest(sums: &BTreeMap<String, Sum>) -> Vec<(&str, &Sum)> {
    let mut sorted: Vec<(&str, &Sum)> = sums.iter().map(|(name, sum)| (name.as_str(), sum)).collect();
    let usd = |sum: &Sum| sum.usd.unwrap_or(-1.0);
    sorted.sort_by(|(_, a), (_, b)| usd(b).total_cmp(&usd(a)));
    sorted
}

fn cost(sum: &Sum) -> String {
    match sum.usd {
        None => "no price".to_owned(),
        Some(dollars) if sum.unpriced_requests > 0 => {
            format!(
                "<span title=\"{} more without a price\">{}+</span>",
                plural(sum.unpriced_requests, "request"),
                usd(dollars)
            )
        }
        Some(dollars) => usd(dollars),
    }
}

fn share(sum: &Sum, total: f64) -> String {
    match sum.usd {
        Some(dollars) if total > 0.0 => percent(dollars / total),
        _ => "\u{2013}".to_owned(),
    }
}
