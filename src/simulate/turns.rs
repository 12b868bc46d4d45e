//! `sef-stats simulate --main-turn`: the conversation's own turns as `sef main-turn` would have decided them, replayed with the
//! cache model over what the transcripts say was used; and the made-up months. Reads files, writes none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::args::{Preset, SimulateArgs};
use super::wire::{Steps, What};
use super::{Ground, Looked};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::open_regular;
use crate::main_turn::ask::{World, judge, typed, weigh};
use crate::main_turn::assumed::Assumed;
use crate::main_turn::guard::{Choice, Wish};
use crate::main_turn::memory::{Evidence, Memory, Step};
use crate::main_turn::month::{self, Setting};
use crate::metrics::record::safe_id;
use crate::models::Family;
use crate::prices::{Prices, Usage};
use crate::rules;
use crate::rules::policy::{Guard, Policy};
use crate::transcript::corpus::{Corpus, Request};
use crate::transcript::find::Source;
use crate::transcript::lines::each_line;
use crate::transcript::wire::INTERRUPTED;

/// Version of the JSON's shape.
pub const SCHEMA: u32 = 1;

/// What the turns of old sessions would have come to.
#[derive(Debug, Default, Serialize)]
pub struct Turns {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was looked at; `preset` is one of `[main]`.
    pub scope: Looked,
    /// Prompts of the user with an answer in the transcripts.
    pub turns: u64,
    /// Would have run on another model, by its family.
    pub moved: BTreeMap<String, u64>,
    /// Would have run with less effort, by the level; what that saves is not known.
    pub lowered: BTreeMap<String, u64>,
    /// Would have been left alone, by reason.
    pub left: BTreeMap<String, u64>,
    /// Times that a conversation would have left the user's model.
    pub detours: u64,
    /// What the requests of all these conversations cost, subagents' left out, in dollars.
    pub actual_usd: f64,
    /// The same tokens, moved as decided, with caches as each model would have had them.
    pub low_usd: f64,
    /// That, and a share of the moved turns done again on the user's model.
    pub high_usd: f64,
    /// Share of turns on Haiku that the high figure takes to be done again.
    pub redone_haiku: f64,
    /// The same for Sonnet.
    pub redone_sonnet: f64,
    /// Requests without a price: in no sum.
    pub without_price: u64,
    /// When the built-in prices were checked.
    pub prices_as_of: String,
}

/// Made-up months.
#[derive(Debug, Default, Serialize)]
pub struct Months {
    /// [`SCHEMA`].
    pub schema: u32,
    /// `careful` or `eager`.
    pub preset: String,
    /// One for each kind of month.
    pub kinds: Vec<Kind>,
}

/// Months of one kind: what they cost together, in dollars, and how far single ones lie from staying.
#[derive(Debug, Default, Serialize)]
pub struct Kind {
    /// In words.
    pub name: String,
    /// How many.
    pub months: u64,
    /// Turns of the user in all.
    pub turns: u64,
    /// Everything on the user's model.
    pub stay_usd: f64,
    /// With the guard.
    pub guard_usd: f64,
    /// Each turn on its tier's model.
    pub by_tier_usd: f64,
    /// With everything known beforehand.
    pub oracle_usd: f64,
    /// Turns that the guard ran on another model.
    pub moved: u64,
    /// Turns that it ran with less effort.
    pub lowered: u64,
    /// Changed turns that had to be done again.
    pub redone: u64,
    /// Gain of the worst month for the guard, as a share of staying; negative is a loss.
    pub worst: f64,
    /// Gain of the best month.
    pub best: f64,
    /// Gain of the worst month for each turn on its tier's model.
    pub worst_by_tier: f64,
}

/// The preset that was asked for.
fn preset<'a>(args: &SimulateArgs, policy: &'a Policy) -> Result<(&'static str, &'a Guard)> {
    let main = &policy.main;
    match (args.preset, main.preset.as_str()) {
        (Some(Preset::Balanced), _) => {
            Err(Error::new("cannot simulate turns", "[main] has no preset balanced")
                .fix("use --preset careful or --preset eager"))
        }
        (Some(Preset::Eager), _) | (None, "eager") => Ok(("eager", &main.eager)),
        _ => Ok(("careful", &main.careful)),
    }
}

