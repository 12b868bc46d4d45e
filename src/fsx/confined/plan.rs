//! What writing a set of files would do, and every reason against it, before anything is written.
//!
//! Only looks. What changes between the plan and the writing is noticed there again, by handle.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use rustix::fs::{Access, AtFlags, Dev, accessat, fstat};
use serde::{Deserialize, Serialize};

use super::found::{Found, Look, look, sha256};
use super::root::{Folder, Root, is_repository};
use crate::error::Error;
use crate::fsx::names::{Relative, folded};

/// Most files of one set.
pub const MAX_FILES: usize = 4_000;
/// Most bytes of one file.
pub const MAX_FILE: usize = 8 << 20;
/// Most bytes of one set.
pub const MAX_TOTAL: usize = 64 << 20;

const WHAT: &str = "cannot write the file";

/// A file as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Relative to the root, with `/`.
    pub path: String,
    /// All of it. Its line ends are made those of the file that it replaces, else LF.
    pub content: String,
}

/// What to do with an existing file of another content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Refuse the set.
    Refuse,
    /// Replace it; whoever writes keeps a backup.
    Replace,
}

/// What becomes of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was not there.
    Created,
    /// It was there with another content.
    Overwritten,
    /// It was there with this content; it is left alone.
    Unchanged,
}

/// A set of files that may be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// The files in the order they were given.
    pub files: Vec<Planned>,
    /// Folders below the root that are missing, outermost first.
    pub folders: Vec<String>,
}

/// One file of a plan.
#[derive(Debug, PartialEq, Eq)]
pub struct Planned {
    /// Where.
    pub path: Relative,
    /// What is written, with its line ends settled.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes` in hexadecimal.
    pub sha256: String,
    /// What becomes of it.
    pub action: Action,
    /// Permission bits of a new file, before the umask: 0755 for what begins with `#!`, else 0644.
    pub mode: u32,
    /// The file that is there.
    pub found: Option<Found>,
}

/// Checks all files; answers what to do, or every refusal at once, each with its path, the reason and the way out.
///
/// `is_own` says whether a file of this hash at this path was written by the same run; those are replaced unasked.
pub fn plan(
    root: &Root,
    files: &[NewFile],
    overwrite: Overwrite,
    is_own: impl Fn(&Relative, &str) -> bool,
) -> Result<Plan, Vec<Error>> {
    if let Some(error) = over_size(root, files) {
        return Err(vec![error]);
    }
    let mut refusals = Vec::new();
    let mut paths = Vec::new();
    for file in files {
        match Relative::check(&file.path) {
            Ok(path) => paths.push((path, file)),
            Err(error) => refusals.push(error),
        }
    }
    refusals.extend(clashes(paths.iter().map(|(path, _)| path)));
    let mut plan = Plan { files: Vec::new(), folders: Vec::new() };
    let mut missing = BTreeSet::new();
    for (path, file) in paths {
        match plan_one(root, &path, &file.content, overwrite, &is_own, &mut missing) {
            Ok(planned) => plan.files.push(planned),
            Err(error) => refusals.push(error.at(path.as_str())),
        }
    }
    // A folder sorts before what is in it.
    plan.folders.extend(missing);
    if refusals.is_empty() { Ok(plan) } else { Err(refusals) }
}

fn over_size(root: &Root, files: &[NewFile]) -> Option<Error> {
    let total: usize = files.iter().map(|file| file.content.len()).sum();
    let largest = files.iter().max_by_key(|file| file.content.len());
    let why = if files.len() > MAX_FILES {
        format!("{} files are more than {MAX_FILES}", files.len())
    } else if total > MAX_TOTAL {
        format!("{total} bytes are more than {MAX_TOTAL}")
    } else {
        let largest = largest.filter(|file| file.content.len() > MAX_FILE)?;
        let shown = crate::fsx::names::shown(&largest.path);
        format!("{shown} has {} bytes, and {MAX_FILE} is the most for a file", largest.content.len())
    };
    Some(Error::new("cannot write the files", why).at(root.path()).fix("ask for less at once"))
}

