//! `sef-stats export`: what a collector on loopback gets, whatever happens on the way.

mod collector;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sef::metrics::log;
use sef::metrics::race::{Race, Sort, Step};
use sef::metrics::record::{Hosted, Kind, Outcome, Record};
use sef::rules::policy;

use crate::sandbox::{Run, Sandbox, binary};
use collector::{Answer, Collector, points, totals};

/// 2026-11-20T12:00:00Z.
const NOON: u64 = 1_795_176_000_000;
const CANARY: &str = "canary-7f3a";

/// Prompts, spawns and results from number `from` on, one second apart, as the hook logs them.
fn records(from: u64, count: u64) -> Vec<Record> {
    let record = |number: u64| {
        let base = |kind| Record {
            p: Some(format!("{CANARY}-prompt")),
            tu: Some(format!("{CANARY}-call-{number}")),
            pj: Some("00112233445566aa".to_owned()),
            ..Record::new(kind, NOON + number * 1_000, &format!("{CANARY}-session"))
        };
        match number % 4 {
            0 => {
                Record { tier: Some((number % 3) as u8), hint: Some("task".to_owned()), ..base(Kind::Prompt) }
            }
            1 => Record {
                tier: Some(2),
                agent: Some("Explore".to_owned()),
                want: Some("haiku".to_owned()),
                req: Some("haiku".to_owned()),
                why: Some("set".to_owned()),
                ..base(Kind::Spawn)
            },
            2 => Record {
                agent: Some("x0123456789abcdef".to_owned()),
                ran: Some("claude-haiku-5-5".to_owned()),
                out: Some(Outcome::Ok),
                ..base(Kind::Result)
            },
            _ => base(Kind::Stop),
        }
    };
    (from..from + count).map(record).collect()
}

/// Appends as the hook does, with rotation at 4 kB.
fn append(sandbox: &Sandbox, records: &[Record]) {
    for record in records {
        let bounds = policy::Log { max_bytes: 4_096, keep: 60 };
        log::append(&sandbox.state(), &bounds, std::slice::from_ref(record)).expect("the log takes it");
    }
}

/// What a receiver should have of records `0..count`.
fn wanted(count: u64) -> BTreeMap<String, u64> {
    let mut totals = BTreeMap::new();
    for number in 0..count {
        let key = match number % 4 {
            0 => format!("sef.prompts sef.hint=task sef.tier={}", number % 3),
            1 => "sef.spawns gen_ai.agent.name=Explore gen_ai.operation.name=invoke_agent \
                  gen_ai.request.model=haiku sef.reason=set sef.tier=2 sef.wanted_model=haiku"
                .to_owned(),
            2 => "sef.results gen_ai.agent.name=custom gen_ai.operation.name=invoke_agent \
                  gen_ai.response.model=claude-haiku-5-5 sef.outcome=ok"
                .to_owned(),
            _ => continue,
        };
        *totals.entry(key).or_default() += 1;
    }
    totals
}

fn export(sandbox: &Sandbox, url: &str, args: &[&str]) -> Run {
    sandbox.run("sef-stats", &[&["export", "--otlp", url], args].concat(), "")
}

fn exported(sandbox: &Sandbox, collector: &Collector) -> Run {
    let run = export(sandbox, &collector.url, &[]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    run
}

/// Fails, with every part of the message; answers the message.
fn refused(run: &Run, parts: &[&str]) -> String {
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{}", run.err);
    for part in parts.iter().chain(&["to mend it: "]) {
        assert!(run.err.contains(part), "no {part:?} in: {}", run.err);
    }
    run.err.clone()
}

fn received(collector: &Collector) -> BTreeMap<String, u64> {
    totals(collector.requests().iter().map(|request| request.body.as_str()))
}

#[test]
fn several_exports_with_rotations_between_add_up_to_the_log() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(Vec::new());
    let mut sent = 0;
    for count in [1, 0, 40, 3, 200, 1, 90] {
        append(&sandbox, &records(sent, count));
        sent += count;
        exported(&sandbox, &collector);
    }
    assert!(sandbox.path("state/log.3.jsonl").exists(), "the log was rotated");
    assert_eq!(received(&collector), wanted(sent));
    let bodies = collector.requests();
    assert_eq!(bodies.len(), 6, "nothing new, nothing sent");
    let copies: u64 = bodies.iter().flat_map(|request| points(&request.body)).map(|point| point.3).sum();
    assert_eq!(copies, wanted(sent).values().sum::<u64>(), "no copy was sent at all");
}

