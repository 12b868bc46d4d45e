//! `sef doctor --fix`: mends what is SEF's, by the commands that a person would type, and says each thing that was done.
//! What belongs to others is never written; what cannot be mended is said with its reason, and the rest goes on.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Finding, Repair};
use crate::config::Env;
use crate::race::clean::{Selection, clean};
use crate::settings::agents::OnEdited;
use crate::settings::install::install;
use crate::settings::mods::MainTurn;
use crate::settings::place::Scope;
use crate::settings::turbo::Turbo;

/// Mends; answers what was done, a line each.
pub(super) fn mend(env: &Env, findings: &[Finding]) -> Vec<String> {
    let repairs: Vec<&Repair> = findings.iter().filter_map(|finding| finding.repair.as_ref()).collect();
    let mut done = Vec::new();
    // Modes first: what others could write must not be trusted longer than needed.
    for repair in &repairs {
        match repair {
            Repair::Close(paths) => paths.iter().for_each(|path| done.push(close(path))),
            Repair::Remove(paths) => paths.iter().for_each(|path| done.push(remove(path))),
            Repair::Clean(id) => done.extend(clean_race(env, id)),
            Repair::Install(_) | Repair::Server(_) | Repair::Mod(_) => {}
        }
    }
    for place in ["user", "project"] {
        let is_here = |repair: &dyn Fn(&'static str) -> Repair| repairs.contains(&&repair(place));
        let (server, main_turn) = (is_here(&Repair::Server), is_here(&Repair::Mod));
        if server || main_turn || is_here(&Repair::Install) {
            let turbo = if server { Turbo::Register } else { Turbo::LeaveOut };
            let main_turn = if main_turn { MainTurn::PutIn } else { MainTurn::KeepUp };
            done.extend(install_into(env, place, turbo, main_turn));
        }
    }
    done
}

fn install_into(env: &Env, place: &str, turbo: Turbo, main_turn: MainTurn) -> Vec<String> {
    let scope = if place == "project" { Scope::Project } else { Scope::User };
    let mut out = Vec::new();
    let installed = install(env, scope, OnEdited::Keep, turbo, main_turn, &mut out);
    let mut done: Vec<String> =
        String::from_utf8_lossy(&out).lines().map(|line| format!("sef install: {line}")).collect();
    if let Err(error) = installed {
        done.push(format!("not mended: {error}"));
    }
    done
}

/// Takes the rights of others from a file or folder of ours. A link is left alone.
fn close(path: &Path) -> String {
    let me = rustix::process::geteuid().as_raw();
    let closed = path.symlink_metadata().and_then(|meta| {
        if meta.is_symlink() || meta.uid() != me {
            return Err(std::io::Error::other("it is a link, or another user's"));
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(meta.mode() & 0o700))
    });
    match closed {
        Ok(()) => format!("closed to others: {}", path.display()),
        Err(error) => format!("not mended: {}: {error}", path.display()),
    }
}

/// Removes a temporary file or folder of ours; a link is removed, not followed.
fn remove(path: &Path) -> String {
    let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let removed = if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Ok(()) => format!("removed {}", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("gone by itself: {}", path.display())
        }
        Err(error) => format!("not mended: {}: {error}", path.display()),
    }
}

/// Cleans one race, discarding nothing.
fn clean_race(env: &Env, id: &str) -> Vec<String> {
    let Some(state_dir) = env.state_dir.as_deref() else { return Vec::new() };
    let report = match clean(state_dir, Selection::One(id), &[]) {
        Ok(report) => report,
        Err(error) => return vec![format!("not mended: {error}")],
    };
    let mut done = Vec::new();
    for race in report.races {
        done.extend(race.removed.iter().map(|what| format!("sef clean {id}: removed {what}")));
        done.extend(race.kept.iter().map(|kept| {
            format!("sef clean {id}: kept {}: {}; to remove it: {}", kept.what, kept.why, kept.fix)
        }));
        if race.removed.is_empty() && race.kept.is_empty() {
            done.push(format!("sef clean {id}: nothing was left but its record"));
        }
    }
    done
}
