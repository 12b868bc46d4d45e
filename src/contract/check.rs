//! Everything that is vague or missing in a contract, at once and in line order. Judges form: whether there is something
//! exact in each part, never whether it is right.

use serde::Serialize;

use super::api::{self, Entry};
use super::parse::{Contract, Line, Section, parse};
use super::placeholder::placeholder;
use super::vocabulary::{ERRORS, TECHNOLOGIES};
use super::words::{self, holds};
use super::{Fault, Part, Problem, Severity, data, line, steps};

/// Longest contract, in bytes: some 16,000 tokens, which is more than models write back in one answer.
pub const MOST_BYTES: usize = 64 << 10;
/// Most problems that are told; one more says how many there are beyond.
pub const MOST_PROBLEMS: usize = 100;
/// Fewest words of a line that says what to build.
const TASK_WORDS: usize = 3;
/// Fewest steps of an algorithm.
const FEWEST_STEPS: usize = 2;

/// What was found in a contract.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Review {
    /// In line order.
    pub problems: Vec<Problem>,
    /// What is there.
    pub counts: Counts,
}

impl Review {
    /// Whether nothing stands against it but warnings.
    pub fn is_acceptable(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// How many problems weigh so much.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// How much a contract says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Named fields with types.
    pub fields: usize,
    /// Routes, signatures and command lines.
    pub entries: usize,
    /// Numbered steps.
    pub steps: usize,
    /// Rules.
    pub rules: usize,
}

/// All problems of a contract. It is acceptable when none of them is an error.
pub fn check(text: &str) -> Vec<Problem> {
    review(text).problems
}

/// All problems of a contract, and what it holds. A text longer than [`MOST_BYTES`] is not read at all.
pub fn review(text: &str) -> Review {
    if text.len() > MOST_BYTES {
        let what = format!("the contract has {} bytes; at most {MOST_BYTES} are read", text.len());
        let hint = "say what to build in fewer words, or split it into several contracts";
        return Review { problems: vec![problem(1, None, Fault::Long, what, hint)], ..Review::default() };
    }
    let contract = parse(text);
    let mut review = Review::default();
    task(&contract, &mut review);
    for part in Part::HEADED {
        match contract.of(part).next() {
            None => review.problems.extend(missing(&contract, part)),
            Some(first) => section(&contract, part, first, &mut review),
        }
    }
    twice(&contract, &mut review);
    placeholders(&contract, &mut review);
    if let Some(line) = contract.open_fence {
        let hint = "close it with a line of the same marks";
        review.problems.push(Problem {
            severity: Severity::Warning,
            ..problem(line, None, Fault::Fence, "a code fence is opened here and never closed", hint)
        });
    }
    review.problems.sort_by_key(|problem| problem.line);
    shorten(&mut review.problems);
    review
}

/// The line that says what to build with what.
fn task(contract: &Contract<'_>, review: &mut Review) {
    let Some(at) = contract.task else {
        let hint = "begin with one line such as: Build a rate limiter service with Python 3.12 and FastAPI.";
        review.problems.push(problem(
            1,
            Some(Part::Task),
            Fault::Missing,
            "no line says what to build",
            hint,
        ));
        return;
    };
    let line = &contract.lines[at];
    if words::count(line.text) < TASK_WORDS {
        let hint = "name the thing and what it is built with: Build X with Y.";
        review.problems.push(problem(
            line.number,
            Some(Part::Task),
            Fault::Vague,
            "the task is no sentence",
            hint,
        ));
    } else if !contract.lines.iter().any(|line| holds(line.text, &TECHNOLOGIES)) {
        let hint = "name the language and its version, and the libraries that may be used";
        let what = "nothing says with what it is built";
        let vague = problem(line.number, Some(Part::Task), Fault::Vague, what, hint);
        review.problems.push(Problem { severity: Severity::Warning, ..vague });
    }
}

/// A part without a heading. The API may be missing when nothing speaks of an interface.
fn missing(contract: &Contract<'_>, part: Part) -> Option<Problem> {
    let last =
        contract.lines.iter().rev().find(|line| !line.text.trim().is_empty()).map_or(1, |line| line.number);
    let what = format!("there is no section {}", part.title());
    let hint = format!("add `## {}` with {}", part.title(), contents(part));
    if part != Part::Api {
        return Some(problem(last, Some(part), Fault::Missing, what, &hint));
    }
    let line = interface(contract, false)?;
    let what = format!("{what}, and this line speaks of an interface");
    let hint = format!("{hint}; or `## {}: none` when nothing is called from outside", part.title());
    Some(problem(line, Some(part), Fault::Missing, what, &hint))
}

fn contents(part: Part) -> &'static str {
    match part {
        Part::Task => "what to build with what",
        Part::Data => "every model: named fields with their types",
        Part::Api => "every route, signature or command line, each with its result",
        Part::Algorithm => "the numbered steps, each a full sentence",
        Part::Rules => "what holds everywhere, and what happens on each error",
    }
}

