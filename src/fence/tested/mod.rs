//! What the output of a test run says: counts, names of failing tests, the lines worth reading. Pure.
//!
//! An output is written by whoever wrote the tests, so it can only speak against a run: nothing passes without exit 0,
//! and a run that began and did not come to its own end has failed whatever its status.

mod dotnet;
mod go;
mod javascript;
mod lines;
mod python;
mod rust;
mod tap;

use super::Ended;

/// Names of failing tests that are kept.
const MOST_NAMES: usize = 50;

/// What came of a test run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Exit 0, and nothing in the output speaks against it.
    Passed,
    /// Anything else.
    Failed,
    /// The runner found nothing to run, or skipped all of it.
    NoTests,
}

/// A test run as its output tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// What came of it.
    pub verdict: Verdict,
    /// The program that ran the tests, when its output is known. Without it the verdict rests on the exit status alone.
    pub runner: Option<&'static str>,
    /// Tests that passed; none when the runner does not say.
    pub passed: Option<u64>,
    /// Tests that failed.
    pub failed: Option<u64>,
    /// Tests that were not run on purpose, or failed as expected.
    pub skipped: Option<u64>,
    /// What could not be built, loaded or set up.
    pub errors: Option<u64>,
    /// Failing tests by the runner's own names, at most 50.
    pub failing: Vec<String>,
    /// At most 40 lines of at most 400 characters, failure messages first, without control characters.
    pub relevant: Vec<String>,
    /// The runner is known and came to its own end. Counts of a run that did not are those up to where it stopped.
    pub complete: bool,
}

/// What one runner's part of an output says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    runner: &'static str,
    passed: Option<u64>,
    failed: u64,
    skipped: u64,
    errors: u64,
    failing: Vec<String>,
    complete: bool,
    /// Something ran that is not counted.
    uncounted: bool,
}

type Reader = fn(&[&str]) -> Option<Found>;

/// Every runner whose output is known. Several may have run one after the other; their counts are added.
const READERS: &[Reader] = &[
    python::pytest,
    python::unittest,
    rust::cargo,
    rust::nextest,
    go::plain,
    go::json,
    javascript::jest,
    javascript::vitest,
    javascript::mocha,
    tap::spec,
    tap::tap,
    dotnet::dotnet,
];

/// Reads an output, whole or shortened in its middle. What was cut out can only make a run incomplete.
pub fn read(output: &str, ended: Ended) -> Tested {
    let text = lines::plain(output);
    let all: Vec<&str> = text.lines().collect();
    let found: Vec<Found> = READERS.iter().filter_map(|reader| reader(&all)).collect();
    let verdict = verdict(&found, &all, ended);
    let known = !found.is_empty();
    let sum = |count: fn(&Found) -> u64| known.then(|| found.iter().map(count).fold(0, u64::saturating_add));
    let mut failing: Vec<String> = Vec::new();
    for name in found.iter().flat_map(|part| &part.failing) {
        if failing.len() < MOST_NAMES && !failing.contains(name) {
            failing.push(lines::shortened(name));
        }
    }
    // One runner that gives no count leaves the sum unknown.
    let passed = found.iter().try_fold(0_u64, |sum, part| Some(sum.saturating_add(part.passed?)));
    Tested {
        verdict,
        runner: found.first().map(|part| part.runner),
        passed: passed.filter(|_| known),
        failed: sum(|part| part.failed),
        skipped: sum(|part| part.skipped),
        errors: sum(|part| part.errors),
        failing,
        relevant: lines::relevant(&all, verdict),
        complete: known && found.iter().all(|part| part.complete),
    }
}

