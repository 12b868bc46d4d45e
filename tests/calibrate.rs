//! `sef-stats calibrate`: from what came of past work to what the hook does next, and back.

use sef::metrics::record::{Kind, Outcome, Record};
use serde_json::Value;

use crate::policy::{hint, hook, last_record, model, task};
use crate::sandbox::{Run, Sandbox};
use crate::stats::corpus::{NOON, log, record};

/// Some delegations of one executor, each with the user's own word on it.
struct Past {
    records: Vec<Record>,
    calls: u64,
}

impl Past {
    fn new() -> Self {
        Self { records: Vec::new(), calls: 0 }
    }

    /// `count` delegations to a role's executor with this much room; `rejected` of them were bad.
    fn work(mut self, role: &str, count: u64, rejected: u64, room: i16) -> Self {
        for number in 0..count {
            self.calls += 1;
            let call = format!("toolu_{}", self.calls);
            let time = NOON + self.calls * 1_000;
            let spawn = Record {
                t: time,
                tu: Some(call.clone()),
                agent: Some(format!("sef-{role}")),
                role: Some(role.to_owned()),
                tier: Some(if matches!(role, "implement" | "review") { 2 } else { 1 }),
                want: Some("haiku".to_owned()),
                room: Some(room),
                rules: vec![format!("{role}-rule"), "everywhere".to_owned()],
                ..record(Kind::Spawn)
            };
            let out = if number < rejected { Outcome::GaveUp } else { Outcome::Ok };
            let word = Record { t: time, tu: Some(call), out: Some(out), ..record(Kind::Feedback) };
            self.records.extend([spawn, word]);
        }
        self
    }

    /// `count` prompts that got a hint of a wording, `followed` of them by a spawn of the executor, and their turn's end.
    fn hints(mut self, role: &str, word: u8, count: u64, followed: u64) -> Self {
        for number in 0..count {
            self.calls += 1;
            let (time, id) = (NOON + self.calls * 1_000, format!("p{}", self.calls));
            let prompt = Record {
                t: time,
                p: Some(id.clone()),
                tier: Some(1),
                role: Some(role.to_owned()),
                hint: Some("task".to_owned()),
                word: (word > 0).then_some(word),
                ..record(Kind::Prompt)
            };
            self.records.push(prompt);
            if number < followed {
                let agent = Some(format!("sef-{role}"));
                self.records.push(Record { t: time, p: Some(id), agent, ..record(Kind::Spawn) });
            }
            self.records.push(Record { t: time + 500, ..record(Kind::Stop) });
        }
        self
    }

    /// The same, so much later.
    fn later(mut self, millis: u64) -> Self {
        for record in &mut self.records {
            record.t += millis;
        }
        self
    }

    fn write(&self, sandbox: &Sandbox) {
        sandbox.write("state/log.jsonl", log(&self.records));
    }
}

const FILE: &str = "config/calibration.toml";

fn run(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef-stats", &[&["calibrate"], args].concat(), "")
}

