//! The settings files as the client reads them: the user's, the project's, the project's private ones, the organisation's.
//! Each is read once and taken apart here; what its hooks come to is judged in `entries`. Nothing is written.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::entries::{self, Entry};
use super::{Ground, Said, action, kinds};
use crate::config::{Managed, Owner};
use crate::fsx::atomic::Target;
use crate::settings::check::{self, Refusal};
use crate::settings::manifest;
use crate::settings::place::Place;

/// Where organisations put settings that nobody overrides (Linux; the client's documents).
const MANAGED: &str = "/etc/claude-code/managed-settings.json";
/// Kinds of hooks that the client knows (2.1.329).
const TYPES: &[&str] = &["command", "http", "mcp_tool", "prompt", "agent"];

/// All settings files.
pub(super) struct Facts {
    pub(super) files: Vec<File>,
}

/// One settings file.
pub(super) struct File {
    /// `user`, `project`, `local` or `managed`.
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    /// The Claude folder, where `sef install` would write this file.
    pub(super) place: Option<Place>,
    /// What install remembers of the folder: that it wrote this file. None when that cannot be read.
    pub(super) is_remembered: Option<bool>,
    pub(super) content: Content,
}

/// What stands in a file.
pub(super) enum Content {
    /// No such file.
    Missing,
    /// Why it cannot be read.
    Unreadable(String),
    /// No JSON that the client could use.
    Invalid(Refusal),
    /// JSON, with hooks that make the client ignore it.
    BadHooks(Refusal),
    /// What the client reads.
    Good {
        /// The whole.
        root: Value,
        /// Each hook.
        entries: Vec<Entry>,
        /// A key that stands twice.
        twice: Option<Refusal>,
    },
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let mut files = Vec::new();
        for place in &ground.places {
            files.push(File {
                name: place.name,
                path: place.settings(),
                is_remembered: remembered(ground, place),
                content: read(&place.settings(), ground),
                place: Some(place.clone()),
            });
        }
        let local = ground.here.iter().map(|here| ("local", here.join(".claude/settings.local.json")));
        for (name, path) in local.chain([("managed", managed(ground))]) {
            let content = read(&path, ground);
            files.push(File { name, path, place: None, is_remembered: Some(false), content });
        }
        Self { files }
    }

    /// The whole of each file that the client reads.
    pub(super) fn roots(&self) -> impl Iterator<Item = (&File, &Value)> {
        self.files.iter().filter_map(|file| match &file.content {
            Content::Good { root, .. } => Some((file, root)),
            _ => None,
        })
    }

    /// Each hook that the client runs.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&File, &Entry)> {
        self.files.iter().flat_map(|file| match &file.content {
            Content::Good { entries, .. } => entries.iter().map(|entry| (file, entry)).collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    }

    /// SEF is installed in that place: the manifest says so, or the settings hold entries of ours.
    pub(super) fn is_installed(&self, place: &str) -> bool {
        self.files.iter().any(|file| file.name == place && file.is_remembered == Some(true))
            || self.entries().any(|(file, entry)| file.name == place && entry.ours.is_some())
    }

    pub(super) fn judge(&self, ground: &Ground<'_>, said: &mut Said) -> String {
        if ground.env.claude_dir.is_none() {
            let mend = action("set HOME to your home folder");
            said.find(&kinds::HOME_MISSING, "Claude Code's folder is not known", mend);
        }
        for file in &self.files {
            judge_file(file, said);
            if let Some(Err(error)) = file.place.as_ref().map(Place::check_owner) {
                let finding = said.find(&kinds::SETTINGS_FOREIGN, error.why, action(error.fix));
                finding.at(error.path.unwrap_or_default());
            }
        }
        self.judge_forced_model(ground, said);
        entries::judge(self, ground, said)
    }

    fn judge_forced_model(&self, ground: &Ground<'_>, said: &mut Said) {
        const NAMES: [&str; 2] = ["CLAUDE_CODE_SUBAGENT_MODEL", "CLAUDE_CODE_SUBAGENT_MODEL_FORCE"];
        if ground.env.subagent_model.is_some() {
            let mend = super::command(format!("unset {}", NAMES.join(" ")));
            said.find(
                &kinds::SUBAGENT_MODEL_SET,
                "CLAUDE_CODE_SUBAGENT_MODEL is set in the environment",
                mend,
            );
        }
        for (file, root) in self.roots() {
            let set =
                |name: &&str| root["env"][*name].as_str().is_some_and(|it| !it.is_empty() && it != "inherit");
            if let Some(name) = NAMES.iter().find(|name| set(name)) {
                let mend = action(format!("take {name} out of \"env\" in {}", file.path.display()));
                let what = format!("{name} is set in the {} settings", file.name);
                said.find(&kinds::SUBAGENT_MODEL_SET, what, mend).at(&file.path);
            }
        }
    }
}

