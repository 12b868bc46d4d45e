//! UserPromptSubmit: is it the user's, what does it ask for, and is a hint worth its bytes. Silence is the usual answer.

use std::collections::BTreeSet;

use super::spawn::{room_of, sure_tier, thousandths};
use super::{Outcome, World, orchestrator, record, result};
use crate::classify::lexer;
use crate::classify::{Part, Role, Source, Tier, Verdict, classify};
use crate::guidance::{self, family_of};
use crate::hosted::service;
use crate::metrics::record::{Kind, safe_id};
use crate::models::Family;
use crate::protocol::{Event, Reply};
use crate::rules::policy::{Policy, SILENT};
use crate::state::{Mark, Session};

/// Rules of a verdict that are recorded.
pub const MAX_RULES: usize = 12;

/// What a prompt is before anyone reads what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt<'a> {
    /// A background agent ended.
    Notification(&'a str),
    /// From the client or another session: it begins with a tag.
    NotTheUsers,
    /// `/name` alone.
    SlashCommand,
    /// `/name` with arguments, the whole of it: what it asks for can be told, but the command says itself how it is done.
    Command(&'a str),
    /// The user's, with the tier of a routing mark (0 for `~off`) and the text after it.
    Users(Option<u8>, &'a str),
}

/// The routing marks, with the tier that each asks for.
const MARKS: [(&str, u8); 4] = [("~haiku", 1), ("~sonnet", 2), ("~opus", 3), ("~off", 0)];

/// Tells whose prompt it is.
pub fn read(prompt: &str) -> Prompt<'_> {
    let text = after_notes(prompt.trim_start());
    if text.starts_with("<task-notification>") {
        return Prompt::Notification(text);
    }
    if is_tag(text) {
        return Prompt::NotTheUsers;
    }
    if let Some(arguments) = slash_arguments(text) {
        return if arguments.is_empty() { Prompt::SlashCommand } else { Prompt::Command(text) };
    }
    for (mark, tier) in MARKS {
        let head = text.get(..mark.len()).unwrap_or_default();
        let rest = &text[head.len()..];
        if head.eq_ignore_ascii_case(mark) && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-') {
            return Prompt::Users(
                Some(tier),
                rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | ',')),
            );
        }
    }
    Prompt::Users(None, text)
}

