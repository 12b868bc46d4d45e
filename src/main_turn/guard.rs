//! Whether a turn may leave the user's model, and whether that is expected to pay: the cost of the turn on each model with
//! what its cache holds, and of coming back afterwards. Pure: a situation in, a decision with its reasons out.

use super::assumed::{Assumed, Effort, Redone};
use super::memory::Memory;
use crate::classify::Tier;
use crate::models::Family;
use crate::prices::{Prices, Usage};
use crate::rules::policy::Guard;

/// What a turn is to run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The user's model and effort.
    Stay,
    /// A smaller model.
    Model(Family),
    /// The user's model with less effort.
    Effort(Effort),
}

impl Choice {
    /// The word that the mod reads; empty for [`Choice::Stay`].
    pub fn word(self) -> &'static str {
        match self {
            Self::Stay => "",
            Self::Model(family) => family.alias(),
            Self::Effort(effort) => effort.name(),
        }
    }
}

/// Everything that a decision depends on.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// How far the preset goes.
    pub guard: &'a Guard,
    /// Dated prices.
    pub prices: &'a Prices,
    /// What is taken for granted.
    pub assumed: &'a Assumed,
    /// Shares of turns that are done again, as experience has it.
    pub redone: Redone,
    /// Milliseconds since 1970.
    pub now: u64,
    /// Id of the user's model.
    pub home: &'a str,
    /// The user's effort; none when it must not be changed.
    pub effort: Option<Effort>,
    /// What the prompt needs.
    pub wish: Wish,
    /// The session so far.
    pub memory: &'a Memory,
}

/// What the prompt asks for, as far as models go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The tier that surely suffices.
    pub tier: Tier,
    /// The smallest family that may do it; none: only the user's model.
    pub least: Option<Family>,
    /// A routing mark: its tier, 0 for `~off`.
    pub mark: Option<u8>,
    /// A reason outside of money to leave the turn alone.
    pub keep: Option<&'static str>,
}

/// One way to run the turn, against the user's model and effort.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighed {
    /// The way.
    pub choice: Choice,
    /// Expected gain in dollars, the way back included; negative is a loss.
    pub gain: f64,
    /// The gain should the user's cache be gone on the way back.
    pub worst: f64,
    /// Share of such turns that are done again.
    pub redone: f64,
    /// The limit that forbids it.
    pub barred: Option<&'static str>,
}

/// What is decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What the turn runs with.
    pub choice: Choice,
    /// Reason code.
    pub why: &'static str,
    /// Every way that was weighed, the barred ones too.
    pub weighed: Vec<Weighed>,
}

impl Decision {
    fn stay(why: &'static str) -> Self {
        Self { choice: Choice::Stay, why, weighed: Vec::new() }
    }

    /// Share of such turns that are done again; 0 for [`Choice::Stay`].
    pub fn redone(&self) -> f64 {
        self.weighed.iter().find(|way| way.choice == self.choice).map_or(0.0, |way| way.redone)
    }

    /// What was chosen, or for [`Choice::Stay`] the best of what was not.
    pub fn best(&self) -> Option<&Weighed> {
        let chosen = self.weighed.iter().find(|way| way.choice == self.choice);
        chosen.or_else(|| self.weighed.iter().max_by(|a, b| a.gain.total_cmp(&b.gain)))
    }
}

/// Loss, as a share of what staying would have cost, from which a session begins no further detour.
const LOSING: f64 = 0.01;

/// Longest history that is reckoned with, in tokens: a thousand times what any model takes.
const MOST: u64 = 1 << 30;

/// Decides about one turn.
pub fn decide(now: &Situation<'_>) -> Decision {
    let Some(home) = Family::of(now.home) else { return Decision::stay("model-unknown") };
    if let Some(mark) = now.wish.mark {
        return marked(now, home, mark);
    }
    if let Some(why) = now.wish.keep {
        return Decision::stay(why);
    }
    let memory = now.memory;
    if memory.open {
        return Decision::stay("mid-work");
    }
    if memory.complaints >= now.guard.complaints {
        return Decision::stay("complaints");
    }
    let suits = |family: Family| match (now.wish.tier, memory.served_by()) {
        // "go on" asks for nothing by itself: it is answered where the work before it was.
        (Tier::None, serving) => serving == Some(family),
        _ => now.wish.least.is_some_and(|least| family >= least),
    };
    match now.wish.tier {
        Tier::None if memory.serving.is_none() => return Decision::stay("no-task"),
        Tier::Opus => return Decision::stay("tier-3"),
        _ => {}
    }
    let allowed =
        |family: &Family| *family < home && now.guard.models.iter().any(|name| name == family.alias());
    let mut weighed: Vec<Weighed> = Family::ALL
        .into_iter()
        .filter(|family| suits(*family) && allowed(family))
        .filter_map(|family| model(now, family))
        .collect();
    weighed.extend(effort(now));
    choose(now.guard, weighed)
}

