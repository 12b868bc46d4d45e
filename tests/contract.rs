//! `sef contract`, and the checker on contracts of every sort: those of the documents, those in other styles, and bad ones.

use std::path::{Path, PathBuf};

use sef::contract::{Fault, MOST_BYTES, MOST_PROBLEMS, Problem, Severity, check, review};
use serde_json::Value;

use crate::sandbox::{Run, Sandbox};

const GOOD: &str = "docs/contracts/rate-limiter-api.md";
const BAD: &str = "Build a REST API in Go with endpoints for tasks.\n";

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The cases of a table: name, text, and the problems that are wanted.
fn cases(relative: &str) -> Vec<(String, String, Vec<String>)> {
    let table: toml::Table = toml::from_str(&text(relative)).expect("TOML");
    let cases = table["case"].as_array().expect("cases").iter();
    cases
        .map(|case| {
            let field = |name: &str| case[name].as_str().expect("a text").to_owned();
            let problems = case.get("problems").and_then(toml::Value::as_array).into_iter().flatten();
            (field("name"), field("text"), problems.map(|p| p.as_str().expect("a text").to_owned()).collect())
        })
        .collect()
}

/// A problem as the tables write it.
fn short(problem: &Problem) -> String {
    let value = serde_json::to_value(problem).expect("JSON");
    let word = |name: &str| value[name].as_str().unwrap_or("-").to_owned();
    format!("{} {} {} {}", problem.line, word("severity"), word("section"), word("fault"))
}

fn sef(sandbox: &Sandbox, args: &[&str], stdin: &str) -> Run {
    sandbox.run("sef", &[&["contract"], args].concat(), stdin)
}

#[test]
fn every_contract_of_the_documents_has_no_problem_at_all() {
    let folder = std::fs::read_dir(path("docs/contracts")).expect("docs/contracts exists");
    let mut found = 0;
    for entry in folder.flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("readable");
        assert_eq!(check(&text), [], "{}", entry.path().display());
        found += 1;
    }
    assert!(found >= 8, "{found} contracts");
}

#[test]
fn every_contract_of_the_documents_is_in_their_list_and_the_other_way_round() {
    let page = text("docs/contracts.md");
    let listed: Vec<&str> =
        page.split("](contracts/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    for name in &listed {
        assert!(path("docs/contracts").join(name).is_file(), "{name}");
    }
    let folder = std::fs::read_dir(path("docs/contracts")).expect("docs/contracts exists");
    assert_eq!(folder.count(), listed.len(), "{listed:?}");
}

#[test]
fn every_bad_contract_is_told_all_of_its_problems_and_no_other() {
    let cases = cases("tests/contract/bad.toml");
    assert!(cases.len() >= 25, "{} cases", cases.len());
    for (name, text, wanted) in cases {
        let problems = check(&text);
        let mut found: Vec<String> = problems.iter().map(short).collect();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert!(lines.is_sorted(), "{name}: {lines:?}");
        let mut wanted = wanted;
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{name}: {problems:#?}");
        for problem in problems {
            assert!(!problem.what.is_empty() && !problem.hint.is_empty(), "{name}: {problem:?}");
        }
    }
}

#[test]
fn a_good_contract_in_another_style_is_not_refused() {
    for (name, text, _) in cases("tests/contract/good.toml") {
        assert_eq!(check(&text), [], "{name}");
    }
}

#[test]
fn a_good_contract_without_one_of_its_parts_is_refused_for_that_part() {
    let good = text(GOOD);
    for (heading, wanted) in [
        ("## DATA CONTRACT", "data missing"),
        ("## API CONTRACT", "api missing"),
        ("## ALGORITHM", "algorithm missing"),
        ("## RULES", "rules missing"),
    ] {
        let start = good.find(heading).expect("it has the heading");
        let end = good[start + 3..].find("\n## ").map_or(good.len(), |end| start + 3 + end + 1);
        let without = format!("{}{}", &good[..start], &good[end..]);
        let errors: Vec<String> = check(&without).iter().map(short).collect();
        assert!(errors.len() == 1 && errors[0].ends_with(wanted), "{heading}: {errors:?}");
    }
}

#[test]
fn the_line_ends_of_windows_change_nothing() {
    for (name, text, _) in
        cases("tests/contract/bad.toml").into_iter().chain(cases("tests/contract/good.toml"))
    {
        assert_eq!(check(&text.replace('\n', "\r\n")), check(&text), "{name}");
    }
}

#[test]
fn a_text_that_is_far_too_long_is_told_the_bound_and_read_no_further() {
    let good = text(GOOD);
    let long = good.repeat((1 << 20) / good.len() + 1);
    let review = review(&long);
    assert!(matches!(review.problems.as_slice(), [problem] if problem.fault == Fault::Long));
    assert!(review.problems[0].what.contains(&MOST_BYTES.to_string()));
    let longest = format!("{good}{}", "\n".repeat(MOST_BYTES - good.len()));
    assert_eq!(check(&longest), []);
}

#[test]
fn the_list_of_problems_is_bounded_and_still_an_error() {
    let problems = check(&"- [not filled in]\n".repeat(2_000));
    assert_eq!(problems.len(), MOST_PROBLEMS + 1);
    let last = problems.last().expect("not empty");
    assert!(last.what.contains("more problems") && last.severity == Severity::Error, "{last:?}");
}

#[test]
fn no_text_makes_the_checker_panic() {
    let good = text(GOOD);
    for end in (0..good.len()).filter(|&end| good.is_char_boundary(end)) {
        let _ = check(&good[..end]);
        let _ = check(&good[end..]);
    }
    for piece in [
        "(", ")", "[", "<", "`", "|", "|-", "#", "**", "1.", "-", ":", "…", "\u{feff}", "é", "```\n", "f(\n",
        "a: (b ",
    ] {
        let _ = check(&piece.repeat(MOST_BYTES / piece.len()));
        let _ = check(&format!(
            "## DATA CONTRACT\n{0}\n## API CONTRACT\n{0}\n## RULES\n{0}",
            piece.repeat(5_000)
        ));
    }
}

#[test]
fn every_seed_of_the_fuzzer_is_read() {
    let folder = std::fs::read_dir(path("fuzz/seeds/contract")).expect("seeds");
    let mut found = 0;
    for entry in folder.flatten() {
        let bytes = std::fs::read(entry.path()).expect("readable");
        let _ = check(&String::from_utf8_lossy(&bytes));
        found += 1;
    }
    assert!(found >= 25, "{found} seeds");
}

#[test]
fn check_says_what_is_there_and_exits_with_0() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("project/c.md", text(GOOD));
    let run = sef(&sandbox, &["check", file.to_str().expect("UTF-8")], "");
    let said = "acceptable: 12 typed fields, 6 interfaces, 8 steps, 7 rules, 0 warnings\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), said, ""));
}

