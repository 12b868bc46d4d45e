//! What a request costs: token counts times five explicit rates, by model, date, prompt length and speed.
//! The rates are data (`rules/prices.toml`, then the user's own); amounts are exact integers, so that a sum does not
//! depend on its order. A model that is not listed has no price: it is never free.

mod file;
pub mod show;
mod usd;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Env;
use crate::error::{Error, Result};
use crate::rules::{managed, read_layer};
use file::{Priced, Whose};
pub use usd::Usd;

/// Name of the file, in every folder.
pub const FILE: &str = "prices.toml";
const BUILT_IN: &str = include_str!("../../rules/prices.toml");

/// What one API request used. Token counts; `web_searches` counts requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to the cache.
    pub input: u64,
    /// Generated tokens, thinking included.
    pub output: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Web searches that the server made.
    pub web_searches: u64,
    /// Ran in fast mode (`usage.speed`).
    pub fast: bool,
    /// Ran with inference bound to the US (`usage.inference_geo`).
    pub us_only: bool,
}

impl Usage {
    /// The prompt's length in tokens, which chooses the price band.
    pub fn prompt(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    /// Tokens written to the cache, for however long.
    pub fn cache_write(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }
}

/// Every known price.
#[derive(Debug, Clone)]
pub struct Prices {
    models: HashMap<String, Vec<Card>>,
    web_search: Usd,
    us_inference_millis: u64,
    /// The date that the built-in list was checked on.
    pub as_of: String,
    /// Models whose rows came from another file than the built-in one, with the date given there.
    pub overridden: BTreeMap<String, String>,
}

/// One row: rates per token and when they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Card {
    fast: bool,
    from: u64,
    over_prompt: u64,
    input: Usd,
    output: Usd,
    cache_write_5m: Usd,
    cache_write_1h: Usd,
    cache_read: Usd,
}

impl Prices {
    /// The built-in list, then the organisation's `prices.toml` and the user's where there are some.
    ///
    /// Fails with path, line and column when such a file can't be read or has a fault: a wrong price is worse than none. An
    /// organisation's file that others could have written is ignored; `sef rules check` names it.
    pub fn load(env: &Env) -> Result<Self> {
        let mut prices = Self::built_in()?;
        for (_, path, text) in files(env)? {
            prices.apply(&text).map_err(|error| error.at(&path))?;
        }
        Ok(prices)
    }

    /// The rows that count, as they are written.
    fn rows(env: &Env) -> Result<Vec<Priced>> {
        let mut rows = file::rows(BUILT_IN, Whose::BuiltIn)?;
        for (whose, path, text) in files(env)? {
            let own = file::rows(&text, whose).map_err(|error| error.at(&path))?;
            rows.retain(|row| !own.iter().any(|new| new.model == row.model));
            rows.extend(own);
        }
        Ok(rows)
    }

    /// The prices that SEF came with. A test keeps them free of faults.
    pub fn built_in() -> Result<Self> {
        let mut prices = Self {
            models: HashMap::new(),
            web_search: Usd::default(),
            us_inference_millis: 1000,
            as_of: String::new(),
            overridden: BTreeMap::new(),
        };
        prices.apply(BUILT_IN)?;
        prices.overridden.clear();
        Ok(prices)
    }

    /// What the request cost; none when the model has no price at that time (milliseconds since 1970).
    pub fn cost(&self, model: &str, time: u64, usage: &Usage) -> Option<Usd> {
        self.of(model)?.cost(time, usage)
    }

    /// The prices of one model, for whoever asks for many requests of it; none when it has none at any time.
    pub fn of(&self, model: &str) -> Option<ModelPrices<'_>> {
        let exact = self.models.get(model);
        let cards = exact.or_else(|| spellings(model).find_map(|name| self.models.get(name)))?;
        Some(ModelPrices { cards, all: self })
    }
}

/// The prices of one model.
#[derive(Debug, Clone, Copy)]
pub struct ModelPrices<'a> {
    cards: &'a [Card],
    all: &'a Prices,
}

