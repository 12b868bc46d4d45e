//! Reads Claude Code's transcripts: which model answered each request, what it used, and which agent ran it.
//! `find` lists files, `lines` and `read` stream them, `wire` knows the line format, `corpus` counts each request once,
//! `index` keeps the facts of files that do not change.
//! It never changes a transcript, and never holds a whole transcript.

pub mod corpus;
pub mod find;
pub mod index;
pub mod lines;
pub mod model;
#[cfg(any(test, fuzzing))]
pub mod property;
pub mod read;
pub mod wire;

use std::io::{self, ErrorKind};
use std::path::Path;

use corpus::Corpus;
use find::{Found, Scope, Source, find};
use index::Kept;
use read::{FileFacts, Reader};

use crate::outcomes::words::Words;
use crate::parallel;

/// Reads every transcript in scope below `projects` (`$CLAUDE_CONFIG_DIR/projects`), and what each shows of outcomes. A
/// missing folder is empty. With a state folder, files that did not change since an earlier report are not read again.
pub fn read_all(projects: &Path, scope: &Scope, words: &Words, state_dir: Option<&Path>) -> Corpus {
    let kept = state_dir.map(|dir| Kept::load(dir, words));
    let index = kept.as_ref().map(Kept::index).unwrap_or_default();
    let found = find(projects, scope);
    let read = |reader: &mut Reader, source: &Source| {
        if let Some(facts) = index.facts(source) {
            return Ok((facts, Origin::Index));
        }
        let facts = reader.read(source, Some(words))?;
        let fresh = kept.as_ref().and_then(|kept| kept.keep(source, &facts));
        Ok((facts, Origin::File(fresh)))
    };
    let mut fresh = Vec::new();
    let corpus = put_together(&found, read, |source, kept| fresh.push((source, kept)));
    if let Some(kept) = &kept {
        kept.save(&index, &found, scope, &fresh);
    }
    corpus
}

/// Reads the transcripts that were found, without what they show of outcomes.
pub fn read_tokens(found: &Found) -> Corpus {
    put_together(found, |reader, source| Ok((reader.read(source, None)?, Origin::File(None))), |_, _| {})
}

/// Where a file's facts come from.
enum Origin {
    Index,
    /// With what the index is to keep of them.
    File(Option<Vec<u8>>),
}

fn put_together<'a>(
    found: &'a Found,
    read: impl Fn(&mut Reader, &Source) -> io::Result<(FileFacts, Origin)> + Sync,
    mut keep: impl FnMut(&'a Source, Vec<u8>),
) -> Corpus {
    let sizes: Vec<u64> = found.sources.iter().map(|source| source.stamp.size).collect();
    let done =
        parallel::by_size(&sizes, Reader::default, |reader, place| read(reader, &found.sources[place]));
    let mut corpus = Corpus { unreadable_files: found.unreadable, ..Corpus::default() };
    let mut known = corpus::Index::default();
    let requests = done.iter().flatten().map(|(facts, _)| facts.requests.len()).sum();
    corpus.reserve(requests, &mut known);
    for (source, facts) in found.sources.iter().zip(done) {
        match facts {
            Ok((facts, origin)) => {
                corpus.add(source, facts, &mut known);
                match origin {
                    Origin::Index => corpus.from_index += 1,
                    Origin::File(fresh) => fresh.into_iter().for_each(|fresh| keep(source, fresh)),
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => corpus.unreadable_files += 1,
        }
    }
    corpus
}
