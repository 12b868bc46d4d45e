//! kill -9 at every step and at any moment: what recovery leaves is the tree before or the tree after.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sef::fsx::confined::{NewFile, Overwrite, Root};
use sef::turbo::runs::{Edits, Run, State, Which, list, recover, undo};

use super::{Project, Tree, child, env, set, tree};
use crate::sandbox::skipped;

/// System calls that change something, or see it onto the disk. A kill before each of them is a kill at every step.
const CALLS: &str =
    "mkdir,mkdirat,openat,write,rename,renameat2,unlinkat,fchmod,fchown,utimensat,fsync,syncfs";
/// strace counts calls by thread; from this number on only the thread of the job gets so far.
const WARM_UP: usize = 16;

/// Makes the calls that the test harness makes too, so often that their numbers are the job's alone.
pub fn warm_up() {
    for _ in 0..WARM_UP {
        let mut nowhere = std::fs::File::options().write(true).open("/dev/null").expect("it is there");
        nowhere.write_all(b"x").expect("it takes all");
    }
}

/// Two writings and the end: new files in new folders, and replaced ones, one of them twice.
pub fn two_rounds(home: &Path) {
    let root = Root::open(&home.join("project/out"), &env(home)).expect("may be written");
    let mut run = Run::begin(&home.join("state"), root).expect("begins");
    run.write(&first_round(), Overwrite::Replace).expect("is written");
    run.write(&set(&[("old-1", "again"), ("new/0", "again")]), Overwrite::Refuse).expect("is written");
    run.finish().expect("the run ends");
}

fn first_round() -> Vec<NewFile> {
    set(&[("old-1", "ours"), ("new/0", "ours"), ("new/deep/1", "ours"), ("old-2", "ours")])
}

pub fn undo_last(home: &Path) {
    undo(&home.join("state"), Which::Last, None, Edits::Refuse).expect("is undone");
}

pub fn discard_last(home: &Path) {
    undo(&home.join("state"), Which::Last, None, Edits::Discard).expect("is undone");
}

pub fn recover_all(home: &Path) {
    let (_, errors) = recover(&home.join("state")).expect("looks");
    assert_eq!(errors, []);
}

fn planted() -> Project {
    let project = Project::new();
    project.plant("old-1", "before 1");
    super::chmod(&project.plant("old-2", "before 2"), 0o600);
    project
}

/// A job under strace.
fn traced(project: &Project, job: &str, options: &[&str]) -> std::process::Output {
    let inner = child(&project.sandbox.home(), job);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(inner.get_program()).args(inner.get_args());
    command.env("SEF_TEST_HOME", project.sandbox.home()).env("SEF_TEST_JOB", job);
    command.stdin(Stdio::null()).output().expect("strace runs")
}

