//! `sef eval`: how well the rules judge labelled texts. Reads a file, computes figures, prints them; never fits anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::classify::{COST, Part, least_cost};
use crate::config::Env;
use crate::error::{Error, Result};
use crate::explain::{self, judge_line};
use crate::rules::image::Table;

/// One labelled text.
#[derive(Debug, Deserialize)]
pub struct Labelled {
    /// As `sef classify --jsonl` reads it.
    #[serde(flatten)]
    pub line: explain::Line,
    /// The right tier, 0-3.
    pub tier: u8,
    /// The right role, when labelled.
    #[serde(default)]
    pub role: Option<String>,
    /// Language, when labelled.
    #[serde(default)]
    pub lang: Option<String>,
    /// Author or project, when known.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether it holds separable tasks, when labelled.
    #[serde(default)]
    pub compound: Option<bool>,
    /// The right parts of a compound line, when labelled.
    #[serde(default)]
    pub parts: Vec<LabelledPart>,
    /// Whether its parts can go side by side, when labelled.
    #[serde(default)]
    pub parallel: Option<bool>,
}

/// A labelled part.
#[derive(Debug, Deserialize)]
pub struct LabelledPart {
    /// Its role.
    pub role: String,
}

/// Figures over the splits of the prompts that say whether they are compound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Splits {
    /// Prompts.
    pub count: usize,
    /// Of these compound.
    pub compound: usize,
    /// Of these split.
    pub split: usize,
    /// Split and compound.
    pub both: usize,
    /// Compound lines whose labelled parts need several executors.
    pub several: usize,
    /// Of these, lines that come out with the right executors in order.
    pub in_order: usize,
    /// Split lines that say whether their parts can go side by side.
    pub ordered: usize,
    /// Of these, lines of which the split says the same.
    pub order_right: usize,
}

impl Splits {
    fn add(&mut self, labelled: &Labelled, parts: &[Part]) {
        let Some(compound) = labelled.compound.filter(|_| !labelled.line.is_task()) else { return };
        let split = !parts.is_empty();
        self.count += 1;
        self.compound += usize::from(compound);
        self.split += usize::from(split);
        self.both += usize::from(compound && split);
        // Neighbours for one executor count as one part.
        let mut wanted: Vec<&str> = labelled.parts.iter().map(|part| part.role.as_str()).collect();
        wanted.dedup();
        if wanted.len() > 1 {
            let mut found: Vec<&str> = parts.iter().map(|part| part.role.name()).collect();
            found.dedup();
            self.several += 1;
            self.in_order += usize::from(found == wanted);
        }
        if let Some(parallel) = labelled.parallel.filter(|_| split) {
            self.ordered += 1;
            self.order_right += usize::from(parallel != parts.iter().any(|part| part.after));
        }
    }
}

/// A judged text: the truth, the choice, and what the choice rests on.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The right tier.
    pub truth: usize,
    /// The tier that was chosen.
    pub chosen: usize,
    /// Probability of each tier.
    pub probabilities: [f32; 4],
    /// What each tier weighs in the choice.
    pub caution: [f32; 4],
}

/// Figures over a set of judged texts.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Number of texts.
    pub count: usize,
    /// Share judged right.
    pub accuracy: f64,
    /// 95 % bootstrap interval of the accuracy.
    pub accuracy_interval: [f64; 2],
    /// Mean of [`COST`].
    pub weighted_error: f64,
    /// 95 % bootstrap interval of the weighted error.
    pub weighted_error_interval: [f64; 2],
    /// Of tier 3 texts, the share judged tier 1 or 2.
    pub tier3_lower: Option<f64>,
    /// Of tier 0 texts, the share judged to be a task.
    pub tier0_disturbed: Option<f64>,
    /// Of texts judged tier 1, the share that is tier 2 or 3.
    pub haiku_under: Option<f64>,
    /// Share of texts, most confident first, on which accuracy is at least 0.90.
    pub cov90: f64,
    /// Expected calibration error of the confidence over ten bins.
    pub calibration_error: f64,
    /// Precision and recall of each tier.
    pub tiers: [TierFigures; 4],
    /// `confusion[truth][chosen]`.
    pub confusion: [[usize; 4]; 4],
    /// Ten bins of confidence: texts, mean confidence, accuracy.
    pub reliability: Vec<(usize, f64, f64)>,
}

/// Precision and recall of one tier.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TierFigures {
    /// Of those judged so, the share that is so.
    pub precision: Option<f64>,
    /// Of those that are so, the share judged so.
    pub recall: Option<f64>,
}

/// What to print.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// JSON instead of text.
    pub json: bool,
    /// Also apart by role, lang, kind or group.
    pub by: Option<String>,
    /// Also the confusion table.
    pub confusion: bool,
}

