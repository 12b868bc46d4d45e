//! Who wins, and what becomes of the broken one, the cheat and the copy, on designs of several kinds.

use serde_json::{Value, json};

use super::{Ring, candidate, outcome};
use crate::sandbox::Sandbox;

/// All five candidates of a design; what the cheat is caught by.
fn decided(design: &str, cheat: &str) -> (Ring, Value) {
    let ring = Ring::new(design, &["alpha", "bravo", "charlie", "delta", "echo"], &[]);
    let before = ring.users();
    let run = ring.showdown(&[]);
    let outcome = outcome(&run);
    assert_eq!(run.code, Some(0), "{outcome:#}\n{}", run.err);
    assert_eq!(ring.users(), before, "the checkout and the user's part of the repository are as they were");
    assert_eq!(outcome["winner"], "runner-1", "{outcome:#}");
    let fate = |name: &str| {
        let one = candidate(&outcome, name);
        (one["status"].clone(), one["why"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(fate("runner-3").0, "eliminated");
    assert!(fate("runner-3").1.contains("failed"), "{:?}", fate("runner-3"));
    assert_eq!(fate("runner-4").0, "eliminated");
    assert!(fate("runner-4").1.contains(cheat), "{:?}", fate("runner-4"));
    assert_eq!(fate("runner-5"), (json!("eliminated"), "it is the same as runner-1".to_owned()));
    let worksheet =
        std::fs::read_to_string(outcome["written"]["worksheet"].as_str().expect("a path")).expect("is there");
    for runner in 1..=5 {
        assert!(worksheet.contains(&format!("## Worksheet: runner-{runner}")), "{worksheet}");
    }
    let of_winner = worksheet.split("## Worksheet: runner-1").nth(1).expect("is there");
    let of_winner = of_winner.split("## Worksheet:").next().expect("is there");
    assert!(!of_winner.contains("not answered"), "{of_winner}");
    let sum: u64 = candidate(&outcome, "runner-1")["scores"]
        .as_array()
        .expect("five")
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(candidate(&outcome, "runner-1")["total"], sum);
    (ring, outcome)
}

#[test]
fn the_limiters_cheat_that_ends_the_process_with_a_summary_of_its_own_is_caught() {
    let (ring, outcome) = decided("limiter", "every test of the exam is broken");
    let page =
        std::fs::read_to_string(outcome["written"]["page"].as_str().expect("a path")).expect("is there");
    assert!(page.contains("default-src 'none'") && !page.contains("<script"), "{page}");
    assert!(page.contains("runner-1") && page.contains("winner"), "{page}");
    let result =
        std::fs::read_to_string(outcome["written"]["result"].as_str().expect("a path")).expect("is there");
    assert!(result.contains("| runner-1 | Lazy refill") && result.contains("WINNER"), "{result}");
    let branch = candidate(&outcome, "runner-1")["branch"].as_str().expect("a branch").to_owned();
    let files = ring.git(&["ls-tree", "-r", "--name-only", &branch]);
    for path in
        ["limiter.py", "runner-1/plan.md", "runner-1/contract-1.md", "runner-2/plan.md", "showdown/result.md"]
    {
        assert!(files.lines().any(|line| line.ends_with(path)), "{path}: {files}");
    }
}

#[test]
fn the_transforms_cheat_that_rewrites_its_tests_is_caught() {
    let (_, outcome) = decided("csv", "it changed its own exam");
    assert_eq!(candidate(&outcome, "runner-4")["exam"]["restored"], true);
}

#[test]
fn the_services_cheat_that_shadows_the_test_runner_is_caught_and_a_repair_counts() {
    let (_, outcome) = decided("tasks", "");
    let repaired = candidate(&outcome, "runner-2");
    assert_eq!(
        (&repaired["first_pass"], &repaired["repairs"], &repaired["failed"]),
        (&json!(false), &json!(1), &json!(0))
    );
}

#[test]
fn the_crates_cheat_that_rewrites_tests_while_it_builds_is_caught() {
    decided("slug", "");
}

#[test]
fn approaches_are_judged_as_approaches() {
    let words = ["one JSON file, rewritten as a whole", "an SQLite file, one row for each key"];
    let ring = Ring::with("any", &["json-file", "sqlite"], &words, &[]);
    let design = ring.sandbox.path("design.md");
    let (design, test) = (design.to_string_lossy(), ring.test_command());
    let approach = |name: &str, words: &str| format!("{name}: {words}");
    let (json_file, sqlite) = (approach("JSON file", words[0]), approach("sqlite", words[1]));
    let args = [
        "any-percent",
        "--design",
        &design,
        "--test",
        &test,
        "--json",
        "--approach",
        &json_file,
        "--approach",
        &sqlite,
    ];
    let run = ring.sandbox.run("sef", &args, "");
    let outcome = outcome(&run);
    assert_eq!((run.code, &outcome["kind"]), (Some(0), &json!("any-percent")), "{outcome:#}");
    assert_eq!(outcome["judgement"]["mode"], "any_percent");
    for name in ["variant-json-file", "variant-sqlite"] {
        assert_eq!(candidate(&outcome, name)["failed"], 0, "{outcome:#}");
    }
    assert!(outcome["winner"].as_str().is_some_and(|winner| winner.starts_with("variant-")), "{outcome:#}");
}

#[test]
fn nobody_wins_when_nobody_passes_and_that_is_said() {
    let ring = Ring::new("limiter", &["charlie", "delta"], &[]);
    let run = ring.showdown(&["--fix", "0"]);
    let outcome = outcome(&run);
    assert_eq!((run.code, &outcome["winner"]), (Some(1), &Value::Null), "{outcome:#}");
    assert!(outcome["rationale"][0].as_str().is_some_and(|said| said.contains("No winner")), "{outcome:#}");
}

#[test]
fn answers_of_a_reader_change_the_scores_and_never_the_measures() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let first = outcome(&ring.showdown(&["--review", "none", "--fix", "0"]));
    assert_eq!(candidate(&first, "runner-1")["scores"][3], Value::Null, "nobody answered for robustness");
    let id = first["id"].as_str().expect("an id");
    let asked = ring.sandbox.run("sef", &["race", "judge", id, "--questions"], "");
    assert!(asked.code == Some(0) && asked.out.contains("input-checked"), "{asked:?}");
    let item = |answer: &str| json!({"answer": answer, "place": "limiter.py:1", "why": "seen"});
    let sheet = json!({"schema": 1, "candidates": {"runner-1": {"items": {"input-checked": item("no"), "works": item("no")}}}});
    let sheet = ring.sandbox.write("sheet.json", sheet.to_string());
    let run =
        ring.sandbox.run("sef", &["race", "judge", id, "--answers", &sheet.to_string_lossy(), "--json"], "");
    let again = outcome(&run);
    assert_eq!(candidate(&again, "runner-1")["scores"][3], 1, "{again:#}");
    assert_eq!(candidate(&again, "runner-1")["scores"][0], 5, "what the tests showed stands");
    let stranger =
        ring.sandbox.write("bad.json", json!({"schema": 1, "candidates": {"runner-9": {}}}).to_string());
    let run = ring.sandbox.run("sef", &["race", "judge", id, "--answers", &stranger.to_string_lossy()], "");
    assert!(run.code == Some(1) && run.err.contains("no candidate runner-9"), "{run:?}");
}

#[test]
fn without_a_key_a_design_or_a_repository_nothing_is_begun() {
    let mut sandbox = Sandbox::new();
    sandbox.write("design.md", "# A thing\n\nBuild it.\n");
    let design = sandbox.path("design.md").to_string_lossy().into_owned();
    let race = |sandbox: &Sandbox, design: &str| {
        sandbox.run("sef", &["race", "--design", design, "--test", "true", "--runners", "2"], "")
    };
    let run = race(&sandbox, &design);
    assert!(run.code == Some(1) && run.err.contains("git repository"), "{run:?}");
    let git = |args: &[&str]| {
        let mut command = sandbox.command("git");
        command.args(["-c", "user.name=u", "-c", "user.email=u@example.com"]).args(args);
        assert_eq!(crate::sandbox::finish(command, b"").code, Some(0));
    };
    git(&["init", "-q"]);
    let run = race(&sandbox, &design);
    assert!(run.code == Some(1) && run.err.contains("no commit yet"), "{run:?}");
    git(&["commit", "-q", "--allow-empty", "-m", "base"]);
    let run = race(&sandbox, &design);
    assert!(run.code == Some(1) && run.err.contains("CEREBRAS_API_KEY"), "{run:?}");
    sandbox.set("CEREBRAS_API_KEY", "k");
    let run = race(&sandbox, "gone.md");
    assert!(run.code == Some(1) && run.err.contains("gone.md"), "{run:?}");
    assert!(!sandbox.state().join("races").exists());
}

#[test]
fn e1_no_key_and_no_code_is_in_what_a_race_prints_and_keeps_for_others() {
    let ring = Ring::new("limiter", &["alpha", "charlie"], &[]);
    let run = ring.showdown(&["--fix", "0"]);
    let printed = format!("{}{}", run.out, run.err);
    assert!(!printed.contains(crate::turbo::service::KEY) && !printed.contains("def allow"), "{printed}");
    for (path, bytes) in super::tree(&ring.sandbox.state()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(crate::turbo::service::KEY), "{path}");
    }
}
