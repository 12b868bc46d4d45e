//! The words that SEF gives to the orchestrator. Facts, not orders, because context that reads like a system command
//! may be taken for an injection; short, because every byte stays in the history. The bounds are tested.

use crate::agents::PLUGIN;
use crate::classify::{Part, Role, Tier};
use crate::models::Family;
use crate::report::text::{money, plural};
use crate::rules::policy::Policy;
use crate::so_far::SoFar;

/// Most bytes of the context at a session start.
pub const MAX_SESSION: usize = 600;
/// Most bytes of a hint at a prompt.
pub const MAX_HINT: usize = 240;
/// Most bytes of what is said when a prompt asks for turbo. It is asked for, so it may be longer than a hint.
pub const MAX_TURBO: usize = 700;
/// Most words of what is said about races.
pub const MAX_RACE_WORDS: usize = 60;
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

/// The same words where SEF runs as a plugin: the client puts the plugin's name before its agents and tools.
pub fn in_the_plugin(text: &str) -> String {
    let executors = Role::ALL.into_iter().filter_map(Role::executor);
    let prefixed = |text: String, agent: &str| text.replace(agent, &format!("{PLUGIN}:{agent}"));
    executors
        .fold(text.to_owned(), prefixed)
        .replace("mcp__speed-run__", &format!("mcp__plugin_{PLUGIN}_speed-run__"))
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

/// How many wordings a hint has. One that is ignored is worded anew, and after the last one falls silent.
pub const WORDINGS: u8 = 3;
/// The hint for compound tasks, where hints go by their role otherwise.
pub const PARTS: &str = "parts";

/// Hint for one task, in one of its wordings.
pub fn hint(policy: &Policy, tier: Tier, role: Role, wording: u8) -> String {
    let (why, who) = (why(role), who(policy, role));
    match wording {
        0 => format!(
            "SEF: tier {} task ({why}). {who} covers it; a result that holds can be passed on as it is.",
            tier.number()
        ),
        1 => format!(
            "SEF: {why} is what {who} is for. One Agent call does it, and only the answer comes back: what is read on the \
             way stays out of this context."
        ),
        _ => format!(
            "SEF: tier {} ({why}). With several tool calls ahead, {who} is the cheaper hand for it, and its report is \
             checked in a second.",
            tier.number()
        ),
    }
}

/// Three words on what a role does with its part.
fn does(role: Role) -> &'static str {
    match role {
        Role::None => "has no task",
        Role::Explore => "finds and reads",
        Role::Validate => "runs and checks",
        Role::Document => "edits texts",
        Role::Implement => "changes code",
        Role::Review => "reviews or debugs",
        Role::Orchestrator => "design and judge",
    }
}

/// Hint for a compound task: who takes its parts, in which order, and what can go side by side. None when no part would
/// be delegated.
pub fn compound(policy: &Policy, parts: &[Part], wording: u8) -> Option<String> {
    parts.iter().find(|part| part.role.executor().is_some())?;
    let named = &parts[..parts.len().min(MAX_PARTS)];
    let steps: Vec<String> = named.chunk_by(|_, next| !next.after).map(|parts| step(policy, parts)).collect();
    let more = if parts.len() > MAX_PARTS { "; and more" } else { "" };
    let begin = match wording {
        0 => "separable parts.",
        1 => "one Agent call for each part:",
        _ => "the parts need no single hand:",
    };
    Some(format!("SEF: {begin} {}{more}.", steps.join("; then ")))
}

