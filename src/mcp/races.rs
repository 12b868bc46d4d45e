//! The tools of races: arguments to a race, a race to its small result. Only races of this project's repository can be seen or
//! touched from here; its checkout changes by `race_promote` alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{
    Arguments, LONGEST_COMMAND, LONGEST_PROMPT, LONGEST_TEXT, MOST_SECONDS, MOST_WAIT, WAIT_SECONDS, wrong,
};
use super::call::{Answer, Made, done};
use super::progress::Client;
use super::running::{self, End};
use super::{Closing, place, summary};
use crate::config::Env;
use crate::error::Error;
use crate::hosted::service::Service;
use crate::race::approaches::{Approach, propose};
use crate::race::args::PromoteArgs;
use crate::race::data::data;
use crate::race::design::Design;
use crate::race::engine::{self, Field, Start};
use crate::race::kept::{Kept, Review, Settings};
use crate::race::launch;
use crate::race::manifest::{self, Known, Race};
use crate::race::outcome::Outcome;
use crate::race::repo::Repo;
use crate::turbo::order::{Failure, Spent};
use crate::turbo::runs;

/// Most repairs of one candidate.
pub(super) const MOST_REPAIRS: u64 = 5;
/// Fewest approaches that can be compared.
pub(super) const FEWEST: u64 = 2;
/// Most scenario tests that are named.
pub(super) const MOST_SCENARIOS: usize = 50;
/// Races that a list shows.
const SHOWN: usize = 10;

type Found<T> = std::result::Result<T, Failure>;

/// Several runners build one design.
pub(super) fn showdown(env: &Env, arguments: &Arguments, client: &Client, closing: &Closing) -> Made {
    let most = data().bounds.most_runners as u64;
    let runners = arguments.number("runners", 1, most)?.map(|count| count as usize);
    let entry = Entry::of(env, arguments)?;
    started(env, entry, Field::Runners(runners), Spent::default(), client, closing)
}

/// Several approaches to one problem.
pub(super) fn any_percent(env: &Env, arguments: &Arguments, client: &Client, closing: &Closing) -> Made {
    let most = data().bounds.most_approaches;
    let given = arguments.records("approaches", ["name", "text"], most)?;
    let auto = arguments.number("auto", FEWEST, most as u64)?;
    let entry = Entry::of(env, arguments)?;
    let (approaches, spent) = match (given, auto) {
        (Some(given), None) if given.len() as u64 >= FEWEST => {
            let approaches = given
                .into_iter()
                .map(|[name, words]| Approach { name: name.to_owned(), words: words.to_owned() });
            (approaches.collect(), Spent::default())
        }
        (None, Some(count)) => {
            with_key(env)?;
            propose(env, &entry.design, count as usize, None, None, client).map_err(|error| failed(&error))?
        }
        _ => {
            return Err(wrong(
                format!("any_percent needs either `approaches`, {FEWEST} to {most} of them, or `auto`"),
                "name approaches that differ in one decision, or give auto: 3".to_owned(),
            ));
        }
    };
    started(env, entry, Field::Approaches(approaches), spent, client, closing)
}

/// All races of the project, or how one stands.
pub(super) fn status(env: &Env, arguments: &Arguments, client: &Client) -> Made {
    let within = arguments.number("wait_s", 0, MOST_WAIT)?.unwrap_or(0);
    let Some(id) = arguments.text("race", LONGEST_TEXT)? else {
        let mut races = of_project(env)?;
        let more = races.len().saturating_sub(SHOWN);
        races.truncate(SHOWN);
        return Ok(done(summary::listed(&races, more)));
    };
    let known = one_of_project(env, id)?;
    let state_dir = runs::state_dir(env).map_err(|error| failed(&error))?;
    let known = running::wait(state_dir, &known.manifest.id, client, Duration::from_secs(within));
    Ok(done(shown(&known.map_err(|error| failed(&error))?)))
}

