//! `sef turbo`: reads the contract, shows on a terminal what is going on, prints what came of it. The work is `engine`'s.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::engine;
use super::order::{Finished, Order, Status, Test, Vague};
use super::runs::{self, Edits, State, Undone, Which};
use crate::cli::{TurboAction, TurboArgs};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::confined::{Action, Overwrite};
use crate::fsx::read_regular;
use crate::hosted::status::{self, Live};
use crate::interrupt;
use crate::report::text::{json, money, name, plain, plural, short};
use crate::watch::{Step, Watch};

/// Largest contract that is read, in bytes; the checker's own bound is far smaller.
const MOST_CONTRACT: u64 = 4 << 20;

/// What to print, and whether all went well.
pub struct Said {
    /// For stdout.
    pub text: String,
    /// Exit 0.
    pub well: bool,
}

/// Runs the command.
pub fn run(env: &Env, args: &TurboArgs) -> Result<Said> {
    let well = |text| Said { text, well: true };
    match &args.action {
        None => order(env, args),
        Some(TurboAction::Undo { run, discard_edits }) => {
            let edits = if *discard_edits { Edits::Discard } else { Edits::Refuse };
            undo(env, run.as_deref(), None, edits).map(|undone| well(undone_text(&undone)))
        }
        Some(TurboAction::Runs) => Ok(well(runs_text(&runs::list(runs::state_dir(env)?)?))),
        Some(TurboAction::Status { offline, json: as_json }) => {
            let live = if *offline { Live::No } else { Live::Yes };
            let status = status::check(env, live);
            let well = status.status == "ready";
            let text = if *as_json { json(&status)? } else { status_text(&status) };
            Ok(Said { text, well })
        }
    }
}

/// Takes a run back: the one of that id, else the last one, `below` a folder when there is one.
pub fn undo(env: &Env, run: Option<&str>, below: Option<&Path>, edits: Edits) -> Result<Undone> {
    let state_dir = runs::state_dir(env)?;
    runs::recover(state_dir)?;
    runs::undo(state_dir, run.map_or(Which::Last, Which::Id), below, edits)
}

fn order(env: &Env, args: &TurboArgs) -> Result<Said> {
    let (Some(contract), Some(out)) = (&args.contract, &args.out) else {
        return Err(Error::new("cannot write code", "--contract and --out are needed"));
    };
    let order = Order {
        contract: read_contract(contract)?,
        out: out.clone(),
        existing: if args.overwrite { Overwrite::Replace } else { Overwrite::Refuse },
        vague: if args.unchecked { Vague::Send } else { Vague::Refuse },
        model: args.model.clone(),
        max_tokens: args.max_tokens,
        within: args.timeout.map(Duration::from_secs),
        test: args.test.as_ref().map(|command| Test {
            command: command.clone(),
            within: Duration::from_secs(args.test_timeout),
            sandbox: args.sandbox,
        }),
        fix: args.fix,
    };
    let watch = Terminal::new()?;
    let finished = engine::run(env, &order, &watch);
    watch.bar.finish_and_clear();
    let well = finished.status == Status::Ok;
    let text = if args.json { json(&finished)? } else { text(&finished) };
    Ok(Said { text, well })
}

fn read_contract(path: &Path) -> Result<String> {
    let cannot = |why: &dyn std::fmt::Display| {
        Error::new("cannot read the contract", why)
            .at(path)
            .fix("name a text file, or `-` for standard input; `sef contract new` writes a skeleton")
    };
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().take(MOST_CONTRACT).read_to_end(&mut bytes).map_err(|why| cannot(&why))?;
        bytes
    } else {
        read_regular(path, MOST_CONTRACT).map_err(|why| cannot(&why))?
    };
    String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8"))
}

/// Shows the steps on a terminal, nothing on a pipe, and notices Ctrl-C.
struct Terminal {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Terminal {
    fn new() -> Result<Self> {
        let interrupted = interrupt::watch()?;
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style(PLAIN));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Ok(Self { bar, interrupted })
    }
}

impl Watch for Terminal {
    fn step(&self, step: Step) {
        if self.bar.is_hidden() {
            return;
        }
        if let Step::Generating { tokens, of } = step {
            if self.bar.length() != Some(of) {
                self.bar.set_length(of);
                self.bar.set_style(style(WITH_BAR));
            }
            self.bar.set_position(tokens.min(of));
        } else if self.bar.length().is_some() {
            self.bar.unset_length();
            self.bar.set_style(style(PLAIN));
        }
        self.bar.set_message(step.in_words());
    }

