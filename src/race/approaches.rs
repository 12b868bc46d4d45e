//! Approaches for any-percent: as they are typed, or as the hosted model proposes them along the one decision that matters most.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::data::data;
use super::design::Design;
use super::live::{Lane, Spectator};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::turbo::order::{Failure, Order, Spent};
use crate::turbo::session::Session;

/// Proposed when no number is given.
const USUAL: usize = 3;
/// Longest text of an approach, in characters.
const MOST_WORDS: usize = 2_000;

/// One way to solve the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approach {
    /// In a few words; becomes part of the candidate's name.
    pub name: String,
    /// What is decided.
    pub words: String,
}

/// `NAME: TEXT` as it is typed.
pub fn typed(text: &str) -> std::result::Result<Approach, String> {
    let (name, words) = text.split_once(':').unwrap_or((text, ""));
    let (name, words) = (name.trim(), words.trim());
    if name.is_empty() || words.is_empty() || words.chars().count() > MOST_WORDS {
        return Err("write NAME: TEXT, as in \"sqlite: one file, indexed by key\"".to_owned());
    }
    Ok(Approach { name: name.to_owned(), words: words.to_owned() })
}

/// How many are to be proposed: `auto` or `auto:N`.
pub fn proposed(text: &str) -> std::result::Result<usize, String> {
    let most = data().bounds.most_approaches;
    let wrong = || format!("write auto, or auto:N with N from 2 to {most}");
    match text.split_once(':') {
        None if text == "auto" => Ok(USUAL),
        Some(("auto", number)) => {
            number.parse().ok().filter(|number| (2..=most).contains(number)).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

#[derive(Deserialize)]
struct Answer {
    axis: String,
    approaches: Vec<Proposal>,
}

#[derive(Deserialize)]
struct Proposal {
    name: String,
    decisions: String,
    pros: String,
    cons: String,
}

/// Asks the hosted model for so many; also what the call took.
pub fn propose(
    env: &Env,
    design: &Design,
    count: usize,
    model: Option<&str>,
    within: Option<Duration>,
    spectator: &dyn Spectator,
) -> Result<(Vec<Approach>, Spent)> {
    let lane = Lane::of("approaches", spectator);
    lane.begin("looking for the decision that matters most");
    let order = Order::of_calls(model, within);
    let mut session = Session::new(env, &order, &lane);
    let cannot = |failure: Failure| Error::new("cannot propose approaches", failure.message).fix(failure.fix);
    let ready = session.ready().map_err(cannot)?;
    let system = format!(
        "You compare architectures. Find the one decision of the design with the greatest consequences (storage, protocol, concurrency, \
         structure of the data), and name {count} approaches along it that differ in that decision and fit in everything else. No \
         combinations of several decisions. Answer with one JSON object and nothing else: {{\"axis\": \"...\", \"approaches\": [{{\"name\": \
         \"two words\", \"decisions\": \"what is decided\", \"pros\": \"...\", \"cons\": \"...\"}}]}}"
    );
    let text = |session: &mut Session<'_>| session.structured(&ready, &system, &design.text, &schema());
    let answer = text(&mut session).map_err(cannot)?;
    let answer: Answer = serde_json::from_str(&answer).map_err(|why| {
        Error::new("cannot propose approaches", format!("the model's answer cannot be read: {why}"))
            .fix("try again, or name them yourself: --approach \"NAME: TEXT\"")
    })?;
    lane.end(&format!("the decision is {}", answer.axis));
    let of = |one: Proposal| Approach {
        name: one.name,
        words: format!("{}\nFor it: {}\nAgainst it: {}", one.decisions, one.pros, one.cons)
            .chars()
            .take(MOST_WORDS)
            .collect(),
    };
    let approaches: Vec<Approach> = answer.approaches.into_iter().take(count).map(of).collect();
    if approaches.len() < 2 {
        return Err(Error::new("cannot propose approaches", "the model named fewer than two")
            .fix("name them yourself: --approach \"NAME: TEXT\""));
    }
    Ok((approaches, session.spent()))
}

fn schema() -> serde_json::Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["axis", "approaches"],
        "properties": {
            "axis": text,
            "approaches": { "type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["name", "decisions", "pros", "cons"],
                "properties": { "name": text, "decisions": text, "pros": text, "cons": text },
            }},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approaches_are_read_as_they_are_typed() {
        let approach = typed("sqlite: one file: indexed").expect("is one");
        assert_eq!((approach.name.as_str(), approach.words.as_str()), ("sqlite", "one file: indexed"));
        for wrong in ["sqlite", ": text", "name:", ""] {
            assert!(typed(wrong).is_err(), "{wrong}");
        }
        assert_eq!((proposed("auto"), proposed("auto:5")), (Ok(3), Ok(5)));
        for wrong in ["auto:1", "auto:7", "3", "auto:", "AUTO"] {
            assert!(proposed(wrong).is_err(), "{wrong}");
        }
    }
}
