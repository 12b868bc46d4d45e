//! The one way for words into the page: whatever a log or a transcript calls something, it is text there and never markup.
//! Shows; never decides what is shown.

use crate::report::text;

/// Characters of a name that a tooltip shows.
const LONGEST: usize = 200;

/// Text as content or between quotes, with control characters and what reorders text made visible.
pub fn words(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in text::plain(raw).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No characters, and no XML: a page must stay readable for every parser.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// A name of at most `width` characters that keeps its direction to itself; more of it in its tooltip.
pub fn name(raw: &str, width: usize) -> String {
    shortened(raw, &text::name(raw, width))
}

/// The same, of which the end is shown: the end of a path tells more than its beginning.
pub fn name_end(raw: &str, width: usize) -> String {
    shortened(raw, &text::name_end(raw, width))
}

fn shortened(raw: &str, short: &str) -> String {
    let long = text::name(raw, LONGEST);
    let tooltip = if long == short { String::new() } else { format!(" title=\"{}\"", words(&long)) };
    format!("<bdi{tooltip}>{}</bdi>", words(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_markup_no_control_byte_and_no_direction_survives() {
        assert_eq!(
            words("<script>\"a\" & 'b'\x1b\u{202e}\u{61c}\u{ffff}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;\\u{1b}\\u{202e}\\u{61c}\u{fffd}"
        );
    }

    #[test]
    fn a_long_name_is_cut_and_its_tooltip_is_bounded() {
        let long = "\"<".repeat(5_000);
        let shown = name(&long, 10);
        assert!(shown.len() < 2_000 && !shown.contains("\"<"), "{shown}");
        assert!(name_end("abcdef", 4).ends_with(">~def</bdi>"));
        assert_eq!(name("sef-explore", 20), "<bdi>sef-explore</bdi>");
    }
}
