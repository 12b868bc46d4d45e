//! What the hosted model wrote, used and cost, and what the same numbers of tokens cost on Claude's models. Pure.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::hosted::service::known;
use crate::metrics::record::{Hosted, Kind, Record};
use crate::prices::{Prices, Usage, Usd};
use crate::report::savings::main_model;
use crate::transcript::corpus::Corpus;

/// The sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Turbo {
    /// Orders that reached the service.
    pub orders: u64,
    /// Of those, the ones whose files were all written.
    pub complete: u64,
    /// Of the others, why, by its name.
    pub failed: BTreeMap<String, u64>,
    /// Calls that were refused because their contract was too vague.
    pub vague: u64,
    /// Files written.
    pub files: u64,
    /// Their lines.
    pub lines: u64,
    /// By model.
    pub by_model: BTreeMap<String, OfModel>,
    /// Calls that were made again.
    pub retries: u64,
    /// What the service took for an order, in milliseconds: the median.
    pub p50_service_ms: Option<u64>,
    /// What everything took, in milliseconds: the median.
    pub p50_ms: Option<u64>,
    /// Orders with tests.
    pub tested: u64,
    /// Of those, the ones that passed at the first run.
    pub first_pass: u64,
    /// The ones that passed in the end.
    pub passed: u64,
    /// Repair rounds.
    pub repairs: u64,
    /// What the orders with a known price cost, in dollars.
    pub usd: f64,
    /// Orders whose model has no known price.
    pub unpriced: u64,
    /// The same numbers of tokens at other list prices.
    pub compare: Vec<Other>,
}

/// See [`Turbo::by_model`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OfModel {
    /// Orders.
    pub orders: u64,
    /// Prompt tokens.
    pub prompt: u64,
    /// Generated tokens, reasoning included.
    pub completion: u64,
    /// Of those, reasoning.
    pub reasoning: u64,
    /// Millionths of a dollar, as far as priced.
    pub micro_usd: u64,
}

/// See [`Turbo::compare`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Other {
    /// A model of Claude's, or `session` for the one that the order's session ran on.
    pub model: String,
    /// Orders that could be compared.
    pub orders: u64,
    /// What they cost here, in dollars.
    pub here_usd: f64,
    /// What they would cost there, in dollars.
    pub there_usd: f64,
}

impl Turbo {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.orders == 0 && self.vague == 0
    }

    /// Orders that passed their tests at the first run, as a share of those with tests.
    pub fn first_pass_rate(&self) -> Option<f64> {
        (self.tested > 0).then(|| self.first_pass as f64 / self.tested as f64)
    }
}

/// Adds up the orders at or after `since` (milliseconds since 1970).
pub fn add_up(records: &[Record], corpus: &Corpus, prices: &Prices, since: u64) -> Turbo {
    let mut sum = Turbo::default();
    let mut ordered: Vec<(&Record, &Hosted)> = Vec::new();
    for record in records.iter().filter(|record| record.t >= since) {
        match (record.e, record.h.as_deref()) {
            (Kind::Vague, _) => sum.vague += 1,
            (Kind::Turbo, Some(hosted)) => {
                sum.add(record, hosted);
                ordered.push((record, hosted));
            }
            _ => {}
        }
    }
    sum.p50_service_ms = median(ordered.iter().map(|(_, hosted)| hosted.ms).collect());
    sum.p50_ms = median(ordered.iter().filter_map(|(record, _)| record.ms).collect());
    sum.compare = compare(&ordered, corpus, prices, |record| record.t);
    sum
}

impl Turbo {
    fn add(&mut self, record: &Record, hosted: &Hosted) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        self.orders += 1;
        if hosted.ok {
            self.complete += 1;
        } else {
            let why = record.why.clone().unwrap_or_else(|| "unknown".to_owned());
            *self.failed.entry(why).or_default() += 1;
        }
        add(&mut self.files, hosted.f);
        add(&mut self.lines, hosted.l);
        add(&mut self.retries, hosted.n);
        add(&mut self.repairs, hosted.fix);
        self.tested += u64::from(hosted.t.is_some());
        self.first_pass += u64::from(hosted.t1 == Some(true));
        self.passed += u64::from(hosted.t == Some(true));
        let model = self.by_model.entry(hosted.m.clone()).or_default();
        model.orders += 1;
        add(&mut model.prompt, hosted.i);
        add(&mut model.completion, hosted.o);
        add(&mut model.reasoning, hosted.r);
        match hosted.usd {
            Some(micro) => {
                add(&mut model.micro_usd, micro);
                self.usd += micro as f64 / 1e6;
            }
            None => self.unpriced += 1,
        }
    }
}

