//! Session events: guidance at the start, and bookkeeping for the rest. Only the start answers anything.

use super::{Outcome, World, record, result};
use crate::classify::Before;
use crate::guidance;
use crate::metrics::record::{Kind, Outcome as Ended, safe_agent, safe_id, safe_model};
use crate::protocol::{Event, Reply};
use crate::state::Session;

/// Guidance once per start, clear and compact; on resume only when this session never had it. A fork carries it along.
pub fn start(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let source = event.source();
    let fresh = matches!(source.as_ref(), "startup" | "clear" | "compact");
    if fresh {
        session.hints.clear();
    }
    session.before.open = false;
    if source == "clear" {
        session.before = Before::default();
    }
    let model = event.model();
    if !model.is_empty() {
        session.model = Some(safe_model(&model));
        session.model_t = world.now;
    }
    let give = world.policy.prompt.hints && (fresh || (source == "resume" && !session.guided));
    session.guided |= give;
    let mut record = record(Kind::Session, event, world);
    record.src = ["startup", "resume", "fork", "clear", "compact"]
        .into_iter()
        .find(|known| *known == source)
        .map(str::to_owned);
    record.par = (!model.is_empty()).then(|| safe_model(&model));
    record.hint = give.then(|| "session".to_owned());
    let reply = give.then(|| Reply::context("SessionStart", guidance::session(world.policy)));
    Outcome { reply, records: vec![record] }
}

/// A subagent begins. Internal helpers have no type.
pub fn agent_start(event: &Event<'_>, world: &World<'_>) -> Outcome {
    agent(event, world, Kind::AgentStart, None)
}

/// A subagent ends.
pub fn agent_stop(event: &Event<'_>, world: &World<'_>) -> Outcome {
    // In auto mode the report is in a tool call, so an empty message says nothing.
    let message = event.last_assistant_message();
    let ended = (!message.trim().is_empty()).then(|| result::ended(result::bad_text(world.image, &message)));
    agent(event, world, Kind::AgentStop, ended)
}

fn agent(event: &Event<'_>, world: &World<'_>, kind: Kind, ended: Option<Ended>) -> Outcome {
    let (id, name) = (event.agent_id(), event.agent_type());
    if name.is_empty() || id.is_empty() {
        return Outcome::default();
    }
    let mut record = record(kind, event, world);
    record.a = Some(safe_id(&id));
    record.agent = Some(safe_agent(&name));
    record.out = ended;
    Outcome { reply: None, records: vec![record] }
}

/// An API error ended a turn, or a subagent.
pub fn stop_failure(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let id = event.agent_id();
    if id.is_empty() {
        session.before.open = false;
        let mut record = record(Kind::Stop, event, world);
        record.out = Some(Ended::Failed);
        return Outcome { reply: None, records: vec![record] };
    }
    let mut outcome = agent(event, world, Kind::AgentStop, Some(Ended::Failed));
    if event.error() == "model_not_found" {
        outcome.records.extend(result::hands_off(event, world, session, "", &id, "model-refused"));
    }
    outcome
}

/// A turn ended.
pub fn stop(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    session.before.open = false;
    let mut reply = None;
    if world.policy.show.savings_at_stop
        && let Some(sum) = (world.so_far)()
        && sum.agents != session.told_agents
    {
        session.told_agents = sum.agents;
        reply = Some(Reply::message(guidance::savings(&sum)));
    }
    Outcome { reply, records: vec![record(Kind::Stop, event, world)] }
}

/// The session ended.
pub fn end(event: &Event<'_>, world: &World<'_>) -> Outcome {
    Outcome { reply: None, records: vec![record(Kind::End, event, world)] }
}
