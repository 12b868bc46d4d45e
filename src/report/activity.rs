//! What the hook logged, counted: tasks by tier, hints, delegated tasks, refusals, faults and its own time. Pure.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::calendar::DAY;
use crate::metrics::record::{Kind, Record};

/// The share of tasks that SEF aims to see delegated.
pub const TARGET: (f64, f64) = (0.6, 0.8);
/// The share of delegations whose work may have to be done again: above it cheap tiers get too much.
pub const REJECTION_TARGET: (f64, f64) = (0.0, 0.15);

/// The sums.
#[derive(Debug, Default, Serialize)]
pub struct Activity {
    /// Lines in the period.
    pub records: u64,
    /// User prompts by tier; key 0 is "no task". The report shows them on their own.
    #[serde(skip)]
    pub tasks: BTreeMap<u8, u64>,
    /// Prompts of tier 1 to 3.
    pub tasks_to_delegate: u64,
    /// Of those, the ones with at least one spawn.
    pub tasks_delegated: u64,
    /// The same two by day, UTC, since 1970. The report shows them on their own.
    #[serde(skip)]
    pub days: BTreeMap<u64, DayTasks>,
    /// Hints given to the orchestrator, by kind.
    pub hints: BTreeMap<String, u64>,
    /// Sessions in which the client refused calls that SEF had changed.
    pub refusals: Vec<Refusal>,
    /// Faults inside the hook that it survived, by code.
    pub faults: BTreeMap<String, u64>,
    /// What the hook itself took.
    pub hook_time: HookTime,
}

/// See [`Activity::days`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayTasks {
    /// Prompts of tier 1 to 3.
    pub tasks: u64,
    /// Of those, the ones with at least one spawn.
    pub delegated: u64,
}

/// See [`Activity::refusals`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Session id.
    pub session: String,
    /// How many calls.
    pub calls: u64,
    /// Permission mode of the last one.
    pub mode: Option<String>,
}

/// Microseconds inside the hook process, over all records that say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookTime {
    /// Records that say it.
    pub measured: usize,
    /// Median.
    pub p50_us: Option<u32>,
    /// 95th percentile.
    pub p95_us: Option<u32>,
}

impl Activity {
    /// Delegated tasks as a share of tasks, 0 to 1; none without tasks.
    pub fn delegation_rate(&self) -> Option<f64> {
        (self.tasks_to_delegate > 0).then(|| self.tasks_delegated as f64 / self.tasks_to_delegate as f64)
    }
}

/// Counts the records (of any kind, in any order) that lie at or after `since`.
pub fn count(records: &[Record], since: u64) -> Activity {
    // A spawn may come long after its prompt, so it is looked for in all records.
    let spawned: HashSet<(&str, &str)> = records
        .iter()
        .filter(|record| record.e == Kind::Spawn)
        .filter_map(|record| Some((record.s.as_str(), record.p.as_deref()?)))
        .collect();
    let mut activity = Activity { tasks: (0..=3).map(|tier| (tier, 0)).collect(), ..Activity::default() };
    let mut times = Vec::new();
    for record in records.iter().filter(|record| record.t >= since) {
        activity.records += 1;
        times.extend(record.us);
        if let Some(hint) = &record.hint {
            *activity.hints.entry(hint.clone()).or_default() += 1;
        }
        match record.e {
            Kind::Prompt => activity.add_prompt(record, &spawned),
            Kind::Refused => activity.add_refusal(record),
            Kind::Fault => {
                let code = record.why.clone().unwrap_or_else(|| "no code".to_owned());
                *activity.faults.entry(code).or_default() += 1;
            }
            _ => {}
        }
    }
    activity.hook_time = hook_time(times);
    activity
}

impl Activity {
    fn add_prompt(&mut self, record: &Record, spawned: &HashSet<(&str, &str)>) {
        let Some(tier) = record.tier else { return };
        *self.tasks.entry(tier.min(3)).or_default() += 1;
        if tier == 0 {
            return;
        }
        self.tasks_to_delegate += 1;
        let delegated =
            record.p.as_deref().is_some_and(|prompt| spawned.contains(&(record.s.as_str(), prompt)));
        self.tasks_delegated += u64::from(delegated);
        let day = self.days.entry(record.t / DAY).or_default();
        day.tasks += 1;
        day.delegated += u64::from(delegated);
    }

    fn add_refusal(&mut self, record: &Record) {
        let place = self.refusals.iter().position(|refusal| refusal.session == record.s);
        let place = place.unwrap_or_else(|| {
            self.refusals.push(Refusal { session: record.s.clone(), calls: 0, mode: None });
            self.refusals.len() - 1
        });
        let refusal = &mut self.refusals[place];
        refusal.calls += 1;
        refusal.mode = record.mode.clone().or(refusal.mode.take());
    }
}

fn hook_time(mut times: Vec<u32>) -> HookTime {
    times.sort_unstable();
    // Nearest rank: the smallest value that at least this share of all values does not exceed.
    let percentile =
        |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    HookTime { measured: times.len(), p50_us: percentile(50), p95_us: percentile(95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(t: u64, id: &str, tier: u8) -> Record {
        Record { p: Some(id.to_owned()), tier: Some(tier), ..Record::new(Kind::Prompt, t, "s") }
    }

    fn spawn(t: u64, id: &str) -> Record {
        Record { p: Some(id.to_owned()), ..Record::new(Kind::Spawn, t, "s") }
    }

    #[test]
    fn only_tasks_with_a_spawn_of_the_same_prompt_count_as_delegated() {
        let records = [
            prompt(1, "a", 1),
            prompt(2, "b", 3),
            prompt(3, "c", 0),
            prompt(4, "d", 2),
            spawn(5, "a"),
            spawn(6, "a"),
            spawn(7, "c"),
            spawn(8, "z"),
        ];
        let activity = count(&records, 0);
        assert_eq!((activity.tasks_to_delegate, activity.tasks_delegated), (3, 1));
        assert_eq!(activity.days, BTreeMap::from([(0, DayTasks { tasks: 3, delegated: 1 })]));
        assert_eq!(activity.tasks, BTreeMap::from([(0, 1), (1, 1), (2, 1), (3, 1)]));
        assert_eq!(count(&[], 0).delegation_rate(), None);
    }

    #[test]
    fn b6_times_of_zero_the_far_future_and_going_backwards_are_counted() {
        let records = [prompt(u64::MAX, "a", 1), prompt(0, "b", 255), prompt(253_402_300_800_000, "c", 2)];
        assert_eq!(count(&records, 0).tasks_to_delegate, 3);
        assert_eq!(count(&records, u64::MAX).tasks_to_delegate, 1);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times = |range: std::ops::RangeInclusive<u32>| hook_time(range.rev().collect());
        assert_eq!(times(1..=100), HookTime { measured: 100, p50_us: Some(50), p95_us: Some(95) });
        assert_eq!(times(7..=7), HookTime { measured: 1, p50_us: Some(7), p95_us: Some(7) });
        assert_eq!(hook_time(vec![]), HookTime::default());
    }

    #[test]
    fn refusals_are_gathered_by_session() {
        let refused = |session: &str, mode: &str| Record {
            mode: Some(mode.to_owned()),
            ..Record::new(Kind::Refused, 1, session)
        };
        let activity = count(&[refused("s1", "default"), refused("s2", "auto"), refused("s1", "auto")], 0);
        let expected = |session: &str, calls| Refusal {
            session: session.to_owned(),
            calls,
            mode: Some("auto".to_owned()),
        };
        assert_eq!(activity.refusals, [expected("s1", 2), expected("s2", 1)]);
    }
}
