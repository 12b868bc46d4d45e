//! The command line of `sef`: types and help texts only, no behaviour.

use clap::{Args, Parser, Subcommand};

use crate::contract::{Kind, Lang};
use crate::judge::Mode;
use crate::race::args::{AnyPercentArgs, ShowdownArgs};
use crate::race::command::CleanArgs;
use crate::rules::policy::Sandbox;

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
    /// Register the hooks, agents, skills and the MCP server with Claude Code.
    Install(InstallArgs),
    /// Take out what install put in, and nothing else.
    Uninstall(UninstallArgs),
    /// Say what is installed where.
    Status(StatusArgs),
    /// Look at everything that routing hangs on, and say what mends each thing that is wrong; exit 1 when something is broken.
    Doctor(DoctorArgs),
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
    /// Let this project's own rules count, .claude/sef.toml, after showing them and what they would do.
    Allow(AllowArgs),
    /// Forbid this project's own rules, whatever they come to say.
    Deny {
        /// The project's folder; the current one when left out.
        dir: Option<std::path::PathBuf>,
    },
    /// Show the configuration, and where each value of it comes from.
    Config {
        /// What to show.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Note that delegated work was bad: it counts as rejected, and similar work in the session goes one tier up.
    Reject(WordArgs),
    /// Note that delegated work was good, whatever else speaks against it.
    Accept(WordArgs),
    /// Have a hosted model write code from an exact contract, run its tests, take it back.
    Turbo(Box<TurboArgs>),
    /// Have several runners build the same design side by side, and choose by tests and measures; also `sef race`.
    #[command(visible_alias = "race")]
    Showdown(Box<ShowdownArgs>),
    /// Have different approaches to one problem built side by side, and choose by tests and measures.
    AnyPercent(Box<AnyPercentArgs>),
    /// Remove the worktrees and branches that races left, and nothing that holds work.
    Clean(CleanArgs),
    /// Score candidates for the same job side by side, and say which is best and why.
    Judge(Box<JudgeArgs>),
    /// Serve hosted generation to Claude Code as MCP tools, on standard input and output.
    Mcp {
        /// For the plugin's entry: offer no tools where `sef install` has registered a server of its own.
        #[arg(long)]
        plugin: bool,
    },
    /// Say with which model or effort a turn of the conversation is to run; asked by the mod that `sef install --main-turn` puts in.
    MainTurn,
    /// One line for Claude Code's status line, from its JSON on standard input.
    Statusline,
    /// Show the prices that reports use, and how old they are.
    Prices {
        /// What to show.
        #[command(subcommand)]
        action: PricesAction,
    },
    /// Check a contract prompt for hosted code generation, or write a skeleton of one.
    Contract {
        /// What to do.
        #[command(subcommand)]
        action: ContractAction,
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
    /// The processes round a fenced command; started by SEF itself, never by a person.
    #[command(hide = true)]
    Fence {
        /// Which of them.
        part: FencePart,
    },
}

/// A process round a fenced command.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum FencePart {
    /// Outside the walls: enforces the limits and ends what is left.
    Supervise,
    /// Inside the walls: finishes them and starts the command.
    Inside,
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
    /// Leave the MCP server (`sef mcp`) as it is, registered with Claude Code or not.
    #[arg(long)]
    pub no_turbo: bool,
    /// Put in the mod too that lets the rules choose the model or effort of the conversation's own turns (client 2.1.287).
    #[arg(long)]
    pub main_turn: bool,
}

