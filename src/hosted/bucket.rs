//! The rate limit as this machine knows it: one small file per service and model, shared by every process under a lock.
//! Whoever wants to send takes its tokens first and learns how long to wait, so that parallel calls queue up instead of
//! being refused. It only costs waiting when it is wrong, never correctness: the service has the last word.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use crate::calendar::now;
use crate::fsx::read_up_to;
use crate::metrics::record::fnv64;
use crate::state::{lock_within, private_dir, private_file};

/// Largest file that is read.
const MAX_FILE: usize = 4 << 10;
/// How long a process waits for another one's lock; they hold it for microseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Seconds in which an empty bucket is full again: the services count by the minute.
const MINUTE: f64 = 60.0;
/// A call that was taken for and never came back (a killed process) is forgotten after this time, in milliseconds.
const FORGOTTEN: u64 = 600_000;

/// What one service and model leave us. Levels go below zero while calls wait their turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Levels {
    /// When the levels below held, milliseconds since 1970.
    at: u64,
    requests: Level,
    tokens: Level,
    /// Nobody sends before this time, milliseconds since 1970.
    closed_until: u64,
    /// When calls that are under way were taken for.
    under_way: Vec<u64>,
}

/// One bucket. A limit of 0 is not known: then nothing holds a call back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    limit: f64,
    left: f64,
}

impl Level {
    fn full(limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(0) as f64;
        Self { limit, left: limit }
    }

    fn refill(&mut self, seconds: f64) {
        self.left = (self.left + self.limit * seconds / MINUTE).min(self.limit);
    }

    /// Seconds until `wanted` is there.
    fn wait(&self, wanted: f64) -> f64 {
        if self.limit <= 0.0 {
            return 0.0;
        }
        ((wanted.min(self.limit) - self.left) * MINUTE / self.limit).max(0.0)
    }

    fn take(&mut self, wanted: f64) {
        if self.limit > 0.0 {
            self.left -= wanted.min(self.limit);
        }
    }

    /// What the service says counts. While other calls of ours are under way or wait, it does not know of all of them: then
    /// only less than we thought is news.
    fn observe(&mut self, limit: Option<f64>, remaining: Option<f64>, alone: bool) {
        if let Some(limit) = limit.filter(|limit| *limit >= 1.0) {
            self.left += limit - self.limit;
            self.limit = limit;
        }
        if let Some(remaining) = remaining.filter(|_| self.limit > 0.0) {
            self.left = if alone { remaining } else { self.left.min(remaining) };
        }
    }
}

/// The bucket of one service and model.
#[derive(Debug, Clone)]
pub struct Bucket {
    path: Option<PathBuf>,
    requests: Option<u64>,
    tokens: Option<u64>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// How long to wait before sending.
    pub wait: Duration,
    /// When it was taken, for giving it back.
    taken: u64,
    tokens: f64,
}

impl Bucket {
    /// The bucket of a service's model; without a state folder it holds nobody back. The limits are those to begin with.
    pub fn of(
        state_dir: Option<&Path>,
        base_url: &str,
        model: &str,
        requests: Option<u64>,
        tokens: Option<u64>,
    ) -> Self {
        let name = fnv64(format!("{base_url} {model}").as_bytes());
        let path = state_dir.map(|dir| dir.join("hosted").join(format!("limit-{name:016x}.json")));
        Self { path, requests, tokens }
    }

    /// Takes one request and so many tokens. The error is how long it would have to wait when that is longer than `most`:
    /// nothing is taken then.
    pub fn take(&self, tokens: u64, most: Duration) -> Result<Turn, Duration> {
        let taken = now();
        let tokens = tokens as f64;
        let turn = self.change(taken, |levels| {
            let closed = levels.closed_until.saturating_sub(taken) as f64 / 1e3;
            let seconds = levels.requests.wait(1.0).max(levels.tokens.wait(tokens)).max(closed);
            let wait = Duration::from_secs_f64(seconds.min(1e6));
            if wait > most {
                return Err(wait);
            }
            levels.requests.take(1.0);
            levels.tokens.take(tokens);
            levels.under_way.push(taken);
            Ok(Turn { wait, taken, tokens })
        });
        turn.unwrap_or(Ok(Turn { wait: Duration::ZERO, taken, tokens }))
    }

