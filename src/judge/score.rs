//! From what was measured and answered to five scores: which answers count, and the arithmetic of the tables. Pure; looks at
//! one candidate at a time, and at the size of the smallest.

use std::collections::BTreeSet;

use serde::Serialize;

use super::facts::{Facts, Finding, Kind, Line};
use super::items::{Criterion, JUSTIFIED, all, rules};
use super::place::find;
use super::sheet::{Answer, CandidateAnswers, Claim, Named, Raised, Severity};

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// The binary measured it; no answer changes it.
    Measured,
    /// Somebody read the code.
    Read,
    /// Nobody answered it, or the answer is void.
    Nobody,
}

/// An item as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The item's id.
    pub id: &'static str,
    /// What it belongs to.
    pub criterion: Criterion,
    /// The answer that counts.
    pub answer: Option<Answer>,
    /// Whose it is.
    pub from: From,
    /// `file:line`, when it has one.
    pub place: String,
    /// In a sentence.
    pub why: String,
    /// Why an answer was void or overruled.
    pub note: Option<String>,
}

/// A flag, a place in a list or an issue, as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pointed {
    /// Id of the flag; empty in lists.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub id: &'static str,
    /// How bad, for flags and issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// `file:line`.
    pub place: String,
    /// In a sentence.
    pub why: String,
    /// Why it does not count.
    pub void: Option<String>,
}

/// What was measured outside the candidate's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outside {
    /// The tests ran, and whether all of them passed.
    pub tests_pass: Option<bool>,
    /// The race looked for everything that the design names, and whether it is there.
    pub adheres: Option<bool>,
    /// Code lines of the smallest candidate that passes.
    pub smallest: Option<u32>,
}

/// One criterion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// 1 to 5; none when nothing answered or measured any of its items.
    pub score: Option<u8>,
    /// Items that were answered or measured, `na` included.
    pub answered: u32,
    /// All its items.
    pub of: u32,
    /// Items or violations that the table was entered with, scaled when some did not apply; percent for complexity.
    pub points: Option<u32>,
    /// It stands on less than half of its items, and nobody read any: it is shown, and does not eliminate.
    pub provisional: bool,
}

/// Lines that need not be there, and what they are part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Bloat {
    /// Code lines of the candidate.
    pub code_lines: u32,
    /// Never used or never reached.
    pub dead: u32,
    /// Copies, without what is dead.
    pub duplicated: u32,
    /// Abstractions that nothing needs, without what is dead or copied.
    pub abstractions: u32,
    /// More than the smallest candidate that passes.
    pub extra: u32,
    /// What of that counts: an answer says that it is not justified, and the lines are not among those above.
    pub extra_counted: u32,
    /// All that counts.
    pub lines: u32,
}

/// All about one candidate that does not depend on the others but for the smallest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// By criterion, in their order.
    pub scored: [Scored; 5],
    /// Every item.
    pub items: Vec<Settled>,
    /// Flags that were answered.
    pub flags: Vec<Pointed>,
    /// Abstractions that were named; none when nobody looked.
    pub abstractions: Option<Vec<Pointed>>,
    /// Bad names; none when nobody looked.
    pub bad_names: Option<Vec<Pointed>>,
    /// What fresh eyes found.
    pub issues: Vec<Pointed>,
    /// How complexity was counted.
    pub bloat: Bloat,
    /// Violations of readability.
    pub violations: u32,
}

impl Sheet {
    /// The score of a criterion.
    pub fn score(&self, criterion: Criterion) -> Option<u8> {
        self.scored[criterion as usize].score
    }
}

