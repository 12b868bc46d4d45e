//! Property: any bytes on the server's stdin are lines; a bad line costs one reply that says so, by its id when it has
//! one, and whatever a call's arguments are they are taken or refused in a short sentence. Shared by `cargo test` and `fuzz/`.

use rmcp::model::{ClientRequest, JsonObject, JsonRpcMessage, RequestId};
use serde_json::Value;
use tokio::sync::mpsc;

use super::arguments::Arguments;
use super::lines::{Line, SERVED};
use super::scan::Scan;
use super::schema;
use super::tools::Name;
use super::transport::read_all;
use crate::turbo::order::Failure;

/// Longest reply to a faulty line and longest sentence about an argument, in bytes.
const LONGEST: usize = 1_000;

thread_local! {
    static SCHEMAS: Vec<(Name, Value)> = Name::ALL.map(|name| (name, schema::input(name))).to_vec();
}

/// Reads the bytes as everything that a client sends.
pub fn check(bytes: &[u8]) {
    let count = bytes.split(|byte| *byte == b'\n').count();
    let (sender, mut read) = mpsc::channel(count);
    read_all(bytes, &sender);
    drop(sender);
    let mut ended = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
    while let Ok(line) = read.try_recv() {
        let bytes = ended.next().expect("no more lines are read than there are");
        check_line(bytes, &line);
    }
    assert!(ended.next().is_none_or(<[u8]>::is_empty), "every line is read");
}

fn check_line(bytes: &[u8], line: &Line) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let said: Option<Value> = serde_json::from_slice(bytes.trim_ascii()).ok();
    let id = said.as_ref().and_then(|said| serde_json::from_value::<RequestId>(said.get("id")?.clone()).ok());
    check_scan(bytes, said.as_ref(), id.as_ref());
    match line {
        Line::Nothing => assert!(said.is_some() || bytes.trim_ascii().is_empty(), "broken JSON has a reply"),
        Line::Cancelled(..) => assert!(id.is_none(), "a cancellation is no request"),
        Line::Fault(reply) => {
            let reply = serde_json::to_string(reply).expect("replies are plain values");
            assert!(reply.len() < LONGEST && !reply.contains('\n'), "{reply}");
            let reply: Value = serde_json::from_str(&reply).expect("a reply is JSON");
            assert_eq!(reply["jsonrpc"], "2.0");
            assert!((-32_768..=-32_000).contains(&reply["error"]["code"].as_i64().expect("a code")));
            let named = serde_json::from_value::<RequestId>(reply["id"].clone()).ok();
            assert_eq!(named, id, "a reply goes to who asked: {reply}");
        }
        Line::Request(message, known) => {
            assert_eq!(Some(known), id.as_ref());
            let said = said.as_ref().expect("a request is JSON");
            assert!(SERVED.contains(&said["method"].as_str().expect("a method")));
            let JsonRpcMessage::Request(request) = message.as_ref() else {
                panic!("no request: {message:?}")
            };
            if let ClientRequest::CallToolRequest(call) = &request.request {
                let given = call.params.arguments.clone().unwrap_or_default();
                SCHEMAS.with(|schemas| check_arguments(Name::of(&call.params.name), &given, schemas));
            }
        }
    }
}

/// What would be answered if the line were too long to be kept.
fn check_scan(bytes: &[u8], said: Option<&Value>, id: Option<&RequestId>) {
    let mut slowly = Scan::default();
    bytes.chunks(3).for_each(|part| slowly.feed(part));
    let mut scan = Scan::default();
    scan.feed(bytes);
    let found = scan.id();
    assert_eq!(found, slowly.id(), "where the parts of a line are cut changes nothing");
    if bytes.len() <= 512 && id.is_some() && said.is_some_and(Value::is_object) {
        assert_eq!(found.as_ref(), id, "the id of a sound message is found");
    }
}

/// Each argument as whatever a tool may ask it to be.
fn check_arguments(name: Option<Name>, given: &JsonObject, schemas: &[(Name, Value)]) {
    let Some((name, schema)) = schemas.iter().find(|(tool, _)| Some(*tool) == name) else { return };
    let arguments = match Arguments::new(name.as_str(), schema, given) {
        Ok(arguments) => arguments,
        Err(failure) => return check_failure(&failure),
    };
    for argument in given.keys() {
        let tried = [
            arguments.text(argument, 4_096).map(|_| ()),
            arguments.needed(argument, 64).map(|_| ()),
            arguments.flag(argument, true).map(|_| ()),
            arguments.number(argument, 1, 3_600).map(|number| {
                assert!(number.is_none_or(|number| (1..=3_600).contains(&number)));
            }),
            arguments.choice(argument, &["a", "b"]).map(|_| ()),
            arguments.texts(argument, 5).map(|_| ()),
            arguments.object(argument).map(|_| ()),
            arguments.records(argument, ["name", "idea"], 5).map(|_| ()),
        ];
        tried.iter().filter_map(|tried| tried.as_ref().err()).for_each(check_failure);
        let right = tried.iter().filter(|tried| tried.is_ok()).count();
        assert!(right < tried.len() || given[argument].is_null(), "nothing is everything at once: {given:?}");
    }
}

fn check_failure(failure: &Failure) {
    for text in [&failure.code, &failure.message, &failure.fix] {
        assert!(!text.is_empty() && text.len() < LONGEST, "{failure:?}");
    }
    assert!(!failure.message.contains(char::is_control), "{failure:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn g4_any_bytes_are_lines_and_a_bad_one_costs_one_reply() {
        seeded::inputs("mcp", 6_000, check);
    }

    #[test]
    fn g4_the_id_of_a_line_that_is_too_long_is_found_behind_a_byte_order_mark() {
        let mut scan = Scan::default();
        scan.feed("\u{feff}{\"id\":7,\"method\":\"ping\"}".as_bytes());
        assert_eq!(scan.id(), Some(RequestId::Number(7)));
    }
}