/// `<name>` or `<name ` at the start: messages of the client, of loops and of other sessions look so.
fn is_tag(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('<') else { return false };
    let name = rest.find(|c: char| !(c.is_ascii_lowercase() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
    rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest[name..].starts_with(['>', ' ', '\n'])
}

/// Notes that an editor or the client puts in front of what the user typed.
const NOTES: [(&str, &str); 3] = [
    ("<ide_opened_file>", "</ide_opened_file>"),
    ("<ide_selection>", "</ide_selection>"),
    ("<system-reminder>", "</system-reminder>"),
];

/// The text after such notes; the whole text when nothing comes after them.
fn after_notes(text: &str) -> &str {
    let mut rest = text;
    while let Some((_, close)) = NOTES.iter().find(|(open, _)| rest.starts_with(open))
        && let Some(end) = rest.find(close)
    {
        rest = rest[end + close.len()..].trim_start();
    }
    if rest.is_empty() { text } else { rest }
}

/// What follows `/name`; none when it is no slash command: `/etc/hosts` is an ordinary prompt.
fn slash_arguments(text: &str) -> Option<&str> {
    let name = lexer::slash_name(text)?;
    Some(text[1 + name.len()..].trim())
}

/// Handles the event.
pub fn submit(event: &Event<'_>, world: &World<'_>, session: &mut Session) -> Outcome {
    session.plan = event.permission_mode() == "plan";
    let prompt = event.prompt();
    let (mark, command, text) = match read(&prompt) {
        Prompt::Notification(text) => return result::notified(event, world, session, text),
        Prompt::NotTheUsers | Prompt::SlashCommand => return Outcome::default(),
        Prompt::Command(text) => (None, true, text),
        Prompt::Users(mark, text) => (mark, false, text),
    };
    if text.trim().is_empty() && mark.is_none() {
        return Outcome::default();
    }
    session.mark = mark.map(|tier| Mark { prompt: safe_id(&event.prompt_id()), tier });
    let before = session.before;
    let mut verdict = classify(world.image, text, Source::User(Some(before)));
    session.before = before.after(&verdict);
    if verdict.tier > Tier::None {
        session.tasks.0 += 1;
        session.task = safe_id(&event.prompt_id());
    }
    let again = session.before.keeps_failing(world.policy.prompt.escalate_after);
    if again && verdict.tier < Tier::Opus {
        verdict.raise_to(Tier::Opus);
    }
    let said = answer(world, session, &verdict, &Circumstances { mark, command, open: before.open, again });
    let mut record = record(Kind::Prompt, event, world);
    record.tier = Some(verdict.tier.number());
    record.role = Some(verdict.role.name().to_owned());
    record.conf = Some((verdict.confidence * 1_000.0) as u16);
    let hint_room = verdict.confidence - world.policy.confidence.thresholds().hint;
    record.room = room_of(world.policy, &verdict).map(|room| thousandths(room.min(hint_room)));
    record.rules = rule_ids(world, &verdict);
    let reply = match said {
        Ok(Said { kind, text, word }) => {
            record.hint = Some(kind.to_owned());
            record.word = (word > 0).then_some(word);
            Some(Reply::context("UserPromptSubmit", text))
        }
        Err(why) => {
            record.why = Some(why.to_owned());
            None
        }
    };
    Outcome { reply, records: vec![record] }
}

/// Ids of the rules that fired. Learned phrases are left out: their ids are words of the prompt.
pub fn rule_ids(world: &World<'_>, verdict: &Verdict) -> Vec<String> {
    let named = verdict.fired.iter().filter(|hit| world.image.is_named(hit.rule));
    named.take(MAX_RULES).map(|hit| world.image.rule(hit.rule).id.to_owned()).collect()
}

/// What surrounds a prompt.
struct Circumstances {
    /// Tier of a routing mark.
    mark: Option<u8>,
    /// A slash command with arguments.
    command: bool,
    /// The turn before has not ended.
    open: bool,
    /// The user reports a failure again and again.
    again: bool,
}

/// What the orchestrator is told.
struct Said {
    kind: &'static str,
    text: String,
    word: u8,
}

/// The hint for a failure that keeps coming back.
fn repeated() -> Hint {
    Hint { kind: "again", key: "again".to_owned(), text: guidance::REPEATED.to_owned(), word: 0 }
}

/// The hint and its kind, or the reason for silence.
fn answer(
    world: &World<'_>,
    session: &mut Session,
    verdict: &Verdict,
    now: &Circumstances,
) -> Result<Said, &'static str> {
    let policy = world.policy;
    if !policy.prompt.hints {
        return Err("hints-off");
    }
    if let Some(tier) = now.mark {
        let tier = Tier::from_number(tier);
        if tier == Tier::None {
            return Err("mark-off");
        }
        let role = if verdict.role.tier() == tier { verdict.role } else { Role::default_of(tier) };
        return Ok(Said { kind: "mark", text: guidance::marked(policy, tier, role), word: 0 });
    }
    if now.command {
        return Err("slash");
    }
    if verdict.race {
        return asked_for(world, session, ["race", "race-key"], guidance::race);
    }
    if verdict.turbo {
        return asked_for(world, session, ["turbo", "turbo-key"], guidance::turbo);
    }
    if now.open {
        return Err("mid-task");
    }
    // Nobody asked for anything: without a key nothing is said of it.
    if verdict.options && !session.hints.iter().any(|hint| hint == OPTIONS) && (world.turbo_ready)() {
        session.stand(OPTIONS.to_owned());
        return Ok(Said { kind: OPTIONS, text: guidance::options(), word: 0 });
    }
    let hint = if now.again { repeated() } else { worth_saying(policy, verdict)? };
    // The standing hint is looked for before the orchestrator's model, which costs reading the transcript.
    if stands(session, &hint.key, &verdict.parts) {
        return Err("stands");
    }
    let (family, _) = orchestrator(world, session);
    if !now.again && !pays(policy, verdict, family) {
        return Err("model-low");
    }
    session.stand(hint.key);
    Ok(Said { kind: hint.kind, text: hint.text, word: hint.word })
}

/// The hint for a prompt that leaves several ways open.
const OPTIONS: &str = "options";

/// What is said to a prompt that asks for something that needs the service, once in a session for each state of its key; the
/// hint's kind with a key, and without.
fn asked_for(
    world: &World<'_>,
    session: &mut Session,
    kinds: [&'static str; 2],
    words: fn() -> String,
) -> Result<Said, &'static str> {
    let ready = (world.turbo_ready)();
    let kind = if ready { kinds[0] } else { kinds[1] };
    if session.hints.iter().any(|hint| hint == kind) {
        return Err("stands");
    }
    let text = if ready {
        words()
    } else {
        let hosted = &world.policy.hosted;
        let provider = service::provider(hosted).map_err(|_| "turbo-config")?;
        let variable = service::key_variable(hosted).unwrap_or_default();
        guidance::turbo_without_key(&provider.name, variable, &provider.key_page)
    };
    session.stand(kind.to_owned());
    Ok(Said { kind, text, word: 0 })
}

/// A hint, before it is known whether it stands already and whether it pays.
#[derive(Debug)]
pub struct Hint {
    /// `task`, `parts` or `again`.
    pub kind: &'static str,
    /// Hints of one key are the same hint.
    pub key: String,
    /// The words.
    pub text: String,
    /// Their number among the wordings of this kind of hint.
    pub word: u8,
}

/// The hint for a verdict, or the reason for silence that lies in the verdict itself.
pub fn worth_saying(policy: &Policy, verdict: &Verdict) -> Result<Hint, &'static str> {
    let whole = verdict.parts.is_empty();
    if verdict.tier == Tier::None {
        return Err("no-task");
    }
    if verdict.tier == Tier::Opus && whole {
        return Err("keep");
    }
    if verdict.tiny && whole {
        return Err("tiny");
    }
    let sure = sure_tier(policy, verdict) == verdict.tier;
    let role = verdict.role.name();
    if whole && !(sure && verdict.confidence >= policy.thresholds(role).hint) {
        return Err("unsure");
    }
    let wording = if whole { role } else { guidance::PARTS };
    let word = policy.calibration.hints.get(wording).copied().unwrap_or(0);
    if word == SILENT {
        return Err("ignored");
    }
    if whole {
        let text = guidance::hint(policy, verdict.tier, verdict.role, word);
        return Ok(Hint { kind: "task", key: role.to_owned(), text, word });
    }
    let key: Vec<&str> = verdict.parts.iter().map(|part| part.role.name()).collect();
    let text = guidance::compound(policy, &verdict.parts, word).ok_or("keep")?;
    Ok(Hint { kind: "parts", key: key.join("+"), text, word })
}

