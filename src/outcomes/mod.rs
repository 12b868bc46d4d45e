//! How delegations ended, from evidence: accepted, failed, redone, given out again, complained about, or unknown.
//! `evidence` reads what transcripts show (`keys` of what was done, `words` for what texts say), `joined` puts it beside
//! the log, `rules` decides, `audit` and `page` show each one with its evidence. Holds ids, times and hashes of what was
//! done, never text. docs/outcomes.md states the rules.

pub mod audit;
pub mod evidence;
pub mod joined;
pub mod keys;
pub mod page;
pub mod rules;
pub mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

/// How a delegation ended. The order is that of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The call or the agent failed, or the report says that it is none.
    Failed,
    /// Whoever delegated did the work again.
    Redone,
    /// The same task was given out again.
    #[value(name = "re-delegated")]
    #[serde(rename = "re-delegated")]
    Redelegated,
    /// The user said that the work is wrong.
    UserVisible,
    /// The work came back and nothing speaks against it.
    Accepted,
    /// Nothing shows it.
    Unknown,
}

impl Ended {
    /// In the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Failed, Self::Redone, Self::Redelegated, Self::UserVisible, Self::Unknown];

    /// As the command line and the JSON spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Redone => "redone",
            Self::Redelegated => "re-delegated",
            Self::UserVisible => "user-visible",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
        }
    }

    /// Somebody had to do the work again.
    pub fn is_rejection(self) -> bool {
        self < Self::Accepted
    }
}

/// Where something stands that shows an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What it is: result, answer, prompt, edit, search, command, read, executor (its own such call), spawn, log.
    pub what: &'static str,
    /// The transcript; none for the hook's log.
    #[serde(serialize_with = "lossy")]
    pub file: Option<PathBuf>,
    /// `tool_use_id` or `uuid` of the line.
    pub id: String,
}

/// A path need not be Unicode; the JSON must be.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn lossy<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(std::path::Path::to_string_lossy).serialize(serializer)
}

/// The outcome of one delegation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How it ended.
    pub outcome: Ended,
    /// Code of the rule that says so.
    pub reason: &'static str,
    /// What shows it.
    pub evidence: Vec<Evidence>,
}

impl Judged {
    fn new(outcome: Ended, reason: &'static str, evidence: Vec<Evidence>) -> Self {
        Self { outcome, reason, evidence }
    }
}

/// Outcomes in numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcomes {
    /// By kind, each one named.
    pub by_kind: BTreeMap<&'static str, u64>,
    /// All but the unknown.
    pub known: u64,
    /// Failed, redone, re-delegated or complained about.
    pub rejected: u64,
    /// Rejected of known, 0 to 1; none when none is known.
    pub rejection_rate: Option<f64>,
    /// Its 95 % interval (Wilson).
    pub rejection_interval: Option<(f64, f64)>,
}

impl Outcomes {
    /// Adds up.
    pub fn sum(judged: &[Judged]) -> Self {
        let count =
            |test: &dyn Fn(Ended) -> bool| judged.iter().filter(|one| test(one.outcome)).count() as u64;
        let by_kind = Ended::ALL.into_iter().map(|kind| (kind.name(), count(&|one| one == kind))).collect();
        let known = count(&|one| one != Ended::Unknown);
        let rejected = count(&Ended::is_rejection);
        Self {
            by_kind,
            known,
            rejected,
            rejection_rate: (known > 0).then(|| rejected as f64 / known as f64),
            rejection_interval: wilson(rejected, known),
        }
    }

    /// `3 accepted, 1 failed, ...`: the kinds that there are.
    pub fn by_kind_text(&self) -> String {
        let counts =
            Ended::ALL.map(|kind| (kind.name(), self.by_kind.get(kind.name()).copied().unwrap_or(0)));
        let there: Vec<String> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        if there.is_empty() { "none".to_owned() } else { there.join(", ") }
    }

    /// `1 of 4 (25 %; 95 % interval 5-70 %), 2 unknown`.
    pub fn rejected_text(&self) -> String {
        let unknown = self.by_kind.get(Ended::Unknown.name()).copied().unwrap_or(0);
        match (self.rejection_rate, self.rejection_interval) {
            (Some(rate), Some((low, high))) => {
                let digits = usize::from(self.known >= 200);
                format!(
                    "{} of {} ({:.digits$} %; 95 % interval {:.digits$}-{:.digits$} %), {unknown} unknown",
                    self.rejected,
                    self.known,
                    rate * 100.0,
                    low * 100.0,
                    high * 100.0
                )
            }
            _ => format!("no outcome known yet, {unknown} unknown"),
        }
    }
}

/// Wilson's 95 % interval of a share; none of nothing.
pub(crate) fn wilson(part: u64, all: u64) -> Option<(f64, f64)> {
    if all == 0 {
        return None;
    }
    let (z, n) = (1.959_964_f64, all as f64);
    let share = part as f64 / n;
    let middle = share + z * z / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some((((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_the_textbook() {
        let near =
            |(low, high): (f64, f64), (l, h): (f64, f64)| (low - l).abs() < 5e-4 && (high - h).abs() < 5e-4;
        assert!(wilson(0, 0).is_none());
        for (part, all, expected) in
            [(0, 10, (0.0, 0.2775)), (1, 4, (0.0456, 0.6994)), (10, 10, (0.7225, 1.0))]
        {
            assert!(wilson(part, all).is_some_and(|interval| near(interval, expected)), "{part} of {all}");
        }
    }
}
