//! Replaces one file of a user: old or new, never half; same mode, same group, same symlink; nobody's update lost.
//!
//! A [`Target`] is the file as it was read. [`replace`] writes beside it and puts the new file in its place only if
//! it still holds those bytes, else answers [`Replaced::Changed`] and the caller reads again. What cannot be
//! replaced with all of that kept is refused with the reason; nothing is ever written in place.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::open_regular;
use crate::error::{Error, Result};

/// Larger files are not settings, agents or skills; reading them would only cost memory.
const LARGEST: u64 = 16 << 20;

/// A file as it was found.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name that was asked for.
    pub name: PathBuf,
    /// The file behind all links; what is replaced.
    pub path: PathBuf,
    /// Its bytes; none when there is no such file.
    pub bytes: Option<Vec<u8>>,
    found: Option<Found>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    mode: u32,
    owner: u32,
    group: u32,
    names: u64,
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a changed file must be read again"]
pub enum Replaced {
    /// The new bytes are in place.
    Done,
    /// Somebody wrote the file since it was read; theirs is in place and nothing of ours.
    Changed,
}

impl Target {
    /// Follows links and reads. A dangling link, a loop and anything but a regular file are errors.
    pub fn read(name: &Path) -> Result<Self> {
        let cannot = |why: String| Error::new("cannot read the file", why).at(name);
        let path = match std::fs::canonicalize(name) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::missing(name),
            Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                return Err(
                    cannot("its symbolic links run in a circle".into()).fix("point the link at a file")
                );
            }
            Err(error) => return Err(cannot(error.to_string())),
        };
        let file = open_regular(&path).map_err(|error| {
            cannot(error.to_string())
                .fix("see that it is a file that you may read, then run the command again")
        })?;
        let meta = file.metadata().map_err(|error| cannot(error.to_string()))?;
        if meta.len() > LARGEST {
            return Err(cannot(format!("it is larger than {LARGEST} bytes")));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| cannot(error.to_string()))?;
        let found =
            Found { mode: meta.mode() & 0o7777, owner: meta.uid(), group: meta.gid(), names: meta.nlink() };
        Ok(Self { name: name.to_owned(), path, bytes: Some(bytes), found: Some(found) })
    }

    fn missing(name: &Path) -> Result<Self> {
        let parent = name.parent().unwrap_or(Path::new("/"));
        for link in [name, parent] {
            if std::fs::symlink_metadata(link).is_ok_and(|meta| meta.is_symlink())
                && std::fs::metadata(link).is_err()
            {
                let to = std::fs::read_link(link).unwrap_or_default();
                let why = format!("it is a symbolic link to {}, which does not exist", to.display());
                return Err(Error::new("cannot read the file", why)
                    .at(link)
                    .fix("create what it points to, or remove the link"));
            }
        }
        let path = match (std::fs::canonicalize(parent), name.file_name()) {
            (Ok(parent), Some(file)) => parent.join(file),
            _ => name.to_owned(),
        };
        Ok(Self { name: name.to_owned(), path, bytes: None, found: None })
    }

    /// Is the name itself a symbolic link (to a dotfiles repository, say)?
    pub fn is_link(&self) -> bool {
        std::fs::symlink_metadata(&self.name).is_ok_and(|meta| meta.is_symlink())
    }

    /// May the file be replaced with everything kept? The reason when not.
    pub fn check_replaceable(&self) -> Result<()> {
        let Some(found) = self.found else { return Ok(()) };
        let cannot = |why: String| Error::new("cannot replace the file", why).at(&self.path);
        let me = rustix::process::geteuid().as_raw();
        if found.owner != me {
            return Err(cannot(format!("it belongs to user {} and this is user {me}", found.owner))
                .fix("run the command as the owner of the file, without sudo"));
        }
        if found.mode & 0o200 == 0 {
            return Err(cannot("it is read-only".into())
                .fix(format!("chmod u+w '{}', then run the command again", self.path.display())));
        }
        // A rename would part the names, and writing in place could leave half a file: neither is what a person
        // who made a hard link wants done behind their back.
        if found.names > 1 {
            return Err(cannot(format!(
                "it has {} hard links, and replacing it would part them",
                found.names
            ))
            .fix("replace the hard link by a copy or a symbolic link, then run the command again"));
        }
        Ok(())
    }
}

