//! From evidence to proposals: which threshold to shift, which rule to trust less, which hint to word anew. Pure. Acts only
//! on enough data; what is missing is said in numbers. docs/calibration.md states the rules.

use std::collections::BTreeMap;

use serde::Serialize;

use super::evidence::{self, Case, Hints, Share};
use crate::guidance::WORDINGS;
use crate::outcomes::{Z95, wilson};
use crate::rules::calibration::{Down, File, MAX_DOWN, MAX_SHIFT, Shift, Worded};
use crate::rules::policy::{Policy, SILENT};

/// Known outcomes, or hints, below which nothing is proposed.
pub const ENOUGH: u64 = 20;
/// The share of rejected work that SEF aims to stay under.
pub const AIM: f64 = 0.15;
/// Above this share borderline work goes one tier up.
pub const TOO_MANY: f64 = 0.20;
/// Below this share more can be delegated.
pub const FEW: f64 = 0.05;
/// A hint that is surely followed less often than this is ignored.
pub const IGNORED: f64 = 1.0 / 3.0;
/// Smallest shift of a threshold.
const STEP: f32 = 0.05;
/// Largest number of steps up at once.
const STEPS_UP: u16 = 3;
/// Weight taken from a rule at once.
const DOWN: f32 = 0.5;
/// The effect of a change on a past whose records do not hold their room.
const NO_ROOM: &str = "cannot be told: this log is of an older SEF";
/// Many rules are looked at, so one must stand out more: standard deviations of a 99.9 % interval.
const Z999: f64 = 3.290_527;

/// One change that the evidence speaks for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// `role`, `rule` or `hint`.
    pub kind: &'static str,
    /// The role, the rule's id, or the hint's key.
    pub name: String,
    /// What would be changed, in words.
    pub change: String,
    /// The figures that speak for it.
    pub because: String,
    /// What it would have done to the past, as far as that can be told.
    pub effect: String,
    #[serde(skip)]
    to: To,
}

#[derive(Debug, Clone, PartialEq)]
enum To {
    Shift(f32),
    Down { tier: u8, down: f32 },
    Wording(u8),
}

impl Proposal {
    /// Writes the change into the file, as of a time in ISO 8601.
    pub fn put(&self, file: &mut File, at: &str) {
        let (at, because) = (at.to_owned(), self.because.clone());
        match self.to {
            To::Shift(shift) => {
                file.role.insert(self.name.clone(), Shift { shift, at, because });
            }
            To::Down { tier, down } => {
                file.rule.insert(self.name.clone(), Down { tier, down, at, because });
            }
            To::Wording(wording) => {
                file.hint.insert(self.name.clone(), Worded { wording, at, because });
            }
        }
    }
}

/// What is proposed, and why nothing is where nothing is.
#[derive(Debug, Default, PartialEq)]
pub struct Verdicts {
    /// Changes.
    pub proposals: Vec<Proposal>,
    /// One sentence for each role and hint without a proposal.
    pub otherwise: Vec<String>,
}

/// Looks at every role, rule and hint.
pub fn propose(cases: &[Case], hints: &BTreeMap<String, Hints>, policy: &Policy, file: &File) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (role, share) in evidence::by_role(cases, file) {
        let of_role: Vec<&Case> = cases
            .iter()
            .filter(|case| case.role.name() == role && evidence::counts_for_role(case, file))
            .collect();
        let unsure = hints.get(role).map_or(&[][..], |hints| &hints.unsure);
        let now = policy.calibration.shift.get(role).copied().unwrap_or(0.0);
        match for_role(share, &of_role, unsure, now) {
            Ok((shift, because, effect)) => verdicts.proposals.push(Proposal {
                kind: "role",
                name: role.to_owned(),
                change: format!("thresholds {shift:+.2} (now {now:+.2})"),
                because,
                effect,
                to: To::Shift(shift),
            }),
            Err(why) => verdicts.otherwise.push(format!("{role}: {why}")),
        }
    }
    // What a role's threshold mends, now or since its last change, is not held against its rules too.
    let shifted: Vec<&str> = verdicts.proposals.iter().map(|one| one.name.as_str()).collect();
    let is_other =
        |case: &&Case| !shifted.contains(&case.role.name()) && evidence::counts_for_role(case, file);
    let others: Vec<Case> = cases.iter().filter(is_other).cloned().collect();
    for ((rule, tier), share) in evidence::by_rule(&others, file) {
        let before = file.rule.get(&rule).filter(|down| down.tier == tier).map_or(0.0, |down| down.down);
        if let Some((down, because)) = for_rule(share, before) {
            let effect = rule_effect(&others, &rule, tier, policy);
            let to = To::Down { tier, down };
            let change = format!("speaks {DOWN:.1} less for tier {tier} (in all {down:.1} less)");
            verdicts.proposals.push(Proposal { kind: "rule", name: rule, change, because, effect, to });
        }
    }
    for (key, hints) in hints.iter().filter(|(_, hints)| hints.given.all > 0) {
        let now = policy.calibration.hints.get(key).copied().unwrap_or(0);
        match for_hint(hints.given, now) {
            Ok((wording, change, effect)) => verdicts.proposals.push(Proposal {
                kind: "hint",
                name: key.clone(),
                change,
                because: format!("followed {}", text(hints.given, Z95)),
                effect,
                to: To::Wording(wording),
            }),
            Err(why) => verdicts.otherwise.push(format!("hint {key}: {why}")),
        }
    }
    let silent = file.hint.iter().filter(|(_, hint)| hint.wording == SILENT);
    verdicts.otherwise.extend(silent.map(|(key, _)| {
        format!("hint {key}: silenced because it was ignored; `sef-stats calibrate --revert` brings it back")
    }));
    verdicts
}

