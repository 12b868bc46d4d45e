//! Cuts an answer into blocks, line by line. Each line is looked at once (twice when the answer holds no tag with the
//! suffix), and a block is a slice of the answer; what is in doubt becomes a reason, never a guess.

use super::fence::Fence;
use super::{PLAIN_TAG, Reason, SHOWN_PATH, list, tag};
use crate::report::text::name as shown_name;

const THINK: &str = "<think>";
const END_OF_THINK: &str = "</think>";

/// A block with both its ends.
#[derive(Debug)]
pub struct Block<'a> {
    /// As the tag or the heading has it.
    pub path: &'a str,
    /// 1-based line of the tag or the heading.
    pub line: usize,
    /// All between the two ends; the line end after the first one is not part of it.
    pub body: &'a str,
    /// 1-based line in which `body` begins.
    pub body_line: usize,
    pub form: Form,
}

/// What stands around a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `<FILE path="...">` and `</FILE>`, with or without a suffix.
    Tagged,
    /// A heading, and a fence that is already taken off.
    Fenced,
}

/// What an answer holds.
#[derive(Debug, Default)]
pub struct Found<'a> {
    pub blocks: Vec<Block<'a>>,
    pub reasons: Vec<Reason>,
    pub warnings: Vec<Reason>,
    /// Whether an open or close tag of the kind that was looked for stands outside thinking.
    has_tags: bool,
}

/// Which blocks are looked for.
#[derive(Clone, Copy)]
struct Search<'n> {
    /// The word in the tags.
    tag: &'n str,
    /// Whether headings over fences count too.
    headings: bool,
}

/// Blocks with that tag; when there is no such tag outside thinking, those of the two plain forms. The text has no CRLF.
pub fn scan<'a>(text: &'a str, tag: &str) -> Found<'a> {
    if tag != PLAIN_TAG {
        let found = search(text, Search { tag, headings: false });
        if found.has_tags {
            return found;
        }
    }
    search(text, Search { tag: PLAIN_TAG, headings: true })
}

fn search<'a>(text: &'a str, wanted: Search<'_>) -> Found<'a> {
    let mut found = Found::default();
    let mut lines = Lines::new(text);
    let mut loose = LooseFences::default();
    while let Some(line) = lines.next() {
        if tag::begins_open(line.text, wanted.tag) {
            loose = LooseFences::default();
            found.has_tags = true;
            found.tagged(&mut lines, line, wanted);
        } else if line.text.trim_start().starts_with(THINK) {
            found.thinking(&mut lines, line);
        } else if let Some(end) = found.end_of_thinking(line) {
            lines.resume(line, end);
        } else if tag::after_close(line.text, wanted.tag).is_some()
            || tag::before_close(line.text, wanted.tag).is_some()
        {
            let tag = wanted.tag;
            found.has_tags = true;
            found.refuse(
                line.number,
                format!("`</{tag}>` closes no file; the file before it may be cut there"),
            );
        } else if wanted.headings
            && let Some(path) = tag::heading(line.text)
        {
            loose = found.fenced(&mut lines, line, path);
        } else if loose.is_in_doubt(line.text) {
            found.refuse(
                line.number,
                "a fence that belongs to nothing; the file before it may be cut".to_owned(),
            );
        } else if tag::begins_open(line.text.trim_start(), wanted.tag) {
            found.has_tags = true;
            let what = format!("an open tag that does not begin its line: {}", shown(line.text.trim_start()));
            found.refuse(line.number, what);
        } else if tag::looks_like_begin(line.text) {
            let what = format!("ignored, for it is no `<{} path=\"...\">`: {}", wanted.tag, shown(line.text));
            list(&mut found.warnings, line.number, what);
        }
    }
    found
}

