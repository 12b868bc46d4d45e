//! `sef rules add`: a sentence and its tier become a rule in the user's file, which keeps every byte that it had.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

const FILE: &str = "config/rules.toml";
/// Makes the user's file what it should be for a test.
type Prepare = fn(&Path);
/// A sentence that the built-in rules judge otherwise than a user might.
const SENTENCE: &str = "who wrote the invoice importer";

fn add(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef", &[&["rules", "add"], args].concat(), "")
}

/// Adds a rule and answers what was said.
fn added(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = add(sandbox, args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}");
    run.out
}

/// What was said about a refusal; it must say what to do.
fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = add(sandbox, args);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{args:?}");
    assert!(run.err.contains("to mend it"), "{}", run.err);
    run.err
}

fn verdict(sandbox: &Sandbox, prompt: &str) -> Value {
    let line = json!({"id": 1, "prompt": prompt});
    let run = sandbox.run("sef", &["classify", "--jsonl"], format!("{line}\n"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    serde_json::from_str(&run.out).expect("JSON")
}

fn tier(sandbox: &Sandbox, prompt: &str) -> u64 {
    verdict(sandbox, prompt)["tier"].as_u64().expect("a tier")
}

/// The user's rules, read by another reader than the program.
fn rules(sandbox: &Sandbox) -> Vec<toml::Table> {
    let file: toml::Table = toml::from_str(&sandbox.read(FILE)).expect("TOML");
    file["rule"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|rule| rule.as_table().expect("a rule").clone())
        .collect()
}

fn check_is_green(sandbox: &Sandbox) {
    for action in ["check", "test"] {
        let run = sandbox.run("sef", &["rules", action], "");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    }
}

#[test]
fn a_sentence_gets_the_wanted_tier_and_the_new_file_is_private_and_sound() {
    for (wanted, sentence) in [
        (1, "show me last 10 failed runs"),
        (0, "the problem was the proxy at work"),
        (3, "cut the aws bill by half without the users noticing"),
        (2, "which of the two parsers is more robust"),
        (1, "summarise the minutes of tuesday for the whole team"),
    ] {
        let sandbox = Sandbox::new();
        let before = tier(&sandbox, sentence);
        let said = added(&sandbox, &["--tier", &wanted.to_string(), "--force", sentence]);
        assert_eq!(tier(&sandbox, sentence), wanted, "{said}");
        assert!(said.contains(&format!("the sentence: tier {before} ")), "{said}");
        assert!(said.contains(&format!("-> tier {wanted} ")), "{said}");
        assert!(
            said.contains(" 0 of other tiers"),
            "a chosen phrase fires on no other tier's example: {said}"
        );
        assert_eq!(rules(&sandbox)[0]["examples"].as_array().expect("examples")[0].as_str(), Some(sentence));
        let mode = fs::metadata(sandbox.path(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds what a person typed");
        check_is_green(&sandbox);
    }
}

#[test]
fn a_paraphrase_gets_the_tier_too_and_other_work_with_the_same_words_does_not() {
    let sandbox = Sandbox::new();
    let said = added(&sandbox, &["--tier", "1", "--force", "show me last 10 failed runs"]);
    assert!(said.contains("\"{look} ... runs\""), "a class stands for its word: {said}");
    for paraphrase in ["list the last failed runs", "find all runs that failed"] {
        assert_eq!(tier(&sandbox, paraphrase), 1, "{paraphrase}");
    }
    let prompt = "redesign how failed runs are retried across all services";
    assert_eq!(tier(&sandbox, prompt), tier(&Sandbox::new(), prompt));
}

#[test]
fn a_sentence_that_has_its_tier_already_needs_force() {
    let sandbox = Sandbox::new();
    let sentence = "find all files that import config";
    let said = added(&sandbox, &["--tier", "1", sentence]);
    assert!(said.contains("already") && said.contains("--force"), "{said}");
    assert!(!sandbox.path(FILE).exists());
    added(&sandbox, &["--tier", "1", "--force", sentence]);
    assert_eq!(rules(&sandbox).len(), 1);
    let run = add(&sandbox, &["--tier", "1", "--role", "document", sentence]);
    assert_eq!(run.code, Some(0), "another role is another wish: {}", run.err);
    assert_eq!(verdict(&sandbox, sentence)["role"], "document");
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing_at_all() {
    let sandbox = Sandbox::new();
    let args = ["--tier", "3", "--phrase", "who ... importer*", SENTENCE];
    let dry = added(&sandbox, &[&["--dry-run"], args.as_slice()].concat());
    assert!(!sandbox.path("config").exists() && !sandbox.state().exists());
    let wet = added(&sandbox, &args);
    let rest = |said: &str| said.split_once("\n\n").expect("a blank line").1.to_owned();
    assert_eq!(rest(&dry), rest(&wet));
    assert!(dry.contains("nothing was written") && wet.contains("added to "));
}

#[test]
fn every_byte_that_was_there_stays_and_the_last_version_is_kept_aside() {
    let old_rule =
        "[[rule]]\nid = \"a\"\ntier = 1\nrole = \"explore\"\nphrases = [\"xyzzy\"]\nexamples = [\"xyzzy\"]\n";
    for old in [
        "",
        "# only a comment, no newline at the end",
        "off = [\"thanks\"]   # odd   spacing \t\n\n\n",
        old_rule,
        &format!("{old_rule}[learned.user]\n\"#look-for\" = [0, 1, 0, 0]"),
        &old_rule.replace('\n', "\r\n"),
    ] {
        let sandbox = Sandbox::new();
        let path = sandbox.write(FILE, old);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
        let said = added(&sandbox, &["--tier", "3", "--phrase", "who ... importer*", SENTENCE]);
        let new = sandbox.read(FILE);
        assert!(new.starts_with(old) && new.len() > old.len(), "{new:?}");
        assert_eq!(new.contains("\r\n"), old.contains("\r\n"), "{new:?}");
        assert!(
            !old.contains('\r') || !new.replace("\r\n", "").contains('\n'),
            "one kind of line end: {new:?}"
        );
        assert_eq!(tier(&sandbox, SENTENCE), 3);
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o640);
        let kept = said.lines().find_map(|line| line.strip_prefix("the file as it was: ")).expect("a place");
        assert_eq!(fs::read_to_string(kept).expect("the backup"), old);
        check_is_green(&sandbox);
    }
}

#[test]
fn rules_that_are_added_one_after_the_other_get_ids_of_their_own() {
    let sandbox = Sandbox::new();
    let args = ["--tier", "3", "--force", "--phrase", "who ... importer*", SENTENCE];
    for _ in 0..3 {
        added(&sandbox, &args);
    }
    let rules = rules(&sandbox);
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect();
    assert_eq!(ids, ["mine-who-importer", "mine-who-importer-2", "mine-who-importer-3"]);
}

#[test]
fn runs_at_the_same_time_lose_no_rule() {
    let sandbox = Sandbox::new();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let one = |number: usize| {
            let sandbox = &sandbox;
            let id = format!("mine-{number}");
            let args = move || {
                add(sandbox, &["--tier", "3", "--force", "--id", &id, "--phrase", "who wrote", SENTENCE])
            };
            scope.spawn(args)
        };
        let handles: Vec<_> = (0..4).map(one).collect();
        handles.into_iter().map(|handle| handle.join().expect("a run")).collect()
    });
    assert!(runs.iter().all(|run| run.code == Some(0)), "{runs:?}");
    assert_eq!(rules(&sandbox).len(), 4);
}

#[test]
fn sentences_that_say_nothing_are_refused() {
    let sandbox = Sandbox::new();
    let large = "find the invoice importer ".repeat(4_000);
    for (sentence, why) in [
        ("", "it is empty"),
        ("  \n\t ", "it is empty"),
        ("?!... -- ,", "no word of it"),
        ("the a of it is", "no word of it"),
        ("please can you just", "no word of it"),
        ("12 34", "no word of it"),
        ("🦀🦀🦀", "no word of it"),
        ("```\nfn main() { redesign(); }\n```", "no word of it"),
        ("\"redesign the importer\"", "no word of it"),
        ("make that 15%", "also fires on"),
        ("/compact", "SEF never judges it"),
        ("<system-reminder>find it</system-reminder>", "SEF never judges it"),
        ("~opus", "only a ~ mark"),
        (large.as_str(), "103999 bytes"),
    ] {
        // The tier that the sentence does not have, so that there is something to do.
        let wanted = if tier(&sandbox, sentence) == 1 { "3" } else { "1" };
        let error = refused(&sandbox, &["--tier", wanted, "--", sentence]);
        assert!(error.contains(why), "{sentence:.40}: {error:.400}");
    }
    assert!(!sandbox.path(FILE).exists());
}

#[test]
fn sentences_in_other_scripts_become_rules_that_fire() {
    for sentence in [
        "найди последние упавшие запуски",
        "他人の注文が見えたと問い合わせが来た",
        "把昨天的发票导出一份",
        "أين يتم التحقق من الجلسة؟",
        "İstanbul şubesinin faturalarını listele",
        "dónde está la configuración del servidor de pruebas",
    ] {
        let sandbox = Sandbox::new();
        let wanted = (tier(&sandbox, sentence) + 1) % 4;
        added(&sandbox, &["--tier", &wanted.to_string(), sentence]);
        assert_eq!(tier(&sandbox, sentence), wanted, "{sentence}");
        check_is_green(&sandbox);
    }
}

#[test]
fn quotes_control_characters_and_escapes_come_back_as_they_were_typed() {
    for sentence in [
        r#"redesign the "importer" of the 'invoices' in C:\new\table and ''' """ too"#,
        "redesign the importer\nof the invoices\r\n\tnow",
        "redesign \u{1b}[31mthe importer\u{7f} \u{85} of \u{202e}the invoices\u{feff}",
        "@src/importer.rs redesign the importer of the invoices",
        "redesign the importer # of [the] {invoices} = \u{10ffff}",
    ] {
        let sandbox = Sandbox::new();
        let said = added(&sandbox, &["--tier", "0", "--phrase", "redesign", sentence]);
        let dangerous = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{feff}');
        assert!(!said.contains(dangerous), "nothing that a terminal obeys: {said:?}");
        let example = rules(&sandbox)[0]["examples"][0].as_str().expect("text").to_owned();
        assert_eq!(example.trim_start(), sentence);
        assert_eq!(tier(&sandbox, sentence), 0);
        check_is_green(&sandbox);
    }
}

#[test]
fn ids_roles_and_phrases_that_cannot_be_are_refused_and_named() {
    let sandbox = Sandbox::new();
    for (args, why) in [
        (vec!["--id", "look-for"], "a rule named look-for already"),
        (vec!["--id", "Mine"], "not kebab-case"),
        (vec!["--id", ""], "not kebab-case"),
        (vec!["--id", "a\"b"], "not kebab-case"),
        (vec!["--role", "explore"], "belongs to tier 1, not to tier 3"),
        (vec!["--role", "wizard"], "no role named"),
        (vec!["--phrase", "{nope} importer"], "no class named nope"),
        (vec!["--phrase", "... importer"], "must not start with"),
        (vec!["--phrase", "importer ..."], "must not end with"),
        (vec!["--phrase", ""], "it is empty"),
        (vec!["--phrase", "a*"], "two letters"),
        (vec!["--phrase", "something else"], "none of the phrases fires"),
        (vec!["--phrase", "importer ... wrote"], "none of the phrases fires"),
    ] {
        let error = refused(&sandbox, &[&["--tier", "3"], args.as_slice(), &[SENTENCE]].concat());
        assert!(error.contains(why), "{args:?}: {error}");
    }
    let switched_off = sandbox.write(FILE, "off = [\"look-for\"]\n");
    let error = refused(&sandbox, &["--tier", "3", "--id", "look-for", SENTENCE]);
    assert!(error.contains("look-for already"), "its learned weights would count for ours: {error}");
    assert_eq!(fs::read_to_string(switched_off).expect("the file"), "off = [\"look-for\"]\n");
    for tier in ["4", "-1", "x", ""] {
        assert_eq!(add(&sandbox, &["--tier", tier, SENTENCE]).code, Some(2), "{tier}");
    }
}

#[test]
fn a_phrase_of_the_users_own_says_what_else_it_changes() {
    let sandbox = Sandbox::new();
    let said = added(&sandbox, &["--tier", "3", "--phrase", "rename", "--phrase", "quux", "rename the quux"]);
    assert_eq!(rules(&sandbox)[0]["phrases"].as_array().expect("phrases").len(), 2);
    assert!(!said.contains(" 0 of other tiers"), "{said}");
    assert!(said.contains("-> 3 (wrong)"), "{said}");
}

#[test]
fn an_own_class_stands_for_its_words() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, "[class.shop]\nwords = [\"basket\", \"checkout\", \"till\"]\n");
    let said = added(&sandbox, &["--tier", "3", "the till is grumpy"]);
    assert!(said.contains("{shop} ... grumpy"), "{said}");
    assert_eq!(tier(&sandbox, "the basket is grumpy"), 3);
}

