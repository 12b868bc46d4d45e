//! Which service is asked, where it is, and whether the key may go there. The services are data (`rules/hosted.toml`); only the
//! user's own config.toml can name another host. Opens no connection.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::Uri;
use ureq::http::uri::Authority;
use ureq::{Agent, Proxy};

use super::fault::{Fault, Kind};
use super::key::ApiKey;
use crate::address::{Plain, checked, is_loopback};
use crate::config::Env;
use crate::rules::policy::Hosted;
use crate::rules::users_policy;

const BUILT_IN: &str = include_str!("../../rules/hosted.toml");
/// For a connection alone.
const CONNECT: Duration = Duration::from_secs(10);
/// What `key_env` says when a service wants no key.
const NO_KEY: &str = "none";

/// What is built in of services and models.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The date that the rows were checked on.
    pub as_of: String,
    /// Claude's models whose prices a call is compared with.
    pub compare: Vec<String>,
    /// Services.
    pub provider: Vec<Provider>,
    /// Models.
    pub model: Vec<ModelRow>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What `[hosted] provider` says.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Address up to and without `/chat/completions`.
    pub base_url: String,
    /// The variable with the key, or `none`.
    pub key_env: String,
    /// Where a person gets a key.
    #[serde(default)]
    pub key_page: String,
    /// The model that is asked when nobody says which.
    pub model: String,
    /// A list of models that needs no key; it is looked for on the service's own host.
    pub models_url: Option<String>,
    /// Until headers say better; none is no limit.
    pub requests_per_minute: Option<u64>,
    /// Until headers say better; none is no limit.
    pub tokens_per_minute: Option<u64>,
    /// Costs nothing.
    #[serde(default)]
    pub free: bool,
}

/// What was known of one model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRow {
    /// Its service.
    pub provider: String,
    /// Its id there.
    pub id: String,
    /// Largest context in tokens.
    pub context: Option<u64>,
    /// Most tokens of one answer.
    pub max_output: Option<u64>,
    /// US dollars per million prompt tokens.
    pub input: Option<f64>,
    /// The same when they are read from the cache; none: as `input`.
    pub cached: Option<f64>,
    /// US dollars per million generated tokens.
    pub output: Option<f64>,
    /// Tokens that an answer may spend on reasoning.
    pub reasoning_room: Option<u64>,
    /// Fields that a request for it needs.
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// The built-in rows.
pub fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| toml::from_str(BUILT_IN).expect("rules/hosted.toml is tested to parse"))
}

/// A service that may be asked.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its row.
    pub provider: &'static Provider,
    /// Where it is, without a slash at the end.
    pub base_url: String,
    /// The variable that its key is read from; none when it wants none.
    pub key_env: Option<String>,
    /// The key.
    pub key: Option<ApiKey>,
    /// The model that is asked.
    pub model: String,
    /// The user's settings.
    pub settings: Hosted,
    /// Its connections.
    pub(super) agent: Agent,
}

impl Service {
    /// The service that the user chose, its key included when there is one. `model` is the caller's choice of a model.
    pub fn find(env: &Env, model: Option<&str>) -> Result<Self, Fault> {
        let settings = users_policy(env)
            .map_err(|error| Fault::new(Kind::BadAddress, &error).fix(error.fix.clone()))?
            .hosted;
        let provider = provider(&settings)?;
        // The names of these variables say whose they are.
        let is_cerebras = provider.id == "cerebras";
        let from_env = env.cerebras_base_url.as_deref().filter(|_| is_cerebras);
        let base_url = base_url(provider, &settings, from_env)?;
        if names_a_service(&settings)
            && !is_loopback_url(&base_url)
            && let Some(place) = config_in_the_project(env)
        {
            return Err(Fault::new(
                Kind::BadAddress,
                format!("the config.toml that names the service lies in the project itself: {}", place.display()),
            )
            .fix("a project must not choose where the key goes: keep your configuration outside of it (SEF_CONFIG_DIR)"));
        }
        let key_env = key_variable(&settings).filter(|name| *name != NO_KEY).map(str::to_owned);
        let key = key_env.as_deref().and_then(|name| ApiKey::find(name, env.claude_dir.as_deref()));
        let chosen = [model, env.cerebras_model.as_deref().filter(|_| is_cerebras), Some(&settings.model)];
        let model = chosen.into_iter().flatten().find(|model| !model.is_empty()).unwrap_or(&provider.model);
        Ok(Self {
            provider,
            agent: agent(&base_url),
            base_url,
            key_env,
            key,
            model: model.to_owned(),
            settings,
        })
    }

