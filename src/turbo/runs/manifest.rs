//! What a run did, as it is kept: `manifest.json` in the run's folder. Replaced as a whole and on the disk before
//! anything below the root changes. Paths in it are checked again when it is read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fsx::confined::found::Kept;
use crate::fsx::confined::{Action, Planned};
use crate::fsx::names::Relative;
use crate::fsx::{read_private, record};

/// Shape of the file.
pub(super) const VERSION: u32 = 1;
/// Begins the name of every stage; on the list of names that no generated file gets.
pub(super) const STAGE: &str = ".sef-stage-";
/// Largest manifest that is read, in bytes; 4,000 files take about 2 MB.
const MAX_MANIFEST: u64 = 32 << 20;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Shape of the file.
    pub version: u32,
    /// Time and a random part; sorts by time.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    pub time: u64,
    /// Of the process that wrote.
    pub pid: u32,
    /// The real path of the folder.
    pub root: PathBuf,
    /// Name of the folder below the root that holds files on their way.
    pub stage: String,
    /// How far it is.
    pub state: State,
    /// How many of the innermost folders of `root` the run made.
    pub root_made: usize,
    /// Folders below the root that the run made, outermost first.
    pub folders: Vec<String>,
    /// A file's place in this list is its number in stage and backups.
    pub files: Vec<Entry>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may write more; when its process is gone, it is taken back.
    Writing,
    /// It stands.
    Done,
    /// It is being taken back; when that process is gone, another one goes on.
    Undoing,
    /// It was taken back.
    Undone,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Below the root.
    pub path: String,
    /// What became of it, seen from the start of the run.
    pub action: Action,
    /// Permission bits that were asked for; a new file's before the umask.
    pub mode: u32,
    /// SHA-256 of each content that the run wrote there, the last one last.
    pub after: Vec<String>,
    /// What stood there before the run; none when nothing did.
    pub before: Option<Before>,
    /// An edited version that an undo was told to discard, by its SHA-256; kept as `edited/NUMBER` in the run's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discarded: Option<String>,
}

/// A file as it stood before a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Of its content.
    pub sha256: String,
    /// Mode, group and time.
    #[serde(flatten)]
    pub kept: Kept,
    /// Its content, in the run's folder.
    pub backup: String,
}

impl Entry {
    /// Is this the hash of something that the run put there, or that an undo may take away?
    pub(super) fn is_own(&self, sha256: &str) -> bool {
        self.after.iter().chain(&self.discarded).any(|own| own == sha256)
    }
}

impl Manifest {
    /// Reads the manifest of a run's folder.
    pub(super) fn load(folder: &Path) -> Result<Self> {
        let path = folder.join("manifest.json");
        let cannot = |why: &dyn std::fmt::Display| {
            Error::new("cannot read the record of the run", why)
                .at(&path)
                .fix("see whether the disk is damaged; its backups are in the folder beside it")
        };
        let bytes = read_private(&path, MAX_MANIFEST).map_err(|error| cannot(&error))?;
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| cannot(&error))?;
        if manifest.version != VERSION {
            return Err(cannot(&format!("its version is {} and this is {VERSION}", manifest.version))
                .fix("use the version of SEF that wrote it"));
        }
        let backups = manifest.files.iter().filter_map(|entry| entry.before.as_ref()).map(|it| &it.backup);
        let files = manifest.files.iter().map(|entry| &entry.path);
        for path in files.chain(&manifest.folders).chain(backups).chain([&manifest.stage]) {
            Relative::plain(path).map_err(|error| cannot(&error.why))?;
        }
        if !manifest.stage.starts_with(STAGE) || !manifest.root.is_absolute() {
            return Err(cannot(&"it names a stage or a folder that no run has"));
        }
        Ok(manifest)
    }

    /// Replaces the manifest of a run's folder, and waits until it is on the disk.
    pub(super) fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join("manifest.json");
        let bytes = serde_json::to_vec(self).map_err(|error| {
            Error::new("cannot keep a record of the run", error)
                .at(&self.root)
                .fix("name an output folder whose path is UTF-8")
        })?;
        record::replace(folder, "manifest.json", &bytes).map_err(|error| {
            Error::new("cannot keep a record of the run", error)
                .at(&path)
                .fix("see that SEF's state folder may be written and the disk is not full")
        })
    }

    /// Did this run write a file of this hash there?
    pub(super) fn is_own(&self, path: &str, sha256: &str) -> bool {
        self.files.iter().any(|entry| entry.path == path && entry.is_own(sha256))
    }

    /// Enters a planned file, and answers its number. What stood there before the run is noted only once.
    pub(super) fn enter(&mut self, planned: &Planned) -> usize {
        let number = self.number_of(planned);
        let entry = &mut self.files[number];
        if planned.action == Action::Unchanged {
            return number;
        }
        entry.mode = planned.found.as_ref().map_or(planned.mode, |found| found.kept.mode);
        let is_first = entry.after.is_empty();
        if let (true, Some(found)) = (is_first, &planned.found) {
            let backup = format!("backups/{number}");
            entry.before = Some(Before { sha256: found.sha256.clone(), kept: found.kept, backup });
        }
        if is_first {
            entry.action = planned.action;
        }
        if entry.after.last() != Some(&planned.sha256) {
            entry.after.push(planned.sha256.clone());
        }
        number
    }

    fn number_of(&mut self, planned: &Planned) -> usize {
        let path = planned.path.as_str();
        self.files.iter().position(|entry| entry.path == path).unwrap_or_else(|| {
            self.files.push(Entry {
                path: path.to_owned(),
                action: planned.action,
                mode: planned.mode,
                after: Vec::new(),
                before: None,
                discarded: None,
            });
            self.files.len() - 1
        })
    }
}
