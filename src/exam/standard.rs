//! The exam itself: the base commit's tests and what steers them, and the design's scenario tests. Read once for a race, put
//! over every candidate's copy. Never follows a link, neither when reading nor when writing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::copy::{list, set_mode};
use super::protected::{Kind, kind, section_keys};
use crate::error::{Error, Result};
use crate::fsx::names::Relative;
use crate::fsx::read_regular;

/// Most bytes of one file of the exam.
const LARGEST: u64 = 64 << 20;
/// Most bytes of the whole exam, which is held in memory during a race.
const MOST_BYTES: u64 = 256 << 20;

/// One file of the exam.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamFile {
    /// Below the tree's root, with `/` between components.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its permissions, as `0o644`.
    pub mode: u32,
    /// Where it comes from.
    pub from: Origin,
}

/// Where a file of the exam comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The base commit: candidates have seen it and may have changed it.
    Base,
    /// The design: candidates have not got it.
    Scenario,
}

/// What every candidate is examined with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// Sorted by path; no path twice.
    pub files: Vec<ExamFile>,
    /// Paths that look like modules in place of the standard library's and are the candidates' all the same: the base commit
    /// has them or the design names them.
    pub theirs: BTreeSet<String>,
}

/// What became of a file of the base commit's exam, or was added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tampered {
    /// The file.
    pub path: String,
    /// What was done to it.
    pub how: How,
}

/// See [`Tampered::how`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Something that steers a runner is new.
    Added,
    /// Its content is another.
    Changed,
    /// It is gone.
    Deleted,
}

/// What putting the exam over a copy found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// What had been done to the exam, undone in the copy.
    pub tampered: Vec<Tampered>,
    /// Tests of the candidate's own, taken out of the copy.
    pub own_tests: Vec<String>,
}

impl Standard {
    /// The protected files of a checkout of the base commit. Files that the test command names are protected too.
    pub fn read(base: &Path, command: &str) -> Result<Self> {
        let cannot = |path: &Path, why: &dyn std::fmt::Display| {
            Error::new("cannot read the exam", why)
                .at(path)
                .fix("see that the base commit is checked out and can be read")
        };
        let named: BTreeSet<&str> = command
            .split(|c: char| c.is_whitespace() || "\"'`;&|()<>=,".contains(c))
            .map(|word| word.trim_start_matches("./"))
            .collect();
        let mut standard = Self::default();
        let mut room = MOST_BYTES;
        for path in list(base).map_err(|why| cannot(base, &why))? {
            let of_exam = match kind(&path) {
                Some(Kind::Shadow) => {
                    standard.theirs.insert(path);
                    continue;
                }
                Some(_) => true,
                None => named.contains(path.as_str()),
            };
            let full = base.join(&path);
            let meta = fs::symlink_metadata(&full).map_err(|why| cannot(&full, &why))?;
            if !of_exam || !meta.is_file() {
                continue;
            }
            let bytes = read_regular(&full, LARGEST.min(room)).map_err(|why| cannot(&full, &why))?;
            room -= bytes.len() as u64;
            standard.files.push(ExamFile { path, bytes, mode: meta.mode() & 0o777, from: Origin::Base });
        }
        Ok(standard)
    }

    /// Adds a test of the design's. It takes the place of a file of the base commit under the same path. A path that leads
    /// elsewhere is an error.
    pub fn add(&mut self, path: &str, bytes: Vec<u8>) -> Result<()> {
        Relative::plain(path)?;
        self.files.retain(|file| file.path != path);
        let file = ExamFile { path: path.to_owned(), bytes, mode: 0o644, from: Origin::Scenario };
        let at = self.files.partition_point(|other| other.path < file.path);
        self.files.insert(at, file);
        Ok(())
    }

