//! Model families: their order of cost and the aliases that a spawn accepts.

use serde::Serialize;

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
}
