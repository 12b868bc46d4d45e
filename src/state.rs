//! What the hook remembers of one session between events: ids, numbers and word sketches, never text.
//! One small file per session, read and written under a lock; a lost or torn one only costs memory, not correctness.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::classify::Before;
use crate::config::Env;
use crate::error::Error;
use crate::metrics::record::fnv64;
use crate::models::Family;
use crate::rules::words;

/// Memory of one session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The orchestrator's model as an event named it.
    pub model: Option<String>,
    /// When it was named, milliseconds since 1970.
    pub model_t: u64,
    /// The session guidance was given.
    pub guided: bool,
    /// Keys of the hints that stand in the conversation.
    pub hints: Vec<String>,
    /// A routing mark at the start of the user's prompt, and that prompt's id.
    pub mark: Option<Mark>,
    /// Work that was rejected: the tier it ran at, and its sketch.
    pub rejected: Vec<(u8, Sketch)>,
    /// Permission modes in which the client refused a call that SEF had changed.
    pub hands_off: Vec<String>,
    /// Recent spawns, oldest first.
    pub spawns: Vec<Spawned>,
    /// The prompts so far.
    pub before: Before,
    /// Tasks of tier 1 to 3, and those of them that were delegated.
    pub tasks: (u32, u32),
    /// `prompt_id` of the last task while nothing of it is delegated; else empty.
    pub task: String,
    /// Subagents of which the user was told at the end of a turn.
    pub told_agents: u32,
    /// The last prompt came in plan mode.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plan: bool,
}

/// A routing mark such as `~sonnet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `prompt_id` of the prompt that carried it.
    pub prompt: String,
    /// Tier, or 0 for `~off`.
    pub tier: u8,
}

/// A spawn that this session made. Stored as a short row: a long session reads a few dozen of them at each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Spawned {
    /// `tool_use_id`.
    pub tu: String,
    /// Agent id, once known.
    pub a: Option<String>,
    /// Tier that the spawn ran at.
    pub tier: u8,
    /// Model family it was to run on.
    pub family: Option<Family>,
    /// SEF changed the call.
    pub changed: bool,
    /// The orchestrator was told that the result is bad.
    pub told: bool,
    /// Sketch of the task.
    pub sketch: Sketch,
}

/// `tool_use_id`, agent id or empty, tier, family (0 none, 1 Haiku, ...) with 16 for changed and 32 for told, sketch.
type Row = (String, String, u8, u8, Sketch);

impl From<Row> for Spawned {
    fn from((tu, a, tier, packed, sketch): Row) -> Self {
        let family =
            usize::from(packed & 15).checked_sub(1).and_then(|place| Family::ALL.get(place).copied());
        let a = (!a.is_empty()).then_some(a);
        Self { tu, a, tier, family, changed: packed & 16 != 0, told: packed & 32 != 0, sketch }
    }
}

impl From<Spawned> for Row {
    fn from(spawn: Spawned) -> Self {
        let family = spawn.family.map_or(0, |family| family as u8 + 1);
        let packed = family | u8::from(spawn.changed) << 4 | u8::from(spawn.told) << 5;
        (spawn.tu, spawn.a.unwrap_or_default(), spawn.tier, packed, spawn.sketch)
    }
}

/// Bounds of the lists above; the oldest entries go first.
const MAX_HINTS: usize = 40;
const MAX_REJECTED: usize = 16;
/// Spawns that are remembered.
pub const MAX_SPAWNS: usize = 24;
/// Largest session file that is read.
const MAX_FILE: u64 = 64 << 10;
/// How long one hook waits for another one's lock on the same session.
const LOCK_WAIT: Duration = Duration::from_millis(200);
/// Session files untouched for this long are removed at a session start.
const KEEP: Duration = Duration::from_hours(30 * 24);

impl Session {
    /// Remembers that a hint stands.
    pub fn stand(&mut self, key: String) {
        push_bounded(&mut self.hints, key, MAX_HINTS);
    }

    /// Remembers a spawn.
    pub fn spawned(&mut self, spawn: Spawned) {
        push_bounded(&mut self.spawns, spawn, MAX_SPAWNS);
    }

    /// Remembers that work at a tier was rejected.
    pub fn reject(&mut self, tier: u8, sketch: Sketch) {
        push_bounded(&mut self.rejected, (tier, sketch), MAX_REJECTED);
    }

