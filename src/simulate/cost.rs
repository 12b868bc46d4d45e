//! What the spawned agents cost and would have cost. Pure: findings, corpus and prices in, sums out. Nothing here is
//! called a saving: the low figure is the same tokens at other rates, the high one adds work that is done again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::replay::SpawnSeen;
use crate::models::Family;
use crate::prices::{Prices, Usd};
use crate::transcript::corpus::Corpus;

const ASSUMPTIONS: &str = include_str!("assumptions.toml");

/// See `assumptions.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumptions {
    redone: BTreeMap<String, Redone>,
}

/// Shares of work that is done again, in thousandths.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redone {
    /// Of work on Haiku.
    pub haiku: u64,
    /// Of work on Sonnet.
    pub sonnet: u64,
}

impl Assumptions {
    /// The built-in ones. A test keeps them free of faults.
    pub fn built_in() -> Self {
        toml::from_str(ASSUMPTIONS).expect("a test reads src/simulate/assumptions.toml")
    }

    /// Of a preset; an unknown one means `balanced`.
    pub fn redone(&self, preset: &str) -> Redone {
        self.redone.get(preset).copied().unwrap_or(self.redone["balanced"])
    }
}

/// Spawns that would have moved from one family to another.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Move {
    /// Family that they ran on; `unknown` when no transcript tells and the parent's is not known.
    pub from: String,
    /// Family that SEF would have set.
    pub to: String,
    /// How many.
    pub spawns: u64,
    /// Of these, with a transcript and known prices: the ones in the sums.
    pub priced: u64,
    /// What these really cost, in dollars; none when none of them is priced.
    pub actual_usd: Option<f64>,
    /// The same tokens on the other model.
    pub low_usd: Option<f64>,
    /// That, and a share of the work done again by the parent.
    pub high_usd: Option<f64>,
}

/// All spawns.
#[derive(Debug, Default, Serialize)]
pub struct Spawns {
    /// Agent calls, each once.
    pub total: u64,
    /// Of these, by subagents.
    pub nested: u64,
    /// Would have run on another model.
    pub changed: u64,
    /// From which to which.
    pub moves: Vec<Move>,
    /// Would have been left alone, by reason.
    pub left: BTreeMap<String, u64>,
}

/// The money.
#[derive(Debug, Default, Serialize)]
pub struct Cost {
    /// What all spawned agents with known prices really cost, in dollars; none without any.
    pub spawned_usd: Option<f64>,
    /// How many these are.
    pub spawned_priced: u64,
    /// Spawns whose own transcript was not found: their cost is not known.
    pub without_transcript: u64,
    /// Spawns that ran, or would run, on a model without a price: they are in no sum.
    pub without_price: u64,
    /// Models without a price.
    pub unknown_models: Vec<String>,
    /// Of the changed spawns: what they really cost; none when none of them is priced.
    pub changed_actual_usd: Option<f64>,
    /// Estimate, see [`Move::low_usd`].
    pub changed_low_usd: Option<f64>,
    /// Estimate, see [`Move::high_usd`].
    pub changed_high_usd: Option<f64>,
    /// Changed spawns that are in these three sums.
    pub changed_priced: u64,
    /// Share of Haiku work that the high figure takes to be done again.
    pub redone_haiku: f64,
    /// The same for Sonnet.
    pub redone_sonnet: f64,
    /// When the built-in prices were checked.
    pub prices_as_of: String,
}

/// Reasons that mean: the task was judged, and the model that it has is the one that it needs.
const JUDGED: [&str; 8] =
    ["rules", "unsure", "close-call", "unclear", "parent-cap", "rejected-before", "fails-again", "mark"];

#[derive(Default, Clone, Copy)]
struct Sums {
    spawns: u64,
    priced: u64,
    actual: Usd,
    low: Usd,
    high: Usd,
}

/// What spawns are priced with.
pub struct Books<'a> {
    /// Every request, each once.
    pub corpus: &'a Corpus,
    /// Which agent (its place in the corpus) a call started.
    pub agents: HashMap<&'a str, usize>,
    /// Prices.
    pub prices: &'a Prices,
    /// The preset's shares of work that is done again.
    pub redone: Redone,
}

