//! A report as text of 80 columns. Shows figures, never makes them.

use std::collections::BTreeMap;

use crate::explain::bars::share;
use crate::models::Family;
use crate::outcomes::Outcomes;
use crate::report::Report;
use crate::report::activity::{REJECTION_TARGET, TARGET};
use crate::report::cost::Cost;
use crate::report::delegations::{Delegation, Delegations};
use crate::report::groups::{By, Sum};
use crate::report::page_main::turns;
use crate::report::page_races::races;
use crate::report::savings::Savings;
use crate::report::sheet::{Ink, Sheet};
use crate::report::text::{money, name, name_end, plain, plural, scope_words, short};
use crate::report::turbo::Turbo;

/// The report as text, with the table of money by one heading.
pub fn page(report: &Report, by: By, ink: Ink) -> String {
    let mut sheet = Sheet::new(ink);
    let page = &mut sheet;
    head(page, report);
    if report.is_empty() {
        first_steps(page, report);
    } else {
        mismatches(page, &report.delegations);
        tasks(page, report);
        delegations(page, &report.delegations);
        if report.delegations.total > 0 {
            outcomes(page, &report.outcomes);
        }
        trouble(page, report);
        cost(page, &report.cost, by);
        savings(page, &report.savings);
        turns(page, &report.main_turns);
        turbo(page, &report.turbo);
        races(page, &report.races);
    }
    unreadable(page, report);
    sheet.text
}

/// What delegations have in common that share a line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Row<'a> {
    /// The agent's type.
    pub executor: &'a str,
    wanted: Option<Family>,
    requested: Option<Family>,
    /// What ran, or why nothing is known to have run.
    pub ran: &'a str,
    /// Not what it should have been.
    pub mismatch: bool,
}

impl<'a> Row<'a> {
    /// The lines of a list, each with the number of its delegations.
    pub fn all(list: &'a [Delegation]) -> BTreeMap<Self, usize> {
        let mut rows: BTreeMap<Self, usize> = BTreeMap::new();
        for one in list {
            *rows.entry(Self::of(one)).or_default() += 1;
        }
        rows
    }

    /// The line of one delegation.
    pub fn of(one: &'a Delegation) -> Self {
        let ran = match one.ran {
            Some(family) => family.alias(),
            None if one.refused => "refused",
            None => one.ran_models.first().map_or("unknown", String::as_str),
        };
        let Delegation { executor, wanted, requested, mismatch, .. } = one;
        Self { executor, wanted: *wanted, requested: *requested, ran, mismatch: *mismatch }
    }

    /// What the rules chose.
    pub fn wanted(&self) -> &'static str {
        family(self.wanted)
    }

    /// What the call asked for; without a model, an executor's own file decides, and everybody else inherits.
    pub fn requested(&self) -> &'static str {
        match (self.requested, self.wanted) {
            (Some(family), _) => family.alias(),
            (None, Some(_)) if self.executor.starts_with("sef-") => "its file",
            (None, Some(_)) => "inherit",
            (None, None) => "-",
        }
    }
}

/// Words after a label.
pub(super) fn labelled(sheet: &mut Sheet, label: &str, words: &str) {
    sheet.wrapped(&format!("  {label} "), 4, words);
}

fn counts(sheet: &mut Sheet, label: &str, counts: &BTreeMap<String, u64>) {
    let total: u64 = counts.values().fold(0, |sum, count| sum.saturating_add(*count));
    let parts: Vec<String> = counts.iter().map(|(key, count)| format!("{} {count}", name(key, 40))).collect();
    let detail = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    labelled(sheet, label, &format!("{total}{detail}"));
}

fn head(sheet: &mut Sheet, report: &Report) {
    let looked = &report.scope;
    sheet.line("SEF report");
    sheet.wrapped("  ", 2, &scope_words(looked.project.as_deref(), looked.since.as_deref()));
    sheet.wrapped(
        "  ",
        2,
        &format!(
            "read {} and {} ({}B)",
            plural(looked.log_files, "log file"),
            plural(looked.transcript_files, "transcript"),
            short(looked.transcript_bytes)
        ),
    );
}