/// `12 of 41 (29 %; 18-45 %)`.
pub fn text(share: Share, z: f64) -> String {
    match (share.rate(), wilson(share.part, share.known, z)) {
        (Some(rate), Some((low, high))) => format!(
            "{} of {} ({:.0} %; {:.0}-{:.0} %)",
            share.part,
            share.known,
            rate * 100.0,
            low * 100.0,
            high * 100.0
        ),
        _ => "0 of 0".to_owned(),
    }
}

fn too_few(share: Share, what: &str) -> String {
    format!("{} of {ENOUGH} {what}: {} more are needed", share.known, ENOUGH - share.known)
}

/// The new shift of a role, the reason and the effect; or why nothing is changed.
fn for_role(
    share: Share,
    cases: &[&Case],
    unsure: &[f32],
    now: f32,
) -> Result<(f32, String, String), String> {
    let (Some(rate), Some((low, high))) = (share.rate(), share.interval()) else {
        return Err(too_few(share, "known outcomes"));
    };
    if share.known < ENOUGH {
        return Err(too_few(share, "known outcomes"));
    }
    let seen = format!("rejected {}", text(share, Z95));
    if rate > TOO_MANY {
        if low <= AIM {
            let more = more_needed(rate, share.known);
            return Err(format!(
                "{seen}: over {} but not surely over {}{more}",
                percent(TOO_MANY),
                percent(AIM)
            ));
        }
        return up(cases, now)
            .map(|(shift, effect)| (shift, seen.clone(), effect))
            .map_err(|why| format!("{seen}: {why}"));
    }
    if rate < FEW {
        if high >= AIM {
            let more = more_needed(rate, share.known);
            return Err(format!(
                "{seen}: under {} but not surely under {}{more}",
                percent(FEW),
                percent(AIM)
            ));
        }
        return down(cases, unsure, now)
            .map(|(shift, effect)| (shift, seen.clone(), effect))
            .map_err(|why| format!("{seen}: {why}"));
    }
    Err(format!("{seen}: within {}-{}, nothing to change", percent(FEW), percent(TOO_MANY)))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// How many more outcomes at this rate would settle it.
fn more_needed(rate: f64, known: u64) -> String {
    let settles = |n: &u64| {
        let part = (rate * *n as f64).round() as u64;
        wilson(part, *n, Z95).is_some_and(|(low, high)| if rate > AIM { low > AIM } else { high < AIM })
    };
    let found = (known + 1..=known * 50).find(settles);
    found.map_or(String::new(), |n| format!("; about {} more at this rate would settle it", n - known))
}

/// Whether a case would stay at its tier under a shift; none when its room is not known.
fn stays(case: &Case, shift: f32) -> Option<bool> {
    case.room.map(|room| room > shift)
}

/// The smallest shift up under which what stays is rejected rarely enough; the best one within reach otherwise.
fn up(cases: &[&Case], now: f32) -> Result<(f32, String), &'static str> {
    if now >= MAX_SHIFT {
        return Err("the thresholds are as high as they go; the rules or the tiers must change");
    }
    let stayed: Vec<&&Case> = cases.iter().filter(|case| stays(case, now) != Some(false)).collect();
    if stayed.iter().all(|case| case.room.is_none()) {
        return Ok((rounded(now + STEP), NO_ROOM.to_owned()));
    }
    let try_one = |steps: u16| {
        let shift = rounded((now + STEP * f32::from(steps)).min(MAX_SHIFT));
        let (mut left, mut moved) = (Share::default(), Share::default());
        for case in &stayed {
            let share = if stays(case, shift) == Some(false) { &mut moved } else { &mut left };
            share.known += u64::from(case.rejected.is_some());
            share.part += u64::from(case.rejected == Some(true));
        }
        (shift, left, moved)
    };
    let tried: Vec<(f32, Share, Share)> = (1..=STEPS_UP).map(try_one).collect();
    let good =
        tried.iter().find(|(_, left, moved)| moved.part > 0 && left.rate().is_none_or(|rate| rate <= AIM));
    let best = || {
        let helps = tried.iter().filter(|(_, _, moved)| moved.part > 0);
        helps.min_by(|a, b| a.1.rate().unwrap_or(0.0).total_cmp(&b.1.rate().unwrap_or(0.0)))
    };
    let Some((shift, left, moved)) = good.or_else(best) else {
        return Err(
            "no shift within +0.15 would have sent any of them up: the rules were sure, so they must change",
        );
    };
    let effect = format!(
        "{} of {} would have gone one tier up, {} of them rejected; of the others {} of {} were",
        moved.known,
        moved.known + left.known,
        moved.part,
        left.part,
        left.known
    );
    Ok((*shift, effect))
}

