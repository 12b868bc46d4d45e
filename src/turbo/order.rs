//! What turbo is asked for and what comes of it. Plain values: the command line, the MCP
//! server and the races all order with these. Never holds generated code.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::runs::WrittenFile;
use crate::error::Error;
use crate::fsx::confined::Overwrite;
use crate::hosted::fault::Fault;
use crate::hosted::usage::Usage;

/// One piece of work for the hosted model.
#[derive(Debug, Clone)]
pub struct Order {
    /// The contract, as text.
    pub contract: String,
    /// The folder that the files are written below; made when it is not there.
    pub out: PathBuf,
    /// What happens to files that are there and differ.
    pub existing: Overwrite,
    /// Whether a contract that is too vague is sent all the same.
    pub vague: Vague,
    /// Model id of the service; none: the configured one.
    pub model: Option<String>,
    /// Bound on generated tokens, reasoning included; none: sized to the contract and to what the rate limit leaves.
    pub max_tokens: Option<u64>,
    /// For all calls to the service together, waiting included; none: the configured time.
    pub within: Option<Duration>,
    /// Tests to run on what was written.
    pub test: Option<Test>,
    /// How often failing tests go back to the model; 0 is never.
    pub fix: u8,
}

impl Order {
    /// Calls without a contract and without a folder of the user's, as races make them.
    pub fn of_calls(model: Option<&str>, within: Option<Duration>) -> Self {
        Self {
            contract: String::new(),
            out: PathBuf::new(),
            existing: Overwrite::Refuse,
            vague: Vague::Send,
            model: model.map(str::to_owned),
            max_tokens: None,
            within,
            test: None,
            fix: 0,
        }
    }
}

/// See [`Order::vague`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vague {
    /// Its faults are the answer.
    Refuse,
    /// The person insists.
    Send,
}

/// Tests and the fence around them.
#[derive(Debug, Clone)]
pub struct Test {
    /// Run by `sh -c` in the folder.
    pub command: String,
    /// Longest time of one run.
    pub within: Duration,
    /// How well they must be fenced; none: as configured.
    pub sandbox: Option<crate::rules::policy::Sandbox>,
}

/// What came of an order. Its JSON is the interface that scripts and Claude rely on.
#[derive(Debug, Clone, Serialize)]
pub struct Finished {
    /// `ok` only when every file is written and the tests, if any, pass.
    pub status: Status,
    /// The run's id, for undo; none when nothing was written.
    pub run: Option<String>,
    /// The folder.
    pub out: String,
    /// The files, in the order of the answer.
    pub files: Vec<WrittenFile>,
    /// The model that answered; the one that was asked when none did.
    pub model: String,
    /// Tokens of all calls.
    pub usage: Usage,
    /// Time of everything, in milliseconds.
    pub ms: u64,
    /// Of that, waiting for the service, in milliseconds.
    pub service_ms: u64,
    /// Calls that were made again because the service was busy or broken, or the answer was cut off.
    pub retries: u32,
    /// What the calls cost by the service's list prices, in US dollars; none when a price is not known.
    pub cost_usd: Option<f64>,
    /// The same tokens on Claude's models, by list price in US dollars.
    pub compare: Vec<Compared>,
    /// The tests' last run; none when none were asked for.
    pub tests: Option<Tests>,
    /// What is odd but no fault.
    pub warnings: Vec<String>,
    /// What went wrong.
    pub error: Option<Failure>,
}

/// What the calls of one piece of work took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// The model that answered; the one that was asked when none did.
    pub model: String,
    /// Answers that were paid for or asked for again.
    pub calls: u32,
    /// Of these, made again because the service was busy or broken, or the answer was cut off.
    pub retries: u32,
    /// Tokens of all calls.
    pub usage: Usage,
    /// Waiting for the service, in milliseconds.
    pub service_ms: u64,
    /// By the service's list prices, in US dollars; none when a price is not known.
    pub cost_usd: Option<f64>,
}

impl Spent {
    /// Both together. A cost that is not known makes the sum unknown; nothing costs nothing.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let cost_usd = match (self.calls, other.calls) {
            (0, _) => other.cost_usd,
            (_, 0) => self.cost_usd,
            _ => self.cost_usd.zip(other.cost_usd).map(|(a, b)| a + b),
        };
        Self {
            model: if other.model.is_empty() { self.model } else { other.model.clone() },
            calls: self.calls + other.calls,
            retries: self.retries + other.retries,
            usage: self.usage.plus(other.usage),
            service_ms: self.service_ms + other.service_ms,
            cost_usd,
        }
    }
}

/// See [`Finished::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Complete.
    Ok,
    /// Not complete: `error` says why.
    Error,
}

/// One line of the honest comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// A Claude model's id.
    pub model: String,
    /// What the same tokens would cost on it.
    pub usd: f64,
}

/// What the tests said.
#[derive(Debug, Clone, Serialize)]
pub struct Tests {
    /// They ran, and all of them passed.
    pub passed: bool,
    /// The same at the first run, before any repair.
    pub first_pass: bool,
    /// Repairs that were tried.
    pub repairs: u8,
    /// Counts and names of the last run of the version that was kept.
    pub seen: serde_json::Value,
}

/// What went wrong, in words that Claude or a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable name: `no_key`, `rate_limited`, `cut_off`, `exists`, `tests_failed`, ...
    pub code: String,
    /// What and why.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl Failure {
    /// From the error of a step: its words without the remedy, which stands beside them.
    pub fn of(code: &str, error: &Error) -> Self {
        let message = Error { fix: String::new(), ..error.clone() }.to_string();
        Self { code: code.to_owned(), message, fix: error.fix.clone() }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { code: fault.kind.code().to_owned(), message: fault.why, fix: fault.fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_where_why_and_the_way_out() {
        let error = Error::new("cannot undo", "it is gone").at("/p/a.py").fix("look into the backup");
        let failure = Failure::of("failed", &error);
        assert_eq!(failure.message, "cannot undo: /p/a.py: it is gone");
        assert_eq!(failure.fix, "look into the backup");
    }
}
