//! Project rules and who trusts them, an organisation's defaults, and where each value comes from: real binaries, from the
//! file in the project to the reply of the hook.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use sef::rules::approval::{self, Record, Verdict};
use serde_json::Value;

use crate::payloads::with;
use crate::policy::{hook, last_record};
use crate::sandbox::{Run, Sandbox, binary, finish, skipped};

const FILE: &str = "project/.claude/sef.toml";
/// A look-up for the built-in rules; this project wants Sonnet for it.
const PROMPT: &str = "Find all files that import the frobnicator module";
const RULES: &str = "# about CANARY-COMMENT\n[[rule]]\nid = \"frobnicator\"\ntier = 2\nrole = \"implement\"\nweight = 9.0\n\
                     phrases = [\"frobnicator\"]\nexamples = [\"look at the frobnicator, CANARY-EXAMPLE\"]\n";

/// The whole reply to the prompt in a session of its own, in a folder below home.
fn reply_in(sandbox: &Sandbox, folder: &str) -> String {
    let number = fs::read_to_string(sandbox.path("state/log.jsonl")).map_or(0, |log| log.len());
    let cwd = sandbox.path(folder).display().to_string();
    let session = format!("session-{number}");
    let event = with(
        "UserPromptSubmit",
        &[("session_id", session.into()), ("prompt", PROMPT.into()), ("cwd", cwd.into())],
    );
    hook(sandbox, &event).out
}

fn reply(sandbox: &Sandbox) -> String {
    reply_in(sandbox, "project")
}

/// The reply where there are no rules but the built-in ones.
fn plain_reply() -> String {
    let out = reply(&Sandbox::new());
    assert!(out.contains("sef-explore (Haiku)"), "the prompt is a look-up: {out}");
    out
}

fn sef(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run("sef", args, "")
}

fn done(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sef(sandbox, args);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}: {}", run.out);
    run.out
}

fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sef(sandbox, args);
    assert_eq!(run.code, Some(1), "{args:?}: {}", run.out);
    run.err
}

/// Writes a file of the organisation's folder, with the modes that let it count.
fn manage(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.write(&format!("managed/{name}"), text);
    chmod(&path, 0o644);
    chmod(&sandbox.path("managed"), 0o755);
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

fn allowed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, RULES);
    done(&sandbox, &["allow", "--yes"]);
    sandbox
}

fn of_project(reply: &str) -> bool {
    reply.contains("sef-implement (Sonnet)")
}

#[test]
fn g2_a_clones_rules_change_no_byte_of_a_reply_until_they_are_allowed_and_one_byte_revokes() {
    let plain = plain_reply();
    let sandbox = Sandbox::new();
    let path = sandbox.write(FILE, RULES);
    assert_eq!(reply(&sandbox), plain, "nobody allowed it");
    let page = done(&sandbox, &["allow", "--yes"]);
    for part in ["CANARY-COMMENT", "rules added: 1", "examples whose verdict changes:", "\nallowed: "] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(of_project(&reply(&sandbox)));
    assert!(of_project(&reply(&sandbox)), "and from the cache");
    // The same size and the same time: only a byte of the comment is another.
    let time = fs::metadata(&path).expect("metadata").modified().expect("a time");
    sandbox.write(FILE, RULES.replace("# about", "# abouT"));
    File::options().write(true).open(&path).expect("open").set_modified(time).expect("set the time");
    assert_eq!(reply(&sandbox), plain, "one byte changed");
    assert!(sef(&sandbox, &["allow", "--list"]).out.starts_with("changed since "));
    sandbox.write(FILE, RULES);
    assert!(of_project(&reply(&sandbox)), "the change was undone");
    done(&sandbox, &["deny"]);
    assert_eq!(reply(&sandbox), plain, "denied");
    sandbox.write(FILE, format!("{RULES}\n"));
    assert_eq!(reply(&sandbox), plain, "denied, whatever it says");
    assert!(sef(&sandbox, &["allow", "--list"]).out.starts_with("denied "));
    done(&sandbox, &["allow", "--yes"]);
    assert!(of_project(&reply(&sandbox)), "allowed again");
    assert!(done(&sandbox, &["allow", "--yes"]).ends_with("allowed already; `sef deny` forbids it\n"));
    fs::remove_file(&path).expect("remove");
    assert_eq!(reply(&sandbox), plain, "the file counts, not the copy alone");
    assert!(sef(&sandbox, &["allow", "--list"]).out.starts_with("gone "));
}

