//! The mod for the conversation's own turns: every reason that can be seen in files why a session does not load it, or why
//! it has no effect. Nothing is started. What a session's own command line leaves out (--bare, --safe-mode,
//! --setting-sources) cannot be seen here, and the answer says so.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use super::programs::real;
use super::settings::{Facts as Settings, File};
use super::{Ground, Mend, Repair, Said, action, command, kinds, word};
use crate::rules::overlay::overlaid;
use crate::settings::agents::Condition;
use crate::settings::client::{Version, dotted};
use crate::settings::manifest::{self, Manifest};
use crate::settings::mod_entry::{self, Entry};
use crate::settings::mod_files::{self, FILES, ID, MARKETPLACE, PLUGIN};
use crate::settings::mods::OLDEST;
use crate::settings::place::{is_program, on_path};
use crate::settings::server::Level;

/// The guard that a client with managed settings brings, as its options are filed (2.1.329).
const GUARD: &str = "cc-plugin-sec-default@builtin";
/// What mends most of it.
const INSTALL: &str = "sef install --main-turn";
/// What only the organisation can change.
const ADMINISTRATOR: &str = "ask your administrator";

/// Judges the mod where it is installed or enabled; answers what it is. `client` is the version of the one on PATH.
pub(super) fn judge(
    ground: &Ground<'_>,
    settings: &Settings,
    client: Option<Version>,
    said: &mut Said,
) -> String {
    let manifest = manifest::peek_all(ground.env).unwrap_or_default();
    let remembered = ground.places.iter().rev().find(|place| {
        let record = manifest.places.get(&*place.claude.to_string_lossy());
        record.is_some_and(|record| record.main_turn.is_some())
    });
    let deciding = settings.roots().filter(|(_, root)| mod_entry::state_in(root).is_some()).last();
    let level = remembered.map_or(Level::User, Level::of);
    let entry = mod_entry::look(ground.env, level).unwrap_or_default();
    // The private settings of a repository are at its root; from a folder below, they are not among the files above.
    let state = deciding.and_then(|(_, root)| mod_entry::state_in(root)).or(entry.enabled);
    if remembered.is_none() && state.is_none() {
        return String::new();
    }
    let (place, install) = match level {
        Level::User => ("user", INSTALL.to_owned()),
        Level::Local => ("project", format!("{INSTALL} --project")),
    };
    let mendable = Mendable { repair: Repair::Mod(place), install };
    if let Some(version) = client.filter(|version| *version < OLDEST) {
        let what = format!("claude is {}, and mods need {}", dotted(version), dotted(OLDEST));
        said.find(&kinds::MOD_CLIENT_OLDER, what, command("claude update"));
    }
    judge_policy(ground, settings, said);
    judge_models(settings, said);
    let folder = mod_files::folder(ground.env).unwrap_or_default();
    if state == Some(false) {
        let (name, path) = deciding.map_or((level.word(), None), |(file, _)| (file.name, Some(&file.path)));
        let mend = match name {
            "managed" => action(ADMINISTRATOR),
            name => command(format!("claude plugin enable --scope {name} {ID}")),
        };
        let finding =
            said.find(&kinds::MOD_SWITCHED_OFF, format!("the {name} settings switch {ID} off"), mend);
        if let Some(path) = path {
            finding.at(path);
        }
        return "switched off".to_owned();
    }
    if !judge_source(&entry, state, &folder, &mendable, said) {
        return "not loaded".to_owned();
    }
    judge_files(ground, &manifest, &folder, &mendable, said);
    let program = judge_program(ground, settings, &folder, &mendable, said);
    judge_preset(ground, said);
    let program = program.as_deref().unwrap_or("no known program");
    format!("{ID} asks {program}; --bare, --safe-mode and --setting-sources leave it out, unseen here")
}

/// How a defect of ours is mended.
struct Mendable {
    repair: Repair,
    /// The same as a command.
    install: String,
}

