//! A throw-away home for one test: own HOME, state, config and Claude folders, and a cleared environment.
//! Nothing of the machine's real `~/.claude` is ever seen.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The folders of one test; removed when dropped.
pub struct Sandbox {
    root: PathBuf,
    vars: Vec<(OsString, OsString)>,
}

/// What one run of a binary gave.
#[derive(Debug)]
pub struct Run {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// All of stdout.
    pub out: String,
    /// All of stderr.
    pub err: String,
}

impl Sandbox {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("sef-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(root.join("home/project")).expect("make the sandbox");
        let home = root.join("home");
        let mut sandbox = Self { root, vars: Vec::new() };
        sandbox.set("HOME", &home);
        sandbox.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        sandbox.set("SEF_STATE_DIR", home.join("state"));
        sandbox.set("SEF_CONFIG_DIR", home.join("config"));
        sandbox.set("SEF_BIN_DIR", home.join("bin"));
        sandbox.set("CLAUDE_CONFIG_DIR", home.join(".claude"));
        // Debug builds look here for an organisation's defaults, whatever this machine has in /etc/sef.
        sandbox.set("SEF_TEST_MANAGED_DIR", home.join("managed"));
        sandbox
    }

    /// Sets a variable for the runs that follow.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.unset(name);
        self.vars.push((name.into(), value.as_ref().to_owned()));
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.vars.retain(|(key, _)| key != name);
    }

    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A file below the sandbox's home.
    pub fn path(&self, rest: &str) -> PathBuf {
        self.home().join(rest)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn claude(&self) -> PathBuf {
        self.path(".claude")
    }

    /// Writes a file below home, with its folders.
    pub fn write(&self, rest: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(rest);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("make folders");
        std::fs::write(&path, content).expect("write a file");
        path
    }

    pub fn read(&self, rest: &str) -> String {
        std::fs::read_to_string(self.path(rest)).expect("read a file")
    }

    /// A command with the sandbox's environment and nothing else, run in the sandbox's project.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.vars.iter().map(|(k, v)| (k, v))).current_dir(self.path("project"));
        command
    }

    /// Runs one of our binaries (`sef`, `sef-hook`, `sef-stats`) to its end.
    pub fn run(&self, name: &str, args: &[&str], stdin: impl AsRef<[u8]>) -> Run {
        let mut command = self.command(binary(name));
        command.args(args);
        finish(command, stdin.as_ref())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// Says on the test's output that a check could not be made here, and why.
#[expect(clippy::print_stdout, reason = "the one way for a test to say that it skipped something")]
pub fn skipped(what: &str, why: &str) {
    println!("skipped: {what}: {}", why.trim());
}

/// The built binary of that name.
pub fn binary(name: &str) -> &'static Path {
    Path::new(match name {
        "sef" => env!("CARGO_BIN_EXE_sef"),
        "sef-hook" => env!("CARGO_BIN_EXE_sef-hook"),
        "sef-stats" => env!("CARGO_BIN_EXE_sef-stats"),
        other => panic!("no binary named {other}"),
    })
}

/// Starts a command. A program that a test has just copied can be busy for a moment, when another thread's child was
/// forked while the copy was open; the kernel says so, and the child's exec ends it.
fn start(command: &mut Command) -> std::process::Child {
    for _ in 0..200 {
        match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            other => return other.expect("start the binary"),
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the binary stays busy")
}

/// Feeds stdin from a thread (so that a child that does not read cannot block us) and waits.
pub fn finish(mut command: Command, stdin: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(&mut command);
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let input = stdin.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = pipe.write_all(&input);
    });
    let output = child.wait_with_output().expect("wait for the binary");
    feeder.join().expect("feeder ends");
    Run {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
