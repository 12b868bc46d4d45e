//! `sef-stats report`: reads the log, the transcripts and the prices, and says what was delegated, which model ran and
//! what it cost. `activity`, `delegations`, `by_rule`, `days`, `cost`, `savings`, `turbo` and `races` are pure arithmetic, as is
//! the account of the conversation's own turns in `main_turn`;
//! `page` and `html` show them.

pub mod activity;
pub mod args;
pub mod by_rule;
pub mod cost;
pub mod days;
pub mod delegations;
pub mod groups;
pub mod html;
pub mod page;
pub mod page_main;
pub mod page_races;
pub mod races;
pub mod savings;
pub mod sheet;
pub mod since;
pub mod text;
pub mod turbo;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::main_turn::account::{self, Turns};
use crate::metrics::reader;
use crate::metrics::record::{Record, project_key, transcript_folder};
use crate::outcomes::words::Words;
use crate::outcomes::{self, Judged, Outcomes};
use crate::prices::Prices;
use crate::rules::policy::Policy;
use crate::transcript::corpus::Corpus;
use crate::transcript::find::Scope;
use crate::transcript::read_all;
use crate::{calendar, calibrate};
use activity::Activity;
use args::ReportArgs;
use by_rule::ByRule;
use cost::Cost;
use days::Day;
use delegations::Delegations;
use races::Races;
use savings::Savings;
use turbo::Turbo;

/// Version of the JSON's shape.
pub const SCHEMA: u32 = 1;

/// Every figure of one report. Its JSON is the interface that scripts rely on.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was looked at.
    pub scope: Looked,
    /// Delegations.
    pub delegations: Delegations,
    /// How the delegations ended, by evidence.
    pub outcomes: Outcomes,
    /// How they ended by the rules, roles and tiers that the hook decided by.
    pub rules: ByRule,
    /// Tasks, delegations and outcomes by day, UTC (`2026-11-20`); what has no time is under `unknown`.
    pub days: BTreeMap<String, Day>,
    /// User prompts by tier, 0 to 3.
    pub tasks: BTreeMap<u8, u64>,
    /// Shares from 0 to 1.
    pub rates: Rates,
    /// What `sef-stats calibrate` has changed and would change, in words.
    pub calibration: String,
    /// Tokens and money.
    pub cost: Cost,
    /// What the delegated work would have cost otherwise.
    pub savings: Savings,
    /// What a hosted model wrote.
    pub turbo: Turbo,
    /// What races came to.
    pub races: Races,
    /// The conversation's own turns.
    pub main_turns: Turns,
    /// Lines of log and transcripts that could not be read.
    pub unreadable_lines: u64,
    /// Transcripts and folders that could not be read.
    pub unreadable_files: u64,
    /// Log lines that a later version of SEF wrote.
    pub later_lines: u64,
    /// What the hook logged besides.
    pub hook: Activity,
}

/// See [`Report::scope`].
#[derive(Debug, Serialize)]
pub struct Looked {
    /// The log's folder.
    pub state_dir: Option<PathBuf>,
    /// The transcripts' folder.
    pub transcripts: Option<PathBuf>,
    /// Beginning of the period, ISO 8601; none: everything.
    pub since: Option<String>,
    /// The project's folder name; none: all.
    pub project: Option<String>,
    /// Log files read.
    pub log_files: u64,
    /// Transcripts read.
    pub transcript_files: u64,
    /// Their size.
    pub transcript_bytes: u64,
}

/// See [`Report::rates`].
#[derive(Debug, Serialize)]
pub struct Rates {
    /// Delegated tasks of all tasks; none without tasks.
    pub delegation: Option<f64>,
    /// Rejected delegations of those whose outcome is known; none without such.
    pub rejection: Option<f64>,
}

impl Report {
    /// Nothing at all was found.
    pub fn is_empty(&self) -> bool {
        self.hook.records == 0 && self.cost.groups.by_model.is_empty() && self.delegations.total == 0
    }
}

/// Makes the report. `now` in milliseconds since 1970; `here` is the current folder, for a relative `--project`.
pub fn make(env: &Env, args: &ReportArgs, now: u64, here: &Path) -> Result<Report> {
    Ok(make_judged(env, args, now, here)?.0)
}

/// The same, with the outcome of each delegation in the order of the report's list.
pub fn make_judged(env: &Env, args: &ReportArgs, now: u64, here: &Path) -> Result<(Report, Vec<Judged>)> {
    let read = Read::all(env, args, now, here)?;
    Ok(figures(env, read, &Prices::load(env)?, now))
}

/// The log and the transcripts in scope.
pub(crate) struct Read {
    looked: Looked,
    /// The log's lines that belong to the project asked for, of any time.
    pub records: Vec<Record>,
    unreadable: u64,
    later: u64,
    /// The transcripts.
    pub corpus: Corpus,
    /// What was asked for.
    pub scope: Scope,
    /// The policy as the hook has it.
    pub policy: Policy,
}

