//! Under which folder Claude Code files what it keeps for one project. It reads `.git` and never starts git.

use std::path::{Path, PathBuf};

use crate::fsx::read_regular;

/// Longest `.git` or `commondir` file, in bytes; they hold one path.
const LONGEST: u64 = 16 << 10;

/// The folder that stands for the project of `folder`, as clients 2.1.197 to 2.1.329 name it: the root of its git
/// repository, for a linked worktree that of the main one, and without git the folder itself; links resolved.
pub fn key(folder: &Path) -> PathBuf {
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(root) = folder.ancestors().find(|path| path.join(".git").exists()) else { return folder };
    main_root(root).unwrap_or_else(|| root.to_owned())
}

/// The root of the repository that a linked worktree belongs to: where `.git` and then `commondir` lead. A bare
/// repository has no root and stands for itself.
fn main_root(root: &Path) -> Option<PathBuf> {
    let dot_git = line(&root.join(".git"))?;
    let own = root.join(dot_git.strip_prefix("gitdir:")?.trim_start());
    let common = std::fs::canonicalize(own.join(line(&own.join("commondir"))?)).ok()?;
    if common.ends_with(".git") { common.parent().map(Path::to_owned) } else { Some(common) }
}

fn line(path: &Path) -> Option<String> {
    let text = String::from_utf8(read_regular(path, LONGEST).ok()?).ok()?;
    Some(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_project_is_the_main_repository_or_the_folder_itself() {
        let scratch = Folder(std::env::temp_dir().join(format!("sef-project-{}", std::process::id())));
        create_dir_all(&scratch.0).unwrap();
        let base = std::fs::canonicalize(&scratch.0).unwrap();
        let at = |rest: &str| base.join(rest);
        for folder in [
            "plain/deep",
            "repo/.git/worktrees/tree",
            "repo/sub",
            "tree/sub",
            "bare.git/worktrees/other",
            "other",
            "separate",
            "git of separate",
            "broken",
        ] {
            create_dir_all(at(folder)).unwrap();
        }
        let git = |path: &str, text: String| write(at(path), text).unwrap();
        git("tree/.git", format!("gitdir: {}\n", at("repo/.git/worktrees/tree").display()));
        git("repo/.git/worktrees/tree/commondir", "../..\n".into());
        git("other/.git", "gitdir: ../bare.git/worktrees/other\n".into());
        git("bare.git/worktrees/other/commondir", "../..\n".into());
        git("separate/.git", format!("gitdir: {}\n", at("git of separate").display()));
        git("broken/.git", "no path at all".into());
        std::os::unix::fs::symlink(at("repo/sub"), at("link")).unwrap();
        for (folder, project) in [
            ("plain", "plain"),
            ("plain/deep", "plain/deep"),
            ("repo", "repo"),
            ("repo/sub", "repo"),
            ("link", "repo"),
            ("tree/sub", "repo"),
            ("other", "bare.git"),
            ("separate", "separate"),
            ("broken", "broken"),
            ("not there", "not there"),
        ] {
            assert_eq!(key(&at(folder)), at(project), "{folder}");
        }
    }
}
