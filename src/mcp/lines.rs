//! What a line from the client is: a request to serve, a cancellation, nothing to act on, or a fault with its reply.
//! Stands before the SDK, which drops broken JSON and long lines without a reply, forgets the id of a malformed request,
//! calls wrong parameters an unknown method, and ends at a notification that comes before the first request.

use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, ErrorData,
    InitializeRequestParams, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use serde_json::Value;

/// Longest line, in bytes. The longest prompt may take six bytes for each of its own when it is escaped.
pub(super) const LONGEST: usize = 2 << 20;

/// The methods that are served; every other gets -32601.
pub(super) const SERVED: [&str; 5] = ["initialize", "ping", "server/discover", "tools/list", "tools/call"];

/// Characters of the client's own text that a reply repeats.
const REPEATED: usize = 100;

/// One line.
#[derive(Debug)]
pub(super) enum Line {
    /// For the SDK.
    Request(Box<ClientJsonRpcMessage>, RequestId),
    /// For the SDK, if that request is being served.
    Cancelled(Box<ClientJsonRpcMessage>, RequestId),
    /// Answered with this, and that is all.
    Fault(Box<ServerJsonRpcMessage>),
    /// Other notifications, and replies to questions that were never asked.
    Nothing,
}

/// Reads one line, with or without its end.
pub(super) fn read(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Line::Nothing;
    }
    let message: Value = match serde_json::from_slice(line) {
        Ok(message) => message,
        Err(error) => return fault(ErrorData::parse_error(format!("not JSON: {error}"), None), None),
    };
    if message.is_array() {
        return invalid("batches are not served; send one message a line", None);
    }
    let Some(fields) = message.as_object() else {
        return invalid("a message must be an object", None);
    };
    let id = match fields.get("id") {
        None => None,
        Some(id) => match serde_json::from_value::<RequestId>(id.clone()) {
            Ok(id) => Some(id),
            Err(_) => return invalid("`id` must be a text or a whole number", None),
        },
    };
    if fields.contains_key("result") || fields.contains_key("error") {
        return Line::Nothing;
    }
    if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid("`jsonrpc` must be \"2.0\"", id);
    }
    let Some(method) = fields.get("method").and_then(Value::as_str).map(str::to_owned) else {
        return invalid("`method` must be a text", id);
    };
    match id {
        None => notification(&method, message),
        Some(id) => request(&method, id, message),
    }
}

/// The reply to a line that is longer than [`LONGEST`].
pub(super) fn too_long(id: Option<RequestId>) -> Line {
    invalid(&format!("the message is longer than {LONGEST} bytes"), id)
}

fn request(method: &str, id: RequestId, message: Value) -> Line {
    if !SERVED.contains(&method) {
        let shown: String = method.chars().take(REPEATED).collect();
        let error = ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("method not found: {shown}"), None);
        return fault(error, Some(id));
    }
    let params = message.get("params").cloned().unwrap_or_default();
    match serde_json::from_value::<ClientJsonRpcMessage>(message) {
        // What the SDK cannot read as the method that it says it is becomes a custom one.
        Ok(JsonRpcMessage::Request(request))
            if !matches!(request.request, ClientRequest::CustomRequest(_)) =>
        {
            Line::Request(Box::new(JsonRpcMessage::Request(request)), id)
        }
        _ => {
            let error = ErrorData::invalid_params(wrong_params(method, params), None);
            fault(error, Some(id))
        }
    }
}

/// Why the parameters of a served method cannot be read.
fn wrong_params(method: &str, params: Value) -> String {
    let why = match method {
        "initialize" => serde_json::from_value::<InitializeRequestParams>(params).err(),
        "tools/call" => serde_json::from_value::<CallToolRequestParams>(params).err(),
        _ => None,
    };
    let why = why.map_or_else(|| "they do not have its shape".to_owned(), |error| error.to_string());
    let shown: String = why.chars().take(REPEATED).collect();
    format!("wrong parameters of {method}: {shown}")
}

