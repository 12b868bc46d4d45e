//! One pass over the title with a small state: the slug so far and where its last whole word ends.

use std::fmt::{self, Display, Formatter};

use crate::letters;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_chars: usize,
    pub separator: char,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlugError {
    Empty,
    BadLimits,
    NoRoom,
}

impl Default for Limits {
    fn default() -> Self {
        const USUAL: Limits = Limits { max_chars: 60, separator: '-' };
        USUAL
    }
}

impl Limits {
    fn check(&self) -> Result<(), SlugError> {
        let known = "-_".contains(self.separator);
        (known && self.max_chars > 0).then_some(()).ok_or(SlugError::BadLimits)
    }

    fn cut(&self, text: &str, room: usize) -> String {
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text[..end].trim_end_matches(self.separator).to_owned()
    }
}

impl Display for SlugError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let said = match self {
            SlugError::Empty => "title has no letters or digits",
            SlugError::BadLimits => "limits are out of range",
            SlugError::NoRoom => "no room for a number",
        };
        write!(f, "{said}")
    }
}

impl std::error::Error for SlugError {}

pub fn slug(title: &str, limits: &Limits) -> Result<String, SlugError> {
    limits.check()?;
    let mut whole = String::new();
    let mut pending = false;
    for letter in title.to_lowercase().chars() {
        if letters::is_mark(letter) || letter == '\'' || letter == '’' {
            continue;
        }
        if !letter.is_alphanumeric() {
            pending = !whole.is_empty();
            continue;
        }
        if std::mem::take(&mut pending) {
            whole.push(limits.separator);
        }
        match letters::spelled(letter) {
            Some(ascii) => whole += ascii,
            None => whole.push(letter),
        }
    }
    if whole.is_empty() {
        return Err(SlugError::Empty);
    }
    if whole.len() <= limits.max_chars {
        return Ok(whole);
    }
    let cut = limits.cut(&whole, limits.max_chars + 1);
    let at_word = cut.rfind(limits.separator);
    Ok(match at_word {
        Some(_) if cut.len() <= limits.max_chars && whole[cut.len()..].starts_with(limits.separator) => cut,
        Some(end) => cut[..end].to_owned(),
        None => limits.cut(&whole, limits.max_chars),
    })
}

pub fn unique(title: &str, taken: &[&str], limits: &Limits) -> Result<String, SlugError> {
    let base = slug(title, limits)?;
    if !taken.contains(&base.as_str()) {
        return Ok(base);
    }
    (2_usize..)
        .map(|number| {
            let suffix = format!("{}{number}", limits.separator);
            let room = limits.max_chars.checked_sub(suffix.len()).ok_or(SlugError::NoRoom)?;
            let stem = limits.cut(&base, room);
            if stem.is_empty() { Err(SlugError::NoRoom) } else { Ok(stem + &suffix) }
        })
        .find(|slug| slug.as_ref().map_or(true, |slug| !taken.contains(&slug.as_str())))
        .unwrap_or(Err(SlugError::NoRoom))
}
