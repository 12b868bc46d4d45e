//! Tasks, delegations and outcomes by day, for how shares move over time. Pure; sums only, no rates, so that days can be
//! added up to weeks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::calendar::{DAY, parse_timestamp};
use crate::outcomes::{Ended, Judged};
use crate::report::activity::DayTasks;
use crate::report::delegations::Delegation;
use crate::report::groups::day_name;

/// What one day had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Prompts of tier 1 to 3.
    pub tasks: u64,
    /// Of those, the ones with at least one spawn, on whatever day.
    pub tasks_delegated: u64,
    /// Delegations.
    pub delegations: u64,
    /// Of those, the ones whose outcome is known.
    pub known: u64,
    /// Of the known, the rejected ones.
    pub rejected: u64,
}

/// Puts tasks and delegations of each day together; outcomes go by the delegations' places.
pub fn add_up(
    tasks: &BTreeMap<u64, DayTasks>,
    list: &[Delegation],
    judged: &[Judged],
) -> BTreeMap<String, Day> {
    let mut days: BTreeMap<String, Day> = BTreeMap::new();
    for (day, of_day) in tasks {
        let sum = days.entry(day_name(*day)).or_default();
        sum.tasks += of_day.tasks;
        sum.tasks_delegated += of_day.delegated;
    }
    for (one, judged) in list.iter().zip(judged) {
        let day = one.time.as_deref().and_then(parse_timestamp).map_or(0, |time| time / DAY);
        let sum = days.entry(day_name(day)).or_default();
        sum.delegations += 1;
        sum.known += u64::from(judged.outcome != Ended::Unknown);
        sum.rejected += u64::from(judged.outcome.is_rejection());
    }
    days
}