#[test]
fn g2_only_the_folder_that_was_allowed_counts_by_whatever_name() {
    let mut sandbox = allowed();
    sandbox.write("copy/.claude/sef.toml", RULES);
    assert_eq!(reply_in(&sandbox, "copy"), plain_reply(), "a copy elsewhere is another project");
    assert_eq!(
        reply_in(&sandbox, "project/.claude"),
        plain_reply(),
        "a folder below is no project of that file"
    );
    symlink(sandbox.path("project"), sandbox.path("by-link")).expect("link");
    assert!(of_project(&reply_in(&sandbox, "by-link")), "a link to the folder is the folder");
    sandbox.set("CLAUDE_PROJECT_DIR", sandbox.path("project"));
    assert!(of_project(&reply_in(&sandbox, "copy")), "the client says which project it is");
    let list = done(&sandbox, &["allow", "--list"]);
    assert_eq!((list.lines().count(), list.starts_with("applies ")), (1, true), "{list}");
}

#[test]
fn g2_allow_asks_for_a_yes_and_without_a_terminal_wants_it_with_the_command() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, format!("{RULES}# hidden \u{202e}\u{200b}\u{e0041}\n"));
    let run = sandbox.run("sef", &["allow"], "y\n");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("--yes"), "{}", run.err);
    assert!(run.out.contains("# hidden \\u{202e}\\u{200b}\\u{e0041}\n"), "what hides is shown: {}", run.out);
    assert!(!run.out.contains(['\u{202e}', '\u{200b}', '\u{e0041}']));
    sandbox.write(FILE, format!("{RULES}# \u{1b}[2J\n\"\u{1b}[2J\" = 1\n"));
    let error = refused(&sandbox, &["allow", "--yes"]);
    assert!(error.contains(".claude/sef.toml:9") && !error.contains('\u{1b}'), "{error}");
    assert!(!sandbox.path("state/trust").exists(), "nothing was kept");
    assert_eq!(done(&sandbox, &["allow", "--list"]), "nothing is allowed or denied\n");
}