    /// Puts the exam over a private copy that nothing runs in.
    pub fn restore(&self, copy: &Path) -> std::result::Result<Restored, String> {
        let mut restored = Restored::default();
        let ours: BTreeMap<&str, &ExamFile> =
            self.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let mut there = BTreeSet::new();
        for path in list(copy)? {
            let known = ours.get(path.as_str());
            if known.is_some_and(|file| file.from == Origin::Base) {
                there.insert(path);
                continue;
            }
            match kind(&path) {
                Some(Kind::Test) => restored.own_tests.push(path.clone()),
                Some(Kind::Shadow) if self.theirs.contains(&path) => continue,
                Some(Kind::Steering | Kind::Shadow) => {
                    restored.tampered.push(Tampered { path: path.clone(), how: How::Added });
                }
                _ if known.is_some() => restored.own_tests.push(path.clone()),
                _ => continue,
            }
            remove(&copy.join(&path)).map_err(|why| format!("{path}: {why}"))?;
        }
        for file in &self.files {
            let at = copy.join(&file.path);
            let wanted = wanted(file, &at);
            if file.from == Origin::Base {
                let how = if there.contains(&file.path) {
                    (!is(&at, &wanted)).then_some(How::Changed)
                } else {
                    Some(How::Deleted)
                };
                restored.tampered.extend(how.map(|how| Tampered { path: file.path.clone(), how }));
            }
            put(copy, &file.path, &wanted, file.mode).map_err(|why| format!("{}: {why}", file.path))?;
        }
        restored.tampered.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(restored)
    }

    /// The first file of the exam that is not in a copy as it should be.
    pub fn differs(&self, copy: &Path) -> Option<&str> {
        let same = |file: &&ExamFile| is(&copy.join(&file.path), &wanted(file, &copy.join(&file.path)));
        self.files.iter().find(|file| !same(file)).map(|file| file.path.as_str())
    }
}

/// The bytes that belong at a place: the exam's own, or for a file of both sides the candidate's with the exam's keys.
fn wanted(file: &ExamFile, at: &Path) -> Vec<u8> {
    if file.from == Origin::Scenario || kind(&file.path) != Some(Kind::Sections) {
        return file.bytes.clone();
    }
    let object = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).ok();
    let theirs = regular(at).and_then(|bytes| Some((object(&bytes)?, bytes)));
    let (Some(ours), Some((mut merged, theirs))) = (object(&file.bytes), theirs) else {
        return file.bytes.clone();
    };
    if section_keys().iter().all(|key| merged.get(key) == ours.get(key)) {
        return theirs;
    }
    for key in section_keys() {
        merged.remove(key);
        merged.extend(ours.get(key).map(|value| (key.clone(), value.clone())));
    }
    serde_json::to_vec_pretty(&merged).unwrap_or_else(|_| file.bytes.clone())
}

/// The bytes of a regular file; none for anything else.
fn regular(at: &Path) -> Option<Vec<u8>> {
    fs::symlink_metadata(at).ok().filter(fs::Metadata::is_file)?;
    read_regular(at, LARGEST).ok()
}

fn is(at: &Path, bytes: &[u8]) -> bool {
    regular(at).is_some_and(|there| there == bytes)
}

/// Writes a file below a root. What stands in its way, a link among the folders too, is removed.
pub fn put(root: &Path, path: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut at = PathBuf::from(root);
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let there = fs::symlink_metadata(&at);
        if parts.peek().is_none() {
            if there.is_ok() {
                remove(&at)?;
            }
            break;
        }
        match there {
            Ok(meta) if meta.is_dir() => continue,
            Ok(_) => remove(&at)?,
            Err(_) => {}
        }
        DirBuilder::new().mode(0o700).create(&at)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at)?;
    file.write_all(bytes)?;
    set_mode(&file, mode)
}

