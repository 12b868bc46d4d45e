//! The runs of an exam, one after the other, each in a fresh copy that is gone afterwards: code of an earlier run leaves
//! nothing for a later one. Writes only below the scratch folder.

use std::fs;
use std::path::Path;

use super::broken::{self, Tests};
use super::copy::{copy, list};
use super::dependencies::link;
use super::disk::Guard;
use super::protected::{Kind, kind};
use super::standard::{Origin, Restored};
use super::verdict::{Known, Seen, first, second};
use super::{Control, Depth, Exam, Proof, Sat, Share, Standard, Verdict};
use crate::config::Env;
use crate::error::Error;
use crate::fence::{self, Ended};
use crate::fsx::read_regular;
use crate::turbo::order::Failure;
use crate::turbo::trial::{self, Setting, Trial};
use crate::watch::{Step, Watch};

/// Programs that run all tests they find, as they stand in a command.
const RUNNERS: &[&str] = &[
    "pytest",
    "unittest",
    "node --test",
    "jest",
    "vitest",
    "mocha",
    "cargo test",
    "cargo nextest",
    "cargo t",
    "go test",
    "npm test",
    "npm t",
    "npm run test",
    "pnpm test",
    "yarn test",
];
/// Most bytes of a source in which a candidate's own tests are looked for.
const LARGEST_SOURCE: u64 = 4 << 20;