impl ModelPrices<'_> {
    /// What the request cost; none when there is no price at that time (milliseconds since 1970).
    pub fn cost(&self, time: u64, usage: &Usage) -> Option<Usd> {
        let fits =
            |card: &&Card| card.from <= time && (card.over_prompt == 0 || usage.prompt() > card.over_prompt);
        let best = |fast: bool| {
            self.cards
                .iter()
                .filter(|card| card.fast == fast)
                .filter(fits)
                .max_by_key(|card| (card.from, card.over_prompt))
        };
        let card = if usage.fast { best(true).or_else(|| best(false)) } else { best(false) }?;
        let tokens = [
            Usd::of(usage.input, card.input),
            Usd::of(usage.output, card.output),
            Usd::of(usage.cache_write_5m, card.cache_write_5m),
            Usd::of(usage.cache_write_1h, card.cache_write_1h),
            Usd::of(usage.cache_read, card.cache_read),
        ]
        .into_iter()
        .fold(Usd::default(), Usd::plus);
        let tokens = if usage.us_only { tokens.scaled(self.all.us_inference_millis) } else { tokens };
        Some(tokens.plus(Usd::of(usage.web_searches, self.all.web_search)))
    }
}

/// The price files besides the built-in one, lowest first.
fn files(env: &Env) -> Result<Vec<(Whose, PathBuf, String)>> {
    let mut found = Vec::new();
    if let Ok(Some(file)) = managed::read(env.managed.as_ref(), FILE) {
        found.push((Whose::Managed, file.path, file.text));
    }
    let Some(path) = env.config_dir.as_ref().map(|dir| dir.join(FILE)) else { return Ok(found) };
    let text = read_layer(&path).map_err(|why| {
        Error::new("cannot read your prices", why)
            .at(&path)
            .fix("make the file readable, or move it away to use the built-in prices")
    })?;
    found.extend(text.map(|text| (Whose::User, path, text)));
    Ok(found)
}

/// More names to look a model id up under, the most exact first: without the context suffix (`[1m]`), without
/// a provider's prefix and version (`us.anthropic.claude-opus-4-8-v1:0`, `anthropic/claude-opus-4-8`), without a date
/// (`-20251001`, `@20251001`).
fn spellings(model: &str) -> impl Iterator<Item = &str> {
    let plain = model.split_once('[').map_or(model, |(head, _)| head);
    let bare = plain.find("claude-").map_or(plain, |start| &plain[start..]);
    let unversioned =
        bare.split_once("-v").filter(|(_, version)| is_version(version)).map_or(bare, |(head, _)| head);
    let undated = unversioned
        .len()
        .checked_sub(9)
        .filter(|cut| unversioned.is_char_boundary(*cut))
        .map(|cut| unversioned.split_at(cut))
        .filter(|(_, date)| date.starts_with(['-', '@']) && date[1..].bytes().all(|b| b.is_ascii_digit()))
        .map_or(unversioned, |(head, _)| head);
    [plain, bare, unversioned, undated].into_iter()
}