/// Replaces the target by `new`, or creates it with `new_mode` (less the umask) when it was missing.
///
/// The folder must exist. Any error means that the file is as it was.
pub fn replace(target: &Target, new: &[u8], new_mode: u32) -> Result<Replaced> {
    target.check_replaceable()?;
    sweep(&target.path);
    let cannot = |error: io::Error| {
        Error::new("cannot write the file", error)
            .at(&target.path)
            .fix("see that its folder may be written and the disk is not full; the file is as it was")
    };
    let temp = Temp::write(target, new, new_mode).map_err(cannot)?;
    let replaced = match &target.bytes {
        None => place_new(&temp.path, &target.path),
        Some(old) if read_now(&target.path).as_ref() != Some(old) => Ok(Replaced::Changed),
        Some(old) => exchange(&temp.path, &target.path, old, new),
    };
    let replaced = replaced.map_err(cannot)?;
    drop(temp);
    sync_folder(&target.path).map_err(cannot)?;
    Ok(replaced)
}

/// Removes the target if it still holds the bytes that were read.
pub fn remove(target: &Target) -> Result<Replaced> {
    target.check_replaceable()?;
    sweep(&target.path);
    let cannot = |error: io::Error| Error::new("cannot remove the file", error).at(&target.path);
    // Taken out of the way first and looked at then: what arrived after the last look goes back.
    let aside = Temp { path: temp_name(&target.path).map_err(cannot)? };
    match std::fs::rename(&target.path, &aside.path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Replaced::Changed),
        other => other.map_err(cannot)?,
    }
    if read_now(&aside.path) != target.bytes {
        let _ = place_new(&aside.path, &target.path).map_err(cannot)?;
        return Ok(Replaced::Changed);
    }
    drop(aside);
    sync_folder(&target.path).map_err(cannot)?;
    Ok(Replaced::Done)
}

/// Removes temporary files that a killed run left beside `path`. Those of a running process stay.
pub fn sweep(path: &Path) {
    for stale in stale_temps(path) {
        let _ = std::fs::remove_file(stale);
    }
}

/// Looks at what a killed run left beside `path` before it is swept: what `is_ours` does not know is somebody's update
/// that the run had displaced, and is moved into the folder `aside` (mode 0600). Answers the new names.
pub fn rescue(path: &Path, is_ours: impl Fn(&[u8]) -> bool, aside: &Path) -> Vec<PathBuf> {
    let mut rescued = Vec::new();
    for stale in stale_temps(path) {
        let Ok(bytes) = super::read_regular(&stale, MAX_RESCUE) else { continue };
        let name = stale.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kept = aside.join(format!("displaced{name}"));
        if !is_ours(&bytes) && crate::state::replace_private(aside, &kept, &bytes).is_ok() {
            let _ = std::fs::remove_file(&stale);
            rescued.push(kept);
        }
    }
    rescued
}

/// Largest file that is rescued, in bytes; settings are some kilobytes.
const MAX_RESCUE: u64 = 16 << 20;

/// Temporary files of ours beside a path whose process is gone.
pub(crate) fn stale_temps(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(prefix)) = (path.parent(), temp_prefix(path)) else { return Vec::new() };
    let is_stale = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.split('-').next()?.parse().ok());
        pid.is_some_and(is_gone)
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(is_stale).map(|entry| entry.path()).collect()
}

/// Is no process of that id running?
pub fn is_gone(pid: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH))
}

/// Makes `folder` and what is missing above it; answers what it made, outermost first.
pub fn make_folder(folder: &Path, mode: u32) -> Result<Vec<PathBuf>> {
    let missing = missing_folders(folder);
    for path in &missing {
        match DirBuilder::new().mode(mode).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            done => done.map_err(|error| Error::new("cannot make the folder", error).at(path))?,
        }
    }
    Ok(missing)
}

/// What of `folder` and the folders above it is not there, outermost first: what [`make_folder`] would make.
pub fn missing_folders(folder: &Path) -> Vec<PathBuf> {
    let missing = folder.ancestors().take_while(|path| !path.is_dir()).map(Path::to_path_buf);
    let mut missing: Vec<PathBuf> = missing.collect();
    missing.reverse();
    missing
}

/// A file beside the target, gone when dropped unless it was renamed away.
struct Temp {
    path: PathBuf,
}