/// Parts that can go side by side: each executor once, with its number of parts.
fn step(policy: &Policy, parts: &[Part]) -> String {
    let mut roles: Vec<(Role, usize)> = Vec::new();
    for part in parts {
        match roles.iter_mut().find(|(role, _)| *role == part.role) {
            Some((_, count)) => *count += 1,
            None => roles.push((part.role, 1)),
        }
    }
    let takes = |(role, count): &(Role, usize)| {
        let times = if *count > 1 { format!(" ({count} parts)") } else { String::new() };
        format!("{} {}{times}", who(policy, *role), does(*role))
    };
    let all: Vec<String> = roles.iter().map(takes).collect();
    let beside = if parts.len() > 1 { ", side by side" } else { "" };
    format!("{}{beside}", all.join(" and "))
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

/// How turbo is done: for a prompt that asks for it.
pub fn turbo() -> String {
    "SEF: turbo is set up. What works: (1) an exact contract: a first line that says what to build with what, then the headings \
     DATA CONTRACT (fields with types), API CONTRACT (routes or signatures with results), ALGORITHM (numbered steps), RULES \
     (libraries, storage, errors); (2) mcp__speed-run__generate_and_write_files with that text as `prompt` and an `output_dir`, \
     which answers with file names only; (3) the tests, and failures mended by edits of a few lines. The skills speed-run and \
     turbo say more; in a shell it is `sef turbo --contract FILE --out DIR`."
        .to_owned()
}

/// Where races are: for a prompt that asks for one.
pub fn race() -> String {
    "SEF: races are set up. One design, several runners: skill showdown (tool mcp__speed-run__showdown). Several designs \
     compared: skill any-percent (mcp__speed-run__any_percent). Either starts from a written design with its scenario tests; \
     worktrees, exams, scores and winner are the engine's, the final word is the user's."
        .to_owned()
}

/// The same as an offer: for a prompt that leaves open which way to go.
pub fn options() -> String {
    "SEF: several ways seem open. Where tests can tell them apart, any-percent (skill any-percent, tool \
     mcp__speed-run__any_percent) builds each one beside the checkout and scores them: worth offering to the user when \
     the choice is hard to take back."
        .to_owned()
}

/// The same while its service has no key: how to get one, and that nothing takes its place.
pub fn turbo_without_key(service: &str, variable: &str, page: &str) -> String {
    format!(
        "SEF: turbo has no key: {variable} is not set. What the user needs to know: a key comes from {page} ({service}); it goes \
         into ~/.claude/settings.json as {{\"env\": {{\"{variable}\": \"...\"}}}} (or into the shell's environment), then Claude Code \
         is restarted. Turbo stops here: code written in another way is not what was asked for, unless the user now says so."
    )
}

/// The hint when the user keeps saying that the work is wrong.
pub const REPEATED: &str = "SEF: the user reports again that this does not work. Earlier attempts missed the cause: it is \
     best found here, from evidence, before anything is changed or delegated.";

/// The line for the user at the end of a turn.
pub fn savings(sum: &SoFar) -> String {
    let agents = plural(sum.agents, "subagent");
    format!(
        "SEF: {agents} of this session cost {}; the same requests on its own model, estimated: {}",
        money(sum.usd),
        money(sum.on_orchestrator_usd)
    )
}

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
        let text = in_the_plugin(&session(&policy));
        assert!(text.len() <= MAX_SESSION, "{} bytes", text.len());
        assert!(REPEATED.len() <= MAX_HINT);
        assert!(in_the_plugin(&turbo()).len() <= MAX_TURBO, "{} bytes", turbo().len());
        for text in [race(), options()].map(|text| in_the_plugin(&text)) {
            assert!(text.split_whitespace().count() <= MAX_RACE_WORDS && text.len() <= MAX_TURBO, "{text}");
        }
        let without = turbo_without_key("OpenRouter", "OPENROUTER_API_KEY", "https://openrouter.ai/keys");
        assert!(without.len() <= MAX_TURBO, "{} bytes", without.len());
        let part = |role: Role, after| Part { tier: role.tier(), role, start: 0, end: 0, after };
        for tier in [Tier::Haiku, Tier::Sonnet, Tier::Opus] {
            for role in Role::ALL {
                for wording in 0..=WORDINGS {
                    assert!(in_the_plugin(&hint(&policy, tier, role, wording)).len() <= MAX_HINT);
                }
                assert!(in_the_plugin(&marked(&policy, tier, role)).len() <= MAX_HINT);
                for (other, after) in Role::ALL.into_iter().flat_map(|other| [(other, true), (other, false)])
                {
                    let parts =
                        [part(role, false), part(other, after), part(role, after), part(other, after)];
                    for count in 2..=parts.len() {
                        for wording in 0..=WORDINGS {
                            let text = compound(&policy, &parts[..count], wording).unwrap_or_default();
                            let text = in_the_plugin(&text);
                            assert!(text.len() <= MAX_HINT, "{text}");
                        }
                    }
                }
            }
            for bad in [Bad::Failed, Bad::Empty, Bad::GaveUp] {
                assert!(in_the_plugin(&bad_result(&policy, tier, bad)).len() <= MAX_HINT);
            }
        }
    }

    #[test]
    fn parts_are_named_in_order_and_what_is_independent_goes_side_by_side() {
        use Role::{Document, Explore, Implement, Orchestrator, Validate};
        let policy = crate::rules::built_in_policy();
        for (parts, expected) in [
            (
                &[(Explore, false), (Orchestrator, true)][..],
                Some("sef-explore (Haiku) finds and reads; then you design and judge."),
            ),
            (
                &[(Implement, false), (Document, false)],
                Some(
                    "sef-implement (Sonnet) changes code and sef-document (Haiku) edits texts, side by side.",
                ),
            ),
            (
                &[(Implement, false), (Implement, false), (Validate, true)],
                Some(
                    "sef-implement (Sonnet) changes code (2 parts), side by side; then sef-validate (Haiku) runs and \
                     checks.",
                ),
            ),
            (
                &[(Validate, false), (Implement, true), (Validate, true), (Document, true)],
                Some(
                    "sef-validate (Haiku) runs and checks; then sef-implement (Sonnet) changes code; then sef-validate \
                     (Haiku) runs and checks; and more.",
                ),
            ),
            (&[(Orchestrator, false), (Orchestrator, true)], None),
            (&[], None),
        ] {
            let parts: Vec<Part> = parts
                .iter()
                .map(|(role, after)| Part { tier: role.tier(), role: *role, start: 0, end: 0, after: *after })
                .collect();
            let expected = expected.map(|text| format!("SEF: separable parts. {text}"));
            assert_eq!(compound(&policy, &parts, 0), expected);
        }
    }

    #[test]
    fn in_the_plugin_agents_and_tools_have_its_prefix_once() {
        for (plain, prefixed) in [
            ("sef-explore (Haiku) covers it", "sef:sef-explore (Haiku) covers it"),
            (
                "sef-implement and sef-document, sef-explore",
                "sef:sef-implement and sef:sef-document, sef:sef-explore",
            ),
            ("tool mcp__speed-run__judge", "tool mcp__plugin_sef_speed-run__judge"),
            ("skills speed-run and turbo; `sef turbo`", "skills speed-run and turbo; `sef turbo`"),
        ] {
            assert_eq!(in_the_plugin(plain), prefixed);
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