/// The client's place for an organisation's settings; in tests, where debug builds have a folder for SEF's own, that one.
fn managed(ground: &Ground<'_>) -> PathBuf {
    match &ground.env.managed {
        Some(Managed { dir, owner: Owner::ThisUser }) => dir.join("managed-settings.json"),
        _ => PathBuf::from(MANAGED),
    }
}

fn judge_file(file: &File, said: &mut Said) {
    let File { path, name, .. } = file;
    let place_of = |refusal: &Refusal| {
        format!("correct line {} column {} of {}", refusal.place.0, refusal.place.1, path.display())
    };
    match &file.content {
        Content::Missing => {}
        Content::Unreadable(why) => {
            let mend = action(format!("make {} a regular file that you can read", path.display()));
            said.find(
                &kinds::SETTINGS_UNREADABLE,
                format!("the {name} settings cannot be read: {why}"),
                mend,
            )
            .at(path);
        }
        Content::Invalid(refusal) => {
            let what = format!("the {name} settings are not JSON: {refusal}");
            said.find(&kinds::SETTINGS_INVALID, what, action(place_of(refusal))).at(path);
        }
        Content::BadHooks(refusal) => {
            let what = format!("the {name} settings hold a hook of a wrong shape: {refusal}");
            said.find(&kinds::HOOK_ENTRY_INVALID, what, action(place_of(refusal))).at(path);
        }
        Content::Good { root, twice, .. } => {
            if let Some(refusal) = twice {
                let what = format!("the {name} settings hold a key twice: {refusal}");
                said.find(&kinds::SETTINGS_KEY_TWICE, what, action(place_of(refusal))).at(path);
            }
            if root["disableAllHooks"] == true {
                let mend = action(format!("set \"disableAllHooks\" to false in {}", path.display()));
                let what = format!("the {name} settings switch all hooks off");
                said.find(&kinds::HOOKS_SWITCHED_OFF, what, mend).at(path);
            }
        }
    }
}

fn remembered(ground: &Ground<'_>, place: &Place) -> Option<bool> {
    if ground.env.state_dir.is_none() {
        return Some(false);
    }
    manifest::peek(ground.env, &place.claude).ok().map(|record| record.settings.is_some())
}

fn read(path: &Path, ground: &Ground<'_>) -> Content {
    let bytes = match Target::read(path) {
        Ok(Target { bytes: Some(bytes), .. }) => bytes,
        Ok(_) => return Content::Missing,
        Err(error) => return Content::Unreadable(error.why),
    };
    let text = match check::decode(&bytes) {
        Ok((_, text)) => text,
        Err(refusal) => return Content::Invalid(refusal),
    };
    let strict = check::parse(text);
    let root = match (serde_json::from_str::<Value>(text), &strict) {
        (Ok(root), _) if root.is_object() => root,
        (_, Err(refusal)) => return Content::Invalid(refusal.clone()),
        (_, Ok(_)) => {
            return Content::Invalid(Refusal { place: (1, 1), why: "it is nested too deep".to_owned() });
        }
    };
    let shape = strict.as_ref().ok().and_then(|root| check::hooks_are_well_formed(text, root).err());
    if let Some(refusal) = shape.or_else(|| unknown_type(text, &root)) {
        return Content::BadHooks(refusal);
    }
    let entries = entries::of(&root, ground.hook.as_deref());
    Content::Good { entries, twice: strict.err(), root }
}

/// A hook of a type that the client does not know; its place is that of the first such word.
fn unknown_type(text: &str, root: &Value) -> Option<Refusal> {
    let events = root["hooks"].as_object()?.iter();
    let known = events.filter(|(event, _)| check::KNOWN_EVENTS.contains(&event.as_str()));
    let groups = known.filter_map(|(_, groups)| groups.as_array()).flatten();
    let handlers = groups.filter_map(|group| group["hooks"].as_array()).flatten();
    let bad = handlers.filter_map(|handler| handler["type"].as_str()).find(|kind| !TYPES.contains(kind))?;
    let offset = text.find(&format!("\"{bad}\"")).unwrap_or(0);
    let shown = crate::report::text::name(bad, 40);
    Some(Refusal::at(text, offset, format!("{shown:?} is no type of hook that the client knows")))
}
