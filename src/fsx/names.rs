//! Which relative paths a generated file may have: plain components that mean the same on every file system and look
//! like what they are, none of them on the list of [`never`]. Pure; a path that is not plain is refused, never mended.

use crate::error::{Error, Result};
use crate::fsx::never::{self, fold};

/// Longest component in bytes; what Linux, macOS and Windows file systems take.
pub const MAX_COMPONENT: usize = 255;
/// Longest path in bytes; a quarter of what Linux takes, so that the folder before it has room.
pub const MAX_PATH: usize = 1_024;
/// Most components of a path.
pub const MAX_DEPTH: usize = 32;
/// Characters of a refused path that a message shows.
const SHOWN: usize = 200;

/// A path below a folder that may be written, as far as its text says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relative(String);

impl Relative {
    /// Looks at a path. What it refuses it names in the error, with control characters escaped.
    pub fn check(path: &str) -> Result<Self> {
        let plain = Self::plain(path)?;
        if let Some(met) = never::find(path.split('/')) {
            let why = format!("files of the kind `{}` are never generated: {}", met.pattern, met.class);
            return Err(Error::new("cannot write the file", why)
                .at(path)
                .fix("leave it out, or write it by hand after you have read it; no option allows this one"));
        }
        Ok(plain)
    }

    /// Looks at the components only, for paths that were checked when they were written.
    pub fn plain(path: &str) -> Result<Self> {
        match fault(path) {
            None => Ok(Self(path.to_owned())),
            Some(why) => Err(Error::new("cannot write the file", why)
                .at(shown(path))
                .fix("name it like src/parser.py: relative to the output folder, with plain names only")),
        }
    }

    /// The text, with `/` between components.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From the outermost folder to the file.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The folder, and empty for a file right below the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The folders above the file, outermost first.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

/// A path as a message may show it.
pub fn shown(path: &str) -> String {
    let mut text: String = path.escape_debug().take(SHOWN).collect();
    if text.is_empty() {
        text.push_str("(an empty name)");
    }
    text
}

/// Folded path, for telling two names that some file system takes for one.
pub fn folded(path: &str) -> String {
    path.split('/').map(fold).collect::<Vec<_>>().join("/")
}

/// Why a path is not plain.
fn fault(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("it is empty".into());
    }
    if path.len() > MAX_PATH {
        return Some(format!("it has {} bytes, and {MAX_PATH} is the most", path.len()));
    }
    if path.starts_with('/') {
        return Some("it is absolute".into());
    }
    if path.split('/').count() > MAX_DEPTH {
        return Some(format!("it is more than {MAX_DEPTH} folders deep"));
    }
    path.split('/').find_map(component_fault)
}

fn component_fault(name: &str) -> Option<String> {
    if let Some(odd) = name.chars().find(|c| is_unseen(*c)) {
        return Some(format!("it holds the character {odd:?}, which cannot be seen"));
    }
    if let Some(odd) = name.chars().find(|c| "\\:<>\"|?*".contains(*c)) {
        return Some(format!("it holds `{odd}`, which means something else on some systems"));
    }
    let why = match name {
        "" => "it has an empty component: a slash at the end, or two in a row",
        "." | ".." => "it holds `.` or `..`",
        _ if name.starts_with('~') => "a component begins with `~`, which shells take for a home folder",
        _ if name.starts_with('-') => "a component begins with `-`, which commands take for an option",
        _ if name.starts_with(' ') => "a component begins with a space",
        _ if name.ends_with(['.', ' ']) => "a component ends with a dot or a space, which Windows drops",
        _ if name.len() > MAX_COMPONENT => "a component has more than 255 bytes",
        _ if is_device(name) => "a component is the name of a device on Windows",
        _ if is_short(name) => "a component looks like the short name that Windows gives another file",
        _ => return None,
    };
    Some(why.into())
}

/// Characters that leave no mark, change the order of others, or are spaces that are not a space.
/// The ranges are the format, filler, variation and tag characters of Unicode 16 (`Default_Ignorable_Code_Point`).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Names that Windows keeps for devices, with any extension
/// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    number.is_some_and(|number| {
        let mut digits = number.chars();
        digits.next().is_some_and(|digit| "0123456789¹²³".contains(digit)) && digits.next().is_none()
    })
}