/// Plays made-up months of several kinds.
pub fn months(env: &Env, args: &SimulateArgs) -> Result<Months> {
    let policy = rules::load(env).policy;
    let (name, guard) = preset(args, &policy)?;
    let (prices, assumed) = (Prices::load(env)?, Assumed::built_in());
    let usual = Setting::usual(0);
    let at = |family: Family| Setting { home: family.id_at(u64::MAX), ..usual };
    let kinds = [
        ("Opus, pauses as assumed", usual),
        ("Opus, pauses a third as long", Setting { pace: 1.0 / 3.0, ..usual }),
        ("Opus, pauses three times as long", Setting { pace: 3.0, ..usual }),
        ("Opus, caches of an hour", Setting { hour: true, ..usual }),
        ("Opus, twice as many turns too low", Setting { harder: 2.0, ..usual }),
        ("Fable, pauses as assumed", at(Family::Fable)),
        ("Sonnet, pauses as assumed", at(Family::Sonnet)),
    ];
    let count = args.months.unwrap_or(1);
    let kinds = kinds.map(|(name, setting)| {
        let mut kind = Kind {
            name: name.to_owned(),
            worst: f64::MAX,
            best: f64::MIN,
            worst_by_tier: f64::MAX,
            ..Kind::default()
        };
        for seed in 1..=count {
            let setting = Setting { seed, ..setting };
            let month = month::compare(setting, guard, &assumed, &prices);
            kind.months += 1;
            kind.turns += month.turns;
            kind.stay_usd += month.stay;
            kind.guard_usd += month.guard;
            kind.by_tier_usd += month.by_tier;
            kind.oracle_usd += month::oracle(setting, guard, &assumed, &prices);
            kind.moved += month.moved;
            kind.lowered += month.lowered;
            kind.redone += month.redone;
            kind.worst = kind.worst.min(month.gain());
            kind.best = kind.best.max(month.gain());
            kind.worst_by_tier = kind.worst_by_tier.min(1.0 - month.by_tier / month.stay);
        }
        kind
    });
    Ok(Months { schema: SCHEMA, preset: name.to_owned(), kinds: kinds.into() })
}

/// Replays the conversations. `now` in milliseconds since 1970; `here` is the current folder, for relative paths.
pub fn make(env: &Env, args: &SimulateArgs, now: u64, here: &Path) -> Result<Turns> {
    let ground = Ground::read(env, args, now, here)?;
    let (name, guard) = preset(args, &ground.policy)?;
    let assumed = Assumed::built_in();
    let redone = assumed.redone(&guard.confidence);
    let mut turns = Turns {
        schema: SCHEMA,
        scope: Looked { preset: name.to_owned(), ..ground.looked },
        redone_haiku: redone.haiku,
        redone_sonnet: redone.sonnet,
        prices_as_of: ground.prices.as_of.clone(),
        ..Turns::default()
    };
    let by_id: HashMap<(&str, &str), &[usize]> = ground
        .corpus
        .sessions
        .iter()
        .map(|session| ((session.folder.as_str(), session.id.as_str()), session.requests.as_slice()))
        .collect();
    let mut world = World {
        image: &ground.image,
        policy: &ground.policy,
        guard,
        prices: &ground.prices,
        assumed: &assumed,
        evidence: Evidence::default(),
        plan: false,
        now,
    };
    let mut counted = HashSet::new();
    let (steps, mut buffer) = (Steps::default(), Vec::new());
    for source in ground.transcripts.sources.iter().filter(|source| source.agent.is_none()) {
        let id = safe_id(&source.session);
        let Some(requests) = by_id.get(&(source.folder.as_str(), id.as_str())) else { continue };
        let own: Vec<usize> = requests.iter().copied().filter(|at| counted.insert(*at)).collect();
        let copied = own.len() < requests.len();
        let prompts = prompts(source, &steps, &mut buffer);
        let replay = Replay { world, since: ground.scope.since, turns: &mut turns };
        world.evidence = replay.conversation(&prompts, &own, &ground.corpus, copied);
    }
    Ok(turns)
}

/// Text that stands where the user's prompts stand.
struct Prompt {
    time: u64,
    /// None: the client wrote it, or the user interrupted.
    text: Option<String>,
    interrupted: bool,
    plan: bool,
}

/// The prompts of a main transcript, in order. One that cannot be read has as many as were read.
fn prompts(source: &Source, steps: &Steps, buffer: &mut Vec<u8>) -> Vec<Prompt> {
    let mut prompts = Vec::new();
    let Ok(file) = open_regular(&source.path) else { return prompts };
    let _ = each_line(file, buffer, |line| {
        let Ok(Some(step)) = steps.read(line) else { return };
        if let (false, What::Typed(text)) = (step.side, step.what) {
            let interrupted = text.starts_with(INTERRUPTED);
            let is_command = text.starts_with("<command-");
            let text = Some(text).filter(|_| !interrupted && !is_command);
            prompts.push(Prompt { time: step.time, text, interrupted, plan: step.mode == "plan" });
        }
    });
    prompts
}

