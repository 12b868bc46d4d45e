//! Puts a winner's commit onto a branch of the user.
//!
//! What the branch will be is made first, in a worktree of our own: the winner's commit itself when the branch has not moved
//! since the base, else a cherry-pick or a merge. A conflict ends there and nothing of the user's has changed. Then the branch
//! moves, and with it the checkout that has it. The record says before each step what is under way, so that after a kill
//! [`settle`] finds the branch promoted, or puts the checkout back and says that it is not.
//!
//! The user's hooks do not run: a hook may change or refuse the commit, and what is promoted is to be what was judged. Filters
//! do run in the user's checkout, where files have to look as everywhere else in it, and so do merge drivers.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::git::{Filters, Git};
use super::manifest::{Candidate, Manifest, PROMOTION, Race};
use super::remains::{self, Site};
use super::repo::Repo;
use super::worktree::{as_author, check_out, reason};
use crate::error::{Error, Result};
use crate::fsx::names::shown;

/// A promotion, as the race's record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Whose commit.
    pub candidate: String,
    /// The branch, like `refs/heads/main`.
    pub target: String,
    /// The checkout that has the branch, when one has.
    pub checkout: Option<PathBuf>,
    /// Where the branch was.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// How it gets there.
    pub by: By,
    /// How far it is.
    pub stage: Stage,
}

/// How far a promotion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Checkout and branch are being moved.
    Moving,
    /// It is done.
    Promoted,
    /// It did not come to be, and everything is as before it.
    Dropped,
}

/// What the branch was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The winner's own commit.
    FastForward,
    /// A copy of it on what came since.
    CherryPick,
    /// A merge of it.
    Merge,
}

/// Onto which branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto<'a> {
    /// The one that the race's checkout is at.
    Current,
    /// The one of this name.
    Branch(&'a str),
}

/// What to do when the branch has moved since the base commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum How {
    /// One commit on top.
    #[default]
    CherryPick,
    /// A merge commit.
    Merge,
}

impl Promotion {
    /// The winner is on the branch.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Promoted
    }

    /// Nothing of it is under way.
    pub fn is_settled(&self) -> bool {
        self.stage != Stage::Moving
    }
}

/// Promotes a candidate's commit. After an error the branch and its checkout are as before.
pub fn promote(race: &Race, candidate: &str, onto: Onto<'_>, how: How) -> Result<Promotion> {
    let git = race.git();
    let site = Site { git: &git, common_dir: &race.repo.common_dir, folder: race.folder() };
    let mut manifest = race.manifest();
    settle(&site, &mut manifest)?;
    race.update(|known| known.promotion = manifest.promotion)?;
    let one = race.candidate(candidate)?;
    let commit = one.commit.clone().ok_or_else(|| {
        cannot("it has no commit").at(&one.name).fix("promote a candidate that was finished")
    })?;
    let (target, checkout) = target(race, onto)?;
    let from = git.ask(&["rev-parse", "--verify", "--quiet", &target])?.ok_or_else(|| {
        cannot("there is no such branch").at(&target).fix("git branch NAME makes one; or name another")
    })?;
    if git.ask(&["merge-base", "--is-ancestor", &commit, &from])?.is_some() {
        let done = Promotion {
            candidate: one.name,
            target,
            checkout,
            to: from.clone(),
            from,
            by: By::FastForward,
            stage: Stage::Promoted,
        };
        race.update(|known| known.promotion = Some(done.clone()))?;
        return Ok(done);
    }
    if let Some(top) = &checkout {
        check_free(&git, top)?;
    }
    let (to, by) = if git.ask(&["merge-base", "--is-ancestor", &from, &commit])?.is_some() {
        (commit, By::FastForward)
    } else {
        join(race, &site, &one, &from, &commit, how)?
    };
    let mut promotion =
        Promotion { candidate: one.name, target, checkout, from, to, by, stage: Stage::Moving };
    race.update(|known| known.promotion = Some(promotion.clone()))?;
    let moved = carry_out(&git, &promotion);
    promotion.stage = if moved.is_ok() { Stage::Promoted } else { Stage::Dropped };
    race.update(|known| known.promotion = Some(promotion.clone()))?;
    moved.map(|()| promotion)
}

