//! A race while a call waits for it: the race runs on a thread of its own, the call passes on what it says and stops it when
//! the client does not want it any more. A call that waits no longer leaves the race running; the end of the server stops
//! it. What came of it is in the race's record, whoever was waiting.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::Closing;
use super::progress::{Client, News, phase};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::race::engine;
use crate::race::kept::Kept;
use crate::race::live::{Spectator, Weight};
use crate::race::manifest;
use crate::race::outcome::Outcome;

/// How soon a call notices that the client has gone.
const GLANCE: Duration = Duration::from_millis(50);
/// How often the record of a race is looked at that runs elsewhere.
const LOOK: Duration = Duration::from_millis(250);

/// How waiting ended.
pub(super) enum End {
    /// The race has a result.
    Over(Box<Outcome>),
    /// It goes on.
    Running,
}

enum Event {
    Phase(String),
    Ended(Result<Box<Outcome>>),
}

/// What a race on its own thread sees of whoever waits.
struct Relay {
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
    closing: Closing,
}

impl Spectator for Relay {
    fn say(&self, candidate: Option<&str>, words: &str, weight: Weight) {
        if weight == Weight::Phase {
            // Nobody waits any more.
            let _ = self.events.send(Event::Phase(phase(candidate, words)));
        }
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.closing.is_set()
    }
}

/// Runs a race and waits for it, at most so long. A client that leaves stops it.
pub(super) fn run(
    env: &Env,
    kept: Kept,
    client: &Client,
    closing: &Closing,
    within: Duration,
) -> Result<End> {
    let (sender, events) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let relay = Relay { events: sender, stop: stop.clone(), closing: closing.clone() };
    let env = env.clone();
    let race = move || {
        let result = engine::go_on(&env, &kept, &relay).map(Box::new);
        // Whoever hears of the result may take the race over.
        drop(kept);
        let _ = relay.events.send(Event::Ended(result));
    };
    thread::Builder::new()
        .name("race".to_owned())
        .spawn(race)
        .map_err(|why| Error::new("cannot run the race", why).fix("go on with it: race_resume"))?;
    let began = Instant::now();
    loop {
        match events.recv_timeout(GLANCE) {
            Ok(Event::Phase(words)) => client.tell(News::Phase(words)),
            Ok(Event::Ended(result)) => return result.map(End::Over),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new("the race broke off", "this is a fault of SEF")
                    .fix("go on with it: race_resume"));
            }
        }
        if client.has_left() {
            stop.store(true, Ordering::Relaxed);
        } else if began.elapsed() >= within {
            return Ok(End::Running);
        }
    }
}

/// Waits until no process works on a race, at most so long; the race as it is then. Whoever leaves stops nothing.
pub(super) fn wait(state_dir: &Path, id: &str, client: &Client, within: Duration) -> Result<manifest::Known> {
    let began = Instant::now();
    loop {
        let known = manifest::look(state_dir, id)?;
        if !known.is_alive || client.has_left() || began.elapsed() >= within {
            return Ok(known);
        }
        thread::sleep(LOOK.min(within.saturating_sub(began.elapsed())));
    }
}
