//! A made-up month of conversations, played turn by turn: with nobody choosing, with the guard, by the tiers alone, and by an
//! oracle that knows every pause and every failure. What it is made of is in `assumptions.toml`. Reads and writes no file.

use serde::Serialize;

use super::assumed::{Assumed, Effort};
use super::caches::Caches;
use super::guard::{Choice, Situation, Wish, decide};
use super::memory::{Evidence, Memory, Step};
use super::oracle;
use crate::classify::Tier;
use crate::models::Family;
use crate::prices::{Prices, Usd};
use crate::random::Random;
use crate::rules::policy::Guard;

/// Beginning of the month: 2026-11-20, the date of the built-in prices.
const BEGIN: u64 = 1_795_132_800_000;
/// Time between two sessions, milliseconds: longer than any cache lives.
const APART: u64 = 7_200_000;
/// Most turns of a session.
const LONGEST: usize = 60;

/// Which month.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Another seed is another month.
    pub seed: u64,
    /// Id of the user's model.
    pub home: &'a str,
    /// Factor on every pause of the user.
    pub pace: f64,
    /// Cache entries live for an hour instead of five minutes.
    pub hour: bool,
    /// Factor on the share of turns that are harder than the rules take them for.
    pub harder: f64,
}

impl Setting<'_> {
    /// The usual one: Opus, pauses as assumed, five minutes.
    pub fn usual(seed: u64) -> Self {
        Self { seed, home: Family::Opus.id_at(BEGIN), pace: 1.0, hour: false, harder: 1.0 }
    }
}

/// What the month costs, in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Turns of the user.
    pub turns: u64,
    /// Everything on the user's model.
    pub stay: f64,
    /// With the guard.
    pub guard: f64,
    /// Each turn on its tier's model, whatever the caches hold.
    pub by_tier: f64,
    /// Turns that the guard ran on another model.
    pub moved: u64,
    /// Turns that it ran with less effort.
    pub lowered: u64,
    /// Turns of these that had to be done again.
    pub redone: u64,
    /// The same for [`Compared::by_tier`].
    pub redone_by_tier: u64,
}

impl Compared {
    /// What the guard gains, as a share of what staying costs; below 0 it loses.
    pub fn gain(&self) -> f64 {
        1.0 - self.guard / self.stay
    }
}

/// One turn, as it will go.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// The user's pause before it, in milliseconds.
    pub pause: u64,
    /// What the rules are sure of.
    pub judged: Tier,
    /// What it takes.
    pub needs: Tier,
    /// Less effort is too little for it.
    pub needs_effort: bool,
    /// Its requests.
    pub requests: Vec<Request>,
}

/// One request of a turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    /// Tokens that it adds to the history.
    pub grows: u64,
    /// Tokens that it generates at the model's own effort.
    pub output: u64,
    /// How long it takes, in milliseconds.
    pub millis: u64,
}

/// One conversation, as it will go.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// When it begins.
    pub begin: u64,
    /// The system text is cached on the user's model.
    pub warm: bool,
    /// Its turns.
    pub turns: Vec<Turn>,
}

/// What is the same for all that happens in a month.
#[derive(Clone, Copy)]
pub(super) struct Month<'a> {
    pub setting: Setting<'a>,
    pub assumed: &'a Assumed,
    pub prices: &'a Prices,
}

/// Plays the month with a preset.
pub fn compare(setting: Setting<'_>, guard: &Guard, assumed: &Assumed, prices: &Prices) -> Compared {
    let month = Month { setting, assumed, prices };
    let mut sum = Compared::default();
    let mut evidence = Evidence::default();
    for session in drawn(&month, &guard.confidence) {
        sum.turns += session.turns.len() as u64;
        sum.stay += month.played(&session, |_| Choice::Stay).dollars;
        let guarded = month.played(&session, |now| now.guarded(guard, &mut evidence));
        sum.guard += guarded.dollars;
        sum.moved += guarded.moved;
        sum.lowered += guarded.lowered;
        sum.redone += guarded.redone;
        let by_tier = month.played(&session, |now| now.by_tier());
        sum.by_tier += by_tier.dollars;
        sum.redone_by_tier += by_tier.redone;
    }
    sum
}

/// What the same month costs at the least, with everything known beforehand, in dollars.
pub fn oracle(setting: Setting<'_>, guard: &Guard, assumed: &Assumed, prices: &Prices) -> f64 {
    let month = Month { setting, assumed, prices };
    drawn(&month, &guard.confidence).iter().map(|session| oracle::least(&month, session)).sum()
}

/// Draws the month's sessions.
fn drawn(month: &Month<'_>, confidence: &str) -> Vec<Session> {
    let mut random = Random(month.setting.seed);
    let of = &month.assumed.month;
    let mut begin = BEGIN;
    let mut sessions = Vec::new();
    for _ in 0..of.sessions {
        let warm = random.share() < of.warm;
        let mut turns = Vec::new();
        while turns.is_empty() || (turns.len() < LONGEST && random.share() >= month.assumed.ends) {
            turns.push(turn(month, confidence, &mut random));
        }
        let lasts: u64 = turns.iter().map(|turn| turn.pause + turn.millis()).sum();
        sessions.push(Session { begin, warm, turns });
        // A turn that is done again takes its time too.
        begin += 2 * lasts + APART;
    }
    sessions
}