/// What an organisation forbids.
fn judge_policy(ground: &Ground<'_>, settings: &Settings, said: &mut Said) {
    let Some((file, root)) = settings.roots().find(|(file, _)| file.name == "managed") else { return };
    let mut forbidden = |kind, what: &str| {
        said.find(kind, what, action(ADMINISTRATOR)).at(&file.path);
    };
    if root["allowManagedHooksOnly"] == true {
        forbidden(&kinds::MOD_HOOKS_MANAGED, "the managed settings allow no hooks but their own");
    }
    if root["pluginConfigs"][GUARD]["options"]["allowManagedModsOnly"] == true {
        forbidden(&kinds::MOD_MODS_MANAGED, "the managed settings allow no mods but their own");
    }
    let folder = mod_files::folder(ground.env).unwrap_or_default();
    let list = |name: &str| root[name].as_array();
    let is_allowed =
        list("strictKnownMarketplaces").is_none_or(|list| names(list, &folder, Unreadable::Names));
    let is_blocked =
        list("blockedMarketplaces").is_some_and(|list| names(list, &folder, Unreadable::NamesNot));
    if is_blocked || !is_allowed {
        forbidden(
            &kinds::MOD_MARKETPLACE_BLOCKED,
            "the managed settings do not allow the marketplace of the mod",
        );
    }
}

/// What is taken of a pattern that cannot be read here: the client's are JavaScript's. It gives no alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    Names,
    NamesNot,
}

/// Does a list of marketplaces name the folder?
fn names(list: &[Value], folder: &Path, unreadable: Unreadable) -> bool {
    let folder = folder.to_string_lossy();
    list.iter().any(|source| match source["source"].as_str() {
        Some("directory") => source["path"] == *folder,
        Some("pathPattern") => {
            let pattern = source["pathPattern"].as_str().unwrap_or_default();
            Regex::new(pattern).map_or(unreadable == Unreadable::Names, |pattern| pattern.is_match(&folder))
        }
        _ => false,
    })
}

/// A preset that changes nothing is the user's own choice, and easily forgotten.
fn judge_preset(ground: &Ground<'_>, said: &mut Said) {
    let here = ground.here.as_ref().map(|here| here.to_string_lossy().into_owned()).unwrap_or_default();
    let main = overlaid(ground.env).policy.main;
    if main.guard_in(&here).is_none() {
        let what = format!("[main] says {:?} for {here}", main.preset_in(&here));
        let mend = action("set preset under [main] in config.toml to careful or eager, or take the mod out");
        said.find(&kinds::MOD_PRESET_OFF, what, mend);
    }
}

/// A list of models without haiku makes the client drop the change. The organisation's list decides, else all the others
/// together (2.1.329). An older Haiku by its full id would not do either; which one the client means is not known here.
fn judge_models(settings: &Settings, said: &mut Said) {
    let lists: Vec<(&File, &Vec<Value>)> = settings
        .roots()
        .filter_map(|(file, root)| Some((file, root["availableModels"].as_array()?)))
        .collect();
    let managed: Vec<_> = lists.iter().copied().filter(|(file, _)| file.name == "managed").collect();
    let counting = if managed.is_empty() { lists } else { managed };
    let is_haiku = |model: &Value| model.as_str().is_some_and(|name| name.to_lowercase().contains("haiku"));
    let Some((file, _)) = counting.last() else { return };
    if counting.iter().any(|(_, models)| models.iter().any(is_haiku)) {
        return;
    }
    let what = format!("\"availableModels\" in the {} settings does not name haiku", file.name);
    let mend = match file.name {
        "managed" => action(ADMINISTRATOR),
        _ => action(format!("add \"haiku\" to \"availableModels\" in {}", file.path.display())),
    };
    said.find(&kinds::MOD_HAIKU_UNAVAILABLE, what, mend).at(&file.path);
}

/// Does the client take the mod from where install wrote it?
fn judge_source(
    entry: &Entry,
    state: Option<bool>,
    folder: &Path,
    mendable: &Mendable,
    said: &mut Said,
) -> bool {
    if let Some(source) = entry.source.as_ref().filter(|_| entry.is_elsewhere(folder)) {
        let what = format!("Claude Code takes the marketplace {MARKETPLACE} from another folder");
        let mend = command(format!("claude plugin marketplace remove {MARKETPLACE} && {}", mendable.install));
        said.find(&kinds::MOD_ELSEWHERE, what, mend).at(source);
        return false;
    }
    let what = match (state, &entry.source) {
        (Some(_), Some(_)) => return true,
        (None, _) => "the mod was put in, and no settings enable it any more",
        (Some(_), None) => "the mod is enabled, and its marketplace is gone from Claude Code",
    };
    let mend = command(&mendable.install);
    said.find(&kinds::MOD_STRIPPED, what, mend).repaired_by(mendable.repair.clone());
    false
}

