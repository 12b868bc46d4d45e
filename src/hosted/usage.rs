//! Tokens of a call as a service counts them. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tokens as the service counts them; what it leaves out or sends in another shape is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the prompt.
    pub prompt: u64,
    /// Generated, reasoning included.
    pub completion: u64,
    /// Of those, reasoning.
    pub reasoning: u64,
    /// Of the prompt's, from the cache.
    pub cached: u64,
}

impl Usage {
    /// From the `usage` of an answer.
    pub(super) fn read(value: &Value) -> Self {
        let count = |path: &str| value.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        Self {
            prompt: count("/prompt_tokens"),
            completion: count("/completion_tokens"),
            reasoning: count("/completion_tokens_details/reasoning_tokens"),
            cached: count("/prompt_tokens_details/cached_tokens"),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt: self.prompt.saturating_add(other.prompt),
            completion: self.completion.saturating_add(other.completion),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            cached: self.cached.saturating_add(other.cached),
        }
    }
}
