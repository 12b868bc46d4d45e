//! Asks the `claude` on PATH for its version, and to change its own settings: bounded in time and output, without a
//! terminal. It is told not to update itself and to send nothing on the way, and it does not get the key of the hosted
//! service; for its version it does not see the user's home either.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::live::{run, shown};
use super::place::on_path;
use crate::config::{Env, handed_on};

/// The client's program.
pub const PROGRAM: &str = "claude";

/// Time for all that is asked of the client in one command; an answer takes about half a second.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// For its version: a quarter of a second, and a second on a busy machine.
const VERSION_PATIENCE: Duration = Duration::from_secs(5);

/// Most bytes of output that are kept; the first line is what is shown.
const KEPT: u64 = 4 << 10;

/// Time for the output's end once the program is gone: something that it started may hold the pipe.
const LINGER: Duration = Duration::from_millis(500);

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It ended well.
    Done,
    /// There is no such program on PATH.
    Absent,
    /// Why it did not work, in a clause.
    Failed(String),
}

/// The client on PATH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Client {
    /// There is none.
    Absent,
    /// It did not say its version in time.
    Silent(PathBuf),
    /// It is of this version.
    Of(PathBuf, Version),
}

/// Major, minor and patch.
pub type Version = [u32; 3];

/// Looks for the client and asks its version; `home` is an empty folder to be its home.
pub fn find(home: &Path) -> Client {
    let Some(path) = on_path(PROGRAM) else { return Client::Absent };
    let mut client = Command::new(&path);
    client
        .arg("--version")
        .env_clear()
        .envs(handed_on(&["PATH"]))
        .env("HOME", home)
        .env("CLAUDE_CONFIG_DIR", home.join(".claude"))
        .env("DISABLE_AUTOUPDATER", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .current_dir(home);
    let answer = run(client, b"", VERSION_PATIENCE).ok().flatten();
    match answer.and_then(|answer| version_in(&answer.stdout)) {
        Some(version) => Client::Of(path, version),
        None => Client::Silent(path),
    }
}

/// A version as it is written.
pub fn dotted([major, minor, patch]: Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// `2.1.329 (Claude Code)`.
fn version_in(text: &str) -> Option<Version> {
    let mut parts = text.split_whitespace().next()?.split(['.', '-']).map(str::parse);
    Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
}

/// Asks the client one after the other, in the time for all of them; why the first that failed did.
pub fn ask_all<'a>(env: &Env, questions: impl IntoIterator<Item = &'a Vec<String>>) -> Option<String> {
    let until = Instant::now() + PATIENCE;
    questions.into_iter().find_map(|arguments| match ask(env, PROGRAM, arguments, until) {
        Asked::Done => None,
        Asked::Absent => Some(format!("there is no `{PROGRAM}` on PATH")),
        Asked::Failed(why) => Some(why),
    })
}

/// Runs `program` in the current folder until it ends, at most until `until`.
pub fn ask(env: &Env, program: &str, arguments: &[String], until: Instant) -> Asked {
    let (mut reader, writer) = match std::io::pipe() {
        Ok(ends) => ends,
        Err(error) => return Asked::Failed(format!("no pipe for its output: {error}")),
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("DISABLE_AUTOUPDATER", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env_remove("CEREBRAS_API_KEY")
        .stdin(Stdio::null())
        .process_group(0);
    if env.client_state_dir == env.home {
        // Empty or relative, it is no folder to SEF and must be none to the client, or the two would look apart.
        command.env_remove("CLAUDE_CONFIG_DIR");
    }
    let started = writer.try_clone().and_then(|also| command.stdout(writer).stderr(also).spawn());
    // It holds the pipe's writing end, which must be gone for the reader to see the end.
    drop(command);
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Asked::Absent,
        Err(error) => return Asked::Failed(format!("`{program}` cannot be started: {error}")),
    };
    let pid = Pid::from_child(&child);
    let (said, output) = mpsc::channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = reader.by_ref().take(KEPT).read_to_end(&mut kept);
        // The rest is read too: a full pipe would stop the client.
        let _ = said.send(kept);
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || drop(ended.send(child.wait())));
    let patience = until.saturating_duration_since(Instant::now());
    let Ok(status) = end.recv_timeout(patience) else {
        let _ = kill_process_group(pid, Signal::KILL);
        return Asked::Failed(format!("`{program}` did not end in time and was stopped"));
    };
    if status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Asked::Done;
    }
    let output = output.recv_timeout(LINGER).unwrap_or_default();
    let how = match status.map(|status| status.code()) {
        Ok(Some(code)) => format!("code {code}"),
        Ok(None) => "a signal".to_owned(),
        Err(error) => error.to_string(),
    };
    Asked::Failed(format!(
        "`{program}` ended with {how} and said: {}",
        shown(String::from_utf8_lossy(&output).trim())
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Asked {
        let arguments = ["-c".to_owned(), script.to_owned()];
        ask(&Env::default(), "sh", &arguments, Instant::now() + patience)
    }

    fn fails(script: &str) -> String {
        match shell(script, PATIENCE) {
            Asked::Failed(why) => why,
            other => panic!("{script}: {other:?}"),
        }
    }

    #[test]
    fn a_version_is_read_or_unknown() {
        assert_eq!(version_in("2.1.329 (Claude Code)\n"), Some([2, 1, 329]));
        assert_eq!(version_in("2.2.0-beta.1"), Some([2, 2, 0]));
        for rubbish in ["", "claude", "2.1", "v2.1.3", "2.1.99999999999"] {
            assert_eq!(version_in(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn only_a_good_end_counts() {
        assert_eq!(shell("echo fine", PATIENCE), Asked::Done);
        assert_eq!(fails("echo first; echo second >&2; exit 3"), "`sh` ended with code 3 and said: first...");
        assert_eq!(fails("kill -9 $$"), "`sh` ended with a signal and said: ");
        assert_eq!(ask(&Env::default(), "no such program", &[], Instant::now()), Asked::Absent);
        let folder = std::env::temp_dir().display().to_string();
        assert!(matches!(ask(&Env::default(), &folder, &[], Instant::now()), Asked::Failed(_)));
    }

    #[test]
    fn endless_output_is_taken_and_cut() {
        let said = fails("yes \"$(printf 'x%.0s' $(seq 300))\" | head -c 3000000; printf '\\033[2J'; exit 1");
        assert!(said.contains("code 1 and said: xxx") && said.ends_with("...") && said.len() < 200, "{said}");
        assert!(!fails("printf '\\033[2Jred'; exit 1").contains('\u{1b}'));
    }

    #[test]
    fn a_program_that_does_not_end_is_stopped_with_all_that_it_started() {
        let pids = std::env::temp_dir().join(format!("sef-client-{}", std::process::id()));
        let script = format!("sleep 600 & echo $! $$ > '{}'; wait", pids.display());
        // On a busy machine the first rounds may end before the shell has come to its second word.
        let started = [1, 4, 16].into_iter().find_map(|seconds| {
            let asked = shell(&script, Duration::from_secs(seconds));
            assert_eq!(asked, Asked::Failed("`sh` did not end in time and was stopped".to_owned()));
            std::fs::read_to_string(&pids).ok().filter(|text| text.ends_with('\n'))
        });
        let started = started.unwrap();
        let _ = std::fs::remove_file(&pids);
        assert_eq!(started.split_whitespace().count(), 2);
        for pid in started.split_whitespace() {
            let start = Instant::now();
            let state = format!("/proc/{pid}/stat");
            // Killed and perhaps not collected yet: a zombie runs nothing.
            while std::fs::read_to_string(&state).is_ok_and(|stat| !stat.contains(") Z ")) {
                assert!(start.elapsed() < PATIENCE, "{pid} still runs");
                std::thread::yield_now();
            }
        }
    }
}
