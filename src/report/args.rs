//! The command line of `sef-stats`: types and help texts only, no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::calibrate::CalibrateArgs;
use crate::export::args::ExportArgs;
use crate::outcomes::Ended;
use crate::report::groups::By;
use crate::report::since::Since;
use crate::simulate::args::SimulateArgs;

/// What was delegated, which model ran, what it cost.
#[derive(Debug, Parser)]
#[command(name = "sef-stats", version, about, disable_help_subcommand = true)]
pub struct StatsCli {
    /// What to do.
    #[command(subcommand)]
    pub command: StatsCommand,
}

/// The commands of `sef-stats`.
#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// Report tasks, delegations (wanted, requested and actual model), tokens and cost.
    Report(PageArgs),
    /// Estimate what SEF would have done in the sessions so far, without it having been there. Changes nothing.
    Simulate(SimulateArgs),
    /// Send the log's counts to an OpenTelemetry collector (OTLP/HTTP, JSON), each exactly once.
    Export(ExportArgs),
    /// List each delegation's outcome with the evidence for it.
    Audit(AuditArgs),
    /// Propose what outcomes and hints teach about thresholds, rules and hints; apply it, or take it back.
    Calibrate(CalibrateArgs),
}

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub struct PageArgs {
    /// What to look at.
    #[command(flatten)]
    pub select: ReportArgs,
    /// What the table of tokens and cost is about. The JSON has them all.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = By::Model)]
    pub by: By,
    /// Write one self-contained HTML page to this file instead (`-`: to stdout). A file that is there is replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "by"])]
    pub html: Option<PathBuf>,
}

/// What `report` and `audit` look at, and how they print it.
#[derive(Debug, Clone, Default, Args)]
pub struct ReportArgs {
    /// Print JSON (schema 1) instead of text.
    #[arg(long)]
    pub json: bool,
    /// Only what happened since then: 7d, 12h, 30m ago, or a date (UTC) like 2026-11-01.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only this project: its path, or the name of its folder below ~/.claude/projects.
    #[arg(long, value_name = "PROJECT", allow_hyphen_values = true)]
    pub project: Option<String>,
    /// Read every transcript anew, without what earlier reports kept of it.
    #[arg(long)]
    pub no_index: bool,
}

/// Options of `audit`.
#[derive(Debug, Clone, Default, Args)]
pub struct AuditArgs {
    /// What to look at, as for `report`.
    #[command(flatten)]
    pub select: ReportArgs,
    /// Show the beginning of the tasks, results and prompts that are the evidence.
    #[arg(long)]
    pub show_text: bool,
    /// Only this outcome.
    #[arg(long, value_name = "KIND")]
    pub outcome: Option<Ended>,
}
