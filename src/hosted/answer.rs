//! What a service's bytes mean: a whole answer, or the fault they are. Pure. Takes JSON in one piece and server-sent events
//! as they come; knows both shapes of errors. An answer that does not say that it is complete is none.

use serde::Deserialize;
use serde_json::Value;

use super::fault::{Fault, Kind};
use super::usage::Usage;
use crate::report::text;

/// Characters of a text from outside that are shown.
const SHOWN: usize = 300;

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The text.
    pub content: String,
    /// The model that wrote it, as the service names it.
    pub model: Option<String>,
    /// What it used, when the service says so.
    pub usage: Usage,
    /// The service's own time for it, in seconds.
    pub seconds: Option<f64>,
}

/// One answer as it is put together.
#[derive(Debug, Default)]
pub struct Parts {
    answer: Answer,
    reasoning: usize,
    finish: Option<String>,
    called_tools: bool,
}

/// The parts of a message or a delta that count.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<Value>,
    reasoning: Option<Value>,
    reasoning_content: Option<Value>,
    tool_calls: Option<Value>,
}

impl Parts {
    /// Takes a completion or one chunk of it. An error in it is the fault.
    fn take(&mut self, value: &Value) -> Result<(), Fault> {
        if let Some(fault) = error_in(value) {
            return Err(fault);
        }
        if let Some(usage) = value.get("usage").filter(|usage| usage.is_object()) {
            self.answer.usage = Usage::read(usage);
        }
        if let Some(model) = value.get("model").and_then(Value::as_str) {
            self.answer.model = Some(model.to_owned());
        }
        if let Some(seconds) = value.pointer("/time_info/total_time").and_then(Value::as_f64) {
            self.answer.seconds = Some(seconds);
        }
        let Some(choice) = value.pointer("/choices/0") else { return Ok(()) };
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(finish.to_owned());
        }
        let message = choice.get("message").or_else(|| choice.get("delta"));
        let message: Message =
            message.and_then(|message| Message::deserialize(message).ok()).unwrap_or_default();
        push_text(&mut self.answer.content, message.content.as_ref());
        let mut thought = String::new();
        push_text(&mut thought, message.reasoning.as_ref().or(message.reasoning_content.as_ref()));
        self.reasoning += thought.len();
        self.called_tools |=
            message.tool_calls.is_some_and(|calls| calls.as_array().is_some_and(|all| !all.is_empty()));
        Ok(())
    }

    /// Bytes of text so far, reasoning included.
    fn bytes(&self) -> usize {
        self.answer.content.len() + self.reasoning
    }

    /// The answer, when it is whole; else the fault, with what was used for nothing.
    fn whole(self) -> Result<Answer, Fault> {
        let used = self.answer.usage;
        self.judged().map_err(|fault| Fault { used, ..fault })
    }

    fn judged(self) -> Result<Answer, Fault> {
        let thought = self.reasoning > 0;
        match self.finish.as_deref() {
            Some("length" | "max_tokens" | "model_length") => {
                let used = self.answer.usage.completion;
                let what = if self.answer.content.trim().is_empty() && thought {
                    "the bound on tokens went into reasoning alone"
                } else {
                    "the answer was cut off at the bound on tokens"
                };
                let said = if used > 0 { format!("{what} ({used} tokens)") } else { what.to_owned() };
                return Err(Fault::new(Kind::Truncated, said));
            }
            Some("content_filter") => {
                return Err(Fault::new(Kind::Filtered, "the service's filter took the answer"));
            }
            None => {
                return Err(Fault::new(Kind::CutOff, "the answer ended without saying that it is complete"));
            }
            Some(_) => {}
        }
        if !self.answer.content.trim().is_empty() {
            return Ok(self.answer);
        }
        Err(match (self.called_tools, thought) {
            (true, _) => {
                Fault::new(Kind::Empty, "the model called a tool that nobody offered, and wrote nothing")
                    .fix("try again, or use another model")
            }
            (_, true) => Fault::new(Kind::Empty, "only reasoning came, and no answer"),
            _ => Fault::new(Kind::Empty, "the answer is empty").fix("try again, or use another model"),
        })
    }
}

/// Text as a string, or as a list of parts with text in them.
fn push_text(into: &mut String, value: Option<&Value>) {
    match value {
        Some(Value::String(text)) => into.push_str(text),
        Some(Value::Array(parts)) => {
            for part in parts {
                into.push_str(part.get("text").and_then(Value::as_str).unwrap_or_default());
            }
        }
        _ => {}
    }
}

