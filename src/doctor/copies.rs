//! The agent and skill files in the Claude folders, and other agent files that take the names of SEF's. Reads front matter
//! of other people's files and nothing else of them.

use std::path::PathBuf;

use super::settings::Facts as Settings;
use super::{Ground, Repair, Said, action, command, install_command, kinds, word};
use crate::agents::named;
use crate::fsx::atomic::Target;
use crate::report::text::{name, plural};
use crate::settings::agents::{self, Condition, FILES};
use crate::settings::manifest::{self, Record};

/// The copies of each place where SEF is installed.
pub(super) struct Facts {
    places: Vec<Place>,
    /// Agent files of others with a name of ours: the file, the name.
    shadows: Vec<(PathBuf, String)>,
}

struct Place {
    name: &'static str,
    copies: Vec<(&'static str, PathBuf, Result<Condition, String>)>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>, settings: &Settings) -> Self {
        let places: Vec<Place> = ground
            .places
            .iter()
            .filter(|place| settings.is_installed(place.name))
            .map(|place| {
                let record = match ground.env.state_dir {
                    Some(_) => manifest::peek(ground.env, &place.claude).unwrap_or_default(),
                    None => Record::default(),
                };
                let look = |file: &agents::Shipped| {
                    let path = place.claude.join(file.path);
                    let condition = Target::read(&path)
                        .map(|target| agents::condition(file, target.bytes.as_deref(), &record))
                        .map_err(|error| error.why);
                    (file.path, path, condition)
                };
                Place { name: place.name, copies: FILES.iter().map(look).collect() }
            })
            .collect();
        let mine: Vec<&PathBuf> =
            places.iter().flat_map(|place| &place.copies).map(|(_, path, _)| path).collect();
        let shadows = ground
            .places
            .iter()
            .flat_map(|place| named(&place.claude.join("agents")))
            .filter(|(path, name)| is_ours(name) && !mine.contains(&path))
            .collect();
        Self { shadows: if places.is_empty() { Vec::new() } else { shadows }, places }
    }

    pub(super) fn judge(&self, ground: &Ground<'_>, said: &mut Said) -> String {
        let mut words = Vec::new();
        for place in &self.places {
            place.judge(said);
            let (agents, skills): (Vec<_>, Vec<_>) =
                place.copies.iter().partition(|(path, ..)| agents::is_agent(path));
            let there = |files: &[&(&str, PathBuf, Result<Condition, String>)]| {
                let there =
                    files.iter().filter(|(.., it)| it.as_ref().is_ok_and(|it| *it != Condition::Missing));
                format!("{} of {}", there.count(), files.len())
            };
            words.push(format!("{}: {} agents, {} skill files", place.name, there(&agents), there(&skills)));
        }
        for (path, agent) in &self.shadows {
            let path_word = word(path);
            let mend = command(format!("mv {path_word} {path_word}.aside"));
            let what = format!("this file is named {} too", name(agent, 40));
            said.find(&kinds::AGENT_SHADOWED, what, mend).at(path);
        }
        if words.is_empty() && ground.places.is_empty() { String::new() } else { words.join("; ") }
    }
}

impl Place {
    fn judge(&self, said: &mut Said) {
        let install = install_command(self.name);
        let of = |wanted: Condition| -> Vec<&(&'static str, PathBuf, Result<Condition, String>)> {
            self.copies.iter().filter(|(.., it)| it.as_ref().is_ok_and(|it| *it == wanted)).collect()
        };
        for (condition, kind, what) in [
            (Condition::Missing, &kinds::COPY_MISSING, "missing"),
            (Condition::Outdated, &kinds::COPY_OUTDATED, "of an older version"),
        ] {
            let files = of(condition);
            if let Some((first, path, _)) = files.first() {
                let and =
                    if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
                let what = format!("{first}{and} {} {what}", if files.len() > 1 { "are" } else { "is" });
                said.find(kind, what, command(&install)).at(path).repaired_by(Repair::Install(self.name));
            }
        }
        let edited = of(Condition::Edited);
        if let Some((first, path, _)) = edited.first() {
            let what = format!(
                "{} edited: {first}{}",
                plural(edited.len() as u64, "file"),
                if edited.len() > 1 { ", ..." } else { "" }
            );
            said.find(&kinds::COPY_EDITED, what, command(format!("{install} --take-ours"))).at(path);
        }
        for (file, path, condition) in &self.copies {
            if let Err(why) = condition {
                let mend = action(format!("move {} away, then `{install}`", path.display()));
                said.find(&kinds::COPY_UNREADABLE, format!("{file} cannot be read: {why}"), mend).at(path);
            }
        }
    }
}

fn is_ours(agent: &str) -> bool {
    let mut shipped = FILES.iter().filter(|file| agents::is_agent(file.path));
    shipped.any(|file| file.path.strip_prefix("agents/").and_then(|it| it.strip_suffix(".md")) == Some(agent))
}
