//! A simulation as text of 80 columns, for somebody who sees SEF for the first time. Shows figures, never makes them.

use std::collections::BTreeMap;

use super::{Prompts, Simulation};
use crate::classify::Role;
use crate::report::sheet::{Ink, Sheet};
use crate::report::text::{money, name, plain, plural, scope_words, short};
use crate::simulate::cost::{Cost, Spawns};

/// What each reason for silence means.
const SILENCE: [(&str, &str); 10] = [
    ("no-task", "thanks, answers, small talk: no task"),
    ("keep", "work for the orchestrator itself (tier 3)"),
    ("unsure", "the rules are not sure enough"),
    ("tiny", "an edit too small to hand out"),
    ("stands", "the same hint stands in the session already"),
    ("mid-task", "typed while the turn before was not over"),
    ("slash", "a slash command"),
    ("model-low", "the session's own model is no dearer"),
    ("mark-off", "marked ~off"),
    ("hints-off", "hints are switched off in config.toml"),
];

/// What each reason for leaving a spawn alone means.
const LEFT: [(&str, &str); 10] = [
    ("fits", "judged: the model that it has is the right one"),
    ("explicit-model", "the call names a model"),
    ("agent-model", "the agent's own file names a model"),
    ("unknown-agent", "the agent's file is not there (or a plugin's)"),
    ("fork", "a fork of its parent"),
    ("ran-there", "ran on the chosen model already"),
    ("env-model", "CLAUDE_CODE_SUBAGENT_MODEL is set"),
    ("route-off", "routing is switched off in config.toml"),
    ("client-refuses", "the client refused changed calls before"),
    ("no-text", "the call has no task text"),
];

/// The simulation as text.
pub fn page(simulation: &Simulation, ink: Ink) -> String {
    let mut sheet = Sheet::new(ink);
    let page = &mut sheet;
    if simulation.is_empty() {
        first_steps(page, simulation);
    } else {
        summary(page, simulation);
        scope(page, simulation);
        prompts(page, &simulation.prompts);
        spawns(page, &simulation.spawns);
        cost(page, &simulation.spawns, &simulation.cost);
    }
    unreadable(page, simulation);
    sheet.text
}

fn first_steps(sheet: &mut Sheet, simulation: &Simulation) {
    sheet.line("Nothing to simulate: no prompts and no subagents found");
    let looked = &simulation.scope;
    let folder = looked.transcripts.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
    sheet.line(&format!("  looked in {}", plain(&folder)));
    if looked.project.is_some() || looked.since.is_some() {
        sheet.line("  with --project or --since; try without them.");
    }
    sheet.line("  Claude Code keeps its transcripts in ~/.claude/projects. Are yours elsewhere?");
    sheet.line("  Then name the folder: sef-stats simulate --transcripts DIR");
}

/// Three lines in plain words.
fn summary(sheet: &mut Sheet, simulation: &Simulation) {
    let (prompts, spawns, cost) = (&simulation.prompts, &simulation.spawns, &simulation.cost);
    sheet.line(&format!(
        "{}: {} would have come with a hint to delegate.",
        plural(prompts.total, "prompt"),
        prompts.hinted
    ));
    if spawns.changed == 0 {
        sheet.line(&format!("{}: none would have run on another model.", plural(spawns.total, "subagent")));
        sheet.line("So SEF would have changed nothing in what these subagents cost.");
        return;
    }
    sheet.line(&format!(
        "{}: {} would have run on another model.",
        plural(spawns.total, "subagent"),
        spawns.changed
    ));
    let which = match cost.changed_priced {
        0 => {
            sheet.line("What those cost is not known: no transcripts or no prices for them.");
            return;
        }
        all if all == spawns.changed => "They".to_owned(),
        some => format!("{some} of them"),
    };
    sheet.line(&format!(
        "{which} cost {}; there, an estimated {}.",
        usd(cost.changed_actual_usd),
        range(cost)
    ));
}

fn scope(sheet: &mut Sheet, simulation: &Simulation) {
    sheet.title("What this is");
    let looked = &simulation.scope;
    let read = scope_words(looked.project.as_deref(), looked.since.as_deref());
    sheet.wrapped("  ", 2, "your sessions replayed through SEF's rules; nothing was changed or written");
    sheet.wrapped("  ", 2, &format!("{read}, preset {}", name(&looked.preset, 20)));
    sheet.wrapped(
        "  ",
        2,
        &format!(
            "read {} ({}, {}B)",
            plural(looked.sessions, "session"),
            plural(looked.transcript_files, "transcript"),
            short(looked.transcript_bytes)
        ),
    );
}

fn row(sheet: &mut Sheet, count: u64, label: &str) {
    sheet.line(&format!("  {count:>7}  {}", name(label, 68)));
}

/// Counts with their meanings, the largest first.
fn reasons(sheet: &mut Sheet, counts: &BTreeMap<String, u64>, meanings: &[(&str, &str)]) {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (code, count) in rows {
        let meaning = meanings.iter().find(|(known, _)| known == code).map_or("", |(_, meaning)| meaning);
        row(sheet, *count, &format!("{code:<16}{meaning}"));
    }
}

