//! `sef status`: what is installed where, read-only. Complete means that a new session will run our hooks.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use serde::Serialize;

use super::agents::{self, Condition};
use super::check;
use super::edit;
use super::hooks;
use super::manifest::{self, Record};
use super::mods::{self, ModReport};
use super::place::{Place, Scope, is_program, places};
use super::plugin::{self, Plugin};
use super::turbo::{self, ServerReport};
use crate::config::Env;
use crate::error::Result;
use crate::fsx::atomic::Target;

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Everything `sef status` says.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Nothing is missing in any place asked for.
    pub complete: bool,
    /// Can the log be written?
    pub state_dir: StateDir,
    /// Each Claude folder asked for.
    pub places: Vec<PlaceReport>,
    /// The MCP server; routing is complete without it.
    pub turbo: ServerReport,
    /// The mod for the conversation's own turns; routing is complete without it.
    pub main_turn: ModReport,
    /// SEF as a plugin, when it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Plugin>,
}

impl Report {
    /// Does the plugin run the hooks, and nothing is registered in the places asked for?
    fn only_the_plugin(&self) -> bool {
        let nothing = |place: &PlaceReport| place.events.iter().all(|event| event.registered == 0);
        self.plugin.as_ref().is_some_and(|plugin| plugin.hook.is_some()) && self.places.iter().all(nothing)
    }
}

/// The folder of the log.
#[derive(Debug, Clone, Serialize)]
pub struct StateDir {
    /// Its path; none when HOME is unset too.
    pub path: Option<PathBuf>,
    /// It, or the nearest folder above it that exists, may be written.
    pub writable: bool,
}

/// One Claude folder.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceReport {
    /// `user` or `project`.
    pub scope: &'static str,
    /// The settings file.
    pub settings: PathBuf,
    /// Why it could not be read, or why the client will not use it.
    pub problem: Option<String>,
    /// The binary behind the registered command.
    pub binary: Option<PathBuf>,
    /// It exists and may be run.
    pub binary_present: bool,
    /// Each event we want.
    pub events: Vec<EventReport>,
    /// Each agent and skill file.
    pub files: Vec<FileReport>,
    /// Nothing is missing here.
    pub complete: bool,
}

impl PlaceReport {
    /// Is any of our hooks registered here, with a program behind it?
    fn has_hooks(&self) -> bool {
        self.binary_present && self.events.iter().any(|event| event.registered > 0)
    }
}

/// One event.
#[derive(Debug, Clone, Serialize)]
pub struct EventReport {
    /// Its name.
    pub event: String,
    /// How often we are registered for it; 1 is right.
    pub registered: usize,
    /// The command, when registered.
    pub command: Option<String>,
    /// Matcher, timeout and command are what this version writes.
    pub current: bool,
}

/// One copied file.
#[derive(Debug, Clone, Serialize)]
pub struct FileReport {
    /// Relative to the Claude folder.
    pub path: &'static str,
    /// How it compares with ours; `edited` counts as present.
    pub condition: Condition,
}

/// Looks at every place of the scope.
pub fn status(env: &Env, scope: Scope) -> Result<Report> {
    let state_dir = state_dir(env);
    let places: Vec<PlaceReport> =
        places(env, scope)?.iter().map(|place| look_at(env, place)).collect::<Result<_>>()?;
    let mut report = Report {
        complete: false,
        state_dir,
        places,
        turbo: turbo::report(env, scope),
        main_turn: mods::report(env, scope),
        plugin: plugin::enabled(env),
    };
    report.complete = report.state_dir.writable
        && (report.only_the_plugin() || report.places.iter().all(|place| place.complete));
    Ok(report)
}

/// The report as it is printed, with its last line end.
pub fn text(report: &Report, format: Format) -> String {
    if format == Format::Json {
        return format!("{}\n", json_of(report));
    }
    let mut lines: Vec<String> = if report.only_the_plugin() {
        report
            .places
            .iter()
            .map(|place| format!("{}: nothing in {}", place.scope, place.settings.display()))
            .collect()
    } else {
        report.places.iter().flat_map(lines_of).collect()
    };
    let path = report.state_dir.path.as_deref().unwrap_or(Path::new("(none: HOME is not set)"));
    let writable = if report.state_dir.writable { "writable" } else { "NOT WRITABLE" };
    if !report.only_the_plugin() || report.turbo.registered {
        lines.push(turbo::line(&report.turbo));
    }
    lines.extend(mods::line(&report.main_turn));
    lines.extend(report.plugin.as_ref().map(|plugin| plugin_line(plugin, &report.places)));
    lines.push(format!("state: {} {writable}", path.display()));
    let verdict =
        if report.complete { "complete" } else { "incomplete: `sef install` puts in what is missing" };
    lines.push(verdict.to_owned());
    lines.join("\n") + "\n"
}

fn json_of(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report always serializes")
}

