//! Slugs of plain titles.

use std::fmt;

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
        write!(f, "{self:?}")
    }
}

impl std::error::Error for SlugError {}

pub fn slug(title: &str, limits: &Limits) -> Result<String, SlugError> {
    let words: Vec<String> = title.split(' ').map(str::to_lowercase).collect();
    Ok(words.join(&limits.separator.to_string()))
}

pub fn unique(title: &str, taken: &[&str], limits: &Limits) -> Result<String, SlugError> {
    let slug = slug(title, limits)?;
    Ok(if taken.contains(&slug.as_str()) { slug + "-2" } else { slug })
}
