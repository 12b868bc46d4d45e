//! What the mod writes to `sef main-turn`, as values. A field may be missing or of a later shape; a text is only borrowed.

use std::borrow::Cow;

use serde::Deserialize;

use super::memory::Step;
use crate::prices::Usage;

/// When the mod asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// A turn begins.
    Start,
    /// It has ended.
    Done,
}

/// One question or report.
#[derive(Debug, Deserialize)]
pub struct Said<'a> {
    /// When.
    pub at: At,
    /// Session id.
    #[serde(borrow)]
    pub session: Cow<'a, str>,
    /// `prompt_id`, as in hooks and transcripts.
    #[serde(borrow, default)]
    pub prompt: Cow<'a, str>,
    /// The project's folder.
    #[serde(borrow, default)]
    pub project: Cow<'a, str>,
    /// Id of the user's model.
    #[serde(borrow, default)]
    pub model: Cow<'a, str>,
    /// The user's effort, as the last turn began; absent before the first request, a number where it is set as one.
    #[serde(default)]
    pub effort: Option<serde_json::Value>,
    /// Prompts of the user so far in the conversation, this one included.
    #[serde(default)]
    pub turns: Option<u64>,
    /// The prompt's text.
    #[serde(borrow, default)]
    pub text: Cow<'a, str>,
    /// The word that the turn was given; empty or absent when it was left alone, or not asked about.
    #[serde(borrow, default)]
    pub word: Cow<'a, str>,
    /// Why the turn ended.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
    /// Its requests.
    #[serde(default)]
    pub steps: Vec<RawStep>,
}

/// One request of a turn that has ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawStep {
    at: u64,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

impl Said<'_> {
    /// Reads one; none when it is not of this shape.
    pub fn parse(text: &str) -> Option<Said<'_>> {
        serde_json::from_str(text).ok()
    }

    /// The requests as values.
    pub fn steps(&self) -> Vec<Step> {
        self.steps.iter().map(RawStep::step).collect()
    }
}

impl RawStep {
    /// Cache writes of an hour are those that say so; the rest was for five minutes, as the client prices it.
    fn step(&self) -> Step {
        let usage = Usage {
            input: self.input_tokens,
            output: self.output_tokens,
            cache_read: self.cache_read_input_tokens,
            cache_write_5m: self.cache_creation_input_tokens.saturating_sub(self.ephemeral_1h_input_tokens),
            cache_write_1h: self.ephemeral_1h_input_tokens,
            ..Usage::default()
        };
        Step { at: self.at, model: self.model.clone(), usage }
    }
}