/// Fills in the sheet of one candidate.
pub fn score(facts: &Facts, outside: Outside, answers: Option<&CandidateAnswers>) -> Sheet {
    let nothing = CandidateAnswers::default();
    let answers = answers.unwrap_or(&nothing);
    let items: Vec<Settled> =
        all().map(|(criterion, id, _)| settle(criterion, id, facts, outside, answers)).collect();
    let flags = rules().robustness.flags.iter().filter_map(|flag| {
        let raised = answers.flags.get(&flag.id)?;
        Some(pointed(flag.id.as_str(), raised, facts))
    });
    let flags: Vec<Pointed> = flags.collect();
    let listed = |named: &Option<Vec<Named>>| {
        named.as_ref().map(|named| named.iter().map(|named| listed(named, facts)).collect::<Vec<_>>())
    };
    let abstractions = listed(&answers.abstractions);
    let bad_names = listed(&answers.bad_names);
    let bloat = bloat(facts, outside, abstractions.as_deref(), &items);
    let violations = violations(facts, bad_names.as_deref());
    let scored = [
        answered(&items, Criterion::Fitness, &rules().fitness.table),
        complexity(facts, &bloat, abstractions.is_some(), &items),
        readability(facts, violations, bad_names.is_some()),
        robustness(&items, &flags),
        answered(&items, Criterion::Maintainability, &rules().maintainability.table),
    ];
    let issues = answers.issues.iter().map(|issue| pointed("", issue, facts)).collect();
    Sheet { scored, items, flags, abstractions, bad_names, issues, bloat, violations }
}

fn settle(
    criterion: Criterion,
    id: &'static str,
    facts: &Facts,
    outside: Outside,
    answers: &CandidateAnswers,
) -> Settled {
    let claim = answers.items.get(id);
    if let Some((answer, place, why)) = measured(id, facts, outside) {
        let overruled = claim.filter(|claim| claim.answer != answer);
        let note = overruled.map(|_| "an answer says otherwise; what was measured counts".to_owned());
        return Settled { id, criterion, answer: Some(answer), from: From::Measured, place, why, note };
    }
    let nobody = Settled {
        id,
        criterion,
        answer: None,
        from: From::Nobody,
        place: String::new(),
        why: String::new(),
        note: None,
    };
    let Some(Claim { answer, place, why }) = claim else { return nobody };
    let void = if *answer == Answer::Na { None } else { find(facts, place).err() };
    match void {
        Some(why) => Settled { note: Some(format!("void: {why}")), ..nobody },
        None => Settled {
            answer: Some(*answer),
            from: From::Read,
            place: place.clone(),
            why: why.clone(),
            ..nobody
        },
    }
}

/// What the binary knows of an item: answer, place and reason.
fn measured(id: &str, facts: &Facts, outside: Outside) -> Option<(Answer, String, String)> {
    let answer = |yes| if yes { Answer::Yes } else { Answer::No };
    let found = |kind| {
        let finding: &Finding = facts.first(kind)?;
        Some((Answer::No, format!("{}:{}", finding.path, finding.line), finding.what.clone()))
    };
    match id {
        "works" => outside.tests_pass.map(|yes| (answer(yes), String::new(), "the tests ran".to_owned())),
        "complete" => outside
            .adheres
            .map(|yes| (answer(yes), String::new(), "what the design names was looked for".to_owned())),
        "bounded-loops" => found(Kind::EndlessLoop),
        "no-globals" => found(Kind::MutableGlobal),
        _ => None,
    }
}

fn pointed(id: &'static str, raised: &Raised, facts: &Facts) -> Pointed {
    let Raised { severity, place, why } = raised;
    let void = if *severity == Severity::None { None } else { find(facts, place).err() };
    Pointed { id, severity: Some(*severity), place: place.clone(), why: why.clone(), void }
}

fn listed(named: &Named, facts: &Facts) -> Pointed {
    let void = find(facts, &named.place).err();
    Pointed { id: "", severity: None, place: named.place.clone(), why: named.why.clone(), void }
}

/// Yes answers of those that apply, scaled to all items, through the table.
fn answered(items: &[Settled], criterion: Criterion, table: &[(u32, u8)]) -> Scored {
    let items: Vec<&Settled> = items.iter().filter(|item| item.criterion == criterion).collect();
    let count = |answer| items.iter().filter(|item| item.answer == Some(answer)).count() as u32;
    let (yes, no, na) = (count(Answer::Yes), count(Answer::No), count(Answer::Na));
    let of = items.len() as u32;
    let points = (yes + no > 0).then(|| yes * of / (yes + no));
    let score =
        points.and_then(|points| table.iter().find(|(least, _)| points >= *least).map(|(_, score)| *score));
    let was_read = items.iter().any(|item| item.from == From::Read);
    let answered = yes + no + na;
    Scored { score, answered, of, points, provisional: !was_read && answered * 2 < of }
}

