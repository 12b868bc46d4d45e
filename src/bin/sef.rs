//! `sef`: every command a person types. Parses, runs one command, prints one error, picks the exit code.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use sef::cli::{Cli, Command, RulesAction, ScopeArgs};
use sef::config::Env;
use sef::error::{Error, Result};
use sef::explain;
use sef::rules::check;
use sef::settings::install::{self, Scope};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let env = Env::read();
    match run(cli.command, &env) {
        Ok(text) => {
            // A reader that has seen enough (`| head`) is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "sef: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, env: &Env) -> Result<String> {
    match command {
        Command::Install(args) => install::install(env, scope(args)).map(|()| String::new()),
        Command::Uninstall(_) | Command::Status(_) => Ok(String::new()),
        Command::Explain(args) => explain::explain(env, &args.prompt, args.agent.as_deref()),
        Command::Classify(_) => {
            let mut input = io::stdin().lock();
            let mut output = io::stdout().lock();
            explain::classify_jsonl(env, &mut input, &mut output).map(|()| String::new())
        }
        Command::Rules { action } => match action {
            RulesAction::List => Ok(check::list(env)),
            RulesAction::Show { id } => check::show(env, &id),
            RulesAction::Check => check::check(env),
            RulesAction::Test => check::test(env),
        },
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sef", &mut script);
            Ok(String::from_utf8_lossy(&script).into_owned())
        }
        Command::Man { folder } => man(&folder),
    }
}

fn man(folder: &Path) -> Result<String> {
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        Error::new("cannot write the man pages", error)
            .at(folder)
            .fix("name a folder that exists and can be written")
    })?;
    Ok(format!("man pages written to {}\n", folder.display()))
}

fn scope(args: ScopeArgs) -> Scope {
    match (args.project, args.both) {
        (_, true) => Scope::Both,
        (true, _) => Scope::Project,
        _ => Scope::User,
    }
}
