//! PreToolUse on the tool that spawns subagents: which model the task needs, whether SEF may set it, and the reply.

use super::prompt::rule_ids;
use super::{Outcome, World, orchestrator, record};
use crate::agents::{AgentModel, without_plugin};
use crate::classify::{Role, Source, Tier, Verdict, classify};
use crate::guidance::family_of;
use crate::metrics::record::{Kind, safe_agent, safe_id, safe_model};
use crate::models::Family;
use crate::protocol::{Event, Reply, SpawnInput, with_model};
use crate::rules::policy::{Policy, Thresholds};
use crate::state::{Session, Sketch, Spawned};

/// What is decided about one spawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Tier that the task gets.
    pub tier: Tier,
    /// Family that SEF wants it to run on; none when SEF leaves the choice to others.
    pub want: Option<Family>,
    /// Family to write into the call; none leaves the call as it is.
    pub set: Option<Family>,
    /// Reason code.
    pub why: &'static str,
    /// How much surer the rules were than the preset asks that no more model is needed; none when that did not count.
    pub room: Option<f32>,
}

/// Everything that a decision depends on.
pub struct Case<'a> {
    /// What the rules make of the task.
    pub verdict: &'a Verdict,
    /// Where the agent's model comes from.
    pub agent: &'a AgentModel,
    /// The role whose executor the agent is; none for every other agent.
    pub role: Option<Role>,
    /// Family of whoever spawns.
    pub parent: Family,
    /// A routing mark on the prompt in progress: its tier, 0 for `~off`.
    pub mark: Option<u8>,
    /// Highest tier at which similar work was rejected in this session.
    pub rejected: Option<u8>,
    /// The prompt in progress reports a failure again and again.
    pub again: bool,
}

fn leave(tier: Tier, why: &'static str) -> Decision {
    Decision { tier, want: None, set: None, why, room: None }
}

/// Decides about a spawn whose call names no model and that SEF is free to change.
pub fn decide(world: &World<'_>, case: &Case<'_>) -> Decision {
    let policy = world.policy;
    let (mut tier, mut why) = task_tier(policy, case.verdict);
    if let Some(rejected) = case.rejected {
        let up = Tier::from_number(rejected).escalate();
        if up > tier {
            (tier, why) = (up, "rejected-before");
        }
    }
    if case.again && tier == Tier::Sonnet {
        (tier, why) = (Tier::Opus, "fails-again");
    }
    match case.mark.map(Tier::from_number) {
        Some(Tier::None) => return leave(tier, "mark-off"),
        Some(marked) => (tier, why) = (marked, "mark"),
        None => {}
    }
    let base = match case.agent {
        AgentModel::Inherits => None,
        AgentModel::Executor(family) => Some(*family),
        AgentModel::Own(_) => return leave(tier, "agent-model"),
        AgentModel::Fork => return leave(tier, "fork"),
        AgentModel::Unknown => return leave(tier, "unknown-agent"),
    };
    let mut wanted = family_for(world, tier, case.parent);
    let mut room = room_of(policy, case.verdict);
    if let Some(base) = base {
        let role = case.role.map_or("", Role::name);
        let left = policy.confidence.thresholds().haiku - harder(world, case, base);
        room = Some(left);
        let surely_harder = left <= policy.calibration.shift.get(role).copied().unwrap_or(0.0);
        // An executor asked for harder work than its own goes one tier up, never down; doubt is no reason, for
        // whoever spawned it chose it.
        wanted = match why {
            "mark" => wanted,
            "rules" | "unsure" | "close-call" | "unclear" if !surely_harder => base,
            _ if wanted <= base => base,
            _ => wanted.min(next_up(world, base, case.parent)),
        };
    }
    let free = policy.spawn.allow_dearer_than_parent || why == "mark";
    if wanted > case.parent && !free {
        wanted = case.parent;
        why = "parent-cap";
    }
    // Whoever inherits has the parent's model already; an executor has its own.
    let already = base.unwrap_or(case.parent);
    Decision { tier, want: Some(wanted), set: (wanted != already).then_some(wanted), why, room }
}

