//! Tiers and roles: the vocabulary of every verdict.

use std::fmt;

/// How much model a task needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// No task to route.
    None = 0,
    /// Mechanical: Haiku.
    Haiku = 1,
    /// Standard engineering: Sonnet.
    Sonnet = 2,
    /// Deep reasoning: the orchestrator itself.
    Opus = 3,
}

impl Tier {
    /// From 0-3; larger numbers are tier 3.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Haiku,
            2 => Self::Sonnet,
            _ => Self::Opus,
        }
    }

    /// 0-3.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The next tier up; tier 3 stays, and "no task" stays no task.
    #[must_use]
    pub fn escalate(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Haiku => Self::Sonnet,
            Self::Sonnet | Self::Opus => Self::Opus,
        }
    }
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nobody: there is no task.
    None,
    /// sef-explore.
    Explore,
    /// sef-validate.
    Validate,
    /// sef-document.
    Document,
    /// sef-implement.
    Implement,
    /// sef-review.
    Review,
    /// The orchestrator.
    Orchestrator,
}

impl Role {
    /// All roles, in the order of their numbers in a rule image.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Explore,
        Self::Validate,
        Self::Document,
        Self::Implement,
        Self::Review,
        Self::Orchestrator,
    ];

    /// From the number in a rule image.
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::None)
    }

    /// The tier that the role belongs to.
    pub fn tier(self) -> Tier {
        match self {
            Self::None => Tier::None,
            Self::Explore | Self::Validate | Self::Document => Tier::Haiku,
            Self::Implement | Self::Review => Tier::Sonnet,
            Self::Orchestrator => Tier::Opus,
        }
    }

    /// Who takes work of a tier when no rule named anyone.
    pub fn default_of(tier: Tier) -> Self {
        match tier {
            Tier::None => Self::None,
            Tier::Haiku => Self::Explore,
            Tier::Sonnet => Self::Implement,
            Tier::Opus => Self::Orchestrator,
        }
    }

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Explore => "explore",
            Self::Validate => "validate",
            Self::Document => "document",
            Self::Implement => "implement",
            Self::Review => "review",
            Self::Orchestrator => "orchestrator",
        }
    }

    /// The executor's agent name; none for the orchestrator and for nobody.
    pub fn executor(self) -> Option<&'static str> {
        match self {
            Self::Explore => Some("sef-explore"),
            Self::Validate => Some("sef-validate"),
            Self::Document => Some("sef-document"),
            Self::Implement => Some("sef-implement"),
            Self::Review => Some("sef-review"),
            Self::None | Self::Orchestrator => None,
        }
    }

    /// The role whose executor has this agent name.
    pub fn of_executor(agent: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.executor() == Some(agent))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escalation_goes_one_tier_up_and_never_invents_a_task() {
        assert_eq!(Tier::Haiku.escalate(), Tier::Sonnet);
        assert_eq!(Tier::Opus.escalate(), Tier::Opus);
        assert_eq!(Tier::None.escalate(), Tier::None);
    }

    #[test]
    fn role_numbers_match_the_order_in_rule_files() {
        for (number, role) in Role::ALL.iter().enumerate() {
            assert_eq!(Role::from_number(number as u8), *role);
        }
    }
}
