//! `sef-stats`: what was delegated, which model ran, what it cost, what came of it. Parses, runs one command, prints it.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use sef::calendar::now;
use sef::config::Env;
use sef::error::{Error, Result};
use sef::fsx::place::Place;
use sef::outcomes::{self, audit::Audit};
use sef::report::args::{StatsCli, StatsCommand};
use sef::report::page::page;
use sef::report::sheet::Ink;
use sef::report::{self, html, text};
use sef::{calibrate, export, simulate};

fn main() -> ExitCode {
    let env = Env::read();
    match shown(&env, &StatsCli::parse().command).and_then(|shown| print(&shown)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place that prints an error")]
            {
                eprintln!("sef-stats: {}", text::plain(&error.to_string()));
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs one command: what to print.
fn shown(env: &Env, command: &StatsCommand) -> Result<String> {
    match command {
        StatsCommand::Report(args) => {
            // A place that cannot be written is said before the reading, which may take its time.
            let place = args.html.as_deref().filter(|file| *file != "-").map(Place::find).transpose()?;
            let report = report::make(env, &args.select, now(), &here())?;
            if args.html.is_some() {
                let html = html::page(&report, now());
                return match place {
                    Some(place) => place.write(html.as_bytes()).map(|()| written(&place, html.len())),
                    None => Ok(html),
                };
            }
            if args.select.json { text::json(&report) } else { Ok(page(&report, args.by, ink(env))) }
        }
        StatsCommand::Audit(args) => {
            let audit = Audit::make(env, args, now(), &here())?;
            if args.select.json { text::json(&audit) } else { Ok(outcomes::page::page(&audit, ink(env))) }
        }
        StatsCommand::Simulate(args) if args.months.is_some() => {
            let months = simulate::turns::months(env, args)?;
            if args.json { text::json(&months) } else { Ok(months.page(ink(env))) }
        }
        StatsCommand::Simulate(args) if args.main_turn => {
            let turns = simulate::turns::make(env, args, now(), &here())?;
            if args.json { text::json(&turns) } else { Ok(turns.page(ink(env))) }
        }
        StatsCommand::Simulate(args) => {
            let simulation = simulate::make(env, args, now(), &here())?;
            if args.json { text::json(&simulation) } else { Ok(simulate::page::page(&simulation, ink(env))) }
        }
        StatsCommand::Calibrate(args) if args.revert => calibrate::revert(env),
        StatsCommand::Calibrate(args) => {
            let mut found = calibrate::look(env, args.since, now(), &here())?;
            if args.apply {
                calibrate::apply(env, &mut found, now())?;
            }
            if args.json { text::json(&found) } else { Ok(calibrate::page::page(&found, ink(env))) }
        }
        StatsCommand::Export(args) => export::run(env, args, now()),
    }
}

/// The line that says where a page is.
fn written(place: &Place, bytes: usize) -> String {
    let path = text::name(&place.path.to_string_lossy(), usize::MAX);
    format!("wrote {path} ({}B)\n", text::short(bytes as u64))
}

/// Only a relative path needs the current folder; one that is gone makes it a path from the root.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| "/".into())
}

fn ink(env: &Env) -> Ink {
    if std::io::stdout().is_terminal() && !env.no_color { Ink::Colour } else { Ink::Plain }
}

fn print(shown: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    // Whoever closes the pipe early has seen enough.
    match stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new("cannot print the report", error).fix("print it to a place with room"))
        }
        _ => Ok(()),
    }
}
