//! What stands under a name in an open folder, looked at without following a link and without waiting on a pipe.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::fsx::read_up_to;

/// Largest file that is read, in bytes; a file that is replaced is backed up, and generated ones are far smaller.
pub const MAX_READ: u64 = 32 << 20;

/// What stands under a name.
#[derive(Debug)]
pub enum Look {
    /// Nothing.
    Missing,
    /// A regular file, with its content.
    File(Box<Found>),
    /// Anything else, or a file that cannot be read: said as a clause, `it is a symbolic link`.
    Other(String),
}

/// A regular file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// All of it.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes in hexadecimal.
    pub sha256: String,
    /// What else a replacement keeps.
    pub kept: Kept,
    /// User id of the owner.
    pub owner: u32,
    /// Hard links.
    pub names: u64,
}

/// What a file has besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Permission bits.
    pub mode: u32,
    /// Group id.
    pub group: u32,
    /// When the content was last written: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
}

impl Kept {
    /// The time of the last writing, as std has it.
    pub fn time(&self) -> SystemTime {
        let (seconds, nanos) = self.modified;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let start = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        start.unwrap_or(UNIX_EPOCH) + Duration::from_nanos(u64::from(nanos))
    }
}

impl Look {
    /// The hash of a regular file.
    pub fn sha256(&self) -> Option<&str> {
        if let Self::File(found) = self { Some(&found.sha256) } else { None }
    }
}

/// Looks at a name in an open folder.
pub fn look(folder: &OwnedFd, name: &str) -> io::Result<Look> {
    let kind = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Look::Missing),
        other => FileType::from_raw_mode(other?.st_mode),
    };
    if kind != FileType::RegularFile {
        return Ok(Look::Other(format!("it is {}", said(kind))));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Look::Missing),
        Err(error) => return Ok(Look::Other(format!("it cannot be read: {}", io::Error::from(error)))),
        Ok(handle) => File::from(handle),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Look::Other("it is no regular file".into()));
    }
    if meta.len() > MAX_READ {
        return Ok(Look::Other(format!("it is larger than {MAX_READ} bytes")));
    }
    let bytes = read_up_to(&file, meta.len() as usize)?;
    let kept = Kept {
        mode: meta.mode() & 0o7777,
        group: meta.gid(),
        modified: (meta.mtime(), meta.mtime_nsec() as u32),
    };
    let sha256 = sha256(&bytes);
    Ok(Look::File(Box::new(Found { bytes, sha256, kept, owner: meta.uid(), names: meta.nlink() })))
}

/// Kind of what is no regular file, with its article.
pub fn said(kind: FileType) -> &'static str {
    match kind {
        FileType::Symlink => "a symbolic link",
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "no regular file",
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn times_before_1970_survive() {
        let kept = Kept { mode: 0, group: 0, modified: (-2, 250_000_000) };
        assert_eq!(UNIX_EPOCH.duration_since(kept.time()).expect("is before"), Duration::from_millis(1_750));
    }
}
