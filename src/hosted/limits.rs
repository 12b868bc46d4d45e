//! What the rate-limit headers of an answer say. Pure. Knows the names with a window (`...-tokens-minute`) and the ones
//! without (which mean a minute for tokens), and resets as bare seconds or as `2m59.56s`.

use std::time::Duration;

use crate::calendar::parse_timestamp;

/// One window of one limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Window {
    /// Most in the window.
    pub limit: Option<f64>,
    /// What is left.
    pub remaining: Option<f64>,
    /// Until it is full again.
    pub reset: Option<Duration>,
}

/// Everything an answer says of limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Requests a minute.
    pub requests: Window,
    /// Tokens a minute.
    pub tokens: Window,
    /// Longest reset of an hour's or a day's window with nothing left.
    pub exhausted: Option<Duration>,
    /// `retry-after`.
    pub retry_after: Option<Duration>,
}

impl Limits {
    /// Reads the headers; names in lower case. `now` in milliseconds since 1970, for a `retry-after` that is a date.
    pub fn read<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>, now: u64) -> Self {
        let mut limits = Self::default();
        let mut longer: [[Window; 2]; 2] = Default::default();
        for (name, value) in headers {
            match name {
                "retry-after" => {
                    let asked = duration(value).or_else(|| until(value, now));
                    limits.retry_after = limits.retry_after.or(asked);
                }
                "retry-after-ms" => limits.retry_after = number(value).and_then(|ms| seconds(ms / 1e3)),
                _ => {
                    if let Some((what, tokens, span)) = split(name) {
                        let window = match span {
                            Span::Minute if tokens => &mut limits.tokens,
                            Span::Minute => &mut limits.requests,
                            Span::Hour => &mut longer[0][usize::from(tokens)],
                            Span::Day => &mut longer[1][usize::from(tokens)],
                        };
                        match what {
                            "limit" => window.limit = number(value),
                            "remaining" => window.remaining = number(value),
                            _ => window.reset = duration(value),
                        }
                    }
                }
            }
        }
        let spent =
            longer.as_flattened().iter().filter(|window| window.remaining.is_some_and(|left| left < 1.0));
        limits.exhausted = spent.filter_map(|window| window.reset).max();
        limits
    }

    /// How long to wait after a 429: what the service asks for, else the longer reset of what is used up, else the longer
    /// of all resets.
    pub fn wait(&self) -> Option<Duration> {
        let windows = [self.requests, self.tokens];
        let spent = windows.iter().filter(|window| window.remaining.is_some_and(|left| left < 1.0));
        self.retry_after
            .or_else(|| spent.filter_map(|window| window.reset).chain(self.exhausted).max())
            .or_else(|| windows.iter().filter_map(|window| window.reset).max())
    }
}

enum Span {
    Minute,
    Hour,
    Day,
}

/// `x-ratelimit-remaining-tokens-minute`: what, whether of tokens, and which window. Without a window, tokens are of a
/// minute and requests of a day: that is how Groq, which leaves it out, means it.
fn split(name: &str) -> Option<(&str, bool, Span)> {
    let mut parts = name.strip_prefix("x-ratelimit-")?.splitn(3, '-');
    let (what, of) = (parts.next()?, parts.next()?);
    let tokens = match of {
        "tokens" => true,
        "requests" => false,
        _ => return None,
    };
    let span = match (parts.next(), tokens) {
        (Some("minute"), _) | (None, true) => Span::Minute,
        (Some("hour"), _) => Span::Hour,
        (Some("day"), _) | (None, false) => Span::Day,
        _ => return None,
    };
    matches!(what, "limit" | "remaining" | "reset").then_some((what, tokens, span))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// The time until a date as HTTP writes it: `Wed, 21 Oct 2026 07:28:00 GMT`.
fn until(text: &str, now: u64) -> Option<Duration> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? + 1;
    let then = parse_timestamp(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))?;
    seconds(then.saturating_sub(now) as f64 / 1e3)
}

