//! Decides what a text asks for: tier, role, confidence, parts. Pure: a rule image and a text in, a verdict out.
//! Scores are sums of the weights of the rules that fired; nothing here knows a word of English.

pub mod before;
pub mod clauses;
pub mod lexer;
pub mod matcher;
pub mod parts;
pub mod tier;
mod typo;

pub use before::Before;
pub use tier::{Role, Tier};

use crate::agents::without_plugin;
use crate::rules::image::{Image, Table};
use matcher::Fired;

/// What kind of text is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// A person's prompt, and what the session remembers; nothing when that is not known.
    User(Option<Before>),
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
#[expect(clippy::struct_excessive_bools, reason = "independent marks of the rules that fired")]
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
    /// It reads like a report that earlier work is wrong; it is one only after work ([`Before::is_complaint`]).
    pub complaint: bool,
    /// It asks for a hosted model to write the code.
    pub turbo: bool,
    /// It asks for candidates to be built and compared.
    pub race: bool,
    /// It leaves open which of several ways is to be gone.
    pub options: bool,
    /// An edit so small that a spawn costs more than it saves.
    pub tiny: bool,
    /// The rules that fired, in order of the rule set.
    pub fired: Vec<Fired>,
    /// Number of words that were read as prose.
    pub words: usize,
}

impl Verdict {
    /// Lifts the verdict to a tier for a reason outside the text. One task then, and nothing to hand out.
    pub fn raise_to(&mut self, tier: Tier) {
        self.tier = tier;
        self.role = Role::default_of(tier);
        self.escalated = true;
        self.parts.clear();
    }
}

/// Bytes of a subagent's task text that are read: its first lines say what is wanted, a quoted spec follows.
const TASK_HEAD: usize = 1_500;

/// Judges a text.
pub fn classify(image: &Image, text: &str, source: Source<'_>) -> Verdict {
    match source {
        Source::User(before) => {
            let features: Vec<&str> =
                std::iter::once("@user").chain(before.iter().flat_map(Before::features)).collect();
            let (mut verdict, tokens) = judge_whole(image, Table::User, text, &features);
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
    match without_plugin(agent) {
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
    (judge(image, table, text, &tokens), tokens)
}

/// Judges a text that was read.
fn judge(image: &Image, table: Table, text: &str, tokens: &lexer::Tokens) -> Verdict {
    let fired = matcher::fired(image, tokens, text);
    let mut verdict = score(image, table, fired);
    verdict.words = tokens.words;
    verdict
}

/// How scores become a tier: the probability of each one, and the tier of least expected cost.
pub fn decide(image: &Image, table: Table, scores: [f32; 4]) -> ([f32; 4], usize) {
    let probabilities = softmax(scores, image.temperature());
    (probabilities, least_cost(probabilities, image.caution(table), image.lean()))
}

/// Share of a rule's weight by hand that counts for its role; chosen on the roles of labelled prompts.
const BY_HAND: f32 = 0.15;

/// Turns the rules that fired into a verdict.
pub fn score(image: &Image, table: Table, fired: Vec<Fired>) -> Verdict {
    let mut scores = image.bias(table);
    let (mut codegen, mut tiny, mut complaint) = (false, false, false);
    let (mut turbo, mut race, mut options) = (false, false, false);
    for hit in &fired {
        let weights = image.weights(hit.rule, table);
        for (score, weight) in scores.iter_mut().zip(weights) {
            *score += weight;
        }
        let marks = image.marks(hit.rule);
        codegen |= marks.codegen;
        tiny |= marks.tiny;
        complaint |= marks.complaint;
        turbo |= marks.turbo;
        race |= marks.race;
        options |= marks.options;
    }
    let (probabilities, chosen) = decide(image, table, scores);
    let likeliest = (0..4).rev().max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(2);
    let tier = Tier::from_number(chosen as u8);
    Verdict {
        tier,
        role: role_for(image, table, &fired, tier),
        confidence: probabilities[chosen],
        probabilities,
        scores,
        escalated: chosen > likeliest,
        parts: Vec::new(),
        codegen: codegen && matches!(tier, Tier::Sonnet | Tier::Opus),
        complaint,
        turbo,
        race,
        options,
        tiny: tiny && tier == Tier::Haiku,
        fired,
        words: 0,
    }
}

/// The role of a tier that the rules that fired speak for most.
pub fn role_for(image: &Image, table: Table, fired: &[Fired], tier: Tier) -> Role {
    let mut roles = [0.0_f32; Role::ALL.len()];
    for hit in fired {
        // A rule speaks for its role as strongly as for its tier, and a little by what its author thought of it.
        let marks = image.marks(hit.rule);
        let weight = image.weights(hit.rule, table)[usize::from(marks.tier)];
        if let Some(role) = roles.get_mut(usize::from(marks.role)) {
            *role += weight.max(0.0) + BY_HAND * marks.by_hand.max(0.0);
        }
    }
    Role::ALL
        .into_iter()
        .filter(|role| role.tier() == tier && roles[*role as usize] > 0.0)
        .max_by(|a, b| roles[*a as usize].total_cmp(&roles[*b as usize]))
        .unwrap_or_else(|| Role::default_of(tier))
}

/// What a wrong tier costs: 3 for each tier too low (the work is redone), 1 for each too high, silence on a task counts
/// as tier 3, and a word on no task is half an annoyance. Rows are the true tier, columns the chosen one.
pub const COST: [[f32; 4]; 4] =
    [[0.0, 0.5, 0.5, 0.5], [2.0, 0.0, 1.0, 2.0], [1.0, 3.0, 0.0, 1.0], [0.0, 6.0, 3.0, 0.0]];

/// The tier with the least expected cost. `caution` weighs the tiers; `lean` mixes being plainly wrong (0) with [`COST`] (1).
pub fn least_cost(probabilities: [f32; 4], caution: [f32; 4], lean: f32) -> usize {
    let cost = |chosen: usize| expected_cost(probabilities, caution, lean, chosen);
    (0..4).rev().min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(2)
}

/// What choosing a tier costs on the average, see [`least_cost`].
pub fn expected_cost(probabilities: [f32; 4], caution: [f32; 4], lean: f32, chosen: usize) -> f32 {
    let weighed: [f32; 4] = std::array::from_fn(|tier| probabilities[tier] * caution[tier]);
    let all: f32 = weighed.iter().sum();
    (0..4)
        .map(|truth| {
            let wrong = if truth == chosen { 0.0 } else { 1.0 };
            weighed[truth] / all * ((1.0 - lean) * wrong + lean * COST[truth][chosen])
        })
        .sum()
}

fn softmax(scores: [f32; 4], temperature: f32) -> [f32; 4] {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| ((score - top) / temperature).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verdict without any rule, for tests that set what they need.
    pub fn empty_verdict() -> Verdict {
        Verdict {
            tier: Tier::None,
            role: Role::None,
            confidence: 1.0,
            probabilities: [1.0, 0.0, 0.0, 0.0],
            scores: [0.0; 4],
            escalated: false,
            parts: Vec::new(),
            codegen: false,
            complaint: false,
            turbo: false,
            race: false,
            options: false,
            tiny: false,
            fired: Vec::new(),
            words: 0,
        }
    }
}
