//! Results of subagents: record them, say one line when one is plainly bad, and step back when the client refuses
//! calls that SEF has changed.

use super::{MODES, Outcome, World, known_mode, record};
use crate::classify::Tier;
use crate::classify::lexer;
use crate::guidance::{self, Bad};
use crate::metrics::record::{Kind, Outcome as Ended, Record, safe_id, safe_model};
use crate::protocol::{Event, Reply, SpawnInput, SpawnResult};
use crate::rules::image::Image;
use crate::state::Session;

/// The mark that SEF's executors put first when they could not finish.
const INCOMPLETE: &str = "INCOMPLETE";
/// How 2.1.197 words the result of an agent that the API failed; it calls it completed.
const API_ERRORS: [&str; 2] = ["API Error:", "There's an issue with the selected model ("];
/// How the client begins to say that there is no such agent, or that a rule denies it: then none has run.
const NO_AGENT: &str = "Agent type '";
/// Place of the class of give-up phrases among `compile::SPECIAL_CLASSES`.
const GAVE_UP: usize = 4;
/// What is an answer (there is none) and no giving up.
const FOUND_NONE: [&str; 4] = ["able to find", "able to locate", "able to reproduce", "failed to reproduce"];
/// Words at the start of a report in which a give-up phrase counts.
const OPENING: usize = 14;

/// Whether a report says of itself that it is no result.
pub fn bad_text(image: &Image, report: &str) -> Option<Bad> {
    let text =
        report.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '#' | '`' | '>' | '_'));
    if text.is_empty() {
        return Some(Bad::Empty);
    }
    if text.starts_with(INCOMPLETE) {
        return Some(Bad::GaveUp);
    }
    if API_ERRORS.iter().any(|start| text.starts_with(start)) {
        return Some(Bad::Failed);
    }
    let opening = text[..text.floor_char_boundary(400)].to_ascii_lowercase();
    let opening = FOUND_NONE.iter().fold(opening, |text, answer| text.replace(answer, ""));
    let tokens = lexer::tokens(image, &opening, &[]);
    let class = image.special(GAVE_UP);
    (0..tokens.words.min(OPENING)).any(|token| tokens.spans(token, class) > 0).then_some(Bad::GaveUp)
}

/// PostToolUse: a result in the foreground, or a launch in the background.
pub fn after(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let tool_use = safe_id(&event.tool_use_id());
    let mut record = record(Kind::Result, event, world);
    record.tu = Some(tool_use.clone());
    record.agent = agent_type(event);
    let Some(response) = event.tool_response().and_then(SpawnResult::parse) else {
        return Outcome { reply: None, records: vec![record] };
    };
    let agent = response.agent_id();
    if !agent.is_empty() {
        record.a = Some(safe_id(&agent));
        if let Some(spawn) = session.spawn_mut(&tool_use, "") {
            spawn.a.clone_from(&record.a);
        }
    }
    let ran = response.resolved_model();
    record.ran = (!ran.is_empty()).then(|| safe_model(&ran));
    record.ms = response.duration_ms().or_else(|| event.duration_ms());
    if response.status() == "async_launched" {
        record.out = Some(Ended::Launched);
        return Outcome { reply: None, records: vec![record] };
    }
    let report = response.report();
    let bad = report.as_deref().and_then(|report| bad_text(world.image, report));
    record.out = Some(ended(bad));
    let mut records = vec![record];
    if bad == Some(Bad::Failed) && report.is_some_and(|report| !is_passing(&report)) {
        records.extend(hands_off(event, world, session, &tool_use, "", "call-failed"));
    }
    let reply = bad.and_then(|bad| tell(world, session, &tool_use, "", bad));
    Outcome { reply: reply.map(|line| Reply::context("PostToolUse", line)), records }
}

fn agent_type(event: &Event<'_>) -> Option<String> {
    let name = SpawnInput::parse(event.tool_input()?)?.subagent_type();
    Some(crate::metrics::record::safe_agent(if name.is_empty() { "general-purpose" } else { &name }))
}

/// How a report is recorded.
pub fn ended(bad: Option<Bad>) -> Ended {
    match bad {
        None => Ended::Ok,
        Some(Bad::Empty) => Ended::Empty,
        Some(Bad::GaveUp) => Ended::GaveUp,
        Some(Bad::Failed) => Ended::Failed,
    }
}

/// PostToolUseFailure: the call or the agent failed.
pub fn failed(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let tool_use = safe_id(&event.tool_use_id());
    let mut record = record(Kind::Result, event, world);
    record.tu = Some(tool_use.clone());
    record.agent = agent_type(event);
    record.out = Some(Ended::Failed);
    record.ms = event.duration_ms();
    let mut records = vec![record];
    if event.is_interrupt() || event.error().starts_with(NO_AGENT) {
        return Outcome { reply: None, records };
    }
    if !is_passing(&event.error()) {
        records.extend(hands_off(event, world, session, &tool_use, "", "call-failed"));
    }
    let reply = tell(world, session, &tool_use, "", Bad::Failed);
    Outcome { reply: reply.map(|line| Reply::context("PostToolUseFailure", line)), records }
}

