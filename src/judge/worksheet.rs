//! A judgement as Markdown: gates, a worksheet per candidate with every item and finding, the scorecard, the winner and a
//! skeleton of the reasons, all from the numbers. Names, answers and places come from others and are shown as text only.

use std::fmt::Write as _;

use super::TestCounts;
use super::facts::Kind;
use super::items::{Criterion, all, rules};
use super::rank::{Decided, Judged, Judgement};
use super::score::{From, Pointed, Scored, Settled};
use super::sheet::{Answer, Severity};
use crate::report::text::{excerpt, plural};

/// Most findings of a kind that are listed; their number is always said.
const MOST_LISTED: usize = 20;
/// Longest text from outside, in characters.
const LONGEST: usize = 200;
/// Kinds in the order of the metrics.
const KINDS: [Kind; 8] = [
    Kind::OneLetterName,
    Kind::LongFunction,
    Kind::DeepNesting,
    Kind::MagicNumber,
    Kind::Dead,
    Kind::Duplicate,
    Kind::MutableGlobal,
    Kind::EndlessLoop,
];

/// The whole worksheet.
pub fn markdown(judgement: &Judgement) -> String {
    let mut text = "# Judgement\n\n".to_owned();
    gate_check(judgement, &mut text);
    feasibility(judgement, &mut text);
    for candidate in &judgement.candidates {
        worksheet(candidate, &mut text);
    }
    metrics(judgement, &mut text);
    scorecard(judgement, &mut text);
    hard_gates(judgement, &mut text);
    let _ = writeln!(text, "## Winner\n\n{}\n", winner(judgement));
    rationale(judgement, &mut text);
    trade_offs(judgement, &mut text);
    text
}

/// Who won and what settled it, in a sentence or two.
pub fn winner(judgement: &Judgement) -> String {
    let Some(winner) = &judgement.winner else {
        return match judgement.decided_by {
            Decided::Tie => format!("No winner: nothing tells {} apart.", list(&judgement.tie)),
            _ => "No winner: every candidate is eliminated.".to_owned(),
        };
    };
    let close = rules().gates.close;
    let why = match judgement.decided_by {
        Decided::OnlyOneLeft => "it is the only one that passes the gates".to_owned(),
        Decided::FitnessGap => {
            let gate = &judgement.gates.fitness;
            format!("{} behind in fitness: {}", list(&gate.behind), gate.reading.unwrap_or_default())
        }
        Decided::Total => format!("the highest total, by more than {close}"),
        Decided::Repairs => format!("within {close} of the best total, with the fewest repair rounds"),
        Decided::Calls => format!("within {close} of the best total, with the fewest hosted calls"),
        Decided::GenerationTime => {
            format!("within {close} of the best total, with the least generation time")
        }
        Decided::HigherTotal => "the higher total, as effort does not tell the best apart".to_owned(),
        Decided::CodeLines => "the same total and effort as the next best, with fewer code lines".to_owned(),
        Decided::NobodyLeft | Decided::Tie => String::new(),
    };
    format!("Winner: {}: {why}.", safe(winner))
}

fn gate_check(judgement: &Judgement, text: &mut String) {
    text.push_str("## Gate check\n\n| candidate | tests | other gates | same as |\n|---|---|---|---|\n");
    for candidate in &judgement.candidates {
        let tests = tests(candidate);
        let gates = candidate.race_gates.iter().map(|gate| {
            let verdict = if gate.passed { "passed" } else { "failed" };
            format!("{} {verdict}: {}", safe(&gate.name), safe(&gate.why))
        });
        let gates = gates.collect::<Vec<_>>().join("; ");
        let same = candidate.duplicate_of.as_deref().map_or("-".to_owned(), safe);
        let _ = writeln!(text, "| {} | {tests} | {} | {same} |", safe(&candidate.name), or_dash(&gates));
    }
    text.push('\n');
    for pair in &judgement.similarity {
        let same = if pair.same { ": counted as one" } else { "" };
        let _ = writeln!(
            text,
            "- {} and {}: {:.1} % alike{same}",
            safe(&pair.one),
            safe(&pair.other),
            pair.percent
        );
    }
    text.push('\n');
}

