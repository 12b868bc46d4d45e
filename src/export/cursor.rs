//! What a collector has acknowledged, and the batch that is on its way, in one file that is replaced as a whole.
//! Never guesses: a cursor that cannot be read, or that does not fit the log, stops the export.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::fsx::atomic::{Replaced, Target, replace};
use crate::fsx::read_regular;
use crate::state::replace_private;

/// Version of the file's shape.
const VERSION: u32 = 1;
/// Marks that are kept, those of files that are gone included: one that comes back is not sent again.
const MAX_MARKS: usize = 256;
/// What both ways out of a cursor that is no use do.
const WAYS_OUT: &str = "run it once with --from-now (leaves out what was not sent yet) or --resend-all (sends twice what was sent)";

/// How far one log file has been taken. A file is known by its first line, for rotation changes its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Hash of the file's first line.
    pub head: String,
    /// Bytes taken.
    pub offset: u64,
    /// Hash of the last bytes before `offset`.
    pub tail: String,
}

/// A batch that may have been sent. It is written down, byte for byte, before it is sent, so that a second attempt
/// says the same whatever became of the log, the options or the version in between.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// Where the batch ends in each file.
    pub files: Vec<Mark>,
    /// End of its last window, in nanoseconds since 1970.
    pub end: u64,
    /// Data points in it.
    pub points: u64,
    /// Records in it.
    pub records: u64,
    /// The request's body.
    pub body: Box<RawValue>,
}

/// The cursor of an installation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cursor {
    v: u32,
    /// Where what is acknowledged ends, newest file first.
    pub files: Vec<Mark>,
    /// End of the last acknowledged window, in nanoseconds since 1970.
    pub end: Option<u64>,
    /// Data points that a collector took, ever.
    pub points: u64,
    /// Data points that a collector rejected, ever; they are not sent again.
    pub rejected: u64,
    /// The batch that was on its way when this was written.
    pub pending: Option<Pending>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { v: VERSION, files: Vec::new(), end: None, points: 0, rejected: 0, pending: None }
    }
}

impl Cursor {
    /// Reads the cursor; none yet is one at the beginning.
    pub fn load(state_dir: &Path) -> Result<Self> {
        let path = path(state_dir);
        let cannot = |why: String| Error::new("cannot read the export's cursor", why).at(&path).fix(WAYS_OUT);
        let Some(bytes) = Target::read(&path)?.bytes else { return Ok(Self::default()) };
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|why| cannot(why.to_string()))?;
        if cursor.v != VERSION {
            return Err(cannot(format!("it is of version {}, this is version {VERSION}", cursor.v)));
        }
        Ok(cursor)
    }

    /// Puts the cursor in the old one's place: a crash leaves the old or the new, and never half.
    pub fn save(&self, state_dir: &Path) -> Result<()> {
        let path = path(state_dir);
        let bytes =
            serde_json::to_vec(self).map_err(|why| Error::new("cannot write the export's cursor", why))?;
        match replace(&Target::read(&path)?, &bytes, 0o600)? {
            Replaced::Done => Ok(()),
            Replaced::Changed => {
                Err(Error::new("cannot write the export's cursor", "somebody else wrote it")
                    .at(&path)
                    .fix("see who else writes this file, then run the export again"))
            }
        }
    }

    /// The pending batch has been answered, with so many of its points rejected.
    pub fn acknowledge(&mut self, rejected: u64) {
        let Some(done) = self.pending.take() else { return };
        let rejected = rejected.min(done.points);
        self.points = self.points.saturating_add(done.points - rejected);
        self.rejected = self.rejected.saturating_add(rejected);
        self.end = Some(done.end);
        self.advance(done.files);
    }

    /// Moves on to newer marks; those of files that were not seen now stay behind them.
    pub fn advance(&mut self, files: Vec<Mark>) {
        let old = std::mem::replace(&mut self.files, files);
        for mark in old {
            if !self.files.iter().any(|newer| newer.head == mark.head) {
                self.files.push(mark);
            }
        }
        self.files.truncate(MAX_MARKS);
    }
}

/// The error for a log that is not the one that the cursor was written for.
pub fn misfit(path: &Path, why: &str) -> Error {
    Error::new("cannot tell what of the log was exported", why).at(path).fix(WAYS_OUT)
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("export.json")
}

/// What stands for an installation that has not exported yet.
pub const NO_INSTALLATION: &str = "00000000-0000-0000-0000-000000000000";

/// The id of this installation, a random UUID that says nothing of machine or person; none before the first export.
pub fn installation(state_dir: &Path) -> Result<Option<String>> {
    let path = state_dir.join("installation");
    let cannot = |why: &str| {
        let error = Error::new("cannot read the installation's id", why).at(&path);
        error.fix("remove the file: the next export makes a new id")
    };
    match read_regular(&path, 64) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(cannot(&why.to_string())),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(id) if is_uuid(id.trim()) => Ok(Some(id.trim().to_owned())),
            _ => Err(cannot("it holds no id")),
        },
    }
}

/// The same, made when there is none.
pub fn make_installation(state_dir: &Path) -> Result<String> {
    if let Some(id) = installation(state_dir)? {
        return Ok(id);
    }
    let path = state_dir.join("installation");
    let cannot = |why| Error::new("cannot make an id for this installation", why).at(&path);
    let mut random = [0; 16];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random)).map_err(cannot)?;
    // Version 4, variant 1.
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let mut id = String::new();
    for (at, byte) in random.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let _ = write!(id, "{byte:02x}");
    }
    replace_private(state_dir, &path, id.as_bytes()).map_err(cannot)?;
    Ok(id)
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}
