//! Races: several candidates for one design (showdown) or several designs for one problem (any-percent), each in a git
//! worktree of its own, judged by tests and by `judge`. The user's checkout is never touched but by a promotion.

pub mod approaches;
pub mod complexity;
pub mod data;
pub mod design;
pub mod gates;
pub mod live;
pub mod outcome;
pub mod page;
pub mod plan;
pub mod result;
pub mod runner;
pub mod terminal;
