//! A race's record, `races/ID/manifest.json` in the state folder: replaced as a whole and on the disk before each step that
//! it tells of. Folders are 0700, files 0600. Nothing of a record is used as a path or a ref before it was checked.
//!
//! The process of a race holds `races/ID/alive`, and every git that it starts shares the lock: a race is over when both are
//! gone. Whoever makes or forgets a record holds `races/lock`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::design::slug;
use super::git::Git;
use super::promote::Promotion;
use super::repo::Repo;
use crate::calendar::{self, DAY};
use crate::error::{Error, Result};
use crate::fsx::names::shown;
use crate::fsx::{read_private, record};
use crate::state::{lock_within, private_dir, private_file};

/// Shape of the file.
const VERSION: u32 = 1;
const FILE: &str = "manifest.json";
/// Largest record that is read, in bytes.
const MOST_MANIFEST: u64 = 32 << 20;
/// Results, and work that was discarded, are kept for this many milliseconds.
pub const KEEP_AGE: u64 = 90 * DAY;
/// How long one start of a race waits for another.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a lock is waited for that a process between its start and its program may hold.
const MOMENT: Duration = Duration::from_millis(500);
/// Longest name of a candidate, in characters.
const MOST_NAME: usize = 40;
/// The worktree that a promotion puts a commit together in; no candidate has the name.
pub(super) const PROMOTION: &str = "promotion";

/// What a race is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Shape of the file.
    pub version: u32,
    /// `CLOCK-8HEX`; sorts by time.
    pub id: String,
    /// Which kind.
    pub kind: Kind,
    /// Where.
    pub repo: Place,
    /// The commit that every candidate begins with.
    pub base: String,
    /// What is built, in a few words.
    pub feature: String,
    /// When it began, in milliseconds since 1970.
    pub created: u64,
    /// The process that began it; for people. Whether it lives, the lock says.
    pub pid: u32,
    /// In the order they were added.
    pub candidates: Vec<Candidate>,
    /// The last promotion that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,
    /// Whatever else the engine keeps of the race.
    #[serde(default)]
    pub state: serde_json::Value,
}

/// Which kind of race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Runners of one design.
    Showdown,
    /// Different approaches.
    AnyPercent,
}

/// The repository of a race.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Real path of the checkout.
    pub top: PathBuf,
    /// Real path of the repository's shared folder.
    pub common_dir: PathBuf,
}

/// One candidate of a race.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// `runner-1`, `variant-sqlite`.
    pub name: String,
    /// Its worktree.
    pub tree: PathBuf,
    /// The worktree's folder in the repository, once git made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<PathBuf>,
    /// The branch that its commit gets.
    pub branch: String,
    /// Its commit; noted before the branch is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How far it is.
    pub step: Step,
}

/// How far a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its worktree is being made; nobody was told of it.
    Adding,
    /// Its worktree is there.
    Added,
    /// Its commit is there and the branch is being made.
    Committing,
    /// Its branch is there.
    Committed,
    /// Worktree and branch are gone.
    Cleared,
}

/// A race that this process has. Whoever drops it without [`super::clean`] leaves it for later.
#[derive(Debug)]
pub struct Race {
    pub(super) folder: PathBuf,
    /// The repository as it was found.
    pub repo: Repo,
    manifest: Mutex<Manifest>,
    pub(super) alive: Arc<File>,
}

/// All races, newest first.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that can be read.
    pub races: Vec<Known>,
    /// Why others cannot.
    pub unreadable: Vec<Error>,
}

/// A race as a look at it shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its record.
    pub manifest: Manifest,
    /// A process works on it.
    pub is_alive: bool,
}

