//! The texts that Claude reads: agents, skill and its references, and the page on routing for people.
//! They are checked as data, because a wrong tool list, price or protocol line fails without a message.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The executor table: name, model alias, tools.
const EXECUTORS: [(&str, &str, &str); 5] = [
    ("sef-explore", "haiku", "Read, Grep, Glob"),
    ("sef-validate", "haiku", "Read, Bash, Glob, Grep"),
    ("sef-document", "haiku", "Read, Write, Edit, Glob, Grep"),
    ("sef-implement", "sonnet", "Read, Write, Edit, Bash, Glob, Grep"),
    ("sef-review", "sonnet", "Read, Grep, Glob, Bash"),
];
/// What an executor writes first when it could not finish; the hook looks for it.
const GIVES_UP: &str = "INCOMPLETE: <reason in one sentence>";
const SKILL: &str = "skills/speculative-execution/SKILL.md";
const SPEED_RUN: &str = "skills/speed-run/SKILL.md";
const TURBO: &str = "skills/turbo/SKILL.md";
const RACES: [&str; 3] = ["skills/showdown/SKILL.md", "skills/any-percent/SKILL.md", "skills/judge/SKILL.md"];
const GUIDE: &str = "skills/speculative-execution/references/routing-guide.md";
const MODELS: &str = "skills/speculative-execution/references/model-capabilities.md";
const HOW: &str = "docs/how-it-routes.md";

/// Largest agent body, in bytes: it is the executor's system text, paid at every spawn.
const AGENT_BODY: usize = 2_500;
/// Largest agent description, in bytes: all five are in every orchestrator request.
const AGENT_DESCRIPTION: usize = 260;
/// Largest skill body and skill description, in bytes.
const SKILL_BODY: usize = 6_000;
const SKILL_DESCRIPTION: usize = 400;

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// Splits a file into front matter and body, the way a reader does that knows `key: value` lines and no YAML.
/// Values that YAML would read differently from such a reader are refused.
fn front_matter(text: &str) -> Result<(BTreeMap<String, String>, String), String> {
    let rest = text.strip_prefix("---\n").ok_or("does not start with ---")?;
    let (head, body) = rest.split_once("\n---\n").ok_or("front matter is not closed")?;
    let mut fields = BTreeMap::new();
    for line in head.lines() {
        let (key, value) = line.split_once(": ").ok_or_else(|| format!("not `key: value`: {line}"))?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(format!("not a plain key: {key}"));
        }
        let starts_plain = value.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !starts_plain || value.contains(": ") || value.contains(" #") || value.ends_with([':', ' ']) {
            return Err(format!("YAML and a simple reader disagree on: {line}"));
        }
        if fields.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{key} stands twice"));
        }
    }
    Ok((fields, body.to_owned()))
}

fn parsed(relative: &str) -> (BTreeMap<String, String>, String) {
    front_matter(&text(relative)).unwrap_or_else(|why| panic!("{relative}: {why}"))
}

/// The part of a Markdown text below a `## ` heading, up to the next one.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let body = &text[start + heading.len() + 5..];
    body.split("\n## ").next().expect("split gives one part at least")
}

