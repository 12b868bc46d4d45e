//! A model's answer as whole files. [`parse`] gives every file of the answer or the reasons why not, with line numbers;
//! never half a file, never some of them. Pure and linear in the answer's length; touches no disk.
//!
//! Three forms are read: tags with this request's suffix, plain `<FILE path="...">` tags, and `### FILE: path` above a
//! fenced block. `scan` cuts the answer into blocks, `tag` and `fence` read single lines, `path` and `body` turn a
//! block into a file, `doubts` finds what a person should look at.
//!
//! What the forms leave open is settled so:
//! - Thinking is dropped before anything else: `<think>` at the start of a line outside a file, up to its `</think>`;
//!   also everything before a lone `</think>`, whose beginning the server kept. Inside a file these words are content.
//! - Once one tag with the suffix stands outside thinking, only such tags count.
//! - A tag counts at the start of a line. When content begins on the line of the open tag, the close tag may also stand
//!   at the end of a line. Prose and code fences around files are skipped.
//! - Where content could have been taken for an end, the answer is refused: a tag inside an open block, a close tag or
//!   a bare fence after it, a fence with a language inside a fence of the same length.
//! - One fence or CDATA section around a whole body is taken off, never two, and never in Markdown. Entities stay.
//! - The line ends at the end of a file become one LF; an empty file stays empty. All else is kept to the byte, but
//!   CRLF, and a byte order mark at the start.

mod body;
mod doubts;
mod fence;
mod path;
mod scan;
mod tag;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod property;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use crate::report::text::name;

/// Most files of one answer: more than any task asks for, few enough to check and write in one go.
pub const MAX_FILES: usize = 2_000;
/// Most bytes of one file.
pub const MAX_FILE: usize = 1 << 20;
/// Most bytes of all files together.
pub const MAX_TOTAL: usize = 16 << 20;
/// Most bytes of a path; file systems allow 255 for each part, and at most 4,096 for all.
pub const MAX_PATH: usize = 1_024;
/// Most reasons, and most warnings, that are listed; nobody reads more.
pub const MAX_LISTED: usize = 100;
/// Characters of an answer without files that its reason shows.
pub const MAX_SHOWN: usize = 500;
/// Characters of a path in a reason.
const SHOWN_PATH: usize = 120;
/// The word in a tag without a suffix.
const PLAIN_TAG: &str = "FILE";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One file of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBlock {
    /// As the model wrote it, without white space around it, a leading `./` and doubled slashes. It may still be
    /// absolute or lead out of the folder: whoever writes it checks that.
    pub path: String,
    /// Empty, or text that ends in exactly one LF; without CRLF and without a byte order mark.
    pub content: String,
    /// 1-based line of its open tag in the answer.
    pub line: usize,
}

/// Why an answer is refused, or what in it is doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// 1-based line in the answer.
    pub line: usize,
    /// On one line, without control characters.
    pub what: String,
}

/// All files of an answer, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocks {
    /// At least one, at most [`MAX_FILES`]; no two paths are the same, even when case is ignored.
    pub files: Vec<FileBlock>,
    /// At most [`MAX_LISTED`], by line.
    pub warnings: Vec<Reason>,
}

/// Reads an answer. An error holds at least one and at most [`MAX_LISTED`] reasons, by line; no file may be written then.
/// With an empty suffix only the forms without one are read.
pub fn parse(answer: &str, suffix: &str) -> Result<Blocks, Vec<Reason>> {
    let text = with_lf_only(answer);
    let found = scan::scan(&text, &tag_name(suffix));
    let nothing_found = found.blocks.is_empty() && found.reasons.is_empty();
    let mut collected = Collected { reasons: found.reasons, ..Collected::default() };
    collected.blocks.warnings = found.warnings;
    if nothing_found {
        collected.refuse(1, no_file(answer));
    }
    if let Some(block) = found.blocks.get(MAX_FILES) {
        collected.refuse(block.line, format!("more than {MAX_FILES} files"));
    }
    for block in found.blocks.into_iter().take(MAX_FILES) {
        collected.add(&block);
    }
    collected.finish()
}

/// The words for the system message that ask for the format [`parse`] reads best.
pub fn instructions(suffix: &str) -> String {
    let tag = tag_name(suffix);
    format!(
        "Answer with whole files. Write each file in this form:\n\n\
         <{tag} path=\"...\">\n\
         (all of the file's text)\n\
         </{tag}>\n\n\
         - Put each tag alone on a line, from the first column, spelled exactly as here.\n\
         - The path is relative to the project's folder, with forward slashes; every path occurs once.\n\
         - Between the tags stands the file's text as it shall be on disk: no code fence around it, no CDATA, no \
         escaped characters.\n\
         - Write every file to its last line. Never shorten one with a comment or dots that stand for code.\n\
         - For an empty file the close tag follows on the next line.\n\
         - Close a file before the next one begins. What stands outside the tags is thrown away.\n"
    )
}

