//! `sef doctor`: looks at everything that routing hangs on, says what is wrong and the one thing that mends it.
//!
//! Each area gathers its facts once and then judges them; a thing that cannot be looked at is a finding and never an error.
//! Without `--fix` nothing is written but a throw-away folder in the system's temporary one. Only commands that are, to the
//! byte, what SEF registers are fired. No finding holds a secret: of other people's hooks only the first word is shown.

mod client;
mod config;
mod copies;
mod entries;
mod fire;
pub mod kinds;
mod matcher;
mod mend;
mod mods;
mod page;
mod programs;
mod project;
mod races;
mod samples;
mod settings;
mod state;
mod turbo;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::calendar::now;
use crate::config::Env;
use crate::doctor::kinds::{Kind, Level, Mender};
use crate::error::Result;
use crate::settings::hooks::quote;
use crate::settings::place::{Place, Scope, hook_binary, places};
use crate::settings::plugin::{self, Plugin};

pub use page::{json, text};

/// What the person asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Mend what is SEF's.
    pub fix: bool,
    /// Ask the hosted service too.
    pub online: bool,
}

/// What the doctor says.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Shape of this object.
    pub schema: u32,
    /// Nothing is broken.
    pub ok: bool,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub checks: Vec<Check>,
    /// What was mended, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// All of it, in milliseconds.
    pub ms: u64,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// One of [`kinds::ALL`].
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is the case.
    pub what: String,
    /// The file or folder, where there is one.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Why it matters.
    pub why: &'static str,
    /// What mends it.
    #[serde(flatten)]
    pub mend: Mend,
    /// `sef doctor --fix` does it.
    pub fix: bool,
    #[serde(skip)]
    repair: Option<Repair>,
}

/// The one thing that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mend {
    /// To be typed into a shell.
    Command(String),
    /// What no command can do.
    Action(String),
}

