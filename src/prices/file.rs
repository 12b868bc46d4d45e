//! The shape of `prices.toml`, and its faults with their places.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::{Card, Prices, Usd};
use crate::calendar;
use crate::error::{Error, Result};

impl Prices {
    /// Adds the rows of a price file; on a fault nothing may be used any more.
    pub(super) fn apply(&mut self, text: &str) -> Result<()> {
        let file: File = toml::from_str(text)
            .map_err(|error| fault(text, error.span().map_or(0, |span| span.start), error.message()))?;
        if let Some(rate) = file.web_search_per_1000 {
            self.web_search = Usd::per_million(rate * 1000.0)
                .ok_or_else(|| fault(text, 0, "web_search_per_1000 must be a price from 0 to 1000"))?;
        }
        if let Some(factor) = file.us_inference_factor {
            if !(0.0..=100.0).contains(&factor) {
                return Err(fault(text, 0, "us_inference_factor must be from 0 to 100"));
            }
            self.us_inference_millis = (factor * 1000.0).round() as u64;
        }
        let mut seen = BTreeSet::new();
        let mut fresh: BTreeMap<String, Vec<Card>> = BTreeMap::new();
        for row in &file.price {
            let at = row.model.span().start;
            let card = row.card().map_err(|why| fault(text, at, why))?;
            let model = row.model.get_ref();
            if !seen.insert((model.clone(), card.fast, card.from, card.over_prompt)) {
                return Err(fault(text, at, "a second row for the same model, date, band and speed"));
            }
            self.overridden.insert(model.clone(), row.as_of.clone());
            fresh.entry(model.clone()).or_default().push(card);
        }
        self.models.extend(fresh);
        if self.as_of.is_empty() {
            self.as_of = file.as_of.unwrap_or_default();
        }
        Ok(())
    }
}

/// A row as it is written, for people to read. Rates in dollars per million tokens: input, output, cache writes of five
/// minutes and of an hour, cache reads.
pub(super) struct Priced {
    pub model: String,
    pub from: Option<String>,
    pub over_prompt: u64,
    pub fast: bool,
    pub rates: [f64; 5],
    pub as_of: String,
    /// Who says it.
    pub whose: Whose,
}

/// Who a price file is by, lowest first: a later one's rows take the place of all earlier ones of their model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// SEF's.
    BuiltIn,
    /// The organisation's.
    Managed,
    /// The user's.
    User,
}

/// The rows of a price file in their order.
pub(super) fn rows(text: &str, whose: Whose) -> Result<Vec<Priced>> {
    let file: File = toml::from_str(text)
        .map_err(|error| fault(text, error.span().map_or(0, |span| span.start), error.message()))?;
    let priced = file.price.into_iter().map(|row| Priced {
        rates: [row.input, row.output, row.cache_write_5m, row.cache_write_1h, row.cache_read],
        model: row.model.into_inner(),
        from: row.from,
        over_prompt: row.over_prompt,
        fast: row.speed == Speed::Fast,
        as_of: row.as_of,
        whose,
    });
    Ok(priced.collect())
}

/// The file's shape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: Option<String>,
    web_search_per_1000: Option<f64>,
    us_inference_factor: Option<f64>,
    #[serde(default)]
    price: Vec<Row>,
}

/// One `[[price]]`, in dollars per million tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    model: Spanned<String>,
    from: Option<String>,
    #[serde(default)]
    over_prompt: u64,
    #[serde(default)]
    speed: Speed,
    input: f64,
    output: f64,
    cache_write_5m: f64,
    cache_write_1h: f64,
    cache_read: f64,
    source: String,
    as_of: String,
}

/// Which of the two speeds a row prices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Speed {
    #[default]
    Standard,
    Fast,
}

impl Row {
    fn card(&self) -> std::result::Result<Card, &'static str> {
        const RATE: &str = "a rate must be a number of dollars per million tokens, from 0 to 1000000";
        if self.model.get_ref().is_empty() || self.source.is_empty() {
            return Err("model and source must not be empty");
        }
        if calendar::parse_date(&self.as_of).is_none() {
            return Err("as_of must be a date like 2026-11-20");
        }
        let from = match &self.from {
            None => 0,
            Some(date) => calendar::parse_date(date).ok_or("from must be a date like 2026-10-07")?,
        };
        let rate = |dollars: f64| Usd::per_million(dollars).ok_or(RATE);
        Ok(Card {
            fast: self.speed == Speed::Fast,
            from,
            over_prompt: self.over_prompt,
            input: rate(self.input)?,
            output: rate(self.output)?,
            cache_write_5m: rate(self.cache_write_5m)?,
            cache_write_1h: rate(self.cache_write_1h)?,
            cache_read: rate(self.cache_read)?,
        })
    }
}

fn fault(text: &str, offset: usize, why: &str) -> Error {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::new("cannot use your prices", why)
        .place(line, column)
        .fix("correct that line, or move the file away to use the built-in prices")
}
