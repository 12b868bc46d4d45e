//! The tools as a client sees them: names, words, hints, in one order that never changes. What they take and give is in
//! `schema`, what they do in `call`.

use std::sync::Arc;

use rmcp::model::{JsonObject, MetaObject, Tool, ToolAnnotations};
use serde_json::Value;

use super::schema;

/// Longest result of `generate` that Claude Code passes on unshortened, in characters; its limit for others is 50,000.
const MOST_RESULT: u64 = 200_000;

/// One tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Can the service be used?
    CheckStatus,
    /// Files in a folder of SEF's own.
    Generate,
    /// Files in the project.
    GenerateAndWriteFiles,
    /// A test command in the fence.
    RunTests,
    /// A run taken back.
    Undo,
    /// Several runners, one design.
    Showdown,
    /// Several designs, one problem.
    AnyPercent,
    /// What has to be read, answered and scored.
    Judge,
    /// How races stand.
    RaceStatus,
    /// A race that was stopped.
    RaceResume,
    /// A winner on the current branch.
    RacePromote,
}

impl Name {
    /// All of them, as they are listed: for prompt caches, always in this order.
    pub const ALL: [Self; 11] = [
        Self::CheckStatus,
        Self::Generate,
        Self::GenerateAndWriteFiles,
        Self::RunTests,
        Self::Undo,
        Self::Showdown,
        Self::AnyPercent,
        Self::Judge,
        Self::RaceStatus,
        Self::RaceResume,
        Self::RacePromote,
    ];

    /// The tool that a client calls by this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckStatus => "check_status",
            Self::Generate => "generate",
            Self::GenerateAndWriteFiles => "generate_and_write_files",
            Self::RunTests => "run_tests",
            Self::Undo => "undo",
            Self::Showdown => "showdown",
            Self::AnyPercent => "any_percent",
            Self::Judge => "judge",
            Self::RaceStatus => "race_status",
            Self::RaceResume => "race_resume",
            Self::RacePromote => "race_promote",
        }
    }
}

/// See [`list`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// A key is there.
    Yes,
    /// No key is there.
    No,
}

/// The tools, in order.
///
/// Claude Code defers MCP tools: the model sees their names and must search before it can call one. `check_status` is loaded
/// at once when a key is there, since it is small and leads to the others; without a key no prompt gets longer.
pub fn list(ready: Ready) -> Vec<Tool> {
    Name::ALL.into_iter().map(|name| tool(name, ready)).collect()
}

/// What the model is told of the server, whether it looks at a tool or not.
pub fn instructions(ready: Ready) -> &'static str {
    match ready {
        Ready::Yes => {
            "Hosted code generation: another model writes whole files from an exact contract in seconds, and they stay out of \
             this conversation; it is not always the cheapest way. Use generate_and_write_files when the user asks for \
             speed-run, turbo or a hosted model, for well understood code whose design is settled: write the contract (DATA \
             CONTRACT, API CONTRACT, ALGORITHM, RULES), then run the tests and mend what they name. Do not use it for small \
             edits, for debugging or where the design is open. Use showdown (also called race) when the user wants the best of \
             several implementations of one design, any_percent when several designs are to be built and compared: candidates \
             run in worktrees of their own, tests and a judge choose, race_promote takes the winner when the user says so. \
             check_status says whether any of it can be used."
        }
        Ready::No => {
            "Hosted code generation is registered but has no key, so it is not in use. When the user asks for it, check_status \
             says how a key is set up; pass that on and stop there, nothing else takes its place unasked."
        }
    }
}

fn tool(name: Name, ready: Ready) -> Tool {
    let tool = Tool::new(name.as_str(), description(name), object(schema::input(name)))
        .with_title(title(name))
        .with_raw_output_schema(object(schema::output(name)))
        .with_annotations(annotations(name));
    match meta(name, ready) {
        Some((key, value)) => {
            let mut meta = MetaObject::new();
            meta.0.insert(key.to_owned(), value);
            tool.with_meta(meta)
        }
        None => tool,
    }
}

fn meta(name: Name, ready: Ready) -> Option<(&'static str, Value)> {
    match (name, ready) {
        (Name::CheckStatus, Ready::Yes) => Some(("anthropic/alwaysLoad", true.into())),
        (Name::Generate, _) => Some(("anthropic/maxResultSizeChars", MOST_RESULT.into())),
        _ => None,
    }
}

fn title(name: Name) -> &'static str {
    match name {
        Name::CheckStatus => "Hosted generation: status",
        Name::Generate => "Generate code aside",
        Name::GenerateAndWriteFiles => "Generate files into the project",
        Name::RunTests => "Run tests in the fence",
        Name::Undo => "Undo a generation",
        Name::Showdown => "Race: one design, several runners",
        Name::AnyPercent => "Race: several approaches",
        Name::Judge => "Judge candidates",
        Name::RaceStatus => "Race: how it stands",
        Name::RaceResume => "Race: go on",
        Name::RacePromote => "Race: take the winner",
    }
}

