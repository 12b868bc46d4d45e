//! `sef`: every command a person types. Parses, runs one command, prints one error, picks the exit code.

use std::process::ExitCode;

use clap::Parser;
use sef::cli::{Cli, Command, InstallArgs, ScopeArgs, StatusArgs};
use sef::config::Env;
use sef::error::Result;
use sef::settings::agents::OnEdited;
use sef::settings::install::install;
use sef::settings::place::Scope;
use sef::settings::status::{self, Format};
use sef::settings::uninstall::uninstall;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let env = Env::read();
    let mut out = std::io::stdout().lock();
    let done = match cli.command {
        Command::Install(args) => install(&env, scope(args.scope), on_edited(args), &mut out).map(success),
        Command::Uninstall(args) => uninstall(&env, scope(args), &mut out).map(success),
        Command::Status(args) => show_status(&env, args, &mut out),
    };
    done.unwrap_or_else(|error| {
        #[expect(clippy::print_stderr, reason = "the one place that prints an error")]
        {
            eprintln!("sef: {error}");
        }
        ExitCode::FAILURE
    })
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn show_status(env: &Env, args: StatusArgs, out: &mut dyn std::io::Write) -> Result<ExitCode> {
    let report = status::status(env, scope(args.scope))?;
    status::print(&report, if args.json { Format::Json } else { Format::Text }, out);
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn on_edited(args: InstallArgs) -> OnEdited {
    if args.take_ours { OnEdited::TakeOurs } else { OnEdited::Keep }
}

fn scope(args: ScopeArgs) -> Scope {
    match (args.project, args.both) {
        (_, true) => Scope::Both,
        (true, _) => Scope::Project,
        _ => Scope::User,
    }
}
