//! The client on PATH: its version against the range that SEF was tested with.

use super::{Ground, Said, action, command, kinds};
use crate::settings::client::{self, Client, Version, dotted};

/// Versions of the client that SEF was tested with, the oldest and the newest.
pub const TESTED: [[u32; 3]; 2] = [[2, 1, 197], [2, 1, 329]];

/// What was found of the client; none without a folder to start it in.
pub(super) struct Facts(Option<Client>);

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let home = ground.scratch.as_ref().and_then(|scratch| scratch.folder("home"));
        Self(home.map(|home| client::find(&home)))
    }

    /// Its version, when it said one.
    pub(super) fn version(&self) -> Option<Version> {
        match self.0 {
            Some(Client::Of(_, version)) => Some(version),
            _ => None,
        }
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let [oldest, newest] = TESTED;
        let range = format!("{} to {}", dotted(oldest), dotted(newest));
        let (path, version) = match &self.0 {
            Some(Client::Of(path, version)) => (path, *version),
            Some(Client::Absent) => {
                let mend = command("npm install -g @anthropic-ai/claude-code");
                said.find(&kinds::CLIENT_ABSENT, "there is no claude on PATH", mend);
                return "no claude on PATH".to_owned();
            }
            Some(Client::Silent(path)) => {
                let what = "claude did not say its version in time";
                said.find(&kinds::CLIENT_SILENT, what, command("claude --version")).at(path);
                return "of no known version".to_owned();
            }
            None => {
                let what = "claude was not asked for its version: no folder could be made to start it in";
                said.find(&kinds::CLIENT_SILENT, what, command("claude --version"));
                return "of no known version".to_owned();
            }
        };
        if version < oldest {
            let what = format!("claude is {}, and SEF was tested with {range}", dotted(version));
            said.find(&kinds::CLIENT_OLDER, what, command("claude update")).at(path);
        }
        if version > newest {
            let what = format!("claude is {}, and SEF was tested with {range}", dotted(version));
            said.find(&kinds::CLIENT_NEWER, what, action("see whether there is a newer SEF")).at(path);
        }
        format!("claude {} (tested: {range})", dotted(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_by_number_and_not_by_spelling() {
        let found = |version| {
            let mut said = Said::default();
            Facts(Some(Client::Of("/b/claude".into(), version))).judge(&mut said);
            said.findings.first().map(|finding| finding.id)
        };
        for (version, id) in [
            ([2, 1, 196], Some("client-older")),
            ([2, 1, 197], None),
            ([2, 1, 329], None),
            ([2, 1, 330], Some("client-newer")),
            ([2, 1, 1000], Some("client-newer")),
            ([1, 9, 999], Some("client-older")),
        ] {
            assert_eq!(found(version), id, "{version:?}");
        }
    }
}
