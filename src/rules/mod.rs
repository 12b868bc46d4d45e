//! Rules: their files (`schema`), compiling them (`compile`), reading the compiled table (`image`), and the layers:
//! built-in files first, then the user's `rules.toml`; later ids win.

pub mod add;
pub mod bed;
pub mod cache;
pub mod calibration;
pub mod check;
pub mod compile;
pub mod image;
pub mod phrase;
pub mod policy;
#[cfg(any(test, fuzzing))]
pub mod property;
pub mod schema;
pub mod words;

use std::path::Path;
use std::sync::OnceLock;

use compile::{Problem, RuleSet};
use image::Image;
use policy::Policy;
use schema::RuleFile;

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// Name of the user's rule file in the configuration folder.
pub const USERS: &str = "rules.toml";
/// Largest rule or policy file that is read, in bytes.
pub const MAX_FILE: u64 = 4 << 20;
/// The built-in policy, `rules/config.toml`.
const BUILT_IN_CONFIG: &str = include_str!("../../rules/config.toml");

/// The parsed built-in layers.
pub fn built_in_layers() -> Vec<(String, RuleFile)> {
    static PARSED: OnceLock<Vec<(String, RuleFile)>> = OnceLock::new();
    let parse = |(name, text): &(&str, &str)| Some(((*name).to_owned(), toml::from_str(text).ok()?));
    PARSED.get_or_init(|| BUILT_IN.iter().filter_map(parse).collect()).clone()
}

/// The policy in an image; the built-in one when it cannot be read.
pub fn policy_of(image: &Image) -> Policy {
    serde_json::from_str(image.policy_json()).unwrap_or_else(|_| built_in_policy())
}

/// The built-in policy.
pub fn built_in_policy() -> Policy {
    toml::from_str(BUILT_IN_CONFIG).expect("rules/config.toml was checked when SEF was built")
}

/// The policy with the user's config.toml laid over it. Strict: what sends a key must not fall back to another service
/// because of a typing mistake.
pub fn users_policy(config_dir: Option<&Path>) -> crate::error::Result<Policy> {
    let Some(path) = config_dir.map(|dir| dir.join("config.toml")) else { return Ok(built_in_policy()) };
    let fault = |why: String, fix: String| {
        crate::error::Error::new("cannot use your configuration", why).at(&path).fix(fix)
    };
    match read_layer(&path) {
        Ok(Some(text)) => overlay(&text).map_err(|problem| {
            fault(format!("{} {}", problem.source, problem.message).trim().to_owned(), problem.hint)
        }),
        Ok(None) => Ok(built_in_policy()),
        Err(why) => Err(fault(why, "make the file readable, or move it away".to_owned())),
    }
}

/// All layers of a user, merged, with everything that is wrong in the user's files.
#[derive(Debug)]
pub struct Loaded {
    /// The rules.
    pub set: RuleSet,
    /// The policy.
    pub policy: Policy,
    /// What is wrong; what is wrong was left out.
    pub problems: Vec<Problem>,
}

/// Loads built-in rules plus `rules.toml`, `config.toml` and `calibration.toml` of a configuration folder. Lenient: what is broken is
/// left out and listed.
pub fn load(config_dir: Option<&Path>) -> Loaded {
    load_with(config_dir, config_dir.map_or(Ok(None), |dir| read_layer(&dir.join(USERS))))
}

/// The same as if `rules.toml` held another text.
pub fn load_as_if(config_dir: Option<&Path>, rules_toml: &str) -> Loaded {
    load_with(config_dir, Ok(Some(rules_toml.to_owned())))
}

