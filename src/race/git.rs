//! Runs the `git` on PATH so that only git's own code runs and only the named repository is touched: no hook, no filter of
//! the repository or the user, no monitor, no prompt, no network, none of the caller's `GIT_*`. Bounded in time and output.
//!
//! What a call does in a repository is `repo`'s, `worktree`'s and `promote`'s.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::config;
use crate::error::{Error, Result};
use crate::report::text::excerpt;

/// Oldest git that will do: `worktree add --lock --reason` came with it (August 2021).
pub const OLDEST: (u32, u32) = (2, 33);
/// Time for one call. Checking out 5,000 files takes a quarter of a second; slow network disks take a hundred times that.
const PATIENCE: Duration = Duration::from_mins(2);
/// Most bytes of one answer.
const MOST_OUTPUT: u64 = 512 << 20;
/// Most bytes of git's complaints that are kept.
const MOST_ERRORS: u64 = 16 << 10;
/// Characters of a complaint that a message shows.
const SHOWN: usize = 300;
/// Time for the end of the output once git is gone.
const LINGER: Duration = Duration::from_secs(2);

/// All of the caller's environment that git gets. No `GIT_*`, which lead into other repositories, and no key.
const HANDED_ON: &[&str] =
    &["HOME", "PATH", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"];

/// What else it gets. `GIT_ALLOW_PROTOCOL` with no protocol in it overrides every setting: nothing is fetched, also not the
/// missing objects of a partial clone, for which `GIT_NO_LAZY_FETCH` is the newer word (git 2.44).
const GIVEN: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_EDITOR", ":"),
    ("GIT_SEQUENCE_EDITOR", ":"),
    ("GIT_PAGER", "cat"),
];

/// Settings that hold whatever the repository, the user and the system say.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.sparseCheckout", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("submodule.recurse", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("rerere.enabled", "false"),
    ("log.showSignature", "false"),
    // Relative ones would set an extension in the repository's own configuration.
    ("worktree.useRelativePaths", "false"),
];

/// Whether filters that the configuration names run when files are written and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filters {
    /// They do not: files are as the repository stores them.
    Off,
    /// They do, as in any command of the user.
    AsConfigured,
}

/// Git in one folder.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
    places: Vec<(&'static str, OsString)>,
    settings: Vec<(String, String)>,
    hold: Option<Arc<File>>,
}

/// What a call gave, whatever its end.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// All of stdout.
    pub out: Vec<u8>,
    /// The complaint, on one line.
    pub err: String,
}

/// What git reads.
#[derive(Clone, Copy)]
enum Input<'a> {
    /// Nothing; the file whose lock it shares is its standard input.
    Nothing,
    Bytes(&'a [u8]),
}

impl Git {
    /// Git as it is started in a folder. Its settings are only the fixed ones; see [`Git::settled`].
    pub fn new(folder: &Path) -> Self {
        let settings = SETTINGS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { folder: folder.to_owned(), places: Vec::new(), settings, hold: None }
    }

    /// The same for one worktree, found by nobody's `.git` file: `admin` is its folder in the repository, `tree` its files.
    #[must_use]
    pub fn at(&self, admin: &Path, tree: &Path) -> Self {
        let places = vec![("GIT_DIR", admin.into()), ("GIT_WORK_TREE", tree.into())];
        Self { folder: tree.to_owned(), places, ..self.clone() }
    }

    /// Git as the user starts it in a checkout of theirs, but for hooks; it shares the lock.
    #[must_use]
    pub fn started_in(&self, folder: &Path) -> Self {
        let mut other = Self { hold: self.hold.clone(), ..Self::new(folder) };
        // Their sparse checkout stays sparse.
        other.settings.retain(|(key, _)| key != "core.sparseCheckout");
        other
    }

    /// The same with another variable.
    #[must_use]
    pub fn with(&self, name: &'static str, value: impl Into<OsString>) -> Self {
        let mut other = self.clone();
        other.places.retain(|(known, _)| *known != name);
        other.places.push((name, value.into()));
        other
    }

    /// The same, sharing a lock: git holds it until it ends, also when this process was killed before.
    #[must_use]
    pub fn holding(&self, lock: &Arc<File>) -> Self {
        Self { hold: Some(Arc::clone(lock)), ..self.clone() }
    }

    /// The same for this repository's configuration: with every filter emptied that it names, and every hook that is
    /// configured rather than a file (git 2.54) disabled.
    pub fn settled(&self, filters: Filters) -> Result<Self> {
        Ok(self.settled_by(&self.config()?, filters))
    }

