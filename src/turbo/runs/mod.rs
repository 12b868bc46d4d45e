//! The runs that write generated files: each with a manifest and backups in a private folder of its own, so that it can
//! be taken back exactly, and so that one that was killed is.
//!
//! Order of a writing: backups and manifest are on the disk, then the files are in a stage below the root, then they are
//! renamed in. Whatever comes between, the manifest says what there is to put back. One run at a time writes or takes
//! back; see [`store`].

mod manifest;
mod store;
mod undo;

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::calendar;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::confined::moves::{Failed, Step, carry_out};
use crate::fsx::confined::stage::{Stage, Time};
use crate::fsx::confined::{Action, NewFile, Overwrite, Plan, Planned, Root, plan};
use crate::fsx::names::Relative;
use crate::fsx::record;
use store::Turn;

pub use manifest::{Before, Entry, Manifest, State};
pub use store::{Listed, list};
pub use undo::{Edits, Undone, Which, recover, undo};

const WHAT: &str = "cannot write the files";

/// A run that writes below one folder, once or more often. One that is neither finished nor abandoned is taken back by
/// the next [`recover`].
#[derive(Debug)]
pub struct Run {
    state_dir: PathBuf,
    folder: PathBuf,
    root: Root,
    manifest: Manifest,
    /// Held as long as the process lives; says that the run is not to be recovered.
    _alive: File,
}

/// What one writing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Of the run, for `sef turbo undo`.
    pub id: String,
    /// The folder.
    pub root: PathBuf,
    /// In the order they were given.
    pub files: Vec<WrittenFile>,
}

/// One file of a writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// Below the root.
    pub path: String,
    /// A last line without an end counts.
    pub lines: usize,
    /// As they are on the disk.
    pub bytes: usize,
    /// What became of it in this writing; a file that the run itself had made stays `Created`.
    pub action: Action,
}

/// The folder that runs and their backups lie in.
pub fn state_dir(env: &Env) -> Result<&Path> {
    crate::state::folder(env, "cannot keep backups")
}

impl Run {
    /// Starts a run. Nothing is made below the root before [`Run::write`].
    pub fn begin(state_dir: &Path, root: Root) -> Result<Self> {
        let turn = Turn::take(state_dir)?;
        let time = calendar::now();
        let random = store::random()?;
        let id = format!("{}-{random}", record::clock(time));
        let (folder, alive) = turn.add(&id)?;
        let manifest = Manifest {
            version: manifest::VERSION,
            id,
            time,
            pid: std::process::id(),
            root: root.path().to_owned(),
            stage: format!("{}{random}", manifest::STAGE),
            state: State::Writing,
            root_made: 0,
            folders: Vec::new(),
            files: Vec::new(),
        };
        manifest.save(&folder)?;
        Ok(Self { state_dir: state_dir.to_owned(), folder, root, manifest, _alive: alive })
    }

    /// Of the run, for `sef turbo undo`.
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// Writes all files or none. After an error, which names every refusal, everything is as it was before this call.
    ///
    /// Files that this run wrote earlier are replaced unasked, unless somebody edited them; what stood there before the
    /// run is what an undo restores.
    pub fn write(
        &mut self,
        files: &[NewFile],
        overwrite: Overwrite,
    ) -> std::result::Result<Written, Vec<Error>> {
        let _turn = Turn::take(&self.state_dir).map_err(|error| vec![error])?;
        let is_own = |path: &Relative, sha256: &str| self.manifest.is_own(path.as_str(), sha256);
        let plan = plan(&self.root, files, overwrite, is_own)?;
        let earlier = self.manifest.clone();
        let numbers = self.note(&plan).map_err(|error| vec![error])?;
        let files = self.written(&plan, &numbers);
        if let Err(error) = self.place(&plan, &numbers, &earlier) {
            return Err(vec![error]);
        }
        Ok(Written { id: self.manifest.id.clone(), root: self.root.path().to_owned(), files })
    }

    /// Ends the run: from now on [`undo`] is what takes it back.
    pub fn finish(mut self) -> Result<()> {
        let turn = Turn::take(&self.state_dir)?;
        self.manifest.state = State::Done;
        self.manifest.save(&self.folder)?;
        turn.prune(self.manifest.time);
        Ok(())
    }

    /// Ends the run and forgets it: the files belong to whoever owns the folder, and there is nothing to undo.
    pub fn leave(mut self) -> Result<()> {
        let turn = Turn::take(&self.state_dir)?;
        // Saved first: a run that is killed while it is forgotten must not be taken for one that was killed writing.
        self.manifest.state = State::Done;
        self.manifest.save(&self.folder)?;
        turn.forget(&self.manifest.id);
        Ok(())
    }

    /// Takes back everything that the run wrote. Files that somebody edited meanwhile stay and are named. A run that changed
    /// nothing is forgotten.
    pub fn abandon(mut self) -> Result<Undone> {
        let turn = Turn::take(&self.state_dir)?;
        let undone = undo::put_back(&turn, &self.folder, &mut self.manifest, Edits::Leave)?;
        if undone.restored.is_empty() && undone.removed.is_empty() && undone.left.is_empty() {
            turn.forget(&self.manifest.id);
        }
        Ok(undone)
    }