/// One file in the form of [`instructions`]. [`parse`] gives path and content back as they are, when both are as
/// [`FileBlock`] says and the content holds no tag with the suffix.
pub fn render(path: &str, content: &str, suffix: &str) -> String {
    let tag = tag_name(suffix);
    if body::is_wrapped(path, content) {
        let fence = "`".repeat(fence::longest(content).max(2) + 1);
        return format!("<{tag} path=\"{path}\">\n{fence}\n{content}{fence}\n</{tag}>\n");
    }
    format!("<{tag} path=\"{path}\">\n{content}</{tag}>\n")
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

fn tag_name(suffix: &str) -> String {
    if suffix.is_empty() { PLAIN_TAG.to_owned() } else { format!("{PLAIN_TAG}-{suffix}") }
}

/// Without a byte order mark and without carriage returns at the ends of lines. No line is added or lost.
fn with_lf_only(answer: &str) -> Cow<'_, str> {
    let answer = answer.trim_start_matches(BYTE_ORDER_MARK);
    if !answer.contains('\r') {
        return Cow::Borrowed(answer);
    }
    let mut text = String::with_capacity(answer.len());
    for line in answer.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(line) => {
                text.push_str(line.trim_end_matches('\r'));
                text.push('\n');
            }
            None => text.push_str(line),
        }
    }
    Cow::Owned(text)
}

fn no_file(answer: &str) -> String {
    if answer.trim().is_empty() {
        return "the answer is empty".to_owned();
    }
    let start: String = answer.chars().take(MAX_SHOWN + 1).collect();
    format!("the answer holds no file; it begins: {}", name(&start, MAX_SHOWN))
}

fn list(reasons: &mut Vec<Reason>, line: usize, what: String) {
    if reasons.len() < MAX_LISTED {
        reasons.push(Reason { line, what });
    }
}

/// Files so far, and what speaks against them.
#[derive(Default)]
struct Collected {
    blocks: Blocks,
    reasons: Vec<Reason>,
    /// Bytes of all files.
    total: usize,
    /// Which file has a path, in lower case.
    by_path: HashMap<String, usize>,
}

impl Collected {
    fn add(&mut self, block: &scan::Block<'_>) {
        let path = match path::clean(block.path) {
            Ok(path) => path,
            Err(why) => {
                let shown = name(block.path, SHOWN_PATH);
                return self.refuse(block.line, format!("the path `{shown}` {why}"));
            }
        };
        let shown = name(&path, SHOWN_PATH);
        let body = body::without_protocol(&path, block);
        if body.text.len() >= MAX_FILE {
            return self.refuse(block.line, format!("`{shown}` has more than {MAX_FILE} bytes"));
        }
        let content = if body.text.is_empty() { String::new() } else { format!("{}\n", body.text) };
        match self.by_path.entry(path.to_lowercase()) {
            Entry::Vacant(entry) => {
                entry.insert(self.blocks.files.len());
            }
            Entry::Occupied(entry) => {
                let first = &self.blocks.files[*entry.get()];
                let at = first.line;
                if first.path != path {
                    return self.refuse(
                        block.line,
                        format!("`{shown}` differs from the path of line {at} only in case"),
                    );
                }
                if first.content != content {
                    return self
                        .refuse(block.line, format!("`{shown}` is also in line {at}, with other content"));
                }
                return self
                    .warn(block.line, format!("`{shown}` is also in line {at}, with the same content"));
            }
        }
        self.total += content.len();
        if self.total > MAX_TOTAL {
            return self
                .refuse(block.line, format!("the files up to `{shown}` have more than {MAX_TOTAL} bytes"));
        }
        if path.starts_with("path/to/") {
            self.warn(block.line, format!("`{shown}` begins with path/to/, which is usually a placeholder"));
        }
        for doubt in doubts::doubts(&path, &body) {
            self.warn(doubt.line, format!("`{shown}` {}", doubt.what));
        }
        self.blocks.files.push(FileBlock { path, content, line: block.line });
    }

    fn refuse(&mut self, line: usize, what: String) {
        list(&mut self.reasons, line, what);
    }

    fn warn(&mut self, line: usize, what: String) {
        list(&mut self.blocks.warnings, line, what);
    }

    fn finish(mut self) -> Result<Blocks, Vec<Reason>> {
        self.reasons.sort_by_key(|reason| reason.line);
        self.blocks.warnings.sort_by_key(|warning| warning.line);
        if self.reasons.is_empty() { Ok(self.blocks) } else { Err(self.reasons) }
    }
}