    /// The same for a configuration that was read already.
    #[must_use]
    pub fn settled_by(&self, config: &[(String, String)], filters: Filters) -> Self {
        let mut other = self.clone();
        for (key, _) in config {
            let Some((section, rest)) = key.split_once('.') else { continue };
            let Some((name, _)) = rest.rsplit_once('.') else { continue };
            match section {
                "filter" if filters == Filters::Off => {
                    for (variable, value) in
                        [("smudge", ""), ("clean", ""), ("process", ""), ("required", "false")]
                    {
                        other.set(format!("filter.{name}.{variable}"), value);
                    }
                }
                "hook" => other.set(format!("hook.{name}.enabled"), "false"),
                _ => {}
            }
        }
        other
    }

    fn set(&mut self, key: String, value: &str) {
        if !self.settings.iter().any(|(known, _)| *known == key) {
            self.settings.push((key, value.to_owned()));
        }
    }

    /// Every setting in effect, in git's order: a later one of the same name wins. Sections and variables are in lower case.
    pub fn config(&self) -> Result<Vec<(String, String)>> {
        let listed = self.run(&["config", "--list", "-z", "--includes"])?;
        let entry = |entry: &[u8]| {
            let entry = String::from_utf8_lossy(entry).into_owned();
            let (key, value) = entry.split_once('\n').unwrap_or((&entry, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).map(entry).collect())
    }

    /// Runs it; anything but exit 0 is an error with git's first words.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>> {
        let ended = self.ended(args)?;
        self.well(args, ended)
    }

    /// The same with bytes on its standard input.
    pub fn feed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>> {
        let ended = self.call(args, Input::Bytes(input))?;
        self.well(args, ended)
    }

    /// Runs it, and answers its one line.
    pub fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String> {
        self.run(args).map(|out| first_line(&out))
    }

    /// Runs it as a question: its line for exit 0, none for exit 1, an error for anything else.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Option<String>> {
        let ended = self.ended(args)?;
        if ended.code == Some(1) {
            return Ok(None);
        }
        self.well(args, ended).map(|out| Some(first_line(&out)))
    }

    /// Runs it to whatever end.
    pub fn ended<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Ended> {
        self.call(args, Input::Nothing)
    }

    fn well<S: AsRef<OsStr>>(&self, args: &[S], ended: Ended) -> Result<Vec<u8>> {
        if ended.code == Some(0) {
            return Ok(ended.out);
        }
        let why = match (ended.err.is_empty(), ended.code) {
            (false, _) => ended.err,
            (true, Some(code)) => format!("it ended with code {code} and said nothing"),
            (true, None) => "a signal ended it".to_owned(),
        };
        Err(self.failed(args, &why).fix("see what git says of it there, then run the command again"))
    }

    fn failed<S: AsRef<OsStr>>(&self, args: &[S], why: &dyn std::fmt::Display) -> Error {
        let name = args.first().map_or_else(String::new, |name| name.as_ref().to_string_lossy().into_owned());
        Error::new(format!("git {name} failed"), why).at(&self.folder)
    }

    fn call<S: AsRef<OsStr>>(&self, args: &[S], input: Input<'_>) -> Result<Ended> {
        let until = Instant::now() + PATIENCE;
        let mut command = self.command(args);
        command.stdin(match (input, &self.hold) {
            (Input::Bytes(_), _) => Stdio::piped(),
            (Input::Nothing, None) => Stdio::null(),
            (Input::Nothing, Some(lock)) => {
                lock.try_clone().map_err(|error| self.failed(args, &error))?.into()
            }
        });
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let pid = Pid::from_child(&child);
        if let (Input::Bytes(bytes), Some(mut pipe)) = (input, child.stdin.take()) {
            let bytes = bytes.to_vec();
            // A git that fails early does not read on; what it says of that is the error.
            std::thread::spawn(move || pipe.write_all(&bytes));
        }
        let out = reader(child.stdout.take(), MOST_OUTPUT);
        let err = reader(child.stderr.take(), MOST_ERRORS);
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || drop(ended.send(child.wait())));
        let Ok(status) = end.recv_timeout(until.saturating_duration_since(Instant::now())) else {
            let _ = kill_process_group(pid, Signal::KILL);
            return Err(self
                .failed(args, &format!("it did not end within {} s and was stopped", PATIENCE.as_secs()))
                .fix("see whether the disk answers and no other git holds a lock there, then run it again"));
        };
        let code = status.as_ref().ok().and_then(ExitStatus::code);
        let out = out.recv_timeout(until.saturating_duration_since(Instant::now()).max(LINGER));
        let err = err.recv_timeout(LINGER).unwrap_or_default();
        let out = out.map_err(|_| self.failed(args, &"its output does not end"))?;
        if out.len() as u64 > MOST_OUTPUT {
            return Err(self
                .failed(args, &format!("its answer is larger than {} MB", MOST_OUTPUT >> 20))
                .fix("races are for smaller repositories; run it in one"));
        }
        Ok(Ended { code, out, err: complaint(&err) })
    }

    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(config::handed_on(HANDED_ON)).envs(GIVEN.iter().copied());
        command.env("GIT_CONFIG_COUNT", self.settings.len().to_string());
        for (number, (key, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0");
        command.envs(self.places.iter().map(|(name, value)| (name, value)));
        command.args(args).current_dir(&self.folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for SEF, which ends in an orderly way; git is not torn out of the middle of a change.
        command.process_group(0);
        command
    }

    fn not_started(&self, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::NotFound && self.folder.is_dir() {
            return Error::new("cannot run git", "there is no `git` on PATH")
                .fix(format!("install git {}.{} or newer", OLDEST.0, OLDEST.1));
        }
        Error::new("cannot run git", error)
            .at(&self.folder)
            .fix("see that the folder is there and may be read")
    }
}

/// Is the git on PATH new enough?
pub fn check_version(git: &Git) -> Result<()> {
    let said = git.line(&["version"])?;
    let refused = |why: String| {
        Error::new("cannot use this git", why).fix(format!("install git {}.{} or newer", OLDEST.0, OLDEST.1))
    };
    let version = version(&said).ok_or_else(|| refused(format!("its version is unknown: {said}")))?;
    if version < OLDEST {
        return Err(refused(format!(
            "it is version {}.{}, and {}.{} is the oldest that will do",
            version.0, version.1, OLDEST.0, OLDEST.1
        )));
    }
    Ok(())
}

fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix("git version ")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A path as git prints it, without the end of its line.
pub fn path(out: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(out.strip_suffix(b"\n").unwrap_or(out).to_vec()))
}