/// The probability that a task is too hard for an executor's own model; as much as is asked for to send work to Haiku
/// sends it up.
fn harder(world: &World<'_>, case: &Case<'_>, base: Family) -> f32 {
    let harder = [Tier::Haiku, Tier::Sonnet, Tier::Opus]
        .into_iter()
        .filter(|tier| family_for(world, *tier, case.parent) > base)
        .map(|tier| case.verdict.probabilities[usize::from(tier.number())])
        .sum::<f32>();
    // Somebody did spawn it, so that it asks for nothing is out of the question.
    let any = 1.0 - case.verdict.probabilities[0];
    if any > 0.0 { harder / any } else { 0.0 }
}

/// Tier of a task text: one up when the rules are unsure, and never "no task", for somebody did spawn it.
fn task_tier(policy: &Policy, verdict: &Verdict) -> (Tier, &'static str) {
    match sure_tier(policy, verdict) {
        Tier::None => (Tier::Sonnet, "unclear"),
        tier if tier > verdict.tier => (tier, "unsure"),
        tier if verdict.escalated => (tier, "close-call"),
        tier => (tier, "rules"),
    }
}

/// The verdict's tier, or a higher one when the rules are not sure enough that no more is needed.
pub fn sure_tier(policy: &Policy, verdict: &Verdict) -> Tier {
    tier_by(policy.thresholds(verdict.role.name()), verdict)
}

/// The same by given thresholds.
pub fn tier_by(thresholds: Thresholds, verdict: &Verdict) -> Tier {
    let [none, haiku, sonnet, _] = verdict.probabilities;
    let mut tier = verdict.tier;
    if tier == Tier::Haiku && none + haiku < thresholds.haiku {
        tier = Tier::Sonnet;
    }
    if tier == Tier::Sonnet && none + haiku + sonnet < thresholds.sonnet {
        tier = Tier::Opus;
    }
    tier
}

/// How much surer the rules are than the preset asks, before any calibration, that the verdict's tier suffices; below 0
/// they are not sure enough. None for tiers that nothing must suffice for.
pub fn room_of(policy: &Policy, verdict: &Verdict) -> Option<f32> {
    let thresholds = policy.confidence.thresholds();
    let [none, haiku, sonnet, _] = verdict.probabilities;
    match verdict.tier {
        Tier::Haiku => Some(none + haiku - thresholds.haiku),
        Tier::Sonnet => Some(none + haiku + sonnet - thresholds.sonnet),
        Tier::None | Tier::Opus => None,
    }
}

/// [`room_of`] as the log holds it.
pub fn thousandths(room: f32) -> i16 {
    (room * 1_000.0) as i16
}

/// Family of a tier; a tier that is switched off hands its work up, and `parent` is whoever spawns.
fn family_for(world: &World<'_>, tier: Tier, parent: Family) -> Family {
    let mut tier = tier;
    loop {
        let setting = match tier {
            Tier::None | Tier::Haiku => &world.policy.tiers.one,
            Tier::Sonnet => &world.policy.tiers.two,
            Tier::Opus => &world.policy.tiers.three,
        };
        match setting.as_str() {
            "off" if tier < Tier::Opus => tier = tier.escalate(),
            "off" | "parent" => return parent,
            name => return Family::of(name).unwrap_or(parent),
        }
    }
}

/// The family one tier above that of an executor.
fn next_up(world: &World<'_>, base: Family, parent: Family) -> Family {
    [Tier::Sonnet, Tier::Opus]
        .into_iter()
        .map(|tier| family_for(world, tier, parent))
        .find(|family| *family > base)
        .unwrap_or(base)
}

