//! The folder of all runs in the state folder, `turbo/runs/ID`: who may change it, what is in it, what is kept of it.
//! Folders are 0700 and files 0600: a backup may hold a key.
//!
//! Whoever writes or takes back holds the lock `turbo/lock`, so that no two do at once. The process of a run holds
//! `runs/ID/alive` besides; the kernel lets go of it however the process ends, and ids of processes are used again.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manifest::{Manifest, State};
use crate::calendar::DAY;
use crate::error::{Error, Result};
use crate::fsx::record;
use crate::state::{lock_within, private_dir, private_file};

/// How long one writing waits for another; a thousand files take less than a second.
const PATIENCE: Duration = Duration::from_mins(1);
/// This many of the newest runs are kept, however old.
const KEEP_RUNS: usize = 50;
/// Runs of this many milliseconds are kept, however many.
const KEEP_AGE: u64 = 30 * DAY;

/// All runs, newest first.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that can be read.
    pub runs: Vec<Manifest>,
    /// Why others cannot.
    pub unreadable: Vec<Error>,
}

/// Lists the runs. None is not an error.
pub fn list(state_dir: &Path) -> Result<Listed> {
    let mut listed = Listed::default();
    for id in ids(&runs(state_dir))? {
        match Manifest::load(&runs(state_dir).join(id)) {
            Ok(manifest) => listed.runs.push(manifest),
            Err(error) => listed.unreadable.push(error),
        }
    }
    Ok(listed)
}

/// The lock of all runs, while it lives.
#[derive(Debug)]
pub(super) struct Turn {
    runs: PathBuf,
    _lock: File,
}

impl Turn {
    /// Waits for it.
    pub(super) fn take(state_dir: &Path) -> Result<Self> {
        let runs = runs(state_dir);
        let path = state_dir.join("turbo").join("lock");
        let cannot =
            |error: &dyn std::fmt::Display| Error::new("cannot take the lock of the runs", error).at(&path);
        let lock = private_dir(&runs).and_then(|()| private_file(&path)).map_err(|error| {
            cannot(&error).fix("see that SEF's state folder may be written and the disk is not full")
        })?;
        if !lock_within(&lock, PATIENCE) {
            return Err(cannot(&"another run has been writing for a minute").fix("wait for it, or end it"));
        }
        Ok(Self { runs, _lock: lock })
    }

    /// Makes the folder of a run, and the lock that says its process is alive.
    pub(super) fn add(&self, id: &str) -> Result<(PathBuf, File)> {
        let folder = self.folder(id);
        let made = private_dir(&folder.join("backups"))
            .and_then(|()| File::open(&self.runs)?.sync_all())
            .and_then(|()| record::claim(&folder.join("alive")))
            .and_then(|alive| alive.ok_or_else(|| io::ErrorKind::ResourceBusy.into()));
        let alive = made.map_err(|error| cannot_keep(&folder, &error))?;
        Ok((folder, alive))
    }

    /// The folder of a run.
    pub(super) fn folder(&self, id: &str) -> PathBuf {
        self.runs.join(id)
    }

    /// Removes the record of a run that did nothing.
    pub(super) fn forget(&self, id: &str) {
        let _ = std::fs::remove_dir_all(self.folder(id));
    }

    /// Ids of all runs, newest first.
    pub(super) fn ids(&self) -> Result<Vec<String>> {
        ids(&self.runs)
    }

    /// Is the process of a run gone?
    pub(super) fn is_gone(&self, id: &str) -> bool {
        record::claim(&self.folder(id).join("alive")).is_ok_and(|alive| alive.is_some())
    }

    /// Removes old runs. One that is not at its end stays, and so does what cannot be read.
    pub(super) fn prune(&self, now: u64) {
        let Ok(ids) = self.ids() else { return };
        for id in ids.iter().skip(KEEP_RUNS) {
            let Ok(manifest) = Manifest::load(&self.folder(id)) else { continue };
            let is_over = matches!(manifest.state, State::Done | State::Undone);
            if is_over && now.saturating_sub(manifest.time) > KEEP_AGE {
                self.forget(id);
            }
        }
    }
}

/// Writes a private file as a whole and waits until it is on the disk.
pub(super) fn save_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let saved = record::write(path, bytes).and_then(|file| file.sync_all());
    saved.map_err(|error| cannot_keep(path, &error))
}

/// Writes private files of a run's folder and waits once until all are on the disk: a wait for each of a thousand
/// takes seconds.
pub(super) fn save_files<'a>(folder: &Path, files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<()> {
    let mut written = 0;
    for (name, bytes) in files {
        let path = folder.join(name);
        record::write(&path, bytes).map_err(|error| cannot_keep(&path, &error))?;
        written += 1;
    }
    if written == 0 {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    let synced = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    #[cfg(not(target_os = "linux"))]
    let synced: io::Result<()> = Ok(rustix::fs::sync());
    synced.map_err(|error| cannot_keep(folder, &error))
}

/// Eight random bytes in hexadecimal.
pub(super) fn random() -> Result<String> {
    record::random::<8>().map_err(|error| Error::new("cannot start a run", error).fix("run it again"))
}

fn runs(state_dir: &Path) -> PathBuf {
    state_dir.join("turbo").join("runs")
}

fn ids(runs: &Path) -> Result<Vec<String>> {
    record::names(runs).map_err(|error| {
        Error::new("cannot list the runs", error).at(runs).fix("see that SEF's state folder may be read")
    })
}

fn cannot_keep(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new("cannot keep a record of the run", error)
        .at(path)
        .fix("see that SEF's state folder may be written and the disk is not full; nothing was written")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn plant(turn: &Turn, id: &str, state: State, time: u64) {
        let (folder, _) = turn.add(id).unwrap();
        let manifest = Manifest {
            version: 1,
            id: id.to_owned(),
            time,
            pid: 1,
            root: "/x".into(),
            stage: ".sef-stage-0".into(),
            state,
            root_made: 0,
            folders: Vec::new(),
            files: Vec::new(),
        };
        manifest.save(&folder).unwrap();
    }

    #[test]
    fn b5_old_runs_beyond_the_newest_fifty_are_removed_and_unfinished_ones_never() {
        let state = std::env::temp_dir().join(format!("sef-store-{}", std::process::id()));
        let turn = Turn::take(&state).unwrap();
        let now = crate::calendar::now();
        for number in 0..60 {
            let state = match number {
                0 => State::Writing,
                1 => State::Undoing,
                2 => State::Undone,
                _ => State::Done,
            };
            let age = if number < 8 { 31 * DAY } else { DAY };
            plant(&turn, &format!("{number:02}"), state, now - age);
        }
        std::fs::create_dir(turn.folder("00-torn")).unwrap();
        turn.prune(now);
        let left = turn.ids().unwrap();
        assert_eq!(left.len(), 61 - 6, "{left:?}");
        assert!(["00", "00-torn", "01", "08", "59"].iter().all(|id| left.contains(&(*id).to_owned())));
        let listed = list(&state).unwrap();
        assert_eq!((listed.runs.len(), listed.unreadable.len()), (54, 1));
        assert_eq!(listed.runs[0].id, "59");
        std::fs::remove_dir_all(state).unwrap();
    }
}
