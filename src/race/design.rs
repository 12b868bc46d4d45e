//! A design as a race needs it: its text, what it names (files, symbols, routes), and the scenario tests that stand in it.
//! Reads notations, not languages; judges nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::contract::{self, Part, line};
use crate::error::{Error, Result};
use crate::exam::protected::is_test;
use crate::fsx::read_regular;

/// Largest design that is read, in bytes: every runner's prompt holds it.
const MOST_BYTES: u64 = 256 << 10;
/// Longest name of a feature; it becomes part of folders and branches.
const MOST_FEATURE: usize = 40;
/// Endings of files that hold code; others that a design names are data, or words.
const CODE: &[&str] = &[
    "c", "cc", "cpp", "cs", "css", "ex", "exs", "go", "h", "hpp", "html", "java", "js", "jsx", "kt", "mjs",
    "cjs", "php", "proto", "py", "rb", "rs", "scala", "sh", "sql", "swift", "ts", "tsx", "vue",
];

/// What all runners build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    /// Short name: lower case letters, digits and dashes, at most 40.
    pub feature: String,
    /// All of it.
    pub text: String,
    /// Tests that every candidate has to pass besides those of the base commit.
    pub scenarios: Vec<Scenario>,
    /// What has to exist.
    pub named: Named,
}

/// One file of tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Below the repository's top.
    pub path: String,
    /// All of it.
    pub content: String,
}

/// What a design names, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Files with code, as they are written.
    pub files: Vec<String>,
    /// Types and functions.
    pub symbols: Vec<String>,
    /// Method and path, as `GET /tasks/{id}`.
    pub routes: Vec<String>,
}

impl Named {
    /// How much is named.
    pub fn count(&self) -> usize {
        self.files.len() + self.symbols.len() + self.routes.len()
    }
}

impl Design {
    /// Reads a design's file. `feature` is the name that was asked for; without one it follows from the file's folder
    /// (`docs/plans/NAME/design.md`), its first heading, or its own name.
    pub fn read(path: &Path, feature: Option<&str>) -> Result<Self> {
        let cannot = |why: &dyn std::fmt::Display| Error::new("cannot read the design", why).at(path);
        let bytes = read_regular(path, MOST_BYTES)
            .map_err(|why| cannot(&why).fix("name a text file of at most 256 KB that says what to build"))?;
        let text =
            String::from_utf8(bytes).map_err(|_| cannot(&"it is not UTF-8").fix("save it as UTF-8"))?;
        if text.trim().is_empty() {
            return Err(
                cannot(&"it is empty").fix("write down what to build: data, interface, behaviour, errors")
            );
        }
        let feature = feature.map_or_else(|| feature_of(path, &text), str::to_owned);
        let slug = slug(&feature);
        if slug.is_empty() {
            return Err(cannot(&"no name for the feature can be made of it").fix("give one with --feature"));
        }
        Ok(Self::of(text, slug))
    }

    /// The same without a file. Without a heading the feature has a name of no meaning.
    pub fn given(text: &str, feature: Option<&str>) -> Self {
        let named = feature.map(slug).filter(|slug| !slug.is_empty());
        let feature = named.unwrap_or_else(|| feature_of(Path::new("race"), text));
        Self::of(text.to_owned(), feature)
    }

    /// A design from its text.
    pub fn of(text: String, feature: String) -> Self {
        let (scenarios, rest) = scenarios(&text);
        let named = named(&rest);
        Self { feature, text, scenarios, named }
    }
}

/// Lower case letters, digits and single dashes.
pub fn slug(words: &str) -> String {
    let mut slug = String::new();
    for c in words.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if !slug.ends_with('-') && !slug.is_empty() => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(MOST_FEATURE);
    slug.trim_end_matches('-').to_owned()
}

fn feature_of(path: &Path, text: &str) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let above = path.parent().and_then(Path::parent).and_then(Path::file_name);
    if stem == "design" && above.is_some_and(|name| name == "plans") {
        return folder.into_owned();
    }
    let heading =
        text.lines().find_map(|line| line.strip_prefix("# ")).map(slug).filter(|slug| !slug.is_empty());
    heading.unwrap_or_else(|| stem.into_owned())
}

/// The tests that stand in fenced blocks with a path, and the text without them.
fn scenarios(text: &str) -> (Vec<Scenario>, String) {
    let lines: Vec<&str> = text.lines().collect();
    let (mut found, mut rest) = (Vec::<Scenario>::new(), String::new());
    let mut at = 0;
    while at < lines.len() {
        let end = line::fence(lines[at]).and_then(|(mark, count, info)| {
            let closes = |line: &&str| {
                line::fence(line).is_some_and(|(m, c, rest)| m == mark && c >= count && rest.is_empty())
            };
            Some((at + 1 + lines[at + 1..].iter().position(closes)?, info))
        });
        let Some((end, info)) = end else {
            rest.push_str(lines[at]);
            rest.push('\n');
            at += 1;
            continue;
        };
        let before = lines[..at].iter().rev().find(|line| !line.trim().is_empty());
        let path = path_in_info(info).or_else(|| before.and_then(|line| path_alone(line)));
        match path.filter(|path| is_test(path)) {
            Some(path) if found.iter().all(|scenario| scenario.path != path) => {
                found.push(Scenario { path, content: lines[at + 1..end].join("\n") + "\n" });
            }
            _ => {
                rest.push_str(&lines[at..=end].join("\n"));
                rest.push('\n');
            }
        }
        at = end + 1;
    }
    (found, rest)
}

