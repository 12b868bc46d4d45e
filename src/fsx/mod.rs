//! File operations that keep a promise: see each function and module.

pub mod atomic;
pub mod confined;
pub mod names;
pub mod never;
pub mod place;
pub mod record;

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What tells one state of a file from another. Times are nanoseconds since 1970, as the file system gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// When its content was written; programs may set it to anything.
    pub modified: u64,
    /// When content or anything about it was last changed; nobody can set it. 0 where there is no such time.
    pub changed: u64,
    /// Its number in the file system. 0 where there is none.
    pub inode: u64,
    /// The file system's number. 0 where there is none.
    pub device: u64,
}

impl Stamp {
    /// Of a file as it was when it was looked at.
    #[cfg(unix)]
    pub fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let nanos = |seconds: i64, part: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(part) as u64;
        Self {
            size: meta.len(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }

    /// Of a file as it was when it was looked at.
    #[cfg(not(unix))]
    pub fn of(meta: &Metadata) -> Self {
        let age = meta.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self { size: meta.len(), modified: age.map_or(0, |age| age.as_nanos() as u64), ..Self::default() }
    }
}

/// Reads a regular file of at most `limit` bytes. A FIFO, device or folder is an error and never blocks.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let size = file.metadata()?.len();
    read_whole(&file, size, limit)
}

/// Reads at most `length` bytes from where a file stands, in one read when the file gives them at once.
pub fn read_up_to(mut file: &File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The same, and not through a link at its last component.
pub fn read_itself(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, Links::Refused)?;
    let size = file.metadata()?.len();
    read_whole(&file, size, limit)
}

/// Reads a private file of at most `limit` bytes: not through a link, and only what nobody but this user can have written.
pub fn read_private(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    #[cfg(unix)]
    let owner = rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let owner = 0;
    read_owned(path, owner, limit)
}

/// Reads a file of at most `limit` bytes: not through a link, and only what nobody but the user of that number can have
/// written.
#[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix has numbers for users"))]
pub fn read_owned(path: &Path, owner: u32, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, Links::Refused)?;
    let meta = file.metadata()?;
    #[cfg(unix)]
    if !is_only_of(&meta, owner) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others could have written it"));
    }
    read_whole(&file, meta.len(), limit)
}

/// Whether a file or folder belongs to the user of that number, and neither its group nor others may write it.
#[cfg(unix)]
pub fn is_only_of(meta: &Metadata, owner: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    meta.uid() == owner && meta.mode() & 0o022 == 0
}

fn read_whole(file: &File, size: u64, limit: u64) -> io::Result<Vec<u8>> {
    if size > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes")));
    }
    read_up_to(file, size as usize)
}

/// Opens a file for reading without ever waiting on a FIFO or device, and refuses what is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open(path, Links::Followed)
}

/// What to do with a path that is a symbolic link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    Refused,
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix opens without following links"))]
fn open(path: &Path, links: Links) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        flags.set(rustix::fs::OFlags::NOFOLLOW, links == Links::Refused);
        options.custom_flags(flags.bits() as i32);
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// A checksum that a change of any one byte is sure to change, eight bytes at a step.
/// Against damage, not against somebody who means it.
pub fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = 0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64;
    words.iter().chain([&last]).fold(start, |sum, word| {
        (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_only_regular_files_are_opened() {
        assert!(open_regular(Path::new("/dev/zero")).is_err());
        assert!(open_regular(Path::new("/")).is_err());
        assert!(open_regular(Path::new("/proc/self/status")).is_ok());
    }
}