/// Reads an answer that came in one piece.
pub fn plain(body: &[u8]) -> Result<Answer, Fault> {
    let value: Value = serde_json::from_slice(body).map_err(|error| not_json(body, &error))?;
    if value.get("choices").is_none() {
        return Err(error_in(&value).unwrap_or_else(|| {
            Fault::new(Kind::NotAnAnswer, format!("it answered with something else: {}", excerpt(body)))
        }));
    }
    let mut parts = Parts::default();
    parts.take(&value)?;
    parts.whole()
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Fault {
    if is_page(body) {
        return Fault::new(Kind::NotAnAnswer, format!("it answered with a web page: {}", excerpt(body)));
    }
    if error.is_eof() {
        return Fault::new(Kind::CutOff, "the answer broke off in the middle");
    }
    Fault::new(Kind::NotAnAnswer, format!("it answered with what is no JSON: {}", excerpt(body)))
}

fn is_page(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(256)]).trim_start().to_ascii_lowercase();
    start.starts_with("<!doctype") || start.starts_with("<html") || start.starts_with("<head")
}

/// An answer that comes as server-sent events.
#[derive(Debug, Default)]
pub struct Stream {
    parts: Parts,
    line: Vec<u8>,
    data: Vec<u8>,
    done: bool,
}

impl Stream {
    /// Takes bytes as they arrive, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.event_line(line.trim_ascii_end())?;
            }
        }
        Ok(())
    }

    /// Bytes of text so far, reasoning included.
    pub fn bytes(&self) -> usize {
        self.parts.bytes()
    }

    /// Bytes that are kept: the text, and the event that is not whole yet.
    pub fn held(&self) -> usize {
        self.bytes() + self.line.len() + self.data.len()
    }

    /// Whether nothing of an answer has come yet: then another try repeats nothing.
    pub fn is_fresh(&self) -> bool {
        self.bytes() == 0
    }

    /// The service has nothing more to say.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The answer, when it is whole.
    pub fn end(mut self) -> Result<Answer, Fault> {
        let line = std::mem::take(&mut self.line);
        // What the connection broke off in the middle of is no event.
        if self.event_line(line.trim_ascii_end()).is_err() || self.event_line(b"").is_err() {
            return Err(Fault::new(Kind::CutOff, "the answer broke off in the middle"));
        }
        self.parts.whole()
    }

    fn event_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if self.done {
            return Ok(());
        }
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return self.event(&data);
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.trim_ascii_start());
            // Some services leave the empty line between events out.
            if self.data == b"[DONE]" || serde_json::from_slice::<serde::de::IgnoredAny>(&self.data).is_ok() {
                let data = std::mem::take(&mut self.data);
                return self.event(&data);
            }
            return Ok(());
        }
        let is_field = [&b":"[..], b"event:", b"id:", b"retry:"].iter().any(|field| line.starts_with(field));
        if is_field {
            return Ok(());
        }
        // A service that breaks in the middle may print what it has: JSON without `data:`, or a page.
        match serde_json::from_slice::<Value>(line) {
            Ok(value) => Err(error_in(&value).unwrap_or_else(|| stray(line))),
            Err(_) => Err(stray(line)),
        }
    }

    fn event(&mut self, data: &[u8]) -> Result<(), Fault> {
        match data {
            b"" => Ok(()),
            b"[DONE]" => {
                self.done = true;
                Ok(())
            }
            data => {
                let value: Value = serde_json::from_slice(data).map_err(|_| stray(data))?;
                self.parts.take(&value)
            }
        }
    }
}

fn stray(line: &[u8]) -> Fault {
    let what = if is_page(line) { "a web page" } else { "what is no event" };
    Fault::new(Kind::NotAnAnswer, format!("in the stream came {what}: {}", excerpt(line)))
}

/// The error that a JSON body is, in either shape: `{"error": {...}}` or flat.
fn error_in(value: &Value) -> Option<Fault> {
    let nested = value.get("error").filter(|error| !error.is_null());
    let error = nested.or_else(|| {
        let flat = value.get("message").is_some() && value.get("choices").is_none();
        flat.then_some(value)
    })?;
    let said = Said::read(error);
    let status = [value, error]
        .iter()
        .filter_map(|place| place.get("status_code").or_else(|| place.get("code")).and_then(Value::as_u64))
        .find(|status| (400..600).contains(status));
    let mut fault = match status {
        Some(status) => refused(status as u16, &said),
        None => Fault::new(Kind::ErrorInAnswer, format!("it answered with an error: {}", said.words())),
    };
    // Whether another try is made is the caller's decision: it knows whether something has come already.
    fault.again_in = None;
    Some(fault)
}

/// What a service says of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// In words.
    pub message: String,
    /// Its name for it.
    pub code: String,
}

