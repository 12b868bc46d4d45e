//! SEF: makes Claude Code spend the right model on each piece of work.
//!
//! Data flows one way. The hook: stdin -> [`protocol`] event -> [`classify`] verdict -> [`handle`] outcome ->
//! reply on stdout and [`metrics::record`] in the log; [`hook`] is the thin shell around it that does the I/O.
//! The commands a person types live in [`cli`] and call [`settings`] (install), [`report`] (what ran and what it
//! cost) and [`rules`]. Pure modules (`protocol`, `classify`, `handle`, `settings::edit`, `report::*` arithmetic)
//! take values and return values; files, clock and environment are read in `hook`, `metrics::log`, `state`, `fsx`,
//! `transcript`, `settings::install` and `config`.
//!
//! Turbo, its second half: [`contract`] -> [`hosted`] model's answer -> [`turbo::blocks`] -> files by [`turbo::runs`] through
//! [`fsx::confined`] -> tests behind the [`fence`]. [`turbo::engine`] is the order of these steps; the command line and the
//! [`mcp`] server both call it. The hook uses of all this only the contract's checker.

pub mod address;
pub mod agents;
pub mod calendar;
pub mod calibrate;
pub mod classify;
pub mod cli;
pub mod config;
pub mod contract;
pub mod doctor;
pub mod error;
pub mod eval;
pub mod exam;
pub mod explain;
pub mod export;
pub mod feedback;
pub mod fence;
pub mod fsx;
pub mod guidance;
pub mod handle;
pub mod hook;
pub mod hosted;
pub mod interrupt;
pub mod judge;
pub mod main_turn;
pub mod mcp;
pub mod metrics;
pub mod models;
pub mod origin;
pub mod outcomes;
pub mod parallel;
pub mod prices;
pub mod protocol;
pub mod race;
pub mod random;
pub mod report;
pub mod rules;
#[cfg(test)]
mod seeded;
pub mod settings;
pub mod simulate;
pub mod so_far;
pub mod state;
pub mod statusline;
pub mod tail;
pub mod transcript;
pub mod trust;
pub mod turbo;
pub mod watch;
