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
use std::sync::atomic::{AtomicUsize, Ordering};

use corpus::{Corpus, Index};
use find::{Scope, find};
use read::Reader;

use crate::outcomes::words::Words;

/// Threads that read files: the second one hides waiting for the disk, more would take the machine from its user.
const THREADS: usize = 2;

/// Reads every transcript in scope below `projects` (`$CLAUDE_CONFIG_DIR/projects`). A missing folder is empty.
pub fn read_all(projects: &Path, scope: &Scope) -> Corpus {
    read_with(projects, scope, None)
}

/// The same, and what each file shows of outcomes when there are words to judge them by.
pub fn read_with(projects: &Path, scope: &Scope, words: Option<&Words>) -> Corpus {
    let (sources, unreadable) = find(projects, scope);
    let mut by_size: Vec<usize> = (0..sources.len()).collect();
    by_size.sort_by_key(|index| std::cmp::Reverse(sources[*index].size));
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut reader = Reader::default();
        let indices = std::iter::from_fn(|| by_size.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        indices.map(|index| (index, reader.read(&sources[index], words))).collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(sources.len())).map(|_| scope.spawn(read_some)).collect();
        let parts = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        parts
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    done.sort_by_key(|(index, _)| *index);
    let mut corpus = Corpus { unreadable_files: unreadable, ..Corpus::default() };
    let mut known = Index::default();
    for (index, facts) in done {
        match facts {
            Ok(facts) => corpus.add(&sources[index], facts, &mut known),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(_) => corpus.unreadable_files += 1,
        }
    }
    corpus
}
