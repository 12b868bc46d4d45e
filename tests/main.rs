//! One integration binary: every test runs the real binaries in a sandbox of its own.

mod calibrate;
mod contract;
mod docs;
mod explain;
mod export;
mod feedback;
mod fence;
mod hook;
mod install;
mod install_report;
mod install_script;
mod install_turbo;
mod judge;
mod labelled;
mod log;
mod mcp;
mod payloads;
mod policy;
mod routing;
mod rules_add;
mod sandbox;
mod simulate;
mod stats;
mod texts;
mod turbo;
mod turbo_runs;
