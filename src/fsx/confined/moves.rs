//! Renames files from the stage into their places and back, all of them or none.
//!
//! What a rename displaces is in the stage afterwards and is looked at there: if it is not what was expected, somebody
//! wrote it meanwhile, and it goes back. Nothing is removed here.

use std::fmt::Write as _;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, linkat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::found::look;
use super::root::Root;
use super::stage::{DISPLACED, Stage, label};
use crate::error::Error;
use crate::fsx::names::Relative;

/// One exchange between the stage and a place. Its reverse is the same with `staged` and `placed` swapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Number of the file in the stage.
    pub number: usize,
    /// The place.
    pub path: Relative,
    /// SHA-256 of what goes in; none when the place is only emptied.
    pub staged: Option<String>,
    /// SHA-256 of what must come out; none when the place must be empty.
    pub placed: Option<String>,
}

impl Step {
    fn reverse(&self) -> Self {
        Self { staged: self.placed.clone(), placed: self.staged.clone(), ..self.clone() }
    }
}

/// How two files change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// By the renames of Linux that swap, or refuse to replace; links where the file system has none (NFS, some FUSE).
    Renames,
    /// By links alone.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a file system without those renames leaves"))]
    Links,
}

/// Steps that were not carried out.
#[derive(Debug)]
pub struct Failed {
    /// The step that failed, and the places that could not be put back.
    pub error: Box<Error>,
    /// Is every place as it was? If not, the stage holds what belongs there and must stay.
    pub is_restored: bool,
}

/// For what fails before the first step.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), is_restored: true }
    }
}

/// Carries out all steps, or puts back those that were done. `what` begins the message: `cannot write the files`.
pub fn carry_out(root: &Root, stage: &Stage, steps: &[Step], what: &str) -> Result<(), Failed> {
    carry_out_by(Means::Renames, root, stage, steps, what)
}

fn carry_out_by(means: Means, root: &Root, stage: &Stage, steps: &[Step], what: &str) -> Result<(), Failed> {
    for (done, step) in steps.iter().enumerate() {
        if let Err(error) = carry(means, root, stage, step) {
            let mut why = error.to_string();
            let mut is_restored = true;
            for step in steps[..done].iter().rev() {
                if let Err(error) = carry(means, root, stage, &step.reverse()) {
                    let _ = write!(why, "; and {} could not be put back: {error}", step.path.as_str());
                    is_restored = false;
                }
            }
            let error = Error::new(what, why).at(root.path().join(step.path.as_str())).fix(if is_restored {
                "see that nothing else writes there and the disk is not full; every file is as it was"
            } else {
                "run `sef turbo undo` once nothing else writes there; what belongs there is kept until then"
            });
            return Err(Failed { error: Box::new(error), is_restored });
        }
    }
    Ok(())
}

fn carry(means: Means, root: &Root, stage: &Stage, step: &Step) -> io::Result<()> {
    let folder = root.folder_of(&step.path)?;
    let (label, name) = (label(step.number), step.path.name());
    match (&step.staged, &step.placed) {
        (Some(_), None) => rename_new(means, &stage.folder, &label, &folder, name),
        (None, Some(placed)) => {
            rename_new(means, &folder, name, &stage.folder, &label)?;
            if look(&stage.folder, &label)?.sha256() == Some(placed) {
                return Ok(());
            }
            rename_new(means, &stage.folder, &label, &folder, name)?;
            Err(changed())
        }
        (Some(staged), Some(placed)) => {
            if look(&folder, name)?.sha256() != Some(placed) {
                return Err(changed());
            }
            swap_checked(means, stage, &label, &folder, name, [staged, placed])
        }
        (None, None) => Ok(()),
    }
}

