//! The headline figures as cards. Each one has its exact value beside the rounded one (`<data value>`), and says in words
//! whether it is where it should be.

use crate::report::Report;
use crate::report::activity::{REJECTION_TARGET, TARGET};
use crate::report::html::charts::gauge;
use crate::report::html::numbers::{count, millis, percent, percents, usd};
use crate::report::text::plural;

/// All six.
pub fn cards(report: &Report) -> String {
    let all: [fn(&Report) -> String; 6] = [delegated, rejected, cost, saved, mismatches, hook];
    let all = all.map(|card| card(report));
    format!("<div class=\"cards\">{}</div>", all.concat())
}

/// What a card says of its figure, besides the figure.
enum State {
    Good(&'static str),
    Watch(&'static str),
    Bad(&'static str),
    Plain(&'static str),
    None,
}

impl State {
    fn chip(&self) -> String {
        let (class, sign, words) = match self {
            Self::Good(words) => ("good", "\u{2713} ", words),
            Self::Watch(words) => ("watch", "\u{25b2} ", words),
            Self::Bad(words) => ("bad", "! ", words),
            Self::Plain(words) => ("plain", "", words),
            Self::None => return String::new(),
        };
        format!(" <span class=\"chip {class}\">{sign}{words}</span>")
    }
}

fn card(title: &str, state: &State, figure: &str, more: &str) -> String {
    format!(
        "<section class=\"card\"><h2>{title}{}</h2><p class=\"figure\">{figure}</p>{more}</section>",
        state.chip()
    )
}

/// A figure with its exact value.
fn exact(key: &str, value: &str, shown: &str) -> String {
    format!("<data id=\"{key}\" value=\"{value}\">{shown}</data>")
}

fn note(words: &str) -> String {
    format!("<p class=\"note\">{words}</p>")
}

fn delegated(report: &Report) -> String {
    let (hook, target) = (&report.hook, format!("target {}", percents(TARGET)));
    let Some(rate) = report.rates.delegation else {
        return card("Delegated", &State::None, "\u{2013}", &note(&format!("no tasks yet; {target}")));
    };
    let state = match rate {
        _ if rate < TARGET.0 => State::Watch("below target"),
        _ if rate > TARGET.1 => State::Watch("above target"),
        _ => State::Good("on target"),
    };
    let words = format!("{} of {}; {target}", count(hook.tasks_delegated), tasks(hook.tasks_to_delegate));
    let more = gauge(Some((rate, None)), TARGET, 1.0) + &note(&words);
    card("Delegated", &state, &exact("delegation", &rate.to_string(), &percent(rate)), &more)
}

fn tasks(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "task" } else { "tasks" })
}

fn rejected(report: &Report) -> String {
    let outcomes = &report.outcomes;
    let target = format!("target under {}", percent(REJECTION_TARGET.1));
    let (Some(rate), Some((low, high))) = (outcomes.rejection_rate, outcomes.rejection_interval) else {
        return card("Rejected", &State::None, "\u{2013}", &note(&format!("no outcome known yet; {target}")));
    };
    let state = match REJECTION_TARGET.1 {
        most if high < most => State::Good("on target"),
        most if rate < most => State::Plain("on target so far"),
        most if low <= most => State::Watch("above, may be chance"),
        _ => State::Bad("above target"),
    };
    let words = format!(
        "{} of {} known; 95\u{a0}% interval {}; {target}",
        count(outcomes.rejected),
        count(outcomes.known),
        percents((low, high))
    );
    let most = if high > 0.45 { 1.0 } else { 0.5 };
    let more = gauge(Some((rate, Some((low, high)))), REJECTION_TARGET, most) + &note(&words);
    card("Rejected", &state, &exact("rejection", &rate.to_string(), &percent(rate)), &more)
}

fn cost(report: &Report) -> String {
    let cost = &report.cost;
    let words = format!("orchestrator {}, subagents {}", usd(cost.main_usd), usd(cost.subagents_usd));
    let unpriced = match cost.unknown_models.len() as u64 {
        0 => String::new(),
        models => note(&format!("without {} that has no price", plural(models, "model"))),
    };
    let state = if unpriced.is_empty() { State::None } else { State::Watch("not all of it") };
    let figure = exact("cost", &cost.actual_usd.to_string(), &usd(cost.actual_usd));
    card("Cost at list prices", &state, &figure, &(note(&words) + &unpriced))
}

fn saved(report: &Report) -> String {
    let (savings, net) = (&report.savings, report.savings.net_usd());
    let title = if net < 0.0 { "Cost more by delegating" } else { "Saved by delegating" };
    if savings.agents == 0 {
        let words = note("nothing was delegated in sessions whose prices are known");
        return card(title, &State::Plain("estimate"), "\u{2013}", &words);
    }
    let words = format!(
        "{} cost {}; the same tokens on their orchestrator\u{2019}s model: {}",
        plural(savings.agents, "subagent"),
        usd(savings.agents_usd),
        usd(savings.agents_on_orchestrator_usd)
    );
    let figure = exact("saved", &net.to_string(), &format!("\u{2248}\u{a0}{}", usd(net.abs())));
    card(title, &State::Plain("estimate"), &figure, &note(&words))
}

fn mismatches(report: &Report) -> String {
    let delegations = &report.delegations;
    let state = match delegations.mismatches {
        0 if delegations.total == 0 => State::None,
        0 if delegations.unknown > 0 => State::Plain("none seen"),
        0 => State::Good("all as asked"),
        _ => State::Bad("look below"),
    };
    let words = format!(
        "of {} ran on another model than was asked for; {} unknown",
        plural(delegations.total as u64, "delegation"),
        count(delegations.unknown as u64)
    );
    let number = delegations.mismatches as u64;
    let figure = exact("mismatches", &number.to_string(), &count(number));
    card("Mismatches", &state, &figure, &note(&words))
}

fn hook(report: &Report) -> String {
    let time = &report.hook.hook_time;
    let faults: u64 = report.hook.faults.values().fold(0, |sum, number| sum.saturating_add(*number));
    let state = if faults > 0 { State::Watch("faults survived") } else { State::None };
    let (Some(p50), Some(p95)) = (time.p50_us, time.p95_us) else {
        return card("Hook time", &state, "\u{2013}", &note("not measured yet"));
    };
    let words = format!(
        "the one in the middle of {}; 95\u{a0}% took at most {}; {} survived",
        count(time.measured as u64),
        millis(p95),
        plural(faults, "fault")
    );
    card("Hook time", &state, &exact("hook", &p50.to_string(), &millis(p50)), &note(&words))
}
