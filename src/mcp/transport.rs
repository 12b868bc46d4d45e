//! Carries lines between the client and the SDK: a thread reads, a thread writes, and neither end can stop the other.
//! Answers faulty lines itself. Keeps one line in memory at a time, and never more than the longest that is allowed.

use std::collections::HashSet;
use std::fs::File;
use std::future::ready;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::mpsc;

use super::Closing;
use super::lines::{self, LONGEST, Line};
use super::scan::Scan;

/// Messages that wait for the SDK before the client has to.
const WAITING: usize = 64;

/// The client's end, as the SDK sees it.
pub(super) struct Lines {
    read: mpsc::Receiver<Line>,
    output: Output,
    closing: Closing,
    /// Requests without an answer.
    served: HashSet<RequestId>,
}

impl Lines {
    /// Starts to read.
    pub(super) fn start(input: File, output: Output, closing: Closing) -> io::Result<Self> {
        let (sender, read) = mpsc::channel(WAITING);
        let reader = move || read_all(input, &sender);
        std::thread::Builder::new().name("mcp-read".to_owned()).spawn(reader)?;
        Ok(Self { read, output, closing, served: HashSet::new() })
    }

    /// What the SDK is to see of a line.
    fn take(&mut self, line: Line) -> Option<ClientJsonRpcMessage> {
        match line {
            Line::Request(message, id) => {
                if self.served.insert(id.clone()) {
                    return Some(*message);
                }
                self.take(lines::invalid("a request with this `id` is still being served", Some(id)))
            }
            // The SDK ends at a notification that comes before the first request; nothing is served then.
            Line::Cancelled(message, id) => self.served.remove(&id).then_some(*message),
            Line::Fault(reply) => {
                self.output.send(&reply);
                None
            }
            Line::Nothing => None,
        }
    }
}

impl Transport<RoleServer> for Lines {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        match &message {
            JsonRpcMessage::Response(response) => self.served.remove(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().is_some_and(|id| self.served.remove(id)),
            _ => false,
        };
        self.output.send(&message);
        ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let line = tokio::select! {
                line = self.read.recv() => line,
                () = self.closing.wait() => None,
            };
            let Some(line) = line else {
                self.closing.set();
                return None;
            };
            if let Some(message) = self.take(line) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where answers go, in the order in which they were sent.
#[derive(Clone)]
pub(super) struct Output(std_mpsc::Sender<Written>);

enum Written {
    Line(Vec<u8>),
    /// Say when everything before it is written.
    End(std_mpsc::Sender<()>),
}

impl Output {
    /// Starts to write. A client that does not read any more closes the server.
    pub(super) fn start(mut output: File, closing: Closing) -> io::Result<Self> {
        let (sender, lines) = std_mpsc::channel();
        let write = move || {
            for line in lines {
                match line {
                    Written::Line(line) if output.write_all(&line).is_ok() => {}
                    Written::Line(_) => return closing.set(),
                    Written::End(written) => {
                        let _ = written.send(());
                    }
                }
            }
        };
        std::thread::Builder::new().name("mcp-write".to_owned()).spawn(write)?;
        Ok(Self(sender))
    }

    /// Waits until everything is written, or the time is over, or nobody reads.
    pub(super) fn finish(&self, within: Duration) {
        let (written, ended) = std_mpsc::channel();
        if self.0.send(Written::End(written)).is_ok() {
            let _ = ended.recv_timeout(within);
        }
    }

    fn send(&self, message: &ServerJsonRpcMessage) {
        let mut line = serde_json::to_vec(message).expect("messages have text keys and no failing parts");
        line.push(b'\n');
        // The writer is gone when nobody reads, and then the server closes.
        let _ = self.0.send(Written::Line(line));
    }
}

/// Reads until the end of the input, or until nobody wants more.
pub(super) fn read_all(input: impl Read, lines: &mpsc::Sender<Line>) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return;
        }
        let read = if line.len() > LONGEST && !line.ends_with(b"\n") {
            lines::too_long(skip(&line, &mut input))
        } else {
            lines::read(&line)
        };
        if lines.blocking_send(read).is_err() {
            return;
        }
    }
}

/// Reads away the rest of a line that is too long; answers the id that it has, wherever in the line that stands.
fn skip(start: &[u8], input: &mut impl BufRead) -> Option<RequestId> {
    let mut scan = Scan::default();
    scan.feed(start);
    while let Ok(available @ [_, ..]) = input.fill_buf() {
        let end = memchr::memchr(b'\n', available);
        let rest = &available[..end.unwrap_or(available.len())];
        scan.feed(rest);
        let taken = rest.len() + usize::from(end.is_some());
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    scan.id()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is sent for an input, as JSON: replies to faults, and `null` for each line that passes.
    fn read(input: &[u8]) -> Vec<serde_json::Value> {
        let (sender, mut lines) = mpsc::channel(WAITING);
        read_all(input, &sender);
        drop(sender);
        std::iter::from_fn(|| lines.blocking_recv())
            .map(|line| match line {
                Line::Fault(reply) => serde_json::to_value(reply).unwrap(),
                _ => serde_json::Value::Null,
            })
            .collect()
    }

    #[test]
    fn g4_a_line_that_is_too_long_is_answered_by_its_id_and_the_next_is_read() {
        let filler = "x".repeat(LONGEST);
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        for (long, id) in [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"method":"ping","params":{{"a":"{filler}"}}}}"#), 7.into()),
            (format!(r#"{{"method":"ping","params":{{"id":8,"a":"{filler}"}},"id":"b"}}"#), "b".into()),
            (format!(r#"{{"method":"ping","params":{{"id":8,"a":"{filler}"}}}}"#), serde_json::Value::Null),
            (format!("{filler}x"), serde_json::Value::Null),
        ] {
            let read = read(format!("{long}\n{ping}\n").as_bytes());
            assert_eq!(read.len(), 2, "{id}");
            assert_eq!((&read[0]["id"], &read[0]["error"]["code"]), (&id, &(-32600).into()));
            assert!(read[1].is_null());
        }
    }

    #[test]
    fn a_line_of_exactly_the_longest_length_is_read() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let line = format!("{ping}{}\n", " ".repeat(LONGEST - ping.len()));
        assert!(matches!(read(line.as_bytes())[..], [serde_json::Value::Null]));
    }

    #[test]
    fn an_end_in_the_middle_of_a_line_is_a_fault_and_not_a_hang() {
        assert_eq!(read(br#"{"jsonrpc":"2.0","id":1,"#)[0]["error"]["code"], -32700);
        assert_eq!(read(b""), Vec::<serde_json::Value>::new());
    }
}
