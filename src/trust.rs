//! `sef allow` and `sef deny`: whether a project's own rules may count. Shows the whole text and what it would do before it
//! keeps a copy; only that copy ever counts. What the copy may say is `rules::project`'s, where it is kept `rules::approval`'s.

mod preview;

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use crate::calendar;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::report::text::{plain, plural};
use crate::rules::approval::{self, Record, State, Verdict};
use crate::rules::check::{listed, problems};
use crate::rules::compile::Problem;
use crate::rules::project::{self, FILE};
use crate::rules::{load, load_in};
use crate::settings::place::check_owner;
use crate::state;

/// Who says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// The person is asked, on a terminal.
    Ask,
    /// It was given with the command.
    Given,
}

/// Shows a project's rules and, after a yes, keeps them as allowed. `now` in milliseconds since 1970.
pub fn allow(env: &Env, dir: Option<&Path>, consent: Consent, now: u64, out: &mut dyn Write) -> Result<()> {
    let cannot = |why: String| Error::new("cannot allow the rules", why);
    let state_dir = state::folder(env, "cannot allow the rules")?;
    check_owner(state_dir, "cannot keep an approval in the folder")?;
    let root = folder(env, dir, "cannot allow the rules")?;
    let path = Path::new(&root).join(FILE);
    let text = match project::read(Path::new(&root)) {
        Ok(Some(text)) => text,
        Ok(None) => {
            return Err(cannot("there is no such file".to_owned())
                .at(&path)
                .fix("sef allow DIR, with the project's folder"));
        }
        Err(why) => {
            return Err(cannot(why).at(&path).fix(format!(
                "make it a regular file of at most {} KiB in a folder .claude of the project; nothing was allowed",
                project::MAX_BYTES >> 10
            )));
        }
    };
    let refuse = |found: &[Problem]| {
        cannot(plural(found.len() as u64, "mistake") + &plain(&listed(found)))
            .at(&path)
            .fix("correct the file and run the command again; nothing was allowed")
    };
    // What may not stand there at all is said before anything is made of it.
    project::parse(&text).map_err(|found| refuse(&found))?;
    let after = load_in(env, Some(&text));
    let mut found = problems(&after, Some(&text));
    found.retain(|problem| problem.source.starts_with(FILE));
    if !found.is_empty() {
        return Err(refuse(&found));
    }
    let mut page = numbered(&path, &text);
    page.push_str(&preview::of(&load(env), &after, &text));
    // What nobody saw is not allowed, whoever said yes.
    out.write_all(page.as_bytes()).and_then(|()| out.flush()).map_err(|error| {
        cannot(format!("the rules cannot be shown ({error})"))
            .fix("run the command where its output can be read")
    })?;
    if approval::state_of(Some(state_dir), Path::new(&root)) == State::Applies {
        let _ = writeln!(out, "\nallowed already; `sef deny` forbids it");
        return Ok(());
    }
    if consent == Consent::Ask {
        ask(&root, out)?;
    }
    let record = Record::new(&root, Verdict::Allow, calendar::timestamp(now), text);
    approval::keep(state_dir, &record).map_err(|error| cannot_keep(state_dir, &error))?;
    match approval::state_of(Some(state_dir), Path::new(&root)) {
        State::Applies => {
            let _ = writeln!(out, "\nallowed: it counts from the next event on, until a byte of it changes");
            Ok(())
        }
        State::Changed => {
            Err(cannot("the file was changed while you read it, so it does not count".to_owned())
                .at(&path)
                .fix("run the command again"))
        }
        _ => Err(cannot("the approval cannot be read back".to_owned())
            .at(state_dir)
            .fix("see that the folder is yours and on a working disk; the rules do not count")),
    }
}

/// Forbids a project's rules, whatever they come to say. `now` in milliseconds since 1970.
pub fn deny(env: &Env, dir: Option<&Path>, now: u64) -> Result<String> {
    let state_dir = state::folder(env, "cannot deny the rules")?;
    check_owner(state_dir, "cannot keep a denial in the folder")?;
    let root = folder(env, dir, "cannot deny the rules")?;
    let record = Record::new(&root, Verdict::Deny, calendar::timestamp(now), String::new());
    approval::keep(state_dir, &record).map_err(|error| cannot_keep(state_dir, &error))?;
    Ok(format!("denied: no rules of {} count until `sef allow` is run there again\n", plain(&root)))
}

/// Every project of which something was said, and what that means now.
pub fn list(env: &Env) -> Result<String> {
    let state_dir = state::folder(env, "cannot list what is allowed")?;
    let records = approval::all(state_dir);
    if records.is_empty() {
        return Ok("nothing is allowed or denied\n".to_owned());
    }
    let mut out = String::new();
    for record in records {
        let state = match approval::state_of(Some(state_dir), Path::new(&record.path)) {
            _ if record.verdict == Verdict::Deny => "denied",
            State::Applies => "applies",
            State::Changed => "changed since",
            State::Unusable(_) => "unusable",
            _ => "gone",
        };
        let _ = writeln!(out, "{state:<14} {:<26} {}", plain(&record.at), plain(&record.path));
    }
    Ok(out)
}

/// The project's folder with its links resolved, as the hook finds it.
fn folder(env: &Env, dir: Option<&Path>, what: &str) -> Result<String> {
    let named = match dir {
        Some(dir) => std::env::current_dir().unwrap_or_default().join(dir),
        None => project::root_here(env).unwrap_or_else(|| PathBuf::from(".")),
    };
    let cannot = |why: String| Error::new(what, why).at(&named);
    let real =
        named.canonicalize().map_err(|error| cannot(error.to_string()).fix("name a folder that is there"))?;
    if !real.is_dir() {
        return Err(cannot("it is no folder".to_owned()).fix("name the project's folder, not its file"));
    }
    real.into_os_string().into_string().map_err(|_| {
        cannot("its path is not UTF-8".to_owned()).fix("rename the folder; its rules do not count until then")
    })
}

fn cannot_keep(state_dir: &Path, error: &io::Error) -> Error {
    Error::new("cannot keep what you said", error)
        .at(state_dir)
        .fix("see that the folder may be written and the disk is not full; what was said before still holds")
}

fn ask(root: &str, out: &mut dyn Write) -> Result<()> {
    let not = |why: &str| Error::new("nothing was allowed", why);
    if !io::stdin().is_terminal() {
        return Err(
            not("there is no terminal to ask on").fix("read the text above, then run it again with --yes")
        );
    }
    let _ = write!(out, "\nallow these rules in {}? [y/N] ", plain(root)).and_then(|()| out.flush());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(not("you did not say yes"))
    }
}

/// The whole text, with numbers of lines, under its path and size.
fn numbered(path: &Path, text: &str) -> String {
    let mut out = format!("{} ({} bytes)\n\n", plain(&path.display().to_string()), text.len());
    for (number, line) in text.split_terminator('\n').enumerate() {
        let _ = writeln!(out, "{:>5}  {}", number + 1, plain(line.strip_suffix('\r').unwrap_or(line)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_nothing_that_moves_the_cursor_or_hides_is_shown_raw() {
        for c in ['\u{1b}', '\r', '\u{8}', '\u{202e}', '\u{200b}', '\u{e0041}', '\u{9b}', '\u{feff}', '\t'] {
            let shown = numbered(Path::new("/p"), &format!("a{c}b"));
            assert!(!shown.contains(c) && shown.contains("\\u{"), "{c:?}: {shown:?}");
        }
        assert!(numbered(Path::new("/p"), "a\r\nb\r\n").ends_with("    1  a\n    2  b\n"));
    }
}