impl Said {
    /// From the body of a refusal, whatever it is.
    pub fn of(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => {
                let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(&value);
                Self::read(error)
            }
            Err(_) if is_page(body) => Self { message: "(a web page)".to_owned(), code: String::new() },
            Err(_) => Self { message: excerpt(body), code: String::new() },
        }
    }

    fn read(error: &Value) -> Self {
        if let Some(text) = error.as_str() {
            return Self { message: excerpt(text.as_bytes()), code: String::new() };
        }
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(|text| excerpt(text.as_bytes()));
        let code = text("code").or_else(|| text("type")).unwrap_or_default();
        // FastAPI's shape, which vLLM answers with.
        let detail = || error.get("detail").map(|detail| excerpt(detail.to_string().as_bytes()));
        Self { message: text("message").or_else(detail).unwrap_or_default(), code }
    }

    fn words(&self) -> String {
        match (self.message.as_str(), self.code.as_str()) {
            ("", "") => "(it says nothing)".to_owned(),
            ("", code) => code.to_owned(),
            (message, "") => message.to_owned(),
            (message, code) => format!("{message} ({code})"),
        }
    }

    fn mentions(&self, words: &[&str]) -> bool {
        let text = format!("{} {}", self.message, self.code).to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }
}

/// The fault that a status other than 200 is.
pub fn refused(status: u16, said: &Said) -> Fault {
    const LENGTH: [&str; 5] =
        ["reduce the length", "context_length", "context length", "maximum context", "too many tokens in"];
    const MODEL: [&str; 5] =
        ["model_not_found", "not a valid model", "model not found", "no such model", "does not exist"];
    let kind = match status {
        400 | 404 | 422 if said.mentions(&MODEL) => Kind::NoModel,
        400 | 422 if said.mentions(&LENGTH) => Kind::TooLong,
        401 => Kind::BadKey,
        402 => Kind::Payment,
        403 => Kind::Forbidden,
        404 | 405 | 410 => Kind::NoModel,
        413 => Kind::TooLong,
        422 => Kind::BadValue,
        429 => Kind::RateLimited,
        408 | 409 | 425 | 500.. => Kind::Unavailable,
        300..=399 => Kind::Redirected,
        _ => Kind::BadRequest,
    };
    Fault::new(kind, format!("it answered {status}: {}", said.words()))
}

