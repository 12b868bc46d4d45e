//! `sef explain` and `sef classify`: what the rules make of a text, and why. Reads rules, never the session's memory.

pub(crate) mod bars;
pub mod main_turn;
mod why_not;

use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::classify::matcher::Fired;
use crate::classify::{Before, Role, Source, Tier, Verdict, classify, lexer};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::guidance::family_of;
use crate::handle::prompt::{self, Prompt};
use crate::models::Family;
use crate::rules::approval::{self, State};
use crate::rules::image::{Image, Table};
use crate::rules::policy::Policy;
use crate::rules::{cache, project};

/// Loads the rules and policy as the hook would in the project of the current folder.
pub fn load(env: &Env) -> Result<(Image, Policy)> {
    let (image, _) = cache::image(env, project::root_here(env).as_deref());
    let policy = serde_json::from_str(image.policy_json()).map_err(|error| {
        Error::new("cannot read the compiled policy", error).fix("delete rules.cache in the state folder")
    })?;
    Ok((image, policy))
}

/// Explains one prompt, or the task of a subagent when an agent type is given; with `why_not`, why it is not that tier.
pub fn explain(env: &Env, typed: &str, agent: Option<&str>, why_not: Option<u8>) -> Result<String> {
    let began = Instant::now();
    let (image, policy) = load(env)?;
    let loaded = began.elapsed();
    let (text, note) = match (agent, prompt::read(typed)) {
        (Some(_), _) => (typed, None),
        (None, Prompt::Users(None, text)) => (text, None),
        (None, Prompt::Command(text)) => (text, Some("a slash command: it gets no hint")),
        (None, Prompt::Users(Some(0), text)) => {
            (text, Some("~off: no hint and no changed spawns for this prompt"))
        }
        (None, Prompt::Users(Some(_), text)) => {
            (text, Some("a ~ mark: it decides the tier of this prompt's spawns"))
        }
        (None, Prompt::SlashCommand) => return Ok("a slash command: SEF says nothing\n".to_owned()),
        (None, Prompt::Notification(_)) => {
            return Ok("a background agent's notification: no task of the user's\n".to_owned());
        }
        (None, Prompt::NotTheUsers) => {
            return Ok("not typed by the user (it begins with a tag): SEF says nothing\n".to_owned());
        }
    };
    let source = agent.map_or(Source::User(None), |agent| Source::Subagent { agent, description: "" });
    let table = if agent.is_some() { Table::Task } else { Table::User };
    let began = Instant::now();
    let tokens = lexer::tokens(&image, text, &["@user"]);
    let lexed = began.elapsed();
    let began = Instant::now();
    let verdict = classify(&image, text, source);
    let judged = began.elapsed();
    // A task text is judged below its description, which is empty here.
    let below = format!("\n\n{typed}");
    let text = if agent.is_some() { below.as_str() } else { text };
    let of_project = OfProject::here(env);
    if let Some(asked) = why_not {
        let mut out = heading(&policy, &verdict, note);
        out.push_str(&of_project.note);
        out.push_str(&why_not::page(&image, table, text, &verdict, asked));
        return Ok(out);
    }
    Ok(page(
        &image,
        &policy,
        text,
        &verdict,
        note,
        &Times { table, loaded, lexed, judged, words: tokens.words },
        &of_project,
    ))
}

/// What an explanation says of the project's own rules.
struct OfProject {
    /// A line on whether they count, or nothing.
    note: String,
    /// The ids of those that do.
    ids: Vec<String>,
}

impl OfProject {
    fn here(env: &Env) -> Self {
        let state_dir = env.state_dir.as_deref();
        let root = project::root_here(env);
        let state = root.as_ref().map_or(State::Absent, |root| approval::state_of(state_dir, root));
        let text =
            root.filter(|_| state == State::Applies).and_then(|root| approval::approved(state_dir, &root));
        Self {
            note: state.note().map_or(String::new(), |note| note + "\n"),
            ids: text.and_then(|text| Some(project::parse(&text).ok()?.ids())).unwrap_or_default(),
        }
    }
}

/// Rules that an explanation shows, loudest first.
const MAX_SHOWN: usize = 18;
/// Widths of a rule's name and of what it matched, so that a line has at most 100 characters.
const NAME: usize = 26;
const MATCHED: usize = 33;

struct Times {
    table: Table,
    loaded: Duration,
    lexed: Duration,
    judged: Duration,
    words: usize,
}

fn heading(policy: &Policy, verdict: &Verdict, note: Option<&str>) -> String {
    let mut out = String::new();
    let model = family_of(policy, verdict.tier).map_or("", Family::title);
    let _ = writeln!(
        out,
        "tier {} {}{}  role {}  confidence {:.2}{}",
        verdict.tier.number(),
        model,
        if verdict.tier == Tier::None { "(no task)" } else { "" },
        verdict.role,
        verdict.confidence,
        if verdict.escalated { "  (close call: one tier up)" } else { "" },
    );
    if let Some(note) = note {
        let _ = writeln!(out, "{note}");
    }
    out
}

