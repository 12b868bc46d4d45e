//! The shape of config.toml: what SEF may do, with which model per tier. Data only; the defaults are rules/config.toml.
//! Shared with build.rs, so it uses nothing of the crate.

use std::collections::BTreeMap;

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
    /// How sure the rules must be before anything is done.
    pub confidence: Confidence,
    /// The orchestrator.
    pub orchestrator: Orchestrator,
    /// What the user is shown.
    pub show: Show,
    /// The log.
    pub log: Log,
    /// The service that writes code for turbo.
    #[serde(default, skip_serializing_if = "Hosted::is_default")]
    pub hosted: Hosted,
    /// The conversation's own turns, where the mod that asks about them is installed.
    #[serde(default, skip_serializing_if = "Main::is_default")]
    pub main: Main,
    /// What was learned from outcomes: calibration.toml, never config.toml.
    #[serde(default, skip_serializing_if = "Calibration::is_empty")]
    pub calibration: Calibration,
}

impl Policy {
    /// The thresholds for work of a role: those of the preset, shifted by what was calibrated for it.
    pub fn thresholds(&self, role: &str) -> Thresholds {
        let base = self.confidence.thresholds();
        let Some(shift) = self.calibration.shift.get(role) else { return base };
        let shifted = |threshold: f32| (threshold + shift).clamp(0.34, 0.99);
        Thresholds { haiku: shifted(base.haiku), sonnet: shifted(base.sonnet), hint: shifted(base.hint) }
    }
}

/// What `sef-stats calibrate --apply` changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Added to the thresholds of a role's work, by role.
    #[serde(default)]
    pub shift: BTreeMap<String, f32>,
    /// The wording of a hint, by the hint's key (a role, or `parts`): its number, or [`SILENT`].
    #[serde(default)]
    pub hints: BTreeMap<String, u8>,
}

/// The wording of a hint that is not given any more.
pub const SILENT: u8 = 255;

impl Calibration {
    /// Nothing is calibrated.
    pub fn is_empty(&self) -> bool {
        self.shift.is_empty() && self.hints.is_empty()
    }
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
}

/// How sure the rules must be: three sets of thresholds, and which one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confidence {
    /// `careful`, `balanced` or `eager`.
    pub preset: String,
    /// Rather one tier too high.
    pub careful: Thresholds,
    /// The middle.
    pub balanced: Thresholds,
    /// Rather cheap.
    pub eager: Thresholds,
}

/// Probabilities (0-1) that a verdict must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// That the work needs no more than tier 1, to go to tier 1; else it goes to tier 2.
    pub haiku: f32,
    /// That it needs no more than tier 2, to go to tier 2; else it stays on tier 3.
    pub sonnet: f32,
    /// Of the verdict's tier, for a hint; below it there is silence.
    pub hint: f32,
}

impl Confidence {
    /// The thresholds that count.
    pub fn thresholds(&self) -> Thresholds {
        self.named(&self.preset)
    }

    /// The thresholds of a name; an unknown one means `balanced`.
    pub fn named(&self, preset: &str) -> Thresholds {
        match preset {
            "careful" => self.careful,
            "eager" => self.eager,
            _ => self.balanced,
        }
    }
}

/// What happens at a user's prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Give hints at all.
    pub hints: bool,
    /// How many complaints in a row about the same work make it tier 3; 0 is never.
    pub escalate_after: u8,
}

/// What is assumed of the orchestrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orchestrator {
    /// Its model family until the session shows which one it is.
    pub model: String,
}

/// What the user is shown while working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// One line at the end of a turn that delegated: what it cost, and what it would have cost here.
    pub savings_at_stop: bool,
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

/// Which hosted service writes code, and how. Empty texts mean what the service's row of rules/hosted.toml says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hosted {
    /// Id of a row of rules/hosted.toml.
    pub provider: String,
    /// Address of another OpenAI-compatible service: https, or http on this machine.
    pub base_url: String,
    /// Name of the environment variable that holds its key; `none` when it wants no key.
    pub key_env: String,
    /// Model id.
    pub model: String,
    /// `low`, `medium`, `high`, as the model knows them.
    pub reasoning_effort: String,
    /// For all calls of one order together, waiting for the rate limit included, in seconds.
    pub timeout_s: u64,
    /// How generated tests are fenced.
    pub sandbox: Sandbox,
}

/// What may be done with the conversation's own turns. The hook never looks at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Main {
    /// `off`, `careful` or `eager`; anything else means `off`.
    pub preset: String,
    /// Another preset for a project's folder and what is below it; the longest folder wins.
    pub projects: BTreeMap<String, String>,
    /// Rather too dear than sorry.
    pub careful: Guard,
    /// Whatever is expected to pay.
    pub eager: Guard,
}

/// How far a preset goes with the conversation's own turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Families that a turn may run on instead of the user's model.
    pub models: Vec<String>,
    /// A turn's effort may be lowered.
    pub effort: bool,
    /// The set of [`Confidence`] that says how sure the rules must be.
    pub confidence: String,
    /// Most tokens of history with which a detour may begin while the user's model has it cached.
    pub history: u64,
    /// Least expected gain of a choice, in cents.
    pub least_cents: f64,
    /// A lower effort is taken before another model when it brings this share of the model's gain.
    pub enough: f64,
    /// Turns on the user's model between two detours.
    pub stay: u32,
    /// Most turns in a row on another model.
    pub away: u32,
    /// Most detours in a session.
    pub detours: u32,
    /// Complaints about turns that were changed, after which a session's turns are left alone.
    pub complaints: u32,
}

impl Default for Main {
    fn default() -> Self {
        let careful = Guard {
            models: vec!["haiku".to_owned(), "sonnet".to_owned()],
            effort: true,
            confidence: "careful".to_owned(),
            history: 20_000,
            least_cents: 0.5,
            enough: 0.5,
            stay: 2,
            away: 20,
            detours: 4,
            complaints: 1,
        };
        let eager = Guard {
            history: 90_000,
            least_cents: 0.1,
            enough: 0.8,
            stay: 1,
            away: 40,
            detours: 12,
            complaints: 2,
            ..careful.clone()
        };
        Self { preset: "careful".to_owned(), projects: BTreeMap::new(), careful, eager }
    }
}

impl Main {
    /// Nothing was changed.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The name of the preset that counts in a project's folder.
    pub fn preset_in(&self, project: &str) -> &str {
        let holds = |folder: &&String| {
            let folder = folder.trim_end_matches('/');
            project.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let nearest = self.projects.keys().filter(holds).max_by_key(|folder| folder.len());
        nearest.and_then(|folder| self.projects.get(folder)).unwrap_or(&self.preset)
    }

    /// What may be done in a project's folder; none: nothing.
    pub fn guard_in(&self, project: &str) -> Option<&Guard> {
        match self.preset_in(project) {
            "careful" => Some(&self.careful),
            "eager" => Some(&self.eager),
            _ => None,
        }
    }
}

/// How well generated code must be fenced when its tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// Behind bubblewrap or namespaces, or not at all.
    Required,
    /// As well as this machine can.
    Auto,
    /// Limits of time, memory and output only.
    Off,
}

impl Default for Hosted {
    fn default() -> Self {
        Self {
            provider: "cerebras".to_owned(),
            base_url: String::new(),
            key_env: String::new(),
            model: String::new(),
            reasoning_effort: String::new(),
            timeout_s: 180,
            sandbox: Sandbox::Auto,
        }
    }
}

impl Hosted {
    /// Nothing was changed.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
