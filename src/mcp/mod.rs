//! `sef mcp`: an MCP server on standard input and output, so that Claude Code can order code from the hosted model.
//! `lines` is what a line may be, `transport` carries lines, `server` answers, `tools` describes and `call` does. stdout is
//! protocol only, bad input costs one error reply, and nothing here generates code, writes it or runs it: the engines do.

mod arguments;
mod call;
mod judging;
mod lines;
mod place;
mod progress;
#[cfg(any(test, fuzzing))]
pub mod property;
mod race_schema;
mod races;
mod running;
mod scan;
mod schema;
mod server;
mod summary;
pub mod tools;
mod transport;

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::settings::place::is_program;
use crate::settings::server::{self as server_entry, Entry, Level};
use server::Server;
use transport::{Lines, Output};

/// Time that cancelled work has to end after the client is gone; with [`FLUSH`], less than the second that clients wait
/// at least before they kill.
const GRACE: Duration = Duration::from_millis(600);
/// Time that the last answers have to be taken by the client.
const FLUSH: Duration = Duration::from_millis(200);

/// What a client is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// The tools.
    Tools,
    /// None: another server offers them already.
    Nothing,
}

impl Offer {
    /// For the plugin's server: nothing where an install has registered its own with the client, whose tools would be there
    /// twice otherwise.
    pub fn of_plugin(env: &Env) -> Self {
        let runs =
            |entry: Entry| matches!(entry, Entry::Ours { command, .. } if is_program(Path::new(&command)));
        let registered = |level| server_entry::look(env, level).is_ok_and(runs);
        if registered(Level::User) || registered(Level::Local) { Self::Nothing } else { Self::Tools }
    }
}

/// Serves until the client closes its end, or a signal says so. An error means that serving could not begin.
pub fn serve(env: &Env, offer: Offer) -> Result<()> {
    let cannot = |why: std::io::Error| {
        Error::new("cannot serve MCP", why)
            .fix("start it with standard input and output open, as an MCP client does")
    };
    let (input, output) = take_stdio().map_err(cannot)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    let closing = Closing::default();
    let output = Output::start(output, closing.clone()).map_err(cannot)?;
    let lines = Lines::start(input, output.clone(), closing.clone()).map_err(cannot)?;
    let server = Server::new(env.clone(), offer, closing.clone());
    runtime.block_on(until_over(server, lines, &closing)).map_err(cannot)?;
    output.finish(FLUSH);
    runtime.shutdown_background();
    Ok(())
}

/// Whether the server is to end: work stops, and nothing more is read.
#[derive(Debug, Clone)]
pub(crate) struct Closing(Arc<watch::Sender<bool>>);

impl Default for Closing {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Closing {
    fn set(&self) {
        self.0.send_replace(true);
    }

    fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    async fn wait(&self) {
        let _ = self.0.subscribe().wait_for(|closing| *closing).await;
    }
}

/// Takes the protocol's two streams away from the rest of the process: a stray print goes to stderr, and a child that
/// inherits standard input reads nothing.
fn take_stdio() -> std::io::Result<(File, File)> {
    let input = fcntl_dupfd_cloexec(stdin(), 3)?;
    let output = fcntl_dupfd_cloexec(stdout(), 3)?;
    dup2_stdin(OpenOptions::new().read(true).open("/dev/null")?.as_fd())?;
    dup2_stdout(stderr())?;
    Ok((input.into(), output.into()))
}

async fn until_over(server: Server, lines: Lines, closing: &Closing) -> std::io::Result<()> {
    let mut signals = Vec::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        signals.push(signal(kind)?);
    }
    for mut signal in signals {
        let closing = closing.clone();
        tokio::spawn(async move {
            signal.recv().await;
            closing.set();
        });
    }
    let served = async {
        // A client that goes before it has said hello is no fault.
        if let Ok(running) = rmcp::serve_server(server, lines).await {
            let _ = running.waiting().await;
        }
    };
    let out_of_time = async {
        closing.wait().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = served => {}
        () = out_of_time => {}
    }
    Ok(())
}
