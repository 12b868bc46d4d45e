//! Reads the log back: all files, oldest first. A line that can't be read is skipped and counted; a line of a later
//! version is counted apart and never guessed at.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::fsx::open_regular;
use crate::metrics::record::{Record, VERSION};
use crate::transcript::lines::each_line;

/// What the log holds.
#[derive(Debug, Default)]
pub struct Log {
    /// The readable lines of this version, oldest file first.
    pub records: Vec<Record>,
    /// Lines that could not be read: torn, or not ours.
    pub unreadable: u64,
    /// Lines of a later version.
    pub later: u64,
    /// Files read.
    pub files: u64,
}

/// Reads `log.jsonl` and its older files `log.1.jsonl`, `log.2.jsonl`, ... No log yet is an empty one.
///
/// Fails when a file is there and can't be read: a report without it would be wrong in silence.
pub fn read(state_dir: &Path) -> Result<Log> {
    let mut log = Log::default();
    let mut buffer = Vec::new();
    for (path, file) in open_all(state_dir)?.into_iter().rev() {
        let too_long =
            each_line(file, &mut buffer, |line| log.add(line)).map_err(|why| unreadable(&path, &why))?;
        log.unreadable = log.unreadable.saturating_add(too_long);
        log.files += 1;
    }
    Ok(log)
}

/// Highest number of an older file that is looked for. Gaps are normal for a moment, while the writer rotates.
const MAX_OLD: u32 = 99;

/// Opens the files from the newest to the oldest. A rotation meanwhile then shows a file twice and never hides one; the
/// second sight is recognised by its inode.
pub fn open_all(state_dir: &Path) -> Result<Vec<(PathBuf, File)>> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let numbered = (1..=MAX_OLD).map(|number| state_dir.join(format!("log.{number}.jsonl")));
    for path in std::iter::once(state_dir.join("log.jsonl")).chain(numbered) {
        match open_regular(&path) {
            Ok(file) => {
                let meta = file.metadata().map_err(|why| unreadable(&path, &why))?;
                if seen.insert((meta.dev(), meta.ino())) {
                    files.push((path, file));
                }
            }
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
            Err(why) => return Err(unreadable(&path, &why)),
        }
    }
    Ok(files)
}

fn unreadable(path: &Path, why: &std::io::Error) -> Error {
    Error::new("cannot read the log", why).at(path).fix("make it a file that you can read, or move it away")
}

impl Log {
    /// Takes one line: a record, or one more of those that are counted and left out.
    pub fn add(&mut self, line: &[u8]) {
        match serde_json::from_slice::<Record>(line) {
            Ok(record) if record.v == VERSION => self.records.push(record),
            _ => match serde_json::from_slice::<Versioned>(line) {
                Ok(line) if line.v > u64::from(VERSION) => self.later += 1,
                _ => self.unreadable += 1,
            },
        }
    }
}

#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_lines_are_told_apart_good_torn_and_later() {
        let mut log = Log::default();
        for line in [
            &br#"{"v":1,"t":0,"e":"stop","s":"a"}"#[..],
            br#"{"v":1,"t":5,"e":"stop","s":"a","new_field":[1]}"#,
            br#"{"v":1,"ti"#,
            br#"{"v":1,"t":1,"e":"stop","s":"a"}{"v":1"#,
            br#"{"v":1,"t":1,"e":"unheard_of","s":"a"}"#,
            br#"{"v":1,"t":-1,"e":"stop","s":"a"}"#,
            br#"{"v":2,"t":"later","e":"other"}"#,
            b"\0\0\0\0",
            b"[]",
        ] {
            log.add(line);
        }
        assert_eq!((log.records.len(), log.later, log.unreadable), (2, 1, 6));
    }
}
