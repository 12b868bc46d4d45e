//! Joins traces, records and delegations: where each call stands, how its work came back, and what its executor did.
//! Pure, decides nothing.

use std::collections::{HashMap, HashSet};

use crate::metrics::record::{Kind, Outcome, Record};
use crate::outcomes::Evidence;
use crate::outcomes::evidence::{How, Seen, Trace, What, id_key};
use crate::report::delegations::Delegation;
use crate::transcript::corpus::Corpus;

/// How deep subagents of subagents are followed.
pub const MAX_DEPTH: usize = 6;

/// A delegation in one transcript of whoever delegated it.
pub struct Case {
    /// The transcript, as an index into [`World::traces`].
    pub trace: usize,
    /// Place of the call among the events.
    pub call: usize,
    /// Index into the trace's calls.
    pub task: usize,
    /// How its work came back.
    pub end: Option<End>,
}

impl Case {
    /// The work was not the executor's to finish.
    pub fn is_stopped(&self) -> bool {
        self.end.is_some_and(|end| matches!(end.how, Some(How::Stopped | How::Refused)))
    }
}

#[derive(Clone, Copy)]
pub struct End {
    /// First event after it.
    pub at: usize,
    /// Milliseconds since 1970.
    pub time: u64,
    /// The first event after it that is the user's, or the number of events.
    pub until: usize,
    /// How, by the transcript.
    pub how: Option<How>,
    /// The event that says so; none when only the log does.
    pub event: Option<usize>,
}

/// What an executor did, with the agents that it started itself.
#[derive(Default)]
pub struct Work {
    /// A transcript shows it.
    pub seen: bool,
    /// Files that it wrote: trace and event of the last write.
    pub writes: HashMap<u64, (usize, usize)>,
    pub searches: HashMap<u64, (usize, usize)>,
    pub commands: HashMap<u64, (usize, usize)>,
    pub reads: HashMap<u64, (usize, usize)>,
}

pub struct World<'a> {
    pub list: &'a [Delegation],
    pub traces: Vec<&'a Trace>,
    /// The agent whose transcript a trace is.
    pub agent_of_trace: Vec<Option<&'a str>>,
    pub session_of_trace: Vec<&'a str>,
    pub trace_of_agent: HashMap<&'a str, usize>,
    /// Where each call stands.
    pub calls: HashMap<u64, Vec<(usize, usize, usize)>>,
    pub started_by: HashMap<u64, &'a str>,
    pub of_agent: HashMap<&'a str, usize>,
    pub roles: HashMap<&'a str, &'a str>,
    /// When the log says that a call's work came back.
    pub logged: HashMap<&'a str, u64>,
    pub stops: HashMap<&'a str, Vec<u64>>,
    /// When files were written or commands run that may have written some, by session.
    pub changes: HashMap<&'a str, Vec<u64>>,
    pub work: Vec<Work>,
}

impl<'a> World<'a> {
    pub fn gather(list: &'a [Delegation], records: &'a [Record], corpus: &'a Corpus) -> Self {
        let mut world = Self {
            list,
            traces: Vec::new(),
            agent_of_trace: Vec::new(),
            session_of_trace: Vec::new(),
            trace_of_agent: HashMap::new(),
            calls: HashMap::new(),
            started_by: HashMap::new(),
            of_agent: HashMap::new(),
            roles: HashMap::new(),
            logged: HashMap::new(),
            stops: HashMap::new(),
            changes: HashMap::new(),
            work: Vec::new(),
        };
        for session in &corpus.sessions {
            world.add_trace(session.trace.as_ref(), None, &session.id);
        }
        for agent in &corpus.agents {
            world.add_trace(agent.trace.as_ref(), Some(&agent.id), &agent.session);
        }
        for (at, one) in list.iter().enumerate() {
            let call = one.tool_use_id.as_deref().map(id_key);
            world.started_by.extend(call.zip(one.agent_id.as_deref()));
            world.of_agent.extend(one.agent_id.as_deref().map(|agent| (agent, at)));
        }
        world.add_records(records);
        for times in world.changes.values_mut() {
            times.sort_unstable();
        }
        world.work = list.iter().map(|one| world.work_of(one)).collect();
        world
    }

    fn add_trace(&mut self, trace: Option<&'a Trace>, agent: Option<&'a str>, session: &'a str) {
        let Some(trace) = trace else { return };
        let number = self.traces.len();
        for (place, event) in trace.events.iter().enumerate() {
            match event.what {
                What::Call(task) => {
                    self.calls.entry(trace.calls[task].key).or_default().push((number, place, task));
                }
                What::Write(_) | What::Command(_) => {
                    self.changes.entry(session).or_default().push(event.time);
                }
                _ => {}
            }
        }
        self.traces.push(trace);
        self.agent_of_trace.push(agent);
        self.session_of_trace.push(session);
        self.trace_of_agent.extend(agent.map(|agent| (agent, number)));
    }

