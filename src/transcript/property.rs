//! Property: any bytes as a transcript are read without a panic, count no more than there are lines, and every sum over
//! them is a number. Shared by `cargo test` and `fuzz/`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::corpus::{Corpus, Index};
use super::find::Source;
use super::read::{FileFacts, Reader};
use crate::config::Env;
use crate::fsx::Stamp;
use crate::outcomes::words::Words;
use crate::outcomes::{Outcomes, rules};
use crate::prices::Prices;
use crate::report::{cost, delegations, savings};
use crate::tail::{Whose, last_in};

struct Tools {
    words: Words,
    prices: Prices,
    reader: std::cell::RefCell<Reader>,
}

thread_local! {
    static TOOLS: Tools = Tools {
        words: Words::load(&Env::default()),
        prices: Prices::built_in().expect("the built-in prices are tested"),
        reader: std::cell::RefCell::default(),
    };
}

/// Reads the bytes as a session's transcript and as one of its agents', and reports on both.
pub fn check(bytes: &[u8]) {
    for whose in [Whose::Main, Whose::Any] {
        if let Some(spoke) = last_in(bytes, whose) {
            assert!(!spoke.model.is_empty() && !spoke.model.starts_with('<'));
        }
    }
    TOOLS.with(|tools| report(bytes, tools));
}

fn report(bytes: &[u8], tools: &Tools) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let mut corpus = Corpus::default();
    let mut index = Index::default();
    for agent in [None, Some("a1".to_owned())] {
        let source = source(agent);
        let facts = tools.reader.borrow_mut().read_from(bytes, &source, Some(&tools.words));
        let facts = facts.expect("memory can be read");
        check_facts(&facts, lines);
        corpus.add(&source, facts, &mut index);
    }
    assert!(corpus.requests.len() <= 2 * lines && corpus.prompts.len() <= 2 * lines);
    check_sums(&corpus, &tools.prices);
}

fn source(agent: Option<String>) -> Source {
    let path = PathBuf::from("/nowhere/s1.jsonl");
    Source { path, folder: "-p".to_owned(), session: "s1".to_owned(), agent, stamp: Stamp::default() }
}

fn check_facts(facts: &FileFacts, lines: usize) {
    let counts = [facts.requests.len(), facts.links.len(), facts.prompts.len(), facts.unreadable as usize];
    assert!(counts.iter().all(|count| *count <= lines), "{counts:?} of {lines} lines");
    assert!(facts.requests.iter().all(|request| request.prompt as usize <= facts.prompts.len()));
    assert!(facts.state.is_none_or(|state| state.covers <= facts.requests.len()));
    assert!(facts.trace.as_ref().is_none_or(super::super::outcomes::evidence::Trace::is_whole));
}

fn check_sums(corpus: &Corpus, prices: &Prices) {
    let cost = cost::add_up(corpus, prices, &[], 0);
    for sum in [cost.actual_usd, cost.main_usd, cost.subagents_usd, cost.client_usd.unwrap_or(0.0)] {
        assert!(sum.is_finite() && sum >= 0.0, "{sum}");
    }
    for one in &cost.differences {
        assert!(one.client_usd.is_finite() && one.computed_usd.is_finite() && one.difference_usd.is_finite());
    }
    let saved = savings::estimate(corpus, prices, 0, &BTreeMap::new());
    assert!(saved.net_usd().is_finite() && saved.break_even().is_none_or(f64::is_finite));
    let delegated = delegations::join(&[], corpus, 0);
    let judged = rules::judge(&delegated.list, &[], corpus);
    assert_eq!(judged.len(), delegated.list.len());
    let outcomes = Outcomes::sum(&judged);
    assert!(outcomes.known as usize <= judged.len() && outcomes.rejected <= outcomes.known);
    assert!(outcomes.rejection_rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn b6_any_bytes_as_a_transcript_are_read_and_every_sum_is_a_number() {
        seeded::inputs("transcript", 4_000, check);
    }
}
