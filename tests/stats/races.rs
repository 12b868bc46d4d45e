//! Races in the report: every page says the same, an estimate is called one, and nothing is shown when there were none.

use sef::calendar::DAY;
use sef::metrics::race::{Race, Sort, Step};
use sef::metrics::record::{Hosted, Kind, Record};
use serde_json::{Value, json};

use super::corpus::{NOON, Transcript, record, write_log};
use super::html::html;
use super::{dollars, page, report};
use crate::sandbox::Sandbox;

const SONNET: &str = "claude-sonnet-5-5";

/// What a race of three candidates came to.
fn figures(id: &str, st: Step, k: Sort, w: Option<bool>) -> Race {
    Race {
        id: id.to_owned(),
        st,
        k: Some(k),
        n: 3,
        fin: 2,
        ok: 1,
        t1: 1,
        dup: 1,
        forged: 1,
        calls: 9,
        rev: 2,
        w,
        tok: None,
    }
}

fn hosted(model: &str, usd: Option<u64>) -> Hosted {
    Hosted {
        m: model.to_owned(),
        i: 20_000,
        o: 40_000,
        r: 10_000,
        c: 500,
        usd,
        n: 1,
        l: 77,
        fix: 2,
        ..Hosted::default()
    }
}

fn line(t: u64, race: Race, hosted: Hosted) -> Record {
    Record { t, ms: Some(80_000), h: Some(Box::new(hosted)), rc: Some(Box::new(race)), ..record(Kind::Race) }
}

fn told(t: u64, id: &str, tokens: u64) -> Record {
    let race = Race { id: id.to_owned(), st: Step::Told, tok: Some(tokens), ..Race::default() };
    Record { t, rc: Some(Box::new(race)), ..record(Kind::Race) }
}

/// A showdown that was stopped, gone on with and promoted, an any-percent that nobody won, one that was left.
fn three() -> Vec<Record> {
    vec![
        line(
            NOON - DAY,
            figures("r1", Step::Stopped, Sort::Showdown, None),
            hosted("gpt-oss-120b", Some(9_000)),
        ),
        line(
            NOON,
            figures("r1", Step::Judged, Sort::Showdown, Some(true)),
            hosted("gpt-oss-120b", Some(37_000)),
        ),
        told(NOON, "r1", 300),
        line(
            NOON + 1,
            figures("r1", Step::Promoted, Sort::Showdown, Some(true)),
            hosted("gpt-oss-120b", Some(37_000)),
        ),
        line(
            NOON + 2,
            figures("r2", Step::Judged, Sort::AnyPercent, Some(false)),
            hosted("gpt-oss-120b", Some(37_000)),
        ),
        line(NOON + 3, figures("r3", Step::Stopped, Sort::Showdown, None), hosted("mine", None)),
    ]
}

