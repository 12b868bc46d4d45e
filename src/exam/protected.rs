//! Which files are the exam's and not a candidate's, by their paths. The lists are data: `rules/exam.toml`. Pure.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::fsx::never::fold;

/// Why a file is the exam's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A test, or something beside the tests that they use.
    Test,
    /// Steers a runner, or runs by itself.
    Steering,
    /// The same, but a candidate may bring one where the base commit has none.
    SteeringIfThere,
    /// Some of its keys steer a runner.
    Sections,
    /// Would be imported in place of the runner or the standard library.
    Shadow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    tests: Places,
    steering: Files,
    steering_if_there: Files,
    sections: Sections,
    shadows: Shadows,
    dependencies: Folders,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Places {
    folders: Vec<String>,
    files: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    files: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Folders {
    folders: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    files: Vec<String>,
    keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shadows {
    folders: Vec<String>,
    modules: Vec<String>,
}

static LISTS: LazyLock<Lists> =
    LazyLock::new(|| toml::from_str(include_str!("../../rules/exam.toml")).expect("a test reads it"));

/// Why a file below the tree's root is the exam's; none when it is the candidate's.
pub fn kind(path: &str) -> Option<Kind> {
    let parts = folded(path);
    let (file, folders) = parts.split_last()?;
    let meets = |patterns: &[String]| patterns.iter().any(|pattern| ends_with(&parts, pattern));
    // A compiled or start-up file among the tests is no test.
    if meets(&LISTS.steering.files) {
        return Some(Kind::Steering);
    }
    let in_tests = folders.iter().any(|folder| any(&LISTS.tests.folders, folder));
    if in_tests || any(&LISTS.tests.files, file) {
        return Some(Kind::Test);
    }
    if meets(&LISTS.steering_if_there.files) {
        return Some(Kind::SteeringIfThere);
    }
    if meets(&LISTS.sections.files) {
        return Some(Kind::Sections);
    }
    is_shadow(&parts).then_some(Kind::Shadow)
}

/// A test by its place or name, as the runners of the common languages find them.
pub fn is_test(path: &str) -> bool {
    kind(path) == Some(Kind::Test)
}

/// The top-level keys of a [`Kind::Sections`] file that are the exam's.
pub fn section_keys() -> &'static [String] {
    &LISTS.sections.keys
}

/// Names of folders with installed dependencies.
pub fn dependency_folders() -> &'static [String] {
    &LISTS.dependencies.folders
}

/// A path as it is compared: each component folded, look-alike letters read as ASCII.
fn folded(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| fold(&part.chars().map(plain).collect::<String>()))
        .collect()
}

/// Letters that look like ones of ASCII, from the confusables of Unicode (UTS 39) those that stand in common keyboards'
/// alphabets, and the full-width forms.
fn plain(c: char) -> char {
    const ALIKE: &[(char, &str)] = &[
        ('a', "аαɑ"),
        ('b', "Ьᖯ"),
        ('c', "сϲ"),
        ('d', "ԁ"),
        ('e', "еҽ"),
        ('f', "ſẝ"),
        ('g', "ɡց"),
        ('h', "һհ"),
        ('i', "іιıɩ"),
        ('j', "јϳ"),
        ('k', "кκ"),
        ('l', "ӏⅼ"),
        ('m', "мⅿ"),
        ('n', "пոո"),
        ('o', "оοօσ"),
        ('p', "рρ"),
        ('q', "ԛ"),
        ('r', "гᴦ"),
        ('s', "ѕꜱ"),
        ('t', "тτ"),
        ('u', "υսᴜ"),
        ('v', "νѵ"),
        ('w', "ԝѡ"),
        ('x', "хχ"),
        ('y', "уγ"),
        ('z', "ᴢ"),
        ('_', "ˍ"),
        ('.', "․"),
        ('-', "‐‑–"),
    ];
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c if c.is_ascii() => c,
        c => {
            let small = c.to_lowercase().next().unwrap_or(c);
            ALIKE.iter().find(|(_, alike)| alike.contains(small)).map_or(c, |(letter, _)| *letter)
        }
    }
}

