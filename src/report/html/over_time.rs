//! The charts over time: cost by model family, the share delegated, the share rejected; each with its numbers as a table.
//! Puts days together to periods; `charts` draws.

use std::collections::{BTreeMap, BTreeSet};

use crate::models::Family;
use crate::outcomes::{Z95, wilson};
use crate::report::Report;
use crate::report::activity::{REJECTION_TARGET, TARGET};
use crate::report::days::Day;
use crate::report::html::charts::{self, Column, FEW, Point, Slot};
use crate::report::html::escape::words;
use crate::report::html::numbers::{count, percent, percents, usd};
use crate::report::html::periods::{self, Axis, Period, Step};
use crate::report::html::tables::{Kind, Table};

/// Colour class and name of each family, in the order of the stack; models of no family come last.
pub const FAMILIES: [(&str, &str); 5] = [
    ("f-haiku", "Haiku"),
    ("f-sonnet", "Sonnet"),
    ("f-opus", "Opus"),
    ("f-fable", "Fable"),
    ("f-other", "Other"),
];

/// The place of a model in [`FAMILIES`].
pub fn family(model: &str) -> usize {
    let place = Family::of(model).and_then(|family| Family::ALL.into_iter().position(|one| one == family));
    place.unwrap_or(FAMILIES.len() - 1)
}

