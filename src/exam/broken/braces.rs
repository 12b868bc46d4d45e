//! Finds the end of a block of JavaScript or TypeScript. Knows strings, templates, comments and, as far as that goes without
//! a parser, regular expressions.

/// Where the `}` stands that closes the block whose inside begins at `open`; none when it is not found.
pub fn closing(text: &str, open: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    // What each open brace belongs to: a block, or a place in a template.
    let mut braces = vec![Brace::Block];
    let mut at = open;
    let mut before = b'{';
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = find(bytes, at, b"\n")?,
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = find(bytes, at + 2, b"*/")? + 1,
            b'/' if begins_value(before, &text[..at]) => at = regex_end(bytes, at)?,
            quote @ (b'"' | b'\'') => at = string_end(bytes, at, quote)?,
            b'`' => at = template_end(bytes, at, &mut braces)?,
            b'{' => braces.push(Brace::Block),
            b'}' => match braces.pop()? {
                Brace::Template => at = template_end(bytes, at, &mut braces)?,
                Brace::Block if braces.is_empty() => return Some(at),
                Brace::Block => {}
            },
            _ => {}
        }
        if !bytes[at].is_ascii_whitespace() {
            before = bytes[at];
        }
        at += 1;
    }
    None
}

#[derive(Debug, PartialEq, Eq)]
enum Brace {
    Block,
    Template,
}

/// Whether a slash here begins a regular expression rather than divides.
fn begins_value(before: u8, text: &str) -> bool {
    let word = text.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    b"(,=:[!&|?{};+-*%<>~^".contains(&before)
        || matches!(word, "return" | "typeof" | "case" | "of" | "in" | "await")
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(wanted.len()).position(|part| part == wanted).map(|place| from + place)
}

fn string_end(bytes: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 1,
            b'\n' => return None,
            byte if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

fn regex_end(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut class) = (from + 1, false);
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 1,
            b'\n' => return None,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

/// The end of a template's text: its backtick, or the brace that opens a place in it.
fn template_end(bytes: &[u8], from: usize, braces: &mut Vec<Brace>) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 1,
            b'`' => return Some(at),
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                braces.push(Brace::Template);
                return Some(at + 1);
            }
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_block_is_found_behind_strings_templates_comments_and_expressions() {
        for inside in [
            "",
            "a({b: {c}})",
            "'}' + \"}\" + '\\'}'",
            "`} ${f({a: `}`})} }`",
            "// }\n /* } */",
            "x.match(/[/}]\\/}/g)",
            "return /}/.test(s)",
            "a / b / c; (d) / 2",
            "`$}`",
        ] {
            let text = format!("{{{inside}}} }}");
            assert_eq!(closing(&text, 1), Some(inside.len() + 1), "{inside}");
        }
        for open in ["{ 'a\n }", "{ `", "{ /* }", "{ {}"] {
            assert_eq!(closing(open, 1), None, "{open}");
        }
    }
}