/// What the user asked for by a mark: what it costs is said, not asked about. Never upwards.
fn marked(now: &Situation<'_>, home: Family, mark: u8) -> Decision {
    let family = match Tier::from_number(mark) {
        Tier::Haiku => Family::Haiku,
        Tier::Sonnet => Family::Sonnet,
        Tier::None | Tier::Opus => return Decision::stay("mark"),
    };
    if family >= home {
        return Decision::stay("mark");
    }
    let way = model(now, family).map(|way| Weighed { barred: None, ..way });
    Decision { choice: Choice::Model(family), why: "mark", weighed: way.into_iter().collect() }
}

/// The smallest model that pays; a lower effort instead where that is enough. A larger one may promise more, but that is
/// of the turns to come, which are decided about when they come.
fn choose(guard: &Guard, weighed: Vec<Weighed>) -> Decision {
    let pays = |way: &&Weighed| way.gain >= guard.least_cents / 100.0;
    let mut ways = weighed.iter().filter(|way| way.barred.is_none()).filter(pays);
    let model = ways.clone().find(|way| matches!(way.choice, Choice::Model(_)));
    let effort = ways.find(|way| matches!(way.choice, Choice::Effort(_)));
    let (choice, why) = match (model, effort) {
        (Some(model), Some(effort)) if effort.gain >= guard.enough * model.gain => (effort.choice, "effort"),
        (Some(model), _) => (model.choice, "pays"),
        (None, Some(effort)) => (effort.choice, "effort"),
        (None, None) => {
            let barred = weighed.iter().filter(pays).find_map(|way| way.barred);
            let why = if weighed.is_empty() { "nothing-smaller" } else { "no-gain" };
            (Choice::Stay, barred.unwrap_or(why))
        }
    };
    Decision { choice, why, weighed }
}

