//! A race in the log: counts, its id and what just happened to it. Has no field that could hold a word of design, plan,
//! answer or code, and no name of a candidate. Tokens and money stand beside it, in [`super::record::Hosted`].

use serde::{Deserialize, Serialize};

use super::record::is_zero;

/// What a line is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It ended without a result after it had made calls: interrupted, or an error. It may go on later.
    #[default]
    Stopped,
    /// It has a result.
    Judged,
    /// It was judged again with other answers.
    Again,
    /// A candidate went onto a branch of the user.
    Promoted,
    /// Claude was given a text about it. Only `id` and `tok` are set.
    Told,
}

impl Step {
    /// As the log writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Judged => "judged",
            Self::Again => "again",
            Self::Promoted => "promoted",
            Self::Told => "told",
        }
    }
}

/// Which kind of race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// One design, several runners.
    Showdown,
    /// One problem, several approaches.
    AnyPercent,
}

impl Sort {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Showdown => "showdown",
            Self::AnyPercent => "any-percent",
        }
    }
}

/// All that a race came to until now. A race has several lines: the last one with figures counts, and `tok` is added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Race {
    /// The race's id, which its lines share.
    pub id: String,
    /// What just happened.
    pub st: Step,
    /// Which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<Sort>,
    /// Candidates.
    #[serde(skip_serializing_if = "is_zero")]
    pub n: u64,
    /// Of those, the ones that sat the final exam.
    #[serde(skip_serializing_if = "is_zero")]
    pub fin: u64,
    /// Of those, the ones that passed it.
    #[serde(skip_serializing_if = "is_zero")]
    pub ok: u64,
    /// Candidates whose tests passed before any repair.
    #[serde(skip_serializing_if = "is_zero")]
    pub t1: u64,
    /// Candidates that were the same as another.
    #[serde(skip_serializing_if = "is_zero")]
    pub dup: u64,
    /// Candidates that changed their own exam.
    #[serde(skip_serializing_if = "is_zero")]
    pub forged: u64,
    /// Calls of all candidates and of the reviews.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// Of those, the reviews'.
    #[serde(skip_serializing_if = "is_zero")]
    pub rev: u64,
    /// Whether somebody won; none without a result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub w: Option<bool>,
    /// Tokens that this text put into Claude's context, as an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tok: Option<u64>,
}