/// `1`, `1:0`: what Bedrock puts after `-v`.
fn is_version(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar;

    const NOW: u64 = 1_795_200_000_000; // 2026-11-20

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    fn dollars(model: &str, time: u64, usage: &Usage) -> Option<f64> {
        Prices::built_in()
            .expect("the built-in prices have no fault")
            .cost(model, time, usage)
            .map(Usd::dollars)
    }

    #[test]
    fn the_haiku_band_starts_above_one_hundred_thousand_prompt_tokens() {
        let at = Usage {
            input: 1000,
            cache_read: 98_000,
            cache_write_5m: 600,
            cache_write_1h: 400,
            output: 1000,
            ..Usage::default()
        };
        assert_eq!(at.prompt(), 100_000);
        assert_eq!(dollars("claude-haiku-5-5", NOW, &at), Some(0.001_735));
        let above = Usage { input: 1001, ..at };
        assert_eq!(dollars("claude-haiku-5-5", NOW, &above), Some(0.008_675_5));
    }

    #[test]
    fn the_sonnet_cache_read_halves_on_its_effective_date() {
        let read = Usage { cache_read: 1_000_000, ..Usage::default() };
        let cut = calendar::parse_date("2026-10-07").expect("a date");
        assert_eq!(dollars("claude-sonnet-5-5", cut - 1, &read), Some(0.20));
        assert_eq!(dollars("claude-sonnet-5-5", cut, &read), Some(0.10));
        assert_eq!(dollars("claude-sonnet-5-5", 0, &read), Some(0.20));
        assert_eq!(dollars("claude-sonnet-5-5", u64::MAX, &read), Some(0.10));
    }

    #[test]
    fn fast_mode_us_inference_and_searches_cost_what_the_client_charged() {
        let all = Usage {
            input: 1_000_000,
            output: 100_000,
            cache_read: 1_000_000,
            cache_write_5m: 1_000_000,
            cache_write_1h: 2_000_000,
            fast: true,
            ..Usage::default()
        };
        assert_eq!(dollars("claude-opus-5-5", NOW, &all), Some(54.4));
        assert_eq!(dollars("claude-opus-5", NOW, &all), Some(68.5));
        assert_eq!(dollars("claude-sonnet-5-5", NOW, &all), Some(13.6), "no fast rates: standard ones");
        assert_eq!(dollars("claude-haiku-5-5", NOW, &all), Some(3.425));
        let us = Usage { us_only: true, ..usage(1_000_000, 100_000) };
        assert_eq!(dollars("claude-opus-5-5", NOW, &us), Some(6.6));
        let searched = Usage { web_searches: 7, ..usage(1_000_000, 0) };
        assert_eq!(dollars("claude-opus-5-5", NOW, &searched), Some(4.07));
    }

    #[test]
    fn ids_with_dates_suffixes_and_provider_prefixes_find_their_model() {
        let million = usage(1_000_000, 0);
        for (id, price) in [
            ("claude-haiku-4-5-20251001", 1.0),
            ("claude-opus-5-5[1m]", 4.0),
            ("us.anthropic.claude-opus-4-8-20260101-v1:0", 5.0),
            ("anthropic/claude-sonnet-4-6", 3.0),
            ("claude-opus-4-1@20250805", 15.0),
            ("claude-opus-4-20250514", 15.0),
            ("global.anthropic.claude-opus-4-6-v1", 5.0),
        ] {
            assert_eq!(dollars(id, NOW, &million), Some(price), "{id}");
        }
        for id in [
            "",
            "gpt-5",
            "claude-opus-9",
            "claude-opus-5-5-2025100",
            "claude-opus-5-5x",
            "é-20251001",
            "[1m]",
        ] {
            assert_eq!(dollars(id, NOW, &million), None, "{id}");
        }
    }

    #[test]
    fn absurd_counts_saturate() {
        let absurd = Usage {
            input: u64::MAX,
            output: u64::MAX,
            cache_read: u64::MAX,
            cache_write_5m: u64::MAX,
            cache_write_1h: u64::MAX,
            web_searches: u64::MAX,
            fast: true,
            us_only: true,
        };
        assert!(dollars("claude-opus-5-5", NOW, &absurd).is_some_and(f64::is_finite));
    }

    #[test]
    fn a_faulty_price_file_is_refused_with_its_place() {
        let row = |extra: &str| {
            format!(
                "[[price]]\nmodel = \"m\"\ninput = 1\noutput = 1\ncache_write_5m = 1\ncache_write_1h = 1\ncache_read = 1\nsource = \"s\"\nas_of = \"2026-01-01\"\n{extra}\n"
            )
        };
        for (text, place) in [
            (row("inptu = 2"), (10, 1)),
            (row("from = \"soon\""), (2, 9)),
            (row("").replace("input = 1", "input = -1"), (2, 9)),
            (row("").replace("input = 1", "input = nan"), (2, 9)),
            (row("") + &row(""), (12, 9)),
            ("web_search_per_1000 = -1".to_owned(), (1, 1)),
        ] {
            let error =
                Prices::built_in().expect("the built-in prices have no fault").apply(&text).expect_err(&text);
            assert_eq!(error.place, Some(place), "{text}{error}");
        }
    }

    #[test]
    fn the_users_rows_replace_all_rows_of_their_model() {
        let mut prices = Prices::built_in().expect("the built-in prices have no fault");
        prices
            .apply("[[price]]\nmodel = \"claude-haiku-5-5\"\ninput = 7.0\noutput = 0\ncache_write_5m = 0\ncache_write_1h = 0\ncache_read = 0\nsource = \"contract\"\nas_of = \"2026-12-01\"\n")
            .expect("a good row");
        assert_eq!(prices.cost("claude-haiku-5-5", NOW, &usage(1_000_000, 0)).map(Usd::dollars), Some(7.0));
        assert_eq!(prices.cost("claude-opus-5-5", NOW, &usage(1_000_000, 0)).map(Usd::dollars), Some(4.0));
        assert_eq!(prices.overridden.get("claude-haiku-5-5").map(String::as_str), Some("2026-12-01"));
    }
}