/// The line that speaks of an interface, outside of the section for it. What says `none` is believed unless there is one to see.
fn interface(contract: &Contract<'_>, is_denied: bool) -> Option<usize> {
    let outside = |part: Part| move |section: &&Section<'_>| section.part != Some(part);
    let of_others = contract.sections.iter().filter(outside(Part::Api));
    let sure = api::sure_interface(
        before(contract).iter().chain(of_others.flat_map(|section| contract.body(section))),
    );
    if sure.is_some() || is_denied {
        return sure;
    }
    // A model may well have a field named `method`.
    let of_others = contract.sections.iter().filter(outside(Part::Api)).filter(outside(Part::Data));
    api::likely_interface(before(contract).iter().chain(of_others.flat_map(|section| contract.body(section))))
}

/// The lines before the first section.
fn before<'c, 'a>(contract: &'c Contract<'a>) -> &'c [Line<'a>] {
    &contract.lines[..contract.sections.first().map_or(contract.lines.len(), |section| section.body.start)]
}

/// What a part says, over all sections of that name.
fn section(contract: &Contract<'_>, part: Part, first: &Section<'_>, review: &mut Review) {
    let lines: Vec<Line<'_>> =
        contract.of(part).flat_map(|section| contract.body(section)).copied().collect();
    if lines.iter().all(|line| line::is_bare(line.text)) {
        let what = format!("{} is empty", part.title());
        let hint = format!("write {}", contents(part));
        review.problems.push(problem(first.heading, Some(part), Fault::Empty, what, &hint));
        return;
    }
    match part {
        Part::Data => data_contract(&lines, first.heading, review),
        Part::Api => api_contract(contract, &lines, first.heading, review),
        Part::Algorithm => algorithm(&lines, first.heading, review),
        Part::Rules => rules(contract, &lines, first.heading, review),
        Part::Task => {}
    }
}

fn data_contract(lines: &[Line<'_>], heading: usize, review: &mut Review) {
    review.counts.fields = data::fields(lines);
    if review.counts.fields == 0 {
        let hint = "write each field as `name: type`, in the notation of the language, or as a table with a column for the type";
        review.problems.push(problem(
            heading,
            Some(Part::Data),
            Fault::Vague,
            "no field has a name and a type",
            hint,
        ));
    }
}

fn api_contract(contract: &Contract<'_>, lines: &[Line<'_>], heading: usize, review: &mut Review) {
    let entries = api::entries(lines);
    review.counts.entries = entries.len();
    if entries.is_empty() {
        if !api::says_none(lines) {
            let hint = "write `POST /tasks -> Task`, `def get(self, key: str) -> int | None`, or `tool [--out FILE] INPUT` with its output and exit codes";
            review.problems.push(problem(
                heading,
                Some(Part::Api),
                Fault::Vague,
                "no route, signature or command line",
                hint,
            ));
        } else if let Some(line) = interface(contract, true) {
            let what = "API CONTRACT says that there is none, and this line shows an interface";
            let hint = format!("write {} there", contents(Part::Api));
            review.problems.push(problem(line, Some(Part::Api), Fault::Vague, what, &hint));
        }
        return;
    }
    for Entry { line, form, .. } in entries.into_iter().filter(|entry| !entry.has_result) {
        let (what, hint) = match form {
            api::Form::Route => (
                "this route does not say what it returns",
                "add `-> Result` with the model, or the status code",
            ),
            api::Form::Signature => (
                "this signature does not say what it returns",
                "add the type of the result, also when it is nothing",
            ),
            api::Form::Usage => {
                ("this command line does not say what comes out", "say what it prints, and its exit codes")
            }
        };
        review.problems.push(problem(line, Some(Part::Api), Fault::Vague, what, hint));
    }
}

