//! `sef-stats audit`: each delegation with its outcome and the evidence for it. Texts are read from the transcripts
//! only when they are asked for, and only their beginnings.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::config::Env;
use crate::error::Result;
use crate::fsx::open_regular;
use crate::metrics::record::safe_id;
use crate::models::Family;
use crate::outcomes::evidence::text_of;
use crate::outcomes::{Ended, Evidence, Outcomes};
use crate::report::args::AuditArgs;
use crate::report::{self, Looked};
use crate::transcript::lines::each_line;

/// Version of the JSON's shape.
pub const SCHEMA: u32 = 1;
/// Characters of a text that are shown.
const SHOWN: usize = 300;

/// All that is listed. Its JSON is the interface that scripts rely on.
#[derive(Debug, Serialize)]
pub struct Audit {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What was looked at.
    pub scope: Looked,
    /// Over all delegations in scope, whatever `--outcome` lists.
    pub outcomes: Outcomes,
    /// The delegations that were asked for, oldest first.
    pub list: Vec<Entry>,
    /// Lines of log and transcripts that could not be read.
    pub unreadable_lines: u64,
    /// Transcripts and folders that could not be read.
    pub unreadable_files: u64,
    /// Log lines that a later version of SEF wrote.
    pub later_lines: u64,
}

/// One delegation.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// How it ended.
    pub outcome: Ended,
    /// Code of the rule that says so.
    pub reason: &'static str,
    /// The agent's type.
    pub executor: String,
    /// The family that ran.
    pub ran: Option<Family>,
    /// ISO 8601, UTC.
    pub time: Option<String>,
    /// Session id.
    pub session: String,
    /// The Agent call.
    pub tool_use_id: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// A subagent delegated it.
    pub nested: bool,
    /// What shows the outcome.
    pub evidence: Vec<Shown>,
}

/// Evidence, with its text when that was asked for.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Where it stands.
    #[serde(flatten)]
    pub at: Evidence,
    /// Its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Audit {
    /// Reads everything; arguments as for [`report::make`].
    pub fn make(env: &Env, args: &AuditArgs, now: u64, here: &Path) -> Result<Self> {
        let (report, judged) = report::make_judged(env, &args.select, now, here)?;
        let wanted = |ended: Ended| args.outcome.is_none_or(|kind| kind == ended);
        let pairs = report.delegations.list.into_iter().zip(judged).filter(|(_, one)| wanted(one.outcome));
        let mut list: Vec<Entry> = pairs
            .map(|(one, judged)| Entry {
                outcome: judged.outcome,
                reason: judged.reason,
                executor: one.executor,
                ran: one.ran,
                time: one.time,
                session: one.session,
                tool_use_id: one.tool_use_id,
                agent_id: one.agent_id,
                nested: one.nested,
                evidence: judged.evidence.into_iter().map(|at| Shown { at, text: None }).collect(),
            })
            .collect();
        if args.show_text {
            add_texts(&mut list);
        }
        Ok(Self {
            schema: SCHEMA,
            scope: report.scope,
            outcomes: report.outcomes,
            list,
            unreadable_lines: report.unreadable_lines,
            unreadable_files: report.unreadable_files,
            later_lines: report.later_lines,
        })
    }
}

/// Reads the transcripts once more, for the texts of the evidence.
fn add_texts(list: &mut [Entry]) {
    let mut wanted: HashMap<&Path, HashSet<&str>> = HashMap::new();
    for shown in list.iter().flat_map(|entry| &entry.evidence) {
        if let Some(file) = shown.at.file.as_deref() {
            wanted.entry(file).or_default().insert(&shown.at.id);
        }
    }
    let mut texts: HashMap<(String, bool), String> = HashMap::new();
    let mut buffer = Vec::new();
    for (path, ids) in wanted {
        // A file that vanished meanwhile only lacks its texts.
        let Ok(file) = open_regular(path) else { continue };
        let _ = each_line(file, &mut buffer, |line| {
            let Ok(line) = serde_json::from_slice::<Line>(line) else { return };
            for (id, is_result, text) in line.texts() {
                let id = safe_id(&id);
                if ids.contains(id.as_str()) && !text.is_empty() {
                    texts.entry((id, is_result)).or_insert_with(|| text.chars().take(SHOWN).collect());
                }
            }
        });
    }
    for shown in list.iter_mut().flat_map(|entry| &mut entry.evidence) {
        let is_result = shown.at.what == "result";
        let text = |is_result: bool| texts.get(&(shown.at.id.clone(), is_result)).cloned();
        shown.text = text(is_result).or_else(|| text(!is_result));
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    uuid: Option<String>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    attachment: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    tool_use_id: Option<String>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

impl Line<'_> {
    /// Ids and texts of a line; true with the result of a call.
    fn texts(&self) -> Vec<(String, bool, String)> {
        let inner = self.message.or(self.attachment).map(RawValue::get).unwrap_or_default();
        let Ok(message) = serde_json::from_str::<Message>(inner) else { return Vec::new() };
        let content = message.content.or(message.prompt);
        let mut texts = Vec::new();
        texts.extend(self.uuid.clone().map(|uuid| (uuid, false, text_of(content))));
        let blocks = content.and_then(|raw| serde_json::from_str::<Vec<Block>>(raw.get()).ok());
        for block in blocks.into_iter().flatten() {
            texts.extend(block.tool_use_id.map(|id| (id, true, text_of(block.content))));
            let input = block.input.map(|input| input.get().to_owned()).unwrap_or_default();
            texts.extend(block.id.map(|id| (id, false, input)));
        }
        texts
    }
}
