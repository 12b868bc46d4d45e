//! One versioned line of the log. It has no field that could hold a prompt, a path or an error text:
//! only ids, tiers, rule ids, model names of a known shape, counts and durations.

use serde::{Deserialize, Serialize};

use super::race::Race;

/// Version of the line format. A reader counts lines of a later version apart and does not guess.
pub const VERSION: u32 = 1;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// SessionStart. `src`, `par` (the orchestrator's model, when given).
    Session,
    /// UserPromptSubmit of a person. `tier`, `role`, `conf`, `hint` or `why` there is none, `rules`.
    Prompt,
    /// PreToolUse of an Agent call. `tu`, `agent`, `want`, `req`, `why`, `tier`, `par`, `a` (the spawning subagent).
    Spawn,
    /// PostToolUse of an Agent call. `tu`, `a` (the new agent), `agent`, `ran`, `out`, `ms`.
    Result,
    /// SubagentStart. `a`, `agent`.
    AgentStart,
    /// SubagentStop or StopFailure of a subagent. `a`, `agent`, `out`. May repeat per agent: the last one counts.
    AgentStop,
    /// A background agent's result reached the orchestrator (task notification). `a`, `tu`, `out`.
    Notified,
    /// The client refused a spawn that SEF had changed. `tu`, `mode`, `why`.
    Refused,
    /// Stop: the turn ended. StopFailure of the main turn has `out` = failed.
    Stop,
    /// SessionEnd.
    End,
    /// The user's own word on a delegation. `tu`, `out`: ok is accepted, gave_up is rejected. The last one counts.
    Feedback,
    /// A hosted model wrote code, or was asked to. `h`, `ms` (all of it), `why` (the failure's name).
    Turbo,
    /// A race stopped, was judged or promoted, or Claude was told of it. `rc`, `h` (all its calls), `ms` (pauses left out).
    Race,
    /// PreToolUse of a codegen tool: the contract was too vague and the call was refused. `tu`.
    Vague,
    /// A turn of the conversation itself was decided about. `tier`, `role`, `conf`, `want` (the model or effort; absent: as the
    /// user has it), `why`, `par` (the user's model), `mt`.
    Main,
    /// Something inside SEF failed and was survived. `why` is its code.
    Fault,
}

/// How a delegation ended, as far as one event can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A result came back and says nothing bad of itself.
    Ok,
    /// Started in the background: the result comes later.
    Launched,
    /// The result was empty.
    Empty,
    /// The executor said that it could not do the work.
    GaveUp,
    /// The call or the agent failed (API error, crash, refused model).
    Failed,
}

/// One line. Absent means "not known" or "does not apply", never "none happened".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Format version, [`VERSION`].
    pub v: u32,
    /// Milliseconds since 1970, UTC.
    pub t: u64,
    /// What the line is about.
    pub e: Kind,
    /// Session id (an id that is not id-shaped is replaced by `x` and 16 hex digits of its hash).
    pub s: String,
    /// `prompt_id`: groups all events of one user prompt, subagents' included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<String>,
    /// Project: 16 hex digits, the hash of the transcript folder's name. See [`project_key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pj: Option<String>,
    /// Agent id: of the new agent in `result`, of the spawning subagent in `spawn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    /// `tool_use_id` of the Agent call: joins spawn, result and the agent's `.meta.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tu: Option<String>,
    /// Agent type: a built-in's or SEF's own name, else `x` and 16 hex digits of the name's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Permission mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// SessionStart's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
    /// Tier 0-3 of the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// Role of the verdict: explore, validate, document, implement, review, orchestrator, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Confidence of the verdict, 0-1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conf: Option<u16>,
    /// By how much (thousandths of a probability) the rules were surer than the preset asks, before any calibration, that
    /// the tier suffices; below 0 they were not sure enough. Of a spawn: for its executor's or its verdict's tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<i16>,
    /// Whether context was given to the orchestrator, and which kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Number of the hint's wording; absent is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<u8>,
    /// Reason code for what was done or left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Ids of the rules that fired, at most 12.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Model family that SEF wanted for the spawn: haiku, sonnet, opus, fable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// Model family in the call as it went out (set by SEF or by the orchestrator); absent: inherited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub req: Option<String>,
    /// Model id that the client says it resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<String>,
    /// Model id or family of the parent (the orchestrator, or the spawning subagent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub par: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<Outcome>,
    /// The delegation's duration in milliseconds, as the client reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What the hook itself took, in microseconds, up to writing this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us: Option<u32>,
    /// What a hosted model was asked for and used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h: Option<Box<Hosted>>,
    /// What a race came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rc: Option<Box<Race>>,
    /// What was expected of a turn of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mt: Option<Box<MainTurn>>,
}

