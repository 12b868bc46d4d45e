//! From traces and records to one outcome for each delegation. Pure. docs/outcomes.md states the rules; what nothing
//! shows is unknown, never guessed.

use std::collections::{HashMap, HashSet};

use crate::metrics::record::{Kind, Outcome, Record};
use crate::outcomes::evidence::{Call, How, Seen, Trace, What, id_key};
use crate::outcomes::{Ended, Evidence, Judged};
use crate::report::delegations::Delegation;
use crate::transcript::corpus::Corpus;

/// How deep subagents of subagents are followed.
const MAX_DEPTH: usize = 6;
/// Differing words up to which two tasks of one wording are the same form with other words filled in.
const SLOT: usize = 3;

/// Judges each delegation, in the order of the list.
pub fn judge(list: &[Delegation], records: &[Record], corpus: &Corpus) -> Vec<Judged> {
    let world = World::gather(list, records, corpus);
    let cases: Vec<Vec<Case>> = (0..list.len()).map(|at| world.cases(at)).collect();
    let mut verdicts: Vec<Judged> = (0..list.len()).map(|at| world.by_end(at, &cases[at])).collect();
    let mut improve = |at: usize, found: Judged| {
        if found.outcome < verdicts[at].outcome {
            verdicts[at] = found;
        }
    };
    let flat: Vec<(usize, &Case)> =
        cases.iter().enumerate().flat_map(|(at, cases)| cases.iter().map(move |case| (at, case))).collect();
    let mut by_trace: HashMap<usize, Vec<(usize, &Case)>> = HashMap::new();
    // What was stopped was not the executor's to finish.
    for (at, case) in flat.into_iter().filter(|(_, case)| !case.is_stopped()) {
        by_trace.entry(case.trace).or_default().push((at, case));
    }
    for (trace, mut cases) in by_trace {
        cases.sort_by_key(|(_, case)| case.call);
        world.redone(trace, &cases).into_iter().for_each(|(at, found)| improve(at, found));
        world.spawned_again(trace, &cases).into_iter().for_each(|(at, found)| improve(at, found));
    }
    world.complained(&cases).into_iter().for_each(|(at, found)| improve(at, found));
    verdicts
}

/// A delegation in one transcript of whoever delegated it.
struct Case {
    /// The transcript, as an index into [`World::traces`].
    trace: usize,
    /// Place of the call among the events.
    call: usize,
    /// Index into the trace's calls.
    task: usize,
    /// How its work came back.
    end: Option<End>,
}

impl Case {
    fn is_stopped(&self) -> bool {
        self.end.is_some_and(|end| end.how == Some(How::Stopped))
    }
}

#[derive(Clone, Copy)]
struct End {
    /// First event after it.
    at: usize,
    /// Milliseconds since 1970.
    time: u64,
    /// The first event after it that is the user's, or the number of events.
    until: usize,
    /// How, by the transcript.
    how: Option<How>,
    /// The event that says so; none when only the log does.
    event: Option<usize>,
}

/// What an executor did, with the agents that it started itself.
#[derive(Default)]
struct Work {
    /// A transcript shows it.
    seen: bool,
    /// Files that it wrote: trace and event of the last write.
    writes: HashMap<u64, (usize, usize)>,
    searches: HashMap<u64, (usize, usize)>,
    commands: HashMap<u64, (usize, usize)>,
    reads: HashMap<u64, (usize, usize)>,
}

struct World<'a> {
    list: &'a [Delegation],
    traces: Vec<&'a Trace>,
    /// The agent whose transcript a trace is.
    agent_of_trace: Vec<Option<&'a str>>,
    session_of_trace: Vec<&'a str>,
    trace_of_agent: HashMap<&'a str, usize>,
    /// Where each call stands.
    calls: HashMap<u64, Vec<(usize, usize, usize)>>,
    started_by: HashMap<u64, &'a str>,
    of_agent: HashMap<&'a str, usize>,
    roles: HashMap<&'a str, &'a str>,
    /// When the log says that a call's work came back.
    logged: HashMap<&'a str, u64>,
    stops: HashMap<&'a str, Vec<u64>>,
    /// When files were written, by session.
    changes: HashMap<&'a str, Vec<u64>>,
    work: Vec<Work>,
}

