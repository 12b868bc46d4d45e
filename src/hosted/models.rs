//! The models of a service: what its own list says (any of the shapes that services use), kept for a day, over what is built
//! in. Prices are per token and exact; a model that nobody names a price for has none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client;
use super::fault::Fault;
use super::service::{ModelRow, Service, known};
use super::usage::Usage;
use crate::calendar::{now, timestamp};
use crate::fsx::read_private;
use crate::metrics::record::fnv64;
use crate::prices::Usd;
use crate::state::replace_private;

/// A list is asked for again when it is older, in milliseconds.
const FRESH: u64 = 24 * 3_600_000;
/// Largest kept list that is read, in bytes.
const MAX_LIST: u64 = 4 << 20;
/// Models of a list that are kept: OpenRouter serves several hundred.
const MOST: usize = 2_000;
/// Assumed of a model that nobody knows.
const REASONING_ROOM: u64 = 2_000;

/// One model as a service's list describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Largest context in tokens.
    pub context: Option<u64>,
    /// Most tokens of one answer.
    pub max_output: Option<u64>,
    /// US dollars per million prompt tokens.
    pub input: Option<f64>,
    /// The same when they are read from the cache.
    pub cached: Option<f64>,
    /// US dollars per million generated tokens.
    pub output: Option<f64>,
    /// Requests a minute by default.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute by default.
    pub tokens_per_minute: Option<u64>,
    /// Not for long any more.
    pub deprecated: bool,
}

/// A service's list and when it was read, milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// When.
    pub read: u64,
    /// The models, in the service's order.
    pub models: Vec<Listed>,
}

/// What a call has to know of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Its id.
    pub id: String,
    /// Largest context in tokens.
    pub context: Option<u64>,
    /// Most tokens of one answer.
    pub max_output: Option<u64>,
    /// Tokens that an answer may spend on reasoning.
    pub reasoning_room: u64,
    /// Fields that a request needs.
    pub extra: Map<String, Value>,
    /// Prompt, cached prompt, generated: the price of one token.
    pub price: Option<[Usd; 3]>,
    /// Requests a minute, until headers say better.
    pub requests_per_minute: Option<u64>,
    /// Tokens a minute, until headers say better.
    pub tokens_per_minute: Option<u64>,
}

impl Model {
    /// What is known of the service's model.
    pub fn of(service: &Service, list: Option<&List>) -> Self {
        let row = row(service);
        let listed = list.and_then(|list| list.models.iter().find(|model| model.id == service.model));
        let listed = listed.cloned().unwrap_or_default();
        let known = |get: fn(&ModelRow) -> Option<f64>| row.and_then(get);
        let (input, output) = match (listed.input, listed.output) {
            (Some(input), Some(output)) => (Some(input), Some(output)),
            _ if service.provider.free => (Some(0.0), Some(0.0)),
            _ => (known(|row| row.input), known(|row| row.output)),
        };
        let cached = listed.cached.or_else(|| known(|row| row.cached)).or(input);
        let price = [input, cached, output].map(|dollars| dollars.and_then(Usd::per_million));
        let price = if let [Some(input), Some(cached), Some(output)] = price {
            Some([input, cached, output])
        } else {
            None
        };
        let presumed = service.presumed_limits();
        Self {
            id: service.model.clone(),
            context: listed.context.or_else(|| row?.context),
            max_output: listed.max_output.or_else(|| row?.max_output),
            reasoning_room: row.and_then(|row| row.reasoning_room).unwrap_or(REASONING_ROOM),
            extra: row.map(|row| row.extra.clone()).unwrap_or_default(),
            price,
            requests_per_minute: listed.requests_per_minute.or(presumed.0),
            tokens_per_minute: listed.tokens_per_minute.or(presumed.1),
        }
    }

    /// What a call cost; none when there is no price.
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        let [input, cached, output] = self.price?;
        let from_cache = usage.cached.min(usage.prompt);
        Some(
            Usd::of(usage.prompt - from_cache, input)
                .plus(Usd::of(from_cache, cached))
                .plus(Usd::of(usage.completion, output)),
        )
    }
}

