//! Answer sheets: what a reader (a hosted model, Claude or a person) says about candidates. Reads them strictly, with every
//! mistake and its JSON path; whether a claimed place exists is decided later, in `score`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::items::{all, rules};
use super::json::Json;

/// Largest sheet that is read, in bytes.
pub const LARGEST: u64 = 4 << 20;
/// Mistakes that are listed; a sheet with more is not one.
const MOST_MISTAKES: usize = 50;

/// An answer to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// The item does not apply.
    Na,
}

/// How bad a flag or an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing to say.
    None,
    /// To be mended some day.
    Minor,
    /// To be mended before use.
    Major,
    /// Not to be used so.
    Critical,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The answer.
    pub answer: Answer,
    /// `file:line` that shows it; may be empty with [`Answer::Na`].
    pub place: String,
    /// In a sentence.
    pub why: String,
}

/// A place with a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `file:line` or `file:first-last`.
    pub place: String,
    /// In a sentence.
    pub why: String,
}

/// A flag or an issue as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// How bad.
    pub severity: Severity,
    /// `file:line`; may be empty with [`Severity::None`].
    pub place: String,
    /// In a sentence.
    pub why: String,
}

/// All that a reader says about one candidate. What is missing was not answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CandidateAnswers {
    /// By item.
    pub items: BTreeMap<String, Claim>,
    /// Abstractions that nothing needs.
    pub abstractions: Option<Vec<Named>>,
    /// Functions with bad names.
    pub bad_names: Option<Vec<Named>>,
    /// By flag.
    pub flags: BTreeMap<String, Raised>,
    /// What fresh eyes found; counts for no score.
    pub issues: Vec<Raised>,
}

/// Reads the sheet of several candidates, by name.
pub fn read_sheet(text: &str) -> Result<BTreeMap<String, CandidateAnswers>, Vec<String>> {
    read(text, |json, mistakes| {
        let mut sheet = BTreeMap::new();
        let fields = fields(json, "$", &["schema", "candidates"], mistakes);
        match fields.get("schema") {
            Some(Json::Other(version)) if version == "1" => {}
            _ => mistakes.push("$.schema: must be 1".to_owned()),
        }
        let Some(candidates) = fields.get("candidates") else {
            mistakes.push("$.candidates: is missing".to_owned());
            return sheet;
        };
        for (name, answers) in entries(candidates, "$.candidates", mistakes) {
            let path = format!("$.candidates[{name:?}]");
            sheet.insert(name.to_owned(), candidate(answers, &path, mistakes));
        }
        sheet
    })
}

/// Reads what a hosted model answered about one candidate.
pub fn read_answer(text: &str) -> Result<CandidateAnswers, Vec<String>> {
    read(text, |json, mistakes| candidate(json, "$", mistakes))
}

fn read<T>(text: &str, reader: impl Fn(&Json, &mut Vec<String>) -> T) -> Result<T, Vec<String>> {
    let json: Json = serde_json::from_str(text).map_err(|why| vec![format!("$: not JSON: {why}")])?;
    let mut mistakes = Vec::new();
    let value = reader(&json, &mut mistakes);
    if mistakes.is_empty() {
        return Ok(value);
    }
    if mistakes.len() > MOST_MISTAKES {
        let more = mistakes.len() - MOST_MISTAKES;
        mistakes.truncate(MOST_MISTAKES);
        mistakes.push(format!("and {more} more"));
    }
    Err(mistakes)
}