fn load_with(config_dir: Option<&Path>, rules_toml: Result<Option<String>, String>) -> Loaded {
    let mut layers = built_in_layers();
    let mut problems = Vec::new();
    let mut policy = built_in_policy();
    match rules_toml {
        Ok(Some(text)) => match toml::from_str::<RuleFile>(&text) {
            Ok(file) => {
                problems.extend(strangers(&layers, &file));
                layers.push((USERS.to_owned(), file));
            }
            Err(error) => problems.push(syntax(USERS, &error, &text)),
        },
        Ok(None) => {}
        Err(message) => problems.push(unreadable(USERS, message)),
    }
    if let Some(dir) = config_dir {
        match read_layer(&dir.join("config.toml")) {
            Ok(Some(text)) => match overlay(&text) {
                Ok(changed) => policy = changed,
                Err(problem) => problems.push(problem),
            },
            Ok(None) => {}
            Err(message) => problems.push(unreadable("config.toml", message)),
        }
    }
    let (mut set, found) = compile::merge(&layers);
    problems.extend(found);
    if let Some(dir) = config_dir {
        match read_layer(&dir.join(calibration::FILE)) {
            Ok(Some(text)) => {
                let (file, found) = calibration::parse(&text);
                problems.extend(found);
                policy.calibration = calibration::apply(file, &mut set);
            }
            Ok(None) => {}
            Err(message) => problems.push(unreadable(calibration::FILE, message)),
        }
    }
    Loaded { set, policy, problems }
}

/// Learned weights of a user's file for rules that are nowhere: a typo that would silently do nothing.
fn strangers(built_in: &[(String, RuleFile)], users: &RuleFile) -> Vec<Problem> {
    let files = || built_in.iter().map(|(_, file)| file).chain([users]);
    let is_known = |id: &str| files().flat_map(|file| &file.rule).any(|rule| rule.id == id);
    let keys = users.learned.user.keys().chain(users.learned.task.keys());
    keys.filter(|key| key.strip_prefix('#').is_some_and(|id| !is_known(id)))
        .map(|key| Problem {
            source: USERS.to_owned(),
            rule: key.clone(),
            message: "this learned weight names no rule".to_owned(),
            hint: "`sef rules list` shows the ids".to_owned(),
        })
        .collect()
}

/// Reads a small regular file; nothing when it is not there.
fn read_layer(path: &Path) -> Result<Option<String>, String> {
    match crate::fsx::read_regular(path, MAX_FILE) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn unreadable(source: &str, message: String) -> Problem {
    Problem {
        source: source.to_owned(),
        rule: String::new(),
        message,
        hint: "the built-in values are used".to_owned(),
    }
}

fn syntax(source: &str, error: &toml::de::Error, text: &str) -> Problem {
    let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    Problem {
        source: format!("{source}:{line}"),
        rule: String::new(),
        message: error.message().to_owned(),
        hint: "the whole file is left out until this is mended".to_owned(),
    }
}

/// A user's config.toml laid over the built-in policy, key by key.
fn overlay(text: &str) -> Result<Policy, Problem> {
    let user: toml::Table = toml::from_str(text).map_err(|error| syntax("config.toml", &error, text))?;
    let mut merged: toml::Table =
        toml::from_str(BUILT_IN_CONFIG).expect("rules/config.toml was checked when SEF was built");
    if user.contains_key("calibration") {
        return Err(Problem {
            source: "config.toml".to_owned(),
            rule: "calibration".to_owned(),
            message: "what is calibrated does not stand here".to_owned(),
            hint: "`sef-stats calibrate --apply` writes calibration.toml; the built-in values are used"
                .to_owned(),
        });
    }
    for (section, value) in user {
        match (merged.get_mut(&section), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => old.extend(new),
            (_, value) => {
                merged.insert(section, value);
            }
        }
    }
    let policy: Policy = merged.try_into().map_err(|error: toml::de::Error| Problem {
        source: "config.toml".to_owned(),
        rule: String::new(),
        message: error.message().to_owned(),
        hint: "rules/config.toml shows every key; the built-in values are used".to_owned(),
    })?;
    for (name, model) in [("1", &policy.tiers.one), ("2", &policy.tiers.two), ("3", &policy.tiers.three)] {
        if !["haiku", "sonnet", "opus", "fable", "parent", "off"].contains(&model.as_str()) {
            return Err(Problem {
                source: "config.toml".to_owned(),
                rule: format!("tiers.{name}"),
                message: format!("{model:?} is not a model that a spawn accepts"),
                hint: "use haiku, sonnet, opus, fable, parent or off".to_owned(),
            });
        }
    }
    Ok(policy)
}