/// Swaps, and swaps back when what came out is not what was expected.
fn swap_checked(
    means: Means,
    stage: &Stage,
    label: &str,
    folder: &OwnedFd,
    name: &str,
    [staged, placed]: [&String; 2],
) -> io::Result<()> {
    swap(means, stage, label, folder, name)?;
    if look(&stage.folder, label)?.sha256() == Some(placed) {
        return Ok(());
    }
    swap(means, stage, label, folder, name)?;
    if look(&stage.folder, label)?.sha256() != Some(staged) {
        // A third version was written over ours in between; it is the newest and stays.
        swap(means, stage, label, folder, name)?;
    }
    Err(changed())
}

fn changed() -> io::Error {
    io::Error::other("it was changed by something else at the same moment")
}

/// Moves a file to a name that must be free.
fn rename_new(means: Means, from: &OwnedFd, name: &str, to: &OwnedFd, new: &str) -> io::Result<()> {
    let moved = match means {
        Means::Renames => renameat_with(from, name, to, new, RenameFlags::NOREPLACE),
        Means::Links => Err(Errno::NOSYS),
    };
    match moved {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            linkat(from, name, to, new, AtFlags::empty()).map_err(said)?;
            Ok(unlinkat(from, name, AtFlags::empty())?)
        }
        other => other.map_err(said),
    }
}

/// Swaps a staged file and a placed one.
fn swap(means: Means, stage: &Stage, label: &str, folder: &OwnedFd, name: &str) -> io::Result<()> {
    let swapped = match means {
        Means::Renames => renameat_with(&stage.folder, label, folder, name, RenameFlags::EXCHANGE),
        Means::Links => Err(Errno::NOSYS),
    };
    match swapped {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            // The file gets a second name in the stage before the new one takes its place, so that it is never gone.
            let displaced = format!("{label}{DISPLACED}");
            linkat(folder, name, &stage.folder, &displaced, AtFlags::empty()).map_err(said)?;
            if let Err(error) = renameat_with(&stage.folder, label, folder, name, RenameFlags::empty()) {
                unlinkat(&stage.folder, &displaced, AtFlags::empty())?;
                return Err(error.into());
            }
            renameat_with(&stage.folder, &displaced, &stage.folder, label, RenameFlags::empty())?;
            Ok(())
        }
        other => other.map_err(said),
    }
}

