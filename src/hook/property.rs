//! Property: whatever stands on the hook's stdin, there is no panic, and what is answered and kept is what the protocol
//! allows and nothing of what was said. The parts of the hook without its files; shared by `cargo test` and `fuzz/`.

use serde_json::Value;
use serde_json::value::RawValue;

use super::{Progress, Scan};
use crate::agents::{AgentModel, is_known};
use crate::handle::{self, World};
use crate::models::Family;
use crate::protocol::{Event, Name};
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::so_far::SoFar;
use crate::state::Session;
use crate::tail::{AgentNote, Spoke};

/// Stands in the seeds and in the dictionary; has a blank, so that no id and no model's name can hold it.
const CANARY: &str = "CANARY 9e2";
/// Longest reply, in characters: the client takes what is longer out of the conversation. A rewritten input is the
/// call's own, so it is counted apart.
const LONGEST: usize = 10_000;

thread_local! {
    static RULES: (Image, Policy) = (Image::built_in(), crate::rules::built_in_policy());
}

/// Handles the bytes twice with one session's memory, as two events of one session.
pub fn check(bytes: &[u8]) {
    let Some(event) = first_object(bytes) else { return };
    let text = String::from_utf8_lossy(event);
    let Some(event) = Event::parse(text.trim_start_matches('\u{feff}').trim()) else { return };
    if event.name() == Name::Other {
        return;
    }
    let mut session = Session::default();
    for round in 0..2 {
        // What the world answers changes with the input, so that every branch is met.
        let chance = bytes.len() + round;
        RULES.with(|(image, policy)| answer(&event, &world(image, policy, chance), &mut session));
    }
}

fn world<'a>(image: &'a Image, policy: &'a Policy, chance: usize) -> World<'a> {
    let spoke: &dyn Fn() -> Option<Spoke> = match chance % 3 {
        0 => &|| None,
        1 => &|| Some(Spoke { model: "claude-opus-5-5".into(), time: "2026-11-20T20:37:10.675Z".into() }),
        _ => &|| Some(Spoke { model: "claude-haiku-5-5".into(), time: String::new() }),
    };
    World {
        image,
        policy,
        now: 1_795_176_000_000,
        forced_model: (chance % 7 == 6).then_some("sonnet"),
        chosen_model: (chance % 5 == 4).then_some("claude-fable-5-2"),
        spoke,
        agent_spoke: &|id| {
            id.len().is_multiple_of(2).then(|| Spoke { model: id.to_owned(), time: String::new() })
        },
        agent_note: &|id| {
            id.len()
                .is_multiple_of(3)
                .then(|| AgentNote { tool_use_id: id.to_owned(), model: "haiku".into() })
        },
        so_far: if chance.is_multiple_of(2) {
            &|| None
        } else {
            &|| Some(SoFar { agents: 3, usd: 0.5, on_orchestrator_usd: 1.5 })
        },
        turbo_ready: if chance.is_multiple_of(2) { &|| true } else { &|| false },
        agent_model: &|name| match name {
            "fork" => AgentModel::Fork,
            "mine" => AgentModel::Own(None),
            _ if name.contains("sef-") => AgentModel::Executor(Family::Haiku),
            _ if is_known(name) => AgentModel::Inherits,
            _ => AgentModel::Unknown,
        },
    }
}

fn answer(event: &Event<'_>, world: &World<'_>, session: &mut Session) {
    let outcome = handle::handle(event, world, session);
    if let Some(reply) = &outcome.reply {
        check_reply(event, &reply.to_json());
    }
    for record in &outcome.records {
        let line = serde_json::to_string(record).expect("a record is plain values");
        assert!(line.len() < 4_096 && !line.contains('\n'), "a record is one short line: {line}");
        keeps_nothing(&line);
    }
    let memory = serde_json::to_string(session).expect("the memory is plain values");
    assert!(memory.len() < 64 << 10, "the memory of a session is bounded");
    keeps_nothing(&memory);
}

/// The first object, found as the hook finds it: the same in one piece and byte by byte.
fn first_object(bytes: &[u8]) -> Option<&[u8]> {
    let used = match Scan::default().feed(bytes) {
        Progress::Done(used) => Some(used),
        Progress::More | Progress::NotAnObject => None,
    };
    let mut scan = Scan::default();
    let slowly = bytes.iter().enumerate().find_map(|(at, byte)| match scan.feed(&[*byte]) {
        Progress::More => None,
        Progress::NotAnObject => Some(None),
        Progress::Done(_) => Some(Some(at + 1)),
    });
    assert_eq!(used, slowly.flatten(), "where the parts of an event are cut changes nothing");
    let whole = bytes.trim_ascii_end();
    if serde_json::from_slice::<serde_json::Map<String, Value>>(whole).is_ok() {
        assert_eq!(used, Some(whole.len()), "an object is found whole");
    }
    used.map(|used| &bytes[..used])
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply<'a> {
    #[serde(borrow, rename = "hookSpecificOutput")]
    output: Option<Output<'a>>,
    #[serde(rename = "systemMessage")]
    message: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Output<'a> {
    #[serde(rename = "hookEventName")]
    event: String,
    #[serde(rename = "additionalContext")]
    context: Option<String>,
    #[serde(borrow, rename = "updatedInput")]
    input: Option<&'a RawValue>,
    #[serde(rename = "permissionDecision")]
    decision: Option<String>,
    #[serde(rename = "permissionDecisionReason")]
    reason: Option<String>,
}

fn check_reply(event: &Event<'_>, json: &str) {
    let reply: Reply<'_> = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let input = reply.output.as_ref().and_then(|output| output.input);
    let own = json.chars().count() - input.map_or(0, |input| input.get().chars().count());
    assert!(own < LONGEST, "{own} characters");
    assert!(reply.output.is_some() || reply.message.is_some(), "an empty reply is no reply");
    for text in reply
        .message
        .iter()
        .chain(reply.output.iter().flat_map(|output| [&output.context, &output.reason]).flatten())
    {
        assert!(!text.is_empty() && !text.contains('\u{1b}') && !text.contains(CANARY), "{text}");
    }
    let Some(output) = &reply.output else { return };
    assert_eq!(output.event, format!("{:?}", event.name()), "a reply names the event that it answers");
    assert_eq!(output.decision.is_some(), output.reason.is_some());
    assert!(output.decision.as_deref().is_none_or(|decision| decision == "deny" && event.is_codegen()));
    if let Some(input) = input {
        assert!(event.is_spawn() && event.name() == Name::PreToolUse);
        check_input(event.tool_input().expect("a rewrite has something to rewrite").get(), input.get());
    }
}

/// A rewritten input is the call's own with one of the four models in front.
fn check_input(old: &str, new: &str) {
    let body = old.trim().strip_prefix('{').expect("an object");
    let rest = ["haiku", "sonnet", "opus", "fable"]
        .into_iter()
        .find_map(|model| new.strip_prefix(&format!("{{\"model\":\"{model}\"")))
        .unwrap_or_else(|| panic!("no model that a spawn accepts: {new}"));
    assert_eq!(rest.strip_prefix(',').unwrap_or(rest), body, "every other byte is as it was");
}

fn keeps_nothing(text: &str) {
    assert!(!text.contains(CANARY) && !text.contains('\u{1b}'), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn a4_a7_whatever_stands_on_stdin_the_reply_is_allowed_and_nothing_is_kept() {
        seeded::inputs("hook_input", 6_000, check);
    }
}
