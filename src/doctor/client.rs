//! The client on PATH: its version against the range that SEF was tested with. It is asked in a throw-away home, told not
//! to update itself, and sees nothing of the user's files or secrets.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::programs::on_path;
use super::{Ground, Said, action, command, kinds};
use crate::config::handed_on;
use crate::settings::client::PROGRAM;
use crate::settings::live::run;

/// Versions of the client that SEF was tested with, the oldest and the newest.
pub const TESTED: [[u32; 3]; 2] = [[2, 1, 197], [2, 1, 329]];
/// It takes a quarter of a second, and a second on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found of the client.
pub(super) struct Facts {
    path: Option<PathBuf>,
    version: Option<[u32; 3]>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let path = on_path(PROGRAM);
        let home = ground.scratch.as_ref().and_then(|scratch| scratch.folder("home"));
        let version = path.as_ref().zip(home).and_then(|(path, home)| {
            let mut client = Command::new(path);
            client
                .arg("--version")
                .env_clear()
                .envs(handed_on(&["PATH"]))
                .env("HOME", &home)
                .env("CLAUDE_CONFIG_DIR", home.join(".claude"))
                .env("DISABLE_AUTOUPDATER", "1")
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .current_dir(&home);
            version_in(&run(client, b"", PATIENCE).ok()??.stdout)
        });
        Self { path, version }
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let Some(path) = &self.path else {
            let mend = command("npm install -g @anthropic-ai/claude-code");
            said.find(&kinds::CLIENT_ABSENT, "there is no claude on PATH", mend);
            return "no claude on PATH".to_owned();
        };
        let [oldest, newest] = TESTED;
        let range = format!("{} to {}", dotted(oldest), dotted(newest));
        let Some(version) = self.version else {
            let what = "claude did not say its version in time";
            said.find(&kinds::CLIENT_SILENT, what, command("claude --version")).at(path);
            return "of no known version".to_owned();
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

/// `2.1.329 (Claude Code)`.
fn version_in(text: &str) -> Option<[u32; 3]> {
    let mut parts = text.split_whitespace().next()?.split(['.', '-']).map(str::parse);
    Some([parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?])
}

fn dotted([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_or_unknown() {
        assert_eq!(version_in("2.1.329 (Claude Code)\n"), Some([2, 1, 329]));
        assert_eq!(version_in("2.2.0-beta.1"), Some([2, 2, 0]));
        for rubbish in ["", "claude", "2.1", "v2.1.3", "2.1.99999999999"] {
            assert_eq!(version_in(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn versions_are_judged_by_number_and_not_by_spelling() {
        let found = |version| {
            let mut said = Said::default();
            Facts { path: Some("/b/claude".into()), version: Some(version) }.judge(&mut said);
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
