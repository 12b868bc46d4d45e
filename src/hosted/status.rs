//! Whether the hosted service can be used: what `check_status` and `sef turbo status` say. Never shows the key.

use serde::Serialize;

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
