//! From traces and records to one outcome for each delegation. Pure. docs/outcomes.md states the rules; what nothing
//! shows is unknown, never guessed.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::metrics::record::{Kind, Outcome, Record};
use crate::outcomes::evidence::{Call, How, What};
use crate::outcomes::joined::{Case, End, MAX_DEPTH, Work, World};
use crate::outcomes::{Ended, Evidence, Judged};
use crate::report::delegations::Delegation;
use crate::transcript::corpus::Corpus;

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
    let mut by_trace: BTreeMap<usize, Vec<(usize, &Case)>> = BTreeMap::new();
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
    by_hand(list, records, &mut verdicts);
    verdicts
}

/// The user's own word outweighs everything else; of several the last counts.
fn by_hand(list: &[Delegation], records: &[Record], verdicts: &mut [Judged]) {
    let mut said: HashMap<(&str, &str), bool> = HashMap::new();
    for record in records.iter().filter(|record| record.e == Kind::Feedback) {
        if let (Some(call), Some(out)) = (record.tu.as_deref(), record.out) {
            said.insert((&record.s, call), out == Outcome::Ok);
        }
    }
    for (one, verdict) in list.iter().zip(verdicts) {
        let Some(call) = one.tool_use_id.as_deref() else { continue };
        let Some(good) = said.get(&(one.session.as_str(), call)) else { continue };
        let shown = vec![Evidence { what: "log", file: None, id: call.to_owned() }];
        *verdict = match good {
            true => Judged::new(Ended::Accepted, "accepted-by-hand", shown),
            false => Judged::new(Ended::UserVisible, "rejected-by-hand", shown),
        };
    }
}

impl World<'_> {
    /// The outcome as far as the end itself shows it: failed, accepted or unknown.
    fn by_end(&self, at: usize, cases: &[Case]) -> Judged {
        let one = &self.list[at];
        let in_log =
            || vec![Evidence { what: "log", file: None, id: one.tool_use_id.clone().unwrap_or_default() }];
        let ends = || cases.iter().filter_map(|case| Some((case.trace, case.end?)));
        for (how, reason) in [(How::Stopped, "stopped-by-user"), (How::Refused, "refused")] {
            if let Some((trace, end)) = ends().find(|(_, end)| end.how == Some(how)) {
                let shown = end.event.map(|place| self.evidence("result", (trace, place)));
                return Judged::new(Ended::Unknown, reason, shown.into_iter().collect());
            }
        }
        for (trace, end) in ends() {
            if let (Some(How::Reported(out)), Some(place)) = (end.how, end.event)
                && let Some(reason) = failure(out)
            {
                return Judged::new(Ended::Failed, reason, vec![self.evidence("result", (trace, place))]);
            }
        }
        // Without an agent the log cannot tell a call that failed from one that was never taken.
        if let Some(reason) = one.outcome.filter(|_| one.agent_id.is_some()).and_then(failure) {
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
            let keys = work.searches.keys().chain(work.commands.keys()).chain(work.reads.keys());
            for key in keys.filter(|key| self.only_looked(*at, **key)) {
                lookers.entry(*key).or_default().push((*at, end));
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
        let mut by_prompt: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
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
        let work = &self.work[at];
        let is = |name| self.has_role(at, name);
        !work.writes.is_empty() || is("validate") || (!work.seen && (is("implement") || is("document")))
    }

    /// Whether all that an executor did was to look, as far as that can be known. A command may write files: then only
    /// its role says that it did not, or that the very thing that is done again is all that it ran.
    fn only_looked(&self, at: usize, again: u64) -> bool {
        let work = &self.work[at];
        let may_write = || work.commands.keys().any(|command| *command != again);
        let looks = || self.has_role(at, "explore") || self.has_role(at, "validate");
        work.writes.is_empty() && (looks() || !may_write())
    }

    /// Whether the rules gave the task that role, or the executor has it by its name.
    fn has_role(&self, at: usize, name: &str) -> bool {
        let one = &self.list[at];
        let role = one.tool_use_id.as_deref().and_then(|call| self.roles.get(call).copied());
        role == Some(name) || one.executor.strip_prefix("sef-") == Some(name)
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
    let filled_in = [left, right].iter().all(|count| (1..=SLOT).contains(count));
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
