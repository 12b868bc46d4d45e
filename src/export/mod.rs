//! `sef-stats export`: sends the log's counts to an OpenTelemetry collector, every record in exactly one point. Owns the
//! order of writing down, sending and acknowledging; never runs inside the hook, and sends no text, id or name of anyone.

pub mod args;
pub mod cursor;
pub mod otlp;
pub mod points;
pub mod send;
pub mod take;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::value::to_raw_value;

use crate::config::Env;
use crate::error::{Error, Result};
use crate::report::text::plural;
use crate::state::private_file;
use args::ExportArgs;
use cursor::{Cursor, NO_INSTALLATION, Pending};
use points::Counter;
use send::Collector;

/// Most data points of one request.
const MAX_POINTS: usize = 1_000;

/// Runs the export; answers what to print. `now` in milliseconds since 1970.
pub fn run(env: &Env, args: &ExportArgs, now: u64) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let collector = args.otlp.as_deref().map(|url| Collector::new(url, &args.headers, args.allow_http));
    let mut collector = collector.transpose()?;
    if let (Some(collector), Some(path)) = (&mut collector, &args.ca) {
        collector.trust(path)?;
    }
    let Some(state_dir) = env.state_dir.as_deref() else {
        return Err(Error::new("cannot export", "SEF's state folder is not known")
            .fix("set HOME or SEF_STATE_DIR to an absolute path"));
    };
    if !state_dir.is_dir() {
        return Ok("nothing to export: there is no log yet\n".to_owned());
    }
    let mut exporter = Exporter {
        state_dir,
        now,
        projects: args.projects,
        cursor: Cursor::default(),
        done: Done::default(),
    };
    if args.dry_run {
        return exporter.dry_run(args);
    }
    let path = state_dir.join("export.lock");
    let lock =
        private_file(&path).map_err(|why| Error::new("cannot open the export's lock", why).at(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            return Ok("another export is at work; this one leaves it to that\n".to_owned());
        }
        Err(std::fs::TryLockError::Error(why)) => {
            return Err(Error::new("cannot lock the export's lock", why).at(&path));
        }
    }
    exporter.start(args)?;
    if args.from_now {
        exporter.cursor.save(state_dir)?;
        return Ok("what the log holds now counts as exported; nothing was sent\n".to_owned());
    }
    let Some(collector) = collector else {
        return Err(Error::new("cannot export", "no collector was named").fix("name one with --otlp URL"));
    };
    exporter.send_all(&collector, deadline)
}

/// What a run did.
#[derive(Debug, Default)]
struct Done {
    requests: u64,
    points: u64,
    records: u64,
    unreadable: u64,
    later: u64,
    rejected: u64,
    remarks: Vec<String>,
}

struct Exporter<'a> {
    state_dir: &'a Path,
    now: u64,
    projects: bool,
    cursor: Cursor,
    done: Done,
}

impl Exporter<'_> {
    /// Where to begin.
    fn start(&mut self, args: &ExportArgs) -> Result<()> {
        if args.from_now {
            self.cursor.end = Some(self.now.saturating_mul(1_000_000));
            self.cursor.advance(take::ends(self.state_dir)?);
        } else if !args.resend_all {
            self.cursor = Cursor::load(self.state_dir)?;
        }
        Ok(())
    }

    /// Everything that would be sent, with a made-up id while there is none. Changes nothing.
    fn dry_run(&mut self, args: &ExportArgs) -> Result<String> {
        self.start(args)?;
        let installation = cursor::installation(self.state_dir)?;
        let installation = installation.as_deref().unwrap_or(NO_INSTALLATION);
        let mut shown = String::new();
        loop {
            if self.cursor.pending.is_none() && !self.plan(installation)? {
                return Ok(shown);
            }
            if let Some(batch) = &self.cursor.pending {
                shown.push_str(batch.body.get());
                shown.push('\n');
            }
            self.cursor.acknowledge(0);
        }
    }

    /// Writes down, sends and acknowledges one batch after the other, until the log ends or one fails.
    fn send_all(mut self, collector: &Collector, deadline: Instant) -> Result<String> {
        let installation = cursor::make_installation(self.state_dir)?;
        loop {
            if self.cursor.pending.is_none() {
                let more = self.plan(&installation)?;
                self.cursor.save(self.state_dir)?;
                if !more {
                    break;
                }
            }
            let Some(batch) = &self.cursor.pending else { break };
            let answer = collector.post(batch.body.get(), deadline).map_err(|error| self.stopped(error))?;
            self.done.requests += 1;
            self.done.points += batch.points;
            self.done.records += batch.records;
            self.done.rejected += answer.rejected;
            if !answer.message.is_empty() && !self.done.remarks.contains(&answer.message) {
                self.done.remarks.push(answer.message);
            }
            self.cursor.acknowledge(answer.rejected);
            self.cursor.save(self.state_dir)?;
        }
        if self.done.rejected > 0 {
            let why = format!(
                "it took the rest and rejected {} ({} since the first export){}",
                plural(self.done.rejected, "data point"),
                self.cursor.rejected,
                self.said()
            );
            return Err(Error::new("exported with losses", why)
                .at(&collector.shown)
                .fix("see the collector's own log; rejected points are not sent again (--resend-all sends everything)"));
        }
        let what = match self.done.requests {
            0 => "nothing new to export".to_owned(),
            requests => format!(
                "exported {} as {} in {} to {}",
                plural(self.done.records, "record"),
                plural(self.done.points, "data point"),
                plural(requests, "request"),
                collector.shown
            ),
        };
        Ok(format!("{what}{}{}\n", self.left_out(), self.said()))
    }

    /// Reads the next batch of the log into `pending`; false at the log's end. Lines that count for nothing are passed.
    fn plan(&mut self, installation: &str) -> Result<bool> {
        let counter = Counter::new(self.cursor.end, self.now, self.projects);
        let taken = take::take(self.state_dir, &self.cursor.files, counter, MAX_POINTS)?;
        self.done.unreadable += taken.unreadable;
        self.done.later += taken.later;
        let Some(last) = taken.counter.slices.last() else {
            self.cursor.advance(taken.files);
            return Ok(false);
        };
        let body = to_raw_value(&otlp::request(&taken.counter.slices, installation))
            .map_err(|why| Error::new("cannot write the export's JSON", why))?;
        self.cursor.pending = Some(Pending {
            end: last.end,
            points: taken.counter.points as u64,
            records: taken.counter.records,
            files: taken.files,
            body,
        });
        Ok(true)
    }

    /// A failure, with what was taken before it.
    fn stopped(&self, mut error: Error) -> Error {
        if self.done.requests > 0 {
            error.why =
                format!("{} ({} before it went through)", error.why, plural(self.done.requests, "request"));
        }
        error
    }

    fn left_out(&self) -> String {
        let lines = |count: u64, what: &str| match count {
            0 => String::new(),
            count => format!("; {} {what} left out", plural(count, "line")),
        };
        lines(self.done.unreadable, "that cannot be read")
            + &lines(self.done.later, "of a later version of SEF")
    }

    fn said(&self) -> String {
        self.done.remarks.iter().map(|remark| format!("; the collector says: {remark}")).collect()
    }
}
