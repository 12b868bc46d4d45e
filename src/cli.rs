//! The command line of `sef`: types and help texts only, no behaviour.

use clap::{Args, Parser, Subcommand};

/// Spend the right model on each piece of work in Claude Code.
#[derive(Debug, Parser)]
#[command(name = "sef", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands a person types.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register the hooks, agents and skills with Claude Code.
    Install(InstallArgs),
    /// Take out what install put in, and nothing else.
    Uninstall(ScopeArgs),
    /// Say what is installed where.
    Status(StatusArgs),
}

/// What `install` is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct InstallArgs {
    /// Where to.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Replace agent and skill files that you edited by ours; yours are kept in the state folder.
    #[arg(long)]
    pub take_ours: bool,
}

/// What `status` is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct StatusArgs {
    /// Where to look.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Which of Claude Code's folders to work on; `--user` when none is named.
#[derive(Debug, Clone, Copy, Args)]
pub struct ScopeArgs {
    /// All projects: $CLAUDE_CONFIG_DIR, default ~/.claude.
    #[arg(long, conflicts_with_all = ["project", "both"])]
    pub user: bool,
    /// This project only: .claude in the current folder.
    #[arg(long, conflicts_with = "both")]
    pub project: bool,
    /// All projects and this one.
    #[arg(long)]
    pub both: bool,
}
