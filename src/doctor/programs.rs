//! The three programs: there, executable, of one version, and the ones that are typed. Runs each with `--version` only.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Ground, REBUILD, Said, action, command, kinds, word};
use crate::config::handed_on;
use crate::report::text::name;
use crate::settings::live::run;
use crate::settings::place::{is_program, on_path};

/// What is installed.
const PROGRAMS: &[&str] = &["sef", "sef-hook", "sef-stats"];
/// For a version; it takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found of the programs.
pub(super) struct Facts {
    bin: Option<PathBuf>,
    programs: Vec<Program>,
    /// The first `sef` on PATH.
    typed: Option<PathBuf>,
}

struct Program {
    name: &'static str,
    path: PathBuf,
    is_there: bool,
    /// None when it may not be executed.
    version: Option<String>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let bin = ground.bin().map(Path::to_owned);
        let look = |program: &&'static str| {
            let path = bin.as_deref()?.join(program);
            let version = is_program(&path).then(|| version(&path, ground));
            Some(Program { name: program, is_there: path.symlink_metadata().is_ok(), path, version })
        };
        let programs = PROGRAMS.iter().filter_map(look).collect();
        Self { programs, typed: on_path("sef"), bin }
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let Some(bin) = &self.bin else {
            said.find(
                &kinds::HOME_MISSING,
                "no folder for the programs is known",
                action("set HOME to your home folder"),
            );
            return "no folder is known".to_owned();
        };
        for program in &self.programs {
            let Program { name, path, is_there, version } = program;
            if !is_there || (version.is_none() && !path.is_file()) {
                said.find(&kinds::PROGRAM_MISSING, format!("there is no program {name}"), action(REBUILD))
                    .at(path);
            } else if version.is_none() {
                let mend = command(format!("chmod 755 {}", word(path)));
                said.find(&kinds::PROGRAM_NOT_EXECUTABLE, format!("{name} may not be executed"), mend)
                    .at(path);
            }
        }
        let versions: Vec<&str> = self.programs.iter().filter_map(|one| one.version.as_deref()).collect();
        let mine = env!("CARGO_PKG_VERSION");
        for program in &self.programs {
            if let Some(version) = program.version.as_deref().filter(|version| *version != mine) {
                let what = format!("{} is of {version}, and this sef is {mine}", program.name);
                said.find(&kinds::PROGRAM_VERSION, what, action(REBUILD)).at(&program.path);
            }
        }
        self.judge_path(bin, said);
        let all = versions.len() == PROGRAMS.len() && versions.iter().all(|version| *version == mine);
        let count = if all {
            format!("{} {mine}", PROGRAMS.join(", "))
        } else {
            format!("{} of {} run", versions.len(), PROGRAMS.len())
        };
        format!("{count} in {}", bin.display())
    }

    fn judge_path(&self, bin: &Path, said: &mut Said) {
        let mend = command(format!("export PATH={}:\"$PATH\"", word(bin)));
        let installed = bin.join("sef");
        match &self.typed {
            _ if !is_program(&installed) => {}
            None => {
                said.find(&kinds::NOT_ON_PATH, "there is no sef on PATH", mend).at(bin);
            }
            Some(typed) if real(typed) != real(&installed) => {
                let what = format!("`sef` starts another program than {}", installed.display());
                said.find(&kinds::PATH_OTHER_SEF, what, mend).at(typed);
            }
            Some(_) => {}
        }
    }
}

/// What a program says of its version: the last word of its one line, or what stands in the way.
pub(super) fn version(path: &Path, ground: &Ground<'_>) -> String {
    let mut program = Command::new(path);
    program.arg("--version").env_clear().envs(handed_on(&["PATH"]));
    if let Some(scratch) = ground.scratch() {
        program.env("HOME", scratch).env("SEF_STATE_DIR", scratch).current_dir(scratch);
    }
    match run(program, b"", PATIENCE) {
        Ok(Some(answer)) if answer.code == Some(0) => {
            let last = answer.stdout.lines().next().and_then(|line| line.split(' ').next_back());
            last.filter(|word| !word.is_empty())
                .map_or("an unknown version".to_owned(), |word| name(word, 40))
        }
        _ => "an unknown version".to_owned(),
    }
}

/// The file behind all links.
pub(super) fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