#[test]
fn a_race_counts_once_for_each_of_its_steps_and_no_text_that_claude_was_told() {
    let sandbox = Sandbox::new();
    let line = |st, w, model: &str| Record {
        h: Some(Box::new(Hosted { m: model.to_owned(), usd: Some(5), ..Hosted::default() })),
        rc: Some(Box::new(Race {
            id: format!("{CANARY}-race"),
            st,
            k: Some(Sort::Showdown),
            w,
            calls: 9,
            tok: (st == Step::Told).then_some(70),
            ..Race::default()
        })),
        ..Record::new(Kind::Race, NOON, CANARY)
    };
    append(
        &sandbox,
        &[
            line(Step::Stopped, None, "gpt-oss-120b"),
            line(Step::Judged, Some(true), "gpt-oss-120b"),
            line(Step::Told, None, ""),
            line(Step::Judged, Some(false), CANARY),
            line(Step::Promoted, Some(true), "gpt-oss-120b"),
        ],
    );
    let collector = Collector::new(Vec::new());
    exported(&sandbox, &collector);
    let point = |model: &str, step: &str, more: &str| {
        (format!("sef.race gen_ai.request.model={model} sef.kind=showdown sef.step={step}{more}"), 1)
    };
    let wanted = [
        point("gpt-oss-120b", "stopped", ""),
        point("gpt-oss-120b", "judged", " sef.winner=yes"),
        point("custom", "judged", " sef.winner=no"),
        point("gpt-oss-120b", "promoted", " sef.winner=yes"),
    ];
    assert_eq!(received(&collector), BTreeMap::from(wanted));
    assert!(!collector.requests()[0].body.contains(CANARY));
}

#[test]
fn a_batch_cut_off_by_a_kill_is_sent_again_byte_for_byte() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(vec![Answer::Silence]);
    append(&sandbox, &records(0, 50));
    let mut command = sandbox.command(binary("sef-stats"));
    command.args(["export", "--otlp", &collector.url]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("starts");
    collector.wait();
    child.kill().expect("is running");
    child.wait().expect("ends");
    // The log goes on, and its oldest file with the batch in it is thrown away.
    append(&sandbox, &records(50, 150));
    let oldest = (1..60).rev().map(|age| log::path(&sandbox.state(), age)).find(|path| path.exists());
    std::fs::remove_file(oldest.expect("the log was rotated")).expect("it can be removed");
    exported(&sandbox, &collector);
    let requests = collector.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].body, requests[1].body, "windows and attributes included");
    assert_eq!(received(&collector), wanted(200));
}

#[test]
fn kills_at_any_moment_lose_and_double_nothing() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(Vec::new());
    for round in 0..40 {
        append(&sandbox, &records(round * 10, 10));
        let mut command = sandbox.command(binary("sef-stats"));
        command.args(["export", "--otlp", &collector.url]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        std::thread::sleep(Duration::from_micros(round * 800));
        let _ = child.kill();
        child.wait().expect("ends");
    }
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(400));
}

#[test]
fn exports_while_the_log_is_written_and_rotated_add_up() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(Vec::new());
    append(&sandbox, &records(0, 1));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| append(&sandbox, &records(1, 899)));
        while !writer.is_finished() {
            exported(&sandbox, &collector);
        }
    });
    exported(&sandbox, &collector);
    assert!(sandbox.path("state/log.20.jsonl").exists(), "the log was rotated");
    assert_eq!(received(&collector), wanted(900));
}