impl Race {
    /// Starts a race at the commit that HEAD is at. Nothing in the repository changes before a candidate is added.
    pub fn begin(state_dir: &Path, repo: Repo, kind: Kind, feature: &str) -> Result<Self> {
        let races = races(state_dir);
        let _turn = turn(&races)?;
        let created = calendar::now();
        let random = record::random::<4>()
            .map_err(|error| Error::new("cannot start a race", error).fix("run it again"))?;
        let id = format!("{}-{random}", record::clock(created));
        let folder = races.join(&id);
        let made = private_dir(&folder.join("trees"))
            .and_then(|()| std::fs::canonicalize(&folder))
            .and_then(|folder| Ok((record::claim(&folder.join("alive"))?, folder)));
        let (alive, folder) = made.map_err(|error| cannot_keep(&folder, &error))?;
        let alive = Arc::new(alive.ok_or_else(|| cannot_keep(&folder, &"its lock is taken"))?);
        let manifest = Manifest {
            version: VERSION,
            id,
            kind,
            repo: Place { top: repo.top.clone(), common_dir: repo.common_dir.clone() },
            base: repo.head.clone(),
            feature: feature.to_owned(),
            created,
            pid: std::process::id(),
            candidates: Vec::new(),
            promotion: None,
            state: serde_json::Value::Null,
        };
        save(&folder, &manifest)?;
        let race = Self { folder, repo, manifest: Mutex::new(manifest), alive };
        prune(&races, created);
        Ok(race)
    }

    /// Takes over a race whose process is gone, by its id or by how it begins.
    pub fn open(state_dir: &Path, id: &str) -> Result<Self> {
        let folder = find(state_dir, id)?;
        let alive = claim(&folder)?;
        let manifest = load(&folder)?;
        let repo = Repo::find(&manifest.repo.top).and_then(|repo| {
            if repo.common_dir == manifest.repo.common_dir && repo.has_commit(&manifest.base) {
                return Ok(repo);
            }
            Err(Error::new("cannot go on with the race", "another repository stands there now")
                .at(&manifest.repo.top)
                .fix("put the repository back; or, to give the race up, sef clean ID"))
        })?;
        Ok(Self { folder, repo, manifest: Mutex::new(manifest), alive: Arc::new(alive) })
    }

    /// Its id.
    pub fn id(&self) -> String {
        self.locked().id.clone()
    }

    /// Its private folder; the engine's own files may lie there, in names of its own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its record as it stands.
    pub fn manifest(&self) -> Manifest {
        self.locked().clone()
    }

    /// Changes the record. It is on the disk when this returns; after an error it is as it was.
    pub fn update<T>(&self, change: impl FnOnce(&mut Manifest) -> T) -> Result<T> {
        let mut manifest = self.locked();
        let mut next = manifest.clone();
        let answer = change(&mut next);
        if next != *manifest {
            save(&self.folder, &next)?;
            *manifest = next;
        }
        Ok(answer)
    }

    /// A candidate as it stands.
    pub fn candidate(&self, name: &str) -> Result<Candidate> {
        let manifest = self.locked();
        manifest.candidates.iter().find(|one| one.name == name).cloned().ok_or_else(|| {
            let names: Vec<&str> = manifest.candidates.iter().map(|one| one.name.as_str()).collect();
            Error::new(
                "cannot find the candidate",
                format!("race {} has none named {}", manifest.id, shown(name)),
            )
            .fix(format!("name one of: {}", names.join(", ")))
        })
    }

