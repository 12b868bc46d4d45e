//! The tests of what was written: runs them in the fence, reads what they say, and says it to Claude, to a person and to the
//! model. What a run is worth is `fence::tested`'s judgement.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::order::{Failure, Test};
use crate::config::{self, Env};
use crate::error::{Error, Result};
use crate::exam::protected::is_test;
use crate::fence::tested::{self, Tested, Verdict};
use crate::fence::{self, Ended, Limits, Network, Ran, Sandbox};
use crate::report::text::plural;
use crate::rules::users_policy;
use crate::watch::Watch;

/// Bytes of failing output that go back to the model: enough for the traces of several tests.
const FOR_THE_MODEL: usize = 12_000;

/// One run of the tests.
#[derive(Debug)]
pub struct Trial {
    tested: Tested,
    ended: Ended,
    text: String,
    fence: String,
    ms: u64,
}

/// Where tests run, and with what room.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The folder; the command starts here and may write here.
    pub dir: &'a Path,
    /// Folders that are shown read-only although they lie in a hidden one.
    pub shown: &'a [PathBuf],
    /// What one run may use.
    pub limits: Limits,
    /// The `sef` binary, see [`fence::own_binary`].
    pub sef: &'a Path,
}

/// Runs the tests in a folder. A fence that cannot be had is a failure; tests that fail are none.
pub fn run(env: &Env, dir: &Path, test: &Test, watch: &dyn Watch) -> std::result::Result<Trial, Failure> {
    let sef = fence::own_binary().map_err(|error| Failure::of("no_test_run", &error))?;
    let limits = Limits { wall: test.within, cpu: test.within, ..Limits::default() };
    run_in(env, &Setting { dir, shown: &[], limits, sef: &sef }, &test.command, test.sandbox, watch)
}

/// The same with everything said; `sandbox`: none for the configured one.
pub fn run_in(
    env: &Env,
    setting: &Setting,
    command: &str,
    sandbox: Option<Sandbox>,
    watch: &dyn Watch,
) -> std::result::Result<Trial, Failure> {
    let ran =
        fenced(env, setting, command, sandbox, watch).map_err(|error| Failure::of("no_test_run", &error))?;
    let text = ran.output.text();
    Ok(Trial { tested: tested::read(&text, ran.ended), ended: ran.ended, text, fence: ran.said, ms: ran.ms })
}

fn fenced(
    env: &Env,
    setting: &Setting,
    command: &str,
    sandbox: Option<Sandbox>,
    watch: &dyn Watch,
) -> Result<Ran> {
    let home = env.home.as_deref().ok_or_else(|| {
        Error::new("cannot fence the tests", "HOME is not set, and it is what the fence hides")
            .fix("set HOME to an absolute path")
    })?;
    let own = [env.state_dir.clone(), env.config_dir.clone(), env.claude_dir.clone()];
    let hidden: Vec<_> = own.into_iter().flatten().collect();
    let order = fence::Order {
        command,
        dir: setting.dir,
        limits: setting.limits,
        sandbox: sandbox.map_or_else(|| configured(env), Ok)?,
        network: Network::None,
        variables: &config::variables(),
        allowed: &[],
        hidden: &hidden,
        shown: setting.shown,
        sef: setting.sef,
    };
    fence::run(&order, home, &|| watch.cancelled())
}

fn configured(env: &Env) -> Result<Sandbox> {
    Ok(users_policy(env)?.hosted.sandbox)
}

impl Trial {
    /// What the output says.
    pub fn tested(&self) -> &Tested {
        &self.tested
    }

    /// How the command ended.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// What the command printed, shortened in its middle.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How well it was fenced, in words.
    pub fn fence(&self) -> &str {
        &self.fence
    }

    /// From start to end, in milliseconds.
    pub fn ms(&self) -> u64 {
        self.ms
    }

    /// They ran, and nothing failed.
    pub fn passed(&self) -> bool {
        self.tested.verdict == Verdict::Passed
    }

    /// More of it works than before.
    pub fn is_better_than(&self, other: &Self) -> bool {
        let worth = |trial: &Self| {
            let broken = trial.tested.failed.unwrap_or(u64::MAX / 4) + trial.tested.errors.unwrap_or(0);
            (trial.passed(), trial.tested.passed.unwrap_or(0), std::cmp::Reverse(broken))
        };
        worth(self) > worth(other)
    }

