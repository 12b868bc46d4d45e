// Turns headlines into short addresses.

use std::error::Error;
use std::fmt;

use crate::letters::{is_mark, spelled};

const SKIPPED: [char; 2] = ['\'', '’'];

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlugError {
    Empty,
    BadLimits,
    NoRoom,
}

impl Error for SlugError {}

impl fmt::Display for SlugError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "title has no letters or digits",
            Self::BadLimits => "limits are out of range",
            Self::NoRoom => "no room for a number",
        })
    }
}

/// How long, and what stands between words.
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

// Everything that belongs to no word becomes a blank.
fn simplified(headline: &str) -> String {
    let mut text = String::new();
    let ignored = |letter: char| is_mark(letter) || SKIPPED.contains(&letter);
    for letter in headline.chars().flat_map(char::to_lowercase).filter(|letter| !ignored(*letter)) {
        match spelled(letter) {
            Some(latin) => text.push_str(latin),
            None => text.push(if letter.is_alphanumeric() { letter } else { ' ' }),
        }
    }
    text
}

pub fn slug(title: &str, limits: &Limits) -> Result<String, SlugError> {
    // The limits come first.
    if limits.max_chars == 0 || !matches!(limits.separator, '-' | '_') {
        return Err(SlugError::BadLimits);
    }
    let text = simplified(title);
    let mut parts = text.split_whitespace();
    let head = parts.next().ok_or(SlugError::Empty)?;
    let mut address: String = head.chars().take(limits.max_chars).collect();
    let mut size = head.chars().count();
    for part in parts {
        size += 1 + part.chars().count();
        if size > limits.max_chars {
            break;
        }
        address.push(limits.separator);
        address.push_str(part);
    }
    Ok(address)
}

pub fn unique(title: &str, taken: &[&str], limits: &Limits) -> Result<String, SlugError> {
    let address = slug(title, limits)?;
    let mut attempt = address.clone();
    let mut counter = 1;
    while taken.contains(&attempt.as_str()) {
        counter += 1;
        let tail = format!("{}{counter}", limits.separator);
        let space = limits.max_chars.saturating_sub(tail.len());
        let front: String = address.chars().take(space).collect();
        let front = front.trim_end_matches(limits.separator);
        if front.is_empty() {
            return Err(SlugError::NoRoom);
        }
        attempt = format!("{front}{tail}");
    }
    Ok(attempt)
}
