//! `sef rules`: list, show, check and test rules. Strict where the hook is lenient: every problem is said, at once.

use std::fmt::Write as _;

use super::approval::{self, State};
use super::bed::Text;
use super::compile::{Fitted, Problem, by_hand, compile};
use super::image::Image;
use super::schema::Rule;
use super::{Loaded, distance, load, load_in, project};
use crate::classify::matcher;
use crate::config::Env;
use crate::error::{Error, Result};
use crate::report::text::{plain, plural};

/// The rules that count in the project of the current folder.
fn loaded_here(env: &Env) -> Loaded {
    let root = project::root_here(env);
    let approved = root.and_then(|root| approval::approved(env.state_dir.as_deref(), &root));
    load_in(env, approved.as_deref())
}

/// One line per rule.
pub fn list(env: &Env) -> String {
    let loaded = loaded_here(env);
    let mut out = String::new();
    for (source, rule) in &loaded.set.rules {
        let role = format!("{:?}", rule.role).to_lowercase();
        let _ =
            writeln!(out, "{:<26} tier {}  {:<12} {:>5.1}  {source}", rule.id, rule.tier, role, rule.weight);
    }
    out
}

/// Everything about one rule.
pub fn show(env: &Env, id: &str) -> Result<String> {
    let loaded = loaded_here(env);
    let Some((source, rule)) = loaded.set.rules.iter().find(|(_, rule)| rule.id == id) else {
        if let Some(fitted) = loaded.set.learned.get(id).filter(|_| !id.starts_with('#')) {
            return Ok(format!("{id} (a learned phrase)\n{}", weights(fitted, "", [0.0; 4])));
        }
        let near =
            loaded.set.rules.iter().map(|(_, rule)| rule.id.as_str()).min_by_key(|known| distance(known, id));
        let fix =
            near.map_or(String::new(), |near| format!("did you mean {near}? `sef rules list` shows all ids"));
        return Err(Error::new("cannot show the rule", format!("there is no rule named {id}")).fix(fix));
    };
    let mut out = format!("{} ({source})\n", rule.id);
    let role = format!("{:?}", rule.role).to_lowercase();
    let _ = writeln!(out, "  speaks for tier {}, role {role}, weight {} by hand", rule.tier, rule.weight);
    let fitted = loaded.set.learned.get(&format!("#{id}")).unwrap_or(&[None, None]);
    out.push_str(&weights(fitted, source, by_hand(rule)));
    for (name, list) in [
        ("phrases", &rule.phrases),
        ("with", &rule.with),
        ("unless", &rule.unless),
        ("examples", &rule.examples),
        ("not", &rule.not),
    ] {
        if !list.is_empty() {
            let _ = writeln!(out, "  {name}");
            for entry in list {
                let _ = writeln!(out, "    {entry}");
            }
        }
    }
    if let Some(regex) = &rule.regex {
        let _ = writeln!(out, "  regex\n    {regex}");
    }
    Ok(out)
}

/// The weights that count, in prompts and in task texts, and which file each line comes from.
fn weights(fitted: &[Option<Fitted>; 2], source: &str, by_hand: [f32; 4]) -> String {
    let mut out =
        format!("  {:<16}{:>8}{:>8}{:>8}{:>8}\n", "what counts", "tier 0", "tier 1", "tier 2", "tier 3");
    for (place, fitted) in ["in prompts", "in task texts"].into_iter().zip(fitted) {
        let (weights, origin) = match fitted {
            Some(fitted) => (fitted.weights, format!("fitted, {}", fitted.source)),
            None if source.is_empty() => continue,
            None => (by_hand, format!("by hand, {source}")),
        };
        let columns: String = weights.iter().map(|weight| format!("{weight:>+8.2}")).collect();
        let _ = writeln!(out, "    {place:<14}{columns}   {origin}");
    }
    out
}