fn first_steps(sheet: &mut Sheet, report: &Report) {
    sheet.title("Nothing to report yet");
    let folder = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map_or("(not known: HOME is not set)".to_owned(), |path| path.display().to_string())
    };
    sheet.line(&format!("  no log in {}", plain(&folder(&report.scope.state_dir))));
    sheet.line(&format!("  no transcripts in {}", plain(&folder(&report.scope.transcripts))));
    if report.scope.project.is_some() || report.scope.since.is_some() {
        sheet.line("  that match --project and --since; try without them.");
    }
    sheet.line("  First: run `sef install`, start `claude` in a project, give it a task,");
    sheet.line("  then run `sef-stats report` again.");
}

fn mismatches(sheet: &mut Sheet, delegations: &Delegations) {
    let wrong: Vec<&Delegation> = delegations.list.iter().filter(|one| one.mismatch).collect();
    if wrong.is_empty() {
        return;
    }
    sheet.line("");
    for one in wrong {
        let requested = one.requested.map_or("inherit", Family::alias);
        sheet.loud(&format!(
            "MISMATCH {}: wanted {}, requested {requested}, RAN {}",
            name(&one.executor, 24),
            family(one.wanted),
            family(one.ran)
        ));
        let time = one.time.as_deref().map_or("time unknown".to_owned(), |time| {
            time.get(..19).map_or(time.to_owned(), |time| format!("{} UTC", time.replace('T', " ")))
        });
        labelled(sheet, "      ", &format!("session {}, {time}", name(&one.session, 40)));
        let ids: Vec<String> = one.ran_models.iter().map(|id| name(id, 40)).collect();
        labelled(sheet, "      ", &format!("answered by {}", ids.join(", ")));
    }
}

fn tasks(sheet: &mut Sheet, report: &Report) {
    sheet.title("Tasks");
    let tier = |tier: u8| report.tasks.get(&tier).copied().unwrap_or(0);
    sheet.line(&format!("  tier 1 (haiku)  {:>6}    tier 2 (sonnet) {:>6}", tier(1), tier(2)));
    sheet.line(&format!("  tier 3 (opus)   {:>6}    no task         {:>6}", tier(3), tier(0)));
    let target = format!("target {:.0}-{:.0} %", TARGET.0 * 100.0, TARGET.1 * 100.0);
    let hook = &report.hook;
    match report.rates.delegation {
        Some(rate) => {
            sheet.line(&format!(
                "  delegated: {} of {} ({:.0} %; {target})",
                hook.tasks_delegated,
                plural(hook.tasks_to_delegate, "task"),
                rate * 100.0
            ));
            sheet.line(&gauge(rate, TARGET));
        }
        None => sheet.line(&format!("  delegated: no tasks yet ({target})")),
    }
    counts(sheet, "hints given:", &hook.hints);
    labelled(sheet, "calibration:", &report.calibration);
}

/// Signs of a gauge's scale from 0 to 100 %.
const GAUGE: usize = 40;

/// A share as a bar on a scale whose target band stands between brackets.
fn gauge(rate: f64, (low, high): (f64, f64)) -> String {
    let at = |share: f64| (share.clamp(0.0, 1.0) * GAUGE as f64).round() as usize;
    let mut scale = String::from("  ");
    for place in 0..=GAUGE {
        if place == at(low) {
            scale.push('[');
        }
        if place < GAUGE {
            scale.push(if place < at(rate) { '#' } else { '.' });
        }
        if place + 1 == at(high) {
            scale.push(']');
        }
    }
    scale
}

fn outcomes(sheet: &mut Sheet, outcomes: &Outcomes) {
    labelled(sheet, "outcomes:", &outcomes.by_kind_text());
    labelled(sheet, "rejected:", &outcomes.rejected_text());
    if let Some(rate) = outcomes.rejection_rate {
        sheet.line(&gauge(rate, REJECTION_TARGET));
    }
}

