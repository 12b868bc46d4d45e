//! How the client reads a matcher, and whether one can ever match. Pure.
//!
//! As observed with 2.1.197 to 2.1.329: letters, digits, `_`, `-`, `,`, `|` and spaces are a list of exact names, where
//! `Task` also stands for `Agent`; anything else is a JavaScript regex without anchors; `*`, nothing or none is every tool.

use regex::RegexBuilder;

/// Tools of clients 2.1.197 to 2.1.329; others may come, so a name that is not here is no mistake by itself.
const TOOLS: &[&str] = &[
    "Agent",
    "AskUserQuestion",
    "Bash",
    "BashOutput",
    "CronCreate",
    "CronDelete",
    "CronList",
    "Edit",
    "EnterPlanMode",
    "EnterWorktree",
    "ExitPlanMode",
    "ExitWorktree",
    "Glob",
    "Grep",
    "KillShell",
    "LS",
    "LSP",
    "ListMcpResourcesTool",
    "Monitor",
    "MultiEdit",
    "NotebookEdit",
    "NotebookRead",
    "PowerShell",
    "Read",
    "ReadMcpResourceTool",
    "SendMessage",
    "Skill",
    "SlashCommand",
    "StructuredOutput",
    "SubagentHandback",
    "Task",
    "TaskCreate",
    "TaskGet",
    "TaskList",
    "TaskOutput",
    "TaskStop",
    "TaskUpdate",
    "TodoRead",
    "TodoWrite",
    "ToolSearch",
    "WebFetch",
    "WebSearch",
    "Write",
];

/// What can be said of a matcher.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It matches a known tool, or may match one of an MCP server.
    Alive,
    /// It would, were it not for upper and lower case: the known tool.
    WrongCase(&'static str),
    /// It matches no known tool.
    Dead,
}

/// Does the matcher match calls of the Agent tool? None when that cannot be told.
pub(super) fn matches_agent(matcher: Option<&str>) -> Option<bool> {
    match read(matcher) {
        Reading::All => Some(true),
        Reading::Names(names) => Some(names.iter().any(|name| matches!(*name, "Agent" | "Task"))),
        Reading::Regex(text) => {
            let regex = RegexBuilder::new(text).build().ok()?;
            Some(regex.is_match("Agent") || regex.is_match("Task"))
        }
    }
}

/// Does the matcher match every tool?
pub(super) fn matches_all(matcher: Option<&str>) -> bool {
    matches!(read(matcher), Reading::All) || matches!(matcher, Some(".*" | ".+" | "^.*$" | "^.+$"))
}

/// Can the matcher of a tool event match?
pub(super) fn life(matcher: Option<&str>) -> Life {
    let tool = |fits: &dyn Fn(&str) -> bool| TOOLS.iter().copied().find(|tool| fits(tool));
    match read(matcher) {
        Reading::All => Life::Alive,
        Reading::Names(names) => {
            if names.iter().any(|name| TOOLS.contains(name) || name.starts_with("mcp__")) {
                return Life::Alive;
            }
            match tool(&|tool| names.iter().any(|name| name.eq_ignore_ascii_case(tool))) {
                Some(tool) => Life::WrongCase(tool),
                None => Life::Dead,
            }
        }
        Reading::Regex(text) => {
            // Look-around and the like, which this crate does not have, are left to the client.
            let Ok(regex) = RegexBuilder::new(text).build() else { return Life::Alive };
            if text.contains("mcp") || tool(&|tool| regex.is_match(tool)).is_some() {
                return Life::Alive;
            }
            let any_case = RegexBuilder::new(text).case_insensitive(true).build();
            match any_case.ok().and_then(|regex| tool(&|tool| regex.is_match(tool))) {
                Some(tool) => Life::WrongCase(tool),
                None => Life::Dead,
            }
        }
    }
}

enum Reading<'a> {
    All,
    Names(Vec<&'a str>),
    Regex(&'a str),
}

fn read(matcher: Option<&str>) -> Reading<'_> {
    let Some(text) = matcher.filter(|text| !matches!(*text, "" | "*")) else { return Reading::All };
    let is_of_names = |c: char| c.is_ascii_alphanumeric() || "_-,| ".contains(c);
    if text.chars().all(is_of_names) {
        return Reading::Names(
            text.split(['|', ',']).map(str::trim).filter(|name| !name.is_empty()).collect(),
        );
    }
    Reading::Regex(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_is_read_as_the_client_reads_it() {
        for (matcher, expected) in [
            (None, Some(true)),
            (Some(""), Some(true)),
            (Some("*"), Some(true)),
            (Some("Agent"), Some(true)),
            (Some("Task"), Some(true)),
            (Some("Read, Agent"), Some(true)),
            (Some("agent"), Some(false)),
            (Some("Age"), Some(false)),
            (Some("Age.*"), Some(true)),
            (Some("^(Agent|Task)$"), Some(true)),
            (Some("^(Agent|Task|mcp__(plugin_.+_)?speed-run__generate(_and_write_files)?)$"), Some(true)),
            (Some("^Bash$"), Some(false)),
            (Some(".*"), Some(true)),
            (Some("(?!Bash)."), None),
        ] {
            assert_eq!(matches_agent(matcher), expected, "{matcher:?}");
        }
    }

    #[test]
    fn a_matcher_that_never_matches_is_told_from_one_in_the_wrong_case() {
        for (matcher, expected) in [
            ("Bash", Life::Alive),
            ("mcp__github__search", Life::Alive),
            ("^mcp__.*$", Life::Alive),
            ("(?!Bash).", Life::Alive),
            ("bash", Life::WrongCase("Bash")),
            ("read|WRITE", Life::WrongCase("Read")),
            ("^agent$", Life::WrongCase("Agent")),
            ("Bsah", Life::Dead),
            ("^Nothing$", Life::Dead),
        ] {
            assert_eq!(life(Some(matcher)), expected, "{matcher}");
        }
        assert_eq!(life(None), Life::Alive);
    }

    #[test]
    fn only_what_takes_every_tool_is_called_so() {
        for matcher in [None, Some(""), Some("*"), Some(".*")] {
            assert!(matches_all(matcher), "{matcher:?}");
        }
        assert!(!matches_all(Some("Agent")) && !matches_all(Some("^Agent.*$")));
    }
}