#[test]
fn g2_keys_that_are_no_projects_are_refused_with_line_and_hint() {
    for (text, line, hint) in [
        ("[hosted]\nbase_url = \"https://x.example\"\n", 1, "service, host or key"),
        ("\n[tiers]\n1 = \"opus\"\n", 2, "choose models"),
        ("[confidence]\npreset = \"eager\"\n", 1, "how sure"),
        ("[spawn]\nroute = false\n", 1, "what SEF does"),
        ("[prompt]\nhints = false\n", 1, "what SEF does"),
        ("[log]\nkeep = 0\n", 1, "what SEF does"),
        ("[[price]]\nmodel = \"x\"\n", 1, "prices"),
        ("[guidance]\ntext = \"do as I say\"\n", 1, "no words to Claude"),
        ("command = \"rm\"\n", 1, "no commands"),
        ("[model]\nlean = 1.0\n", 1, "the scale"),
        ("[class.verb]\nwords = [\"x\"]\n", 1, "word classes"),
        ("offf = []\n", 1, "did you mean `off`?"),
        (&format!("{RULES}tags = [\"turbo\"]\n"), 9, "tags choose what SEF says"),
        (&format!("{RULES}guidance = \"x\"\n"), 9, "no words to Claude"),
        ("[learned]\nmodel = 1\n", 2, "the scale"),
        ("off = [\n", 1, ""),
        ("[[rule]]\nid = \"frobnicator\"\ntier = 2\n", 2, "only a rule with the id of an earlier one"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(FILE, text);
        let error = refused(&sandbox, &["allow", "--yes"]);
        assert!(error.contains(&format!("\n  .claude/sef.toml:{line}")), "{text}: {error}");
        assert!(error.contains(hint), "{text}: {error}");
        assert!(!sandbox.path("state/trust").exists(), "{text}");
    }
}

#[test]
fn g1_rules_check_lists_every_mistake_of_a_project_whether_or_not_it_counts() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, format!("offf = []\n\n{RULES}tags = []\n[hosted]\n"));
    let error = refused(&sandbox, &["rules", "check"]);
    for part in [
        "3 mistakes",
        "sef.toml:1: `offf`",
        "sef.toml:11 [frobnicator]: `tags`",
        "sef.toml:12: `hosted`",
        "note: ",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn g2_what_is_no_plain_small_file_is_refused_by_allow_and_ignored_by_the_hook() {
    type Case = (&'static str, fn(&Path), &'static str);
    let plain = plain_reply();
    let cases: &[Case] = &[
        ("a link", |folder| link_file(folder), "symbolic link"),
        ("a folder that is a link", |folder| link_folder(folder), ".claude is a symbolic link"),
        ("a pipe", |folder| make_pipe(&folder.join("sef.toml")), "not a regular file"),
        ("a gigabyte", |folder| sparse(&folder.join("sef.toml")), "larger than 65536 bytes"),
        (
            "no UTF-8",
            |folder| fs::write(folder.join("sef.toml"), b"off = []\n# \xff\n").expect("write"),
            "not UTF-8",
        ),
        ("ten thousand rules", |folder| many(&folder.join("sef.toml")), "larger than 65536 bytes"),
        ("a folder", |folder| fs::create_dir(folder.join("sef.toml")).expect("mkdir"), "not a regular file"),
        (
            "a link to nothing",
            |folder| symlink("nowhere", folder.join("sef.toml")).expect("link"),
            "symbolic link",
        ),
        ("nothing", |_| {}, "no such file"),
    ];
    for (name, make, why) in cases {
        let sandbox = Sandbox::new();
        sandbox.write("elsewhere/sef.toml", RULES);
        let folder = sandbox.path("project/.claude");
        fs::create_dir_all(&folder).expect("mkdir");
        make(&folder);
        assert_eq!(reply(&sandbox), plain, "{name}");
        let error = refused(&sandbox, &["allow", "--yes"]);
        assert!(error.contains(why), "{name}: {error}");
        assert!(!sandbox.path("state/trust").exists(), "{name}");
    }
}

fn link_file(folder: &Path) {
    symlink("../../elsewhere/sef.toml", folder.join("sef.toml")).expect("link");
}

fn link_folder(folder: &Path) {
    fs::remove_dir(folder).expect("remove");
    symlink("../elsewhere", folder).expect("link");
}

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
}

fn sparse(path: &Path) {
    File::create(path).expect("create").set_len(1 << 30).expect("truncate");
}

fn many(path: &Path) {
    let rule = |number| RULES.replace("\"frobnicator\"\ntier", &format!("\"rule-{number}\"\ntier"));
    fs::write(path, (0..10_000).map(rule).collect::<String>()).expect("write");
}

#[test]
fn g2_a_link_that_takes_the_place_of_an_allowed_file_ends_its_effect() {
    let sandbox = allowed();
    let path = sandbox.path(FILE);
    fs::rename(&path, sandbox.path("project/moved.toml")).expect("move");
    symlink("../moved.toml", &path).expect("link");
    assert_eq!(reply(&sandbox), plain_reply());
    assert!(done(&sandbox, &["allow", "--list"]).starts_with("unusable "));
}

