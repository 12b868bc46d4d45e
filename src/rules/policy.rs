//! The shape of config.toml: what SEF may do, with which model per tier. Data only; the defaults are rules/config.toml.
//! Shared with build.rs, so it uses nothing of the crate.

use serde::{Deserialize, Serialize};

/// Everything a user may set in config.toml. Every field is optional in a user's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Model of each tier.
    pub tiers: Tiers,
    /// Rewriting of subagent spawns.
    pub spawn: Spawn,
    /// Hints to the orchestrator.
    pub prompt: Prompt,
    /// The orchestrator.
    pub orchestrator: Orchestrator,
    /// The log.
    pub log: Log,
}

/// Model alias of each tier: haiku, sonnet, opus, fable; `parent` inherits; `off` drops the tier (its work goes one up).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// Mechanical work.
    #[serde(rename = "1")]
    pub one: String,
    /// Standard engineering.
    #[serde(rename = "2")]
    pub two: String,
    /// Deep reasoning.
    #[serde(rename = "3")]
    pub three: String,
}

/// What happens at an Agent call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Set the model of spawned subagents at all.
    pub route: bool,
    /// A tier may choose a model dearer than the parent's.
    pub allow_dearer_than_parent: bool,
    /// Verdicts below this confidence (0-1) go one tier up.
    pub min_confidence: f32,
}

/// What happens at a user's prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Give hints at all.
    pub hints: bool,
    /// Verdicts below this confidence (0-1) give no hint.
    pub min_confidence: f32,
}

/// What is assumed of the orchestrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orchestrator {
    /// Its model family until the session shows which one it is.
    pub model: String,
}

/// Bounds of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Size in bytes at which the file is rotated.
    pub max_bytes: u64,
    /// How many rotated files are kept.
    pub keep: u32,
}