/// What `--fix` does about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Repair {
    /// `sef install` for the place of that name.
    Install(&'static str),
    /// The same, with the MCP server.
    Server(&'static str),
    /// The same, with the mod for the conversation's own turns.
    Mod(&'static str),
    /// Take the group's and the others' permissions from these.
    Close(Vec<PathBuf>),
    /// Remove these; they are SEF's own temporary files and caches.
    Remove(Vec<PathBuf>),
    /// `sef clean` for a race.
    Clean(String),
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What was found, in a few words.
    pub said: String,
    /// How long it took, in microseconds.
    pub us: u64,
}

/// What every area needs to know.
struct Ground<'a> {
    env: &'a Env,
    /// The current folder; none when it is gone.
    here: Option<PathBuf>,
    /// The hook that `sef install` would register.
    hook: Option<PathBuf>,
    /// The Claude folders: the user's, and the current project's.
    places: Vec<Place>,
    /// SEF as a plugin, when it is enabled.
    plugin: Option<Plugin>,
    /// A folder of our own that is thrown away.
    scratch: Option<Scratch>,
    /// Milliseconds since 1970.
    now: u64,
}

/// Looks, and with `fix` mends and looks again.
pub fn doctor(env: &Env, asked: Asked) -> Report {
    let start = Instant::now();
    let mut report = look(env, asked);
    if asked.fix {
        let done = mend::mend(env, &report.findings);
        if done.is_empty() {
            report.done = vec!["nothing of SEF's needs mending".to_owned()];
        } else {
            report = look(env, asked);
            report.done = done;
        }
    }
    report.ms = start.elapsed().as_millis() as u64;
    report
}

fn look(env: &Env, asked: Asked) -> Report {
    let ground = Ground::new(env);
    let mut said = Said::default();
    std::thread::scope(|scope| {
        // It takes longer than all the rest together, and waits most of the time.
        let version = scope.spawn(|| client::Facts::gather(&ground));
        said.area("programs", |said| programs::Facts::gather(&ground).judge(said));
        let settings = settings::Facts::gather(&ground);
        said.area("settings", |said| settings.judge(&ground, said));
        said.area("hooks", |said| fire::Facts::gather(&ground, &settings).judge(said));
        said.area("files", |said| copies::Facts::gather(&ground, &settings).judge(&ground, said));
        said.area("rules", |said| config::Facts::gather(&ground).judge(said));
        said.area("state", |said| state::Facts::gather(&ground).judge(&ground, said));
        said.area("turbo", |said| turbo::judge_service(&ground, asked.online, said));
        said.area("mcp", |said| turbo::judge_server(&ground, &settings, said));
        said.area("races", |said| races::Facts::gather(&ground).judge(said));
        said.area("project", |said| project::judge(&ground, said));
        let client = version.join().ok();
        said.area("client", |said| {
            client.as_ref().map_or("could not be looked at".to_owned(), |client| client.judge(said))
        });
        let version = client.and_then(|client| client.version());
        said.area("mod", |said| mods::judge(&ground, &settings, version, said));
    });
    said.findings.sort_by_key(|finding| finding.level);
    Report {
        schema: 1,
        ok: said.findings.iter().all(|finding| finding.level != Level::Broken),
        findings: said.findings,
        checks: said.checks,
        done: Vec::new(),
        ms: 0,
    }
}

impl<'a> Ground<'a> {
    fn new(env: &'a Env) -> Self {
        let both = places(env, Scope::Both).or_else(|_| places(env, Scope::Project));
        Self {
            env,
            here: std::env::current_dir().ok(),
            hook: hook_binary(env).ok(),
            places: both.or_else(|_| places(env, Scope::User)).unwrap_or_default(),
            plugin: plugin::enabled(env),
            scratch: Scratch::new().ok(),
            now: now(),
        }
    }

    /// The folder of the programs.
    fn bin(&self) -> Option<&Path> {
        self.hook.as_deref().and_then(Path::parent).or(self.env.bin_dir.as_deref())
    }

    fn scratch(&self) -> Option<&Path> {
        self.scratch.as_ref().map(|scratch| scratch.0.as_path())
    }
}

/// What was found so far.
#[derive(Default)]
struct Said {
    findings: Vec<Finding>,
    checks: Vec<Check>,
}

impl Said {
    /// Looks at one area, which answers what it saw in a few words.
    fn area(&mut self, name: &'static str, look: impl FnOnce(&mut Self) -> String) {
        let start = Instant::now();
        let said = look(self);
        if !said.is_empty() {
            self.checks.push(Check { name, said, us: start.elapsed().as_micros() as u64 });
        }
    }

    /// Adds a finding of a kind.
    fn find(&mut self, kind: &Kind, what: impl Into<String>, mend: Mend) -> &mut Finding {
        self.findings.push(Finding {
            id: kind.id,
            level: kind.level,
            what: what.into(),
            place: None,
            why: kind.why,
            mend,
            fix: false,
            repair: None,
        });
        self.findings.last_mut().expect("one was just added")
    }
}

impl Finding {
    fn at(&mut self, place: impl AsRef<Path>) -> &mut Self {
        self.place = Some(place.as_ref().to_string_lossy().into_owned());
        self
    }

    /// `--fix` can do it.
    fn repaired_by(&mut self, repair: Repair) -> &mut Self {
        debug_assert!(kinds::ALL.iter().any(|kind| kind.id == self.id && kind.mender == Mender::Doctor));
        self.fix = true;
        self.repair = Some(repair);
        self
    }
}

/// A command to type.
fn command(text: impl Into<String>) -> Mend {
    Mend::Command(text.into())
}

/// Something to do.
fn action(text: impl Into<String>) -> Mend {
    Mend::Action(text.into())
}

/// A path as a word of a shell command.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.into_owned() } else { quote(&text) }
}

/// What installs the programs anew.
const REBUILD: &str = "run scripts/install.sh in the SEF checkout";

/// The command that installs into a place.
fn install_command(place: &str) -> String {
    if place == "project" { "sef install --project".to_owned() } else { "sef install".to_owned() }
}

/// A private folder in the system's temporary one, removed with all that is in it when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let cannot =
            |why: &dyn std::fmt::Display| crate::error::Error::new("cannot make a scratch folder", why);
        let random = crate::fsx::record::random::<8>().map_err(|error| cannot(&error))?;
        let path = std::env::temp_dir().join(format!("sef-doctor-{random}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| cannot(&error))?;
        Ok(Self(path))
    }

    /// A fresh folder in it.
    fn folder(&self, name: &str) -> Option<PathBuf> {
        let path = self.0.join(name);
        crate::state::private_dir(&path).ok().map(|()| path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
