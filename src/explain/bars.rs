//! Numbers as bars of plain ASCII, for explanations. Pure: values in, text out.

/// Signs of one column of a table of bars, and the width of the column.
const SIGNS: i32 = 8;
/// See [`SIGNS`].
pub const COLUMN: usize = SIGNS as usize + 1;

/// A weight as signs, one for each tenth of a point; a larger one as a number.
pub fn cell(weight: f32) -> String {
    let tenths = (weight * 10.0).round() as i32;
    let text = match tenths {
        0 => String::new(),
        _ if tenths.abs() > SIGNS => format!("{weight:+.1}"),
        _ => (if tenths > 0 { "+" } else { "-" }).repeat(tenths.unsigned_abs() as usize),
    };
    format!("{text:<COLUMN$}")
}

/// A row of cells, one for each tier.
pub fn row(weights: [f32; 4]) -> String {
    weights.map(cell).concat()
}

/// A bar of a share of `width`.
pub fn share(share: f32, width: usize) -> String {
    "#".repeat((share.clamp(0.0, 1.0) * width as f32).round() as usize)
}

/// A text of at most so many characters; what is cut off is shown as dots.
pub fn clip(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_a_tenth_and_what_does_not_fit_is_a_number() {
        assert_eq!(row([0.34, -0.2, 0.04, 3.0]), "+++      --                +3.0     ");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(clip("abcdefgh", 6), "abc...");
        assert_eq!(clip("äöü", 3), "äöü");
    }
}