    /// Enters the plan in the manifest, with backups of what it replaces, and sees both onto the disk. Answers the
    /// numbers of the files in the manifest.
    fn note(&mut self, plan: &Plan) -> Result<Vec<usize>> {
        let mut next = self.manifest.clone();
        let mut numbers = Vec::new();
        for planned in &plan.files {
            numbers.push(next.enter(planned));
        }
        let backups = plan.files.iter().zip(&numbers).filter_map(|(planned, number)| {
            let is_new = self.manifest.files.get(*number).is_none_or(|earlier| earlier.before.is_none());
            let before = next.files[*number].before.as_ref().filter(|_| is_new)?;
            Some((before.backup.as_str(), planned.found.as_ref()?.bytes.as_slice()))
        });
        store::save_files(&self.folder, backups)?;
        next.root_made += self.root.missing();
        next.folders
            .extend(plan.folders.iter().filter(|folder| !self.manifest.folders.contains(folder)).cloned());
        next.save(&self.folder)?;
        self.manifest = next;
        Ok(numbers)
    }

    /// Stages and renames. What an error leaves is what was there, and the manifest says so.
    fn place(&mut self, plan: &Plan, numbers: &[usize], earlier: &Manifest) -> Result<()> {
        let changed: Vec<(&Planned, usize)> = plan
            .files
            .iter()
            .zip(numbers.iter().copied())
            .filter(|(planned, _)| planned.action != Action::Unchanged)
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let root_made = self.root.missing();
        let mut made = Vec::new();
        let placed = self.stage_and_move(plan, &changed, &mut made);
        match placed {
            Ok(()) => Ok(()),
            Err(Failed { error, is_restored: false }) => Err(*error),
            Err(Failed { error, is_restored: true }) => {
                for folder in made.iter().rev() {
                    let _ = self.root.remove_folder(folder);
                }
                let _ = self.root.unmake(root_made);
                // When this fails too (a full disk), the manifest names files that are not there, which recovery skips.
                let _ = earlier.save(&self.folder);
                self.manifest = earlier.clone();
                Err(*error)
            }
        }
    }

    fn stage_and_move(
        &mut self,
        plan: &Plan,
        changed: &[(&Planned, usize)],
        made: &mut Vec<String>,
    ) -> std::result::Result<(), Failed> {
        self.root.make()?;
        let root = &self.root;
        let cannot = |error: std::io::Error| {
            Error::new(WHAT, error)
                .at(root.path())
                .fix("see that the folder may be written and the disk is not full; every file is as it was")
        };
        let mut stage = Stage::make(root, &self.manifest.stage).map_err(cannot)?;
        let filled = fill(&stage, changed).and_then(|()| root.sync()).and_then(|()| {
            for folder in &plan.folders {
                if root.make_folder(folder)? {
                    made.push(folder.clone());
                }
            }
            stage.seal()
        });
        if let Err(error) = filled {
            let _ = stage.remove();
            return Err(cannot(error).into());
        }
        let steps: Vec<Step> = changed
            .iter()
            .map(|(planned, number)| Step {
                number: *number,
                path: planned.path.clone(),
                staged: Some(planned.sha256.clone()),
                placed: planned.found.as_ref().map(|found| found.sha256.clone()),
            })
            .collect();
        if let Err(failed) = carry_out(root, &stage, &steps, WHAT) {
            if failed.is_restored {
                let _ = stage.remove();
            }
            return Err(failed);
        }
        // The files are in place; what is left of the stage holds only what the backups hold.
        stage.remove().and_then(|()| root.sync()).map_err(|error| Failed {
            error: Box::new(cannot(error).fix("run `sef turbo undo` to take back what was written")),
            is_restored: false,
        })
    }

    fn written(&self, plan: &Plan, numbers: &[usize]) -> Vec<WrittenFile> {
        let entries = numbers.iter().map(|number| &self.manifest.files[*number]);
        let file = |(planned, entry): (&Planned, &Entry)| WrittenFile {
            path: entry.path.clone(),
            lines: planned.bytes.split_inclusive(|byte| *byte == b'\n').count(),
            bytes: planned.bytes.len(),
            action: if planned.action == Action::Unchanged { Action::Unchanged } else { entry.action },
        };
        plan.files.iter().zip(entries).map(file).collect()
    }
}

/// A run that wrote nothing leaves no record.
impl Drop for Run {
    fn drop(&mut self) {
        if self.manifest.files.is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn fill(stage: &Stage, changed: &[(&Planned, usize)]) -> std::io::Result<()> {
    for (planned, number) in changed {
        match &planned.found {
            None => stage.add(*number, &planned.bytes, planned.mode)?,
            Some(found) => stage.add_like(*number, &planned.bytes, &found.kept, Time::Now)?,
        }
    }
    Ok(())
}