/// The calls of a job that change something, each with its number among those of its name.
fn steps(project: &Project, job: &str) -> Vec<(String, usize)> {
    let trace = project.sandbox.path("trace");
    let option = format!("trace={CALLS}");
    let output = traced(project, job, &["-o", trace.to_str().expect("is UTF-8"), "-e", &option]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let trace = std::fs::read_to_string(trace).expect("is there");
    let main = trace.split_whitespace().next().expect("a first line");
    let mut counts = BTreeMap::new();
    let mut steps = Vec::new();
    for line in trace.lines().filter(|line| !line.starts_with(main)) {
        let (_, said) = line.split_once(' ').expect("the thread is first");
        let Some((call, rest)) = said.trim_start().split_once('(') else { continue };
        let count: &mut usize = counts.entry(call.to_owned()).or_default();
        *count += 1;
        let is_change = call != "openat" || rest.contains("O_CREAT");
        if is_change && !rest.contains("/dev/null") && (call != "write" || *count > WARM_UP) {
            steps.push((call.to_owned(), *count));
        }
    }
    steps
}

/// Ends a job with kill -9 before one of its steps.
fn kill_at(project: &Project, job: &str, (call, nth): &(String, usize)) {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let output = traced(project, job, &["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
    let is_killed = output.status.signal() == Some(9) || output.status.code() == Some(137);
    assert!(is_killed, "{job} was not killed at {call} {nth}: {}", String::from_utf8_lossy(&output.stdout));
}

fn has_strace() -> bool {
    Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// Kills a job before each of its steps, in a project made anew for each, mends it and checks.
fn at_each_step(job: &str, least: usize, prepare: impl Fn() -> Project, check: impl Fn(&Project, &str)) {
    if !has_strace() {
        return skipped("kill -9 before each system call", "no strace here");
    }
    let steps = steps(&prepare(), job);
    assert!(steps.len() >= least, "only {} steps: {steps:?}", steps.len());
    for step in &steps {
        let project = prepare();
        kill_at(&project, job, step);
        mend(&project);
        check(&project, &format!("{job} killed before {step:?}"));
    }
}

fn mend(project: &Project) {
    let (_, errors) = recover(&project.sandbox.state()).expect("looks");
    assert_eq!(errors, []);
}

/// Nothing of ours is left but what a run that stands has written.
fn is_before_or_after(project: &Project, before: &Tree, when: &str) {
    let runs = list(&project.sandbox.state()).expect("lists");
    assert!(runs.unreadable.is_empty(), "{when}: {:?}", runs.unreadable);
    match runs.runs.first().map(|run| run.state) {
        Some(State::Done) => {
            let read = |path| project.read(path).unwrap_or_default();
            let files = ["old-1", "old-2", "new/0", "new/deep/1"].map(read);
            assert_eq!(files, ["again", "ours", "again", "ours"], "{when}");
            assert_eq!(project.tree().len(), 1 + 4 + 2, "{when}");
        }
        None | Some(State::Undone) => assert_eq!(&project.tree(), before, "{when}"),
        other => panic!("{when}: {other:?}"),
    }
}

/// Trees of two projects without what differs between them: their place, and the times of files.
fn relative(project: &Project) -> Tree {
    let base = project.sandbox.path("project");
    tree(&base)
        .into_iter()
        .map(|(path, said)| (path.strip_prefix(&base).expect("is below").to_owned(), said))
        .collect()
}

#[test]
fn c3_a_writing_that_is_killed_at_any_step_is_taken_back() {
    let before = std::cell::RefCell::new(Tree::new());
    let prepare = || {
        let project = planted();
        *before.borrow_mut() = project.tree();
        project
    };
    at_each_step("two rounds", 60, prepare, |project, when| {
        is_before_or_after(project, &before.borrow(), when);
    });
}

#[test]
fn c3_an_undo_that_is_killed_at_any_step_is_completed() {
    let before = std::cell::RefCell::new(Tree::new());
    let prepare = || {
        let project = planted();
        *before.borrow_mut() = project.tree();
        two_rounds(&project.sandbox.home());
        project
    };
    at_each_step("undo", 30, prepare, |project, when| {
        if list(&project.sandbox.state()).expect("lists").runs[0].state == State::Done {
            undo_last(&project.sandbox.home());
        }
        assert_eq!(project.tree(), *before.borrow(), "{when}");
    });
}

#[test]
fn c3_edits_that_a_killed_undo_was_to_discard_are_still_somewhere() {
    let before = std::cell::RefCell::new(Tree::new());
    let prepare = || {
        let project = planted();
        *before.borrow_mut() = project.tree();
        two_rounds(&project.sandbox.home());
        project.plant("old-1", "edited 1");
        project.plant("new/0", "edited 2");
        project
    };
    at_each_step("discard", 30, prepare, |project, when| {
        let runs = list(&project.sandbox.state()).expect("lists");
        if runs.runs[0].state == State::Done {
            assert_eq!(project.read("old-1").as_deref(), Some("edited 1"), "{when}");
            discard_last(&project.sandbox.home());
        }
        assert_eq!(project.tree(), *before.borrow(), "{when}");
        let state = tree(&project.sandbox.state());
        for edited in ["edited 1", "edited 2"] {
            assert!(state.values().any(|said| said.ends_with(edited)), "{when}: {edited} is lost");
        }
    });
}

#[test]
fn c3_a_recovery_that_is_killed_at_any_step_is_done_again() {
    let before = std::cell::RefCell::new(Tree::new());
    // In the middle of the second writing's renames.
    let prepare = || {
        let project = planted();
        *before.borrow_mut() = project.tree();
        kill_at(&project, "two rounds", &("renameat2".to_owned(), 7));
        project
    };
    at_each_step("recover", 20, prepare, |project, when| {
        assert_eq!(project.tree(), *before.borrow(), "{when}");
    });
}

#[test]
fn c3_a_writing_that_is_killed_at_any_moment_is_taken_back_or_whole() {
    let whole = planted();
    let start = Instant::now();
    let mut job = child(&whole.sandbox.home(), "two rounds");
    assert!(job.stdout(Stdio::null()).status().expect("it runs").success());
    let longest = start.elapsed();
    let after: Vec<_> = relative(&whole).into_keys().collect();
    let mut random: u64 = 0x2545_f491_4f6c_dd1d;
    for round in 0..60 {
        let project = planted();
        let before = project.tree();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = longest.as_micros() as u64 * 12 / 10 * (random >> 32) / u64::from(u32::MAX);
        let mut job = child(&project.sandbox.home(), "two rounds");
        let mut job = job.stdout(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_micros(delay));
        job.kill().expect("it can be killed");
        job.wait().expect("it ends");
        mend(&project);
        is_before_or_after(&project, &before, &format!("round {round}, killed after {delay} us"));
        if list(&project.sandbox.state())
            .expect("lists")
            .runs
            .first()
            .is_some_and(|run| run.state == State::Done)
        {
            assert_eq!(relative(&project).into_keys().collect::<Vec<_>>(), after);
        }
    }
}

#[test]
fn c3_recovery_leaves_running_runs_and_edited_files_alone() {
    let project = planted();
    let mut run = project.begin();
    run.write(&first_round(), Overwrite::Replace).expect("is written");
    let written = project.tree();
    mend(&project);
    assert_eq!(project.tree(), written, "its process lives");
    drop(run);
    project.plant("old-1", "edited");
    let (mended, errors) = recover(&project.sandbox.state()).expect("looks");
    assert_eq!((mended.len(), errors.len()), (1, 0));
    assert_eq!(mended[0].left, [("old-1".to_owned(), "it was edited since".to_owned())]);
    assert_eq!(project.read("old-1").as_deref(), Some("edited"));
    assert_eq!(project.read("old-2").as_deref(), Some("before 2"));
    assert!(!project.path("new").exists());
    let (mended, _) = recover(&project.sandbox.state()).expect("looks");
    assert_eq!(mended, [], "once is enough");
}
