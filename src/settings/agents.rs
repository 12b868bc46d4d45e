//! The agent and skill files that install copies, and the rule for each copy: what a person edited is theirs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::manifest::{Record, Store, fingerprint};
use super::place::Place;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};

/// A file built into the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Where it goes, relative to the Claude folder.
    pub path: &'static str,
    /// Its content.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        &[$(Shipped { path: $path, text: include_str!(concat!("../../", $path)) }),+]
    };
}

/// Everything that is copied.
pub const FILES: &[Shipped] = shipped![
    "agents/sef-explore.md",
    "agents/sef-validate.md",
    "agents/sef-document.md",
    "agents/sef-implement.md",
    "agents/sef-review.md",
    "skills/sef/SKILL.md",
    "skills/speculative-execution/SKILL.md",
    "skills/speculative-execution/references/routing-guide.md",
    "skills/speculative-execution/references/model-capabilities.md",
    "skills/speed-run/SKILL.md",
    "skills/turbo/SKILL.md",
    "skills/showdown/SKILL.md",
    "skills/any-percent/SKILL.md",
    "skills/judge/SKILL.md",
];

/// How a copy compares with what is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Not there.
    Missing,
    /// Exactly what is shipped.
    Current,
    /// A version that an earlier install wrote, untouched.
    Outdated,
    /// Something else: a person's work.
    Edited,
}

/// What to do with a copy that was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEdited {
    /// Leave it and say so.
    Keep,
    /// Back it up and take ours.
    TakeOurs,
}

/// What one run did to the copies.
#[derive(Debug, Default)]
pub struct Copied {
    /// Files written.
    pub written: usize,
    /// Edited files that were left alone.
    pub kept: Vec<PathBuf>,
    /// Edited files that were replaced: the file, and where the user's version is.
    pub replaced: Vec<(PathBuf, PathBuf)>,
}

/// Compares a copy with what is shipped and with what was ever written there.
pub fn condition(file: &Shipped, bytes: Option<&[u8]>, record: &Record) -> Condition {
    match bytes {
        None => Condition::Missing,
        Some(bytes) if bytes == file.text.as_bytes() => Condition::Current,
        Some(bytes) if wrote(record, file).contains(&fingerprint(bytes)) => Condition::Outdated,
        Some(_) => Condition::Edited,
    }
}

/// Could every copy be made? An error names the first that could not; nothing is written.
pub fn check_all(place: &Place) -> Result<()> {
    for file in FILES {
        let target = Target::read(&place.claude.join(file.path))?;
        if target.bytes.as_deref() != Some(file.text.as_bytes()) {
            target.check_replaceable()?;
        }
    }
    Ok(())
}

/// Copies what is missing or outdated.
pub fn copy_all(store: &mut Store, place: &Place, on_edited: OnEdited) -> Result<Copied> {
    let mut copied = Copied::default();
    for file in FILES {
        let path = place.claude.join(file.path);
        let target = Target::read(&path)?;
        clear_stale(store, place, file, &target);
        let condition = condition(file, target.bytes.as_deref(), store.record(&place.claude));
        if !comes(store, &path, &target, condition, on_edited, &mut copied)? {
            continue;
        }
        let folder = path.parent().unwrap_or(&place.claude);
        let record = store.record(&place.claude);
        record.will_make(folder);
        record.files.entry(file.path.into()).or_default().insert(fingerprint(file.text.as_bytes()));
        // First the memory that they are ours, then folder and file: a kill in between leaves nothing unexplained.
        store.save()?;
        atomic::make_folder(folder, 0o755)?;
        match atomic::replace(&target, file.text.as_bytes(), 0o644)? {
            Replaced::Done => copied.written += 1,
            Replaced::Changed => {
                return Err(Error::new("cannot copy the file", "somebody else is writing it").at(&path));
            }
        }
    }
    Ok(copied)
}

/// Makes way for a file that is missing, of another version, or edited and to be replaced, which is then kept aside; false
/// when it stays as it is.
pub(super) fn comes(
    store: &Store,
    path: &Path,
    target: &Target,
    condition: Condition,
    on_edited: OnEdited,
    copied: &mut Copied,
) -> Result<bool> {
    match (condition, on_edited) {
        (Condition::Current, _) => return Ok(false),
        (Condition::Edited, OnEdited::Keep) => {
            copied.kept.push(path.to_owned());
            return Ok(false);
        }
        (Condition::Edited, OnEdited::TakeOurs) => {
            let kept = store.keep_edited(path, target.bytes.as_deref().unwrap_or_default())?;
            copied.replaced.push((path.to_owned(), kept));
        }
        (Condition::Missing | Condition::Outdated, _) => {}
    }
    target.check_replaceable()?;
    Ok(true)
}

/// Removes the copies that nobody edited; answers those that were kept.
pub fn remove_all(store: &mut Store, place: &Place) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for file in FILES {
        let path = place.claude.join(file.path);
        let target = Target::read(&path)?;
        clear_stale(store, place, file, &target);
        let condition = condition(file, target.bytes.as_deref(), store.record(&place.claude));
        kept.extend((!goes(&target, condition)?).then_some(path));
    }
    let record = store.record(&place.claude);
    record.files.clear();
    Ok(kept)
}

/// Removes a file that we put there and nobody edited; false when it stays.
pub(super) fn goes(target: &Target, condition: Condition) -> Result<bool> {
    match condition {
        Condition::Missing => Ok(true),
        // A link is how a person arranged it, and our removal would take the file from behind it.
        Condition::Current | Condition::Outdated if !target.is_link() => {
            Ok(atomic::remove(target)? == Replaced::Done)
        }
        _ => Ok(false),
    }
}

/// Removes the folders that install made, innermost first, while they are empty.
pub fn remove_folders(record: &mut Record) {
    for folder in std::mem::take(&mut record.folders).iter().rev() {
        let _ = std::fs::remove_dir(folder);
    }
}

/// Clears away what a run that was killed left beside a copy; what somebody had written there just then is kept.
fn clear_stale(store: &mut Store, place: &Place, file: &Shipped, target: &Target) {
    let known = wrote(store.record(&place.claude), file);
    let ours = file.text.as_bytes();
    store.rescue_copy(&target.path, |bytes| ours.starts_with(bytes) || known.contains(&fingerprint(bytes)));
    atomic::sweep(&target.path);
}

fn wrote(record: &Record, file: &Shipped) -> BTreeSet<String> {
    record.files.get(file.path).cloned().unwrap_or_default()
}

/// Is this the path of an agent (and not of a skill)?
pub fn is_agent(path: &str) -> bool {
    Path::new(path).starts_with("agents")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn files_below(folder: &Path, root: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        let names = files.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        names.chain(folders.iter().flat_map(|folder| files_below(folder, root))).collect()
    }

    #[test]
    fn every_file_of_agents_and_skills_is_shipped() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let there: BTreeSet<String> =
            ["agents", "skills"].iter().flat_map(|name| files_below(&root.join(name), root)).collect();
        assert_eq!(FILES.iter().map(|file| file.path.to_owned()).collect::<BTreeSet<_>>(), there);
    }
}