fn prompts(sheet: &mut Sheet, prompts: &Prompts) {
    sheet.title(&format!(
        "Prompts: {}, {} with a hint, {} without",
        prompts.total, prompts.hinted, prompts.silent
    ));
    let tier = |tier: u8| prompts.by_tier.get(&tier).copied().unwrap_or(0);
    sheet.line(&format!("  tier 1 {}, tier 2 {}, tier 3 {}, no task {}", tier(1), tier(2), tier(3), tier(0)));
    if prompts.hinted > 0 {
        sheet.line("  hints (whether they would have been followed is not known)");
    }
    for (executor, count) in &prompts.executors {
        let role = Role::ALL.into_iter().find(|role| role.executor() == Some(executor));
        let tier = role.map_or(0, |role| role.tier().number());
        row(sheet, *count, &format!("{executor:<16}tier {tier}"));
    }
    for (kind, count) in prompts.hints.iter().filter(|(kind, _)| *kind != "task") {
        let meaning = match kind.as_str() {
            "parts" => "separable parts for several executors",
            "again" => "the same failure again: think it through first",
            "mark" => "the prompt began with a mark such as ~haiku",
            _ => "",
        };
        row(sheet, *count, &format!("{kind:<16}{meaning}"));
    }
    if prompts.silent > 0 {
        sheet.line("  silence");
        reasons(sheet, &prompts.silence, &SILENCE);
    }
    let left: Vec<String> = prompts.left_out.iter().map(|(what, count)| format!("{what} {count}")).collect();
    if !left.is_empty() {
        sheet.wrapped("  ", 2, &format!("not counted as prompts: {}", left.join(", ")));
    }
}

fn spawns(sheet: &mut Sheet, spawns: &Spawns) {
    let nested = if spawns.nested > 0 { format!(" ({} by subagents)", spawns.nested) } else { String::new() };
    sheet.title(&format!(
        "Subagents: {}{nested}, {} on another model, {} as they are",
        spawns.total,
        spawns.changed,
        spawns.total - spawns.changed
    ));
    if !spawns.moves.is_empty() {
        sheet.line(&format!(
            "  {:<22}{:>9}{:>12}{:>12}{:>12}",
            "ran on -> would run", "spawns", "cost", "low", "high"
        ));
    }
    for row in &spawns.moves {
        sheet.line(&format!(
            "  {:<22}{:>9}{:>12}{:>12}{:>12}",
            format!("{} -> {}", row.from, row.to),
            row.spawns,
            usd(row.actual_usd),
            usd(row.low_usd),
            usd(row.high_usd)
        ));
    }
    if !spawns.left.is_empty() {
        sheet.line("  left alone");
        reasons(sheet, &spawns.left, &LEFT);
    }
}

fn cost(sheet: &mut Sheet, spawns: &Spawns, cost: &Cost) {
    if spawns.total == 0 {
        return;
    }
    sheet.title("Cost of subagents");
    sheet.wrapped(
        "  ",
        2,
        &format!(
            "all with a known cost ({} of {}): {}",
            cost.spawned_priced,
            spawns.total,
            usd(cost.spawned_usd)
        ),
    );
    if cost.without_transcript > 0 {
        sheet.wrapped(
            "  ",
            2,
            &format!("{}: no transcript, cost not known", plural(cost.without_transcript, "spawn")),
        );
    }
    for model in &cost.unknown_models {
        sheet.line(&format!("  NO PRICE for {}", name(model, 60)));
    }
    if cost.without_price > 0 {
        sheet.wrapped(
            "  ",
            2,
            &format!("{} with such a model: in no sum", plural(cost.without_price, "spawn")),
        );
    }
    if spawns.changed == 0 {
        sheet.line("  no spawn would have run on another model: nothing to compare");
        return;
    }
    if cost.changed_priced > 0 {
        sheet.wrapped(
            "  ",
            2,
            &format!(
                "the {} that would have moved: {}; estimated {}",
                cost.changed_priced,
                usd(cost.changed_actual_usd),
                range(cost)
            ),
        );
    }
    sheet.wrapped("  ", 2, "low: the same tokens at the other model's list prices of that day");
    sheet.wrapped(
        "  ",
        2,
        &format!(
            "high: and {:.1} % of Haiku work, {:.1} % of Sonnet work done again by the parent",
            cost.redone_haiku * 100.0,
            cost.redone_sonnet * 100.0
        ),
    );
    sheet.wrapped(
        "  ",
        2,
        "not in it: prompts that would be delegated because of a hint, another count of tokens on \
         another model, other cache hits, the parent's reading of the results",
    );
    sheet.line(&format!("  list prices as of {}", name(&cost.prices_as_of, 20)));
}

fn unreadable(sheet: &mut Sheet, simulation: &Simulation) {
    if simulation.unreadable_lines + simulation.unreadable_files > 0 {
        sheet.line("");
    }
    if simulation.unreadable_lines > 0 {
        sheet.line(&format!("{} skipped", plural(simulation.unreadable_lines, "unreadable line")));
    }
    if simulation.unreadable_files > 0 {
        let noun = if simulation.unreadable_files == 1 { "file or folder" } else { "files or folders" };
        sheet.line(&format!("{} {noun} could not be read", simulation.unreadable_files));
    }
}
/// Dollars, where there is anything to add up.
fn usd(sum: Option<f64>) -> String {
    sum.map_or("unknown".to_owned(), money)
}

fn range(cost: &Cost) -> String {
    format!("{} to {}", usd(cost.changed_low_usd), usd(cost.changed_high_usd))
}