/// Failures that come and go by themselves and say nothing about a changed call.
fn is_passing(error: &str) -> bool {
    let error = error.to_ascii_lowercase();
    [
        "overloaded",
        "rate limit",
        "rate_limit",
        "http 429",
        "http 5",
        "api error: 429",
        "api error: 5",
        "timed out",
        "timeout",
        "connection",
        "interrupted",
    ]
    .iter()
    .any(|sign| error.contains(sign))
}

/// PermissionDenied: auto mode refused the call.
pub fn denied(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    let tool_use = safe_id(&event.tool_use_id());
    let records = hands_off(event, world, session, &tool_use, "", "permission-denied").into_iter().collect();
    Outcome { reply: None, records }
}

/// When the refused call is one that SEF had changed: change no more calls in this session and permission mode.
pub fn hands_off(
    event: &Event<'_>,
    world: &World<'_>,
    session: &mut Session,
    tool_use: &str,
    agent: &str,
    why: &str,
) -> Option<Record> {
    // The failure of an agent can arrive before the result that tells its id: the client's note joins them.
    let noted = if tool_use.is_empty() { (world.agent_note)(agent) } else { None };
    let noted = noted.map(|note| safe_id(&note.tool_use_id)).unwrap_or_default();
    let tool_use = if tool_use.is_empty() { noted.as_str() } else { tool_use };
    let spawn = session.spawn_mut(tool_use, agent)?;
    if !spawn.changed {
        return None;
    }
    let tool_use = spawn.tu.clone();
    let mode = event.permission_mode();
    // A failure of a background agent comes without a mode: it holds for every mode then.
    let modes: Vec<&str> = match known_mode(&mode) {
        Some(mode) => vec![mode],
        None => std::iter::once("").chain(MODES).collect(),
    };
    let fresh: Vec<&str> =
        modes.into_iter().filter(|mode| !session.hands_off.iter().any(|known| known == mode)).collect();
    if fresh.is_empty() {
        return None;
    }
    session.hands_off.extend(fresh.into_iter().map(str::to_owned));
    let mut record = record(Kind::Refused, event, world);
    record.tu = Some(tool_use);
    record.why = Some(why.to_owned());
    Some(record)
}

/// Remembers the rejection and words the line; nothing for work that ran on the parent's model, and once per agent.
fn tell(world: &World<'_>, session: &mut Session, tool_use: &str, agent: &str, bad: Bad) -> Option<String> {
    let spawn = session.spawn_mut(tool_use, agent)?;
    let tier = Tier::from_number(spawn.tier);
    if spawn.told || !matches!(tier, Tier::Haiku | Tier::Sonnet) {
        return None;
    }
    spawn.told = true;
    let sketch = spawn.sketch.clone();
    session.reject(tier.number(), sketch);
    session.before.rejected = true;
    world.policy.prompt.hints.then(|| guidance::bad_result(world.policy, tier, bad))
}

/// A `<task-notification>` prompt, read.
pub struct Notification<'a> {
    /// Everything before the report.
    head: &'a str,
    /// The Agent call.
    pub tool_use: Option<&'a str>,
    /// The agent that ended.
    pub agent: Option<&'a str>,
    /// `completed`, `failed`, ...
    pub status: Option<&'a str>,
    /// What the agent reported.
    pub report: Option<&'a str>,
}

impl<'a> Notification<'a> {
    /// Reads its text. The report comes from a model: tags are read before and after it, never inside.
    pub fn read(text: &'a str) -> Self {
        let (head, report) = match (text.find("<result>"), text.rfind("</result>")) {
            (Some(open), Some(close)) if open + 8 <= close => (&text[..open], Some(&text[open + 8..close])),
            (Some(open), _) => (&text[..open], Some(&text[open + 8..])),
            (None, _) => (text, None),
        };
        Self {
            head,
            tool_use: tag(head, "tool-use-id"),
            agent: tag(head, "task-id"),
            status: tag(head, "status"),
            report,
        }
    }
}

/// A `<task-notification>` prompt: a background agent ended.
pub fn notified(event: &Event<'_>, world: &World<'_>, session: &mut Session, text: &str) -> Outcome {
    let note = Notification::read(text);
    let tool_use = note.tool_use.map(safe_id).unwrap_or_default();
    let agent = note.agent.map(safe_id).unwrap_or_default();
    let bad = match note.status {
        Some("failed") => Some(Bad::Failed),
        _ => note.report.and_then(|report| bad_text(world.image, report)),
    };
    let mut record = record(Kind::Notified, event, world);
    record.tu = (!tool_use.is_empty()).then(|| tool_use.clone());
    record.a = (!agent.is_empty()).then(|| agent.clone());
    record.out = Some(ended(bad));
    let mut records = vec![record];
    if bad == Some(Bad::Failed) && note.head.contains("model_not_found") {
        records.extend(hands_off(event, world, session, &tool_use, &agent, "model-refused"));
    }
    let reply = bad.and_then(|bad| tell(world, session, &tool_use, &agent, bad));
    Outcome { reply: reply.map(|line| Reply::context("UserPromptSubmit", line)), records }
}

fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let from = text.find(&format!("<{name}>"))? + name.len() + 2;
    let len = text[from..].find('<')?;
    Some(text[from..from + len].trim())
}
