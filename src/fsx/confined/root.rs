//! The folder that generated files go below, as an open handle, and the folders inside it.
//!
//! Decides which folders may be a root at all. Never follows a link below the root: each component is opened from the
//! handle of the one above it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::found::said;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::names::Relative;
use crate::fsx::never;

const WHAT: &str = "cannot write into the folder";

/// A handle that is only passed through needs no permission to list the folder.
#[cfg(target_os = "linux")]
const THROUGH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const THROUGH: OFlags = OFlags::RDONLY;

/// The folder that files go below. It need not exist yet.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    /// The deepest folder on the way to it that exists, itself when it does.
    anchor: OwnedFd,
    /// What is missing below the anchor, outermost first.
    missing: Vec<OsString>,
    off_limits: Vec<OffLimits>,
    /// The checkout inside one of them that the root is in.
    checkout: Option<Checkout>,
}

/// A folder that no generated file goes into, and what it is.
#[derive(Debug)]
struct OffLimits {
    folder: PathBuf,
    what: &'static str,
}

/// A folder below the root.
#[derive(Debug)]
pub enum Folder {
    /// It is there.
    Open(OwnedFd),
    /// It is not there, or one above it is not.
    Missing,
    /// Something on the way is no folder.
    Blocked {
        /// Path of what is in the way, below the root.
        at: String,
        /// What it is, with its article.
        what: &'static str,
    },
}

impl Root {
    /// Finds the folder and refuses those that no generated file may go into. Links on the way to it are followed: the
    /// person named them. What is missing is made only by [`Root::make`].
    pub fn open(path: &Path, env: &Env) -> Result<Self> {
        let cannot = |why: &str| Error::new(WHAT, why).at(path);
        let path = resolve(path)?;
        let off_limits = off_limits(env);
        if path.parent().is_none() {
            return Err(cannot("it is the root of the file system").fix("name a folder of a project"));
        }
        if let Some(home) = env.home.as_deref().map(real)
            && home.starts_with(&path)
        {
            return Err(cannot("it is the home folder, or holds it").fix("name a folder of a project"));
        }
        let checkout = checkout(&path, env);
        if checkout.is_none()
            && let Some(own) = off_limits.iter().find(|own| path.starts_with(&own.folder))
        {
            return Err(cannot(&format!("it is in {}", own.what)).fix("name a folder of a project"));
        }
        if let Some(met) = never::find(tail(&path, checkout.as_ref()).iter().map(String::as_str)) {
            let why = format!("it is, or is in, `{}`: {}", met.pattern, met.class);
            return Err(cannot(&why).fix("name a folder of a project; no option allows this one"));
        }
        if let Some(git) = path.ancestors().find(|folder| is_repository(CWD, folder)) {
            return Err(Error::new(WHAT, "it is inside the files of a git repository, which hold commands")
                .at(git)
                .fix("name a folder of a checkout"));
        }
        let root = Self { off_limits, checkout, ..Self::reopen(&path)? };
        accessat(&root.anchor, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()).map_err(
            |error| {
                let missing: PathBuf = root.missing.iter().collect();
                let at = path.ancestors().nth(missing.components().count()).unwrap_or(&path);
                Error::new(WHAT, io::Error::from(error))
                    .at(at)
                    .fix("see that you may write it, or name another")
            },
        )?;
        Ok(root)
    }