fn turn(month: &Month<'_>, confidence: &str, random: &mut Random) -> Turn {
    let assumed = month.assumed;
    let mut left = random.share();
    let shares = assumed.month.judged(confidence);
    let tier = shares.iter().position(|share| {
        left -= share;
        left < 0.0
    });
    let judged = Tier::from_number(tier.unwrap_or(3) as u8);
    let redone = assumed.redone(confidence);
    let higher = redone.misjudged(judged) * month.setting.harder;
    let needs = if random.share() < higher { judged.escalate() } else { judged };
    let expected = assumed.turn(needs);
    let mut varied = |mean: u64| {
        let spread = assumed.month.spread;
        // The mean of a log-normal with median 1 is exp(spread^2 / 2).
        (mean as f64 * (spread * random.normal() - spread * spread / 2.0).exp()).round() as u64
    };
    let requests = varied(u64::from(expected.requests)).clamp(1, 80);
    let requests = (0..requests)
        .map(|_| {
            let output = varied(expected.output);
            Request {
                grows: varied(expected.grows).max(output),
                output,
                millis: varied(expected.seconds * 1000),
            }
        })
        .collect();
    let pause = (assumed.pause(random.share()) as f64 * month.setting.pace) as u64;
    let needs_effort = if needs == judged { redone.effort } else { assumed.misjudged_effort };
    Turn { pause, judged, needs, needs_effort: random.share() < needs_effort, requests }
}

impl Turn {
    fn millis(&self) -> u64 {
        self.requests.iter().map(|request| request.millis).sum()
    }
}

/// A turn that is about to begin.
struct Now<'a> {
    month: &'a Month<'a>,
    turn: &'a Turn,
    at: u64,
    memory: &'a mut Memory,
    /// The turn before was changed and has to be done again: this is it.
    complaint: bool,
}

impl Now<'_> {
    /// As `sef main-turn` decides.
    fn guarded(&mut self, guard: &Guard, evidence: &mut Evidence) -> Choice {
        let Month { setting, assumed, prices } = *self.month;
        let redone = assumed.redone(&guard.confidence).scaled(evidence.factor());
        if self.memory.share > 0.0 {
            evidence.add(self.memory.share, self.complaint);
        }
        self.memory.complaints += u32::from(self.complaint);
        let tier = self.turn.judged;
        let wish = Wish { tier, least: least(tier), mark: None, keep: self.complaint.then_some("complaint") };
        let decision = decide(&Situation {
            guard,
            prices,
            assumed,
            redone,
            now: self.at,
            home: setting.home,
            effort: assumed.effort_of(setting.home),
            wish,
            memory: self.memory,
        });
        self.memory.share = decision.redone();
        decision.choice
    }

    /// The tier's model.
    fn by_tier(&self) -> Choice {
        let smaller =
            least(self.turn.judged).filter(|family| Some(*family) < Family::of(self.month.setting.home));
        smaller.filter(|_| !self.complaint).map_or(Choice::Stay, Choice::Model)
    }
}

/// The smallest family for work of a tier.
pub(super) fn least(tier: Tier) -> Option<Family> {
    match tier {
        Tier::Haiku => Some(Family::Haiku),
        Tier::Sonnet => Some(Family::Sonnet),
        Tier::None | Tier::Opus => None,
    }
}

#[derive(Default)]
struct Played {
    dollars: f64,
    moved: u64,
    lowered: u64,
    redone: u64,
}