fn row(service: &Service) -> Option<&'static ModelRow> {
    known().model.iter().find(|row| row.provider == service.provider.id && row.id == service.model)
}

/// The kept list of a service, however old.
pub fn kept(state_dir: Option<&Path>, service: &Service) -> Option<List> {
    let bytes = read_private(&path(state_dir?, service), MAX_LIST).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether a list should be asked for again.
pub fn is_old(list: Option<&List>) -> bool {
    list.is_none_or(|list| now().saturating_sub(list.read) > FRESH)
}

/// Asks the service for its list and keeps it. What its public list says of prices and limits is added.
pub fn fetch(state_dir: Option<&Path>, service: &Service, within: Duration) -> Result<List, Fault> {
    let body = client::get(service, &format!("{}/models", service.base_url), client::WithKey::Yes, within)?;
    let mut models = parse(&body).unwrap_or_default();
    if let Some(public) =
        service.provider.models_url.as_deref().and_then(|url| on_own_host(url, &service.base_url))
        && let Ok(body) = client::get(service, &public, client::WithKey::No, within)
    {
        // The account's own list says what it may use; the public one only describes. Without the first, the second has to do.
        let public = parse(&body).unwrap_or_default();
        if models.is_empty() {
            models = public;
        } else {
            let described = |id: &str| public.iter().find(|more| more.id == id).cloned();
            models = models.into_iter().map(|model| described(&model.id).unwrap_or(model)).collect();
        }
    }
    let list = List { read: now(), models };
    if let (Some(dir), Ok(text)) = (state_dir, serde_json::to_vec(&list)) {
        // Not kept is asked for again.
        let _ = replace_private(&dir.join("hosted"), &path(dir, service), &text);
    }
    Ok(list)
}

/// The public list at the host that is really asked.
fn on_own_host(url: &str, base_url: &str) -> Option<String> {
    let after_host = |url: &str| {
        let start = url.find("://")? + 3;
        Some(url[start..].find('/').map_or(url.len(), |at| start + at))
    };
    Some(format!("{}{}", &base_url[..after_host(base_url)?], &url[after_host(url)?..]))
}

fn path(state_dir: &Path, service: &Service) -> PathBuf {
    state_dir.join("hosted").join(format!("models-{:016x}.json", fnv64(service.base_url.as_bytes())))
}

/// Where a list is from, in words.
pub fn origin(list: Option<&List>) -> String {
    match list {
        Some(list) => timestamp(list.read),
        None => format!("built-in, {}", known().as_of),
    }
}

/// The built-in rows of a service as a list.
pub fn built_in(service: &Service) -> Vec<Listed> {
    let rows = known().model.iter().filter(|row| row.provider == service.provider.id);
    rows.map(|row| Listed {
        id: row.id.clone(),
        context: row.context,
        max_output: row.max_output,
        input: row.input,
        cached: row.cached,
        output: row.output,
        ..Listed::default()
    })
    .collect()
}

/// A service's list with what it does not say filled in from the built-in rows.
pub fn filled_in(service: &Service, list: Vec<Listed>) -> Vec<Listed> {
    let rows = built_in(service);
    let fill = |mut listed: Listed| {
        if let Some(row) = rows.iter().find(|row| row.id == listed.id) {
            listed.context = listed.context.or(row.context);
            listed.max_output = listed.max_output.or(row.max_output);
            if listed.input.is_none() || listed.output.is_none() {
                (listed.input, listed.cached, listed.output) = (row.input, row.cached, row.output);
            }
        }
        listed
    };
    list.into_iter().map(fill).collect()
}

/// Reads a list: OpenAI's bare one, Cerebras' public one, OpenRouter's, Hugging Face's, Groq's, vLLM's.
pub fn parse(body: &[u8]) -> Option<Vec<Listed>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let entries = value.get("data").or_else(|| value.get("models")).unwrap_or(&value).as_array()?;
    Some(entries.iter().filter_map(listed).take(MOST).collect())
}

