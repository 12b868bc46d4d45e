//! Reads on in the log from where the cursor stands, oldest file first, until a batch is full or the log ends.
//! Takes whole lines only, and never trusts a file's name: rotation changes it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use memchr::memchr;

use super::cursor::{Mark, misfit};
use super::points::Counter;
use crate::error::{Error, Result};
use crate::fsx::read_up_to;
use crate::metrics::reader::{Log, open_all};
use crate::metrics::record::hashed;

/// Bytes of a file's first line that it is known by; the line begins with the time and the session.
const HEAD: usize = 4 << 10;
/// Bytes before an offset that must be the same again.
const TAIL: u64 = 4 << 10;
/// Bytes of one read; a longer line is skipped and counted. The hook's own are below a kilobyte.
const CHUNK: usize = 1 << 20;

/// What was read: counts, where it ends in each file, and lines that were left out.
#[derive(Debug)]
pub struct Taken {
    /// The counts.
    pub counter: Counter,
    /// Where they end, newest file first.
    pub files: Vec<Mark>,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// Lines of a later version.
    pub later: u64,
}

/// Reads on from `marks` into `counter`, up to `most` data points.
pub fn take(state_dir: &Path, marks: &[Mark], counter: Counter, most: usize) -> Result<Taken> {
    let mut taken = Taken { counter, files: Vec::new(), unreadable: 0, later: 0 };
    let mut full = false;
    let mut seen = HashSet::new();
    for (path, file) in open_all(state_dir)?.into_iter().rev() {
        let unreadable =
            |why| Error::new("cannot read the log", why).at(&path).fix("make it a file that you can read");
        let Some(head) = head(&file).map_err(unreadable)? else { continue };
        if !seen.insert(head.clone()) {
            let why = "two log files begin with the same line";
            return Err(Error::new("cannot tell what of the log was exported", why)
                .at(&path)
                .fix("move the copy out of the folder"));
        }
        let mark = marks.iter().find(|mark| mark.head == head);
        let from = mark.map_or(0, |mark| mark.offset);
        if let Some(mark) = mark
            && tail(&file, from).map_err(unreadable)?.as_ref() != Some(&mark.tail)
        {
            return Err(misfit(&path, "the file was changed before the place where the last export ended"));
        }
        let offset =
            if full { from } else { taken.lines(&file, from, most, &mut full).map_err(unreadable)? };
        let tail = tail(&file, offset).map_err(unreadable)?.unwrap_or_default();
        taken.files.push(Mark { head, offset, tail });
    }
    taken.files.reverse();
    Ok(taken)
}

/// Marks at the very end of every file.
pub fn ends(state_dir: &Path) -> Result<Vec<Mark>> {
    let mut marks = Vec::new();
    for (path, file) in open_all(state_dir)? {
        let mark = || -> io::Result<Option<Mark>> {
            let offset = file.metadata()?.len();
            let tail = tail(&file, offset)?.unwrap_or_default();
            Ok(head(&file)?.map(|head| Mark { head, offset, tail }))
        };
        marks.extend(mark().map_err(|why| Error::new("cannot read the log", why).at(&path))?);
    }
    Ok(marks)
}

impl Taken {
    /// Takes lines from an offset on; answers where it stopped.
    fn lines(&mut self, file: &File, from: u64, most: usize, full: &mut bool) -> io::Result<u64> {
        let mut offset = from;
        loop {
            let chunk = read_at(file, offset, CHUNK)?;
            let mut at = 0;
            while let Some(length) = memchr(b'\n', &chunk[at..]) {
                if !self.line(&chunk[at..at + length], most) {
                    *full = true;
                    return Ok(offset + at as u64);
                }
                at += length + 1;
            }
            if chunk.len() < CHUNK {
                return Ok(offset + (at + self.unended(&chunk[at..], most)) as u64);
            }
            if at == 0 {
                self.unreadable += 1;
                at = CHUNK;
            }
            offset += at as u64;
        }
    }

    /// Takes a line, or counts it as left out; false when the batch has no room for it.
    fn line(&mut self, line: &[u8], most: usize) -> bool {
        let mut log = Log::default();
        let line = line.trim_ascii();
        if !line.is_empty() {
            log.add(line);
        }
        let taken = log.records.iter().all(|record| self.counter.add(record, most));
        self.unreadable += log.unreadable;
        self.later += log.later;
        taken
    }

    /// A last line without its end is taken only when it is whole; else its writer may still be at it. Answers the bytes
    /// taken.
    fn unended(&mut self, line: &[u8], most: usize) -> usize {
        if is_record(line) && self.line(line, most) { line.len() } else { 0 }
    }
}

fn is_record(line: &[u8]) -> bool {
    let mut log = Log::default();
    log.add(line.trim_ascii());
    !log.records.is_empty()
}

/// What a file is known by; none while its first line is not whole.
fn head(file: &File) -> io::Result<Option<String>> {
    let start = read_at(file, 0, HEAD)?;
    let line = match memchr(b'\n', &start) {
        Some(end) => &start[..end],
        None if start.len() == HEAD || is_record(&start) => &start,
        None => return Ok(None),
    };
    Ok(Some(hashed(&String::from_utf8_lossy(line))))
}

/// Hash of the last bytes before an offset; none when the file is shorter.
fn tail(file: &File, offset: u64) -> io::Result<Option<String>> {
    let length = offset.min(TAIL);
    let bytes = read_at(file, offset - length, length as usize)?;
    Ok((bytes.len() as u64 == length).then(|| hashed(&String::from_utf8_lossy(&bytes))))
}

fn read_at(mut file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    read_up_to(file, length)
}
