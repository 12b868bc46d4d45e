//! Records of work that a kill may end at any moment: private files that are replaced as a whole and are on the disk when
//! the call returns, ids that nobody else has, and locks that say whether a process still lives. Which records there are
//! is their owner's.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::calendar;
use crate::state::private_file;

/// Replaces a file of a private folder as a whole and waits until it is on the disk: after a kill it is the old or the new.
pub fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = folder.join(format!("{name}.new"));
    write(&fresh, bytes)?.sync_all()?;
    std::fs::rename(&fresh, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Writes a private file (0600), never through a link. It is not on the disk before the caller syncs it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

/// Takes the lock that says that a record's process lives, when nobody has it. The kernel lets go of it however the process
/// ends; ids of processes are used again and say nothing.
pub fn claim(path: &Path) -> io::Result<Option<File>> {
    let file = private_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Names in a folder of records, the last by the alphabet first: ids begin with a clock, so that is the newest. A missing
/// folder has none.
pub fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// A time as ids begin with it: `20261120T203711732Z`.
pub fn clock(millis: u64) -> String {
    calendar::timestamp(millis).chars().filter(|c| !"-:.".contains(*c)).collect()
}

/// So many random bytes in hexadecimal.
pub fn random<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
