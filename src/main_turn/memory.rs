//! What `sef main-turn` remembers of a session from one turn to the next: counts, times and ids of models, never text.
//! Written when a turn ends, from what the client says that its requests used.

use serde::{Deserialize, Serialize};

use super::caches::Caches;
use super::worlds::{Worlds, was_cut};
use crate::classify::Before;
use crate::models::Family;
use crate::prices::{Prices, Usage};

/// Memory of one session's turns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The prompts so far.
    pub before: Before,
    /// What the caches hold.
    pub caches: Caches,
    /// Tokens of the conversation after its last request; 0 before the first.
    pub history: u64,
    /// A turn has begun and has not ended well: it runs, was interrupted, or failed.
    pub open: bool,
    /// Id of the user's own model, as the last turn began with it.
    pub own: String,
    /// The word that the last turn was given: the alias of a model, or an effort; empty when it was left alone.
    pub word: String,
    /// The share of such turns that are done again, as the guard took it for that turn; 0 when it was left alone.
    pub share: f64,
    /// Alias of the family that served the last turn instead of the user's model.
    pub serving: Option<String>,
    /// Turns in a row on it.
    pub away: u32,
    /// Turns in a row on the user's model.
    pub home: u32,
    /// Detours so far.
    pub detours: u32,
    /// Complaints about turns that were changed.
    pub complaints: u32,
    /// What detours have come to.
    pub ledger: Ledger,
}

/// The money of all detours so far, in dollars: as it went, and had nobody switched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    worlds: Worlds,
    /// What the requests of detours, and the first ones after them, cost.
    pub went: f64,
    /// What they would have cost on the user's model.
    pub stayed: f64,
}

/// What all sessions have shown of the turns that were changed: how many were complained about, and how many of them should
/// have been. The older a turn, the less it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// Complaints.
    pub complaints: f64,
    /// Complaints that were to be expected.
    pub expected: f64,
}

/// What the assumptions weigh, in expected complaints.
const PRIOR: f64 = 2.0;
/// What an earlier turn still counts when another one is added.
const FADES: f64 = 0.995;

impl Evidence {
    /// A changed turn was followed by a complaint, or was not; `share` of such turns was expected to be.
    pub fn add(&mut self, share: f64, complaint: bool) {
        self.complaints = self.complaints * FADES + f64::from(u8::from(complaint));
        self.expected = self.expected * FADES + share;
    }

    /// By how much more often than assumed turns have to be done again, at least 1: that nobody complains is no praise.
    pub fn factor(&self) -> f64 {
        let factor = (PRIOR + self.complaints) / (PRIOR + self.expected);
        if factor.is_finite() { factor.clamp(1.0, 20.0) } else { 1.0 }
    }
}

/// One request of a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When it was sent, milliseconds since 1970.
    pub at: u64,
    /// Id of the model that answered.
    pub model: String,
    /// What it used.
    pub usage: Usage,
}

impl Memory {
    /// The user's model where `spoke` is one that a turn was changed to; else `spoke` itself.
    pub fn users_model(&self, spoke: String) -> String {
        let changed_to = Family::from_alias(&self.word);
        let is_ours = changed_to.is_some() && Family::of(&spoke) == changed_to;
        if is_ours && !self.own.is_empty() { self.own.clone() } else { spoke }
    }

    /// The family that served the last turn instead of the user's model.
    pub fn served_by(&self) -> Option<Family> {
        self.serving.as_deref().and_then(Family::from_alias)
    }

    /// A turn has ended. `home` is the user's model; `well`: it was answered to its end.
    pub fn ended(&mut self, home: &str, steps: &[Step], well: bool, prices: &Prices, system: u64) {
        for step in steps {
            self.answered(home, step, prices, system);
        }
        self.settled(home, steps.last().map(|step| step.model.as_str()), well);
    }

    /// A request of a turn was answered.
    pub fn answered(&mut self, home: &str, step: &Step, prices: &Prices, system: u64) {
        let prompt = step.usage.prompt();
        if was_cut(self.history, prompt) {
            self.caches.forget();
        }
        self.ledger.add(home, step, prices, system);
        self.caches.used(&step.model, step.at, prompt, self.lasts_an_hour(&step.usage));
        self.history = prompt.saturating_add(step.usage.output);
    }

    /// All requests of a turn were answered, the last one by that model; none: there was no request.
    pub fn settled(&mut self, home: &str, last: Option<&str>, well: bool) {
        self.open = !well;
        let Some(last) = last else { return };
        let away = Family::of(last).filter(|family| Family::of(home).is_some_and(|home| *family < home));
        let Some(family) = away else {
            self.serving = None;
            self.away = 0;
            self.home = self.home.saturating_add(1);
            return;
        };
        if self.serving.is_none() {
            self.detours = self.detours.saturating_add(1);
        }
        self.serving = Some(family.alias().to_owned());
        self.away = self.away.saturating_add(1);
        self.home = 0;
    }