    /// Requests and tokens a minute until the service says better. Those of the row are of the row's own address; of another
    /// one nothing is known before its first answer.
    pub fn presumed_limits(&self) -> (Option<u64>, Option<u64>) {
        let is_own = self.base_url == self.provider.base_url;
        let of = |limit: Option<u64>| limit.filter(|_| is_own);
        (of(self.provider.requests_per_minute), of(self.provider.tokens_per_minute))
    }

    /// The same, and only when it can be asked.
    pub fn with_key(env: &Env, model: Option<&str>) -> Result<Self, Fault> {
        let service = Self::find(env, model)?;
        service.without_key().map_or(Ok(service), Err)
    }

    /// Why it cannot be asked: it wants a key and there is none.
    pub fn without_key(&self) -> Option<Fault> {
        let name = self.key_env.as_deref().filter(|_| self.key.is_none())?;
        Some(
            Fault::new(Kind::NoKey, format!("{} needs a key, and {name} is not set", self.provider.name))
                .fix(setup(self.provider, name)),
        )
    }
}

/// Whether config.toml says which service gets which key, and leaves that not to the built-in row.
fn names_a_service(settings: &Hosted) -> bool {
    let usual = Hosted::default();
    (&settings.base_url, &settings.key_env, &settings.provider)
        != (&usual.base_url, &usual.key_env, &usual.provider)
}

/// The user's configuration when it is a part of the project: a cloned project's settings can set SEF_CONFIG_DIR, and by
/// way of /proc/self/cwd without knowing where it was cloned to.
fn config_in_the_project(env: &Env) -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let config = env.config_dir.as_ref()?.canonicalize().ok()?;
    let roots = [env.project_dir.clone(), here].into_iter().flatten();
    let mut roots = roots.filter_map(|root| root.canonicalize().ok());
    // A root that holds everything is no project.
    roots.any(|root| root.parent().is_some() && config.starts_with(&root)).then_some(config)
}

