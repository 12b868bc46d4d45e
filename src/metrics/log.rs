//! The log file: append whole lines under a short lock, rotate by renaming. Never grows past its cap, never loses a
//! line while rotating, and never waits long: a hook would rather write unlocked than hold up a prompt.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::Record;
use crate::rules::policy;
use crate::state::{lock_within, private_dir, private_log};

/// Name of the file that is written to; older ones are `log.1.jsonl` (newest) to `log.N.jsonl`.
pub const FILE: &str = "log.jsonl";
/// How long a writer waits for the lock before it appends without.
const LOCK_WAIT: Duration = Duration::from_millis(50);
/// How often a writer that found the file renamed under it opens the new one.
const REOPENS: usize = 8;

/// Path of a log file: 0 is the current one, 1 the newest rotated one.
pub fn path(state_dir: &Path, age: u32) -> PathBuf {
    match age {
        0 => state_dir.join(FILE),
        age => state_dir.join(format!("log.{age}.jsonl")),
    }
}

/// Appends records, each as one line, in one write.
pub fn append(state_dir: &Path, bounds: &policy::Log, records: &[Record]) -> io::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(256 * records.len());
    for record in records {
        serde_json::to_writer(&mut lines, record)?;
        lines.push(b'\n');
    }
    let (mut file, locked) = open_locked(state_dir)?;
    let mut size = file.metadata()?.len();
    if locked && size > 0 && size.saturating_add(lines.len() as u64) > bounds.max_bytes.max(1_024) {
        rotate(state_dir, bounds.keep.clamp(1, 64))?;
        // The next writer finds the old handle renamed; we hold its lock until the new file exists.
        let fresh = private_log(&path(state_dir, 0))?;
        let _ = lock_within(&fresh, LOCK_WAIT);
        file = fresh;
        size = file.metadata()?.len();
    }
    if size > 0 && !ends_with_newline(&mut file, size)? {
        lines.insert(0, b'\n');
    }
    file.write_all(&lines)
}

/// Opens the current file and locks it; reopens when another writer rotated it away in between.
fn open_locked(state_dir: &Path) -> io::Result<(File, bool)> {
    let current = path(state_dir, 0);
    let mut file = match private_log(&current) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private_dir(state_dir)?;
            private_log(&current)?
        }
        other => other?,
    };
    for _ in 0..REOPENS {
        if !lock_within(&file, LOCK_WAIT) {
            return Ok((file, false));
        }
        if same_file(&file, &current) {
            return Ok((file, true));
        }
        file = private_log(&current)?;
    }
    Ok((file, false))
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_file: &File, _path: &Path) -> bool {
    true
}

fn rotate(state_dir: &Path, keep: u32) -> io::Result<()> {
    for age in (0..keep).rev() {
        match std::fs::rename(path(state_dir, age), path(state_dir, age + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A torn last line (kill, full disk) must not swallow the next record.
fn ends_with_newline(file: &mut File, size: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(size - 1))?;
    let mut last = [0; 1];
    Ok(file.read(&mut last)? == 1 && last[0] == b'\n')
}
