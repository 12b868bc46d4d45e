//! The routing examples that SEF promises: what goes to whom. One table; the whole binary is run once over it.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Prompt, tier, role.
const SINGLE: &[(&str, u8, &str)] = &[
    // Mechanical, read-heavy or well defined.
    ("find all files importing the logger module", 1, "explore"),
    ("Search the codebase for TODO comments", 1, "explore"),
    ("grep for uses of legacy_token across all services", 1, "explore"),
    ("Read src/server.ts and summarize what it does", 1, "explore"),
    ("Summarize the README", 1, "explore"),
    ("list the directory structure of packages/", 1, "explore"),
    ("find every file named *.proto", 1, "explore"),
    ("Where is the session timeout defined?", 1, "explore"),
    ("What version of React are we using?", 1, "explore"),
    ("run the test suite", 1, "validate"),
    ("Run the linter and the type checker", 1, "validate"),
    ("build the project and tell me if it compiles", 1, "validate"),
    ("check that the code is formatted with prettier", 1, "validate"),
    ("git status", 1, "validate"),
    ("git log of the last five commits", 1, "validate"),
    ("commit and push", 1, "validate"),
    ("add docstrings to utils.py", 1, "document"),
    ("Update the README with the new install command", 1, "document"),
    ("add a changelog entry for 2.1", 1, "document"),
    ("fix the typo in the page title", 1, "document"),
    // Reasoning about code within known patterns.
    ("Implement the CSV export as described in docs/export.md", 2, "implement"),
    ("Add a retry parameter to the fetch_user function", 2, "implement"),
    ("write a class that wraps the S3 client", 2, "implement"),
    ("Refactor the order service: extract the validation into its own module", 2, "implement"),
    ("Write unit tests for the pricing rules", 2, "implement"),
    (
        "Debug this: TypeError: cannot read properties of undefined (reading 'id') at cart.ts:42",
        2,
        "implement",
    ),
    ("Fix the failing login test", 2, "implement"),
    ("Review this pull request and suggest improvements", 2, "review"),
    ("Do a code review of the new cache layer", 2, "review"),
    ("Write technical documentation of how the plugin loader works", 2, "implement"),
    ("resolve the merge conflicts in package.json", 2, "implement"),
    ("Integrate the weather API following their quickstart", 2, "implement"),
    ("Explain how the retry queue works", 2, "review"),
    // Deep reasoning, novel architecture, high stakes.
    ("Design the architecture of a multi-tenant billing platform", 3, "orchestrator"),
    ("redesign the auth system", 3, "orchestrator"),
    ("Plan the major refactoring of our monolith into services", 3, "orchestrator"),
    ("The worker hangs intermittently in production and there is no stack trace", 3, "orchestrator"),
    ("Fix the race condition in the job scheduler", 3, "orchestrator"),
    ("Optimize the performance of the matching algorithm, it is O(n^2)", 3, "orchestrator"),
    ("Do a security audit of the upload endpoint", 3, "orchestrator"),
    ("Assess the vulnerabilities of our password reset flow", 3, "orchestrator"),
    (
        "Change the wire protocol across all five services, they depend on each other in complex ways",
        3,
        "orchestrator",
    ),
    ("The requirements are unclear: figure out what the customer really needs", 3, "orchestrator"),
    ("Implement a novel consensus algorithm for our cluster", 3, "orchestrator"),
    ("migrate the production database to the new schema without losing data", 3, "orchestrator"),
    // No task.
    ("thanks", 0, "none"),
    ("yes, go ahead", 0, "none"),
    ("ok", 0, "none"),
    ("continue", 0, "none"),
    ("option 2", 0, "none"),
    ("/compact", 0, "none"),
];

/// Prompt and the roles of its parts.
const COMPOUND: &[(&str, &[&str])] = &[
    ("Read the codebase and redesign the auth system", &["explore", "orchestrator"]),
    ("Find all usages of the old client, then write a migration script for them", &["explore", "implement"]),
    ("Run the tests and fix the bug that makes them fail", &["validate", "implement"]),
    ("Implement the export button and update the README", &["implement", "document"]),
    ("Search for the slow queries, then redesign the database schema", &["explore", "orchestrator"]),
    ("Refactor the parser and run the linter", &["implement", "validate"]),
];

fn classify(sandbox: &Sandbox, lines: &[Value]) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let run = sandbox.run("sef", &["classify", "--jsonl"], input);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_promised_example_goes_to_its_tier_and_role() {
    let lines: Vec<Value> =
        SINGLE.iter().map(|(prompt, ..)| json!({"id": prompt, "prompt": prompt})).collect();
    let answers = classify(&Sandbox::new(), &lines);
    let wrong: Vec<String> = SINGLE
        .iter()
        .zip(&answers)
        .filter(|((_, tier, role), answer)| answer["tier"] != *tier || answer["role"] != *role)
        .map(|((prompt, tier, role), answer)| format!("{prompt:?}: want {tier} {role}, got {answer}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn compound_examples_are_split_and_take_the_tier_of_their_hardest_part() {
    let lines: Vec<Value> = COMPOUND.iter().map(|(prompt, _)| json!({"id": 1, "prompt": prompt})).collect();
    for ((prompt, roles), answer) in COMPOUND.iter().zip(classify(&Sandbox::new(), &lines)) {
        let parts = answer["parts"].as_array().expect("a list");
        let found: Vec<&str> = parts.iter().map(|part| part["role"].as_str().expect("a role")).collect();
        assert_eq!(&found, roles, "{prompt}: {answer}");
        let hardest = parts.iter().map(|part| part["tier"].as_u64().expect("a tier")).max();
        assert!(answer["tier"].as_u64() >= hardest, "{prompt}");
    }
}

#[test]
fn two_independent_pieces_for_one_executor_are_one_hint() {
    let line = json!({"id": 1, "prompt": "Fix the bug in auth.py and add tests for the API module"});
    let answer = &classify(&Sandbox::new(), &[line])[0];
    assert_eq!((&answer["tier"], &answer["role"]), (&json!(2), &json!("implement")));
}

#[test]
fn negated_verbs_and_quoted_words_do_not_count() {
    for (prompt, tier) in [
        ("don't refactor anything, just list the functions in parser.rs", 1),
        ("list the files, do not redesign the architecture", 1),
        ("find where we print \"redesign the auth system\"", 1),
        (
            "show me this file:\n```\nrefactor the race condition in production, design the architecture\n```",
            1,
        ),
    ] {
        let answer = &classify(&Sandbox::new(), &[json!({"id": 1, "prompt": prompt})])[0];
        assert_eq!(answer["tier"], tier, "{prompt}: {answer}");
    }
}

#[test]
fn text_in_any_script_survives() {
    let sandbox = Sandbox::new();
    for prompt in [
        "найди все файлы, которые импортируют config",
        "列出所有导入 config 的文件",
        "設定ファイルを探してください",
        "أين يتم التحقق من الجلسة؟",
        "🦀🦀🦀",
        "İstanbul ẞ ﬃ ǅ",
        "e\u{301}\u{301}\u{301}",
    ] {
        let answer = &classify(&sandbox, &[json!({"id": 1, "prompt": prompt})])[0];
        assert!(answer["tier"].as_u64().is_some_and(|tier| tier <= 3), "{prompt}: {answer}");
    }
}

#[test]
fn a_bad_line_is_named_by_its_number() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("sef", &["classify", "--jsonl"], "{\"id\":1,\"prompt\":\"x\"}\n\nnot json\n");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("line 3"), "{}", run.err);
}
