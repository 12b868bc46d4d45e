//! Which folder a call means, and that it lies inside the project. By components after the root is resolved; links below
//! the root are the writer's to refuse, since it is the one that opens them. Only the root is looked up here.

use std::path::{Component, Path, PathBuf};

use super::arguments::wrong;
use crate::config::Env;
use crate::turbo::order::Failure;

/// The project: what Claude Code says, else the current folder; resolved.
pub(super) fn root(env: &Env) -> std::result::Result<PathBuf, Failure> {
    let named = env.project_dir.clone().map_or_else(std::env::current_dir, Ok);
    named.and_then(std::fs::canonicalize).map_err(|error| Failure {
        code: "no_project".to_owned(),
        message: format!("the project's folder cannot be found: {error}"),
        fix: "start Claude Code in a folder that exists".to_owned(),
    })
}

/// The folder `given`, inside `root`; `argument` is its name in the call. `named` is the root before it was resolved.
pub(super) fn inside(
    root: &Path,
    named: Option<&Path>,
    argument: &str,
    given: &str,
) -> std::result::Result<PathBuf, Failure> {
    let outside = |why: &str| {
        wrong(
            format!("`{argument}` must lie inside the project, and {given} {why}"),
            format!("give a path relative to {}", root.display()),
        )
    };
    if given == "~" || given.starts_with("~/") {
        return Err(outside("names a home folder"));
    }
    let path = Path::new(given);
    let below = if path.is_absolute() {
        let plain = plain(path).ok_or_else(|| outside("leads above the file system"))?;
        [Some(root), named]
            .into_iter()
            .flatten()
            .find_map(|root| plain.strip_prefix(root).ok().map(Path::to_path_buf))
            .ok_or_else(|| outside("does not"))?
    } else {
        plain(path).ok_or_else(|| outside("leads out of it"))?
    };
    Ok(root.join(below))
}

/// The path without `.` and `..`; none when it leads above its start.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(given: &str) -> Option<String> {
        inside(Path::new("/real/p"), Some(Path::new("/link/p")), "output_dir", given)
            .map(|path| path.to_str().unwrap().to_owned())
            .inspect_err(|failure| {
                assert!(failure.message.contains("output_dir") && failure.fix.contains("/real/p"));
            })
            .ok()
    }

    #[test]
    fn d1_folders_inside_the_project_are_found_by_either_name_of_it() {
        for (given, found) in [
            (".", "/real/p"),
            ("src", "/real/p/src"),
            ("./src//gen/", "/real/p/src/gen"),
            ("src/../lib", "/real/p/lib"),
            ("/real/p", "/real/p"),
            ("/real/p/src", "/real/p/src"),
            ("/link/p/src", "/real/p/src"),
            ("..src", "/real/p/..src"),
        ] {
            let found = Path::new(found);
            assert_eq!(at(given).as_deref().map(Path::new), Some(found), "{given}");
        }
    }

    #[test]
    fn d1_folders_outside_are_refused() {
        for given in [
            "..",
            "../x",
            "src/../../x",
            "src/../../p2",
            "/",
            "/etc",
            "/real/p2",
            "/real",
            "/real/p/../x",
            "/../x",
            "~",
            "~/x",
            "/link",
            "/link/p/../../real/p2",
        ] {
            assert_eq!(at(given), None, "{given}");
        }
    }
}
