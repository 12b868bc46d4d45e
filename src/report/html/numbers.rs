//! Numbers as the page writes them: thousands apart, units that stay on the line. Never rounds for a sum.

use crate::report::text::apart;
pub use crate::report::text::grouped as count;

/// Space that no line breaks at.
const SPACE: char = '\u{a0}';

/// `$1,234.56`, below a cent with hundredths of one; `-$2.00`.
pub fn usd(dollars: f64) -> String {
    if dollars == 0.0 {
        return "$0".to_owned();
    }
    let (sign, size) = (if dollars < 0.0 { "-" } else { "" }, dollars.abs());
    let digits = if size < 0.01 { 4 } else { 2 };
    let plain = format!("{size:.digits$}");
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, ""));
    format!("{sign}${}.{cents}", apart(whole))
}

/// `68 %`; `0.4 %` below one.
pub fn percent(share: f64) -> String {
    let digits = usize::from(share > 0.0 && share < 0.0095);
    format!("{:.digits$}{SPACE}%", share * 100.0)
}

/// `6-13 %`.
pub fn percents((low, high): (f64, f64)) -> String {
    format!("{:.0}\u{2013}{:.0}{SPACE}%", low * 100.0, high * 100.0)
}

/// `0.17 ms`.
pub fn millis(micros: u32) -> String {
    format!("{:.2}{SPACE}ms", f64::from(micros) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_every_size() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.0023, 0.123, 1234.5, -3.0, 1e9].map(usd),
            ["$0", "$0.0023", "$0.12", "$1,234.50", "-$3.00", "$1,000,000,000.00"]
        );
        assert_eq!(
            [0.0, 0.004, 0.683, 1.0].map(percent),
            ["0\u{a0}%", "0.4\u{a0}%", "68\u{a0}%", "100\u{a0}%"]
        );
        assert_eq!(percents((0.055, 0.131)), "6\u{2013}13\u{a0}%");
    }
}
