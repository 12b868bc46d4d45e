//! A project's own rules, `.claude/sef.toml`: where they are, what they may say, and what they come to above the layers below.
//! They may shift tiers and add phrases; they can never name a host, command, price, model, setting or a word of guidance.
//! Whether they count is decided in `approval`; nothing here uses a file that nobody allowed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::compile::Problem;
use super::schema::{At, Learned, Role, Rule, RuleFile};
use super::{distance, line_of, syntax};
use crate::config::Env;
use crate::fsx;

/// Name of the file in the project's folder, and of the layer.
pub const FILE: &str = ".claude/sef.toml";
/// Largest file that is read, in bytes: a person has to read it before it counts.
pub const MAX_BYTES: u64 = 64 << 10;

/// The folder of the session's project: what the client says, else where the session works.
pub fn root<'a>(env: &'a Env, cwd: &'a Path) -> Option<&'a Path> {
    env.project_dir.as_deref().or(Some(cwd)).filter(|root| root.is_absolute())
}

/// The same for a command that a person types.
pub fn root_here(env: &Env) -> Option<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    root(env, &here).map(Path::to_path_buf)
}

/// The text of a project's file; nothing when there is none. An error says why it is never used. Costs one failed open
/// where there is no file.
pub fn read(root: &Path) -> Result<Option<String>, String> {
    let path = root.join(FILE);
    let bytes = match fsx::read_itself(&path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(_) if is_link(&path) => return Err("it is a symbolic link".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    if path.parent().is_some_and(is_link) {
        return Err("its folder .claude is a symbolic link".to_owned());
    }
    String::from_utf8(bytes).map(Some).map_err(|error| format!("it is not UTF-8 ({error})"))
}

fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// What the file says, or everything in it that a project may not say.
pub fn parse(text: &str) -> Result<Said, Vec<Problem>> {
    let table = DeTable::parse(text).map_err(|error| vec![syntax(FILE, &error, text)])?;
    let problems = strangers(table.get_ref(), text);
    if !problems.is_empty() {
        return Err(problems);
    }
    toml::from_str(text).map_err(|error| vec![syntax(FILE, &error, text)])
}

/// A project's file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Said {
    rule: Vec<SaidRule>,
    off: Vec<String>,
    learned: Learned,
}

impl Said {
    /// The ids of its rules.
    pub fn ids(&self) -> Vec<String> {
        self.rule.iter().map(|rule| rule.id.clone()).collect()
    }
}

/// A rule of the project's own, or what is to be different about an earlier one of the same id.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidRule {
    id: String,
    tier: Option<u8>,
    role: Option<Role>,
    weight: Option<f32>,
    weights: Option<[f32; 4]>,
    at: Option<At>,
    phrases: Option<Vec<String>>,
    with: Option<Vec<String>>,
    unless: Option<Vec<String>>,
    regex: Option<String>,
    examples: Option<Vec<String>>,
    not: Option<Vec<String>>,
}

/// Keys that a project may use, at the top, in a rule, and below `learned`.
const TOP: &[&str] = &["rule", "off", "learned"];
const IN_RULE: &[&str] = &[
    "id", "tier", "role", "weight", "weights", "at", "phrases", "with", "unless", "regex", "examples", "not",
];
const IN_LEARNED: &[&str] = &["user", "task"];

/// Keys that are known elsewhere and are never a project's to set, with the reason.
const NEVER: &[(&[&str], &str)] = &[
    (
        &["hosted", "provider", "base_url", "url", "host", "hosts", "key_env"],
        "a project cannot name a service, host or key; that stands in your own config.toml",
    ),
    (
        &["tiers", "models", "orchestrator", "main"],
        "a project cannot choose models; that stands in your own config.toml",
    ),
    (
        &["confidence", "preset", "calibration"],
        "a project cannot say how sure the rules must be; that stands in your own config.toml",
    ),
    (
        &["spawn", "prompt", "show", "log", "sandbox"],
        "a project cannot change what SEF does or keeps; that stands in your own config.toml",
    ),
    (&["prices", "price"], "a project cannot set prices; they stand in your own prices.toml"),
    (
        &["guidance", "hint", "hints", "text", "message", "command", "commands", "hooks", "env"],
        "a project gives no words to Claude and no commands to anybody",
    ),
    (
        &["model", "class"],
        "a project cannot change the scale or the word classes; write the words into `phrases`",
    ),
    (&["tags"], "tags choose what SEF says, and a project only shifts tiers"),
];

/// Every key that a project may not use, with its line.
fn strangers(table: &DeTable<'_>, text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut look = |table: &DeTable<'_>, known: &[&str], rule: &str| {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            found.push(Problem {
                source: format!("{FILE}:{}", line_of(text, key.span().start)),
                rule: rule.to_owned(),
                message: format!("`{name}` is no key of a project's rules"),
                hint: hint_for(name, known),
            });
        }
    };
    look(table, TOP, "");
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("rule", DeValue::Array(rules)) => {
                for rule in rules.iter().filter_map(|rule| rule.get_ref().as_table()) {
                    let id = rule.get("id").and_then(|id| id.get_ref().as_str()).unwrap_or_default();
                    look(rule, IN_RULE, id);
                }
            }
            ("learned", DeValue::Table(learned)) => look(learned, IN_LEARNED, "learned"),
            _ => {}
        }
    }
    found.sort_by_key(|problem| line_in(&problem.source));
    found
}

