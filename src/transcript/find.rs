//! Finds the transcripts below Claude Code's `projects` folder. The depth is fixed, so that a loop of links ends.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use crate::fsx::Stamp;

/// One transcript file, and what its place says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Name of the project's folder, `-home-user-project`.
    pub folder: String,
    /// Session id, from the path; empty for an agent file of old clients, which lies beside the sessions.
    pub session: String,
    /// The agent, for a subagent's file; none for a main transcript.
    pub agent: Option<String>,
    /// The file's state when it was found.
    pub stamp: Stamp,
}

/// What there is.
#[derive(Debug, Default)]
pub struct Found {
    /// Every transcript in scope, sorted by path.
    pub sources: Vec<Source>,
    /// Those that are older than the scope.
    pub older: Vec<PathBuf>,
    /// Folders that could not be listed, files that could not be looked at.
    pub unreadable: u64,
}

/// Which transcripts to look at.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only this project folder.
    pub folder: Option<String>,
    /// Only what was written at or after this time, milliseconds since 1970: older files hold only older lines.
    pub since: u64,
}

/// How deep the client nests folders below `subagents`, with room to spare.
const MAX_DEPTH: usize = 3;

/// Looks for transcripts.
pub fn find(projects: &Path, scope: &Scope) -> Found {
    let mut search = Search { scope, found: Found::default() };
    for project in search.list(projects) {
        let name = project.file_name().to_string_lossy().into_owned();
        let wanted = scope.folder.as_ref().is_none_or(|folder| *folder == name);
        if wanted && fs::metadata(project.path()).is_ok_and(|meta| meta.is_dir()) {
            search.project(&project.path(), &name);
        }
    }
    search.found.sources.sort_by(|a, b| a.path.cmp(&b.path));
    search.found
}

/// The subagents' transcripts of one session, sorted by path.
pub fn of_session(transcript: &Path) -> Vec<Source> {
    let name = |path: Option<&std::ffi::OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
    let (folder, session) =
        (name(transcript.parent().and_then(Path::file_name)), name(transcript.file_stem()));
    let scope = Scope::default();
    let mut search = Search { scope: &scope, found: Found::default() };
    search.agents(&transcript.with_extension("").join("subagents"), &folder, &session, 0);
    search.found.sources.sort_by(|a, b| a.path.cmp(&b.path));
    search.found.sources
}

struct Search<'a> {
    scope: &'a Scope,
    found: Found,
}

impl Search<'_> {
    fn project(&mut self, path: &Path, folder: &str) {
        for entry in self.list(path) {
            let name = entry.file_name().to_string_lossy().into_owned();
            match name.strip_suffix(".jsonl") {
                Some(stem) => match stem.strip_prefix("agent-") {
                    Some(agent) => self.file(&entry.path(), folder, "", Some(agent)),
                    None => self.file(&entry.path(), folder, stem, None),
                },
                None if !name.contains('.') => self.agents(&entry.path().join("subagents"), folder, &name, 0),
                None => {}
            }
        }
    }

    fn agents(&mut self, path: &Path, folder: &str, session: &str, depth: usize) {
        for entry in self.list(path) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let agent = name.strip_suffix(".jsonl").and_then(|stem| stem.strip_prefix("agent-"));
            if agent.is_some() {
                self.file(&entry.path(), folder, session, agent);
            } else if depth < MAX_DEPTH && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.agents(&entry.path(), folder, session, depth + 1);
            }
        }
    }

    fn file(&mut self, path: &Path, folder: &str, session: &str, agent: Option<&str>) {
        let Ok(meta) = fs::metadata(path) else {
            self.found.unreadable += 1;
            return;
        };
        if !meta.is_file() {
            return;
        }
        let stamp = Stamp::of(&meta);
        if stamp.modified / 1_000_000 < self.scope.since {
            self.found.older.push(path.to_owned());
        } else {
            self.found.sources.push(Source {
                path: path.to_owned(),
                folder: folder.to_owned(),
                session: session.to_owned(),
                agent: agent.map(str::to_owned),
                stamp,
            });
        }
    }

    /// The entries of a folder; what is not there or not a folder has none.
    fn list(&mut self, path: &Path) -> Vec<DirEntry> {
        match fs::read_dir(path) {
            Ok(entries) => entries.flatten().collect(),
            Err(error) => {
                let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::NotADirectory];
                self.found.unreadable += u64::from(!absent.contains(&error.kind()));
                Vec::new()
            }
        }
    }
}
