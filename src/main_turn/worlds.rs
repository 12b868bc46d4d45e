//! Two courses of one conversation side by side: as it went, and as it would have gone had every turn stayed on the user's
//! model. They differ from the first request on another model until the user's model has answered again; between such
//! detours there is nothing to compare. Pure.

use serde::{Deserialize, Serialize};

use super::caches::{Caches, written};
use crate::prices::Usage;

/// What the caches would hold had nobody switched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worlds {
    stayed: Caches,
    /// The last request was answered by another model than the user's.
    apart: bool,
}

impl Worlds {
    /// Follows one request, which `model` answered where `home` is the user's own. Answers what it would have used on
    /// `home`: the same tokens, read and written as its cache would have had them. None while there is no difference.
    ///
    /// `system` tokens are taken as cached when the conversation begins away from home: another session may have left
    /// them there, and what is not known must not count as a gain.
    pub fn follow(&mut self, home: &str, model: &str, at: u64, usage: &Usage, system: u64) -> Option<Usage> {
        let prompt = usage.prompt();
        let hour = usage.cache_write_1h > 0 || (usage.cache_write_5m == 0 && self.stayed.hour());
        if was_cut(self.stayed.warm(home, at, u64::MAX), prompt) {
            self.stayed.forget();
        }
        let is_away = home != model;
        let stayed = (is_away || self.apart).then(|| {
            if self.stayed.knows(home) {
                self.stayed.split(home, at, prompt, usage.input, hour)
            } else {
                let cached = prompt - usage.input;
                let read = system.min(cached);
                written(
                    Usage { input: usage.input, cache_read: read, ..Usage::default() },
                    cached - read,
                    hour,
                )
            }
        });
        self.stayed.used(home, at, prompt, hour);
        self.apart = is_away;
        stayed.map(|stayed| Usage {
            output: usage.output,
            web_searches: usage.web_searches,
            us_only: usage.us_only,
            ..stayed
        })
    }
}

/// Whether a conversation that had so many tokens was compacted or cleared before a request of this length.
pub fn was_cut(history: u64, prompt: u64) -> bool {
    prompt.saturating_mul(2) < history
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::main_turn::caches::MINUTES;

    fn request(input: u64, read: u64, write: u64) -> Usage {
        Usage { input, cache_read: read, cache_write_5m: write, output: 100, ..Usage::default() }
    }

    #[test]
    fn at_home_there_is_nothing_to_compare() {
        let mut worlds = Worlds::default();
        for at in [0, 10, MINUTES * 3] {
            assert_eq!(worlds.follow("opus", "opus", at, &request(5, 0, 30_000), 13_000), None);
        }
    }

    #[test]
    fn a_detour_is_compared_with_the_cache_that_would_have_been_warm() {
        let mut worlds = Worlds::default();
        worlds.follow("opus", "opus", 0, &request(0, 0, 30_000), 13_000);
        let away = worlds.follow("opus", "haiku", 1_000, &request(5, 0, 31_000), 13_000).expect("apart");
        assert_eq!((away.input, away.cache_read, away.cache_write_5m, away.output), (5, 30_000, 1_000, 100));
        let again = worlds.follow("opus", "haiku", 2_000, &request(5, 31_000, 1_000), 13_000).expect("apart");
        assert_eq!((again.cache_read, again.cache_write_5m), (31_005, 995));
        // Home again: it would have read what the detour wrote.
        let back =
            worlds.follow("opus", "opus", 3_000, &request(5, 30_000, 3_000), 13_000).expect("still apart");
        assert_eq!((back.cache_read, back.cache_write_5m), (32_005, 995));
        assert_eq!(worlds.follow("opus", "opus", 4_000, &request(5, 33_000, 500), 13_000), None);
    }

    #[test]
    fn a_pause_that_would_have_let_the_cache_die_anyway_is_no_loss() {
        let mut worlds = Worlds::default();
        worlds.follow("opus", "opus", 0, &request(0, 0, 30_000), 13_000);
        worlds.follow("opus", "haiku", 1_000, &request(0, 0, 31_000), 13_000);
        let back =
            worlds.follow("opus", "opus", 2_000 + MINUTES, &request(0, 0, 32_000), 13_000).expect("apart");
        assert_eq!((back.cache_read, back.cache_write_5m), (0, 32_000));
    }

    #[test]
    fn a_first_turn_away_is_compared_with_a_warm_system_text() {
        let mut worlds = Worlds::default();
        let stayed = worlds.follow("opus", "haiku", 0, &request(5, 0, 20_000), 13_000).expect("apart");
        assert_eq!((stayed.cache_read, stayed.cache_write_5m), (13_000, 7_000));
        let short =
            Worlds::default().follow("opus", "haiku", 0, &request(5, 0, 2_000), 13_000).expect("apart");
        assert_eq!((short.cache_read, short.cache_write_5m), (2_000, 0));
    }

    #[test]
    fn after_a_compaction_nothing_is_cached_in_either_course() {
        let mut worlds = Worlds::default();
        worlds.follow("opus", "opus", 0, &request(0, 0, 100_000), 13_000);
        let away = worlds.follow("opus", "haiku", 1_000, &request(0, 0, 20_000), 13_000).expect("apart");
        assert_eq!((away.cache_read, away.cache_write_5m), (13_000, 7_000));
    }
}