    /// Git with the race's lock: as long as it runs, the race is alive.
    pub(super) fn git(&self) -> Git {
        self.repo.git.holding(&self.alive)
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Candidate)) -> Result<()> {
        self.update(|manifest| {
            if let Some(one) = manifest.candidates.iter_mut().find(|one| one.name == name) {
                change(one);
            }
        })
    }

    fn locked(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manifest {
    /// The random part of the id.
    pub fn short_id(&self) -> &str {
        self.id.rsplit_once('-').map_or(&self.id, |(_, random)| random)
    }

    /// A new candidate with a name that no worktree and no branch of another race can have.
    pub(super) fn plan(&self, folder: &Path, name: &str) -> Result<Candidate> {
        let refused = |why: &str| {
            Error::new("cannot add the candidate", why)
                .at(shown(name))
                .fix(format!("name it with a-z, 0-9 and `-`, at most {MOST_NAME} characters: runner-1"))
        };
        if !is_plain(name) || name.len() > MOST_NAME {
            return Err(refused("that is no name of a candidate"));
        }
        if self.candidates.iter().any(|one| one.name == name) {
            return Err(refused("the race has one of that name"));
        }
        let slug = slug(&self.feature);
        let feature = if slug.is_empty() { "feature" } else { &slug };
        Ok(Candidate {
            name: name.to_owned(),
            tree: folder.join("trees").join(format!("{name}-{}", self.short_id())),
            admin: None,
            branch: format!("sef-race-{feature}-{}-{name}", self.short_id()),
            commit: None,
            step: Step::Adding,
        })
    }

    /// Is there nothing of it left in the repository, as far as the record says?
    pub fn is_cleared(&self) -> bool {
        self.candidates.iter().all(|one| one.step == Step::Cleared)
    }
}

/// Looks at all races. None is not an error.
pub fn list(state_dir: &Path) -> Result<Listed> {
    let races = races(state_dir);
    let mut listed = Listed::default();
    for id in ids(&races)? {
        let folder = races.join(&id);
        if !folder.join(FILE).exists() {
            continue;
        }
        match load(&folder) {
            Ok(manifest) => listed.races.push(Known { is_alive: is_alive(&folder), manifest }),
            Err(error) => listed.unreadable.push(error),
        }
    }
    Ok(listed)
}

/// Looks at one race, by its id or by how it begins.
pub fn look(state_dir: &Path, id: &str) -> Result<Known> {
    let folder = find(state_dir, id)?;
    Ok(Known { manifest: load(&folder)?, is_alive: is_alive(&folder) })
}

/// The folder of all races.
pub(super) fn races(state_dir: &Path) -> PathBuf {
    state_dir.join("races")
}

/// Ids of all races, newest first.
pub(super) fn ids(races: &Path) -> Result<Vec<String>> {
    let names = record::names(races).map_err(|error| {
        Error::new("cannot list the races", error).at(races).fix("see that SEF's state folder may be read")
    })?;
    Ok(names.into_iter().filter(|name| is_id(name)).collect())
}

/// The folder of the race of an id, or of the one whose id, or whose random part, begins so. What a person types is
/// compared with what is there and never becomes a path.
pub(super) fn find(state_dir: &Path, id: &str) -> Result<PathBuf> {
    let races = races(state_dir);
    let ids = ids(&races)?;
    let cannot = |why: String| {
        Error::new("cannot find the race", why).fix("`sef race status` lists the races that there are")
    };
    let is_meant = |known: &&String| {
        !id.is_empty()
            && (known.starts_with(id)
                || known.rsplit_once('-').is_some_and(|(_, random)| random.starts_with(id)))
    };
    let found: Vec<&String> = match ids.iter().find(|known| *known == id) {
        Some(whole) => vec![whole],
        None => ids.iter().filter(is_meant).collect(),
    };
    match found.as_slice() {
        [one] => std::fs::canonicalize(races.join(one)).map_err(|error| cannot(error.to_string())),
        [] => Err(cannot(format!("there is no race {}", shown(id)))),
        several => Err(cannot(format!("{} begins the ids of {} races", shown(id), several.len()))),
    }
}

/// Takes the lock of a race, which must not be alive. A process that is just being started may share it for a moment,
/// although it has nothing to do with the race; that is waited for.
pub(super) fn claim(folder: &Path) -> Result<File> {
    let alive = private_file(&folder.join("alive")).map_err(|error| cannot_keep(folder, &error))?;
    if lock_within(&alive, MOMENT) {
        return Ok(alive);
    }
    Err(Error::new("cannot take the race over", "a process, or a git that it started, works on it")
        .at(folder)
        .fix("wait for its end, or end it"))
}

/// Reads and checks the record of a race's folder, which is a real path.
pub(super) fn load(folder: &Path) -> Result<Manifest> {
    let path = folder.join(FILE);
    let cannot = |why: &dyn std::fmt::Display| {
        Error::new("cannot read the record of the race", why)
            .at(&path)
            .fix("see whether the disk is damaged; git worktree list and git branch --list 'sef-race-*' show what is left")
    };
    let folder = std::fs::canonicalize(folder).map_err(|error| cannot(&error))?;
    let bytes = read_private(&path, MOST_MANIFEST).map_err(|error| cannot(&error))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| cannot(&error))?;
    if manifest.version != VERSION {
        return Err(cannot(&format!("its version is {} and this is {VERSION}", manifest.version))
            .fix("use the version of SEF that wrote it"));
    }
    if let Some(why) = fault(&manifest, &folder) {
        return Err(cannot(&why));
    }
    Ok(manifest)
}

