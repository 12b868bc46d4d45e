//! `sef`: every command a person types. Parses, runs one command, prints one error, picks the exit code.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use sef::calendar::now;
use sef::cli::{
    AddArgs, Cli, Command, ConfigAction, ContractAction, FencePart, InstallArgs, PricesAction, RulesAction,
    ScopeArgs, StatusArgs, WordArgs,
};
use sef::config::Env;
use sef::contract::command;
use sef::doctor::{self, Asked};
use sef::error::{Error, Result};
use sef::explain::Listed;
use sef::feedback::Word;
use sef::origin::Shown;
use sef::prices::show;
use sef::rules::add::{Wanted, add};
use sef::rules::check;
use sef::settings::agents::OnEdited;
use sef::settings::install::install;
use sef::settings::mods::MainTurn;
use sef::settings::place::Scope;
use sef::settings::status::{self, Format};
use sef::settings::turbo::Turbo;
use sef::settings::uninstall::{What, uninstall};
use sef::trust::Consent;
use sef::{eval, explain, feedback, fence, judge, main_turn, mcp, origin, race, statusline, trust, turbo};

/// Longest JSON that is read for the status line, in bytes; the client's has about two thousand.
const MOST_STATUS: u64 = 1 << 20;

fn main() -> ExitCode {
    // Asked at every turn of a conversation: the command line's other forty commands need not be built for that.
    if std::env::args_os().nth(1).is_some_and(|word| word == "main-turn") && std::env::args_os().len() == 2 {
        let word = main_turn::ask::answer(&Env::read(), io::stdin().lock());
        let _ = io::stdout().write_all(word.as_bytes());
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    let env = Env::read();
    match run(cli.command, &env) {
        Ok((text, code)) => {
            // A reader that has seen enough (`| head`) is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            code
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "sef: {error}");
            ExitCode::FAILURE
        }
    }
}