#[test]
fn whatever_a_collector_answers_nothing_is_lost_or_doubled() {
    let sandbox = Sandbox::new();
    let html = "<html><body>Welcome</body></html>";
    let answers: Vec<(Answer, &[&str])> = vec![
        (
            Answer::Say("429 Too Many Requests", "Retry-After: 17\r\n", "slow down"),
            &["429", "Retry-After: 17", "later"],
        ),
        (Answer::Say("503 Service Unavailable", "Retry-After: 3\r\n", ""), &["503", "Retry-After: 3"]),
        (Answer::Say("500 Internal Server Error", "", "{\"code\":13}"), &["500", "{\"code\":13}"]),
        (Answer::Say("400 Bad Request", "", "bad \u{1b}[31mpoint"), &["400", "bad [31mpoint"]),
        (Answer::Say("401 Unauthorized", "", ""), &["401", "--header"]),
        (
            Answer::Say("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", ""),
            &["307", "not followed"],
        ),
        (Answer::Say("204 No Content", "", ""), &["204"]),
        (Answer::Say("200 OK", "Content-Type: text/html\r\n", html), &["200", "Welcome", "4318"]),
        (
            Answer::Say("200 OK", "", "{\"partialSuccess\":{\"rejectedDataPoints\":-1}}"),
            &["no collector says"],
        ),
        (Answer::Raw(b"\x16\x03\x01 garbage\r\n\r\n"), &[]),
        (Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), &[]),
        (Answer::Raw(b""), &[]),
        (Answer::Silence, &["no answer in time", "--timeout"]),
        (Answer::Dribble, &["no answer in time"]),
    ];
    let count = answers.len() as u64;
    let (answers, parts): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let collector = Collector::new(answers);
    for (number, parts) in (0..).zip(parts) {
        append(&sandbox, &records(number * 10, 10));
        let start = Instant::now();
        let run = export(&sandbox, &collector.url, &["--timeout", "2"]);
        refused(&run, parts);
        assert!(run.err.contains(&collector.url), "{}", run.err);
        assert!(start.elapsed().as_secs() < 6, "the deadline holds");
    }
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(count * 10));
    let requests = collector.requests();
    let first = &requests[0].body;
    assert!(
        requests[..=count as usize].iter().all(|request| request.body == *first),
        "always the same batch"
    );
    assert_eq!(requests.len() as u64, count + 2);
}

#[test]
fn a_collector_that_is_down_or_speaks_no_tls_gets_everything_later() {
    let sandbox = Sandbox::new();
    append(&sandbox, &records(0, 20));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    refused(&export(&sandbox, &format!("http://{free}"), &[]), &["nothing listens there", "4318"]);
    let collector = Collector::new(Vec::new());
    let tls = collector.url.replace("http://", "https://");
    refused(&export(&sandbox, &tls, &["--timeout", "5"]), &[&tls, "cannot export"]);
    for (name, pem) in
        [("none.pem", ""), ("bad.pem", "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n")]
    {
        let path = sandbox.write(name, pem);
        refused(&export(&sandbox, &tls, &["--ca", &path.display().to_string()]), &["authorities", name]);
    }
    let collector = Collector::new(Vec::new());
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(20));
}

#[test]
fn rejected_points_are_reported_and_not_sent_again() {
    let sandbox = Sandbox::new();
    let partial = "{\"partialSuccess\":{\"rejectedDataPoints\":\"2\",\"errorMessage\":\"too old\"}}";
    let remark = "{\"partialSuccess\":{\"errorMessage\":\"use gzip\"}}";
    let collector =
        Collector::new(vec![Answer::Say("200 OK", "", partial), Answer::Say("200 OK", "", remark)]);
    append(&sandbox, &records(0, 20));
    refused(
        &export(&sandbox, &collector.url, &[]),
        &["rejected 2 data points (2 since the first export)", "too old", "--resend-all"],
    );
    assert!(exported(&sandbox, &collector).out.starts_with("nothing new"));
    append(&sandbox, &records(20, 20));
    assert!(exported(&sandbox, &collector).out.contains("the collector says: use gzip"));
    assert_eq!(received(&collector), wanted(40));
    assert_eq!(collector.requests().len(), 2);
}

#[test]
fn a_second_export_at_the_same_time_leaves_the_work_to_the_first() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(vec![Answer::Silence]);
    append(&sandbox, &records(0, 20));
    let mut command = sandbox.command(binary("sef-stats"));
    command.args(["export", "--otlp", &collector.url]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = command.spawn().expect("starts");
    collector.wait();
    let run = exported(&sandbox, &collector);
    assert_eq!(run.out, "another export is at work; this one leaves it to that\n");
    first.kill().expect("is running");
    first.wait().expect("ends");
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(20));
}