/// Adds up all spawns.
pub fn add_up(spawns: &[SpawnSeen], books: &Books<'_>) -> (Spawns, Cost) {
    let Books { corpus, redone, .. } = books;
    let mut counts = Spawns::default();
    let mut cost = Cost {
        redone_haiku: redone.haiku as f64 / 1000.0,
        redone_sonnet: redone.sonnet as f64 / 1000.0,
        prices_as_of: books.prices.as_of.clone(),
        ..Cost::default()
    };
    let mut unknown = BTreeSet::new();
    let mut counted = vec![false; corpus.requests.len()];
    let (mut spawned, mut all) = (Usd::default(), Sums::default());
    let mut moves: BTreeMap<(Option<Family>, Family), Sums> = BTreeMap::new();
    for spawn in spawns {
        counts.total += 1;
        counts.nested += u64::from(spawn.nested);
        // What a fork copied from its parent is the parent's; what two agents share counts once.
        let requests: Vec<usize> = books.agents.get(spawn.tool_use.as_str()).map_or_else(Vec::new, |agent| {
            let own = corpus.agents[*agent].requests.iter().copied();
            own.filter(|at| !corpus.requests[*at].in_main && !std::mem::replace(&mut counted[*at], true))
                .collect()
        });
        let ran = requests.iter().find_map(|at| Family::of(&corpus.requests[*at].model));
        let set = spawn.set.filter(|set| ran != Some(*set));
        let priced = price(spawn, set, &requests, books, &mut unknown);
        cost.without_transcript += u64::from(requests.is_empty());
        cost.without_price += u64::from(!requests.is_empty() && priced.is_none());
        if let Some(sums) = priced {
            spawned = spawned.plus(sums.actual);
            cost.spawned_priced += 1;
        }
        let Some(set) = set else {
            let why = match &*spawn.why {
                _ if spawn.set.is_some() => "ran-there",
                why if JUDGED.contains(&why) => "fits",
                why => why,
            };
            *counts.left.entry(why.to_owned()).or_default() += 1;
            continue;
        };
        counts.changed += 1;
        let from = ran.or_else(|| Family::of(&spawn.parent_model));
        for sums in [moves.entry((from, set)).or_default(), &mut all] {
            sums.spawns += 1;
            if let Some(one) = priced {
                sums.priced += 1;
                sums.actual = sums.actual.plus(one.actual);
                sums.low = sums.low.plus(one.low);
                sums.high = sums.high.plus(one.high);
            }
        }
    }
    counts.moves = moves.into_iter().map(|((from, to), sums)| row(from, to, &sums)).collect();
    cost.spawned_usd = dollars(spawned, cost.spawned_priced);
    cost.unknown_models = unknown.into_iter().collect();
    cost.changed_actual_usd = dollars(all.actual, all.priced);
    cost.changed_low_usd = dollars(all.low, all.priced);
    cost.changed_high_usd = dollars(all.high, all.priced);
    cost.changed_priced = all.priced;
    (counts, cost)
}

/// A sum of so many; of none there is no sum.
fn dollars(sum: Usd, count: u64) -> Option<f64> {
    (count > 0).then(|| sum.dollars())
}

fn row(from: Option<Family>, to: Family, sums: &Sums) -> Move {
    Move {
        from: from.map_or("unknown", Family::alias).to_owned(),
        to: to.alias().to_owned(),
        spawns: sums.spawns,
        priced: sums.priced,
        actual_usd: dollars(sums.actual, sums.priced),
        low_usd: dollars(sums.low, sums.priced),
        high_usd: dollars(sums.high, sums.priced),
    }
}

/// One spawn's three figures; none without requests, or when a model that counts has no price.
fn price(
    spawn: &SpawnSeen,
    set: Option<Family>,
    requests: &[usize],
    books: &Books<'_>,
    unknown: &mut BTreeSet<String>,
) -> Option<Sums> {
    let Books { corpus, prices, redone, .. } = books;
    let mut sums = Sums::default();
    let mut known = !requests.is_empty();
    let mut cost_on = |model: &str, at: usize| {
        let request = &corpus.requests[at];
        let cost = prices.cost(model, request.time, &request.usage);
        if cost.is_none() {
            known = false;
            unknown.insert(if model.is_empty() { "(no model named)".to_owned() } else { model.to_owned() });
        }
        cost.unwrap_or_default()
    };
    for at in requests.iter().copied() {
        sums.actual = sums.actual.plus(cost_on(&corpus.requests[at].model, at));
        let Some(set) = set else { continue };
        let low = cost_on(set.id_at(corpus.requests[at].time), at);
        let share = match set {
            Family::Haiku => redone.haiku,
            Family::Sonnet => redone.sonnet,
            Family::Opus | Family::Fable => 0,
        };
        let again = if share > 0 { cost_on(&spawn.parent_model, at).scaled(share) } else { Usd::default() };
        sums.low = sums.low.plus(low);
        sums.high = sums.high.plus(low).plus(again);
    }
    known.then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_its_shares() {
        let assumptions = Assumptions::built_in();
        for preset in ["careful", "balanced", "eager"] {
            assert!(assumptions.redone.contains_key(preset), "{preset}");
        }
    }
}
