//! Slugs of titles: words first, then as many of them as fit.

use std::error::Error;
use std::fmt;

use crate::letters::{is_mark, spelled};

const APOSTROPHES: [char; 2] = ['\'', '’'];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_chars: usize,
    pub separator: char,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_chars: 60, separator: '-' }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlugError {
    Empty,
    BadLimits,
    NoRoom,
}

impl fmt::Display for SlugError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "title has no letters or digits",
            Self::BadLimits => "limits are out of range",
            Self::NoRoom => "no room for a number",
        })
    }
}

impl Error for SlugError {}

pub fn slug(title: &str, limits: &Limits) -> Result<String, SlugError> {
    if limits.max_chars == 0 || !matches!(limits.separator, '-' | '_') {
        return Err(SlugError::BadLimits);
    }
    let plain = plain(title);
    let mut words = plain.split_whitespace();
    let first = words.next().ok_or(SlugError::Empty)?;
    let mut slug: String = first.chars().take(limits.max_chars).collect();
    let mut length = first.chars().count();
    for word in words {
        length += 1 + word.chars().count();
        if length > limits.max_chars {
            break;
        }
        slug.push(limits.separator);
        slug.push_str(word);
    }
    Ok(slug)
}

pub fn unique(title: &str, taken: &[&str], limits: &Limits) -> Result<String, SlugError> {
    let slug = slug(title, limits)?;
    let mut candidate = slug.clone();
    let mut number = 1;
    while taken.contains(&candidate.as_str()) {
        number += 1;
        let ending = format!("{}{number}", limits.separator);
        let room = limits.max_chars.saturating_sub(ending.len());
        let stem: String = slug.chars().take(room).collect();
        let stem = stem.trim_end_matches(limits.separator);
        if stem.is_empty() {
            return Err(SlugError::NoRoom);
        }
        candidate = format!("{stem}{ending}");
    }
    Ok(candidate)
}

/// The title's words in lower case, Latin letters in ASCII, with white space between them.
fn plain(title: &str) -> String {
    let mut plain = String::new();
    let dropped = |c: char| is_mark(c) || APOSTROPHES.contains(&c);
    for c in title.chars().flat_map(char::to_lowercase).filter(|c| !dropped(*c)) {
        match spelled(c) {
            Some(ascii) => plain.push_str(ascii),
            None => plain.push(if c.is_alphanumeric() { c } else { ' ' }),
        }
    }
    plain
}