/// How a candidate's tests ended, in a cell.
pub fn tests(candidate: &Judged) -> String {
    let Some(tests) = candidate.tests else { return "not run".to_owned() };
    let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    let verdict = if tests.pass() { "pass" } else { "FAIL" };
    format!("{verdict}, {} passed, {} failed", count(tests.passed), count(tests.failed))
}

fn feasibility(judgement: &Judgement, text: &mut String) {
    text.push_str("## Feasibility\n\n");
    let mut any = false;
    for candidate in &judgement.candidates {
        for flag in &candidate.sheet.flags {
            any = true;
            let name = safe(&candidate.name);
            let asks = rules()
                .robustness
                .flags
                .iter()
                .find(|known| known.id == flag.id)
                .map_or("", |known| &known.asks);
            let _ = writeln!(text, "- {name}: {} ({asks}) {}", flag.id, said(flag));
        }
    }
    text.push_str(if any { "\n" } else { "Nobody answered the flags.\n\n" });
}

fn worksheet(candidate: &Judged, text: &mut String) {
    let _ = writeln!(text, "## Worksheet: {}\n", safe(&candidate.name));
    if let Some(original) = &candidate.duplicate_of {
        let _ = writeln!(text, "Not judged again: the same as {}.\n", safe(original));
    }
    for criterion in Criterion::ALL {
        let scored = &candidate.sheet.scored[criterion as usize];
        let _ = writeln!(text, "### {}: {}\n", title(criterion), headline(criterion, scored));
        match criterion {
            Criterion::Complexity => complexity(candidate, text),
            Criterion::Readability => readability(candidate, text),
            _ => {}
        }
        for item in candidate.sheet.items.iter().filter(|item| item.criterion == criterion) {
            let _ = writeln!(text, "- {}", item_line(item));
        }
        text.push('\n');
    }
    if !candidate.sheet.issues.is_empty() {
        text.push_str("### Fresh eyes (no score)\n\n");
        for issue in &candidate.sheet.issues {
            let _ = writeln!(text, "- {}", said(issue));
        }
        text.push('\n');
    }
    for note in &candidate.facts.notes {
        let _ = writeln!(text, "- note: {}", safe(note));
    }
    if !candidate.facts.notes.is_empty() {
        text.push('\n');
    }
}

fn headline(criterion: Criterion, scored: &Scored) -> String {
    let Scored { score, answered, of, points, provisional } = scored;
    let Some(score) = score else { return format!("no score ({answered} of {of} answered)") };
    let points = points.unwrap_or(0);
    let how = match criterion {
        Criterion::Complexity => format!("{points} % that need not be there"),
        Criterion::Readability => plural(points, "violation"),
        _ => format!("{points} of {of} after scaling"),
    };
    let provisional = if *provisional { "; too little for the gates" } else { "" };
    format!("{score} ({how}; {answered} of {of} answered{provisional})")
}

fn item_line(item: &Settled) -> String {
    let asks = all().find(|(_, id, _)| *id == item.id).map_or("", |(_, _, asks)| asks);
    let answer = match item.answer {
        Some(Answer::Yes) => "yes",
        Some(Answer::No) => "no",
        Some(Answer::Na) => "na",
        None => "not answered",
    };
    let mut line = format!("{}: **{answer}**", item.id);
    if item.from == From::Measured {
        line.push_str(" (measured)");
    }
    for part in [&item.place, &item.why].into_iter().filter(|part| !part.is_empty()) {
        let _ = write!(line, ", {}", safe(part));
    }
    if let Some(note) = &item.note {
        let _ = write!(line, " [{}]", safe(note));
    }
    format!("{line}. {asks}")
}

fn complexity(candidate: &Judged, text: &mut String) {
    let bloat = &candidate.sheet.bloat;
    let _ = writeln!(
        text,
        "- {} of code; {} need not be there: {} dead, {} duplicated, {} in needless abstractions, {} of {} extra over the \
         smallest that passes",
        plural(bloat.code_lines, "line"),
        bloat.lines,
        bloat.dead,
        bloat.duplicated,
        bloat.abstractions,
        bloat.extra_counted,
        bloat.extra,
    );
    for place in candidate.sheet.abstractions.iter().flatten() {
        let _ = writeln!(text, "- needless abstraction: {}", said(place));
    }
    findings(candidate, &[Kind::Dead, Kind::Duplicate], text);
}

