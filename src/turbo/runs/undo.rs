//! Takes a run back: what it made is removed, what it replaced is put back with mode and time, folders it made go when
//! they are empty, at the latest with the last run that wrote into them. The same code mends a run that was killed, and goes on with an undo that was.
//!
//! A file that somebody edited since is theirs: it is never touched unless its edits are discarded by name, and then kept.

use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{Entry, Manifest, State};
use super::store::{Turn, save_file};
use crate::error::{Error, Result};
use crate::fsx::confined::found::{Look, look, sha256};
use crate::fsx::confined::moves::{Failed, Step, carry_out};
use crate::fsx::confined::root::{Folder, Root};
use crate::fsx::confined::stage::{Stage, Time};
use crate::fsx::names::Relative;
use crate::fsx::read_private;
use crate::state::private_dir;

const WHAT: &str = "cannot undo the run";
/// Largest backup, in bytes; what is larger is never replaced.
const MAX_BACKUP: u64 = crate::fsx::confined::found::MAX_READ;

/// Which run to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The newest that was not taken back yet.
    Last,
    /// By its id.
    Id(&'a str),
}

/// What to do with files that were edited since the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edits {
    /// Take back nothing, and name them.
    Refuse,
    /// Take them back too, after a copy is in the run's folder.
    Discard,
    /// Leave them, and take back the others; for runs that were killed.
    Leave,
}

/// What was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undone {
    /// Of the run.
    pub id: String,
    /// Its folder.
    pub root: PathBuf,
    /// Files that are as they were before.
    pub restored: Vec<String>,
    /// Files that the run had made.
    pub removed: Vec<String>,
    /// Files that somebody edited and that stay, each with the reason.
    pub left: Vec<(String, String)>,
    /// Edited versions that were discarded, and where they are kept.
    pub kept: Vec<(String, PathBuf)>,
}

/// Takes back a run; with `below` only runs in that folder (a real path) are looked at. All of it or nothing.
pub fn undo(state_dir: &Path, which: Which<'_>, below: Option<&Path>, edits: Edits) -> Result<Undone> {
    let turn = Turn::take(state_dir)?;
    let (folder, mut manifest) = find(&turn, which, below)?;
    let cannot = |why: &str| Error::new(WHAT, why).at(&manifest.root);
    match manifest.state {
        State::Undone => {
            return Err(cannot(&format!("{} was undone before", manifest.id))
                .fix("`sef turbo undo` alone takes the last run"));
        }
        State::Writing if !turn.is_gone(&manifest.id) => {
            return Err(
                cannot(&format!("{} is still running", manifest.id)).fix("wait for its end, or end it")
            );
        }
        State::Writing | State::Done | State::Undoing => {}
    }
    put_back(&turn, &folder, &mut manifest, edits)
}

/// Mends what was killed: runs in the middle of their writing are taken back, undos are completed. Call it before
/// anything else that writes. Runs that cannot be mended now are errors beside the others.
pub fn recover(state_dir: &Path) -> Result<(Vec<Undone>, Vec<Error>)> {
    let (mut mended, mut errors) = (Vec::new(), Vec::new());
    if !state_dir.join("turbo").join("runs").exists() {
        return Ok((mended, errors));
    }
    let turn = Turn::take(state_dir)?;
    for id in turn.ids()? {
        let folder = turn.folder(&id);
        if !folder.join("manifest.json").exists() {
            // It was killed before its first record, and had done nothing.
            turn.forget(&id);
            continue;
        }
        let Ok(mut manifest) = Manifest::load(&folder) else { continue };
        if matches!(manifest.state, State::Writing | State::Undoing) && turn.is_gone(&id) {
            match put_back(&turn, &folder, &mut manifest, Edits::Leave) {
                Ok(_) if manifest.files.is_empty() => turn.forget(&id),
                Ok(undone) => mended.push(undone),
                Err(error) => errors.push(error),
            }
        }
    }
    Ok((mended, errors))
}