/// The limit that forbids a turn on another model. Most are about beginning a detour: one that has begun has paid for its
/// cache, and ending it early would be the loss that the limit is there to prevent.
fn barred(now: &Situation<'_>, family: Family) -> Option<&'static str> {
    let (guard, memory) = (now.guard, now.memory);
    match memory.served_by() {
        Some(serving) if serving > family => Some("one-at-a-time"),
        Some(_) => (memory.away >= guard.away).then_some("away-limit"),
        // Where the user's cache is gone, the history is written anew wherever the turn runs.
        None if memory.history > guard.history && now.warm(now.home) > 0 => Some("history"),
        None if memory.detours >= guard.detours => Some("detour-limit"),
        None if memory.detours > 0 && memory.home < guard.stay => Some("stay-limit"),
        None if memory.ledger.went > memory.ledger.stayed * (1.0 + LOSING) => Some("losing"),
        None => None,
    }
}

/// Turns that a detour is followed in thought; what is left of it then is taken to come back at once.
const AHEAD: u32 = 12;

/// A turn on a smaller model, with what follows from it: the next turns may stay there as long as their prompts suit it, and
/// in the end somebody comes back to a cache that may be gone. None when a price is not known.
fn model(now: &Situation<'_>, family: Family) -> Option<Weighed> {
    let id = now.id_of(family);
    let (ends, redone) = (now.assumed.ends, now.redone.on(family));
    let tier = now.wish.tier;
    let first = now.first_prompt();
    let (had, left) = now.at_home();
    let stay = now.turn(now.home, tier, first, had, 1.0)?;
    let there = now.turn(&id, tier, first, now.warm(&id), 1.0)?;
    let (mut last, mut next) = now.ends_at(first);
    // What the first prompt after the detour costs more than it would have.
    let back = |next: u64, last: u64, left: u64| {
        Some(now.prompt(now.home, next, had, left)? - now.prompt(now.home, next, last, now.life())?)
    };
    let mut left = left.saturating_sub(now.length());
    let mut returns = back(next, last, left)?;
    let worst = stay - there - redone * now.again(tier, next, had, 0)? - back(next, last, 0)?;
    let mut gain = stay - there - redone * now.again(tier, next, had, left)?;
    let suits = now.suiting(family);
    let share: f64 = suits.iter().map(|(_, share)| share).sum();
    let mut goes_on = 1.0 - redone;
    for _ in 1..now.guard.away.saturating_sub(now.memory.away).min(AHEAD) {
        goes_on *= 1.0 - ends;
        gain -= goes_on * (1.0 - share) * returns;
        goes_on *= share;
        let (mut grows, mut takes, mut course) = (0.0, 0.0, 0.0);
        for (tier, part) in &suits {
            let (turn, part) = (now.assumed.turn(*tier), part / share);
            let length = u64::from(turn.requests) * turn.grows;
            let stay = now.after_pause(now.home, *tier, next, last)?;
            let there = now.after_pause(&id, *tier, next, last)?;
            course += part * (stay - there - redone * now.again(*tier, next + length, had, left)?);
            grows += part * length as f64;
            takes += part * (u64::from(turn.requests) * turn.seconds * 1000) as f64;
        }
        gain += goes_on * course;
        goes_on *= 1.0 - redone;
        last = next + grows as u64;
        next = last + now.assumed.prompt;
        left = left.saturating_sub(takes as u64 + now.assumed.pause(0.5));
        returns = back(next, last, left)?;
    }
    gain -= goes_on * (1.0 - ends) * returns;
    Some(Weighed { choice: Choice::Model(family), gain, worst, redone, barred: barred(now, family) })
}

/// The turn on the user's model with less effort: least for tier 1, medium for tier 2.
fn effort(now: &Situation<'_>) -> Option<Weighed> {
    let own = now.effort.filter(|_| now.guard.effort)?;
    let lower = Effort::for_tier(now.wish.tier).filter(|lower| *lower < own)?;
    let (tier, first, had) = (now.wish.tier, now.first_prompt(), now.at_home().0);
    let stay = now.turn(now.home, tier, first, had, 1.0)?;
    let with_less = now.turn(now.home, tier, first, had, now.assumed.output(lower, own))?;
    // What the rules misjudge may want the effort too.
    let redone = now.redone.effort + now.redone.misjudged(tier) * now.assumed.misjudged_effort;
    let (last, next) = now.ends_at(first);
    let gain = stay - with_less - redone * now.again(tier, next, last, now.life())?;
    Some(Weighed { choice: Choice::Effort(lower), gain, worst: gain, redone, barred: None })
}

impl Situation<'_> {
    /// The id that a family's alias means: the one that served here, else the one of the day.
    fn id_of(&self, family: Family) -> String {
        let served = self.memory.caches.models().rev().find(|id| Family::of(id) == Some(family));
        served.map_or_else(|| family.id_at(self.now).to_owned(), str::to_owned)
    }

    /// Length of the turn's first prompt.
    fn first_prompt(&self) -> u64 {
        let history = if self.memory.history == 0 { self.assumed.system } else { self.memory.history };
        history.min(MOST) + self.assumed.prompt
    }

    /// Length of the turn's last prompt, and of the first one after it.
    fn ends_at(&self, first: u64) -> (u64, u64) {
        let turn = self.assumed.turn(self.wish.tier);
        let last = first + u64::from(turn.requests - 1) * turn.grows;
        (last, last + turn.grows + self.assumed.prompt)
    }

    /// What a turn costs on a model whose cache holds `read` tokens, in dollars, when its first prompt has that length and it
    /// generates that share of the usual output.
    fn turn(&self, model: &str, tier: Tier, mut prompt: u64, mut read: u64, output: f64) -> Option<f64> {
        let turn = self.assumed.turn(tier);
        let mut sum = 0.0;
        for _ in 0..turn.requests {
            let generated = (turn.output as f64 * output) as u64;
            sum += self.cost(model, read, prompt - read.min(prompt), generated)?;
            read = prompt;
            prompt += turn.grows;
        }
        Some(sum)
    }

    /// What a turn is expected to cost on a model whose cache held `read` tokens when the user's pause began.
    fn after_pause(&self, model: &str, tier: Tier, prompt: u64, read: u64) -> Option<f64> {
        let dead = self.assumed.longer(self.life());
        let warm = self.turn(model, tier, prompt, read, 1.0)?;
        Some((1.0 - dead) * warm + dead * self.turn(model, tier, prompt, 0, 1.0)?)
    }

    /// What a prompt of that length is expected to cost on a model whose cache holds `read` tokens for `left` milliseconds
    /// after the pause began.
    fn prompt(&self, model: &str, prompt: u64, read: u64, left: u64) -> Option<f64> {
        let dead = self.assumed.longer(left);
        let warm = self.cost(model, read, prompt - read.min(prompt), 0)?;
        Some((1.0 - dead) * warm + dead * self.cost(model, 0, prompt, 0)?)
    }

    /// What it costs to do a turn of that tier again on the user's model, whose cache holds `had` tokens for `left`
    /// milliseconds after the pause began: it was harder than it looked, and what went wrong stays in the history that every
    /// later request reads.
    fn again(&self, tier: Tier, prompt: u64, had: u64, left: u64) -> Option<f64> {
        let assumed = self.assumed;
        let (harder, dead) = (tier.escalate(), assumed.longer(left));
        let warm = self.turn(self.home, harder, prompt, had, 1.0)?;
        let again = (1.0 - dead) * warm + dead * self.turn(self.home, harder, prompt, 0, 1.0)?;
        let turn = assumed.turn(harder);
        let more = u64::from(turn.requests) * turn.grows + assumed.prompt;
        let requests = assumed.requests(&self.guard.confidence) * (1.0 - assumed.ends) / assumed.ends;
        Some(again + requests * self.cost(self.home, more, 0, 0)?)
    }

    /// The tiers whose prompts a family answers while it serves, with their shares of all prompts.
    fn suiting(&self, family: Family) -> Vec<(Tier, f64)> {
        let shares = self.assumed.month.judged(&self.guard.confidence);
        let tiers = [Tier::None, Tier::Haiku, Tier::Sonnet];
        let most = if family == Family::Haiku { Tier::Haiku } else { Tier::Sonnet };
        tiers.into_iter().zip(shares).filter(|(tier, _)| *tier <= most).collect()
    }

    /// Tokens that the user's model has cached, and for how many milliseconds more. When the session begins its system
    /// text is taken as cached: another session may have left it there.
    fn at_home(&self) -> (u64, u64) {
        if self.memory.history == 0 {
            return (self.assumed.system, self.life());
        }
        (self.warm(self.home), self.memory.caches.left(self.home, self.now))
    }

    fn warm(&self, model: &str) -> u64 {
        self.memory.caches.warm(model, self.now, self.first_prompt())
    }

    /// How long an entry lives.
    fn life(&self) -> u64 {
        super::caches::life(self.memory.caches.hour())
    }

    /// How long the turn takes, in milliseconds.
    fn length(&self) -> u64 {
        let turn = self.assumed.turn(self.wish.tier);
        u64::from(turn.requests) * turn.seconds * 1000
    }

    fn cost(&self, model: &str, read: u64, write: u64, output: u64) -> Option<f64> {
        let usage = Usage { cache_read: read, output, ..Usage::default() };
        let usage = super::caches::written(usage, write, self.memory.caches.hour());
        self.prices.cost(model, self.now, &usage).map(crate::prices::Usd::dollars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::main_turn::caches::MINUTES;
    use crate::main_turn::memory::Step;
    use crate::rules::policy::Main;

    /// 2026-11-20.
    const NOW: u64 = 1_795_200_000_000;
    const OPUS: &str = "claude-opus-5-5";
    const HAIKU: &str = "claude-haiku-5-5";

    fn wish(tier: u8) -> Wish {
        let tier = Tier::from_number(tier);
        let least = [None, Some(Family::Haiku), Some(Family::Sonnet), None][usize::from(tier.number())];
        Wish { tier, least, mark: None, keep: None }
    }

    /// A session whose turns were answered by these models, each so many seconds ago, with that much history.
    fn session(turns: &[(&str, u64)], history: u64) -> Memory {
        let prices = Prices::built_in().expect("the built-in prices have no fault");
        let mut memory = Memory::default();
        for (model, ago) in turns {
            let usage = Usage { cache_write_5m: history, ..Usage::default() };
            let step = Step { at: NOW - ago * 1000, model: (*model).to_owned(), usage };
            memory.ended(OPUS, &[step], true, &prices, 0);
        }
        memory.ledger = crate::main_turn::memory::Ledger::default();
        memory
    }

    fn with(memory: &Memory, wish: Wish, home: &str, effort: Option<Effort>, guard: &Guard) -> Decision {
        let (prices, assumed) = (Prices::built_in().expect("sound"), Assumed::built_in());
        let redone = assumed.redone(&guard.confidence);
        decide(&Situation {
            guard,
            prices: &prices,
            assumed: &assumed,
            redone,
            now: NOW,
            home,
            effort,
            wish,
            memory,
        })
    }

    fn eager(memory: &Memory, wish: Wish) -> (Choice, &'static str) {
        let decision = with(memory, wish, OPUS, Some(Effort::Medium), &Main::default().eager);
        (decision.choice, decision.why)
    }

    #[test]
    fn a_small_first_turn_goes_to_haiku_and_a_hard_one_stays() {
        let fresh = Memory::default();
        assert_eq!(eager(&fresh, wish(1)), (Choice::Model(Family::Haiku), "pays"));
        assert_eq!(eager(&fresh, wish(3)), (Choice::Stay, "tier-3"));
        assert_eq!(eager(&fresh, wish(0)), (Choice::Stay, "no-task"));
        let careful = with(&fresh, wish(1), OPUS, Some(Effort::Medium), &Main::default().careful);
        assert_eq!(careful.choice, Choice::Model(Family::Haiku));
    }

    #[test]
    fn only_downwards_from_the_users_model_and_effort() {
        let guard = &Main::default().eager;
        for (home, effort) in [(HAIKU, Some(Effort::Low)), (HAIKU, None), ("gpt-5", Some(Effort::Max))] {
            for tier in 0..4 {
                let decision = with(&Memory::default(), wish(tier), home, effort, guard);
                assert_eq!(decision.choice, Choice::Stay, "{home} tier {tier}");
            }
            for mark in 0..4 {
                let marked = Wish { mark: Some(mark), ..wish(1) };
                assert_eq!(with(&Memory::default(), marked, home, effort, guard).choice, Choice::Stay);
            }
        }
        let sonnet =
            with(&Memory::default(), Wish { mark: Some(2), ..wish(3) }, "claude-sonnet-5-5", None, guard);
        assert_eq!(sonnet.choice, Choice::Stay);
    }

    #[test]
    fn a_mark_decides_without_being_asked_what_it_costs_and_says_so() {
        let far = session(&[(OPUS, 10)], 400_000);
        let marked =
            |mark| with(&far, Wish { mark: Some(mark), ..wish(3) }, OPUS, None, &Main::default().careful);
        let haiku = marked(1);
        assert_eq!((haiku.choice, haiku.why), (Choice::Model(Family::Haiku), "mark"));
        assert!(haiku.best().is_some_and(|way| way.worst < way.gain));
        assert_eq!(marked(2).choice, Choice::Model(Family::Sonnet));
        assert_eq!((marked(3).choice, marked(0).choice), (Choice::Stay, Choice::Stay));
    }

    #[test]
    fn a_long_history_is_not_moved_but_may_think_less() {
        let long = session(&[(OPUS, 10)], 25_000);
        let guard = Guard { history: 20_000, ..Main::default().eager };
        let decision = with(&long, wish(2), OPUS, Some(Effort::Max), &guard);
        assert_eq!(decision.choice, Choice::Effort(Effort::Medium));
        let sonnet = decision.weighed.iter().find(|way| way.choice == Choice::Model(Family::Sonnet));
        assert_eq!(sonnet.and_then(|way| way.barred), Some("history"));
        let own = with(&long, wish(2), OPUS, Some(Effort::Low), &guard);
        assert_eq!((own.choice, own.why), (Choice::Stay, "history"), "{own:?}");
    }

    #[test]
    fn a_long_history_may_move_once_the_cache_that_held_it_is_gone() {
        let guard = &Main::default().careful;
        let after = |seconds| {
            let decision = with(&session(&[(OPUS, seconds)], 80_000), wish(2), OPUS, None, guard);
            (decision.choice, decision.why)
        };
        assert_eq!(after(10), (Choice::Stay, "history"));
        assert_eq!(after(MINUTES / 1000 + 1), (Choice::Model(Family::Sonnet), "pays"));
    }

    #[test]
    fn effort_comes_before_another_model_where_it_is_enough() {
        let guard = Guard { enough: 0.0, ..Main::default().eager };
        let warm = session(&[(OPUS, 10)], 15_000);
        let decision = with(&warm, wish(2), OPUS, Some(Effort::Max), &guard);
        assert_eq!((decision.choice, decision.why), (Choice::Effort(Effort::Medium), "effort"));
        assert_eq!(with(&warm, wish(2), OPUS, None, &guard).choice, Choice::Model(Family::Sonnet));
    }

    #[test]
    fn a_cache_about_to_die_is_not_left_alone() {
        // 60,000 tokens are 30 cents to write again. Just used: a detour may come back in time; nearly dead: hardly.
        let gain = |ago| {
            let memory = session(&[(OPUS, ago)], 60_000);
            let decision = with(&memory, wish(1), OPUS, None, &Main::default().eager);
            decision.weighed[0].gain
        };
        assert!(gain(10) > gain(200), "{} {}", gain(10), gain(200));
        assert!(gain(280) < 0.0, "{}", gain(280));
        // Dead already, there is nothing more to lose by it.
        assert!(gain(MINUTES / 1000 + 1) > gain(280));
    }

    #[test]
    fn a_move_to_sonnet_costs_first_and_pays_later_if_at_all() {
        let gain = |history, away| {
            let guard = Guard { away, ..Main::default().eager };
            let decision = with(&session(&[(OPUS, 10)], history), wish(2), OPUS, None, &guard);
            assert!(decision.weighed[0].worst < decision.weighed[0].gain);
            decision.weighed[0].gain
        };
        assert!(
            gain(50_000, 20) > gain(50_000, 2),
            "{:?}",
            [1, 2, 3, 5, 10, 20].map(|away| gain(50_000, away))
        );
        assert!(gain(400_000, 1) < 0.0, "one turn never pays for a long history");
    }

    #[test]
    fn it_does_not_go_back_and_forth() {
        let guard = Guard { away: 3, ..Main::default().careful };
        let choice = |turns: &[(&str, u64)], wish| {
            let decision = with(&session(turns, 15_000), wish, OPUS, None, &guard);
            (decision.choice, decision.why)
        };
        let haiku = Choice::Model(Family::Haiku);
        assert_eq!(choice(&[(OPUS, 20)], wish(1)).0, haiku, "the first detour needs no stay");
        assert_eq!(choice(&[(HAIKU, 60), (OPUS, 20)], wish(1)), (Choice::Stay, "stay-limit"));
        assert_eq!(choice(&[(HAIKU, 90), (OPUS, 60), (OPUS, 20)], wish(1)).0, haiku);
        assert_eq!(choice(&[(HAIKU, 20)], wish(1)).0, haiku, "staying away is no switch");
        assert_eq!(choice(&[(HAIKU, 20)], wish(0)).0, haiku, "and what asks for nothing stays where it was");
        assert_ne!(
            choice(&[("claude-sonnet-5-5", 20)], wish(1)).0,
            haiku,
            "from one detour into another only upwards"
        );
        let away = [(HAIKU, 60), (HAIKU, 40), (HAIKU, 20)];
        assert_eq!(choice(&away, wish(1)), (Choice::Stay, "away-limit"));
        let often: Vec<(&str, u64)> = (0..4).flat_map(|_| [(HAIKU, 30), (OPUS, 25), (OPUS, 20)]).collect();
        assert_eq!(choice(&often, wish(1)), (Choice::Stay, "detour-limit"));
    }

    #[test]
    fn unfinished_work_complaints_and_losses_keep_the_users_model() {
        let guard = &Main::default().eager;
        let why = |change: &dyn Fn(&mut Memory)| {
            let mut memory = session(&[(OPUS, 20)], 15_000);
            change(&mut memory);
            with(&memory, wish(1), OPUS, None, guard).why
        };
        assert_eq!(why(&|_| {}), "pays");
        assert_eq!(why(&|memory| memory.open = true), "mid-work");
        assert_eq!(why(&|memory| memory.complaints = 2), "complaints");
        assert_eq!(why(&|memory| (memory.ledger.went, memory.ledger.stayed) = (1.02, 1.0)), "losing");
        assert_eq!(why(&|memory| (memory.ledger.went, memory.ledger.stayed) = (1.005, 1.0)), "pays");
    }

    #[test]
    fn a_model_without_a_price_is_never_left_nor_entered() {
        let unpriced =
            with(&Memory::default(), wish(1), "claude-opus-99", Some(Effort::High), &Main::default().eager);
        assert_eq!((unpriced.choice, unpriced.why), (Choice::Stay, "nothing-smaller"));
    }
}
