//! The words that SEF gives to the orchestrator. Facts, not orders, because context that reads like a system command
//! may be taken for an injection; short, because every byte stays in the history. The bounds are tested.

use crate::classify::{Part, Role, Tier};
use crate::models::Family;
use crate::rules::policy::Policy;

/// Most bytes of the context at a session start.
pub const MAX_SESSION: usize = 600;
/// Most bytes of a hint at a prompt.
pub const MAX_HINT: usize = 240;
/// Parts of a compound task that a hint names.
const MAX_PARTS: usize = 3;

/// Model family of a tier by policy; none when the tier inherits or is switched off.
pub fn family_of(policy: &Policy, tier: Tier) -> Option<Family> {
    Family::of(match tier {
        Tier::None => return None,
        Tier::Haiku => &policy.tiers.one,
        Tier::Sonnet => &policy.tiers.two,
        Tier::Opus => &policy.tiers.three,
    })
}

/// Context for a session start.
pub fn session(policy: &Policy) -> String {
    let one = family_of(policy, Tier::Haiku).map_or("small model", Family::title);
    let two = family_of(policy, Tier::Sonnet).map_or("middle model", Family::title);
    format!(
        "SEF routing is on: a hook gives each subagent the model its task needs; an explicit model in the call stands. \
         Executors on {one}: sef-explore (find, read), sef-validate (run tests, builds, git), sef-document (small text \
         edits). On {two}: sef-implement (code from a clear request), sef-review (review, debugging). Design, security \
         and subtle bugs stay here. Independent parts go out in one message. Results are checked, then used; one that \
         falls short is done here, not retried at its tier. Routing is no topic for the user."
    )
}

/// Three words on why a role fits.
fn why(role: Role) -> &'static str {
    match role {
        Role::None => "no task",
        Role::Explore => "find and read",
        Role::Validate => "run and check",
        Role::Document => "small text edit",
        Role::Implement => "standard code change",
        Role::Review => "review or debugging",
        Role::Orchestrator => "design and judgement",
    }
}

/// Who takes work of a role: the executor and its model, or "you".
fn who(policy: &Policy, role: Role) -> String {
    match (role.executor(), family_of(policy, role.tier())) {
        (Some(executor), Some(family)) => format!("{executor} ({})", family.title()),
        (Some(executor), None) => executor.to_owned(),
        (None, _) => "you".to_owned(),
    }
}

/// Hint for one task.
pub fn hint(policy: &Policy, tier: Tier, role: Role) -> String {
    format!(
        "SEF: tier {} task ({}). {} covers it; a result that holds can be passed on as it is.",
        tier.number(),
        why(role),
        who(policy, role)
    )
}

/// Hint for a compound task: its parts and who takes each. None when no part would be delegated.
pub fn compound(policy: &Policy, parts: &[Part]) -> Option<String> {
    parts.iter().find(|part| part.role.executor().is_some())?;
    let named: Vec<String> = parts
        .iter()
        .take(MAX_PARTS)
        .map(|part| format!("{}: {}", who(policy, part.role), why(part.role)))
        .collect();
    let more = if parts.len() > MAX_PARTS { "; ..." } else { "" };
    Some(format!("SEF: separable parts. {}{more}.", named.join("; ")))
}

/// Hint for a prompt that carries a routing mark.
pub fn marked(policy: &Policy, tier: Tier, role: Role) -> String {
    let family = family_of(policy, tier).map_or("this model", Family::title);
    match role.executor() {
        Some(executor) => format!(
            "SEF: the user's ~ mark sets this prompt's work to {family}: {executor} ({}) or any subagent runs on it.",
            why(role)
        ),
        None => format!("SEF: the user's ~ mark sets this prompt's subagents to {family}."),
    }
}

/// The hint when the user keeps saying that the work is wrong.
pub const REPEATED: &str = "SEF: the user reports again that this does not work. Earlier attempts missed the cause: it is \
     best found here, from evidence, before anything is changed or delegated.";

/// Why a result is plainly bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// The call or the agent failed.
    Failed,
    /// Nothing came back.
    Empty,
    /// The executor said that it could not.
    GaveUp,
}

/// The line that comes with a plainly bad result of a tier.
pub fn bad_result(policy: &Policy, tier: Tier, bad: Bad) -> String {
    let what = match bad {
        Bad::Failed => "this subagent failed",
        Bad::Empty => "this subagent's result is empty",
        Bad::GaveUp => "this subagent says that it did not finish",
    };
    let up = match tier {
        Tier::Haiku => format!("directly, or one tier up with {}", who(policy, Role::Implement)),
        _ => "directly".to_owned(),
    };
    format!("SEF: {what}. The task is best done {up}; another try at tier {} is not.", tier.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_keeps_its_bound() {
        let policy = crate::rules::built_in_policy();
        let text = session(&policy);
        assert!(text.len() <= MAX_SESSION, "{} bytes", text.len());
        assert!(REPEATED.len() <= MAX_HINT);
        let part = |role: Role| Part { tier: role.tier(), role, start: 0, end: 0 };
        for tier in [Tier::Haiku, Tier::Sonnet, Tier::Opus] {
            for role in Role::ALL {
                assert!(hint(&policy, tier, role).len() <= MAX_HINT);
                assert!(marked(&policy, tier, role).len() <= MAX_HINT);
                for other in Role::ALL {
                    let parts = [part(role), part(other), part(role), part(other), part(role)];
                    if let Some(text) = compound(&policy, &parts) {
                        assert!(text.len() <= MAX_HINT, "{text}");
                    }
                }
            }
            for bad in [Bad::Failed, Bad::Empty, Bad::GaveUp] {
                assert!(bad_result(&policy, tier, bad).len() <= MAX_HINT);
            }
        }
    }

    #[test]
    fn the_session_text_names_every_executor() {
        let text = session(&crate::rules::built_in_policy());
        for role in Role::ALL {
            if let Some(executor) = role.executor() {
                assert!(text.contains(executor), "{executor}");
            }
        }
    }
}
