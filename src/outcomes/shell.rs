//! What a shell command searches for, when searching is all that it does: Claude Code's orchestrator has no Grep and no
//! Glob, it runs `grep`, `rg` and `find`. Pure. What it cannot read for certain is no search.

use std::collections::VecDeque;

/// A search as Grep or Glob would be asked for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Search {
    /// `Grep` or `Glob`.
    pub tool: &'static str,
    /// Where the command runs, when it says so (`cd DIR && ...`).
    pub cwd: Option<String>,
    /// What is searched for.
    pub pattern: String,
    /// Where.
    pub path: Option<String>,
    /// Which files.
    pub glob: String,
}

/// What may stand behind a search without making it another one.
const FILTERS: [&str; 5] = ["cat", "head", "sort", "tail", "wc"];
/// Options of grep and rg that take a number, as the next word when none is glued to them.
const NUMBERS: [char; 4] = ['A', 'B', 'C', 'm'];

/// How a command sends its output or its errors nowhere.
const NOWHERE: [&str; 5] = ["2>&1", "&>/dev/null", "2>/dev/null", "1>/dev/null", ">/dev/null"];

/// The command without what only sends output nowhere; any `>` that is left writes a file.
pub fn unsilenced(command: &str) -> String {
    NOWHERE.iter().fold(command.replace("> ", ">"), |text, nowhere| text.replace(nowhere, " "))
}

/// The search that a command is.
pub fn search(command: &str) -> Option<Search> {
    let mut words: VecDeque<String> = words(&unsilenced(command))?.into();
    let mut cwd = None;
    if words.front().is_some_and(|word| word == "cd") && words.get(2).is_some_and(|word| word == "&&") {
        cwd = words.get(1).cloned();
        words.drain(..3);
    }
    let words: Vec<String> = words.into();
    let mut parts = words.split(|word| word == "|");
    let (program, rest) = parts.next()?.split_first()?;
    if parts.any(|part| part.first().is_none_or(|program| !FILTERS.contains(&program.as_str()))) {
        return None;
    }
    let found = match program.as_str() {
        "grep" | "egrep" | "fgrep" | "rg" => in_files(program == "rg", rest),
        "find" => of_files(rest),
        _ => None,
    };
    found.map(|found| Search { cwd, ..found })
}

/// `grep` and `rg`.
fn in_files(rg: bool, words: &[String]) -> Option<Search> {
    let (mut plain, mut glob, mut recursive) = (Vec::new(), String::new(), rg);
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            match long.split_once('=').unwrap_or((long, "")) {
                ("include" | "glob", value) if !value.is_empty() => value.clone_into(&mut glob),
                ("include" | "glob", _) => words.next()?.clone_into(&mut glob),
                ("color" | "line-number" | "no-heading" | "ignore-case" | "files-with-matches", _) => {}
                ("recursive", _) => recursive = true,
                _ => return None,
            }
        } else if let Some(short) = word.strip_prefix('-').filter(|short| !short.is_empty()) {
            let number = |c: char| NUMBERS.contains(&c);
            let letters = short.trim_end_matches(|c: char| c.is_ascii_digit());
            match letters {
                "e" => plain.push(words.next()?),
                "g" if rg => words.next()?.clone_into(&mut glob),
                _ if letters.chars().all(|c| number(c) || "EFHIPRchilnorsw".contains(c)) => {
                    recursive |= letters.contains(['r', 'R']);
                    if letters.len() == short.len() && letters.ends_with(number) {
                        words.next()?;
                    }
                }
                _ => return None,
            }
        } else {
            plain.push(word);
        }
    }
    let path = plain.get(1).map(|path| (*path).to_owned());
    // Without a place grep reads what is piped into it.
    let one = matches!(plain.len(), 1 | 2) && (recursive || path.is_some());
    one.then(|| Search { tool: "Grep", cwd: None, pattern: plain[0].to_owned(), path, glob })
}

/// `find`, by name only.
fn of_files(words: &[String]) -> Option<Search> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ([path, "-name", name] | [path, "-type", "f", "-name", name]) = *words.as_slice() else {
        return None;
    };
    let pattern = format!("**/{name}");
    Some(Search { tool: "Glob", cwd: None, pattern, path: Some(path.to_owned()), glob: String::new() })
}

/// The words of a command, with `|` and `&&` as words of their own; none when a shell would do more than split it.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = command.trim().chars().peekable();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') if letters.peek().is_some_and(|next| matches!(next, '"' | '\\')) => {
                word.get_or_insert_default().extend(letters.next());
            }
            (Some('"'), '$' | '`') => return None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '|' | '&') => {
                let double = letters.next_if_eq(&c).is_some();
                if double != (c == '&') {
                    return None;
                }
                words.extend(word.take());
                words.push(if double { "&&".to_owned() } else { "|".to_owned() });
            }
            (None, '*' | '?' | '[' | ']') if word.as_ref().is_some_and(|word| word.starts_with('-')) => {
                word.get_or_insert_default().push(c);
            }
            (None, c) if c.is_alphanumeric() || "-_./=:,+@%^".contains(c) => {
                word.get_or_insert_default().push(c);
            }
            _ => return None,
        }
    }
    words.extend(word.take());
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_in_the_shell_is_the_search_that_the_tools_would_make() {
        let grep = |pattern: &str, path: Option<&str>, glob: &str| Search {
            tool: "Grep",
            cwd: None,
            pattern: pattern.to_owned(),
            path: path.map(str::to_owned),
            glob: glob.to_owned(),
        };
        for (command, expected) in [
            ("grep -rn PORT src", grep("PORT", Some("src"), "")),
            ("grep -rn \"PORT\" src/ 2>/dev/null | head -20", grep("PORT", Some("src/"), "")),
            ("grep -rniE 'a|b c' --include=*.py .", grep("a|b c", Some("."), "*.py")),
            ("grep -r -A 3 -e -x src", grep("-x", Some("src"), "")),
            ("rg -n -C2 'fn \\w+' -g '*.rs'", grep("fn \\w+", None, "*.rs")),
            ("grep -n \"say \\\"hi\\\"\" a.txt | wc -l", grep("say \"hi\"", Some("a.txt"), "")),
        ] {
            assert_eq!(search(command), Some(expected), "{command}");
        }
        let found = search("cd /home/user/shop && find src -type f -name '*.py' | sort").expect("a search");
        assert_eq!(
            (found.tool, found.pattern.as_str(), found.cwd.as_deref()),
            ("Glob", "**/*.py", Some("/home/user/shop"))
        );
    }

    #[test]
    fn what_does_more_or_cannot_be_read_for_certain_is_no_search() {
        for command in [
            "",
            "cargo test",
            "grep PORT",
            "ps aux | grep claude",
            "grep -rl PORT src | xargs sed -i s/a/b/",
            "grep -rn PORT src > found.txt",
            "grep -rn PORT src; rm -r src",
            "grep -rn $(cat word) src",
            "grep -rn \"$WORD\" src",
            "grep -rvn PORT src",
            "grep -rn PORT src tests",
            "grep -rn PORT *.py",
            "grep -rn PORT src || true",
            "grep -rn 'PORT src",
            "grep -f words.txt -r src",
            "find . -name '*.py' -delete",
            "find . -name '*.py' -exec rm {} +",
            "cd src && cargo test",
        ] {
            assert_eq!(search(command), None, "{command}");
        }
    }
}
