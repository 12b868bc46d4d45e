//! What a tool call did and what a task is about, as 64-bit keys: the same file, search or command has the same key
//! however it is written. Pure.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::metrics::record::fnv64;
use crate::outcomes::evidence::What;
use crate::outcomes::shell;
use crate::rules::words;

/// Words of a task that are remembered, as hashes.
const MAX_WORDS: usize = 400;

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow, default)]
    file_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    notebook_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pattern: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    glob: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    offset: Option<&'a RawValue>,
    #[serde(borrow, default)]
    limit: Option<&'a RawValue>,
}

/// What a tool call did, when it can say anything about an outcome.
pub fn action(tool: &str, input: &RawValue, cwd: &str) -> Option<What> {
    if !matches!(tool, "Write" | "Edit" | "MultiEdit" | "NotebookEdit" | "Grep" | "Glob" | "Read" | "Bash") {
        return None;
    }
    let input: Input = serde_json::from_str(input.get()).ok()?;
    let file = |path: &Option<Cow<str>>| {
        path.as_deref().filter(|path| !path.is_empty()).map(|path| path_key(cwd, path))
    };
    match tool {
        "Write" | "Edit" | "MultiEdit" => Some(What::Write(file(&input.file_path)?)),
        "NotebookEdit" => Some(What::Write(file(&input.notebook_path)?)),
        "Read" => {
            let file = file(&input.file_path)?;
            let part = |raw: Option<&RawValue>| raw.map_or("", RawValue::get).to_owned();
            let key = fnv64(format!("{file:x}\0{}\0{}", part(input.offset), part(input.limit)).as_bytes());
            Some(What::Read { key, file })
        }
        "Bash" => {
            let command = input.command.as_deref()?;
            let search = shell::search(command).map(|search| {
                let cwd = search.cwd.as_deref().unwrap_or(cwd);
                search_key(search.tool, cwd, &search.pattern, search.path.as_deref(), [&search.glob, ""])
            });
            search.or_else(|| command_key(command).map(What::Command))
        }
        _ => {
            let narrow = [&input.glob, &input.kind].map(|part| part.as_deref().unwrap_or_default());
            Some(search_key(tool, cwd, input.pattern.as_deref()?, input.path.as_deref(), narrow))
        }
    }
}

fn search_key(tool: &str, cwd: &str, pattern: &str, path: Option<&str>, narrow: [&str; 2]) -> What {
    let place = path_key(cwd, path.unwrap_or("."));
    What::Search(fnv64(format!("{tool}\0{pattern}\0{place:x}\0{}\0{}", narrow[0], narrow[1]).as_bytes()))
}

/// Key of a path, relative ones below `cwd`. `.`, `..` and doubled slashes make no difference.
fn path_key(cwd: &str, path: &str) -> u64 {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    fnv64(parts.join("/").as_bytes())
}

/// Programs that only look at how things stand: to run one again redoes nobody's work.
const LOOKS: [&str; 14] = [
    "cat", "cd", "date", "echo", "file", "head", "ls", "pwd", "stat", "tail", "true", "wc", "which", "whoami",
];
/// The same of `git`.
const GIT_LOOKS: [&str; 6] = ["branch", "diff", "log", "rev-parse", "show", "status"];

/// Key of a command with its white space made single; none for a mere look, which writes no file.
fn command_key(command: &str) -> Option<u64> {
    let bare = shell::unsilenced(command);
    let mut parts = bare.split(['&', '|', ';', '\n']).map(str::split_whitespace);
    let only_looks = parts.all(|mut words| match words.next() {
        None => true,
        Some("git") => words.next().is_some_and(|verb| GIT_LOOKS.contains(&verb)),
        Some(program) => LOOKS.contains(&program),
    });
    let normal = command.split_whitespace().collect::<Vec<_>>().join(" ");
    (!only_looks || bare.contains('>')).then(|| fnv64(normal.as_bytes()))
}

/// The salted hashes of a task's words, and of those that name something.
pub fn word_hashes(text: &str, salt: u64) -> (Box<[u32]>, Box<[u32]>) {
    let (mut all, mut names) = (Vec::new(), Vec::new());
    let ends = |c: char| !(c.is_alphanumeric());
    for word in text
        .split_whitespace()
        .map(|word| word.trim_matches(ends))
        .filter(|word| !word.is_empty())
        .take(MAX_WORDS)
    {
        let hash = words::finish(fnv64(word.to_lowercase().as_bytes()) ^ salt) as u32;
        let inner_capital =
            word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase);
        if inner_capital || word.contains(['/', '.', '_', ':']) || word.contains(|c: char| c.is_ascii_digit())
        {
            names.push(hash);
        }
        all.push(hash);
    }
    for list in [&mut all, &mut names] {
        list.sort_unstable();
        list.dedup();
    }
    (all.into(), names.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_key_however_it_is_written() {
        let key = path_key("/p", "/p/src/a.rs");
        for path in ["src/a.rs", "./src/a.rs", "/p//src/./a.rs", "/p/src/x/../a.rs"] {
            assert_eq!(path_key("/p", path), key, "{path}");
        }
        assert_ne!(path_key("/q", "src/a.rs"), key);
    }

    #[test]
    fn white_space_makes_no_other_command_and_a_look_is_none() {
        assert_eq!(command_key("cargo  test\n --locked"), command_key("cargo test --locked"));
        assert!(command_key("cargo test").is_some() && command_key("ls src | grep old").is_some());
        for look in
            ["git status 2>&1", "cd /p && git diff --stat", "ls -la 2> /dev/null", "cat a.rs | head -20", ""]
        {
            assert_eq!(command_key(look), None, "{look}");
        }
        for write in ["echo x > a.rs", "cat >>a.rs <<'END'\nx\nEND", "git diff > a.patch 2>/dev/null"] {
            assert!(command_key(write).is_some(), "{write}");
        }
    }
}