    /// Gives back what was taken and never sent.
    pub fn give_back(&self, turn: &Turn) {
        self.change(now(), |levels| {
            levels.requests.take(-1.0);
            levels.tokens.take(-turn.tokens);
            forget(levels, turn);
        });
    }

    /// The call is over, and this is what its headers said.
    pub fn done(&self, turn: &Turn, limits: &Limits) {
        self.change(now(), |levels| {
            forget(levels, turn);
            let alone = levels.under_way.is_empty();
            levels.requests.observe(limits.requests.limit, limits.requests.remaining, alone);
            levels.tokens.observe(limits.tokens.limit, limits.tokens.remaining, alone);
        });
    }

    /// The service refused: nobody sends for this time.
    pub fn close_for(&self, wait: Duration) {
        let until = now() + wait.as_millis() as u64;
        self.change(now(), |levels| levels.closed_until = levels.closed_until.max(until));
    }

    /// Tokens that could be sent now without waiting, and the most that there ever are; none when no limit is known.
    pub fn room(&self) -> Option<(u64, u64)> {
        let Level { limit, left } = self.look(now())?.tokens;
        (limit > 0.0).then_some((left.max(0.0) as u64, limit as u64))
    }

    /// Requests and tokens a minute, as far as known.
    pub fn limits(&self) -> (Option<u64>, Option<u64>) {
        let known = |level: Level| (level.limit > 0.0).then_some(level.limit as u64);
        self.look(now())
            .map_or((self.requests, self.tokens), |levels| (known(levels.requests), known(levels.tokens)))
    }

    /// The levels as they stand; none when there is no file to share. Makes and writes nothing.
    fn look(&self, now: u64) -> Option<Levels> {
        let path = self.path.as_deref()?;
        if !path.exists() {
            return Some(self.levels(b"", now));
        }
        let file = open(path)?;
        let locked = lock_within(&file, LOCK_WAIT);
        locked.then(|| self.levels(&read_up_to(&file, MAX_FILE).unwrap_or_default(), now))
    }

    /// Changes the levels under the lock; none when there is no file to share.
    fn change<T>(&self, now: u64, change: impl FnOnce(&mut Levels) -> T) -> Option<T> {
        let path = self.path.as_deref()?;
        let mut file = open(path)?;
        if !lock_within(&file, LOCK_WAIT) {
            return None;
        }
        let mut levels = self.levels(&read_up_to(&file, MAX_FILE).ok()?, now);
        let answer = change(&mut levels);
        let text = serde_json::to_vec(&levels).ok()?;
        file.rewind()
            .and_then(|()| file.write_all(&text))
            .and_then(|()| file.set_len(text.len() as u64))
            .ok()?;
        Some(answer)
    }

    /// What a file says, refilled since; a full bucket when it says nothing that can be read.
    fn levels(&self, bytes: &[u8], now: u64) -> Levels {
        let fresh = || Levels {
            at: now,
            requests: Level::full(self.requests),
            tokens: Level::full(self.tokens),
            ..Levels::default()
        };
        let mut levels: Levels = serde_json::from_slice(bytes).unwrap_or_else(|_| fresh());
        // A clock that was set back refills nothing.
        let seconds = now.saturating_sub(levels.at) as f64 / 1e3;
        levels.requests.refill(seconds);
        levels.tokens.refill(seconds);
        levels.at = now;
        levels.under_way.retain(|taken| now.saturating_sub(*taken) < FORGOTTEN);
        levels
    }
}

fn forget(levels: &mut Levels, turn: &Turn) {
    if let Some(place) = levels.under_way.iter().position(|taken| *taken == turn.taken) {
        levels.under_way.remove(place);
    }
}

