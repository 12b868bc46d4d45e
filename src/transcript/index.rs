//! What earlier reports read from transcripts that did not change since: one private file in the state folder. Only a
//! cache: deleted, damaged, of other rules or another build it is made anew. It never holds text, and never a figure that
//! the transcripts would not give.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, Serializer};

use crate::fsx::{Stamp, checksum, read_private};
use crate::metrics::record::{fnv64, is_id};
use crate::outcomes::words::Words;
use crate::state::replace_private;
use crate::transcript::find::{Found, Scope, Source};
use crate::transcript::read::FileFacts;

/// Name of the file in the state folder.
const FILE: &str = "transcripts.index";
/// How the file begins: this, the stamp of what the facts depend on, and the checksum of the rest.
const MAGIC: &[u8; 8] = b"SEFidx01";
const HEADER: usize = 24;
/// Largest index that is read and written, in bytes: that of some 25 GB of transcripts.
const MAX_INDEX: usize = 128 << 20;
/// A file that was written less than this long ago may be written again at what its file system says is the same time.
const SETTLED: u64 = 2_000_000_000;
/// Longest model name that is kept, in bytes.
const MAX_MODEL: usize = 80;

/// The index as it lies in the state folder.
pub struct Kept<'a> {
    state_dir: &'a Path,
    stamp: u64,
    now: u64,
    bytes: Vec<u8>,
}

/// Its entries, sorted by the hash of the path.
#[derive(Default)]
pub struct Index<'a> {
    entries: Vec<Entry<'a>>,
}

/// One transcript.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Entry<'a> {
    path: u64,
    folder: u64,
    stamp: Stamp,
    #[serde(borrow, serialize_with = "as_bytes")]
    facts: &'a [u8],
}

impl<'a> Kept<'a> {
    /// Reads it, before the transcripts are looked for. What cannot be used is as if it were not there.
    pub fn load(state_dir: &'a Path, words: &Words) -> Self {
        let stamp = fnv64(env!("SEF_BUILD").as_bytes()) ^ words.stamp();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as u64);
        let bytes = read_private(&state_dir.join(FILE), MAX_INDEX as u64).unwrap_or_default();
        Self { state_dir, stamp, now, bytes }
    }

    /// Its entries; none when any of it is damaged.
    pub fn index(&self) -> Index<'_> {
        let whole = self.bytes.split_at_checked(HEADER).filter(|(head, rest)| **head == self.header(rest));
        let entries = whole.and_then(|(_, rest)| postcard::from_bytes(rest).ok());
        Index { entries: entries.unwrap_or_default() }
    }

    /// What to keep of a file's facts: nothing when it may change unseen, or when something in it looks like text.
    pub fn keep(&self, source: &Source, facts: &FileFacts) -> Option<Vec<u8>> {
        let settled = source.stamp.modified.checked_add(SETTLED).is_some_and(|time| time < self.now);
        (settled && is_plain(facts)).then(|| postcard::to_stdvec(facts).ok()).flatten()
    }

    /// Writes the index when it changed: with what is fresh, without files that are gone. Failing to is survived.
    pub fn save(&self, index: &Index, found: &Found, scope: &Scope, fresh: &[(&Source, Vec<u8>)]) {
        let mut entries: Vec<Entry> = index.still_true(found, scope).collect();
        // A state folder is not made for the index alone.
        if (fresh.is_empty() && entries.len() == index.entries.len()) || !self.state_dir.is_dir() {
            return;
        }
        entries.extend(fresh.iter().map(|(source, facts)| Entry {
            path: path_key(&source.path),
            folder: fnv64(source.folder.as_bytes()),
            stamp: source.stamp,
            facts,
        }));
        entries.sort_by_key(|entry| entry.path);
        let room = entries.iter().map(|entry| entry.facts.len() + 80).sum();
        let mut bytes = Vec::with_capacity(room);
        bytes.resize(HEADER, 0);
        let Ok(mut bytes) = postcard::to_extend(&entries, bytes) else { return };
        if bytes.len() > MAX_INDEX {
            return;
        }
        let header = self.header(&bytes[HEADER..]);
        bytes[..HEADER].copy_from_slice(&header);
        let _ = replace_private(self.state_dir, &self.state_dir.join(FILE), &bytes);
    }

    fn header(&self, rest: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&self.stamp.to_le_bytes());
        header[16..].copy_from_slice(&checksum(rest).to_le_bytes());
        header
    }
}