/// A race that was stopped goes on; one that runs is waited for.
pub(super) fn resume(env: &Env, arguments: &Arguments, client: &Client, closing: &Closing) -> Made {
    let within = within(arguments)?;
    let id = match arguments.text("race", LONGEST_TEXT)? {
        Some(id) => one_of_project(env, id)?.manifest.id,
        None => launch::last_stopped(env, &place::root(env)?).map_err(|error| failed(&error))?,
    };
    let state_dir = runs::state_dir(env).map_err(|error| failed(&error))?;
    let known = manifest::look(state_dir, &id).map_err(|error| failed(&error))?;
    if known.is_alive {
        let known = running::wait(state_dir, &id, client, within);
        return Ok(done(shown(&known.map_err(|error| failed(&error))?)));
    }
    let kept = Race::open(state_dir, &id).and_then(Kept::of).map_err(|error| failed(&error))?;
    if kept.look(|state| state.outcome.is_none()) {
        with_key(env)?;
    }
    waited(env, kept, client, closing, within)
}

/// A candidate onto the current branch, and the others away.
pub(super) fn promote(env: &Env, arguments: &Arguments) -> Made {
    let known = one_of_project(env, arguments.needed("race", LONGEST_TEXT)?)?;
    let args = PromoteArgs {
        id: known.manifest.id.clone(),
        candidate: arguments.text("candidate", LONGEST_TEXT)?.map(str::to_owned),
        onto: None,
        merge: false,
        keep: false,
        yes: true,
        json: false,
    };
    let promoted = launch::put(env, &args).map_err(|error| failed(&error))?;
    let others = match promoted.others {
        Some(Ok(gone)) => gone.to_owned(),
        Some(Err(error)) => format!("the others could not be cleared away: {error}"),
        None => String::new(),
    };
    Ok(done(summary::fitting(|cut| {
        json!({
            "status": "ok",
            "race": promoted.race,
            "candidate": promoted.candidate,
            "target": promoted.target,
            "commit": promoted.commit,
            "by": promoted.by,
            "others": summary::short(&others, cut),
        })
    })))
}

/// The race of that id, when it belongs to the project's repository.
pub(super) fn one_of_project(env: &Env, id: &str) -> Found<Known> {
    let repo = Repo::find(&place::root(env)?).map_err(|error| failed(&error))?;
    let known = runs::state_dir(env)
        .and_then(|state_dir| manifest::look(state_dir, id))
        .map_err(|error| failed(&error))?;
    if known.manifest.repo.common_dir == repo.common_dir {
        return Ok(known);
    }
    Err(Failure {
        code: "other_project".to_owned(),
        message: format!("race {} belongs to another repository", known.manifest.id),
        fix: "race_status lists the races of this project".to_owned(),
    })
}

/// A race that has a result, or how far it is.
fn shown(known: &Known) -> Value {
    let outcome = &known.manifest.state["outcome"];
    let outcome: Option<Outcome> = serde_json::from_value(outcome.clone()).unwrap_or_default();
    outcome.map_or_else(|| summary::under_way(known), |outcome| summary::over(&outcome))
}

/// Newest first.
fn of_project(env: &Env) -> Found<Vec<Known>> {
    let repo = Repo::find(&place::root(env)?).map_err(|error| failed(&error))?;
    let mut listed = runs::state_dir(env).and_then(manifest::list).map_err(|error| failed(&error))?;
    listed.races.retain(|known| known.manifest.repo.common_dir == repo.common_dir);
    Ok(listed.races)
}

/// What both kinds of race are asked for.
struct Entry {
    root: PathBuf,
    design: Design,
    design_file: String,
    scenarios: Vec<PathBuf>,
    settings: Settings,
    within: Duration,
}