    /// The folder of an earlier run by its real path, in whatever state it is; only for taking back.
    pub fn reopen(path: &Path) -> Result<Self> {
        let failed = |at: &Path, error: Errno| {
            let why = match error {
                Errno::NOTDIR | Errno::LOOP => "it is no folder, or became a symbolic link".to_owned(),
                other => io::Error::from(other).to_string(),
            };
            Error::new(WHAT, why).at(at).fix("name a folder that you may read and write")
        };
        let components: Vec<&OsStr> = path
            .components()
            .filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None })
            .collect();
        let mut at = PathBuf::from("/");
        let mut anchor = openat(CWD, "/", OFlags::DIRECTORY | OFlags::CLOEXEC | THROUGH, Mode::empty())
            .map_err(|error| failed(&at, error))?;
        for (number, name) in components.iter().enumerate() {
            at.push(name);
            match enter(&anchor, *name) {
                Ok(next) => anchor = next,
                Err(Errno::NOENT) => {
                    let missing = components[number..].iter().map(|name| (*name).to_owned()).collect();
                    return Ok(Self {
                        path: path.to_owned(),
                        anchor,
                        missing,
                        off_limits: Vec::new(),
                        checkout: None,
                    });
                }
                Err(error) => return Err(failed(&at, error)),
            }
        }
        Ok(Self {
            path: path.to_owned(),
            anchor,
            missing: Vec::new(),
            off_limits: Vec::new(),
            checkout: None,
        })
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many folders [`Root::make`] would make.
    pub fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Makes what is missing, with mode 0777 less the umask.
    pub fn make(&mut self) -> Result<()> {
        while !self.missing.is_empty() {
            let name = &self.missing[0];
            let made = match mkdirat(&self.anchor, name, Mode::from_raw_mode(0o777)) {
                Err(Errno::EXIST) | Ok(()) => enter(&self.anchor, name),
                Err(error) => Err(error),
            };
            self.anchor = made.map_err(|error| {
                Error::new("cannot make the folder", io::Error::from(error))
                    .at(&self.path)
                    .fix("see that the folder above it may be written and the disk is not full")
            })?;
            self.missing.remove(0);
        }
        Ok(())
    }

    /// Removes the innermost `count` folders of its path, as far as they are empty.
    pub fn unmake(&mut self, count: usize) -> io::Result<()> {
        for folder in self.path.ancestors().take(count) {
            let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { break };
            let above = Self::reopen(parent).map_err(io::Error::other)?;
            if above.missing.is_empty() && !remove_empty(&above.anchor, name)? {
                break;
            }
        }
        let now = Self::reopen(&self.path).map_err(io::Error::other)?;
        (self.anchor, self.missing) = (now.anchor, now.missing);
        Ok(())
    }

    /// The root's own handle, when it exists.
    pub fn handle(&self) -> Option<&OwnedFd> {
        self.missing.is_empty().then_some(&self.anchor)
    }

    /// Opens a folder below the root; an empty path is the root.
    pub fn folder(&self, path: &str) -> io::Result<Folder> {
        let Some(root) = self.handle() else { return Ok(Folder::Missing) };
        let mut folder = root.try_clone()?;
        let mut length = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            length += name.len() + usize::from(length > 0);
            folder = match enter(&folder, name) {
                Ok(next) => next,
                Err(Errno::NOENT) => return Ok(Folder::Missing),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    let what = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
                        .map_or("gone", |stat| said(FileType::from_raw_mode(stat.st_mode)));
                    return Ok(Folder::Blocked { at: path[..length].to_owned(), what });
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(Folder::Open(folder))
    }

    /// The folder of a file; anything but an open folder is an error.
    pub fn folder_of(&self, path: &Relative) -> io::Result<OwnedFd> {
        match self.folder(path.folder())? {
            Folder::Open(folder) => Ok(folder),
            Folder::Missing => Err(io::Error::new(io::ErrorKind::NotFound, "its folder is gone")),
            Folder::Blocked { at, what } => Err(io::Error::other(format!("{at} is {what}"))),
        }
    }

    /// Makes one folder below the root, in a folder that is there. Says whether it was made.
    pub fn make_folder(&self, path: &str) -> io::Result<bool> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Folder::Open(above) = self.folder(above)? else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the folder above it is gone"));
        };
        match mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes one folder below the root if it is there and empty. Says whether it is gone.
    pub fn remove_folder(&self, path: &str) -> io::Result<bool> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        match self.folder(above)? {
            Folder::Open(above) => remove_empty(&above, OsStr::new(name)),
            Folder::Missing => Ok(true),
            Folder::Blocked { .. } => Ok(false),
        }
    }

    /// Why a file below the root may not be written although its own path is plain.
    pub fn forbids(&self, path: &Relative) -> Option<String> {
        let whole = self.path.join(path.as_str());
        if let Some(own) = self.off_limits.iter().find(|own| whole.starts_with(&own.folder))
            && self.checkout.is_none()
        {
            return Some(format!("it is in {}", own.what));
        }
        let met = never::find(tail(&whole, self.checkout.as_ref()).iter().map(String::as_str))?;
        Some(format!("files of the kind `{}` are never generated: {}", met.pattern, met.class))
    }

    /// Waits until what was written below the root is on the disk, so far as the system offers it. Not in a worktree of a race:
    /// what a power cut takes there is written again from the race's record, and this wait is for the whole disk.
    pub fn sync(&self) -> io::Result<()> {
        if self.checkout.as_ref().is_some_and(|checkout| checkout.of_race) {
            return Ok(());
        }
        let Some(root) = self.handle() else { return Ok(()) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let whole = openat(root, ".", flags, Mode::empty())?;
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&whole)?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::fsync(&whole)?;
        Ok(())
    }
}