/// What of the text a rule matched, as a person would quote it.
fn matched(text: &str, hit: &Fired) -> String {
    let piece = text.get(hit.start..hit.end).filter(|piece| !piece.is_empty());
    piece.map_or("the text's form".to_owned(), |piece| bars::clip(&format!("{piece:?}"), MATCHED))
}

fn page(
    image: &Image,
    policy: &Policy,
    text: &str,
    verdict: &Verdict,
    note: Option<&str>,
    times: &Times,
    of_project: &OfProject,
) -> String {
    let mut out = heading(policy, verdict, note);
    out.push_str(&of_project.note);
    let _ = writeln!(out, "\nscores");
    for tier in 0..4 {
        let (score, probability) = (verdict.scores[tier], verdict.probabilities[tier]);
        let line = format!(
            "  tier {tier} {score:>6.2} {:>4.0} % {}",
            probability * 100.0,
            bars::share(probability, 40)
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out.push_str(&rules_that_fired(image, text, verdict, times.table, &of_project.ids));
    if !verdict.parts.is_empty() {
        let _ = writeln!(out, "\nparts");
        let mut earlier = 0..0;
        for (index, part) in verdict.parts.iter().enumerate() {
            let who = part.role.executor().unwrap_or("you");
            if part.after {
                earlier = earlier.end..index;
            }
            let order = match earlier.len() {
                _ if index == 0 => String::new(),
                _ if !part.after => "side by side".to_owned(),
                1 => format!("after part {index}"),
                _ => format!("after parts {}-{index}", earlier.start + 1),
            };
            let _ = writeln!(
                out,
                "  tier {} {:<14} {order:<15} {:?}",
                part.tier.number(),
                who,
                text.get(part.start..part.end).unwrap_or("")
            );
        }
    }
    let _ = writeln!(out, "\nhint at a first prompt, with the orchestrator on {}", policy.orchestrator.model);
    let _ = writeln!(out, "  {}", hint(policy, verdict).unwrap_or_else(|why| format!("none: {why}")));
    let _ = writeln!(
        out,
        "\ntime  rules {} us, words {} us ({} words), verdict {} us",
        times.loaded.as_micros(),
        times.lexed.as_micros(),
        times.words,
        times.judged.as_micros()
    );
    out
}

/// How the scores came about: what each rule adds to each tier, so that a column adds up to the tier's score.
fn rules_that_fired(
    image: &Image,
    text: &str,
    verdict: &Verdict,
    table: Table,
    of_project: &[String],
) -> String {
    let tiers: String = (0..4).map(|tier| format!("{:<1$}", format!("tier {tier}"), bars::COLUMN)).collect();
    let mut out = format!("\n{:<28} {tiers}each sign is 0.1 points\n", "rules that fired");
    let mut row = |name: &str, weights: [f32; 4], found: &str| {
        let line = format!("  {:<NAME$} {}{found}", bars::clip(name, NAME), bars::row(weights));
        let _ = writeln!(out, "{}", line.trim_end());
    };
    row("(starting scores)", image.bias(table), "");
    let spread = |hit: &Fired| {
        let scores = image.weights(hit.rule, table);
        scores.iter().copied().fold(f32::MIN, f32::max) - scores.iter().copied().fold(f32::MAX, f32::min)
    };
    let mut loudest: Vec<&Fired> = verdict.fired.iter().collect();
    loudest.sort_by(|a, b| spread(b).total_cmp(&spread(a)));
    let quiet = loudest.split_off(loudest.len().min(MAX_SHOWN));
    for hit in loudest {
        let id = image.rule(hit.rule).id;
        let is_projects = of_project.iter().any(|own| own == id);
        let found = matched(text, hit) + if is_projects { "  (project)" } else { "" };
        row(id, image.weights(hit.rule, table), &found);
    }
    if !quiet.is_empty() {
        let sum = |tier: usize| quiet.iter().map(|hit| image.weights(hit.rule, table)[tier]).sum();
        row(&format!("({} more, together)", quiet.len()), std::array::from_fn(sum), "");
    }
    out
}

/// The hint that a first prompt of a session would get, or why there is none.
fn hint(policy: &Policy, verdict: &Verdict) -> std::result::Result<String, &'static str> {
    let family = Family::of(&policy.orchestrator.model).unwrap_or(Family::Opus);
    let hint = prompt::worth_saying(policy, verdict)?;
    if prompt::pays(policy, verdict, family) { Ok(hint.text) } else { Err("model-low") }
}

/// One line of `sef classify --jsonl`.
#[derive(Debug, Deserialize)]
pub struct Line {
    id: serde_json::Value,
    prompt: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    subagent_type: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    prev: Option<String>,
    #[serde(default)]
    first: Option<bool>,
}

impl Line {
    /// Whether it is the task text of a subagent.
    pub fn is_task(&self) -> bool {
        self.kind == "subagent"
    }

    /// What a session would remember: nothing at a first prompt, else what the prompt before this one left behind.
    fn before(&self, image: &Image) -> Option<Before> {
        if let Some(prev) = &self.prev {
            let (Prompt::Users(_, text) | Prompt::Command(text)) = prompt::read(prev) else { return None };
            let before = Before { prompts: 1, ..Before::default() };
            return Some(before.after(&classify(image, text, Source::User(None))));
        }
        (self.first == Some(true)).then(Before::default)
    }
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    tier: u8,
    role: &'static str,
    confidence: f32,
    parts: Vec<AnswerPart<'a>>,
    codegen: bool,
    rules: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct AnswerPart<'a> {
    tier: u8,
    role: &'static str,
    after: bool,
    text: &'a str,
}

/// Which of the rules that fired are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Those with an id of their own.
    Named,
    /// Learned phrases too.
    All,
}