/// Whether an executor would run on a cheaper model than the orchestrator.
pub fn pays(policy: &Policy, verdict: &Verdict, orchestrator: Family) -> bool {
    let cheaper = |tier: Tier| family_of(policy, tier).is_some_and(|wanted| wanted < orchestrator);
    match verdict.parts.as_slice() {
        [] => cheaper(verdict.tier),
        parts => parts.iter().any(|part| part.role.executor().is_some() && cheaper(part.tier)),
    }
}

/// Whether the same hint was given already: for one task its role, for a compound task the same set of roles.
fn stands(session: &Session, key: &str, parts: &[Part]) -> bool {
    if parts.is_empty() {
        return session.hints.iter().any(|hint| hint == key);
    }
    let wanted: BTreeSet<&str> = key.split('+').collect();
    session.hints.iter().any(|hint| hint.contains('+') && hint.split('+').collect::<BTreeSet<_>>() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_prompt_it_is() {
        for (prompt, expected) in [
            ("<task-notification>\n<task-id>a</task-id>", "notification"),
            ("<teammate-message from=\"x\">hi", "not the user's"),
            ("<loop>\nrun", "not the user's"),
            ("/compact", "slash"),
            ("/sef:report now", "command"),
            ("/implement  docs/spec.md", "command"),
            ("<ide_opened_file>a.rs is open</ide_opened_file>\n\n/compact", "slash"),
            ("<ide_selection>x</ide_selection><system-reminder>y</system-reminder> fix it", "user"),
            ("<ide_opened_file>a.rs is open</ide_opened_file>", "not the user's"),
            ("<ide_opened_file>never closed", "not the user's"),
            ("/etc/hosts has a wrong entry", "user"),
            ("<- this arrow is wrong", "user"),
            ("~haiku find it", "mark 1"),
            ("~OFF: find it", "mark 0"),
            ("~offline mode is broken", "user"),
            ("find it ~haiku", "user"),
        ] {
            let seen = match read(prompt) {
                Prompt::Notification(_) => "notification".to_owned(),
                Prompt::NotTheUsers => "not the user's".to_owned(),
                Prompt::SlashCommand => "slash".to_owned(),
                Prompt::Command(_) => "command".to_owned(),
                Prompt::Users(None, _) => "user".to_owned(),
                Prompt::Users(Some(tier), text) => {
                    assert_eq!(text, "find it");
                    format!("mark {tier}")
                }
            };
            assert_eq!(seen, expected, "{prompt}");
        }
    }
}
