//! From log records to counts by metric, attributes and hour. Pure; never lets an id of a session, prompt, call or agent
//! through, nor a value that is not a short code or a known name.

use std::collections::BTreeMap;

use crate::agents;
use crate::hosted::service::known;
use crate::metrics::race::Step;
use crate::metrics::record::{Kind, Outcome, Record, safe_model};
use crate::models::Family;

/// Nanoseconds in a millisecond, the log's unit.
const MILLI: u64 = 1_000_000;
/// Milliseconds in an hour.
const HOUR: u64 = 3_600_000;
/// No hook ran before 2020-01-01; in milliseconds since 1970.
const EARLIEST: u64 = 1_577_836_800_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Prompts of the user.
    Prompts,
    /// Calls of the Agent tool.
    Spawns,
    /// Results of such calls, `launched` ones and the later notifications included.
    Results,
    /// Session starts.
    Sessions,
    /// The user's own words on delegated work.
    Feedback,
    /// Spawns that the client refused because they were changed.
    Refusals,
    /// Orders to a hosted model.
    Turbo,
    /// Steps of races.
    Race,
    /// Codegen calls whose contract was too vague.
    Vague,
    /// Faults inside the hook that were survived.
    Faults,
}

impl Metric {
    /// Name, unit (UCUM) and description.
    pub fn named(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Prompts => ("sef.prompts", "{prompt}", "Prompts of the user, by the tier of their task"),
            Self::Spawns => ("sef.spawns", "{spawn}", "Subagent spawns, by tier and model"),
            Self::Results => ("sef.results", "{result}", "Results of subagents, by outcome"),
            Self::Sessions => ("sef.sessions", "{session}", "Session starts, by source"),
            Self::Feedback => ("sef.feedback", "{word}", "The user's own words on delegated work"),
            Self::Refusals => ("sef.refusals", "{spawn}", "Changed spawns that the client refused"),
            Self::Turbo => ("sef.turbo", "{order}", "Orders to a hosted model, by what came of them"),
            Self::Race => ("sef.race", "{race}", "Races of candidates, by what just happened to them"),
            Self::Vague => {
                ("sef.vague", "{call}", "Codegen calls refused because their contract was too vague")
            }
            Self::Faults => ("sef.faults", "{fault}", "Faults inside the hook that were survived"),
        }
    }
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A code or a name.
    Text(String),
    /// A number.
    Int(u8),
}

/// Attributes by name.
pub type Attributes = BTreeMap<&'static str, Value>;

/// One stretch of the log, at most an hour: what was counted in it and the window that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Begin of the window, exclusive, in nanoseconds since 1970; the end of the window before.
    pub start: u64,
    /// End of the window, inclusive, in nanoseconds since 1970.
    pub end: u64,
    /// Counts; never empty.
    pub counts: BTreeMap<(Metric, Attributes), u64>,
    hour: u64,
}

/// Counts under way.
#[derive(Debug)]
pub struct Counter {
    /// Finished slices and the one that is being filled.
    pub slices: Vec<Slice>,
    /// Data points in all slices.
    pub points: usize,
    /// Records that were counted.
    pub records: u64,
    last_end: Option<u64>,
    now: u64,
    projects: bool,
}

impl Counter {
    /// Starts after the window that ended at `last_end` (nanoseconds since 1970). `now` in milliseconds since 1970: a later
    /// time in the log is a clock that was wrong.
    pub fn new(last_end: Option<u64>, now: u64, projects: bool) -> Self {
        Self { slices: Vec::new(), points: 0, records: 0, last_end, now, projects }
    }

