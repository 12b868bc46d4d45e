//! One call of a tool: arguments to an order, the order to the engine, what came of it to a result. A failure is a result too,
//! of the same shape, so that the model can read it and act. Code is only in a result that was asked to hold it.

use std::path::Path;
use std::time::Duration;

use rmcp::model::JsonObject;
use serde_json::{Value, json};

use super::arguments::{
    Arguments, LONGEST_COMMAND, LONGEST_PROMPT, LONGEST_TEXT, MOST_FIXES, MOST_SECONDS, MOST_TOKENS,
    TEST_SECONDS, wrong,
};
use super::progress::Client;
use super::tools::Name;
use super::{Closing, judging, place, races, schema};
use crate::config::Env;
use crate::fsx::confined::Overwrite;
use crate::hosted::status::{self, Live};
use crate::turbo::order::{Failure, Finished, Order, Status, Test, Vague};
use crate::turbo::runs::Edits;
use crate::turbo::{command, engine, trial};
use crate::watch::{Step, Watch};

/// Most code that a result holds, in bytes: about 20,000 tokens, where Claude Code's bound on a result is 25,000.
const MOST_CODE: usize = 60_000;
/// Most entries of each list about tests.
const MOST_ENTRIES: usize = 40;
/// Longest text about tests, in characters.
const LONGEST_LINE: usize = 400;

/// The result of a call.
#[derive(Debug)]
pub(super) struct Answer {
    /// An object that conforms to the tool's output schema.
    pub(super) value: Value,
    /// What was asked for was not done.
    pub(super) failed: bool,
}

pub(super) type Made = std::result::Result<Answer, Failure>;

/// Does what a call asks for. Blocks until it is done or the client does not want it any more; only a race may go on after
/// it, and ends when the server closes.
pub(super) fn call(env: &Env, name: Name, given: &JsonObject, client: &Client, closing: &Closing) -> Answer {
    let made = Arguments::new(name.as_str(), &schema::input(name), given).and_then(|arguments| match name {
        Name::CheckStatus => check_status(env, &arguments),
        Name::Generate => generate(env, &arguments, client),
        Name::GenerateAndWriteFiles => generate_and_write_files(env, &arguments, client),
        Name::RunTests => run_tests(env, &arguments, client),
        Name::Undo => undo(env, &arguments),
        Name::Showdown => races::showdown(env, &arguments, client, closing),
        Name::AnyPercent => races::any_percent(env, &arguments, client, closing),
        Name::Judge => judging::judge(env, &arguments),
        Name::RaceStatus => races::status(env, &arguments, client),
        Name::RaceResume => races::resume(env, &arguments, client, closing),
        Name::RacePromote => races::promote(env, &arguments),
    });
    made.unwrap_or_else(|failure| Answer {
        value: json!({ "status": "error", "error": failure }),
        failed: true,
    })
}

fn check_status(env: &Env, arguments: &Arguments) -> Made {
    let live = if arguments.flag("live", true)? { Live::Yes } else { Live::No };
    Ok(done(json!(status::check(env, live))))
}

fn generate(env: &Env, arguments: &Arguments, watch: &dyn Watch) -> Made {
    let include_code = arguments.flag("include_code", false)?;
    let order = Order {
        contract: arguments.needed("prompt", LONGEST_PROMPT)?.to_owned(),
        out: place::root(env)?,
        existing: Overwrite::Refuse,
        vague: Vague::Refuse,
        model: arguments.text("model", LONGEST_TEXT)?.map(str::to_owned),
        max_tokens: arguments.number("max_tokens", 1, MOST_TOKENS)?,
        within: None,
        test: None,
        fix: 0,
    };
    let drafted = engine::draft(env, &order, watch);
    let mut answer = of_finished(&drafted.finished);
    if include_code && drafted.finished.status == Status::Ok {
        add_code(&mut answer.value, drafted.code, Path::new(&drafted.finished.out));
    }
    Ok(answer)
}

fn generate_and_write_files(env: &Env, arguments: &Arguments, watch: &dyn Watch) -> Made {
    let contract = arguments.needed("prompt", LONGEST_PROMPT)?.to_owned();
    let given = arguments.needed("output_dir", LONGEST_TEXT)?;
    let overwrite = arguments.flag("overwrite", false)?;
    let command = arguments.text("test_command", LONGEST_COMMAND)?;
    let fix = arguments.number("fix", 0, MOST_FIXES)?.unwrap_or(0) as u8;
    let model = arguments.text("model", LONGEST_TEXT)?.map(str::to_owned);
    let max_tokens = arguments.number("max_tokens", 1, MOST_TOKENS)?;
    if fix > 0 && command.is_none() {
        return Err(wrong(
            "`fix` needs `test_command`: only failing tests go back to the model".to_owned(),
            "give test_command, or leave fix out".to_owned(),
        ));
    }
    let out = place::inside(&place::root(env)?, env.project_dir.as_deref(), "output_dir", given)?;
    let test = command.map(|command| test(command, TEST_SECONDS));
    let existing = if overwrite { Overwrite::Replace } else { Overwrite::Refuse };
    let order =
        Order { contract, out, existing, vague: Vague::Refuse, model, max_tokens, within: None, test, fix };
    Ok(of_finished(&engine::run(env, &order, watch)))
}

