//! Tokens and money by model, day, both, project, executor and prompt: the same requests, added up under six headings.
//! Pure; prices nothing itself.

use std::collections::{BTreeMap, HashMap};

use clap::ValueEnum;
use serde::Serialize;

use crate::calendar::{DAY, timestamp};
use crate::metrics::record::{Kind, Record};
use crate::prices::Usd;
use crate::report::delegations::shown_name;
use crate::transcript::corpus::{Corpus, Request};

/// The executor of what no subagent did.
pub const ORCHESTRATOR: &str = "orchestrator";
/// Agents without a type: helpers of the client itself (compaction, summaries).
const HELPER: &str = "client's helpers";
/// Prompts that are listed one by one.
const DEAREST: usize = 20;

/// What a table of tokens and money is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The model that answered.
    Model,
    /// The day, UTC.
    Day,
    /// The project's folder below `~/.claude/projects`.
    Project,
    /// The orchestrator, or the type of the subagent.
    Executor,
    /// The user's prompts that cost most.
    Prompt,
}

/// Tokens and money of some requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sum {
    /// Requests.
    pub requests: u64,
    /// Prompt tokens outside the cache.
    pub input_tokens: u64,
    /// Generated tokens.
    pub output_tokens: u64,
    /// Prompt tokens read from the cache.
    pub cache_read_tokens: u64,
    /// Prompt tokens written to the cache, for however long.
    pub cache_write_tokens: u64,
    /// Of those, for an hour; the others for five minutes.
    pub cache_write_1h_tokens: u64,
    /// Requests whose model has no price: in no sum of money.
    pub unpriced_requests: u64,
    /// Dollars; none when no request has a price.
    pub usd: Option<f64>,
    /// Of that, in subagents.
    pub subagents_usd: Option<f64>,
}

/// A sum under way.
#[derive(Debug, Clone, Default)]
struct Tally {
    sum: Sum,
    all: Usd,
    below: Usd,
}

impl Tally {
    fn add(&mut self, request: &Request, cost: Option<Usd>) {
        let (sum, usage) = (&mut self.sum, &request.usage);
        sum.requests += 1;
        sum.input_tokens = sum.input_tokens.saturating_add(usage.input);
        sum.output_tokens = sum.output_tokens.saturating_add(usage.output);
        sum.cache_read_tokens = sum.cache_read_tokens.saturating_add(usage.cache_read);
        sum.cache_write_tokens = sum.cache_write_tokens.saturating_add(usage.cache_write());
        sum.cache_write_1h_tokens = sum.cache_write_1h_tokens.saturating_add(usage.cache_write_1h);
        let Some(cost) = cost else {
            sum.unpriced_requests += 1;
            return;
        };
        self.all = self.all.plus(cost);
        if !request.in_main {
            self.below = self.below.plus(cost);
        }
    }

    fn done(self) -> Sum {
        let priced = self.sum.unpriced_requests < self.sum.requests;
        Sum {
            usd: priced.then(|| self.all.dollars()),
            subagents_usd: priced.then(|| self.below.dollars()),
            ..self.sum
        }
    }
}

/// What one prompt of the user cost, subagents included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prompt {
    /// The client's id of the prompt.
    pub prompt: String,
    /// The session, as its transcript is named.
    pub session: String,
    /// The project's folder.
    pub project: String,
    /// ISO 8601, UTC, of the first request; none when no line says it.
    pub time: Option<String>,
    /// Tier by the hook's log, 0 to 3; none when the hook did not see the prompt.
    pub tier: Option<u8>,
    /// What it used.
    #[serde(flatten)]
    pub sum: Sum,
}

/// What prompts of one tier cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OfTier {
    /// Prompts.
    pub prompts: u64,
    /// Dollars altogether.
    pub usd: f64,
    /// Dollars of the prompt in the middle.
    pub median_usd: f64,
}

/// What prompts cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Prompts {
    /// Prompts that requests name.
    pub count: u64,
    /// By tier of the hook's log: `0` to `3`, and `unknown` for those that the hook did not see.
    pub by_tier: BTreeMap<String, OfTier>,
    /// The dearest ones, dearest first.
    pub dearest: Vec<Prompt>,
    /// Requests that no line puts under a prompt.
    pub requests_without: u64,
}