fn page(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = run(sandbox, args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    for line in run.out.lines() {
        assert!(line.chars().count() <= 80 && !line.chars().any(char::is_control), "{line:?}");
    }
    // Where a sentence is broken is no part of what it says.
    run.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn revert(sandbox: &Sandbox) -> String {
    let run = run(sandbox, &["--revert"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run.out
}

fn json(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = run(sandbox, &[&["--json"], args].concat());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    serde_json::from_str(&run.out).expect("JSON")
}

/// What is proposed, as `kind name: change`.
fn proposals(sandbox: &Sandbox) -> Vec<String> {
    let found = json(sandbox, &[]);
    let text = |one: &Value, key: &str| one[key].as_str().expect(key).to_owned();
    let proposals = found["proposals"].as_array().expect("a list").iter();
    proposals
        .map(|one| format!("{} {}: {}", text(one, "kind"), text(one, "name"), text(one, "change")))
        .collect()
}

#[test]
fn too_little_data_changes_nothing_and_says_how_much_is_missing() {
    let sandbox = Sandbox::new();
    Past::new().work("explore", 19, 19, 50).hints("explore", 0, 7, 0).write(&sandbox);
    let page = page(&sandbox, &["--apply"]);
    assert!(page.contains("explore: 19 of 20 known outcomes: 1 more are needed"), "{page}");
    assert!(page.contains("hint explore: 7 of 20 hints with an end of turn: 13 more are needed"), "{page}");
    assert!(page.contains("Nothing to change"), "{page}");
    assert!(!sandbox.path(FILE).exists());
}

#[test]
fn without_any_data_it_says_so() {
    let page = page(&Sandbox::new(), &[]);
    assert!(page.contains("nothing has been delegated yet"), "{page}");
}

#[test]
fn a_share_between_the_targets_changes_nothing() {
    let sandbox = Sandbox::new();
    Past::new().work("explore", 60, 6, 50).write(&sandbox);
    assert_eq!(proposals(&sandbox), Vec::<String>::new());
    assert!(page(&sandbox, &[]).contains("within 5 %-20 %, nothing to change"));
}

#[test]
fn a_share_that_is_high_but_not_surely_waits_and_says_for_how_long() {
    let sandbox = Sandbox::new();
    Past::new().work("explore", 20, 5, 50).write(&sandbox);
    assert_eq!(proposals(&sandbox), Vec::<String>::new());
    let page = page(&sandbox, &[]);
    assert!(page.contains("not surely over 15 %; about") && page.contains("more at this rate"), "{page}");
}

#[test]
fn rejected_borderline_work_shifts_the_threshold_just_far_enough() {
    let sandbox = Sandbox::new();
    // What had little room was bad, what had more was good: a shift of 0.10 parts them.
    Past::new().work("explore", 20, 18, 80).work("explore", 30, 1, 400).write(&sandbox);
    let found = json(&sandbox, &[]);
    let one = &found["proposals"][0];
    assert_eq!(one["change"], "thresholds +0.10 (now +0.00)");
    assert_eq!(one["because"], "rejected 19 of 50 (38 %; 26-52 %)");
    assert_eq!(
        one["effect"],
        "20 of 50 would have gone one tier up, 18 of them rejected; of the others 1 of 30 were"
    );
    assert!(page(&sandbox, &["--apply"]).contains("Applied: "));
    let written = sandbox.read(FILE);
    assert!(written.contains("[role.explore]\nshift = 0.1\n"), "{written}");
    // What is known was used up: only work under the new threshold says whether it was enough.
    assert_eq!(proposals(&sandbox), Vec::<String>::new());
    assert!(page(&sandbox, &[]).contains("Nothing to change"));
}

#[test]
fn work_that_the_rules_were_sure_of_is_not_mended_by_a_threshold() {
    let sandbox = Sandbox::new();
    Past::new().work("explore", 15, 15, 600).work("explore", 15, 0, 600).write(&sandbox);
    let page = page(&sandbox, &[]);
    assert!(page.contains("no shift within +0.15 would have sent any of them up"), "{page}");
    assert!(!proposals(&sandbox).iter().any(|one| one.starts_with("role")), "{page}");
}

#[test]
fn work_that_is_hardly_ever_rejected_lowers_the_threshold_when_that_delegates_more() {
    let sandbox = Sandbox::new();
    let past = Past::new().work("explore", 60, 0, 400);
    past.write(&sandbox);
    assert_eq!(proposals(&sandbox), Vec::<String>::new(), "nothing would be gained");
    let unsure = |room: i16| Record {
        role: Some("explore".to_owned()),
        tier: Some(1),
        why: Some("unsure".to_owned()),
        room: Some(room),
        ..record(Kind::Prompt)
    };
    let more =
        Past { records: [past.records, vec![unsure(-20), unsure(-49), unsure(-51)]].concat(), calls: 0 };
    more.write(&sandbox);
    assert_eq!(proposals(&sandbox), ["role explore: thresholds -0.05 (now +0.00)"]);
    assert!(page(&sandbox, &[]).contains("2 of 3 prompts without a hint would have got one"));
}

#[test]
fn a_rule_whose_work_is_surely_bad_speaks_less_for_its_tier() {
    let sandbox = Sandbox::new();
    Past::new().work("explore", 30, 24, 600).work("validate", 200, 4, 600).write(&sandbox);
    let rules: Vec<String> = proposals(&sandbox).into_iter().filter(|one| one.starts_with("rule")).collect();
    assert_eq!(rules, ["rule explore-rule: speaks 0.5 less for tier 1 (in all 0.5 less)"]);
    page(&sandbox, &["--apply"]);
    assert!(sandbox.read(FILE).contains("[rule.\"explore-rule\"]\ntier = 1\ndown = 0.5\n"));
}

#[test]
fn an_ignored_hint_is_worded_anew_twice_and_then_silenced() {
    let sandbox = Sandbox::new();
    let mut past = Past::new().hints("explore", 0, 40, 3);
    for (wording, change) in
        [(1, "wording 1 of 0-2 (now 0)"), (2, "wording 2 of 0-2 (now 1)"), (255, "silence")]
    {
        past.write(&sandbox);
        let found = proposals(&sandbox);
        assert!(found.len() == 1 && found[0].starts_with(&format!("hint explore: {change}")), "{found:?}");
        page(&sandbox, &["--apply"]);
        assert!(sandbox.read(FILE).contains(&format!("wording = {wording}\n")));
        assert_eq!(proposals(&sandbox), Vec::<String>::new(), "the new wording has no data yet");
        // Hints of the new wording lie after the change: in the next century, to be sure.
        let more = Past::new().hints("explore", wording, 40, 3).later(u64::from(wording) * 3_000_000_000_000);
        past = Past { records: [past.records, more.records].concat(), calls: 0 };
    }
    assert!(page(&sandbox, &[]).contains("hint explore: silenced because it was ignored"));
}

#[test]
fn a_log_that_does_not_say_how_sure_the_rules_were_gives_no_made_up_effect() {
    let sandbox = Sandbox::new();
    let mut past = Past::new().work("explore", 30, 24, 0).work("validate", 60, 0, 0);
    for record in &mut past.records {
        record.room = None;
    }
    past.write(&sandbox);
    let page = page(&sandbox, &[]);
    assert!(page.contains("role explore: thresholds +0.05 (now +0.00) because: rejected 24 of 30"), "{page}");
    assert!(page.contains("expected: cannot be told: this log is of an older SEF"), "{page}");
    assert!(page.contains("whether a lower threshold delegates more cannot be told"), "{page}");
}

#[test]
fn a_hint_that_is_followed_stays() {
    let sandbox = Sandbox::new();
    Past::new().hints("explore", 0, 40, 20).write(&sandbox);
    assert_eq!(proposals(&sandbox), Vec::<String>::new());
    assert!(page(&sandbox, &[]).contains("followed 20 of 40 (50 %; 35-65 %)"));
}

const LOOK_UP: &str = "Find all files that import the config module";

#[test]
fn the_hook_uses_the_wording_and_the_silence() {
    let sandbox = Sandbox::new();
    let plain = hint(&sandbox, "s1", LOOK_UP).expect("a hint");
    for wording in [1, 2] {
        write(&sandbox, &format!("[hint.explore]\nwording = {wording}"));
        let text = hint(&sandbox, &format!("w{wording}"), LOOK_UP).expect("a hint");
        assert_ne!(text, plain);
        assert!(text.contains("sef-explore (Haiku)"), "{text}");
        assert_eq!(last_record(&sandbox)["word"], wording);
    }
    write(&sandbox, "[hint.explore]\nwording = 255");
    assert_eq!(hint(&sandbox, "s4", LOOK_UP), None);
    assert_eq!(last_record(&sandbox)["why"], "ignored");
    assert!(hint(&sandbox, "s4", "Run the whole test suite").is_some(), "other hints are given");
    assert!(revert(&sandbox).contains("out of use"));
    assert_eq!(hint(&sandbox, "s5", LOOK_UP), Some(plain));
}

fn write(sandbox: &Sandbox, change: &str) {
    sandbox.write(FILE, format!("schema = 1\n{change}\nat = \"2026-11-21T00:00:00Z\"\n"));
}

#[test]
fn the_hook_sends_borderline_work_up_by_the_shift_and_sure_work_as_before() {
    let sandbox = Sandbox::new();
    let texts = [
        "Look through the logs of yesterday and summarise what went wrong.",
        "Check the settings of the two services and report where they differ.",
        "List every place where money is rounded and say whether it is right.",
        "Read the parser and report which inputs it does not accept.",
        "Rename the option in the documentation and see that all links still work.",
        "Find out which of these functions is never called.",
        "Collect the error messages of the client and group them.",
    ];
    let mut moved = 0;
    for (number, text) in texts.iter().enumerate() {
        let _ = std::fs::remove_file(sandbox.path(FILE));
        let before = model(&sandbox, &format!("a{number}"), &[task(text)]);
        let first = last_record(&sandbox);
        let (Some(room), Some(role)) = (first["room"].as_i64(), first["role"].as_str()) else { continue };
        if first["why"] != "rules" || !(1..=250).contains(&room) {
            continue;
        }
        moved += 1;
        for (shift, goes_up) in [(room - 10, false), (room + 10, true)] {
            write(&sandbox, &format!("[role.{role}]\nshift = {}", shift as f64 / 1_000.0));
            let after = model(&sandbox, &format!("b{number}{shift}"), &[task(text)]);
            assert_eq!(after != before, goes_up, "{text}: {before:?} {after:?} {first} {shift}");
        }
    }
    assert!(moved > 0, "none of these texts is borderline any more: choose others");
}

#[test]
fn the_hook_works_as_without_it_when_the_file_is_bad_and_rules_check_says_so() {
    let sandbox = Sandbox::new();
    let plain = hint(&sandbox, "s0", LOOK_UP);
    let far_out = "schema = 1\n[role.explore]\nshift = 9.9\nat = \"x\"\n";
    for (number, text) in ["schema = 1\n[role", "schema = 7", "\u{0}\u{0}", far_out].iter().enumerate() {
        sandbox.write(FILE, text);
        assert_eq!(hint(&sandbox, &format!("s{}", number + 1), LOOK_UP), plain, "{text:?}");
        let check = sandbox.run("sef", &["rules", "check"], "");
        assert!(check.code == Some(1) && (check.out + &check.err).contains("calibration.toml"), "{text:?}");
        let run = run(&sandbox, &["--apply"]);
        assert!(run.code == Some(1) && run.err.contains("--revert"), "{}", run.err);
        assert_eq!(sandbox.read(FILE), *text, "a file with mistakes is not built on");
    }
    revert(&sandbox);
    assert_eq!(sandbox.read("config/calibration.toml.reverted"), far_out);
    assert!(!sandbox.path(FILE).exists());
    assert!(revert(&sandbox).contains("nothing to take back"));
}

#[test]
fn calibration_in_config_toml_is_refused_and_everything_else_there_still_counts_as_built_in() {
    let sandbox = Sandbox::new();
    sandbox.write("config/config.toml", "[calibration]\nshift = { explore = 0.2 }\n");
    let check = sandbox.run("sef", &["rules", "check"], "");
    assert!((check.out + &check.err).contains("calibrate --apply"));
    assert!(hint(&sandbox, "s", LOOK_UP).is_some());
}

#[test]
fn a_folder_that_cannot_be_written_fails_loudly_and_changes_nothing() {
    let sandbox = Sandbox::new();
    Past::new().hints("explore", 0, 40, 3).write(&sandbox);
    std::fs::create_dir_all(sandbox.path(FILE)).expect("a folder in its place");
    let run = run(&sandbox, &["--apply"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("calibration.toml"), "{}", run.err);
    assert!(hook(&sandbox, &crate::payloads::payload("Stop")).out.is_empty());
}

#[test]
fn outcomes_of_real_transcripts_count_and_spawns_that_sef_did_not_place_do_not() {
    let sandbox = Sandbox::new();
    let placed = Past::new().work("explore", 3, 1, 100);
    let mut others = Past::new().work("explore", 5, 5, 100).later(3_600_000);
    for record in &mut others.records {
        record.want = None;
        record.tu = record.tu.as_ref().map(|call| format!("other_{call}"));
    }
    Past { records: [placed.records, others.records].concat(), calls: 0 }.write(&sandbox);
    let found = json(&sandbox, &[]);
    assert_eq!((&found["known"], &found["roles"][0]["part"]), (&3.into(), &1.into()));
}
