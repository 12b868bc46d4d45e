//! A collector on loopback: keeps what it gets, answers as it is told, and adds up like a receiver that drops copies.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What to do with a request.
#[derive(Clone, Copy)]
pub enum Answer {
    /// 200 and `{}`.
    Take,
    /// A status line's end, header lines and a body.
    Say(&'static str, &'static str, &'static str),
    /// Bytes, and the connection is closed.
    Raw(&'static [u8]),
    /// Nothing, until the other side goes away.
    Silence,
    /// One byte of an endless answer after the other.
    Dribble,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

pub struct Collector {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    arrived: Receiver<()>,
}

impl Collector {
    /// Gives the answers in turn, and takes everything after them.
    pub fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (sender, arrived) = channel();
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            // Ends with the test process.
            while let Ok((stream, _)) = listener.accept() {
                serve(stream, answers.next().unwrap_or(Answer::Take), &kept, &sender);
            }
        });
        Self { url, requests, arrived }
    }

    /// Waits until one more request has come in whole.
    pub fn wait(&self) {
        self.arrived.recv_timeout(Duration::from_secs(20)).expect("a request");
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no test thread panicked").clone()
    }
}

fn serve(mut stream: TcpStream, answer: Answer, kept: &Mutex<Vec<Request>>, arrived: &Sender<()>) {
    let Some(request) = read(&stream) else { return };
    kept.lock().expect("no test thread panicked").push(request);
    let _ = arrived.send(());
    let said = match answer {
        Answer::Take => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec(),
        Answer::Say(status, headers, body) => format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        )
        .into_bytes(),
        Answer::Raw(bytes) => bytes.to_vec(),
        Answer::Silence => {
            std::thread::spawn(move || stream.read(&mut [0]));
            return;
        }
        Answer::Dribble => {
            std::thread::spawn(move || {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{");
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            return;
        }
    };
    let _ = stream.write_all(&said);
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body: String::from_utf8(body).ok()? })
}

/// The data points of a request, each as metric, attributes, window and count.
pub fn points(body: &str) -> Vec<(String, String, String, u64)> {
    let body: Value = serde_json::from_str(body).expect("the body is JSON");
    let mut points = Vec::new();
    for metric in body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("metrics") {
        assert_eq!(
            (&metric["sum"]["aggregationTemporality"], &metric["sum"]["isMonotonic"]),
            (&1.into(), &true.into())
        );
        for point in metric["sum"]["dataPoints"].as_array().expect("points") {
            let mut attributes: Vec<String> =
                point["attributes"].as_array().expect("attributes").iter().map(shown).collect();
            attributes.sort();
            let number = |key: &str| point[key].as_str().expect(key).parse::<u64>().expect(key);
            assert!(number("startTimeUnixNano") < number("timeUnixNano"));
            points.push((
                metric["name"].as_str().expect("a name").to_owned(),
                attributes.join(" "),
                format!("{}-{}", number("startTimeUnixNano"), number("timeUnixNano")),
                number("asInt"),
            ));
        }
    }
    points
}

fn shown(attribute: &Value) -> String {
    let value = &attribute["value"];
    let value = value["stringValue"].as_str().or(value["intValue"].as_str()).expect("a string or an integer");
    format!("{}={value}", attribute["key"].as_str().expect("a key"))
}

/// Sums by metric and attributes, as a receiver has them that drops a point which it holds already: one of the same metric,
/// attributes and window. Fails when such a point has another count, for then it was no copy.
pub fn totals<'a>(bodies: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut held = BTreeMap::new();
    for (metric, attributes, window, count) in bodies.into_iter().flat_map(points) {
        let before = held.insert((metric, attributes, window), count);
        assert!(before.is_none_or(|before| before == count), "two counts for one window");
    }
    let mut totals = BTreeMap::new();
    for ((metric, attributes, _), count) in held {
        *totals.entry(format!("{metric} {attributes}")).or_default() += count;
    }
    totals
}
