//! What the processes of a fence say to each other: one JSON line each, on a socket that is the child's stdin.
//! Its end is a message too: whoever started the child is gone or wants it to end.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Ended, Limits};

/// Longest line, in bytes; a plan has a few hundred mounts at most.
const LONGEST: u64 = 4 << 20;

/// What the supervisor is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// The program that makes the walls, with its arguments; what is inside follows. Empty for no walls.
    pub walls: Vec<String>,
    /// This binary.
    pub sef: PathBuf,
    /// The bounds.
    pub limits: Limits,
    /// For the process inside.
    pub inside: Inside,
}

/// What the process inside is given.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inside {
    /// Text for `/bin/sh -c`.
    pub command: String,
    /// Where to run it.
    pub dir: PathBuf,
    /// All of its variables.
    pub variables: Vec<(String, String)>,
    /// The bounds.
    pub limits: Limits,
    /// Stay as the first process of an own process namespace, or become the command.
    pub stay: bool,
    /// Mounts that it makes itself.
    pub mounts: Option<Mounts>,
}

/// A view of the files, to be made inside a mount namespace.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mounts {
    /// An empty folder that becomes the root.
    pub root: PathBuf,
    /// An empty folder that becomes `/dev`.
    pub dev: PathBuf,
    /// In this order.
    pub list: Vec<Mount>,
    /// The program that brings up the loopback, when the network is our own.
    pub ip: Option<PathBuf>,
}

/// One file or folder shown at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What is shown.
    pub from: PathBuf,
    /// Where.
    pub to: PathBuf,
    /// Whether it can be written there.
    pub access: Access,
}

/// Whether a mount can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// No.
    Read,
    /// Yes.
    Write,
}

/// What the process inside says.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromInside {
    /// The walls stand; the command starts.
    Ready,
    /// The walls cannot be finished.
    Failed(String),
    /// The command has ended and left so many processes behind.
    Done(Ended, u64),
}

/// What the supervisor says at its end.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The command did not start, with the reason.
    Failed(String),
    /// How it ended, how many processes were left behind, and how many of them could not be ended.
    Done {
        /// How.
        ended: Ended,
        /// Left behind.
        left: u64,
        /// Not ended.
        stuck: u64,
    },
}

/// The socket that this process was given as its stdin.
pub fn given() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Sends one message.
pub fn send(mut to: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Waits for the one message that a process is started with.
pub fn receive<T: DeserializeOwned>(from: &UnixStream) -> io::Result<T> {
    let mut line = Vec::new();
    BufReader::new(from.take(LONGEST)).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Messages that come piece by piece from a socket that does not block.
#[derive(Debug)]
pub struct Inbox {
    socket: UnixStream,
    bytes: Vec<u8>,
    /// The other side is gone.
    pub ended: bool,
}

impl Inbox {
    /// Takes over a socket.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, bytes: Vec::new(), ended: false })
    }

    /// The socket, to wait on.
    pub fn socket(&self) -> &UnixStream {
        &self.socket
    }

    /// The next message that has come whole. One that cannot be read ends the conversation.
    pub fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut block = [0; 4096];
        while !self.ended && (self.bytes.len() as u64) < LONGEST {
            match (&self.socket).read(&mut block) {
                Ok(0) => self.ended = true,
                Ok(count) => self.bytes.extend_from_slice(&block[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.ended = true,
            }
        }
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        let message = serde_json::from_slice(&line).ok();
        self.ended |= message.is_none();
        message
    }
}
