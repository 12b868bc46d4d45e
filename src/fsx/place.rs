//! Puts a file of SEF's own making where a person asked for it: whole or not at all, for its owner only. Never follows a
//! link and replaces nothing but a regular file; keeps nothing of the file that was there.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fsx::atomic;

/// A place that may be written.
#[derive(Debug)]
pub struct Place {
    /// The file, below its real folder.
    pub path: PathBuf,
}

impl Place {
    /// Looks at what is there. Says what it is when it must stay.
    pub fn find(file: &Path) -> Result<Self> {
        let cannot = |why: &str| Error::new("cannot write the page", why).at(file);
        let (Some(name), Some(parent)) = (file.file_name(), file.parent()) else {
            return Err(cannot("it is no name of a file").fix("name a file, such as report.html"));
        };
        if let Ok(meta) = fs::symlink_metadata(file) {
            let kind = meta.file_type();
            let what = match () {
                () if kind.is_file() => "",
                () if kind.is_symlink() => "it is a symbolic link, and links are not written through",
                () if kind.is_dir() => "it is a folder",
                () if kind.is_fifo() => "it is a pipe",
                () => "it is no regular file",
            };
            if !what.is_empty() {
                return Err(cannot(what).fix("name another file, or `-` for stdout"));
            }
        }
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let parent = parent.canonicalize().map_err(|error| {
            Error::new("cannot write the page", error)
                .at(parent)
                .fix("make the folder first, or name another file")
        })?;
        Ok(Self { path: parent.join(name) })
    }

    /// Writes the file with mode 0600. After an error there is what was there before.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        // Once more: it may have changed since.
        Self::find(&self.path)?;
        self.replace(bytes).map_err(|error| {
            Error::new("cannot write the page", error)
                .at(&self.path)
                .fix("see that its folder may be written and the disk is not full; nothing was changed")
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        atomic::sweep(&self.path);
        let fresh = atomic::temp_name(&self.path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        let write = |file: &mut File| {
            // Whatever the umask took away.
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            // A link that appears here meanwhile is itself replaced; nothing follows it.
            fs::rename(&fresh, &self.path)
        };
        let done = write(&mut file);
        if done.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        done
    }
}