impl<'a> World<'a> {
    fn gather(list: &'a [Delegation], records: &'a [Record], corpus: &'a Corpus) -> Self {
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
                What::Write(_) => self.changes.entry(session).or_default().push(event.time),
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

    fn cases(&self, at: usize) -> Vec<Case> {
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
            What::End { how, .. } => Some(how),
            _ => None,
        });
        let is_prompt = |event: &Seen| matches!(event.what, What::Prompt { .. });
        let until = (at..events.len()).find(|place| is_prompt(&events[*place])).unwrap_or(events.len());
        Some(End { at, time, until, how, event: last })
    }

    fn evidence(&self, what: &'static str, (trace, place): (usize, usize)) -> Evidence {
        let trace = self.traces[trace];
        Evidence { what, file: Some(trace.path.clone()), id: trace.events[place].id.to_string() }
    }

    /// The outcome as far as the end itself shows it: failed, accepted or unknown.
    fn by_end(&self, at: usize, cases: &[Case]) -> Judged {
        let one = &self.list[at];
        let in_log =
            || vec![Evidence { what: "log", file: None, id: one.tool_use_id.clone().unwrap_or_default() }];
        let ends = || cases.iter().filter_map(|case| Some((case.trace, case.end?)));
        let stopped = ends().find(|(_, end)| end.how == Some(How::Stopped));
        if let Some((trace, end)) = stopped {
            let shown = end.event.map(|place| self.evidence("result", (trace, place)));
            return Judged::new(Ended::Unknown, "stopped-by-user", shown.into_iter().collect());
        }
        for (trace, end) in ends() {
            if let (Some(How::Reported(out)), Some(place)) = (end.how, end.event)
                && let Some(reason) = failure(out)
            {
                return Judged::new(Ended::Failed, reason, vec![self.evidence("result", (trace, place))]);
            }
        }
        if let Some(reason) = one.outcome.and_then(failure) {
            return Judged::new(Ended::Failed, reason, in_log());
        }
        for (trace, end) in ends() {
            let events = &self.traces[trace].events;
            let shown = end.event.map(|place| self.evidence("result", (trace, place)));
            let mut shown: Vec<Evidence> = shown.into_iter().collect();
            if shown.is_empty() {
                shown = in_log();
            }
            let next =
                |wanted: fn(&What) -> bool| (end.at..events.len()).find(|place| wanted(&events[*place].what));
            if let Some(place) = next(|what| matches!(what, What::Answer)).filter(|place| *place < end.until)
            {
                shown.push(self.evidence("answer", (trace, place)));
                return Judged::new(Ended::Accepted, "went-on", shown);
            }
            if let Some(place) = next(|what| matches!(what, What::Prompt { .. })) {
                shown.push(self.evidence("prompt", (trace, place)));
                return Judged::new(Ended::Accepted, "turn-ended", shown);
            }
            if self
                .stops
                .get(one.session.as_str())
                .is_some_and(|times| times.iter().any(|time| *time >= end.time))
            {
                return Judged::new(Ended::Accepted, "turn-ended", shown);
            }
        }
        let reason = match (one.refused, cases.is_empty(), ends().next()) {
            (true, ..) => "refused",
            (_, true, _) => "no-transcript",
            (_, _, None) => "still-running",
            (_, _, Some(_)) => "nothing-after",
        };
        Judged::new(Ended::Unknown, reason, Vec::new())
    }

    /// Work that the delegating model did again itself in the same turn.
    fn redone(&self, number: usize, cases: &[(usize, &Case)]) -> Vec<(usize, Judged)> {
        let mut found = Vec::new();
        let mut writers: HashMap<u64, Vec<(usize, End)>> = HashMap::new();
        let mut lookers: HashMap<u64, Vec<(usize, End)>> = HashMap::new();
        for (at, case) in cases {
            let (Some(end), work) = (case.end, &self.work[*at]) else { continue };
            for key in work.writes.keys() {
                writers.entry(*key).or_default().push((*at, end));
            }
            // Whoever wrote is checked by searching and running things; only a look-up can be repeated.
            if work.writes.is_empty() {
                let keys = work.searches.keys().chain(work.commands.keys()).chain(work.reads.keys());
                for key in keys {
                    lookers.entry(*key).or_default().push((*at, end));
                }
            }
        }
        let events = &self.traces[number].events;
        let edited: HashSet<u64> = events
            .iter()
            .filter_map(|event| if let What::Write(file) = event.what { Some(file) } else { None })
            .collect();
        let mut read_once: HashSet<(usize, u64)> = HashSet::new();
        for (place, event) in events.iter().enumerate() {
            let last = |by: &HashMap<u64, Vec<(usize, End)>>, key: u64| {
                let there = by.get(&key).into_iter().flatten();
                there
                    .filter(|(_, end)| end.at <= place && place < end.until)
                    .max_by_key(|(_, end)| end.at)
                    .copied()
            };
            let shown = |what: &'static str, at: usize, done: Option<&(usize, usize)>| {
                let mut shown = vec![self.evidence(what, (number, place))];
                shown.extend(done.map(|done| self.evidence("executor", *done)));
                (at, shown)
            };
            let unchanged = |end: &End| !self.changed(number, end.time, event.time);
            let (what, reason, by) = match event.what {
                What::Write(key) => ("edit", "edited-again", last(&writers, key)),
                What::Search(key) => {
                    ("search", "searched-again", last(&lookers, key).filter(|(_, end)| unchanged(end)))
                }
                What::Command(key) => {
                    ("command", "ran-again", last(&lookers, key).filter(|(_, end)| unchanged(end)))
                }
                What::Read { key, file } if !edited.contains(&file) => {
                    let reader = last(&lookers, key).filter(|(_, end)| unchanged(end));
                    // Once is to verify.
                    let again = reader.filter(|(at, _)| !read_once.insert((*at, key)));
                    ("read", "read-again", again)
                }
                _ => continue,
            };
            let Some((at, _)) = by else { continue };
            let work = &self.work[at];
            let done = match event.what {
                What::Write(key) => work.writes.get(&key),
                What::Search(key) => work.searches.get(&key),
                What::Command(key) => work.commands.get(&key),
                What::Read { key, .. } => work.reads.get(&key),
                _ => None,
            };
            let (at, evidence) = shown(what, at, done);
            found.push((at, Judged::new(Ended::Redone, reason, evidence)));
        }
        found
    }

    /// Whether anybody in the session wrote a file between two times.
    fn changed(&self, number: usize, from: u64, until: u64) -> bool {
        let times = self.changes.get(self.session_of_trace[number]).map(Vec::as_slice).unwrap_or_default();
        let first = times.partition_point(|time| *time <= from);
        times.get(first).is_some_and(|time| *time < until)
    }

    /// The same task given out again after its work came back, before the user said anything else.
    fn spawned_again(&self, number: usize, cases: &[(usize, &Case)]) -> Vec<(usize, Judged)> {
        let trace = self.traces[number];
        let mut found = Vec::new();
        for (at, case) in cases {
            let Some(end) = case.end else { continue };
            let from = cases.partition_point(|(_, later)| later.call < end.at);
            let later = cases[from..].iter().take_while(|(_, later)| later.call < end.until);
            let again = later.filter(|(other, later)| {
                let time = trace.events[later.call].time;
                let tiers = self.list[*other].ran.zip(self.list[*at].ran);
                tiers.is_some_and(|(again, first)| again >= first)
                    && same_task(&trace.calls[case.task], &trace.calls[later.task])
                    && same_work(&self.work[*at], &self.work[*other])
                    && (!self.work[*at].writes.is_empty() || !self.changed(number, end.time, time))
            });
            if let Some((other, later)) = again.into_iter().next() {
                let higher = self.list[*other].ran > self.list[*at].ran;
                let reason = if higher { "again-higher-tier" } else { "again-same-tier" };
                let mut shown = vec![self.evidence("spawn", (number, later.call))];
                shown.extend(end.event.map(|place| self.evidence("result", (number, place))));
                found.push((*at, Judged::new(Ended::Redelegated, reason, shown)));
            }
        }
        found
    }

    /// Work after which the user's next prompt says that it is wrong.
    fn complained(&self, cases: &[Vec<Case>]) -> Vec<(usize, Judged)> {
        let mut by_prompt: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for at in (0..self.list.len()).filter(|at| !cases[*at].iter().any(Case::is_stopped)) {
            for place in self.next_prompts(at, cases) {
                by_prompt.entry(place).or_default().push(at);
            }
        }
        let mut found = Vec::new();
        for (place, group) in by_prompt {
            let event = &self.traces[place.0].events[place.1];
            if !matches!(event.what, What::Prompt { complaint: true, .. }) {
                continue;
            }
            let only = group.len() == 1;
            for at in group.into_iter().filter(|at| only || self.made_something(*at)) {
                found.push((
                    at,
                    Judged::new(Ended::UserVisible, "user-complained", vec![self.evidence("prompt", place)]),
                ));
            }
        }
        found
    }

    /// The user's next words after a delegation's work came back; a nested one's are those after its outermost parent.
    fn next_prompts(&self, at: usize, cases: &[Vec<Case>]) -> Vec<(usize, usize)> {
        let mut root = at;
        for _ in 0..MAX_DEPTH {
            let parent = cases[root].iter().find_map(|case| self.agent_of_trace[case.trace]);
            match parent.and_then(|agent| self.of_agent.get(agent).copied()).filter(|parent| *parent != root)
            {
                Some(parent) => root = parent,
                None => break,
            }
        }
        let next = |case: &Case| {
            let end = case.end?;
            let events = &self.traces[case.trace].events;
            let mut until = end.until;
            // A command that nobody answered (/cost, /compact) is no next prompt.
            while let Some(What::Prompt { command: true, .. }) = events.get(until).map(|event| event.what)
                && !matches!(events.get(until + 1).map(|event| event.what), Some(What::Answer))
            {
                until += 1;
                while events.get(until).is_some_and(|event| !matches!(event.what, What::Prompt { .. })) {
                    until += 1;
                }
            }
            (until < events.len()).then_some((case.trace, until))
        };
        cases[root].iter().filter_map(next).collect()
    }

    /// Work whose result the user can see: files written, or a check of them.
    fn made_something(&self, at: usize) -> bool {
        let one = &self.list[at];
        let role =
            one.tool_use_id.as_deref().and_then(|call| self.roles.get(call).copied()).unwrap_or_default();
        let is = |name: &str| role == name || one.executor.strip_prefix("sef-") == Some(name);
        let work = &self.work[at];
        !work.writes.is_empty() || is("validate") || (!work.seen && (is("implement") || is("document")))
    }
}

