//! A private folder for one run, on disk and gone afterwards: `/tmp`, home and everything that stands for what is hidden.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// The folder; removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Makes one in a folder, under a name that nobody else has.
    pub fn new(parent: &Path) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let cannot = |why: io::Error| {
            Error::new("cannot make a scratch folder for the fence", why)
                .at(parent)
                .fix("free some space there, or set TMPDIR to a folder that you may write")
        };
        let parent = parent.canonicalize().map_err(cannot)?;
        let root = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let root = parent.join(format!("sef-fence-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&root) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| root).map_err(cannot)?,
            }
        };
        let scratch = Self { root };
        for name in ["tmp", "tmp/home", "shm", "root", "dev", "hidden"] {
            fs::create_dir(scratch.path(name)).map_err(cannot)?;
        }
        fs::write(scratch.path("empty"), "").map_err(cannot)?;
        Ok(scratch)
    }

    /// A place in it.
    pub fn path(&self, rest: &str) -> PathBuf {
        self.root.join(rest)
    }

    /// An empty folder that can be shown in place of another.
    pub fn blank(&self, number: usize) -> io::Result<PathBuf> {
        let path = self.path("hidden").join(number.to_string());
        fs::create_dir(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.root).is_err() {
            // A folder that its owner may not enter cannot be emptied.
            open_up(&self.root);
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Makes every folder below one accessible to its owner. Follows no link.
fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_are_apart_private_and_gone_afterwards() {
        let (one, two) = (Scratch::new(&std::env::temp_dir()), Scratch::new(&std::env::temp_dir()));
        let (one, two) = (one.expect("made"), two.expect("made"));
        assert_ne!(one.root, two.root);
        assert_eq!(fs::metadata(&one.root).expect("there").permissions().mode() & 0o777, 0o700);
        let locked = one.path("tmp/locked");
        fs::create_dir_all(locked.join("inner")).expect("made");
        fs::set_permissions(&locked, Permissions::from_mode(0o000)).expect("locked");
        let root = one.root.clone();
        drop(one);
        assert!(!root.exists() && two.root.exists());
    }
}
