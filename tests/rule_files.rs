//! Rule files that are wrong (RELIABILITY G1, G3): the hook goes on as if they were not there, `sef rules check` says
//! everything at once, and no expression takes more than its share.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::payloads::prompt;
use crate::sandbox::{Run, Sandbox, binary, finish};

const ASKED: &str = "Find all files that import config";

fn rule(id: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\ntier = 1\nrole = \"explore\"\n{rest}\n")
}

/// Each time in a session of its own: a hint is not repeated in one.
fn hook(sandbox: &Sandbox, text: &str) -> Run {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let session = format!("s-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    sandbox.run("sef-hook", &[], prompt(&session, text))
}

/// What `sef rules check` says against the files.
fn mistakes(sandbox: &Sandbox) -> String {
    let run = sandbox.run("sef", &["rules", "check"], "");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    run.err
}

#[test]
fn g1_a_rule_file_that_cannot_be_used_leaves_the_built_in_answer_and_is_named_with_line_and_hint() {
    let usual = hook(&Sandbox::new(), ASKED).out;
    assert!(usual.contains("additionalContext"), "{usual}");
    let ten_megabytes = format!("# {}\n", "x".repeat(10 << 20));
    for (case, file, text, said) in [
        ("syntax", "rules.toml", "[[rule]]\nid = \"a\"\ntier = = 1\n", "rules.toml:3"),
        (
            "an unknown key",
            "rules.toml",
            &rule("a", "phrases = [\"x\"]\nregexp = \"x\""),
            "unknown field `regexp`",
        ),
        ("an unknown section", "config.toml", "[prompts]\nhints = false\n", "config.toml"),
        ("another type", "rules.toml", "\n\nrule = 5\n", "rules.toml:3"),
        ("10 MB", "rules.toml", &ten_megabytes, "rules.toml"),
        ("not UTF-8", "rules.toml", "\u{0}", "rules.toml"),
        ("a model that is none", "config.toml", "[tiers]\n1 = \"gpt\"\n", "tiers.1"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(&format!("config/{file}"), text);
        let run = hook(&sandbox, ASKED);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(0), usual.as_str(), ""), "{case}");
        let mistakes = mistakes(&sandbox);
        assert!(mistakes.contains(said), "{case}: {mistakes}");
        assert!(
            mistakes.contains("until this is mended")
                || mistakes.contains("built-in values")
                || mistakes.contains("until then it does not count")
                || mistakes.contains("use haiku"),
            "{case}: {mistakes}"
        );
    }
}

#[test]
fn g1_a_mistake_in_one_rule_costs_that_rule_and_all_mistakes_are_listed_at_once() {
    let sandbox = Sandbox::new();
    let rules = [
        rule("good-one", "weight = 6.0\nphrases = [\"gizmo report\"]\nexamples = [\"gizmo report\"]"),
        rule("good-one", "phrases = [\"twice\"]\nexamples = [\"twice\"]"),
        rule("Bad Id", "phrases = [\"x\"]\nexamples = [\"x\"]"),
        rule("no-class", "phrases = [\"{nowhere}\"]\nexamples = [\"x\"]"),
        rule("bad-regex", "phrases = [\"find\"]\nregex = \"(\"\nexamples = [\"find\"]"),
        rule("silent", "phrases = [\"zebra\"]\nexamples = [\"a giraffe\"]"),
    ];
    sandbox.write("config/rules.toml", rules.concat());
    let said = mistakes(&sandbox);
    for (id, why) in [
        ("good-one", "twice"),
        ("Bad Id", ""),
        ("no-class", "nowhere"),
        ("bad-regex", "does not compile"),
        ("silent", "does not fire on its example"),
    ] {
        assert!(said.contains(&format!("[{id}]")) && said.contains(why), "{id}: {said}");
    }
    let run = hook(&sandbox, "gizmo report please");
    assert!(run.code == Some(0) && run.err.is_empty());
    assert!(run.out.contains("additionalContext"), "the good rule still counts: {run:?}");
    assert_eq!(hook(&sandbox, ASKED).out, hook(&Sandbox::new(), ASKED).out);
}

#[test]
fn g1_ten_thousand_rules_are_used_beside_the_built_in_ones() {
    let sandbox = Sandbox::new();
    let mine = |number: usize| {
        let rest = format!("weight = 6.0\nphrases = [\"gadget{number}\"]\nexamples = [\"gadget{number}\"]");
        rule(&format!("mine-{number}"), &rest)
    };
    sandbox.write("config/rules.toml", (0..10_000).map(mine).collect::<String>());
    for text in ["gadget7 gadget8 gadget9", "gadget9999 gadget9998", ASKED] {
        let run = hook(&sandbox, text);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{text}");
        assert!(run.out.contains("additionalContext"), "{text}: {run:?}");
    }
}

#[test]
fn g3_no_expression_is_larger_than_its_limit_or_slower_than_the_text_is_long() {
    let text = "x".repeat(1 << 20);
    for (regex, compiles) in [
        ("(?:a{1000}){1000}", false),
        ("(?=x)y", false),
        ("(x)\\\\1", false),
        ("(?:x+x+)+y", true),
        ("(x*)*y", true),
        ("^(?:(?:x?){50}){20}$", true),
    ] {
        let sandbox = Sandbox::new();
        let hostile =
            format!("weight = 6.0\nphrases = [\"gizmo\"]\nregex = \"{regex}\"\nexamples = [\"gizmo\"]");
        sandbox.write("config/rules.toml", rule("hostile", &hostile));
        let said = mistakes(&sandbox);
        assert!(said.contains("[hostile]"), "{regex}: {said}");
        assert_eq!(said.contains("the regex does not compile"), !compiles, "{regex}: {said}");
        // The kernel ends what takes longer; processor time, so that a busy machine changes nothing.
        let mut command = sandbox.command("/bin/sh");
        command.arg("-c").arg("ulimit -t 3; exec \"$0\"").arg(binary("sef-hook"));
        let run = finish(command, prompt("s-1", &format!("gizmo {text}")).as_bytes());
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{regex}");
        let usual = hook(&Sandbox::new(), ASKED).out;
        assert_eq!(hook(&sandbox, ASKED).out, usual, "{regex}: other prompts are not touched");
    }
}
