//! Rules: their files (`schema`), compiling them (`compile`), reading the compiled table (`image`), and the layers, lowest first:
//!
//! 1. built-in: `rules/tiers/*.toml`, compiled into the binary;
//! 2. managed: an organisation's `rules.toml`, while only the administrator can have written it ([`managed`]);
//! 3. user: `rules.toml` in SEF's configuration folder;
//! 4. project: `.claude/sef.toml`, as the user allowed it ([`project`], [`approval`]);
//! 5. `calibration.toml`: what outcomes taught, over the weights of all of them.
//!
//! A later rule takes the place of an earlier one of its id; `off` removes earlier rules. What a lower layer switched off a
//! project cannot bring back. The policy (`config.toml`) has the layers 1 to 3, key by key ([`overlay`]); a project has no say in it.

pub mod add;
pub mod approval;
pub mod bed;
pub mod cache;
pub mod calibration;
pub mod check;
pub mod compile;
pub mod image;
pub mod managed;
pub mod overlay;
pub mod phrase;
pub mod policy;
pub mod project;
#[cfg(any(test, fuzzing))]
pub mod property;
pub mod schema;
pub mod words;

use std::path::Path;
use std::sync::OnceLock;

use compile::{Problem, RuleSet};
use image::Image;
pub use overlay::users_policy;
use policy::Policy;
use schema::RuleFile;

use crate::config::Env;

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

/// All layers of a user, merged, with everything that is wrong in them.
#[derive(Debug)]
pub struct Loaded {
    /// The rules.
    pub set: RuleSet,
    /// The policy.
    pub policy: Policy,
    /// What is wrong; what is wrong was left out.
    pub problems: Vec<Problem>,
    /// The layers of rules that count, lowest first.
    pub layers: Vec<Layer>,
}

/// One layer of rules as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// `built-in`, `managed`, `user` or `project`.
    pub name: &'static str,
    /// Its file, as the source of its rules says it.
    pub source: String,
    /// Rules that it defines.
    pub rules: usize,
    /// Rules that it switches off.
    pub off: usize,
}

/// Loads built-in rules, an organisation's, and a user's `rules.toml`, `config.toml` and `calibration.toml`. Lenient: what is
/// broken is left out and listed.
pub fn load(env: &Env) -> Loaded {
    load_in(env, None)
}

/// The same with a project's rules on top, whether or not anybody allowed them.
pub fn load_in(env: &Env, project: Option<&str>) -> Loaded {
    load_with(env, users_rules(env), project)
}

/// The same as [`load`] if the user's `rules.toml` held another text.
pub fn load_as_if(env: &Env, rules_toml: &str) -> Loaded {
    load_with(env, Ok(Some(rules_toml.to_owned())), None)
}

fn users_rules(env: &Env) -> Result<Option<String>, String> {
    env.config_dir.as_ref().map_or(Ok(None), |dir| read_layer(&dir.join(USERS)))
}

fn load_with(env: &Env, users: Result<Option<String>, String>, project: Option<&str>) -> Loaded {
    let mut files = built_in_layers();
    let mut layers: Vec<Layer> = files.iter().map(|(source, file)| layer("built-in", source, file)).collect();
    let mut problems = Vec::new();
    match managed::read(env.managed.as_ref(), USERS) {
        Ok(Some(file)) => {
            let source = file.path.display().to_string();
            add_layer(("managed", &source, &file.text), &mut files, &mut layers, &mut problems);
        }
        Ok(None) => {}
        Err(unused) => problems.push(overlay::ignored(&unused)),
    }
    match users {
        Ok(Some(text)) => add_layer(("user", USERS, &text), &mut files, &mut layers, &mut problems),
        Ok(None) => {}
        Err(message) => problems.push(unreadable(USERS, message)),
    }
    let overlay::Overlaid { mut policy, problems: found, .. } = overlay::overlaid(env);
    let prices = managed::read(env.managed.as_ref(), crate::prices::FILE).err();
    for problem in found.into_iter().chain(prices.as_ref().map(overlay::ignored)) {
        // A folder that others can write is said once, not for each of its files.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if let Some(text) = project {
        match project::parse(text) {
            Ok(said) => {
                let (file, found) = project::above(said, &files);
                problems.extend(found);
                layers.push(layer("project", project::FILE, &file));
                files.push((project::FILE.to_owned(), file));
            }
            Err(found) => problems.extend(found),
        }
    }
    let (mut set, found) = compile::merge(&files);
    problems.extend(found);
    if let Some(dir) = &env.config_dir {
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
    if let Some(text) = project {
        project::place(&mut problems, text);
    }
    Loaded { set, policy, problems, layers }
}

fn layer(name: &'static str, source: &str, file: &RuleFile) -> Layer {
    Layer { name, source: source.to_owned(), rules: file.rule.len(), off: file.off.len() }
}

/// Puts a whole rule file over the others.
fn add_layer(
    (name, source, text): (&'static str, &str, &str),
    files: &mut Vec<(String, RuleFile)>,
    layers: &mut Vec<Layer>,
    problems: &mut Vec<Problem>,
) {
    match toml::from_str::<RuleFile>(text) {
        Ok(file) => {
            problems.extend(strangers(files, &file, source));
            layers.push(layer(name, source, &file));
            files.push((source.to_owned(), file));
        }
        Err(error) => problems.push(syntax(source, &error, text)),
    }
}

/// Learned weights of a file for rules that are nowhere: a typo that would silently do nothing.
fn strangers(below: &[(String, RuleFile)], own: &RuleFile, source: &str) -> Vec<Problem> {
    let files = || below.iter().map(|(_, file)| file).chain([own]);
    let is_known = |id: &str| files().flat_map(|file| &file.rule).any(|rule| rule.id == id);
    let keys = own.learned.user.keys().chain(own.learned.task.keys());
    keys.filter(|key| key.strip_prefix('#').is_some_and(|id| !is_known(id)))
        .map(|key| Problem {
            source: source.to_owned(),
            rule: key.clone(),
            message: "this learned weight names no rule".to_owned(),
            hint: "`sef rules list` shows the ids".to_owned(),
        })
        .collect()
}

/// Reads a small regular file; nothing when it is not there.
pub(crate) fn read_layer(path: &Path) -> Result<Option<String>, String> {
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
        hint: "make the file readable, or move it away; until then it does not count".to_owned(),
    }
}

/// The line (1-based) of a place in a text.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..at.min(text.len())]).count() + 1
}

/// Edit distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn syntax(source: &str, error: &toml::de::Error, text: &str) -> Problem {
    let line = error.span().map_or(0, |span| line_of(text, span.start));
    Problem {
        source: format!("{source}:{line}"),
        rule: String::new(),
        message: error.message().to_owned(),
        hint: "the whole file is left out until this is mended".to_owned(),
    }
}