impl<'a> Found<'a> {
    /// Reads the file that an open tag begins.
    fn tagged(&mut self, lines: &mut Lines<'a>, first: Line<'a>, wanted: Search<'_>) {
        let tag = wanted.tag;
        let (path, end) = match tag::open(first.text, tag) {
            Ok(open) => (Some(open.path), open.end),
            Err(why) => {
                self.refuse(first.number, format!("the open tag {why}: {}", shown(first.text)));
                (None, first.text.len())
            }
        };
        let is_inline = !first.text[end..].trim().is_empty();
        let (start, body_line) =
            if is_inline { (first.start + end, first.number) } else { (lines.at, first.number + 1) };
        let mut keep = |body: &'a str| {
            if let Some(path) = path {
                self.blocks.push(Block { path, line: first.number, body, body_line, form: Form::Tagged });
            }
        };
        if is_inline && let Some(content) = tag::before_close(&first.text[end..], tag) {
            return keep(content);
        }
        while let Some(line) = lines.next() {
            if let Some(after) = tag::after_close(line.text, tag) {
                keep(&lines.text[start..line.start]);
                if !after.trim().is_empty() {
                    self.refuse(
                        line.number,
                        format!("`</{tag}>` does not stand alone: {}", shown(line.text)),
                    );
                }
                return;
            }
            if is_inline && let Some(before) = tag::before_close(line.text, tag) {
                return keep(&lines.text[start..line.start + before.len()]);
            }
            if tag::begins_open(line.text, tag) {
                lines.resume(line, 0);
                let what = format!("{} is not closed before line {}", file(path), line.number);
                return self.refuse(first.number, what);
            }
        }
        let what = format!("{} is not closed; `</{tag}>` must stand at the start of a line", file(path));
        self.refuse(first.number, what);
    }

    /// Reads the fenced block under a heading. Gives the fence whose ends are in doubt from there on.
    fn fenced(&mut self, lines: &mut Lines<'a>, heading: Line<'a>, path: &'a str) -> LooseFences {
        let of = file(Some(path));
        let Some(first) = lines.find(|line| !line.text.trim().is_empty()) else {
            self.refuse(heading.number, format!("{of} has no fenced block"));
            return LooseFences::default();
        };
        let Some(fence) = Fence::begun_by(first.text) else {
            lines.resume(first, 0);
            self.refuse(heading.number, format!("{of} has no fenced block under its heading"));
            return LooseFences::default();
        };
        let start = lines.at;
        for line in lines.by_ref() {
            if fence.is_ended_by(line.text) {
                let body = &lines.text[start..line.start];
                let (line, body_line) = (heading.number, first.number + 1);
                self.blocks.push(Block { path, line, body, body_line, form: Form::Fenced });
                return LooseFences { of_file: Some(fence), in_prose: false };
            }
            if fence.is_mistaken_for(line.text) {
                let what = format!("{of} holds a fence of the same length as its own: {}", shown(line.text));
                self.refuse(line.number, what);
                return LooseFences::default();
            }
        }
        self.refuse(heading.number, format!("{of} is not closed; its fence has no end"));
        LooseFences::default()
    }

    /// Skips thinking; one thought may hold another.
    fn thinking(&mut self, lines: &mut Lines<'a>, first: Line<'a>) {
        let mut depth = 0;
        let mut next = Some(first);
        while let Some(line) = next {
            let begins = line.text.trim_start().starts_with(THINK);
            depth += usize::from(begins);
            let Some(at) = line.text.find(END_OF_THINK) else {
                next = lines.next();
                continue;
            };
            depth -= 1;
            lines.resume(line, at + END_OF_THINK.len());
            if depth == 0 {
                return;
            }
            next = lines.next();
        }
        self.refuse(first.number, format!("`{THINK}` is never closed"));
    }

    /// Where thinking ends that began before the answer; all that was found in it is forgotten. An end in the middle of
    /// a line is believed only as long as nothing was found: later it is a word in somebody's prose.
    fn end_of_thinking(&mut self, line: Line<'_>) -> Option<usize> {
        let at = line.text.find(END_OF_THINK)?;
        let nothing_found = self.blocks.is_empty() && self.reasons.is_empty();
        if !nothing_found && !line.text[..at].trim().is_empty() {
            return None;
        }
        let dropped = self.blocks.len();
        *self = Self::default();
        if dropped > 0 {
            let what =
                format!("`{END_OF_THINK}`: all before it is taken for thinking; files dropped: {dropped}");
            list(&mut self.warnings, line.number, what);
        }
        Some(at + END_OF_THINK.len())
    }

    fn refuse(&mut self, line: usize, what: String) {
        list(&mut self.reasons, line, what);
    }
}

/// Fences after a fenced file. A bare one that ends nothing is the sign that a fence in the file ended it too early.
#[derive(Default)]
struct LooseFences {
    of_file: Option<Fence>,
    in_prose: bool,
}

impl LooseFences {
    fn is_in_doubt(&mut self, line: &str) -> bool {
        let Some(fence) = self.of_file else { return false };
        if fence.is_mistaken_for(line) {
            self.in_prose = true;
            return false;
        }
        fence.is_ended_by(line) && !std::mem::take(&mut self.in_prose)
    }
}

/// A line, or the rest of one behind the end of thinking.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    /// Where it starts in the answer, in bytes.
    start: usize,
    /// 1-based.
    number: usize,
}

/// The lines of an answer.
struct Lines<'a> {
    text: &'a str,
    /// Where the next line starts, in bytes.
    at: usize,
    /// How many lines were given.
    number: usize,
    /// The rest of a line that is given again first.
    rest: Option<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, number: 0, rest: None }
    }

    /// Gives the rest of the line that was given last once more, as a line.
    fn resume(&mut self, line: Line<'a>, from: usize) {
        self.rest = Some(Line { text: &line.text[from..], start: line.start + from, number: line.number });
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if let Some(rest) = self.rest.take() {
            return Some(rest);
        }
        let left = &self.text[self.at..];
        if left.is_empty() {
            return None;
        }
        let text = left.split_once('\n').map_or(left, |(line, _)| line);
        let start = self.at;
        self.at = (start + text.len() + 1).min(self.text.len());
        self.number += 1;
        Some(Line { text, start, number: self.number })
    }
}

fn file(path: Option<&str>) -> String {
    path.map_or("a file".to_owned(), |path| format!("`{}`", shown(path)))
}

fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_PATH + 1).collect();
    shown_name(&start, SHOWN_PATH)
}
