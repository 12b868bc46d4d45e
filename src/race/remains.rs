//! What is left of a worktree, and its removal without losing anything: the folder is moved aside first, looked at there,
//! and goes only when git says that it holds nothing but a commit; else it comes back. Links are never followed.
//!
//! The end is that of `git worktree remove` without `--force`. That command looks and then deletes, so what is written in
//! between is lost, and a kill in its middle leaves half a folder that no later look can tell from edits.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::git::{Filters, Git};
use super::manifest::{is_admin, turn};
use crate::error::{Error, Result};

/// Where the removal happens.
pub(super) struct Site<'a> {
    /// Git of the repository.
    pub git: &'a Git,
    /// Its shared folder.
    pub common_dir: &'a Path,
    /// The race's private folder.
    pub folder: &'a Path,
}

/// A worktree as it stands.
#[derive(Debug)]
pub(super) enum Found {
    /// Neither folder nor record.
    Nothing,
    /// A folder with its record in the repository.
    Whole {
        /// The record.
        admin: PathBuf,
        /// The commit at its HEAD.
        head: String,
    },
    /// The record alone, or one that git did not finish; nothing is lost with it.
    RecordOnly,
    /// A folder without a record: what it holds cannot be told from the user's work, unless it is empty.
    FolderOnly,
    /// Something that no race makes: the reason.
    Odd(String),
}

impl Site<'_> {
    fn trash(&self, tree: &Path) -> PathBuf {
        self.folder.join("trash").join(tree.file_name().unwrap_or_default())
    }

    /// The lock under which records of worktrees are written and removed, while it lives.
    pub(super) fn turn(&self) -> Result<fs::File> {
        turn(self.folder.parent().expect("a race lies in the folder of all races"))
    }

    /// A place for work that is taken out of the user's repository and kept.
    pub(super) fn kept(&self, name: &str) -> Result<PathBuf> {
        let kept = self.folder.join("kept");
        crate::state::private_dir(&kept).map_err(|error| cannot(&kept, &error))?;
        let free = (0..).map(|number| match number {
            0 => kept.join(name),
            _ => kept.join(format!("{name}.{number}")),
        });
        Ok(free.into_iter().find(|path| fs::symlink_metadata(path).is_err()).expect("one number is free"))
    }
}

/// Looks at a worktree. One that a killed removal had moved aside is moved back, or gone when it was found empty of work.
pub(super) fn look(site: &Site<'_>, tree: &Path, reason: &str) -> Result<Found> {
    restore(site, tree, reason)?;
    let admins = admins(site.common_dir, tree, reason);
    let meta = match fs::symlink_metadata(tree) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(if admins.is_empty() { Found::Nothing } else { Found::RecordOnly });
        }
        other => other.map_err(|error| cannot(tree, &error))?,
    };
    if !meta.is_dir() {
        return Ok(Found::Odd("a file or a link stands in its place".to_owned()));
    }
    let Some(admin) = admins.into_iter().find(|admin| points_to(admin, tree)) else {
        return Ok(Found::FolderOnly);
    };
    if admin.join("modules").exists() {
        return Ok(Found::Odd("submodules were checked out in it".to_owned()));
    }
    let ended = site.git.at(&admin, tree).ended(&["rev-parse", "--verify", "--quiet", "HEAD"])?;
    Ok(match ended.code {
        Some(0) => Found::Whole { admin, head: String::from_utf8_lossy(&ended.out).trim().to_owned() },
        Some(1) => Found::Odd("its HEAD names no commit".to_owned()),
        // The record is there in part: git was killed when it wrote it.
        _ => Found::FolderOnly,
    })
}

/// Removes a whole worktree that holds nothing but its commit. The first changes, when there are some, and then it stays.
pub(super) fn remove(site: &Site<'_>, tree: &Path, admin: &Path, reason: &str) -> Result<Option<String>> {
    let trash = site.trash(tree);
    move_aside(tree, &trash)?;
    if let Some(changes) = changes(site, admin, &trash)? {
        move_aside(&trash, tree)?;
        return Ok(Some(changes));
    }
    remove_records(site, tree, reason)?;
    remove_folder(&trash)?;
    Ok(None)
}

/// Moves a folder with work into the race's folder of kept things, and removes its record.
pub(super) fn keep(site: &Site<'_>, tree: &Path, name: &str, reason: &str) -> Result<PathBuf> {
    let kept = site.kept(&format!("{name}-files"))?;
    fs::rename(tree, &kept).map_err(|error| cannot(tree, &error))?;
    remove_records(site, tree, reason)?;
    Ok(kept)
}

/// Removes what git left of a worktree that was never finished; its files are at most those of a commit.
pub(super) fn remove_unfinished(site: &Site<'_>, tree: &Path, reason: &str) -> Result<()> {
    let trash = site.trash(tree);
    if fs::symlink_metadata(tree).is_ok_and(|meta| meta.is_dir()) {
        // The record goes first: what then lies in the trash without one is known to hold nothing.
        remove_records_only(site, tree, reason)?;
        move_aside(tree, &trash)?;
        return remove_folder(&trash);
    }
    remove_records(site, tree, reason)
}