/// Whether the exam's command runs the exam's tests: each is replaced by one that only fails, over a checkout of the base
/// commit, so that nothing of a candidate decides. Needs no candidate and is the same for all.
pub fn control(
    env: &Env,
    exam: &Exam,
    base: Option<&Path>,
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<Control, Failure> {
    let none = |why: &str| Control { proof: Proof::None, seen: false, least: None, why: why.to_owned() };
    let Some(standard) = &exam.standard else {
        return Ok(none("there is no exam, only what stands in the tree"));
    };
    let word = word()?;
    let tests = read(standard, &word);
    if tests.iter().all(|(_, tests)| tests.all.iter().all(|test| test.skipped)) {
        return Ok(none("the exam has no test in a language that can be broken"));
    }
    let bare = changed(standard, &tests, |tests, _| tests.bare.clone());
    let empty = scratch.join("empty");
    if base.is_none() {
        fs::create_dir_all(&empty).map_err(|why| cannot(&empty, &why))?;
    }
    let tree = base.unwrap_or(&empty);
    let ran = run(env, exam, Some(&bare), &keep_going(&exam.command), tree, scratch, watch);
    let _ = fs::remove_dir(&empty);
    let ran = ran?.map_err(|why| cannot(tree, &why))?;
    let failed = ran.trial.tested().failed.unwrap_or(0);
    if failed > 0 && ran.trial.text().contains(&word) {
        return Ok(Control { proof: Proof::Broken, seen: true, least: Some(failed), why: String::new() });
    }
    let plain = exam.command.split_whitespace().collect::<Vec<_>>().join(" ");
    if RUNNERS.iter().any(|runner| plain.contains(runner)) {
        return Ok(Control { proof: Proof::Broken, seen: false, least: None, why: String::new() });
    }
    Ok(none("the command was not seen to run a test of the exam"))
}

/// Examines one candidate. `scratch` is made when it is missing, and left empty. A candidate that fails is no failure.
pub fn sit(
    env: &Env,
    exam: &Exam,
    control: &Control,
    depth: Depth,
    tree: &Path,
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<Sat, Failure> {
    let standard = exam.standard.as_ref();
    let ran = match run(env, exam, standard, &exam.command, tree, scratch, watch)? {
        Ok(ran) => ran,
        Err(why) => return Ok(unfit(standard.is_some(), &why)),
    };
    let word = word()?;
    let tests = standard.map(|standard| read(standard, &word)).unwrap_or_default();
    let known = Known {
        may_skip: tests.iter().any(|(_, tests)| tests.may_skip),
        whole: tests.iter().all(|(_, tests)| tests.whole),
        own: standard.map_or(0, |standard| own(tree, standard)),
    };
    let seen = Seen { tested: ran.trial.tested(), ended: ran.trial.ended(), shows: false };
    let mut judged = first(seen, known, control);
    let (mut proof, mut ms) = (Proof::None, ran.trial.ms());
    if let Some(path) = &ran.changed {
        judged.verdict = Verdict::Forged;
        judged.reason = format!("the run changed {path}, which is a file of the exam");
        judged.share.passed = 0;
    }
    if ran.full {
        judged.reason = format!("the run took more than {} MiB of the disk", exam.disk_bytes >> 20);
    }
    let counted = ran.trial.tested().runner.is_some() || judged.verdict == Verdict::Passed;
    let worth = matches!(judged.verdict, Verdict::Passed | Verdict::Failed) && counted;
    if let (Some(standard), Depth::Full, Proof::Broken, true) = (standard, depth, control.proof, worth) {
        let broken = changed(standard, &tests, |tests, text| broken::apply(text, tests.all.iter()));
        let again = run(env, exam, Some(&broken), &keep_going(&exam.command), tree, scratch, watch)?
            .map_err(|why| cannot(tree, &why))?;
        let shows = again.trial.text().contains(&word);
        let seen_again = Seen { tested: again.trial.tested(), ended: again.trial.ended(), shows };
        judged = second(seen, seen_again, known, control);
        (proof, ms) = (Proof::Broken, ms + again.trial.ms());
    }
    Ok(Sat {
        verdict: judged.verdict,
        reason: judged.reason,
        share: judged.share,
        restored: standard.is_some(),
        tampered: ran.restored.tampered,
        own_tests: ran.restored.own_tests,
        proof,
        left_out: ran.left_out,
        sandbox: ran.trial.fence().to_owned(),
        ms,
        trial: Some(ran.trial),
    })
}

/// A tree that cannot be examined; that is the candidate's fault.
fn unfit(restored: bool, why: &str) -> Sat {
    Sat {
        verdict: Verdict::Failed,
        reason: format!("the tree cannot be examined: {why}"),
        share: Share::default(),
        restored,
        tampered: Vec::new(),
        own_tests: Vec::new(),
        proof: Proof::None,
        left_out: Vec::new(),
        sandbox: String::new(),
        ms: 0,
        trial: None,
    }
}

/// One run.
struct Once {
    trial: Trial,
    restored: Restored,
    left_out: Vec<String>,
    /// A file of the exam that is another one after the run.
    changed: Option<String>,
    /// It was ended because of the disk.
    full: bool,
}

/// Copies, restores, runs, removes. The inner error is a tree that cannot be copied, in words.
fn run(
    env: &Env,
    exam: &Exam,
    standard: Option<&Standard>,
    command: &str,
    tree: &Path,
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<Result<Once, String>, Failure> {
    if watch.cancelled() {
        return Err(cancelled());
    }
    // Two runs of one exam must look alike to what runs in them.
    let to = scratch.join(format!("tree-{}", word()?));
    let outcome = prepare(env, exam, standard, tree, &to).map(|(restored, left_out, shown)| {
        watch.step(Step::Testing);
        let setting = Setting { dir: &to, shown: &shown, limits: exam.limits, sef: &exam.sef };
        let guard = Guard::new(watch, &to, exam.disk_bytes);
        let trial = trial::run_in(env, &setting, command, exam.sandbox, &guard)?;
        let full = guard.full.into_inner();
        let changed = standard.and_then(|standard| standard.differs(&to)).map(str::to_owned);
        Ok(Once { trial, restored, left_out, changed, full })
    });
    fence::remove(&to);
    if fs::symlink_metadata(&to).is_ok() {
        return Err(cannot(&to, &"the copy cannot be removed"));
    }
    match outcome {
        Err(why) => Ok(Err(why)),
        Ok(Err(failure)) => Err(failure),
        Ok(Ok(once)) if once.trial.ended() == Ended::Cancelled && !once.full => Err(cancelled()),
        Ok(Ok(once)) => Ok(Ok(once)),
    }
}

type Prepared = (Restored, Vec<String>, Vec<std::path::PathBuf>);

fn prepare(
    env: &Env,
    exam: &Exam,
    standard: Option<&Standard>,
    tree: &Path,
    to: &Path,
) -> Result<Prepared, String> {
    let left_out = copy(tree, to)?;
    let restored = standard.map_or(Ok(Restored::default()), |standard| standard.restore(to))?;
    let shown = match &exam.checkout {
        Some(checkout) => link(checkout, to, env.home.as_deref())?,
        None => Vec::new(),
    };
    Ok((restored, left_out, shown))
}

/// The exam's files that can be broken, by their place in it.
fn read(standard: &Standard, word: &str) -> Vec<(usize, Tests)> {
    let readable = standard.files.iter().enumerate().filter_map(|(number, file)| {
        if file.from == Origin::Base && kind(&file.path) != Some(Kind::Test) {
            return None;
        }
        let tests = broken::read(&file.path, std::str::from_utf8(&file.bytes).ok()?, word)?;
        (!tests.all.is_empty()).then_some((number, tests))
    });
    readable.collect()
}

/// The exam with other texts in the place of its tests.
fn changed(standard: &Standard, tests: &[(usize, Tests)], text: impl Fn(&Tests, &str) -> String) -> Standard {
    let mut changed = standard.clone();
    for (number, tests) in tests {
        let file = &mut changed.files[*number];
        file.bytes = text(tests, &String::from_utf8_lossy(&file.bytes)).into_bytes();
    }
    changed
}

/// Tests inside a candidate's sources.
fn own(tree: &Path, standard: &Standard) -> u64 {
    let is_rust = |path: &str| Path::new(path).extension().is_some_and(|ending| ending == "rs");
    let of_exam = |path: &str| standard.files.iter().any(|file| file.path == path);
    let sources = list(tree).unwrap_or_default().into_iter().filter(|path| is_rust(path) && !of_exam(path));
    sources
        .filter_map(|path| {
            let full = tree.join(&path);
            fs::symlink_metadata(&full).ok().filter(fs::Metadata::is_file)?;
            let bytes = read_regular(&full, LARGEST_SOURCE).ok()?;
            Some(broken::own_in_source(&String::from_utf8_lossy(&bytes)))
        })
        .sum()
}

/// Cargo stops after the first binary with a failing test; for counting broken ones it must not.
fn keep_going(command: &str) -> String {
    if command.contains("--no-fail-fast") {
        return command.to_owned();
    }
    command
        .replace("cargo test", "cargo test --no-fail-fast")
        .replace("cargo nextest run", "cargo nextest run --no-fail-fast")
}

fn word() -> Result<String, Failure> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 5];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|why| cannot(Path::new("/dev/urandom"), &format!("no random numbers: {why}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn cancelled() -> Failure {
    Failure {
        code: "cancelled".to_owned(),
        message: "the exam was cancelled".to_owned(),
        fix: "start it again when you want it; nothing was kept of it".to_owned(),
    }
}

fn cannot(at: &Path, why: &dyn std::fmt::Display) -> Failure {
    let error = Error::new("cannot hold the exam", why)
        .at(at)
        .fix("see that the folder may be written and the disk is not full, then try again");
    Failure::of("no_exam", &error)
}
