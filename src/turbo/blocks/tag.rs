//! Reads the lines that begin and end a file: tags, and the headings of the fenced form. Looks at one line only.

/// An open tag.
#[derive(Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The value of `path=` or `filename=`, as it stands there.
    pub path: &'a str,
    /// Where in the line the tag ends.
    pub end: usize,
}

/// Whether a line begins with an open tag of that name, well made or not.
pub fn begins_open(line: &str, name: &str) -> bool {
    let rest = line.strip_prefix('<').and_then(|line| line.strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c == '>' || c.is_whitespace()))
}

/// Whether a line looks as if it were meant to begin a file: a tag with any suffix, or a heading of any level.
pub fn looks_like_begin(line: &str) -> bool {
    let line = line.trim_start_matches(['#', '*', ' ', '\t']);
    let begins = |word: &str| line.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    ["<FILE ", "<FILE-", "<FILE>", "FILE: "].iter().any(|word| begins(word))
}

/// What follows the close tag that a line begins with.
pub fn after_close<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')
}

/// What stands before the close tag that a line ends with.
pub fn before_close<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.trim_end().strip_suffix('>')?.strip_suffix(name)?.strip_suffix("</")
}

/// Reads an open tag that [`begins_open`] saw. The error says what is wrong with it.
pub fn open<'a>(line: &'a str, name: &str) -> Result<Open<'a>, &'static str> {
    let mut rest = &line[1 + name.len()..];
    let mut path = None;
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            let path = path.ok_or("has no path")?;
            return Ok(Open { path, end: line.len() - after.len() });
        }
        if rest.is_empty() {
            return Err("does not end on its line");
        }
        let (key, value, after) = attribute(rest)?;
        if matches!(key, "path" | "filename") && path.replace(value).is_some() {
            return Err("has two paths");
        }
        rest = after;
    }
}

/// The path of a heading `### FILE: path`; backticks or quotes around it are not part of it.
pub fn heading(line: &str) -> Option<&str> {
    let path = line.strip_prefix("### FILE:")?.trim();
    let unquoted = ['`', '"', '\''].iter().find_map(|quote| path.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(unquoted.unwrap_or(path))
}

/// Key, value and what follows them.
fn attribute(text: &str) -> Result<(&str, &str, &str), &'static str> {
    let key_end =
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').unwrap_or(text.len());
    let (key, rest) = text.split_at(key_end);
    let Some(value) = rest.trim_start().strip_prefix('=').filter(|_| !key.is_empty()) else {
        return Err("holds something else than key=\"value\"");
    };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, after) =
                quoted.split_once(quote).ok_or("has a quote that does not end on its line")?;
            return Ok((key, value, after));
        }
    }
    let (value, after) =
        value.split_at(value.find(|c: char| c == '>' || c.is_whitespace()).unwrap_or(value.len()));
    Ok((key, value, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_however_its_path_is_quoted() {
        for (line, path) in [
            (r#"<FILE path="src/a.py">"#, "src/a.py"),
            ("<FILE path='src/a b.py'>", "src/a b.py"),
            ("<FILE path=src/a.py>", "src/a.py"),
            (r#"<FILE filename="a">"#, "a"),
            (r#"<FILE  lang="py"  path = "a"  >"#, "a"),
            (r#"<FILE path="a > b">"#, "a > b"),
            (r#"<FILE path="">"#, ""),
            ("<FILE path=>", ""),
        ] {
            let tag = open(line, "FILE").expect(line);
            assert_eq!((tag.path, tag.end), (path, line.len()), "{line}");
        }
        assert_eq!(open(r#"<FILE path="a">x > y"#, "FILE").expect("a tag").end, 15);
    }

    #[test]
    fn a_tag_that_cannot_be_read_says_why() {
        for (line, why) in [
            ("<FILE>", "has no path"),
            (r#"<FILE lang="py">"#, "has no path"),
            (r#"<FILE path="a""#, "does not end on its line"),
            (r#"<FILE path="a>"#, "has a quote that does not end on its line"),
            (r#"<FILE path="a" filename="b">"#, "has two paths"),
            (r#"<FILE "a">"#, "holds something else than key=\"value\""),
            ("<FILE path>", "holds something else than key=\"value\""),
            ("<FILE", "does not end on its line"),
        ] {
            assert!(begins_open(line, "FILE"), "{line}");
            assert_eq!(open(line, "FILE").expect_err(line), why, "{line}");
        }
    }

    #[test]
    fn other_words_are_not_tags() {
        for line in [
            "<FILES path=\"a\">",
            " <FILE path=\"a\">",
            "<file path=\"a\">",
            "<FILE-x path=\"a\">",
            "FILE",
            "",
        ] {
            assert!(!begins_open(line, "FILE"), "{line}");
        }
        for line in ["</FILES>", " </FILE>", "</FILE", "</FILE-x>", "</file>"] {
            assert_eq!(after_close(line, "FILE"), None, "{line}");
        }
    }

    #[test]
    fn what_was_meant_for_a_begin_is_noticed() {
        for line in [
            "  <FILE path=\"a\">",
            "<file path=\"a\">",
            "<FILE-x path=\"a\">",
            "## File: a",
            "**FILE: a**",
            "#### FILE: a",
        ] {
            assert!(looks_like_begin(line), "{line}");
        }
        for line in
            ["<FILES path=\"a\">", "See <FILE path=\"a\">", "- a file: b", "FILE", "", "日本", "<fil\u{e9}"]
        {
            assert!(!looks_like_begin(line), "{line}");
        }
    }

    #[test]
    fn a_heading_gives_its_path_without_quotes() {
        for (line, path) in [
            ("### FILE: src/a.py", Some("src/a.py")),
            ("### FILE:src/a.py  ", Some("src/a.py")),
            ("### FILE: `src/a.py`", Some("src/a.py")),
            ("### FILE: \"a\"", Some("a")),
            ("### FILE: `a", Some("`a")),
            ("### FILE:", Some("")),
            ("#### FILE: a", None),
            (" ### FILE: a", None),
        ] {
            assert_eq!(heading(line), path, "{line}");
        }
    }
}