fn delegations(sheet: &mut Sheet, delegations: &Delegations) {
    sheet.title(&format!(
        "Delegations: {}, {}, {} unknown",
        delegations.total,
        match delegations.mismatches {
            0 => "no mismatch".to_owned(),
            1 => "1 MISMATCH".to_owned(),
            many => format!("{many} MISMATCHES"),
        },
        delegations.unknown
    ));
    if delegations.total == 0 {
        return;
    }
    sheet.line(&format!("  {:<28}{:>6}  {:<8} {:<10} {}", "executor", "calls", "wanted", "requested", "ran"));
    for (row, calls) in Row::all(&delegations.list) {
        let mark = if row.mismatch { "  MISMATCH" } else { "" };
        sheet.line(&format!(
            "  {:<28}{calls:>6}  {:<8} {:<10} {}{mark}",
            name(row.executor, 27),
            row.wanted(),
            row.requested(),
            name(row.ran, 14)
        ));
    }
    if delegations.nested > 0 {
        sheet.line(&format!("  {} by subagents", delegations.nested));
    }
    if delegations.not_seen_by_hook > 0 {
        sheet.line(&format!("  {} before SEF, or not seen by its hook", delegations.not_seen_by_hook));
    }
}

fn trouble(sheet: &mut Sheet, report: &Report) {
    sheet.title("Hook");
    let hook = &report.hook;
    match (hook.hook_time.p50_us, hook.hook_time.p95_us) {
        (Some(p50), Some(p95)) => {
            let millis = |micros: u32| f64::from(micros) / 1000.0;
            sheet.line(&format!("  time: p50 {:.2} ms, p95 {:.2} ms", millis(p50), millis(p95)));
        }
        _ => sheet.line("  time: not measured"),
    }
    counts(sheet, "faults survived:", &hook.faults);
    for refusal in &hook.refusals {
        let mode = refusal.mode.as_deref().unwrap_or("unknown");
        labelled(
            sheet,
            "",
            &format!(
                "the client refused {}; SEF stopped changing calls in session {}, mode {}",
                plural(refusal.calls, "changed call"),
                name(&refusal.session, 40),
                name(mode, 20)
            ),
        );
    }
}

fn cost(sheet: &mut Sheet, cost: &Cost, by: By) {
    sheet.title("Tokens and cost");
    let groups = &cost.groups;
    match by {
        By::Model => table(sheet, "model", cost, &groups.by_model, name),
        By::Day => table(sheet, "day (UTC)", cost, &groups.by_day, name),
        // The end of a path tells more than its beginning.
        By::Project => table(sheet, "project", cost, &groups.by_project, name_end),
        By::Executor => table(sheet, "executor", cost, &groups.by_executor, name),
        By::Prompt => prompts(sheet, cost),
    }
    labelled(
        sheet,
        "total",
        &format!(
            "{}: orchestrator {}, subagents {}",
            money(cost.actual_usd),
            money(cost.main_usd),
            money(cost.subagents_usd)
        ),
    );
    for model in &cost.unknown_models {
        sheet.loud(&format!("  NO PRICE for {}: its cost is in no sum above", name(model, 36)));
    }
    if !cost.unknown_models.is_empty() {
        sheet.line("  add it to prices.toml in SEF's configuration folder");
    }
    cross_check(sheet, cost);
    let own = match cost.own_prices.len() {
        0 => String::new(),
        count => format!("; your own prices for {}", plural(count as u64, "model")),
    };
    sheet.line(&format!("  list prices as of {}{own}", name(&cost.prices_as_of, 20)));
}

/// Signs of the longest bar.
const BAR: usize = 7;

/// One row for each sum, with its share of all money as a bar.
fn table(
    sheet: &mut Sheet,
    heading: &str,
    cost: &Cost,
    sums: &BTreeMap<String, Sum>,
    shorten: fn(&str, usize) -> String,
) {
    sheet.line(&format!(
        "  {heading:<22}{:>9}{:>7}{:>7}{:>7}{:>8}{:>10}",
        "requests", "input", "output", "c.read", "c.write", "cost"
    ));
    for (label, sum) in sums {
        row(sheet, &shorten(label, 21), sum, cost.actual_usd);
    }
}