#[test]
fn check_names_every_problem_with_its_line_and_exits_with_1() {
    let sandbox = Sandbox::new();
    let run = sef(&sandbox, &["check", "-"], BAD);
    assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
    let heads: Vec<&str> = run.out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        heads,
        [
            "-:1: error: DATA CONTRACT: there is no section DATA CONTRACT",
            "-:1: error: API CONTRACT: there is no section API CONTRACT, and this line speaks of an interface",
            "-:1: error: ALGORITHM: there is no section ALGORITHM",
            "-:1: error: RULES: there is no section RULES",
            "not acceptable: 4 errors, 0 warnings",
        ]
    );
}

#[test]
fn check_as_json_has_the_same_verdict() {
    let sandbox = Sandbox::new();
    for (text, acceptable, code) in [(text(GOOD), true, 0), (BAD.to_owned(), false, 1)] {
        let run = sef(&sandbox, &["check", "--json", "-"], &text);
        let said: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!((run.code, run.err.as_str()), (Some(code), ""));
        assert_eq!((said["schema"].as_u64(), said["acceptable"].as_bool()), (Some(1), Some(acceptable)));
        let problems = said["problems"].as_array().expect("problems");
        let errors = problems.iter().filter(|problem| problem["severity"] == "error").count() as u64;
        assert_eq!(said["errors"].as_u64(), Some(errors));
    }
}

#[test]
fn what_is_no_text_is_refused_with_a_way_out() {
    let sandbox = Sandbox::new();
    sandbox.write("project/binary", b"Build\n\xff\xfe");
    sandbox.write("project/large", vec![b'a'; (1 << 20) + 1]);
    for (file, why) in [
        ("binary", "binary:2:1: it is not UTF-8"),
        ("large", "larger"),
        ("absent", "No such file"),
        (".", "not a regular file"),
    ] {
        let run = sef(&sandbox, &["check", file], "");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{file}");
        assert!(run.err.contains(why) && run.err.contains("to mend it"), "{}", run.err);
    }
}

#[test]
fn new_prints_a_skeleton_and_writes_one_only_where_nothing_is() {
    let sandbox = Sandbox::new();
    let printed = sef(&sandbox, &["new", "--lang", "rust", "--kind", "library"], "");
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    let args = ["new", "--lang", "rust", "--kind", "library", "--out", "contract.md"];
    let written = sef(&sandbox, &args, "");
    assert_eq!((written.code, written.err.as_str()), (Some(0), ""));
    assert_eq!(sandbox.read("project/contract.md"), printed.out);

    sandbox.write("project/contract.md", "mine");
    std::os::unix::fs::symlink("nowhere", sandbox.path("project/link.md")).expect("link");
    for out in ["contract.md", "link.md", "."] {
        let run = sef(&sandbox, &["new", "--lang", "go", "--kind", "cli", "--out", out], "");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{out}");
        assert!(run.err.contains("nothing is replaced") && run.err.contains("to mend it"), "{}", run.err);
    }
    assert_eq!(sandbox.read("project/contract.md"), "mine");
    assert!(!sandbox.path("project/nowhere").exists());
    assert_eq!(
        std::fs::read_dir(sandbox.path("project")).expect("list").count(),
        2,
        "no temporary file stays"
    );
}

#[test]
fn an_unknown_language_is_refused_with_the_known_ones() {
    let run = sef(&Sandbox::new(), &["new", "--lang", "cobol", "--kind", "cli"], "");
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(run.err.contains("it is none of python, rust, typescript, go"), "{}", run.err);
}
