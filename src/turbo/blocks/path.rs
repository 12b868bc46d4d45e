//! The path of a file as the model meant it. Repairs spelling only; whether a path may be written is not decided here.

use super::MAX_PATH;

/// The path without white space around it, leading `./` and doubled slashes. The error continues "the path ...".
pub fn clean(path: &str) -> Result<String, String> {
    if path.len() > 2 * MAX_PATH {
        return Err(too_long());
    }
    let mut single = String::with_capacity(path.len());
    for c in path.trim().chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    let mut clean = single.as_str();
    while let Some(rest) = clean.strip_prefix("./") {
        clean = rest.trim_start();
    }
    if clean.is_empty() {
        return Err("is empty".to_owned());
    }
    if clean.chars().any(char::is_control) {
        return Err("holds a control character".to_owned());
    }
    if clean.contains('"') {
        return Err("holds a double quote".to_owned());
    }
    if matches!(clean, "..." | "…") {
        return Err("is a placeholder".to_owned());
    }
    if clean.len() > MAX_PATH {
        return Err(too_long());
    }
    Ok(clean.to_owned())
}

fn too_long() -> String {
    format!("has more than {MAX_PATH} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_repaired_and_nothing_else() {
        for (given, cleaned) in [
            ("src/a.py", "src/a.py"),
            ("  src/a.py\t", "src/a.py"),
            ("./src/a.py", "src/a.py"),
            (".//./src///a.py", "src/a.py"),
            ("./ a", "a"),
            ("src/./a.py", "src/./a.py"),
            (".gitignore", ".gitignore"),
            ("../a", "../a"),
            ("//etc/passwd", "/etc/passwd"),
            ("~/a", "~/a"),
            (r"src\a.py", r"src\a.py"),
            ("C:/a", "C:/a"),
            ("a%2fb", "a%2fb"),
            ("it's/日本.md", "it's/日本.md"),
            ("a/", "a/"),
        ] {
            assert_eq!(clean(given), Ok(cleaned.to_owned()), "{given}");
            assert_eq!(clean(cleaned), Ok(cleaned.to_owned()), "{cleaned} again");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for (given, why) in [
            ("", "is empty"),
            (" \t", "is empty"),
            (".//", "is empty"),
            ("a\0b", "holds a control character"),
            ("a\u{1b}[2Jb", "holds a control character"),
            ("a\u{85}b", "holds a control character"),
            ("a\"b", "holds a double quote"),
            ("...", "is a placeholder"),
        ] {
            assert_eq!(clean(given), Err(why.to_owned()), "{given:?}");
        }
        assert_eq!(clean(&"a".repeat(MAX_PATH)).map(|path| path.len()), Ok(MAX_PATH));
        assert_eq!(clean(&"a".repeat(MAX_PATH + 1)), Err("has more than 1024 bytes".to_owned()));
        assert_eq!(clean(&"é".repeat(1 << 20)), Err("has more than 1024 bytes".to_owned()));
    }
}