    fn cancelled(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Shown while there is no measure of what is left, and while the bound on tokens is one.
const PLAIN: &str = "{spinner} {msg} {elapsed}";
const WITH_BAR: &str = "{spinner} [{bar:24}] {msg} {elapsed}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("both templates are well formed")
}

/// What came of an order, for people.
fn text(finished: &Finished) -> String {
    let mut lines = Vec::new();
    if !finished.files.is_empty() {
        let files = plural(finished.files.len() as u64, "file");
        let run = finished.run.as_ref().map_or("nothing changed".to_owned(), |run| format!("run {run}"));
        lines.push(format!("{files} in {} ({run})", plain(&finished.out)));
        for file in &finished.files {
            let action = match file.action {
                Action::Created => "created",
                Action::Overwritten => "overwritten",
                Action::Unchanged => "unchanged",
            };
            let size = short(file.bytes as u64);
            lines.push(format!(
                "  {action:<11} {:>6} lines {size:>6}B  {}",
                file.lines,
                name(&file.path, 100)
            ));
        }
    }
    if finished.usage.prompt + finished.usage.completion > 0 {
        lines.extend(used(finished));
    }
    if let Some(tests) = &finished.tests {
        let word = if tests.passed { "pass" } else { "FAIL" };
        let first = match (tests.first_pass, tests.repairs) {
            (true, _) => " at the first run".to_owned(),
            (false, 0) => String::new(),
            (false, repairs) => format!(" after {}", plural(u64::from(repairs), "repair")),
        };
        lines.push(format!("tests {word}{first}: {}", super::trial::in_words(&tests.seen)));
    }
    lines.extend(finished.warnings.iter().map(|warning| format!("note: {}", plain(warning))));
    if let Some(error) = &finished.error {
        lines.push(format!("FAILED ({}): {}", error.code, plain(&error.message)));
        if !error.fix.is_empty() {
            lines.push(format!("  to mend it: {}", plain(&error.fix)));
        }
    }
    lines.join("\n") + "\n"
}

fn used(finished: &Finished) -> Vec<String> {
    let used = &finished.usage;
    let reasoning =
        if used.reasoning > 0 { format!(" ({} of them reasoning)", used.reasoning) } else { String::new() };
    let cost = finished.cost_usd.map_or("cost unknown".to_owned(), money);
    let again = match finished.retries {
        0 => String::new(),
        count => format!(", {} made again", plural(u64::from(count), "call")),
    };
    let mut lines = vec![format!(
        "{}: {} + {} tokens{reasoning}, {cost}, {:.1} s{again}",
        name(&finished.model, 60),
        used.prompt,
        used.completion,
        finished.ms as f64 / 1e3
    )];
    if !finished.compare.is_empty() {
        let each: Vec<String> =
            finished.compare.iter().map(|one| format!("{} {}", one.model, money(one.usd))).collect();
        lines.push(format!("  the same numbers of tokens by list price: {}", each.join(", ")));
    }
    lines
}

fn undone_text(undone: &Undone) -> String {
    let mut lines = vec![format!(
        "run {} taken back: {} restored, {} removed",
        undone.id,
        plural(undone.restored.len() as u64, "file"),
        plural(undone.removed.len() as u64, "file")
    )];
    lines.extend(undone.restored.iter().map(|path| format!("  restored {}", name(path, 100))));
    lines.extend(undone.removed.iter().map(|path| format!("  removed  {}", name(path, 100))));
    let kept = undone.kept.iter();
    lines.extend(
        kept.map(|(path, at)| format!("  your edits of {} are in {}", name(path, 100), at.display())),
    );
    lines.join("\n") + "\n"
}

fn runs_text(listed: &runs::Listed) -> String {
    let mut lines: Vec<String> = listed
        .runs
        .iter()
        .map(|run| {
            let state = match run.state {
                State::Writing => "writing",
                State::Done => "done",
                State::Undoing => "undoing",
                State::Undone => "undone",
            };
            let files = plural(run.files.len() as u64, "file");
            format!("{}  {state:<7} {files:>9}  {}", run.id, plain(&run.root.to_string_lossy()))
        })
        .collect();
    lines.extend(
        listed.unreadable.iter().map(|error| format!("cannot be read: {}", plain(&error.to_string()))),
    );
    if lines.is_empty() {
        lines.push("no runs".to_owned());
    }
    lines.join("\n") + "\n"
}

fn status_text(status: &status::Status) -> String {
    let mut lines = vec![format!("{}: {}", status.status, plain(&status.message))];
    if !status.fix.is_empty() {
        lines.push(format!("  to mend it: {}", plain(&status.fix)));
    }
    lines.push(format!("service  {} at {}", status.provider, plain(&status.base_url)));
    lines.push(format!("key      {} is {}", status.key_env, if status.key_set { "set" } else { "not set" }));
    lines.push(format!("model    {}", plain(&status.model)));
    let limit = |count: Option<u64>| count.map_or("unknown".to_owned(), |count| count.to_string());
    lines.push(format!(
        "limits   {} requests and {} tokens a minute",
        limit(status.requests_per_minute),
        limit(status.tokens_per_minute)
    ));
    lines.push(format!("models   (from {})", status.models_from));
    for model in &status.models {
        let price = match (model.input_usd_per_mtok, model.output_usd_per_mtok) {
            (Some(input), Some(output)) => format!("${input} / ${output} per million tokens"),
            _ => "price unknown".to_owned(),
        };
        lines.push(format!("  {:<28} {price}", plain(&model.id)));
    }
    lines.join("\n") + "\n"
}