fn readability(candidate: &Judged, text: &mut String) {
    for place in candidate.sheet.bad_names.iter().flatten() {
        let _ = writeln!(text, "- bad name: {}", said(place));
    }
    findings(candidate, &KINDS[..4], text);
}

fn findings(candidate: &Judged, kinds: &[Kind], text: &mut String) {
    for kind in kinds {
        let found = candidate.facts.findings.iter().filter(|finding| finding.kind == *kind);
        for finding in found.clone().take(MOST_LISTED) {
            let place = format!("{}:{}", finding.path, finding.line);
            let _ = writeln!(text, "- {}: {}, {}", kind.in_words(), safe(&place), safe(&finding.what));
        }
        let more = found.count().saturating_sub(MOST_LISTED);
        if more > 0 {
            let _ = writeln!(text, "- {}: {more} more", kind.in_words());
        }
    }
}

/// A flag, a listed place or an issue: severity, place, reason, and why it does not count.
fn said(pointed: &Pointed) -> String {
    let severity = pointed.severity.map(|severity| match severity {
        Severity::None => "none",
        Severity::Minor => "minor",
        Severity::Major => "major",
        Severity::Critical => "critical",
    });
    let parts = [severity.unwrap_or_default(), &pointed.place, &pointed.why];
    let text =
        parts.iter().filter(|part| !part.is_empty()).map(|part| safe(part)).collect::<Vec<_>>().join(", ");
    match &pointed.void {
        Some(why) => format!("{text} [void: {}]", safe(why)),
        None => text,
    }
}

fn metrics(judgement: &Judgement, text: &mut String) {
    text.push_str("## Metrics\n\n| |");
    row(judgement, text, |candidate| safe(&candidate.name));
    text.push_str("|---|");
    row(judgement, text, |_| "---:".to_owned());
    text.push_str("| code lines |");
    row(judgement, text, |candidate| candidate.facts.code_lines.to_string());
    text.push_str("| functions |");
    row(judgement, text, |candidate| candidate.facts.functions.to_string());
    text.push_str("| longest function |");
    row(judgement, text, |candidate| candidate.facts.longest_function.to_string());
    text.push_str("| deepest nesting |");
    row(judgement, text, |candidate| candidate.facts.deepest.to_string());
    for kind in KINDS {
        let _ = write!(text, "| {} |", kind.in_words());
        row(judgement, text, |candidate| {
            candidate.facts.findings.iter().filter(|finding| finding.kind == kind).count().to_string()
        });
    }
    let figure = |figure: Option<u64>| figure.map_or("-".to_owned(), |figure| figure.to_string());
    text.push_str("| repair rounds |");
    row(judgement, text, |candidate| figure(candidate.effort.repairs));
    text.push_str("| hosted calls |");
    row(judgement, text, |candidate| figure(candidate.effort.calls));
    text.push_str("| generation, ms |");
    row(judgement, text, |candidate| figure(candidate.effort.generation_ms));
    text.push('\n');
}

fn row(judgement: &Judgement, text: &mut String, cell: impl Fn(&Judged) -> String) {
    let cells: Vec<String> = judgement.candidates.iter().map(cell).collect();
    let _ = writeln!(text, " {} |", cells.join(" | "));
}

fn scorecard(judgement: &Judgement, text: &mut String) {
    text.push_str("## Scorecard\n\n| criterion |");
    row(judgement, text, |candidate| safe(&candidate.name));
    text.push_str("|---|");
    row(judgement, text, |_| "---:".to_owned());
    for criterion in Criterion::ALL {
        let _ = write!(text, "| {} |", title(criterion));
        row(judgement, text, |candidate| score(candidate.sheet.score(criterion)));
    }
    text.push_str("| total |");
    row(judgement, text, |candidate| score(candidate.total));
    let compared: Vec<&str> = judgement.compared.iter().map(|criterion| criterion.name()).collect();
    let _ = writeln!(text, "\nThe totals are over {}.\n", or_dash(&compared.join(", ")));
}

/// A score in a cell.
pub fn score(score: Option<impl ToString>) -> String {
    score.map_or("-".to_owned(), |score| score.to_string())
}