impl<'a> Index<'a> {
    /// The facts of a file, when they are here and it did not change since.
    pub fn facts(&self, source: &Source) -> Option<FileFacts> {
        let key = path_key(&source.path);
        let place = self.entries.binary_search_by_key(&key, |entry| entry.path).ok()?;
        let entry = self.entries.get(place).filter(|entry| entry.stamp == source.stamp)?;
        let (mut facts, rest) = postcard::take_from_bytes::<FileFacts>(entry.facts).ok()?;
        if !rest.is_empty() || facts.trace.as_ref().is_some_and(|trace| !trace.is_whole()) {
            return None;
        }
        facts.complete(source);
        Some(facts)
    }

    /// The entries that a later report may use: of unchanged files, and of those that this one did not look for.
    fn still_true(&self, found: &Found, scope: &Scope) -> impl Iterator<Item = Entry<'a>> {
        let unchanged: HashMap<u64, Stamp> =
            found.sources.iter().map(|source| (path_key(&source.path), source.stamp)).collect();
        let older: HashSet<u64> = found.older.iter().map(|path| path_key(path)).collect();
        let folder = scope.folder.as_ref().map(|folder| fnv64(folder.as_bytes()));
        self.entries.iter().copied().filter(move |entry| {
            unchanged.get(&entry.path) == Some(&entry.stamp)
                || older.contains(&entry.path)
                || folder.is_some_and(|folder| folder != entry.folder)
        })
    }
}

fn path_key(path: &Path) -> u64 {
    fnv64(path.as_os_str().as_encoded_bytes())
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Whether all that a file says in words has the shape of an id or of a model's name; a client writes nothing else there.
fn is_plain(facts: &FileFacts) -> bool {
    let id = |id: &str| id.is_empty() || is_id(id);
    id(&facts.session)
        && facts.prompts.iter().all(|prompt| id(prompt))
        && facts.requests.iter().all(|seen| is_model(&seen.model))
        && facts.links.iter().all(|link| id(&link.tool_use) && id(&link.agent) && is_model(&link.model))
}

/// `claude-opus-5-5[1m]`, `us.anthropic.claude-opus-4-8-v1:0`, `vendor/other-model`.
fn is_model(model: &str) -> bool {
    model.len() <= MAX_MODEL && model.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@[]".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcomes::evidence::{Seen, Trace, What};

    /// What is found of one file in an index whose checksum is right and whose facts are these bytes.
    fn found(facts: &[u8]) -> Option<FileFacts> {
        let source = Source {
            path: "/p/s.jsonl".into(),
            folder: "-p".to_owned(),
            session: "s".to_owned(),
            agent: None,
            stamp: Stamp::default(),
        };
        let entry = Entry { path: path_key(&source.path), folder: 0, stamp: source.stamp, facts };
        let rest = postcard::to_stdvec(&[entry][..]).expect("it serialises");
        let mut kept = Kept { state_dir: Path::new("/"), stamp: 7, now: 0, bytes: Vec::new() };
        kept.bytes = [kept.header(&rest).as_slice(), &rest].concat();
        assert_eq!(kept.index().entries.len(), 1);
        kept.index().facts(&source)
    }

    #[test]
    fn facts_that_no_report_wrote_are_not_used() {
        let sound = postcard::to_stdvec(&FileFacts::default()).expect("it serialises");
        assert!(found(&sound).is_some());
        assert!(found(&[sound.as_slice(), b"\0"].concat()).is_none(), "more than the facts");
        assert!(found(&sound[..sound.len() - 1]).is_none(), "less than the facts");
        // A list of 2^63 requests, then one that a list of calls does not hold.
        assert!(found(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]).is_none());
        let events = vec![Seen { time: 0, id: Box::default(), what: What::Call(1) }];
        let trace = Some(Trace { events, ..Trace::default() });
        let hostile =
            postcard::to_stdvec(&FileFacts { trace, ..FileFacts::default() }).expect("it serialises");
        assert!(found(&hostile).is_none(), "an event of a call that is not there");
    }
}