fn failure(out: Outcome) -> Option<&'static str> {
    match out {
        Outcome::Failed => Some("error-result"),
        Outcome::GaveUp => Some("gave-up"),
        Outcome::Empty => Some("empty-result"),
        Outcome::Ok | Outcome::Launched => None,
    }
}

/// Two wordings of one task: alike, and not one form filled in differently.
fn same_task(a: &Call, b: &Call) -> bool {
    let only = |a: &[u32], b: &[u32]| a.iter().filter(|word| b.binary_search(word).is_err()).count();
    let (left, right) = (only(&a.words, &b.words), only(&b.words, &a.words));
    let other_names = only(&a.names, &b.names) > 0 && only(&b.names, &a.names) > 0;
    let filled_in = left == right && (1..=SLOT).contains(&left);
    a.sketch.is_like(&b.sketch) && !other_names && !filled_in
}

/// Whether two executors worked on the same things, as far as their transcripts show it.
fn same_work(a: &Work, b: &Work) -> bool {
    if !a.seen || !b.seen {
        return true;
    }
    let shared = |a: &HashMap<u64, (usize, usize)>, b: &HashMap<u64, (usize, usize)>| {
        a.keys().any(|key| b.contains_key(key))
    };
    match (a.writes.is_empty(), b.writes.is_empty()) {
        (false, false) => shared(&a.writes, &b.writes),
        (true, true) => {
            let idle =
                |work: &Work| work.searches.is_empty() && work.commands.is_empty() && work.reads.is_empty();
            idle(a)
                || idle(b)
                || shared(&a.searches, &b.searches)
                || shared(&a.commands, &b.commands)
                || shared(&a.reads, &b.reads)
        }
        // To look something up and then to change it are two tasks.
        _ => false,
    }
}
