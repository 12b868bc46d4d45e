//! The command line of `sef-stats simulate`: types and help texts only.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::report::since::Since;

/// Options of `simulate`.
#[derive(Debug, Clone, Default, Args)]
pub struct SimulateArgs {
    /// Print JSON (schema 1) instead of text.
    #[arg(long)]
    pub json: bool,
    /// Folder with the transcripts; default `projects` in Claude Code's folder.
    #[arg(long, value_name = "DIR")]
    pub transcripts: Option<PathBuf>,
    /// Only prompts and spawns since then: 7d, 12h, 30m ago, or a date (UTC) like 2026-11-01.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only this project: its path, or the name of its folder below the transcripts' folder.
    #[arg(long, value_name = "PROJECT", allow_hyphen_values = true)]
    pub project: Option<String>,
    /// How sure the rules must be; default what config.toml says, else balanced. With --main-turn careful or eager, default what
    /// [main] says, else careful.
    #[arg(long, value_enum)]
    pub preset: Option<Preset>,
    /// Replay the conversation's own turns instead: what `sef install --main-turn` would have come to.
    #[arg(long)]
    pub main_turn: bool,
    /// Play so many made-up months instead of your transcripts, against staying, against each tier's model, and against an oracle.
    #[arg(long, value_name = "MONTHS", requires = "main_turn", conflicts_with_all = ["transcripts", "since", "project"], value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub months: Option<u64>,
}

/// The presets of `[confidence]` in config.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Rather one tier too high.
    Careful,
    /// The middle.
    Balanced,
    /// Rather cheap.
    Eager,
}

impl Preset {
    /// As config.toml names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Careful => "careful",
            Self::Balanced => "balanced",
            Self::Eager => "eager",
        }
    }
}