/// The headings.
#[derive(Debug, Default, Serialize)]
pub struct Groups {
    /// By model id.
    pub by_model: BTreeMap<String, Sum>,
    /// By day, UTC (`2026-11-20`); requests without a time are under `unknown`.
    pub by_day: BTreeMap<String, Sum>,
    /// By day, named as in `by_day`, and model id.
    pub by_day_model: BTreeMap<String, BTreeMap<String, Sum>>,
    /// By project folder. What two projects' transcripts share counts for the first by name.
    pub by_project: BTreeMap<String, Sum>,
    /// By executor.
    pub by_executor: BTreeMap<String, Sum>,
    /// By prompt.
    pub prompts: Prompts,
}

/// Adds up the requests at or after `since` (milliseconds since 1970) with their costs, which go by the same places.
pub fn group(corpus: &Corpus, costs: &[Option<Usd>], records: &[Record], since: u64) -> Groups {
    let homes = Homes::of(corpus);
    let mut by_model: Vec<(&str, Tally)> = Vec::new();
    let mut by_day: BTreeMap<u64, Tally> = BTreeMap::new();
    let mut by_day_model: BTreeMap<(u64, usize), Tally> = BTreeMap::new();
    let mut by_project = vec![Tally::default(); homes.projects.len()];
    let mut by_executor = vec![Tally::default(); homes.executors.len()];
    let mut by_prompt: Vec<Option<(usize, Tally)>> = vec![None; corpus.prompts.len() + 1];
    for (at, request) in corpus.requests.iter().enumerate().filter(|(_, request)| request.time >= since) {
        let (home, cost) = (homes.of_request[at], costs[at]);
        let model = by_model.iter().position(|(model, _)| *model == &*request.model).unwrap_or_else(|| {
            by_model.push((&request.model, Tally::default()));
            by_model.len() - 1
        });
        let prompt = by_prompt.get_mut(request.prompt as usize);
        let first = |first: usize| (corpus.requests[first].time, first);
        if let Some(prompt) = prompt {
            let (earliest, tally) = prompt.get_or_insert_with(|| (at, Tally::default()));
            *earliest = if (request.time, at) < first(*earliest) { at } else { *earliest };
            tally.add(request, cost);
        }
        by_model[model].1.add(request, cost);
        by_day.entry(request.time / DAY).or_default().add(request, cost);
        by_day_model.entry((request.time / DAY, model)).or_default().add(request, cost);
        by_project[home.project].add(request, cost);
        by_executor[home.executor].add(request, cost);
    }
    let mut of_days: BTreeMap<String, BTreeMap<String, Sum>> = BTreeMap::new();
    for ((day, model), tally) in by_day_model {
        of_days.entry(day_name(day)).or_default().insert(by_model[model].0.to_owned(), tally.done());
    }
    Groups {
        by_day_model: of_days,
        by_model: by_model.into_iter().map(|(model, tally)| (model.to_owned(), tally.done())).collect(),
        by_day: by_day.into_iter().map(|(day, tally)| (day_name(day), tally.done())).collect(),
        prompts: prompts(corpus, &homes, by_prompt, records),
        by_project: named(homes.projects, by_project),
        by_executor: named(homes.executors, by_executor),
    }
}

/// `2026-11-20`; `unknown` for the day of no time.
pub fn day_name(day: u64) -> String {
    if day == 0 {
        "unknown".to_owned()
    } else {
        timestamp(day.saturating_mul(DAY)).chars().take(10).collect()
    }
}

fn named(names: Vec<&str>, tallies: Vec<Tally>) -> BTreeMap<String, Sum> {
    let there = names.into_iter().zip(tallies).filter(|(_, tally)| tally.sum.requests > 0);
    there.map(|(name, tally)| (name.to_owned(), tally.done())).collect()
}

/// The project and the executor of each request, by number.
struct Homes<'a> {
    projects: Vec<&'a str>,
    executors: Vec<&'a str>,
    sessions: Vec<&'a str>,
    of_request: Vec<Home>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Home {
    project: usize,
    executor: usize,
    session: usize,
}

