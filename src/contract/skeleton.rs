//! A contract to fill in, for a language and a kind of program. Its parts are data in `references/contract/`; nothing here
//! knows a language. Every place to fill in is a placeholder that [`super::check`] finds.

use std::fmt::Write as _;
use std::str::FromStr;

use serde::Deserialize;

use super::Part;

/// A language that there is a skeleton in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Python.
    Python,
    /// Rust.
    Rust,
    /// TypeScript.
    TypeScript,
    /// Go.
    Go,
}

/// What is to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service with routes.
    Api,
    /// A library with signatures.
    Library,
    /// A program with command lines.
    Cli,
    /// A function from one text to another.
    Transform,
}

/// Every language with its name.
pub const LANGS: [(Lang, &str); 4] =
    [(Lang::Python, "python"), (Lang::Rust, "rust"), (Lang::TypeScript, "typescript"), (Lang::Go, "go")];

/// Every kind with its name.
pub const KINDS: [(Kind, &str); 4] =
    [(Kind::Api, "api"), (Kind::Library, "library"), (Kind::Cli, "cli"), (Kind::Transform, "transform")];

impl FromStr for Lang {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(&LANGS, name)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(&KINDS, name)
    }
}

fn named<T: Copy>(known: &[(T, &str)], name: &str) -> Result<T, String> {
    let found = known.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    found.map(|(value, _)| *value).ok_or_else(|| format!("it is none of {}", names.join(", ")))
}

/// What does not depend on the language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    task: String,
    /// What stands in parentheses behind the heading of the data, and of the API.
    data: String,
    api: String,
    algorithm: Vec<String>,
    rules: Vec<String>,
}

/// The frame of each kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PerKind<T> {
    api: T,
    library: T,
    cli: T,
    transform: T,
}

impl<T> PerKind<T> {
    fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::Api => &self.api,
            Kind::Library => &self.library,
            Kind::Cli => &self.cli,
            Kind::Transform => &self.transform,
        }
    }
}

/// What is written in the language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tongue {
    fence: String,
    rules: Vec<String>,
    stack: PerKind<String>,
    data: PerKind<String>,
    api: PerKind<String>,
}

/// A contract for this language and kind with every special thing left open.
pub fn skeleton(lang: Lang, kind: Kind) -> String {
    let frames: PerKind<Frame> = built_in(include_str!("../../references/contract/kinds.toml"));
    let tongue: Tongue = built_in(match lang {
        Lang::Python => include_str!("../../references/contract/python.toml"),
        Lang::Rust => include_str!("../../references/contract/rust.toml"),
        Lang::TypeScript => include_str!("../../references/contract/typescript.toml"),
        Lang::Go => include_str!("../../references/contract/go.toml"),
    });
    let frame = frames.of(kind);
    // Command lines and routes are written in no language.
    let api_fence = if matches!(kind, Kind::Api | Kind::Cli) { "text" } else { &tongue.fence };
    let fenced = |language: &str, code: &str| format!("```{language}\n{}\n```\n", code.trim_matches('\n'));
    let mut text = format!("{}\n", frame.task.replace("{stack}", tongue.stack.of(kind)));
    let _ = write!(text, "\n## {} ({}):\n\n", Part::Data.title(), frame.data);
    text.push_str(&fenced(&tongue.fence, tongue.data.of(kind)));
    let _ = write!(text, "\n## {} ({}):\n\n", Part::Api.title(), frame.api);
    text.push_str(&fenced(api_fence, tongue.api.of(kind)));
    let _ = write!(text, "\n## {}:\n\n", Part::Algorithm.title());
    for (at, step) in frame.algorithm.iter().enumerate() {
        let _ = writeln!(text, "{}. {step}", at + 1);
    }
    let _ = write!(text, "\n## {}:\n\n", Part::Rules.title());
    for rule in frame.rules.iter().chain(&tongue.rules) {
        let _ = writeln!(text, "- {rule}");
    }
    text
}

fn built_in<T: serde::de::DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("the parts of skeletons are read by a test for every language and kind")
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, review};
    use super::*;

    #[test]
    fn a_fresh_skeleton_lacks_nothing_but_what_is_to_be_filled_in() {
        for (lang, lang_name) in LANGS {
            for (kind, kind_name) in KINDS {
                let text = skeleton(lang, kind);
                let review = review(&text);
                for problem in &review.problems {
                    assert_eq!(
                        problem.fault,
                        Fault::Placeholder,
                        "{lang_name} {kind_name}: {problem:?}\n{text}"
                    );
                }
                let open: Vec<usize> = review.problems.iter().map(|problem| problem.line).collect();
                let marked = |line: &str| {
                    line.match_indices('[').any(|(at, _)| {
                        let inside = line[at + 1..].split(']').next().unwrap_or_default();
                        inside.contains(' ') && !inside.contains(',') && !inside.starts_with('-')
                    })
                };
                let wanted: Vec<usize> =
                    text.lines().enumerate().filter(|(_, line)| marked(line)).map(|(at, _)| at + 1).collect();
                assert_eq!(open, wanted, "{text}");
                assert!(open.len() >= 6, "{lang_name} {kind_name} asks for too little");
            }
        }
    }

    #[test]
    fn a_skeleton_that_is_filled_in_is_acceptable() {
        for (lang, _) in LANGS {
            for (kind, _) in KINDS {
                let text = skeleton(lang, kind);
                let filled: String = text
                    .lines()
                    .map(|line| {
                        let open = line.match_indices('[').map(|(at, _)| at).find(|&at| {
                            line[at..].split(']').next().is_some_and(|inside| inside.contains(' '))
                                && line[..at].ends_with([' ', '#', '/'])
                        });
                        match open {
                            Some(at) => {
                                let end = at + line[at..].find(']').unwrap();
                                format!("{}the stated thing{}\n", &line[..at], &line[end + 1..])
                            }
                            None => format!("{line}\n"),
                        }
                    })
                    .collect();
                assert_eq!(review(&filled).problems, [], "{filled}");
            }
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_others_are_refused_with_the_list() {
        assert_eq!("Rust".parse(), Ok(Lang::Rust));
        assert_eq!("cli".parse(), Ok(Kind::Cli));
        assert_eq!("cobol".parse::<Lang>(), Err("it is none of python, rust, typescript, go".to_owned()));
    }
}
