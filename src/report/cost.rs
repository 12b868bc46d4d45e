//! What the requests cost by our prices, and how that compares with the client's own sums. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use crate::metrics::record::Record;
use crate::prices::{Prices, Usd};
use crate::report::groups::{self, Groups};
use crate::transcript::corpus::{Corpus, Session};

/// A session whose sums differ by more than a cent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Session id.
    pub session: String,
    /// What the client counted.
    pub client_usd: f64,
    /// What the transcripts come to by our prices.
    pub computed_usd: f64,
    /// Client minus computed.
    pub difference_usd: f64,
    /// The client itself, or we, met a model without a price.
    pub unknown_price: bool,
}

/// All sums.
#[derive(Debug, Default, Serialize)]
pub struct Cost {
    /// Everything that has a price.
    pub actual_usd: f64,
    /// Of that, the orchestrator.
    pub main_usd: f64,
    /// Of that, subagents and the client's helpers.
    pub subagents_usd: f64,
    /// The same under several headings.
    #[serde(flatten)]
    pub groups: Groups,
    /// Models that no price is known for; their tokens are in the groups, their cost nowhere.
    pub unknown_models: Vec<String>,
    /// The client's own sums, with what sessions copied from each other counted once; none when it left none.
    pub client_usd: Option<f64>,
    /// Sessions that have such a sum and lie wholly in the period.
    pub sessions_checked: u64,
    /// Sessions that could not be compared: no sum yet, or begun before the period.
    pub sessions_unchecked: u64,
    /// More than a cent apart.
    pub differences: Vec<Difference>,
    /// When the built-in prices were checked.
    pub prices_as_of: String,
    /// Models priced by the user's own file, with its date.
    pub own_prices: BTreeMap<String, String>,
}

/// Prices every request at or after `since` (milliseconds since 1970). The log's records tell the prompts' tiers.
pub fn add_up(corpus: &Corpus, prices: &Prices, records: &[Record], since: u64) -> Cost {
    let costs: Vec<Option<Usd>> = corpus
        .requests
        .iter()
        .map(|request| prices.cost(&request.model, request.time, &request.usage))
        .collect();
    let (mut main, mut subagents) = (Usd::default(), Usd::default());
    let mut unknown = BTreeSet::new();
    for (request, cost) in corpus.requests.iter().zip(&costs).filter(|(request, _)| request.time >= since) {
        match *cost {
            Some(cost) if request.in_main => main = main.plus(cost),
            Some(cost) => subagents = subagents.plus(cost),
            None if unknown.contains(&*request.model) => {}
            None => {
                unknown.insert(request.model.to_string());
            }
        }
    }
    let mut total = Cost {
        actual_usd: main.plus(subagents).dollars(),
        main_usd: main.dollars(),
        subagents_usd: subagents.dollars(),
        groups: groups::group(corpus, &costs, records, since),
        unknown_models: unknown.into_iter().collect(),
        prices_as_of: prices.as_of.clone(),
        own_prices: prices.overridden.clone(),
        ..Cost::default()
    };
    cross_check(corpus, &costs, since, &mut total);
    total
}

/// Compares each session with the client's `cost-state`. The client counts a session as everything that its transcript
/// holds, what a fork copied included, with all agents; so each is compared over the same set of requests.
fn cross_check(corpus: &Corpus, costs: &[Option<Usd>], since: u64, total: &mut Cost) {
    let agents = AgentIndex::of(corpus);
    let mut client: Option<Usd> = None;
    let mut counted = vec![false; corpus.requests.len()];
    for session in &corpus.sessions {
        let covered = agents.covered(session);
        let begun_before = covered.iter().any(|at| corpus.requests[*at].time < since);
        let state = session.state.filter(|_| !begun_before);
        let Some((state, sum)) = state.and_then(|state| Some((state, Usd::from_dollars(state.cost.total)?)))
        else {
            total.sessions_unchecked += u64::from(!session.requests.is_empty());
            continue;
        };
        total.sessions_checked += 1;
        let (mut computed, mut again) = (Usd::default(), Usd::default());
        for at in &covered {
            let cost = costs[*at].unwrap_or_default();
            computed = computed.plus(cost);
            if std::mem::replace(&mut counted[*at], true) {
                again = again.plus(cost);
            }
        }
        client = Some(client.unwrap_or_default().plus(sum.minus(again)));
        if sum.apart(computed) > Usd::CENT {
            total.differences.push(Difference {
                session: session.id.clone(),
                client_usd: sum.dollars(),
                computed_usd: computed.dollars(),
                difference_usd: sum.dollars() - computed.dollars(),
                unknown_price: state.cost.has_unknown || covered.iter().any(|at| costs[*at].is_none()),
            });
        }
    }
    total.client_usd = client.map(Usd::dollars);
}

/// Agents by where they belong.
struct AgentIndex<'a> {
    corpus: &'a Corpus,
    by_id: HashMap<&'a str, usize>,
    by_session: HashMap<(&'a str, &'a str), Vec<usize>>,
    by_parent: HashMap<&'a str, Vec<usize>>,
}

impl<'a> AgentIndex<'a> {
    fn of(corpus: &'a Corpus) -> Self {
        let mut index =
            Self { corpus, by_id: HashMap::new(), by_session: HashMap::new(), by_parent: HashMap::new() };
        for (at, agent) in corpus.agents.iter().enumerate() {
            index.by_id.insert(&agent.id, at);
            index.by_session.entry((&agent.folder, &agent.session)).or_default().push(at);
            if let Some(parent) = &agent.meta.parent_agent_id {
                index.by_parent.entry(parent).or_default().push(at);
            }
        }
        index
    }

    /// The requests that the session's last `cost-state` covers: those before it in the file, and those of the session's
    /// agents (its own, those that its results name, those that they started) until the session went on after it.
    fn covered(&self, session: &Session) -> Vec<usize> {
        let at = session.state.map_or(session.requests.len(), |state| state.covers);
        let (before, after) = session.requests.split_at(at.min(session.requests.len()));
        let resumed = after.iter().map(|at| self.corpus.requests[*at].time).min().unwrap_or(u64::MAX);
        let own = self.by_session.get(&(session.folder.as_str(), session.id.as_str()));
        let named = session.links.iter().filter_map(|link| self.by_id.get(link.agent.as_str()));
        let mut waiting: Vec<usize> = own.into_iter().flatten().chain(named).copied().collect();
        let mut agents = BTreeSet::new();
        while let Some(agent) = waiting.pop() {
            if agents.insert(agent) {
                waiting
                    .extend(self.by_parent.get(self.corpus.agents[agent].id.as_str()).into_iter().flatten());
            }
        }
        let of_agents = agents.iter().flat_map(|agent| &self.corpus.agents[*agent].requests);
        let in_time = of_agents.filter(|at| self.corpus.requests[**at].time < resumed);
        let mut covered: Vec<usize> = before.iter().chain(in_time).copied().collect();
        covered.sort_unstable();
        covered.dedup();
        covered
    }
}