fn find(turn: &Turn, which: Which<'_>, below: Option<&Path>) -> Result<(PathBuf, Manifest)> {
    let nothing =
        |why: String| Error::new("cannot undo", why).fix("`sef turbo runs` lists the runs that there are");
    let ids = turn.ids()?;
    if let Which::Id(id) = which {
        let folder = ids
            .iter()
            .find(|known| *known == id)
            .map(|id| turn.folder(id))
            .ok_or_else(|| nothing(format!("there is no run {}", crate::fsx::names::shown(id))))?;
        let manifest = Manifest::load(&folder)?;
        return match below {
            Some(below) if !manifest.root.starts_with(below) => {
                Err(nothing(format!("run {id} is not of {}", below.display())))
            }
            _ => Ok((folder, manifest)),
        };
    }
    for id in ids {
        let folder = turn.folder(&id);
        let Ok(manifest) = Manifest::load(&folder) else { continue };
        let is_meant = manifest.state != State::Undone
            && !manifest.files.is_empty()
            && below.is_none_or(|below| manifest.root.starts_with(below))
            && (manifest.state != State::Writing || turn.is_gone(&id));
        if is_meant {
            return Ok((folder, manifest));
        }
    }
    Err(nothing(
        below.map_or("there is no run".to_owned(), |below| format!("there is no run in {}", below.display())),
    ))
}

/// Takes the run back; its folder is the caller's.
pub(super) fn put_back(turn: &Turn, folder: &Path, manifest: &mut Manifest, edits: Edits) -> Result<Undone> {
    let mut root = Root::reopen(&manifest.root)?;
    let mut undone = Undone { id: manifest.id.clone(), root: manifest.root.clone(), ..Undone::default() };
    let state = manifest.state;
    settle(&root, folder, manifest, &mut undone)?;
    let work = look_over(&root, manifest, &mut undone)?;
    discard(folder, manifest, &work, edits, &mut undone)?;
    let steps: Vec<Step> = work
        .iter()
        .filter(|task| task.edited.is_none() || edits == Edits::Discard)
        .map(|task| task.step.clone())
        .collect();
    if !steps.is_empty() {
        if state == State::Done {
            manifest.state = State::Undoing;
        }
        manifest.save(folder)?;
        if let Err(failed) = carry_back(&root, folder, manifest, &steps) {
            if failed.is_restored && state == State::Done {
                manifest.state = State::Done;
                // When this fails too, the next recovery completes the undo.
                let _ = manifest.save(folder);
            }
            return Err(*failed.error);
        }
    }
    for made in manifest.folders.iter().rev() {
        root.remove_folder(made).map_err(|error| cannot(&manifest.root.join(made), &error))?;
    }
    root.unmake(manifest.root_made).map_err(|error| cannot(&manifest.root, &error))?;
    clear_after_others(turn, manifest, &steps);
    root.sync().map_err(|error| cannot(&manifest.root, &error))?;
    manifest.state = State::Undone;
    manifest.save(folder)?;
    for step in steps {
        let list = if step.staged.is_some() { &mut undone.restored } else { &mut undone.removed };
        list.push(step.path.as_str().to_owned());
    }
    Ok(undone)
}

/// Removes the empty folders above this run's files that runs taken back before it had made: when those were taken back,
/// this run's files still stood there. What cannot be removed stays.
fn clear_after_others(turn: &Turn, manifest: &Manifest, steps: &[Step]) {
    let files: Vec<PathBuf> = steps.iter().map(|step| manifest.root.join(step.path.as_str())).collect();
    let others = turn.ids().unwrap_or_default().into_iter().filter(|id| *id != manifest.id);
    for other in others.filter_map(|id| Manifest::load(&turn.folder(&id)).ok()) {
        if other.state != State::Undone {
            continue;
        }
        let below = other.folders.iter().rev().map(|folder| other.root.join(folder));
        let made = below.chain(other.root.ancestors().take(other.root_made).map(Path::to_owned));
        for folder in made.filter(|folder| files.iter().any(|file| file.starts_with(folder))) {
            let (Some(above), Some(name)) = (folder.parent(), folder.file_name()) else { continue };
            let _ = Root::reopen(above).map(|above| above.remove_folder(&name.to_string_lossy()));
        }
    }
}

