//! docs/reference/exit-codes.md: what the commands exit with. Each row was run to make the page.

use super::{code, head, hold, page, row};
use crate::sandbox::{Sandbox, binary, finish};

/// One command line, what it exits with, and what that means.
struct Case {
    line: &'static str,
    /// Files below home to make before: name and content.
    files: &'static [(&'static str, &'static str)],
    input: &'static str,
    means: &'static str,
}

const fn case(line: &'static str, means: &'static str) -> Case {
    Case { line, files: &[], input: "", means }
}

const DESIGN: &str = "# Adder\n\n## API\n\ndef add(a: int, b: int) -> int\n";
const PROGRAM: &str = "def add(first, second):\n    return first + second\n";

/// Run one after the other, each in a home of its own.
const CASES: &[Case] = &[
    case("sef-hook", "always, whatever it was given and whatever failed"),
    Case { input: "no JSON", ..case("sef-hook", "the same") },
    case("sef --version", "done"),
    case("sef --nonsense", "not a command line that it takes; nothing was done"),
    case("sef explain", "the same: an argument is missing"),
    case("sef explain 'fix the login'", "done"),
    case("sef install --no-turbo", "installed, and a live event was answered"),
    Case {
        files: &[(".claude/settings.json", "{\"hooks\": [}")],
        ..case("sef install --no-turbo", "not done: the settings are not valid JSON, and were left alone")
    },
    case("sef status", "not all of it is installed"),
    case("sef uninstall", "taken out, or there was nothing to take out"),
    case("sef rules check", "no mistake"),
    Case {
        files: &[("config/rules.toml", "offf = []\n")],
        ..case("sef rules check", "mistakes, each printed with its place")
    },
    case("sef rules show no-such-rule", "there is no such rule"),
    case("sef prices list", "done"),
    Case {
        files: &[("config/prices.toml", "schema = 7\n")],
        ..case("sef prices check", "prices should be looked at again, or your file of them is not valid")
    },
    Case { input: "make it nice", ..case("sef contract check -", "the contract is not acceptable") },
    case("sef contract new --lang go --kind cli", "done"),
    Case {
        input: "make it nice",
        ..case(
            "sef turbo --contract - --out app",
            "no file was written: a vague contract, no key, a refusal; or the tests failed",
        )
    },
    case("sef turbo undo", "there is no run to take back"),
    case("sef turbo runs", "done, also when there is none"),
    case("sef turbo status --offline", "the service cannot be used: no key"),
    Case {
        files: &[("project/a/adder.py", PROGRAM), ("project/b/adder.py", PROGRAM)],
        ..case("sef judge a b", "judged; that nobody wins is a result too")
    },
    case("sef judge a b", "bad input: nothing was scored"),
    Case {
        files: &[("project/design.md", DESIGN)],
        ..case(
            "sef showdown --design design.md --test true",
            "no winner, or the race could not begin (here: no repository)",
        )
    },
    case("sef clean", "done, also when no race left anything"),
    case("sef reject", "there is no delegation to judge"),
    Case { input: "no JSON", ..case("sef statusline", "always: a status line has nobody to tell") },
    case("sef mcp", "the input ended"),
    case("sef-stats report", "done, also when there is nothing to report"),
    case("sef-stats report --since yesterday", "not a command line that it takes"),
    case("sef-stats calibrate --revert", "nothing is calibrated"),
    case("sef-stats export --otlp http://127.0.0.1:9", "delivered, or there was nothing to send"),
    Case {
        files: &[("state/log.jsonl", "{\"v\":1,\"t\":1795262400000,\"e\":\"end\",\"s\":\"s-1\"}\n")],
        ..case("sef-stats export --otlp http://127.0.0.1:9", "not delivered: the next run sends the same")
    },
];

fn run(case: &Case) -> i32 {
    let mut sandbox = Sandbox::new();
    let folder = binary("sef").parent().expect("a binary lies in a folder");
    sandbox.set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()));
    for (path, content) in case.files {
        sandbox.write(path, content);
    }
    let mut command = sandbox.command("sh");
    command.args(["-c", case.line]);
    let run = finish(command, case.input.as_bytes());
    run.code.unwrap_or_else(|| panic!("{} was ended by a signal: {run:?}", case.line))
}

fn made() -> String {
    let mut body = "Commands exit with 0 when they did what was asked, with 1 when they did not or when what they were asked to look at is not well, and with 2 when the \
         command line itself is wrong. On 1 standard error says what failed, where, why and what to do. The hook always exits with 0.\n\n\
         These were run to make this page, each in an empty home; input in parentheses:\n\n"
        .to_owned();
    body += &head(&["command", "exit", "meaning"]);
    for case in CASES {
        let input = if case.input.is_empty() { String::new() } else { format!(" ({})", code(case.input)) };
        let files = if case.files.is_empty() { "" } else { " *" };
        body += &row(&[&format!("{}{input}{files}", code(case.line)), &run(case).to_string(), case.means]);
    }
    body += "\n\\* with files made for it: broken settings, broken rules, a broken price list, two candidates, a design, a log.\n";
    page("Exit codes", &body)
}

#[test]
fn the_page_of_exit_codes_is_what_the_commands_do() {
    hold("exit-codes.md", &made());
}