    /// Counts a record; answers false, and counts nothing, when that would take more than `most` points.
    ///
    /// Windows follow each other without gap or overlap whatever the records' times are: two slices of an installation
    /// never have the same window, so a receiver that sees one twice knows it for a copy.
    #[must_use]
    pub fn add(&mut self, record: &Record, most: usize) -> bool {
        let Some((metric, mut attributes)) = measured(record) else { return true };
        if self.projects
            && let Some(project) = record.pj.as_deref().filter(|key| is_hash(key))
        {
            attributes.insert("sef.project", Value::Text(project.to_owned()));
        }
        let time = record.t.clamp(EARLIEST, self.now.max(EARLIEST));
        let hour = time / HOUR;
        let key = (metric, attributes);
        let current = self.slices.last().filter(|slice| slice.hour == hour);
        let is_new = !current.is_some_and(|slice| slice.counts.contains_key(&key));
        if is_new && self.points >= most {
            return false;
        }
        if current.is_none() {
            let start = self.slices.last().map(|slice| slice.end).or(self.last_end);
            let start = start.unwrap_or((time - 1) * MILLI);
            self.slices.push(Slice { start, end: start + 1, counts: BTreeMap::new(), hour });
        }
        if let Some(slice) = self.slices.last_mut() {
            slice.end = slice.end.max(time * MILLI);
            *slice.counts.entry(key).or_default() += 1;
        }
        self.points += usize::from(is_new);
        self.records += 1;
        true
    }
}

/// The metric that a record counts for, with its attributes; none for kinds that are only bookkeeping.
pub fn measured(record: &Record) -> Option<(Metric, Attributes)> {
    let mut attributes = Attributes::new();
    let mut put = |name, value: Option<String>| {
        if let Some(value) = value {
            attributes.insert(name, Value::Text(value));
        }
    };
    let metric = match record.e {
        Kind::Session => {
            put("sef.source", record.src.as_deref().map(code));
            Metric::Sessions
        }
        Kind::Prompt => {
            put("sef.hint", record.hint.as_deref().map(code));
            put("sef.reason", record.why.as_deref().map(code));
            Metric::Prompts
        }
        Kind::Spawn => {
            put("gen_ai.operation.name", Some("invoke_agent".to_owned()));
            put("gen_ai.agent.name", record.agent.as_deref().map(agent));
            put("gen_ai.request.model", record.req.as_deref().map(family));
            put("sef.wanted_model", record.want.as_deref().map(family));
            put("sef.reason", record.why.as_deref().map(code));
            Metric::Spawns
        }
        Kind::Result | Kind::Notified => {
            put("gen_ai.operation.name", Some("invoke_agent".to_owned()));
            put("gen_ai.agent.name", record.agent.as_deref().map(agent));
            put("gen_ai.response.model", record.ran.as_deref().map(safe_model));
            put("sef.outcome", Some(record.out.map_or("unknown", outcome).to_owned()));
            Metric::Results
        }
        Kind::Feedback => {
            put("gen_ai.agent.name", record.agent.as_deref().map(agent));
            let word = if record.out == Some(Outcome::Ok) { "accepted" } else { "rejected" };
            put("sef.word", Some(word.to_owned()));
            Metric::Feedback
        }
        Kind::Refused => {
            put("sef.mode", record.mode.as_deref().map(code));
            Metric::Refusals
        }
        Kind::Turbo => {
            let hosted = record.h.as_deref();
            put("gen_ai.request.model", hosted.map(|hosted| public_model(&hosted.m)));
            let tests = |passed| if passed { "passed" } else { "failed" }.to_owned();
            put("sef.tests", hosted.and_then(|hosted| hosted.t).map(tests));
            put("sef.reason", record.why.as_deref().map(code));
            Metric::Turbo
        }
        Kind::Race => {
            let race = record.rc.as_deref().filter(|race| race.st != Step::Told)?;
            put("gen_ai.request.model", record.h.as_deref().map(|hosted| public_model(&hosted.m)));
            put("sef.kind", race.k.map(|sort| sort.name().to_owned()));
            put("sef.step", Some(race.st.code().to_owned()));
            put("sef.winner", race.w.map(|won| if won { "yes" } else { "no" }.to_owned()));
            Metric::Race
        }
        Kind::Vague => Metric::Vague,
        Kind::Fault => {
            put("sef.reason", record.why.as_deref().map(code));
            Metric::Faults
        }
        Kind::AgentStart | Kind::AgentStop | Kind::Stop | Kind::End | Kind::Main => return None,
    };
    if let Some(tier) = record.tier.filter(|tier| *tier <= 3) {
        attributes.insert("sef.tier", Value::Int(tier));
    }
    Some((metric, attributes))
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Launched => "launched",
        Outcome::Empty => "empty",
        Outcome::GaveUp => "gave_up",
        Outcome::Failed => "failed",
    }
}