/// Judges a file of labelled lines and words the figures.
pub fn eval(env: &Env, file: &Path, wanted: &Wanted) -> Result<String> {
    let (image, _) = explain::load(env)?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::new("cannot read the labelled prompts", error).at(file))?;
    let mut sets: BTreeMap<String, Vec<Judged>> = BTreeMap::new();
    let mut all = Vec::new();
    let mut splits = Splits::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let labelled: Labelled = serde_json::from_str(line).map_err(|error| {
            Error::new("cannot read a labelled prompt", error)
                .at(file)
                .place(number + 1, 1)
                .fix("each line is {\"id\", \"prompt\", \"tier\"[, \"kind\", \"role\", \"lang\", \"group\"]}")
        })?;
        let verdict = judge_line(&image, &labelled.line).0;
        splits.add(&labelled, &verdict.parts);
        let judged = Judged {
            truth: usize::from(labelled.tier.min(3)),
            chosen: usize::from(verdict.tier.number()),
            probabilities: verdict.probabilities,
            caution: image.caution(if labelled.line.is_task() { Table::Task } else { Table::User }),
        };
        all.push(judged);
        let kind = if labelled.line.is_task() { "subagent" } else { "user" };
        sets.entry(format!("kind {kind}")).or_default().push(judged);
        if let Some(by) = wanted.by.as_deref().filter(|by| *by != "kind") {
            let value = match by {
                "role" => labelled.role,
                "lang" => labelled.lang,
                _ => labelled.group,
            };
            sets.entry(format!("{by} {}", value.unwrap_or_else(|| "?".to_owned()))).or_default().push(judged);
        }
    }
    if all.is_empty() {
        return Err(Error::new("cannot evaluate", "the file holds no line").at(file));
    }
    sets.insert("all".to_owned(), all.clone());
    let figures: BTreeMap<String, Figures> =
        sets.iter().map(|(name, set)| (name.clone(), figures(set))).collect();
    let curves: BTreeMap<String, Vec<Point>> = sets
        .iter()
        .filter(|(name, _)| *name == "all" || name.starts_with("kind "))
        .map(|(name, set)| (name.clone(), curve(set)))
        .collect();
    if wanted.json {
        let value = serde_json::json!({"schema": 1, "sets": figures, "curves": curves, "splits": splits});
        return Ok(format!("{value:#}\n"));
    }
    Ok(page(&figures, &curves, wanted) + &splits_page(splits))
}

/// What the splits are worth; nothing when no prompt says whether it is compound.
fn splits_page(splits: Splits) -> String {
    let mut out = String::new();
    if splits.count == 0 {
        return out;
    }
    let mut line = |what: &str, hits: usize, of: usize| {
        let share = share(hits, of).map_or("-".to_owned(), |share| format!("{share:.2}"));
        let _ = writeln!(out, "  {what:<44}{share:>5}  ({hits} of {of})");
    };
    line("prompts that are split, labelled compound", splits.both, splits.split);
    line("compound prompts that are split", splits.both, splits.compound);
    if splits.several > 0 {
        line("right executors in order, where several", splits.in_order, splits.several);
    }
    if splits.ordered > 0 {
        line("of the splits, right about side by side", splits.order_right, splits.ordered);
    }
    format!("\ncompound tasks, {} prompts\n{out}", splits.count)
}

/// One point of the policy curve.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Point {
    /// How much graded cost counts in the choice, 0-1.
    pub lean: f64,
    /// Accuracy there.
    pub accuracy: f64,
    /// Weighted error there.
    pub weighted_error: f64,
    /// Share of texts on each tier.
    pub shares: [f64; 4],
    /// Of texts on tier 1, the share that is tier 2 or 3.
    pub haiku_under: f64,
}

/// What happens as the choice leans from "be right" to "never be too low".
pub fn curve(set: &[Judged]) -> Vec<Point> {
    (0..=10)
        .map(|step| {
            let lean = f64::from(step) / 10.0;
            let moved: Vec<Judged> = set
                .iter()
                .map(|judged| Judged {
                    chosen: least_cost(judged.probabilities, judged.caution, lean as f32),
                    ..*judged
                })
                .collect();
            let count = moved.len() as f64;
            let share =
                |tier: usize| moved.iter().filter(|judged| judged.chosen == tier).count() as f64 / count;
            Point {
                lean,
                accuracy: accuracy(&moved),
                weighted_error: weighted_error(&moved),
                shares: std::array::from_fn(share),
                haiku_under: haiku_under(&moved).unwrap_or(0.0),
            }
        })
        .collect()
}

fn accuracy(set: &[Judged]) -> f64 {
    set.iter().filter(|judged| judged.truth == judged.chosen).count() as f64 / set.len() as f64
}

