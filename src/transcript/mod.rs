//! Reads Claude Code's transcripts: which model answered each request, what it used, and which agent ran it.
//! `find` lists files, `lines` and `read` stream them, `wire` knows the line format, `corpus` counts each request once.
//! It never changes a file, and never holds a whole transcript.

pub mod corpus;
pub mod find;
pub mod lines;
pub mod read;
pub mod wire;

use std::io::ErrorKind;
use std::path::Path;

use corpus::{Corpus, Index};
use find::{Scope, Source, find};
use read::Reader;

use crate::outcomes::words::Words;
use crate::parallel;

/// Reads every transcript in scope below `projects` (`$CLAUDE_CONFIG_DIR/projects`), and what each shows of outcomes. A
/// missing folder is empty.
pub fn read_all(projects: &Path, scope: &Scope, words: &Words) -> Corpus {
    let (sources, unreadable) = find(projects, scope);
    read_found(&sources, unreadable, Some(words))
}

/// Reads the transcripts that [`find`] found, with its count of folders that it could not read, and what they show of
/// outcomes when there are words to judge them by.
pub fn read_found(sources: &[Source], unreadable: u64, words: Option<&Words>) -> Corpus {
    let sizes: Vec<u64> = sources.iter().map(|source| source.size).collect();
    let done =
        parallel::by_size(&sizes, Reader::default, |reader, place| reader.read(&sources[place], words));
    let mut corpus = Corpus { unreadable_files: unreadable, ..Corpus::default() };
    let mut known = Index::default();
    for (source, facts) in sources.iter().zip(done) {
        match facts {
            Ok(facts) => corpus.add(source, facts, &mut known),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => corpus.unreadable_files += 1,
        }
    }
    corpus
}
