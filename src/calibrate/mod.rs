//! `sef-stats calibrate`: what outcomes and hints teach, proposed with its evidence, applied and taken back. `evidence`
//! counts, `propose` decides (both pure), `page` shows; this module reads and writes calibration.toml.

pub mod evidence;
pub mod page;
pub mod propose;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::calendar;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};
use crate::outcomes::Judged;
use crate::report::Read;
use crate::report::args::ReportArgs;
use crate::report::delegations::Delegation;
use crate::report::since::Since;
use crate::report::text::plural;
use crate::rules::add::quoted;
use crate::rules::calibration::{self, File};
use crate::rules::policy::SILENT;
use evidence::Share;
use propose::Proposal;

/// Version of the JSON's shape.
const SCHEMA: u32 = 1;
/// What the file is called once it is taken out of use.
const REVERTED: &str = "calibration.toml.reverted";

/// Options of `calibrate`.
#[derive(Debug, Clone, Default, Args)]
pub struct CalibrateArgs {
    /// Make the proposed changes: write calibration.toml, which the hook uses from its next event on.
    #[arg(long, conflicts_with = "revert")]
    pub apply: bool,
    /// Take all of calibration.toml out of use; it is kept as calibration.toml.reverted.
    #[arg(long, conflicts_with_all = ["since", "json"])]
    pub revert: bool,
    /// Only what happened since then: 7d, 12h, 30m ago, or a date (UTC) like 2026-11-01.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Print JSON (schema 1) instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Calibration {
    schema: u32,
    /// Known outcomes that SEF's own choices have.
    pub known: u64,
    /// Rejected work by role, since the role's last change.
    pub roles: Vec<Row>,
    /// Rejected work by rule and tier, most known outcomes first.
    pub rules: Vec<Row>,
    /// Hints followed, by key, in the wording in use.
    pub hints: Vec<Row>,
    /// What the evidence speaks for.
    pub proposals: Vec<Proposal>,
    /// Why nothing is proposed where nothing is.
    pub otherwise: Vec<String>,
    /// What is in use now.
    pub in_use: File,
    /// The proposals were applied.
    pub applied: bool,
}

/// One role, rule or hint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name; a rule's with its tier.
    pub name: String,
    /// The counts.
    #[serde(flatten)]
    pub share: Share,
    /// Wilson's 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// What is calibrated now, in words; empty when nothing is.
    pub now: String,
}

impl Row {
    fn new(name: String, share: Share, now: Option<String>) -> Self {
        Self { name, share, interval: share.interval(), now: now.unwrap_or_default() }
    }
}

/// Rules that are listed.
const MOST_RULES: usize = 15;

/// Reads, counts and proposes. `now` in milliseconds since 1970.
pub fn look(env: &Env, since: Option<Since>, now: u64, here: &Path) -> Result<Calibration> {
    let args = ReportArgs { since, ..ReportArgs::default() };
    let read = Read::all(env, &args, now, here)?;
    let file = in_use(env)?;
    let (delegations, judged) = read.judged();
    Ok(judge(&read, &delegations.list, &judged, file))
}

/// What a report says of the calibration, in one line.
pub(crate) fn in_short(env: &Env, read: &Read, list: &[Delegation], judged: &[Judged]) -> String {
    let Ok(file) = in_use(env) else {
        return "calibration.toml has a mistake: `sef rules check` shows it".to_owned();
    };
    let in_use = file.role.len() + file.rule.len() + file.hint.len();
    let found = judge(read, list, judged, file);
    let ignored = found.proposals.iter().filter(|one| one.kind == "hint").count() as u64;
    let mut parts = Vec::new();
    if in_use > 0 {
        parts.push(format!("{} in use", plural(in_use as u64, "change")));
    }
    if found.known < propose::ENOUGH {
        parts.push(format!("{} of {} known outcomes", found.known, propose::ENOUGH));
    }
    if !found.proposals.is_empty() {
        parts.push(format!(
            "{} proposed by `sef-stats calibrate`",
            plural(found.proposals.len() as u64, "change")
        ));
    }
    if ignored > 0 {
        parts.push(format!("{} ignored", plural(ignored, "kind of hint")));
    }
    if parts.is_empty() { "nothing to change".to_owned() } else { parts.join(", ") }
}

/// From what was read to the proposals.
fn judge(read: &Read, list: &[Delegation], judged: &[Judged], file: File) -> Calibration {
    let policy = &read.policy;
    let cases = evidence::cases(&read.records, list, judged);
    let hints = evidence::hints(&read.records, read.scope.since, policy, &file);
    let verdicts = propose::propose(&cases, &hints, policy, &file);
    let shift =
        |role: &str| file.role.get(role).map(|role| format!("{:+.2} since {}", role.shift, day(&role.at)));
    let down = |(id, tier): &(String, u8)| {
        let down = file.rule.get(id).filter(|down| down.tier == *tier)?;
        Some(format!("-{:.1} since {}", down.down, day(&down.at)))
    };
    let worded = |key: &str| {
        let hint = file.hint.get(key)?;
        Some(match hint.wording {
            SILENT => format!("silent since {}", day(&hint.at)),
            wording => format!("wording {wording} since {}", day(&hint.at)),
        })
    };
    let mut of_rules: Vec<((String, u8), Share)> = evidence::by_rule(&cases, &file).into_iter().collect();
    of_rules.sort_by(|(a, x), (b, y)| (y.part, y.known, a).cmp(&(x.part, x.known, b)));
    of_rules.truncate(MOST_RULES);
    Calibration {
        schema: SCHEMA,
        known: cases.iter().filter(|case| case.rejected.is_some()).count() as u64,
        roles: evidence::by_role(&cases, &file)
            .into_iter()
            .map(|(role, share)| Row::new(role.to_owned(), share, shift(role)))
            .collect(),
        rules: of_rules
            .into_iter()
            .map(|(key, share)| Row::new(format!("{} (tier {})", key.0, key.1), share, down(&key)))
            .collect(),
        hints: hints
            .iter()
            .filter(|(key, hints)| hints.given.all > 0 || file.hint.contains_key(*key))
            .map(|(key, hints)| Row::new(key.clone(), hints.given, worded(key)))
            .collect(),
        proposals: verdicts.proposals,
        otherwise: verdicts.otherwise,
        in_use: file,
        applied: false,
    }
}