fn said(error: Errno) -> io::Error {
    match error {
        Errno::EXIST => {
            io::Error::new(io::ErrorKind::AlreadyExists, "something of that name appeared meanwhile")
        }
        Errno::PERM | Errno::OPNOTSUPP => io::Error::new(
            io::ErrorKind::Unsupported,
            "this file system can neither swap files nor link them, so nothing could be put back",
        ),
        other => other.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::fsx::confined::found::sha256;

    struct Bench {
        path: PathBuf,
        root: Root,
        stage: Stage,
    }

    impl Bench {
        fn new(name: &str, means: Means) -> Self {
            let path =
                std::env::temp_dir().join(format!("sef-moves-{}-{name}-{means:?}", std::process::id()));
            std::fs::create_dir_all(path.join("sub")).unwrap();
            let root = Root::reopen(&path.canonicalize().unwrap()).unwrap();
            let stage = Stage::make(&root, ".sef-stage-test").unwrap();
            Self { path, root, stage }
        }

        fn step(&self, number: usize, path: &str, staged: Option<&str>, placed: Option<&str>) -> Step {
            if let Some(text) = staged {
                self.stage.add(number, text.as_bytes(), 0o644).unwrap();
            }
            let sha = |text: &str| sha256(text.as_bytes());
            let path = Relative::check(path).unwrap();
            Step { number, path, staged: staged.map(sha), placed: placed.map(sha) }
        }

        fn drop_staged(&self, number: usize) {
            std::fs::remove_file(self.path.join(".sef-stage-test").join(label(number))).unwrap();
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.path.join(name), text).unwrap();
        }

        fn read(&self, name: &str) -> Option<String> {
            std::fs::read_to_string(self.path.join(name)).ok()
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }

    #[test]
    fn d4_steps_and_their_reverse_leave_everything_as_it_was() {
        for means in [Means::Renames, Means::Links] {
            let bench = Bench::new("reverse", means);
            bench.write("sub/old", "before");
            bench.write("gone", "unwanted");
            let steps = [
                bench.step(0, "sub/new", Some("fresh"), None),
                bench.step(1, "sub/old", Some("after"), Some("before")),
                bench.step(2, "gone", None, Some("unwanted")),
            ];
            carry_out_by(means, &bench.root, &bench.stage, &steps, "x").unwrap();
            let state = || (bench.read("sub/new"), bench.read("sub/old"), bench.read("gone"));
            assert_eq!(state(), (Some("fresh".into()), Some("after".into()), None));
            let back: Vec<Step> = steps.iter().map(Step::reverse).collect();
            carry_out_by(means, &bench.root, &bench.stage, &back, "x").unwrap();
            assert_eq!(state(), (None, Some("before".into()), Some("unwanted".into())));
        }
    }

    #[test]
    fn d4_a_failing_step_puts_the_earlier_ones_back() {
        for means in [Means::Renames, Means::Links] {
            let bench = Bench::new("failing", means);
            bench.write("old", "before");
            bench.write("taken", "somebody's");
            for last in [
                bench.step(2, "taken", Some("ours"), None),
                bench.step(3, "old", Some("ours"), Some("something else")),
                bench.step(4, "taken", None, Some("something else")),
                bench.step(5, "no/folder", Some("ours"), None),
            ] {
                let steps = [
                    bench.step(0, "sub/new", Some("fresh"), None),
                    bench.step(1, "old", Some("after"), Some("before")),
                    last,
                ];
                let failed = carry_out_by(means, &bench.root, &bench.stage, &steps, "cannot x").unwrap_err();
                assert!(
                    failed.is_restored && failed.error.to_string().starts_with("cannot x: "),
                    "{failed:?}"
                );
                assert_eq!(bench.read("sub/new"), None);
                assert_eq!(bench.read("old").as_deref(), Some("before"));
                assert_eq!(bench.read("taken").as_deref(), Some("somebody's"));
                bench.drop_staged(0);
                bench.drop_staged(1);
            }
        }
    }

    #[test]
    fn d2_a_link_that_appears_at_the_place_is_neither_followed_nor_replaced() {
        for means in [Means::Renames, Means::Links] {
            let bench = Bench::new("link", means);
            bench.write("target", "before");
            std::os::unix::fs::symlink("target", bench.path.join("link")).unwrap();
            std::os::unix::fs::symlink(&bench.path, bench.path.join("up")).unwrap();
            for step in [
                bench.step(0, "link", Some("ours"), None),
                bench.step(1, "link", Some("ours"), Some("before")),
                bench.step(2, "link", None, Some("before")),
                bench.step(3, "up/new", Some("ours"), None),
            ] {
                carry_out_by(means, &bench.root, &bench.stage, std::slice::from_ref(&step), "x").unwrap_err();
                assert_eq!(bench.read("target").as_deref(), Some("before"));
                assert!(std::fs::symlink_metadata(bench.path.join("link")).unwrap().is_symlink());
                assert_eq!(bench.read("new"), None);
            }
        }
    }

    #[test]
    fn d4_an_edit_after_the_last_look_goes_back() {
        for means in [Means::Renames, Means::Links] {
            let bench = Bench::new("late", means);
            bench.write("old", "edited");
            let step = bench.step(0, "old", Some("ours"), Some("before"));
            let hashes = [step.staged.as_ref().unwrap(), step.placed.as_ref().unwrap()];
            let folder = bench.root.folder_of(&step.path).unwrap();
            swap_checked(means, &bench.stage, "0", &folder, "old", hashes).unwrap_err();
            assert_eq!(bench.read("old").as_deref(), Some("edited"));
            assert_eq!(bench.stage.look(0).unwrap().sha256(), Some(hashes[0].as_str()));
        }
    }
}