/// Replays one conversation.
struct Replay<'a> {
    world: World<'a>,
    since: u64,
    turns: &'a mut Turns,
}

impl Replay<'_> {
    /// Answers what all conversations up to this one have shown.
    fn conversation(mut self, prompts: &[Prompt], own: &[usize], corpus: &Corpus, copied: bool) -> Evidence {
        let requests: Vec<&Request> = own.iter().map(|at| &corpus.requests[*at]).collect();
        let mut memory = Memory::default();
        let mut next = 0;
        let mut is_known = !copied;
        for (number, prompt) in prompts.iter().enumerate() {
            let ends = prompts.get(number + 1).map_or(u64::MAX, |prompt| prompt.time);
            let first = next;
            while requests.get(next).is_some_and(|request| request.time < ends) {
                next += 1;
            }
            let answered = &requests[first..next];
            let Some(home) = answered.first().map(|request| &*request.model) else { continue };
            let well = !prompts.get(number + 1).is_some_and(|prompt| prompt.interrupted);
            let choice = self.choose(prompt, home, &mut memory, is_known);
            self.turn(choice, home, answered, &mut memory, well);
            is_known = true;
        }
        self.world.evidence
    }

    /// As `sef main-turn` decides.
    fn choose(&mut self, prompt: &Prompt, home: &str, memory: &mut Memory, is_known: bool) -> Choice {
        let Some((mark, text)) = prompt.text.as_deref().and_then(typed) else {
            memory.word.clear();
            memory.share = 0.0;
            return Choice::Stay;
        };
        (self.world.now, self.world.plan) = (prompt.time, prompt.plan);
        let judged = judge(&self.world, text, mark, memory);
        let wish =
            Wish { keep: judged.wish.keep.or((!is_known).then_some("history-unknown")), ..judged.wish };
        let effort = self.world.assumed.effort_of(home);
        let decision = weigh(&self.world, home, effort, wish, memory);
        if memory.share > 0.0 {
            self.world.evidence.add(memory.share, judged.complaint);
        }
        judged.remember(&decision, memory);
        if prompt.time < self.since {
            return decision.choice;
        }
        self.turns.turns += 1;
        let (counts, name) = match decision.choice {
            Choice::Stay => (&mut self.turns.left, decision.why),
            Choice::Model(_) => (&mut self.turns.moved, decision.choice.word()),
            Choice::Effort(_) => (&mut self.turns.lowered, decision.choice.word()),
        };
        *counts.entry(name.to_owned()).or_default() += 1;
        decision.choice
    }

    /// A turn's requests: as they were, and as they would have been.
    fn turn(&mut self, choice: Choice, home: &str, answered: &[&Request], memory: &mut Memory, well: bool) {
        let moved = if let Choice::Model(family) = choice { Some(family) } else { None };
        let other = moved.map(|family| family.id_at(self.world.now));
        let (began, apart) = (memory.detours, other.is_some() || memory.serving.is_some());
        let mut turn = 0.0;
        let mut last = None;
        for request in answered {
            let model = other.unwrap_or(&request.model);
            let usage = usage(request, model, apart, memory);
            let cost = |model: &str, usage: &Usage| self.world.prices.cost(model, request.time, usage);
            match (cost(&request.model, &request.usage), cost(model, &usage)) {
                _ if request.time < self.since => {}
                (Some(actual), Some(low)) => {
                    self.turns.actual_usd += actual.dollars();
                    self.turns.low_usd += low.dollars();
                    self.turns.high_usd += low.dollars();
                    turn += actual.dollars();
                }
                _ => self.turns.without_price += 1,
            }
            let step = Step { at: request.time, model: model.to_owned(), usage };
            memory.answered(home, &step, self.world.prices, self.world.assumed.system);
            last = Some(model);
        }
        memory.settled(home, last, well);
        if let Some(family) = moved {
            let redone = self.world.assumed.redone(&self.world.guard.confidence);
            self.turns.high_usd += turn * redone.on(family);
        }
        if answered.first().is_some_and(|request| request.time >= self.since) {
            self.turns.detours += u64::from(memory.detours - began);
        }
    }
}

/// What a request would have used on a model: as it was, unless the conversation is or was elsewhere.
fn usage(request: &Request, model: &str, apart: bool, memory: &Memory) -> Usage {
    let actual = &request.usage;
    if !apart {
        return *actual;
    }
    let hour = actual.cache_write_1h > 0;
    let split = memory.caches.split(model, request.time, actual.prompt(), actual.input, hour);
    Usage { output: actual.output, web_searches: actual.web_searches, us_only: actual.us_only, ..split }
}