impl Temp {
    fn write(target: &Target, new: &[u8], new_mode: u32) -> io::Result<Self> {
        let path = temp_name(&target.path)?;
        // Nobody may read it before it has the mode of what it replaces.
        let mode = if target.found.is_some() { 0o600 } else { new_mode };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        let temp = Self { path };
        file.write_all(new)?;
        if let Some(found) = target.found {
            if file.metadata()?.gid() != found.group {
                fchown(&file, None, Some(found.group))?;
            }
            file.set_permissions(std::fs::Permissions::from_mode(found.mode))?;
        }
        file.sync_all()?;
        Ok(temp)
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Puts a new file where none is; never over one that appeared meanwhile.
fn place_new(temp: &Path, path: &Path) -> io::Result<Replaced> {
    let placed = match renameat_with(CWD, temp, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => std::fs::hard_link(temp, path),
        other => other.map_err(io::Error::from),
    };
    match placed {
        Ok(()) => Ok(Replaced::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Replaced::Changed),
        Err(error) => Err(error),
    }
}

/// Swaps the two files and looks at what came out. A plain rename would destroy an update that arrived after the
/// last look; here it is in our hands, and goes back.
fn exchange(temp: &Path, path: &Path, old: &[u8], new: &[u8]) -> io::Result<Replaced> {
    let swap = || renameat_with(CWD, temp, CWD, path, RenameFlags::EXCHANGE);
    match swap() {
        // The file system cannot swap (NFS, some FUSE): the last look was a moment ago, and rename is all there is.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            return std::fs::rename(temp, path).map(|()| Replaced::Done);
        }
        Err(Errno::NOENT) => return Ok(Replaced::Changed),
        other => other?,
    }
    if read_now(temp).as_deref() == Some(old) {
        return Ok(Replaced::Done);
    }
    swap()?;
    if read_now(temp).as_deref() != Some(new) {
        // A third version was written over ours in between; it is the newest and stays.
        swap()?;
    }
    Ok(Replaced::Changed)
}

fn read_now(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    // A bare name lies in the current folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// A name beside `path` that no run has used before.
pub(super) fn temp_name(path: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let prefix = temp_prefix(path).ok_or(io::ErrorKind::InvalidFilename)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Ok(path.with_file_name(format!("{prefix}{}-{number}.tmp", std::process::id())))
}

fn temp_prefix(path: &Path) -> Option<String> {
    Some(format!(".{}.sef-", path.file_name()?.to_str()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sef-atomic-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, content).unwrap();
            path
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn c4_mode_survives_and_nothing_is_left_beside_the_file() {
        let folder = Folder::new("mode");
        let path = folder.file("s.json", "old");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let target = Target::read(&path).unwrap();
        assert_eq!(replace(&target, b"new", 0o600).unwrap(), Replaced::Done);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(folder.names(), ["s.json"]);
    }

    #[test]
    fn c5_an_update_since_the_reading_is_kept() {
        let folder = Folder::new("changed");
        let path = folder.file("s.json", "old");
        let target = Target::read(&path).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        assert_eq!(replace(&target, b"new", 0o600).unwrap(), Replaced::Changed);
        assert_eq!(remove(&target).unwrap(), Replaced::Changed);
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert_eq!(folder.names(), ["s.json"]);
    }

    #[test]
    fn c5_an_update_after_the_last_look_is_put_back() {
        let folder = Folder::new("late");
        let path = folder.file("s.json", "theirs");
        let temp = folder.file("temp", "new");
        assert_eq!(exchange(&temp, &path, b"old", b"new").unwrap(), Replaced::Changed);
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert_eq!(std::fs::read(&temp).unwrap(), b"new");
    }

    #[test]
    fn c5_a_file_that_appeared_or_went_meanwhile_is_noticed() {
        let folder = Folder::new("appeared");
        let path = folder.0.join("s.json");
        let target = Target::read(&path).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        assert_eq!(replace(&target, b"new", 0o600).unwrap(), Replaced::Changed);
        let target = Target::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(replace(&target, b"new", 0o600).unwrap(), Replaced::Changed);
        assert_eq!(folder.names(), Vec::<String>::new());
    }

    #[test]
    fn c3_only_temporary_files_of_dead_processes_are_swept() {
        let folder = Folder::new("sweep");
        let path = folder.file("s.json", "old");
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        folder.file(&format!(".s.json.sef-{dead}-0.tmp"), "stale");
        let mine = format!(".s.json.sef-{}-77.tmp", std::process::id());
        folder.file(&mine, "in use");
        folder.file(".s.json.sef-notes", "a user's");
        sweep(&path);
        assert_eq!(folder.names(), [mine.as_str(), ".s.json.sef-notes", "s.json"]);
    }
}
