//! The files of the mod `sef-main` as the state folder holds them: a marketplace of one plugin, which Claude Code reads in
//! place at each start. What a person edited there is theirs: it is kept and said, never overwritten unasked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::agents::{Condition, Copied, OnEdited, Shipped, comes, goes};
use super::manifest::{Manifest, Store, fingerprint};
use super::place::Place;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};
use crate::fsx::read_regular;

/// The marketplace's name.
pub const MARKETPLACE: &str = "sef-mods";
/// The mod as Claude Code's settings name it.
pub const ID: &str = "sef-main@sef-mods";
/// The file that names the program.
pub const PLUGIN: &str = "sef-main/.claude-plugin/plugin.json";
/// What stands for the program in the shipped file.
const DEFAULT: &str = "\"default\": \"sef\"";
/// Largest file that is read; the shipped ones are a few thousand bytes.
const LARGEST: u64 = 1 << 20;

macro_rules! shipped {
    ($($path:literal),+ $(,)?) => {
        &[$(Shipped { path: $path, text: include_str!(concat!("../../mods/", $path)) }),+]
    };
}

/// Everything that is written; paths relative to the marketplace's folder.
pub const FILES: &[Shipped] = shipped![
    ".claude-plugin/marketplace.json",
    "sef-main/.claude-plugin/plugin.json",
    "sef-main/hooks/hooks.json",
    "sef-main/hooks/register.js",
    "sef-main/README.md",
];

/// The marketplace's folder.
pub fn folder(env: &Env) -> Result<PathBuf> {
    Ok(crate::state::folder(env, "cannot find the state folder")?.join("mods"))
}

/// What a file says where the mod asks `program` (a path).
pub fn text(file: &Shipped, program: &str) -> String {
    if file.path != PLUGIN {
        return file.text.to_owned();
    }
    let word = serde_json::to_string(program).expect("a string always serializes");
    file.text.replacen(DEFAULT, &format!("\"default\": {word}"), 1)
}

/// The program that the mod in `folder` asks unless the settings name another; none when its file cannot be read.
pub fn program_in(folder: &Path) -> Option<String> {
    let bytes = read_regular(&folder.join(PLUGIN), LARGEST).ok()?;
    let plugin: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    plugin["userConfig"]["program"]["default"].as_str().map(str::to_owned)
}

/// Compares a file with what is shipped, and with what any install ever wrote there.
pub fn condition(file: &Shipped, program: &str, bytes: Option<&[u8]>, manifest: &Manifest) -> Condition {
    match bytes {
        None => Condition::Missing,
        Some(bytes) if bytes == text(file, program).as_bytes() => Condition::Current,
        Some(bytes) if wrote(manifest, file).contains(&fingerprint(bytes)) => Condition::Outdated,
        Some(_) => Condition::Edited,
    }
}

/// Writes what is missing or of another version. The place's record has to be there, and is saved before each file.
pub fn write_all(
    store: &mut Store,
    place: &Place,
    folder: &Path,
    program: &str,
    on_edited: OnEdited,
) -> Result<Copied> {
    let mut copied = Copied::default();
    for file in FILES {
        let path = folder.join(file.path);
        let target = Target::read(&path)?;
        let new = text(file, program);
        clear_stale(store, file, &target, &new);
        let condition = condition(file, program, target.bytes.as_deref(), &store.manifest);
        if !comes(store, &path, &target, condition, on_edited, &mut copied)? {
            continue;
        }
        let record = store.record(&place.claude).main_turn.as_mut().expect("the caller has noted the mod");
        record.files.entry(file.path.into()).or_default().insert(fingerprint(new.as_bytes()));
        store.save()?;
        atomic::make_folder(path.parent().unwrap_or(folder), 0o700)?;
        match atomic::replace(&target, new.as_bytes(), 0o600)? {
            Replaced::Done => copied.written += 1,
            Replaced::Changed => {
                return Err(Error::new("cannot write the mod", "somebody else is writing it").at(&path));
            }
        }
    }
    Ok(copied)
}

/// Removes the files that nobody edited, then the folders that are empty; answers the files that were kept.
pub fn remove_all(store: &mut Store, folder: &Path, program: &str) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for file in FILES {
        let path = folder.join(file.path);
        let target = Target::read(&path)?;
        clear_stale(store, file, &target, &text(file, program));
        let condition = condition(file, program, target.bytes.as_deref(), &store.manifest);
        kept.extend((!goes(&target, condition)?).then_some(path));
    }
    for below in ["sef-main/hooks", "sef-main/.claude-plugin", "sef-main", ".claude-plugin", ""] {
        let _ = std::fs::remove_dir(folder.join(below));
    }
    Ok(kept)
}

/// Clears away what a run that was killed left beside a file; what somebody had written there just then is kept.
fn clear_stale(store: &mut Store, file: &Shipped, target: &Target, new: &str) {
    let known = wrote(&store.manifest, file);
    store.rescue_copy(&target.path, |bytes| {
        new.as_bytes().starts_with(bytes) || known.contains(&fingerprint(bytes))
    });
    atomic::sweep(&target.path);
}

/// Every place shares the one folder, so what was written for any of them is ours.
fn wrote(manifest: &Manifest, file: &Shipped) -> BTreeSet<String> {
    let records = manifest.places.values().filter_map(|record| record.main_turn.as_ref());
    records.filter_map(|record| record.files.get(file.path)).flatten().cloned().collect()
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
    fn every_file_of_the_mod_is_shipped() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("mods");
        let shipped: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(shipped, files_below(&root, &root));
    }

    #[test]
    fn the_program_is_written_whatever_its_path_and_nothing_else_changes() {
        let plugin = FILES.iter().find(|file| file.path == PLUGIN).unwrap();
        assert_eq!(plugin.text.matches(DEFAULT).count(), 1);
        let shipped: serde_json::Value = serde_json::from_str(plugin.text).unwrap();
        for program in ["/b/sef", "/a b/\"quoted\"/\\/sef", "/日本/sef"] {
            let mut written: serde_json::Value = serde_json::from_str(&text(plugin, program)).unwrap();
            let default = &mut written["userConfig"]["program"]["default"];
            assert_eq!(default.take(), program);
            *default = "sef".into();
            assert_eq!(written, shipped);
        }
    }

    #[test]
    fn the_names_are_those_of_the_files() {
        let json = |path: &str| -> serde_json::Value {
            serde_json::from_str(FILES.iter().find(|file| file.path == path).unwrap().text).unwrap()
        };
        let market = json(".claude-plugin/marketplace.json");
        assert_eq!(market["name"], MARKETPLACE);
        assert_eq!(market["plugins"][0]["name"], json(PLUGIN)["name"]);
        assert_eq!(ID, format!("{}@{MARKETPLACE}", json(PLUGIN)["name"].as_str().unwrap()));
    }
}
