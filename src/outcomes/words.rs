//! What texts say about an outcome: a report that it is no result, a prompt that the work before it is wrong. Both by
//! the hook's own rules, so that the audit and the hook never disagree. Keeps no text.

use crate::classify::{Before, Source, classify};
use crate::config::Env;
use crate::handle::prompt::{self, Prompt};
use crate::handle::{bad_text, ended};
use crate::metrics::record::Outcome;
use crate::rules::cache;
use crate::rules::image::Image;
use crate::rules::policy::Policy;
use crate::rules::policy_of;
use crate::transcript::wire::INTERRUPTED;

/// The rules that judge texts.
pub struct Words {
    image: Image,
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
        let (image, _) = cache::image(env, None);
        Self { image }
    }

    /// Changes with the rules, whatever changed them.
    pub fn stamp(&self) -> u64 {
        self.image.stamp()
    }

    /// The policy that came with the rules.
    pub fn policy(&self) -> Policy {
        policy_of(&self.image)
    }

    /// How a report that came back is recorded, as the hook does it.
    pub fn ended(&self, report: &str) -> Outcome {
        ended(bad_text(&self.image, report))
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
