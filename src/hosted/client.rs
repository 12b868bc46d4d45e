//! One call to a hosted service within a deadline: waits for its turn, sends, reads, and tries again where that repeats
//! nothing. Never follows a redirect, never sends the key anywhere but to the service, never gives out a text with the key in
//! it, and never waits longer than its caller said.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use ureq::{Agent, RequestBuilder};

use super::answer::{self, Answer, Said, Stream, refused};
use super::bucket::{Bucket, Turn};
use super::fault::{Fault, Kind};
use super::key::ApiKey;
use super::limits::Limits;
use super::service::Service;
use super::usage::Usage;
use crate::calendar::now;
use crate::watch::{Step, Unwatched, Watch};

/// Tries of one call, the first included.
const TRIES: u32 = 4;
/// Longest silence once an answer has begun.
const SILENCE: Duration = Duration::from_secs(30);
/// First wait after a fault that names no time; doubled each time, at most [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How often a wait looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// Most bytes of an answer as they come over the wire: 40,000 tokens as events of 300 bytes, twice and more.
const MOST_BYTES: usize = 32 << 20;
/// Most bytes of a refusal's body or of a list of models that are read.
const MOST_BODY: usize = 4 << 20;
/// Bytes of text that one token can stand for at most, generously.
const BYTES_A_TOKEN: u64 = 24;
/// Bytes that an answer may have besides.
const MORE_BYTES: u64 = 1 << 20;
/// Bytes of English or code that a token stands for on average, for what is shown while waiting.
const USUAL_BYTES: u64 = 4;
/// Fields that some services do not know; a refusal that names one is tried again without it.
const OPTIONAL: [&str; 5] =
    ["stream_options", "max_completion_tokens", "reasoning_format", "reasoning_effort", "response_format"];

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// The rules of the answer.
    pub system: &'a str,
    /// The work.
    pub user: &'a str,
    /// Fields that the model needs besides.
    pub extra: &'a Map<String, Value>,
    /// Most tokens to generate, reasoning included.
    pub max_tokens: u64,
    /// What the prompt is counted as against the rate limit.
    pub prompt_tokens: u64,
    /// When nobody waits any longer.
    pub deadline: Instant,
}

/// What came of it.
#[derive(Debug)]
pub struct Reply {
    /// The answer or the fault.
    pub answer: Result<Answer, Fault>,
    /// What all tries used, as far as they said.
    pub used: Usage,
    /// Tries after the first.
    pub retries: u32,
    /// Time between sending and the last byte of the last try, waits not included, in milliseconds.
    pub service_ms: u64,
}

/// Asks, waiting for its turn and trying again as long as the deadline allows.
pub fn complete(service: &Service, ask: &Ask<'_>, bucket: &Bucket, watch: &dyn Watch) -> Reply {
    let mut reply = Reply {
        answer: Err(Fault::new(Kind::TimedOut, "the time is up")),
        used: Usage::default(),
        retries: 0,
        service_ms: 0,
    };
    let mut left_out: Vec<&str> = Vec::new();
    loop {
        let began = Instant::now();
        let tried = my_turn(ask, bucket, watch).and_then(|turn| {
            let sent = Instant::now();
            let (limits, tried) = exchange(service, ask, &left_out, watch);
            reply.service_ms = sent.elapsed().as_millis() as u64;
            bucket.done(&turn, &limits);
            tried
        });
        let mut fault = match tried {
            Ok(answer) => {
                reply.used = reply.used.plus(answer.usage);
                reply.answer = Ok(answer);
                return reply;
            }
            Err(fault) => fault,
        };
        reply.used = reply.used.plus(fault.used);
        if let Some(field) = unknown_field(&fault, &left_out) {
            left_out.push(field);
            continue;
        }
        let wait = fault.again_in.map(|wait| if wait.is_zero() { pause(reply.retries) } else { wait });
        let left = ask.deadline.saturating_duration_since(Instant::now());
        match wait {
            Some(wait) if reply.retries + 1 < TRIES && wait < left => {
                if fault.kind == Kind::RateLimited {
                    bucket.close_for(wait);
                }
                reply.retries += 1;
                if rest(wait, watch).is_err() {
                    reply.answer = Err(cancelled());
                    return reply;
                }
            }
            wait => {
                if let Some(wait) = wait.filter(|wait| *wait >= left) {
                    fault.why = format!(
                        "{}; it asks to wait {:.0} s, and {:.0} s are left",
                        fault.why,
                        wait.as_secs_f64().ceil(),
                        left.as_secs_f64()
                    );
                } else if reply.retries > 0 {
                    fault.why = format!(
                        "{} (after {} tries, {:.0} s)",
                        fault.why,
                        reply.retries + 1,
                        began.elapsed().as_secs_f64()
                    );
                }
                reply.answer = Err(fault);
                return reply;
            }
        }
    }
}

