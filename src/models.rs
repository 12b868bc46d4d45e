//! Model families: their order of cost and the aliases that a spawn accepts.

use serde::Serialize;

use crate::calendar;

/// A family of models, cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Haiku.
    Haiku,
    /// Sonnet.
    Sonnet,
    /// Opus.
    Opus,
    /// Fable, and the limited-access Mythos at the same prices.
    Fable,
}

impl Family {
    /// The family of an alias or a model id (`claude-haiku-4-5-20251001`, `sonnet[1m]`, `anthropic/claude-opus-5-5`).
    /// `best` and `default` mean Opus in the client; `opusplan` is Sonnet outside plan mode.
    pub fn of(model: &str) -> Option<Self> {
        let model = model.to_ascii_lowercase();
        match model.as_str() {
            "best" | "default" => return Some(Self::Opus),
            "opusplan" => return Some(Self::Sonnet),
            _ => {}
        }
        [
            ("haiku", Self::Haiku),
            ("sonnet", Self::Sonnet),
            ("opus", Self::Opus),
            ("fable", Self::Fable),
            ("mythos", Self::Fable),
        ]
        .into_iter()
        .find_map(|(part, family)| model.contains(part).then_some(family))
    }

    /// All families, cheapest first.
    pub const ALL: [Self; 4] = [Self::Haiku, Self::Sonnet, Self::Opus, Self::Fable];

    /// The family whose alias this is, letter by letter.
    pub fn from_alias(alias: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.alias() == alias)
    }

    /// The alias that an Agent call accepts.
    pub fn alias(self) -> &'static str {
        match self {
            Self::Haiku => "haiku",
            Self::Sonnet => "sonnet",
            Self::Opus => "opus",
            Self::Fable => "fable",
        }
    }

    /// The id that the alias means on the Anthropic API at a time (milliseconds since 1970). A model's row begins on its
    /// release date where that is known, else on the first day on which a client is known to have used it; Sonnet 4.5
    /// and 4.6 have the same prices, Opus 4.5 to 4.8 too.
    pub fn id_at(self, time: u64) -> &'static str {
        let rows: &[(&str, &str)] = match self {
            Self::Haiku => &[("", "claude-haiku-4-5"), ("2026-10-07", "claude-haiku-5-5")],
            Self::Sonnet => &[
                ("", "claude-sonnet-4-6"),
                ("2026-06-30", "claude-sonnet-5"),
                ("2026-09-28", "claude-sonnet-5-5"),
            ],
            Self::Opus => {
                &[("", "claude-opus-4-8"), ("2026-07-24", "claude-opus-5"), ("2026-10-07", "claude-opus-5-5")]
            }
            Self::Fable => &[
                ("", "claude-fable-5"),
                ("2026-09-01", "claude-fable-5-1"),
                ("2026-11-20", "claude-fable-5-2"),
            ],
        };
        let begun = |(from, _): &&(&str, &str)| calendar::parse_date(from).unwrap_or(0) <= time;
        rows.iter().rev().find(begun).map_or(self.alias(), |(_, id)| id)
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Haiku => "Haiku",
            Self::Sonnet => "Sonnet",
            Self::Opus => "Opus",
            Self::Fable => "Fable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_aliases_of_every_generation_have_their_family() {
        for (id, family) in [
            ("haiku", Some(Family::Haiku)),
            ("claude-haiku-4-5-20251001", Some(Family::Haiku)),
            ("sonnet[1m]", Some(Family::Sonnet)),
            ("us.anthropic.claude-opus-4-8-v1:0", Some(Family::Opus)),
            ("claude-3-5-sonnet-20241022", Some(Family::Sonnet)),
            ("claude-fable-5-2", Some(Family::Fable)),
            ("best", Some(Family::Opus)),
            ("gpt-oss-120b", None),
        ] {
            assert_eq!(Family::of(id), family, "{id}");
        }
    }

    #[test]
    fn an_alias_means_another_model_from_its_date_on_and_each_has_a_price() {
        let cut = calendar::parse_date("2026-10-07").expect("a date");
        assert_eq!(Family::Haiku.id_at(cut - 1), "claude-haiku-4-5");
        assert_eq!(Family::Haiku.id_at(cut), "claude-haiku-5-5");
        assert_eq!(Family::Sonnet.id_at(0), "claude-sonnet-4-6");
        let prices = crate::prices::Prices::built_in().expect("the built-in prices have no fault");
        for family in Family::ALL {
            for time in [0, cut, u64::MAX] {
                let id = family.id_at(time);
                assert_eq!(Family::of(id), Some(family));
                assert!(prices.of(id).is_some(), "{id}");
            }
        }
    }
}