fn judge_files(
    ground: &Ground<'_>,
    manifest: &Manifest,
    folder: &Path,
    mendable: &Mendable,
    said: &mut Said,
) {
    let program = mod_files::program_in(folder)
        .or_else(|| Some(sef_of(ground)?.to_string_lossy().into_owned()))
        .unwrap_or_default();
    for file in FILES {
        let path = folder.join(file.path);
        let bytes = std::fs::symlink_metadata(&path)
            .is_ok()
            .then(|| crate::fsx::read_regular(&path, 1 << 20).unwrap_or_default());
        let mend = command(&mendable.install);
        match mod_files::condition(file, &program, bytes.as_deref(), manifest) {
            Condition::Current => {}
            Condition::Missing => {
                let what = format!("{} of the mod is missing", file.path);
                said.find(&kinds::MOD_FILE_MISSING, what, mend)
                    .at(&path)
                    .repaired_by(mendable.repair.clone());
            }
            Condition::Outdated => {
                let what = format!("{} of the mod is of another version", file.path);
                said.find(&kinds::MOD_FILE_OUTDATED, what, mend)
                    .at(&path)
                    .repaired_by(mendable.repair.clone());
            }
            Condition::Edited => {
                let what = format!("{} of the mod was edited", file.path);
                let mend = command(format!("{} --take-ours", mendable.install));
                said.find(&kinds::MOD_FILE_EDITED, what, mend).at(&path);
            }
        }
    }
}

/// Judges the program that the mod asks; answers which it is.
fn judge_program(
    ground: &Ground<'_>,
    settings: &Settings,
    folder: &Path,
    mendable: &Mendable,
    said: &mut Said,
) -> Option<String> {
    let option = |root: &Value| root["pluginConfigs"][ID]["options"]["program"].as_str().map(str::to_owned);
    // The client takes no such option from a project's files (2.1.329).
    let files = settings.roots().filter(|(file, _)| matches!(file.name, "user" | "managed"));
    let setting = files.filter_map(|(file, root)| Some((file, option(root)?))).last();
    let program = setting.as_ref().map(|(_, name)| name.clone()).or_else(|| mod_files::program_in(folder))?;
    let path = if program.contains('/') { Some(PathBuf::from(&program)) } else { on_path(&program) };
    let installed = sef_of(ground);
    let (kind, what) = match path.filter(|path| is_program(path)) {
        None => (&kinds::MOD_PROGRAM_GONE, format!("the mod asks {program}, which is no program")),
        Some(path) if installed.as_ref().is_some_and(|installed| real(&path) != real(installed)) => {
            (&kinds::MOD_PROGRAM_OTHER, format!("the mod asks {program}, which is not the installed sef"))
        }
        Some(_) => return Some(program),
    };
    let place = setting.as_ref().map_or(folder.join(PLUGIN), |(file, _)| file.path.clone());
    let mend = setting.map_or_else(
        || command(&mendable.install),
        |(file, _)| {
            Mend::Action(format!("take \"program\" of {ID} out of \"pluginConfigs\" in {}", word(&file.path)))
        },
    );
    let is_ours = matches!(mend, Mend::Command(_));
    let finding = said.find(kind, what, mend).at(place);
    if is_ours {
        finding.repaired_by(mendable.repair.clone());
    }
    Some(program)
}

/// The `sef` of this install.
fn sef_of(ground: &Ground<'_>) -> Option<PathBuf> {
    ground.hook.as_deref().map(|hook| hook.with_file_name("sef"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_marketplaces_names_the_folder_or_not() {
        let folder = Path::new("/home/u/.local/state/sef/mods");
        for (list, wanted) in [
            (json!([]), false),
            (json!([{"source": "github", "repo": "a/b"}]), false),
            (json!([{"source": "directory", "path": "/elsewhere"}]), false),
            (json!([{"source": "directory", "path": "/home/u/.local/state/sef/mods"}]), true),
            (json!([{"source": "pathPattern", "pathPattern": "^/opt/"}]), false),
            (json!([{"source": "pathPattern", "pathPattern": "/sef/mods$"}]), true),
            (
                json!([{"source": "github", "repo": "a/b"}, {"source": "pathPattern", "pathPattern": ".*"}]),
                true,
            ),
            (json!([{"source": "pathPattern", "pathPattern": "(?<=x)y"}]), true),
            (json!(["rubbish", 7]), false),
        ] {
            let list = list.as_array().expect("a list");
            assert_eq!(names(list, folder, Unreadable::Names), wanted, "{list:?}");
        }
    }
}