fn listed(entry: &Value) -> Option<Listed> {
    let count = |names: &[&str]| names.iter().find_map(|name| entry.pointer(name).and_then(Value::as_u64));
    // Per token as text, or per million as a number.
    let rate = |names: &[&str]| {
        names.iter().find_map(|name| match entry.pointer(&format!("/pricing/{name}"))? {
            Value::String(text) => text.parse::<f64>().ok().map(|dollars| dollars * 1e6),
            Value::Number(number) => number.as_f64(),
            _ => None,
        })
    };
    let rate = |names: &[&str]| rate(names).filter(|dollars| Usd::per_million(*dollars).is_some());
    let id = entry.get("id")?.as_str().filter(|id| !id.is_empty() && id.len() <= 200)?;
    Some(Listed {
        id: id.to_owned(),
        context: count(&[
            "/context_length",
            "/context_window",
            "/max_model_len",
            "/limits/max_context_length",
            "/top_provider/context_length",
        ]),
        max_output: count(&[
            "/max_output_length",
            "/max_completion_tokens",
            "/limits/max_completion_tokens",
            "/top_provider/max_completion_tokens",
        ]),
        input: rate(&["prompt", "input"]),
        cached: rate(&["input_cache_read", "cached_input"]),
        output: rate(&["completion", "output"]),
        requests_per_minute: count(&["/limits/requests_per_minute"]),
        tokens_per_minute: count(&["/limits/tokens_per_minute"]),
        deprecated: entry.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_list_is_read() {
        let full = |input, output| Listed {
            id: "m".to_owned(),
            context: Some(131_072),
            max_output: Some(40_960),
            input: Some(input),
            output: Some(output),
            ..Listed::default()
        };
        let bare = Listed { id: "m".to_owned(), ..Listed::default() };
        for (body, expected) in [
            (
                r#"{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"x"}]}"#,
                bare.clone(),
            ),
            (
                r#"{"data":[{"id":"m","limits":{"max_context_length":131072,"max_completion_tokens":40960,"requests_per_minute":30,"tokens_per_minute":60000},"pricing":{"prompt":"0.00000035","completion":"0.00000075"},"deprecated":true}]}"#,
                Listed {
                    requests_per_minute: Some(30),
                    tokens_per_minute: Some(60_000),
                    deprecated: true,
                    ..full(0.35, 0.75)
                },
            ),
            (
                r#"{"data":[{"id":"m","context_length":131072,"max_output_length":40960,"pricing":{"input":0.35,"output":0.75}}]}"#,
                full(0.35, 0.75),
            ),
            (
                r#"{"data":[{"id":"m","context_length":131072,"top_provider":{"max_completion_tokens":40960},"pricing":{"prompt":"0.0000002","completion":"0.0000006","input_cache_read":"0.0000001"}}]}"#,
                Listed { cached: Some(0.1), ..full(0.2, 0.6) },
            ),
            (
                r#"{"data":[{"id":"m","context_window":131072,"max_completion_tokens":40960}]}"#,
                Listed { input: None, output: None, ..full(0.0, 0.0) },
            ),
            (r#"{"models":[{"id":"m"},{"id":7},{"name":"no id"},null]}"#, bare.clone()),
            (r#"[{"id":"m","pricing":{"prompt":"free","completion":-1}}]"#, bare),
        ] {
            let mut models = parse(body.as_bytes()).expect("it is a list");
            for model in &mut models {
                for rate in [&mut model.input, &mut model.cached, &mut model.output].into_iter().flatten() {
                    *rate = (*rate * 1e9).round() / 1e9;
                }
            }
            assert_eq!(models, [expected], "{body}");
        }
        for rubbish in ["", "{}", "<html>", "{\"data\":7}"] {
            assert_eq!(parse(rubbish.as_bytes()), None, "{rubbish}");
        }
    }

    #[test]
    fn the_public_list_is_looked_for_at_the_host_that_is_asked() {
        let public = "https://api.cerebras.ai/public/v1/models";
        for (base, expected) in [
            ("https://api.cerebras.ai/v1", public),
            ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/public/v1/models"),
            ("http://localhost:9", "http://localhost:9/public/v1/models"),
        ] {
            assert_eq!(on_own_host(public, base).as_deref(), Some(expected));
        }
    }
}
