//! F4: kill -9 of a process at any moment, with the git that it runs or without: nothing orphaned after cleaning, no work lost.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sef::race::clean::{Cleaned, Selection, clean};
use sef::race::manifest::{Kind, Race, Step, list};
use sef::race::promote::{How as Joined, Onto, promote as promote_it};
use sef::race::repo::Repo;

use super::{Project, child, differing, finish};

/// A race with two finished candidates, one after the other.
pub fn race(top: &Path, state: &Path) {
    let repo = Repo::find(top).expect("a repository");
    let race = Race::begin(state, repo, Kind::Showdown, "x").expect("begins");
    for tree in race.add(&["runner-1", "runner-2"]).expect("are made") {
        finish(&race, &tree);
    }
}

/// Discards all that is there.
pub fn discard(state: &Path) {
    for known in list(state).expect("lists").races {
        clean(state, Selection::One(&known.manifest.id), &["all".to_owned()]).expect("cleans");
    }
}

/// Promotes the first candidate of the last race.
pub fn promote(state: &Path) {
    let id = list(state).expect("lists").races[0].manifest.id.clone();
    let race = Race::open(state, &id).expect("is free");
    promote_it(&race, "runner-1", Onto::Current, Joined::CherryPick).expect("is promoted");
}

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        most * (self.0 >> 32) / u64::from(u32::MAX)
    }
}

/// Starts a job and kills it at some moment of the time that it takes; with its git when `with_git`, which else goes on.
fn killed(project: &Project, job: &str, longest: Duration, random: &mut Random) {
    let delay = random.below(longest.as_micros() as u64 * 11 / 10);
    let mut job = child(project, job).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_micros(delay));
    let with_git = random.below(2) == 0;
    let children = if with_git { children(job.id()) } else { Vec::new() };
    let _ = job.kill();
    for pid in children {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    job.wait().expect("it ends");
}

/// Children of all threads of a process.
fn children(pid: u32) -> Vec<rustix::process::Pid> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let pids: Vec<i32> = lists
        .flat_map(|list| list.split(' ').filter_map(|pid| pid.trim().parse().ok()).collect::<Vec<_>>())
        .collect();
    pids.into_iter().filter_map(rustix::process::Pid::from_raw).collect()
}

/// Cleans when the last git of the killed process is gone, which holds the race's lock until then.
fn cleaned(project: &Project, id: &str, discard: &[&str]) -> Cleaned {
    let start = Instant::now();
    loop {
        let discard: Vec<String> = discard.iter().map(|name| (*name).to_owned()).collect();
        match clean(&project.state(), Selection::One(id), &discard) {
            Ok(mut report) if !report.races[0].running => return report.races.remove(0),
            Ok(_) => {}
            // The one lock that nobody's name is on: git asks a person to remove it, and here is none.
            Err(error) if error.why.contains("packed-refs.lock") => {
                std::fs::remove_file(project.top.join(".git/packed-refs.lock")).expect("is removed");
            }
            Err(error) => panic!("{error}"),
        }
        assert!(start.elapsed() < Duration::from_secs(20), "a git goes on");
        std::thread::yield_now();
    }
}

/// How long a job takes when nobody kills it.
fn longest(project: &Project, job: &str) -> Duration {
    let start = Instant::now();
    assert!(child(project, job).stdout(Stdio::null()).status().expect("it runs").success(), "{job}");
    start.elapsed()
}

fn ids(project: &Project) -> Vec<String> {
    list(&project.state()).expect("lists").races.into_iter().map(|known| known.manifest.id).collect()
}

/// Every commit that a record or a branch of the races names.
fn commits(project: &Project) -> Vec<String> {
    let races = list(&project.state()).expect("lists").races;
    let candidates = races.into_iter().flat_map(|known| known.manifest.candidates);
    candidates.filter_map(|one| one.commit).collect()
}

/// How to clean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Without discarding, and then with.
    CarefulFirst,
    /// Discarding at once.
    Discarding,
}

impl How {
    fn of(round: u32) -> Self {
        if round.is_multiple_of(4) { Self::CarefulFirst } else { Self::Discarding }
    }
}

/// Cleans and checks that no commit is lost and nothing left.
fn all_is_well_after_cleaning(project: &Project, before: &super::Files, how: How, when: &str) {
    let commits = commits(project);
    for id in ids(project) {
        if how == How::CarefulFirst {
            let saved = cleaned(project, &id, &[]).saved;
            assert!(saved.is_empty(), "{when}: nobody named anything, and {saved:?}");
        }
        let last = cleaned(project, &id, &["all"]);
        assert!(last.cleared && last.kept.is_empty(), "{when}: {last:?}");
    }
    assert_eq!(differing(before, &project.tree()), [] as [String; 0], "{when}");
    let kept = kept(project);
    for commit in &commits {
        assert!(kept.contains(commit), "{when}: {commit} is lost: {kept:?}");
    }
    let _ = std::fs::remove_dir_all(project.state().join("races"));
}

