//! Every environment variable that SEF reads, and the folders that follow from them.
//! Nothing else in the crate reads the environment, so pure code cannot depend on it by accident.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variables that SEF reads, with what each is for. A test checks that the README lists them all.
pub const VARIABLES: &[(&str, &str)] = &[
    ("SEF_STATE_DIR", "log, session memory and caches; default $XDG_STATE_HOME/sef, else ~/.local/state/sef"),
    (
        "SEF_CONFIG_DIR",
        "config.toml, rules.toml, prices.toml, calibration.toml; default $XDG_CONFIG_HOME/sef, else ~/.config/sef",
    ),
    ("SEF_BIN_DIR", "where install.sh puts the binaries; default ~/.local/bin"),
    ("CLAUDE_CONFIG_DIR", "Claude Code's folder; default ~/.claude"),
    ("XDG_STATE_HOME", "used for the default of SEF_STATE_DIR"),
    ("XDG_CONFIG_HOME", "used for the default of SEF_CONFIG_DIR"),
    ("HOME", "used for every default above"),
    ("CLAUDE_PROJECT_DIR", "set by Claude Code: where project agents are looked for"),
    ("CLAUDE_CODE_SESSION_ID", "set by Claude Code: the session that turbo's use belongs to"),
    ("CLAUDE_CODE_SUBAGENT_MODEL", "set by the user for all subagents: SEF then leaves spawns alone"),
    (
        "CLAUDE_CODE_SUBAGENT_MODEL_FORCE",
        "the same, and stronger in the client: SEF then leaves spawns alone",
    ),
    ("ANTHROPIC_MODEL", "the orchestrator's model, until the session shows it"),
    (
        "CEREBRAS_API_KEY",
        "the key for turbo (or the variable that [hosted] key_env names); read when a call is made",
    ),
    ("CEREBRAS_MODEL", "the model for turbo instead of the service's default"),
    (
        "CEREBRAS_BASE_URL",
        "the service's own address, or one on this machine; other hosts go into config.toml",
    ),
    ("HTTPS_PROXY", "proxy for turbo's https:// calls (also ALL_PROXY, NO_PROXY)"),
    ("NO_COLOR", "set and not empty: reports are never coloured (no-color.org)"),
];

/// SEF's folders: the name of each, and the variables that it follows from, first wins, with what is below them.
const FOLDERS: &[(&str, &[(&str, &str)])] = &[
    ("state", &[("SEF_STATE_DIR", ""), ("XDG_STATE_HOME", "sef"), ("HOME", ".local/state/sef")]),
    ("config", &[("SEF_CONFIG_DIR", ""), ("XDG_CONFIG_HOME", "sef"), ("HOME", ".config/sef")]),
    ("claude", &[("CLAUDE_CONFIG_DIR", ""), ("HOME", ".claude")]),
    ("bin", &[("SEF_BIN_DIR", ""), ("HOME", ".local/bin")]),
];

/// A folder that follows from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// `state`, `config`, `claude` or `bin`.
    pub name: &'static str,
    /// Where it is, and the variable that says so; none when nothing usable is set.
    pub place: Option<(PathBuf, &'static str)>,
}

/// SEF's folders, and which variable put each where it is.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn folders() -> Vec<Folder> {
    FOLDERS
        .iter()
        .map(|(name, _)| Folder { name, place: place_of(name, &|variable| std::env::var_os(variable)) })
        .collect()
}

fn place_of(folder: &str, lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<(PathBuf, &'static str)> {
    let (_, variables) = FOLDERS.iter().find(|(name, _)| *name == folder)?;
    variables.iter().find_map(|(variable, below)| {
        let root = absolute(lookup(variable))?;
        Some((if below.is_empty() { root } else { root.join(below) }, *variable))
    })
}

/// A folder as a variable names it. Empty or relative counts as unset.
fn absolute(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The folder of an organisation's defaults, and who must own what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The folder.
    pub dir: PathBuf,
    /// Whose it must be.
    pub owner: Owner,
}

/// Whose files an organisation's defaults must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Root's.
    Administrator,
    /// This user's: for tests, in debug builds only.
    ThisUser,
}

impl Managed {
    /// The platform's place.
    fn of_the_platform() -> Option<Self> {
        let dir = if cfg!(target_os = "macos") {
            PathBuf::from("/Library/Application Support/SEF")
        } else if cfg!(windows) {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
            absolute(std::env::var_os("ProgramData"))?.join("SEF")
        } else {
            PathBuf::from("/etc/sef")
        };
        Some(Self { dir, owner: Owner::Administrator })
    }
}