/// The day of an ISO time.
fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

fn path(env: &Env) -> Result<PathBuf> {
    env.config_dir.as_ref().map(|dir| dir.join(calibration::FILE)).ok_or_else(|| {
        Error::new("cannot find calibration.toml", "SEF's configuration folder is not known")
            .fix("set HOME, or SEF_CONFIG_DIR, to an absolute path")
    })
}

/// The file in use; empty when there is none. A file with a mistake is an error: nothing is built on it.
fn in_use(env: &Env) -> Result<File> {
    let Ok(path) = path(env) else { return Ok(File::default()) };
    let Some(bytes) = Target::read(&path)?.bytes else { return Ok(File::default()) };
    let (file, problems) = calibration::parse(&String::from_utf8_lossy(&bytes));
    match problems.first() {
        None => Ok(file),
        Some(problem) => {
            let why = [problem.rule.as_str(), &problem.message].join(" ").trim().to_owned();
            Err(Error::new("cannot use the calibration", why)
                .at(&path)
                .fix("mend it, or take it out of use with `sef-stats calibrate --revert`"))
        }
    }
}

/// Makes the proposed changes. Fails without changing anything.
pub fn apply(env: &Env, found: &mut Calibration, now: u64) -> Result<()> {
    if found.proposals.is_empty() {
        return Ok(());
    }
    let path = path(env)?;
    let target = Target::read(&path)?;
    let at = calendar::timestamp(now);
    let mut file = File { schema: calibration::SCHEMA, ..found.in_use.clone() };
    for proposal in &found.proposals {
        proposal.put(&mut file, &at);
    }
    let text = written(&file);
    // What is written must be what was meant.
    let (again, problems) = calibration::parse(&text);
    if again != file || !problems.is_empty() {
        return Err(Error::new("cannot write the calibration", "it would not read back as it is meant")
            .at(&path)
            .fix("report this with the output of `sef-stats calibrate --json`; nothing was changed"));
    }
    if let Some(folder) = path.parent() {
        atomic::make_folder(folder, 0o700)?;
    }
    if atomic::replace(&target, text.as_bytes(), 0o600)? == Replaced::Changed {
        return Err(Error::new("cannot write the calibration", "somebody else changed it just now")
            .at(&path)
            .fix("run the command again; nothing of yours was changed"));
    }
    found.in_use = file;
    found.applied = true;
    Ok(())
}

/// The file's text.
fn written(file: &File) -> String {
    let mut text = String::from(
        "# Written by `sef-stats calibrate --apply` from what came of past work; the hook uses it.\n\
         # `sef-stats calibrate --revert` takes it out of use.\n",
    );
    let _ = writeln!(text, "schema = {}", file.schema);
    for (name, role) in &file.role {
        let _ = writeln!(text, "\n[role.{name}]\nshift = {:?}", role.shift);
        let _ = writeln!(text, "at = {}\nbecause = {}", quoted(&role.at), quoted(&role.because));
    }
    for (id, rule) in &file.rule {
        let _ = writeln!(text, "\n[rule.{}]\ntier = {}\ndown = {:?}", quoted(id), rule.tier, rule.down);
        let _ = writeln!(text, "at = {}\nbecause = {}", quoted(&rule.at), quoted(&rule.because));
    }
    for (name, hint) in &file.hint {
        let _ = writeln!(text, "\n[hint.{name}]\nwording = {}", hint.wording);
        let _ = writeln!(text, "at = {}\nbecause = {}", quoted(&hint.at), quoted(&hint.because));
    }
    text
}

/// Takes calibration.toml out of use; says what was done.
pub fn revert(env: &Env) -> Result<String> {
    let path = path(env)?;
    let target = Target::read(&path)?;
    let Some(bytes) = &target.bytes else {
        return Ok(format!("nothing to take back: there is no {}\n", path.display()));
    };
    let kept = path.with_file_name(REVERTED);
    let aside = Target::read(&kept)?;
    if atomic::replace(&aside, bytes, 0o600)? == Replaced::Changed
        || atomic::remove(&target)? == Replaced::Changed
    {
        return Err(Error::new("cannot take the calibration back", "somebody else changed it just now")
            .at(&path)
            .fix("run the command again"));
    }
    Ok(format!("calibration is out of use; it is kept as {}\n", kept.display()))
}