#[test]
fn a_dry_run_prints_what_is_sent_and_changes_nothing() {
    let sandbox = Sandbox::new();
    append(&sandbox, &records(0, 60));
    let files = || {
        let mut command = sandbox.command("find");
        command.arg(sandbox.home()).args(["-printf", "%p %s %T@\n"]);
        String::from_utf8(command.output().expect("find runs").stdout).expect("text")
    };
    let before = files();
    let dry = sandbox.run("sef-stats", &["export", "--dry-run"], "");
    assert_eq!((dry.code, dry.err.as_str()), (Some(0), ""));
    assert_eq!(files(), before);
    assert_eq!(totals(dry.out.lines()), wanted(60));
    let collector = Collector::new(Vec::new());
    exported(&sandbox, &collector);
    assert_eq!(points(&collector.requests()[0].body), points(dry.out.trim_end()));
    assert_eq!(sandbox.run("sef-stats", &["export", "--dry-run"], "").out, "");
}

#[test]
fn a_long_log_goes_out_in_batches_of_a_thousand_points() {
    let sandbox = Sandbox::new();
    let hours = |number: u64| Record { t: NOON - (3_000 - number) * 3_600_000, ..records(0, 1).remove(0) };
    let lines: Vec<String> =
        (0..2_500).map(|number| serde_json::to_string(&hours(number)).expect("JSON") + "\n").collect();
    sandbox.write("state/log.jsonl", lines.concat());
    let collector = Collector::new(vec![Answer::Take, Answer::Say("503 Busy", "", "")]);
    refused(&export(&sandbox, &collector.url, &[]), &["503", "1 request before it went through"]);
    exported(&sandbox, &collector);
    let sizes: Vec<usize> = collector.requests().iter().map(|request| points(&request.body).len()).collect();
    assert_eq!(sizes, [1_000, 1_000, 1_000, 500]);
    assert_eq!(received(&collector).into_values().collect::<Vec<_>>(), [2_500]);
}

#[test]
fn lines_of_any_kind_are_counted_or_left_out_and_a_torn_one_waits_for_its_end() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> =
        records(0, 40).iter().map(|record| serde_json::to_string(record).expect("JSON")).collect();
    let junk = "\0\0\n[]\n\n{\"v\":2,\"t\":\"later\"}\n{\"v\":1,\"ti\n";
    let (torn, rest) = lines[20].split_at(30);
    sandbox.write("state/log.jsonl", format!("{}\n{junk}{}\n{torn}", lines[0], lines[1..20].join("\n")));
    let collector = Collector::new(Vec::new());
    let out = exported(&sandbox, &collector).out;
    assert!(
        out.ends_with("; 3 lines that cannot be read left out; 1 line of a later version of SEF left out\n"),
        "{out}"
    );
    assert_eq!(received(&collector), wanted(20));
    // The last line is whole, only its end is missing.
    let all =
        format!("{}\n{junk}{}\n{torn}{rest}\n{}", lines[0], lines[1..20].join("\n"), lines[21..].join("\n"));
    sandbox.write("state/log.jsonl", &all);
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(40));
    sandbox.write("state/log.jsonl", all + "\n");
    assert!(exported(&sandbox, &collector).out.starts_with("nothing new"));
}

#[test]
fn a_cursor_that_cannot_be_trusted_stops_the_export_and_has_two_ways_out() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(Vec::new());
    append(&sandbox, &records(0, 20));
    exported(&sandbox, &collector);
    let good = sandbox.read("state/export.json");
    for bad in ["", "{", "null", "\0\0\0", &good.replace("\"v\":1", "\"v\":2"), &good[..good.len() / 2]] {
        sandbox.write("state/export.json", bad);
        refused(&export(&sandbox, &collector.url, &[]), &["export.json", "--from-now", "--resend-all"]);
        assert_eq!(sandbox.read("state/export.json"), bad);
    }
    let log = sandbox.read("state/log.jsonl");
    sandbox.write("state/export.json", &good);
    for changed in [&log.replace("Explore", "Exploit"), &log[..log.len() / 2]] {
        sandbox.write("state/log.jsonl", changed);
        refused(&export(&sandbox, &collector.url, &[]), &["was changed", "--from-now"]);
    }
    sandbox.write("state/log.1.jsonl", &log);
    sandbox.write("state/log.jsonl", &log);
    refused(&export(&sandbox, &collector.url, &[]), &["begin with the same line", "move the copy"]);
    std::fs::remove_file(sandbox.path("state/log.1.jsonl")).expect("is there");
    assert_eq!(collector.requests().len(), 1);
    sandbox.write("state/log.jsonl", log);
    sandbox.write("state/export.json", "{");
    let skipped = sandbox.run("sef-stats", &["export", "--from-now"], "");
    assert_eq!((skipped.code, skipped.err.as_str()), (Some(0), ""));
    append(&sandbox, &records(20, 20));
    exported(&sandbox, &collector);
    assert_eq!(received(&collector), wanted(40), "what was sent before, and what came after");
    let again = Collector::new(Vec::new());
    sandbox.write("state/export.json", "{");
    assert_eq!(export(&sandbox, &again.url, &["--resend-all"]).code, Some(0));
    assert_eq!(received(&again), wanted(40));
}