/// One file that is not as it was before the run.
struct Task {
    /// What puts it back.
    step: Step,
    /// Why it is somebody's, and its content when there is one.
    edited: Option<(String, Option<Vec<u8>>)>,
}

/// Finds what there is to put back.
fn look_over(root: &Root, manifest: &Manifest, undone: &mut Undone) -> Result<Vec<Task>> {
    let mut work = Vec::new();
    for (number, entry) in manifest.files.iter().enumerate() {
        let path = Relative::plain(&entry.path)?;
        let there = look_at(root, &path).map_err(|error| cannot(&root.path().join(path.as_str()), &error))?;
        let before = entry.before.as_ref().map(|before| before.sha256.clone());
        let edited = match judge(entry, &there) {
            Verdict::Nothing => continue,
            Verdict::Ours => None,
            Verdict::Edited(why) => match there {
                Look::File(found) => {
                    let step = Step { number, path, staged: before, placed: Some(found.sha256) };
                    work.push(Task { step, edited: Some((why, Some(found.bytes))) });
                    continue;
                }
                Look::Missing => Some((why, None)),
                Look::Other(_) => {
                    undone.left.push((entry.path.clone(), why));
                    continue;
                }
            },
        };
        let placed = there.sha256().map(str::to_owned);
        work.push(Task { step: Step { number, path, staged: before, placed }, edited });
    }
    Ok(work)
}

/// What an entry's place calls for.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is as it was before the run.
    Nothing,
    /// It holds what the run wrote.
    Ours,
    /// It holds something else: the reason.
    Edited(String),
}

fn judge(entry: &Entry, there: &Look) -> Verdict {
    let before = entry.before.as_ref().map(|before| before.sha256.as_str());
    match there {
        _ if entry.after.is_empty() => Verdict::Nothing,
        Look::Missing if before.is_none() => Verdict::Nothing,
        Look::Missing => Verdict::Edited("it was removed since".into()),
        Look::Other(why) => Verdict::Edited(why.clone()),
        Look::File(found) if Some(found.sha256.as_str()) == before => Verdict::Nothing,
        Look::File(found) if entry.is_own(&found.sha256) => Verdict::Ours,
        Look::File(_) => Verdict::Edited("it was edited since".into()),
    }
}

/// Decides about edited files: refuses, leaves them, or keeps copies and says so in the manifest.
fn discard(
    folder: &Path,
    manifest: &mut Manifest,
    work: &[Task],
    edits: Edits,
    undone: &mut Undone,
) -> Result<()> {
    let edited = || work.iter().filter_map(|task| Some((task, task.edited.as_ref()?)));
    let named = |(task, (why, _)): (&Task, &(String, Option<Vec<u8>>))| {
        (task.step.path.as_str().to_owned(), why.clone())
    };
    if edits == Edits::Leave {
        undone.left.extend(edited().map(named));
        return Ok(());
    }
    // What is no file any more cannot be kept, so it is in the way of both others.
    let mut in_the_way: Vec<(String, String)> = undone.left.clone();
    let fix = if in_the_way.is_empty() && edits == Edits::Refuse {
        "save what you want of them and use --discard-edits, which keeps copies in the run's folder"
    } else {
        "move away what is there, then run it again"
    };
    if edits == Edits::Refuse {
        in_the_way.extend(edited().map(named));
    }
    if !in_the_way.is_empty() {
        let said: Vec<String> = in_the_way.iter().map(|(path, why)| format!("{path}: {why}")).collect();
        let why = format!("files are not as the run left them, so nothing was changed ({})", said.join("; "));
        return Err(Error::new(WHAT, why).at(&manifest.root).fix(fix));
    }
    for (task, (_, bytes)) in edited() {
        let Some(bytes) = bytes else { continue };
        let kept = keep(folder, task.step.number, bytes)?;
        let entry = &mut manifest.files[task.step.number];
        entry.discarded.clone_from(&task.step.placed);
        undone.kept.push((entry.path.clone(), kept));
    }
    Ok(())
}

