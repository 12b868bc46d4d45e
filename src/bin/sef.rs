//! `sef`: every command a person types. Parses, runs one command, prints one error, picks the exit code.

use std::process::ExitCode;

use clap::Parser;
use sef::cli::{Cli, Command, ScopeArgs};
use sef::config::Env;
use sef::settings::install::{self, Scope};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let env = Env::read();
    let done = match cli.command {
        Command::Install(args) => install::install(&env, scope(args)),
        Command::Uninstall(_) | Command::Status(_) => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place that prints an error")]
            {
                eprintln!("sef: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn scope(args: ScopeArgs) -> Scope {
    match (args.project, args.both) {
        (_, true) => Scope::Both,
        (true, _) => Scope::Project,
        _ => Scope::User,
    }
}
