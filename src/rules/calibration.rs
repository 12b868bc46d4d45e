//! `calibration.toml`: what outcomes taught, as shifts that the hook uses. Knows the file's shape, reads it leniently and
//! lays it over policy and rules; what is worth a change is decided elsewhere (`calibrate`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::compile::{Fitted, Problem, RuleSet, by_hand};
use super::policy::{Calibration, SILENT};
use crate::classify::Role;
use crate::guidance::{PARTS, WORDINGS};

/// Name of the file in the configuration folder.
pub const FILE: &str = "calibration.toml";
/// Version of its shape.
pub const SCHEMA: u32 = 1;
/// Largest shift of a threshold, either way, as a probability.
pub const MAX_SHIFT: f32 = 0.30;
/// Largest weight taken from a rule's tier.
pub const MAX_DOWN: f32 = 3.0;

/// The file: each change under its name, with the time since when it holds and the figures that spoke for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// [`SCHEMA`].
    pub schema: u32,
    /// By role.
    #[serde(default)]
    pub role: BTreeMap<String, Shift>,
    /// By rule id.
    #[serde(default)]
    pub rule: BTreeMap<String, Down>,
    /// By role, or `parts`.
    #[serde(default)]
    pub hint: BTreeMap<String, Worded>,
}

/// A role's work must be surer to go to its tier, or less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Added to the thresholds, within [`MAX_SHIFT`].
    pub shift: f32,
    /// ISO 8601, UTC: only what happened since then says whether it was right.
    pub at: String,
    /// The figures, for people.
    #[serde(default)]
    pub because: String,
}

/// A rule speaks less for a tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Down {
    /// 1 or 2.
    pub tier: u8,
    /// Taken from the rule's weights for that tier and those below it; 0 to [`MAX_DOWN`].
    pub down: f32,
    /// As for [`Shift::at`].
    pub at: String,
    /// As for [`Shift::because`].
    #[serde(default)]
    pub because: String,
}

/// A hint is worded in another way, or not given any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worded {
    /// Below [`WORDINGS`], or [`SILENT`].
    pub wording: u8,
    /// As for [`Shift::at`].
    pub at: String,
    /// As for [`Shift::because`].
    #[serde(default)]
    pub because: String,
}

/// Reads the file's text. What is wrong is left out and said.
pub fn parse(text: &str) -> (File, Vec<Problem>) {
    let problem = |name: &str, message: &str| Problem {
        source: FILE.to_owned(),
        rule: name.to_owned(),
        message: message.to_owned(),
        hint: "`sef-stats calibrate --revert` takes the file out of use; --apply writes a sound one"
            .to_owned(),
    };
    let mut file = match toml::from_str::<File>(text) {
        Ok(file) if file.schema == SCHEMA => file,
        Ok(file) => {
            let message = format!("schema {} is not one that this SEF reads", file.schema);
            return (File::default(), vec![problem("", &message)]);
        }
        Err(error) => return (File::default(), vec![problem("", error.message())]),
    };
    let mut problems = Vec::new();
    let mut is_sound = |name: &str, mistake: Option<&str>| {
        problems.extend(mistake.map(|mistake| problem(name, mistake)));
        mistake.is_none()
    };
    file.role.retain(|name, shift| {
        let mistake = if !is_delegated(name) {
            Some("there is no executor of this role")
        } else if !(-MAX_SHIFT..=MAX_SHIFT).contains(&shift.shift) {
            Some("a shift lies between -0.30 and 0.30")
        } else {
            None
        };
        is_sound(name, mistake)
    });
    file.rule.retain(|id, rule| {
        let mistake = if !(1..=2).contains(&rule.tier) {
            Some("only tiers 1 and 2 can be calibrated")
        } else if !(0.0..=MAX_DOWN).contains(&rule.down) {
            Some("down lies between 0 and 3")
        } else {
            None
        };
        is_sound(id, mistake)
    });
    file.hint.retain(|name, hint| {
        let mistake = if name != PARTS && !is_delegated(name) {
            Some("there is no hint of this name")
        } else if hint.wording >= WORDINGS && hint.wording != SILENT {
            Some("the wordings are 0, 1, 2, and 255 for silence")
        } else {
            None
        };
        is_sound(name, mistake)
    });
    (file, problems)
}

/// Whether an executor takes a role's work.
fn is_delegated(name: &str) -> bool {
    Role::ALL.iter().any(|role| role.name() == name && role.executor().is_some())
}

/// Lays the file over the rules and says what the policy must know of it.
pub fn apply(file: File, set: &mut RuleSet) -> Calibration {
    for (id, rule) in &file.rule {
        speak_less(set, id, rule.tier, rule.down);
    }
    Calibration {
        shift: file.role.into_iter().map(|(name, role)| (name, role.shift)).collect(),
        hints: file.hint.into_iter().map(|(name, hint)| (name, hint.wording)).collect(),
    }
}

/// Takes a weight from what a rule says for a tier and for those below, in prompts and in task texts. A rule that is gone
/// has nothing to say.
fn speak_less(set: &mut RuleSet, id: &str, tier: u8, down: f32) {
    let Some((_, rule)) = set.rules.iter().find(|(_, rule)| rule.id == id) else { return };
    let hand = by_hand(rule);
    let tables = set.learned.entry(format!("#{id}")).or_default();
    for table in tables {
        let mut weights = table.as_ref().map_or(hand, |fitted| fitted.weights);
        for weight in &mut weights[..=usize::from(tier.min(3))] {
            *weight -= down;
        }
        *table = Some(Fitted { weights, source: FILE.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "at = \"2026-11-21T00:00:00Z\"";

    #[test]
    fn sound_changes_are_read() {
        let text = format!(
            "schema = 1\n[role.explore]\nshift = 0.1\n{AT}\n[hint.parts]\nwording = 255\n{AT}\n[rule.\"a\"]\ntier = 1\n\
             down = 0.5\n{AT}\nbecause = \"x\""
        );
        let (file, problems) = parse(&text);
        assert_eq!((problems, file.rule["a"].down), (vec![], 0.5));
        let calibration = apply(file, &mut RuleSet::default());
        assert_eq!(calibration.shift.get("explore"), Some(&0.1));
        assert_eq!(calibration.hints.get("parts"), Some(&SILENT));
    }

    #[test]
    fn what_is_out_of_bounds_is_left_out_and_said() {
        for text in [
            "[role.explore]\nshift = 0.31",
            "[role.explore]\nshift = nan",
            "[role.orchestrator]\nshift = 0.1",
            "[role.\"../x\"]\nshift = 0.1",
            "[rule.a]\ntier = 3\ndown = 1.0",
            "[rule.a]\ntier = 1\ndown = -1.0",
            "[rule.a]\ntier = 1\ndown = inf",
            "[hint.explore]\nwording = 3",
            "[hint.mark]\nwording = 0",
        ] {
            let (file, problems) = parse(&format!("schema = 1\n{text}\n{AT}"));
            assert_eq!((file, problems.len()), (File { schema: SCHEMA, ..File::default() }, 1), "{text}");
        }
        for whole in
            ["", "schema = 2", "schema = 1\nmore = 1", "\0", "schema = 1\n[role.explore]\nshift = 0.1"]
        {
            let (file, problems) = parse(whole);
            assert_eq!((file, problems.len()), (File::default(), 1), "{whole}");
        }
    }
}