fn first_line(out: &[u8]) -> String {
    String::from_utf8_lossy(out).lines().next().unwrap_or_default().to_owned()
}

/// Git's words without the hints that follow them, on one line.
fn complaint(err: &[u8]) -> String {
    let text = String::from_utf8_lossy(err);
    let told = text.lines().filter(|line| !line.starts_with("hint:"));
    let worst = told.clone().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = worst.or_else(|| told.clone().next()).unwrap_or_default();
    let line = line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
    excerpt(line, SHOWN)
}

/// Reads to the end in a thread, and keeps one byte more than `most` at most.
fn reader(from: Option<impl Read + Send + 'static>, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (said, output) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut from) = from else { return };
        let mut kept = Vec::new();
        let _ = from.by_ref().take(most + 1).read_to_end(&mut kept);
        // The rest is read too: a full pipe would stop git.
        let _ = io::copy(&mut from, &mut io::sink());
        let _ = said.send(kept);
    });
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_every_packager_writes_them() {
        for (said, wanted) in [
            ("git version 2.47.3", Some((2, 47))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39))),
            ("git version 2.33.0.windows.1", Some((2, 33))),
            ("git version 2.54.rc1", Some((2, 54))),
            ("hub 1", None),
            ("git version x", None),
        ] {
            assert_eq!(version(said), wanted, "{said}");
        }
    }

    #[test]
    fn a_complaint_is_the_fatal_line_without_its_hints() {
        let err = b"hint: do this\nwarning: odd\nfatal: not a repository\x1b[0m: x\nhint: or that\n";
        assert_eq!(complaint(err), "not a repository [0m: x");
        assert_eq!(complaint(b"just words\nmore\n"), "just words");
    }

    #[test]
    fn nothing_of_the_callers_git_variables_and_no_key_is_handed_on() {
        assert!(HANDED_ON.iter().all(|name| !name.starts_with("GIT_") && !name.contains("KEY")));
    }

    #[test]
    fn f1_a_folder_that_is_gone_is_not_a_missing_git() {
        let error = Git::new(Path::new("/nowhere/at/all")).run(&["version"]).expect_err("no folder");
        assert!(!error.why.contains("PATH"), "{error}");
    }
}