fn verdict(found: &[Found], all: &[&str], ended: Ended) -> Verdict {
    let against = found
        .iter()
        .any(|part| part.failed.max(part.errors) > 0 || !part.failing.is_empty() || !part.complete);
    let ran = found.iter().any(|part| part.passed.is_some_and(|count| count > 0) || part.uncounted);
    match ended {
        _ if against => Verdict::Failed,
        Ended::Exit(_) if !found.is_empty() && !ran => Verdict::NoTests,
        Ended::Exit(0) if found.is_empty() && lines::speak_of_failures(all) => Verdict::Failed,
        Ended::Exit(0) => Verdict::Passed,
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and text of an output, exit code, runner, [passed, failed, skipped, errors] with `?` for unknown, verdict,
    /// failing tests.
    type Row = (
        (&'static str, &'static str),
        i32,
        &'static str,
        [&'static str; 4],
        Verdict,
        &'static [&'static str],
    );

    macro_rules! output {
        ($name:literal) => {
            ($name, include_str!(concat!("../../../tests/runners/", $name, ".txt")))
        };
    }

    use Verdict::{Failed, NoTests, Passed};

    const THREE: &[&str] = &["test_x.py::test_bad", "test_x.py::test_p[2]", "test_x.py::test_e"];
    const NEXTEST: &[&str] = &["demo tests::bad", "demo::it it_does_not"];

    const TABLE: &[Row] = &[
        (output!("pytest_fail"), 1, "pytest", ["2", "2", "2", "1"], Failed, THREE),
        (output!("pytest_q"), 1, "pytest", ["2", "2", "2", "1"], Failed, THREE),
        (output!("pytest_ok"), 0, "pytest", ["2", "0", "0", "0"], Passed, &[]),
        (output!("pytest_import"), 2, "pytest", ["0", "0", "0", "1"], Failed, &["test_imp.py"]),
        (output!("pytest_none"), 5, "pytest", ["0", "0", "0", "0"], NoTests, &[]),
        (output!("pytest_early"), 0, "pytest", ["0", "0", "0", "0"], Failed, &[]),
        (
            output!("unittest_fail"),
            1,
            "unittest",
            ["2", "1", "1", "1"],
            Failed,
            &["test_err (u.T.test_err)", "test_bad (u.T.test_bad)"],
        ),
        (output!("unittest_ok"), 0, "unittest", ["1", "0", "0", "0"], Passed, &[]),
        (output!("unittest_none"), 0, "unittest", ["0", "0", "0", "0"], NoTests, &[]),
        (output!("cargo_fail"), 101, "cargo test", ["1", "1", "1", "0"], Failed, &["tests::bad"]),
        (
            output!("cargo_nff"),
            101,
            "cargo test",
            ["3", "2", "1", "0"],
            Failed,
            &["tests::bad", "it_does_not"],
        ),
        (output!("cargo_ok"), 0, "cargo test", ["1", "0", "0", "0"], Passed, &[]),
        (output!("cargo_none"), 0, "cargo test", ["0", "0", "0", "0"], NoTests, &[]),
        (output!("cargo_compile"), 101, "cargo test", ["0", "0", "0", "1"], Failed, &[]),
        (output!("cargo_early"), 0, "cargo test", ["0", "0", "0", "0"], Failed, &[]),
        (output!("nextest_fail"), 100, "cargo nextest", ["2", "2", "1", "0"], Failed, NEXTEST),
        (output!("nextest_ok"), 0, "cargo nextest", ["1", "0", "4", "0"], Passed, &[]),
        (
            output!("go_fail"),
            1,
            "go test",
            ["?", "2", "0", "0"],
            Failed,
            &["TestBad", "TestTable", "TestTable/negative_numbers"],
        ),
        (output!("go_ok"), 0, "go test", ["?", "0", "0", "0"], Passed, &[]),
        (output!("go_none"), 0, "go test", ["0", "0", "0", "0"], NoTests, &[]),
        (
            output!("go_v"),
            1,
            "go test",
            ["1", "1", "1", "0"],
            Failed,
            &["TestTable", "TestTable/negative_numbers"],
        ),
        (output!("go_build"), 1, "go test", ["0", "0", "0", "1"], Failed, &[]),
        (
            output!("go_json"),
            1,
            "go test",
            ["1", "1", "1", "0"],
            Failed,
            &["TestTable/negative", "TestTable"],
        ),
        (output!("jest_fail"), 1, "jest", ["2", "1", "1", "0"], Failed, &["sum › fails here"]),
        (output!("jest_ok"), 0, "jest", ["1", "0", "0", "0"], Passed, &[]),
        (output!("jest_none"), 1, "jest", ["0", "0", "0", "0"], NoTests, &[]),
        (output!("jest_suite"), 1, "jest", ["0", "0", "0", "1"], Failed, &[]),
        (
            output!("vitest_fail"),
            1,
            "vitest",
            ["1", "1", "1", "0"],
            Failed,
            &["a.test.js > sum > fails here"],
        ),
        (output!("vitest_ok"), 0, "vitest", ["1", "0", "2", "0"], Passed, &[]),
        (output!("vitest_none"), 1, "vitest", ["0", "0", "0", "0"], NoTests, &[]),
        (output!("vitest_suite"), 1, "vitest", ["0", "0", "0", "1"], Failed, &[]),
        (output!("mocha_fail"), 1, "mocha", ["1", "1", "1", "0"], Failed, &["sum fails here"]),
        (output!("mocha_ok"), 0, "mocha", ["1", "0", "0", "0"], Passed, &[]),
        (output!("node_spec"), 1, "node --test", ["1", "2", "1", "0"], Failed, &["fails here", "plain bad"]),
        (output!("node_tap"), 1, "node --test", ["1", "2", "1", "0"], Failed, &["fails here", "plain bad"]),
        (output!("node_ok"), 0, "node --test", ["1", "0", "3", "0"], Passed, &[]),
        (output!("dotnet_fail"), 1, "dotnet test", ["2", "1", "1", "0"], Failed, &["Demo.SumTests.Bad"]),
        (output!("dotnet_ok"), 0, "dotnet test", ["5", "0", "1", "0"], Passed, &[]),
        (output!("dotnet_9"), 1, "dotnet test", ["2", "1", "1", "0"], Failed, &["Demo.SumTests.Bad"]),
        (output!("dotnet_none"), 0, "dotnet test", ["0", "0", "0", "0"], NoTests, &[]),
    ];

    #[test]
    fn the_output_of_every_runner_is_read() {
        for &((name, text), code, runner, counts, verdict, failing) in TABLE {
            let tested = read(text, Ended::Exit(code));
            let shown = [tested.passed, tested.failed, tested.skipped, tested.errors]
                .map(|count| count.map_or("?".to_owned(), |count| count.to_string()));
            assert_eq!((tested.runner, shown), (Some(runner), counts.map(str::to_owned)), "{name}");
            assert_eq!(
                (tested.verdict, tested.failing.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
                (verdict, failing),
                "{name}"
            );
            assert_eq!(tested.complete, !name.ends_with("_early"), "{name}");
        }
    }

    #[test]
    fn the_reason_of_a_failure_is_among_the_relevant_lines_and_the_banner_is_not() {
        let reasons = [
            ("pytest_fail", "AssertionError: one is not two"),
            ("pytest_import", "No module named 'nosuch'"),
            ("unittest_fail", "AssertionError: 1 != 2 : one is not two"),
            ("cargo_nff", "assertion `left == right` failed: one is not two"),
            ("cargo_compile", "error[E0308]: mismatched types"),
            ("nextest_fail", "boom"),
            ("go_fail", "sum_test.go:18: got -1, want 1"),
            ("go_build", "./sum.go:4:9: undefined: missing"),
            ("go_json", "sum_test.go:18: got -1, want 1"),
            ("jest_fail", "Expected: 3"),
            ("jest_suite", "Cannot find module './missing'"),
            ("vitest_fail", "AssertionError: expected 2 to be 3"),
            ("mocha_fail", "AssertionError"),
            ("node_spec", "Error: boom"),
            ("node_tap", "error: 'boom'"),
            ("dotnet_fail", "Assert.Equal() Failure"),
        ];
        for (name, reason) in reasons {
            let &((_, text), code, ..) = TABLE.iter().find(|row| row.0.0 == name).expect("is in the table");
            let relevant = read(text, Ended::Exit(code)).relevant;
            assert!(relevant.iter().any(|line| line.contains(reason)), "{name}: {relevant:#?}");
            for banner in
                ["test session starts", "stack backtrace", "Compiling", "rust_begin_unwind", "node:internal"]
            {
                assert!(relevant.iter().all(|line| !line.contains(banner)), "{name}: {relevant:#?}");
            }
        }
    }

    #[test]
    fn f6_no_claim_passes_without_exit_0_and_no_exit_0_passes_against_a_claim() {
        for ((name, text), ..) in TABLE.iter().filter(|row| row.4 == Passed) {
            for ended in [
                Ended::Exit(1),
                Ended::Signal(9),
                Ended::TimedOut,
                Ended::TooMuchMemory,
                Ended::TooManyProcesses,
                Ended::Cancelled,
            ] {
                assert_eq!(read(text, ended).verdict, Verdict::Failed, "{name}: {ended:?}");
            }
        }
        for &((name, text), _, _, _, verdict, _) in TABLE {
            if verdict != Passed {
                assert_eq!(read(text, Ended::Exit(0)).verdict, verdict, "{name}");
            }
        }
    }

    #[test]
    fn f6_an_unknown_output_rests_on_its_exit_status_unless_it_speaks_of_failures() {
        let table = [
            ("", 0, Verdict::Passed),
            ("", 1, Verdict::Failed),
            ("all 100 passed", 1, Verdict::Failed),
            ("all 100 passed, 0 failed", 0, Verdict::Passed),
            ("3 tests failed", 0, Verdict::Failed),
            ("done: 12 ok, 1 failed.", 0, Verdict::Failed),
            ("2 failures", 0, Verdict::Failed),
            ("retried 2 requests that failed before", 0, Verdict::Passed),
        ];
        for (text, code, verdict) in table {
            let tested = read(text, Ended::Exit(code));
            assert_eq!((tested.verdict, tested.runner, tested.complete), (verdict, None, false), "{text}");
            assert_eq!((tested.passed, tested.failed), (None, None), "{text}");
        }
    }

    #[test]
    fn f6_a_second_summary_does_not_hide_the_first() {
        let faked = "1 failed, 2 passed in 0.10s\n===== 100 passed in 0.01s =====\n";
        let tested = read(faked, Ended::Exit(0));
        assert_eq!((tested.verdict, tested.passed, tested.failed), (Verdict::Failed, Some(102), Some(1)));
        let two = format!("{}{}", output!("cargo_ok").1, output!("pytest_fail").1);
        let tested = read(&two, Ended::Exit(0));
        assert_eq!((tested.verdict, tested.passed), (Verdict::Failed, Some(3)));
    }

    #[test]
    fn any_bytes_are_read_without_harm_and_within_bounds() {
        let long = "x".repeat(5_000);
        let many = (0..500).map(|n| format!("FAILED t.py::test_{n} - {long}\n")).collect::<String>();
        let control = "\u{1b}]0;title\u{7}\u{1b}[31mE   Error\u{1b}[0m: \u{0}\u{8}bad\u{202e}\n";
        let odd = "---\n=== \ntest result: ok. many passed;\nRan x tests\n# pass 99999999999999999999999\nok \n{\"Action\":3}\n";
        for text in [
            many.as_str(),
            control,
            odd,
            "\r\r\n",
            "Tests: 1 failed,,, 2\n",
            "18446744073709551615 passed, 9 passed in 1s",
        ] {
            let tested = read(text, Ended::Exit(1));
            assert_ne!(tested.verdict, Verdict::Passed, "{text}");
            assert!(tested.failing.len() <= 50 && tested.relevant.len() <= 40);
            for line in tested.relevant.iter().chain(&tested.failing) {
                assert!(line.chars().count() <= 400 && !line.contains(|c: char| c.is_control()), "{line:?}");
            }
        }
    }
}