/// Handles the event.
pub fn before(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let Some(raw) = event.tool_input() else { return Outcome::default() };
    let Some(input) = SpawnInput::parse(raw) else { return Outcome::default() };
    let Some(task) = input.prompt() else { return Outcome::default() };
    let (agent, description) = (input.subagent_type(), input.description());
    let verdict = classify(world.image, &task, Source::Subagent { agent: &agent, description: &description });
    let sketch = Sketch::of(&format!("{description} {task}"));
    let (parent, parent_id) = parent(event, world, session);
    let mark =
        session.mark.as_ref().filter(|mark| mark.prompt == safe_id(&event.prompt_id())).map(|mark| mark.tier);
    let mode = event.permission_mode();
    let decision = if input.has_model() {
        leave(verdict.tier, "explicit-model")
    } else if world.forced_model.is_some() {
        leave(verdict.tier, "env-model")
    } else if !world.policy.spawn.route {
        leave(verdict.tier, "route-off")
    } else if session.hands_off.iter().any(|off| *off == mode) {
        leave(verdict.tier, "client-refuses")
    } else {
        let model = (world.agent_model)(&agent);
        let rejected = session.rejected_tier(&sketch);
        let again = session.before.keeps_failing(world.policy.prompt.escalate_after);
        let role = Role::of_executor(without_plugin(&agent));
        decide(world, &Case { verdict: &verdict, agent: &model, role, parent, mark, rejected, again })
    };
    let changed = decision.set.and_then(|family| with_model(raw, family.alias()));
    let requested = match (&changed, input.has_model()) {
        (Some(_), _) => decision.set.map(|family| family.alias().to_owned()),
        (None, true) => Some(safe_model(&input.model())),
        (None, false) => None,
    };
    let tool_use = event.tool_use_id();
    session.spawned(Spawned {
        tu: safe_id(&tool_use),
        a: None,
        tier: decision.want.map_or(0, |family| tier_of(world, family, parent).number()),
        family: decision.want,
        changed: changed.is_some(),
        told: false,
        sketch,
    });
    if !session.task.is_empty() && session.task == safe_id(&event.prompt_id()) {
        session.tasks.1 += 1;
        session.task.clear();
    }
    let mut record = record(Kind::Spawn, event, world);
    record.tu = Some(safe_id(&tool_use));
    record.agent = Some(safe_agent(if agent.is_empty() { "general-purpose" } else { &agent }));
    let inside = event.agent_id();
    record.a = (!inside.is_empty()).then(|| safe_id(&inside));
    record.tier = Some(decision.tier.number());
    record.role = Some(verdict.role.name().to_owned());
    record.conf = Some((verdict.confidence * 1_000.0) as u16);
    record.room = decision.room.map(thousandths);
    record.rules = rule_ids(world, &verdict);
    record.want = decision.want.map(|family| family.alias().to_owned());
    record.req = requested;
    record.par = Some(parent_id.map_or_else(|| parent.alias().to_owned(), |id| safe_model(&id)));
    record.why = Some(decision.why.to_owned());
    Outcome { reply: changed.map(Reply::updated_input), records: vec![record] }
}

/// Family and model id of whoever spawns: the orchestrator, or inside a subagent that subagent.
fn parent(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> (Family, Option<String>) {
    let inside = event.agent_id();
    if inside.is_empty() {
        return orchestrator(world, session);
    }
    if let Some(spoke) = (world.agent_spoke)(&inside)
        && let Some(family) = Family::of(&spoke.model)
    {
        return (family, Some(spoke.model));
    }
    // A subagent that spawns in its first message has no transcript yet, only the client's note.
    let note = (world.agent_note)(&inside).unwrap_or_default();
    if let Some(family) = Family::of(&note.model) {
        return (family, None);
    }
    let remembered = session.spawn_mut(&note.tool_use_id, &safe_id(&inside)).and_then(|spawn| spawn.family);
    match remembered {
        Some(family) => (family, None),
        None => orchestrator(world, session),
    }
}

/// The tier that a family serves.
fn tier_of(world: &World<'_>, family: Family, parent: Family) -> Tier {
    [Tier::Haiku, Tier::Sonnet]
        .into_iter()
        .find(|tier| family_of(world.policy, *tier) == Some(family) && family < parent)
        .unwrap_or(Tier::Opus)
}
