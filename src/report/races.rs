//! What races came to, what they cost and put into Claude's context, and what the same numbers of tokens cost on Claude's
//! models. A race may have several lines: its figures are those of the last one, its time is that of the first. Pure.

use std::collections::HashMap;

use serde::Serialize;

use crate::calendar::timestamp;
use crate::metrics::race::{Race, Sort, Step};
use crate::metrics::record::{Hosted, Kind, Record};
use crate::prices::Prices;
use crate::report::turbo::{compare, median};
use crate::transcript::corpus::Corpus;

/// Races that are listed one by one.
const LISTED: usize = 10;

/// The sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Races {
    /// Races that made calls.
    pub races: u64,
    /// Of those, several runners for one design.
    pub showdowns: u64,
    /// Several approaches for one problem.
    pub any_percents: u64,
    /// Somebody won.
    pub won: u64,
    /// Nobody won.
    pub no_winner: u64,
    /// Stopped, and not gone on with since.
    pub stopped: u64,
    /// A candidate went onto a branch of the user.
    pub promoted: u64,
    /// Candidates of all races.
    pub candidates: u64,
    /// Of those, the ones that sat the final exam.
    pub finished: u64,
    /// Of those, the ones that passed it.
    pub passed: u64,
    /// Candidates whose tests passed before any repair.
    pub first_pass: u64,
    /// Repair rounds.
    pub repairs: u64,
    /// Candidates that were the same as another.
    pub duplicates: u64,
    /// Candidates that changed their own exam.
    pub forged_exams: u64,
    /// Calls of candidates and reviews.
    pub calls: u64,
    /// Of those, made again.
    pub retries: u64,
    /// Of those, the reviews'.
    pub review_calls: u64,
    /// Prompt tokens.
    pub prompt: u64,
    /// Of those, from the service's cache.
    pub cached: u64,
    /// Generated tokens, reasoning included.
    pub completion: u64,
    /// Of those, reasoning.
    pub reasoning: u64,
    /// What the races with a known price cost, in dollars.
    pub usd: f64,
    /// Races whose model has no known price.
    pub unpriced: u64,
    /// Time of all races, in milliseconds; pauses are left out.
    pub ms: u64,
    /// The median of it.
    pub p50_ms: Option<u64>,
    /// Estimate of the tokens that races put into Claude's context; none when none of them was asked for by a tool of Claude.
    pub orchestrator_tokens: Option<u64>,
    /// The same numbers of tokens at today's list prices of other models: an estimate.
    pub compare: Vec<Elsewhere>,
    /// The latest ones, newest first.
    pub last: Vec<Run>,
}

/// See [`Races::compare`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elsewhere {
    /// A model of Claude's, or `session` for the one that the race's session ran on.
    pub model: String,
    /// Races that could be compared.
    pub races: u64,
    /// What they cost here, in dollars.
    pub here_usd: f64,
    /// What the same numbers of tokens would cost there, in dollars.
    pub there_usd: f64,
}

/// See [`Races::last`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// When it was first written down, ISO 8601.
    pub time: String,
    /// Which kind; none when the log does not say it.
    pub kind: Option<&'static str>,
    /// Candidates.
    pub candidates: u64,
    /// Of those, the ones that passed the final exam.
    pub passed: u64,
    /// The hosted model.
    pub model: String,
    /// Calls.
    pub calls: u64,
    /// Prompt tokens.
    pub prompt: u64,
    /// Generated tokens.
    pub completion: u64,
    /// What it cost, in dollars; none when the model has no known price.
    pub usd: Option<f64>,
    /// Time, in milliseconds.
    pub ms: Option<u64>,
    /// Whether somebody won; none when it was stopped.
    pub winner: Option<bool>,
    /// Code lines of the winner.
    pub winner_lines: u64,
    /// A candidate went onto a branch.
    pub promoted: bool,
    /// Estimate of the tokens that it put into Claude's context; none when no tool of Claude asked for it.
    pub orchestrator_tokens: Option<u64>,
}

impl Races {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.races == 0
    }
}