fn row(sheet: &mut Sheet, label: &str, sum: &Sum, total: f64) {
    let dollars = match sum.usd {
        None => "NO PRICE".to_owned(),
        Some(dollars) if sum.unpriced_requests > 0 => format!("{}+?", money(dollars)),
        Some(dollars) => money(dollars),
    };
    let part = if total > 0.0 { sum.usd.unwrap_or(0.0) / total } else { 0.0 };
    sheet.line(&format!(
        "  {:<22}{:>9}{:>7}{:>7}{:>7}{:>8}{dollars:>10} {}",
        label,
        sum.requests,
        short(sum.input_tokens),
        short(sum.output_tokens),
        short(sum.cache_read_tokens),
        short(sum.cache_write_tokens),
        share(part as f32, BAR)
    ));
}

/// The dearest prompts by time, then what prompts of each tier cost.
fn prompts(sheet: &mut Sheet, cost: &Cost) {
    let prompts = &cost.groups.prompts;
    sheet.line(&format!(
        "  {:<17}{:<37}{:<5}{:>8}{:>9}",
        "dearest (UTC)", "session", "tier", "requests", "cost"
    ));
    for one in &prompts.dearest {
        let tier = one.tier.map_or("-".to_owned(), |tier| tier.to_string());
        sheet.line(&format!(
            "  {:<17}{:<37}{tier:<5}{:>8}{:>9}",
            one.time.as_deref().and_then(|time| time.get(..16)).unwrap_or("unknown").replace('T', " "),
            name(&one.session, 36),
            one.sum.requests,
            one.sum.usd.map_or("NO PRICE".to_owned(), money)
        ));
    }
    for (tier, sum) in &prompts.by_tier {
        let label = match tier.as_str() {
            "0" => "no task:".to_owned(),
            "unknown" => "not seen by SEF:".to_owned(),
            tier => format!("tier {tier}:"),
        };
        let words = format!(
            "{}, {} in all, {} the one in the middle",
            plural(sum.prompts, "prompt"),
            money(sum.usd),
            money(sum.median_usd)
        );
        labelled(sheet, &label, &words);
    }
    if prompts.requests_without > 0 {
        labelled(sheet, "no prompt known:", &plural(prompts.requests_without, "request"));
    }
}

fn savings(sheet: &mut Sheet, savings: &Savings) {
    if savings.agents == 0 {
        return;
    }
    sheet.title("Was it worth it? Estimates: the same tokens at other prices");
    let count = plural(savings.agents, "subagent");
    labelled(
        sheet,
        "delegated:",
        &format!(
            "{count} cost {}; the same requests on their orchestrator's model: {}",
            money(savings.agents_usd),
            money(savings.agents_on_orchestrator_usd)
        ),
    );
    labelled(
        sheet,
        "overhead:",
        &format!(
            "opening their own contexts {} (in the sum above), reading their reports about {}",
            money(savings.opening_usd),
            money(savings.reading_usd)
        ),
    );
    let net = savings.net_usd();
    let verdict = if net >= 0.0 {
        format!("about {} less than on the orchestrator's model", money(net))
    } else {
        format!("about {} MORE than on the orchestrator's model", money(-net))
    };
    labelled(sheet, "estimate:", &verdict);
    if let Some(share) = savings.break_even() {
        labelled(
            sheet,
            "break-even:",
            &format!("as long as less than {:.0} % of that work is done again", share * 100.0),
        );
    }
    let names: Vec<String> = savings.single_models.keys().map(|model| name(model, 30)).collect();
    labelled(
        sheet,
        "one model:",
        &format!(
            "these sessions cost {}; each wholly on the cheapest model that ran in it ({}): {}, if its results \
             had been good enough",
            money(savings.sessions_usd),
            names.join(", "),
            money(savings.single_model_usd)
        ),
    );
    if savings.agents_left_out > 0 {
        let count = plural(savings.agents_left_out, "subagent");
        labelled(sheet, "left out:", &format!("{count} without a main transcript or without a price"));
    }
}

