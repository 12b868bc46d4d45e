//! A simulation as text of 80 columns, for somebody who sees SEF for the first time. Shows figures, never makes them.

use std::collections::BTreeMap;

use super::{Prompts, Simulation};
use crate::report::page::{COLUMNS, Ink};
use crate::report::text::{money, name, plain, plural, short};
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
    let mut page = Page { text: String::new(), ink };
    if simulation.is_empty() {
        page.first_steps(simulation);
    } else {
        page.summary(simulation);
        page.scope(simulation);
        page.prompts(&simulation.prompts);
        page.spawns(&simulation.spawns);
        page.cost(&simulation.spawns, &simulation.cost);
    }
    page.unreadable(simulation);
    page.text
}

struct Page {
    text: String,
    ink: Ink,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn title(&mut self, title: &str) {
        self.text.push('\n');
        match self.ink {
            Ink::Colour => self.line(&format!("\x1b[1m{title}\x1b[0m")),
            Ink::Plain => self.line(title),
        }
    }

    /// Words with the same indentation on every line.
    fn wrapped(&mut self, indent: usize, words: &str) {
        let margin = " ".repeat(indent);
        let mut line = margin.clone();
        for word in words.split_whitespace() {
            if line.len() > margin.len() && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                self.line(&line);
                line.clone_from(&margin);
            }
            if line.len() > margin.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line);
    }

    fn first_steps(&mut self, simulation: &Simulation) {
        self.line("Nothing to simulate: no prompts and no subagents found");
        let looked = &simulation.scope;
        let folder = looked.transcripts.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        self.line(&format!("  looked in {}", plain(&folder)));
        if looked.project.is_some() || looked.since.is_some() {
            self.line("  with --project or --since; try without them.");
        }
        self.line("  Claude Code keeps its transcripts in ~/.claude/projects. Are yours elsewhere?");
        self.line("  Then name the folder: sef-stats simulate --transcripts DIR");
    }

    /// Three lines in plain words.
    fn summary(&mut self, simulation: &Simulation) {
        let (prompts, spawns, cost) = (&simulation.prompts, &simulation.spawns, &simulation.cost);
        self.line(&format!(
            "{}: {} would have come with a hint to delegate.",
            plural(prompts.total, "prompt"),
            prompts.hinted
        ));
        if spawns.changed == 0 {
            self.line(&format!(
                "{}: none would have run on another model.",
                plural(spawns.total, "subagent")
            ));
            self.line("So SEF would have changed nothing in what these subagents cost.");
            return;
        }
        self.line(&format!(
            "{}: {} would have run on another model.",
            plural(spawns.total, "subagent"),
            spawns.changed
        ));
        let which = match cost.changed_priced {
            0 => {
                self.line("What those cost is not known: no transcripts or no prices for them.");
                return;
            }
            all if all == spawns.changed => "They".to_owned(),
            some => format!("{some} of them"),
        };
        self.line(&format!(
            "{which} cost {}; there, an estimated {}.",
            usd(cost.changed_actual_usd),
            range(cost)
        ));
    }

    fn scope(&mut self, simulation: &Simulation) {
        self.title("What this is");
        let looked = &simulation.scope;
        let project = looked.project.as_deref().map_or("all projects".to_owned(), |folder| name(folder, 50));
        let period = looked.since.as_deref().map_or("everything so far".to_owned(), |since| {
            format!("since {} UTC", since.get(..16).unwrap_or(since).replace('T', " "))
        });
        self.wrapped(2, "your sessions replayed through SEF's rules; nothing was changed or written");
        self.wrapped(2, &format!("{project}, {period}, preset {}", name(&looked.preset, 20)));
        self.wrapped(
            2,
            &format!(
                "read {} ({}, {}B)",
                plural(looked.sessions, "session"),
                plural(looked.transcript_files, "transcript"),
                short(looked.transcript_bytes)
            ),
        );
    }

    fn row(&mut self, count: u64, label: &str) {
        self.line(&format!("  {count:>7}  {}", name(label, 68)));
    }

    /// Counts with their meanings, the largest first.
    fn reasons(&mut self, counts: &BTreeMap<String, u64>, meanings: &[(&str, &str)]) {
        let mut rows: Vec<_> = counts.iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (code, count) in rows {
            let meaning = meanings.iter().find(|(known, _)| known == code).map_or("", |(_, meaning)| meaning);
            self.row(*count, &format!("{code:<16}{meaning}"));
        }
    }

    fn prompts(&mut self, prompts: &Prompts) {
        self.title(&format!(
            "Prompts: {}, {} with a hint, {} without",
            prompts.total, prompts.hinted, prompts.silent
        ));
        let tier = |tier: u8| prompts.by_tier.get(&tier).copied().unwrap_or(0);
        self.line(&format!(
            "  tier 1 {}, tier 2 {}, tier 3 {}, no task {}",
            tier(1),
            tier(2),
            tier(3),
            tier(0)
        ));
        if prompts.hinted > 0 {
            self.line("  hints (whether they would have been followed is not known)");
        }
        for (executor, count) in &prompts.executors {
            let model = if ["sef-implement", "sef-review"].contains(&executor.as_str()) { 2 } else { 1 };
            self.row(*count, &format!("{executor:<16}tier {model}"));
        }
        for (kind, count) in prompts.hints.iter().filter(|(kind, _)| *kind != "task") {
            let meaning = match kind.as_str() {
                "parts" => "separable parts for several executors",
                "again" => "the same failure again: think it through first",
                "mark" => "the prompt began with a mark such as ~haiku",
                _ => "",
            };
            self.row(*count, &format!("{kind:<16}{meaning}"));
        }
        if prompts.silent > 0 {
            self.line("  silence");
            self.reasons(&prompts.silence, &SILENCE);
        }
        let left: Vec<String> =
            prompts.left_out.iter().map(|(what, count)| format!("{what} {count}")).collect();
        if !left.is_empty() {
            self.wrapped(2, &format!("not counted as prompts: {}", left.join(", ")));
        }
    }

    fn spawns(&mut self, spawns: &Spawns) {
        let nested =
            if spawns.nested > 0 { format!(" ({} by subagents)", spawns.nested) } else { String::new() };
        self.title(&format!(
            "Subagents: {}{nested}, {} on another model, {} as they are",
            spawns.total,
            spawns.changed,
            spawns.total - spawns.changed
        ));
        if !spawns.moves.is_empty() {
            self.line(&format!(
                "  {:<22}{:>9}{:>12}{:>12}{:>12}",
                "ran on -> would run", "spawns", "cost", "low", "high"
            ));
        }
        for row in &spawns.moves {
            self.line(&format!(
                "  {:<22}{:>9}{:>12}{:>12}{:>12}",
                format!("{} -> {}", row.from, row.to),
                row.spawns,
                usd(row.actual_usd),
                usd(row.low_usd),
                usd(row.high_usd)
            ));
        }
        if !spawns.left.is_empty() {
            self.line("  left alone");
            self.reasons(&spawns.left, &LEFT);
        }
    }

    fn cost(&mut self, spawns: &Spawns, cost: &Cost) {
        if spawns.total == 0 {
            return;
        }
        self.title("Cost of subagents");
        self.wrapped(
            2,
            &format!(
                "all with a known cost ({} of {}): {}",
                cost.spawned_priced,
                spawns.total,
                usd(cost.spawned_usd)
            ),
        );
        if cost.without_transcript > 0 {
            self.wrapped(
                2,
                &format!("{}: no transcript, cost not known", plural(cost.without_transcript, "spawn")),
            );
        }
        for model in &cost.unknown_models {
            self.line(&format!("  NO PRICE for {}", name(model, 60)));
        }
        if cost.without_price > 0 {
            self.wrapped(2, &format!("{} with such a model: in no sum", plural(cost.without_price, "spawn")));
        }
        if spawns.changed == 0 {
            self.line("  no spawn would have run on another model: nothing to compare");
            return;
        }
        if cost.changed_priced > 0 {
            self.wrapped(
                2,
                &format!(
                    "the {} that would have moved: {}; estimated {}",
                    cost.changed_priced,
                    usd(cost.changed_actual_usd),
                    range(cost)
                ),
            );
        }
        self.wrapped(2, "low: the same tokens at the other model's list prices of that day");
        self.wrapped(
            2,
            &format!(
                "high: and {:.1} % of Haiku work, {:.1} % of Sonnet work done again by the parent",
                cost.redone_haiku * 100.0,
                cost.redone_sonnet * 100.0
            ),
        );
        self.wrapped(
            2,
            "not in it: prompts that would be delegated because of a hint, another count of tokens on \
             another model, other cache hits, the parent's reading of the results",
        );
        self.line(&format!("  list prices as of {}", name(&cost.prices_as_of, 20)));
    }

    fn unreadable(&mut self, simulation: &Simulation) {
        if simulation.unreadable_lines + simulation.unreadable_files > 0 {
            self.text.push('\n');
        }
        if simulation.unreadable_lines > 0 {
            self.line(&format!("{} skipped", plural(simulation.unreadable_lines, "unreadable line")));
        }
        if simulation.unreadable_files > 0 {
            let noun = if simulation.unreadable_files == 1 { "file or folder" } else { "files or folders" };
            self.line(&format!("{} {noun} could not be read", simulation.unreadable_files));
        }
    }
}

/// Dollars, where there is anything to add up.
fn usd(sum: Option<f64>) -> String {
    sum.map_or("unknown".to_owned(), money)
}

fn range(cost: &Cost) -> String {
    format!("{} to {}", usd(cost.changed_low_usd), usd(cost.changed_high_usd))
}