fn robustness(items: &[Settled], flags: &[Pointed]) -> Scored {
    let rules = &rules().robustness;
    let scored = answered(items, Criterion::Robustness, &rules.table);
    let severities = flags.iter().filter(|flag| flag.void.is_none()).filter_map(|flag| flag.severity);
    let worst = severities.max().unwrap_or(Severity::None);
    let cap = match worst {
        Severity::None => return scored,
        Severity::Minor => rules.caps.minor,
        Severity::Major => rules.caps.major,
        Severity::Critical => rules.caps.critical,
    };
    Scored { score: Some(scored.score.unwrap_or(cap).min(cap)), provisional: false, ..scored }
}

/// Violations that were measured, and names that somebody finds bad, each place once.
fn violations(facts: &Facts, bad_names: Option<&[Pointed]>) -> u32 {
    let measured = facts.findings.iter().filter(|finding| finding.kind.hurts_readability()).count();
    let valid = bad_names.unwrap_or_default().iter().filter(|name| name.void.is_none());
    let places: BTreeSet<_> = valid
        .filter_map(|name| find(facts, &name.place).ok())
        .map(|place| (place.file.path.as_str(), place.first))
        .collect();
    (measured + places.len()) as u32
}

fn readability(facts: &Facts, violations: u32, names_read: bool) -> Scored {
    let rules = &rules().readability;
    let answered = u32::from(facts.parsed) * 4 + u32::from(names_read);
    let points = (answered > 0).then_some(violations);
    let score = points.map(|points| {
        rules.up_to.iter().find(|(most, _)| points <= *most).map_or(rules.over, |(_, score)| *score)
    });
    Scored { score, answered, of: 5, points, provisional: false }
}

fn bloat(facts: &Facts, outside: Outside, abstractions: Option<&[Pointed]>, items: &[Settled]) -> Bloat {
    let mut seen = facts.lines_of(Kind::Dead);
    let dead = seen.len() as u32;
    let duplicated = add(&mut seen, facts.lines_of(Kind::Duplicate));
    let places = abstractions.unwrap_or_default().iter().filter(|place| place.void.is_none());
    let needless = places.filter_map(|place| find(facts, &place.place).ok()).flat_map(|place| {
        let (first, last) = place.whole();
        facts.code_lines_in(&place.file.path, first, last)
    });
    let abstractions = add(&mut seen, needless.collect());
    let named = seen.len() as u32;
    let extra = outside.smallest.map_or(0, |smallest| facts.code_lines.saturating_sub(smallest));
    let unjustified = items.iter().any(|item| item.id == JUSTIFIED && item.answer == Some(Answer::No));
    // What is dead or copied already explains as many lines of the difference.
    let extra_counted = if unjustified { extra.saturating_sub(named) } else { 0 };
    let lines = named + extra_counted;
    Bloat { code_lines: facts.code_lines, dead, duplicated, abstractions, extra, extra_counted, lines }
}

/// Adds lines; answers how many were new.
fn add<'a>(seen: &mut BTreeSet<Line<'a>>, lines: BTreeSet<Line<'a>>) -> u32 {
    let before = seen.len();
    seen.extend(lines);
    (seen.len() - before) as u32
}

fn complexity(facts: &Facts, bloat: &Bloat, abstractions_read: bool, items: &[Settled]) -> Scored {
    let rules = &rules().complexity;
    let justified = items.iter().any(|item| item.id == JUSTIFIED && item.answer.is_some());
    let answered = u32::from(facts.parsed) * 2 + u32::from(abstractions_read) + u32::from(justified);
    if answered == 0 {
        return Scored { of: 4, ..Scored::default() };
    }
    let rest = u64::from(bloat.code_lines.saturating_sub(bloat.lines));
    let hundredfold = u64::from(bloat.lines) * 100;
    let within = |percent: u32| hundredfold <= u64::from(percent) * rest;
    let score = match bloat.lines {
        0 => rules.none,
        _ if hundredfold < u64::from(rules.below.0) * rest => rules.below.1,
        _ => rules.up_to.iter().find(|(most, _)| within(*most)).map_or(rules.over, |(_, score)| *score),
    };
    let points = hundredfold.checked_div(rest).unwrap_or(hundredfold) as u32;
    Scored { score: Some(score), answered, of: 4, points: Some(points), provisional: false }
}
