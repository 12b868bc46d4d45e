//! Splits a contract into its task line and its sections. Decides which headings count and what is inside a code fence;
//! never judges what a section says.

use std::ops::Range;

use super::Part;
use super::heading::{Claim, Heading, heading, level};
use super::line;

/// One line of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Without its end. Of a heading's line, what stands behind the heading.
    pub text: &'a str,
    /// Whether it stands inside a code fence.
    pub fenced: bool,
}

/// A heading and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// Which of the parts; none for a section of another name.
    pub part: Option<Part>,
    /// The heading's name: that of the table for a part, else as it is written.
    pub name: &'a str,
    /// Line of the heading, from 1.
    pub heading: usize,
    /// Its lines, as a range of [`Contract::lines`].
    pub body: Range<usize>,
}

/// A contract in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contract<'a> {
    /// All lines. Those that open or close a fence are empty, and so are headings of sections.
    pub lines: Vec<Line<'a>>,
    /// The line that says what to build, as an index of [`Contract::lines`].
    pub task: Option<usize>,
    /// The sections in their order.
    pub sections: Vec<Section<'a>>,
    /// The line (from 1) of a fence that is never closed; what follows it is read as if it stood outside.
    pub open_fence: Option<usize>,
}

impl<'a> Contract<'a> {
    /// The sections of a part; more than one when its heading stands twice.
    pub fn of(&self, part: Part) -> impl Iterator<Item = &Section<'a>> {
        self.sections.iter().filter(move |section| section.part == Some(part))
    }

    /// The lines of a section.
    pub fn body(&self, section: &Section<'a>) -> &[Line<'a>] {
        &self.lines[section.body.clone()]
    }
}

/// Splits a text. Every text is a contract of some sort; one without headings has no sections.
pub fn parse(text: &str) -> Contract<'_> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<Line<'_>> = text
        .split('\n')
        .enumerate()
        .map(|(at, text)| Line { number: at + 1, text: text.trim_end_matches('\r'), fenced: false })
        .collect();
    let open_fence = fences(&mut lines);
    let headings = headings(&lines);
    let sections = sections(&mut lines, &headings);
    let task = task(&lines, sections.first().map_or(lines.len(), |section| section.body.start));
    Contract { lines, task, sections, open_fence }
}

/// Marks what stands inside fences and empties the fences' own lines. Answers the line of one that is never closed.
fn fences(lines: &mut [Line<'_>]) -> Option<usize> {
    let wrapper = wrapper(lines);
    if let Some((first, last)) = wrapper {
        lines[first].text = "";
        lines[last].text = "";
    }
    let mut at = 0;
    while at < lines.len() {
        let opened = line::fence(lines[at].text);
        let Some((mark, count, _)) = opened else {
            at += 1;
            continue;
        };
        let closes = |line: &Line<'_>| {
            line::fence(line.text).is_some_and(|(m, c, rest)| m == mark && c >= count && rest.is_empty())
        };
        let Some(length) = lines[at + 1..].iter().position(closes) else {
            let number = lines[at].number;
            lines[at].text = "";
            return Some(number);
        };
        let end = at + 1 + length;
        for line in &mut lines[at + 1..end] {
            line.fenced = true;
        }
        lines[at].text = "";
        lines[end].text = "";
        at = end + 1;
    }
    None
}

/// A fence around the whole text: its first and last line. Then the headings stand inside it, and it means nothing.
fn wrapper(lines: &[Line<'_>]) -> Option<(usize, usize)> {
    let filled = |line: &Line<'_>| !line.text.trim().is_empty();
    let first = lines.iter().position(filled)?;
    let last = lines.iter().rposition(filled)?;
    let (mark, count, language) = line::fence(lines[first].text)?;
    let (closing, closing_count, rest) = line::fence(lines[last].text)?;
    let is_text = matches!(language, "" | "md" | "markdown" | "text" | "txt");
    let pairs = mark == closing && count <= closing_count && rest.is_empty();
    // Code at the beginning and code at the end are no wrapper: between those there are headings outside of fences.
    let inner = &lines[first + 1..last.max(first + 1)];
    let early_close = inner.iter().take_while(|line| !is_part(line)).any(|line| {
        line::fence(line.text).is_some_and(|(m, c, rest)| m == mark && c >= count && rest.is_empty())
    });
    (first < last && is_text && pairs && !early_close).then_some((first, last))
}

fn is_part(line: &Line<'_>) -> bool {
    heading(line.text.trim_start(), "").is_some()
}

/// The headings that count, with the index of their lines. A likely name counts when nothing sure names its part, once.
fn headings<'a>(lines: &[Line<'a>]) -> Vec<(usize, Heading<'a>)> {
    let indented = lines.iter().find(|line| !line.text.trim().is_empty()).map_or(0, |line| indent(line.text));
    let mut found: Vec<(usize, Heading<'a>)> = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.fenced && !line.text.is_empty()) {
        let in_reach = indent(line.text) <= indented + 3;
        let next = lines.get(at + 1).map_or("", |line| line.text);
        if let Some(heading) = in_reach.then(|| heading(line.text.trim_start(), next)).flatten() {
            found.push((at, heading));
        }
    }
    let sure: Vec<Part> = found.iter().filter(|(_, h)| h.claim == Claim::Sure).map(|(_, h)| h.part).collect();
    let is_sure = Part::HEADED.map(|part| sure.contains(&part));
    let mut taken = [false; 4];
    found.retain(|(_, heading)| {
        let slot = heading.part as usize - 1;
        let counts = heading.claim == Claim::Sure || !is_sure[slot] && !taken[slot];
        taken[slot] |= counts;
        counts
    });
    found
}

