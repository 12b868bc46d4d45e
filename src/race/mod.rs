//! Races: several candidates for one design (showdown) or several designs for one problem (any-percent), each in a git
//! worktree of its own, judged by tests and by `judge`. The user's checkout is never touched but by a promotion.
//!
//! In the repository: [`git`] runs git so that nothing of the repository runs with it, [`repo`] reads it, [`manifest`] is a
//! race's record, [`worktree`] makes checkouts and commits, [`clean`] removes exactly what records list, [`promote`] puts a
//! winner onto a branch of the user. Of a race: [`design`], [`complexity`] and [`approaches`] say who runs, [`engine`] runs
//! them side by side in an [`arena`], each [`runner`] from its [`plan`] to tested code, [`settle`] judges, [`outcome`] is
//! what came of it.

pub mod account;
pub mod approaches;
pub mod arena;
pub mod args;
pub mod clean;
pub mod command;
pub mod complexity;
pub mod data;
pub mod design;
pub mod engine;
pub mod gates;
pub mod git;
pub mod kept;
pub mod launch;
pub mod live;
pub mod manifest;
pub mod outcome;
pub mod page;
pub mod papers;
pub mod plan;
pub mod promote;
mod remains;
pub mod repo;
pub mod result;
pub mod runner;
pub mod settle;
pub mod terminal;
pub mod worktree;