fn open(path: &Path) -> Option<File> {
    if let Ok(file) = private_file(path) {
        return Some(file);
    }
    private_dir(path.parent()?).ok()?;
    private_file(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosted::limits::Window;

    fn levels(requests: f64, tokens: f64) -> Levels {
        Levels {
            requests: Level { limit: requests, left: requests },
            tokens: Level { limit: tokens, left: tokens },
            ..Levels::default()
        }
    }

    fn whole(number: f64) -> i64 {
        number.round() as i64
    }

    #[test]
    fn parallel_calls_queue_up_and_the_bucket_refills_with_time() {
        let mut levels = levels(5.0, 30_000.0);
        for (wanted, expected) in [(12_000.0, 0), (12_000.0, 0), (12_000.0, 12), (12_000.0, 36)] {
            assert_eq!(whole(levels.tokens.wait(wanted)), expected);
            levels.tokens.take(wanted);
        }
        levels.tokens.refill(36.0);
        assert_eq!(whole(levels.tokens.left), 0);
        levels.tokens.refill(600.0);
        assert_eq!(whole(levels.tokens.left), 30_000);
    }

    #[test]
    fn more_than_a_minute_holds_waits_for_a_full_bucket_and_not_for_ever() {
        let mut tokens = levels(5.0, 30_000.0).tokens;
        assert_eq!(whole(tokens.wait(90_000.0)), 0);
        tokens.take(90_000.0);
        assert_eq!(whole(tokens.left), 0);
    }

    #[test]
    fn what_the_service_says_counts_unless_it_cannot_know_of_all_calls() {
        let mut tokens = levels(5.0, 30_000.0).tokens;
        tokens.take(10_000.0);
        tokens.observe(Some(30_000.0), Some(25_000.0), false);
        assert_eq!(whole(tokens.left), 20_000);
        tokens.observe(Some(30_000.0), Some(25_000.0), true);
        assert_eq!(whole(tokens.left), 25_000);
        tokens.observe(Some(1_000_000.0), Some(990_000.0), false);
        assert_eq!(tokens, Level { limit: 1_000_000.0, left: 990_000.0 });
        tokens.observe(Some(0.0), None, true);
        assert_eq!(whole(tokens.limit), 1_000_000);
    }

    #[test]
    fn the_bucket_is_shared_through_its_file_and_survives_a_torn_one() {
        let dir = std::env::temp_dir().join(format!("sef-bucket-{}", std::process::id()));
        let bucket = || Bucket::of(Some(&dir), "http://localhost:1", "m", Some(5), Some(30_000));
        let minute = Duration::from_mins(1);
        let first = bucket().take(20_000, minute).expect("there is room");
        assert_eq!(first.wait, Duration::ZERO);
        let second = bucket().take(20_000, minute).expect("it fits into a minute");
        assert!(second.wait > Duration::from_secs(19) && second.wait < Duration::from_secs(21), "{second:?}");
        bucket().take(20_000, Duration::from_secs(1)).expect_err("there is no room within a second");
        bucket().give_back(&second);
        let said = Limits {
            tokens: Window { limit: Some(60_000.0), remaining: Some(50_000.0), reset: None },
            ..Limits::default()
        };
        bucket().done(&first, &said);
        assert_eq!(bucket().limits(), (Some(5), Some(60_000)));
        assert!(bucket().room().is_some_and(|(left, most)| left >= 50_000 && most == 60_000));
        bucket().close_for(minute);
        bucket().take(1, Duration::from_secs(1)).expect_err("the service asked for a minute");
        let path = bucket().path.expect("it has a file");
        std::fs::write(&path, "{\"at\": 17").expect("tear it");
        assert_eq!(bucket().take(30_000, minute).expect("it begins anew").wait, Duration::ZERO);
        std::fs::remove_dir_all(&dir).expect("clean up");
    }
}
