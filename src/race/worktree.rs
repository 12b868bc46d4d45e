//! A candidate's worktree and its commit. A worktree is detached, locked against `git worktree prune` and checked out with
//! hooks off and filters emptied; folders of submodules stay empty in it. A branch appears only when its commit is made,
//! and one that exists is never moved. Nothing else of the repository changes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::git::{Filters, Git};
use super::manifest::{Candidate, Manifest, Race, Step, is_admin};
use super::remains::{self, Site};
use crate::error::{Error, Result};

/// Worktrees that are made side by side: the second one hides the wait for the disk, more would take the machine.
const AT_ONCE: usize = 2;
/// Longest message of a commit, in bytes; it is an argument, and Linux takes 128 KB in one.
const MOST_MESSAGE: usize = 64 << 10;
/// Whose commits they are when the user has not told git their name.
const NOBODY: (&str, &str) = ("SEF", "sef@localhost");

/// A candidate's worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Of the candidate.
    pub name: String,
    /// The checkout of the base commit.
    pub path: PathBuf,
    /// The branch that [`Race::commit`] makes.
    pub branch: String,
}

impl Race {
    /// Adds candidates, each with a worktree. After an error nothing of this call is left.
    pub fn add(&self, names: &[&str]) -> Result<Vec<Tree>> {
        let mut planned = Vec::new();
        self.update(|manifest| -> Result<()> {
            let earlier = manifest.clone();
            for name in names {
                match manifest.plan(&self.folder, name) {
                    Ok(one) => manifest.candidates.push(one),
                    Err(error) => {
                        *manifest = earlier;
                        return Err(error);
                    }
                }
            }
            planned.extend_from_slice(&manifest.candidates[earlier.candidates.len()..]);
            Ok(())
        })??;
        let admins = self.make_all(&planned);
        if let Some(failed) = admins.iter().find_map(|made| made.as_ref().err()).cloned() {
            self.take_back(&planned)?;
            return Err(failed);
        }
        self.update(|manifest| {
            for (one, admin) in planned.iter().zip(admins) {
                if let Some(known) = manifest.candidates.iter_mut().find(|known| known.name == one.name) {
                    known.admin = admin.ok();
                    known.step = Step::Added;
                }
            }
        })?;
        Ok(planned
            .into_iter()
            .map(|one| Tree { name: one.name, path: one.tree, branch: one.branch })
            .collect())
    }

    /// Commits exactly the named files of a candidate's worktree, ignored ones too, on the base commit, and makes the
    /// candidate's branch there. Paths are literal and below the worktree; a named file that is gone is removed. A commit
    /// that an earlier call made is completed and answered again. No hook runs and nothing is signed.
    pub fn commit(&self, name: &str, files: &[impl AsRef<Path>], message: &str) -> Result<String> {
        let one = self.candidate(name)?;
        let at = self.at(&one)?;
        if let Some(commit) = &one.commit {
            self.finish(&one, &at, commit)?;
            return Ok(commit.clone());
        }
        let commit = self.written(&one, &at, files, message)?;
        self.change(name, |one| {
            one.commit = Some(commit.clone());
            one.step = Step::Committing;
        })?;
        self.finish(&one, &at, &commit)?;
        Ok(commit)
    }

    /// Makes the worktrees, some side by side; answers in order.
    fn make_all(&self, planned: &[Candidate]) -> Vec<Result<PathBuf>> {
        let manifest = self.manifest();
        let make = |one: &Candidate| self.make(&manifest, one);
        let mut made = Vec::new();
        for some in planned.chunks(AT_ONCE) {
            made.extend(std::thread::scope(|scope| {
                let threads: Vec<_> = some.iter().map(|one| scope.spawn(|| make(one))).collect();
                let parts = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
                parts
                    .map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect::<Vec<_>>()
            }));
        }
        made
    }

    fn make(&self, manifest: &Manifest, one: &Candidate) -> Result<PathBuf> {
        let git = self.git();
        git.run(&["check-ref-format", &format!("refs/heads/{}", one.branch)])?;
        let reason = reason(&manifest.id, &one.name);
        let site = Site { git: &git, common_dir: &self.repo.common_dir, folder: &self.folder };
        check_out(&site, &one.tree, &manifest.base, &reason)
    }

    /// Undoes a failed [`Race::add`]: nobody was told of these worktrees, so they hold nothing.
    fn take_back(&self, planned: &[Candidate]) -> Result<()> {
        let manifest = self.manifest();
        let git = self.git();
        let site = Site { git: &git, common_dir: &self.repo.common_dir, folder: &self.folder };
        let _turn = site.turn()?;
        for one in planned {
            // Git writes `.git` before any other file: a folder with files and without it was there before.
            let is_made_by_us = !one.tree.is_dir()
                || remains::admin_of(&one.tree).is_some()
                || remains::files(&one.tree, 1)?.is_empty();
            if is_made_by_us {
                remains::remove_unfinished(&site, &one.tree, &reason(&manifest.id, &one.name))?;
            } else {
                remains::remove_records(&site, &one.tree, &reason(&manifest.id, &one.name))?;
            }
        }
        self.update(|manifest| {
            manifest.candidates.retain(|known| !planned.iter().any(|one| one.name == known.name));
        })
    }