/// The sections below the headings. A heading of another name ends a part when it is of the same rank or higher, but one hash
/// never does: it may be a comment in code.
fn sections<'a>(lines: &mut [Line<'a>], headings: &[(usize, Heading<'a>)]) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    let mut rank = 0;
    let mut due = headings.iter().peekable();
    for at in 0..lines.len() {
        let line = lines[at];
        let trimmed = line.text.trim_start();
        let opened = if let Some((_, heading)) = due.next_if(|(index, _)| *index == at) {
            rank = level(trimmed);
            lines[at].text = heading.rest;
            Some((Some(heading.part), heading.name))
        } else {
            let level = if line.fenced { 0 } else { level(trimmed) };
            let ends = level >= 2 && level <= rank && !sections.is_empty();
            ends.then(|| {
                rank = level;
                lines[at].text = "";
                (None, trimmed.trim_start_matches('#').trim())
            })
        };
        if let Some((part, name)) = opened {
            if let Some(last) = sections.last_mut() {
                last.body.end = at;
            }
            sections.push(Section { part, name, heading: line.number, body: at..lines.len() });
        }
    }
    sections
}

/// The first line before the sections that is no heading; a heading when there is nothing else.
fn task(lines: &[Line<'_>], end: usize) -> Option<usize> {
    let said = |at: &usize| !lines[*at].fenced && !line::is_bare(lines[*at].text);
    let mut before = (0..end).filter(said);
    let first = before.next()?;
    if level(lines[first].text.trim_start()) == 0 {
        return Some(first);
    }
    before.find(|&at| level(lines[at].text.trim_start()) == 0).or(Some(first))
}

fn indent(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b' ' || *byte == b'\t').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Vec<(Option<Part>, usize)> {
        parse(text).sections.iter().map(|section| (section.part, section.heading)).collect()
    }

    #[test]
    fn sections_are_found_with_their_lines() {
        let contract = parse("Build X with Y.\n\n## DATA CONTRACT:\n\nid: int\n\n## RULES:\n- one\n");
        assert_eq!(contract.task, Some(0));
        let [data, rules] = contract.sections.as_slice() else { panic!("{contract:?}") };
        assert_eq!((data.part, data.heading, data.body.clone()), (Some(Part::Data), 3, 2..6));
        assert_eq!((rules.part, rules.heading), (Some(Part::Rules), 7));
        assert_eq!(contract.body(rules)[1].text, "- one");
    }

    #[test]
    fn headings_inside_a_fence_are_text() {
        assert_eq!(outline("x\n```\n## RULES\n```\n## RULES\n"), [(Some(Part::Rules), 5)]);
        assert_eq!(outline("x\n~~~~\n```\n## RULES\n~~~~\n## RULES\n"), [(Some(Part::Rules), 6)]);
    }

    #[test]
    fn a_fence_that_is_never_closed_hides_nothing_and_is_told() {
        let contract = parse("x\n```python\na: int\n## RULES\n- y\n");
        assert_eq!((contract.open_fence, contract.sections.len()), (Some(2), 1));
    }

    #[test]
    fn a_fence_around_everything_means_nothing() {
        let text = "```markdown\nBuild X.\n## DATA CONTRACT\n```go\nx int\n```\n## RULES\n- y\n```\n";
        assert_eq!(outline(text), [(Some(Part::Data), 3), (Some(Part::Rules), 7)]);
        assert_eq!(outline("```\ncode\n```\n## RULES\n```\ncode\n```"), [(Some(Part::Rules), 4)]);
    }

    #[test]
    fn a_likely_name_counts_when_nothing_sure_names_its_part() {
        assert_eq!(outline("## API\n## RULES"), [(Some(Part::Api), 1), (Some(Part::Rules), 2)]);
        assert_eq!(outline("## API CONTRACT\n### API\n### Routes\n"), [(Some(Part::Api), 1)]);
        assert_eq!(outline("## Routes\n### Commands\n"), [(Some(Part::Api), 1)]);
    }

    #[test]
    fn another_heading_of_the_same_rank_ends_a_part_and_a_comment_does_not() {
        assert_eq!(outline("## RULES\n# note\n### sub\n## Notes\n"), [(Some(Part::Rules), 1), (None, 4)]);
    }

    #[test]
    fn a_contract_that_is_indented_as_a_whole_is_read() {
        assert_eq!(outline("        Build X.\n        ## RULES\n        - y\n"), [(Some(Part::Rules), 2)]);
        assert_eq!(outline("Build X.\n    RULES:\n"), []);
    }

    #[test]
    fn the_task_is_the_first_line_that_is_no_heading() {
        for (text, task) in [
            ("# Title\n\nBuild X.\n## RULES\n", Some(2)),
            ("# Build X with Y\n## RULES\n", Some(0)),
            ("## RULES\n- y\n", None),
            ("", None),
            ("\u{feff}Build\r\n", Some(0)),
        ] {
            assert_eq!(parse(text).task, task, "{text}");
        }
    }
}
