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

/// Prompt and the roles of its parts; `>` stands before a part that needs the one before it.
const COMPOUND: &[(&str, &str)] = &[
    // The promised ones: read, then think; find, then write; run, then repair.
    ("Read the codebase and redesign the auth system", "explore >orchestrator"),
    ("Find every caller of the mailer and then redesign how mail is queued", "explore >orchestrator"),
    ("Find all usages of the old client, then write a migration script for them", "explore >implement"),
    ("Run the tests and fix the bug that makes them fail", "validate >implement"),
    ("Search for the slow queries, then redesign the database schema", "explore >orchestrator"),
    ("Implement the export button and update the README", "implement document"),
    ("Refactor the parser and run the linter", "implement >validate"),
    // What says that a part needs the one before it.
    ("Look up which ports the gateway opens. After that write a compose file for it", "explore >implement"),
    ("List the routes without a test, then write tests for them", "explore >implement"),
    ("add a search box to the toolbar, and once the tests pass push it", "implement >validate"),
    ("plan how we split the billing module, then implement the first step", "orchestrator >implement"),
    ("review the retry code in queue.rs, then fix what you find", "review >implement"),
    ("write a parser for the feed and commit it", "implement >validate"),
    // What says that parts stand side by side.
    ("fix the crash on empty carts; also add a csv export to the orders page", "implement implement"),
    ("Add a filter to the table. Separately, rename the README section on setup", "implement document"),
    (
        "1. add a filter to the orders table\n2. fix the date parser for leap years\n3. deploy to staging",
        "implement implement validate",
    ),
    ("three things: fix the login form. add a logout button. run the linter", "implement implement validate"),
    // Other languages.
    ("lis le fichier config.yml puis écris un script qui le convertit", "explore >implement"),
    ("busca todos los usos de la API vieja y luego escribe un script que los cambie", "explore >implement"),
    ("führe die Tests aus und danach behebe den Fehler im Parser", "validate >implement"),
];

/// Prompts that look as if they had parts and have none.
const ONE_TASK: &[&str] = &[
    "",
    "add a retry to the client and make sure the old calls keep working",
    "go and check which version we use",
    "try and fix the date parser",
    "add a page where users can search and edit their notes",
    "Rename the flag. It should stay an alias for a while. Don't break the old name.",
    "write a script that downloads the feed and sorts the entries",
    "find where we print \"read the docs, then redesign the api and run the tests\"",
    "explain `fetch(); then(); commit and push`",
    "diagnose and fix the crash in the importer",
    "run the migration and show me the output",
    "add tests or fix the old ones",
    "npm run build fails since this morning and I have no idea why",
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

/// The roles of an answer's parts, as in [`COMPOUND`].
fn parts(answer: &Value) -> String {
    let parts = answer["parts"].as_array().expect("a list");
    let word = |part: &Value| {
        let needs = if part["after"] == true { ">" } else { "" };
        format!("{needs}{}", part["role"].as_str().expect("a role"))
    };
    parts.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn compound_examples_are_split_and_say_what_needs_what() {
    let lines: Vec<Value> = COMPOUND.iter().map(|(prompt, _)| json!({"id": 1, "prompt": prompt})).collect();
    let answers = classify(&Sandbox::new(), &lines);
    let wrong: Vec<String> = COMPOUND
        .iter()
        .zip(&answers)
        .filter(|((_, roles), answer)| parts(answer) != *roles)
        .map(|((prompt, roles), answer)| format!("{prompt:?}: want {roles}, got {}", parts(answer)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn promised_compound_tasks_take_the_tier_of_their_hardest_part() {
    let promised = &COMPOUND[..7];
    let lines: Vec<Value> = promised.iter().map(|(prompt, _)| json!({"id": 1, "prompt": prompt})).collect();
    for ((prompt, _), answer) in promised.iter().zip(classify(&Sandbox::new(), &lines)) {
        let tiers = answer["parts"].as_array().expect("a list").iter().map(|part| part["tier"].as_u64());
        assert!(answer["tier"].as_u64() >= tiers.max().flatten(), "{prompt}: {answer}");
    }
}

#[test]
fn what_explains_or_limits_a_task_is_no_part_of_its_own() {
    let lines: Vec<Value> = ONE_TASK.iter().map(|prompt| json!({"id": 1, "prompt": prompt})).collect();
    let answers = classify(&Sandbox::new(), &lines);
    let wrong: Vec<String> = ONE_TASK
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| !parts(answer).is_empty())
        .map(|(prompt, answer)| format!("{prompt:?}: {}", answer["parts"]))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn parts_are_pieces_of_the_prompt_in_order_whatever_the_prompt_is() {
    let mut prompts: Vec<String> = [
        "run it and then ",
        "\"find the log, then fix it",
        "`read the file and then fix it",
        "fix “the header, then run the tests",
        "1) 2) 3) a) b)",
        "- \n- \n- ",
        "then then then also also and and and",
        "and, and, and, or, or; then? also!",
        "🦀, then 🦀 and run 🦀; also fix 🦀",
        "修复登录，然后运行测试",
        "lies die datei — und dann — schreib’ sie um",
        "e\u{301}, then fix e\u{301} and also run the tests",
        "once",
        "once when after",
        "İ then fix the ẞ and commit",
    ]
    .map(str::to_owned)
    .to_vec();
    for piece in
        ["fix it and then ", "run the tests, ", "- add a page\n", "also ", "once a b c ", ") ", "a) "]
    {
        prompts.push(piece.repeat(10_000));
        prompts.push(piece.repeat(9));
    }
    let lines: Vec<Value> = prompts.iter().map(|prompt| json!({"id": 1, "prompt": prompt})).collect();
    for (prompt, answer) in prompts.iter().zip(classify(&Sandbox::new(), &lines)) {
        let mut rest = prompt.as_str();
        for part in answer["parts"].as_array().expect("a list") {
            let text = part["text"].as_str().expect("a text");
            assert!(!text.is_empty());
            let (_, after) = rest.split_once(text).unwrap_or_else(|| panic!("{text:?} is not in {rest:?}"));
            rest = after;
        }
    }
}

#[test]
fn own_compound_prompts_mostly_come_out_with_the_right_executors_in_order() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/compound.jsonl");
    let run = Sandbox::new().run("sef", &["eval", file, "--json"], "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let splits = serde_json::from_str::<Value>(&run.out).expect("JSON")["splits"].clone();
    let count = |name: &str| splits[name].as_u64().expect("a number");
    assert!(count("several") >= 50, "{splits}");
    assert!(count("in_order") * 100 >= count("several") * 70, "{splits}");
    assert!(count("order_right") * 100 >= count("ordered") * 85, "{splits}");
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
