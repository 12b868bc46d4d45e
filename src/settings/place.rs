//! Which of Claude Code's folders a command works on, and where the hook binary is.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::config::{Env, handed_on};
use crate::error::{Error, Result};

/// What the person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `$CLAUDE_CONFIG_DIR` (default `~/.claude`): all projects.
    User,
    /// `.claude` in the current folder: this project.
    Project,
    /// Both.
    Both,
}

/// One of Claude Code's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `user` or `project`.
    pub name: &'static str,
    /// The folder with settings.json, agents and skills (absolute).
    pub claude: PathBuf,
}

impl Place {
    /// The settings file that is edited.
    pub fn settings(&self) -> PathBuf {
        self.claude.join("settings.json")
    }

    /// Refuses a user folder of somebody else. A project may belong to anyone (containers mount them like that).
    pub fn check_owner(&self) -> Result<()> {
        if self.name == "user" { check_owner(&self.claude, "cannot install into the folder") } else { Ok(()) }
    }
}

/// Refuses a folder of somebody else: under sudo, HOME is often still yours, and what root puts into it neither you
/// nor Claude Code could change any more. A folder that is not there yet belongs to whom the one above it does.
pub fn check_owner(folder: &Path, what: &str) -> Result<()> {
    let nearest = folder.ancestors().find_map(|path| std::fs::metadata(path).ok().map(|meta| (path, meta)));
    let me = rustix::process::geteuid().as_raw();
    match nearest {
        Some((path, meta)) if meta.uid() != me => {
            let why = format!("it belongs to user {} and this is user {me}", meta.uid());
            Err(Error::new(what, why)
                .at(path)
                .fix("run the command as the owner of the folder, without sudo"))
        }
        _ => Ok(()),
    }
}

/// The folders of a scope; one when both are the same folder.
pub fn places(env: &Env, scope: Scope) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    if scope != Scope::Project {
        let claude = env.claude_dir.clone().ok_or_else(|| {
            Error::new(
                "cannot find Claude Code's folder",
                "neither CLAUDE_CONFIG_DIR nor HOME is an absolute path",
            )
            .fix("set HOME and run the command again")
        })?;
        places.push(Place { name: "user", claude });
    }
    if scope != Scope::User {
        let here = std::env::current_dir()
            .map_err(|error| Error::new("cannot find the current folder", error).fix("cd to your project"))?;
        places.push(Place { name: "project", claude: here.join(".claude") });
    }
    if let [user, project] = places.as_slice()
        && same_folder(&user.claude, &project.claude)
    {
        places.pop();
    }
    Ok(places)
}

/// The hook binary to register: in the bin folder, else beside this program.
pub fn hook_binary(env: &Env) -> Result<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let folders: Vec<PathBuf> = env.bin_dir.iter().cloned().chain(beside).collect();
    let candidates = folders.iter().map(|folder| folder.join("sef-hook"));
    candidates.clone().find(|path| is_program(path)).ok_or_else(|| {
        let looked: Vec<String> = candidates.map(|path| path.display().to_string()).collect();
        Error::new("cannot find sef-hook", format!("no such program at {}", looked.join(" nor at "))).fix(
            "run scripts/install.sh from the SEF checkout, or set SEF_BIN_DIR to the folder that holds it",
        )
    })
}

/// The program with the MCP server: the `sef` beside the hook binary, else this one. It need not be there.
pub fn server_binary(env: &Env) -> Option<PathBuf> {
    match hook_binary(env) {
        Ok(hook) => Some(hook.with_file_name("sef")),
        Err(_) => std::env::current_exe().ok(),
    }
}

/// Is there a file that may be executed?
pub fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// The first program of that name on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = handed_on(&["PATH"]).into_iter().next()?.1;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| is_program(path))
}

fn same_folder(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}
