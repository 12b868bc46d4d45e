//! `sef explain --why-not`, the bars of `sef explain`, and where the weights of a rule come from (`sef rules show`).

use crate::sandbox::Sandbox;

fn explain(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.run("sef", &[&["explain"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{args:?}");
    run.out
}

fn show(sandbox: &Sandbox, id: &str) -> String {
    let run = sandbox.run("sef", &["rules", "show", id], "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run.out
}

/// The lines under a heading.
fn under<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let from = page.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    from.take_while(|line| line.starts_with("  ")).collect()
}

/// Adds up the points of the lines of a section.
fn points(lines: &[&str]) -> f32 {
    let number = |line: &&str| -> f32 {
        let at = line.char_indices().nth(28).map_or(0, |(at, _)| at);
        line[at..].split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
    };
    lines.iter().map(number).sum()
}

const TEXTS: &[&str] = &[
    "Read the codebase and redesign the auth system",
    "show me last 10 failed runs",
    "thanks",
    "fix the typo in the page title",
    "Implement the CSV export as described in docs/export.md, then write tests for every one of its odd quoting rules",
    "найди все файлы, которые импортируют config",
    "设计一个多租户计费平台的架构",
    "",
    "???",
];

#[test]
fn what_speaks_for_and_against_adds_up_to_the_gap_in_score() {
    let sandbox = Sandbox::new();
    for text in TEXTS {
        for asked in ["0", "1", "2", "3"] {
            let page = explain(&sandbox, &["--why-not", asked, "--", text]);
            if page.contains("already") {
                assert!(page.starts_with(&format!("tier {asked} ")), "{page}");
                continue;
            }
            let chosen = &page[5..6];
            let against = under(&page, &format!("speaks for tier {chosen} and against tier {asked}"));
            let other = under(&page, &format!("speaks for tier {asked} and against tier {chosen}"));
            let gap = page.lines().find(|line| line.starts_with("  gap")).expect("a gap");
            let gap: f32 = gap.split_whitespace().nth(1).expect("a number").parse().expect("a number");
            let sum = points(&against) - points(&other);
            assert!((sum - gap).abs() < 0.15, "{sum} against {gap}:\n{page}");
            let bars: Vec<usize> = against
                .iter()
                .filter(|line| !line.contains("together"))
                .map(|line| line.matches('#').count())
                .collect();
            assert!(bars.is_sorted_by(|a, b| a >= b), "strongest first:\n{page}");
            assert!(page.contains(&format!("what would make it tier {asked}")), "{page}");
        }
    }
}

#[test]
fn a_single_rule_that_decides_is_named_and_leaving_it_out_is_true() {
    let sandbox = Sandbox::new();
    let rule = "[[rule]]\nid = \"mine\"\ntier = 3\nrole = \"orchestrator\"\nweight = 4.0\nphrases = [\"xyzzy\"]\nexamples = [\"xyzzy\"]\n";
    sandbox.write("config/rules.toml", rule);
    let text = "find all files that import xyzzy";
    let page = explain(&sandbox, &["--why-not", "1", text]);
    assert!(page.starts_with("tier 3") && page.contains("\n  without mine\n"), "{page}");
    assert!(explain(&Sandbox::new(), &[text]).starts_with("tier 1"));
}

#[test]
fn a_set_of_rules_that_is_named_decides_together_and_a_weight_that_is_named_is_enough() {
    let sandbox = Sandbox::new();
    let text = "Read the codebase and redesign the auth system";
    let page = explain(&sandbox, &["--why-not", "1", text]);
    assert!(page.contains("no single rule: without all"), "{page}");
    let weight = page.split("with weight ").nth(1).expect("a weight").split(' ').next().expect("a number");
    for (weight, tier) in [(weight.parse::<f32>().expect("a number"), "tier 1"), (0.1, "tier 3")] {
        let rule = format!(
            "[[rule]]\nid = \"mine\"\ntier = 1\nrole = \"explore\"\nweight = {weight}\nphrases = [\"auth system\"]\nexamples = [\"auth system\"]\n"
        );
        sandbox.write("config/rules.toml", rule);
        assert!(explain(&sandbox, &[text]).starts_with(tier), "{weight}");
    }
}

#[test]
fn it_is_said_when_the_cost_of_a_wrong_tier_decides() {
    let sandbox = Sandbox::new();
    sandbox.write("config/rules.toml", "[model]\nlean = 0.0\n");
    let text = "show me last 10 failed runs";
    assert!(explain(&sandbox, &[text]).starts_with("tier 1"));
    // Enough caution makes any choice one of cost.
    sandbox.write("config/rules.toml", "[model]\ncaution = [0.0, 0.0, 5.0, 0.0]\n");
    let page = explain(&sandbox, &["--why-not", "1", text]);
    assert!(page.contains("tier 1 is the likeliest") && page.contains("decides for tier 2"), "{page}");
    sandbox.write("config/rules.toml", "[model]\nlean = 0.1\n");
    let page = explain(&sandbox, &["--why-not", "1", "Read the codebase and redesign the auth system"]);
    assert!(page.contains("decides nothing"), "{page}");
}

#[test]
fn what_a_rule_matched_in_a_task_text_is_quoted_from_its_first_letter_on() {
    let page = explain(&Sandbox::new(), &["--agent", "Explore", "--", "find the port"]);
    assert!(page.contains("\"find\""), "{page}");
}

#[test]
fn a_tier_that_is_none_is_refused() {
    for tier in ["4", "-1", "haiku"] {
        let run = Sandbox::new().run("sef", &["explain", "x", "--why-not", tier], "");
        assert_eq!(run.code, Some(2), "{tier}");
    }
}

#[test]
fn explanations_fit_a_hundred_columns_and_add_nothing_but_ascii() {
    let sandbox = Sandbox::new();
    let long = format!("redesign `{}` and read \u{1b}[31m{}", "x".repeat(300), "y".repeat(300));
    for text in TEXTS.iter().copied().chain([long.as_str()]) {
        for args in
            [vec!["--", text], vec!["--why-not", "1", "--", text], vec!["--agent", "Explore", "--", text]]
        {
            let page = explain(&sandbox, &args);
            let rules =
                page.split("\nparts\n").next().expect("a page").split("\nhint ").next().expect("a page");
            for line in rules.lines() {
                assert!(line.chars().count() <= 100 && line.trim_end() == line, "{line:?}");
                assert!(!text.is_ascii() || line.is_ascii(), "{line:?}");
            }
        }
    }
}

#[test]
fn a_single_learned_line_of_the_users_counts_and_show_says_where_each_weight_is_from() {
    let sandbox = Sandbox::new();
    let text = "find all files that import config";
    assert!(explain(&sandbox, &[text]).starts_with("tier 1"));
    assert!(!show(&sandbox, "look-for").contains("rules.toml"));
    sandbox.write("config/rules.toml", "[learned.user]\n\"#look-for\" = [0.0, 0.0, 0.0, 9.0]\n");
    assert!(explain(&sandbox, &[text]).starts_with("tier 3"));
    let page = show(&sandbox, "look-for");
    let line = |name: &str| page.lines().find(|line| line.trim_start().starts_with(name)).expect("a line");
    assert!(line("in prompts").contains("+9.00   fitted, rules.toml"), "{page}");
    assert!(line("in task texts").ends_with("fitted, rules/tiers/90-learned.toml"), "only one table: {page}");
    let check = sandbox.run("sef", &["rules", "check"], "");
    assert_eq!(check.code, Some(0), "{}", check.err);
}

#[test]
fn a_learned_phrase_can_be_changed_and_shown_like_a_rule() {
    let sandbox = Sandbox::new();
    assert!(show(&sandbox, "^ {verb}").contains("90-learned.toml"));
    sandbox.write("config/rules.toml", "[learned.task]\n\"^ {verb}\" = [0.0, 0.0, 0.0, 1.5]\n");
    let page = show(&sandbox, "^ {verb}");
    assert!(page.contains("+1.50   fitted, rules.toml") && page.contains("90-learned.toml"), "{page}");
}

#[test]
fn a_built_in_rule_that_the_user_replaces_has_the_weight_that_stands_in_the_users_file() {
    let sandbox = Sandbox::new();
    let rule = "[[rule]]\nid = \"look-for\"\ntier = 3\nrole = \"orchestrator\"\nweight = 7.0\nphrases = [\"xyzzy\"]\nexamples = [\"xyzzy\"]\n";
    sandbox.write("config/rules.toml", rule);
    let page = show(&sandbox, "look-for");
    assert!(page.contains("+7.00   by hand, rules.toml"), "{page}");
    assert!(explain(&sandbox, &["find all files that import xyzzy"]).starts_with("tier 3"));
    sandbox
        .write("config/rules.toml", format!("{rule}[learned.user]\n\"#look-for\" = [8.0, 0.0, 0.0, 0.0]\n"));
    assert!(explain(&sandbox, &["find all files that import xyzzy"]).starts_with("tier 0"));
}

#[test]
fn a_learned_line_for_a_rule_that_is_nowhere_is_a_mistake_and_one_that_is_switched_off_is_none() {
    let sandbox = Sandbox::new();
    sandbox.write("config/rules.toml", "[learned.user]\n\"#look-fro\" = [0.0, 1.0, 0.0, 0.0]\n");
    let check = sandbox.run("sef", &["rules", "check"], "");
    assert!(
        check.code == Some(1) && check.err.contains("[#look-fro]: this learned weight names no rule"),
        "{}",
        check.err
    );
    sandbox.write(
        "config/rules.toml",
        "off = [\"look-for\"]\n[learned.user]\n\"#look-for\" = [0.0, 1.0, 0.0, 0.0]\n",
    );
    let check = sandbox.run("sef", &["rules", "check"], "");
    assert_eq!(check.code, Some(0), "{}", check.err);
}
