//! What is taken for granted about turns: `assumptions.toml`, read into values. Pure; decides nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::classify::Tier;
use crate::models::Family;

const TEXT: &str = include_str!("assumptions.toml");

/// See `assumptions.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// Tokens of system text and tools.
    pub system: u64,
    /// Tokens that a prompt adds.
    pub prompt: u64,
    /// Share of turns after which a session ends.
    pub ends: f64,
    /// Share of turns that are harder than the rules take them for, and for which less effort is then too little.
    pub misjudged_effort: f64,
    turn: [Turn; 4],
    pause: Vec<Pause>,
    redone: BTreeMap<String, Redone>,
    output: BTreeMap<Effort, f64>,
    effort: BTreeMap<String, Effort>,
    /// What the simulated month is made of besides.
    pub month: Month,
}

/// See `[month]` in `assumptions.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    /// Sessions.
    pub sessions: u32,
    /// Share of them that begin with a warm system text.
    pub warm: f64,
    /// Standard deviation of the logarithm of what varies.
    pub spread: f64,
    judged: BTreeMap<String, [f64; 4]>,
}

impl Month {
    /// Shares of prompts by the tier that the rules are sure of, with that set of thresholds.
    pub fn judged(&self, confidence: &str) -> [f64; 4] {
        self.judged.get(confidence).copied().unwrap_or(self.judged["balanced"])
    }
}

/// A turn as it is expected.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// API requests.
    pub requests: u32,
    /// Tokens that each adds to the history.
    pub grows: u64,
    /// Tokens that each generates.
    pub output: u64,
    /// How long each takes, in seconds.
    pub seconds: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    seconds: f64,
    longer: f64,
}

/// Shares of turns that are done again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redone {
    /// On Haiku.
    pub haiku: f64,
    /// On Sonnet.
    pub sonnet: f64,
    /// With less effort.
    pub effort: f64,
}

impl Redone {
    /// Each share times a factor, as far as a share can go.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scaled = |share: f64| (share * factor).clamp(0.0, 0.9);
        Self { haiku: scaled(self.haiku), sonnet: scaled(self.sonnet), effort: scaled(self.effort) }
    }

    /// Of work that the rules take for that tier and that is harder.
    pub fn misjudged(&self, tier: Tier) -> f64 {
        match tier {
            Tier::Haiku => self.haiku,
            Tier::Sonnet => self.sonnet,
            Tier::None | Tier::Opus => 0.0,
        }
    }

    /// On a family.
    pub fn on(&self, family: Family) -> f64 {
        if family == Family::Haiku { self.haiku } else { self.sonnet }
    }
}

/// How hard a model is asked to think, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `xhigh`.
    Xhigh,
    /// `max`.
    Max,
}

impl Effort {
    const ALL: [(&'static str, Self); 5] = [
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::Xhigh),
        ("max", Self::Max),
    ];

    /// The least that work of a tier is given; none: what the user has set.
    pub fn for_tier(tier: Tier) -> Option<Self> {
        match tier {
            Tier::Haiku => Some(Self::Low),
            Tier::Sonnet => Some(Self::Medium),
            Tier::None | Tier::Opus => None,
        }
    }

    /// The level of a name, as the client spells it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, effort)| (known == name).then_some(effort))
    }

    /// As the client spells it.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

impl Assumed {
    /// The built-in ones. A test keeps them free of faults.
    pub fn built_in() -> Self {
        toml::from_str(TEXT).expect("a test reads src/main_turn/assumptions.toml")
    }

    /// A turn of work of a tier.
    pub fn turn(&self, tier: Tier) -> Turn {
        self.turn[usize::from(tier.number().min(3))]
    }

    /// Requests of a turn on the average, with the tiers that a set of thresholds makes of prompts.
    pub fn requests(&self, confidence: &str) -> f64 {
        let shares = self.month.judged(confidence);
        shares.iter().zip(&self.turn).map(|(share, turn)| share * f64::from(turn.requests)).sum()
    }

    /// Share of pauses that are longer than so many milliseconds, 0-1.
    pub fn longer(&self, millis: u64) -> f64 {
        let seconds = millis as f64 / 1000.0;
        let Some(after) = self.pause.iter().position(|row| row.seconds > seconds) else { return 0.0 };
        let Some(before) = after.checked_sub(1) else { return 1.0 };
        let (low, high) = (self.pause[before], self.pause[after]);
        let part = (seconds / low.seconds).ln() / (high.seconds / low.seconds).ln();
        low.longer + part * (high.longer - low.longer)
    }

    /// The pause, in milliseconds, that a share (0-1) of all pauses is longer than: the inverse of [`Assumed::longer`].
    pub fn pause(&self, longer: f64) -> u64 {
        let after =
            self.pause.iter().position(|row| row.longer <= longer).unwrap_or(self.pause.len() - 1).max(1);
        let (low, high) = (self.pause[after - 1], self.pause[after]);
        let part = ((longer - low.longer) / (high.longer - low.longer)).clamp(0.0, 1.0);
        (low.seconds * (high.seconds / low.seconds).powf(part) * 1000.0) as u64
    }

    /// Shares of work that is done again where the rules must be as sure as that set of thresholds says.
    pub fn redone(&self, confidence: &str) -> Redone {
        self.redone.get(confidence).copied().unwrap_or(self.redone["balanced"])
    }

    /// Tokens generated at one effort, as a multiple of those at another.
    pub fn output(&self, effort: Effort, than: Effort) -> f64 {
        self.output[&effort] / self.output[&than]
    }

    /// The effort that a model has by itself; none when it may not be changed from turn to turn.
    pub fn effort_of(&self, model: &str) -> Option<Effort> {
        self.effort.get(model.split_once('[').map_or(model, |(head, _)| head)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_assumptions_are_sound() {
        let assumed = Assumed::built_in();
        assert!(assumed.pause.is_sorted_by(|a, b| a.seconds < b.seconds && a.longer > b.longer));
        assert_eq!((assumed.pause[0].longer, assumed.pause[assumed.pause.len() - 1].longer), (1.0, 0.0));
        for (name, effort) in Effort::ALL {
            assert_eq!((Effort::named(name), effort.name()), (Some(effort), name));
            assert!(assumed.output[&effort] > 0.0);
        }
        for name in ["careful", "balanced"] {
            assert!((assumed.month.judged(name).iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
        for name in ["careful", "balanced", "eager"] {
            let redone = assumed.redone(name);
            assert!(
                [redone.haiku, redone.sonnet, redone.effort].iter().all(|share| (0.0..1.0).contains(share))
            );
        }
        assert_eq!(assumed.effort_of("claude-opus-5-5[1m]"), Some(Effort::Medium));
        assert_eq!(assumed.effort_of("claude-opus-4-8"), None);
    }

    #[test]
    fn a_share_of_pauses_and_its_pause_are_each_others_inverse() {
        let assumed = Assumed::built_in();
        assert_eq!((assumed.longer(0), assumed.longer(300_000), assumed.longer(u64::MAX)), (1.0, 0.20, 0.0));
        for share in [0.99, 0.72, 0.5, 0.2, 0.13, 0.01] {
            assert!((assumed.longer(assumed.pause(share)) - share).abs() < 0.001, "{share}");
        }
    }
}