/// Adds up the races that began to count at or after `since`; today is `now` (both in milliseconds since 1970).
pub fn add_up(records: &[Record], corpus: &Corpus, prices: &Prices, since: u64, now: u64) -> Races {
    let mut known = joined(records);
    known.retain(|one| one.first.t >= since);
    let mut sum = Races::default();
    for one in &known {
        sum.add(one);
    }
    sum.p50_ms = median(known.iter().filter_map(|one| one.ms).collect());
    let priced: Vec<(&Record, &Hosted)> = known.iter().map(|one| (one.first, one.hosted)).collect();
    // Looking up the sessions' models takes time, which reports without races need not spend.
    let others = if priced.is_empty() { Vec::new() } else { compare(&priced, corpus, prices, |_| now) };
    sum.compare = others
        .into_iter()
        .map(|other| Elsewhere {
            model: other.model,
            races: other.orders,
            here_usd: other.here_usd,
            there_usd: other.there_usd,
        })
        .collect();
    known.sort_by_key(|one| std::cmp::Reverse(one.first.t));
    sum.last = known.iter().take(LISTED).map(Joined::run).collect();
    sum
}

/// A race from all of its lines.
struct Joined<'a> {
    first: &'a Record,
    hosted: &'a Hosted,
    race: &'a Race,
    ms: Option<u64>,
    promoted: bool,
    told: Option<u64>,
}

/// The races that have figures, in the order of their first lines.
fn joined(records: &[Record]) -> Vec<Joined<'_>> {
    let mut told: HashMap<&str, u64> = HashMap::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<Joined<'_>> = Vec::new();
    for record in records.iter().filter(|record| record.e == Kind::Race) {
        let Some(race) = record.rc.as_deref() else { continue };
        if let Some(more) = race.tok {
            let sum = told.entry(&race.id).or_default();
            *sum = sum.saturating_add(more);
        }
        let (false, Some(hosted)) = (race.st == Step::Told, record.h.as_deref()) else { continue };
        let place = *places.entry(&race.id).or_insert(all.len());
        if place == all.len() {
            all.push(Joined { first: record, hosted, race, ms: None, promoted: false, told: None });
        }
        let one = &mut all[place];
        (one.hosted, one.race, one.ms) = (hosted, race, record.ms);
        one.promoted |= race.st == Step::Promoted;
    }
    for one in &mut all {
        one.told = told.get(one.race.id.as_str()).copied();
    }
    all
}

impl Joined<'_> {
    fn run(&self) -> Run {
        let Self { first, hosted, race, .. } = self;
        Run {
            id: race.id.clone(),
            time: timestamp(first.t),
            kind: race.k.map(Sort::name),
            candidates: race.n,
            passed: race.ok,
            model: hosted.m.clone(),
            calls: race.calls,
            prompt: hosted.i,
            completion: hosted.o,
            usd: hosted.usd.map(|micro| micro as f64 / 1e6),
            ms: self.ms,
            winner: race.w,
            winner_lines: hosted.l,
            promoted: self.promoted,
            orchestrator_tokens: self.told,
        }
    }
}

