//! Whoever waits for long work: is told the steps, and can say that it is not wanted any more. Shows nothing itself.

use crate::report::text::{grouped, plural};

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// The rate limit leaves no room yet.
    Waiting {
        /// For how long.
        seconds: f64,
    },
    /// The service writes.
    Generating {
        /// Tokens so far, estimated from the text that arrived.
        tokens: u64,
        /// At most so many.
        of: u64,
    },
    /// Files are written.
    Writing {
        /// How many.
        files: u64,
    },
    /// Tests run.
    Testing,
    /// Failing tests went back to the model.
    Repairing {
        /// Which time, from 1.
        round: u8,
        /// At most so many times.
        of: u8,
    },
}

impl Step {
    /// One sentence for people.
    pub fn in_words(self) -> String {
        match self {
            Self::Waiting { seconds } => format!("waiting {seconds:.0} s for the rate limit"),
            Self::Generating { tokens, of } => {
                format!("generating {} of at most {} tokens", grouped(tokens), grouped(of))
            }
            Self::Writing { files } => format!("writing {}", plural(files, "file")),
            Self::Testing => "running the tests".to_owned(),
            Self::Repairing { round, of } => format!("the tests failed: repair {round} of {of}"),
        }
    }
}

/// Whoever waits for an order.
pub trait Watch: Sync {
    /// Something is going on.
    fn step(&self, step: Step);
    /// Whether the work is not wanted any more; nothing is written once it is true.
    fn cancelled(&self) -> bool;
}

/// Nobody watches.
pub struct Unwatched;

impl Watch for Unwatched {
    fn step(&self, _: Step) {}
    fn cancelled(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_its_sentence() {
        for (step, said) in [
            (Step::Waiting { seconds: 12.4 }, "waiting 12 s for the rate limit"),
            (Step::Generating { tokens: 1_240, of: 6_000 }, "generating 1,240 of at most 6,000 tokens"),
            (Step::Generating { tokens: 999, of: 1_000_000 }, "generating 999 of at most 1,000,000 tokens"),
            (Step::Writing { files: 1 }, "writing 1 file"),
            (Step::Writing { files: 3 }, "writing 3 files"),
            (Step::Testing, "running the tests"),
            (Step::Repairing { round: 1, of: 3 }, "the tests failed: repair 1 of 3"),
        ] {
            assert_eq!(step.in_words(), said);
        }
    }
}
