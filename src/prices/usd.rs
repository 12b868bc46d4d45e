//! Exact amounts of money.

/// An exact amount of money in 10^-12 US dollars: one token at $0.000001 per million is a whole number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u128);

impl Usd {
    /// One cent.
    pub const CENT: Self = Self(10_000_000_000);

    /// From a figure in dollars as the client writes it; not a number or negative: none.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        (dollars.is_finite() && dollars >= 0.0).then(|| Self((dollars * 1e12).round() as u128))
    }

    /// In dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// The sum, or the largest amount there is.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing when `other` is larger.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// How far apart two amounts are.
    #[must_use]
    pub fn apart(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }

    /// So many times the price of one.
    pub fn of(count: u64, one: Self) -> Self {
        Self(u128::from(count).saturating_mul(one.0))
    }

    /// The price of one from dollars per million, at most a million dollars; anything else: none.
    pub fn per_million(dollars: f64) -> Option<Self> {
        (0.0..=1e6).contains(&dollars).then(|| Self((dollars * 1e6).round() as u128))
    }

    /// Times a factor in thousandths.
    #[must_use]
    pub fn scaled(self, thousandths: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(thousandths)) / 1000)
    }
}
