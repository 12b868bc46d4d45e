//! Races whose process is gone and whose worktrees are left. Looks at records only; no git is started.

use super::{Ground, Repair, Said, action, command, kinds};
use crate::race::manifest::{self, Known, Listed};
use crate::report::text::plural;

/// What was found of races.
pub(super) struct Facts {
    listed: Result<Listed, crate::error::Error>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        // What stands in the folder's place is the state's affair.
        let state_dir = ground.env.state_dir.as_deref().filter(|dir| dir.is_dir());
        Self { listed: state_dir.map_or(Ok(Listed::default()), manifest::list) }
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let mut unreadable = Vec::new();
        let mut left = 0;
        let mut running = 0;
        match &self.listed {
            Err(error) => unreadable.push(error),
            Ok(listed) => {
                unreadable.extend(&listed.unreadable);
                for known in &listed.races {
                    running += u64::from(known.is_alive);
                    left += u64::from(judge_race(known, said));
                }
            }
        }
        for error in unreadable {
            let path = error.path.clone().unwrap_or_default();
            let mend = action(format!("look at {}: {}", path.display(), error.fix));
            said.find(&kinds::RACE_UNREADABLE, format!("{}: {}", error.what, error.why), mend).at(path);
        }
        match (running, left) {
            (0, 0) => "nothing left of races".to_owned(),
            _ => format!("{running} running, {left} left"),
        }
    }
}

/// Is something left of it that nobody works on?
fn judge_race(known: &Known, said: &mut Said) -> bool {
    let Known { manifest, is_alive } = known;
    if *is_alive || manifest.is_cleared() {
        return false;
    }
    let mend = command(format!("sef clean {}", manifest.id));
    let count = plural(manifest.candidates.len() as u64, "candidate");
    if manifest.state["outcome"].is_object() {
        let what = format!("race {} of {count} is over and not cleaned", manifest.id);
        said.find(&kinds::WORKTREES_LEFT, what, mend).at(&manifest.repo.top);
    } else {
        let what = format!("race {} of {count} was stopped before its end", manifest.id);
        let repair = Repair::Clean(manifest.id.clone());
        said.find(&kinds::WORKTREES_ORPHANED, what, mend).at(&manifest.repo.top).repaired_by(repair);
    }
    true
}
