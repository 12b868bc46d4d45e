//! Drafts: generated files that nobody asked to have in a project, in private folders of SEF's own. The newest few are kept.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::prompt;
use crate::calendar::now;
use crate::error::{Error, Result};
use crate::fsx::names::Relative;
use crate::state::{private_dir, private_file};

/// Drafts that are kept.
const KEPT: usize = 20;

/// Saves files into a fresh draft; answers its folder. Names are checked as for a project, and all of them first.
pub fn save(state_dir: &Path, files: &[(String, String)]) -> Result<PathBuf> {
    let drafts = state_dir.join("turbo").join("drafts");
    let mut checked = Vec::new();
    for (path, content) in files {
        checked.push((Relative::check(path)?, content));
    }
    let folder = drafts.join(format!("{:013}-{}", now(), prompt::suffix()));
    let saved = checked.iter().try_for_each(|(path, content)| write(&folder.join(path.as_str()), content));
    saved.map_err(|why| {
        Error::new("cannot save the draft", why)
            .at(&folder)
            .fix("see that SEF's state folder may be written and the disk is not full")
    })?;
    sweep(&drafts);
    Ok(folder)
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    private_dir(path.parent().unwrap_or(path))?;
    private_file(path)?.write_all(content.as_bytes())
}

/// Removes all but the newest drafts; their names begin with the time.
fn sweep(drafts: &Path) {
    let entries = fs::read_dir(drafts).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names.iter().rev().skip(KEPT) {
        let _ = fs::remove_dir_all(drafts.join(name));
    }
}
