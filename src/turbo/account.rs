//! What an order used and cost: the comparison with Claude's own models, and the line in the log, which
//! races write through it too. Owns no reading of either.

use std::path::Path;

use crate::calendar::now;
use crate::config::Env;
use crate::hosted::service::known;
use crate::hosted::usage::Usage;
use crate::metrics::log;
use crate::metrics::record::{Hosted, Kind, Record, project_key, safe_hosted, transcript_folder};
use crate::prices::{self, Prices};
use crate::rules::{built_in_policy, users_policy};
use crate::turbo::order::{Compared, Finished, Status};

/// The same numbers of tokens at the list prices of Claude's models. Tokenizers differ, so this is a scale and no bill.
pub fn compare(env: &Env, used: &Usage) -> Vec<Compared> {
    let Ok(prices) = Prices::load(env) else { return Vec::new() };
    let tokens = prices::Usage { input: used.prompt, output: used.completion, ..prices::Usage::default() };
    let priced = known().compare.iter().filter_map(|model| {
        Some(Compared { model: model.clone(), usd: prices.cost(model, now(), &tokens)?.dollars() })
    });
    priced.collect()
}

/// Writes the order down. Failing to costs a line of the report, never the work.
pub fn note(env: &Env, finished: &Finished) {
    let here = env.project_dir.clone().or_else(|| std::env::current_dir().ok());
    let mut record = line(env, Kind::Turbo, here.as_deref());
    record.ms = Some(finished.ms);
    record.why = finished.error.as_ref().map(|error| error.code.clone());
    let used = &finished.usage;
    record.h = Some(Box::new(Hosted {
        m: safe_hosted(&finished.model),
        i: used.prompt,
        o: used.completion,
        r: used.reasoning,
        c: used.cached,
        usd: finished.cost_usd.map(micro),
        ms: finished.service_ms,
        n: u64::from(finished.retries),
        f: finished.files.len() as u64,
        l: finished.files.iter().map(|file| file.lines as u64).sum(),
        ok: finished.status == Status::Ok || finished.tests.is_some(),
        t1: finished.tests.as_ref().map(|tests| tests.first_pass),
        t: finished.tests.as_ref().map(|tests| tests.passed),
        fix: finished.tests.as_ref().map_or(0, |tests| u64::from(tests.repairs)),
    }));
    append(env, record);
}

/// An empty line of now: of the session that the command runs in, if any, and of a project's folder.
pub fn line(env: &Env, kind: Kind, project: Option<&Path>) -> Record {
    let mut record = Record::new(kind, now(), env.session_id.as_deref().unwrap_or("cli"));
    record.pj = project.map(|project| project_key(&transcript_folder(&project.to_string_lossy())));
    record
}

/// Appends a line to the log, if it can be.
pub fn append(env: &Env, record: Record) {
    let Some(state_dir) = env.state_dir.as_deref() else { return };
    let policy = users_policy(env).unwrap_or_else(|_| built_in_policy());
    let _ = log::append(state_dir, &policy.log, &[record]);
}

/// Dollars in millionths, as the log holds them.
pub fn micro(dollars: f64) -> u64 {
    (dollars * 1e6).round() as u64
}
