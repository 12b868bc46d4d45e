//! `result.md` and the summary that a person or Claude reads. Writes from an [`Outcome`] and counts nothing itself.

use std::fmt::Write as _;

use super::outcome::{CRITERIA, Outcome, Runner, Status};
use crate::report::text::{grouped, money, plain, plural};

/// `result.md`, with `papers` as the folder of the plans.
pub fn markdown(outcome: &Outcome, papers: &str) -> String {
    let (title, many, one) = match outcome.kind.as_str() {
        "any-percent" => ("Any%", "Approaches explored", "Variant"),
        _ => ("Showdown", "Runners", "Runner"),
    };
    let mut text = format!("# {title} results: {}\n\n", outcome.feature);
    let _ =
        writeln!(text, "## Design\n\n`{}`, from commit `{}`\n", cell(&outcome.design), short(&outcome.base));
    if let Some(complexity) = &outcome.complexity {
        let _ = writeln!(
            text,
            "Complexity: {}, worth {}.\n",
            complexity.level,
            plural(complexity.runners as u64, "runner")
        );
        for reason in &complexity.reasons {
            let _ = writeln!(text, "- {}", cell(reason));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "## {many}\n");
    let _ = writeln!(
        text,
        "| {one} | Approach | Tests | Review | Lines | LLM calls | Repairs | Score | Result |\n|---|---|---|---|---|---|---|---|---|"
    );
    for runner in &outcome.candidates {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            runner.name,
            cell(runner.approach.as_deref().unwrap_or(&runner.bent)),
            runner.tests(),
            runner.issues(),
            runner.lines.map_or("-".to_owned(), |lines| lines.to_string()),
            runner.spent.calls,
            runner.repairs,
            runner.total.map_or("-".to_owned(), |total| total.to_string()),
            runner.status.word(),
        );
    }
    text.push_str("\n## Plans\n\n");
    for runner in outcome.candidates.iter().filter(|runner| runner.approach.is_some()) {
        let _ = writeln!(text, "- {}: `{papers}/{}/plan.md`", runner.name, runner.name);
    }
    for pair in &outcome.plans_alike {
        let _ =
            writeln!(text, "- {} and {} planned much the same ({:.0} %)", pair.one, pair.other, pair.percent);
    }
    text.push_str("\n## Winner\n\n");
    let _ = writeln!(text, "{}\n", outcome.winner.as_deref().unwrap_or("No winner."));
    for sentence in &outcome.rationale {
        let _ = writeln!(text, "{}\n", cell(sentence));
    }
    if !outcome.trade_offs.is_empty() {
        text.push_str("## What the others did better\n\n");
        for line in &outcome.trade_offs {
            let _ = writeln!(text, "- {}", cell(line));
        }
        text.push('\n');
    }
    text.push_str("## What became of the others\n\n");
    for runner in outcome.candidates.iter().filter(|runner| runner.status != Status::Winner) {
        let _ = writeln!(text, "- {}: {}", runner.name, cell(&runner.why));
    }
    text.push_str("\n## Cost\n\n");
    for line in cost(outcome) {
        let _ = writeln!(text, "- {}", cell(&line));
    }
    if !outcome.notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        for note in &outcome.notes {
            let _ = writeln!(text, "- {}", cell(note));
        }
    }
    text
}

/// What calls, money and time came to.
pub fn cost(outcome: &Outcome) -> Vec<String> {
    let spent = &outcome.spent;
    let mut lines = vec![format!(
        "{} to {}: {} + {} tokens, {}; {:.1} s from start to end",
        plural(u64::from(spent.calls), "call"),
        if spent.model.is_empty() { "no model" } else { &spent.model },
        grouped(spent.usage.prompt),
        grouped(spent.usage.completion),
        spent.cost_usd.map_or("cost unknown".to_owned(), money),
        outcome.ms as f64 / 1e3
    )];
    if !outcome.compare.is_empty() {
        let each: Vec<String> =
            outcome.compare.iter().map(|one| format!("{} {}", one.model, money(one.usd))).collect();
        lines.push(format!(
            "an estimate: the same numbers of tokens at Claude's list prices are {}",
            each.join(", ")
        ));
    }
    lines
}

/// The summary on a terminal.
pub fn text(outcome: &Outcome) -> String {
    let mut lines = vec![format!(
        "{} {} ({}), race {}",
        outcome.kind,
        outcome.feature,
        plural(outcome.candidates.len() as u64, "candidate"),
        outcome.id
    )];
    if let Some(complexity) = &outcome.complexity {
        lines.push(format!("complexity {}: {}", complexity.level, complexity.reasons.join("; ")));
    }
    for runner in &outcome.candidates {
        lines.push(row(runner));
    }
    match &outcome.winner {
        Some(winner) => lines.push(format!("winner: {winner}")),
        None => lines.push("no winner".to_owned()),
    }
    lines.extend(outcome.rationale.iter().map(|sentence| format!("  {}", plain(sentence))));
    lines.extend(outcome.trade_offs.iter().map(|line| format!("  better elsewhere: {}", plain(line))));
    lines.extend(cost(outcome));
    lines.extend(outcome.notes.iter().map(|note| format!("note: {}", plain(note))));
    lines.push(format!("result     {}", outcome.written.result));
    lines.push(format!("worksheet  {}", outcome.written.worksheet));
    lines.push(format!("page       {}", outcome.written.page));
    match (&outcome.promoted, &outcome.winner) {
        (Some(promoted), _) => lines.push(promoted.clone()),
        (None, Some(_)) => {
            lines.push(format!("take it    sef race promote {}", outcome.id));
            lines.push(format!("clear up   sef clean {} --discard all", outcome.id));
        }
        (None, None) => lines.push(format!("clear up   sef clean {} --discard all", outcome.id)),
    }
    lines.join("\n") + "\n"
}

fn row(runner: &Runner) -> String {
    let scores: Vec<String> = CRITERIA
        .iter()
        .zip(runner.scores)
        .filter_map(|(criterion, score)| Some(format!("{} {}", criterion.to_lowercase(), score?)))
        .collect();
    let total =
        runner.total.map_or(String::new(), |total| format!(", total {total} ({})", scores.join(", ")));
    format!(
        "  {:<16} {:<14} tests {}, {}, {}{total}\n  {:<16} {}",
        runner.name,
        runner.status.word(),
        runner.tests(),
        plural(u64::from(runner.repairs), "repair"),
        runner.lines.map_or("no code".to_owned(), |lines| plural(lines, "line")),
        "",
        plain(&runner.why)
    )
}

/// Text in one cell or line of Markdown.
fn cell(text: &str) -> String {
    plain(text).replace('|', "\\|").replace('<', "&lt;")
}

/// A commit as people write it.
fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