/// The value of one variable that the user's configuration names: the key of a hosted service.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The environment as values: what the process was given, read once in `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    /// `HOME`, when set, absolute and not empty.
    pub home: Option<PathBuf>,
    /// Log, session memory, caches; none when nothing usable is set.
    pub state_dir: Option<PathBuf>,
    /// The user's own configuration; none when nothing usable is set.
    pub config_dir: Option<PathBuf>,
    /// An organisation's defaults for everybody on this machine.
    pub managed: Option<Managed>,
    /// Claude Code's folder (settings, agents, transcripts).
    pub claude_dir: Option<PathBuf>,
    /// The folder of Claude Code's own state file `.claude.json`: `CLAUDE_CONFIG_DIR` when that is set, else `HOME`.
    pub client_state_dir: Option<PathBuf>,
    /// Where the binaries live.
    pub bin_dir: Option<PathBuf>,
    /// The project that Claude Code was started in.
    pub project_dir: Option<PathBuf>,
    /// The session that started this process, when Claude Code says so.
    pub session_id: Option<String>,
    /// A model that the user forces on all subagents; SEF steps aside then.
    pub subagent_model: Option<String>,
    /// The model that the user chose for the orchestrator through the environment.
    pub anthropic_model: Option<String>,
    /// Debug builds only: where the hook is to panic (`early`, `late`), for the tests that a panic is silent.
    pub test_panic: Option<String>,
    /// The model that the user chose for turbo through the environment.
    pub cerebras_model: Option<String>,
    /// Where the environment says that Cerebras is.
    pub cerebras_base_url: Option<String>,
    /// The user wants no colours.
    pub no_color: bool,
}

impl Env {
    /// Reads the process environment. An empty or relative folder counts as unset.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn read() -> Self {
        let mut env = Self::from_lookup(|name| std::env::var_os(name));
        env.managed = env.managed.or_else(Managed::of_the_platform);
        env
    }

    /// The same from any source of variables, for tests.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| absolute(lookup(name));
        let place = |name: &str| place_of(name, &lookup).map(|(path, _)| path);
        let text = |name: &str| {
            lookup(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
        };
        let home = folder("HOME");
        let subagent_model = text("CLAUDE_CODE_SUBAGENT_MODEL_FORCE")
            .or_else(|| text("CLAUDE_CODE_SUBAGENT_MODEL"))
            .filter(|model| model != "inherit");
        Self {
            state_dir: place("state"),
            config_dir: place("config"),
            managed: folder("SEF_TEST_MANAGED_DIR")
                .filter(|_| cfg!(debug_assertions))
                .map(|dir| Managed { dir, owner: Owner::ThisUser }),
            claude_dir: place("claude"),
            client_state_dir: folder("CLAUDE_CONFIG_DIR").or_else(|| home.clone()),
            bin_dir: place("bin"),
            project_dir: folder("CLAUDE_PROJECT_DIR"),
            session_id: text("CLAUDE_CODE_SESSION_ID"),
            subagent_model,
            anthropic_model: text("ANTHROPIC_MODEL"),
            test_panic: text("SEF_TEST_PANIC").filter(|_| cfg!(debug_assertions)),
            cerebras_model: text("CEREBRAS_MODEL"),
            cerebras_base_url: text("CEREBRAS_BASE_URL"),
            no_color: lookup("NO_COLOR").is_some_and(|value| !value.is_empty()),
            home,
        }
    }
}

/// Every variable of this process, for the few things that hand some of them on to a child; what is not UTF-8 is left out.
pub fn variables() -> Vec<(String, String)> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// Those of the named variables that this process has, as they are, for a child that gets nothing else.
pub fn handed_on(names: &[&'static str]) -> Vec<(&'static str, OsString)> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let value = |name: &'static str| Some((name, std::env::var_os(name)?));
    names.iter().filter_map(|name| value(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn empty_and_relative_folders_count_as_unset() {
        let env = env(&[("HOME", "/home/u"), ("SEF_STATE_DIR", ""), ("XDG_STATE_HOME", "relative")]);
        assert_eq!(env.state_dir, Some("/home/u/.local/state/sef".into()));
    }

    #[test]
    fn without_home_there_are_no_folders() {
        let env = env(&[]);
        assert_eq!(env, Env::default());
    }

    #[test]
    fn inherit_is_not_a_forced_subagent_model() {
        assert_eq!(env(&[("CLAUDE_CODE_SUBAGENT_MODEL", "inherit")]).subagent_model, None);
        assert_eq!(
            env(&[("CLAUDE_CODE_SUBAGENT_MODEL", "sonnet")]).subagent_model.as_deref(),
            Some("sonnet")
        );
    }
}
