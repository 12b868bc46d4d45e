//! `sef contract`: reads a contract and says what is wrong with it, or writes a skeleton. The only part of the module with
//! files; it never replaces one.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::json;

use super::{Counts, Kind, Lang, Problem, Review, Severity, review, skeleton};
use crate::error::{Error, Result};
use crate::fsx::atomic::{Replaced, Target, replace};
use crate::fsx::read_regular;

/// Largest file that is read, in bytes. A contract is far smaller; this is only a bound on memory.
const LARGEST: u64 = 1 << 20;
/// Version of the JSON.
const SCHEMA: u32 = 1;

/// How to say what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: one problem to two lines.
    Text,
    /// One JSON object.
    Json,
}

/// Checks a file, or stdin when it is `-`. Answers what to print and whether the contract is acceptable.
pub fn check(file: &Path, format: Format) -> Result<(String, bool)> {
    let text = read(file)?;
    let review = review(&text);
    let said = match format {
        Format::Json => as_json(&review),
        Format::Text => as_text(&review, &file.display().to_string()),
    };
    Ok((said, review.is_acceptable()))
}

/// Writes a skeleton to a file that is not there yet, or answers its text.
pub fn new(lang: Lang, kind: Kind, out: Option<&Path>) -> Result<String> {
    let text = skeleton(lang, kind);
    let Some(path) = out else { return Ok(text) };
    let exists = || {
        Error::new("cannot write the skeleton", "the file exists, and nothing is replaced")
            .at(path)
            .fix("name another file, or move that one away first")
    };
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let target = Target::read(path)?;
    if target.bytes.is_some() {
        return Err(exists());
    }
    match replace(&target, text.as_bytes(), 0o666)? {
        Replaced::Done => Ok(format!(
            "skeleton written to {0}; fill it in, then `sef contract check {0}`\n",
            path.display()
        )),
        Replaced::Changed => Err(exists()),
    }
}

fn read(file: &Path) -> Result<String> {
    let cannot = |why: String, fix: &str| Error::new("cannot read the contract", why).at(file).fix(fix);
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
        read.map_err(|error| cannot(error.to_string(), "give the text on stdin, or name a file"))?;
        if bytes.len() as u64 > LARGEST {
            return Err(cannot(
                format!("it is larger than {LARGEST} bytes"),
                "give a contract, not a data file",
            ));
        }
        bytes
    } else {
        read_regular(file, LARGEST).map_err(|error| {
            cannot(error.to_string(), "name a text file with a contract, or `-` for stdin")
        })?
    };
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count();
        cannot("it is not UTF-8".to_owned(), "save it as UTF-8").place(line + 1, 1)
    })
}

fn as_text(review: &Review, name: &str) -> String {
    let mut text = String::new();
    for Problem { line, section, severity, what, hint, .. } in &review.problems {
        let severity = if *severity == Severity::Error { "error" } else { "warning" };
        let place = section.map_or(String::new(), |part| format!(" {}:", part.title()));
        let _ = writeln!(text, "{name}:{line}: {severity}:{place} {what}\n    {hint}");
    }
    let errors = review.count(Severity::Error);
    let warnings = counted(review.count(Severity::Warning), "warning");
    if errors > 0 {
        let _ = writeln!(text, "not acceptable: {}, {warnings}", counted(errors, "error"));
        return text;
    }
    let Counts { fields, entries, steps, rules } = review.counts;
    let _ = writeln!(
        text,
        "acceptable: {}, {}, {}, {}, {warnings}",
        counted(fields, "typed field"),
        counted(entries, "interface"),
        counted(steps, "step"),
        counted(rules, "rule"),
    );
    text
}

fn as_json(review: &Review) -> String {
    let object = json!({
        "schema": SCHEMA,
        "acceptable": review.is_acceptable(),
        "errors": review.count(Severity::Error),
        "warnings": review.count(Severity::Warning),
        "counts": review.counts,
        "problems": review.problems,
    });
    format!("{object:#}\n")
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