/// What a decision about a turn of the conversation rests on: counts and amounts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MainTurn {
    /// Expected gain, in millionths of a US dollar (negative: a loss), of what was chosen, or when nothing was, of the best
    /// that was weighed; absent when nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub g: Option<i64>,
    /// The same, should the user's cache be gone on the way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub w: Option<i64>,
    /// What that was: the alias of a model, or an effort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
    /// Tokens of history.
    pub h: u64,
    /// Seconds that the user's model still has it cached.
    #[serde(skip_serializing_if = "is_zero")]
    pub warm: u64,
    /// The prompt complains about the turn before, which was changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// One order to a hosted model, or all calls of a race: counts and names of models, nothing of what was asked or written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hosted {
    /// The model's id, when it is shaped like one; else `other`.
    pub m: String,
    /// Prompt tokens of all calls.
    pub i: u64,
    /// Generated tokens, reasoning included.
    pub o: u64,
    /// Of those, reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub r: u64,
    /// Of the prompt's, from the service's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub c: u64,
    /// Cost in millionths of a US dollar, rounded; none when the model has no known price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<u64>,
    /// Milliseconds that the service took.
    pub ms: u64,
    /// Calls that were made again.
    #[serde(skip_serializing_if = "is_zero")]
    pub n: u64,
    /// Files written; of a race, the winner's.
    pub f: u64,
    /// Their lines.
    pub l: u64,
    /// Every file was written; of a race, somebody won.
    pub ok: bool,
    /// The tests passed at their first run; none without tests, and of a race.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t1: Option<bool>,
    /// They passed in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub t: Option<bool>,
    /// Repair rounds.
    #[serde(skip_serializing_if = "is_zero")]
    pub fix: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Record {
    /// An empty record of a kind; `t` in milliseconds since 1970.
    pub fn new(kind: Kind, t: u64, session: &str) -> Self {
        Self {
            v: VERSION,
            t,
            e: kind,
            s: safe_id(session),
            p: None,
            pj: None,
            a: None,
            tu: None,
            agent: None,
            mode: None,
            src: None,
            tier: None,
            role: None,
            conf: None,
            room: None,
            hint: None,
            word: None,
            why: None,
            rules: Vec::new(),
            want: None,
            req: None,
            ran: None,
            par: None,
            out: None,
            ms: None,
            us: None,
            h: None,
            rc: None,
            mt: None,
        }
    }
}

/// Longest id that is stored as it is, in bytes. Real ones have at most 36.
pub const MAX_ID: usize = 64;

/// The id itself when it is shaped like one, else `x` and the hash of it: ids are data, never paths or prose.
pub fn safe_id(id: &str) -> String {
    if is_id(id) { id.to_owned() } else { hashed(id) }
}

/// Has the shape of the client's ids: 1 to [`MAX_ID`] ASCII letters, digits, `-` and `_`, so it is also safe as part of a file name.
pub fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_ID
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// `x` and 16 hex digits: a stable stand-in for a name that must not be stored.
pub fn hashed(text: &str) -> String {
    format!("x{:016x}", fnv64(text.as_bytes()))
}

/// An agent type as the log may hold it: the client's and SEF's own by name, a person's as a hash. A plugin prefix (`sef:sef-explore`) of SEF's own agents is dropped.
pub fn safe_agent(name: &str) -> String {
    let bare = crate::agents::without_plugin(name);
    if crate::agents::is_known(bare) { bare.to_owned() } else { hashed(name) }
}

/// A model id as the log may hold it: lower case, known shape; anything else is `other`.
pub fn safe_model(model: &str) -> String {
    let shaped = model.len() <= 80
        && model.bytes().all(|b| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'-' | b'.' | b':' | b'/' | b'@' | b'[' | b']')
        })
        && ["haiku", "sonnet", "opus", "fable", "mythos", "claude-"].iter().any(|part| model.contains(part));
    if shaped { model.to_owned() } else { "other".to_owned() }
}

/// The id of a hosted model as the log may hold it: lower case, known shape; anything else is `other`.
pub fn safe_hosted(model: &str) -> String {
    let shaped = (1..=80).contains(&model.len())
        && model.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':' | b'/' | b'_')
        });
    if shaped { model.to_owned() } else { "other".to_owned() }
}

/// The key of a project: the hash of the name of its transcript folder (`-home-user-project`).
pub fn project_key(folder_name: &str) -> String {
    format!("{:016x}", fnv64(folder_name.as_bytes()))
}

/// The name that Claude Code gives the transcript folder of a project: every `/`, `_` and `.` becomes `-`.
pub fn transcript_folder(project: &str) -> String {
    project.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// FNV-1a, 64 bits: a stable hash for keys that never leave this machine.
pub fn fnv64(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_ids_are_replaced_by_a_hash() {
        for id in ["", "../../x", "a b", "a\nb", &"a".repeat(65), "a\0"] {
            let safe = safe_id(id);
            assert!(safe.starts_with('x') && safe.len() == 17, "{id:?} -> {safe}");
        }
        assert_eq!(safe_id("bdc1de87-ef39-4c84-9f34-23244a6fc41d"), "bdc1de87-ef39-4c84-9f34-23244a6fc41d");
        assert_eq!(safe_id("toolu_68421fdd48654845b1b311b6"), "toolu_68421fdd48654845b1b311b6");
    }

    #[test]
    fn names_that_a_person_chose_are_not_stored() {
        assert_eq!(safe_agent("Explore"), "Explore");
        assert_eq!(safe_agent("sef:sef-review"), "sef-review");
        assert!(safe_agent("acme-merger-agent").starts_with('x'));
        assert_eq!(safe_model("claude-opus-5-5[1m]"), "claude-opus-5-5[1m]");
        assert_eq!(safe_model("CANARY secret"), "other");
    }

    #[test]
    fn a_record_survives_a_round_trip_and_leaves_out_what_is_absent() {
        let record = Record::new(Kind::AgentStop, 5, "s-1");
        let line = serde_json::to_string(&record).unwrap_or_default();
        assert_eq!(line, r#"{"v":1,"t":5,"e":"agent_stop","s":"s-1"}"#);
        assert_eq!(serde_json::from_str::<Record>(&line).ok(), Some(record));
    }
}