/// Cost by family; none when no request has a price and a day.
pub fn cost(report: &Report) -> Option<String> {
    let mut sums: BTreeMap<u64, [f64; FAMILIES.len()]> = BTreeMap::new();
    let (mut totals, mut undated) = ([0.0; FAMILIES.len()], 0.0);
    for (name, models) in &report.cost.groups.by_day_model {
        for (model, sum) in models {
            let usd = sum.usd.unwrap_or(0.0);
            totals[family(model)] += usd;
            match periods::day(name) {
                Some(day) => sums.entry(day).or_default()[family(model)] += usd,
                None => undated += usd,
            }
        }
    }
    let axis = Axis::over(&sums.keys().copied().collect(), Step::Day);
    let mut periods = vec![[0.0; FAMILIES.len()]; axis.periods.len()];
    for (day, values) in &sums {
        let Some(place) = axis.place(*day) else { continue };
        periods[place].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let there: Vec<usize> = (0..FAMILIES.len()).filter(|at| totals[*at] > 0.0).collect();
    if there.is_empty() || axis.periods.is_empty() {
        return None;
    }
    let classes: Vec<&str> = there.iter().map(|at| FAMILIES[*at].0).collect();
    let columns: Vec<Column> = axis
        .periods
        .iter()
        .zip(&periods)
        .map(|(period, values)| {
            let of_each = there
                .iter()
                .filter(|at| values[**at] > 0.0)
                .map(|at| format!("\n{}: {}", FAMILIES[*at].1, usd(values[*at])));
            let title =
                format!("{}: {}{}", period.title, usd(values.iter().sum()), of_each.collect::<String>());
            Column { slot: slot(period, title), values: there.iter().map(|at| values[*at]).collect() }
        })
        .collect();
    let noun = axis.step.noun();
    let label =
        format!("Stacked columns: cost by model family for each {noun}, {}", span(&axis).unwrap_or_default());
    let legend = there.iter().map(|at| {
        format!(
            "<li><i class=\"{}\"></i>{} <b>{}</b></li>",
            FAMILIES[*at].0,
            FAMILIES[*at].1,
            usd(totals[*at])
        )
    });
    let heads: Vec<(&str, Kind)> = [(noun, Kind::Words)]
        .into_iter()
        .chain(there.iter().map(|at| (FAMILIES[*at].1, Kind::Number)))
        .chain([("All", Kind::Number)])
        .collect();
    let mut table = Table::new("Cost over time", &heads).of_at_most(periods::MOST);
    for (period, values) in
        axis.periods.iter().zip(&periods).rev().filter(|(_, values)| values.iter().any(|v| *v > 0.0))
    {
        table.row(|| {
            let of_each = there.iter().map(|at| usd(values[*at]));
            [words(&period.title)].into_iter().chain(of_each).chain([usd(values.iter().sum())]).collect()
        });
    }
    let mut aside = left_out(&axis);
    if undated > 0.0 {
        let more = usd(undated);
        aside.push_str("<p class=\"note\">");
        aside.push_str(&more);
        aside.push_str(" more in requests without a date of the calendar</p>");
    }
    Some(format!(
        "<figure class=\"panel wide\"><figcaption><h3>By model family, per {noun}</h3><ul class=\"legend\">{}</ul></figcaption>\
         {}{}{}{aside}{}</figure>",
        legend.collect::<String>(),
        charts::columns(1040, &classes, &columns, &label),
        charts::columns(680, &classes, &columns, &label),
        charts::columns(330, &classes, &columns, &label),
        numbers(&table)
    ))
}

/// One share over time.
struct Trend {
    title: &'static str,
    what: &'static str,
    heads: [(&'static str, Kind); 5],
    target: (f64, f64),
    target_words: String,
    of: fn(&Day) -> (u64, u64),
}

/// The share delegated and the share rejected; none when there is neither.
pub fn trends(report: &Report) -> Option<String> {
    let trends = [
        Trend {
            title: "Delegated tasks",
            what: "share of tasks that were delegated",
            heads: [
                ("", Kind::Words),
                ("Tasks", Kind::Number),
                ("Delegated", Kind::Number),
                ("Share", Kind::Number),
                ("95\u{a0}% interval", Kind::Number),
            ],
            target: TARGET,
            target_words: format!("target {}", percents(TARGET)),
            of: |day| (day.tasks_delegated, day.tasks),
        },
        Trend {
            title: "Rejected delegations",
            what: "share of delegations of known outcome that were rejected",
            heads: [
                ("", Kind::Words),
                ("Known", Kind::Number),
                ("Rejected", Kind::Number),
                ("Share", Kind::Number),
                ("95\u{a0}% interval", Kind::Number),
            ],
            target: REJECTION_TARGET,
            target_words: format!("target under {}", percent(REJECTION_TARGET.1)),
            of: |day| (day.rejected, day.known),
        },
    ];
    let shown: Vec<String> = trends.iter().filter_map(|one| trend(one, &report.days)).collect();
    (!shown.is_empty()).then(|| format!("<div class=\"pair\">{}</div>", shown.concat()))
}

fn trend(trend: &Trend, days: &BTreeMap<String, Day>) -> Option<String> {
    let counts: BTreeMap<u64, (u64, u64)> = days
        .iter()
        .filter_map(|(name, day)| Some((periods::day(name)?, (trend.of)(day))))
        .filter(|(_, (_, all))| *all > 0)
        .collect();
    let (first, last) = (*counts.keys().next()?, *counts.keys().next_back()?);
    // A day holds few tasks; over a longer time weeks say more.
    let shortest = if last - first < 14 { Step::Day } else { Step::Week };
    let axis = Axis::over(&counts.keys().copied().collect::<BTreeSet<u64>>(), shortest);
    let mut sums = vec![(0, 0); axis.periods.len()];
    for (day, (part, all)) in counts {
        let Some(place) = axis.place(day) else { continue };
        sums[place] = (sums[place].0 + part, sums[place].1 + all);
    }
    let points: Vec<Point> =
        axis.periods.iter().zip(&sums).map(|(period, sum)| point(period, *sum)).collect();
    let noun = axis.step.noun();
    let label = format!("Points: {} for each {noun}, {}", trend.what, span(&axis).unwrap_or_default());
    let mut heads = trend.heads;
    heads[0].0 = noun;
    let mut table = Table::new(trend.title, &heads).of_at_most(periods::MOST);
    for (period, (part, all)) in axis.periods.iter().zip(&sums).rev().filter(|(_, (_, all))| *all > 0) {
        table.row(|| {
            vec![
                words(&period.title),
                count(*all),
                count(*part),
                percent(*part as f64 / *all as f64),
                wilson(*part, *all, Z95).map_or(String::new(), percents),
            ]
        });
    }
    let few = if sums.iter().any(|(_, all)| (1..FEW).contains(all)) {
        format!("<li><i class=\"k-few\"></i>fewer than {FEW}</li>")
    } else {
        String::new()
    };
    Some(format!(
        "<figure class=\"panel\"><figcaption><h3>{}, per {noun}</h3><ul class=\"legend\"><li><i class=\"k-dot\"></i>share</li>\
         <li><i class=\"k-range\"></i>95\u{a0}% interval</li><li><i class=\"k-band\"></i>{}</li>{few}</ul></figcaption>{}{}{}{}</figure>",
        trend.title,
        trend.target_words,
        charts::shares(510, &points, trend.target, &label),
        charts::shares(330, &points, trend.target, &label),
        left_out(&axis),
        numbers(&table)
    ))
}

fn point(period: &Period, (part, all): (u64, u64)) -> Point {
    let share = wilson(part, all, Z95).map(|interval| (part as f64 / all as f64, interval));
    let words = share.map_or("nothing".to_owned(), |(share, interval)| {
        format!(
            "{} of {} ({}; 95 % interval {})",
            count(part),
            count(all),
            percent(share),
            percents(interval)
        )
    });
    Point { slot: slot(period, format!("{}: {words}", period.title)), all, share }
}

fn slot(period: &Period, title: String) -> Slot {
    Slot { label: period.label.clone(), year: period.year, title }
}

fn span(axis: &Axis) -> Option<String> {
    Some(format!("from {} to {}", axis.periods.first()?.title, axis.periods.last()?.title))
}

fn left_out(axis: &Axis) -> String {
    match axis.left_out {
        0 => String::new(),
        count => format!("<p class=\"note\">the {count} earliest years had no room</p>"),
    }
}

/// The chart once more as numbers, folded away.
fn numbers(table: &Table) -> String {
    format!("<details><summary>The numbers</summary>{}</details>", table.done("sef-stats report --json"))
}
