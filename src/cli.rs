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
    /// Show what the rules make of a prompt, and why.
    Explain(ExplainArgs),
    /// Classify JSON lines from standard input.
    Classify(ClassifyArgs),
    /// Judge labelled prompts and print how well the rules do.
    Eval(EvalArgs),
    /// Add, list, show, check and test rules.
    Rules {
        /// What to do with them.
        #[command(subcommand)]
        action: RulesAction,
    },
    /// Note that delegated work was bad: it counts as rejected, and similar work in the session goes one tier up.
    Reject(WordArgs),
    /// Note that delegated work was good, whatever else speaks against it.
    Accept(WordArgs),
    /// Serve hosted generation to Claude Code as MCP tools, on standard input and output.
    Mcp,
    /// One line for Claude Code's status line, from its JSON on standard input.
    Statusline,
    /// Show the prices that reports use, and how old they are.
    Prices {
        /// What to show.
        #[command(subcommand)]
        action: PricesAction,
    },
    /// Print a completion script for a shell.
    Completions {
        /// bash, zsh, fish, elvish or powershell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder.
    Man {
        /// Where to; it must exist.
        folder: std::path::PathBuf,
    },
}

/// Arguments of `sef install`.
#[derive(Debug, Clone, Copy, Args)]
pub struct InstallArgs {
    /// Where to.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Replace agent and skill files that you edited by ours; yours are kept in the state folder.
    #[arg(long)]
    pub take_ours: bool,
}

/// Arguments of `sef status`.
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

/// Arguments of `sef explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The prompt.
    pub prompt: String,
    /// Judge it as the task text of a subagent of this type.
    #[arg(long, value_name = "TYPE")]
    pub agent: Option<String>,
    /// Show what speaks against this tier, and what would have to be different for it.
    #[arg(long, value_name = "TIER", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub why_not: Option<u8>,
}

/// Arguments of `sef rules add`.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// The sentence, as you typed it to Claude Code.
    pub sentence: String,
    /// The tier that it should have: 0 nothing to route, 1 Haiku, 2 Sonnet, 3 the orchestrator.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub tier: u8,
    /// Who should do it: explore, validate, document (1); implement, review (2); orchestrator (3); none (0).
    #[arg(long)]
    pub role: Option<String>,
    /// Id of the rule.
    #[arg(long)]
    pub id: Option<String>,
    /// What to look for, instead of a phrase from the sentence; may be given several times.
    #[arg(long = "phrase", value_name = "PHRASE")]
    pub phrases: Vec<String>,
    /// Show the rule and what it would change; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Add a rule even if the sentence has that tier already.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `sef reject` and `sef accept`.
#[derive(Debug, Clone, Args)]
pub struct WordArgs {
    /// Which delegation: its id in `sef-stats audit`, an agent id, or how one of them begins; the last one when left out.
    pub id: Option<String>,
    /// Only this session's delegations.
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
}

/// What to show of the prices.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum PricesAction {
    /// Every price, in dollars per million tokens.
    List,
    /// How old the prices are; exit 1 when they should be looked at again.
    Check,
}

/// Arguments of `sef classify`.
#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// Read lines {"id","prompt"[,"prev","kind","subagent_type","description"]}, write lines {"id","tier","role",...}.
    #[arg(long, required = true)]
    pub jsonl: bool,
    /// List every learned phrase that fired, not only the rules with an id (for fitting weights).
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `sef eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Lines {"id","prompt","tier"[,"kind","role","lang","group","subagent_type","description"]}.
    pub file: std::path::PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Also print the figures apart by this field.
    #[arg(long, value_parser = ["role", "lang", "kind", "group"])]
    pub by: Option<String>,
    /// Also print the confusion tables.
    #[arg(long)]
    pub confusion: bool,
}

/// What to do with the rules.
#[derive(Debug, Clone, Subcommand)]
pub enum RulesAction {
    /// Write a rule into your rules.toml from a sentence and the tier that it should have.
    Add(AddArgs),
    /// One line per rule: id, tier, role, weight, where it comes from.
    List,
    /// Everything about one rule.
    Show {
        /// Its id.
        id: String,
    },
    /// Every mistake in your rules.toml and config.toml, each with its place and a hint.
    Check,
    /// Run every rule's examples and counter-examples.
    Test,
}