fn turbo(sheet: &mut Sheet, turbo: &Turbo) {
    if turbo.is_empty() {
        return;
    }
    sheet.title("Turbo: code by a hosted model");
    let seconds =
        |millis: Option<u64>| millis.map_or("?".to_owned(), |millis| format!("{:.1} s", millis as f64 / 1e3));
    labelled(
        sheet,
        "orders:",
        &format!(
            "{}, {} complete: {} with {}; half of them within {} ({} of the service)",
            turbo.orders,
            turbo.complete,
            plural(turbo.files, "file"),
            plural(turbo.lines, "line"),
            seconds(turbo.p50_ms),
            seconds(turbo.p50_service_ms)
        ),
    );
    if !turbo.failed.is_empty() {
        counts(sheet, "failed:", &turbo.failed);
    }
    if turbo.vague + turbo.retries > 0 {
        let words = format!(
            "{} refused as too vague, {} made again",
            plural(turbo.vague, "contract"),
            plural(turbo.retries, "call")
        );
        labelled(sheet, "besides:", &words);
    }
    if let Some(rate) = turbo.first_pass_rate() {
        let words = format!(
            "{} of {} passed at the first run ({:.0} %), {} in the end, with {}",
            turbo.first_pass,
            turbo.tested,
            rate * 100.0,
            turbo.passed,
            plural(turbo.repairs, "repair round")
        );
        labelled(sheet, "tests:", &words);
    }
    for (model, sum) in &turbo.by_model {
        let words = format!(
            "{} in, {} out ({} of them reasoning), {}",
            short(sum.prompt),
            short(sum.completion),
            short(sum.reasoning),
            money(sum.micro_usd as f64 / 1e6)
        );
        labelled(sheet, &format!("{}:", name(model, 24)), &words);
    }
    if turbo.unpriced > 0 {
        sheet.loud(&format!("  NO PRICE for {} of these: their cost is in no sum", turbo.unpriced));
    }
    for other in &turbo.compare {
        let whose = if other.model == "session" { "their sessions' own model" } else { &other.model };
        let words =
            format!("{} here, {} on {}", money(other.here_usd), money(other.there_usd), name(whose, 30));
        labelled(sheet, "same tokens:", &words);
    }
}

fn cross_check(sheet: &mut Sheet, cost: &Cost) {
    let unchecked = match cost.sessions_unchecked {
        0 => String::new(),
        count => format!("; {} without such a sum in this period", plural(count, "session")),
    };
    let Some(client) = cost.client_usd else {
        labelled(sheet, "client's own sums:", &format!("none to compare with{unchecked}"));
        return;
    };
    let verdict = match cost.differences.len() {
        0 => "ours agree to the cent".to_owned(),
        count => format!("ours differ by more than a cent in {}", plural(count as u64, "session")),
    };
    labelled(
        sheet,
        "client's own sums:",
        &format!("{} over {}, {verdict}{unchecked}", money(client), plural(cost.sessions_checked, "session")),
    );
    for difference in &cost.differences {
        let why = if difference.unknown_price { ", a model without a price" } else { "" };
        labelled(
            sheet,
            "  DIFFERENCE",
            &format!(
                "session {}: client {}, ours {}{why}",
                name(&difference.session, 40),
                money(difference.client_usd),
                money(difference.computed_usd)
            ),
        );
    }
    if !cost.differences.is_empty() {
        labelled(
            sheet,
            "",
            "(the client also counts requests that leave no transcript, such as titles and compaction)",
        );
    }
}

fn unreadable(sheet: &mut Sheet, report: &Report) {
    let counts = [
        (report.unreadable_lines, "unreadable line", "skipped"),
        (report.later_lines, "log line", "of a later version of SEF left out: update sef"),
        (report.unreadable_files, "file or folder", "could not be read"),
    ];
    let told: Vec<_> = counts.into_iter().filter(|(count, ..)| *count > 0).collect();
    if !told.is_empty() {
        sheet.line("");
    }
    for (count, noun, what) in told {
        let noun = if noun == "file or folder" && count > 1 { "files or folder" } else { noun };
        sheet.line(&format!("{} {what}", plural(count, noun)));
    }
}
fn family(family: Option<Family>) -> &'static str {
    family.map_or("-", Family::alias)
}