    fn add_records(&mut self, records: &'a [Record]) {
        for record in records {
            match (record.e, record.tu.as_deref()) {
                (Kind::Spawn, Some(call)) => {
                    self.roles.extend(record.role.as_deref().map(|role| (call, role)));
                }
                (Kind::Result, Some(call)) if record.out != Some(Outcome::Launched) => {
                    self.logged.insert(call, record.t);
                }
                (Kind::Notified, Some(call)) => {
                    self.logged.insert(call, record.t);
                }
                (Kind::Stop, _) if record.out.is_none() => {
                    self.stops.entry(&record.s).or_default().push(record.t);
                }
                _ => {}
            }
        }
    }

    /// What the agent of a delegation did after it was called; a fork's transcript begins with its parent's work.
    fn work_of(&self, one: &Delegation) -> Work {
        let mut work = Work::default();
        let Some(agent) = one.agent_id.as_deref() else { return work };
        let call = one.tool_use_id.as_deref().map_or(0, id_key);
        let called = self.calls.get(&call).into_iter().flatten();
        let since =
            called.map(|(trace, place, _)| self.traces[*trace].events[*place].time).min().unwrap_or(0);
        let mut agents = vec![(agent, 0)];
        let mut known = HashSet::from([agent]);
        while let Some((agent, depth)) = agents.pop() {
            let Some(number) = self.trace_of_agent.get(agent).copied() else { continue };
            work.seen = true;
            let trace = self.traces[number];
            for (place, event) in
                trace.events.iter().enumerate().filter(|(_, event)| event.time == 0 || event.time >= since)
            {
                let place = (number, place);
                match event.what {
                    What::Write(file) => drop(work.writes.insert(file, place)),
                    What::Search(key) => drop(work.searches.insert(key, place)),
                    What::Command(key) => drop(work.commands.insert(key, place)),
                    What::Read { key, .. } => drop(work.reads.insert(key, place)),
                    What::Call(task) if depth < MAX_DEPTH => {
                        let inner = self.started_by.get(&trace.calls[task].key).copied();
                        agents.extend(
                            inner.filter(|inner| known.insert(inner)).map(|inner| (inner, depth + 1)),
                        );
                    }
                    _ => {}
                }
            }
        }
        work
    }

    pub fn cases(&self, at: usize) -> Vec<Case> {
        let one = &self.list[at];
        let Some(id) = one.tool_use_id.as_deref() else { return Vec::new() };
        let call = id_key(id);
        let agent = one.agent_id.as_deref().map_or(0, id_key);
        let places = self.calls.get(&call).cloned().unwrap_or_default();
        let case = |(trace, place, task)| Case {
            trace,
            call: place,
            task,
            end: self.end(trace, place, id, call, agent),
        };
        places.into_iter().map(case).collect()
    }

    fn end(&self, number: usize, from: usize, id: &str, call: u64, agent: u64) -> Option<End> {
        let events = &self.traces[number].events;
        let is_end = |event: &Seen| match event.what {
            What::End { call: other, agent: by, .. } => other == call || (agent != 0 && by == agent),
            _ => false,
        };
        let found = (from..events.len()).find(|place| is_end(&events[*place]));
        let (at, time) = if let Some(place) = found {
            (place + 1, events[place].time)
        } else {
            let time = *self.logged.get(id)?;
            let later = events.iter().position(|event| event.time > time).unwrap_or(events.len());
            (later.max(from + 1), time)
        };
        // An agent that is sent another message ends again: the last word on its work counts.
        let last = (from..events.len()).rev().find(|place| is_end(&events[*place]));
        let how = last.and_then(|place| match events[place].what {
            What::End { how: How::Reported(Outcome::Failed), .. } if agent == 0 => Some(How::Refused),
            What::End { how, .. } => Some(how),
            _ => None,
        });
        let is_prompt = |event: &Seen| matches!(event.what, What::Prompt { .. });
        let until = (at..events.len()).find(|place| is_prompt(&events[*place])).unwrap_or(events.len());
        Some(End { at, time, until, how, event: last })
    }

    pub fn evidence(&self, what: &'static str, (trace, place): (usize, usize)) -> Evidence {
        let trace = self.traces[trace];
        Evidence { what, file: Some(trace.path.clone()), id: trace.events[place].id.to_string() }
    }

    /// Whether anybody in the session wrote a file, or may have by a command, between two times.
    pub fn changed(&self, number: usize, from: u64, until: u64) -> bool {
        let times = self.changes.get(self.session_of_trace[number]).map(Vec::as_slice).unwrap_or_default();
        let first = times.partition_point(|time| *time <= from);
        times.get(first).is_some_and(|time| *time < until)
    }
}
