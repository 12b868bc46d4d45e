//! Looks at the end of a session transcript for the model that speaks, and at what the client notes beside a
//! subagent's. Bounded whatever the file's size; only regular files; bad lines are skipped.

use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::metrics::record::is_id;

/// Bytes read from the end, in three tries: lines of one message can be tens of kilobytes.
const TRIES: [u64; 3] = [8 << 10, 64 << 10, 512 << 10];

/// The last model that a transcript names, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoke {
    /// `message.model` of an answer, or the model that the client announced in front of the first one.
    pub model: String,
    /// `timestamp`, empty when the line has none.
    pub time: String,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    r#type: String,
    #[serde(default, rename = "isSidechain")]
    side: bool,
    #[serde(default)]
    timestamp: String,
    message: Option<Message>,
    attachment: Option<Attachment>,
}

/// 2.1.329 notes the model of a conversation before its first answer has ended.
#[derive(Deserialize)]
struct Attachment {
    identity: Option<Identity>,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(default, rename = "modelId")]
    model_id: String,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    model: String,
}

/// Which lines count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The conversation itself.
    Main,
    /// Any line: for the transcript of a subagent.
    Any,
}

/// The model that spoke last in a transcript.
pub fn last_model(path: &Path, whose: Whose) -> Option<Spoke> {
    let mut file = crate::fsx::open_regular(path).ok()?;
    let size = file.metadata().ok()?.len();
    for length in TRIES {
        let start = size.saturating_sub(length);
        file.seek(SeekFrom::Start(start)).ok()?;
        let bytes = crate::fsx::read_up_to(&file, length.min(size) as usize).ok()?;
        let whole =
            if start == 0 { Some(0) } else { bytes.iter().position(|b| *b == b'\n').map(|at| at + 1) };
        if let Some(spoke) = whole.and_then(|from| last_in(&bytes[from..], whose)) {
            return Some(spoke);
        }
        if start == 0 {
            break;
        }
    }
    None
}

pub(crate) fn last_in(bytes: &[u8], whose: Whose) -> Option<Spoke> {
    bytes.rsplit(|b| *b == b'\n').find_map(|line| {
        let answer = holds(line, b"\"assistant\"") && holds(line, b"\"model\"");
        if !answer && !holds(line, b"\"modelId\"") {
            return None;
        }
        let line: Line = serde_json::from_slice(line).ok()?;
        let model = match line.r#type.as_str() {
            "assistant" => line.message?.model,
            "attachment" => line.attachment?.identity?.model_id,
            _ => return None,
        };
        let counts = whose == Whose::Any || !line.side;
        (counts && !model.is_empty() && !model.starts_with('<'))
            .then_some(Spoke { model, time: line.timestamp })
    })
}

/// Whether a line holds some bytes. Not by memchr: its look at the processor's features costs a virtual machine 70
/// microseconds, as much as everything else that a hook does, and a tail is short.
fn holds(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window[0] == part[0] && window[1] == part[1] && window == part)
}

/// What the client notes of a subagent when it starts, before its transcript exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AgentNote {
    /// The call that spawned it.
    #[serde(rename = "toolUseId")]
    pub tool_use_id: String,
    /// Its model: an alias when the call named one, else the full id or `inherit`. Not in 2.1.197.
    pub model: String,
}

/// Reads the note beside a subagent's transcript.
pub fn agent_note(transcript: &Path) -> Option<AgentNote> {
    let bytes = crate::fsx::read_regular(&transcript.with_extension("meta.json"), 64 << 10).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Where the client keeps a subagent's transcript; none when the id is not one.
pub fn subagent_transcript(transcript: &Path, agent_id: &str) -> Option<PathBuf> {
    let folder = transcript.with_extension("").join("subagents");
    is_id(agent_id).then(|| folder.join(format!("agent-{agent_id}.jsonl")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(model: &str, side: bool) -> String {
        format!(
            r#"{{"type":"assistant","isSidechain":{side},"timestamp":"2026-11-20T20:37:10.675Z","message":{{"model":"{model}"}}}}"#
        )
    }

    #[test]
    fn the_last_main_line_counts_and_bad_or_synthetic_ones_do_not() {
        let text = [
            line("claude-opus-5-5", false),
            line("claude-haiku-5-5", true),
            line("<synthetic>", false),
            "{\"type\":\"assistant\",\"model\":".to_owned(),
        ]
        .join("\n");
        let spoke = last_in(text.as_bytes(), Whose::Main).expect("one line counts");
        assert_eq!(spoke.model, "claude-opus-5-5");
        assert_eq!(last_in(text.as_bytes(), Whose::Any).expect("any").model, "claude-haiku-5-5");
    }

    #[test]
    fn an_announced_model_counts_until_somebody_spoke() {
        let announced = r#"{"type":"attachment","timestamp":"2026-11-20T20:37:10.675Z","attachment":{"type":"model","identity":{"modelId":"claude-haiku-5-5"}}}"#;
        let other = r#"{"type":"attachment","attachment":{"type":"date","modelId":"x"}}"#;
        let text = format!("{announced}\n{other}");
        assert_eq!(last_in(text.as_bytes(), Whose::Main).expect("announced").model, "claude-haiku-5-5");
        let text = format!("{announced}\n{}", line("claude-opus-5-5", false));
        assert_eq!(last_in(text.as_bytes(), Whose::Main).expect("spoken").model, "claude-opus-5-5");
    }

    #[test]
    fn an_agent_id_never_leaves_its_folder() {
        let transcript = Path::new("/c/projects/p/s.jsonl");
        assert_eq!(
            subagent_transcript(transcript, "a1b2"),
            Some(PathBuf::from("/c/projects/p/s/subagents/agent-a1b2.jsonl"))
        );
        assert_eq!(subagent_transcript(transcript, "../../x"), None);
    }
}