/// Removes the records of a worktree whose folder is gone.
pub(super) fn remove_records(site: &Site<'_>, tree: &Path, reason: &str) -> Result<()> {
    for admin in admins(site.common_dir, tree, reason) {
        if points_to(&admin, tree) {
            let path = tree.to_string_lossy();
            // It fails when it was unlocked before, which is as well.
            let _ = site.git.ended(&["worktree", "unlock", "--", &path])?;
            if site.git.ended(&["worktree", "remove", "--", &path])?.code == Some(0) {
                continue;
            }
        }
        remove_folder(&admin)?;
    }
    remove_if_empty(&site.common_dir.join("worktrees"))
}

fn remove_records_only(site: &Site<'_>, tree: &Path, reason: &str) -> Result<()> {
    for admin in admins(site.common_dir, tree, reason) {
        remove_folder(&admin)?;
    }
    remove_if_empty(&site.common_dir.join("worktrees"))
}

/// Files below a folder, not through links, without its own `.git`; at most `most`.
pub(super) fn files(folder: &Path, most: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|error| cannot(&next, &error))?.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path != folder.join(".git") {
                found.push(path.strip_prefix(folder).expect("it was found there").to_owned());
            }
            if found.len() >= most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The record that the `.git` file of a worktree names.
pub(super) fn admin_of(tree: &Path) -> Option<PathBuf> {
    let bytes = crate::fsx::read_regular(&tree.join(".git"), 64 << 10).ok()?;
    Some(super::git::path(bytes.strip_prefix(b"gitdir: ")?))
}

/// Is this the record of the worktree in that folder?
pub(super) fn points_to(admin: &Path, tree: &Path) -> bool {
    is_folder(admin) && gitdir(admin).is_some_and(|path| path == tree.join(".git"))
}

fn gitdir(admin: &Path) -> Option<PathBuf> {
    crate::fsx::read_regular(&admin.join("gitdir"), 64 << 10).ok().map(|bytes| super::git::path(&bytes))
}

/// The repository's records of a worktree, also those that a killed git had only begun: without a path yet, but locked with
/// our reason, or still empty. Their names hold the race's random part, so they are nobody else's.
fn admins(common_dir: &Path, tree: &Path, reason: &str) -> Vec<PathBuf> {
    let leaf = tree.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_ours = |admin: &PathBuf| {
        if !is_folder(admin) || !is_admin(admin, common_dir, leaf) {
            return false;
        }
        if let Some(path) = gitdir(admin).filter(|path| !path.as_os_str().is_empty()) {
            return path == tree.join(".git");
        }
        let locked = fs::read(admin.join("locked")).unwrap_or_default();
        locked.is_empty() || locked.starts_with(reason.as_bytes())
    };
    let entries = fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_ours).collect()
}

/// Puts back what a killed removal had moved aside; what has no record any more was found to hold nothing, and goes.
fn restore(site: &Site<'_>, tree: &Path, reason: &str) -> Result<()> {
    let trash = site.trash(tree);
    if !is_folder(&trash) {
        return Ok(());
    }
    if !admins(site.common_dir, tree, reason).iter().any(|admin| points_to(admin, tree)) {
        return remove_folder(&trash);
    }
    if fs::symlink_metadata(tree).is_ok() {
        return Err(cannot(tree, &"something stands where a folder in the trash belongs"));
    }
    move_aside(&trash, tree)
}

/// What a worktree holds beyond its commit, shortened; none when nothing. Ignored files do not count, as in git's removal.
fn changes(site: &Site<'_>, admin: &Path, tree: &Path) -> Result<Option<String>> {
    let git = site.git.at(admin, tree).settled(Filters::Off)?;
    let status = ["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=dirty"];
    let out = git.run(&status)?;
    let changed: Vec<&[u8]> = out.split(|byte| *byte == 0).filter(|line| !line.is_empty()).collect();
    let Some(first) = changed.first() else { return Ok(None) };
    let first = crate::report::text::name(&String::from_utf8_lossy(first.get(3..).unwrap_or(first)), 80);
    Ok(Some(match changed.len() {
        1 => format!("{first} is not committed"),
        count => format!("{first} and {} more are not committed", count - 1),
    }))
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

fn move_aside(from: &Path, to: &Path) -> Result<()> {
    let above = to.parent().unwrap_or(to);
    crate::state::private_dir(above).and_then(|()| fs::rename(from, to)).map_err(|error| cannot(from, &error))
}

/// Removes a folder with all that is in it; a link is removed, what it points to stays.
fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot(folder, &error)),
        _ => Ok(()),
    }
}

fn remove_if_empty(folder: &Path) -> Result<()> {
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(cannot(folder, &error)),
        _ => Ok(()),
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new("cannot remove what is left of the race", error)
        .at(path)
        .fix("see that the folder may be written, then run sef clean again")
}
