//! The figures and words of `rules/race.toml`, read once. Decides nothing.

use std::sync::LazyLock;

use serde::Deserialize;

/// All of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Bounds of one race.
    pub bounds: Bounds,
    /// By how much is named.
    pub scope: Vec<Step>,
    /// By the number of words.
    pub size: Vec<Step>,
    /// What makes a mistake expensive.
    pub risk: Vec<Risk>,
    /// Points to runners.
    pub level: Vec<Level>,
    /// What runners put first.
    pub emphasis: Vec<Emphasis>,
}

/// Bounds of one race.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Runners of a showdown.
    pub most_runners: usize,
    /// Approaches of any-percent.
    pub most_approaches: usize,
    /// Contracts of one plan.
    pub most_tasks: usize,
    /// Repairs of one candidate, unless another number is asked for.
    pub repairs: u8,
    /// Seconds of one run of the tests, unless another number is asked for.
    pub test_timeout_s: u64,
    /// Likeness of two plans that is reported, in percent.
    pub alike_plans_percent: u8,
}

/// From a count on, so many points.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The least count.
    pub from: usize,
    /// What it is worth.
    pub points: u32,
    /// What it is called.
    pub words: String,
}

/// A kind of risk.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// What it is called.
    pub name: String,
    /// What it is worth.
    pub points: u32,
    /// In lower case; one of them is enough.
    pub words: Vec<String>,
}

/// From so many points on, so many runners.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The least points.
    pub from: u32,
    /// What it is called.
    pub name: String,
    /// How many run.
    pub runners: usize,
}

/// What one runner puts first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emphasis {
    /// What it is called.
    pub name: String,
    /// What the runner is told.
    pub words: String,
}

/// The built-in data.
pub fn data() -> &'static Data {
    static DATA: LazyLock<Data> =
        LazyLock::new(|| toml::from_str(include_str!("../../rules/race.toml")).expect("a test reads it"));
    &DATA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_its_row_and_every_candidate_its_emphasis() {
        let data = data();
        assert!([&data.scope, &data.size].iter().all(|steps| steps[0].from == 0));
        assert!(
            data.scope.is_sorted_by_key(|step| step.from) && data.size.is_sorted_by_key(|step| step.from)
        );
        assert!(data.level.is_sorted_by_key(|level| level.from) && data.level[0].from == 0);
        assert!(data.level.iter().all(|level| (2..=data.bounds.most_runners).contains(&level.runners)));
        assert!(data.emphasis.len() >= data.bounds.most_runners.max(data.bounds.most_approaches));
        let lower = |risk: &Risk| risk.words.iter().all(|word| *word == word.to_lowercase());
        assert!(data.risk.iter().all(lower));
    }
}
