//! How many runners a design is worth, and why: scope, risk and size by the rows of `rules/race.toml`. Pure.

use serde::{Deserialize, Serialize};

use super::data::{Step, data};
use super::design::Design;
use crate::report::text::plural;

/// The assessment of a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complexity {
    /// low, medium, high or very high.
    pub level: String,
    /// Runners that it is worth.
    pub runners: usize,
    /// Sum of all points.
    pub points: u32,
    /// What the points were given for, one sentence each.
    pub reasons: Vec<String>,
}

/// Assesses a design.
pub fn assess(design: &Design) -> Complexity {
    let named = &design.named;
    let scope = reached(&data().scope, named.count());
    let words = design.text.split_whitespace().count();
    let size = reached(&data().size, words);
    let text = plain_words(&design.text);
    let mut points = scope.points + size.points;
    let mut reasons = vec![
        format!(
            "{} scope: it names {}, {} and {} ({})",
            scope.words,
            plural(named.files.len() as u64, "file"),
            plural(named.symbols.len() as u64, "symbol"),
            plural(named.routes.len() as u64, "route"),
            plural(scope.points, "point")
        ),
        format!("{} design: {} ({})", size.words, plural(words as u64, "word"), plural(size.points, "point")),
    ];
    for risk in &data().risk {
        if let Some(word) = risk.words.iter().find(|word| text.contains(&format!(" {word} "))) {
            points += risk.points;
            reasons.push(format!("risk: {} (`{word}`, {})", risk.name, plural(risk.points, "point")));
        }
    }
    let level = data().level.iter().rev().find(|level| level.from <= points);
    let level = level.expect("the first row begins at 0");
    Complexity { level: level.name.clone(), runners: level.runners, points, reasons }
}

fn reached(steps: &[Step], count: usize) -> &Step {
    steps.iter().rev().find(|step| step.from <= count).expect("the first row begins at 0")
}

/// The text in lower case with one space round every word, so that whole words can be looked for.
fn plain_words(text: &str) -> String {
    let mut plain = String::from(" ");
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty()) {
        plain.push_str(&word.to_lowercase());
        plain.push(' ');
    }
    plain
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn assessed(text: &str) -> Complexity {
        assess(&Design::of(text.to_owned(), "x".to_owned()))
    }

    #[test]
    fn runners_follow_from_scope_risk_and_size_and_the_reasons_add_up() {
        let routes: String = (0..30).map(|n| format!("GET /things/{n} -> Thing\n")).collect();
        let small = "# Slug\n\nTurn a title into a slug.";
        let table = [
            (small.to_owned(), "low", 2),
            (format!("{small} It is called by several threads, the login goes through it."), "medium", 3),
            (format!("{small}\n{routes} with payments and login"), "high", 4),
            (
                format!("{small}\n{routes} with payments, login, a migration of the database, threads"),
                "very high",
                5,
            ),
        ];
        let points = regex::Regex::new(r"(\d+) points?\)$").unwrap();
        for (text, level, runners) in table {
            let found = assessed(&text);
            assert_eq!((found.level.as_str(), found.runners), (level, runners), "{found:#?}");
            let given = |reason: &String| points.captures(reason)?[1].parse::<u32>().ok();
            assert_eq!(found.reasons.iter().filter_map(given).sum::<u32>(), found.points, "{found:#?}");
        }
    }

    #[test]
    fn words_inside_other_words_are_no_risk() {
        assert_eq!(assessed("The author blocks the authority's unlocked clock.").points, 0);
        assert_eq!(assessed("Thread-safe.").points, 1);
    }
}