fn with_code(said: turbo::command::Said) -> (String, ExitCode) {
    (said.text, if said.well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one command: what to print, and the exit code for when nothing failed (`status` has a verdict of its own).
fn run(command: Command, env: &Env) -> Result<(String, ExitCode)> {
    let text = match command {
        Command::Status(args) => {
            let report = status::status(env, scope(args.scope))?;
            let code = if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            return Ok((status::text(&report, format(args)), code));
        }
        Command::Doctor(args) => {
            let report = doctor::doctor(env, Asked { fix: args.fix, online: args.online });
            let text = if args.json { doctor::json(&report)? } else { doctor::text(&report) };
            return Ok((text, if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
        }
        Command::Install(args) => {
            let turbo = if args.no_turbo { Turbo::LeaveOut } else { Turbo::Register };
            let main_turn = if args.main_turn { MainTurn::PutIn } else { MainTurn::KeepUp };
            install(env, scope(args.scope), on_edited(args), turbo, main_turn, &mut io::stdout().lock())
                .map(|()| String::new())
        }
        Command::Uninstall(args) => {
            let what = if args.main_turn { What::MainTurn } else { What::All };
            uninstall(env, scope(args.scope), what, &mut io::stdout().lock()).map(|()| String::new())
        }
        Command::Explain(args) if args.main => explain::main_turn::page(env, args.prompt.as_deref()),
        Command::Explain(args) => {
            let prompt = args.prompt.unwrap_or_default();
            explain::explain(env, &prompt, args.agent.as_deref(), args.why_not)
        }
        Command::Classify(args) => {
            let listed = if args.all { Listed::All } else { Listed::Named };
            let mut input = io::stdin().lock();
            let mut output = io::stdout().lock();
            explain::classify_jsonl(env, listed, &mut input, &mut output).map(|()| String::new())
        }
        Command::Eval(args) => {
            let wanted = eval::Wanted { json: args.json, by: args.by, confusion: args.confusion };
            eval::eval(env, &args.file, &wanted)
        }
        Command::Rules { action } => match action {
            RulesAction::Add(args) => add(env, &wanted(args)),
            RulesAction::List => Ok(check::list(env)),
            RulesAction::Show { id } => check::show(env, &id),
            RulesAction::Check => check::check(env),
            RulesAction::Test => check::test(env),
        },
        Command::Allow(args) if args.list => trust::list(env),
        Command::Allow(args) => {
            let consent = if args.yes { Consent::Given } else { Consent::Ask };
            trust::allow(env, args.dir.as_deref(), consent, now(), &mut io::stdout().lock())
                .map(|()| String::new())
        }
        Command::Deny { dir } => trust::deny(env, dir.as_deref(), now()),
        Command::Config { action: ConfigAction::Path } => origin::path(env),
        Command::Config { action: ConfigAction::Show { json: true, .. } } => origin::json(env),
        Command::Config { action: ConfigAction::Show { origin: true, .. } } => {
            Ok(origin::show(env, Shown::Origins))
        }
        Command::Config { action: ConfigAction::Show { .. } } => Ok(origin::show(env, Shown::Values)),
        Command::Reject(args) => said(env, Word::Reject, &args),
        Command::Accept(args) => said(env, Word::Accept, &args),
        Command::Clean(args) => race::command::clean(env, &args),
        Command::Showdown(args) => return race::launch::showdown(env, &args).map(with_code),
        Command::AnyPercent(args) => return race::launch::any_percent(env, &args).map(with_code),
        Command::Mcp { plugin } => {
            let offer = if plugin { mcp::Offer::of_plugin(env) } else { mcp::Offer::Tools };
            mcp::serve(env, offer).map(|()| String::new())
        }
        Command::MainTurn => Ok(main_turn::ask::answer(env, io::stdin().lock()).to_owned()),
        Command::Statusline => {
            let mut input = String::new();
            let read = io::stdin().lock().take(MOST_STATUS).read_to_string(&mut input);
            Ok(read.map(|_| statusline::line(env, &input)).unwrap_or_default())
        }
        Command::Prices { action: PricesAction::List } => show::list(env),
        Command::Prices { action: PricesAction::Check } => {
            let (text, old) = show::check(env, now())?;
            return Ok((text, if old { ExitCode::FAILURE } else { ExitCode::SUCCESS }));
        }
        Command::Contract { action: ContractAction::Check { file, json } } => {
            let format = if json { command::Format::Json } else { command::Format::Text };
            let (text, acceptable) = command::check(&file, format)?;
            return Ok((text, if acceptable { ExitCode::SUCCESS } else { ExitCode::FAILURE }));
        }
        Command::Contract { action: ContractAction::New { lang, kind, out } } => {
            command::new(lang, kind, out.as_deref())
        }
        Command::Turbo(args) => {
            return turbo::command::run(env, &args).map(with_code);
        }
        Command::Judge(args) => judge::command::run(env, &args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sef", &mut script);
            Ok(String::from_utf8_lossy(&script).into_owned())
        }
        Command::Man { folder } => man(&folder),
        Command::Fence { part: FencePart::Supervise } => {
            return Ok((String::new(), fence::supervise::main()));
        }
        Command::Fence { part: FencePart::Inside } => return Ok((String::new(), fence::inside::main())),
    };
    Ok((text?, ExitCode::SUCCESS))
}

fn said(env: &Env, word: Word, args: &WordArgs) -> Result<String> {
    // A folder that is gone has no project: then only an id or a session finds the work.
    let here = std::env::current_dir().unwrap_or_default();
    feedback::say(env, word, args.id.as_deref(), args.session.as_deref(), &here, now())
}

fn man(folder: &Path) -> Result<String> {
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        Error::new("cannot write the man pages", error)
            .at(folder)
            .fix("name a folder that exists and can be written")
    })?;
    Ok(format!("man pages written to {}\n", folder.display()))
}

fn on_edited(args: InstallArgs) -> OnEdited {
    if args.take_ours { OnEdited::TakeOurs } else { OnEdited::Keep }
}

fn format(args: StatusArgs) -> Format {
    if args.json { Format::Json } else { Format::Text }
}

fn wanted(args: AddArgs) -> Wanted {
    let AddArgs { sentence, tier, role, id, phrases, dry_run, force } = args;
    Wanted { tier, role, id, phrases, sentence, dry_run, force }
}

fn scope(args: ScopeArgs) -> Scope {
    match (args.project, args.both) {
        (_, true) => Scope::Both,
        (true, _) => Scope::Project,
        _ => Scope::User,
    }
}
