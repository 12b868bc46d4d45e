//! What install wrote where, so that uninstall can take back exactly that: `install/manifest.json` in the state dir.
//! Also the lock and the backups beside it. Everything here is 0600 in 0700: settings may hold keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::edit::Shells;
use super::server::Level;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::atomic::{self, Replaced, Target};
use crate::metrics::record::fnv64;

/// How long one install waits for another.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shape of the manifest that this version writes; a newer one is left alone.
const VERSION: u32 = 1;

/// Name of a live check's folder, before the process id.
const SCRATCH: &str = "live-check-";

/// All that was installed, by Claude folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Shape of this file.
    pub version: u32,
    /// One record for each Claude folder (absolute path).
    pub places: BTreeMap<String, Record>,
}

/// What was installed in one Claude folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The settings file, once it was changed.
    #[serde(default)]
    pub settings: Option<SettingsRecord>,
    /// Copied file (relative to the Claude folder) -> fingerprints of every version that was written.
    #[serde(default)]
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// Folders that had to be made, outermost first.
    #[serde(default)]
    pub folders: Vec<PathBuf>,
    /// The MCP server that Claude Code was asked to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
    /// The mod for the conversation's own turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_turn: Option<ModRecord>,
}

impl Record {
    /// Remembers, before it is done, that a folder and what is missing above it is about to be made by us.
    pub fn will_make(&mut self, folder: &Path) {
        for missing in atomic::missing_folders(folder) {
            if !self.folders.contains(&missing) {
                self.folders.push(missing);
            }
        }
    }
}

/// The MCP server as install had it registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Where the client keeps it.
    pub level: Level,
    /// The program that it starts.
    pub command: String,
}

/// The mod as install had it put in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModRecord {
    /// Where the client keeps it.
    pub level: Level,
    /// The program that it asks.
    pub program: String,
    /// The client was asked and did it; a run that was killed leaves this false.
    #[serde(default)]
    pub done: bool,
    /// File (relative to the mod's folder) -> fingerprints of every version that was written.
    #[serde(default)]
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// What the level's settings file was before the client was asked first.
    #[serde(default)]
    pub before: Before,
    /// Fingerprint of those bytes, kept beside the manifest.
    #[serde(default)]
    pub backup: Option<String>,
}

/// What was done to a settings file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// Fingerprint of the bytes that install wrote.
    pub written: String,
    /// What to go back to while the file still holds exactly those bytes.
    pub before: Before,
    /// Fingerprint of the backup.
    #[serde(default)]
    pub backup: Option<String>,
    /// Containers that were made to hold our entries.
    #[serde(default)]
    pub shells: Shells,
    /// True when the file itself was made by install.
    #[serde(default)]
    pub created: bool,
}

/// What stood there before the first install.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Not known any more: it was edited between two installs, so only our entries are taken out.
    #[default]
    Unknown,
    /// The backed-up bytes.
    Backup,
    /// No file.
    Nothing,
}

/// The folder `install` in the state dir, held under its lock.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    _lock: File,
    /// What was installed, as last saved.
    pub manifest: Manifest,
    /// Updates of others that a killed run had displaced, by the names they were saved under.
    pub rescued: Vec<PathBuf>,
}