fn weighted_error(set: &[Judged]) -> f64 {
    set.iter().map(|judged| f64::from(COST[judged.truth][judged.chosen])).sum::<f64>() / set.len() as f64
}

fn share(hits: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| hits as f64 / of as f64)
}

fn haiku_under(set: &[Judged]) -> Option<f64> {
    let haiku: Vec<&Judged> = set.iter().filter(|judged| judged.chosen == 1).collect();
    share(haiku.iter().filter(|judged| judged.truth >= 2).count(), haiku.len())
}

/// All figures of a set that is not empty.
pub fn figures(set: &[Judged]) -> Figures {
    let mut confusion = [[0; 4]; 4];
    for judged in set {
        confusion[judged.truth][judged.chosen] += 1;
    }
    let row = |truth: usize| confusion[truth].iter().sum::<usize>();
    let column = |chosen: usize| confusion.iter().map(|row| row[chosen]).sum::<usize>();
    let tiers = std::array::from_fn(|tier| TierFigures {
        precision: share(confusion[tier][tier], column(tier)),
        recall: share(confusion[tier][tier], row(tier)),
    });
    let mut sorted: Vec<(f64, bool)> = set
        .iter()
        .map(|judged| (f64::from(judged.probabilities[judged.chosen]), judged.truth == judged.chosen))
        .collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (reliability, calibration_error) = reliability(&sorted);
    Figures {
        count: set.len(),
        accuracy: accuracy(set),
        accuracy_interval: bootstrap(set, accuracy),
        weighted_error: weighted_error(set),
        weighted_error_interval: bootstrap(set, weighted_error),
        tier3_lower: share(confusion[3][1] + confusion[3][2], row(3)),
        tier0_disturbed: share(row(0) - confusion[0][0], row(0)),
        haiku_under: haiku_under(set),
        cov90: coverage(&sorted, 0.9),
        calibration_error,
        tiers,
        confusion,
        reliability,
    }
}

/// Largest share of texts, most confident first, with at least that accuracy.
fn coverage(sorted: &[(f64, bool)], least: f64) -> f64 {
    let mut right = 0.0;
    let mut best = 0;
    for (index, (_, hit)) in sorted.iter().enumerate() {
        right += f64::from(u8::from(*hit));
        if right / (index + 1) as f64 >= least {
            best = index + 1;
        }
    }
    best as f64 / sorted.len() as f64
}

fn reliability(sorted: &[(f64, bool)]) -> (Vec<(usize, f64, f64)>, f64) {
    let mut bins = vec![(0_usize, 0.0, 0.0); 10];
    for (confidence, hit) in sorted {
        let bin = &mut bins[((confidence * 10.0) as usize).min(9)];
        *bin = (bin.0 + 1, bin.1 + confidence, bin.2 + f64::from(u8::from(*hit)));
    }
    let total = sorted.len() as f64;
    let mut error = 0.0;
    for bin in &mut bins {
        let count = bin.0.max(1) as f64;
        (bin.1, bin.2) = (bin.1 / count, bin.2 / count);
        error += bin.0 as f64 / total * (bin.1 - bin.2).abs();
    }
    (bins, error)
}

