//! Installed dependencies that git ignores: links from a copy to the checkout's folders. Writes nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use super::protected::dependency_folders;

/// Links the checkout's folders of dependencies into a copy that has none of that name. Answers the real folders, for the
/// fence to show. A folder that holds `home` is none of dependencies.
pub fn link(checkout: &Path, copy: &Path, home: Option<&Path>) -> Result<Vec<PathBuf>, String> {
    let mut shown = Vec::new();
    for name in dependency_folders() {
        let Ok(real) = checkout.join(name).canonicalize() else { continue };
        let holds_home = home.is_some_and(|home| home.starts_with(&real));
        if !real.is_dir() || holds_home || fs::symlink_metadata(copy.join(name)).is_ok() {
            continue;
        }
        std::os::unix::fs::symlink(&real, copy.join(name)).map_err(|why| format!("{name}: {why}"))?;
        shown.push(real);
    }
    Ok(shown)
}
