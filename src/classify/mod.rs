//! Decides what a text asks for: tier, role, confidence, parts. Pure: a rule image and a text in, a verdict out.
//! Scores are sums of the weights of the rules that fired; nothing here knows a word of English.

pub mod clauses;
pub mod lexer;
pub mod matcher;
pub mod parts;
pub mod tier;

pub use tier::{Role, Tier};

use crate::rules::image::{Image, Table};
use matcher::Fired;

/// What kind of text is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A person's prompt.
    User,
    /// The task text of a subagent: its type and short description.
    Subagent {
        /// `subagent_type`; empty means general-purpose.
        agent: &'a str,
        /// The call's description.
        description: &'a str,
    },
}

/// A separable piece of a compound task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Tier of the piece.
    pub tier: Tier,
    /// Who takes it.
    pub role: Role,
    /// Byte range in the text.
    pub start: usize,
    /// See `start`.
    pub end: usize,
    /// It needs what the part before it brings; else the two can run side by side.
    pub after: bool,
}

/// What the rules make of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The tier of least expected cost.
    pub tier: Tier,
    /// Who would do it.
    pub role: Role,
    /// Probability of the tier, 0-1.
    pub confidence: f32,
    /// Probability of each tier.
    pub probabilities: [f32; 4],
    /// Score of each tier, bias included.
    pub scores: [f32; 4],
    /// The tier is higher than the likeliest one, because being too low costs more.
    pub escalated: bool,
    /// Two or more parts when the task is compound, else empty.
    pub parts: Vec<Part>,
    /// A fast hosted code model could write the first draft.
    pub codegen: bool,
    /// An edit so small that a spawn costs more than it saves.
    pub tiny: bool,
    /// The rules that fired, in order of the rule set.
    pub fired: Vec<Fired>,
    /// Number of words that were read as prose.
    pub words: usize,
}

/// Bytes of a subagent's task text that are read: its first lines say what is wanted, a quoted spec follows.
const TASK_HEAD: usize = 1_500;

/// Judges a text.
pub fn classify(image: &Image, text: &str, source: Source<'_>) -> Verdict {
    match source {
        Source::User => {
            let (mut verdict, tokens) = judge_whole(image, Table::User, text, &["@user"]);
            verdict.parts = parts::split(image, text, &tokens);
            // Work that is tier 3 as a whole is not handed out in parts that are all below it.
            if verdict.tier == Tier::Opus && verdict.parts.iter().all(|part| part.tier < Tier::Opus) {
                verdict.parts.clear();
            }
            verdict
        }
        Source::Subagent { agent, description } => {
            let head = &text[..text.floor_char_boundary(TASK_HEAD)];
            let task = format!("{description}\n\n{head}");
            judge_whole(image, Table::Task, &task, &["@subagent", agent_feature(agent)]).0
        }
    }
}

/// The feature that stands for a subagent type in rules.
fn agent_feature(agent: &str) -> &'static str {
    match agent.strip_prefix("sef:").unwrap_or(agent) {
        "" | "general-purpose" => "@agent-general",
        "Explore" => "@agent-explore",
        "Plan" => "@agent-plan",
        "sef-explore" => "@agent-sef-explore",
        "sef-validate" => "@agent-sef-validate",
        "sef-document" => "@agent-sef-document",
        "sef-implement" => "@agent-sef-implement",
        "sef-review" => "@agent-sef-review",
        _ => "@agent-custom",
    }
}

/// Judges a text as one task.
fn judge_whole(image: &Image, table: Table, text: &str, features: &[&str]) -> (Verdict, lexer::Tokens) {
    let tokens = lexer::tokens(image, text, features);
    let fired = matcher::fired(image, &tokens, text);
    let mut verdict = score(image, table, fired);
    verdict.words = tokens.words;
    (verdict, tokens)
}

/// Share of a rule's weight by hand that counts for its role; chosen on the roles of labelled prompts.
const BY_HAND: f32 = 0.15;

/// Turns the rules that fired into a verdict.
pub fn score(image: &Image, table: Table, fired: Vec<Fired>) -> Verdict {
    let mut scores = image.bias(table);
    let mut roles = [0.0_f32; Role::ALL.len()];
    let (mut codegen, mut tiny) = (false, false);
    for hit in &fired {
        let weights = image.weights(hit.rule, table);
        for (score, weight) in scores.iter_mut().zip(weights) {
            *score += weight;
        }
        // A rule speaks for its role as strongly as for its tier, and a little by what its author thought of it.
        let marks = image.marks(hit.rule);
        if let Some(role) = roles.get_mut(usize::from(marks.role)) {
            *role += weights[usize::from(marks.tier)].max(0.0) + BY_HAND * marks.by_hand.max(0.0);
        }
        codegen |= marks.codegen;
        tiny |= marks.tiny;
    }
    let probabilities = softmax(scores, image.temperature());
    let likeliest = (0..4).rev().max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(2);
    let chosen = least_cost(probabilities, image.lean());
    let tier = Tier::from_number(chosen as u8);
    let role = Role::ALL
        .into_iter()
        .filter(|role| role.tier() == tier && roles[*role as usize] > 0.0)
        .max_by(|a, b| roles[*a as usize].total_cmp(&roles[*b as usize]))
        .unwrap_or_else(|| Role::default_of(tier));
    Verdict {
        tier,
        role,
        confidence: probabilities[chosen],
        probabilities,
        scores,
        escalated: chosen > likeliest,
        parts: Vec::new(),
        codegen: codegen && matches!(tier, Tier::Sonnet | Tier::Opus),
        tiny: tiny && tier == Tier::Haiku,
        fired,
        words: 0,
    }
}

/// What a wrong tier costs: 3 for each tier too low (the work is redone), 1 for each too high, silence on a task counts
/// as tier 3, and a word on no task is half an annoyance. Rows are the true tier, columns the chosen one.
pub const COST: [[f32; 4]; 4] =
    [[0.0, 0.5, 0.5, 0.5], [2.0, 0.0, 1.0, 2.0], [1.0, 3.0, 0.0, 1.0], [0.0, 6.0, 3.0, 0.0]];

/// The tier with the least expected cost. `lean` mixes being plainly wrong (0) with [`COST`] (1).
pub fn least_cost(probabilities: [f32; 4], lean: f32) -> usize {
    let cost = |chosen: usize| -> f32 {
        (0..4)
            .map(|truth| {
                let wrong = if truth == chosen { 0.0 } else { 1.0 };
                probabilities[truth] * ((1.0 - lean) * wrong + lean * COST[truth][chosen])
            })
            .sum()
    };
    (0..4).rev().min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(2)
}

fn softmax(scores: [f32; 4], temperature: f32) -> [f32; 4] {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| ((score - top) / temperature).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}