fn pause(retries: u32) -> Duration {
    PAUSE.saturating_mul(1 << retries.min(8)).min(LONGEST_PAUSE)
}

fn cancelled() -> Fault {
    Fault::new(Kind::Cancelled, "it was cancelled")
}

/// The field that a refusal is about, when the request can do without it.
fn unknown_field(fault: &Fault, left_out: &[&str]) -> Option<&'static str> {
    if !matches!(fault.kind, Kind::BadRequest | Kind::BadValue) {
        return None;
    }
    OPTIONAL.into_iter().find(|field| fault.why.contains(field) && !left_out.contains(field))
}

/// Waits until the bucket says that there is room. When an answer of another call shows meanwhile that the limits are others
/// than was thought, the place in the queue is given back and a new one is taken.
fn my_turn(ask: &Ask<'_>, bucket: &Bucket, watch: &dyn Watch) -> Result<Turn, Fault> {
    loop {
        let left = ask.deadline.saturating_duration_since(Instant::now());
        let limits = bucket.limits();
        let turn = bucket.take(ask.prompt_tokens + ask.max_tokens, left).map_err(|wait| {
            let why = format!(
                "the rate limit has room for this in {:.0} s, and {:.0} s are left",
                wait.as_secs_f64().ceil(),
                left.as_secs_f64()
            );
            Fault::new(Kind::RateLimited, why)
        })?;
        if turn.wait.is_zero() {
            return Ok(turn);
        }
        watch.step(Step::Waiting { seconds: turn.wait.as_secs_f64() });
        match rest_unless(turn.wait, watch, &|| bucket.limits() != limits) {
            Rested::Enough => return Ok(turn),
            Rested::Cancelled => {
                bucket.give_back(&turn);
                return Err(cancelled());
            }
            Rested::Called => bucket.give_back(&turn),
        }
    }
}

/// How a rest ended.
enum Rested {
    /// By its time.
    Enough,
    /// Nobody wants the work any more.
    Cancelled,
    /// There is news.
    Called,
}

/// Sleeps, and looks up now and then.
fn rest(wait: Duration, watch: &dyn Watch) -> Result<(), ()> {
    match rest_unless(wait, watch, &|| false) {
        Rested::Cancelled => Err(()),
        Rested::Enough | Rested::Called => Ok(()),
    }
}

/// Sleeps until there is news.
fn rest_unless(wait: Duration, watch: &dyn Watch, has_news: &dyn Fn() -> bool) -> Rested {
    let until = Instant::now() + wait;
    loop {
        if watch.cancelled() {
            return Rested::Cancelled;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Rested::Enough;
        }
        thread::sleep(left.min(LOOK));
        if has_news() {
            return Rested::Called;
        }
    }
}

fn body(service: &Service, ask: &Ask<'_>, left_out: &[&str]) -> Value {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        if !left_out.contains(&name) {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", json!(service.model));
    set(
        "messages",
        json!([{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}]),
    );
    set("max_completion_tokens", json!(ask.max_tokens));
    set("temperature", json!(0.1));
    set("stream", json!(true));
    set("stream_options", json!({"include_usage": true}));
    let effort = &service.settings.reasoning_effort;
    if !effort.is_empty() {
        set("reasoning_effort", json!(effort));
    }
    for (name, value) in ask.extra {
        set(name, value.clone());
    }
    if left_out.contains(&"max_completion_tokens") {
        // The older name of the same bound.
        set("max_tokens", json!(ask.max_tokens));
    }
    Value::Object(body)
}

/// One try: what its headers said, and what came.
fn exchange(
    service: &Service,
    ask: &Ask<'_>,
    left_out: &[&str],
    watch: &dyn Watch,
) -> (Limits, Result<Answer, Fault>) {
    let request = Request {
        agent: service.agent.clone(),
        url: format!("{}/chat/completions", service.base_url),
        authorization: service.key.as_ref().map(ApiKey::bearer),
        body: Some(body(service, ask, left_out).to_string()),
        within: ask.deadline.saturating_duration_since(Instant::now()),
    };
    let wire = Wire { pieces: request.send(), deadline: ask.deadline, watch };
    let head = match wire.head() {
        Ok(head) => head,
        Err(fault) => return (Limits::default(), Err(scrubbed(service, fault))),
    };
    let limits = head.limits();
    let answer = if head.status == 200 { wire.answer(&head, ask) } else { Err(wire.refusal(&head, &limits)) };
    (limits, answer.map_err(|fault| scrubbed(service, fault)))
}