#[test]
fn g2_no_word_of_a_projects_file_reaches_a_reply() {
    let mut sandbox = allowed();
    let out = reply(&sandbox);
    assert!(of_project(&out) && !out.contains("CANARY") && !out.contains("frobnicator"), "{out}");
    // An approval that no `sef allow` made: the file is still read by the same strict eyes.
    let canary =
        format!("{RULES}[hosted]\nbase_url = \"https://canary.example\"\n[guidance]\ntext = \"CANARY\"\n");
    sandbox.write(FILE, &canary);
    let root = sandbox.path("project").canonicalize().expect("real").display().to_string();
    let record = Record::new(&root, Verdict::Allow, String::new(), canary);
    approval::keep(&sandbox.state(), &record).expect("kept");
    assert!(done(&sandbox, &["allow", "--list"]).starts_with("applies "), "the plant is believed");
    assert_eq!(reply(&sandbox), plain_reply());
    sandbox.set("CEREBRAS_API_KEY", "0123456789");
    let status = sef(&sandbox, &["turbo", "status", "--offline"]);
    assert!(!status.out.contains("canary") && !status.err.contains("canary"), "{status:?}");
}

#[test]
fn g2_approvals_are_private_and_what_others_could_have_written_is_not_believed() {
    let sandbox = allowed();
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&sandbox.path("state/trust")), 0o700);
    let kept =
        fs::read_dir(sandbox.path("state/trust")).expect("a folder").flatten().map(|entry| entry.path());
    let record =
        kept.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).expect("a record");
    assert_eq!(mode(&record), 0o600);
    assert!(of_project(&reply(&sandbox)));
    fs::set_permissions(&record, Permissions::from_mode(0o666)).expect("chmod");
    assert_eq!(reply(&sandbox), plain_reply(), "anybody could have written it");
    fs::set_permissions(&record, Permissions::from_mode(0o600)).expect("chmod");
    assert!(of_project(&reply(&sandbox)));
    for torn in ["", "{", "null"] {
        fs::write(&record, torn).expect("write");
        assert_eq!(reply(&sandbox), plain_reply(), "a torn record allows nothing: {torn:?}");
    }
}

#[test]
fn g2_approvals_that_are_given_at_the_same_time_are_whole() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, RULES);
    sandbox.write("other/.claude/sef.toml", RULES);
    std::thread::scope(|scope| {
        for folder in [".", ".", "../other", "../other"] {
            let sandbox = &sandbox;
            scope.spawn(move || assert!(done(sandbox, &["allow", folder, "--yes"]).contains("allowed")));
        }
    });
    let list = done(&sandbox, &["allow", "--list"]);
    assert_eq!(list.lines().filter(|line| line.starts_with("applies ")).count(), 2, "{list}");
    let left = fs::read_dir(sandbox.path("state/trust")).expect("a folder").flatten();
    assert!(left.into_iter().all(|entry| entry.path().extension().is_none_or(|end| end != "tmp")));
    assert!(of_project(&reply(&sandbox)) && of_project(&reply_in(&sandbox, "other")));
}

#[test]
fn g1_a_project_that_does_not_count_leaves_the_users_rules_in_place() {
    let sandbox = allowed();
    sandbox.write(
        "config/rules.toml",
        RULES.replace("tier = 2\nrole = \"implement\"", "tier = 1\nrole = \"validate\""),
    );
    assert!(of_project(&reply(&sandbox)), "the project's rule of that id is the later one");
    sandbox.write(FILE, format!("{RULES}\n"));
    assert!(reply(&sandbox).contains("sef-validate"), "the user's rule counts again");
    assert!(reply_in(&sandbox, "elsewhere").contains("sef-validate"));
}

#[test]
fn g2_what_the_user_switched_off_no_project_brings_back() {
    let sandbox = Sandbox::new();
    manage(
        &sandbox,
        "rules.toml",
        &RULES.replace("tier = 2\nrole = \"implement\"", "tier = 1\nrole = \"validate\""),
    );
    assert!(reply(&sandbox).contains("sef-validate"), "an organisation's rule");
    sandbox.write("config/rules.toml", "off = [\"frobnicator\"]\n");
    let plain = plain_reply();
    assert_eq!(reply(&sandbox), plain);
    sandbox.write(FILE, RULES);
    let page = done(&sandbox, &["allow", "--yes"]);
    assert!(page.contains("rules that stay off, as you have it: 1\n    frobnicator"), "{page}");
    assert_eq!(reply(&sandbox), plain);
}