/// `git~1` and the like: six characters or fewer, a tilde, digits, and an extension of at most three characters.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((start, number)) = stem.rsplit_once('~') else { return false };
    start.chars().count() <= 6
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && extension.chars().count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_paths_that_lead_elsewhere_or_nowhere_are_refused() {
        for path in [
            "",
            ".",
            "..",
            "/",
            "/x",
            "//x",
            "../x",
            "a/../x",
            "a/../../x",
            "./x",
            "a/./x",
            "a//x",
            "a/",
            "x/..",
            "..\\x",
            "a\\b",
            "C:\\x",
            "C:x",
            "c:/x",
            "\\\\server\\x",
            "~",
            "~/x",
            "~root/x",
            "a/~b",
            "-rf",
            "a/-x",
            "x\0",
            "a\0/../x",
            "x\n",
            "a\tb",
            "\u{1b}[2Jx",
            "x\u{7f}",
            "x\u{85}",
            " x",
            "x ",
            "x.",
            "a./x",
            "a /x",
            "...",
            "a/...",
            "file:stream",
            "x?",
            "x*",
            "<x>",
            "a|b",
            "\"x\"",
        ] {
            assert!(Relative::check(path).is_err(), "{path:?}");
        }
        for path in
            ["x".repeat(256), format!("a/{}", "é".repeat(128)), "a/".repeat(600) + "x", "a/".repeat(32) + "x"]
        {
            assert!(Relative::check(&path).is_err(), "{path}");
        }
        assert!(Relative::check(&"x".repeat(5_000)).is_err());
    }

    #[test]
    fn d1_names_that_look_like_others_are_refused() {
        for path in [
            "a\u{202e}b",
            "a\u{200b}",
            "\u{feff}x",
            ".g\u{200c}it",
            "a\u{2066}b",
            "x\u{ad}y",
            "x\u{a0}y",
            "x\u{3000}",
            "x\u{fe0f}",
            "x\u{e0041}",
            "x\u{fffd}",
            "a\u{2028}b",
            "\u{3164}",
            "git~1",
            "GIT~1/config",
            "CLAUDE~2.MD",
            "a/git~12/x",
        ] {
            assert!(Relative::check(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn d1_names_of_devices_are_refused_with_any_extension() {
        for path in ["aux.txt", "AUX", "a/con", "nul.tar.gz", "com1", "LPT9.x", "com¹", "prn .txt", "conin$"]
        {
            assert!(Relative::check(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn ordinary_names_are_allowed() {
        for path in [
            "x",
            "src/main.rs",
            "a b/c d.txt",
            "src/[id].tsx",
            "app/(group)/page.tsx",
            "@scope/x.ts",
            "a+b=c,d.txt",
            "données/été.py",
            "日本語.md",
            "x~",
            "file~backup",
            "com10",
            "console.log",
            "auxiliary.c",
            ".gitignore",
            "..x",
            "a..b",
            "__init__.py",
            "$x",
            "100%.txt",
            "it's.txt",
            "a/b/c/d/e/f/g/h",
        ] {
            assert_eq!(Relative::check(path).map(|path| path.0).as_deref(), Ok(path));
        }
        assert!(Relative::check(&"x".repeat(255)).is_ok());
        assert!(Relative::check(&("a/".repeat(31) + "x")).is_ok());
    }

    #[test]
    fn d3_the_message_says_who_would_run_it_and_that_no_option_helps() {
        let said = Relative::check("a/.Git/config").expect_err("is refused").to_string();
        assert!(
            said.contains("a/.Git/config") && said.contains("version control") && said.contains("no option")
        );
    }

    #[test]
    fn a_message_never_repeats_control_characters() {
        for path in ["\u{1b}[2J", "a\u{202e}b", "x\0", "a\nb"] {
            let said = Relative::check(path).expect_err("is refused").to_string();
            assert!(!said.replace("\n  to mend it", "").chars().any(is_unseen), "{said:?}");
        }
    }

    #[test]
    fn the_parts_of_a_path_are_its_folders_and_its_name() {
        let path = Relative::check("a/b/c.rs").expect("is plain");
        assert_eq!((path.folder(), path.name()), ("a/b", "c.rs"));
        assert_eq!(path.folders().collect::<Vec<_>>(), ["a", "a/b"]);
        let top = Relative::check("c.rs").expect("is plain");
        assert_eq!((top.folder(), top.name(), top.folders().count()), ("", "c.rs", 0));
    }
}
