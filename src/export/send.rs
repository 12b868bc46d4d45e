//! One POST to a collector within a deadline, and what its answer means. Never follows a redirect, never tries twice, and
//! never shows the value of a header: whatever a collector says is cleaned of them first.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use ureq::http::header::RETRY_AFTER;
use ureq::http::uri::Authority;
use ureq::http::{HeaderName, HeaderValue};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::args::Secret;
use super::otlp::{self, Answer};
use crate::address::{Plain, Wrong, checked};
use crate::error::{Error, Result};
use crate::fsx::read_regular;
use crate::report::text::excerpt;

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;
/// Characters of an answer that are shown.
const SHOWN: usize = 200;
/// Largest file with a header's value, in bytes.
const MAX_HEADER: u64 = 16 << 10;
/// Largest file with authorities, in bytes; the whole Mozilla list has 250,000.
const MAX_PEM: u64 = 4 << 20;

/// A collector.
pub struct Collector {
    url: String,
    /// The address without its query, which may hold a key.
    pub shown: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    secrets: Vec<String>,
    tls: TlsConfig,
}

impl Collector {
    /// Checks an address and headers.
    pub fn new(url: &str, headers: &[Secret], allow_http: bool) -> Result<Self> {
        let cannot = |why: &str| Error::new("cannot use the collector's address", why);
        let plain = if allow_http { Plain::Anywhere } else { Plain::HereOnly };
        let uri = checked(url, plain).map_err(|wrong| {
            cannot(&wrong.to_string()).fix(match wrong {
                Wrong::NoUrl => "give one like http://localhost:4318 or https://collector.example.com:4318",
                Wrong::NoHost => "begin it with https:// or http://",
                Wrong::UserInfo => "give it as a header: --header 'Authorization=@FILE'",
                Wrong::Unencrypted => "use https://, or --allow-http when the network between is yours",
                Wrong::Scheme => "use one of them",
            })
        })?;
        let (scheme, authority) =
            (uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", Authority::as_str));
        let path = uri.path().trim_end_matches('/');
        let path = if path.ends_with("/v1/metrics") { path.to_owned() } else { format!("{path}/v1/metrics") };
        let shown = format!("{scheme}://{authority}{path}");
        let url = uri.query().map_or_else(|| shown.clone(), |query| format!("{shown}?{query}"));
        let mut collector =
            Self { url, shown, headers: Vec::new(), secrets: Vec::new(), tls: TlsConfig::default() };
        collector.secrets.extend(uri.query().map(str::to_owned));
        for (at, header) in headers.iter().enumerate() {
            collector.add(&header.0).map_err(|why| {
                Error::new(format!("cannot use header {} of the command line", at + 1), why)
                    .fix("give it as --header NAME=VALUE, or --header NAME=@FILE")
            })?;
        }
        Ok(collector)
    }

    /// Trusts the authorities of a PEM file instead of the built-in ones.
    pub fn trust(&mut self, path: &Path) -> Result<()> {
        let cannot = |why: &str| {
            Error::new("cannot use the authorities", why).at(path).fix("give a PEM file with certificates")
        };
        let pem = read_regular(path, MAX_PEM).map_err(|why| cannot(&why.to_string()))?;
        let items: std::result::Result<Vec<_>, _> = parse_pem(&pem).collect();
        let items = items.map_err(|why| cannot(&why.to_string()))?;
        let certificates: Vec<Certificate> = items
            .into_iter()
            .filter_map(|item| if let PemItem::Certificate(one) = item { Some(one) } else { None })
            .collect();
        if certificates.is_empty() {
            return Err(cannot("it holds no certificate"));
        }
        self.tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build();
        Ok(())
    }

    /// Adds `NAME=VALUE` or `NAME=@FILE`. The reason for refusing one says nothing of the value.
    fn add(&mut self, header: &str) -> std::result::Result<(), String> {
        let (name, value) = header.split_once('=').ok_or("it has no `=`")?;
        let name: HeaderName = name.trim().parse().map_err(|_| "its name is none that HTTP allows")?;
        let value = match value.strip_prefix('@') {
            None => value.to_owned(),
            Some(file) => {
                let bytes = read_regular(Path::new(file), MAX_HEADER)
                    .map_err(|why| format!("the file of {name} cannot be read: {why}"))?;
                String::from_utf8(bytes).map_err(|_| format!("the file of {name} is not text"))?
            }
        };
        let value = value.trim();
        let mut held: HeaderValue =
            value.parse().map_err(|_| format!("the value of {name} holds what HTTP does not allow"))?;
        held.set_sensitive(true);
        // A collector may repeat the token alone, without the word before it.
        self.secrets
            .extend(value.split_whitespace().chain([value]).filter(|part| part.len() > 3).map(str::to_owned));
        self.headers.push((name, held));
        Ok(())
    }

    /// Sends one request and reads its answer. An error means that nothing is known to have been taken.
    pub fn post(&self, body: &str, deadline: Instant) -> Result<Answer> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self
                .failed("the time is up")
                .fix("run it again, or give it more with --timeout SECONDS"));
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(left))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .tls_config(self.tls.clone())
            .user_agent(concat!("sef/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let mut request = agent.post(&self.url).header("Content-Type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = request.send(body).map_err(|error| self.broken(&error))?;
        let status = response.status().as_u16();
        let wait =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        if status != 200 {
            let body = body.unwrap_or_default();
            return Err(self.refused(status, wait.as_deref(), &body));
        }
        let body = body.map_err(|error| self.broken(&error))?;
        let Some(answer) = otlp::answer(&body) else {
            let why =
                format!("it answered 200 with something that no collector says: {}", self.excerpt(&body));
            return Err(self.failed(&why).fix(
                "see that the address is that of the collector's OTLP/HTTP receiver (usually port 4318)",
            ));
        };
        Ok(Answer { message: self.excerpt(answer.message.as_bytes()), ..answer })
    }

    /// No answer at all.
    fn broken(&self, error: &ureq::Error) -> Error {
        let no_tls = |why: &dyn std::fmt::Display| {
            (
                format!("no encrypted connection: {why}"),
                "see that the port speaks TLS and its certificate is from a public authority, or name yours with --ca FILE",
            )
        };
        let (why, fix) = match error {
            ureq::Error::Timeout(_) => (
                "no answer in time".to_owned(),
                "see whether the collector is busy; --timeout SECONDS gives it more",
            ),
            ureq::Error::HostNotFound => ("the host is not known".to_owned(), "see that its name is right"),
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => (
                "nothing listens there".to_owned(),
                "start the collector, or see that host and port (usually 4318) are right",
            ),
            // rustls says so from below the socket.
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => no_tls(error),
            ureq::Error::Rustls(error) => no_tls(error),
            other => (other.to_string(), "see that the collector runs there, then run the export again"),
        };
        self.failed(&why).fix(fix)
    }

    /// An answer that is not 200.
    fn refused(&self, status: u16, wait: Option<&str>, body: &[u8]) -> Error {
        let mut why = format!("it answered {status}");
        if let Some(wait) = wait.filter(|_| matches!(status, 429 | 502..=504)) {
            let _ = write!(why, " and asks to wait (Retry-After: {})", self.excerpt(wait.as_bytes()));
        }
        let said = self.excerpt(body);
        if !said.is_empty() {
            let _ = write!(why, ": {said}");
        }
        let fix = match status {
            300..=399 => "give the address that it points to; redirects are not followed",
            401 | 403 => "see that the --header with the collector's key is there and right",
            404 | 405 => "see that the address is that of the collector's OTLP/HTTP receiver",
            429 | 502..=504 => "run it again later; what was not taken is sent then",
            400..=499 => {
                "see the collector's own log; when it can never take this batch, --from-now leaves it out"
            }
            _ => "see the collector's own log; the next run sends the same again",
        };
        self.failed(&why).fix(fix)
    }

    fn failed(&self, why: &str) -> Error {
        Error::new("cannot export", self.without_secrets(why)).at(&self.shown)
    }

    /// The beginning of a text from outside, on one line.
    fn excerpt(&self, bytes: &[u8]) -> String {
        excerpt(&self.without_secrets(&String::from_utf8_lossy(bytes)), SHOWN)
    }

    fn without_secrets(&self, text: &str) -> String {
        // Longest first: a whole value holds its parts.
        let mut secrets: Vec<&String> = self.secrets.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> std::result::Result<String, String> {
        Collector::new(url, &[], false).map(|collector| collector.url).map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_is_added_once() {
        for (given, sent) in [
            ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/metrics"),
            ("http://[::1]:4318/v1/metrics", "http://[::1]:4318/v1/metrics"),
            ("https://c.example.com/otlp/?key=k", "https://c.example.com/otlp/v1/metrics?key=k"),
        ] {
            assert_eq!(url(given).as_deref(), Ok(sent));
        }
    }

    #[test]
    fn addresses_that_would_leak_or_lead_nowhere_are_refused() {
        for (given, why) in [
            ("http://collector.example.com:4318", "--allow-http"),
            ("http://127.0.0.1.example.com", "--allow-http"),
            ("https://user:canary@c.example.com", "--header"),
            ("localhost:4318", "scheme"),
            ("ftp://localhost", "neither"),
            ("not a url", "not a URL"),
        ] {
            let said = url(given).expect_err(given);
            assert!(said.contains(why) && !said.contains("canary"), "{given}: {said}");
        }
    }

    #[test]
    fn e1_a_header_is_never_shown() {
        for header in ["canary", "X=canary\u{1}", "a b=canary", "X=@/canary-file-that-is-not-there"] {
            let error = Collector::new("http://localhost", &[Secret(header.to_owned())], false).err();
            let said = format!("{error:?} {:?}", Secret(header.to_owned()));
            assert!(said.contains("header 1") && !said.contains("canary"), "{said}");
        }
        let header = Secret("Authorization=Bearer canary-1".to_owned());
        let collector = Collector::new("http://localhost", &[header], false).expect("is right");
        assert_eq!(collector.excerpt(b"got Bearer canary-1\r\n\t(canary-1)"), "got *** (***)");
    }
}