/// Finds out what became of a promotion that was killed, ends it, and says so; none when none was under way. The record is
/// changed, but saving it is the caller's.
pub(super) fn settle(site: &Site<'_>, manifest: &mut Manifest) -> Result<Option<String>> {
    let Some(promotion) = manifest.promotion.as_mut().filter(|promotion| !promotion.is_settled()) else {
        return Ok(None);
    };
    let (git, target) = (site.git, promotion.target.as_str());
    let there = git.ask(&["rev-parse", "--verify", "--quiet", target])?;
    check_locks(site, promotion)?;
    let has_it = match &there {
        Some(there) => git.ask(&["merge-base", "--is-ancestor", &promotion.to, there])?.is_some(),
        None => false,
    };
    let (stage, said) = if has_it {
        (Stage::Promoted, format!("{} was promoted onto {target} before the kill", promotion.candidate))
    } else {
        if there.as_ref() == Some(&promotion.from) {
            put_back(git, promotion)?;
        }
        (Stage::Dropped, format!("{} was not promoted; {target} is as it was", promotion.candidate))
    };
    promotion.stage = stage;
    Ok(Some(said))
}

/// The full name of the branch, and the checkout that has it: the race's own, or none.
fn target(race: &Race, onto: Onto<'_>) -> Result<(String, Option<PathBuf>)> {
    // HEAD may have moved since the race began.
    let repo = Repo::find(&race.repo.top)?;
    let name = match (onto, &repo.branch) {
        (Onto::Branch(name), _) => name.to_owned(),
        (Onto::Current, Some(name)) => name.clone(),
        (Onto::Current, None) => {
            return Err(cannot("HEAD is detached, so there is no current branch")
                .at(&repo.top)
                .fix("name the branch: --onto NAME"));
        }
    };
    let target = format!("refs/heads/{name}");
    if repo.git.ask(&["check-ref-format", &target])?.is_none() {
        return Err(cannot("that is no name of a branch")
            .at(shown(&name))
            .fix("git branch lists those there are"));
    }
    if repo.branch.as_deref() == Some(&name) {
        return Ok((target, Some(repo.top)));
    }
    let out = repo.git.run(&["worktree", "list", "--porcelain"])?;
    let text = String::from_utf8_lossy(&out);
    let mut place = "";
    for line in text.lines() {
        place = line.strip_prefix("worktree ").unwrap_or(place);
        if line.strip_prefix("branch ") == Some(&target) {
            return Err(cannot(format!("the branch is checked out in {place}"))
                .at(name)
                .fix("promote from there, or onto another branch"));
        }
    }
    Ok((target, None))
}

/// Refuses a checkout with changes, and one in the middle of something.
fn check_free(git: &Git, top: &Path) -> Result<()> {
    let at = in_checkout(git, top)?;
    let git_dir = super::git::path(&at.run(&["rev-parse", "--absolute-git-dir"])?);
    for (name, what) in [
        ("MERGE_HEAD", "a merge"),
        ("CHERRY_PICK_HEAD", "a cherry-pick"),
        ("REVERT_HEAD", "a revert"),
        ("rebase-merge", "a rebase"),
        ("rebase-apply", "a rebase"),
        ("sequencer", "a cherry-pick"),
        ("BISECT_LOG", "a bisection"),
        ("index.lock", "another git command"),
    ] {
        if std::fs::symlink_metadata(git_dir.join(name)).is_ok() {
            return Err(cannot(format!("{what} is in progress")).at(top).fix("end it, then promote again"));
        }
    }
    let status = ["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=dirty"];
    let out = at.run(&status)?;
    if let Some(first) = out.split(|byte| *byte == 0).next().filter(|line| !line.is_empty()) {
        let first = String::from_utf8_lossy(first.get(3..).unwrap_or(first)).into_owned();
        return Err(cannot(format!("{} is changed and not committed", shown(&first)))
            .at(top)
            .fix("commit or stash your changes, then promote again"));
    }
    Ok(())
}

