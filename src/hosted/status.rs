//! Whether the hosted service can be used: what `check_status` and `sef turbo status` say. Never shows the key.

use std::time::Duration;

use serde::Serialize;

use super::bucket::Bucket;
use super::fault::{Fault, Kind};
use super::models::{self, List, Listed, Model};
use super::service::Service;
use crate::config::Env;

/// For each of the service's lists.
const WITHIN: Duration = Duration::from_secs(5);
/// Models that are named.
const MOST: usize = 50;

/// What is known of the service.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `ready`, or what stands in the way: `no_key`, `bad_key`, `unreachable`, `no_model`, `bad_address`, ...
    pub status: String,
    /// One sentence for people.
    pub message: String,
    /// What to do; empty when all is well.
    pub fix: String,
    /// Id of the service's row.
    pub provider: String,
    /// Its address.
    pub base_url: String,
    /// The variable that the key is read from.
    pub key_env: String,
    /// Whether a key is there.
    pub key_set: bool,
    /// The model that would be asked.
    pub model: String,
    /// What is served.
    pub models: Vec<Served>,
    /// Where the list of models is from: `service`, `cache` or `built-in`, and its date.
    pub models_from: String,
    /// Requests a minute, as far as known.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, as far as known.
    pub tokens_per_minute: Option<u64>,
}

/// One model of a service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Served {
    /// Its id.
    pub id: String,
    /// Largest context in tokens.
    pub context: Option<u64>,
    /// Most tokens of one answer.
    pub max_output: Option<u64>,
    /// US dollars per million prompt tokens.
    pub input_usd_per_mtok: Option<f64>,
    /// US dollars per million generated tokens.
    pub output_usd_per_mtok: Option<f64>,
}

/// Looks at the configuration and, when `live`, asks the service. Never fails: what stands in the way is the answer.
pub fn check(env: &Env, live: Live) -> Status {
    let state_dir = env.state_dir.as_deref();
    let service = match Service::find(env, None) {
        Ok(service) => service,
        Err(fault) => return stopped(&fault),
    };
    let mut fault = service.without_key();
    let mut list = models::kept(state_dir, &service);
    if live == Live::Yes && fault.is_none() {
        match models::fetch(state_dir, &service, WITHIN) {
            Ok(fetched) => list = Some(fetched),
            Err(found) => fault = Some(found),
        }
    }
    let fault = fault.or_else(|| not_served(&service, list.as_ref()));
    let model = Model::of(&service, list.as_ref());
    let (requests, tokens) = bucket(env, &service, &model).limits();
    let rows = list.as_ref().filter(|list| !list.models.is_empty()).map(|list| list.models.clone());
    Status {
        status: fault.as_ref().map_or("ready", |fault| fault.kind.code()).to_owned(),
        message: match &fault {
            Some(fault) => fault.why.clone(),
            None if live == Live::Yes => {
                format!("{} answers and serves {}", service.provider.name, service.model)
            }
            None => format!("{} is set up for {}; it was not asked", service.provider.name, service.model),
        },
        fix: fault.map(|fault| fault.fix).unwrap_or_default(),
        provider: service.provider.id.clone(),
        base_url: service.base_url.clone(),
        key_env: service.key_env.clone().unwrap_or_else(|| "none".to_owned()),
        key_set: service.key.is_some(),
        model: service.model.clone(),
        models: rows
            .map_or_else(|| models::built_in(&service), |rows| models::filled_in(&service, rows))
            .into_iter()
            .take(MOST)
            .map(served)
            .collect(),
        models_from: models::origin(list.as_ref().filter(|list| !list.models.is_empty())),
        requests_per_minute: requests,
        tokens_per_minute: tokens,
    }
}

/// Whether to ask the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// It is asked.
    Yes,
    /// Only what is on this machine is looked at.
    No,
}

/// The shared bucket of a service's model.
pub fn bucket(env: &Env, service: &Service, model: &Model) -> Bucket {
    let (requests, tokens) = (model.requests_per_minute, model.tokens_per_minute);
    Bucket::of(env.state_dir.as_deref(), &service.base_url, &model.id, requests, tokens)
}

/// The model is not on the service's list. A list that is empty says nothing.
pub fn not_served(service: &Service, list: Option<&List>) -> Option<Fault> {
    let list = list.filter(|list| !list.models.is_empty())?;
    if list.models.iter().any(|model| model.id == service.model) {
        return None;
    }
    let names: Vec<&str> = list
        .models
        .iter()
        .filter(|model| !model.deprecated)
        .map(|model| model.id.as_str())
        .take(12)
        .collect();
    let named =
        if service.provider.id == "cerebras" { "CEREBRAS_MODEL" } else { "[hosted] model in config.toml" };
    Some(
        Fault::new(
            Kind::NoModel,
            format!("{} does not serve {:?} (any more)", service.provider.name, service.model),
        )
        .fix(format!("choose one that it serves: {} (--model, or {named})", names.join(", "))),
    )
}

fn served(listed: Listed) -> Served {
    Served {
        id: listed.id,
        context: listed.context,
        max_output: listed.max_output,
        input_usd_per_mtok: listed.input,
        output_usd_per_mtok: listed.output,
    }
}

/// The configuration itself cannot be used.
fn stopped(fault: &Fault) -> Status {
    Status {
        status: fault.kind.code().to_owned(),
        message: fault.why.clone(),
        fix: fault.fix.clone(),
        provider: String::new(),
        base_url: String::new(),
        key_env: String::new(),
        key_set: false,
        model: String::new(),
        models: Vec::new(),
        models_from: String::new(),
        requests_per_minute: None,
        tokens_per_minute: None,
    }
}