#[test]
fn races_are_in_json_text_and_page_with_the_same_figures() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", SONNET, (100, 10, 0, 0), 1).write(&sandbox);
    write_log(&sandbox, &three());
    let races = &report(&sandbox, &[])["races"];
    for (key, wanted) in [
        ("races", 3),
        ("showdowns", 2),
        ("any_percents", 1),
        ("won", 1),
        ("no_winner", 1),
        ("stopped", 1),
        ("promoted", 1),
        ("candidates", 9),
        ("finished", 6),
        ("passed", 3),
        ("first_pass", 3),
        ("repairs", 6),
        ("duplicates", 3),
        ("forged_exams", 3),
        ("calls", 27),
        ("retries", 3),
        ("review_calls", 6),
        ("prompt", 60_000),
        ("cached", 1_500),
        ("completion", 120_000),
        ("reasoning", 30_000),
        ("unpriced", 1),
        ("ms", 240_000),
        ("p50_ms", 80_000),
        ("orchestrator_tokens", 300),
    ] {
        assert_eq!(races[key], json!(wanted), "{key}: {races}");
    }
    assert_eq!(dollars(&races["usd"]), json!(0.074));
    let ids: Vec<&Value> = races["last"].as_array().expect("a list").iter().map(|run| &run["id"]).collect();
    assert_eq!(ids, ["r3", "r2", "r1"]);
    // Two races have a price: 40,000 tokens in at $3 a million and 80,000 out at $15.
    let there: Vec<&Value> = races["compare"].as_array().expect("a list").iter().collect();
    let sonnet = there.iter().find(|other| other["model"] == SONNET).expect("it is compared");
    assert_eq!((&sonnet["races"], dollars(&sonnet["here_usd"])), (&json!(2), json!(0.074)));
    assert!(sonnet["there_usd"].as_f64() > Some(0.074), "{sonnet}");

    let text = page(&sandbox, &[]);
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "3 (2 showdown, 1 any-percent): 1 with a winner (1 promoted), 1 without, 1 stopped",
        "9, 6 sat the final exam, 3 passed it; 3 passed without any repair, 6 repair rounds in all; 3 the same as another; 3 changed their own exam",
        "27 (3 made again, 6 for reviews): 60.0k in, 120.0k out (30.0k of them reasoning), $0.0740",
        "240.0 s in all; half of the races within 80.0 s",
        "about 300 tokens (an estimate: bytes / 4)",
        "NO PRICE for 1 race",
        "at today's prices",
        "an estimate: work that Claude does alone takes other numbers of tokens than these races",
        "2026-11-19 12:00 showdown 3 9 20.0k 40.0k $0.0370 80.0 s taken",
        "2026-11-20 12:00 any-percent 3 9 20.0k 40.0k $0.0370 80.0 s no",
        "showdown 3 9 20.0k 40.0k NO PRICE 80.0 s stopped",
    ] {
        assert!(flat.contains(words), "no {words:?} in:\n{text}");
    }
    let html = html(&sandbox, &[]);
    for words in [
        "<h2 id=\"races\">",
        "<b>27</b> <span>3 made again, 6 for reviews</span>",
        "tokens in its context, estimated as bytes / 4",
        "An estimate: the same numbers of tokens at today's list prices",
        "takes other numbers of tokens than these races",
        "1 race without a known price: in no sum",
    ] {
        assert!(html.contains(words), "no {words:?}");
    }
}

#[test]
fn a_period_or_a_project_without_races_says_nothing_of_them() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", SONNET, (100, 10, 0, 0), 1).write(&sandbox);
    assert!(!page(&sandbox, &[]).contains("Races") && !html(&sandbox, &[]).contains("id=\"races\""));
    let other = |mut one: Record| {
        one.pj = Some("00112233445566aa".to_owned());
        one
    };
    write_log(&sandbox, &three().into_iter().map(other).collect::<Vec<_>>());
    assert!(page(&sandbox, &[]).contains("Races"));
    for args in [&["--project", "-home-user-shop"][..], &["--since", "2026-11-21"]] {
        assert_eq!(report(&sandbox, args)["races"]["races"], 0, "{args:?}");
        assert!(!page(&sandbox, args).contains("Races"), "{args:?}");
    }
    // The first race was written down the day before; that it was promoted since does not count it again.
    assert_eq!(report(&sandbox, &["--since", "2026-11-20"])["races"]["races"], 2);
}

#[test]
fn a_race_of_the_model_that_its_session_ran_on_is_compared_with_it() {
    let sandbox = Sandbox::new();
    Transcript::main("s1").answer("m1", SONNET, (100, 10, 0, 0), 1).write(&sandbox);
    let one = Record { s: "s1".to_owned(), ..three().remove(1) };
    write_log(&sandbox, &[one]);
    let compare = report(&sandbox, &[])["races"]["compare"].clone();
    let of = |model: &str| {
        let all = compare.as_array().expect("a list");
        all.iter().find(|other| other["model"] == model).expect("it is compared")["there_usd"].clone()
    };
    assert_eq!(of("session"), of(SONNET));
}

#[test]
fn hostile_names_in_the_log_are_text_on_every_page() {
    let sandbox = Sandbox::new();
    let evil = "<script>\u{1b}[31m\u{202e}";
    let mut race = figures(evil, Step::Judged, Sort::Showdown, Some(true));
    race.calls = u64::MAX;
    write_log(
        &sandbox,
        &[line(NOON, race, hosted(evil, Some(5))), Record { rc: None, ..record(Kind::Race) }],
    );
    assert!(page(&sandbox, &[]).contains("1 (1 showdown"));
    assert!(html(&sandbox, &[]).contains("&lt;script&gt;"));
}