#[test]
fn a_file_that_cannot_be_added_to_is_left_as_it_was() {
    let sound = "off = []\n";
    let table: &[(Prepare, &str)] = &[
        (|path| fs::write(path, "off = [\n").expect("write"), "the file has a mistake: rules.toml:"),
        (|path| fs::write(path, "off = [\"nobody\"]\n").expect("write"), "off names no earlier rule"),
        (|path| fs::write(path, "colour = 1\n").expect("write"), "unknown field"),
        (|path| fs::write(path, b"# \xff\n").expect("write"), "not UTF-8"),
        (
            |path| {
                let rule =
                    "{ id = \"a\", tier = 1, role = \"explore\", phrases = [\"x\"], examples = [\"x\"] }";
                fs::write(path, format!("rule = [{rule}]\n")).expect("write");
            },
            "put this into the file by hand",
        ),
        (|path| symlink("nowhere.toml", path).expect("link"), "which does not exist"),
        (|path| symlink("rules.toml", path).expect("link"), "in a circle"),
        (|path| fs::create_dir(path).expect("make a folder"), "not a regular file"),
        (
            |path| {
                fs::write(path, "off = []\n").expect("write");
                fs::hard_link(path, path.with_extension("bak")).expect("link");
            },
            "2 hard links",
        ),
        (
            |path| {
                fs::write(path, "off = []\n").expect("write");
                fs::set_permissions(path, fs::Permissions::from_mode(0o440)).expect("chmod");
            },
            "it is read-only",
        ),
        (
            |path| fs::write(path, format!("#{}\n", "x".repeat(4 << 20))).expect("write"),
            "larger than 4194304",
        ),
    ];
    for (prepare, why) in table {
        let sandbox = Sandbox::new();
        let path = sandbox.path(FILE);
        fs::create_dir_all(path.parent().expect("a parent")).expect("make a folder");
        prepare(&path);
        let state = |path: &Path| (fs::read(path).ok(), fs::read_link(path).ok(), path.is_dir());
        let before = state(&path);
        let error = refused(&sandbox, &["--tier", "3", "--phrase", "importer", SENTENCE]);
        assert!(error.contains(why), "{why}: {error}");
        assert_eq!(state(&path), before, "{why}");
        let others = fs::read_dir(path.parent().expect("a parent")).expect("list").count();
        assert!(others <= 2, "{why}: nothing of ours is left beside it");
    }
    let sandbox = Sandbox::new();
    let real = sandbox.write("dotfiles/rules.toml", sound);
    fs::create_dir_all(sandbox.path("config")).expect("make a folder");
    symlink(&real, sandbox.path(FILE)).expect("link");
    added(&sandbox, &["--tier", "3", "--phrase", "importer", SENTENCE]);
    assert!(fs::symlink_metadata(sandbox.path(FILE)).expect("the link").is_symlink(), "a link stays one");
    assert!(fs::read_to_string(real).expect("the file").starts_with(sound));
}

#[test]
fn a_folder_of_another_owner_and_no_folder_at_all_are_refused() {
    let mut sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("config")).expect("make a folder");
    // Only root can give a folder away; for anyone else the case cannot be made.
    if std::os::unix::fs::chown(sandbox.path("config"), Some(54321), None).is_ok() {
        let error = refused(&sandbox, &["--tier", "3", "--phrase", "importer", SENTENCE]);
        assert!(error.contains("belongs to user 54321"), "{error}");
        assert!(!sandbox.path(FILE).exists());
    }
    sandbox.unset("SEF_CONFIG_DIR");
    sandbox.set("HOME", "");
    let error = refused(&sandbox, &["--tier", "3", "--phrase", "importer", SENTENCE]);
    assert!(error.contains("SEF_CONFIG_DIR"), "{error}");
}