impl Month<'_> {
    /// Plays one session with somebody who chooses.
    fn played(&self, session: &Session, mut choose: impl FnMut(&mut Now<'_>) -> Choice) -> Played {
        let mut played = Played::default();
        let mut caches = self.begun(session);
        let mut memory = Memory::default();
        let (mut at, mut history) = (session.begin, self.assumed.system);
        for turn in &session.turns {
            let mut complaint = false;
            loop {
                at += turn.pause;
                let choice = choose(&mut Now { month: self, turn, at, memory: &mut memory, complaint });
                let (model, output) = self.meant(choice);
                let mut steps = Vec::new();
                history += self.assumed.prompt;
                for request in &turn.requests {
                    let step = self.request(
                        &mut caches,
                        model,
                        at,
                        history,
                        (request.output as f64 * output) as u64,
                    );
                    played.dollars += self.price(&step);
                    steps.push(step);
                    history += request.grows;
                    at += request.millis;
                }
                memory.ended(self.setting.home, &steps, true, self.prices, self.assumed.system);
                played.moved += u64::from(matches!(choice, Choice::Model(_)));
                played.lowered += u64::from(matches!(choice, Choice::Effort(_)));
                complaint = !suffices(turn, choice);
                if !complaint {
                    break;
                }
                played.redone += 1;
            }
        }
        played
    }

    /// The caches when a session begins.
    pub(super) fn begun(&self, session: &Session) -> Caches {
        let mut caches = Caches::default();
        if session.warm {
            caches.used(self.setting.home, session.begin, self.assumed.system, self.setting.hour);
        }
        caches
    }

    /// The model of a choice, and the output that it generates as a multiple of the usual.
    pub(super) fn meant(&self, choice: Choice) -> (&str, f64) {
        let home = self.setting.home;
        match choice {
            Choice::Stay => (home, 1.0),
            Choice::Model(family) => (family.id_at(BEGIN), 1.0),
            Choice::Effort(effort) => {
                let own = self.assumed.effort_of(home).unwrap_or(Effort::Medium);
                (home, self.assumed.output(effort, own))
            }
        }
    }

    /// One request, and what it leaves in the cache.
    pub(super) fn request(
        &self,
        caches: &mut Caches,
        model: &str,
        at: u64,
        prompt: u64,
        output: u64,
    ) -> Step {
        let usage = caches.split(model, at, prompt, 0, self.setting.hour);
        caches.used(model, at, prompt, self.setting.hour);
        Step { at, model: model.to_owned(), usage: crate::prices::Usage { output, ..usage } }
    }

    pub(super) fn price(&self, step: &Step) -> f64 {
        self.prices.cost(&step.model, step.at, &step.usage).map_or(0.0, Usd::dollars)
    }
}

/// Whether a turn comes out well with a choice.
pub(super) fn suffices(turn: &Turn, choice: Choice) -> bool {
    match choice {
        Choice::Stay => true,
        Choice::Model(family) => {
            turn.needs == Tier::None || least(turn.needs).is_some_and(|least| family >= least)
        }
        Choice::Effort(_) => !turn.needs_effort,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::policy::Main;

    /// Months of every kind: the guard's own assumptions, and ones that it does not know of.
    fn months(seeds: std::ops::Range<u64>) -> Vec<Setting<'static>> {
        let fable = Family::Fable.id_at(BEGIN);
        let sonnet = Family::Sonnet.id_at(BEGIN);
        seeds
            .flat_map(|seed| {
                let usual = Setting::usual(seed);
                [
                    usual,
                    Setting { pace: 0.3, ..usual },
                    Setting { pace: 3.0, ..usual },
                    Setting { hour: true, ..usual },
                    Setting { home: fable, ..usual },
                    Setting { home: sonnet, ..usual },
                ]
            })
            .collect()
    }

    #[test]
    fn a_month_with_the_guard_is_never_one_per_cent_dearer_than_without() {
        let (assumed, prices, main) =
            (Assumed::built_in(), Prices::built_in().expect("sound"), Main::default());
        for setting in months(1..2) {
            for guard in [&main.careful, &main.eager] {
                let compared = compare(setting, guard, &assumed, &prices);
                assert!(compared.gain() > -0.01, "{setting:?} {compared:?}");
                assert!(compared.turns > 1_000 && compared.moved > 0, "{setting:?} {compared:?}");
            }
        }
    }

    #[test]
    fn where_the_rules_err_twice_as_often_the_guard_loses_little_and_tiers_alone_much() {
        let (assumed, prices, main) =
            (Assumed::built_in(), Prices::built_in().expect("sound"), Main::default());
        for seed in 1..3 {
            let setting = Setting { harder: 2.0, ..Setting::usual(seed) };
            for guard in [&main.careful, &main.eager] {
                let compared = compare(setting, guard, &assumed, &prices);
                assert!(compared.gain() > -0.04, "{compared:?}");
                assert!(compared.guard < compared.by_tier, "{compared:?}");
            }
        }
    }

    #[test]
    fn the_oracle_is_never_beaten_and_the_guard_gains_with_what_it_assumes() {
        let (mut assumed, prices, main) =
            (Assumed::built_in(), Prices::built_in().expect("sound"), Main::default());
        assumed.month.sessions = 30;
        let (mut stay, mut guarded) = (0.0, 0.0);
        for seed in 1..4 {
            let setting = Setting::usual(seed);
            let compared = compare(setting, &main.careful, &assumed, &prices);
            let oracle = oracle(setting, &main.careful, &assumed, &prices);
            assert!(
                oracle <= compared.stay.min(compared.guard).min(compared.by_tier),
                "{oracle} {compared:?}"
            );
            stay += compared.stay;
            guarded += compared.guard;
        }
        assert!(guarded < stay, "{guarded} {stay}");
    }

    #[test]
    fn a_month_is_the_same_each_time_and_another_with_another_seed() {
        let (mut assumed, prices, main) =
            (Assumed::built_in(), Prices::built_in().expect("sound"), Main::default());
        assumed.month.sessions = 5;
        let month = |seed| compare(Setting::usual(seed), &main.eager, &assumed, &prices);
        assert_eq!(month(1), month(1));
        assert_ne!(month(1).stay.to_bits(), month(2).stay.to_bits());
    }
}
