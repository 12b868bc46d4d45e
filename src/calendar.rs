//! UTC dates and times as milliseconds since 1970, without a crate: parse what transcripts and people write, and
//! show what reports print. Every value is survivable: year 0001, year 9999 and `u64::MAX` included.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time by this machine's clock, in milliseconds since 1970; 0 when it stands before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64)
}

/// Milliseconds in a day.
pub const DAY: u64 = 86_400_000;

/// Parses `2026-11-20T20:37:11.732Z` (fraction optional). Anything else, or before 1970, is none.
pub fn parse_timestamp(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once('T')?;
    let clock = clock.strip_suffix('Z').or_else(|| clock.strip_suffix("+00:00"))?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':').map(|part| digits(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let millis = match fraction.get(..fraction.len().min(3))? {
        "" => 0,
        head => digits(head, head.len())? * 10_u64.pow(3 - head.len() as u32),
    };
    Some(parse_date(date)? + ((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

/// Parses `2026-11-20` as its first millisecond, UTC. Not a date of the calendar, or before 1970: none.
pub fn parse_date(text: &str) -> Option<u64> {
    let mut parts = text.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let days = days_before(year, month, day);
    (civil(days) == (year, month, day)).then_some(days * DAY)
}

/// `2026-11-20T20:37:11.732Z`; from year 10000 on `after 9999`.
pub fn timestamp(millis: u64) -> String {
    let (year, month, day) = civil(millis / DAY);
    let rest = millis % DAY;
    if year > 9999 {
        return "after 9999".to_owned();
    }
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

/// `2026-11-20 20:37`, UTC, to the minute.
pub fn minute(millis: u64) -> String {
    let full = timestamp(millis);
    full.get(..16).map_or(full.clone(), |head| head.replace('T', " "))
}

fn digits(text: &str, length: usize) -> Option<u64> {
    (text.len() == length && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Days from 1970-01-01, after Howard Hinnant's `days_from_civil` (years start in March, eras have 400 years).
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse: (year, month, day) of a day since 1970-01-01.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_timestamp_survives_a_round_trip() {
        for text in [
            "2026-11-20T20:37:11.732Z",
            "1970-01-01T00:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(parse_timestamp(text).map(timestamp).as_deref(), Some(text));
        }
        assert_eq!(parse_timestamp("2026-11-20T20:37:11Z"), parse_timestamp("2026-11-20T20:37:11.000Z"));
    }

    #[test]
    fn every_day_of_eight_hundred_years_has_one_number() {
        for day in 0..292_194 {
            let (year, month, date) = civil(day);
            assert_eq!(days_before(year, month, date), day);
        }
    }

    #[test]
    fn what_is_not_a_date_is_none() {
        for text in [
            "2026-02-30",
            "2026-13-01",
            "2026-00-01",
            "1969-12-31",
            "26-1-1",
            "",
            "2026-11-20-1",
            "٢٠٢٦-11-20",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for text in
            ["2026-11-20 20:37:11Z", "2026-11-20T24:00:00Z", "2026-11-20T20:37Z", "2026-11-20T20:37:11.é2Z"]
        {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn b6_the_end_of_time_can_be_shown() {
        assert_eq!(timestamp(u64::MAX), "after 9999");
        assert_eq!(minute(u64::MAX), "after 9999");
        assert_eq!(minute(0), "1970-01-01 00:00");
    }
}
