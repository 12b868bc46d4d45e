//! Races: several candidates for one task, each in a worktree and on a branch of its own.
//!
//! [`git`] runs git so that nothing of the repository runs with it, [`repo`] reads the user's repository, [`manifest`] is a
//! race's record, [`worktree`] makes checkouts and commits, [`clean`] removes exactly what records list, and [`promote`] puts
//! a winner onto a branch of the user.

pub mod clean;
pub mod command;
pub mod git;
pub mod manifest;
pub mod promote;
mod remains;
pub mod repo;
pub mod worktree;