/// The client for a service: it pools connections, and goes through a proxy of the environment only where TLS hides the key
/// from it.
fn agent(base_url: &str) -> Agent {
    let proxy = if base_url.starts_with("https://") && !is_loopback_url(base_url) {
        Proxy::try_from_env()
    } else {
        None
    };
    Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(proxy)
        .user_agent(concat!("sef/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// How a person sets a key up; ends with the rule that nothing is done instead.
pub fn setup(provider: &Provider, variable: &str) -> String {
    format!(
        "get a key at {}, put it into ~/.claude/settings.json as {{\"env\": {{\"{variable}\": \"...\"}}}} (or export {variable} in \
         your shell), then restart Claude Code; until then stop here, and do not write the code in another way unless the user \
         asks for that",
        provider.key_page
    )
}

/// The row that the settings name.
pub fn provider(settings: &Hosted) -> Result<&'static Provider, Fault> {
    let rows = &known().provider;
    rows.iter().find(|row| row.id == settings.provider).ok_or_else(|| {
        let names: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        Fault::new(
            Kind::BadAddress,
            format!("[hosted] provider names no service that is known: {:?}", settings.provider),
        )
        .fix(format!("use one of {}, with base_url for a service of your own", names.join(", ")))
    })
}

/// The variable that holds the key, or `none`.
pub fn key_variable(settings: &Hosted) -> Option<&str> {
    if settings.key_env.is_empty() {
        Some(provider(settings).ok()?.key_env.as_str())
    } else {
        Some(&settings.key_env)
    }
}

/// Whether a key is set, or none is wanted: for the hook.
pub fn is_set_up(settings: &Hosted, env: &Env) -> bool {
    match key_variable(settings) {
        Some(NO_KEY) => true,
        Some(name) => ApiKey::find(name, env.claude_dir.as_deref()).is_some(),
        None => false,
    }
}

/// The address, when the key may go there: the service's own, what config.toml names, or this machine.
fn base_url(provider: &Provider, settings: &Hosted, from_env: Option<&str>) -> Result<String, Fault> {
    let own = if settings.base_url.is_empty() { &provider.base_url } else { &settings.base_url };
    let (own, own_host) = address(own)?;
    let Some(wanted) = from_env else { return Ok(own) };
    let (wanted, host) = address(wanted)?;
    let (_, built_in) = address(&provider.base_url)?;
    if host == own_host || host == built_in || is_loopback_url(&wanted) {
        return Ok(wanted);
    }
    Err(Fault::new(
        Kind::BadAddress,
        format!(
            "CEREBRAS_BASE_URL names {host}, and the environment alone cannot send the key to another host"
        ),
    )
    .fix("if that is your own choice, put the address into config.toml: [hosted] base_url = \"...\""))
}

/// An address without its last slash, and its scheme and host; https, or http on this machine.
fn address(url: &str) -> Result<(String, String), Fault> {
    let cannot =
        |why: &str| Fault::new(Kind::BadAddress, format!("the service's address cannot be used: {why}"));
    let uri = checked(url.trim(), Plain::HereOnly).map_err(|wrong| cannot(&wrong.to_string()))?;
    if uri.query().is_some() {
        return Err(cannot("it has a query"));
    }
    let (scheme, authority) =
        (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", Authority::as_str));
    let host = format!("{scheme}://{authority}").to_ascii_lowercase();
    Ok((format!("{host}{}", uri.path().trim_end_matches('/')), host))
}

/// Whether an address is on this machine.
pub fn is_loopback_url(url: &str) -> bool {
    url.parse::<Uri>().ok().and_then(|uri| uri.host().map(is_loopback)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_well_formed() {
        let known = known();
        for row in &known.provider {
            assert!(address(&row.base_url).is_ok(), "{}", row.id);
            assert!(row.key_env == NO_KEY || row.key_env.ends_with("_API_KEY"), "{}", row.id);
            assert_eq!(row.key_page.is_empty(), row.key_env == NO_KEY, "{}", row.id);
            assert_eq!(row.free, is_loopback_url(&row.base_url), "{}", row.id);
        }
        for row in &known.model {
            assert!(known.provider.iter().any(|provider| provider.id == row.provider), "{}", row.id);
            assert_eq!(row.input.is_some(), row.output.is_some(), "{}", row.id);
        }
        assert_eq!(known.provider[0].id, Hosted::default().provider);
        assert!(crate::calendar::parse_date(&known.as_of).is_some());
    }

    fn base(own: &str, from_env: Option<&str>) -> Result<String, String> {
        let settings = Hosted { base_url: own.to_owned(), ..Hosted::default() };
        base_url(&known().provider[0], &settings, from_env).map_err(|fault| fault.why)
    }

    #[test]
    fn e2_the_environment_cannot_send_the_key_to_another_host() {
        assert_eq!(base("", None).as_deref(), Ok("https://api.cerebras.ai/v1"));
        for good in [
            "https://api.cerebras.ai/v2/",
            "HTTPS://API.CEREBRAS.AI/v2",
            "http://localhost:8080/v1",
            "http://127.0.0.1:8080/v1",
            "http://[::1]:8080",
        ] {
            assert!(base("", Some(good)).is_ok(), "{good}");
        }
        for evil in [
            "https://evil.example.com/v1",
            "https://api.cerebras.ai.evil.example.com/v1",
            "https://api.cerebras.ai:8443/v1",
            "http://api.cerebras.ai/v1",
            "https://api.cerebras.ai@evil.example.com/v1",
            "http://127.0.0.1.evil.example.com/v1",
            "http://localhost.evil.example.com",
            "ftp://localhost",
            "api.cerebras.ai",
            "",
        ] {
            assert!(base("", Some(evil)).is_err(), "{evil}");
        }
        assert_eq!(base("https://llm.example.com/v1", None).as_deref(), Ok("https://llm.example.com/v1"));
        assert!(base("https://llm.example.com/v1", Some("https://llm.example.com/v2")).is_ok());
        assert!(base("http://llm.example.com/v1", None).is_err());
    }
}