    /// The highest tier at which similar work was rejected.
    pub fn rejected_tier(&self, sketch: &Sketch) -> Option<u8> {
        self.rejected.iter().filter(|(_, earlier)| earlier.is_like(sketch)).map(|(tier, _)| *tier).max()
    }

    /// The spawn of a `tool_use_id` or agent id.
    pub fn spawn_mut(&mut self, tool_use: &str, agent: &str) -> Option<&mut Spawned> {
        self.spawns.iter_mut().rev().find(|spawn| {
            (!tool_use.is_empty() && spawn.tu == tool_use)
                || (!agent.is_empty() && spawn.a.as_deref() == Some(agent))
        })
    }
}

fn push_bounded<T>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() >= most {
        list.drain(..=list.len() - most);
    }
    list.push(item);
}

/// Bytes of a sketch.
const SKETCH: usize = 32;
/// Two sketches that agree in this many places are of similar tasks (about half of their words are shared).
const ALIKE: usize = 14;

/// A fingerprint of a task text that says how alike two texts are and nothing of what they say:
/// for each of 32 hash functions the low byte of the smallest hash over all words (b-bit minwise hashing).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch(pub [u8; SKETCH]);

impl Sketch {
    /// Sketch of the first words of a text.
    pub fn of(text: &str) -> Self {
        let mut least = [u64::MAX; SKETCH];
        let text = &text[..text.floor_char_boundary(4_000)];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 3) {
            let mut hash = word.chars().fold(words::SEED, |hash, c| words::step(hash, words::fold(c) as u8));
            for slot in &mut least {
                hash = hash.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                let mixed = hash ^ (hash >> 31);
                *slot = (*slot).min(mixed);
            }
        }
        Self(least.map(|hash| (hash >> 8) as u8))
    }

    /// Whether two texts share about half of their words or more.
    pub fn is_like(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).filter(|(a, b)| a == b).count() >= ALIKE
    }
}

/// Hexadecimal text, written without the formatting machinery: a session may hold fifty sketches.
impl Serialize for Sketch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; SKETCH * 2];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        serializer.serialize_str(std::str::from_utf8(&hex).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = <&str>::deserialize(deserializer)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        let mut bytes = [0; SKETCH];
        for (slot, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *slot = digit(pair[0]) << 4 | digit(pair[1]);
        }
        Ok(Self(bytes))
    }
}

/// A memory of a session, locked while it lives: the hook's, or one that another part of SEF keeps of its own.
pub struct Held<T = Session> {
    file: Option<File>,
    before: Vec<u8>,
    /// The memory; change it, then [`Held::save`].
    pub session: T,
}

/// Whose memory of a session it is: part of the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The hook's.
    Hook,
    /// That of the conversation's own turns.
    MainTurn,
}

/// The hook's memory of a session as it stands, without a lock: for looking only. Empty when there is none.
pub fn peek(state_dir: Option<&Path>, session_id: &str) -> Session {
    peek_at(state_dir, session_id, Whose::Hook)
}

