//! An organisation's defaults for everybody on a machine: config.toml, rules.toml and prices.toml in a folder that only the
//! administrator can write. What anybody else could have written is never used, and the reason is said.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::MAX_FILE;
use crate::config::{Managed, Owner};
use crate::fsx;

/// A file of the folder that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// Reads a file of the organisation's folder; nothing when it is not there. An error says why it is not used.
pub fn read(managed: Option<&Managed>, name: &str) -> Result<Option<ManagedFile>, Unused> {
    let Some(managed) = managed else { return Ok(None) };
    let path = managed.dir.join(name);
    let unused = |why: &str, at: &Path| Unused { path: at.to_owned(), why: why.to_owned() };
    let folder = match std::fs::symlink_metadata(&managed.dir) {
        Ok(folder) => folder,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unused(&error.to_string(), &managed.dir)),
    };
    match std::fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_symlink() => return Err(unused("it is a symbolic link", &path)),
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unused(&error.to_string(), &path)),
    }
    let Some(owner) = number(managed.owner) else {
        return Err(unused("who could have written it cannot be told on this platform", &path));
    };
    if !is_sound_folder(&folder, owner) {
        return Err(unused("it is no folder that only the administrator can write", &managed.dir));
    }
    let bytes = fsx::read_owned(&path, owner, MAX_FILE).map_err(|error| unused(&error.to_string(), &path))?;
    let text = String::from_utf8(bytes).map_err(|_| unused("it is not UTF-8", &path))?;
    Ok(Some(ManagedFile { path, text }))
}

/// A file or folder that is there and not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl Unused {
    /// What the administrator has to do.
    pub const FIX: &str =
        "it is ignored; sudo chown root and sudo chmod go-w, for the folder and the files, lets it count";
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn number(owner: Owner) -> Option<u32> {
    Some(match owner {
        Owner::Administrator => 0,
        Owner::ThisUser => rustix::process::geteuid().as_raw(),
    })
}

/// Access lists decide elsewhere, and nothing here reads them.
#[cfg(not(unix))]
fn number(_: Owner) -> Option<u32> {
    None
}

#[cfg(unix)]
fn is_sound_folder(folder: &std::fs::Metadata, owner: u32) -> bool {
    folder.is_dir() && fsx::is_only_of(folder, owner)
}

#[cfg(not(unix))]
fn is_sound_folder(_: &std::fs::Metadata, _: u32) -> bool {
    false
}
