//! The three programs and the client.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::planted::Mend::{Do, Run, Shown};
use super::planted::{Defect, check, defect, remove};
use super::{client_of, set_path};
use crate::install::write_program;

const DEFECTS: &[Defect] = &[
    defect(
        "a program is missing",
        |s| remove(s, "bin/sef-stats"),
        "program-missing",
        Do("scripts/install.sh"),
    ),
    defect(
        "a program may not be executed",
        |s| {
            let version = env!("CARGO_PKG_VERSION");
            write_program(&s.path("bin/sef-stats"), &format!("#!/bin/sh\necho sef-stats {version}\n"));
            fs::set_permissions(s.path("bin/sef-stats"), fs::Permissions::from_mode(0o644)).expect("chmod");
        },
        "program-not-executable",
        Run("chmod 755 ~/bin/sef-stats"),
    ),
    defect(
        "a program is of another version",
        |s| write_program(&s.path("bin/sef-stats"), "#!/bin/sh\necho sef-stats 0.0.9\n"),
        "program-version",
        Do("scripts/install.sh"),
    ),
    defect(
        "another sef comes first on PATH",
        |s| {
            write_program(&s.path("other/sef"), "#!/bin/sh\n");
            set_path(s, &["other", "bin", "client"]);
        },
        "path-other-sef",
        Run("export PATH=~/bin:\"$PATH\""),
    ),
    defect("no sef on PATH", |s| set_path(s, &["client"]), "not-on-path", Run("export PATH=~/bin:\"$PATH\"")),
    defect(
        "the client is too old",
        |s| client_of(s, "echo '2.1.196 (Claude Code)'"),
        "client-older",
        Shown("claude update"),
    ),
    defect(
        "the client is newer",
        |s| client_of(s, "echo '2.1.330 (Claude Code)'"),
        "client-newer",
        Do("newer SEF"),
    ),
    defect(
        "the client does not answer",
        |s| client_of(s, "exit 3"),
        "client-silent",
        Shown("claude --version"),
    ),
    defect(
        "there is no client",
        |s| {
            symlink("/bin/sh", s.path("bin/sh")).expect("link a shell");
            s.set("PATH", s.path("bin"));
        },
        "client-absent",
        Shown("npm install -g @anthropic-ai/claude-code"),
    ),
];

#[test]
fn defects_of_the_programs_are_found_and_mended() {
    check(DEFECTS);
}