fn is_shadow(parts: &[String]) -> bool {
    let below = match parts {
        [first, rest @ ..] if !rest.is_empty() && LISTS.shadows.folders.contains(first) => rest,
        all => all,
    };
    let Some(first) = below.first() else { return false };
    // A package, or a module in any form that Python imports.
    let module = match below.len() {
        1 => match first.split_once('.') {
            Some((module, ending))
                if ["py", "so", "pyd", "zip"].iter().any(|other| ending.ends_with(other)) =>
            {
                module
            }
            _ => return false,
        },
        _ => first.as_str(),
    };
    let ending =
        |file: &String| file.rsplit_once('.').is_some_and(|(_, ending)| matches!(ending, "py" | "so"));
    let python = below.len() == 1 || below.last().is_some_and(ending);
    python && LISTS.shadows.modules.iter().any(|other| other == module)
}

fn any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| glob(pattern, name))
}

fn ends_with(parts: &[String], pattern: &str) -> bool {
    let wanted: Vec<&str> = pattern.split('/').collect();
    parts.len() >= wanted.len()
        && parts[parts.len() - wanted.len()..].iter().zip(wanted).all(|(part, pattern)| glob(pattern, part))
}

/// Whether a name meets a pattern in which each `*` stands for any text.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| glob(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read_and_folded() {
        let lists = &*LISTS;
        let all = [&lists.tests.files, &lists.tests.folders, &lists.steering.files, &lists.shadows.modules];
        for pattern in all.into_iter().flatten() {
            assert_eq!(folded(pattern).join("/"), *pattern);
        }
    }

    #[test]
    fn tests_are_known_by_place_or_name() {
        for (path, test) in [
            ("tests/a.rs", true),
            ("src/test_a.py", true),
            ("pkg/a_test.go", true),
            ("src/a.test.ts", true),
            ("src/__tests__/a.js", true),
            ("src/a.spec.ts", true),
            ("src/latest.py", false),
            ("src/contest.py", false),
            ("attest/main.go", false),
        ] {
            assert_eq!(is_test(path), test, "{path}");
        }
    }
    #[test]
    fn f6_what_steers_a_runner_is_the_exams_in_any_spelling() {
        for (path, wanted) in [
            ("conftest.py", Some(Kind::Test)),
            ("a/CONFTEST.PY", Some(Kind::Test)),
            ("сonftest.py", Some(Kind::Test)),
            ("ｃｏｎｆｔｅｓｔ.py", Some(Kind::Test)),
            ("Tests/a.py", Some(Kind::Test)),
            ("tеsts/a.py", Some(Kind::Test)),
            ("src/test/java/A.java", Some(Kind::Test)),
            ("pytest.ini", Some(Kind::Steering)),
            ("tests/__pycache__/test_a.cpython-311.pyc", Some(Kind::Steering)),
            (".cargo/Config.toml", Some(Kind::Steering)),
            ("config.toml", None),
            ("sub/jest.config.mjs", Some(Kind::Steering)),
            ("pyproject.toml", Some(Kind::SteeringIfThere)),
            ("Makefile", Some(Kind::SteeringIfThere)),
            ("package.json", Some(Kind::Sections)),
            ("unittest.py", Some(Kind::Shadow)),
            ("unittest/__init__.py", Some(Kind::Shadow)),
            ("src/json.py", Some(Kind::Shadow)),
            ("json.cpython-311-x86_64-linux-gnu.so", Some(Kind::Shadow)),
            ("app/json.py", None),
            ("json.go", None),
            ("json/a.go", None),
            ("time/clock.ts", None),
            ("Cargo.toml", None),
            ("src/lib.rs", None),
            ("contest.py", None),
            ("latest.py", None),
        ] {
            assert_eq!(kind(path), wanted, "{path}");
        }
    }
}
