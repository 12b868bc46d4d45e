//! Places that an answer points at: `path:line` or `path:first-last`, below the candidate's folder. Only says whether they
//! exist; nothing is opened.

use super::facts::{Facts, FileFacts};

/// A place that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    /// The file.
    pub file: &'a FileFacts,
    /// First line, from 1.
    pub first: u32,
    /// Last line.
    pub last: u32,
}

/// Finds a claimed place in a candidate, or says why there is no such place.
pub fn find<'a>(facts: &'a Facts, claimed: &str) -> Result<Place<'a>, String> {
    if claimed.trim().is_empty() {
        return Err("no place is given".to_owned());
    }
    let malformed = || format!("`{claimed}` is not file:line");
    let (path, lines) = claimed.trim().rsplit_once(':').ok_or_else(malformed)?;
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(malformed)
    };
    let (first, last) = (number(first)?, number(last)?);
    let path = path.strip_prefix("./").unwrap_or(path);
    let file = facts.file(path).ok_or_else(|| format!("there is no file `{path}` in this candidate"))?;
    if first == 0 || last < first || last > file.lines {
        return Err(format!("`{path}` has lines 1 to {}, not {lines}", file.lines));
    }
    Ok(Place { file, first, last })
}

impl Place<'_> {
    /// The lines that are meant: a single line on which a function or class begins means all of it.
    pub fn whole(&self) -> (u32, u32) {
        if self.first != self.last {
            return (self.first, self.last);
        }
        let begins = self.file.definitions.iter().filter(|(first, _)| *first == self.first);
        begins.copied().max_by_key(|(_, last)| *last).unwrap_or((self.first, self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_that_exist_are_found() {
        let file = FileFacts {
            path: "src/a.py".into(),
            lines: 9,
            definitions: vec![(2, 5)],
            ..FileFacts::default()
        };
        let facts = Facts { files: vec![file], ..Facts::default() };
        for (claimed, expected) in [
            ("src/a.py:1", Some((1, 1))),
            ("./src/a.py:2", Some((2, 5))),
            (" src/a.py:9 ", Some((9, 9))),
            ("src/a.py:3-4", Some((3, 4))),
            ("src/a.py:10", None),
            ("src/a.py:0", None),
            ("src/a.py:4-3", None),
            ("src/a.py:+3", None),
            ("src/a.py:", None),
            ("src/a.py", None),
            ("a.py:1", None),
            ("../src/a.py:1", None),
            ("src/a.py:99999999999", None),
            ("", None),
        ] {
            assert_eq!(find(&facts, claimed).ok().map(|place| place.whole()), expected, "{claimed}");
        }
    }
}
