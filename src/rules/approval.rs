//! Which project rules the user allowed: one private file per project in the state folder, found by the project's path, with
//! the whole text as it was approved. Rules apply only while the project's file holds those bytes; a denial stays for
//! every later text. Never shows or asks anything.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::project::{self, MAX_BYTES};
use crate::fsx::{self, Stamp};
use crate::metrics::record::fnv64;
use crate::state;

/// Name of the folder in the state folder.
const FOLDER: &str = "trust";
/// Version of a record's shape.
const VERSION: u32 = 1;
/// Largest record that is read, in bytes: each byte of a text takes at most six in JSON.
const MAX_RECORD: u64 = MAX_BYTES * 6 + (64 << 10);

/// What the user said of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// The project's folder, links resolved.
    pub path: String,
    /// What was said.
    pub verdict: Verdict,
    /// When, ISO 8601, UTC.
    pub at: String,
    /// The text that was shown and allowed; empty for a denial.
    #[serde(default)]
    pub text: String,
}

/// What the user said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// This text may count.
    Allow,
    /// No text may.
    Deny,
}

/// What is to be said of a project's rules now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is no file.
    Absent,
    /// Nobody allowed it.
    NotAllowed,
    /// The rules count.
    Applies,
    /// The file is not the one that was allowed.
    Changed,
    /// The user forbade it.
    Denied,
    /// It can never count, and why.
    Unusable(String),
}

/// A project's text whose user said something about the project. Whether it is allowed costs another look.
#[derive(Debug)]
pub struct Candidate {
    root: String,
    record: PathBuf,
    /// Changes whenever the record does.
    pub stamp: Stamp,
    /// What the project's file says.
    pub text: String,
}

impl State {
    /// What a person should know of the project's rules; nothing where there are none.
    pub fn note(&self) -> Option<String> {
        let file = project::FILE;
        Some(match self {
            Self::Absent => return None,
            Self::Applies => format!("this project's rules count: {file}"),
            Self::NotAllowed => {
                format!(
                    "note: this project has rules of its own, {file}; they do not count (`sef allow` shows them)"
                )
            }
            Self::Changed => {
                format!(
                    "note: {file} was changed since it was allowed and does not count (`sef allow` shows it)"
                )
            }
            Self::Denied => format!("note: {file} is denied and does not count (`sef allow` would allow it)"),
            Self::Unusable(why) => format!("note: {file} does not count: {why}"),
        })
    }
}

impl Record {
    /// What the user says of a project now; `root` has its links resolved.
    pub fn new(root: &str, verdict: Verdict, at: String, text: String) -> Self {
        Self { version: VERSION, path: root.to_owned(), verdict, at, text }
    }
}

/// Looks at a project the cheap way: one failed open where it has no file, one more look where nobody said anything of it.
pub fn candidate(state_dir: Option<&Path>, root: &Path) -> Option<Candidate> {
    let text = project::read(root).ok().flatten()?;
    let root = real(root)?;
    let record = place(state_dir?, &root);
    let stamp = Stamp::of(&std::fs::symlink_metadata(&record).ok()?);
    Some(Candidate { root, record, stamp, text })
}

impl Candidate {
    /// The approved copy, when it is what the file says.
    pub fn approved(&self) -> Option<String> {
        let record = read(&self.record, &self.root)?;
        (record.verdict == Verdict::Allow && record.text == self.text).then_some(record.text)
    }

    /// The number that a project's files in the state folder are named by.
    pub fn number(&self) -> u64 {
        fnv64(self.root.as_bytes())
    }
}

/// What counts of a project's file.
pub fn state_of(state_dir: Option<&Path>, root: &Path) -> State {
    let text = match project::read(root) {
        Ok(Some(text)) => text,
        Ok(None) => return State::Absent,
        Err(why) => return State::Unusable(why),
    };
    let record = state_dir.zip(real(root)).and_then(|(dir, root)| read(&place(dir, &root), &root));
    match record {
        None => State::NotAllowed,
        Some(record) if record.verdict == Verdict::Deny => State::Denied,
        Some(record) if record.text == text => State::Applies,
        Some(_) => State::Changed,
    }
}

/// The approved text of a project, while its file holds it.
pub fn approved(state_dir: Option<&Path>, root: &Path) -> Option<String> {
    candidate(state_dir, root)?.approved()
}

/// Keeps what the user said, whole or not at all.
pub fn keep(state_dir: &Path, record: &Record) -> io::Result<()> {
    let folder = state_dir.join(FOLDER);
    state::private_dir(state_dir)?;
    state::private_dir(&folder)?;
    let bytes = serde_json::to_vec(record)?;
    state::replace_private(&folder, &place(state_dir, &record.path), &bytes)
}

/// Everything that was ever said, by path.
pub fn all(state_dir: &Path) -> Vec<Record> {
    let entries = std::fs::read_dir(state_dir.join(FOLDER)).into_iter().flatten().flatten();
    let records =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut found: Vec<Record> = records.filter_map(|path| parsed(&path)).collect();
    // A copy under another name is not what the hook finds.
    found.retain(|record| read(&place(state_dir, &record.path), &record.path).as_ref() == Some(record));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    found
}

/// Where the compiled rules of a project are kept.
pub fn cache_place(state_dir: &Path, number: u64) -> PathBuf {
    state_dir.join(FOLDER).join(format!("{number:016x}.cache"))
}

/// A project's folder as its record names it: links resolved. None for what is no UTF-8.
pub fn real(root: &Path) -> Option<String> {
    root.canonicalize().ok()?.into_os_string().into_string().ok()
}

fn place(state_dir: &Path, root: &str) -> PathBuf {
    state_dir.join(FOLDER).join(format!("{:016x}.json", fnv64(root.as_bytes())))
}

/// The record at a place, when it is of that project: the place is only a number.
fn read(place: &Path, root: &str) -> Option<Record> {
    parsed(place).filter(|record| record.path == root)
}

fn parsed(place: &Path) -> Option<Record> {
    let bytes = fsx::read_private(place, MAX_RECORD).ok()?;
    serde_json::from_slice(&bytes).ok().filter(|record: &Record| record.version == VERSION)
}