/// Whether a request carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithKey {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Reads a page of the service: its list of models.
pub fn get(service: &Service, url: &str, with_key: WithKey, within: Duration) -> Result<Vec<u8>, Fault> {
    let key = service.key.as_ref().filter(|_| with_key == WithKey::Yes);
    let request = Request {
        agent: service.agent.clone(),
        url: url.to_owned(),
        authorization: key.map(ApiKey::bearer),
        body: None,
        within,
    };
    let unwatched = Unwatched;
    let wire = Wire { pieces: request.send(), deadline: Instant::now() + within, watch: &unwatched };
    let fetched = wire.head().and_then(|head| {
        if head.status != 200 {
            return Err(wire.refusal(&head, &head.limits()));
        }
        head.check_encoding()?;
        wire.body()
    });
    fetched.map_err(|fault| scrubbed(service, fault))
}

/// Whatever a service said, without the key in it.
fn scrubbed(service: &Service, mut fault: Fault) -> Fault {
    if let Some(key) = &service.key {
        fault.why = key.scrub(&fault.why);
    }
    fault
}

/// What a thread of its own sends, so that whoever waits can stop waiting.
struct Request {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    body: Option<String>,
    within: Duration,
}

/// What comes back, piece by piece.
enum Piece {
    Head(Head),
    Bytes(Vec<u8>),
    End,
    Broken(ureq::Error),
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn limits(&self) -> Limits {
        Limits::read(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())), now())
    }

    /// Nobody asked for a compressed answer, so none is unpacked: what it would unpack to has no bound.
    fn check_encoding(&self) -> Result<(), Fault> {
        match self.header("content-encoding") {
            None | Some("" | "identity") => Ok(()),
            Some(encoding) => {
                let encoding = answer::excerpt(encoding.as_bytes());
                Err(Fault::new(
                    Kind::NotAnAnswer,
                    format!("it answered compressed ({encoding}), and nobody asked for that"),
                ))
            }
        }
    }
}

impl Request {
    fn send(self) -> Receiver<Piece> {
        let (to, pieces) = sync_channel(16);
        thread::spawn(move || {
            if let Err(error) = self.run(&to) {
                // Nobody may be waiting any more.
                let _ = to.send(Piece::Broken(error));
            }
        });
        pieces
    }

    /// With its deadline and, when it carries one, the key.
    fn prepared<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        let request = request.config().timeout_global(Some(self.within)).build();
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// Ends as soon as nobody takes what comes.
    fn run(&self, to: &SyncSender<Piece>) -> Result<(), ureq::Error> {
        let (agent, url) = (&self.agent, &self.url);
        let mut response = if let Some(body) = &self.body {
            let request = self.prepared(agent.post(url)).header("content-type", "application/json");
            request.header("accept", "text/event-stream, application/json").send(body)?
        } else {
            self.prepared(agent.get(url)).call()?
        };
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let head = Head { status: response.status().as_u16(), headers: headers.collect() };
        if to.send(Piece::Head(head)).is_err() {
            return Ok(());
        }
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 16 << 10];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => {
                    let _ = to.send(Piece::End);
                    return Ok(());
                }
                Ok(count) => {
                    if to.send(Piece::Bytes(buffer[..count].to_vec())).is_err() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The waiting end of a request.
struct Wire<'a> {
    pieces: Receiver<Piece>,
    deadline: Instant,
    watch: &'a dyn Watch,
}

impl Wire<'_> {
    fn head(&self) -> Result<Head, Fault> {
        match self.next(None)? {
            Piece::Head(head) => Ok(head),
            Piece::Broken(error) => Err(unreachable(&error)),
            Piece::Bytes(_) | Piece::End => {
                Err(Fault::new(Kind::CutOff, "the connection ended before an answer began"))
            }
        }
    }

