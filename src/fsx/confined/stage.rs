//! The folder that holds files of one run until all of them are there: fresh, 0700, right below the root, so that a
//! rename takes them in. It holds regular files under numbers and nothing else.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};

use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, RawMode, RenameFlags, mkdirat, openat, renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::found::{Kept, Look, look};
use super::root::{Root, enter};

/// Marks the second name that a displaced file has for a moment, where files cannot be swapped.
pub(super) const DISPLACED: &str = ".was";
/// Ends the folder's name once it is full.
const SEALED: &str = ".full";

/// The open folder.
#[derive(Debug)]
pub struct Stage {
    pub(super) folder: OwnedFd,
    above: OwnedFd,
    name: String,
}

impl Stage {
    /// Makes it; a folder of that name is an error.
    pub fn make(root: &Root, name: &str) -> io::Result<Self> {
        let above = root.handle().ok_or(io::ErrorKind::NotFound)?.try_clone()?;
        mkdirat(&above, name, Mode::from_raw_mode(0o700))?;
        let folder = enter(&above, name)?;
        Ok(Self { folder, above, name: name.to_owned() })
    }

    /// Marks that every file is in it: from now on it may hold files of a person, which came out of their places.
    pub fn seal(&mut self) -> io::Result<()> {
        let sealed = format!("{}{SEALED}", self.name);
        renameat_with(&self.above, &self.name, &self.above, &sealed, RenameFlags::empty())?;
        self.name = sealed;
        Ok(())
    }

    /// Opens the sealed one that a killed run left, when there is one. One that was not sealed holds nothing but what
    /// was to be written, perhaps in part, and is removed.
    pub fn left(root: &Root, name: &str) -> io::Result<Option<Self>> {
        if let Some(unsealed) = Self::open(root, name)? {
            unsealed.remove()?;
        }
        Self::open(root, &format!("{name}{SEALED}"))
    }

    fn open(root: &Root, name: &str) -> io::Result<Option<Self>> {
        let Some(above) = root.handle() else { return Ok(None) };
        let above = above.try_clone()?;
        match enter(&above, name) {
            Ok(folder) => Ok(Some(Self { folder, above, name: name.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a new file. The umask is taken from the mode.
    pub fn add(&self, number: usize, bytes: &[u8], mode: u32) -> io::Result<()> {
        self.create(number, mode)?.write_all(bytes)
    }

    /// Adds a file that has mode and group of the one that it replaces, and its time when `time` says so.
    pub fn add_like(&self, number: usize, bytes: &[u8], kept: &Kept, time: Time) -> io::Result<()> {
        // Nobody may read it before it has the mode of what it replaces.
        let mut file = self.create(number, 0o600)?;
        file.write_all(bytes)?;
        if file.metadata()?.gid() != kept.group {
            fchown(&file, None, Some(kept.group))?;
        }
        file.set_permissions(Permissions::from_mode(kept.mode))?;
        match time {
            Time::Now => Ok(()),
            Time::Kept => file.set_modified(kept.time()),
        }
    }

    fn create(&self, number: usize, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // A mode has twelve bits; macOS keeps them in sixteen.
        let mode = Mode::from_raw_mode(mode as RawMode);
        Ok(openat(&self.folder, label(number), flags, mode)?.into())
    }

    /// Looks at one of its files, also at one that a killed run had displaced without a swap.
    pub fn look(&self, number: usize) -> io::Result<Look> {
        let (label, displaced) = (label(number), format!("{number}{DISPLACED}"));
        let held = look(&self.folder, &label)?;
        if matches!(held, Look::Missing) && matches!(look(&self.folder, &displaced)?, Look::File(_)) {
            renameat_with(&self.folder, &displaced, &self.folder, &label, RenameFlags::empty())?;
            return look(&self.folder, &label);
        }
        Ok(held)
    }

    /// Removes the folder with its files. A folder inside, which is none of ours, is an error.
    pub fn remove(self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut entries = Dir::new(openat(&self.above, &self.name, flags, Mode::empty())?)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                unlinkat(&self.folder, entry.file_name(), AtFlags::empty())?;
            }
        }
        Ok(unlinkat(&self.above, &self.name, AtFlags::REMOVEDIR)?)
    }
}

/// Which time a replacement gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// That of its writing.
    Now,
    /// That of the file whose content it has.
    Kept,
}

/// Name of a file in the stage.
pub(super) fn label(number: usize) -> String {
    number.to_string()
}