fn look_at(env: &Env, place: &Place) -> Result<PlaceReport> {
    let record =
        if env.state_dir.is_some() { manifest::peek(env, &place.claude)? } else { Record::default() };
    let mut problem = None;
    let found = match registered(place) {
        Ok((found, why)) => {
            problem = why;
            found
        }
        Err(why) => {
            problem.replace(why);
            Vec::new()
        }
    };
    let binary = found.first().and_then(|one| hooks::binary_of(&one.command)).map(PathBuf::from);
    let wanted = hooks::wanted("");
    let events: Vec<EventReport> = wanted
        .into_iter()
        .map(|hook| {
            let here: Vec<_> = found.iter().filter(|one| one.event == hook.event).collect();
            EventReport {
                registered: here.len(),
                command: here.first().map(|one| one.command.clone()),
                current: here.first().is_some_and(|one| one.current),
                event: hook.event,
            }
        })
        .collect();
    let files: Vec<FileReport> = agents::FILES
        .iter()
        .map(|file| {
            let bytes = Target::read(&place.claude.join(file.path)).ok().and_then(|target| target.bytes);
            FileReport { path: file.path, condition: agents::condition(file, bytes.as_deref(), &record) }
        })
        .collect();
    let binary_present = binary.as_deref().is_some_and(is_program);
    let complete = problem.is_none()
        && binary_present
        && events.iter().all(|event| event.registered == 1 && event.current)
        && files.iter().all(|file| !matches!(file.condition, Condition::Missing | Condition::Outdated));
    Ok(PlaceReport {
        scope: place.name,
        settings: place.settings(),
        problem,
        binary,
        binary_present,
        events,
        files,
        complete,
    })
}

/// Our entries in a settings file, and what keeps the client from using them.
fn registered(place: &Place) -> std::result::Result<(Vec<edit::Found>, Option<String>), String> {
    let target = Target::read(&place.settings()).map_err(|error| error.why)?;
    let bytes = target.bytes.ok_or("there is no settings file")?;
    let (_, text) = check::decode(&bytes).map_err(|refusal| refusal.to_string())?;
    let command = edit::find(text, &[]).map_err(|refusal| refusal.to_string())?;
    let command = command.first().map(|one| one.command.clone()).unwrap_or_default();
    let found = edit::find(text, &hooks::wanted(&command)).map_err(|refusal| refusal.to_string())?;
    let shape = check::parse(text).and_then(|root| check::hooks_are_well_formed(text, &root));
    let off = edit::all_switched_off(&bytes).then(|| "\"disableAllHooks\" is true".to_owned());
    Ok((found, shape.err().map(|refusal| refusal.to_string()).or(off)))
}

fn lines_of(place: &PlaceReport) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", place.scope, place.settings.display())];
    lines.extend(place.problem.iter().map(|problem| format!("  problem: {problem}")));
    let right = place.events.iter().filter(|event| event.registered == 1 && event.current).count();
    lines.push(format!("  hooks: {right} of {} registered", place.events.len()));
    for event in &place.events {
        match (event.registered, event.current) {
            (1, true) => {}
            (0, _) => lines.push(format!("    {} missing", event.event)),
            (1, false) => lines.push(format!("    {} differs from what this version writes", event.event)),
            (times, _) => lines.push(format!("    {} registered {times} times", event.event)),
        }
    }
    let command = place.events.iter().find_map(|event| event.command.as_deref());
    lines.extend(command.map(|command| format!("  command: {command}")));
    if let Some(path) = &place.binary {
        let missing = if place.binary_present { "" } else { " MISSING" };
        lines.push(format!("  binary: {}{missing}", path.display()));
    }
    for (what, agents) in [("agents", true), ("skill files", false)] {
        let files = || place.files.iter().filter(move |file| agents::is_agent(file.path) == agents);
        let here = files().filter(|file| file.condition != Condition::Missing).count();
        lines.push(format!("  {what}: {here} of {} there", files().count()));
        for file in files().filter(|file| file.condition != Condition::Current) {
            lines.push(format!("    {} {}", file.path, word(file.condition)));
        }
    }
    lines
}

/// What the plugin does beside the places.
fn plugin_line(plugin: &Plugin, places: &[PlaceReport]) -> String {
    let version = plugin.version.as_deref().unwrap_or("of an unknown version");
    let part = match &plugin.hook {
        None => "has no programs yet, so its hooks do nothing: /sef:setup in Claude Code".to_owned(),
        Some(_) if places.iter().any(PlaceReport::has_hooks) => {
            "its hooks step aside for the registered ones".to_owned()
        }
        Some(hook) => format!("runs the hooks and the MCP server, with {}", hook.display()),
    };
    format!("plugin: {} {version}, enabled; {part}", plugin.id)
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Missing => "missing",
        Condition::Current => "current",
        Condition::Outdated => "is from an older version",
        Condition::Edited => "was edited by you",
    }
}

fn state_dir(env: &Env) -> StateDir {
    let nearest = env.state_dir.as_deref().and_then(|dir| dir.ancestors().find(|path| path.exists()));
    let writable =
        nearest.is_some_and(|dir| dir.is_dir() && access(dir, Access::WRITE_OK | Access::EXEC_OK).is_ok());
    StateDir { path: env.state_dir.clone(), writable }
}