fn hard_gates(judgement: &Judgement, text: &mut String) {
    text.push_str("## Hard gates\n\n");
    for candidate in judgement.candidates.iter().filter(|candidate| candidate.eliminated) {
        let _ = writeln!(text, "- {}: eliminated: {}", safe(&candidate.name), list(&candidate.reasons));
    }
    if let Some(reading) = judgement.gates.fitness.reading {
        let best = score(judgement.gates.fitness.best);
        let _ =
            writeln!(text, "- fitness gap to {best}: {}: {reading}", list(&judgement.gates.fitness.behind));
    }
    if judgement.candidates.iter().all(|candidate| !candidate.eliminated) {
        text.push_str("- nobody is eliminated\n");
    }
    text.push('\n');
}

fn rationale(judgement: &Judgement, text: &mut String) {
    let Some(winner) = chosen(judgement) else { return };
    text.push_str("## Rationale\n\n");
    for criterion in Criterion::ALL {
        let Some(own) = winner.sheet.score(criterion) else { continue };
        let others = others(judgement, winner)
            .filter_map(|other| Some(format!("{} {}", safe(&other.name), other.sheet.score(criterion)?)));
        let others = others.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "- {}: {own}; {}", title(criterion), or_dash(&others));
    }
    text.push('\n');
}

fn trade_offs(judgement: &Judgement, text: &mut String) {
    if chosen(judgement).is_none() {
        return;
    }
    text.push_str("## What the others did better\n\n");
    let lines = better_elsewhere(judgement);
    for line in &lines {
        let _ = writeln!(text, "- {line}");
    }
    text.push_str(if lines.is_empty() { "- nothing, by these numbers\n\n" } else { "\n" });
}

/// What the others did better than the winner, from the numbers, one sentence each.
pub fn better_elsewhere(judgement: &Judgement) -> Vec<String> {
    let Some(winner) = chosen(judgement) else { return Vec::new() };
    let of = |other: &Judged| -> Vec<String> {
        better(winner, other).iter().map(|better| format!("{}: {better}", safe(&other.name))).collect()
    };
    // What fails its tests is not smaller, but unfinished.
    others(judgement, winner).filter(|other| other.tests.is_none_or(TestCounts::pass)).flat_map(of).collect()
}

fn better(winner: &Judged, other: &Judged) -> Vec<String> {
    let mut parts = Vec::new();
    for criterion in Criterion::ALL {
        if let (Some(theirs), Some(own)) = (other.sheet.score(criterion), winner.sheet.score(criterion))
            && theirs > own
        {
            parts.push(format!("{} {theirs}, the winner {own}", criterion.name()));
        }
    }
    let (theirs, own) = (&other.facts, &winner.facts);
    if 0 < theirs.code_lines && theirs.code_lines < own.code_lines {
        parts.push(format!("{} fewer code lines", own.code_lines - theirs.code_lines));
    }
    let yes = |judged: &Judged, id: &str| {
        judged.sheet.items.iter().any(|item| item.id == id && item.answer == Some(Answer::Yes))
    };
    let no = |judged: &Judged, id: &str| {
        judged.sheet.items.iter().any(|item| item.id == id && item.answer == Some(Answer::No))
    };
    let items = all().filter(|(_, id, _)| yes(other, id) && no(winner, id));
    parts.extend(items.map(|(_, id, asks)| format!("{id}: {asks}")));
    parts
}

fn chosen(judgement: &Judgement) -> Option<&Judged> {
    let winner = judgement.winner.as_ref()?;
    judgement.candidates.iter().find(|candidate| candidate.name == *winner)
}

fn others<'a>(judgement: &'a Judgement, winner: &'a Judged) -> impl Iterator<Item = &'a Judged> {
    judgement.candidates.iter().filter(|candidate| candidate.name != winner.name)
}

fn title(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Fitness => "Fitness",
        Criterion::Complexity => "Justified complexity",
        Criterion::Readability => "Readability",
        Criterion::Robustness => "Robustness",
        Criterion::Maintainability => "Maintainability",
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| safe(name)).collect::<Vec<_>>().join(", ")
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Text from outside: one line, without control characters and without Markdown's and HTML's own signs.
fn safe(text: &str) -> String {
    let mut safe = String::new();
    for c in excerpt(text, LONGEST).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '|' | '[' | ']' | '*' | '#' | '\\' => safe.extend(['\\', c]),
            _ => safe.push(c),
        }
    }
    safe
}