/// Arguments of `sef uninstall`.
#[derive(Debug, Clone, Copy, Args)]
pub struct UninstallArgs {
    /// Where from.
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Take out only the mod for the conversation's own turns; without it, that goes with all the rest.
    #[arg(long)]
    pub main_turn: bool,
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

/// Arguments of `sef doctor`.
#[derive(Debug, Clone, Copy, Args)]
pub struct DoctorArgs {
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
    /// Mend what is SEF's own, and say each thing that was done; nothing of others is written.
    #[arg(long)]
    pub fix: bool,
    /// Ask the hosted service too whether it can be used.
    #[arg(long)]
    pub online: bool,
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
    #[arg(required_unless_present = "main")]
    pub prompt: Option<String>,
    /// What is decided about the conversation's own turns: of this prompt in the latest session here, or the latest decisions.
    #[arg(long, conflicts_with_all = ["agent", "why_not"])]
    pub main: bool,
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

/// Arguments of `sef allow`.
#[derive(Debug, Clone, Args)]
pub struct AllowArgs {
    /// The project's folder; the current one when left out.
    pub dir: Option<std::path::PathBuf>,
    /// Say yes without being asked.
    #[arg(long)]
    pub yes: bool,
    /// List what is allowed and denied where, and whether it applies.
    #[arg(long, conflicts_with_all = ["dir", "yes"])]
    pub list: bool,
}

/// What to show of the configuration.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigAction {
    /// Every value, the folders, whether the key is set, and the layers of rules.
    Show {
        /// Also where each value comes from.
        #[arg(long)]
        origin: bool,
        /// One JSON object instead of text; always with the origins.
        #[arg(long)]
        json: bool,
    },
    /// The path of your config.toml.
    Path,
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

/// What to do with contracts.
#[derive(Debug, Clone, Subcommand)]
pub enum ContractAction {
    /// Everything vague or missing, each with its line and a hint; exit 1 when the contract is not acceptable.
    Check {
        /// The contract; `-` for standard input.
        file: std::path::PathBuf,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print a contract to fill in.
    New {
        /// python, rust, typescript or go.
        #[arg(long)]
        lang: Lang,
        /// api, library, cli or transform.
        #[arg(long)]
        kind: Kind,
        /// Write it to this file instead, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: Option<std::path::PathBuf>,
    },
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

/// Arguments of `sef turbo`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TurboArgs {
    /// What to do instead of writing code.
    #[command(subcommand)]
    pub action: Option<TurboAction>,
    /// The contract; `-` is standard input.
    #[arg(long, value_name = "FILE", required = true)]
    pub contract: Option<std::path::PathBuf>,
    /// The folder that the files go into; made when it is not there.
    #[arg(long, value_name = "DIR", required = true)]
    pub out: Option<std::path::PathBuf>,
    /// Replace files that are there and differ; they are backed up, and `sef turbo undo` brings them back.
    #[arg(long)]
    pub overwrite: bool,
    /// Run this on what was written, in a fence.
    #[arg(long, value_name = "CMD")]
    pub test: Option<String>,
    /// Longest time of one run of the tests, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub test_timeout: u64,
    /// How well the tests must be fenced: required, auto or off; [hosted] sandbox in config.toml when left out.
    #[arg(long, value_name = "HOW", value_parser = sandbox)]
    pub sandbox: Option<Sandbox>,
    /// How often failing tests go back to the model.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=5))]
    pub fix: u8,
    /// The model's id.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Most tokens to generate, reasoning included; sized to the contract when left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,
    /// For all calls to the service together, waiting included, in seconds; [hosted] timeout_s when left out.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: Option<u64>,
    /// Send the contract even when it is vague.
    #[arg(long)]
    pub unchecked: bool,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sef judge`.
#[derive(Debug, Clone, Args)]
pub struct JudgeArgs {
    /// The candidates: one folder each.
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<std::path::PathBuf>,
    /// Run this on a copy of each folder, in a fence; a candidate whose tests do not all pass is eliminated.
    #[arg(long, value_name = "CMD", conflicts_with = "questions")]
    pub test: Option<String>,
    /// Take the tests from this folder, whatever the candidates made of theirs.
    #[arg(long, value_name = "DIR", requires = "test")]
    pub exam: Option<std::path::PathBuf>,
    /// Longest time of one run of the tests, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub test_timeout: u64,
    /// How well the tests must be fenced: required, auto or off; [hosted] sandbox in config.toml when left out.
    #[arg(long, value_name = "HOW", value_parser = sandbox)]
    pub sandbox: Option<Sandbox>,
    /// What a reader answers, as JSON.
    #[arg(long, value_name = "FILE", conflicts_with = "questions")]
    pub answers: Option<std::path::PathBuf>,
    /// Print what must be read, with the form for the answers; judge nothing.
    #[arg(long)]
    pub questions: bool,
    /// How to read a gap in fitness.
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Write the whole worksheet to this file, as Markdown.
    #[arg(long, value_name = "FILE", conflicts_with = "questions")]
    pub worksheet: Option<std::path::PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// How tests are to be fenced.
pub fn sandbox(text: &str) -> Result<Sandbox, &'static str> {
    match text {
        "required" => Ok(Sandbox::Required),
        "auto" => Ok(Sandbox::Auto),
        "off" => Ok(Sandbox::Off),
        _ => Err("one of required, auto, off"),
    }
}

/// What else turbo does.
#[derive(Debug, Clone, Subcommand)]
pub enum TurboAction {
    /// Take a run back: every file is again as it was before it.
    Undo {
        /// The run's id; the last one of this folder's when left out.
        run: Option<String>,
        /// Take it back even where files were edited since; the edited ones are kept in the state folder.
        #[arg(long)]
        discard_edits: bool,
    },
    /// List the runs that can be taken back.
    Runs,
    /// Say whether the service can be used: address, key, models, limits.
    Status {
        /// Ask nobody, only look at what is on this machine.
        #[arg(long)]
        offline: bool,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}
