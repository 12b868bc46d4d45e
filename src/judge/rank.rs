//! From sheets to a winner: gates, totals and ties. Pure, and the same in any order of the candidates. That nobody wins is a
//! result.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::Facts;
use super::items::{Criterion, rules};
use super::score::{Outside, Sheet, score};
use super::{ADHERENCE, Candidate, Effort, GateResult, Mode, TestCounts};

/// A candidate and what was measured of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What is known of it.
    pub candidate: &'a Candidate,
    /// What was measured.
    pub facts: &'a Facts,
}

/// How alike two candidates are, by their places in the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alike {
    /// The first.
    pub one: usize,
    /// The second.
    pub other: usize,
    /// 0 to 100.
    pub percent: f64,
}

/// Everything that was found out. Candidates stand by name.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// Version of this JSON.
    pub schema: u32,
    /// What the candidates are to each other.
    pub mode: Mode,
    /// All of them.
    pub candidates: Vec<Judged>,
    /// The best one, when there is one.
    pub winner: Option<String>,
    /// What settled it.
    pub decided_by: Decided,
    /// Candidates that nothing tells apart; empty unless that is why nobody wins.
    pub tie: Vec<String>,
    /// Criteria whose scores make up the totals: those that all remaining candidates have.
    pub compared: Vec<Criterion>,
    /// What eliminated whom.
    pub gates: Gates,
    /// Every pair, most alike first.
    pub similarity: Vec<Pair>,
}

/// One candidate.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// How its tests ended.
    pub tests: Option<TestCounts>,
    /// Its scores.
    pub scores: Scores,
    /// Sum of the scores that are compared; none when it lacks one, or when none is compared.
    pub total: Option<u32>,
    /// It cannot win.
    pub eliminated: bool,
    /// Why: `tests`, `empty`, a gate's name, a criterion's, `duplicate` or `fitness-gap`.
    pub reasons: Vec<String>,
    /// The candidate that it is the same as.
    pub duplicate_of: Option<String>,
    /// What the race said.
    pub race_gates: Vec<GateResult>,
    /// What it cost to make.
    pub effort: Effort,
    /// How the scores came about.
    pub sheet: Sheet,
    /// What was measured.
    pub facts: Facts,
}

/// Five scores of 1 to 5, each none when nothing answered or measured any of its items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// Does it do what was asked for.
    pub fitness: Option<u8>,
    /// Is everything in it needed.
    pub complexity: Option<u8>,
    /// Can it be read.
    pub readability: Option<u8>,
    /// Does it stand bad input, failure and load.
    pub robustness: Option<u8>,
    /// Can it be changed.
    pub maintainability: Option<u8>,
}

/// What settled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// Nobody was left.
    NobodyLeft,
    /// One was left.
    OnlyOneLeft,
    /// One was left after the fitness gate.
    FitnessGap,
    /// The highest total, by more than the margin.
    Total,
    /// Within the margin: fewer rounds of repair.
    Repairs,
    /// Within the margin: fewer calls.
    Calls,
    /// Within the margin: less time to generate.
    GenerationTime,
    /// Within the margin and with the same effort: the higher total.
    HigherTotal,
    /// With the same total too: fewer code lines.
    CodeLines,
    /// Nothing tells them apart.
    Tie,
}

/// What eliminated whom, by name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Gates {
    /// Their tests did not all pass.
    pub tests: Vec<String>,
    /// There is no code.
    pub empty: Vec<String>,
    /// Gates of the race, each with those that failed it.
    pub race: BTreeMap<String, Vec<String>>,
    /// A criterion with the lowest score, each with those that have it.
    pub criteria: BTreeMap<&'static str, Vec<String>>,
    /// The same as another candidate.
    pub duplicates: Vec<String>,
    /// The fitness gate.
    pub fitness: FitnessGate,
}

/// The fitness gate.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FitnessGate {
    /// Highest fitness of those that no other gate eliminated.
    pub best: Option<u8>,
    /// Those too far behind it.
    pub behind: Vec<String>,
    /// What such a gap means here; none without one.
    pub reading: Option<&'static str>,
}

/// Two candidates.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// The first by name.
    pub one: String,
    /// The second.
    pub other: String,
    /// 0 to 100, with one decimal.
    pub percent: f64,
    /// More than the limit: they count as one.
    pub same: bool,
}

