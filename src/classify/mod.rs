//! Decides what a text asks for: tier, role, confidence, parts. Pure: a rule image and a text in, a verdict out.
//! Scores are sums of the weights of the rules that fired; nothing here knows a word of English.

pub mod lexer;
pub mod matcher;
pub mod parts;
pub mod tier;

pub use tier::{Role, Tier};

use crate::rules::image::Image;
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
}

/// What the rules make of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The tier, after escalation for a small margin.
    pub tier: Tier,
    /// Who would do it.
    pub role: Role,
    /// Probability of the tier that won before any escalation, 0-1. Not calibrated yet.
    pub confidence: f32,
    /// Probability of each tier.
    pub probabilities: [f32; 4],
    /// Score of each tier, bias included.
    pub scores: [f32; 4],
    /// The lead was too small, so the verdict is one tier up from the winner.
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
        Source::User => judge(image, text, &["@user"]),
        Source::Subagent { agent, description } => {
            let head = &text[..text.floor_char_boundary(TASK_HEAD)];
            let task = format!("{description}\n\n{head}");
            judge(image, &task, &["@subagent", agent_feature(agent)])
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

fn judge(image: &Image, text: &str, features: &[&str]) -> Verdict {
    let tokens = lexer::tokens(image, text, features);
    let fired = matcher::fired(image, &tokens, 0..tokens.list.len(), text);
    let mut verdict = score(image, fired);
    verdict.words = tokens.words;
    verdict.parts = parts::split(image, text, &tokens);
    if let Some(hardest) = verdict.parts.iter().max_by_key(|part| part.tier)
        && hardest.tier > verdict.tier
        && verdict.tier != Tier::None
    {
        verdict.tier = hardest.tier;
        verdict.role = hardest.role;
    }
    verdict
}

/// Turns the rules that fired into a verdict.
pub fn score(image: &Image, fired: Vec<Fired>) -> Verdict {
    let mut scores = image.bias();
    let mut roles = [0.0_f32; Role::ALL.len()];
    let (mut codegen, mut tiny) = (false, false);
    for hit in &fired {
        let rule = image.rule(hit.rule);
        for (score, weight) in scores.iter_mut().zip(rule.weights) {
            *score += weight;
        }
        if let Some(role) = roles.get_mut(usize::from(rule.role)) {
            *role += rule.weights[usize::from(rule.tier.min(3))].max(0.0);
        }
        codegen |= rule.codegen;
        tiny |= rule.tiny;
    }
    let probabilities = softmax(scores, image.temperature());
    let winner = (0..4).rev().max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(2);
    let margin = image.margin();
    let higher = probabilities[winner + 1..].iter().copied().fold(0.0, f32::max);
    let escalated = (1..=2).contains(&winner) && probabilities[winner] - higher < margin[winner - 1];
    let won = Tier::from_number(winner as u8);
    let tier = if escalated { won.escalate() } else { won };
    let role = Role::ALL
        .into_iter()
        .filter(|role| role.tier() == tier && roles[*role as usize] > 0.0)
        .max_by(|a, b| roles[*a as usize].total_cmp(&roles[*b as usize]))
        .unwrap_or_else(|| Role::default_of(tier));
    Verdict {
        tier,
        role,
        confidence: probabilities[winner],
        probabilities,
        scores,
        escalated,
        parts: Vec::new(),
        codegen: codegen && matches!(tier, Tier::Sonnet | Tier::Opus),
        tiny: tiny && tier == Tier::Haiku,
        fired,
        words: 0,
    }
}

fn softmax(scores: [f32; 4], temperature: f32) -> [f32; 4] {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| ((score - top) / temperature).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}
