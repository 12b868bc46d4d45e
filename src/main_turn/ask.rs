//! `sef main-turn`: one question in, one word out, what a turn used, and what complaints teach. Fails open: without a
//! folder for its memory, with a question that it does not understand, or with the preset off it says nothing and
//! remembers nothing.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use super::assumed::{Assumed, Effort};
use super::guard::{Choice, Decision, Situation, Wish, decide};
use super::memory::{Evidence, Memory};
use super::wire::{At, Said};
use crate::calendar::now;
use crate::classify::{Before, Source, Tier, Verdict, classify};
use crate::config::Env;
use crate::guidance::family_of;
use crate::handle::prompt::{self, Prompt};
use crate::handle::tier_by;
use crate::metrics::log;
use crate::metrics::record::{Kind, MainTurn, Record, project_key, safe_id, safe_model, transcript_folder};
use crate::models::Family;
use crate::prices::Prices;
use crate::rules::image::Image;
use crate::rules::policy::{Guard, Policy};
use crate::rules::{cache, policy_of, project};
use crate::state::{self, Whose};

/// Largest question that is read, in bytes; a larger one gets no answer.
const MOST: u64 = 8 << 20;

/// Reads one question and answers with a word: the alias of a model, an effort, or nothing.
pub fn answer(env: &Env, input: impl Read) -> &'static str {
    let began = Instant::now();
    let mut text = String::new();
    let Ok(read) = input.take(MOST).read_to_string(&mut text) else { return "" };
    let Some(said) = Said::parse(&text).filter(|_| (read as u64) < MOST) else { return "" };
    if said.session.is_empty() || Family::of(&said.model).is_none() {
        return "";
    }
    let root = Some(Path::new(&*said.project)).filter(|root| root.is_absolute());
    let (image, _) = cache::image(env, root.and_then(|root| project::root(env, root)));
    let policy = policy_of(&image);
    let Some(guard) = policy.main.guard_in(&said.project) else { return "" };
    let Ok(prices) = Prices::load(env) else { return "" };
    let mut held = state::hold_at::<Memory>(env.state_dir.as_deref(), &said.session, Whose::MainTurn);
    // What cannot be remembered must not be begun: the next turn would know nothing of the way back.
    if !held.is_kept() {
        return "";
    }
    let assumed = Assumed::built_in();
    match said.at {
        At::Done => {
            let well = said.reason == "answer";
            held.session.ended(&said.model, &said.steps(), well, &prices, assumed.system);
            // A turn that was not asked about, such as one that a notification began, was given none.
            if said.word.is_empty() {
                held.session.word.clear();
                held.session.share = 0.0;
            }
            held.save();
            ""
        }
        At::Start => {
            let evidence = evidence(env);
            let (image, policy, prices, assumed) = (&image, &policy, &prices, &assumed);
            // A mod is not told of plan mode; the hook of the same prompt was.
            let plan = state::peek(env.state_dir.as_deref(), &said.session).plan;
            let world = World { image, policy, guard, prices, assumed, evidence, plan, now: now() };
            let share = held.session.share;
            let Some((choice, mut record)) = start(&said, &world, &mut held.session) else { return "" };
            held.save();
            drop(held);
            if share > 0.0 {
                learn(env, share, record.mt.as_ref().is_some_and(|turn| turn.again));
            }
            if let Some(dir) = &env.state_dir {
                record.us = Some(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
                let _ = log::append(dir, &policy.log, &[record]);
            }
            choice.word()
        }
    }
}

/// Where the evidence of all sessions is kept: no session has a blank in its id.
const EVERY_SESSION: &str = "every session";

/// What all sessions have shown of changed turns.
pub(crate) fn evidence(env: &Env) -> Evidence {
    state::peek_at(env.state_dir.as_deref(), EVERY_SESSION, Whose::MainTurn)
}

/// Adds what a prompt said of the changed turn before it.
fn learn(env: &Env, share: f64, complaint: bool) {
    let mut held = state::hold_at::<Evidence>(env.state_dir.as_deref(), EVERY_SESSION, Whose::MainTurn);
    held.session.add(share, complaint);
    held.save();
}

/// What a decision is made with, besides the question and the memory.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub image: &'a Image,
    pub policy: &'a Policy,
    pub guard: &'a Guard,
    pub prices: &'a Prices,
    pub assumed: &'a Assumed,
    pub evidence: Evidence,
    /// The prompt comes in plan mode: whatever it asks for, it asks to think.
    pub plan: bool,
    /// Milliseconds since 1970.
    pub now: u64,
}