/// Makes the commit that the branch gets, in a worktree of our own.
fn join(
    race: &Race,
    site: &Site<'_>,
    one: &Candidate,
    from: &str,
    commit: &str,
    how: How,
) -> Result<(String, By)> {
    let manifest = race.manifest();
    let tree = race.folder().join("trees").join(format!("{PROMOTION}-{}", manifest.short_id()));
    let reason = reason(&manifest.id, PROMOTION);
    let clear = || site.turn().and_then(|_turn| remains::remove_unfinished(site, &tree, &reason));
    clear()?;
    let made = check_out(site, &tree, from, &reason).and_then(|admin| {
        let at = site.git.at(&admin, &tree).settled(Filters::Off)?;
        let at = as_author(&at, race.repo.identity.as_ref());
        let message = format!("Merge {} of race {}", one.name, manifest.id);
        let (by, args) = match how {
            How::CherryPick => (By::CherryPick, vec!["cherry-pick", commit]),
            How::Merge => (
                By::Merge,
                vec!["merge", "--quiet", "--no-ff", "--no-edit", "--no-verify", "-m", &message, commit],
            ),
        };
        let ended = at.ended(&args)?;
        if ended.code == Some(0) {
            return Ok((at.line(&["rev-parse", "--verify", "HEAD"])?, by));
        }
        let clashing = at.run(&["diff", "--name-only", "--diff-filter=U", "--no-ext-diff"])?;
        let clashing = String::from_utf8_lossy(&clashing).lines().map(shown).collect::<Vec<_>>().join(", ");
        let why = match (clashing.is_empty(), ended.err.is_empty()) {
            (false, _) => format!("it conflicts with what came since the race began, in {clashing}"),
            (true, false) => ended.err,
            (true, true) => "the branch has all of its changes already".to_owned(),
        };
        Err(cannot(why)
            .at(&one.branch)
            .fix(format!("nothing was changed; merge it by hand: git merge {}", one.branch)))
    });
    let removed = clear();
    let made = made?;
    removed?;
    Ok(made)
}

/// Moves checkout and branch. After an error both are as before.
fn carry_out(git: &Git, promotion: &Promotion) -> Result<()> {
    let Promotion { candidate, target, checkout, from, to, .. } = promotion;
    let message = format!("sef: promote {candidate}");
    let Some(top) = checkout else {
        return git.run(&["update-ref", "-m", &message, target, to, from]).map(drop);
    };
    let at = in_checkout(git, top)?;
    check_untracked(&at, top, from, to)?;
    // It brings stat data up to date, so that files which were only touched do not count as changed.
    let _ = at.ended(&["update-index", "-q", "--refresh"])?;
    at.run(&["read-tree", "-m", "-u", from, to])?;
    let moved = at.run(&["update-ref", "-m", &message, "HEAD", to, from]);
    if let Err(error) = moved {
        at.run(&["read-tree", "-m", "-u", to, from])?;
        return Err(error);
    }
    Ok(())
}

/// Refuses to write over files that git does not track, ignored ones too.
fn check_untracked(at: &Git, top: &Path, from: &str, to: &str) -> Result<()> {
    for path in changed(at, from, to, "--diff-filter=A")? {
        if std::fs::symlink_metadata(top.join(&path)).is_ok() {
            return Err(cannot(format!(
                "{} is there and not tracked, and would be overwritten",
                path.display()
            ))
            .at(top)
            .fix("move it away, then promote again"));
        }
    }
    Ok(())
}

/// Refuses to go on while a lock is left that a git which was killed had taken: the branch's, HEAD's or the index's.
fn check_locks(site: &Site<'_>, promotion: &Promotion) -> Result<()> {
    let mut locks = vec![site.common_dir.join(format!("{}.lock", promotion.target))];
    if let Some(top) = promotion.checkout.as_deref().filter(|top| top.is_dir()) {
        let git_dir = in_checkout(site.git, top)?.run(&["rev-parse", "--absolute-git-dir"])?;
        let git_dir = super::git::path(&git_dir);
        locks.extend(["HEAD.lock", "index.lock"].map(|name| git_dir.join(name)));
    }
    let Some(lock) = locks.into_iter().find(|lock| lock.symlink_metadata().is_ok()) else { return Ok(()) };
    Err(cannot("a promotion was killed, and a lock of git's is still there")
        .at(lock)
        .fix("see that no git runs there, remove the lock, then run it again: it finishes or puts the checkout back"))
}

