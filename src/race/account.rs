//! What a race used and cost, as lines in the log. Counts only; no word of design, plan or code. A race has a line for each
//! thing that happens to it, each with all its figures, so that one that goes on after a stop is counted once.

use std::path::Path;

use super::kept::{Kept, State};
use super::manifest::Kind;
use super::runner::{Record, Stage};
use crate::config::Env;
use crate::exam::Verdict;
use crate::metrics::race::{Race, Sort, Step};
use crate::metrics::record::{self, Hosted, safe_hosted, safe_id};
use crate::turbo::account::{append, line, micro};

/// Bytes of text that make a token, roughly; what an estimate can be without the model's own tokenizer.
const BYTES_A_TOKEN: u64 = 4;

/// Writes down where the race stands, once its record is saved. One that stopped before its first call leaves no line.
/// Failing to costs a line of the report, never the work.
pub fn note(env: &Env, kept: &Kept, step: Step) {
    let manifest = kept.race.manifest();
    let sort = match manifest.kind {
        Kind::Showdown => Sort::Showdown,
        Kind::AnyPercent => Sort::AnyPercent,
    };
    let (hosted, race, ms) = kept.look(|state| (hosted(state), counts(state), state.ms));
    if step == Step::Stopped && race.calls == 0 {
        return;
    }
    let mut record = line(env, record::Kind::Race, Some(&manifest.repo.top));
    record.ms = Some(ms);
    record.h = Some(Box::new(hosted));
    record.rc = Some(Box::new(Race { id: safe_id(&manifest.id), st: step, k: Some(sort), ..race }));
    append(env, record);
}

/// Writes down that Claude was given `text` about a race; `top` is the race's repository. For whoever answers a tool call.
pub fn told(env: &Env, id: &str, top: &Path, text: &str) {
    let mut record = line(env, record::Kind::Race, Some(top));
    let tok = Some(orchestrator_tokens(text));
    record.rc = Some(Box::new(Race { id: safe_id(id), st: Step::Told, tok, ..Race::default() }));
    append(env, record);
}

/// Tokens that a text takes in Claude's context: an estimate by its length in bytes.
pub fn orchestrator_tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(BYTES_A_TOKEN)
}

/// The calls of candidates, reviews and proposals together, and what the winner is.
fn hosted(state: &State) -> Hosted {
    let spent = state.spent();
    let winner = state.outcome.as_ref().and_then(|outcome| outcome.best());
    Hosted {
        m: safe_hosted(&spent.model),
        i: spent.usage.prompt,
        o: spent.usage.completion,
        r: spent.usage.reasoning,
        c: spent.usage.cached,
        usd: spent.cost_usd.map(micro),
        ms: spent.service_ms,
        n: u64::from(spent.retries),
        f: winner.map_or(0, |winner| winner.files.len() as u64),
        l: winner.and_then(|winner| winner.lines).map_or(0, u64::from),
        ok: winner.is_some(),
        t1: None,
        t: None,
        fix: state.records.iter().map(|record| u64::from(record.repairs)).sum(),
    }
}

/// Everything else that is counted.
fn counts(state: &State) -> Race {
    let candidates = |counts: &dyn Fn(&Record) -> bool| {
        state.records.iter().filter(|record| counts(record)).count() as u64
    };
    let outcome = state.outcome.as_deref();
    let same = outcome.and_then(|outcome| outcome.judgement.pointer("/gates/duplicates")?.as_array());
    Race {
        n: state.records.len() as u64,
        fin: candidates(&|record| record.stage >= Stage::Examined),
        ok: state.exams.values().filter(|exam| exam.verdict == Verdict::Passed).count() as u64,
        t1: candidates(&|record| record.first_pass == Some(true)),
        dup: same.map_or(0, |names| names.len() as u64),
        forged: state.exams.values().filter(|exam| !exam.edited.is_empty()).count() as u64,
        calls: u64::from(state.spent().calls),
        rev: u64::from(state.review.calls),
        w: outcome.map(|outcome| outcome.winner.is_some()),
        ..Race::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_text_are_estimated_by_its_bytes_and_never_below_what_is_there() {
        for (text, tokens) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("\u{6771}\u{4eac}", 2)] {
            assert_eq!(orchestrator_tokens(text), tokens, "{text:?}");
        }
    }
}
