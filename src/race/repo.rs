//! The user's repository as a race finds it: where it is, what its HEAD is, what a commit holds. Reads only; what no race
//! can run in is refused with the reason.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::git::{Filters, Git, check_version, path};
use crate::error::{Error, Result};

/// Most files of a commit that are read at once.
const MOST_FILES: usize = 100_000;
/// Most bytes of them.
const MOST_BYTES: u64 = 256 << 20;

/// A repository with a checkout and a commit.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Real path of the checkout that the race was started in.
    pub top: PathBuf,
    /// The checkout's own folder in the repository: HEAD and index.
    pub git_dir: PathBuf,
    /// The repository's folder, shared by all its checkouts: objects and refs.
    pub common_dir: PathBuf,
    /// The commit at HEAD, in full.
    pub head: String,
    /// The branch at HEAD, like `main`; none when HEAD is detached.
    pub branch: Option<String>,
    /// The checkout is a linked worktree.
    pub is_linked: bool,
    /// The repository whose submodule this one is.
    pub superproject: Option<PathBuf>,
    /// The commit holds submodules; their folders stay empty in worktrees.
    pub has_submodules: bool,
    /// Names of the filters that the configuration has (`lfs`); their files are as stored in worktrees.
    pub filters: Vec<String>,
    pub(super) identity: Option<(String, String)>,
    pub(super) git: Git,
}

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    /// Below the top.
    pub path: PathBuf,
    /// `0o100644`, `0o100755`, or `0o120000` for a symbolic link, whose bytes are its target.
    pub mode: u32,
    /// As stored: no filter and no change of line ends.
    pub bytes: Vec<u8>,
}

impl Repo {
    /// Finds the repository of a folder. Whatever `GIT_*` says is not looked at.
    pub fn find(dir: &Path) -> Result<Self> {
        let git = Git::new(dir);
        check_version(&git)?;
        let refused = |why: &str| Error::new("cannot race here", why).at(dir);
        let ended = git.ended(&["rev-parse", "--is-bare-repository", "--is-inside-work-tree"])?;
        if ended.code != Some(0) {
            let fix = if ended.err.contains("dubious ownership") {
                "the repository belongs to another user; git names the setting that trusts it: safe.directory"
            } else {
                "run it in a git repository: git init, git add, git commit"
            };
            return Err(refused(&ended.err).fix(fix));
        }
        if ended.out.starts_with(b"true\n") {
            return Err(refused("the repository is bare: it has no checkout")
                .fix("run it in a clone or a worktree: git worktree add DIR"));
        }
        if !ended.out.ends_with(b"\ntrue\n") {
            return Err(
                refused("it is inside the .git folder, not in a checkout").fix("run it in the checkout")
            );
        }
        let [top, git_dir, common_dir, above] = places(&git, dir)?;
        let head = git.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?.ok_or_else(|| {
            refused("there is no commit yet").fix("commit what the race is to begin with, then run it again")
        })?;
        let branch = git.ask(&["symbolic-ref", "--quiet", "--short", "HEAD"])?;
        let config = git.config()?;
        let git = Git::new(&top).settled_by(&config, Filters::Off);
        let repo = Self {
            is_linked: git_dir != common_dir,
            superproject: (!above.as_os_str().is_empty()).then_some(above),
            has_submodules: false,
            filters: filters(&config),
            identity: identity(&config),
            top,
            git_dir,
            common_dir,
            head,
            branch,
            git,
        };
        let has_submodules = repo.listed(&repo.head)?.iter().any(|entry| entry.mode == SUBMODULE);
        Ok(Self { has_submodules, ..repo })
    }