/// Paths of the set that are in each other's way: the same twice, the same but for case, a file where another file
/// needs a folder.
fn clashes<'a>(paths: impl Iterator<Item = &'a Relative> + Clone) -> Vec<Error> {
    let clash = |path: &str, why: String| {
        Error::new(WHAT, why).at(path).fix("give every file of the set a name of its own")
    };
    let mut refusals = Vec::new();
    let mut files: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths.clone() {
        if let Some(earlier) = files.insert(folded(path.as_str()), path.as_str()) {
            let why = if earlier == path.as_str() {
                "it is in the set twice".to_owned()
            } else {
                format!("{earlier} is in the set too, and some file systems take the two for one")
            };
            refusals.push(clash(path.as_str(), why));
        }
    }
    let mut folders: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        for folder in path.folders() {
            let key = folded(folder);
            if let Some(file) = files.get(&key) {
                refusals.push(clash(path.as_str(), format!("{file} is a file of the set, and no folder")));
                break;
            }
            let earlier = *folders.entry(key).or_insert(folder);
            if earlier != folder {
                let why = format!(
                    "the folder {earlier} is in the set too, and some file systems take it for {folder}"
                );
                refusals.push(clash(path.as_str(), why));
                break;
            }
        }
    }
    refusals
}

fn plan_one(
    root: &Root,
    path: &Relative,
    content: &str,
    overwrite: Overwrite,
    is_own: &impl Fn(&Relative, &str) -> bool,
    missing: &mut BTreeSet<String>,
) -> Result<Planned, Error> {
    if let Some(why) = root.forbids(path) {
        return Err(Error::new(WHAT, why).fix("leave it out; no option allows this one"));
    }
    let found = match find(root, path, missing)? {
        Look::Missing => None,
        Look::File(found) => Some(*found),
        Look::Other(why) => {
            return Err(Error::new(WHAT, why).fix("give the file another name, or move away what is there"));
        }
    };
    let ends = found.as_ref().map_or(LineEnds::Lf, |found| LineEnds::of(&found.bytes));
    let bytes = ends.apply(content);
    let sha256 = sha256(&bytes);
    let mode = if bytes.starts_with(b"#!") { 0o755 } else { 0o644 };
    let action = match &found {
        None => Action::Created,
        Some(found) if found.bytes == bytes => Action::Unchanged,
        Some(found) => {
            if overwrite == Overwrite::Refuse && !is_own(path, &found.sha256) {
                return Err(Error::new(WHAT, "it exists, and its content is another")
                    .fix("use --overwrite (a backup is kept), or another output folder"));
            }
            check_replaceable(found)?;
            Action::Overwritten
        }
    };
    Ok(Planned { path: path.clone(), bytes, sha256, action, mode, found })
}

/// Looks at the place of a file, and notes the folders that it lacks.
fn find(root: &Root, path: &Relative, missing: &mut BTreeSet<String>) -> Result<Look, Error> {
    let cannot = |error: &dyn std::fmt::Display| {
        Error::new(WHAT, error).fix("see that the folder may be read, or name another output folder")
    };
    let Some(whole) = root.handle() else {
        missing.extend(path.folders().map(str::to_owned));
        return Ok(Look::Missing);
    };
    let device = fstat(whole).map_err(|error| cannot(&std::io::Error::from(error)))?.st_dev;
    let mut deepest = whole.try_clone().map_err(|error| cannot(&error))?;
    let mut last = "";
    for at in path.folders() {
        match root.folder(at).map_err(|error| cannot(&error))? {
            Folder::Open(folder) => {
                check_no_repository(&folder, at)?;
                deepest = folder;
            }
            Folder::Missing => {
                check_folder(&deepest, device, last)?;
                missing.extend(path.folders().filter(|folder| folder.len() >= at.len()).map(str::to_owned));
                return Ok(Look::Missing);
            }
            Folder::Blocked { at, what } => {
                return Err(Error::new(
                    WHAT,
                    format!("{at} is {what}, and no folder that may be gone through"),
                )
                .fix("give the file another name, or move away what is there"));
            }
        }
        last = at;
    }
    check_folder(&deepest, device, last)?;
    look(&deepest, path.name()).map_err(|error| cannot(&error))
}

