//! Properties over made-up candidates: an independent program comes to the same scores, gates and winner, and the order of
//! the candidates does not matter.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::facts::{Facts, FileFacts, Finding, Kind, Role};
use super::items::{all, rules};
use super::rank::{Alike, Entry, Judgement, judge};
use super::sheet::read_answer;
use super::{Candidate, Effort, GateResult, Mode, TestCounts};
use crate::seeded::Random;

const MODES: [Mode; 3] = [Mode::Alone, Mode::Showdown, Mode::AnyPercent];

/// A set of candidates, with what was given for the check.
struct Set {
    candidates: Vec<Candidate>,
    facts: Vec<Facts>,
    alike: Vec<Alike>,
    mode: Mode,
    given: Vec<Value>,
}

fn often(random: &mut Random, percent: usize) -> bool {
    random.below(100) < percent
}

fn facts(random: &mut Random) -> Facts {
    let names = ["a.py", "src/b.py", "c.rb"];
    let mut files = Vec::new();
    for path in names.iter().take(1 + random.below(3)) {
        let lines = 5 + random.below(60) as u32;
        let code = if lines > 20 { vec![(2, 9), (12, lines - 2)] } else { vec![(1, lines)] };
        let definitions = vec![(2, 5), (2, 4)];
        files.push(FileFacts {
            path: (*path).into(),
            language: Some("Python"),
            role: Role::Code,
            lines,
            code,
            definitions,
        });
    }
    let tests = FileFacts { path: "tests/t.py".into(), lines: 9, role: Role::Test, ..FileFacts::default() };
    let count = |file: &FileFacts| file.code.iter().map(|(first, last)| last - first + 1).sum::<u32>();
    let code_lines = files.iter().map(count).sum();
    let kinds = [
        Kind::OneLetterName,
        Kind::LongFunction,
        Kind::MagicNumber,
        Kind::DeepNesting,
        Kind::Dead,
        Kind::Dead,
        Kind::Duplicate,
        Kind::MutableGlobal,
        Kind::EndlessLoop,
    ];
    let parsed = often(random, 90);
    let most = if parsed { random.below(7) } else { 0 };
    let mut findings: Vec<Finding> = (0..most)
        .map(|_| {
            let file = &files[random.below(files.len())];
            let kind = kinds[random.below(kinds.len())];
            let line = 1 + random.below(file.lines as usize) as u32;
            let end = (line + random.below(5) as u32).min(file.lines);
            Finding { path: file.path.clone(), line, end, kind, what: "made up".into() }
        })
        .collect();
    findings.sort();
    files.push(tests);
    if often(random, 3) {
        return Facts { notes: vec!["nothing there".into()], ..Facts::default() };
    }
    Facts { files, code_lines, parsed, findings, ..Facts::default() }
}

fn place(random: &mut Random) -> &'static str {
    random.pick(&[
        "a.py:1",
        "a.py:2",
        "./a.py:3-4",
        "a.py:2-5",
        "tests/t.py:3",
        "src/b.py:4",
        "a.py:999",
        "a.py:0",
        "",
        "no.py:1",
        "a.py",
    ])
}

fn answers(random: &mut Random) -> Value {
    let yes = 40 + random.below(61);
    let answered = 30 + random.below(71);
    let mut items = serde_json::Map::new();
    for (_, id, _) in all() {
        if often(random, answered) {
            let answer = if often(random, yes) { "yes" } else { random.pick(&["no", "no", "na"]) };
            let place = if often(random, 85) { "a.py:1" } else { place(random) };
            items.insert(id.to_owned(), json!({ "answer": answer, "place": place, "why": "so" }));
        }
    }
    let mut flags = serde_json::Map::new();
    for flag in &rules().robustness.flags {
        if often(random, 30) {
            let severity = random.pick(&["none", "none", "none", "minor", "minor", "major", "critical"]);
            flags.insert(
                flag.id.clone(),
                json!({ "severity": severity, "place": place(random), "why": "so" }),
            );
        }
    }
    let mut sheet = json!({ "items": items, "flags": flags });
    for list in ["abstractions", "bad_names"] {
        if often(random, 50) {
            let count = random.below(4);
            let places = (0..count).map(|_| json!({ "place": place(random), "why": "so" }));
            sheet[list] = places.collect();
        }
    }
    sheet
}