impl Entry {
    fn of(env: &Env, arguments: &Arguments) -> Found<Self> {
        let root = place::root(env)?;
        let feature = arguments.text("feature", LONGEST_TEXT)?;
        let (design, design_file) = design(env, &root, arguments.needed("design", LONGEST_PROMPT)?, feature)?;
        let bounds = &data().bounds;
        let review = match arguments.choice("review", &["hosted", "claude", "none"])? {
            Some("claude" | "none") => Review::None,
            _ => Review::Hosted,
        };
        let settings = Settings {
            test: arguments.needed("test_command", LONGEST_COMMAND)?.to_owned(),
            fix: arguments.number("fix", 0, MOST_REPAIRS)?.unwrap_or(bounds.repairs.into()) as u8,
            model: None,
            within_s: None,
            test_within_s: arguments
                .number("test_timeout_s", 1, MOST_SECONDS)?
                .unwrap_or(bounds.test_timeout_s),
            sandbox: None,
            review,
        };
        let scenarios = arguments.texts("scenarios", MOST_SCENARIOS)?.unwrap_or_default();
        let scenarios = scenarios.into_iter().map(|path| inside(env, &root, "scenarios", path));
        let scenarios = scenarios.collect::<Found<_>>()?;
        Ok(Self { design, design_file, scenarios, settings, within: within(arguments)?, root })
    }
}

/// A design as it was given: the path of a file in the project, or the text itself.
fn design(env: &Env, root: &Path, given: &str, feature: Option<&str>) -> Found<(Design, String)> {
    if given.trim().contains('\n') {
        return Ok((Design::given(given, feature), "(given as text)".to_owned()));
    }
    let path = inside(env, root, "design", given.trim())?;
    let design = Design::read(&path, feature).map_err(|error| failed(&error))?;
    Ok((design, path.to_string_lossy().into_owned()))
}

/// A file that is there and lies in the project, through whatever links.
fn inside(env: &Env, root: &Path, argument: &str, given: &str) -> Found<PathBuf> {
    let path = place::inside(root, env.project_dir.as_deref(), argument, given)?;
    let cannot = |why: String| {
        wrong(
            format!("`{argument}` cannot be read: {given}: {why}"),
            format!("name a file that exists in {}", root.display()),
        )
    };
    let real = path.canonicalize().map_err(|why| cannot(why.to_string()))?;
    if real.starts_with(root) {
        return Ok(real);
    }
    Err(cannot("it is a link that leads out of the project".to_owned()))
}

fn within(arguments: &Arguments) -> Found<Duration> {
    Ok(Duration::from_secs(arguments.number("wait_s", 0, MOST_WAIT)?.unwrap_or(WAIT_SECONDS)))
}

/// A race asks the hosted model from its first step on: without a key nothing begins.
fn with_key(env: &Env) -> Found<()> {
    Service::with_key(env, None).map(|_| ()).map_err(Failure::from)
}

fn started(
    env: &Env,
    entry: Entry,
    field: Field,
    proposals: Spent,
    client: &Client,
    closing: &Closing,
) -> Made {
    with_key(env)?;
    let Entry { root, design, design_file, scenarios, settings, within } = entry;
    let start = Start { design, design_file, field, scenarios, proposals, settings };
    let kept = engine::begin(env, &root, &start).map_err(|error| failed(&error))?;
    waited(env, kept, client, closing, within)
}

fn waited(env: &Env, kept: Kept, client: &Client, closing: &Closing, within: Duration) -> Made {
    let id = kept.race.id();
    match running::run(env, kept, client, closing, within) {
        Ok(End::Over(outcome)) => Ok(done(summary::over(&outcome))),
        Ok(End::Running) => one_of_project(env, &id).map(|known| done(shown(&known))),
        Err(error) => {
            let value = json!({ "status": "error", "race": id, "error": failed(&error) });
            Ok(Answer { value, failed: true })
        }
    }
}

pub(super) fn failed(error: &Error) -> Failure {
    Failure::of("failed", error)
}