/// One step down, when that would have delegated more.
fn down(cases: &[&Case], unsure: &[f32], now: f32) -> Result<(f32, String), &'static str> {
    let shift = rounded(now - STEP);
    if shift < -MAX_SHIFT {
        return Err("the thresholds are as low as they go");
    }
    let hints = unsure.iter().filter(|room| **room >= shift && **room < now).count();
    let cheaper = cases
        .iter()
        .filter(|case| case.why == "unsure" && case.room.is_some_and(|room| room >= shift && room < now))
        .count();
    if unsure.is_empty() && cases.iter().all(|case| case.room.is_none()) {
        return Err("whether a lower threshold delegates more cannot be told: this log is of an older SEF");
    }
    if hints + cheaper == 0 {
        return Err("a lower threshold would have delegated nothing more");
    }
    let effect = format!(
        "{hints} of {} prompts without a hint would have got one; {cheaper} of {} spawns would have gone one tier lower",
        unsure.len(),
        cases.len()
    );
    Ok((shift, effect))
}

/// To hundredths, so that steps do not drift.
fn rounded(shift: f32) -> f32 {
    (shift * 100.0).round() / 100.0
}

/// The new weight taken from a rule and the reason, when its work is surely rejected too often.
fn for_rule(share: Share, before: f32) -> Option<(f32, String)> {
    let (rate, (low, _)) = (share.rate()?, wilson(share.part, share.known, Z999)?);
    let stands_out = share.known >= ENOUGH && rate > TOO_MANY && low > AIM && before < MAX_DOWN;
    stands_out.then(|| ((before + DOWN).min(MAX_DOWN), format!("rejected {}", text(share, Z999))))
}

/// How many of a rule's delegations would have gone up with less of its weight: a weight shifts the odds.
fn rule_effect(cases: &[Case], rule: &str, tier: u8, policy: &Policy) -> String {
    let fired: Vec<&Case> =
        cases.iter().filter(|case| case.tier == tier && case.rules.iter().any(|id| id == rule)).collect();
    if fired.iter().all(|case| case.room.is_none()) {
        return NO_ROOM.to_owned();
    }
    let thresholds = policy.confidence.thresholds();
    let goes_up = |case: &&&Case| {
        let Some(room) = case.room else { return false };
        let asked = match (case.executor, tier) {
            (true, _) => 1.0 - thresholds.haiku,
            (false, 1) => thresholds.haiku,
            _ => thresholds.sonnet,
        };
        let suffices = (asked + room).clamp(0.001, 0.999);
        let odds = suffices / (1.0 - suffices) * (-DOWN).exp();
        let shift = policy.calibration.shift.get(case.role.name()).copied().unwrap_or(0.0);
        room > shift && odds / (1.0 + odds) - asked <= shift
    };
    let moved: Vec<&&Case> = fired.iter().filter(goes_up).collect();
    let rejected = moved.iter().filter(|case| case.rejected == Some(true)).count();
    format!(
        "about {} of {} would have gone one tier up, {rejected} of them rejected",
        moved.len(),
        fired.len()
    )
}

/// The next wording of a hint that is ignored, with what changes.
fn for_hint(given: Share, now: u8) -> Result<(u8, String, String), String> {
    if given.known < ENOUGH {
        return Err(too_few(given, "hints with an end of turn"));
    }
    let seen = format!("followed {}", text(given, Z95));
    if given.interval().is_none_or(|(_, high)| high >= IGNORED) {
        return Err(format!("{seen}: not surely under {}, it stays", percent(IGNORED)));
    }
    let next = now + 1;
    if next < WORDINGS {
        let effect = "unknown until it was given; it is measured anew from then on".to_owned();
        return Ok((next, format!("wording {next} of 0-{} (now {now})", WORDINGS - 1), effect));
    }
    let effect =
        format!("{} hints like these would not have been given, nor stayed in the context", given.all);
    Ok((SILENT, "silence: every wording was ignored".to_owned(), effect))
}