/// Puts a checkout back of which a killed promotion changed some files: each must be as one of the two commits has it, gone,
/// or the beginning of what was being written; else somebody changed it since, and nothing is touched.
fn put_back(git: &Git, promotion: &Promotion) -> Result<()> {
    let Some(top) = promotion.checkout.as_deref().filter(|top| top.is_dir()) else { return Ok(()) };
    let at = in_checkout(git, top)?;
    let paths = changed(&at, &promotion.from, &promotion.to, "--diff-filter=ADMT")?;
    let before = Listing::of(&at, &promotion.from)?;
    let after = Listing::of(&at, &promotion.to)?;
    for path in &paths {
        if !is_known(&at, top, path, &before, &after)? {
            return Err(cannot(format!("{} was changed since a promotion was killed", path.display()))
                .at(top)
                .fix("save what you want of it, git checkout HEAD -- that file, then run it again"));
        }
    }
    let staged = at.run(&["diff-index", "--cached", "--name-only", "-z", &promotion.from])?;
    let ours: BTreeSet<&[u8]> = paths.iter().map(|path| path.as_os_str().as_bytes()).collect();
    if let Some(other) = staged.split(|byte| *byte == 0).find(|path| !path.is_empty() && !ours.contains(path))
    {
        return Err(cannot(format!(
            "{} was staged since a promotion was killed",
            String::from_utf8_lossy(other)
        ))
        .at(top)
        .fix("git restore --staged that file, then run it again"));
    }
    let (mut index, mut written) = (Vec::new(), Vec::new());
    for path in &paths {
        let name = path.as_os_str().as_bytes();
        let entry = before.entry(path).unwrap_or_else(|| format!("0 {}", "0".repeat(promotion.from.len())));
        index.extend_from_slice(entry.as_bytes());
        index.extend([b"\t", name, b"\0"].concat());
        if before.entry(path).is_some() {
            written.extend([name, b"\0"].concat());
        } else {
            remove_file(top, path);
        }
    }
    at.feed(&["update-index", "-z", "--index-info"], &index)?;
    at.feed(&["checkout-index", "--force", "--index", "-z", "--stdin"], &written).map(drop)
}

/// Removes a file that a promotion added, and the folders that are then empty.
fn remove_file(top: &Path, path: &Path) {
    let _ = std::fs::remove_file(top.join(path));
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        if std::fs::remove_dir(top.join(folder)).is_err() {
            return;
        }
    }
}

fn is_known(at: &Git, top: &Path, path: &Path, before: &Listing, after: &Listing) -> Result<bool> {
    let full = top.join(path);
    let Ok(meta) = std::fs::symlink_metadata(&full) else { return Ok(true) };
    let object = if meta.is_symlink() {
        let target = std::fs::read_link(&full).unwrap_or_default();
        Some(at.feed(&["hash-object", "--stdin"], target.as_os_str().as_bytes())?)
    } else if meta.is_file() {
        let args: [&OsStr; 3] = [OsStr::new("hash-object"), OsStr::new("--"), path.as_os_str()];
        Some(at.run(&args)?)
    } else {
        None
    };
    let Some(object) = object.map(|out| String::from_utf8_lossy(&out).trim().to_owned()) else {
        return Ok(false);
    };
    if [before, after].iter().any(|listing| listing.object(path) == Some(&object)) {
        return Ok(true);
    }
    let Some(written) = after.object(path) else { return Ok(false) };
    let whole = at.run(&["cat-file", "blob", written])?;
    Ok(std::fs::read(&full).is_ok_and(|bytes| whole.starts_with(&bytes)))
}

/// Modes and objects of a commit's files.
struct Listing(std::collections::BTreeMap<PathBuf, (String, String)>);

impl Listing {
    fn of(at: &Git, commit: &str) -> Result<Self> {
        let out = at.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let entry = |line: &[u8]| {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
            let (mode, object) = (words.next()?.to_owned(), words.nth(1)?.to_owned());
            Some((PathBuf::from(OsStr::from_bytes(&line[tab + 1..])), (mode, object)))
        };
        Ok(Self(out.split(|byte| *byte == 0).filter_map(entry).collect()))
    }

    fn entry(&self, path: &Path) -> Option<String> {
        self.0.get(path).map(|(mode, object)| format!("{mode} {object}"))
    }

    fn object(&self, path: &Path) -> Option<&String> {
        self.0.get(path).map(|(_, object)| object)
    }
}

/// Paths in which two commits differ.
fn changed(at: &Git, from: &str, to: &str, filter: &str) -> Result<Vec<PathBuf>> {
    let out = at.run(&["diff-tree", "-r", "-z", "--name-only", "--no-renames", filter, from, to])?;
    let paths = out.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect())
}

/// Git as the user runs it in a checkout, without hooks.
fn in_checkout(git: &Git, top: &Path) -> Result<Git> {
    git.started_in(top).settled(Filters::AsConfigured)
}

fn cannot(why: impl std::fmt::Display) -> Error {
    Error::new("cannot promote the candidate", why)
}