fn run_tests(env: &Env, arguments: &Arguments, watch: &dyn Watch) -> Made {
    let command = arguments.needed("command", LONGEST_COMMAND)?;
    let seconds = arguments.number("timeout_s", 1, MOST_SECONDS)?.unwrap_or(TEST_SECONDS);
    let given = arguments.text("dir", LONGEST_TEXT)?.unwrap_or(".");
    let dir = place::inside(&place::root(env)?, env.project_dir.as_deref(), "dir", given)?;
    if !dir.is_dir() {
        return Err(wrong(
            format!("`dir` is no folder: {}", dir.display()),
            "give a folder that exists".to_owned(),
        ));
    }
    watch.step(Step::Testing);
    let seen = trial::run(env, &dir, &test(command, seconds), watch)?.to_json();
    let mut value = json!({ "status": "ran" });
    if let (Some(fields), Value::Object(seen)) = (value.as_object_mut(), bounded(seen)) {
        fields.extend(seen);
    }
    Ok(done(value))
}

fn undo(env: &Env, arguments: &Arguments) -> Made {
    let run = arguments.text("run", LONGEST_TEXT)?;
    let edits = if arguments.flag("discard_edits", false)? { Edits::Discard } else { Edits::Refuse };
    let undone = command::undo(env, run, Some(&place::root(env)?), edits)
        .map_err(|error| Failure::of("failed", &error))?;
    let kept: Vec<String> = undone.kept.iter().map(|(_, at)| at.display().to_string()).collect();
    Ok(done(json!({
        "status": "ok",
        "run": undone.id,
        "restored": undone.restored,
        "removed": undone.removed,
        "kept": kept,
    })))
}

fn test(command: &str, seconds: u64) -> Test {
    Test { command: command.to_owned(), within: Duration::from_secs(seconds), sandbox: None }
}

pub(super) fn done(value: Value) -> Answer {
    Answer { value, failed: false }
}

fn of_finished(finished: &Finished) -> Answer {
    Answer { value: json!(finished), failed: finished.status == Status::Error }
}

/// Adds the code, or why it is not there.
fn add_code(value: &mut Value, code: Vec<(String, String)>, folder: &Path) {
    let bytes: usize = code.iter().map(|(_, content)| content.len()).sum();
    if bytes <= MOST_CODE {
        let files = code.into_iter().map(|(path, content)| json!({ "path": path, "content": content }));
        value["code"] = files.collect();
        return;
    }
    let note = format!(
        "the code has {bytes} bytes, too many for a result ({MOST_CODE}); read the files in {}",
        folder.display()
    );
    if let Some(warnings) = value["warnings"].as_array_mut() {
        warnings.push(note.into());
    }
}

/// What tests said, cut to what a model can use.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > LONGEST_LINE => {
            Value::String(text.chars().take(LONGEST_LINE).chain(['…']).collect())
        }
        Value::Array(entries) => entries.into_iter().take(MOST_ENTRIES).map(bounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, bounded(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_is_too_long_for_a_result_is_named_and_left_out() {
        let code = |bytes| vec![("a.py".to_owned(), "x".repeat(bytes))];
        let mut value = json!({ "warnings": [] });
        add_code(&mut value, code(MOST_CODE), Path::new("/drafts/1"));
        assert_eq!(value["code"][0]["path"], "a.py");
        let mut value = json!({ "warnings": [] });
        add_code(&mut value, code(MOST_CODE + 1), Path::new("/drafts/1"));
        assert_eq!(value.get("code"), None);
        assert!(
            value["warnings"][0].as_str().is_some_and(|note| note.contains("read the files in /drafts/1"))
        );
    }

    #[test]
    fn what_tests_say_is_bounded() {
        let seen =
            bounded(json!({ "relevant": vec!["é".repeat(10_000); 1_000], "passed": 3, "failing": [] }));
        assert_eq!(seen["relevant"].as_array().map(Vec::len), Some(MOST_ENTRIES));
        assert_eq!(seen["relevant"][0].as_str().map(|line| line.chars().count()), Some(LONGEST_LINE + 1));
        assert_eq!((&seen["passed"], &seen["failing"]), (&json!(3), &json!([])));
    }
}