fn notification(method: &str, message: Value) -> Line {
    if method != "notifications/cancelled" {
        return Line::Nothing;
    }
    let Ok(message) = serde_json::from_value::<ClientJsonRpcMessage>(message) else { return Line::Nothing };
    let id = match &message {
        JsonRpcMessage::Notification(sent) => match &sent.notification {
            ClientNotification::CancelledNotification(cancelled) => cancelled.params.request_id.clone(),
            _ => None,
        },
        _ => None,
    };
    id.map_or(Line::Nothing, |id| Line::Cancelled(Box::new(message), id))
}

pub(super) fn invalid(why: &str, id: Option<RequestId>) -> Line {
    fault(ErrorData::invalid_request(format!("invalid request: {why}"), None), id)
}

fn fault(error: ErrorData, id: Option<RequestId>) -> Line {
    Line::Fault(Box::new(ServerJsonRpcMessage::error(error, id)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Code and id of the reply to a faulty line.
    fn reply(line: &[u8]) -> (i64, Value) {
        let Line::Fault(reply) = read(line) else {
            panic!("no fault: {}", String::from_utf8_lossy(line));
        };
        let reply = serde_json::to_value(reply).unwrap();
        (reply["error"]["code"].as_i64().unwrap(), reply["id"].clone())
    }

    #[test]
    fn g4_every_fault_has_its_code_and_the_id_that_could_be_read() {
        let deep = b"[".repeat(100_000);
        for (line, code, id) in [
            (&br#"{"jsonrpc":"2.0","id":7,"#[..], -32700, Value::Null),
            (b"{\"id\":7,\"method\":\"\xff\"}", -32700, Value::Null),
            (&deep, -32700, Value::Null),
            (br#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#, -32600, Value::Null),
            (b"5", -32600, Value::Null),
            (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null),
            (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, Value::Null),
            (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, -32600, Value::Null),
            (br#"{"id":7,"method":"ping"}"#, -32600, 7.into()),
            (br#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, 7.into()),
            (br#"{"jsonrpc":"2.0","id":"a"}"#, -32600, "a".into()),
            (br#"{"jsonrpc":"2.0","id":7,"method":5}"#, -32600, 7.into()),
            (br#"{"jsonrpc":"2.0","id":"a","method":"nope"}"#, -32601, "a".into()),
            (br#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#, -32602, 7.into()),
            (br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":5}}"#, -32602, 7.into()),
            (
                br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":[1]}}"#,
                -32602,
                7.into(),
            ),
            (br#"{"jsonrpc":"2.0","id":7,"method":"initialize"}"#, -32602, 7.into()),
            (br#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":"x"}"#, -32602, 7.into()),
        ] {
            assert_eq!(reply(line), (code, id), "{}", String::from_utf8_lossy(&line[..line.len().min(90)]));
        }
    }

    #[test]
    fn what_needs_no_reply_gets_none() {
        for line in [
            "",
            "\r\n",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/of/tomorrow","params":5}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[1]}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","id":5,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":"x"}}"#,
        ] {
            assert!(matches!(read(line.as_bytes()), Line::Nothing), "{line}");
        }
    }

    #[test]
    fn requests_and_cancellations_pass_with_their_id() {
        for line in [
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"ping\"}\r\n",
            r#"{"method":"tools/list","jsonrpc":"2.0","id":"s"}"#,
            r#"{"method":"tools/call","params":{"name":"x"},"jsonrpc":"2.0","id":"s","more":1}"#,
        ] {
            assert!(
                matches!(read(line.as_bytes()), Line::Request(_, id) if id == RequestId::String("s".into())),
                "{line}"
            );
        }
        let line = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}"#;
        assert!(matches!(read(line), Line::Cancelled(_, RequestId::Number(4))));
    }
}
