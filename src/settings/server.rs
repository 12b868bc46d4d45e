//! SEF's MCP server in Claude Code's own state file: its name there, whose an entry is, and what a person types to change
//! it. The file belongs to the client, whose sessions keep rewriting it: it is read here and never written.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hooks::quote;
use super::place::{Place, check_owner};
use super::project;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::fsx::read_regular;

/// The name that tools, permissions and the skills go by.
pub const NAME: &str = "speed-run";

/// The file may hold years of other things; a larger one is not read.
const LARGEST: u64 = 64 << 20;

/// Where the client keeps a server: what it calls a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For all projects of the user.
    User,
    /// For one project, and private to the user.
    Local,
}

impl Level {
    /// The level that fits a Claude folder. A project's shared `.mcp.json` is no place for a path of this machine.
    pub fn of(place: &Place) -> Self {
        if place.name == "user" { Self::User } else { Self::Local }
    }

    /// As the client spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Local => "local",
        }
    }
}

/// What stands under our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Missing,
    /// Some `sef mcp`, of this install or another.
    Ours {
        /// The program that it starts.
        command: String,
        /// Somebody added to it (variables, headers), which another registration would lose.
        edited: bool,
    },
    /// Somebody else's server.
    Foreign,
}

/// Reads the entry of one level; the local one is that of the project of the current folder.
pub fn look(env: &Env, level: Level) -> Result<Entry> {
    let Some(folder) = &env.client_state_dir else {
        return Err(Error::new(
            "cannot find Claude Code's state file",
            "neither CLAUDE_CONFIG_DIR nor HOME is an absolute path",
        )
        .fix("set HOME and run the command again"));
    };
    let path = file_in(folder);
    check_owner(&path, "cannot use Claude Code's state file")?;
    let cannot = |why: String| {
        Error::new("cannot read Claude Code's state file", why)
            .at(&path)
            .fix("start `claude` once and see what it says of the file, then run the command again")
    };
    let bytes = match read_regular(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Entry::Missing),
        Err(error) => return Err(cannot(error.to_string())),
    };
    let project = match level {
        Level::User => None,
        Level::Local => {
            let here = std::env::current_dir().map_err(|error| cannot(error.to_string()))?;
            Some(project::key(&here).to_string_lossy().into_owned())
        }
    };
    entry(&bytes, project.as_deref()).map_err(cannot)
}

/// Arguments of `claude` that register `program` (its path).
pub fn addition(level: Level, program: &str) -> Vec<String> {
    words(&["mcp", "add", "--scope", level.word(), NAME, "--", program, "mcp"])
}

/// Arguments of `claude` that take the entry out.
pub fn removal(level: Level) -> Vec<String> {
    words(&["mcp", "remove", "--scope", level.word(), NAME])
}

/// The command as a person types it into a shell.
pub fn typed(arguments: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    let word = |word: &String| if word.chars().all(is_plain) { word.clone() } else { quote(word) };
    let words: Vec<String> = arguments.iter().map(word).collect();
    format!("claude {}", words.join(" "))
}

/// The client's state file: under its older name where there is one.
fn file_in(folder: &Path) -> PathBuf {
    let older = folder.join(".config.json");
    if older.exists() { older } else { folder.join(".claude.json") }
}

/// The entry of the user, or of a project. An error for what this version of SEF does not understand.
fn entry(bytes: &[u8], project: Option<&str>) -> std::result::Result<Entry, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let root: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let root = root.as_object().ok_or("it is not a JSON object")?;
    let servers = match project {
        None => member(root, "mcpServers")?,
        Some(project) => {
            let projects = member(root, "projects")?;
            let project = projects.map(|all| member(all, project)).transpose()?.flatten();
            project.map(|one| member(one, "mcpServers")).transpose()?.flatten()
        }
    };
    Ok(servers.and_then(|servers| servers.get(NAME)).map_or(Entry::Missing, judged))
}

fn member<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> std::result::Result<Option<&'a Map<String, Value>>, String> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Object(member)) => Ok(Some(member)),
        Some(_) => Err(format!("its member {name:?} is not an object")),
    }
}

