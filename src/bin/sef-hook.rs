//! `sef-hook`: reads one Claude Code event on stdin, answers on stdout, always exits 0. Its one argument is the
//! word `plugin`, by which the plugin's entry says who it is; any other is ignored.

use std::process::ExitCode;

fn main() -> ExitCode {
    sef::hook::run()
}
