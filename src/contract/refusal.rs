//! What the hook answers when a prompt is no contract: what is missing, what is weak, and the headings to fill. Holds nothing of
//! the prompt, and keeps within a bound however much is wrong.

use std::fmt::Write as _;

use super::{Fault, Part, Problem, Severity};

/// Longest refusal, in bytes: it is read by the model in the middle of its work.
pub const MOST_REFUSAL: usize = 1_500;

/// The frame to fill in, as it is shown with every refusal.
const FRAME: &str = "\
Build [what] with [language and libraries].
## DATA CONTRACT (use exactly these models):
  every field with its type
## API CONTRACT (use exactly these routes / signatures / command lines):
  each with its result; leave it out when nothing is called from outside
## ALGORITHM:
  1. 2. 3. one full sentence to a step, edge cases included
## RULES:
  - limits, libraries, storage, and what happens on each error
";
const BEGINNING: &str =
    "This prompt is no contract yet; the generator sees nothing else and would guess the rest.\n";
const ENDING: &str = "Write it in this form and call the tool again (`sef contract new --lang L --kind K` prints a skeleton):\n\n";
const MORE: &str = "- and more; `sef contract check FILE` lists all\n";

/// The answer to a prompt with these problems; empty when none of them is an error.
pub fn refusal(problems: &[Problem]) -> String {
    let errors: Vec<&Problem> =
        problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    if errors.is_empty() {
        return String::new();
    }
    let mut text = BEGINNING.to_owned();
    list(&mut text, "Missing", &errors, |problem| matches!(problem.fault, Fault::Missing | Fault::Empty));
    let room = MOST_REFUSAL - ENDING.len() - FRAME.len() - MORE.len();
    for problem in errors.iter().filter(|problem| !matches!(problem.fault, Fault::Missing | Fault::Empty)) {
        let place = problem.section.map_or("the text", Part::title);
        let line = format!("- line {}, {place}: {}\n", problem.line, problem.what);
        if text.len() + line.len() > room {
            text.push_str(MORE);
            break;
        }
        text.push_str(&line);
    }
    text.push_str(ENDING);
    text.push_str(FRAME);
    text
}

/// One line with the parts that have such a problem.
fn list(text: &mut String, name: &str, errors: &[&Problem], has: impl Fn(&Problem) -> bool) {
    let found: Vec<Part> =
        errors.iter().filter(|problem| has(problem)).filter_map(|problem| problem.section).collect();
    let parts = [Part::Task, Part::Data, Part::Api, Part::Algorithm, Part::Rules];
    let titles: Vec<&str> =
        parts.iter().filter(|part| found.contains(part)).map(|part| part.title()).collect();
    if !titles.is_empty() {
        let _ = writeln!(text, "{name}: {}.", titles.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{MOST_BYTES, check};
    use super::*;

    #[test]
    fn a_refusal_names_what_is_missing_and_shows_the_four_headings() {
        let text = refusal(&check("build me a rate limiter in python with fastapi, make it good"));
        assert!(text.contains("Missing: DATA CONTRACT, ALGORITHM, RULES."), "{text}");
        for part in Part::HEADED {
            assert!(text.contains(&format!("## {}", part.title())), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_short_and_repeats_nothing_of_the_prompt() {
        let canary = "canary7f3a";
        for prompt in [
            String::new(),
            canary.to_owned(),
            format!("Build {canary} with [some {canary}]\n").repeat(400),
            format!("## DATA CONTRACT\n{canary}\n## API CONTRACT\nGET /{canary}\n").repeat(300),
            format!("Build {canary} now.\n## API CONTRACT\n")
                + &format!("def {canary}(x: int):\n").repeat(900),
            canary.repeat(MOST_BYTES),
        ] {
            let text = refusal(&check(&prompt));
            assert!(!text.is_empty() && text.len() <= MOST_REFUSAL, "{}: {text}", text.len());
            assert!(!text.contains(canary), "{text}");
        }
    }

    #[test]
    fn warnings_refuse_nothing() {
        let warning = |problem: Problem| Problem { severity: Severity::Warning, ..problem };
        let warnings: Vec<Problem> = check("").into_iter().map(warning).collect();
        assert_eq!(refusal(&warnings), "");
        assert_eq!(refusal(&[]), "");
    }
}
