//! Model families: the names that an Agent call can ask for, and which of them a model id belongs to.

use serde::Serialize;

/// A family of models, as the Agent tool's `model` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Tier 1.
    Haiku,
    /// Tier 2.
    Sonnet,
    /// Tier 3.
    Opus,
    /// Above the tiers.
    Fable,
}

/// All families, cheapest first.
pub const FAMILIES: [Family; 4] = [Family::Haiku, Family::Sonnet, Family::Opus, Family::Fable];

impl Family {
    /// The name that the Agent tool takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haiku => "haiku",
            Self::Sonnet => "sonnet",
            Self::Opus => "opus",
            Self::Fable => "fable",
        }
    }

    /// The family named exactly so.
    pub fn from_alias(alias: &str) -> Option<Self> {
        FAMILIES.into_iter().find(|family| family.name() == alias)
    }

    /// The family of a model id, wherever the id comes from (`us.anthropic.claude-haiku-5-5`, `opus[1m]`).
    pub fn of_model(id: &str) -> Option<Self> {
        FAMILIES.into_iter().find(|family| id.contains(family.name()))
    }
}