fn line_in(source: &str) -> usize {
    source.rsplit(':').next().and_then(|line| line.parse().ok()).unwrap_or(0)
}

fn hint_for(name: &str, known: &[&str]) -> String {
    if let Some((_, why)) = NEVER.iter().find(|(names, _)| names.contains(&name)) {
        return (*why).to_owned();
    }
    match known.iter().min_by_key(|key| distance(key, name)) {
        Some(near) if distance(near, name) <= 2 => format!("did you mean `{near}`?"),
        _ => format!("what may stand here: {}", known.join(", ")),
    }
}

/// What a project's file comes to above the layers below: rules that say only what is different are filled up from the
/// earlier one of their id, and what a lower layer switched off stays off.
pub fn above(said: Said, below: &[(String, RuleFile)]) -> (RuleFile, Vec<Problem>) {
    let mut problems = Vec::new();
    let earlier = known(below);
    let is_off = |id: &str| {
        !earlier.contains_key(id) && below.iter().any(|(_, file)| file.off.iter().any(|off| off == id))
    };
    let mut file = RuleFile { learned: said.learned, ..RuleFile::default() };
    file.off = said.off.into_iter().filter(|id| !is_off(id)).collect();
    for rule in said.rule.into_iter().filter(|rule| !is_off(&rule.id)) {
        let id = rule.id.clone();
        match filled(rule, earlier.get(id.as_str()).copied()) {
            Ok(rule) => file.rule.push(rule),
            Err(missing) => problems.push(Problem {
                source: FILE.to_owned(),
                rule: id,
                message: format!("`{missing}` is missing"),
                hint: "only a rule with the id of an earlier one may leave it out; `sef rules list` shows the ids"
                    .to_owned(),
            }),
        }
    }
    let is_known = |key: &String| {
        key.strip_prefix('#').is_none_or(|id| {
            earlier.contains_key(id) || is_off(id) || file.rule.iter().any(|rule| rule.id == id)
        })
    };
    for key in file.learned.user.keys().chain(file.learned.task.keys()).filter(|key| !is_known(key)) {
        problems.push(Problem {
            source: FILE.to_owned(),
            rule: key.clone(),
            message: "this learned weight names no rule".to_owned(),
            hint: "`sef rules list` shows the ids".to_owned(),
        });
    }
    (file, problems)
}

/// Gives problems with rules of this file their line.
pub fn place(problems: &mut [Problem], text: &str) {
    let Ok(table) = DeTable::parse(text) else { return };
    let rules = table.get_ref().get("rule").and_then(|rules| rules.get_ref().as_array());
    let line = |id: &str| {
        let mut ids = rules?.iter().filter_map(|rule| rule.get_ref().as_table()?.get("id"));
        let found = ids.rfind(|known| known.get_ref().as_str() == Some(id))?;
        Some(line_of(text, found.span().start))
    };
    for problem in problems.iter_mut().filter(|problem| problem.source == FILE) {
        if let Some(line) = line(&problem.rule) {
            problem.source = format!("{FILE}:{line}");
        }
    }
}

/// The rules that are left after all layers, by id.
fn known(layers: &[(String, RuleFile)]) -> BTreeMap<&str, &Rule> {
    let mut rules = BTreeMap::new();
    for (_, file) in layers {
        for id in &file.off {
            rules.remove(id.as_str());
        }
        rules.extend(file.rule.iter().map(|rule| (rule.id.as_str(), rule)));
    }
    rules
}

/// A whole rule, or the field that is missing for one.
fn filled(said: SaidRule, earlier: Option<&Rule>) -> Result<Rule, &'static str> {
    let finds =
        said.phrases.is_some() || said.with.is_some() || said.unless.is_some() || said.regex.is_some();
    let tier = said.tier.or(earlier.map(|rule| rule.tier)).ok_or("tier")?;
    let role = match (said.role, earlier) {
        (Some(role), _) => role,
        (None, Some(rule)) if rule.tier == tier => rule.role,
        (None, Some(_)) => usual(tier),
        (None, None) => return Err("role"),
    };
    // Another tier or weight is said to count, so scores of all tiers that were given by hand before do not.
    let weights = match said.weights {
        None if said.tier.is_none() && said.weight.is_none() => earlier.and_then(|rule| rule.weights),
        weights => weights,
    };
    Ok(Rule {
        tier,
        role,
        weight: said.weight.or(earlier.map(|rule| rule.weight)).unwrap_or(1.0),
        weights,
        at: said.at.or(earlier.map(|rule| rule.at)).unwrap_or_default(),
        phrases: said.phrases.or(earlier.map(|rule| rule.phrases.clone())).ok_or("phrases")?,
        with: said.with.or(earlier.map(|rule| rule.with.clone())).unwrap_or_default(),
        unless: said.unless.or(earlier.map(|rule| rule.unless.clone())).unwrap_or_default(),
        regex: said.regex.or(earlier.and_then(|rule| rule.regex.clone())),
        // Tags choose what is said: they hold for the texts that they were written for.
        tags: earlier.filter(|_| !finds).map(|rule| rule.tags.clone()).unwrap_or_default(),
        examples: said.examples.or(earlier.map(|rule| rule.examples.clone())).ok_or("examples")?,
        not: said.not.or(earlier.map(|rule| rule.not.clone())).unwrap_or_default(),
        id: said.id,
    })
}