/// Keeps an edited version in the run's folder.
fn keep(folder: &Path, number: usize, bytes: &[u8]) -> Result<PathBuf> {
    let kept = folder.join("edited").join(number.to_string());
    private_dir(&folder.join("edited")).map_err(|error| cannot(&kept, &error))?;
    save_file(&kept, bytes)?;
    Ok(kept)
}

/// Stages the originals from their backups and moves them in.
fn carry_back(
    root: &Root,
    folder: &Path,
    manifest: &Manifest,
    steps: &[Step],
) -> std::result::Result<(), Failed> {
    let failed = |error: io::Error| cannot(root.path(), &error);
    let mut stage = Stage::make(root, &manifest.stage).map_err(failed)?;
    let filled = fill(&stage, folder, manifest, steps).and_then(|()| root.sync()).and_then(|()| stage.seal());
    if let Err(error) = filled {
        let _ = stage.remove();
        return Err(failed(error).into());
    }
    let carried = carry_out(root, &stage, steps, WHAT);
    if carried.as_ref().is_err_and(|failed| !failed.is_restored) {
        return carried;
    }
    let removed = stage.remove();
    carried?;
    removed.map_err(|error| Failed { error: Box::new(failed(error)), is_restored: false })
}

fn fill(stage: &Stage, folder: &Path, manifest: &Manifest, steps: &[Step]) -> io::Result<()> {
    for step in steps {
        let Some(before) = &manifest.files[step.number].before else { continue };
        let bytes = read_private(&folder.join(&before.backup), MAX_BACKUP)?;
        if sha256(&bytes) != before.sha256 {
            let why = format!("the backup of {} is not what was backed up", step.path.as_str());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        stage.add_like(step.number, &bytes, &before.kept, Time::Kept)?;
    }
    Ok(())
}

/// Empties the stage of a killed run. It may hold originals, which go back from here without needing room on the disk,
/// and a version that somebody wrote in the moment of the swap, which is nowhere else.
fn settle(root: &Root, folder: &Path, manifest: &Manifest, undone: &mut Undone) -> Result<()> {
    let failed = |error: io::Error| cannot(root.path(), &error);
    let Some(stage) = Stage::left(root, &manifest.stage).map_err(failed)? else { return Ok(()) };
    let mut steps = Vec::new();
    for (number, entry) in manifest.files.iter().enumerate() {
        let Look::File(held) = stage.look(number).map_err(failed)? else { continue };
        let is_original = entry.before.as_ref().is_some_and(|before| before.sha256 == held.sha256);
        if !is_original && entry.is_own(&held.sha256) {
            continue;
        }
        let path = Relative::plain(&entry.path)?;
        let there = look_at(root, &path).map_err(failed)?;
        match (judge(entry, &there), is_original) {
            (Verdict::Ours, _) => {
                let placed = there.sha256().map(str::to_owned);
                steps.push(Step { number, path, staged: Some(held.sha256), placed });
            }
            (_, true) => {}
            (_, false) if matches!(there, Look::Missing) => {
                steps.push(Step { number, path, staged: Some(held.sha256), placed: None });
            }
            (_, false) => undone.kept.push((entry.path.clone(), keep(folder, number, &held.bytes)?)),
        }
    }
    carry_out(root, &stage, &steps, WHAT).map_err(|failed| *failed.error)?;
    undone.restored.extend(steps.iter().map(|step| step.path.as_str().to_owned()));
    stage.remove().map_err(failed)
}

fn look_at(root: &Root, path: &Relative) -> io::Result<Look> {
    match root.folder(path.folder())? {
        Folder::Open(folder) => look(&folder, path.name()),
        Folder::Missing => Ok(Look::Missing),
        Folder::Blocked { at, what } => Ok(Look::Other(format!("{at} is {what}"))),
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(WHAT, error)
        .at(path)
        .fix("see that the folder may be written and the disk is not full, then run it again")
}
