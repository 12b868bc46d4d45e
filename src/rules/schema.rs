//! The shape of a rule file. Strict: an unknown key is an error, so that a typo never silently does nothing.
//! Shared with build.rs, so it uses nothing of the crate.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One rule file: built-in (`rules/*.toml`) or the user's (`rules.toml`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleFile {
    /// Biases, temperature and lean; a later file replaces what it names.
    pub model: Model,
    /// Named sets of words, usable in phrases as `{name}`. A later file of the same name adds to the set.
    pub class: BTreeMap<String, WordClass>,
    /// The rules. A later rule with the same id replaces the earlier one.
    pub rule: Vec<Rule>,
    /// Ids of earlier rules to switch off.
    pub off: Vec<String>,
    /// Fitted weights; a later file replaces what it names.
    pub learned: Learned,
}

/// Weights that were fitted to labelled texts. A key is the id of a rule (`#fix-it`) or a phrase; a phrase may begin
/// with `^ ` (must be the first word of the text) or `> ` (must head a clause). The values are scores for tiers 0-3.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Learned {
    /// For prompts of people.
    pub user: BTreeMap<String, [f32; 4]>,
    /// For task texts of subagents.
    pub task: BTreeMap<String, [f32; 4]>,
}

/// How scores become a verdict.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Score of each tier (0-3) before any rule has fired.
    pub bias: Option<[f32; 4]>,
    /// The same for task texts of subagents.
    pub task_bias: Option<[f32; 4]>,
    /// Added to each tier's score for the choice alone, not for its probability: what is dear to miss weighs more.
    pub caution: Option<[f32; 4]>,
    /// The same for task texts of subagents.
    pub task_caution: Option<[f32; 4]>,
    /// How much the graded cost of a wrong tier counts against being plainly right, 0-1: larger leans upwards.
    pub lean: Option<f32>,
    /// Divides scores before they become probabilities; larger is less sure.
    pub temperature: Option<f32>,
}

/// A named set of words.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordClass {
    /// Words; `word*` matches every word that starts so.
    pub words: Vec<String>,
}

/// Where the first word of a phrase must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum At {
    /// Anywhere.
    #[default]
    Any,
    /// First word of a clause, fillers ("please", "can you") left out.
    Head,
    /// First word of the prompt, fillers left out.
    Start,
}

/// Who would do the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Nothing to do.
    None,
    /// Read and search (tier 1).
    Explore,
    /// Run and check (tier 1).
    Validate,
    /// Texts (tier 1).
    Document,
    /// Write code (tier 2).
    Implement,
    /// Read code and judge it (tier 2).
    Review,
    /// Think (tier 3).
    Orchestrator,
}

/// One rule: phrases that, when found, speak for a tier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Kebab-case, unique, stable.
    pub id: String,
    /// Tier 0-3 that the rule speaks for.
    pub tier: u8,
    /// Role that the rule speaks for.
    pub role: Role,
    /// How strongly, in score points (0-8).
    #[serde(default = "one")]
    pub weight: f32,
    /// Scores of all four tiers, instead of `tier` and `weight`.
    pub weights: Option<[f32; 4]>,
    /// Where a phrase must begin.
    #[serde(default)]
    pub at: At,
    /// What to look for: words, `word*`, `{class}`, `_` (one word), `...` (up to six words), `@feature`.
    pub phrases: Vec<String>,
    /// Fires only when one of these is found as well.
    #[serde(default)]
    pub with: Vec<String>,
    /// Does not fire when one of these is found.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Regular expression that must match too; compiled only when a phrase was found.
    pub regex: Option<String>,
    /// What the rule says besides a tier: `tiny` (an edit too small to delegate), `codegen`, `complaint`, `turbo`, `race`,
    /// `options`.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Texts on which the rule must fire. At least one.
    pub examples: Vec<String>,
    /// Texts on which it must not fire.
    #[serde(default)]
    pub not: Vec<String>,
}

/// See [`Rule::tags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// A spawn would cost more than it saves.
    Tiny,
    /// A fast hosted code model could write the first draft.
    Codegen,
    /// Reports that earlier work is wrong, broken or to be taken back.
    Complaint,
    /// Asks for a hosted model to write the code.
    Turbo,
    /// Asks for candidates to be built and compared, by a name of that.
    Race,
    /// Leaves open which of several ways is to be gone.
    Options,
}

fn one() -> f32 {
    1.0
}
