//! The user's own configuration: rules.toml, config.toml, calibration.toml and prices.toml, as strictly as `sef rules check`.

use std::path::PathBuf;

use super::{Ground, Said, action, command, kinds};
use crate::error::Error;
use crate::prices::show;
use crate::report::text::{name, plural};
use crate::rules::check::{example_problems, regex_problems};
use crate::rules::compile::Problem;
use crate::rules::image::Image;
use crate::rules::{self, USERS, calibration};

/// What was found in the configuration folder.
pub(super) struct Facts {
    dir: Option<PathBuf>,
    rules: usize,
    own_rules: usize,
    /// What is wrong in the files.
    problems: Vec<Problem>,
    /// Rules of the user's that do not do what they say.
    failing: Vec<Problem>,
    /// The age of the prices, in words, and whether they are too old.
    prices: Result<(String, bool), Error>,
}

impl Facts {
    pub(super) fn gather(ground: &Ground<'_>) -> Self {
        let dir = ground.env.config_dir.clone();
        // Without a file of the user's there is nothing to find, and parsing the built-in rules takes a while.
        let is_there = |name: &str| dir.as_ref().is_some_and(|dir| dir.join(name).symlink_metadata().is_ok());
        let is_managed = ground.env.managed.as_ref().is_some_and(|managed| managed.dir.exists());
        if !is_managed && ![USERS, "config.toml", calibration::FILE].into_iter().any(is_there) {
            let image = Image::built_in();
            return Self {
                rules: (0..image.rules()).filter(|rule| image.is_named(*rule)).count(),
                own_rules: 0,
                problems: Vec::new(),
                failing: Vec::new(),
                prices: show::check(ground.env, ground.now),
                dir,
            };
        }
        let loaded = rules::load(ground.env);
        let own_rules = loaded.set.rules.iter().filter(|(source, _)| source == USERS).count();
        let mut failing = Vec::new();
        if own_rules > 0 {
            failing.extend(regex_problems(&loaded));
            failing.extend(example_problems(&loaded));
            failing.retain(|problem| problem.source == USERS);
        }
        Self {
            dir,
            rules: loaded.set.rules.len(),
            own_rules,
            problems: loaded.problems,
            failing,
            prices: show::check(ground.env, ground.now),
        }
    }

    pub(super) fn judge(&self, said: &mut Said) -> String {
        let path = |file: &str| self.dir.as_ref().map(|dir| dir.join(file)).unwrap_or_default();
        for (file, kind) in [
            (USERS, &kinds::RULES_INVALID),
            ("config.toml", &kinds::CONFIG_INVALID),
            (calibration::FILE, &kinds::CALIBRATION_INVALID),
        ] {
            let of = |problem: &&Problem| problem.source.split(':').next() == Some(file);
            let problems: Vec<&Problem> = self.problems.iter().filter(of).collect();
            let Some(first) = problems.first() else { continue };
            let mend = if file == calibration::FILE {
                command("sef-stats calibrate --revert")
            } else {
                action(format!("correct {}: {}", path(file).display(), name(&first.hint, 120)))
            };
            said.find(kind, in_words(first, problems.len()), mend).at(path(file));
        }
        if let Some(first) = self.failing.first() {
            let mend =
                action(format!("correct {}; `sef rules check` lists every mistake", path(USERS).display()));
            said.find(&kinds::RULE_FAILS, in_words(first, self.failing.len()), mend).at(path(USERS));
        }
        let age = match &self.prices {
            Err(error) => {
                let file = path("prices.toml");
                let place = error
                    .place
                    .map_or(String::new(), |(line, column)| format!("line {line} column {column}: "));
                let mend = action(format!("correct {}, or move it away", file.display()));
                said.find(&kinds::PRICES_INVALID, format!("{place}{}", error.why), mend).at(&file);
                "prices unusable".to_owned()
            }
            Ok((text, old)) => {
                let first = text.lines().next().unwrap_or_default();
                if *old {
                    let ages: Vec<&str> =
                        text.lines().filter(|line| line.contains(": checked ")).take(3).collect();
                    let mend = action("compare `sef prices list` with the vendor's price page");
                    said.find(&kinds::PRICES_OLD, ages.join("; "), mend);
                }
                format!("prices: {}", first.rsplit(": ").next().unwrap_or_default())
            }
        };
        format!("{}, {} of them yours; {age}", plural(self.rules as u64, "rule"), self.own_rules)
    }
}

fn in_words(problem: &Problem, count: usize) -> String {
    let rule = if problem.rule.is_empty() { String::new() } else { format!(" [{}]", problem.rule) };
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    format!("{}{rule}: {}{more}", problem.source, name(&problem.message, 160))
}
