//! Arguments of `sef showdown` (also `sef race`) and `sef any-percent`. Types and help texts only.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::approaches::{Approach, proposed, typed};
use super::command::{CleanArgs, RaceStatusArgs};
use super::data::data;
use super::kept::Review;
use crate::cli::sandbox;
use crate::fence::Sandbox;

/// Arguments of `sef showdown`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ShowdownArgs {
    /// What to do instead of starting one.
    #[command(subcommand)]
    pub action: Option<RaceAction>,
    /// What all runners build: a text with data, interface, behaviour and errors; its fenced tests become the exam.
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    pub design: Option<PathBuf>,
    /// How many run; auto: by the design's complexity.
    #[arg(long, value_name = "auto|1..5", default_value = "auto", value_parser = runners)]
    pub runners: Runners,
    /// The same for both kinds.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of `sef any-percent`.
#[derive(Debug, Clone, Args)]
pub struct AnyPercentArgs {
    /// What all variants solve: a text with data, interface, behaviour and errors; its fenced tests become the exam.
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    pub design: Option<PathBuf>,
    /// One way to solve it; two to six of them.
    #[arg(long = "approach", value_name = "NAME: TEXT", value_parser = typed)]
    pub given: Vec<Approach>,
    /// Let the hosted model propose them along the decision that matters most: auto, or auto:N.
    #[arg(long = "approaches", value_name = "auto[:N]", value_parser = proposed, conflicts_with = "given")]
    pub proposed: Option<usize>,
    /// The same for both kinds.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Arguments of both.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// The tests' command, run at the repository's top, in a fence.
    #[arg(long, value_name = "CMD", required_unless_present = "resume")]
    pub test: Option<String>,
    /// A test of the checkout that is not committed yet; may be given several times.
    #[arg(long = "scenario", value_name = "FILE")]
    pub scenarios: Vec<PathBuf>,
    /// Short name of what is built; the design's when left out.
    #[arg(long, value_name = "NAME")]
    pub feature: Option<String>,
    /// How often failing tests go back to the model, for each candidate.
    #[arg(long, value_name = "N", default_value_t = data().bounds.repairs, value_parser = clap::value_parser!(u8).range(0..=5))]
    pub fix: u8,
    /// The model's id.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// For the calls of one step, waiting included, in seconds; [hosted] timeout_s when left out.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: Option<u64>,
    /// Longest time of one run of the tests, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = data().bounds.test_timeout_s, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub test_timeout: u64,
    /// How well the tests must be fenced: required, auto or off; [hosted] sandbox in config.toml when left out.
    #[arg(long, value_name = "HOW", value_parser = sandbox)]
    pub sandbox: Option<Sandbox>,
    /// Who answers what has to be read: hosted, or none (answer it later with `sef race judge`).
    #[arg(long, value_name = "WHO", default_value = "hosted")]
    pub review: Review,
    /// Put the winner onto the current branch and clear the others away; asks on a terminal.
    #[arg(long)]
    pub promote: bool,
    /// Go on with a race that was stopped: its id, or the last one of this repository.
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "last", conflicts_with_all = ["design", "test"])]
    pub resume: Option<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// How many run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runners {
    /// As many as the design's complexity is worth.
    Auto,
    /// So many.
    Count(usize),
}

fn runners(text: &str) -> Result<Runners, String> {
    let most = data().bounds.most_runners;
    match text.parse() {
        _ if text == "auto" => Ok(Runners::Auto),
        Ok(count) if (1..=most).contains(&count) => Ok(Runners::Count(count)),
        _ => Err(format!("auto, or a number from 1 to {most}")),
    }
}

/// What else can be done with races.
#[derive(Debug, Clone, Subcommand)]
pub enum RaceAction {
    /// List the races, or show one.
    Status(RaceStatusArgs),
    /// Go on with a race that was stopped or killed.
    Resume(ResumeArgs),
    /// Judge a race again with answers of your own to what has to be read.
    Judge(RejudgeArgs),
    /// Put a candidate onto a branch and clear the others away.
    Promote(PromoteArgs),
    /// Remove the worktrees and branches that races left, and nothing that holds work.
    Clean(CleanArgs),
}

/// Arguments of `sef race resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// The race, or how its id begins; the last one of this repository that was stopped when left out.
    pub id: Option<String>,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sef race judge`.
#[derive(Debug, Clone, Args)]
pub struct RejudgeArgs {
    /// The race, or how its id begins.
    pub id: String,
    /// The filled-in answer sheet.
    #[arg(long, value_name = "FILE", required_unless_present = "questions")]
    pub answers: Option<PathBuf>,
    /// Print what has to be read, and the sheet to fill in.
    #[arg(long, conflicts_with = "answers")]
    pub questions: bool,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sef race promote`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are the switches of a command line")]
pub struct PromoteArgs {
    /// The race, or how its id begins.
    pub id: String,
    /// Another one than the winner.
    #[arg(long, value_name = "NAME")]
    pub candidate: Option<String>,
    /// The branch; the current one when left out.
    #[arg(long, value_name = "BRANCH")]
    pub onto: Option<String>,
    /// When the branch has moved since the race began: a merge commit instead of one commit on top.
    #[arg(long)]
    pub merge: bool,
    /// Leave the other candidates' worktrees and branches.
    #[arg(long)]
    pub keep: bool,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// One JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}