fn description(name: Name) -> &'static str {
    match name {
        Name::CheckStatus => {
            "Says whether hosted code generation can be used: service, model, limits, and what is missing. Call it once, \
             before the first generation of a session; not before each one. With live=false it opens no connection."
        }
        Name::Generate => {
            "Has the hosted model write files from a contract into a folder aside, not into the project. Use it to look at a \
             draft or to compare; to get code into the project use generate_and_write_files. Returns names and sizes, and the \
             code only with include_code=true, which costs you its tokens."
        }
        Name::GenerateAndWriteFiles => {
            "Has the hosted model write whole files from a contract into the project, and runs the tests on them. Use it for \
             well understood code of a few files; not for small edits, debugging or open design. The contract has a line that \
             says what to build, DATA CONTRACT, API CONTRACT, ALGORITHM and RULES with the error cases and the list of files: a \
             vague one is refused and the result says what is missing. Returns names, sizes and test results, not the code (a \
             failing test may quote a line): mend what the tests name, and open no more than that. Files that are there and differ stop it unless \
             overwrite=true; undo takes a run back."
        }
        Name::RunTests => {
            "Runs a test command in a fence (time, memory and output limits, no keys, no network where the machine can do \
             that) and returns counts, names of failing tests and at most 40 relevant lines. Use it for generated code that \
             nobody has read yet; not for servers, builds or commands that must reach the network."
        }
        Name::Undo => {
            "Takes back what a generation wrote: files it made are removed, files it replaced come back. Without run, the \
             last one of this project. When a file was edited since, nothing is taken back and the result names it; with \
             discard_edits=true it is taken back too, and a copy of the edits is kept."
        }
        Name::Showdown => {
            "Has several runners of the hosted model build one design, each from its own plan in a git worktree of its own; tests \
             and a judge choose. Use it for a settled design of medium or high complexity; not for small work or an open design \
             (any_percent). The design is a contract whose fenced tests become the exam. The checkout stays as it is until \
             race_promote. Returns counts, scores, winner and paths, never code. A race that takes longer than wait_s, or than \
             your client waits, is not lost: status running and an id come back; race_status waits for it, race_resume goes on \
             after a stop."
        }
        Name::AnyPercent => {
            "Builds several approaches to one problem, each in a git worktree of its own, and compares them by tests and a judge. \
             Use it when one decision is open (storage, protocol, structure) and tests can tell; not for a settled design \
             (showdown). Approaches differ in one decision: name them, or have them proposed with auto. Returns counts, scores, \
             winner and paths, never code; the checkout stays as it is until race_promote. Waiting, running and resuming are as \
             with showdown."
        }
        Name::Judge => {
            "Scores candidates: of a race, or any folders of the project. Without answers it gives what has to be read (items, \
             files) and the form; read the code, then call again with the filled-in form as answers: yes, no or na with a path:line \
             that exists, else the answer is void. Scores, gates and winner are computed, never given. Runs no code and asks no \
             hosted model."
        }
        Name::RaceStatus => {
            "Says how a race stands (running, stopped, finished, promoted, cleared) and gives its result again; without race it \
             lists the races of this project, newest first. With wait_s it waits that long for one that is running. Works \
             whichever session started the race."
        }
        Name::RaceResume => {
            "Goes on with a race that was stopped, cancelled or killed, by its id or the last one of this project: finished steps \
             are not done or paid for again. A race that is running is waited for. Returns what showdown returns."
        }
        Name::RacePromote => {
            "Puts the winner of a race, or the candidate named, onto the current branch as a commit and clears the others away \
             (their work is kept aside for 90 days). Only when the user has agreed to it. Refuses a dirty checkout and changes \
             nothing then."
        }
    }
}

fn annotations(name: Name) -> ToolAnnotations {
    let hints = |read_only, destructive, idempotent, open_world| {
        ToolAnnotations::from_raw(
            None,
            Some(read_only),
            Some(destructive),
            Some(idempotent),
            Some(open_world),
        )
    };
    match name {
        Name::CheckStatus => hints(true, false, true, true),
        Name::RaceStatus => hints(true, false, true, false),
        // They write into the state folder and run tests in the fence, and the checkout is never touched.
        Name::Generate | Name::Showdown | Name::AnyPercent => hints(false, false, false, true),
        Name::RaceResume => hints(false, false, true, true),
        Name::Judge => hints(false, false, true, false),
        // It replaces files when told to, and a test command may do anything that the fence allows.
        Name::GenerateAndWriteFiles | Name::RunTests => hints(false, true, false, true),
        Name::Undo | Name::RacePromote => hints(false, true, false, false),
    }
}

fn object(schema: Value) -> Arc<JsonObject> {
    let Value::Object(schema) = schema else { unreachable!("every schema is an object") };
    Arc::new(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_all_its_parts_within_the_limits_of_clients() {
        for ready in [Ready::Yes, Ready::No] {
            assert!(instructions(ready).len() < 2_048, "older clients cut there");
            for tool in list(ready) {
                assert!(format!("mcp__speed-run__{}", tool.name).len() <= 64);
                assert!(tool.description.is_some_and(|words| (80..1_000).contains(&words.len())));
                assert!(tool.title.is_some() && tool.annotations.is_some());
                assert_eq!(tool.input_schema["type"], "object");
                assert_eq!(tool.input_schema["additionalProperties"], false);
                assert_eq!(tool.output_schema.map(|schema| schema["type"].clone()), Some("object".into()));
            }
        }
    }

    #[test]
    fn only_a_key_puts_a_tool_into_every_prompt() {
        let loaded = |ready| {
            let loaded = |tool: &Tool| {
                tool.meta.as_ref().is_some_and(|meta| meta.0.contains_key("anthropic/alwaysLoad"))
            };
            list(ready).into_iter().filter(loaded).map(|tool| tool.name).collect::<Vec<_>>()
        };
        assert_eq!(loaded(Ready::Yes), ["check_status"]);
        assert!(loaded(Ready::No).is_empty());
    }
}