    /// The files of a commit that are wanted, in git's order. Submodules are none. More than 100,000 files or 256 MB are an
    /// error.
    pub fn files(&self, commit: &str, wanted: impl Fn(&Path) -> bool) -> Result<Vec<BaseFile>> {
        let mut entries = self.listed(commit)?;
        entries.retain(|entry| entry.mode != SUBMODULE && wanted(&entry.path));
        let cannot = |why: String| Error::new("cannot read the files of the commit", why).at(&self.top);
        if entries.len() > MOST_FILES {
            return Err(cannot(format!("{} files are more than {MOST_FILES}", entries.len()))
                .fix("name fewer of them"));
        }
        let asked: String = entries.iter().map(|entry| format!("{}\n", entry.object)).collect();
        self.check_size(&asked).map_err(cannot)?;
        let answer = self.git.feed(&["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = answer.as_slice();
        let mut files = Vec::new();
        for entry in entries {
            let bytes = next_object(&mut rest).ok_or_else(|| {
                cannot(format!("the object of {} is missing", entry.path.display()))
                    .fix("fetch it: in a partial clone, check the commit out once; else see git fsck")
            })?;
            files.push(BaseFile { path: entry.path, mode: entry.mode, bytes });
        }
        Ok(files)
    }

    /// Does the checkout, at the commit at which it stands, have changes that are not committed? Staged, changed and new
    /// files count, ignored ones do not. Looks only: the index is not refreshed.
    pub fn is_changed(&self) -> Result<bool> {
        let status = ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty"];
        self.git.run(&status).map(|out| !out.is_empty())
    }

    /// Does the repository have this commit?
    pub fn has_commit(&self, commit: &str) -> bool {
        self.git.run(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok()
    }

    fn check_size(&self, asked: &str) -> std::result::Result<(), String> {
        let sizes = self
            .git
            .feed(&["cat-file", "--batch-check=%(objectsize)"], asked.as_bytes())
            .map_err(|error| error.why)?;
        let sizes = String::from_utf8_lossy(&sizes);
        let total: u64 = sizes.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
        if total > MOST_BYTES {
            return Err(format!("they have {total} bytes, and {MOST_BYTES} are the most"));
        }
        Ok(())
    }

    /// Every entry of a commit.
    fn listed(&self, commit: &str) -> Result<Vec<Entry>> {
        let out = self.git.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        Ok(out.split(|byte| *byte == 0).filter_map(Entry::read).collect())
    }

    /// Paths of a commit's files.
    pub(super) fn paths(&self, commit: &str) -> Result<Vec<PathBuf>> {
        Ok(self.listed(commit)?.into_iter().map(|entry| entry.path).collect())
    }
}

/// Top, git folder and shared folder as real paths, and the top of the repository above a submodule, or nothing.
fn places(git: &Git, dir: &Path) -> Result<[PathBuf; 4]> {
    let refused = |why: &str| Error::new("cannot race here", why).at(dir);
    let wanted = ["--show-toplevel", "--git-dir", "--git-common-dir", "--show-superproject-working-tree"];
    let out = git.run(&[["rev-parse", "--path-format=absolute"].as_slice(), &wanted].concat())?;
    let lines: Vec<&[u8]> = out.strip_suffix(b"\n").unwrap_or(&out).split(|byte| *byte == b'\n').collect();
    let (found, above): (&[&[u8]], &[u8]) = match lines.as_slice() {
        found @ [_, _, _] => (found, b""),
        [found @ .., above] if found.len() == 3 => (found, above),
        _ => return Err(refused("its path holds a line end").fix("rename the folder")),
    };
    let real = |line: &[u8]| {
        std::fs::canonicalize(path(line)).map_err(|error| refused(&error.to_string()).at(path(line)))
    };
    Ok([real(found[0])?, real(found[1])?, real(found[2])?, path(above)])
}

/// Mode of a submodule.
const SUBMODULE: u32 = 0o160_000;

/// A line of `git ls-tree`.
struct Entry {
    mode: u32,
    object: String,
    path: PathBuf,
}

impl Entry {
    fn read(line: &[u8]) -> Option<Self> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let mode = u32::from_str_radix(words.next()?, 8).ok()?;
        let object = words.nth(1)?.to_owned();
        Some(Self { mode, object, path: PathBuf::from(OsStr::from_bytes(&line[tab + 1..])) })
    }
}

/// Takes one object off an answer of `git cat-file --batch`: `ID TYPE SIZE`, a line end, the bytes, a line end.
fn next_object(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let line_end = rest.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&rest[..line_end]).ok()?;
    let size: usize = header.split(' ').nth(2)?.parse().ok()?;
    let bytes = rest.get(line_end + 1..line_end + 1 + size)?.to_vec();
    *rest = rest.get(line_end + 2 + size..)?;
    Some(bytes)
}

fn filters(config: &[(String, String)]) -> Vec<String> {
    let name = |key: &str| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned());
    let mut names: Vec<String> = config.iter().filter_map(|(key, _)| name(key)).collect();
    names.sort();
    names.dedup();
    names
}

/// The name and the address that the user's commits have, when both are configured.
fn identity(config: &[(String, String)]) -> Option<(String, String)> {
    let value = |wanted: &str| {
        let found = config.iter().rev().find(|(key, _)| key == wanted);
        found.map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    Some((value("user.name")?, value("user.email")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_come_off_an_answer_one_by_one_and_a_missing_one_is_none() {
        let mut rest: &[u8] = b"aa blob 3\na\nb\nbb blob 0\n\ncc missing\n";
        assert_eq!(next_object(&mut rest).as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(next_object(&mut rest).as_deref(), Some(&b""[..]));
        assert_eq!(next_object(&mut rest), None);
    }

    #[test]
    fn an_identity_needs_both_parts_and_the_last_setting_wins() {
        let config = |pairs: &[(&str, &str)]| {
            identity(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>())
        };
        assert_eq!(config(&[("user.name", "a")]), None);
        assert_eq!(config(&[("user.name", "a"), ("user.email", " ")]), None);
        let found = config(&[("user.name", "a"), ("user.email", "e"), ("user.name", "b")]);
        assert_eq!(found, Some(("b".to_owned(), "e".to_owned())));
    }
}