    /// Git in a candidate's worktree, found by the record and not by the `.git` in the folder.
    fn at(&self, one: &Candidate) -> Result<Git> {
        let cannot = |why: &str| {
            Error::new("cannot commit the candidate", why)
                .at(&one.tree)
                .fix("start the race again; sef clean removes what is left of this one")
        };
        let admin = one.admin.as_ref().ok_or_else(|| cannot("its worktree was not finished"))?;
        if one.step == Step::Cleared || !remains::points_to(admin, &one.tree) {
            return Err(cannot("its worktree is gone, or is no worktree of this repository any more"));
        }
        self.git().at(admin, &one.tree).settled(Filters::Off)
    }

    /// Writes the commit's objects; answers its id. No ref changes.
    fn written(
        &self,
        one: &Candidate,
        at: &Git,
        files: &[impl AsRef<Path>],
        message: &str,
    ) -> Result<String> {
        let cannot = |why: String| Error::new("cannot commit the candidate", why).at(&one.tree);
        if message.trim().is_empty() || message.len() > MOST_MESSAGE || message.contains('\0') {
            return Err(cannot(format!("its message is empty, or longer than {MOST_MESSAGE} bytes"))
                .fix("give it one line that says why"));
        }
        let base = self.manifest().base;
        let mut input = Vec::new();
        let mut known = None;
        for file in files.iter().map(AsRef::as_ref) {
            let is_below = file.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if !is_below || file.as_os_str().is_empty() {
                return Err(cannot(format!("{} is not below the worktree", file.display()))
                    .fix("name files relative to the worktree"));
            }
            if std::fs::symlink_metadata(one.tree.join(file)).is_err() {
                let known: &Vec<PathBuf> = match &known {
                    Some(known) => known,
                    None => known.insert(self.repo.paths(&base)?),
                };
                if !known.iter().any(|path| path == file) {
                    return Err(cannot(format!("there is no file {}", file.display()))
                        .fix("name files that the candidate wrote or removed"));
                }
            }
            input.extend_from_slice(file.as_os_str().as_bytes());
            input.push(0);
        }
        at.feed(&["update-index", "--add", "--remove", "-z", "--stdin"], &input)?;
        let tree = at.line(&["write-tree"])?;
        if tree == at.line(&["rev-parse", "--verify", &format!("{base}^{{tree}}")])? {
            return Err(cannot("its files are as the base commit has them".to_owned())
                .fix("there is nothing to commit: leave the candidate out"));
        }
        as_author(at, self.repo.identity.as_ref()).line(&["commit-tree", &tree, "-p", &base, "-m", message])
    }

    /// Makes the branch of a commit that is noted, and lets the worktree's HEAD follow. HEAD is first: it keeps the commit
    /// from git's garbage collection.
    fn finish(&self, one: &Candidate, at: &Git, commit: &str) -> Result<()> {
        if one.step == Step::Committed {
            return Ok(());
        }
        let base = self.manifest().base;
        let moved = at.run(&["update-ref", "--no-deref", "-m", "sef race", "HEAD", commit, &base]);
        if let Err(error) = moved
            && at.line(&["rev-parse", "--verify", "HEAD"])? != commit
        {
            return Err(error);
        }
        let branch = format!("refs/heads/{}", one.branch);
        let nothing = "0".repeat(commit.len());
        if let Err(error) = at.run(&["update-ref", "-m", "sef race", &branch, commit, &nothing]) {
            match at.ask(&["rev-parse", "--verify", "--quiet", &branch])? {
                None => return Err(error),
                Some(there) if there == commit => {}
                Some(there) => {
                    return Err(Error::new("cannot make the branch", format!("it exists, at {there}"))
                        .at(&one.branch)
                        .fix("it is not the race's: rename it, git branch -m, then resume the race"));
                }
            }
        }
        self.change(&one.name, |one| one.step = Step::Committed)
    }
}

/// Why a worktree is locked; names the race, so that an unfinished one can be told from anybody's.
pub(super) fn reason(id: &str, name: &str) -> String {
    format!("sef race {id} {name}: sef clean removes it")
}

/// Makes a detached, locked worktree of a commit and answers its folder in the repository. What a failure leaves is the
/// caller's to remove.
pub(super) fn check_out(site: &Site<'_>, tree: &Path, commit: &str, reason: &str) -> Result<PathBuf> {
    let Site { git, common_dir, .. } = *site;
    let args =
        ["worktree", "add", "--quiet", "--detach", "--no-checkout", "--lock", "--reason", reason, "--"];
    let mut args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    args.extend([tree.as_os_str(), OsStr::new(commit)]);
    {
        // Git reads the records of all worktrees, and fails when it meets one that another git is just writing.
        let _turn = site.turn()?;
        git.run(&args)?;
    }
    let leaf = tree.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let admin =
        remains::admin_of(tree).filter(|admin| is_admin(admin, common_dir, leaf)).ok_or_else(|| {
            Error::new("cannot make the worktree", "git put its record where none belongs")
                .at(tree)
                .fix("see git worktree list, and report this")
        })?;
    // The configuration can depend on the folder, so it is asked again before files are written.
    git.at(&admin, tree).settled(Filters::Off)?.run(&["read-tree", "--reset", "-u", commit])?;
    Ok(admin)
}

/// Git with somebody to name as author: the user, or nobody.
pub(super) fn as_author(git: &Git, identity: Option<&(String, String)>) -> Git {
    let (name, email) = identity.map_or(NOBODY, |(name, email)| (name.as_str(), email.as_str()));
    git.with("GIT_AUTHOR_NAME", name)
        .with("GIT_AUTHOR_EMAIL", email)
        .with("GIT_COMMITTER_NAME", name)
        .with("GIT_COMMITTER_EMAIL", email)
}
