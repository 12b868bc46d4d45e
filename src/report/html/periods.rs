//! Days put together to the periods of a chart: so many that they can be told apart, however long the time. Pure; knows
//! no figures.

use std::collections::BTreeSet;

use crate::calendar::{DAY, civil, parse_date};

/// Periods that a chart shows side by side.
pub const MOST: usize = 62;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A day, UTC.
    Day,
    /// Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// A year.
    Year,
}

impl Step {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// `day`, ...
    pub fn noun(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The number of the period that a day (since 1970) lies in.
    fn number(self, day: u64) -> u64 {
        let (year, month, _) = civil(day);
        match self {
            Self::Day => day,
            // 1970 began on a Thursday.
            Self::Week => (day + 3) / 7,
            Self::Month => year * 12 + month - 1,
            Self::Year => year,
        }
    }

    fn period(self, number: u64) -> Period {
        let of_day = |day: u64| (civil(day), WEEKDAYS[((day + 3) % 7) as usize]);
        let short = |month: u64| &MONTHS[(month as usize + 11) % 12][..3];
        match self {
            Self::Day => {
                let ((year, month, date), weekday) = of_day(number);
                let label = format!("{date} {}", short(month));
                Period { number, year, title: format!("{weekday} {label} {year}"), label }
            }
            Self::Week => {
                let ((year, month, date), _) = of_day((number * 7).saturating_sub(3));
                let label = format!("{date} {}", short(month));
                Period { number, year, title: format!("Week of {label} {year}"), label }
            }
            Self::Month => {
                let (year, month) = (number / 12, number % 12 + 1);
                let title = format!("{} {year}", MONTHS[(number % 12) as usize]);
                Period { number, year, title, label: short(month).to_owned() }
            }
            Self::Year => {
                let text = number.to_string();
                Period { number, year: number, title: text.clone(), label: text }
            }
        }
    }
}

/// One period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    number: u64,
    /// The year it begins in.
    pub year: u64,
    /// `12 Oct`, without its year.
    pub label: String,
    /// `Mon 12 Oct 2026`.
    pub title: String,
}

/// The periods of a chart, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Their length.
    pub step: Step,
    /// At most [`MOST`], without a gap when that is possible.
    pub periods: Vec<Period>,
    /// Older periods that had no room.
    pub left_out: usize,
}

impl Axis {
    /// Periods for the days, none shorter than `shortest`.
    pub fn over(days: &BTreeSet<u64>, shortest: Step) -> Self {
        let (first, last) = (days.first().copied().unwrap_or(0), days.last().copied().unwrap_or(0));
        let fits = |step: &Step| step.number(last) - step.number(first) < MOST as u64;
        let step = Step::ALL.into_iter().filter(|step| *step >= shortest).find(fits);
        if let Some(step) = step.filter(|_| !days.is_empty()) {
            let periods =
                (step.number(first)..=step.number(last)).map(|number| step.period(number)).collect();
            return Self { step, periods, left_out: 0 };
        }
        // Years too far apart to show those between.
        let numbers: BTreeSet<u64> = days.iter().map(|day| Step::Year.number(*day)).collect();
        let left_out = numbers.len().saturating_sub(MOST);
        let periods = numbers.into_iter().skip(left_out).map(|number| Step::Year.period(number)).collect();
        Self { step: Step::Year, periods, left_out }
    }

    /// The place of the period that a day lies in.
    pub fn place(&self, day: u64) -> Option<usize> {
        let number = self.step.number(day);
        self.periods.binary_search_by_key(&number, |period| period.number).ok()
    }
}

/// The day (since 1970) that a report's JSON names; none for `unknown` and what is beyond the calendar.
pub fn day(name: &str) -> Option<u64> {
    Some(parse_date(name)? / DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(days: &[&str]) -> Axis {
        Axis::over(&days.iter().filter_map(|name| day(name)).collect(), Step::Day)
    }

    #[test]
    fn the_longer_the_time_the_longer_the_periods() {
        for (last, step, count) in [
            ("2026-11-01", Step::Day, 1),
            ("2027-01-01", Step::Day, 62),
            ("2027-01-02", Step::Week, 10),
            ("2028-05-01", Step::Month, 19),
            ("2032-11-01", Step::Year, 7),
            ("2087-11-01", Step::Year, 62),
        ] {
            let axis = axis(&["2026-11-01", last]);
            assert_eq!((axis.step, axis.periods.len(), axis.left_out), (step, count, 0), "{last}");
        }
    }

    #[test]
    fn years_too_far_apart_are_shown_without_those_between() {
        let axis = axis(&["1970-01-01", "2026-11-01", "9999-12-31"]);
        let labels: Vec<&str> = axis.periods.iter().map(|period| period.label.as_str()).collect();
        assert_eq!((labels, axis.left_out), (vec!["1970", "2026", "9999"], 0));
        assert_eq!(axis_of_nothing().periods, []);
    }

    fn axis_of_nothing() -> Axis {
        axis(&["unknown", "after 9999"])
    }

    #[test]
    fn a_week_begins_on_monday_and_every_day_lies_in_its_period() {
        let days: BTreeSet<u64> = (0..300).map(|number| 20_757 + number).collect();
        let axis = Axis::over(&days, Step::Week);
        assert_eq!(axis.periods[0].title, "Week of 26 Oct 2026");
        assert_eq!((axis.place(20_757 + 1), axis.place(20_757 + 2), axis.place(1)), (Some(0), Some(1), None));
        assert_eq!(Step::Day.period(20_757).title, "Sat 31 Oct 2026");
    }
}