/// The beginning of a text from outside: one line, no control characters.
pub fn excerpt(bytes: &[u8]) -> String {
    text::excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN * 8)]), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &str, step: usize) -> Result<Answer, Fault> {
        let mut stream = Stream::default();
        for piece in text.as_bytes().chunks(step) {
            stream.feed(piece)?;
        }
        stream.end()
    }

    fn kind(result: Result<Answer, Fault>) -> Kind {
        result.expect_err("it is a fault").kind
    }

    const WHOLE: &str = r#"{"model":"m-1","choices":[{"finish_reason":"stop","message":{"content":"hé","reasoning":"hm"}}],"usage":{"prompt_tokens":7,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":4},"prompt_tokens_details":{"cached_tokens":3}},"time_info":{"total_time":0.25}}"#;

    #[test]
    fn a_plain_answer_is_read() {
        let answer = plain(WHOLE.as_bytes()).expect("it is whole");
        assert_eq!(
            (answer.content.as_str(), answer.model.as_deref(), answer.seconds),
            ("hé", Some("m-1"), Some(0.25))
        );
        assert_eq!(answer.usage, Usage { prompt: 7, completion: 9, reasoning: 4, cached: 3 });
    }

    #[test]
    fn usage_of_another_shape_counts_as_nothing() {
        let odd = r#"{"choices":[{"finish_reason":"stop","message":{"content":[{"type":"text","text":"a"},{"x":1},7]}}],"usage":{"prompt_tokens":"many","completion_tokens":-5,"completion_tokens_details":null}}"#;
        let answer = plain(odd.as_bytes()).expect("it is whole");
        assert_eq!((answer.content.as_str(), answer.usage), ("a", Usage::default()));
        let huge = WHOLE.replace("\"prompt_tokens\":7", "\"prompt_tokens\":18446744073709551615");
        let huge = plain(huge.as_bytes()).expect("it is whole").usage;
        assert_eq!(huge.plus(huge).prompt, u64::MAX);
    }

    #[test]
    fn a_stream_is_read_wherever_it_is_cut() {
        let events = ": hello\r\n\r\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"hé\"}}]}\r\n\r\n\
                      data:{\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\nevent: x\nid: 4\n\
                      data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"llo\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n\
                      data: {\"choices\":[],\"usage\":null}\n\ndata: [DONE]\n\nrubbish after the end\n";
        for step in 1..70 {
            let answer = stream(events, step).expect("it is whole");
            assert_eq!((answer.content.as_str(), answer.usage.completion), ("héllo", 2));
        }
    }

    #[test]
    fn e4_an_answer_that_is_not_whole_is_a_fault() {
        let delta = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
        for (events, expected) in [
            ("", Kind::CutOff),
            (delta, Kind::CutOff),
            (&format!("{delta}data: [DONE]\n\n"), Kind::CutOff),
            (
                &format!(
                    "{delta}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"length\"}}]}}\n\n"
                ),
                Kind::Truncated,
            ),
            (&format!("{delta}data: {{\"choices\":[{{\"del"), Kind::CutOff),
            (&format!("{delta}data: {{\"error\":{{\"message\":\"boom\"}}}}\n\n"), Kind::ErrorInAnswer),
            (
                &format!("{delta}data: {{\"error\":{{\"message\":\"slow down\"}},\"status_code\":429}}\n\n"),
                Kind::RateLimited,
            ),
            (&format!("{delta}{{\"message\":\"boom\",\"type\":\"server_error\"}}\n"), Kind::ErrorInAnswer),
            (&format!("{delta}<html>oops</html>\n"), Kind::NotAnAnswer),
            (
                "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"},\"finish_reason\":\"stop\"}]}\n\n",
                Kind::Empty,
            ),
            ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n", Kind::Filtered),
        ] {
            assert_eq!(kind(stream(events, 7)), expected, "{events}");
        }
        let cut = |content: &str, finish: &str| {
            format!(
                r#"{{"choices":[{{"finish_reason":{finish},"message":{{"content":{content},"reasoning_content":"hm"}}}}]}}"#
            )
        };
        for (body, expected) in [
            (cut("\"x\"", "\"length\""), Kind::Truncated),
            (cut("null", "\"length\""), Kind::Truncated),
            (cut("null", "\"stop\""), Kind::Empty),
            (cut("\" \\n\"", "\"stop\""), Kind::Empty),
            (cut("\"x\"", "null"), Kind::CutOff),
            ("<!DOCTYPE html><title>502</title>".to_owned(), Kind::NotAnAnswer),
            ("{\"choices\":[]}".to_owned(), Kind::CutOff),
            ("{\"choices\":{}}".to_owned(), Kind::CutOff),
            ("{\"id\":1}".to_owned(), Kind::NotAnAnswer),
            ("[]".to_owned(), Kind::NotAnAnswer),
            (String::new(), Kind::CutOff),
            (WHOLE[..WHOLE.len() - 9].to_owned(), Kind::CutOff),
            ("{\"message\":\"no\",\"type\":\"t\",\"status_code\":503}".to_owned(), Kind::Unavailable),
        ] {
            assert_eq!(kind(plain(body.as_bytes())), expected, "{body}");
        }
    }

    #[test]
    fn a_refusal_has_its_kind_in_both_shapes() {
        let flat = |message: &str, code: &str| {
            format!(r#"{{"message":"{message}","type":"t","param":null,"code":"{code}"}}"#)
        };
        for (status, body, expected) in [
            (400, flat("Please reduce the length of the messages or completion", ""), Kind::TooLong),
            (400, flat("unknown field", "wrong_api_format"), Kind::BadRequest),
            (
                400,
                r#"{"error":{"message":"x is not a valid model ID","code":400}}"#.to_owned(),
                Kind::NoModel,
            ),
            (401, flat("Wrong API key", "wrong_api_key"), Kind::BadKey),
            (402, String::new(), Kind::Payment),
            (403, "no".to_owned(), Kind::Forbidden),
            (
                404,
                flat("Model llama3.1-8b does not exist or you do not have access to it", "model_not_found"),
                Kind::NoModel,
            ),
            (413, "<html>".to_owned(), Kind::TooLong),
            (422, r#"{"detail":[{"loc":["body"],"msg":"bad"}]}"#.to_owned(), Kind::BadValue),
            (429, flat("Tokens per minute limit exceeded", "token_quota_exceeded"), Kind::RateLimited),
            (500, "\u{1b}[31mboom".to_owned(), Kind::Unavailable),
            (307, String::new(), Kind::Redirected),
        ] {
            let fault = refused(status, &Said::of(body.as_bytes()));
            assert_eq!(fault.kind, expected, "{status} {body}");
            assert!(
                !fault.why.contains('\u{1b}') && fault.why.contains(&status.to_string()),
                "{}",
                fault.why
            );
        }
    }
}