/// Commits that the bundles of all races hold.
fn kept(project: &Project) -> String {
    let mut heads = String::new();
    if !project.state().join("races").exists() {
        return heads;
    }
    for (path, _) in super::files(&project.state().join("races")) {
        if path.ends_with(".bundle") {
            let path = project.state().join("races").join(path);
            heads += &project.git(&["bundle", "list-heads", path.to_str().expect("is UTF-8")]);
        }
    }
    heads
}

#[test]
fn f4_a_race_that_is_killed_at_any_moment_can_be_cleared() {
    let project = Project::new();
    let before = project.tree();
    let longest = longest(&project, "race");
    all_is_well_after_cleaning(&project, &before, How::CarefulFirst, "a whole race");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for round in 0..100 {
        killed(&project, "race", longest, &mut random);
        all_is_well_after_cleaning(&project, &before, How::of(round), &format!("round {round}"));
    }
}

#[test]
fn f4_a_cleaning_that_is_killed_at_any_moment_is_done_again() {
    let project = Project::new();
    let before = project.tree();
    drop(project.raced(&["runner-1", "runner-2"]));
    let longest = longest(&project, "discard");
    std::fs::remove_dir_all(project.state().join("races")).expect("is removed");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..60 {
        drop(project.raced(&["runner-1", "runner-2"]));
        killed(&project, "discard", longest, &mut random);
        all_is_well_after_cleaning(&project, &before, How::of(round), &format!("round {round}"));
    }
}

#[test]
fn f4_a_promotion_that_is_killed_at_any_moment_is_whole_or_not_at_all() {
    let project = Project::new();
    let before = super::promoting::files_of_checkout(&project);
    let base = project.git(&["rev-parse", "main"]);
    drop(project.raced(&["runner-1"]));
    let longest = longest(&project, "promote");
    let _ = cleaned(&project, &ids(&project)[0], &[]);
    let after = super::promoting::files_of_checkout(&project);
    let mut random = Random(0xd6e8_feb8_6659_fd93);
    for round in 0..40 {
        project.git(&["reset", "-q", "--hard", &base]);
        let race = project.raced(&["runner-1"]);
        let id = race.id();
        drop(race);
        killed(&project, "promote", longest, &mut random);
        // A git that was killed leaves its locks, one after the other; each is named until it is gone.
        while let Err(error) = waited(&project, &id) {
            let Some(lock) = error.path.filter(|path| path.extension().is_some_and(|end| end == "lock"))
            else {
                break;
            };
            std::fs::remove_file(lock).expect("is removed");
        }
        let _ = cleaned(&project, &id, &[]);
        assert_eq!(project.git(&["status", "--porcelain"]), "", "round {round}");
        let now = super::promoting::files_of_checkout(&project);
        if project.git(&["rev-parse", "main"]) == base {
            assert_eq!(now, before, "round {round}");
        } else {
            assert_eq!(now, after, "round {round}");
        }
        let _ = cleaned(&project, &id, &["all"]);
        assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1, "round {round}");
    }
}

/// Waits for the end of the last git, and cleans.
fn waited(project: &Project, id: &str) -> sef::error::Result<()> {
    loop {
        let report = clean(&project.state(), Selection::One(id), &[])?;
        if !report.races[0].running {
            return Ok(());
        }
        std::thread::yield_now();
    }
}

#[test]
fn f4_worktrees_that_a_kill_left_half_made_are_made_again() {
    let project = Project::new();
    let race = project.begin();
    let trees = race.add(&["base", "runner-1", "runner-2", "runner-3"]).expect("are made");
    // As a kill leaves them: the record says that they are being made, whatever of them is there.
    race.update(|manifest| {
        for one in manifest.candidates.iter_mut().skip(1) {
            (one.step, one.admin) = (Step::Adding, None);
        }
    })
    .expect("is kept");
    let files = std::fs::read_dir(&trees[1].path).expect("it is there").flatten();
    let file = files.map(|entry| entry.path()).find(|path| path.is_file() && !path.ends_with(".git"));
    std::fs::remove_file(file.expect("a file of the base commit")).expect("is removed");
    std::fs::remove_dir_all(&trees[2].path).expect("it is there");
    race.take_back_unfinished().expect("are taken back");
    let left: Vec<String> = race.manifest().candidates.into_iter().map(|one| one.name).collect();
    assert_eq!(left, ["base"], "what was finished stays");
    let again = race.add(&["runner-1", "runner-2", "runner-3"]).expect("are made again");
    for tree in &again {
        finish(&race, tree);
    }
    race.take_back_unfinished().expect("there is nothing to take back");
    assert_eq!(race.manifest().candidates.len(), 4);
    let id = race.id();
    drop(race);
    project.clean(Some(&id), &["all"]);
    assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1);
}
