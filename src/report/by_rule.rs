//! How delegations ended by what the hook's log says of their calls: the rules that fired, the role and the tier. Pure;
//! judges nothing itself and takes a call that the log does not have for no evidence.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::metrics::record::Record;
use crate::outcomes::{Ended, Judged, Z95, wilson};
use crate::report::delegations::{Delegation, spawns};

/// How the delegations of one rule, role or tier ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fate {
    /// How many.
    pub delegations: u64,
    /// Of those, the ones whose outcome is known.
    pub known: u64,
    /// Of the known, the rejected ones.
    pub rejected: u64,
    /// Rejected of known, 0 to 1; none when none is known.
    pub rejection_rate: Option<f64>,
    /// Its 95 % interval (Wilson).
    pub rejection_interval: Option<(f64, f64)>,
}

impl Fate {
    fn add(&mut self, ended: Ended) {
        self.delegations += 1;
        self.known += u64::from(ended != Ended::Unknown);
        self.rejected += u64::from(ended.is_rejection());
    }

    fn done(self) -> Self {
        let (part, all) = (self.rejected, self.known);
        Self {
            rejection_rate: (all > 0).then(|| part as f64 / all as f64),
            rejection_interval: wilson(part, all, Z95),
            ..self
        }
    }
}

/// The three headings. A call counts under each of its rules, so the rules' sums overlap.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct ByRule {
    /// By rule id.
    pub by_rule: BTreeMap<String, Fate>,
    /// By the role that the rules gave the task.
    pub by_role: BTreeMap<String, Fate>,
    /// By the tier that the call was given.
    pub by_tier: BTreeMap<u8, Fate>,
}

/// Counts the delegations that the log has, each with its outcome, which goes by the same place.
pub fn count(records: &[Record], list: &[Delegation], judged: &[Judged]) -> ByRule {
    let by_call: HashMap<&str, &Record> =
        spawns(records).into_iter().filter_map(|spawn| Some((spawn.tu.as_deref()?, spawn))).collect();
    let mut counts = ByRule::default();
    for (one, judged) in list.iter().zip(judged).filter(|(one, _)| one.seen_by_hook) {
        let Some(spawn) = one.tool_use_id.as_deref().and_then(|call| by_call.get(call)) else { continue };
        let mut rules: Vec<&String> = spawn.rules.iter().collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            counts.by_rule.entry(rule.clone()).or_default().add(judged.outcome);
        }
        if let Some(role) = &spawn.role {
            counts.by_role.entry(role.clone()).or_default().add(judged.outcome);
        }
        if let Some(tier) = spawn.tier {
            counts.by_tier.entry(tier).or_default().add(judged.outcome);
        }
    }
    ByRule { by_rule: done(counts.by_rule), by_role: done(counts.by_role), by_tier: done(counts.by_tier) }
}

fn done<K: Ord>(fates: BTreeMap<K, Fate>) -> BTreeMap<K, Fate> {
    fates.into_iter().map(|(key, fate)| (key, fate.done())).collect()
}