/// Does git take the folder for a repository, with or without `.git` in its name?
pub(super) fn is_repository(above: impl AsFd, folder: &Path) -> bool {
    let has = |name: &str| statat(above.as_fd(), folder.join(name), AtFlags::empty()).is_ok();
    has("HEAD") && (has("objects") || has("commondir"))
}

/// Opens a folder in an open one, never through a link.
pub(super) fn enter<F: AsFd>(above: F, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | THROUGH;
    openat(above, name, flags, Mode::empty())
}

fn remove_empty(above: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match unlinkat(above, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The real path of a folder that may be missing in part.
fn resolve(path: &Path) -> Result<PathBuf> {
    let cannot = |why: &dyn std::fmt::Display| Error::new(WHAT, why).at(path);
    let whole = std::path::absolute(path).map_err(|error| cannot(&error).fix("name a folder"))?;
    let there = whole
        .ancestors()
        .find(|folder| std::fs::symlink_metadata(folder).is_ok())
        .ok_or_else(|| cannot(&"nothing of its path exists").fix("name a folder of a project"))?;
    let real = std::fs::canonicalize(there)
        .map_err(|error| cannot(&error).fix(format!("see where {} leads", there.display())))?;
    if !real.is_dir() {
        return Err(Error::new(WHAT, "it is no folder").at(there).fix("name a folder"));
    }
    let missing = whole.strip_prefix(there).expect("an ancestor is a prefix");
    if missing.as_os_str().is_empty() {
        return Ok(real);
    }
    let text = missing
        .to_str()
        .ok_or_else(|| cannot(&"its name is not UTF-8").fix("make the folder yourself, or name another"))?;
    Relative::check(text).map_err(|error| {
        cannot(&format!("a folder of that name is not made: {}", error.why)).fix("name another folder")
    })?;
    Ok(real.join(missing))
}

/// A folder as far as it can be made real.
fn real(folder: &Path) -> PathBuf {
    let Some(there) = folder.ancestors().find(|part| part.exists()) else { return folder.to_owned() };
    let rest = folder.strip_prefix(there).expect("an ancestor is a prefix");
    match std::fs::canonicalize(there) {
        Ok(real) if rest.as_os_str().is_empty() => real,
        Ok(real) => real.join(rest),
        Err(_) => folder.to_owned(),
    }
}

fn off_limits(env: &Env) -> Vec<OffLimits> {
    [
        (&env.claude_dir, "Claude Code's folder"),
        (&env.state_dir, "SEF's state folder"),
        (&env.config_dir, "SEF's configuration folder"),
        (&env.bin_dir, "the folder of SEF's binaries"),
    ]
    .into_iter()
    .filter_map(|(folder, what)| Some(OffLimits { folder: real(folder.as_deref()?), what }))
    .collect()
}

/// A checkout inside closed folders.
#[derive(Debug)]
struct Checkout {
    top: PathBuf,
    /// SEF's own, not Claude Code's.
    of_race: bool,
}

/// The checkout inside closed folders that a path is in: a worktree of Claude Code's, `.claude/worktrees/NAME`, or a race's in
/// SEF's state folder, `races/ID/trees/NAME`. Both hold a project, not settings.
fn checkout(path: &Path, env: &Env) -> Option<Checkout> {
    let races = env.state_dir.as_deref().map(|state| real(state).join("races"));
    let above = |folder: &Path, count: usize| folder.ancestors().nth(count).map(Path::to_owned);
    let is_named = |folder: &Path, count: usize, name: &str| {
        above(folder, count).is_some_and(|folder| folder.file_name() == Some(OsStr::new(name)))
    };
    let found = |folder: &Path| {
        let of_race = is_named(folder, 1, "trees") && races.is_some() && above(folder, 3) == races;
        let of_claude = is_named(folder, 1, "worktrees") && is_named(folder, 2, ".claude");
        (of_race || of_claude).then(|| Checkout { top: folder.to_owned(), of_race })
    };
    path.ancestors().find_map(found)
}

/// The components that the table of names is asked about: all, or those below a checkout inside closed folders.
fn tail(path: &Path, checkout: Option<&Checkout>) -> Vec<String> {
    let below = checkout.and_then(|checkout| path.strip_prefix(&checkout.top).ok()).unwrap_or(path);
    below
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}