/// May files be put into the folder?
fn check_folder(folder: &OwnedFd, device: Dev, shown: &str) -> Result<(), Error> {
    let shown = if shown.is_empty() { "the output folder" } else { shown };
    let cannot = |why: String, fix: &str| Err(Error::new(WHAT, why).fix(fix));
    if let Err(error) = accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()) {
        let why = format!("{shown} may not be written: {}", std::io::Error::from(error));
        return cannot(why, "see to the folder's permissions, or name another output folder");
    }
    if fstat(folder).is_ok_and(|stat| stat.st_dev != device) {
        let why = format!("another file system is mounted at {shown}, and files cannot be renamed into it");
        return cannot(why, "use the folder of that file system as the output folder");
    }
    Ok(())
}

fn check_no_repository(folder: &OwnedFd, shown: &str) -> Result<(), Error> {
    if is_repository(folder, ".".as_ref()) {
        let why = format!("{shown} is a git repository's own folder, which holds commands");
        return Err(Error::new(WHAT, why).fix("leave the file out; no option allows this one"));
    }
    Ok(())
}

/// May the file be replaced with everything kept?
fn check_replaceable(found: &Found) -> Result<(), Error> {
    let me = rustix::process::geteuid().as_raw();
    let (why, fix) = if found.owner != me {
        (
            format!("it belongs to user {} and this is user {me}", found.owner),
            "run it as the owner of the file",
        )
    } else if found.kept.mode & 0o200 == 0 {
        ("it is read-only".to_owned(), "make it writable (chmod u+w), or leave it out")
    } else if found.kept.mode & 0o7000 != 0 {
        ("it has a set-user-id, set-group-id or sticky bit".to_owned(), "take the bit away, or leave it out")
    } else if found.names > 1 {
        let why = format!("it has {} hard links, and replacing it would part them", found.names);
        (why, "replace the hard link by a copy, or leave the file out")
    } else {
        return Ok(());
    };
    Err(Error::new(WHAT, why).fix(fix))
}

/// How the lines of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Lf,
    CrLf,
}

impl LineEnds {
    /// CRLF only when every line has it.
    fn of(bytes: &[u8]) -> Self {
        let mut ends =
            bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).peekable();
        if ends.peek().is_some() && ends.all(|at| at > 0 && bytes[at - 1] == b'\r') {
            Self::CrLf
        } else {
            Self::Lf
        }
    }

    fn apply(self, content: &str) -> Vec<u8> {
        let lf = content.replace("\r\n", "\n");
        match self {
            Self::Lf => lf.into_bytes(),
            Self::CrLf => lf.replace('\n', "\r\n").into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clashing(paths: &[&str]) -> Vec<String> {
        let paths: Vec<Relative> =
            paths.iter().map(|path| Relative::check(path).expect("is plain")).collect();
        clashes(paths.iter()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn d4_names_of_a_set_that_are_in_each_others_way_are_all_named() {
        for (paths, parts) in [
            (&["a.py", "a.py"][..], &["twice"][..]),
            (&["A.py", "a.py"], &["A.py is in the set too"]),
            (&["stra\u{df}e", "STRASSE"], &["is in the set too"]),
            (&["a", "a/b"], &["a is a file of the set"]),
            (&["x/y/z", "x/Y"], &["x/Y is a file of the set"]),
            (&["Src/a", "src/b"], &["the folder Src"]),
            (&["a", "a", "b", "b/c"], &["twice", "b is a file"]),
        ] {
            let said = clashing(paths);
            assert_eq!(said.len(), parts.len(), "{paths:?}: {said:?}");
            for (said, part) in said.iter().zip(parts) {
                assert!(said.contains(part), "{said}");
            }
        }
        assert_eq!(clashing(&["a/b", "a/c", "ab", "d/a"]), Vec::<String>::new());
    }

    #[test]
    fn line_ends_are_those_of_the_replaced_file_when_all_of_it_has_them() {
        for (old, new, wanted) in [
            ("", "a\r\nb\n", "a\nb\n"),
            ("x\r\ny\r\n", "a\nb\r\n", "a\r\nb\r\n"),
            ("x\r\ny\n", "a\r\nb", "a\nb"),
            ("x\r\ny", "a\n", "a\r\n"),
            ("no end", "a\r\n", "a\n"),
            ("\n", "a\n", "a\n"),
            ("x\r\n", "a\rb\n", "a\rb\r\n"),
        ] {
            assert_eq!(LineEnds::of(old.as_bytes()).apply(new), wanted.as_bytes(), "{old:?} {new:?}");
        }
    }
}