/// 95 % interval over 400 resamplings with a fixed seed: the same file always gives the same interval.
fn bootstrap(set: &[Judged], figure: fn(&[Judged]) -> f64) -> [f64; 2] {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % set.len()
    };
    let mut values: Vec<f64> = (0..400)
        .map(|_| {
            let sample: Vec<Judged> = (0..set.len()).map(|_| set[next()]).collect();
            figure(&sample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    [values[10], values[389]]
}

fn page(
    figures: &BTreeMap<String, Figures>,
    curves: &BTreeMap<String, Vec<Point>>,
    wanted: &Wanted,
) -> String {
    let mut out = String::new();
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let _ = writeln!(
        out,
        "{:<22}{:>6} {:>20} {:>20} {:>8} {:>8} {:>8} {:>6} {:>6}",
        "set", "texts", "accuracy (95 %)", "weighted error", "3 lower", "0 woken", "haiku<2", "cov90", "ECE"
    );
    for (name, one) in figures {
        let interval = |value: f64, [low, high]: [f64; 2]| format!("{value:.3} ({low:.2}-{high:.2})");
        let _ = writeln!(
            out,
            "{name:<22}{:>6} {:>20} {:>20} {:>8} {:>8} {:>8} {:>6.2} {:>6.3}",
            one.count,
            interval(one.accuracy, one.accuracy_interval),
            interval(one.weighted_error, one.weighted_error_interval),
            percent(one.tier3_lower),
            percent(one.tier0_disturbed),
            percent(one.haiku_under),
            one.cov90,
            one.calibration_error,
        );
    }
    for (name, one) in figures.iter().filter(|(name, _)| *name == "all" || name.starts_with("kind ")) {
        let _ = writeln!(out, "\n{name}: precision / recall per tier");
        for (tier, figures) in one.tiers.iter().enumerate() {
            let _ =
                writeln!(out, "  tier {tier}  {} / {}", percent(figures.precision), percent(figures.recall));
        }
        if wanted.confusion {
            let _ = writeln!(out, "  confusion (rows: right, columns: chosen)");
            for (tier, row) in one.confusion.iter().enumerate() {
                let _ = writeln!(out, "  tier {tier} {:>6}{:>6}{:>6}{:>6}", row[0], row[1], row[2], row[3]);
            }
        }
        let _ = writeln!(out, "  confidence: texts, mean, accuracy");
        for (bin, (count, mean, right)) in one.reliability.iter().enumerate().filter(|(_, bin)| bin.0 > 0) {
            let _ = writeln!(
                out,
                "  {:.1}-{:.1} {count:>6} {mean:>6.2} {right:>6.2}",
                bin as f64 / 10.0,
                (bin + 1) as f64 / 10.0
            );
        }
    }
    for (name, points) in curves {
        let _ = writeln!(out, "\n{name}: as the choice leans upwards");
        let _ = writeln!(out, "  lean  accuracy  weighted error  haiku<2   shares of tiers 0-3");
        for point in points {
            let shares: Vec<String> = point.shares.iter().map(|share| format!("{share:.2}")).collect();
            let _ = writeln!(
                out,
                "  {:.1}   {:>8.3}  {:>14.3}  {:>7.2}   {}",
                point.lean,
                point.accuracy,
                point.weighted_error,
                point.haiku_under,
                shares.join(" ")
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Role;

    fn judged(truth: usize, chosen: usize, confidence: f32) -> Judged {
        let mut probabilities = [(1.0 - confidence) / 3.0; 4];
        probabilities[chosen] = confidence;
        Judged { truth, chosen, probabilities, caution: [1.0; 4] }
    }

    #[test]
    fn figures_count_what_they_say() {
        let set =
            [judged(1, 1, 0.9), judged(2, 1, 0.8), judged(3, 2, 0.7), judged(0, 2, 0.6), judged(0, 0, 0.95)];
        let figures = figures(&set);
        assert!((figures.accuracy - 0.4).abs() < 1e-9);
        assert!((figures.weighted_error - (3.0 + 3.0 + 0.5) / 5.0).abs() < 1e-9);
        assert_eq!(figures.tier3_lower, Some(1.0));
        assert_eq!(figures.tier0_disturbed, Some(0.5));
        assert_eq!(figures.haiku_under, Some(0.5));
        assert!((figures.cov90 - 0.4).abs() < 1e-9, "the two most confident are right");
        assert_eq!(figures.confusion[2][1], 1);
    }

    #[test]
    fn splits_are_counted_against_labelled_parts() {
        let labelled = |text: &str| serde_json::from_str::<Labelled>(text).expect("a labelled line");
        let part = |role: Role, after| Part { tier: role.tier(), role, start: 0, end: 0, after };
        let compound = labelled(
            r#"{"id": 1, "prompt": "x", "tier": 2, "compound": true, "parallel": false,
                "parts": [{"role": "explore"}, {"role": "implement"}, {"role": "implement"}]}"#,
        );
        let single = labelled(r#"{"id": 2, "prompt": "x", "tier": 2, "compound": false}"#);
        let unsaid = labelled(r#"{"id": 3, "prompt": "x", "tier": 2}"#);
        let right = [part(Role::Explore, false), part(Role::Implement, true)];
        let turned = [part(Role::Implement, false), part(Role::Explore, false)];
        let mut splits = Splits::default();
        for (line, parts) in [
            (&compound, &right[..]),
            (&compound, &turned),
            (&compound, &[]),
            (&single, &right),
            (&unsaid, &right),
        ] {
            splits.add(line, parts);
        }
        let expected = Splits {
            count: 4,
            compound: 3,
            split: 3,
            both: 2,
            several: 3,
            in_order: 1,
            ordered: 2,
            order_right: 1,
        };
        assert_eq!(splits, expected);
        assert!(splits_page(splits).contains("0.67  (2 of 3)"), "{}", splits_page(splits));
        assert_eq!(splits_page(Splits::default()), "", "nothing is said about lines without the label");
    }

    #[test]
    fn silence_on_a_task_costs_like_tier_three() {
        for (truth, row) in COST.iter().enumerate().skip(1) {
            assert!((row[0] - row[3]).abs() < f32::EPSILON, "tier {truth}");
        }
    }
}