/// The cells of each row of the tables in a section, without the header and the rule under it.
fn rows(section: &str) -> Vec<Vec<&str>> {
    let cells = |line: &'_ str| line.trim_matches('|').split('|').count();
    let lines: Vec<&str> = section.lines().collect();
    lines
        .iter()
        .enumerate()
        .filter(|(index, line)| {
            let heads_a_table = lines.get(index + 1).is_some_and(|next| next.starts_with("|---"));
            line.starts_with('|') && !line.starts_with("|---") && !heads_a_table && cells(line) > 1
        })
        .map(|(_, line)| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// All Markdown files that are handed to Claude or to people from here.
fn all_texts() -> Vec<String> {
    let mut names: Vec<String> = EXECUTORS.iter().map(|(name, ..)| format!("agents/{name}.md")).collect();
    names.extend([SKILL, GUIDE, MODELS, HOW, SPEED_RUN, TURBO].map(str::to_owned));
    names.extend(RACES.map(str::to_owned));
    names
}

#[test]
fn each_executor_has_the_name_model_and_tools_of_the_table_and_no_other_field() {
    for (name, model, tools) in EXECUTORS {
        let (fields, _) = parsed(&format!("agents/{name}.md"));
        let found: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let description = fields["description"].as_str();
        let wanted = [("description", description), ("model", model), ("name", name), ("tools", tools)];
        assert_eq!(found, wanted);
    }
}

#[test]
fn the_agents_folder_holds_the_five_executors_and_nothing_else() {
    let mut found: Vec<String> = std::fs::read_dir(path("agents"))
        .expect("agents/ exists")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut wanted: Vec<String> = EXECUTORS.iter().map(|(name, ..)| format!("{name}.md")).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn executors_stay_within_their_bytes_and_say_how_they_give_up() {
    for (name, ..) in EXECUTORS {
        let (fields, body) = parsed(&format!("agents/{name}.md"));
        assert!(body.len() < AGENT_BODY, "{name}: body of {} bytes", body.len());
        let description = fields["description"].len();
        assert!(description <= AGENT_DESCRIPTION, "{name}: description of {description} bytes");
        let protocol = body.lines().filter(|line| line.trim() == GIVES_UP).count();
        assert_eq!(protocol, 1, "{name}: the line `{GIVES_UP}` stands on its own, once");
        assert!(body.contains("hand-back tool"), "{name}: says what holds when a tool delivers the report");
        assert!(body.contains("\n    NOT "), "{name}: the result has a place for what was not done");
    }
}

#[test]
fn front_matter_that_yaml_would_read_differently_is_refused() {
    for bad in [
        "name: x\n",
        "---\nname: x\n",
        "---\nname\n---\n",
        "---\ndescription: a: b\n---\n",
        "---\ndescription: \"a\"\n---\n",
        "---\ndescription: a # b\n---\n",
        "---\ndescription: >\n  a\n---\n",
        "---\nname: a\nname: b\n---\n",
    ] {
        assert!(front_matter(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_skill_is_named_like_its_folder_and_stays_within_its_bytes() {
    let (fields, body) = parsed(SKILL);
    assert_eq!(fields.keys().map(String::as_str).collect::<Vec<_>>(), ["description", "name"]);
    assert_eq!(fields["name"], "speculative-execution");
    assert!(fields["description"].len() <= SKILL_DESCRIPTION, "{} bytes", fields["description"].len());
    assert!(body.len() < SKILL_BODY, "{} bytes", body.len());
}

#[test]
fn the_skills_of_turbo_and_of_races_name_commands_and_tools_that_exist() {
    let sandbox = crate::sandbox::Sandbox::new();
    for skill in [SPEED_RUN, TURBO].into_iter().chain(RACES) {
        let (fields, body) = parsed(skill);
        assert_eq!(
            Some(fields["name"].as_str()),
            Path::new(skill).parent().and_then(|dir| dir.file_name()?.to_str())
        );
        assert!(fields["description"].len() <= SKILL_DESCRIPTION && body.len() < SKILL_BODY, "{skill}");
        for tool in body.split("mcp__speed-run__").skip(1) {
            let name: String = tool.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            assert!(sef::mcp::tools::Name::ALL.iter().any(|known| known.as_str() == name), "{skill}: {name}");
        }
        for command in body.split("`sef ").skip(1).filter_map(|rest| rest.split('`').next()) {
            let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let all = command.split_whitespace();
            let words: Vec<&str> = all.take_while(|word| is_name(word) && !word.starts_with("--")).collect();
            assert!(!words.is_empty(), "{skill}: sef {command}");
            let help = sandbox.run("sef", &[&words[..], &["--help"]].concat(), "");
            assert_eq!(help.code, Some(0), "{skill}: sef {command}");
            for option in command.split_whitespace().filter(|word| word.starts_with("--")) {
                assert!(help.out.contains(option), "{skill}: sef {command}: no {option}");
            }
        }
    }
}

#[test]
fn the_skill_names_every_executor_with_its_tools_and_every_override() {
    let (_, body) = parsed(SKILL);
    for (name, model, tools) in EXECUTORS {
        let row = rows(&body)
            .into_iter()
            .find(|row| row[0] == format!("`{name}`"))
            .unwrap_or_else(|| panic!("{name} is not in the executor table"));
        assert_eq!((row[1].to_lowercase().as_str(), row[3]), (model, tools));
    }
    for word in ["~haiku", "~sonnet", "~opus", "~off"] {
        assert!(body.contains(&format!("`{word}`")), "{word} in the skill");
        assert!(text(HOW).contains(&format!("`{word}`")), "{word} in {HOW}");
    }
    for reference in ["references/routing-guide.md", "references/model-capabilities.md"] {
        assert!(
            body.contains(reference) && path(&format!("skills/speculative-execution/{reference}")).is_file()
        );
    }
}

#[test]
fn nothing_tells_claude_to_announce_the_routing() {
    for name in all_texts() {
        let lower = text(&name).to_lowercase();
        for word in ["announce", "you must", "mandatory", "<system"] {
            assert!(!lower.contains(word), "{name} says {word:?}");
        }
    }
}

#[test]
fn the_guide_has_enough_examples_and_sends_them_to_executors_of_their_tier() {
    let guide = text(GUIDE);
    for (heading, least) in [("Tier 1", 12), ("Tier 2", 12), ("Tier 3", 12), ("Compound requests", 10)] {
        let found = rows(section(&guide, heading)).len();
        assert!(found >= least, "{heading}: {found} examples");
    }
    for (tier, model) in [("Tier 1", "haiku"), ("Tier 2", "sonnet")] {
        for row in rows(section(&guide, tier)) {
            let runs_on_it = row[1].contains(&format!("`model: {model}`"))
                || EXECUTORS.iter().any(|(name, alias, _)| *alias == model && row[1].contains(name));
            assert!(runs_on_it, "{tier}: {} goes to {}", row[0], row[1]);
        }
    }
}

#[test]
fn no_text_names_an_executor_that_does_not_exist() {
    for name in all_texts() {
        let content = text(&name);
        for word in
            content.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')))
        {
            let word = word.trim_matches(['.', '/']);
            let known =
                ["sef-stats", "sef-hook"].contains(&word) || EXECUTORS.iter().any(|(e, ..)| *e == word);
            assert!(!word.starts_with("sef-") || known, "{name} names {word}");
        }
    }
}

#[test]
fn no_text_holds_a_path_of_somebodys_machine() {
    for name in all_texts() {
        let content = text(&name);
        for place in ["/home/", "/Users/", "/root/", "/work/", "/tmp/", "C:\\"] {
            assert!(!content.contains(place), "{name} holds {place}");
        }
    }
}

#[test]
fn every_variable_named_for_people_is_one_that_the_hook_reads() {
    let how = text(HOW);
    let words = how.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    for word in words.filter(|word| word.starts_with("SEF_") || word.starts_with("CLAUDE_")) {
        assert!(sef::config::VARIABLES.iter().any(|(name, _)| *name == word), "{word} is not read");
    }
}

/// Dollars per million tokens, in the order of the table's columns.
#[derive(Debug, Clone, Copy)]
struct Rates {
    input: f64,
    output: f64,
    write: f64,
    write_1h: f64,
    read: f64,
}

/// The price table of the reference, by the first cell of each row.
fn price_table(models: &str) -> BTreeMap<String, Rates> {
    rows(section(models, "Prices"))
        .into_iter()
        .map(|row| {
            let rates: Vec<f64> = row[1..]
                .iter()
                .map(|cell| cell.parse().unwrap_or_else(|_| panic!("{}: {cell} is no price", row[0])))
                .collect();
            let [input, output, write, write_1h, read] = rates[..] else {
                panic!("{}: {} prices, five wanted", row[0], rates.len())
            };
            (row[0].to_owned(), Rates { input, output, write, write_1h, read })
        })
        .collect()
}

const HAIKU: &str = "Haiku 5.5, prompt up to 100,000 tokens";
const HAIKU_LONG: &str = "Haiku 5.5, prompt above 100,000 tokens";

#[test]
fn cache_writes_cost_the_published_multiples_of_input() {
    let table = price_table(&text(MODELS));
    assert!(table.len() >= 5, "{} rows", table.len());
    for (model, rates) in table {
        assert!((rates.write - 1.25 * rates.input).abs() < 1e-9, "{model}: 5 min");
        assert!((rates.write_1h - 2.0 * rates.input).abs() < 1e-9, "{model}: 1 h");
        assert!(rates.read < rates.input && rates.input < rates.output, "{model}: order");
    }
}

fn numbers(value: &toml::Value, found: &mut Vec<f64>) {
    match value {
        toml::Value::Float(number) => found.push(*number),
        toml::Value::Integer(number) => found.push(*number as f64),
        toml::Value::Array(items) => items.iter().for_each(|item| numbers(item, found)),
        toml::Value::Table(table) => table.values().for_each(|item| numbers(item, found)),
        _ => {}
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a check that did not run says so")]
fn every_stated_price_is_one_that_the_reports_compute_with() {
    let Ok(prices) = std::fs::read_to_string(path("rules/prices.toml")) else {
        eprintln!("not compared: rules/prices.toml does not exist yet");
        return;
    };
    let mut known = Vec::new();
    numbers(&prices.parse::<toml::Table>().expect("rules/prices.toml parses").into(), &mut known);
    for (model, rates) in price_table(&text(MODELS)) {
        for price in [rates.input, rates.output, rates.write, rates.write_1h, rates.read] {
            assert!(known.iter().any(|n| (n - price).abs() < 1e-9), "{model}: {price} is not in prices.toml");
        }
    }
}

#[test]
fn the_stated_ratios_follow_from_the_prices() {
    let models = text(MODELS);
    let table = price_table(&models);
    let opus = table["Opus 5.5"];
    let ratios = section(&models, "Ratios");
    for (row, rates) in [
        ("Haiku 5.5, prompt up to 100,000", table[HAIKU]),
        ("Haiku 5.5, prompt above 100,000", table[HAIKU_LONG]),
        ("Sonnet 5.5", table["Sonnet 5.5"]),
    ] {
        let (input, output, read) =
            (opus.input / rates.input, opus.output / rates.output, opus.read / rates.read);
        assert!((input - output).abs() < 1e-9, "{row}: one figure for input and output");
        let line = format!("| {row} | {input:.0}x cheaper | {read:.0}x cheaper |");
        assert!(ratios.contains(&line), "{line}");
    }
}

/// A piece of work as the worked example counts it; all in tokens but `calls`.
struct Work {
    calls: u32,
    brought_in: f64,
    output: f64,
    task: f64,
    report: f64,
}

const PARENT_CONTEXT: f64 = 60_000.0;
const OPENING_CONTEXT: f64 = 15_000.0;

/// Each call is followed by a request that re-reads what stood before it.
fn reread(context: f64, work: &Work) -> f64 {
    (0..work.calls).map(|call| context + work.brought_in * f64::from(call) / f64::from(work.calls)).sum()
}

fn dollars(rates: Rates, written: f64, read: f64, output: f64) -> f64 {
    (rates.write * written + rates.read * read + rates.output * output) / 1e6
}

#[test]
fn the_worked_spawn_costs_what_the_listed_prices_say() {
    let models = text(MODELS);
    let table = price_table(&models);
    let (haiku, sonnet, opus) = (table[HAIKU], table["Sonnet 5.5"], table["Opus 5.5"]);
    let costs = |work: &Work| {
        let direct = dollars(opus, work.brought_in, reread(PARENT_CONTEXT, work), work.output);
        let parent = dollars(opus, work.report, 2.0 * PARENT_CONTEXT, work.task);
        let through = |rates| {
            let written = OPENING_CONTEXT + work.brought_in;
            parent + dollars(rates, written, reread(OPENING_CONTEXT, work), work.output)
        };
        (direct, through(haiku), through(sonnet), parent)
    };
    let large = Work { calls: 10, brought_in: 40_000.0, output: 3_000.0, task: 300.0, report: 800.0 };
    let small = Work { calls: 1, brought_in: 500.0, output: 100.0, task: 200.0, report: 200.0 };
    let spawn = section(&models, "What a spawn costs");
    for work in [&large, &small] {
        let (direct, by_haiku, by_sonnet, _) = costs(work);
        let cells = format!("| ${direct:.3} | ${by_haiku:.3} | ${by_sonnet:.3} |");
        assert!(spawn.contains(&cells), "{cells}");
    }
    let (direct, by_haiku, by_sonnet, parent) = costs(&large);
    let (single, single_by_haiku, ..) = costs(&small);
    for claim in [
        format!("costs {:.1}x less through Haiku", direct / by_haiku),
        format!("costs {:.1}x more through Haiku", single_by_haiku / single),
        format!("{:.0} % for the large look-up through Haiku", 100.0 * by_haiku / direct),
        format!("{:.0} % through Sonnet", 100.0 * by_sonnet / direct),
    ] {
        assert!(spawn.contains(&claim), "{claim}");
    }
    assert!((0.70..0.80).contains(&(parent / by_haiku)), "three quarters: {}", parent / by_haiku);
}
