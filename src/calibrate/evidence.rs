//! What outcomes and hints say about each role, rule and kind of hint: counts with their intervals. Pure; decides nothing.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::calendar;
use crate::classify::Role;
use crate::guidance::{PARTS, family_of};
use crate::metrics::record::{Kind, Record};
use crate::models::Family;
use crate::outcomes::{Ended, Judged, Z95, wilson};
use crate::report::delegations::Delegation;
use crate::rules::calibration::File;
use crate::rules::policy::Policy;

/// Some delegations, or some hints: of how many it is known what came of them, and in how many it was the case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Share {
    /// All.
    pub all: u64,
    /// Of those, known.
    pub known: u64,
    /// Of the known ones, the case: rejected, or followed.
    pub part: u64,
}

impl Share {
    fn add(&mut self, is: Option<bool>) {
        self.all += 1;
        self.known += u64::from(is.is_some());
        self.part += u64::from(is == Some(true));
    }

    /// 0 to 1; none when nothing is known.
    pub fn rate(&self) -> Option<f64> {
        (self.known > 0).then(|| self.part as f64 / self.known as f64)
    }

    /// Wilson's 95 % interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        wilson(self.part, self.known, Z95)
    }
}

/// One delegation as far as calibration goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// When, milliseconds since 1970.
    pub time: u64,
    /// The executor's role; for every other agent that of the verdict.
    pub role: Role,
    /// The agent is SEF's own executor.
    pub executor: bool,
    /// Tier of the verdict.
    pub tier: u8,
    /// Reason code of the decision.
    pub why: String,
    /// How much surer the rules were than the preset asks; none in logs of older versions.
    pub room: Option<f32>,
    /// The rules that fired.
    pub rules: Vec<String>,
    /// Whether the work was rejected; none when nothing shows it.
    pub rejected: Option<bool>,
}

/// What is known of one hint key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    /// Those given in the wording now in use since it came into use: how many a fitting delegation followed.
    pub given: Share,
    /// Prompts of this kind that got no hint only because the rules were not sure enough, by their room.
    pub unsure: Vec<f32>,
}

/// The delegations whose model SEF chose, oldest first.
pub fn cases(records: &[Record], list: &[Delegation], judged: &[Judged]) -> Vec<Case> {
    let spawns: HashMap<(&str, &str), &Record> = records
        .iter()
        .filter(|record| record.e == Kind::Spawn && record.want.is_some())
        .filter_map(|record| Some(((record.s.as_str(), record.tu.as_deref()?), record)))
        .collect();
    let found = list.iter().zip(judged).filter_map(|(one, judged)| {
        let spawn = spawns.get(&(one.session.as_str(), one.tool_use_id.as_deref()?))?;
        case(spawn, judged.outcome)
    });
    found.collect()
}

fn case(spawn: &Record, outcome: Ended) -> Option<Case> {
    let own = spawn.agent.as_deref().and_then(Role::of_executor);
    let role = own.or_else(|| spawn.role.as_deref().and_then(role_of))?;
    role.executor()?;
    Some(Case {
        time: spawn.t,
        role,
        executor: own.is_some(),
        tier: spawn.tier?,
        why: spawn.why.clone().unwrap_or_default(),
        room: room(spawn),
        rules: spawn.rules.clone(),
        rejected: (outcome != Ended::Unknown).then(|| outcome.is_rejection()),
    })
}

/// A record's room as a probability.
fn room(record: &Record) -> Option<f32> {
    record.room.map(|room| f32::from(room) / 1_000.0)
}

fn role_of(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role.name() == name)
}

/// Milliseconds since 1970 of a change's time; a time that cannot be read lies before everything.
pub fn millis(at: &str) -> u64 {
    calendar::parse_timestamp(at).unwrap_or(0)
}

/// Each role's share of rejected work since its last change.
pub fn by_role(cases: &[Case], file: &File) -> BTreeMap<&'static str, Share> {
    let mut shares = BTreeMap::new();
    for case in cases.iter().filter(|case| counts_for_role(case, file)) {
        shares.entry(case.role.name()).or_insert_with(Share::default).add(case.rejected);
    }
    shares
}

/// Whether a delegation came after the last change of its role's thresholds.
pub fn counts_for_role(case: &Case, file: &File) -> bool {
    file.role.get(case.role.name()).is_none_or(|shift| case.time >= millis(&shift.at))
}

/// Each rule's share of rejected work at each tier since its last change.
pub fn by_rule(cases: &[Case], file: &File) -> BTreeMap<(String, u8), Share> {
    let mut shares: BTreeMap<(String, u8), Share> = BTreeMap::new();
    for case in cases.iter().filter(|case| (1..=2).contains(&case.tier)) {
        for rule in &case.rules {
            let change = file.rule.get(rule).filter(|down| down.tier == case.tier);
            if change.is_none_or(|down| case.time >= millis(&down.at)) {
                shares.entry((rule.clone(), case.tier)).or_default().add(case.rejected);
            }
        }
    }
    shares
}

/// Each kind of hint: was it followed, and what was not hinted for want of sureness.
pub fn hints(records: &[Record], since: u64, policy: &Policy, file: &File) -> BTreeMap<String, Hints> {
    let mut spawns: HashMap<(&str, &str), Vec<&Record>> = HashMap::new();
    for spawn in records.iter().filter(|record| record.e == Kind::Spawn && record.a.is_none()) {
        if let Some(prompt) = spawn.p.as_deref() {
            spawns.entry((&spawn.s, prompt)).or_default().push(spawn);
        }
    }
    let mut stopped: HashMap<&str, u64> = HashMap::new();
    for stop in records.iter().filter(|record| record.e == Kind::Stop) {
        let last = stopped.entry(&stop.s).or_default();
        *last = stop.t.max(*last);
    }
    let mut found: BTreeMap<String, Hints> = BTreeMap::new();
    for prompt in records.iter().filter(|record| record.e == Kind::Prompt && record.t >= since) {
        let Some(role) = prompt.role.as_deref().and_then(role_of) else { continue };
        let key = match (prompt.hint.as_deref(), prompt.why.as_deref()) {
            (Some("parts"), _) => PARTS,
            (Some("task"), _) => role.name(),
            (None, Some("unsure")) => {
                found.entry(role.name().to_owned()).or_default().unsure.extend(room(prompt));
                continue;
            }
            _ => continue,
        };
        let worded = file.hint.get(key);
        let (word, at) = worded.map_or((0, 0), |worded| (worded.wording, millis(&worded.at)));
        if prompt.t < at || prompt.word.unwrap_or(0) != word {
            continue;
        }
        let made = prompt.p.as_deref().and_then(|id| spawns.get(&(prompt.s.as_str(), id)));
        let fits = |spawn: &&Record| key == PARTS || fits(spawn, role, policy);
        let followed = made.is_some_and(|made| made.iter().any(fits));
        // A turn that never ended says nothing about what it would have done.
        let known = followed || stopped.get(prompt.s.as_str()).is_some_and(|end| *end >= prompt.t);
        found.entry(key.to_owned()).or_default().given.add(known.then_some(followed));
    }
    found
}

/// Whether a spawn is what a hint for a role spoke of: its executor, or any subagent on the role's tier.
fn fits(spawn: &Record, role: Role, policy: &Policy) -> bool {
    let family = family_of(policy, role.tier()).map(Family::alias);
    spawn.agent.as_deref().is_some_and(|agent| Role::of_executor(agent) == Some(role))
        || (family.is_some() && spawn.want.as_deref() == family)
}
