//! Finds the `id` of a message that is too long to be kept, in one pass and with bounded memory: its sender may wait for a
//! reply to exactly that one. Only a member of the outermost object counts. Pure.

use rmcp::model::RequestId;
use serde::Deserialize;

/// Longest member that can hold an id, in bytes.
const LONGEST_MEMBER: usize = 512;

/// What is known after the bytes so far.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u64,
    in_text: bool,
    escaped: bool,
    /// The member of the outermost object that is being read, as far as it is short enough to matter.
    member: Vec<u8>,
    id: Option<RequestId>,
}

impl Scan {
    /// Reads on. The parts of a message may be cut anywhere.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            let taken = if self.in_text { self.text(bytes) } else { self.structure(byte) };
            bytes = &bytes[taken..];
        }
    }

    /// The id, if there was one.
    pub(super) fn id(self) -> Option<RequestId> {
        self.id
    }

    /// Reads on inside a text; how many bytes that took.
    fn text(&mut self, bytes: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            self.keep(&bytes[..1]);
            return 1;
        }
        let Some(at) = memchr::memchr2(b'"', b'\\', bytes) else {
            self.keep(bytes);
            return bytes.len();
        };
        self.escaped = bytes[at] == b'\\';
        self.in_text = self.escaped;
        self.keep(&bytes[..=at]);
        at + 1
    }

    fn structure(&mut self, byte: u8) -> usize {
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.end_member();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b',' if self.depth == 1 => {
                self.end_member();
                return 1;
            }
            b'"' => self.in_text = true,
            _ => {}
        }
        if self.depth == 1 && byte == b'{' {
            // Nothing that stands before the message belongs to a member: white space, a byte order mark.
            self.member.clear();
        } else {
            self.keep(&[byte]);
        }
        1
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (LONGEST_MEMBER + 1).saturating_sub(self.member.len());
        self.member.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_member(&mut self) {
        #[derive(Deserialize)]
        struct Named {
            id: RequestId,
        }
        if self.member.len() <= LONGEST_MEMBER {
            let object = [b"{", &self.member[..], b"}"].concat();
            if let Ok(named) = serde_json::from_slice::<Named>(&object) {
                self.id = Some(named.id);
            }
        }
        self.member.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(message: &str, part: usize) -> Option<String> {
        let mut scan = Scan::default();
        for part in message.as_bytes().chunks(part) {
            scan.feed(part);
        }
        scan.id().map(|id| id.to_string())
    }

    #[test]
    fn the_id_is_found_wherever_it_stands_and_however_the_message_is_cut() {
        let long = "x".repeat(2_000);
        for (message, found) in [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"params":{{"a":"{long}"}}}}"#), Some("7")),
            (
                format!(r#"{{"params":{{"a":"{long}","id":8}},"jsonrpc":"2.0","id":"b,}}\"c"}}"#),
                Some("b,}\"c"),
            ),
            (format!(r#" {{ "a" : "{long}" , "id" : -3 }} "#), Some("-3")),
            (format!(r#"{{"a":"{long}\\","id":4}}"#), Some("4")),
            (format!(r#"{{"a":["{long}",{{"id":1}}],"b":[{{"id":2}}]}}"#), None),
            (format!(r#"{{"a":"\",\"id\":9,{long}"}}"#), None),
            (format!(r#"{{"id":"{long}"}}"#), None),
            (format!(r#"{{"id":null,"a":"{long}"}}"#), None),
            (format!(r#"[{{"id":1,"a":"{long}"}}]"#), None),
            (format!(r#"}}}}]],"id":1{long}"#), None),
            (long, None),
        ] {
            for part in [1, 2, 3, 7, 1_000, 100_000] {
                assert_eq!(id(&message, part).as_deref(), found, "{part}: {message}");
            }
        }
    }
}
