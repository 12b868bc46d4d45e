//! What the delegated work would have cost otherwise. Pure, and all of it estimates: the same tokens at other prices,
//! which is said wherever a figure is shown. What was redone is the outcomes' affair, not counted here.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::prices::{Prices, Usage, Usd};
use crate::transcript::corpus::{Corpus, Request, Session};

/// Estimates for the sessions that delegated; requests whose price is unknown, here or there, are in no sum.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Savings {
    /// Subagents whose session and prices are known.
    pub agents: u64,
    /// Subagents left out: no main transcript, or a model without a price.
    pub agents_left_out: u64,
    /// What those subagents cost, in dollars.
    pub agents_usd: f64,
    /// The same requests at the price of their session's orchestrator.
    pub agents_on_orchestrator_usd: f64,
    /// Of `agents_usd`, what their first requests' prompts cost: instructions and task, which work in place does not need.
    pub opening_usd: f64,
    /// Their last answers read once by the orchestrator, at its price for prompt tokens written to the cache.
    pub reading_usd: f64,
    /// What those sessions cost altogether.
    pub sessions_usd: f64,
    /// Each of those sessions wholly on the cheapest model that ran in it, whatever its results would have been.
    pub single_model_usd: f64,
    /// Those cheapest models, with the number of sessions.
    pub single_models: BTreeMap<String, u64>,
}

impl Savings {
    /// What delegating saved by these estimates: negative when it cost more.
    pub fn net_usd(&self) -> f64 {
        self.agents_on_orchestrator_usd - self.agents_usd - self.reading_usd
    }

    /// The share of the delegated work that could be done again by the orchestrator before nothing is saved; none when
    /// nothing was delegated.
    pub fn break_even(&self) -> Option<f64> {
        (self.agents_on_orchestrator_usd > 0.0)
            .then(|| (self.net_usd() / self.agents_on_orchestrator_usd).clamp(0.0, 1.0))
    }
}

/// Adds up the sessions whose subagents ran at or after `since` (milliseconds since 1970). `users` names the user's own model
/// of sessions in which others answered too.
pub fn estimate(corpus: &Corpus, prices: &Prices, since: u64, users: &BTreeMap<&str, &str>) -> Savings {
    let sessions: HashMap<(&str, &str), &Session> = corpus
        .sessions
        .iter()
        .map(|session| ((session.folder.as_str(), session.id.as_str()), session))
        .collect();
    let price = |request: &Request, model: &str, usage: &Usage| prices.cost(model, request.time, usage);
    let mut sums = Sums::default();
    let mut out = Savings::default();
    let mut delegating: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for agent in &corpus.agents {
        // A fork's copies of the orchestrator's own requests are no delegated work.
        let counts = |at: &usize| corpus.requests[*at].time >= since && !corpus.requests[*at].in_main;
        let ran: Vec<usize> = agent.requests.iter().copied().filter(counts).collect();
        let (Some(first), Some(last)) = (
            ran.iter().min_by_key(|at| corpus.requests[**at].time),
            ran.iter().max_by_key(|at| corpus.requests[**at].time),
        ) else {
            continue;
        };
        let key = (agent.folder.as_str(), agent.session.as_str());
        let users = users.get(agent.session.as_str()).copied();
        let orchestrator =
            sessions.get(&key).and_then(|session| users.or_else(|| main_model(corpus, session)));
        let there = orchestrator.and_then(|orchestrator| prices.of(orchestrator));
        let priced: Option<Vec<(Usd, Usd)>> = there.and_then(|there| {
            ran.iter()
                .map(|at| {
                    let request = &corpus.requests[*at];
                    let there = there.cost(request.time, &request.usage)?;
                    Some((price(request, &request.model, &request.usage)?, there))
                })
                .collect()
        });
        let (Some(orchestrator), Some(priced)) = (orchestrator, priced) else {
            out.agents_left_out += 1;
            continue;
        };
        out.agents += 1;
        for (here, there) in priced {
            sums.agents = sums.agents.plus(here);
            sums.on_orchestrator = sums.on_orchestrator.plus(there);
        }
        let (first, last) = (&corpus.requests[*first], &corpus.requests[*last]);
        let opening = Usage { output: 0, web_searches: 0, ..first.usage };
        let reading = Usage { cache_write_5m: last.usage.output, ..Usage::default() };
        sums.opening = sums.opening.plus(price(first, &first.model, &opening).unwrap_or_default());
        sums.reading = sums.reading.plus(price(last, orchestrator, &reading).unwrap_or_default());
        delegating.entry(key).or_default().extend(ran);
    }
    for (key, ran) in delegating {
        let session = sessions[&key];
        let mut all: Vec<usize> = session.requests.iter().copied().chain(ran).collect();
        all.sort_unstable();
        all.dedup();
        let all: Vec<&Request> =
            all.into_iter().map(|at| &corpus.requests[at]).filter(|request| request.time >= since).collect();
        let sum = |cost: &dyn Fn(&Request) -> Option<Usd>| {
            all.iter().try_fold(Usd::default(), |sum, request| Some(sum.plus(cost(request)?)))
        };
        let on = |model| {
            let prices = prices.of(model)?;
            sum(&|request| prices.cost(request.time, &request.usage))
        };
        let models: HashSet<&str> = all.iter().map(|request| &*request.model).collect();
        let cheapest =
            models.into_iter().filter_map(|model| Some((on(model)?, model))).min_by_key(|sum| *sum);
        let actual = sum(&|request| price(request, &request.model, &request.usage));
        if let (Some(actual), Some((sum, model))) = (actual, cheapest) {
            sums.sessions = sums.sessions.plus(actual);
            sums.single = sums.single.plus(sum);
            *out.single_models.entry(model.to_owned()).or_default() += 1;
        }
    }
    Savings {
        agents_usd: sums.agents.dollars(),
        agents_on_orchestrator_usd: sums.on_orchestrator.dollars(),
        opening_usd: sums.opening.dollars(),
        reading_usd: sums.reading.dollars(),
        sessions_usd: sums.sessions.dollars(),
        single_model_usd: sums.single.dollars(),
        ..out
    }
}

#[derive(Default)]
struct Sums {
    agents: Usd,
    on_orchestrator: Usd,
    opening: Usd,
    reading: Usd,
    sessions: Usd,
    single: Usd,
}

/// The model that answered most often in the main transcript.
pub(crate) fn main_model<'a>(corpus: &'a Corpus, session: &Session) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for at in &session.requests {
        *counts.entry(&corpus.requests[*at].model).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(model, _)| model)
}
