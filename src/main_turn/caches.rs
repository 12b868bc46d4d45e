//! What the prompt caches hold, one for each model, and what a request would read from them and write to them. The same
//! arithmetic serves the guard, the account of what was gained and the simulations. Pure.

use serde::{Deserialize, Serialize};

use crate::prices::Usage;

/// Lives of an entry, in milliseconds: five minutes, or the hour that some accounts write for.
pub const MINUTES: u64 = 300_000;
const HOUR: u64 = 3_600_000;
/// Models that are remembered; a session meets two or three.
const MOST: usize = 6;

/// What is cached of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caches(Vec<Entry>);

/// What one model's cache holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// The model's id.
    model: String,
    /// Tokens from the beginning of the conversation.
    tokens: u64,
    /// Last use, milliseconds since 1970.
    used: u64,
    /// It lives for an hour.
    #[serde(default)]
    hour: bool,
}

impl Caches {
    /// Tokens that a request of this length can read at a time.
    pub fn warm(&self, model: &str, at: u64, prompt: u64) -> u64 {
        let alive = |entry: &&Entry| at.saturating_sub(entry.used) <= entry.life();
        self.find(model).filter(alive).map_or(0, |entry| entry.tokens.min(prompt))
    }

    /// How long the model's entry still lives at a time, in milliseconds; 0 when it is dead or was never there.
    pub fn left(&self, model: &str, at: u64) -> u64 {
        self.find(model).map_or(0, |entry| entry.life().saturating_sub(at.saturating_sub(entry.used)))
    }

    /// How a prompt of that length is read and written; `input` of it is neither.
    pub fn split(&self, model: &str, at: u64, prompt: u64, input: u64, hour: bool) -> Usage {
        let cached = prompt.saturating_sub(input);
        let read = self.warm(model, at, cached);
        written(Usage { input: prompt - cached, cache_read: read, ..Usage::default() }, cached - read, hour)
    }

    /// A request with a prompt of that length was answered by a model.
    pub fn used(&mut self, model: &str, at: u64, prompt: u64, hour: bool) {
        self.0.retain(|entry| entry.model != model);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Entry { model: model.to_owned(), tokens: prompt, used: at, hour });
    }

    /// The conversation was cut short: nothing of it is cached any more.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether a model has served this conversation.
    pub fn knows(&self, model: &str) -> bool {
        self.find(model).is_some()
    }

    /// The models that have served, the last one last.
    pub fn models(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().map(|entry| entry.model.as_str())
    }

    /// Whether the last entry was written for an hour.
    pub fn hour(&self) -> bool {
        self.0.last().is_some_and(|entry| entry.hour)
    }

    fn find(&self, model: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.model == model)
    }
}

impl Entry {
    fn life(&self) -> u64 {
        life(self.hour)
    }
}

/// How long an entry lives after its last use, in milliseconds.
pub fn life(hour: bool) -> u64 {
    if hour { HOUR } else { MINUTES }
}

/// The usage with so many tokens written to the cache.
pub fn written(usage: Usage, tokens: u64, hour: bool) -> Usage {
    if hour { Usage { cache_write_1h: tokens, ..usage } } else { Usage { cache_write_5m: tokens, ..usage } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lives_for_its_time_after_its_last_use() {
        let mut caches = Caches::default();
        caches.used("opus", 1_000, 50_000, false);
        assert_eq!(caches.warm("opus", 1_000 + MINUTES, 60_000), 50_000);
        assert_eq!(caches.warm("opus", 1_001 + MINUTES, 60_000), 0);
        caches.used("opus", 1_000, 50_000, true);
        assert_eq!(caches.warm("opus", 1_000 + HOUR, 60_000), 50_000);
        assert_eq!(caches.warm("haiku", 1_000, 60_000), 0, "each model has its own");
        assert_eq!(caches.left("opus", 1_000 + HOUR - 7), 7);
    }

    #[test]
    fn what_is_not_read_is_written() {
        let mut caches = Caches::default();
        caches.used("opus", 0, 50_000, false);
        let usage = caches.split("opus", 10, 52_000, 100, false);
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m), (100, 50_000, 1_900));
        let usage = caches.split("haiku", 10, 52_000, 100, true);
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_1h), (100, 0, 51_900));
        let shorter = caches.split("opus", 10, 20_000, 0, false);
        assert_eq!((shorter.cache_read, shorter.cache_write_5m), (20_000, 0));
    }

    #[test]
    fn the_oldest_of_too_many_models_goes() {
        let mut caches = Caches::default();
        for number in 0..20 {
            caches.used(&format!("m{number}"), number, 1, false);
        }
        assert_eq!(caches.models().collect::<Vec<_>>(), ["m14", "m15", "m16", "m17", "m18", "m19"]);
    }
}