#[test]
fn e1_keys_and_ids_appear_nowhere() {
    let sandbox = Sandbox::new();
    append(&sandbox, &records(0, 20));
    let file = sandbox.write("key", format!("Bearer {CANARY}-file\n"));
    let echo = "{\"got\":\"canary-7f3a-argument and Bearer canary-7f3a-file\"}";
    let collector = Collector::new(vec![Answer::Say("400 Bad Request", "", echo)]);
    let headers = [
        "--header".to_owned(),
        format!("X-Key={CANARY}-argument"),
        "--header".to_owned(),
        format!("Authorization=@{}", file.display()),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let failed = export(&sandbox, &collector.url, &headers);
    let shown = refused(&failed, &["got", "***"]) + &export(&sandbox, &collector.url, &headers).out;
    assert!(!shown.contains(CANARY), "{shown}");
    for bad in [CANARY, &format!("a b={CANARY}")] {
        let run = export(&sandbox, &collector.url, &["--header", bad]);
        assert!(!refused(&run, &["header 1"]).contains(CANARY));
    }
    for request in collector.requests() {
        let head = request.head.to_ascii_lowercase();
        assert!(
            head.contains("x-key: canary-7f3a-argument")
                && head.contains("authorization: bearer canary-7f3a-file")
        );
        assert!(
            head.starts_with("post /v1/metrics http/1.1") && head.contains("content-type: application/json")
        );
        assert!(!request.body.contains(CANARY) && !request.body.contains("sef.project"), "{}", request.body);
    }
    for name in ["export.json", "export.lock", "installation"] {
        assert!(!sandbox.read(&format!("state/{name}")).contains(CANARY), "{name}");
        let meta = std::fs::metadata(sandbox.path(&format!("state/{name}"))).expect("is there");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o600, "{name}");
    }
}

#[test]
fn an_installation_has_one_random_id_and_projects_only_on_demand() {
    let ids: Vec<String> = (0..2)
        .map(|_| {
            let sandbox = Sandbox::new();
            let collector = Collector::new(Vec::new());
            append(&sandbox, &records(0, 4));
            exported(&sandbox, &collector);
            append(&sandbox, &records(4, 4));
            assert_eq!(export(&sandbox, &collector.url, &["--projects"]).code, Some(0));
            let requests = collector.requests();
            let id = sandbox.read("state/installation");
            assert!(
                requests
                    .iter()
                    .all(|request| request.body.contains(&format!("{{\"stringValue\":\"{id}\"}}")))
            );
            assert!(
                requests[1].body.contains("00112233445566aa")
                    && !requests[0].body.contains("00112233445566aa")
            );
            id
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn e2_headers_go_to_another_machine_only_encrypted() {
    let sandbox = Sandbox::new();
    append(&sandbox, &records(0, 4));
    refused(&export(&sandbox, "http://192.0.2.1:4318", &[]), &["unencrypted", "--allow-http"]);
    refused(&export(&sandbox, "http://192.0.2.1:4318", &["--allow-http", "--timeout", "1"]), &["192.0.2.1"]);
    refused(&export(&sandbox, "https://u:canary@192.0.2.1", &[]), &["--header"]);
}

#[test]
fn without_a_log_nothing_is_sent_or_made() {
    let sandbox = Sandbox::new();
    let collector = Collector::new(Vec::new());
    assert_eq!(exported(&sandbox, &collector).out, "nothing to export: there is no log yet\n");
    assert!(!sandbox.state().exists() && collector.requests().is_empty());
}
