//! What was measured of a candidate: values only, without the sources they were read from. Made by `measure`, used by
//! `score`, `rank` and `worksheet`.

use std::collections::BTreeSet;

use serde::Serialize;

/// Everything that was measured of one candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// Its files, by path.
    pub files: Vec<FileFacts>,
    /// Lines of code, without blanks, comments and tests.
    pub code_lines: u32,
    /// Functions in them.
    pub functions: u32,
    /// Code lines of the longest one.
    pub longest_function: u32,
    /// Deepest nesting.
    pub deepest: u32,
    /// At least one file was read by a grammar: the findings say something, also when there are none.
    pub parsed: bool,
    /// What was found, by place.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileFacts {
    /// Below the candidate's folder.
    pub path: String,
    /// Language, when it is code.
    pub language: Option<&'static str>,
    /// What it counts for.
    pub role: Role,
    /// All its lines.
    pub lines: u32,
    /// Numbers of its code lines, as ranges.
    pub code: Vec<(u32, u32)>,
    /// First and last line of each function and class in it.
    pub definitions: Vec<(u32, u32)>,
}

/// What a file counts for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It is judged.
    Code,
    /// It may be pointed at, and counts for nothing.
    Test,
    /// Text that is no code: it may be pointed at.
    #[default]
    Other,
}

/// What was found at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Path of the file.
    pub path: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end: u32,
    /// What it is.
    pub kind: Kind,
    /// In words, with the name or value.
    pub what: String,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A name of one letter that is no loop index.
    OneLetterName,
    /// A function over the limit.
    LongFunction,
    /// A block nested over the limit.
    DeepNesting,
    /// A number without a name.
    MagicNumber,
    /// Never used, or never reached.
    Dead,
    /// The same lines as elsewhere in the candidate.
    Duplicate,
    /// State that functions of a module share and change.
    MutableGlobal,
    /// A loop without a way out.
    EndlessLoop,
}

impl Kind {
    /// Whether each one counts as a violation of readability.
    pub fn hurts_readability(self) -> bool {
        matches!(self, Self::OneLetterName | Self::LongFunction | Self::DeepNesting | Self::MagicNumber)
    }

    /// In words, for one of them.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::OneLetterName => "one-letter name",
            Self::LongFunction => "long function",
            Self::DeepNesting => "deep nesting",
            Self::MagicNumber => "magic number",
            Self::Dead => "dead code",
            Self::Duplicate => "duplicated code",
            Self::MutableGlobal => "mutable global",
            Self::EndlessLoop => "loop without a way out",
        }
    }
}

/// A line of a file, to be counted once.
pub type Line<'a> = (&'a str, u32);

impl Facts {
    /// The file of that path.
    pub fn file(&self, path: &str) -> Option<&FileFacts> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The first finding of a kind.
    pub fn first(&self, kind: Kind) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// The code lines of all findings of a kind.
    pub fn lines_of(&self, kind: Kind) -> BTreeSet<Line<'_>> {
        let found = self.findings.iter().filter(|finding| finding.kind == kind);
        found.flat_map(|finding| self.code_lines_in(&finding.path, finding.line, finding.end)).collect()
    }

    /// The code lines from one line to another of a file that is judged.
    pub fn code_lines_in(&self, path: &str, first: u32, last: u32) -> Vec<Line<'_>> {
        let Some(file) = self.file(path).filter(|file| file.role == Role::Code) else { return Vec::new() };
        let within = file.code.iter().flat_map(|&(from, to)| from.max(first)..=to.min(last));
        within.map(|line| (file.path.as_str(), line)).collect()
    }
}

/// Sorted line numbers as ranges.
pub fn ranges(lines: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &line in lines {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == line => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    ranges
}
