//! `sef-hook`: reads one Claude Code event on stdin, answers on stdout, always exits 0. Its one argument is the
//! word `plugin`, by which the plugin's entry says who it is, or `--version`, by which `sef doctor` knows it; any other
//! is ignored.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "--version") {
        return sef::hook::say_version();
    }
    sef::hook::run()
}
