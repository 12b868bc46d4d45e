//! The table of promises and of the tests that check them: the words are in `reliability.toml`, the tests are found by the
//! id in their names, and `docs/RELIABILITY.md` is what comes of both. `SEF_WRITE_DOCS=1 cargo test reliability` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promises {
    /// What stands above the table and below it.
    before: String,
    after: String,
    part: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    title: String,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    promise: String,
    abuse: String,
    check: String,
    /// What is not a test of this suite but of a script, with its command.
    #[serde(default)]
    elsewhere: Vec<String>,
    /// Why there is no test yet. Must go when there is one.
    #[serde(default)]
    awaits: String,
}

/// Where tests are, and what a test's name begins with there.
const SOURCES: [(&str, &str); 3] = [("src", "fn "), ("tests", "fn "), ("tests/e2e", "def ")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn promises() -> Promises {
    let text = std::fs::read_to_string(root().join("tests/reliability.toml")).expect("the promises");
    toml::from_str(&text).unwrap_or_else(|error| panic!("tests/reliability.toml: {error}"))
}

/// Rows that a test's name begins with: `d1_d3_one_bad_name` is of D1 and of D3.
fn ids_of(name: &str) -> Vec<String> {
    let is_id = |part: &&str| {
        let mut chars = part.chars();
        chars.next().is_some_and(|first| ('a'..='g').contains(&first))
            && part.len() > 1
            && chars.all(|digit| digit.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_uppercase).collect()
}

/// Every test with an id, by id: its file below the project, and its name.
fn tests() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (folder, marker) in SOURCES {
        for path in files(&root().join(folder)) {
            let is_python = path.extension().is_some_and(|extension| extension == "py");
            if is_python != (marker == "def ") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source is text");
            let shown = path.strip_prefix(root()).expect("below the project").display().to_string();
            for name in names(&text, marker) {
                for id in ids_of(name) {
                    found.entry(id).or_default().insert((shown.clone(), name.to_owned()));
                }
            }
        }
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => found.extend(files(&path)),
            Some("rs" | "py") => found.push(path),
            _ => {}
        }
    }
    found
}

/// Functions of a source that are tests: in Rust those behind `#[test]`, whatever other attributes they have.
fn names<'a>(text: &'a str, marker: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut marked = marker == "def ";
    for line in text.lines().map(str::trim_start) {
        if line == "#[test]" {
            marked = true;
        } else if let Some(rest) = line.strip_prefix(marker) {
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if std::mem::replace(&mut marked, marker == "def ") {
                found.push(name);
            }
        } else if !line.starts_with("#[") && !line.starts_with("//") && marker == "fn " {
            marked = false;
        }
    }
    found
}

fn cell(text: &str) -> String {
    text.trim().replace('\n', " ").replace('|', "\\|")
}

fn rendered(promises: &Promises, tests: &BTreeMap<String, BTreeSet<(String, String)>>) -> String {
    let mut page = format!(
        "<!-- Made by tests/reliability.rs from tests/reliability.toml: `SEF_WRITE_DOCS=1 cargo test reliability`. -->\n{}\n",
        promises.before.trim()
    );
    for part in &promises.part {
        let _ = writeln!(
            page,
            "\n## {}\n\n| | promise | abuse or fault | what is checked |\n|---|---|---|---|",
            part.title
        );
        for row in &part.row {
            let Row { id, promise, abuse, check, .. } = row;
            let _ = writeln!(page, "| **{id}** | {} | {} | {} |", cell(promise), cell(abuse), cell(check));
        }
        page.push_str("\nTests:\n\n");
        for row in &part.row {
            let mut by_file: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for (file, name) in tests.get(&row.id).into_iter().flatten() {
                by_file.entry(file).or_default().push(format!("`{name}`"));
            }
            let mut places: Vec<String> =
                by_file.iter().map(|(file, names)| format!("{file}: {}", names.join(", "))).collect();
            places.extend(row.elsewhere.iter().cloned());
            if !row.awaits.is_empty() {
                places.push(format!("none yet: {}", row.awaits));
            }
            let _ = writeln!(page, "- **{}** {}", row.id, places.join("; "));
        }
    }
    format!("{page}\n{}\n", promises.after.trim())
}

#[test]
fn every_promise_has_tests_by_its_id_and_the_page_of_them_is_current() {
    let promises = promises();
    let tests = tests();
    let rows: Vec<&Row> = promises.part.iter().flat_map(|part| &part.row).collect();
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(known.len(), rows.len(), "an id stands twice in tests/reliability.toml");
    for (id, tests) in &tests {
        assert!(
            known.contains(id.as_str()),
            "tests/reliability.toml has no row {id}, which is tested by {tests:?}"
        );
    }
    for row in rows {
        let none = !tests.contains_key(&row.id);
        assert_eq!(none, !row.awaits.is_empty(), "{}: no test and no reason, or a reason and a test", row.id);
    }
    let page = root().join("docs/RELIABILITY.md");
    let wanted = rendered(&promises, &tests);
    if crate::docs::are_written() {
        std::fs::write(&page, &wanted).expect("write the page");
    }
    let found = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(found == wanted, "docs/RELIABILITY.md is stale: SEF_WRITE_DOCS=1 cargo test reliability");
}

#[test]
fn ids_are_read_off_the_front_of_a_name_and_off_tests_only() {
    assert_eq!(ids_of("d1_d3_one_bad_name"), ["D1", "D3"]);
    assert_eq!(ids_of("a11_only"), ["A11"]);
    assert!(
        ids_of("a_race_is_over").is_empty() && ids_of("h1_x").is_empty() && ids_of("about_a1").is_empty()
    );
    let source = "#[test]\n#[cfg(unix)]\nfn a1_yes() {}\nfn a2_no() {}\n    #[test]\n    fn b1_yes() {}\n#[test]\n\nlet x;\nfn c1_no() {}\n";
    assert_eq!(names(source, "fn "), ["a1_yes", "b1_yes"]);
    assert_eq!(names("def a1_x(sandbox):\n  def b2_y():\n", "def "), ["a1_x", "b2_y"]);
}