/// At most ten days: more is no time that anybody waits.
fn seconds(number: f64) -> Option<Duration> {
    (number.is_finite() && number >= 0.0).then(|| Duration::from_secs_f64(number.min(864_000.0)))
}

/// `11.38`, `59.56s`, `2m59.56s`, `1h2m3s`, `250ms`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(bare) = number(text) {
        return seconds(bare);
    }
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let value = number(&rest[..digits])?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        total += value
            * match &rest[digits..unit] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    if text.is_empty() { None } else { seconds(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-21T07:27:30Z.
    const NOW: u64 = 1_792_567_650_000;

    fn limits(headers: &[(&str, &str)]) -> Limits {
        Limits::read(headers.iter().copied(), NOW)
    }

    #[test]
    fn every_form_of_a_reset_is_read() {
        for (text, millis) in [
            ("11.382867097854614", Some(11_382)),
            ("0", Some(0)),
            ("59.56s", Some(59_560)),
            ("2m59.56s", Some(179_560)),
            ("1h2m3s", Some(3_723_000)),
            ("250ms", Some(250)),
            ("1e300", Some(864_000_000)),
            ("", None),
            ("soon", None),
            ("-3", None),
            ("NaN", None),
            ("3x", None),
        ] {
            assert_eq!(duration(text).map(|time| time.as_millis()), millis, "{text:?}");
        }
    }

    #[test]
    fn names_with_and_without_a_window_are_read() {
        let cerebras = limits(&[
            ("x-ratelimit-limit-requests-minute", "5"),
            ("x-ratelimit-remaining-requests-minute", "4"),
            ("x-ratelimit-reset-requests-minute", "11.3"),
            ("x-ratelimit-limit-tokens-minute", "30000"),
            ("x-ratelimit-remaining-tokens-minute", "12000"),
            ("x-ratelimit-remaining-tokens-day", "990000"),
        ]);
        assert_eq!((cerebras.requests.limit, cerebras.tokens.remaining), (Some(5.0), Some(12_000.0)));
        assert_eq!(cerebras.exhausted, None);
        let groq = limits(&[
            ("x-ratelimit-limit-requests", "14400"),
            ("x-ratelimit-limit-tokens", "8000"),
            ("x-ratelimit-remaining-tokens", "100"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ]);
        assert_eq!((groq.requests.limit, groq.tokens.limit), (None, Some(8_000.0)));
        assert_eq!(groq.wait(), Some(Duration::from_secs_f64(7.66)));
    }

    #[test]
    fn the_longer_reset_of_what_is_used_up_counts_unless_the_service_says_better() {
        let both = [
            ("x-ratelimit-remaining-requests-minute", "0"),
            ("x-ratelimit-reset-requests-minute", "12"),
            ("x-ratelimit-remaining-tokens-minute", "0"),
            ("x-ratelimit-reset-tokens-minute", "41.5"),
        ];
        assert_eq!(limits(&both).wait(), Some(Duration::from_secs_f64(41.5)));
        let requests = [both[0], both[1], ("x-ratelimit-remaining-tokens-minute", "900"), both[3]];
        assert_eq!(limits(&requests).wait(), Some(Duration::from_secs(12)));
        let asked = [both[0], both[1], both[3], ("retry-after", "3")];
        assert_eq!(limits(&asked).wait(), Some(Duration::from_secs(3)));
        let date = [("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")];
        assert_eq!(limits(&date).wait(), Some(Duration::from_secs(30)));
        assert_eq!(limits(&[("retry-after", "Wed, 21 Foo 2026 07:28:00 GMT")]).wait(), None);
        let day = [("x-ratelimit-remaining-tokens-day", "0"), ("x-ratelimit-reset-tokens-day", "4000")];
        assert_eq!(limits(&day).wait(), Some(Duration::from_secs(4000)));
        assert_eq!(limits(&[]).wait(), None);
    }
}