#[test]
fn g3_a_regex_that_cannot_be_is_refused_with_its_rule() {
    for (regex, why) in [("(?:a{1000}){1000}", "size limit"), ("(?=x)", "look-around"), ("(", "unclosed")] {
        let sandbox = Sandbox::new();
        sandbox.write(FILE, format!("{RULES}regex = '{regex}'\n"));
        let error = refused(&sandbox, &["allow", "--yes"]);
        assert!(error.contains(".claude/sef.toml:3 [frobnicator]: the regex does not compile"), "{error}");
        assert!(error.contains(why), "{regex}: {error}");
    }
}

#[test]
fn commands_name_the_projects_layer_where_it_counts_and_say_where_it_does_not() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, RULES);
    let not = "note: this project has rules of its own, .claude/sef.toml; they do not count";
    for args in [["explain", PROMPT].as_slice(), &["rules", "check"], &["config", "show"]] {
        assert!(done(&sandbox, args).contains(not), "{args:?}");
    }
    assert!(!done(&sandbox, &["rules", "list"]).contains("frobnicator"));
    done(&sandbox, &["allow", "--yes"]);
    let explained = done(&sandbox, &["explain", PROMPT]);
    let line =
        explained.lines().find(|line| line.trim_start().starts_with("frobnicator ")).expect("its rule fired");
    assert!(line.ends_with("(project)"), "{line}");
    assert!(explained.contains("this project's rules count: .claude/sef.toml"));
    assert!(done(&sandbox, &["explain", PROMPT, "--why-not", "1"]).contains("this project's rules count"));
    let listed = done(&sandbox, &["rules", "list"]);
    assert!(
        listed.lines().any(|line| line.starts_with("frobnicator ") && line.ends_with(".claude/sef.toml"))
    );
    assert!(done(&sandbox, &["rules", "show", "frobnicator"]).starts_with("frobnicator (.claude/sef.toml)"));
    sandbox.write(FILE, format!("{RULES}\n"));
    assert!(done(&sandbox, &["rules", "check"]).contains("was changed since it was allowed"));
}

#[test]
fn an_organisations_defaults_lie_below_the_users_and_above_the_built_in_ones() {
    let sandbox = Sandbox::new();
    let model = || -> Value {
        let event = with("PreToolUse.Agent", &[]);
        let run = hook(&sandbox, &event);
        assert_eq!(last_record(&sandbox)["tier"], 1);
        serde_json::from_str::<Value>(&run.out)
            .map_or(Value::Null, |out| out["hookSpecificOutput"]["updatedInput"]["model"].clone())
    };
    assert_eq!(model(), "haiku");
    manage(&sandbox, "config.toml", "[tiers]\n1 = \"sonnet\"\n");
    assert_eq!(model(), "sonnet");
    sandbox.write("config/config.toml", "[tiers]\n1 = \"haiku\"\n");
    assert_eq!(model(), "haiku", "the user's own word is the later one");
    sandbox.write("config/config.toml", "[log]\nkeep = 5\n");
    assert_eq!(model(), "sonnet", "key by key");
    manage(&sandbox, "config.toml", "[tiers]\n1 = \"gpt\"\n");
    assert_eq!(model(), "haiku", "a mistake leaves the file out");
    assert!(
        refused(&sandbox, &["rules", "check"])
            .contains("managed/config.toml [tiers.1]: \"gpt\" is not a model")
    );
}

