//! Which of the two answers an event where SEF is registered in a settings file and a plugin as well: the settings entry
//! does, and the plugin's process leaves without a word. Only the plugin's process asks; an install pays nothing for it.
//!
//! When in doubt the plugin answers, for an event answered twice costs a line in the log and one answered by nobody costs
//! the routing: an entry counts only for its own event, only in a file that the client reads, and only while its program
//! is there. What the command line gives the client (`--settings`, `--setting-sources`) a hook cannot see.

use std::path::{Path, PathBuf};

use memchr::memmem;
use serde_json::Value;

use super::hooks::binary_of;
use super::place::is_program;
use crate::config::Env;
use crate::fsx::read_regular;

/// Largest settings file that is searched; the client's are a few thousand bytes.
const LARGEST: u64 = 4 << 20;
/// What every command of ours holds, and so every file with an entry of ours.
const MARK: &[u8] = b"/sef-hook' ] && exec '";

/// Does an entry in a settings file of this session answer the event? `cwd` is where the project is looked for when the
/// client does not name it.
pub fn settings_serve(env: &Env, event: &str, cwd: &str) -> bool {
    files(env, cwd).iter().any(|file| serves(file, event))
}

/// The settings files that the client reads for a session: the user's, and the project's two.
pub fn files(env: &Env, cwd: &str) -> Vec<PathBuf> {
    let project = env.project_dir.as_deref().or(Some(Path::new(cwd))).filter(|root| root.is_absolute());
    let of_project = |name: &str| project.map(|root| root.join(".claude").join(name));
    let user = env.claude_dir.as_ref().map(|dir| dir.join("settings.json"));
    [user, of_project("settings.json"), of_project("settings.local.json")].into_iter().flatten().collect()
}

fn serves(file: &Path, event: &str) -> bool {
    let Ok(bytes) = read_regular(file, LARGEST) else { return false };
    // Most files hold nothing of ours: then this search is all that they cost.
    memmem::find(&bytes, MARK).is_some()
        && programs(&bytes, event).is_some_and(|programs| programs.iter().any(|path| is_program(path)))
}

/// The programs behind our entries for an event; none when the client would skip the file.
fn programs(bytes: &[u8], event: &str) -> Option<Vec<PathBuf>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let settings: Value = serde_json::from_slice(bytes).ok()?;
    let events = settings.get("hooks")?.as_object()?;
    if !events.values().all(is_well_formed) {
        return None;
    }
    let groups = events.get(event)?.as_array()?.iter();
    let handlers = groups.filter_map(|group| group.get("hooks")?.as_array()).flatten();
    let commands = handlers.filter_map(|handler| handler.get("command")?.as_str());
    Some(commands.filter_map(binary_of).map(PathBuf::from).collect())
}

/// Has an event's value the shape without which the client skips the whole file?
fn is_well_formed(event: &Value) -> bool {
    let handler_is = |handler: &Value| {
        handler.get("type").is_some_and(Value::is_string)
            && handler.get("command").is_none_or(Value::is_string)
            && handler.get("timeout").is_none_or(Value::is_number)
    };
    let group_is = |group: &Value| {
        group.get("matcher").is_none_or(Value::is_string)
            && group.get("hooks").and_then(Value::as_array).is_some_and(|all| all.iter().all(handler_is))
    };
    event.as_array().is_some_and(|groups| groups.iter().all(group_is))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::settings::hooks::{ByEvent, command_for, wanted};

    fn settings(path: &str) -> String {
        let hooks = wanted(&command_for(Path::new(path)).unwrap());
        serde_json::to_string(&serde_json::json!({ "model": "opus", "hooks": ByEvent(&hooks) })).unwrap()
    }

    #[test]
    fn the_program_behind_an_entry_is_found_in_any_spelling() {
        for path in ["/usr/bin/sef-hook", "/home/a b/it's/sef-hook", "/new\nline\"q\\/sef-hook"] {
            let text = settings(path);
            assert!(memmem::find(text.as_bytes(), MARK).is_some(), "{text}");
            for text in [text.clone(), format!("\u{feff}{text}")] {
                assert_eq!(programs(text.as_bytes(), "Stop"), Some(vec![PathBuf::from(path)]), "{text}");
            }
        }
    }

    #[test]
    fn only_entries_of_the_event_in_a_file_that_the_client_reads_count() {
        let ours = settings("/b/sef-hook");
        let none = Vec::<PathBuf>::new();
        assert_eq!(programs(ours.as_bytes(), "Notification"), None);
        assert_eq!(programs(ours.replace("exec", "echo").as_bytes(), "Stop"), Some(none));
        for broken in [
            ours.replace(":5", ":\"5\""),
            ours.replace("\"type\":\"command\"", "\"type\":7"),
            ours.replace("\"hooks\":[", "\"hook\":["),
            ours.replace("\"matcher\":\"", "\"matcher\":7,\"x\":\""),
            format!("{ours}x"),
            ours.replacen('{', "{,", 1),
            "[]".to_owned(),
            "{\"hooks\":[]}".to_owned(),
            String::new(),
        ] {
            assert_eq!(programs(broken.as_bytes(), "Stop"), None, "{broken}");
        }
    }

    #[test]
    fn a_project_is_the_one_that_the_client_names_else_where_the_session_stands() {
        let named = Env { project_dir: Some("/p".into()), claude_dir: Some("/c".into()), ..Env::default() };
        let paths: Vec<String> = files(&named, "/q").iter().map(|path| path.display().to_string()).collect();
        assert_eq!(paths, ["/c/settings.json", "/p/.claude/settings.json", "/p/.claude/settings.local.json"]);
        let bare = Env::default();
        assert_eq!(files(&bare, "/q")[0], Path::new("/q/.claude/settings.json"));
        assert_eq!(files(&bare, "relative"), Vec::<PathBuf>::new());
        assert_eq!(files(&bare, ""), Vec::<PathBuf>::new());
    }
}