/// Who takes work of a tier.
fn usual(tier: u8) -> Role {
    match tier {
        0 => Role::None,
        1 => Role::Explore,
        2 => Role::Implement,
        _ => Role::Orchestrator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(text: &str) -> (String, RuleFile) {
        ("below".to_owned(), toml::from_str(text).expect("a rule file"))
    }

    const BELOW: &str = "[[rule]]\nid = \"a\"\ntier = 1\nrole = \"explore\"\nweights = [0.0, 2.0, 0.0, 0.0]\nphrases = [\"x\"]\n\
                         examples = [\"x\"]\ntags = [\"turbo\"]\n";

    #[test]
    fn a_rule_may_say_only_what_is_different() {
        let (file, problems) =
            above(parse("[[rule]]\nid = \"a\"\ntier = 2\n").expect("sound"), &[layer(BELOW)]);
        assert_eq!(problems, []);
        let rule = &file.rule[0];
        assert_eq!((rule.tier, rule.role, rule.weights), (2, Role::Implement, None));
        assert_eq!((rule.phrases.as_slice(), rule.tags.len()), ([String::from("x")].as_slice(), 1));
    }

    #[test]
    fn g2_other_phrases_lose_the_tags_of_the_rule() {
        let said = parse("[[rule]]\nid = \"a\"\nphrases = [\"everything\"]\n").expect("sound");
        assert_eq!(above(said, &[layer(BELOW)]).0.rule[0].tags, []);
    }

    #[test]
    fn g2_what_the_user_switched_off_stays_off_unless_the_user_defined_it_again() {
        let text = "off = [\"a\"]\n[[rule]]\nid = \"a\"\ntier = 3\n";
        let (file, problems) = above(parse(text).expect("sound"), &[layer(BELOW), layer("off = [\"a\"]")]);
        assert_eq!((file.off.len(), file.rule.len(), problems.len()), (0, 0, 0));
        let again = format!("off = [\"a\"]\n{BELOW}");
        let said = parse("[[rule]]\nid = \"a\"\ntier = 3\n").expect("sound");
        assert_eq!(above(said, &[layer(BELOW), layer(&again)]).0.rule.len(), 1);
    }

    #[test]
    fn a_new_rule_must_be_whole() {
        for (text, missing) in [
            ("role = \"explore\"\nphrases = [\"x\"]\nexamples = [\"x\"]", "tier"),
            ("tier = 1\nphrases = [\"x\"]\nexamples = [\"x\"]", "role"),
            ("tier = 1\nrole = \"explore\"\nexamples = [\"x\"]", "phrases"),
            ("tier = 1\nrole = \"explore\"\nphrases = [\"x\"]", "examples"),
        ] {
            let said = parse(&format!("[[rule]]\nid = \"new\"\n{text}\n")).expect("sound");
            let (file, problems) = above(said, &[]);
            assert_eq!((file.rule.len(), problems.len()), (0, 1));
            assert!(problems[0].message.contains(missing), "{problems:?}");
        }
    }

    #[test]
    fn g2_every_key_that_is_no_projects_is_named_with_its_line() {
        let text = "off = []\n\n[hosted]\nbase_url = \"https://x\"\n\n[[rule]]\nid = \"a\"\ntags = [\"turbo\"]\nteir = 1\n";
        let problems = parse(text).expect_err("refused");
        let places: Vec<&str> = problems.iter().map(|problem| problem.source.as_str()).collect();
        assert_eq!(places, [".claude/sef.toml:3", ".claude/sef.toml:8", ".claude/sef.toml:9"]);
        assert_eq!(problems[2].hint, "did you mean `tier`?");
    }

    #[test]
    fn g2_no_key_of_the_policy_is_one_of_a_projects() {
        let policy: toml::Table = toml::from_str(super::super::BUILT_IN_CONFIG).expect("a table");
        for section in policy.keys() {
            assert!(parse(&format!("[{section}]\n")).is_err(), "{section}");
            assert!(
                NEVER.iter().any(|(names, _)| names.contains(&section.as_str())),
                "{section} has its reason"
            );
        }
    }
}
