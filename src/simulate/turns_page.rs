//! The simulation of turns as text of 80 columns. Shows figures, never makes them.

use std::collections::BTreeMap;

use super::turns::{Kind, Months, Turns};
use crate::main_turn::reasons::reason;
use crate::report::sheet::{Ink, Sheet};
use crate::report::text::{money, name, plural, scope_words};

impl Turns {
    /// As text.
    pub fn page(&self, ink: Ink) -> String {
        let mut sheet = Sheet::new(ink);
        if self.turns == 0 {
            sheet.line("Nothing to simulate: no prompt with an answer found");
            sheet.line("  Claude Code keeps its transcripts in ~/.claude/projects. Are yours elsewhere?");
            sheet.line("  Then name the folder: sef-stats simulate --main-turn --transcripts DIR");
            return sheet.text;
        }
        let changed: u64 = self.moved.values().chain(self.lowered.values()).sum();
        sheet.line(&format!("{}: {changed} would have run on less.", plural(self.turns, "turn")));
        sheet.line(&format!(
            "They and all others cost {}; so, an estimated {} to {}.",
            money(self.actual_usd),
            money(self.low_usd),
            money(self.high_usd)
        ));
        sheet.title("What this is");
        let scope = scope_words(self.scope.project.as_deref(), self.scope.since.as_deref());
        sheet.wrapped(
            "  ",
            2,
            "your conversations replayed through `sef main-turn`; nothing was changed or written",
        );
        sheet.wrapped("  ", 2, &format!("{scope}, preset {} of [main]", name(&self.scope.preset, 20)));
        sheet.wrapped(
            "  ",
            2,
            &format!(
                "low: the same tokens at the other model's prices, its cache and yours followed request by request; high: \
                 {:.0} % of the turns on Haiku and {:.0} % on Sonnet done again on your model",
                self.redone_haiku * 100.0,
                self.redone_sonnet * 100.0
            ),
        );
        sheet.wrapped(
            "  ",
            2,
            "subagents are not in it; what a lower effort saves is not known and not in it either",
        );
        sheet.wrapped("  ", 2, &format!("list prices as of {}", name(&self.prices_as_of, 20)));
        sheet.title(&format!("Turns: {} in {}", self.turns, plural(self.detours, "detour")));
        for (model, count) in &self.moved {
            sheet.line(&format!("  {count:>6} on {}", name(model, 20)));
        }
        for (level, count) in &self.lowered {
            sheet.line(&format!("  {count:>6} with {} effort", name(level, 20)));
        }
        left(&mut sheet, &self.left);
        if self.without_price > 0 {
            sheet.loud(&format!("NO PRICE for {}: in no sum", plural(self.without_price, "request")));
        }
        sheet.text
    }
}

fn left(sheet: &mut Sheet, left: &BTreeMap<String, u64>) {
    let mut rows: Vec<(&String, &u64)> = left.iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (why, count) in rows {
        let words = reason(why).map_or_else(|| name(why, 40), str::to_owned);
        sheet.line(&format!("  {count:>6} left alone: {words}"));
    }
}

impl Months {
    /// As text.
    pub fn page(&self, ink: Ink) -> String {
        let mut sheet = Sheet::new(ink);
        sheet.line(&format!(
            "Made-up months, preset {} of [main]: what the guard gains",
            name(&self.preset, 20)
        ));
        sheet.wrapped(
            "  ",
            2,
            "a share of what staying on your model costs; each month 132 sessions of about ten turns, by the assumptions of \
             docs/main-turn.md; wrong choices are done again, and are in it",
        );
        sheet.line("");
        sheet.line(&format!(
            "  {:<34}{:>8}{:>8}{:>8}{:>8}{:>8}",
            "", "mean", "worst", "best", "tier*", "oracle"
        ));
        for kind in &self.kinds {
            sheet.line(&format!(
                "  {:<34}{:>8}{:>8}{:>8}{:>8}{:>8}",
                kind.name,
                share(1.0 - kind.guard_usd / kind.stay_usd),
                share(kind.worst),
                share(kind.best),
                share(1.0 - kind.by_tier_usd / kind.stay_usd),
                share(1.0 - kind.oracle_usd / kind.stay_usd),
            ));
        }
        sheet.line("");
        for kind in &self.kinds {
            sheet.line(&moved(kind));
        }
        sheet.line("  * each turn on its tier's model whatever the caches hold; oracle: with");
        sheet.line("    every pause, length and failure known beforehand");
        sheet.text
    }
}

fn moved(kind: &Kind) -> String {
    format!(
        "  {:<34}{} of {} turns moved, {} lowered, {} done again",
        kind.name, kind.moved, kind.turns, kind.lowered, kind.redone
    )
}

/// `+4.1 %`.
fn share(share: f64) -> String {
    format!("{:+.1} %", share * 100.0)
}
