//! What other parts of SEF decide and the doctor only repeats: whether this project's rules are allowed, and whether an
//! organisation's files are used.

use super::{Ground, Said, action, command, kinds};
use crate::report::text::name;
use crate::rules::approval::{self, State};
use crate::rules::managed::{self, Unused};
use crate::rules::project::{FILE, root_here};
use crate::rules::{USERS, overlay};

/// Judges the rules of the current project and the organisation's files; answers nothing when there are none.
pub(super) fn judge(ground: &Ground<'_>, said: &mut Said) -> String {
    let words = [judge_project(ground, said), judge_managed(ground, said)];
    words.into_iter().flatten().collect::<Vec<String>>().join("; ")
}

fn judge_project(ground: &Ground<'_>, said: &mut Said) -> Option<String> {
    let root = root_here(ground.env)?;
    let file = root.join(FILE);
    let kind = match approval::state_of(ground.env.state_dir.as_deref(), &root) {
        State::Absent => return None,
        State::Applies => return Some("its rules are allowed".to_owned()),
        State::Denied => return Some("its rules are denied".to_owned()),
        State::NotAllowed => {
            let what = "this project's rules are not allowed";
            said.find(&kinds::PROJECT_RULES_IGNORED, what, command("sef allow"))
        }
        State::Changed => {
            let what = "this project's rules were changed since they were allowed";
            said.find(&kinds::PROJECT_RULES_CHANGED, what, command("sef allow"))
        }
        State::Unusable(why) => {
            let what = format!("this project's rules cannot be allowed: {}", name(&why, 120));
            let mend = action("make it a plain file of at most 64 KB, or remove it");
            said.find(&kinds::PROJECT_RULES_UNUSABLE, what, mend)
        }
    };
    kind.at(&file);
    Some("its rules are ignored".to_owned())
}

fn judge_managed(ground: &Ground<'_>, said: &mut Said) -> Option<String> {
    let managed = ground.env.managed.as_ref()?;
    let mut used = 0;
    let mut unused: Vec<Unused> = Vec::new();
    for file in [overlay::FILE, USERS, crate::prices::FILE] {
        match managed::read(Some(managed), file) {
            Ok(Some(_)) => used += 1,
            Ok(None) => {}
            // A folder that others can write is said once, not for each of its files.
            Err(found) if unused.contains(&found) => {}
            Err(found) => unused.push(found),
        }
    }
    for found in &unused {
        let what = format!("an organisation's file is not used: {}", name(&found.why, 120));
        said.find(&kinds::MANAGED_UNUSED, what, action(Unused::FIX)).at(&found.path);
    }
    (used > 0).then(|| format!("{used} of the organisation's files in {}", managed.dir.display()))
}