/// Removes a file, a link itself, or a folder with everything in it.
fn remove(at: &Path) -> io::Result<()> {
    if fs::symlink_metadata(at)?.is_dir() { fs::remove_dir_all(at) } else { fs::remove_file(at) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("sef-exam-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("made");
        for (path, text) in files {
            put(&root, path, text.as_bytes(), 0o644).expect("written");
        }
        root
    }

    #[test]
    fn f6_tests_that_were_changed_deleted_or_added_are_as_they_were() {
        let base =
            folder("base", &[("tests/a.py", "a"), ("tests/b.py", "b"), ("app.py", ""), ("check.sh", "x")]);
        let mut standard = Standard::read(&base, "sh ./check.sh").expect("read");
        standard.add("tests/s.py", b"s".to_vec()).expect("added");
        let copy = folder(
            "copy",
            &[
                ("tests/a.py", "easy"),
                ("app.py", "1"),
                ("conftest.py", "x"),
                ("check.sh", "y"),
                ("json.py", ""),
            ],
        );
        let restored = standard.restore(&copy).expect("restored");
        let seen: Vec<_> = restored.tampered.iter().map(|one| (one.path.as_str(), one.how)).collect();
        assert_eq!(
            seen,
            [
                ("check.sh", How::Changed),
                ("json.py", How::Added),
                ("tests/a.py", How::Changed),
                ("tests/b.py", How::Deleted)
            ]
        );
        assert_eq!(restored.own_tests, ["conftest.py"]);
        assert_eq!(
            list(&copy).expect("listed"),
            ["app.py", "check.sh", "tests/a.py", "tests/b.py", "tests/s.py"]
        );
        assert_eq!(fs::read(copy.join("tests/a.py")).expect("read"), b"a");
        assert_eq!(standard.differs(&copy), None);
        fs::write(copy.join("tests/b.py"), "B").expect("written");
        assert_eq!(standard.differs(&copy), Some("tests/b.py"));
        for root in [base, copy] {
            fs::remove_dir_all(root).expect("removed");
        }
    }

    #[test]
    fn d2_a_link_in_the_place_of_the_tests_is_replaced_and_not_written_through() {
        let base = folder("base2", &[("tests/a.py", "a"), ("tests/b.py", "b")]);
        let standard = Standard::read(&base, "").expect("read");
        let copy = folder("copy2", &[("elsewhere/a.py", "mine")]);
        symlink("elsewhere", copy.join("tests")).expect("linked");
        let restored = standard.restore(&copy).expect("restored");
        assert_eq!(restored.tampered.len(), 2);
        assert_eq!(fs::read(copy.join("elsewhere/a.py")).expect("read"), b"mine");
        assert!(!fs::symlink_metadata(copy.join("tests")).expect("there").is_symlink());
        let copy3 = folder("copy3", &[("tests/b.py", "b"), ("victim", "v")]);
        symlink("../victim", copy3.join("tests/a.py")).expect("linked");
        standard.restore(&copy3).expect("restored");
        assert_eq!(fs::read(copy3.join("victim")).expect("read"), b"v");
        for root in [base, copy, copy3] {
            fs::remove_dir_all(root).expect("removed");
        }
    }

    #[test]
    fn f6_of_a_package_json_the_runners_keys_are_the_exams_and_the_rest_is_the_candidates() {
        let base = folder("base4", &[("package.json", r#"{"scripts":{"test":"node --test"},"name":"x"}"#)]);
        let standard = Standard::read(&base, "npm test").expect("read");
        let copy = folder(
            "copy4",
            &[(
                "package.json",
                r#"{"scripts":{"test":"true"},"jest":{"bail":1},"type":"module","dependencies":{"a":"1"}}"#,
            )],
        );
        let restored = standard.restore(&copy).expect("restored");
        assert_eq!(restored.tampered, [Tampered { path: "package.json".to_owned(), how: How::Changed }]);
        let merged: Value =
            serde_json::from_slice(&fs::read(copy.join("package.json")).expect("read")).expect("is JSON");
        assert_eq!(merged["scripts"]["test"], "node --test");
        assert!(
            merged.get("jest").is_none() && merged["type"] == "module" && merged["dependencies"]["a"] == "1"
        );
        for root in [base, copy] {
            fs::remove_dir_all(root).expect("removed");
        }
    }
}
