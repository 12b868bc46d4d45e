//! The error of the commands people type: what failed, where, why, and what to do about it.
//! Hook code never returns one of these to a person; it answers "pass" and leaves a code in the log.

use std::fmt;
use std::path::{Path, PathBuf};

/// One failure, with every part that a person needs to act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What failed, as a short clause: `cannot install the hooks`.
    pub what: String,
    /// The file or folder it failed on, when there is one.
    pub path: Option<PathBuf>,
    /// Line and column (1-based) in `path`, when the fault has a place.
    pub place: Option<(usize, usize)>,
    /// Why, in the words of whoever noticed.
    pub why: String,
    /// The command or the edit that mends it; may span lines (a snippet to paste).
    pub fix: String,
}

/// Result of a command a person typed.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Starts an error from what failed and why.
    pub fn new(what: impl Into<String>, why: impl fmt::Display) -> Self {
        Self { what: what.into(), path: None, place: None, why: why.to_string(), fix: String::new() }
    }

    /// Names the file or folder.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_path_buf());
        self
    }

    /// Names the line and column (1-based) in the file.
    #[must_use]
    pub fn place(mut self, line: usize, column: usize) -> Self {
        self.place = Some((line, column));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(path) = &self.path {
            write!(f, ": {}", path.display())?;
            if let Some((line, column)) = self.place {
                write!(f, ":{line}:{column}")?;
            }
        }
        write!(f, ": {}", self.why)?;
        if !self.fix.is_empty() {
            write!(f, "\n  to mend it: {}", self.fix)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_where_why_and_the_way_out() {
        let error = Error::new("cannot read the settings", "expected `,` or `}`")
            .at("/home/u/.claude/settings.json")
            .place(3, 7)
            .fix("edit line 3");
        assert_eq!(
            error.to_string(),
            "cannot read the settings: /home/u/.claude/settings.json:3:7: expected `,` or `}`\n  to mend it: edit line 3"
        );
    }
}
