//! From an event to what is answered and what is recorded. No file, clock or environment is touched here: everything
//! outside comes in through [`World`], whose functions are called only when the answer is needed.

mod codegen;
pub mod prompt;
mod result;
mod session;
mod spawn;

pub use result::{Notification, bad_text, ended};
pub use spawn::{Decision, decide, tier_by};

use crate::agents::AgentModel;
use crate::calendar::parse_timestamp;
use crate::metrics::record::{Kind, Record, project_key, safe_id};
use crate::models::Family;
use crate::protocol::{Event, Name, Reply};
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::so_far::SoFar;
use crate::state::Session;
use crate::tail::{AgentNote, Spoke};

/// What the handlers may know of the world besides the event.
pub struct World<'a> {
    /// Compiled rules.
    pub image: &'a Image,
    /// What SEF may do.
    pub policy: &'a Policy,
    /// Milliseconds since 1970, UTC.
    pub now: u64,
    /// A model that the user forces on all subagents.
    pub forced_model: Option<&'a str>,
    /// The orchestrator's model by the environment.
    pub chosen_model: Option<&'a str>,
    /// The model that spoke last in the session's transcript.
    pub spoke: &'a dyn Fn() -> Option<Spoke>,
    /// The model that spoke last in a subagent's transcript.
    pub agent_spoke: &'a dyn Fn(&str) -> Option<Spoke>,
    /// What the client noted of a subagent when it started.
    pub agent_note: &'a dyn Fn(&str) -> Option<AgentNote>,
    /// What the session's subagents cost so far.
    pub so_far: &'a dyn Fn() -> Option<SoFar>,
    /// Where an agent type's model comes from.
    pub agent_model: &'a dyn Fn(&str) -> AgentModel,
    /// Whether turbo could be asked: its service wants no key, or has one.
    pub turbo_ready: &'a dyn Fn() -> bool,
}

/// What to answer and what to record.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The reply on stdout; nothing means no output at all.
    pub reply: Option<Reply>,
    /// Lines for the log.
    pub records: Vec<Record>,
}

/// Handles one event. `session` is the memory of the event's session.
pub fn handle(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    match event.name() {
        Name::SessionStart => session::start(event, world, session),
        Name::UserPromptSubmit => prompt::submit(event, world, session),
        Name::PreToolUse if event.is_spawn() => spawn::before(event, world, session),
        Name::PreToolUse if event.is_codegen() => codegen::before(event, world),
        Name::PostToolUse if event.is_spawn() => result::after(event, world, session),
        Name::PostToolUseFailure if event.is_spawn() => result::failed(event, world, session),
        Name::PermissionDenied if event.is_spawn() => result::denied(event, world, session),
        Name::SubagentStart => session::agent_start(event, world),
        Name::SubagentStop => session::agent_stop(event, world),
        Name::StopFailure => session::stop_failure(event, world, session),
        Name::Stop => session::stop(event, world, session),
        Name::SessionEnd => session::end(event, world),
        Name::PreToolUse
        | Name::PostToolUse
        | Name::PostToolUseFailure
        | Name::PermissionDenied
        | Name::Other => Outcome::default(),
    }
}

/// Whether an event can change or needs the session's memory, so that the others never open it.
pub fn needs_memory(event: &Event<'_>) -> bool {
    match event.name() {
        Name::SessionStart | Name::UserPromptSubmit | Name::Stop | Name::StopFailure => true,
        Name::PreToolUse | Name::PostToolUse | Name::PostToolUseFailure | Name::PermissionDenied => {
            event.is_spawn()
        }
        Name::SubagentStart | Name::SubagentStop | Name::SessionEnd | Name::Other => false,
    }
}

/// A record with the fields that every event has.
fn record(kind: Kind, event: &Event<'_>, world: &World<'_>) -> Record {
    let mut record = Record::new(kind, world.now, &event.session_id());
    let prompt = event.prompt_id();
    record.p = (!prompt.is_empty()).then(|| safe_id(&prompt));
    let transcript = event.transcript_path();
    record.pj = std::path::Path::new(transcript.as_ref())
        .parent()
        .and_then(|folder| folder.file_name())
        .and_then(|name| name.to_str())
        .map(project_key);
    let mode = event.permission_mode();
    record.mode = known_mode(&mode).map(str::to_owned);
    record
}

/// The permission modes of the client.
const MODES: [&str; 6] = ["default", "plan", "acceptEdits", "auto", "dontAsk", "bypassPermissions"];

/// A mode of the client; anything else is not stored.
fn known_mode(mode: &str) -> Option<&str> {
    MODES.contains(&mode).then_some(mode)
}

/// The orchestrator's model: what spoke last, unless the session was begun anew since; else what the session began with.
/// A switch by `/model` is seen in the next answer: clients that know no event for it would warn at every start.
fn orchestrator(world: &World<'_>, session: &Session) -> (Family, Option<String>) {
    let spoke = (world.spoke)();
    let named = match (&spoke, &session.model) {
        (Some(spoke), Some(model)) => {
            let earlier = parse_timestamp(&spoke.time).is_some_and(|time| time < session.model_t);
            Some(if earlier { model } else { &spoke.model })
        }
        (Some(spoke), None) => Some(&spoke.model),
        (None, model) => model.as_ref(),
    };
    let named = named.map(String::as_str).or(world.chosen_model);
    let family = named.and_then(Family::of).or_else(|| Family::of(&world.policy.orchestrator.model));
    (family.unwrap_or(Family::Opus), named.map(str::to_owned))
}
