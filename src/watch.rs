//! Whoever waits for long work: is told the steps, and can say that it is not wanted any more. Shows nothing itself.

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