    /// What a person or Claude is told: counts, names, at most forty lines.
    pub fn to_json(&self) -> Value {
        json!({
            "verdict": match self.tested.verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "failed",
                Verdict::NoTests => "no_tests",
            },
            "ended": ended(self.ended),
            "runner": self.tested.runner,
            "passed": self.tested.passed,
            "failed": self.tested.failed,
            "skipped": self.tested.skipped,
            "errors": self.tested.errors,
            "failing": self.tested.failing,
            "relevant": self.tested.relevant,
            "ms": self.ms,
            "sandbox": self.fence,
        })
    }

    /// The failing output for the model: its end, where runners put what failed.
    pub fn for_the_model(&self) -> String {
        let from = self.text.ceil_char_boundary(self.text.len().saturating_sub(FOR_THE_MODEL));
        let mut text: String =
            self.text[from..].chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if self.ended != Ended::Exit(1) {
            let _ = write!(text, "\n(the command ended: {})", ended(self.ended));
        }
        text
    }

    /// Why the order is not complete; none when the tests pass.
    pub fn failure(&self, command: &str) -> Option<Failure> {
        if self.passed() {
            return None;
        }
        let counts = in_words(&self.to_json());
        Some(Failure {
            code: "tests_failed".to_owned(),
            message: format!("the files are written, and `{command}` does not pass: {counts}"),
            fix: "mend the named failures with small edits and run the tests again; `sef turbo undo` takes the files back".to_owned(),
        })
    }
}

impl serde::Serialize for Trial {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

/// How it ended, for JSON and people.
pub fn ended(ended: Ended) -> String {
    match ended {
        Ended::Exit(code) => format!("exit {code}"),
        Ended::Signal(signal) => format!("signal {signal}"),
        Ended::TimedOut => "the time was up".to_owned(),
        Ended::TooMuchMemory => "it used too much memory".to_owned(),
        Ended::TooManyProcesses => "it started too many processes".to_owned(),
        Ended::Cancelled => "it was cancelled".to_owned(),
    }
}

/// The counts of [`Trial::to_json`] on one line.
pub fn in_words(seen: &Value) -> String {
    let count = |name: &str| seen[name].as_u64();
    let mut parts = Vec::new();
    for (name, word) in [("passed", "passed"), ("failed", "failed"), ("skipped", "skipped")] {
        parts.extend(count(name).map(|count| format!("{count} {word}")));
    }
    parts.extend(count("errors").filter(|count| *count > 0).map(|count| plural(count, "error")));
    if parts.is_empty() {
        parts.push("no counts".to_owned());
    }
    format!("{} ({})", parts.join(", "), seen["ended"].as_str().unwrap_or("?"))
}

/// The files that a failing output names; all of them that are no tests when it names none, and all when there are only
/// tests. Tests are left out: what fails them is not mended by changing them.
pub fn named_files<'a>(output: &str, paths: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    let code: Vec<&str> = paths.clone().filter(|path| !is_test(path)).collect();
    let paths_in: HashSet<&str> =
        output.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))).collect();
    let files_in: HashSet<&str> = paths_in.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let tested_in: HashSet<&str> = files_in.iter().filter_map(|file| subject(file)).collect();
    let words_in: HashSet<&str> = output.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let is_named = |path: &&str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        // A module is named without its ending, and a test after what it tests.
        files_in.contains(file) || words_in.contains(stem) || tested_in.contains(stem)
    };
    let named: Vec<&str> = code.iter().copied().filter(is_named).collect();
    match (named.is_empty(), code.is_empty()) {
        (false, _) => named,
        (true, false) => code,
        (true, true) => paths.collect(),
    }
}

/// What a test's file is about, by its name: `test_greeter.py`, `greeter_test.go` and `greeter.spec.ts` are about `greeter`.
fn subject(file: &str) -> Option<&str> {
    let stem = file.split('.').next()?;
    let plain = stem.strip_prefix("test_").or_else(|| stem.strip_suffix("_test"));
    plain.or_else(|| (file.contains(".test.") || file.contains(".spec.")).then_some(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_is_asked_for_the_files_that_the_failures_name_and_never_for_tests() {
        let paths = ["app/main.py", "app/store.py", "tests/test_main.py"];
        let named = |output: &str| named_files(output, paths.iter().copied());
        assert_eq!(named("File \"/x/app/store.py\", line 3"), ["app/store.py"]);
        assert_eq!(
            named("tests/test_main.py::test_a FAILED: store is empty"),
            ["app/main.py", "app/store.py"]
        );
        assert_eq!(named("File \"/x/tests/test_main.py\", line 3"), ["app/main.py"]);
        assert_eq!(named("AssertionError"), ["app/main.py", "app/store.py"]);
        assert_eq!(named_files("boom", ["tests/a.py"].into_iter()), ["tests/a.py"]);
    }
}