/// The path behind a fence's language: `python tests/test_a.py`, `python title="tests/test_a.py"`.
fn path_in_info(info: &str) -> Option<String> {
    let word = info.split_whitespace().skip(1).find_map(|word| {
        let value = word.split_once('=').map_or(word, |(_, value)| value);
        let value = value.trim_matches(['"', '\'', '{', '}', '`']);
        is_path(value).then_some(value)
    })?;
    Some(word.to_owned())
}

/// A line that is nothing but a path: a heading, bold, in backticks, with a colon.
fn path_alone(line: &str) -> Option<String> {
    let word = line
        .trim()
        .trim_start_matches(['#', '-', '*', ' '])
        .trim_end_matches([':', '*', ' '])
        .trim_matches('`');
    is_path(word).then(|| word.to_owned())
}

fn is_path(word: &str) -> bool {
    !word.contains(char::is_whitespace)
        && word.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && CODE.contains(&ending))
        && word.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c))
}

static TYPE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:export |pub |public |abstract |data |sealed )*(?:class|struct|enum|trait|interface|type|record) ([A-Za-z_][A-Za-z0-9_]*)\s*(?:$|[({:<=]|extends |implements |struct|interface)")
        .expect("is well formed")
});
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:export |default |pub |public |private |static |async |unsafe |const )*(?:def|fn|func|function) (?:\([^)]*\) )?([A-Za-z_][A-Za-z0-9_]*)\s*[(<]")
        .expect("is well formed")
});
static SIGNATURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:([A-Za-z_][A-Za-z0-9_]*)(?:\.|::|#))?([A-Za-z_][A-Za-z0-9_]*)\([^()]*\)\s*(?:->|=>|:|→)")
        .expect("is well formed")
});
static ROUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[`*]*(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)[`*]*\s+[`*]*(/[^\s`*?,;)]*)")
        .expect("is well formed")
});

fn named(text: &str) -> Named {
    let contract = contract::parse(text);
    let in_part = |at: usize| {
        let of = |part| contract.of(part).any(|section| section.body.contains(&at));
        of(Part::Data) || of(Part::Api)
    };
    let (mut files, mut symbols, mut routes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (at, line) in contract.lines.iter().enumerate() {
        let content = line::content(line.text.trim()).trim();
        let words = content.split(|c: char| c.is_whitespace() || "`'\"()[],;*".contains(c));
        files.extend(
            words
                .map(|word| word.trim_end_matches(['.', ':']))
                .filter(|word| is_path(word) && !is_test(word))
                .map(str::to_owned),
        );
        if let Some(route) = ROUTE.captures(content) {
            routes.insert(format!("{} {}", &route[1], route[2].trim_end_matches(['.', ':'])));
            continue;
        }
        if !line.fenced && !in_part(at) {
            continue;
        }
        let code = content.trim_matches('`');
        let first = |regex: &Regex| Some(regex.captures(code)?[1].to_owned());
        if let Some(name) = first(&TYPE).or_else(|| first(&FUNCTION)) {
            symbols.insert(name);
        } else if let (true, Some(call)) = (in_part(at), SIGNATURE.captures(code)) {
            symbols.insert(call[2].to_owned());
            symbols.extend(call.get(1).map(|owner| owner.as_str().to_owned()).filter(|name| name != "self"));
        }
    }
    symbols.retain(|name| name.len() > 1 && name != "__init__" && name != "main");
    Named {
        files: files.into_iter().collect(),
        symbols: symbols.into_iter().collect(),
        routes: routes.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESIGN: &str = "# Rate limiter\n\nBuild a limiter in Python: `limiter.py`, see also data.csv.\n\n\
        ## DATA CONTRACT\n\n```python\nclass Decision(NamedTuple):\n    allowed: bool\n\nclass RateLimiter:\n    \
        def allow(self, key: str) -> Decision: ...\n```\n\n## API CONTRACT\n\n- `RateLimiter.reset(key: str) -> None`\n\
        - POST /limits/{key} -> Decision\n\n## ALGORITHM\n\n1. The class of a key is its prefix.\n\n## Scenario tests\n\n\
        ```python tests/test_scenarios.py\ndef test_a():\n    assert True\n```\n\n### tests/test_more.py\n\n\
        ```python\ndef test_b(): pass\n```\n\n```python app/main.py\nclass NotATest: pass\n```\n";

    #[test]
    fn what_a_design_names_and_tests_is_found() {
        let design = Design::of(DESIGN.to_owned(), "rate-limiter".to_owned());
        let paths: Vec<&str> = design.scenarios.iter().map(|scenario| scenario.path.as_str()).collect();
        assert_eq!(paths, ["tests/test_scenarios.py", "tests/test_more.py"]);
        assert_eq!(design.scenarios[0].content, "def test_a():\n    assert True\n");
        assert_eq!(design.named.files, ["limiter.py"]);
        assert_eq!(design.named.symbols, ["Decision", "NotATest", "RateLimiter", "allow", "reset"]);
        assert_eq!(design.named.routes, ["POST /limits/{key}"]);
    }

    #[test]
    fn a_feature_is_named_by_its_folder_its_heading_or_its_file() {
        for (path, text, feature) in [
            ("docs/plans/task-api/design.md", "# Something else", "task-api"),
            ("notes.md", "intro\n# The CSV: to JSON!\n", "the-csv-to-json"),
            ("/x/limits.txt", "no heading", "limits"),
        ] {
            assert_eq!(slug(&feature_of(Path::new(path), text)), feature);
        }
        assert_eq!(slug("../../etc; rm -rf /"), "etc-rm-rf");
        assert_eq!(slug("ÄÖ"), "");
        assert_eq!(slug(&"ab-".repeat(30)).len(), 40);
    }
}
