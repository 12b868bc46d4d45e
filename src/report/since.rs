//! What `--since` accepts, and the point in time it means. Pure: the present is given.

use std::str::FromStr;

use crate::calendar;

/// A point in time, as a person gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Milliseconds before now.
    Ago(u64),
    /// Milliseconds since 1970.
    At(u64),
}

impl Since {
    /// Milliseconds since 1970.
    pub fn millis(self, now: u64) -> u64 {
        match self {
            Self::Ago(span) => now.saturating_sub(span),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "expected a span like 7d, 12h, 30m, or a date like 2026-11-01";
        if let Some(time) = calendar::parse_date(text) {
            return Ok(Self::At(time));
        }
        let unit = match text.bytes().last() {
            Some(b'd') => calendar::DAY,
            Some(b'h') => 3_600_000,
            Some(b'm') => 60_000,
            _ => return Err(WANTED),
        };
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(WANTED);
        }
        Ok(Self::Ago(digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_back_from_now_and_dates_stand_still() {
        let now = 1_795_200_000_000;
        assert_eq!("7d".parse::<Since>().map(|since| since.millis(now)), Ok(now - 7 * calendar::DAY));
        assert_eq!("12h".parse::<Since>().map(|since| since.millis(now)), Ok(now - 43_200_000));
        assert_eq!("30m".parse::<Since>().map(|since| since.millis(now)), Ok(now - 1_800_000));
        assert_eq!("2026-11-01".parse::<Since>().map(|since| since.millis(now)), Ok(1_793_491_200_000));
        assert_eq!("99999999999999999999d".parse::<Since>().map(|since| since.millis(now)), Ok(0));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "d", "7", "-7d", "7w", "7 d", "yesterday", "2026-02-30", "١d", "é"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
