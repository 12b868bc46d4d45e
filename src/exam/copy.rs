//! Copies a candidate's tree for one exam. Follows no link, opens nothing but regular files, and stops at a bound. What it
//! leaves out it names.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use crate::fsx::names::shown;

/// Most entries of a tree: ten times what large projects have without their dependencies.
const MOST_ENTRIES: usize = 100_000;
/// Most bytes of a tree.
const MOST_BYTES: u64 = 1 << 30;
/// Deepest folder, so that no path becomes longer than the system takes.
const DEEPEST: usize = 64;
/// Left-out entries that are named.
const MOST_NAMED: usize = 50;

/// What was not copied, and why, in words; at most fifty.
pub type LeftOut = Vec<String>;

/// Copies a tree into a fresh private folder. An error leaves what is there; it says why in words.
pub fn copy(tree: &Path, to: &Path) -> Result<LeftOut, String> {
    let cannot = |what: &Path, why: io::Error| format!("{}: {why}", what.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(to.parent().unwrap_or(to))
        .map_err(|why| cannot(to, why))?;
    DirBuilder::new().mode(0o700).create(to).map_err(|why| cannot(to, why))?;
    let mut work = Work { left_out: Vec::new(), entries: 0, bytes: 0 };
    work.folder(tree, to, Path::new(""))?;
    Ok(work.left_out)
}

struct Work {
    left_out: LeftOut,
    entries: usize,
    bytes: u64,
}

impl Work {
    fn folder(&mut self, tree: &Path, to: &Path, below: &Path) -> Result<(), String> {
        let from = tree.join(below);
        let entries = match fs::read_dir(&from) {
            Ok(entries) => entries,
            Err(why) if below.as_os_str().is_empty() => return Err(format!("{}: {why}", from.display())),
            Err(why) => {
                self.leave_out(below, &format!("a folder that cannot be read: {why}"));
                return Ok(());
            }
        };
        for entry in entries {
            let entry = entry.map_err(|why| format!("{}: {why}", from.display()))?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(format!("the tree has more than {MOST_ENTRIES} entries"));
            }
            let path = below.join(entry.file_name());
            let kind = entry.file_type().map_err(|why| format!("{}: {why}", path.display()))?;
            match () {
                () if entry.file_name() == ".git" => {}
                () if path.to_str().is_none() => self.leave_out(&path, "a name that is no UTF-8"),
                () if kind.is_symlink() => self.link(tree, to, &path)?,
                () if kind.is_dir() && path.components().count() > DEEPEST => {
                    self.leave_out(&path, "a folder that lies too deep");
                }
                () if kind.is_dir() => {
                    let made = DirBuilder::new().mode(0o700).create(to.join(&path));
                    made.map_err(|why| format!("{}: {why}", path.display()))?;
                    self.folder(tree, to, &path)?;
                }
                () if kind.is_file() => self.file(tree, to, &path)?,
                () => self.leave_out(&path, "a device, pipe or socket"),
            }
        }
        Ok(())
    }

    fn file(&mut self, tree: &Path, to: &Path, path: &Path) -> Result<(), String> {
        let mut source = match crate::fsx::open_regular(&tree.join(path)) {
            Ok(source) => source,
            Err(why) => {
                self.leave_out(path, &format!("a file that cannot be read: {why}"));
                return Ok(());
            }
        };
        let cannot = |why: io::Error| format!("{}: {why}", path.display());
        let meta = source.metadata().map_err(cannot)?;
        self.bytes = self.bytes.saturating_add(meta.len());
        if self.bytes > MOST_BYTES {
            return Err(format!("the tree has more than {} MiB", MOST_BYTES >> 20));
        }
        let mut target = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to.join(path))
            .map_err(cannot)?;
        let mut bounded = io::Read::take(&mut source, meta.len());
        io::copy(&mut bounded, &mut target).map_err(cannot)?;
        set_mode(&target, meta.permissions().mode()).map_err(cannot)
    }

    /// A link is copied when its text leads to a place in the tree wherever the tree lies.
    fn link(&mut self, tree: &Path, to: &Path, path: &Path) -> Result<(), String> {
        let target = fs::read_link(tree.join(path)).map_err(|why| format!("{}: {why}", path.display()))?;
        let inside = stays_inside(path, &target)
            && match (tree.canonicalize(), tree.join(path).canonicalize()) {
                (Ok(root), Ok(real)) => real.starts_with(&root),
                // It leads nowhere yet; its text says that it never leads out.
                _ => true,
            };
        if !inside {
            self.leave_out(
                path,
                &format!("a link that leads out of the tree, to {}", shown(&target.to_string_lossy())),
            );
            return Ok(());
        }
        std::os::unix::fs::symlink(&target, to.join(path)).map_err(|why| format!("{}: {why}", path.display()))
    }

    fn leave_out(&mut self, path: &Path, why: &str) {
        if self.left_out.len() < MOST_NAMED {
            self.left_out.push(format!("{}: {why}", shown(&path.to_string_lossy())));
        }
    }
}

/// Whether a relative link's text never climbs above the root.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() as i64 - 1;
    target.components().all(|part| {
        match part {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
        depth >= 0
    })
}

/// Read, write and execute for the owner as they were, and always enough to read.
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode((mode & 0o755) | 0o600))
}

/// All regular files and links below a folder, with `/` between components, sorted; follows no link.
pub fn list(root: &Path) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let folder = root.join(&below);
        for entry in fs::read_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))? {
            let entry = entry.map_err(|why| format!("{}: {why}", folder.display()))?;
            let path = below.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    if entry.file_name() != ".git" {
                        open.push(path);
                    }
                }
                _ => found.extend(path.to_str().map(str::to_owned)),
            }
            if found.len() > MOST_ENTRIES {
                return Err(format!("the tree has more than {MOST_ENTRIES} entries"));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_text_decides_whether_it_can_lead_out() {
        for (path, target, inside) in [
            ("a", "b", true),
            ("a/b", "../c", true),
            ("a/b", "../../c", false),
            ("a", "../a", false),
            ("a", "x/../../b", false),
            ("a", "/etc", false),
            ("a/b/c", "./../../d", true),
        ] {
            assert_eq!(stays_inside(Path::new(path), Path::new(target)), inside, "{path} -> {target}");
        }
    }
}