fn algorithm(lines: &[Line<'_>], heading: usize, review: &mut Review) {
    let found = steps::steps(lines);
    review.counts.steps = found.len();
    if found.len() < FEWEST_STEPS {
        let what = if found.is_empty() { "the steps are not numbered" } else { "there is only one step" };
        let hint = "write `1.`, `2.`, ... and in each what is done with which field, edge cases included";
        review.problems.push(problem(heading, Some(Part::Algorithm), Fault::Vague, what, hint));
    }
    for step in found.into_iter().filter(|step| step.is_short()) {
        let hint = "say what is done with which field, and what follows from it";
        review.problems.push(problem(
            step.line,
            Some(Part::Algorithm),
            Fault::Vague,
            "this step is no sentence",
            hint,
        ));
    }
}

fn rules(contract: &Contract<'_>, lines: &[Line<'_>], heading: usize, review: &mut Review) {
    review.counts.rules = steps::rules(lines);
    if review.counts.rules == 0 {
        let hint = "write one rule to an item: `- Store everything in memory`";
        review.problems.push(problem(heading, Some(Part::Rules), Fault::Vague, "there is no rule", hint));
        return;
    }
    // `## ERRORS` beside the rules says it as well.
    let on_errors = |section: &&Section<'_>| section.part.is_none() && holds(section.name, &ERRORS);
    let beside = contract
        .sections
        .iter()
        .filter(on_errors)
        .find_map(|section| steps::error_statement(contract.body(section)));
    if steps::error_statement(lines).is_none() && beside.is_none() {
        let what = "no rule says what happens on an error";
        let hint = "name the case and the answer: `Return 404 for an unknown id`, `raise ValueError when n < 1`, `exit 2 on bad usage`";
        review.problems.push(problem(heading, Some(Part::Rules), Fault::Vague, what, hint));
    }
}

/// Headings that stand twice.
fn twice(contract: &Contract<'_>, review: &mut Review) {
    for (at, section) in contract.sections.iter().enumerate() {
        let is_same = |other: &Section<'_>| other.part == section.part && other.name == section.name;
        // Few sections have a part, so the first of that name is near.
        if section.part.is_some() && contract.sections[..at].iter().any(is_same) {
            let what = "this heading stands twice";
            let hint = "put both sections into one, and see that they do not contradict each other";
            review.problems.push(problem(section.heading, section.part, Fault::Twice, what, hint));
        }
    }
}

/// What nobody filled in, one to a line.
fn placeholders(contract: &Contract<'_>, review: &mut Review) {
    let mut sections = contract.sections.iter().peekable();
    let mut part = Some(Part::Task);
    for (at, line) in contract.lines.iter().enumerate() {
        if let Some(section) = sections.next_if(|section| section.body.start == at) {
            part = section.part;
        }
        if let Some(left) = placeholder(line) {
            let hint = "write what belongs there, or remove the line";
            review.problems.push(problem(
                line.number,
                part,
                Fault::Placeholder,
                format!("{left} is left to be filled in"),
                hint,
            ));
        }
    }
}

/// Cuts the list at [`MOST_PROBLEMS`] and says how many are not in it.
fn shorten(problems: &mut Vec<Problem>) {
    let Some(next) = problems.get(MOST_PROBLEMS) else { return };
    let what = format!("{} more problems from here on", problems.len() - MOST_PROBLEMS);
    let more = Problem { what, hint: "mend those above first".to_owned(), ..next.clone() };
    let is_error = problems[MOST_PROBLEMS..].iter().any(|problem| problem.severity == Severity::Error);
    problems.truncate(MOST_PROBLEMS);
    problems.push(Problem { severity: if is_error { Severity::Error } else { Severity::Warning }, ..more });
}

fn problem(line: usize, section: Option<Part>, fault: Fault, what: impl Into<String>, hint: &str) -> Problem {
    Problem { line, section, severity: Severity::Error, fault, what: what.into(), hint: hint.to_owned() }
}