    /// A request that wrote nothing says nothing of how long entries live: then it is as before.
    fn lasts_an_hour(&self, usage: &Usage) -> bool {
        usage.cache_write_1h > 0 || (usage.cache_write_5m == 0 && self.caches.hour())
    }
}

impl Ledger {
    fn add(&mut self, home: &str, step: &Step, prices: &Prices, system: u64) {
        let Some(stayed) = self.worlds.follow(home, &step.model, step.at, &step.usage, system) else {
            return;
        };
        let cost = |model: &str, usage: &Usage| prices.cost(model, step.at, usage);
        if let (Some(went), Some(stayed)) = (cost(&step.model, &step.usage), cost(home, &stayed)) {
            self.went += went.dollars();
            self.stayed += stayed.dollars();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(model: &str, at: u64, read: u64, write: u64) -> Step {
        let usage = Usage { cache_read: read, cache_write_5m: write, output: 100, ..Usage::default() };
        Step { at, model: model.to_owned(), usage }
    }

    const OPUS: &str = "claude-opus-5-5";
    const HAIKU: &str = "claude-haiku-5-5";

    fn after(turns: &[&[Step]]) -> Memory {
        let prices = Prices::built_in().expect("the built-in prices have no fault");
        let mut memory = Memory::default();
        for steps in turns {
            memory.ended(OPUS, steps, true, &prices, 13_600);
        }
        memory
    }

    #[test]
    fn detours_and_turns_at_home_are_counted() {
        let (home, away) = ([step(OPUS, 1, 0, 20_000)], [step(HAIKU, 2, 0, 21_000)]);
        let counts = |memory: &Memory| (memory.detours, memory.away, memory.home, memory.served_by());
        assert_eq!(counts(&after(&[&home, &home])), (0, 0, 2, None));
        assert_eq!(counts(&after(&[&home, &away, &away])), (1, 2, 0, Some(Family::Haiku)));
        assert_eq!(counts(&after(&[&away, &home, &away])), (2, 1, 0, Some(Family::Haiku)));
        let fallback = [step("claude-fable-5-2", 3, 0, 5)];
        assert_eq!(
            counts(&after(&[&fallback])).0,
            0,
            "a dearer model that the client fell back to is no detour"
        );
    }

    #[test]
    fn a_turn_that_did_not_end_well_stays_open() {
        let prices = Prices::built_in().expect("the built-in prices have no fault");
        let mut memory = Memory::default();
        memory.ended(OPUS, &[step(OPUS, 1, 0, 20_000)], false, &prices, 0);
        assert!(memory.open && memory.history == 20_100);
        memory.ended(OPUS, &[], true, &prices, 0);
        assert!(!memory.open && memory.history == 20_100);
    }

    #[test]
    fn the_ledger_holds_what_detours_came_to() {
        let gained = after(&[
            &[step(OPUS, 0, 0, 40_000)],
            &[step(HAIKU, 10_000, 0, 41_000)],
            &[step(OPUS, 20_000, 40_000, 1_500)],
        ]);
        assert!(gained.ledger.stayed > gained.ledger.went, "{:?}", gained.ledger);
        // The user's cache died during the detour: all of it is written anew.
        let lost = after(&[
            &[step(OPUS, 0, 0, 40_000)],
            &[step(HAIKU, 200_000, 0, 41_000)],
            &[step(OPUS, 400_000, 0, 41_500)],
        ]);
        assert!(lost.ledger.went > lost.ledger.stayed + 0.15, "{:?}", lost.ledger);
    }

    #[test]
    fn what_was_complained_about_more_than_expected_is_expected_more() {
        let after = |turns: usize, every: usize| {
            let mut evidence = Evidence::default();
            (1..=turns).for_each(|turn| evidence.add(0.05, turn.is_multiple_of(every)));
            evidence.factor()
        };
        assert!((after(0, 1) - 1.0).abs() < 1e-9);
        assert!((after(1_000, 20) - 1.0).abs() < 0.05, "as expected: {}", after(1_000, 20));
        assert!(after(1_000, 10) > 1.5 && after(1_000, 10) < 2.0, "{}", after(1_000, 10));
        assert!((after(1_000, 2_000) - 1.0).abs() < 1e-9, "silence is no praise");
        let odd = Evidence { complaints: f64::NAN, expected: -5.0 };
        assert!((odd.factor() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn it_survives_being_written_down() {
        let memory = after(&[&[step(OPUS, 0, 0, 40_000)], &[step(HAIKU, 10_000, 0, 41_000)]]);
        let text = serde_json::to_string(&memory).expect("it serialises");
        assert_eq!(serde_json::from_str::<Memory>(&text).expect("it reads back"), memory);
        assert!(text.len() < 900, "{} bytes", text.len());
    }
}