fn set(random: &mut Random) -> Set {
    let count = 1 + random.below(6);
    let mode = MODES[random.below(3)];
    let mut candidates = Vec::new();
    let mut given = Vec::new();
    let shared_effort = often(random, 50);
    for number in 0..count {
        let name = format!("runner-{number}");
        let tests = often(random, 80).then(|| {
            let failed = u64::from(often(random, 15));
            let failed = often(random, 80).then_some(failed);
            TestCounts { passed: Some(3), failed, all_passed: often(random, 92) }
        });
        let mut gates = Vec::new();
        for gate in ["adherence", "review"] {
            if often(random, 40) {
                gates.push(GateResult { name: gate.into(), passed: often(random, 92), why: "so".into() });
            }
        }
        let figure = |random: &mut Random, of: usize| {
            let known = shared_effort || often(random, 70);
            let figure = random.below(of) as u64;
            known.then_some(figure)
        };
        let effort =
            Effort { repairs: figure(random, 3), calls: figure(random, 4), generation_ms: figure(random, 3) };
        let sheet = answers(random);
        given.push(
            json!({ "name": name, "tests": tests, "gates": gates, "effort": effort, "answers": sheet }),
        );
        let answers = Some(read_answer(&sheet.to_string()).expect("the made-up sheet is good"));
        candidates.push(Candidate { name, tests, gates, effort, answers, ..Candidate::default() });
    }
    let facts = (0..count).map(|_| facts(random)).collect();
    let mut alike = Vec::new();
    for one in 0..count {
        for other in one + 1..count {
            let percent = if often(random, 8) { 96.0 } else { random.below(95) as f64 };
            alike.push(Alike { one, other, percent });
        }
    }
    Set { candidates, facts, alike, mode, given }
}

/// Judges a set with its candidates in another order.
fn judged(set: &Set, order: &[usize]) -> Judgement {
    let entries: Vec<Entry<'_>> =
        order.iter().map(|&at| Entry { candidate: &set.candidates[at], facts: &set.facts[at] }).collect();
    let place = |at: usize| order.iter().position(|&other| other == at).expect("is a permutation");
    let moved =
        |alike: &Alike| Alike { one: place(alike.one), other: place(alike.other), percent: alike.percent };
    let mut alike: Vec<Alike> = set.alike.iter().map(moved).collect();
    if order.first() != Some(&0) {
        alike.reverse();
    }
    judge(&entries, &alike, set.mode)
}

#[test]
fn a_thousand_random_sheets_are_scored_as_an_independent_check_does() {
    let mut random = Random(6);
    let mut lines = String::new();
    for _ in 0..1_000 {
        let set = set(&mut random);
        let order: Vec<usize> = (0..set.candidates.len()).collect();
        let judgement = judged(&set, &order);
        lines.push_str(&json!({ "given": set.given, "mode": set.mode, "judgement": judgement }).to_string());
        lines.push('\n');
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judge/check.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is there");
    let mut input = child.stdin.take().expect("is piped");
    // The script stops reading at the first disagreement; what it says about it is what counts.
    let _ = input.write_all(lines.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.starts_with("1000 agree"), "{said}");
    let winners: u32 = said.split(' ').nth(2).and_then(|count| count.parse().ok()).expect("says how many");
    assert!((200..1_000).contains(&winners), "the sets are no test of ranking: {said}");
}

#[test]
fn f7_any_order_of_candidates_gives_the_same_judgement() {
    let mut random = Random(7);
    for _ in 0..500 {
        let set = set(&mut random);
        let mut order: Vec<usize> = (0..set.candidates.len()).collect();
        let expected = serde_json::to_string(&judged(&set, &order)).expect("serialises");
        for at in (1..order.len()).rev() {
            order.swap(at, random.below(at + 1));
        }
        assert_eq!(serde_json::to_string(&judged(&set, &order)).expect("serialises"), expected, "{order:?}");
    }
}