/// The orders with a price here and there: on their own session's model, then on each of the named ones, at the prices of
/// the time that `priced` says.
pub(super) fn compare(
    ordered: &[(&Record, &Hosted)],
    corpus: &Corpus,
    prices: &Prices,
    priced: impl Fn(&Record) -> u64,
) -> Vec<Other> {
    let sessions: HashMap<&str, &str> = corpus
        .sessions
        .iter()
        .filter_map(|session| Some((session.id.as_str(), main_model(corpus, session)?)))
        .collect();
    let other = |name: &str, model_of: &dyn Fn(&Record) -> Option<String>| {
        let mut other = Other { model: name.to_owned(), orders: 0, here_usd: 0.0, there_usd: 0.0 };
        for (record, hosted) in ordered {
            let tokens = Usage { input: hosted.i, output: hosted.o, ..Usage::default() };
            let there = model_of(record).and_then(|model| prices.cost(&model, priced(record), &tokens));
            if let (Some(here), Some(there)) = (hosted.usd, there.map(Usd::dollars)) {
                other.orders += 1;
                other.here_usd += here as f64 / 1e6;
                other.there_usd += there;
            }
        }
        other
    };
    let own = other("session", &|record| sessions.get(record.s.as_str()).map(|model| (*model).to_owned()));
    let named = known().compare.iter().map(|model| other(model, &|_| Some(model.clone())));
    std::iter::once(own).chain(named).filter(|other| other.orders > 0).collect()
}

pub(super) fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(t: u64, hosted: Hosted) -> Record {
        Record { h: Some(Box::new(hosted)), ms: Some(2_000), ..Record::new(Kind::Turbo, t, "s") }
    }

    #[test]
    fn orders_are_added_up_and_compared_at_list_prices() {
        let now = 1_795_176_000_000;
        let good = Hosted {
            m: "m".to_owned(),
            i: 2_000,
            o: 4_000,
            usd: Some(3_700),
            f: 2,
            l: 90,
            ok: true,
            t1: Some(true),
            t: Some(true),
            ms: 1_500,
            ..Hosted::default()
        };
        let mended = Hosted { t1: Some(false), fix: 1, n: 2, ..good.clone() };
        let free = Hosted { usd: None, ok: false, f: 0, l: 0, t1: None, t: None, ..good.clone() };
        let failed = Record { why: Some("truncated".to_owned()), ..order(now, free) };
        let vague = Record::new(Kind::Vague, now, "s");
        let records = [order(now, good.clone()), order(now, mended), failed, vague, order(5, good)];
        let prices = Prices::built_in().expect("it is tested");
        let sum = add_up(&records, &Corpus::default(), &prices, 1_000);
        assert_eq!((sum.orders, sum.complete, sum.vague, sum.unpriced, sum.retries), (3, 2, 1, 1, 2));
        assert_eq!((sum.tested, sum.first_pass, sum.passed, sum.repairs), (2, 1, 2, 1));
        assert_eq!(sum.failed.get("truncated"), Some(&1));
        assert!((sum.usd - 0.0074).abs() < 1e-9);
        let haiku = sum.compare.iter().find(|other| other.model.contains("haiku")).expect("it is compared");
        assert_eq!(haiku.orders, 2);
        // 2,000 tokens at $0.10 and 4,000 at $0.50 for a million, twice.
        assert!((haiku.there_usd - 0.0044).abs() < 1e-9, "{}", haiku.there_usd);
        assert!((haiku.here_usd - 0.0074).abs() < 1e-9);
        assert!(!sum.compare.iter().any(|other| other.model == "session"));
    }
}