impl<'a> Homes<'a> {
    /// What several transcripts show is at home in the first one, and with the orchestrator when it is among them.
    fn of(corpus: &'a Corpus) -> Self {
        let mut homes = Self {
            projects: Vec::new(),
            executors: vec![ORCHESTRATOR],
            sessions: Vec::new(),
            of_request: vec![Home::default(); corpus.requests.len()],
        };
        let mut settled = vec![false; corpus.requests.len()];
        let (mut projects, mut executors) = (HashMap::new(), HashMap::from([(ORCHESTRATOR, 0)]));
        let of_sessions = corpus
            .sessions
            .iter()
            .map(|session| (session.folder.as_str(), session.id.as_str(), ORCHESTRATOR, &session.requests));
        let of_agents = corpus.agents.iter().map(|agent| {
            let name =
                agent.meta.agent_type.as_deref().filter(|name| !name.is_empty()).map_or(HELPER, shown_name);
            (agent.folder.as_str(), agent.session.as_str(), name, &agent.requests)
        });
        for (project, session, executor, requests) in of_sessions.chain(of_agents) {
            let home = Home {
                project: number(project, &mut homes.projects, &mut projects),
                executor: number(executor, &mut homes.executors, &mut executors),
                session: homes.sessions.len(),
            };
            homes.sessions.push(session);
            for at in requests.iter().filter(|at| !std::mem::replace(&mut settled[**at], true)) {
                homes.of_request[*at] = home;
            }
        }
        homes
    }
}

/// The place of a name in a list, at the end when it is new.
fn number<'a>(name: &'a str, names: &mut Vec<&'a str>, known: &mut HashMap<&'a str, usize>) -> usize {
    *known.entry(name).or_insert_with(|| {
        names.push(name);
        names.len() - 1
    })
}

fn prompts(
    corpus: &Corpus,
    homes: &Homes,
    mut by_prompt: Vec<Option<(usize, Tally)>>,
    records: &[Record],
) -> Prompts {
    let without = by_prompt.first_mut().and_then(Option::take).map_or(0, |(_, tally)| tally.sum.requests);
    let tiers: HashMap<&str, u8> = records
        .iter()
        .filter(|record| record.e == Kind::Prompt)
        .filter_map(|record| Some((record.p.as_deref()?, record.tier?)))
        .collect();
    let mut of_tiers: BTreeMap<String, (Tally, Vec<Usd>)> = BTreeMap::new();
    let mut found: Vec<(Usd, usize, usize, Tally)> = Vec::new();
    for (place, one) in by_prompt.into_iter().skip(1).enumerate() {
        let Some((first, tally)) = one else { continue };
        let tier = tiers.get(corpus.prompts[place].as_str());
        let of_tier = of_tiers.entry(tier.map_or("unknown".to_owned(), u8::to_string)).or_default();
        of_tier.0.all = of_tier.0.all.plus(tally.all);
        of_tier.1.push(tally.all);
        found.push((tally.all, first, place, tally));
    }
    let count = found.len() as u64;
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.truncate(DEAREST);
    let show = |(_, first, place, tally): (Usd, usize, usize, Tally)| {
        let (home, time) = (homes.of_request[first], corpus.requests[first].time);
        Prompt {
            prompt: corpus.prompts[place].clone(),
            session: homes.sessions[home.session].to_owned(),
            project: homes.projects[home.project].to_owned(),
            time: (time > 0).then(|| timestamp(time)),
            tier: tiers.get(corpus.prompts[place].as_str()).copied(),
            sum: tally.done(),
        }
    };
    let of_tier = |(tally, mut costs): (Tally, Vec<Usd>)| {
        costs.sort_unstable();
        OfTier {
            prompts: costs.len() as u64,
            usd: tally.all.dollars(),
            median_usd: costs[costs.len() / 2].dollars(),
        }
    };
    Prompts {
        count,
        by_tier: of_tiers.into_iter().map(|(tier, sums)| (tier, of_tier(sums))).collect(),
        dearest: found.into_iter().map(show).collect(),
        requests_without: without,
    }
}
