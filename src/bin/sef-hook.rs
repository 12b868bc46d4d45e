//! `sef-hook`: reads one Claude Code event on stdin, answers on stdout, always exits 0. Takes no arguments.

use std::process::ExitCode;

fn main() -> ExitCode {
    sef::hook::run()
}