fn judged(server: &Value) -> Entry {
    let command = server["command"].as_str().filter(|command| command.ends_with("/sef"));
    let Some(command) = command.filter(|_| server["args"] == serde_json::json!(["mcp"])) else {
        return Entry::Foreign;
    };
    let is_what_the_client_writes = |(key, value): (&String, &Value)| match key.as_str() {
        "command" | "args" => true,
        "type" => value == "stdio",
        "env" => value.as_object().is_some_and(Map::is_empty),
        _ => false,
    };
    let edited = !server.as_object().is_some_and(|members| members.iter().all(is_what_the_client_writes));
    Entry::Ours { command: command.to_owned(), edited }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(command: &str, edited: bool) -> Entry {
        Entry::Ours { command: command.to_owned(), edited }
    }

    #[test]
    fn an_entry_is_ours_by_what_it_starts() {
        for (server, expected) in [
            (r#"{"type":"stdio","command":"/b/sef","args":["mcp"],"env":{}}"#, ours("/b/sef", false)),
            (r#"{"command":"/b/sef","args":["mcp"]}"#, ours("/b/sef", false)),
            (r#"{"type":"stdio","command":"/b/sef","args":["mcp"],"env":{"K":"v"}}"#, ours("/b/sef", true)),
            (r#"{"type":"stdio","command":"/b/sef","args":["mcp"],"alwaysLoad":true}"#, ours("/b/sef", true)),
            (r#"{"type":"http","command":"/b/sef","args":["mcp"]}"#, ours("/b/sef", true)),
            (r#"{"type":"stdio","command":"/b/sef","args":["mcp","-v"]}"#, Entry::Foreign),
            (r#"{"type":"stdio","command":"/b/notsef","args":["mcp"]}"#, Entry::Foreign),
            (r#"{"type":"stdio","command":"node","args":["/x/dist/index.js"]}"#, Entry::Foreign),
            (r#"{"type":"http","url":"https://example.org/mcp"}"#, Entry::Foreign),
            ("7", Entry::Foreign),
            ("null", Entry::Foreign),
        ] {
            let file = format!(r#"{{"a":1,"mcpServers":{{"x":{{}},"speed-run":{server}}}}}"#);
            assert_eq!(entry(file.as_bytes(), None), Ok(expected.clone()), "{server}");
            let file = format!(r#"{{"projects":{{"/p":{{"mcpServers":{{"speed-run":{server}}}}}}}}}"#);
            assert_eq!(entry(file.as_bytes(), Some("/p")), Ok(expected), "{server}");
            assert_eq!(entry(file.as_bytes(), None), Ok(Entry::Missing));
            assert_eq!(entry(file.as_bytes(), Some("/q")), Ok(Entry::Missing));
        }
    }

    #[test]
    fn a_file_of_another_shape_is_an_error_and_never_no_entry() {
        for (file, why) in [
            ("", "EOF"),
            ("{\"a\": 1,", "EOF"),
            ("{\"a\": 1,}", "trailing comma"),
            ("[]", "not a JSON object"),
            ("\u{feff}[]", "not a JSON object"),
            ("{\"mcpServers\": []}", "\"mcpServers\" is not"),
        ] {
            let said = entry(file.as_bytes(), None).expect_err(file);
            assert!(said.contains(why), "{file}: {said}");
        }
        for (file, why) in [
            ("{\"projects\": 1}", "\"projects\" is not"),
            ("{\"projects\": {\"/p\": []}}", "\"/p\" is not"),
            ("{\"projects\": {\"/p\": {\"mcpServers\": \"\"}}}", "\"mcpServers\" is not"),
        ] {
            let said = entry(file.as_bytes(), Some("/p")).expect_err(file);
            assert!(said.contains(why), "{file}: {said}");
        }
        assert_eq!(entry("\u{feff}{}".as_bytes(), None), Ok(Entry::Missing));
    }

    #[test]
    fn what_a_person_types_survives_the_shell() {
        let plain = typed(&addition(Level::User, "/home/u/.local/bin/sef"));
        assert_eq!(plain, "claude mcp add --scope user speed-run -- /home/u/.local/bin/sef mcp");
        let odd = typed(&addition(Level::Local, "/a b'c/$(x)/sef"));
        assert_eq!(odd, r"claude mcp add --scope local speed-run -- '/a b'\''c/$(x)/sef' mcp");
        assert_eq!(typed(&removal(Level::Local)), "claude mcp remove --scope local speed-run");
    }
}