/// Lines that are read before they are shared out: large enough to keep two cores busy, small in memory.
const BATCH: usize = 4_096;

/// Classifies JSON lines from a reader to a writer, in order. A bad line is an error that names its number.
pub fn classify_jsonl(
    env: &Env,
    listed: Listed,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<()> {
    let (image, _) = load(env)?;
    let read = |error: std::io::Error| Error::new("cannot read standard input", error);
    let write = |error: std::io::Error| Error::new("cannot write standard output", error);
    let mut number = 0;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        for _ in 0..BATCH {
            let mut line = String::new();
            if input.read_line(&mut line).map_err(read)? == 0 {
                break;
            }
            batch.push(line);
        }
        if batch.is_empty() {
            return output.flush().map_err(write);
        }
        let middle = batch.len().div_ceil(2);
        let (first, second) = batch.split_at(middle);
        let (left, right) = std::thread::scope(|scope| {
            let other = scope.spawn(|| classify_lines(&image, listed, second, number + middle));
            (classify_lines(&image, listed, first, number), other.join())
        });
        output.write_all(left?.as_bytes()).map_err(write)?;
        let right = right.map_err(|_| Error::new("cannot classify the lines", "a worker thread failed"))?;
        output.write_all(right?.as_bytes()).map_err(write)?;
        number += batch.len();
    }
}

fn classify_lines(image: &Image, listed: Listed, lines: &[String], before: usize) -> Result<String> {
    let mut out = String::with_capacity(lines.len() * 120);
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(line).map_err(|error| {
            Error::new("cannot classify a line", format!("line {}: {error}", before + index + 1)).fix(
                "each line is {\"id\": ..., \"prompt\": \"...\"}, with \"kind\": \"subagent\" for task texts",
            )
        })?;
        out.push_str(&serde_json::to_string(&answer(image, listed, &line)).unwrap_or_default());
        out.push('\n');
    }
    Ok(out)
}

/// Judges a line as the hook would, and says which text the parts of the verdict refer to.
pub fn judge_line<'a>(image: &Image, line: &'a Line) -> (Verdict, &'a str) {
    if line.is_task() {
        let source = Source::Subagent {
            agent: line.subagent_type.as_deref().unwrap_or(""),
            description: line.description.as_deref().unwrap_or(""),
        };
        return (classify(image, &line.prompt, source), "");
    }
    match prompt::read(&line.prompt) {
        Prompt::Users(_, text) | Prompt::Command(text) => {
            (classify(image, text, Source::User(line.before(image))), text)
        }
        _ => (no_task(image), ""),
    }
}

fn answer<'a>(image: &'a Image, listed: Listed, line: &'a Line) -> Answer<'a> {
    let (verdict, text) = judge_line(image, line);
    let parts = verdict.parts.iter().map(|part| AnswerPart {
        tier: part.tier.number(),
        role: part.role.name(),
        after: part.after,
        text: text.get(part.start..part.end).unwrap_or(""),
    });
    Answer {
        id: &line.id,
        tier: verdict.tier.number(),
        role: verdict.role.name(),
        confidence: (verdict.confidence * 1_000.0).round() / 1_000.0,
        parts: parts.collect(),
        codegen: verdict.codegen,
        rules: verdict
            .fired
            .iter()
            .filter(|hit| listed == Listed::All || image.is_named(hit.rule))
            .map(|hit| image.rule(hit.rule).id)
            .collect(),
    }
}

/// A prompt that is not the user's, or a slash command.
fn no_task(image: &Image) -> Verdict {
    let mut verdict = classify(image, "", Source::User(None));
    verdict.tier = Tier::None;
    verdict.role = Role::None;
    verdict.confidence = 1.0;
    verdict.probabilities = [1.0, 0.0, 0.0, 0.0];
    verdict
}