/// A turn begins: what it runs with, and the line for the log. None for what is no prompt of the user's.
pub(super) fn start(said: &Said<'_>, world: &World<'_>, memory: &mut Memory) -> Option<(Choice, Record)> {
    let (mark, text) = typed(&said.text)?;
    let judged = judge(world, text, mark, memory);
    let begun_elsewhere = memory.history == 0 && said.turns.is_some_and(|turns| turns > 1);
    let wish =
        Wish { keep: judged.wish.keep.or(begun_elsewhere.then_some("history-unknown")), ..judged.wish };
    let own = world.assumed.effort_of(&said.model);
    let effort = match &said.effort {
        None => own,
        Some(level) => own.and(level.as_str().and_then(Effort::named)),
    };
    let decision = weigh(world, &said.model, effort, wish, memory);
    let mut record = Record::new(Kind::Main, world.now, &said.session);
    record.p = (!said.prompt.is_empty()).then(|| safe_id(&said.prompt));
    record.pj = (!said.project.is_empty()).then(|| project_key(&transcript_folder(&said.project)));
    record.tier = Some(judged.verdict.tier.number());
    record.role = Some(judged.verdict.role.name().to_owned());
    record.conf = Some((judged.verdict.confidence * 1_000.0) as u16);
    record.par = Some(safe_model(&said.model));
    record.why = Some(decision.why.to_owned());
    record.want = Some(decision.choice.word().to_owned()).filter(|word| !word.is_empty());
    record.mt = Some(Box::new(noted(&decision, memory, &said.model, world.now, judged.complaint)));
    judged.remember(&decision, memory);
    memory.open = true;
    said.model.as_ref().clone_into(&mut memory.own);
    Some((decision.choice, record))
}

/// The text of a prompt that the user typed, with the tier of its routing mark.
pub(crate) fn typed(text: &str) -> Option<(Option<u8>, &str)> {
    match prompt::read(text) {
        Prompt::Users(mark, text) if mark.is_some() || !text.trim().is_empty() => Some((mark, text)),
        _ => None,
    }
}

/// What the rules make of a prompt.
pub(crate) struct Judged {
    pub verdict: Verdict,
    pub wish: Wish,
    /// It complains about the turn before, and that was changed.
    pub complaint: bool,
    /// The memory of prompts after it.
    pub after: Before,
}

impl Judged {
    /// Notes the prompt and what was decided about its turn.
    pub fn remember(&self, decision: &Decision, memory: &mut Memory) {
        memory.before = self.after;
        memory.complaints = memory.complaints.saturating_add(u32::from(self.complaint));
        decision.choice.word().clone_into(&mut memory.word);
        // What the user asked for by a mark says nothing of the rules.
        memory.share = if self.wish.mark.is_some() { 0.0 } else { decision.redone() };
    }
}

/// Judges a prompt as far as the turn's model goes.
pub(crate) fn judge(world: &World<'_>, text: &str, mark: Option<u8>, memory: &Memory) -> Judged {
    let before = memory.before;
    let verdict = classify(world.image, text, Source::User(Some(before)));
    let after = before.after(&verdict);
    let complaint = before.is_complaint(&verdict) && !memory.word.is_empty();
    let sure = tier_by(world.policy.confidence.named(&world.guard.confidence), &verdict);
    let tier = verdict.parts.iter().map(|part| part.tier).fold(sure, Tier::max);
    let keep = if after.keeps_failing(world.policy.prompt.escalate_after) {
        Some("fails-again")
    } else if complaint {
        Some("complaint")
    } else if world.plan {
        Some("plan-mode")
    } else if verdict.race || verdict.turbo || verdict.options {
        Some("orchestrator")
    } else {
        None
    };
    let least = family_of(world.policy, tier);
    Judged { verdict, wish: Wish { tier, least, mark, keep }, complaint, after }
}

/// Decides for a session.
pub(crate) fn weigh(
    world: &World<'_>,
    home: &str,
    effort: Option<Effort>,
    wish: Wish,
    memory: &Memory,
) -> Decision {
    let World { guard, prices, assumed, now, .. } = *world;
    let redone = assumed.redone(&guard.confidence).scaled(world.evidence.factor());
    decide(&Situation { guard, prices, assumed, redone, now, home, effort, wish, memory })
}

/// What the log keeps of a decision.
fn noted(decision: &Decision, memory: &Memory, home: &str, now: u64, again: bool) -> MainTurn {
    let millionths = |dollars: f64| (dollars * 1e6).round() as i64;
    let best = decision.best();
    MainTurn {
        g: best.map(|way| millionths(way.gain)),
        w: best.map(|way| millionths(way.worst)),
        alt: best.map(|way| way.choice.word().to_owned()),
        h: memory.history,
        warm: memory.caches.left(home, now) / 1000,
        again,
    }
}
