//! The text of a file out of what stands between its tags. Takes the protocol's share off and leaves the rest alone.

use super::BYTE_ORDER_MARK;
use super::fence::Fence;
use super::scan::{Block, Form};

/// The text of a file, without the line ends at its end.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    pub text: &'a str,
    /// 1-based line of the answer in which `text` begins.
    pub line: usize,
}

/// Takes off a byte order mark, one fence or CDATA section around all of the text, and the line ends at its end.
pub fn without_protocol<'a>(path: &str, block: &Block<'a>) -> Body<'a> {
    let whole = without_mark(block.body);
    let inner = match block.form {
        Form::Tagged => unwrapped(path, whole).map_or(whole, without_mark),
        Form::Fenced => whole,
    };
    let before = inner.as_ptr() as usize - block.body.as_ptr() as usize;
    let line = block.body_line + block.body[..before].matches('\n').count();
    Body { text: inner.trim_end_matches(['\n', '\r']), line }
}

/// Whether reading a text as the body of that file would take a wrapper off.
pub fn is_wrapped(path: &str, text: &str) -> bool {
    unwrapped(path, text).is_some()
}

/// Whether the file is Markdown, where fences are content.
pub fn is_markdown(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["md", "mdx", "markdown"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn unwrapped<'a>(path: &str, text: &'a str) -> Option<&'a str> {
    if is_markdown(path) {
        return None;
    }
    out_of_fence(text).or_else(|| out_of_cdata(text))
}

/// The inside, when the first and the last line that are not blank are the two ends of one fence.
fn out_of_fence(text: &str) -> Option<&str> {
    let text = from_first_line(text).trim_end();
    let (first, rest) = text.split_once('\n')?;
    let fence = Fence::begun_by(first)?;
    let end = rest.rfind('\n').map_or(0, |at| at + 1);
    let (inside, last) = rest.split_at(end);
    let is_one = fence.is_ended_by(last) && !inside.split('\n').any(|line| fence.is_ended_by(line));
    is_one.then_some(inside)
}

/// The inside, when one CDATA section holds all of the text.
fn out_of_cdata(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("<![CDATA[")?.strip_suffix("]]>")?;
    if inside.contains("]]>") {
        return None;
    }
    Some(inside.strip_prefix('\n').unwrap_or(inside))
}

/// The text from its first line that is not blank.
fn from_first_line(text: &str) -> &str {
    let blank = text.len() - text.trim_start().len();
    let start = text[..blank].rfind('\n').map_or(0, |at| at + 1);
    &text[start..]
}

fn without_mark(text: &str) -> &str {
    text.trim_start_matches(BYTE_ORDER_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrapper_round_all_of_the_text_is_taken_off() {
        for (text, inside) in [
            ("```py\nx\n```", Some("x\n")),
            ("\n \n```\n  x\n\ny\n```\n\n", Some("  x\n\ny\n")),
            ("~~~\nx\n~~~  ", Some("x\n")),
            ("```\n```", Some("")),
            ("````\n```\nx\n```\n````", Some("```\nx\n```\n")),
            ("```\na\n```\nprose\n```\nb\n```", None),
            ("```py\nx\n````", None),
            ("```py\nx", None),
            ("x\n```\ny\n```", None),
            ("```\ny\n```\nx", None),
            ("```", None),
            ("<![CDATA[\nx\n]]>", Some("x\n")),
            ("\n<![CDATA[x]]>\n", Some("x")),
            ("<![CDATA[x]]>y<![CDATA[z]]>", None),
            ("<a><![CDATA[x]]></a>", None),
            ("<![CDATA[x", None),
            ("&lt;![CDATA[x]]&gt;", None),
            ("", None),
        ] {
            assert_eq!(unwrapped("a.py", text), inside, "{text:?}");
            assert_eq!(unwrapped("a.md", text), None, "{text:?}");
        }
    }

    #[test]
    fn markdown_is_told_by_its_extension() {
        for path in ["a.md", "docs/A.MD", "a.mdx", "a.b.markdown"] {
            assert!(is_markdown(path), "{path}");
        }
        for path in ["a.rst", "md", "a.md/b", "a.mdc", ""] {
            assert!(!is_markdown(path), "{path}");
        }
    }
}
