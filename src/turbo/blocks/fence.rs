//! Code fences: a line of three or more backticks or tildes from the first column, maybe with a language behind them.
//! Stricter than Markdown: an end has exactly the length of its beginning, and nothing is indented.

/// The mark and length of a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// The fence that a line begins, with or without a language.
    pub fn begun_by(line: &str) -> Option<Self> {
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let language = line.trim_start_matches(mark);
        let length = line.len() - language.len();
        let is_fence = length >= 3 && !(mark == '`' && language.contains('`'));
        is_fence.then_some(Self { mark, length })
    }

    /// Whether a line ends this fence.
    pub fn is_ended_by(self, line: &str) -> bool {
        Self::begun_by(line) == Some(self) && line[self.length..].trim().is_empty()
    }

    /// Whether a line begins another fence that has the same end, so that nobody can tell whose end comes next.
    pub fn is_mistaken_for(self, line: &str) -> bool {
        Self::begun_by(line) == Some(self) && !self.is_ended_by(line)
    }
}

/// The most backticks that any line of a text begins with.
pub fn longest(text: &str) -> usize {
    text.lines().map(|line| line.len() - line.trim_start_matches('`').len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_of_the_same_mark_and_length_ends_a_fence() {
        for (begin, line, ends, mistaken) in [
            ("```", "```", true, false),
            ("```py", "```  ", true, false),
            ("~~~~", "~~~~", true, false),
            ("````", "```", false, false),
            ("```", "````", false, false),
            ("```", "~~~", false, false),
            ("```", " ```", false, false),
            ("```", "```js", false, true),
            ("~~~", "~~~ a`b", false, true),
            ("```", "```a`", false, false),
            ("```", "", false, false),
        ] {
            let fence = Fence::begun_by(begin).expect(begin);
            assert_eq!(
                (fence.is_ended_by(line), fence.is_mistaken_for(line)),
                (ends, mistaken),
                "{begin} {line}"
            );
        }
    }

    #[test]
    fn two_marks_or_an_indented_line_are_no_fence() {
        for line in ["``", "~~", " ```", "`code` and ```", "```inline``` text", "", "é"] {
            assert_eq!(Fence::begun_by(line), None, "{line}");
        }
    }
}