/// All mistakes: those found while loading, regexes that do not compile, and examples that fail. The rules of the project of
/// the current folder are looked at too, whether or not they count; a note says when they do not.
pub fn check(env: &Env) -> Result<String> {
    let root = project::root_here(env);
    let state =
        root.as_ref().map_or(State::Absent, |root| approval::state_of(env.state_dir.as_deref(), root));
    let project = root.and_then(|root| project::read(&root).ok().flatten());
    let loaded = load_in(env, project.as_deref());
    let problems = problems(&loaded, project.as_deref());
    let note = state.note().map_or(String::new(), |note| note + "\n");
    if problems.is_empty() {
        let count = match state {
            State::Applies => loaded.set.rules.len(),
            _ => load(env).set.rules.len(),
        };
        return Ok(format!("{count} rules, no mistakes\n{note}"));
    }
    let mut text = plain(&listed(&problems));
    if !note.is_empty() {
        let _ = write!(text, "\n{}", note.trim_end());
    }
    let mut error = Error::new(format!("{} in the rules", plural(problems.len() as u64, "mistake")), text);
    // What is wrong with the project's rules alone is not in the user's folder.
    let is_users = problems.iter().any(|problem| !problem.source.starts_with(project::FILE));
    if let Some(dir) = env.config_dir.as_ref().filter(|_| is_users) {
        error = error.at(dir);
    }
    Err(error)
}

/// Everything that is wrong in what was loaded; problems with rules of a project's text have their line.
pub fn problems(loaded: &Loaded, project: Option<&str>) -> Vec<Problem> {
    let mut problems = loaded.problems.clone();
    problems.extend(regex_problems(loaded));
    problems.extend(example_problems(loaded));
    if let Some(text) = project {
        project::place(&mut problems, text);
    }
    problems
}

/// Problems as lines, each below a new line.
pub fn listed(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let _ = write!(text, "\n  {}", problem.source);
        if !problem.rule.is_empty() {
            let _ = write!(text, " [{}]", problem.rule);
        }
        let _ = write!(text, ": {}\n    {}", problem.message, problem.hint);
    }
    text
}

/// Regexes that do not compile.
pub fn regex_problems(loaded: &Loaded) -> Vec<Problem> {
    let rules = loaded.set.rules.iter();
    rules
        .filter_map(|(source, rule)| {
            let error = matcher::compile_regex(rule.regex.as_deref()?).err()?;
            Some(Problem {
                source: source.clone(),
                rule: rule.id.clone(),
                message: format!("the regex does not compile: {error}"),
                hint: "the rule never fires; no look-around, at most 1 MB compiled".to_owned(),
            })
        })
        .collect()
}

/// Examples on which a rule does not fire, and counter-examples on which it does.
pub fn example_problems(loaded: &Loaded) -> Vec<Problem> {
    let image = Image::from_bytes(compile(&loaded.set, &loaded.policy)).unwrap_or_else(Image::built_in);
    let mut problems = Vec::new();
    for (index, (source, rule)) in loaded.set.rules.iter().enumerate() {
        let mut say = |message: String, hint: &str| {
            problems.push(Problem {
                source: source.clone(),
                rule: rule.id.clone(),
                message,
                hint: hint.to_owned(),
            });
        };
        for example in rule.examples.iter().filter(|example| !fires(&image, index, example)) {
            say(format!("does not fire on its example {example:?}"), "change a phrase, or the example");
        }
        for example in rule.not.iter().filter(|example| fires(&image, index, example)) {
            say(
                format!("fires on its counter-example {example:?}"),
                "make a phrase narrower, or add unless = [...]",
            );
        }
    }
    problems
}

/// Whether a rule fires on an example.
fn fires(image: &Image, rule: usize, example: &str) -> bool {
    Text::of_example(example, 0).fired(image).iter().any(|hit| hit.rule == rule)
}

/// Runs all examples.
pub fn test(env: &Env) -> Result<String> {
    let loaded = loaded_here(env);
    let count = |list: fn(&Rule) -> usize| loaded.set.rules.iter().map(|(_, rule)| list(rule)).sum::<usize>();
    let total = count(|rule| rule.examples.len()) + count(|rule| rule.not.len());
    let problems = example_problems(&loaded);
    if problems.is_empty() {
        return Ok(format!("{total} examples of {} rules pass\n", loaded.set.rules.len()));
    }
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("\n  {} [{}] {}", problem.source, problem.rule, problem.message))
        .collect();
    Err(Error::new("examples fail", format!("{} of {total}{}", problems.len(), lines.concat())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_rule_passes_its_examples_and_counter_examples() {
        let loaded = load(&Env::default());
        assert_eq!(loaded.problems, []);
        let failing: Vec<String> =
            example_problems(&loaded).into_iter().map(|p| format!("{}: {}", p.rule, p.message)).collect();
        assert!(failing.is_empty(), "{failing:#?}");
    }

    #[test]
    fn every_built_in_rule_has_an_example_and_a_counter_example() {
        for (_, rule) in load(&Env::default()).set.rules {
            assert!(!rule.examples.is_empty() && !rule.not.is_empty(), "{}", rule.id);
        }
    }
}