fn candidate(json: &Json, path: &str, mistakes: &mut Vec<String>) -> CandidateAnswers {
    let mut answers = CandidateAnswers::default();
    let known = ["items", "abstractions", "bad_names", "flags", "issues"];
    let fields = fields(json, path, &known, mistakes);
    for (id, value) in
        fields.get("items").map_or(Vec::new(), |json| entries(json, &format!("{path}.items"), mistakes))
    {
        let path = format!("{path}.items[{id:?}]");
        if !all().any(|(_, known, _)| known == id) {
            mistakes.push(format!("{path}: there is no such item"));
            continue;
        }
        if let Some(claim) = claim(value, &path, mistakes) {
            answers.items.insert(id.to_owned(), claim);
        }
    }
    for (id, value) in
        fields.get("flags").map_or(Vec::new(), |json| entries(json, &format!("{path}.flags"), mistakes))
    {
        let path = format!("{path}.flags[{id:?}]");
        if !rules().robustness.flags.iter().any(|flag| flag.id == id) {
            mistakes.push(format!("{path}: there is no such flag"));
            continue;
        }
        if let Some(raised) = raised(value, &path, "why", mistakes) {
            answers.flags.insert(id.to_owned(), raised);
        }
    }
    let mut places = |name: &str| {
        let path = format!("{path}.{name}");
        fields
            .get(name)
            .map(|json| list(json, &path, mistakes, |json, path, mistakes| Some(named(json, path, mistakes))))
    };
    answers.abstractions = places("abstractions");
    answers.bad_names = places("bad_names");
    if let Some(issues) = fields.get("issues") {
        let path = format!("{path}.issues");
        answers.issues = list(issues, &path, mistakes, |json, path, mistakes| {
            let issue = raised(json, path, "what", mistakes)?;
            if issue.severity == Severity::None {
                mistakes.push(format!("{path}.severity: must be minor, major or critical"));
            }
            Some(issue)
        });
    }
    answers
}

fn claim(json: &Json, path: &str, mistakes: &mut Vec<String>) -> Option<Claim> {
    let fields = fields(json, path, &["answer", "place", "why"], mistakes);
    let place = text(&fields, path, "place", mistakes);
    let why = text(&fields, path, "why", mistakes);
    let answer = match fields.get("answer") {
        Some(Json::Text(word)) if word == "yes" => Answer::Yes,
        Some(Json::Text(word)) if word == "no" => Answer::No,
        Some(Json::Text(word)) if word == "na" => Answer::Na,
        _ => {
            mistakes.push(format!("{path}.answer: must be \"yes\", \"no\" or \"na\""));
            return None;
        }
    };
    Some(Claim { answer, place, why })
}

fn raised(json: &Json, path: &str, words: &str, mistakes: &mut Vec<String>) -> Option<Raised> {
    let fields = fields(json, path, &["severity", "place", words], mistakes);
    let place = text(&fields, path, "place", mistakes);
    let why = text(&fields, path, words, mistakes);
    let severity = match fields.get("severity") {
        Some(Json::Text(word)) if word == "none" => Severity::None,
        Some(Json::Text(word)) if word == "minor" => Severity::Minor,
        Some(Json::Text(word)) if word == "major" => Severity::Major,
        Some(Json::Text(word)) if word == "critical" => Severity::Critical,
        _ => {
            mistakes.push(format!("{path}.severity: must be \"none\", \"minor\", \"major\" or \"critical\""));
            return None;
        }
    };
    Some(Raised { severity, place, why })
}

fn named(json: &Json, path: &str, mistakes: &mut Vec<String>) -> Named {
    let fields = fields(json, path, &["place", "why"], mistakes);
    let place = text(&fields, path, "place", mistakes);
    Named { place, why: text(&fields, path, "why", mistakes) }
}

fn list<T>(
    json: &Json,
    path: &str,
    mistakes: &mut Vec<String>,
    entry: impl Fn(&Json, &str, &mut Vec<String>) -> Option<T>,
) -> Vec<T> {
    let Json::List(values) = json else {
        mistakes.push(format!("{path}: must be a list, not {}", json.kind()));
        return Vec::new();
    };
    let numbered = values.iter().enumerate();
    numbered.filter_map(|(at, value)| entry(value, &format!("{path}[{at}]"), mistakes)).collect()
}

/// A text of an object; empty when it is left out.
fn text(fields: &BTreeMap<&str, &Json>, path: &str, name: &str, mistakes: &mut Vec<String>) -> String {
    match fields.get(name) {
        None => String::new(),
        Some(Json::Text(text)) => text.clone(),
        Some(other) => {
            mistakes.push(format!("{path}.{name}: must be a string, not {}", other.kind()));
            String::new()
        }
    }
}

