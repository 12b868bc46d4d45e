//! What a session remembers of its earlier prompts when the next one comes: numbers only, never text. Turns into features
//! that rules and learned weights may use; decides nothing.

use serde::{Deserialize, Serialize};

use super::{Tier, Verdict};

/// Memory of the prompts so far. The default is that of a session that has just begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Before {
    /// Prompts of the user so far.
    pub prompts: u16,
    /// Tier (1-3) of the last prompt that asked for work; 0 when none did.
    pub tier: u8,
    /// Prompts without a task since that one.
    pub ago: u16,
    /// How many prompts in a row, up to the last one, said that the work before them is wrong.
    pub complaints: u8,
    /// Work of a subagent was rejected since the last prompt.
    pub rejected: bool,
    /// The turn of the last prompt has not ended: the assistant is at work, or was interrupted.
    pub open: bool,
}

/// Prompts without a task after which the earlier work no longer explains what is said.
const FORGET: u16 = 4;

impl Before {
    /// Whether a prompt that reads like a complaint is one: there must be work that it can be about.
    pub fn is_complaint(&self, verdict: &Verdict) -> bool {
        verdict.complaint && self.tier > 0 && self.ago < FORGET
    }

    /// The memory after a prompt with this verdict.
    #[must_use]
    pub fn after(&self, verdict: &Verdict) -> Self {
        let complaint = self.is_complaint(verdict);
        // "ok" and "thanks" neither ask for work nor end a row of complaints.
        let silent = verdict.tier == Tier::None && !complaint;
        Self {
            prompts: self.prompts.saturating_add(1),
            tier: if silent { self.tier } else { verdict.tier.number().max(u8::from(complaint)) },
            ago: if silent { self.ago.saturating_add(1) } else { 0 },
            complaints: match (complaint, silent) {
                (true, _) => self.complaints.saturating_add(1),
                (false, true) => self.complaints,
                (false, false) => 0,
            },
            rejected: false,
            open: true,
        }
    }

    /// Whether the last prompt was at least the `after`th complaint in a row; 0 switches this off.
    pub fn keeps_failing(&self, after: u8) -> bool {
        after > 0 && self.complaints >= after && self.ago == 0
    }

    /// The features that stand for this memory.
    pub fn features(&self) -> impl Iterator<Item = &'static str> {
        let recent = self.tier > 0 && self.ago < FORGET;
        let last = match self.tier {
            1 => "@after-1",
            2 => "@after-2",
            _ => "@after-3",
        };
        [
            (self.prompts == 0).then_some("@first"),
            recent.then_some(last),
            (recent && self.ago > 0).then_some("@after-talk"),
            (self.complaints > 0).then_some("@failing"),
            (self.complaints > 1).then_some("@failing-2"),
            self.rejected.then_some("@after-rejected"),
        ]
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(tier: u8, complaint: bool) -> Verdict {
        let mut verdict = super::super::tests::empty_verdict();
        verdict.tier = Tier::from_number(tier);
        verdict.complaint = complaint;
        verdict
    }

    #[test]
    fn complaints_count_in_a_row_and_thanks_does_not_end_the_row() {
        let begun = Before::default().after(&verdict(2, true));
        assert_eq!(begun.complaints, 0, "a first prompt has nothing to complain about");
        let twice = begun.after(&verdict(2, true)).after(&verdict(0, false)).after(&verdict(2, true));
        assert_eq!((twice.complaints, twice.tier, twice.ago), (2, 2, 0));
        assert_eq!(twice.after(&verdict(1, false)).complaints, 0);
    }

    #[test]
    fn a_prompt_without_a_task_leaves_the_earlier_verdict_standing_for_a_while() {
        let mut before = Before::default().after(&verdict(3, false));
        assert!(before.features().eq(["@after-3"]));
        before = before.after(&verdict(0, false));
        assert!(before.features().eq(["@after-3", "@after-talk"]));
        for _ in 0..FORGET {
            before = before.after(&verdict(0, false));
        }
        assert_eq!(before.features().count(), 0);
        assert!(!before.is_complaint(&verdict(2, true)), "too long ago");
    }

    #[test]
    fn counters_of_an_endless_session_stop_at_their_ends() {
        let mut before =
            Before { prompts: u16::MAX, tier: 2, complaints: u8::MAX, ago: 0, ..Before::default() };
        before = before.after(&verdict(2, true));
        assert_eq!((before.prompts, before.complaints), (u16::MAX, u8::MAX));
        before.ago = u16::MAX;
        assert_eq!(before.after(&verdict(0, false)).ago, u16::MAX);
    }
}
