//! What a person sees of a race on stderr: a line for each candidate that changes on a terminal, plain lines on a pipe. Notices
//! Ctrl-C. Decides nothing.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::live::{Spectator, Weight};
use crate::error::Result;
use crate::interrupt;
use crate::report::text::plain;

/// How often the clock of a line moves on.
const TICK: Duration = Duration::from_millis(250);

/// See the module.
pub struct Terminal {
    began: Instant,
    interrupted: Arc<AtomicBool>,
    lines: Option<Lines>,
}

struct Lines {
    all: MultiProgress,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Terminal {
    /// Lines that move when stderr is a terminal, plain ones otherwise.
    pub fn new() -> Result<Self> {
        let lines = std::io::stderr()
            .is_terminal()
            .then(|| Lines { all: MultiProgress::new(), bars: Mutex::default() });
        Ok(Self { began: Instant::now(), interrupted: interrupt::watch()?, lines })
    }

    /// Takes the moving lines away.
    pub fn clear(&self) {
        if let Some(lines) = &self.lines {
            let _ = lines.all.clear();
        }
    }
}

impl Spectator for Terminal {
    fn say(&self, candidate: Option<&str>, words: &str, weight: Weight) {
        let (name, words) = (candidate.unwrap_or("race"), plain(words));
        let Some(lines) = &self.lines else {
            if weight == Weight::Phase {
                // Nobody may be reading stderr.
                let _ = writeln!(
                    std::io::stderr(),
                    "[{:5.1}s] {name}: {words}",
                    self.began.elapsed().as_secs_f64()
                );
            }
            return;
        };
        let mut bars = lines.bars.lock().expect("nothing panics while it is held");
        let bar = bars.entry(name.to_owned()).or_insert_with(|| {
            let bar = lines.all.add(ProgressBar::new_spinner());
            bar.set_style(
                ProgressStyle::with_template("{spinner} {prefix:<22} {msg} {elapsed}")
                    .expect("the template is well formed"),
            );
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(words);
    }

    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