impl Read {
    /// Reads what `args` ask for. Neither a log nor a transcript is an error; both unknown is one.
    pub fn all(env: &Env, args: &ReportArgs, now: u64, here: &Path) -> Result<Self> {
        if env.state_dir.is_none() && env.claude_dir.is_none() {
            return Err(Error::new(
                "cannot make a report",
                "neither SEF's nor Claude Code's folder is known",
            )
            .fix("set HOME, or SEF_STATE_DIR and CLAUDE_CONFIG_DIR, to absolute paths"));
        }
        let log = env.state_dir.as_deref().map(reader::read).transpose()?.unwrap_or_default();
        let transcripts = env.claude_dir.as_ref().map(|dir| dir.join("projects"));
        let since = args.since.map_or(0, |since| since.millis(now));
        let folder = args.project.as_deref().map(|project| folder_of(project, transcripts.as_deref(), here));
        let scope = Scope { folder, since };
        let words = Words::load(env);
        let index = env.state_dir.as_deref().filter(|_| !args.no_index);
        let corpus =
            transcripts.as_deref().map(|dir| read_all(dir, &scope, &words, index)).unwrap_or_default();
        let looked = Looked {
            state_dir: env.state_dir.clone(),
            transcripts,
            since: args.since.map(|_| calendar::timestamp(since)),
            project: scope.folder.clone(),
            log_files: log.files,
            transcript_files: corpus.files,
            transcript_bytes: corpus.bytes,
        };
        let records = match &scope.folder {
            Some(folder) => of_project(log.records, folder, &corpus),
            None => log.records,
        };
        Ok(Self {
            looked,
            records,
            unreadable: log.unreadable,
            later: log.later,
            corpus,
            scope,
            policy: words.policy(),
        })
    }

    /// Every delegation in the period, each with its outcome.
    pub fn judged(&self) -> (Delegations, Vec<Judged>) {
        let delegations = delegations::join(&self.records, &self.corpus, self.scope.since);
        let judged = outcomes::rules::judge(&delegations.list, &self.records, &self.corpus);
        (delegations, judged)
    }
}

/// From what was read to the figures. `now` decides which prices are today's.
fn figures(env: &Env, read: Read, prices: &Prices, now: u64) -> (Report, Vec<Judged>) {
    let (delegations, judged) = read.judged();
    let calibration = calibrate::in_short(env, &read, &delegations.list, &judged);
    let Read { looked, records, unreadable, later, corpus, scope, policy: _ } = read;
    let mut hook = activity::count(&records, scope.since);
    let outcomes = Outcomes::sum(&judged);
    let report = Report {
        schema: SCHEMA,
        scope: looked,
        rules: by_rule::count(&records, &delegations.list, &judged),
        days: days::add_up(&hook.days, &delegations.list, &judged),
        delegations,
        tasks: std::mem::take(&mut hook.tasks),
        calibration,
        rates: Rates { delegation: hook.delegation_rate(), rejection: outcomes.rejection_rate },
        outcomes,
        cost: cost::add_up(&corpus, prices, &records, scope.since),
        savings: savings::estimate(&corpus, prices, scope.since, &account::users_models(&records)),
        turbo: turbo::add_up(&records, &corpus, prices, scope.since),
        races: races::add_up(&records, &corpus, prices, scope.since, now),
        main_turns: account::add_up(&records, &corpus, prices, scope.since),
        unreadable_lines: unreadable.saturating_add(corpus.unreadable_lines),
        unreadable_files: corpus.unreadable_files,
        later_lines: later,
        hook,
    };
    // The process ends after its report: taking a large corpus apart would only cost time.
    std::mem::forget(corpus);
    (report, judged)
}

/// The lines of one project: those that name it, and those that name none but belong to one of its sessions.
fn of_project(records: Vec<Record>, folder: &str, corpus: &Corpus) -> Vec<Record> {
    let key = project_key(folder);
    let named =
        records.iter().filter(|record| record.pj.as_ref() == Some(&key)).map(|record| record.s.clone());
    let sessions: HashSet<String> =
        named.chain(corpus.sessions.iter().map(|session| session.id.clone())).collect();
    let belongs = |record: &Record| match &record.pj {
        Some(project) => *project == key,
        None => sessions.contains(&record.s),
    };
    records.into_iter().filter(belongs).collect()
}

/// The transcript folder that `--project` means: a folder of that name, else the one of that path.
pub(crate) fn folder_of(project: &str, transcripts: Option<&Path>, here: &Path) -> String {
    let is_name = !project.contains('/') && !matches!(project, "." | "..");
    if is_name && (project.starts_with('-') || transcripts.is_some_and(|dir| dir.join(project).is_dir())) {
        return project.to_owned();
    }
    // The client names the folder after the path without links; a path that is gone can only be taken as typed.
    let path = here.join(project);
    let path = path.canonicalize().unwrap_or(path);
    let path = path.to_string_lossy();
    transcript_folder(if path.len() > 1 { path.trim_end_matches('/') } else { &path })
}
