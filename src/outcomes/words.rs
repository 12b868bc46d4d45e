//! What texts say about an outcome: a report that it is no result, a prompt that the work before it is wrong. Both by
//! the hook's own rules, so that the audit and the hook never disagree. Keeps no text.

use serde_json::json;

use crate::agents::AgentModel;
use crate::classify::{Before, Source, classify};
use crate::config::Env;
use crate::handle::prompt::{self, Prompt};
use crate::handle::{World, handle};
use crate::metrics::record::Outcome;
use crate::protocol::Event;
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::rules::{self, cache};
use crate::state::Session;

/// Bytes of a report that are judged: it says at its beginning that it is none.
const OPENING: usize = 2_000;
/// What the client puts in the user's place when the user stops it.
const INTERRUPTED: &str = "[Request interrupted by user";

/// The rules that judge texts.
pub struct Words {
    image: Image,
    policy: Policy,
}

/// Whose prompt a line holds, as far as outcomes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// A background agent ended; the notification's text.
    Notified(&'a str),
    /// A slash command of the user.
    Command,
    /// The user's own words.
    Users(&'a str),
    /// Nobody's: the client's own notes.
    Nothing,
}

impl Words {
    /// The rules that the hook would use.
    pub fn load(env: &Env) -> Self {
        let (image, _) = cache::image(env.config_dir.as_deref(), env.state_dir.as_deref());
        let policy = serde_json::from_str(image.policy_json()).unwrap_or_else(|_| rules::built_in_policy());
        Self { image, policy }
    }

    /// How a report that came back is recorded: by the very handler that records it when the hook sees it.
    pub fn ended(&self, report: &str) -> Outcome {
        if report.trim().is_empty() {
            return Outcome::Empty;
        }
        let opening = &report[..report.floor_char_boundary(OPENING)];
        let event =
            json!({"hook_event_name": "SubagentStop", "session_id": "s", "agent_id": "a", "agent_type": "a",
            "last_assistant_message": opening})
            .to_string();
        let world = World {
            image: &self.image,
            policy: &self.policy,
            now: 0,
            forced_model: None,
            chosen_model: None,
            spoke: &|| None,
            agent_spoke: &|_| None,
            agent_note: &|_| None,
            agent_model: &|_| AgentModel::Unknown,
        };
        let records = Event::parse(&event)
            .map(|event| handle(&event, &world, &mut Session::default()).records)
            .unwrap_or_default();
        records.first().and_then(|record| record.out).unwrap_or(Outcome::Ok)
    }

    /// Whether a prompt after delegated work says that the work is wrong.
    pub fn is_complaint(&self, text: &str) -> bool {
        // That work was delegated is all that is known of what came before; it was at least tier 1.
        let before = Before { prompts: 1, tier: 2, ..Before::default() };
        before.is_complaint(&classify(&self.image, text, Source::User(Some(before))))
    }
}

/// Tells whose prompt a text is.
pub fn whose(text: &str) -> Said<'_> {
    let trimmed = text.trim_start();
    if trimmed.is_empty() || trimmed.starts_with(INTERRUPTED) {
        return Said::Nothing;
    }
    if trimmed.starts_with("<command-name>") || trimmed.starts_with("<command-message>") {
        return Said::Command;
    }
    match prompt::read(text) {
        Prompt::Notification(text) => Said::Notified(text),
        Prompt::NotTheUsers => Said::Nothing,
        Prompt::SlashCommand | Prompt::Command(_) => Said::Command,
        Prompt::Users(_, text) => Said::Users(text),
    }
}