    /// The next piece, before the deadline and, when there is one, the longest silence.
    fn next(&self, silence: Option<Duration>) -> Result<Piece, Fault> {
        let quiet_until = silence.map(|silence| Instant::now() + silence);
        loop {
            if self.watch.cancelled() {
                return Err(cancelled());
            }
            let now = Instant::now();
            if now >= self.deadline {
                return Err(Fault::new(Kind::TimedOut, "no whole answer within the time"));
            }
            if quiet_until.is_some_and(|until| now >= until) {
                let why = format!("the answer began, then nothing came for {} s", SILENCE.as_secs());
                return Err(Fault::new(Kind::TimedOut, why));
            }
            match self.pieces.recv_timeout(LOOK.min(self.deadline - now)) {
                Ok(piece) => return Ok(piece),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::new(Kind::CutOff, "the connection ended"));
                }
            }
        }
    }

    /// Reads an answer in whichever form it comes.
    fn answer(&self, head: &Head, ask: &Ask<'_>) -> Result<Answer, Fault> {
        head.check_encoding()?;
        let kind = head.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let mut streamed = kind.contains("event-stream");
        let (mut stream, mut whole, mut total) = (Stream::default(), Vec::new(), 0);
        loop {
            let ended = match self.next(Some(SILENCE))? {
                Piece::Bytes(bytes) => {
                    // Some services stream without saying so.
                    streamed |= total == 0 && (bytes.starts_with(b"data:") || bytes.starts_with(b": "));
                    total += bytes.len();
                    if streamed {
                        stream.feed(&bytes).map_err(|fault| again_if(fault, stream.is_fresh()))?;
                    } else {
                        whole.extend(bytes);
                    }
                    None
                }
                Piece::End => Some(Ok(())),
                Piece::Broken(error) => Some(Err(error)),
                Piece::Head(_) => None,
            };
            let held = if streamed { stream.held() } else { whole.len() };
            if total > MOST_BYTES
                || held as u64 > ask.max_tokens.saturating_mul(BYTES_A_TOKEN).saturating_add(MORE_BYTES)
            {
                return Err(Fault::new(
                    Kind::Endless,
                    format!("the answer does not end ({total} bytes so far)"),
                ));
            }
            let text = if streamed { stream.bytes() } else { whole.len() } as u64;
            self.watch.step(Step::Generating { tokens: text / USUAL_BYTES, of: ask.max_tokens });
            match ended {
                Some(Err(error)) if !stream.is_done() => return Err(broken(&error)),
                Some(_) if streamed => return stream.end(),
                Some(_) => return answer::plain(&whole).map_err(|fault| again_if(fault, true)),
                None if stream.is_done() => return stream.end(),
                None => {}
            }
        }
    }

    /// A status that is no answer.
    fn refusal(&self, head: &Head, limits: &Limits) -> Fault {
        let body = self.body().unwrap_or_default();
        let mut fault = refused(head.status, &Said::of(&body));
        if fault.kind == Kind::Redirected
            && let Some(to) = head.header("location")
        {
            fault.why =
                format!("it answered {} and points to {}", head.status, answer::excerpt(to.as_bytes()));
        }
        if is_passing(fault.kind) {
            fault = fault.again_in(limits.wait().unwrap_or_default());
        }
        fault
    }

    /// The rest of a body that is small.
    fn body(&self) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        loop {
            match self.next(Some(SILENCE))? {
                Piece::Bytes(bytes) => body.extend(bytes),
                Piece::End => return Ok(body),
                Piece::Broken(error) => return Err(broken(&error)),
                Piece::Head(_) => {}
            }
            if body.len() > MOST_BODY {
                return Err(Fault::new(Kind::Endless, "the page does not end"));
            }
        }
    }
}

fn is_passing(kind: Kind) -> bool {
    matches!(kind, Kind::RateLimited | Kind::Unavailable)
}

/// An error in place of an answer is like a refusal with that status, as long as nothing of an answer came before it.
fn again_if(fault: Fault, fresh: bool) -> Fault {
    if fresh && is_passing(fault.kind) { fault.again_in(Duration::ZERO) } else { fault }
}

/// The connection broke while an answer came.
fn broken(error: &ureq::Error) -> Fault {
    match error {
        ureq::Error::Timeout(_) => Fault::new(Kind::TimedOut, "no whole answer within the time"),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            Fault::new(Kind::TimedOut, "no whole answer within the time")
        }
        other => {
            Fault::new(Kind::CutOff, format!("the connection broke in the middle of the answer: {other}"))
        }
    }
}

/// There was no answer at all.
fn unreachable(error: &ureq::Error) -> Fault {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            Fault::new(Kind::Unreachable, "no connection in time")
        }
        ureq::Error::Timeout(_) => Fault::new(Kind::TimedOut, "no answer within the time"),
        ureq::Error::HostNotFound => Fault::new(Kind::Unreachable, "the host is not known"),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Fault::new(Kind::Unreachable, "nothing listens at its address")
        }
        ureq::Error::Io(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ) =>
        {
            Fault::new(Kind::CutOff, "the connection ended before an answer began")
        }
        other => Fault::new(Kind::Unreachable, format!("no connection: {other}")),
    }
}
