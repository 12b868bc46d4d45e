//! `sef-hook`: reads one Claude Code event on stdin, answers on stdout, always exits 0. Takes no arguments but
//! `--version`, by which `sef doctor` knows it.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "--version") {
        return sef::hook::say_version();
    }
    sef::hook::run()
}
