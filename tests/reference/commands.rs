//! docs/reference/commands.md: every command and option, from clap's own definitions.

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::{code, head, hold, page, row};

/// The commands that people type.
pub fn programs() -> [Command; 2] {
    let mut programs = [sef::cli::Cli::command(), sef::report::args::StatsCli::command()];
    for program in &mut programs {
        program.build();
    }
    programs
}

/// A command with the words that call it, and those below it.
pub fn walk(words: &str, command: &Command, found: &mut Vec<(String, Command)>) {
    found.push((words.to_owned(), command.clone()));
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        walk(&format!("{words} {}", inner.get_name()), inner, found);
    }
}

/// Every command that is shown, `sef` and `sef-stats` themselves included.
pub fn all() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    for program in programs() {
        walk(program.get_name(), &program, &mut found);
    }
    found
}

fn said(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(|text| text.to_string().split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

fn help(command: &Command) -> String {
    said(command.get_long_about().or(command.get_about()))
}

fn arguments(command: &Command) -> Vec<&Arg> {
    let own = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    command.get_arguments().filter(own).collect()
}

/// `--timeout <SECONDS>`, `[ID]`, `<DIR>...`.
fn written(arg: &Arg) -> String {
    let values: Vec<String> = if arg.get_action().takes_values() {
        let named = arg.get_value_names().unwrap_or_default();
        named.iter().map(|name| format!("<{name}>")).collect()
    } else {
        Vec::new()
    };
    let many = if matches!(arg.get_action(), ArgAction::Append) { "..." } else { "" };
    let optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0 && count.takes_values());
    let value = if optional { format!("[{}]", values.join(" ")) } else { values.join(" ") };
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    match arg.get_long() {
        Some(long) => format!("{short}--{long} {value}").trim_end().to_owned() + many,
        None if arg.is_required_set() => value + many,
        None => format!("[{}]", value.trim_matches(['<', '>'])) + many,
    }
}

fn values(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let shown = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    shown.map(|value| code(value.get_name())).collect::<Vec<_>>().join(", ")
}

fn table(command: &Command) -> String {
    let mut table = head(&["argument", "meaning", "values", "default"]);
    for arg in arguments(command) {
        let shown = |value: &clap::builder::OsStr| value.to_string_lossy().into_owned();
        let default: Vec<String> = if arg.get_action().takes_values() {
            arg.get_default_values().iter().map(shown).collect()
        } else {
            Vec::new()
        };
        let meaning = said(arg.get_long_help().or(arg.get_help()));
        table += &row(&[&code(&written(arg)), &meaning, &values(arg), &code(&default.join(" "))]);
    }
    table
}

fn section(words: &str, command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    let mut text = format!("## {words}\n\n{}\n\n", help(command));
    let names: Vec<String> = command.get_visible_aliases().map(code).collect();
    if !names.is_empty() {
        text += &format!("Also: {}.\n\n", names.join(", "));
    }
    text += &format!("```text\n{}\n```\n\n", usage.join("\n"));
    if !arguments(command).is_empty() {
        text += &table(command);
        text += "\n";
    }
    text
}

fn made() -> String {
    let all = all();
    let mut text = "Every command has `--help`; `sef` and `sef-stats` have `--version`. What they exit with: [exit-codes.md](exit-codes.md).\n\n"
        .to_owned();
    text += &head(&["command", "what it does"]);
    for (words, command) in all.iter().filter(|(words, _)| words.contains(' ')) {
        text += &row(&[&format!("[{words}](#{})", words.replace(' ', "-")), &help(command)]);
    }
    text += "\n";
    for (words, command) in all
        .iter()
        .filter(|(_, command)| command.get_subcommands().next().is_none() || !arguments(command).is_empty())
    {
        text += &section(words, command);
    }
    // A command that only holds others is in the table and needs no section: its link leads to the first of them.
    for (words, command) in &all {
        let bare = command.get_subcommands().next().is_some() && arguments(command).is_empty();
        if let (true, Some(first)) = (bare && words.contains(' '), command.get_subcommands().next()) {
            let (own, inner) =
                (words.replace(' ', "-"), format!("{words} {}", first.get_name()).replace(' ', "-"));
            text = text.replace(&format!("(#{own})"), &format!("(#{inner})"));
        }
    }
    page("Commands", &text)
}

#[test]
fn the_page_of_commands_is_what_the_binaries_take() {
    hold("commands.md", &made());
}

#[test]
fn every_command_and_argument_says_what_it_is_for() {
    for (words, command) in all() {
        assert!(!help(&command).is_empty(), "{words}");
        for arg in arguments(&command) {
            assert!(!said(arg.get_help()).is_empty(), "{words} {}", arg.get_id());
        }
    }
}