/// A code as SEF and the client write them; anything else is `other`.
fn code(text: &str) -> String {
    let shaped = (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if shaped { text.to_owned() } else { "other".to_owned() }
}

/// Names of a person's own agents leave the machine not even as a hash.
fn agent(name: &str) -> String {
    if agents::is_known(name) { name.to_owned() } else { "custom".to_owned() }
}

/// Ids of a person's own models stay on the machine; those that SEF knows are public.
fn public_model(id: &str) -> String {
    let is_known = known().model.iter().any(|row| row.id == id);
    if is_known { id.to_owned() } else { "custom".to_owned() }
}

fn family(model: &str) -> String {
    Family::of(model).map_or("other", Family::alias).to_owned()
}

fn is_hash(key: &str) -> bool {
    key.len() == 16 && key.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::race::Race;
    use crate::metrics::record::Hosted;

    const NOON: u64 = 1_795_176_000_000;

    fn prompt(t: u64) -> Record {
        Record { tier: Some(1), ..Record::new(Kind::Prompt, t, "s") }
    }

    #[test]
    fn windows_follow_each_other_whatever_the_clock_did() {
        let mut counter = Counter::new(None, NOON + HOUR, false);
        for t in [NOON, NOON + 5, NOON - 3 * HOUR, 0, u64::MAX, NOON, NOON + 7] {
            assert!(counter.add(&prompt(t), 1_000));
        }
        let windows: Vec<(u64, u64)> = counter.slices.iter().map(|slice| (slice.start, slice.end)).collect();
        assert_eq!(windows[0], ((NOON - 1) * MILLI, (NOON + 5) * MILLI));
        assert!(windows.iter().all(|(start, end)| start < end), "{windows:?}");
        assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0), "{windows:?}");
        let sum: u64 = counter.slices.iter().flat_map(|slice| slice.counts.values()).sum();
        assert_eq!((sum, counter.records), (7, 7));
    }

    #[test]
    fn a_full_counter_takes_what_needs_no_new_point() {
        let mut counter = Counter::new(Some(7), NOON + HOUR, false);
        assert!(counter.add(&prompt(NOON), 1));
        assert!(counter.add(&prompt(NOON + 1), 1));
        assert!(!counter.add(&Record { tier: Some(2), ..prompt(NOON) }, 1));
        assert!(counter.add(&Record::new(Kind::Stop, NOON, "s"), 1));
        assert_eq!((counter.points, counter.records, counter.slices[0].start), (1, 2, 7));
    }

    #[test]
    fn no_free_text_becomes_an_attribute() {
        let evil = "canary free text \u{1b}";
        let record = |kind| Record {
            agent: Some(evil.into()),
            mode: Some(evil.into()),
            src: Some(evil.into()),
            hint: Some(evil.into()),
            why: Some(evil.into()),
            want: Some(evil.into()),
            req: Some(evil.into()),
            ran: Some(evil.into()),
            pj: Some(evil.into()),
            h: Some(Box::new(Hosted { m: evil.into(), ..Hosted::default() })),
            rc: Some(Box::new(Race { id: evil.into(), ..Race::default() })),
            ..Record::new(kind, NOON, "canary")
        };
        let mut counter = Counter::new(None, NOON, true);
        for kind in [
            Kind::Session,
            Kind::Prompt,
            Kind::Spawn,
            Kind::Result,
            Kind::Feedback,
            Kind::Refused,
            Kind::Turbo,
            Kind::Race,
            Kind::Fault,
        ] {
            assert!(counter.add(&record(kind), 1_000));
        }
        assert_eq!(counter.points, 9);
        assert!(!format!("{:?}", counter.slices).contains("canary"));
    }
}