/// Judges; `alike` is about pairs of `entries`.
pub fn judge(entries: &[Entry<'_>], alike: &[Alike], mode: Mode) -> Judgement {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| entries[a].candidate.name.cmp(&entries[b].candidate.name));
    let similarity = pairs(entries, alike);
    let duplicates = duplicates(entries, &similarity);
    let smallest = smallest(entries);
    let mut gates = Gates::default();
    let judged = order.iter().map(|&at| one(&entries[at], smallest, &duplicates, &mut gates));
    let mut candidates: Vec<Judged> = judged.collect();
    let one_left = candidates.iter().filter(|candidate| !candidate.eliminated).count() == 1;
    fitness_gate(&mut candidates, &mut gates.fitness, mode);
    let compared = totals(&mut candidates);
    let remaining: Vec<&Judged> = candidates.iter().filter(|candidate| !candidate.eliminated).collect();
    let (best, decided_by) = match remaining[..] {
        [] => (Vec::new(), Decided::NobodyLeft),
        [only] if one_left => (vec![only], Decided::OnlyOneLeft),
        [only] => (vec![only], Decided::FitnessGap),
        _ => best(remaining),
    };
    let names: Vec<String> = best.iter().map(|candidate| candidate.name.clone()).collect();
    let (winner, tie) = match <[String; 1]>::try_from(names) {
        Ok([winner]) => (Some(winner), Vec::new()),
        Err(tie) => (None, tie),
    };
    Judgement { schema: 1, mode, candidates, winner, decided_by, tie, compared, gates, similarity }
}

/// Sheet and gates of one candidate.
fn one(
    entry: &Entry<'_>,
    smallest: Option<u32>,
    duplicates: &BTreeMap<&str, &str>,
    gates: &mut Gates,
) -> Judged {
    let Entry { candidate, facts } = entry;
    let name = &candidate.name;
    let adheres = candidate.gates.iter().find(|gate| gate.name == ADHERENCE).map(|gate| gate.passed);
    let outside = Outside { tests_pass: candidate.tests.map(TestCounts::pass), adheres, smallest };
    let duplicate_of = duplicates.get(name.as_str()).copied();
    // What is the same as another is not read again.
    let answers = candidate.answers.as_ref().filter(|_| duplicate_of.is_none());
    let sheet = score(facts, outside, answers);
    let mut reasons = Vec::new();
    if outside.tests_pass == Some(false) {
        gates.tests.push(name.clone());
        reasons.push("tests".to_owned());
    }
    if facts.code_lines == 0 {
        gates.empty.push(name.clone());
        reasons.push("empty".to_owned());
    }
    for gate in candidate.gates.iter().filter(|gate| !gate.passed) {
        gates.race.entry(gate.name.clone()).or_default().push(name.clone());
        reasons.push(gate.name.clone());
    }
    for criterion in Criterion::ALL {
        let scored = &sheet.scored[criterion as usize];
        if scored.score == Some(rules().gates.eliminates) && !scored.provisional {
            gates.criteria.entry(criterion.name()).or_default().push(name.clone());
            reasons.push(criterion.name().to_owned());
        }
    }
    if duplicate_of.is_some() {
        gates.duplicates.push(name.clone());
        reasons.push("duplicate".to_owned());
    }
    Judged {
        name: name.clone(),
        tests: candidate.tests,
        scores: scores(&sheet),
        total: None,
        eliminated: !reasons.is_empty(),
        reasons,
        duplicate_of: duplicate_of.map(str::to_owned),
        race_gates: candidate.gates.clone(),
        effort: candidate.effort,
        sheet,
        facts: (*facts).clone(),
    }
}

fn scores(sheet: &Sheet) -> Scores {
    Scores {
        fitness: sheet.score(Criterion::Fitness),
        complexity: sheet.score(Criterion::Complexity),
        readability: sheet.score(Criterion::Readability),
        robustness: sheet.score(Criterion::Robustness),
        maintainability: sheet.score(Criterion::Maintainability),
    }
}

/// Neither its tests nor a gate of the race speak against it, and there is code.
fn passes(entry: &Entry<'_>) -> bool {
    let Entry { candidate, facts } = entry;
    candidate.tests.is_none_or(TestCounts::pass)
        && candidate.gates.iter().all(|gate| gate.passed)
        && facts.code_lines > 0
}

fn smallest(entries: &[Entry<'_>]) -> Option<u32> {
    entries.iter().filter(|entry| passes(entry)).map(|entry| entry.facts.code_lines).min()
}

fn pairs(entries: &[Entry<'_>], alike: &[Alike]) -> Vec<Pair> {
    let name = |at: usize| entries[at].candidate.name.as_str();
    let mut pairs: Vec<Pair> = alike
        .iter()
        .map(|alike| {
            let (one, other) = (name(alike.one), name(alike.other));
            let same = alike.percent > f64::from(rules().gates.same);
            let percent = (alike.percent * 10.0).round() / 10.0;
            Pair { one: one.min(other).to_owned(), other: one.max(other).to_owned(), percent, same }
        })
        .collect();
    pairs.sort_by(|a, b| {
        b.percent.total_cmp(&a.percent).then_with(|| (&a.one, &a.other).cmp(&(&b.one, &b.other)))
    });
    pairs
}

/// Each candidate that is the same as a better one, with that one: better is to pass, then fewer repairs and calls, then the
/// name. Not the time: between copies it is chance.
fn duplicates<'a>(entries: &[Entry<'a>], pairs: &[Pair]) -> BTreeMap<&'a str, &'a str> {
    let mut order: Vec<Entry<'a>> = entries.to_vec();
    let figures = usable(&order.iter().map(|entry| entry.candidate.effort).collect::<Vec<_>>());
    order.sort_by(|a, b| {
        let key = |entry: &Entry<'a>| {
            let [repairs, calls, _] = figures.map(|figure| figure.map(|(_, of)| of(entry.candidate.effort)));
            (!passes(entry), repairs, calls, entry.candidate.name.as_str())
        };
        key(a).cmp(&key(b))
    });
    let is_same = |a: &str, b: &str| {
        pairs
            .iter()
            .any(|pair| pair.same && (pair.one == a && pair.other == b || pair.one == b && pair.other == a))
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut found = BTreeMap::new();
    for entry in order {
        let name = entry.candidate.name.as_str();
        match kept.iter().find(|original| is_same(original, name)) {
            Some(original) => {
                found.insert(name, *original);
            }
            None => kept.push(name),
        }
    }
    found
}

type Figure = (Decided, fn(Effort) -> Option<u64>);

/// The figures of effort that all have, in their order.
fn usable(efforts: &[Effort]) -> [Option<Figure>; 3] {
    let figures: [Figure; 3] = [
        (Decided::Repairs, |effort| effort.repairs),
        (Decided::Calls, |effort| effort.calls),
        (Decided::GenerationTime, |effort| effort.generation_ms),
    ];
    figures.map(|figure| efforts.iter().all(|effort| figure.1(*effort).is_some()).then_some(figure))
}

/// Eliminates those that are too far behind the best fitness.
fn fitness_gate(candidates: &mut [Judged], gate: &mut FitnessGate, mode: Mode) {
    let remaining = candidates.iter().filter(|candidate| !candidate.eliminated);
    gate.best = remaining.filter_map(|candidate| candidate.scores.fitness).max();
    let Some(best) = gate.best else { return };
    for candidate in candidates.iter_mut().filter(|candidate| !candidate.eliminated) {
        if candidate.scores.fitness.is_some_and(|own| best - own >= rules().gates.fitness_gap) {
            candidate.eliminated = true;
            candidate.reasons.push("fitness-gap".to_owned());
            gate.behind.push(candidate.name.clone());
        }
    }
    if !gate.behind.is_empty() {
        gate.reading = Some(match mode {
            Mode::Showdown => "deviated from the design",
            Mode::AnyPercent => "a genuine trade-off: the other approach solves the problem better",
            Mode::Alone => "does less of what was asked for",
        });
    }
}

/// Sums the criteria that all remaining candidates have a score for; those of all candidates when none remains.
fn totals(candidates: &mut [Judged]) -> Vec<Criterion> {
    let nobody = candidates.iter().all(|candidate| candidate.eliminated);
    let counts = |candidate: &&Judged| nobody || !candidate.eliminated;
    let has_all = |criterion: &Criterion| {
        candidates.iter().filter(counts).all(|one| one.sheet.score(*criterion).is_some())
    };
    let compared: Vec<Criterion> = Criterion::ALL.into_iter().filter(has_all).collect();
    for candidate in candidates {
        let scores = compared.iter().map(|criterion| candidate.sheet.score(*criterion).map(u32::from));
        candidate.total = scores.sum::<Option<u32>>().filter(|_| !compared.is_empty());
    }
    compared
}

/// The best of several, or those that nothing tells apart.
fn best(remaining: Vec<&Judged>) -> (Vec<&Judged>, Decided) {
    let total = |candidate: &Judged| candidate.total.unwrap_or(0);
    let highest = remaining.iter().map(|candidate| total(candidate)).max().unwrap_or(0);
    let mut group = remaining;
    group.retain(|candidate| highest - total(candidate) <= u32::from(rules().gates.close));
    if group.len() == 1 {
        return (group, Decided::Total);
    }
    let figures = usable(&group.iter().map(|candidate| candidate.effort).collect::<Vec<_>>());
    for (decided, figure) in figures.into_iter().flatten() {
        keep_least(&mut group, |candidate| figure(candidate.effort).unwrap_or(u64::MAX));
        if group.len() == 1 {
            return (group, decided);
        }
    }
    keep_least(&mut group, |candidate| Reverse(total(candidate)));
    if group.len() == 1 {
        return (group, Decided::HigherTotal);
    }
    keep_least(&mut group, |candidate| candidate.facts.code_lines);
    let decided = if group.len() == 1 { Decided::CodeLines } else { Decided::Tie };
    (group, decided)
}

fn keep_least<K: Ord>(group: &mut Vec<&Judged>, key: impl Fn(&Judged) -> K) {
    let least = group.iter().map(|candidate| key(candidate)).min();
    group.retain(|candidate| Some(key(candidate)) == least);
}