/// The same for anybody's memory.
pub fn peek_at<T: DeserializeOwned + Default>(state_dir: Option<&Path>, session_id: &str, whose: Whose) -> T {
    let Some(path) = state_dir.map(|dir| session_path(dir, session_id, whose)) else { return T::default() };
    let Ok(file) = crate::fsx::open_regular(&path) else { return T::default() };
    let bytes = crate::fsx::read_up_to(&file, MAX_FILE as usize).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Opens the hook's memory of a session. Without a usable state folder it is empty and saving does nothing.
pub fn hold(state_dir: Option<&Path>, session_id: &str) -> Held {
    hold_at(state_dir, session_id, Whose::Hook)
}

/// The same for anybody's memory.
pub fn hold_at<T: DeserializeOwned + Default>(
    state_dir: Option<&Path>,
    session_id: &str,
    whose: Whose,
) -> Held<T> {
    let nothing = || Held { file: None, before: Vec::new(), session: T::default() };
    let Some(path) = state_dir.map(|dir| session_path(dir, session_id, whose)) else { return nothing() };
    let Some(file) = open_made(&path) else { return nothing() };
    let locked = lock_within(&file, LOCK_WAIT);
    let size = file.metadata().map_or(0, |meta| meta.len().min(MAX_FILE));
    let before = crate::fsx::read_up_to(&file, size as usize).unwrap_or_default();
    let session = serde_json::from_slice(&before).unwrap_or_default();
    Held { file: locked.then_some(file), before, session }
}

impl<T> Held<T> {
    /// Whether [`Held::save`] will write: there is a file, and the lock is ours.
    pub fn is_kept(&self) -> bool {
        self.file.is_some()
    }
}

impl<T: Serialize> Held<T> {
    /// Writes the memory back when it changed, else only marks it as in use for [`sweep`]. Failing to is survived.
    pub fn save(&mut self) {
        let Some(file) = &mut self.file else { return };
        let Ok(after) = serde_json::to_vec(&self.session) else { return };
        if after == self.before {
            let _ = file.set_modified(SystemTime::now());
            return;
        }
        let written = file.rewind().and_then(|()| file.write_all(&after));
        if written.is_ok() && after.len() < self.before.len() {
            let _ = file.set_len(after.len() as u64);
        }
    }
}

fn session_path(state_dir: &Path, session_id: &str, whose: Whose) -> PathBuf {
    let name = fnv64(session_id.as_bytes());
    let name = match whose {
        Whose::Hook => format!("{name:016x}.json"),
        Whose::MainTurn => format!("{name:016x}-main.json"),
    };
    state_dir.join("sessions").join(name)
}

fn open_made(path: &Path) -> Option<File> {
    if let Ok(file) = private_file(path) {
        return Some(file);
    }
    let sessions = path.parent()?;
    private_dir(sessions.parent()?).ok()?;
    private_dir(sessions).ok()?;
    private_file(path).ok()
}

/// Takes an exclusive lock, or gives up after a bound.
pub fn lock_within(file: &File, bound: Duration) -> bool {
    let start = std::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return true,
            Err(_) if start.elapsed() < bound => std::thread::sleep(Duration::from_micros(300)),
            Err(_) => return false,
        }
    }
}

/// The state folder; the error says what cannot be done without one.
pub fn folder<'a>(env: &'a Env, what: &str) -> Result<&'a Path, Error> {
    env.state_dir.as_deref().ok_or_else(|| {
        Error::new(what, "neither SEF_STATE_DIR nor HOME is an absolute path").fix("set HOME and try again")
    })
}

/// Makes a folder that only its owner can enter (0700), with its parents.
pub fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Opens a file for reading and writing, made with mode 0600 when it is not there; never a FIFO or a device.
pub fn private_file(path: &Path) -> io::Result<File> {
    open_private(OpenOptions::new().read(true).write(true), path)
}

/// The same for appending.
pub fn private_log(path: &Path) -> io::Result<File> {
    open_private(OpenOptions::new().read(true).append(true), path)
}

fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.mode(0o600).custom_flags(flags.bits() as i32);
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// Replaces a private file as a whole: readers see the old content or the new.
pub fn replace_private(dir: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    private_dir(dir)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let fresh = dir.join(name);
    let done = private_file(&fresh).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(content)?;
        std::fs::rename(&fresh, path)
    });
    if done.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    done
}

/// Removes the memory of sessions that nobody touched for a month. Bounded: at most 2,000 entries are looked at.
pub fn sweep(state_dir: &Path) {
    let Ok(entries) = std::fs::read_dir(state_dir.join("sessions")) else { return };
    let now = SystemTime::now();
    for entry in entries.flatten().take(2_000) {
        let old = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > KEEP));
        if old {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_tasks_have_similar_sketches_and_others_do_not() {
        let a =
            Sketch::of("Find where the session token is validated and report file and line of every caller");
        let b =
            Sketch::of("Find where the session token is validated; report file, line and callers once more");
        let c = Sketch::of("Write unit tests for the pricing rules of the cart module with odd quantities");
        assert!(a.is_like(&b));
        assert!(!a.is_like(&c));
    }

    #[test]
    fn memory_is_bounded() {
        let mut session = Session::default();
        for number in 0..200 {
            session.stand(format!("hint-{number}"));
            session.reject(1, Sketch::of(&format!("task number {number}")));
        }
        assert_eq!(session.hints.len(), MAX_HINTS);
        assert_eq!(session.hints.last().map(String::as_str), Some("hint-199"));
        assert_eq!(session.rejected.len(), MAX_REJECTED);
        let bytes = serde_json::to_vec(&session).expect("it serialises");
        assert_eq!(serde_json::from_slice::<Session>(&bytes).expect("it reads back"), session);
    }
}