/// The fields of an object of known names.
fn fields<'a>(
    json: &'a Json,
    path: &str,
    known: &[&str],
    mistakes: &mut Vec<String>,
) -> BTreeMap<&'a str, &'a Json> {
    let entries = entries(json, path, mistakes);
    for (name, _) in &entries {
        if !known.contains(name) {
            mistakes.push(format!("{path}[{name:?}]: unknown; expected one of {}", known.join(", ")));
        }
    }
    entries.into_iter().collect()
}

/// The entries of an object, whatever their names; one that is there twice is a mistake.
fn entries<'a>(json: &'a Json, path: &str, mistakes: &mut Vec<String>) -> Vec<(&'a str, &'a Json)> {
    let Json::Object(entries) = json else {
        mistakes.push(format!("{path}: must be an object, not {}", json.kind()));
        return Vec::new();
    };
    let mut once: BTreeMap<&str, &Json> = BTreeMap::new();
    for (name, value) in entries {
        if once.insert(name, value).is_some() {
            mistakes.push(format!("{path}[{name:?}]: is there twice"));
        }
    }
    once.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_sheet_is_read_whole() {
        let text = r#"{"schema":1,"candidates":{"a":{
            "items":{"works":{"answer":"yes","place":"a.py:1","why":"runs"},"grows":{"answer":"na"}},
            "abstractions":[],"bad_names":[{"place":"a.py:2","why":"says nothing"}],
            "flags":{"memory":{"severity":"minor","place":"a.py:3","why":"list grows"}},
            "issues":[{"severity":"major","place":"a.py:4","what":"off by one"}]}}}"#;
        let sheet = read_sheet(text).expect("is good");
        let answers = &sheet["a"];
        assert_eq!(answers.items["works"].answer, Answer::Yes);
        assert_eq!(answers.items["grows"].place, "");
        assert_eq!(
            (answers.abstractions.as_deref(), answers.bad_names.as_ref().map(Vec::len)),
            (Some(&[][..]), Some(1))
        );
        assert_eq!(answers.flags["memory"].severity, Severity::Minor);
        assert_eq!(answers.issues[0].why, "off by one");
    }

    #[test]
    fn every_mistake_is_listed_with_its_path() {
        for (inside, expected) in [
            (r#""items":{"nonsense":{"answer":"yes"}}"#, "$.items[\"nonsense\"]: there is no such item"),
            (r#""items":{"works":{"answer":"maybe"}}"#, "$.items[\"works\"].answer: must be"),
            (r#""items":{"works":{"answer":true}}"#, "$.items[\"works\"].answer: must be"),
            (r#""items":{"works":"yes"}"#, "$.items[\"works\"]: must be an object, not a string"),
            (r#""items":{"works":{"answer":"yes","place":7}}"#, "$.items[\"works\"].place: must be a string"),
            (r#""items":{"works":{"answer":"yes","score":5}}"#, "$.items[\"works\"][\"score\"]: unknown"),
            (
                r#""items":{"works":{"answer":"no"},"works":{"answer":"yes"}}"#,
                "$.items[\"works\"]: is there twice",
            ),
            (
                r#""items":{"works":{"answer":"no","answer":"yes"}}"#,
                "$.items[\"works\"][\"answer\"]: is there twice",
            ),
            (r#""items":[]"#, "$.items: must be an object, not a list"),
            (r#""flags":{"loud":{"severity":"none"}}"#, "$.flags[\"loud\"]: there is no such flag"),
            (r#""flags":{"memory":{"severity":"bad"}}"#, "$.flags[\"memory\"].severity: must be"),
            (r#""abstractions":{}"#, "$.abstractions: must be a list"),
            (r#""bad_names":["a.py:1"]"#, "$.bad_names[0]: must be an object"),
            (r#""issues":[{"severity":"none","place":"","what":""}]"#, "$.issues[0].severity: must be minor"),
            (r#""scores":{"fitness":5}"#, "$[\"scores\"]: unknown"),
        ] {
            let mistakes = read_answer(&format!("{{{inside}}}")).expect_err(inside);
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(expected)), "{inside}: {mistakes:?}");
        }
        assert!(read_sheet("{}").expect_err("empty").len() == 2);
        assert!(read_sheet("no").expect_err("no JSON")[0].starts_with("$: not JSON"));
        assert!(read_sheet(&"[".repeat(100_000)).is_err());
    }
}
