//! Reads the files of a candidate: regular text files only, never through a link, bounded in number and size. Runs nothing
//! and writes nothing.

use std::fs::{self, DirEntry};
use std::path::Path;

use super::facts::Role;
use super::lang::{self, Language};
use crate::error::{Error, Result};
use crate::exam::protected::is_test;
use crate::fsx::read_regular;
use crate::report::text::{grouped, plain};

/// Most files of a candidate.
const MOST_FILES: usize = 2_000;
/// Most entries of folders that are looked at.
const MOST_ENTRIES: usize = 50_000;
/// Most bytes of all its files.
const MOST_BYTES: u64 = 20 << 20;
/// Most bytes of one file.
const LARGEST: u64 = 1 << 20;
/// Bytes in which a NUL says that a file is no text.
const SNIFFED: usize = 8_192;
/// Folders that hold what was built or fetched; hidden ones are left out anyway.
const LEFT_OUT: [&str; 7] = ["node_modules", "target", "venv", "dist", "build", "__pycache__", "vendor"];

/// One file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Below the candidate's folder, with `/`.
    pub path: String,
    /// Its text; bytes that are no UTF-8 are replaced.
    pub text: String,
    /// What it counts for.
    pub role: Role,
    /// The name of its language, when it is code.
    pub language: Option<&'static str>,
    /// How to read it, when there is a grammar.
    pub grammar: Option<&'static Language>,
}

/// All files of a candidate, by path.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What was read.
    pub files: Vec<Source>,
    /// What was not, and why.
    pub notes: Vec<String>,
}

/// Reads the files below a folder: those of the list, or all but build output and hidden folders.
pub fn read(dir: &Path, list: Option<&[String]>) -> Result<Sources> {
    let cannot = |why: &dyn std::fmt::Display| {
        Error::new("cannot read a candidate", why).at(dir).fix("name a folder that can be read")
    };
    let meta = fs::metadata(dir).map_err(|why| cannot(&why))?;
    if !meta.is_dir() {
        return Err(cannot(&"it is not a folder"));
    }
    let mut sources = Sources::default();
    let paths = match list {
        Some(list) => listed(dir, list, &mut sources.notes),
        None => walk(dir, &mut sources.notes).map_err(|why| cannot(&why))?,
    };
    let mut bytes_left = MOST_BYTES;
    for path in paths {
        let bytes = match read_regular(&dir.join(&path), LARGEST) {
            Ok(bytes) => bytes,
            Err(why) => {
                sources.notes.push(format!("{}: not read: {why}", plain(&path)));
                continue;
            }
        };
        if bytes[..bytes.len().min(SNIFFED)].contains(&0) {
            continue;
        }
        let Some(left) = bytes_left.checked_sub(bytes.len() as u64) else {
            let most = grouped(MOST_BYTES);
            sources.notes.push(format!("{} and later files: not read: more than {most} bytes", plain(&path)));
            break;
        };
        bytes_left = left;
        sources.files.push(source(path, bytes, &mut sources.notes));
    }
    Ok(sources)
}

/// A file from its bytes.
fn source(path: String, bytes: Vec<u8>, notes: &mut Vec<String>) -> Source {
    let text = String::from_utf8(bytes).unwrap_or_else(|why| {
        notes
            .push(format!("{}: not UTF-8; the bytes that are not count as unknown characters", plain(&path)));
        String::from_utf8_lossy(why.as_bytes()).into_owned()
    });
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, end)| end);
    let grammar = lang::with_grammar(extension);
    let language = grammar.map(|grammar| grammar.name).or_else(|| lang::without_grammar(extension));
    let role = match language {
        None => Role::Other,
        Some(_) if is_test(&path) => Role::Test,
        Some(_) => Role::Code,
    };
    Source { path, text, role, language, grammar }
}

/// The paths of a list that lead to regular files without a link on the way.
fn listed(dir: &Path, list: &[String], notes: &mut Vec<String>) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in list.iter().take(MOST_FILES) {
        let parts: Vec<&str> = path.split('/').collect();
        let is_plain =
            parts.iter().all(|part| !matches!(*part, "" | "." | "..") && !part.contains(['\\', '\0']));
        let linked = || {
            let prefixes = (1..=parts.len()).map(|length| dir.join(parts[..length].join("/")));
            prefixes
                .into_iter()
                .any(|prefix| fs::symlink_metadata(prefix).is_ok_and(|meta| meta.is_symlink()))
        };
        if !is_plain || linked() {
            notes.push(format!("{}: not read: it leaves the folder or leads through a link", plain(path)));
            continue;
        }
        paths.push(path.clone());
    }
    if list.len() > MOST_FILES {
        notes.push(format!("files after the first {}: not read", grouped(MOST_FILES as u64)));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Regular files below a folder, by path.
fn walk(dir: &Path, notes: &mut Vec<String>) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    let mut entries_seen = 0;
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(dir.join(&folder)) {
            Ok(entries) => entries,
            Err(why) if folder.is_empty() => return Err(why),
            Err(why) => {
                notes.push(format!("{}: not read: {why}", plain(&folder)));
                continue;
            }
        };
        let mut entries: Vec<DirEntry> = entries.flatten().take(MOST_ENTRIES).collect();
        entries.sort_by_key(DirEntry::file_name);
        entries_seen += entries.len();
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                notes.push(format!("{}: not read: its name is not UTF-8", plain(&name.to_string_lossy())));
                continue;
            };
            let Ok(kind) = entry.file_type() else { continue };
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if kind.is_symlink() {
                notes.push(format!("{}: not read: it is a link", plain(&path)));
            } else if kind.is_dir() {
                if !name.starts_with('.') && !LEFT_OUT.contains(&name) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                found.push(path);
            } else {
                notes.push(format!("{}: not read: it is no regular file", plain(&path)));
            }
        }
        if found.len() > MOST_FILES || entries_seen > MOST_ENTRIES {
            notes.push(format!("files after the first {}: not read", grouped(MOST_FILES as u64)));
            found.truncate(MOST_FILES);
            break;
        }
    }
    found.sort();
    Ok(found)
}
