//! Whoever watches a race is told what every candidate is doing, in a few words each. Shows nothing itself.

use std::sync::{Mutex, MutexGuard};

use crate::watch::{Step, Watch};

/// A wait of so many seconds is worth a line.
const WORTH_A_LINE: f64 = 3.0;

/// Whoever watches a race.
pub trait Spectator: Sync {
    /// What a candidate is doing; none: the race itself. `Detail` changes many times a second.
    fn say(&self, candidate: Option<&str>, words: &str, weight: Weight);
    /// Whether the race is not wanted any more.
    fn cancelled(&self) -> bool;
}

/// How much a sentence matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A new phase or a result: worth a line.
    Phase,
    /// How far a phase is: worth a look on a live display.
    Detail,
}

/// Nobody watches.
pub struct Unseen;

impl Spectator for Unseen {
    fn say(&self, _: Option<&str>, _: &str, _: Weight) {}
    fn cancelled(&self) -> bool {
        false
    }
}

/// One candidate's steps, told to the race's spectator under its name.
pub struct Lane<'a> {
    spectator: &'a dyn Spectator,
    name: &'a str,
    doing: Mutex<String>,
    /// It was said that this phase waits.
    waits: Mutex<bool>,
}

impl<'a> Lane<'a> {
    /// The lane of a candidate.
    pub fn of(name: &'a str, spectator: &'a dyn Spectator) -> Self {
        Self { spectator, name, doing: Mutex::new(String::new()), waits: Mutex::new(false) }
    }

    /// Whose it is.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// A new phase begins: `planning`, `generating 1/2`.
    pub fn begin(&self, doing: &str) {
        *self.waits() = false;
        doing.clone_into(&mut self.doing.lock().expect("nothing panics while it is held"));
        self.spectator.say(Some(self.name), doing, Weight::Phase);
    }

    fn waits(&self) -> MutexGuard<'_, bool> {
        self.waits.lock().expect("nothing panics while it is held")
    }

    /// How a phase ended.
    pub fn end(&self, words: &str) {
        self.spectator.say(Some(self.name), words, Weight::Phase);
    }
}

impl Watch for Lane<'_> {
    fn step(&self, step: Step) {
        let doing = self.doing.lock().expect("nothing panics while it is held").clone();
        match step {
            Step::Generating { tokens, of } => {
                let percent = tokens.saturating_mul(100).checked_div(of).unwrap_or(0).min(100);
                self.spectator.say(Some(self.name), &format!("{doing} ({percent} %)"), Weight::Detail);
            }
            Step::Waiting { seconds } => {
                let first = !std::mem::replace(&mut *self.waits(), true);
                let weight = if first && seconds >= WORTH_A_LINE { Weight::Phase } else { Weight::Detail };
                self.spectator.say(Some(self.name), &format!("{doing}: {}", step.in_words()), weight);
            }
            Step::Writing { .. } => {}
            Step::Testing => self.begin("testing"),
            Step::Repairing { round, of } => self.begin(&format!("repairing {round}/{of}")),
        }
    }

    fn cancelled(&self) -> bool {
        self.spectator.cancelled()
    }
}