impl Races {
    fn add(&mut self, one: &Joined<'_>) {
        let (race, hosted) = (one.race, one.hosted);
        self.races += 1;
        self.showdowns += u64::from(race.k == Some(Sort::Showdown));
        self.any_percents += u64::from(race.k == Some(Sort::AnyPercent));
        self.won += u64::from(race.w == Some(true));
        self.no_winner += u64::from(race.w == Some(false));
        self.stopped += u64::from(race.w.is_none());
        self.promoted += u64::from(one.promoted);
        for (sum, more) in [
            (&mut self.candidates, race.n),
            (&mut self.finished, race.fin),
            (&mut self.passed, race.ok),
            (&mut self.first_pass, race.t1),
            (&mut self.repairs, hosted.fix),
            (&mut self.duplicates, race.dup),
            (&mut self.forged_exams, race.forged),
            (&mut self.calls, race.calls),
            (&mut self.retries, hosted.n),
            (&mut self.review_calls, race.rev),
            (&mut self.prompt, hosted.i),
            (&mut self.cached, hosted.c),
            (&mut self.completion, hosted.o),
            (&mut self.reasoning, hosted.r),
            (&mut self.ms, one.ms.unwrap_or(0)),
        ] {
            *sum = sum.saturating_add(more);
        }
        match hosted.usd {
            Some(micro) => self.usd += micro as f64 / 1e6,
            None => self.unpriced += 1,
        }
        if let Some(told) = one.told {
            self.orchestrator_tokens = Some(self.orchestrator_tokens.unwrap_or(0).saturating_add(told));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T12:00:00Z.
    const NOON: u64 = 1_795_176_000_000;

    fn line(t: u64, hosted: Hosted, race: Race) -> Record {
        let record = Record::new(Kind::Race, t, "s");
        Record { h: Some(Box::new(hosted)), rc: Some(Box::new(race)), ms: Some(60_000), ..record }
    }

    fn told(t: u64, id: &str, tok: u64) -> Record {
        let race = Race { id: id.to_owned(), st: Step::Told, tok: Some(tok), ..Race::default() };
        Record { rc: Some(Box::new(race)), ..Record::new(Kind::Race, t, "s") }
    }

    fn used(i: u64, o: u64, usd: Option<u64>) -> Hosted {
        Hosted { m: "m".to_owned(), i, o, usd, ..Hosted::default() }
    }

    fn race(id: &str, st: Step, w: Option<bool>, calls: u64) -> Race {
        Race { id: id.to_owned(), st, k: Some(Sort::Showdown), n: 3, ok: 2, w, calls, ..Race::default() }
    }

    fn add_up_to_noon(records: &[Record], since: u64) -> Races {
        let prices = Prices::built_in().expect("it is tested");
        add_up(records, &Corpus::default(), &prices, since, NOON)
    }

    #[test]
    fn a_race_that_was_stopped_gone_on_with_judged_again_and_promoted_counts_once_with_its_last_figures() {
        let records = [
            told(NOON, "a", 5),
            line(NOON + 1, used(1_000, 500, Some(500)), race("a", Step::Stopped, None, 4)),
            line(NOON + 2, used(2_000, 4_000, Some(3_700)), race("a", Step::Judged, Some(false), 9)),
            told(NOON + 3, "a", 70),
            line(NOON + 4, used(2_000, 4_000, Some(3_700)), race("a", Step::Again, Some(true), 9)),
            line(NOON + 5, used(2_000, 4_000, Some(3_700)), race("a", Step::Promoted, Some(true), 9)),
        ];
        let sum = add_up_to_noon(&records, 0);
        assert_eq!((sum.races, sum.won, sum.no_winner, sum.stopped, sum.promoted), (1, 1, 0, 0, 1));
        assert_eq!(
            (sum.calls, sum.prompt, sum.completion, sum.candidates, sum.ms),
            (9, 2_000, 4_000, 3, 60_000)
        );
        assert_eq!(sum.orchestrator_tokens, Some(75));
        assert!((sum.usd - 0.0037).abs() < 1e-9);
        assert_eq!((sum.last.len(), sum.last[0].time.as_str()), (1, "2026-11-20T12:00:00.001Z"));
        assert_eq!((sum.last[0].winner, sum.last[0].promoted), (Some(true), true));
        let haiku = sum.compare.iter().find(|other| other.model.contains("haiku")).expect("it is compared");
        // 2,000 tokens at $0.10 and 4,000 at $0.50 for a million.
        assert!((haiku.there_usd - 0.0022).abs() < 1e-9 && haiku.races == 1, "{haiku:?}");
    }

    #[test]
    fn what_is_before_the_period_without_figures_or_without_a_price_is_told_apart() {
        let records = [
            line(5, used(9, 9, Some(9)), race("old", Step::Judged, Some(true), 1)),
            line(NOON, used(9, 9, Some(9)), race("old", Step::Promoted, Some(true), 1)),
            told(NOON, "elsewhere", 1_000),
            Record::new(Kind::Race, NOON, "s"),
            line(NOON, used(7, 8, None), race("free", Step::Stopped, None, 2)),
            line(
                NOON,
                used(1, 1, Some(2)),
                Race { k: Some(Sort::AnyPercent), ..race("b", Step::Judged, Some(false), 1) },
            ),
        ];
        let sum = add_up_to_noon(&records, 1_000);
        assert_eq!((sum.races, sum.showdowns, sum.any_percents, sum.promoted), (2, 1, 1, 0));
        assert_eq!((sum.won, sum.no_winner, sum.stopped, sum.unpriced), (0, 1, 1, 1));
        assert_eq!((sum.prompt, sum.orchestrator_tokens), (8, None));
        assert!(sum.compare.iter().all(|other| other.races == 1), "{:?}", sum.compare);
    }

    #[test]
    fn ten_races_are_listed_newest_first_and_sums_do_not_run_over() {
        let all: Vec<Record> = (0..12)
            .map(|number| {
                line(
                    NOON + number,
                    used(u64::MAX, 1, None),
                    race(&format!("r{number}"), Step::Judged, None, u64::MAX),
                )
            })
            .collect();
        let sum = add_up_to_noon(&all, 0);
        assert_eq!((sum.races, sum.prompt, sum.calls), (12, u64::MAX, u64::MAX));
        let ids: Vec<&str> = sum.last.iter().map(|run| run.id.as_str()).collect();
        assert_eq!((ids.len(), ids[0], ids[9]), (10, "r11", "r2"));
        assert!(add_up_to_noon(&[], 0).is_empty());
    }
}