impl Store {
    /// Takes the lock (waiting for another install to end) and reads the manifest.
    pub fn open(env: &Env) -> Result<Self> {
        let folder = folder(env)?;
        atomic::make_folder(&folder, 0o700)?;
        let path = folder.join("lock");
        let cannot = |why: String| Error::new("cannot take the install lock", why).at(&path);
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let lock = lock.map_err(|error| cannot(error.to_string()))?;
        let start = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => {
                    return Err(cannot(error.to_string()).fix("wait for the other `sef install` to end"));
                }
            }
        }
        sweep_scratch(&folder);
        let manifest = load(&folder)?;
        Ok(Self { folder, _lock: lock, manifest, rescued: Vec::new() })
    }

    /// Says where rescued updates are.
    pub fn tell_rescued(&self, out: &mut dyn std::io::Write) {
        for path in &self.rescued {
            let line = "note: a run that was killed had displaced what another program wrote; it is kept in";
            // A reader that is gone has seen enough.
            let _ = writeln!(out, "{line} {}", path.display());
        }
    }

    /// Saves what a killed run may have displaced beside the settings: anything that is neither what is there now, nor
    /// what we wrote or backed up, nor a half-written file of ours.
    pub fn rescue(&mut self, claude: &Path, settings: &Path, current: Option<&[u8]>) {
        let known = self.record(claude).settings.clone().unwrap_or_default();
        let is_ours = |bytes: &[u8]| {
            let print = fingerprint(bytes);
            current == Some(bytes)
                || print == known.written
                || Some(&print) == known.backup.as_ref()
                || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err()
        };
        let rescued = atomic::rescue(settings, is_ours, &self.folder);
        self.rescued.extend(rescued);
    }

    /// Saves what a killed run may have displaced beside a copy of an agent or skill: what `is_ours` does not know.
    pub fn rescue_copy(&mut self, copy: &Path, is_ours: impl Fn(&[u8]) -> bool) {
        self.rescued.extend(atomic::rescue(copy, is_ours, &self.folder));
    }

    /// Is the mod remembered of a Claude folder other than this one?
    pub fn has_mod_elsewhere(&self, claude: &Path) -> bool {
        let here = key(claude);
        self.manifest.places.iter().any(|(place, record)| *place != here && record.main_turn.is_some())
    }

    /// The record of a Claude folder, made when there is none.
    pub fn record(&mut self, claude: &Path) -> &mut Record {
        self.manifest.places.entry(key(claude)).or_default()
    }

    /// Writes the manifest, if it says something else than the file.
    pub fn save(&mut self) -> Result<()> {
        self.manifest.version = VERSION;
        self.manifest.places.retain(|_, record| *record != Record::default());
        let path = self.folder.join("manifest.json");
        if self.manifest.places.is_empty() {
            return remove_if_there(&path);
        }
        write(&path, text_of(&self.manifest).as_bytes())
    }

    /// Keeps the one backup of a rule file, as it was before the last rule was added; answers where.
    pub fn back_up_rules(&self, rules: &Path, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.backup_path(rules).with_extension("toml");
        write(&path, bytes)?;
        Ok(path)
    }

    /// Keeps the one backup of a settings file; answers its fingerprint.
    pub fn back_up(&self, settings: &Path, bytes: &[u8]) -> Result<String> {
        write(&self.backup_path(settings), bytes)?;
        Ok(fingerprint(bytes))
    }

    /// The backup, if it is there and what was kept.
    pub fn backup(&self, settings: &Path, print: &str) -> Option<Vec<u8>> {
        std::fs::read(self.backup_path(settings)).ok().filter(|bytes| fingerprint(bytes) == print)
    }

    /// Forgets the backup of a settings file.
    pub fn drop_backup(&self, settings: &Path) -> Result<()> {
        remove_if_there(&self.backup_path(settings))
    }

    /// Keeps a file that the user edited and asked to have replaced; answers where.
    pub fn keep_edited(&self, file: &Path, bytes: &[u8]) -> Result<PathBuf> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = self.folder.join(format!("edited-{}-{name}", fingerprint(bytes)));
        write(&path, bytes)?;
        Ok(path)
    }

    /// Where the live check may put its throw-away state.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join(format!("{SCRATCH}{}", std::process::id()))
    }

    fn backup_path(&self, settings: &Path) -> PathBuf {
        let name = fingerprint(settings.as_os_str().as_encoded_bytes());
        self.folder.join(format!("backup-{name}.json"))
    }
}

/// The record of a Claude folder as it is on disk, without the lock: for `sef status`.
pub fn peek(env: &Env, claude: &Path) -> Result<Record> {
    let manifest = load(&folder(env)?)?;
    Ok(manifest.places.get(&key(claude)).cloned().unwrap_or_default())
}

/// All that was installed, as it is on disk, without the lock.
pub fn peek_all(env: &Env) -> Result<Manifest> {
    load(&folder(env)?)
}

/// Length and 64-bit FNV-1a of the bytes: tells whether a file was edited, and is no defence against forgery.
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("{}-{:016x}", bytes.len(), fnv64(bytes))
}

fn folder(env: &Env) -> Result<PathBuf> {
    Ok(crate::state::folder(env, "cannot find the state folder")?.join("install"))
}

/// Removes what live checks of killed runs left behind.
fn sweep_scratch(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.parse().ok());
        if pid.is_some_and(atomic::is_gone) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn load(folder: &Path) -> Result<Manifest> {
    let path = folder.join("manifest.json");
    let Some(bytes) = Target::read(&path)?.bytes else { return Ok(Manifest::default()) };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        Error::new("cannot read what was installed", &error)
            .at(&path)
            .place(error.line(), error.column())
            .fix("move the file away; edited agents are then kept and our hooks are still recognised")
    })?;
    if manifest.version > VERSION {
        return Err(Error::new(
            "cannot read what was installed",
            format!("a newer SEF wrote it (shape {}, this one knows {VERSION})", manifest.version),
        )
        .at(&path)
        .fix("use that SEF's own `sef`, or move the file away; our hooks are still recognised without it"));
    }
    Ok(manifest)
}

fn text_of(manifest: &Manifest) -> String {
    let text = serde_json::to_string_pretty(manifest).expect("a manifest always serializes");
    format!("{text}\n")
}

fn key(claude: &Path) -> String {
    claude.to_string_lossy().into_owned()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = Target::read(path)?;
    if target.bytes.as_deref() == Some(bytes) {
        return Ok(());
    }
    match atomic::replace(&target, bytes, 0o600)? {
        Replaced::Done => Ok(()),
        Replaced::Changed => Err(Error::new("cannot write the file", "it changed under our lock").at(path)),
    }
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new("cannot remove the file", error).at(path))
        }
        _ => Ok(()),
    }
}
