//! `sef-stats`: what was delegated, which model ran, what it cost. Parses, makes the report, prints it.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use sef::config::Env;
use sef::error::{Error, Result};
use sef::report::args::{StatsCli, StatsCommand};
use sef::report::page::{Ink, page};
use sef::report::{self, text};
use sef::simulate;

fn main() -> ExitCode {
    match run(&Env::read(), &StatsCli::parse().command) {
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

fn run(env: &Env, command: &StatsCommand) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64);
    // Only a relative --project needs the current folder; one that is gone makes it a path from the root.
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let mut stdout = std::io::stdout().lock();
    let ink = if stdout.is_terminal() && !env.no_color { Ink::Colour } else { Ink::Plain };
    let shown = match command {
        StatsCommand::Report(args) => {
            let report = report::make(env, args, now, &here)?;
            if args.json { text::json(&report)? } else { page(&report, ink) }
        }
        StatsCommand::Simulate(args) => {
            let simulation = simulate::make(env, args, now, &here)?;
            if args.json { text::json(&simulation)? } else { simulate::page::page(&simulation, ink) }
        }
    };
    // Whoever closes the pipe early has seen enough.
    match stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new("cannot print the report", error).fix("print it to a place with room"))
        }
        _ => Ok(()),
    }
}