#[test]
fn g2_an_organisations_file_that_others_could_write_is_ignored_and_named() {
    type Case = (&'static str, fn(&Sandbox));
    let cases: &[Case] = &[
        ("writable by the group", |sandbox| chmod(&sandbox.path("managed/config.toml"), 0o664)),
        ("writable by others", |sandbox| chmod(&sandbox.path("managed/config.toml"), 0o646)),
        ("a folder that others can write", |sandbox| chmod(&sandbox.path("managed"), 0o777)),
        ("a link", |sandbox| {
            fs::rename(sandbox.path("managed/config.toml"), sandbox.path("managed/real.toml")).expect("move");
            symlink("real.toml", sandbox.path("managed/config.toml")).expect("link");
        }),
        ("a pipe", |sandbox| {
            fs::remove_file(sandbox.path("managed/config.toml")).expect("remove");
            make_pipe(&sandbox.path("managed/config.toml"));
        }),
    ];
    for (name, spoil) in cases {
        let sandbox = Sandbox::new();
        manage(&sandbox, "config.toml", "[prompt]\nhints = false\n");
        assert_eq!(reply(&sandbox), "", "{name}: sound, it counts");
        spoil(&sandbox);
        assert_eq!(reply(&sandbox), plain_reply(), "{name}");
        let shown = done(&sandbox, &["config", "show"]);
        let problem = shown.lines().find(|line| line.starts_with("problem: ")).unwrap_or_default();
        assert!(problem.contains("managed"), "{name}: {shown}");
    }
}

/// What is printed, with the sandbox's home as `~` and one space for many.
fn tidy(sandbox: &Sandbox, text: &str) -> Vec<String> {
    let text = text.replace(&sandbox.home().display().to_string(), "~");
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn config_show_says_where_each_value_comes_from_and_never_the_key() {
    let mut sandbox = allowed();
    manage(&sandbox, "config.toml", "[log]\nkeep = 6\n\n[tiers]\n2 = \"opus\"\n1 = \"sonnet\"\n");
    sandbox.write("config/config.toml", "tiers.1 = \"haiku\"\n\n[confidence]\npreset = \"careful\"\n");
    sandbox.write(
        "config/calibration.toml",
        "schema = 1\n[role.explore]\nshift = 0.25\nat = \"2026-11-21T00:00:00Z\"\n",
    );
    sandbox.write("config/rules.toml", "off = [\"talk-show-me\"]\n");
    sandbox.set("CEREBRAS_API_KEY", "csk-canary-0123456789");
    sandbox.set("CEREBRAS_MODEL", "a-model");
    sandbox.set("CEREBRAS_BASE_URL", "https://user:canary@127.0.0.1/v1");
    sandbox.set("ANTHROPIC_MODEL", "claude-sonnet-5-5");
    let shown = tidy(&sandbox, &done(&sandbox, &["config", "show", "--origin"]));
    let built_in: Vec<&String> =
        shown.iter().filter(|line| line.ends_with(" built-in") && line.contains(" = ")).collect();
    let others: Vec<&str> =
        shown.iter().filter(|line| !built_in.contains(line)).map(String::as_str).collect();
    let count = sef::rules::load(&sef::config::Env::default());
    let built_in_rules: usize = count.layers.iter().map(|layer| layer.rules).sum();
    let expected = format!(
        "confidence.preset = \"careful\" user config.toml:4
hosted.base_url = \"(what the variable says)\" environment CEREBRAS_BASE_URL
hosted.model = \"a-model\" environment CEREBRAS_MODEL
log.keep = 6 managed ~/managed/config.toml:2
orchestrator.model = \"claude-sonnet-5-5\" environment ANTHROPIC_MODEL
tiers.1 = \"haiku\" user config.toml:1
tiers.2 = \"opus\" managed ~/managed/config.toml:5
calibration.shift.explore = 0.25 calibration calibration.toml

folders
state ~/state environment SEF_STATE_DIR
config ~/config environment SEF_CONFIG_DIR
claude ~/.claude environment CLAUDE_CONFIG_DIR
bin ~/bin environment SEF_BIN_DIR
managed ~/managed built-in

key
CEREBRAS_API_KEY: set

rules
built-in {built_in_rules} rules {} files
user 0 rules, 1 switched off rules.toml
project 1 rules .claude/sef.toml

this project's rules count: .claude/sef.toml",
        count.layers.len()
    );
    assert_eq!(others, expected.lines().collect::<Vec<_>>());
    for key in [
        "spawn.route = true",
        "prompt.escalate_after = 2",
        "tiers.3 = \"parent\"",
        "confidence.eager.haiku = 0.6",
    ] {
        assert!(built_in.iter().any(|line| line.starts_with(key)), "{key}: {built_in:?}");
    }
    let json: Value = serde_json::from_str(&done(&sandbox, &["config", "show", "--json"])).expect("JSON");
    assert_eq!(json["schema"], 1);
    let values = json["values"].as_array().expect("values");
    assert_eq!(values.len(), built_in.len() + 8);
    let preset = values.iter().find(|value| value["key"] == "confidence.preset").expect("the preset");
    assert_eq!(preset["origin"], serde_json::json!({"layer": "user", "from": "config.toml", "line": 4}));
    for args in
        [["config", "show"].as_slice(), &["config", "show", "--origin"], &["config", "show", "--json"]]
    {
        assert!(!done(&sandbox, args).contains("canary"), "{args:?}");
    }
    assert_eq!(
        done(&sandbox, &["config", "path"]),
        format!("{}\n", sandbox.path("config/config.toml").display())
    );
}

#[test]
fn an_organisations_prices_lie_below_the_users() {
    let sandbox = Sandbox::new();
    let price = |input: u32| {
        format!(
            "[[price]]\nmodel = \"claude-haiku-5-5\"\ninput = {input}.0\noutput = 9.0\ncache_write_5m = 9.0\ncache_write_1h = 9.0\n\
             cache_read = 9.0\nsource = \"contract\"\nas_of = \"2026-11-20\"\n"
        )
    };
    let row = || {
        let list = done(&sandbox, &["prices", "list"]);
        list.lines().filter(|line| line.starts_with("claude-haiku-5-5 ")).collect::<Vec<_>>().join("\n")
    };
    manage(&sandbox, "prices.toml", &price(3));
    let line = row();
    assert!(line.contains(" 3") && line.ends_with("your organisation's, 2026-11-20"), "{line}");
    sandbox.write("config/prices.toml", price(4));
    let line = row();
    assert!(line.contains(" 4") && line.ends_with("yours, 2026-11-20"), "{line}");
    fs::remove_file(sandbox.path("config/prices.toml")).expect("remove");
    chmod(&sandbox.path("managed/prices.toml"), 0o666);
    assert!(!row().contains("organisation"), "others could have written it");
    assert!(refused(&sandbox, &["rules", "check"]).contains("managed/prices.toml"));
}

#[test]
fn g2_rules_that_could_not_be_shown_are_not_allowed_whoever_said_yes() {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, RULES);
    let mut command = sandbox.command("/bin/sh");
    command.args(["-c", &format!("'{}' allow --yes >/dev/full", binary("sef").display())]);
    let run = finish(command, b"");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("the rules cannot be shown"), "{}", run.err);
    assert!(!sandbox.path("state/trust").exists());
}

#[test]
fn g2_on_a_terminal_only_a_yes_allows() {
    if !Path::new("/usr/bin/script").exists() {
        return skipped("the question on a terminal", "no /usr/bin/script here");
    }
    let sandbox = Sandbox::new();
    sandbox.write(FILE, RULES);
    for (answer, code) in [("\n", 1), ("n\n", 1), ("no yes\n", 1), ("y\n", 0)] {
        let mut command = sandbox.command("/usr/bin/script");
        command.args(["-qec", &format!("'{}' allow", binary("sef").display()), "/dev/null"]);
        let run = finish(command, answer.as_bytes());
        assert_eq!(run.code, Some(code), "{answer:?}: {}", run.out);
        assert!(run.out.contains("? [y/N] "), "{}", run.out);
        assert_eq!(done(&sandbox, &["allow", "--list"]).starts_with("applies "), code == 0, "{answer:?}");
    }
}