/// Why no race can have written this record there.
fn fault(manifest: &Manifest, folder: &Path) -> Option<&'static str> {
    let Manifest { id, repo, base, candidates, .. } = manifest;
    if !is_id(id) || folder.file_name().and_then(|name| name.to_str()) != Some(id) {
        return Some("it is of a race with another id");
    }
    if !repo.top.is_absolute() || !repo.common_dir.is_absolute() || !is_object(base) {
        return Some("it names a repository or a commit that no race has");
    }
    let is_own = |one: &Candidate| {
        let leaf = format!("{}-{}", one.name, manifest.short_id());
        is_plain(&one.name)
            && one.tree == folder.join("trees").join(&leaf)
            && one.branch.starts_with("sef-race-")
            && is_plain(&one.branch)
            && one.commit.as_deref().is_none_or(is_object)
            && one.admin.as_ref().is_none_or(|admin| is_admin(admin, &repo.common_dir, &leaf))
    };
    (!candidates.iter().all(is_own)).then_some("it names a worktree, a branch or a commit that no race has")
}

/// Is it a folder that git would make for a worktree of that leaf? Git adds a number when the name is taken.
pub(super) fn is_admin(admin: &Path, common_dir: &Path, leaf: &str) -> bool {
    let name = admin.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(leaf));
    admin.parent() == Some(common_dir.join("worktrees").as_path())
        && name.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `20261120T203711732Z-1a2b3c4d`.
fn is_id(id: &str) -> bool {
    let is_clock = |clock: &str| {
        clock.ends_with('Z') && clock.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'T' | b'Z'))
    };
    let is_random = |random: &str| random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.split_once('-').is_some_and(|(clock, random)| is_clock(clock) && is_random(random))
}

fn is_plain(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(is_inner) && name != PROMOTION
}

fn is_object(id: &str) -> bool {
    matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_alive(folder: &Path) -> bool {
    let lock = folder.join("alive");
    // A look makes no file.
    lock.exists() && matches!(record::claim(&lock), Ok(None))
}

pub(super) fn save(folder: &Path, manifest: &Manifest) -> Result<()> {
    let bytes = serde_json::to_vec(manifest).map_err(|error| {
        Error::new("cannot keep a record of the race", error)
            .at(&manifest.repo.top)
            .fix("run it in a folder whose path is UTF-8")
    })?;
    record::replace(folder, FILE, &bytes).map_err(|error| cannot_keep(folder, &error))
}

/// The lock under which races are made and forgotten, while it lives.
pub(super) fn turn(races: &Path) -> Result<File> {
    let lock = private_dir(races).and_then(|()| private_file(&races.join("lock")));
    let lock = lock.map_err(|error| cannot_keep(races, &error))?;
    if !lock_within(&lock, PATIENCE) {
        return Err(cannot_keep(races, &"another process holds its lock").fix("wait for it, or end it"));
    }
    Ok(lock)
}

/// Forgets races that have nothing in a repository any more and are older than 90 days, and starts that were killed before
/// their first record. Needs the turn.
pub(super) fn prune(races: &Path, now: u64) {
    for id in ids(races).unwrap_or_default() {
        let folder = races.join(&id);
        let Ok(Some(_alive)) = record::claim(&folder.join("alive")) else { continue };
        let is_old = |manifest: Manifest| {
            let is_promoting = manifest.promotion.as_ref().is_some_and(|promotion| !promotion.is_settled());
            manifest.is_cleared() && !is_promoting && now.saturating_sub(manifest.created) > KEEP_AGE
        };
        if !folder.join(FILE).exists() || load(&folder).is_ok_and(is_old) {
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

fn cannot_keep(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new("cannot keep a record of the race", error)
        .at(path)
        .fix("see that SEF's state folder may be written and the disk is not full")
}
