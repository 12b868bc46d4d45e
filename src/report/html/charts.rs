//! Charts as inline SVG: stacked columns, shares over time, bars, gauges. Draws figures, never makes them; colours are
//! classes of the style sheet, and every mark has its words in a tooltip.

use std::fmt::Write as _;

use crate::report::html::escape::words;
use crate::report::html::numbers::{count, percent, percents};

/// One column or point over time.
pub struct Slot {
    /// Below the axis.
    pub label: String,
    /// The year it begins in, written where it changes.
    pub year: u64,
    /// The tooltip.
    pub title: String,
}

/// A stack of values, one for each class.
pub struct Column {
    /// Where it stands.
    pub slot: Slot,
    /// In the order of the classes, lowest first.
    pub values: Vec<f64>,
}

/// A share with the number that it is a share of.
pub struct Point {
    /// Where it stands.
    pub slot: Slot,
    /// All.
    pub all: u64,
    /// The share, 0 to 1, and its interval; none of nothing.
    pub share: Option<(f64, (f64, f64))>,
}

/// Below this number a share says little.
pub const FEW: u64 = 8;

/// The area of a chart over time, in pixels of its own drawing.
struct Area {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    bottom: f64,
    slots: usize,
    highest: f64,
}

impl Area {
    const RIGHT: f64 = 20.0;

    fn slot(&self) -> f64 {
        (self.width - self.left - Self::RIGHT) / self.slots.max(1) as f64
    }

    fn x(&self, at: usize) -> f64 {
        self.left + (at as f64 + 0.5) * self.slot()
    }

    fn y(&self, value: f64) -> f64 {
        let room = self.height - self.top - self.bottom;
        self.top + room * (1.0 - (value / self.highest).clamp(0.0, 1.0))
    }

    /// Opening tag, grid and labels of the value axis.
    fn open(&self, label: &str, ticks: &[f64], tick_label: impl Fn(f64) -> String) -> String {
        let (width, height) = (px(self.width), px(self.height));
        let mut svg = format!(
            "<svg class=\"w{width}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{0}\"><desc>{0}</desc>",
            words(label)
        );
        for tick in ticks {
            let y = px(self.y(*tick));
            let class = if *tick == 0.0 { "base" } else { "grid" };
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"tick end\" x=\"{}\" y=\"{}\">{}</text>",
                px(self.left),
                px(self.width - Self::RIGHT),
                px(self.left - 8.0),
                px(self.y(*tick) + 4.0),
                words(&tick_label(*tick))
            );
        }
        svg
    }

    /// Labels below the axis, as many as have room, the last one among them.
    fn labels<'a>(
        &self,
        slots: impl ExactSizeIterator<Item = &'a Slot>,
        below: impl Fn(usize) -> Option<String>,
    ) -> String {
        const ROOM: f64 = 50.0;
        let each = (ROOM / self.slot()).ceil().max(1.0) as usize;
        let first = slots.len().saturating_sub(1) % each;
        let (mut svg, mut year, base) = (String::new(), 0, self.height - self.bottom);
        for (at, slot) in
            slots.enumerate().filter(|(at, _)| *at >= first && (at - first).is_multiple_of(each))
        {
            let x = px(self.x(at));
            let line = |row: f64, text: &str| {
                format!(
                    "<text class=\"tick mid\" x=\"{x}\" y=\"{}\">{}</text>",
                    px(base + 17.0 + 15.0 * row),
                    words(text)
                )
            };
            svg.push_str(&line(0.0, &slot.label));
            if let Some(text) = below(at) {
                svg.push_str(&line(1.0, &text));
            } else if slot.year != year && slot.label != slot.year.to_string() {
                svg.push_str(&line(1.0, &slot.year.to_string()));
            }
            year = slot.year;
        }
        svg
    }
}

/// Stacked columns from a zero baseline, in dollars.
pub fn columns(width: u32, classes: &[&str], columns: &[Column], label: &str) -> String {
    let sums = columns.iter().map(|column| column.values.iter().sum::<f64>());
    let ticks = ticks(sums.fold(0.0, f64::max), 5);
    let highest = ticks.last().copied().unwrap_or(1.0);
    let longest = ticks.iter().map(|tick| axis_usd(*tick, highest).len()).max().unwrap_or(2);
    let area = Area {
        width: f64::from(width),
        height: if width > 600 { 260.0 } else { 230.0 },
        left: 14.0 + 7.0 * longest as f64,
        top: 10.0,
        bottom: 40.0,
        slots: columns.len(),
        highest,
    };
    let mut svg = area.open(label, &ticks, |tick| axis_usd(tick, highest));
    let bar = (area.slot() * 0.74).min(44.0);
    for (at, column) in columns.iter().enumerate() {
        let (slot, x) = (area.slot(), area.x(at));
        let _ = write!(
            svg,
            "<g class=\"col\"><title>{}</title><rect class=\"hit\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            words(&column.slot.title),
            px(x - slot / 2.0),
            px(area.top),
            px(slot),
            px(area.height - area.top - area.bottom)
        );
        let mut from = 0.0;
        for (class, value) in classes.iter().zip(&column.values).filter(|(_, value)| **value > 0.0) {
            let (low, high) = (area.y(from), area.y(from + value));
            from += value;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                px(x - bar / 2.0),
                px(high),
                px(bar),
                px(low - high)
            );
        }
        svg.push_str("</g>");
    }
    svg + &area.labels(columns.iter().map(|column| &column.slot), |_| None) + "</svg>"
}

/// Shares over time with their intervals, over the band that they are to lie in. Where the number is small the point is
/// hollow and no line leads to it.
pub fn shares(width: u32, points: &[Point], target: (f64, f64), label: &str) -> String {
    let reach = |point: &Point| {
        let (share, (_, high)) = point.share?;
        Some(if point.all < FEW { share } else { high })
    };
    let most = points.iter().filter_map(reach).fold((target.1 * 2.0).min(1.0), f64::max);
    let ticks = ticks(most.min(1.0), 5);
    let area = Area {
        width: f64::from(width),
        height: 240.0,
        left: 52.0,
        top: 12.0,
        bottom: 44.0,
        slots: points.len(),
        highest: ticks.last().copied().unwrap_or(1.0).min(1.0),
    };
    let ticks: Vec<f64> = ticks.into_iter().filter(|tick| *tick <= 1.0).collect();
    let mut svg = area.open(label, &ticks, percent);
    let (low, high) = (area.y(target.0), area.y(target.1));
    let _ = write!(
        svg,
        "<rect class=\"band\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
        px(area.left),
        px(high),
        px(area.width - area.left - Area::RIGHT),
        px(low - high)
    );
    let mut line = String::new();
    let mut last = None;
    for (at, point) in points.iter().enumerate() {
        let Some((share, _)) = point.share.filter(|_| point.all >= FEW) else { continue };
        let to = format!("{} {}", px(area.x(at)), px(area.y(share)));
        // A gap of one period and more stays a gap.
        let _ = write!(line, "{}{to}", if last == Some(at.wrapping_sub(1)) { "L" } else { "M" });
        last = Some(at);
    }
    let _ = write!(svg, "<path class=\"trend\" d=\"{line}\"/>");
    for (at, point) in points.iter().enumerate() {
        let Some((share, (from, to))) = point.share else { continue };
        let few = point.all < FEW;
        let (x, y) = (px(area.x(at)), px(area.y(share)));
        let _ = write!(svg, "<g><title>{}</title>", words(&point.slot.title));
        if few {
            let _ = write!(svg, "<circle class=\"few\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>");
        } else {
            let (from, to) = (px(area.y(from)), px(area.y(to)));
            let _ = write!(
                svg,
                "<line class=\"range\" x1=\"{x}\" x2=\"{x}\" y1=\"{from}\" y2=\"{to}\"/>\
                 <circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"4.5\"/>"
            );
        }
        svg.push_str("</g>");
    }
    let below = |at: usize| Some(format!("n {}", count(points[at].all)));
    svg + &area.labels(points.iter().map(|point| &point.slot), below) + "</svg>"
}

/// One bar of a list: a part of the longest.
pub fn bar(part: f64) -> String {
    let wide = share_of_width(part);
    format!(
        "<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"100%\" rx=\"3\"/>\
         <rect class=\"fill\" width=\"{wide}\" height=\"100%\" rx=\"3\"/></svg>"
    )
}

/// One bar that is all of something, in parts: class, tooltip and share of each.
pub fn parts(parts: &[(&str, String, f64)], label: &str) -> String {
    let mut svg = format!(
        "<svg class=\"parts\" role=\"img\" aria-label=\"{0}\"><desc>{0}</desc>\
         <rect class=\"track\" width=\"100%\" height=\"100%\"/>",
        words(label)
    );
    let mut from = 0.0;
    for (class, title, part) in parts.iter().filter(|(_, _, part)| *part > 0.0) {
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" width=\"{}\" height=\"100%\"><title>{}</title></rect>",
            share_of_width(from),
            share_of_width(*part),
            words(title)
        );
        from += part;
    }
    svg + "</svg>"
}

/// A share on a scale from nothing to all of it, or to `most`, with its interval over the band that it is to lie in.
pub fn gauge(share: Option<(f64, Option<(f64, f64)>)>, target: (f64, f64), most: f64) -> String {
    let at = |value: f64| share_of_width(value / most);
    let mut label = format!("scale from 0 to {}, target {}", percent(most), percents(target));
    let mut svg = format!(
        "<rect class=\"track\" y=\"7\" width=\"100%\" height=\"6\" rx=\"3\"/>\
         <rect class=\"band\" x=\"{}\" y=\"2\" width=\"{}\" height=\"16\" rx=\"3\"/>",
        at(target.0),
        at(target.1 - target.0)
    );
    if let Some((share, interval)) = share {
        let _ = write!(label, ", here {}", percent(share));
        if let Some((low, high)) = interval {
            let _ = write!(label, ", interval {}", percents((low, high)));
            let _ = write!(
                svg,
                "<line class=\"range\" x1=\"{}\" x2=\"{}\" y1=\"10\" y2=\"10\"/>",
                at(low),
                at(high)
            );
        }
        let _ = write!(svg, "<circle class=\"dot\" cx=\"{}\" cy=\"10\" r=\"5.5\"/>", at(share));
    }
    let label = words(&label);
    format!("<svg class=\"gauge\" role=\"img\" aria-label=\"{label}\"><desc>{label}</desc>{svg}</svg>")
}

fn share_of_width(part: f64) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.2}%", part * 100.0)
}

/// A coordinate without needless digits.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Round steps (1, 2 or 5 and zeros) from zero to at least `most`, about `wanted` of them.
fn ticks(most: f64, wanted: u32) -> Vec<f64> {
    if !most.is_finite() || most <= 0.0 {
        return vec![0.0, 1.0];
    }
    let raw = most / f64::from(wanted);
    let zeros = 10_f64.powf(raw.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * zeros).into_iter().find(|step| *step >= raw * 0.999_999);
    let step = step.unwrap_or(10.0 * zeros);
    let count = (most / step - 1e-9).ceil().max(1.0) as u32;
    (0..=count).map(|number| f64::from(number) * step).collect()
}

/// A label of the money axis: as many digits as its steps need.
fn axis_usd(tick: f64, highest: f64) -> String {
    match highest {
        _ if tick == 0.0 => "$0".to_owned(),
        high if high > 20_000.0 => format!("${}k", count((tick / 1000.0).round() as u64)),
        high if high >= 4.0 => format!("${}", count(tick.round() as u64)),
        high if high >= 0.04 => format!("${tick:.2}"),
        high if high >= 0.0004 => format!("${tick:.4}"),
        _ => format!("${tick:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_begins_at_zero_has_round_steps_and_holds_the_highest_value() {
        for (most, expected) in [
            (0.0, vec![0.0, 1.0]),
            (f64::NAN, vec![0.0, 1.0]),
            (7.3, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            (20.0, vec![0.0, 5.0, 10.0, 15.0, 20.0]),
            (183.0, vec![0.0, 50.0, 100.0, 150.0, 200.0]),
        ] {
            assert_eq!(ticks(most, 5), expected, "{most}");
        }
        for power in -12..18 {
            for digit in 1..10 {
                let most = f64::from(digit) * 10_f64.powi(power);
                let ticks = ticks(most, 5);
                assert!((3..=6).contains(&ticks.len()), "{most}: {ticks:?}");
                assert!(ticks[ticks.len() - 1] >= most * 0.999_999, "{most}: {ticks:?}");
            }
        }
    }

    #[test]
    fn labels_of_the_money_axis_keep_their_digits_apart() {
        let shown =
            |highest: f64| ticks(highest, 5).iter().map(|tick| axis_usd(*tick, highest)).collect::<Vec<_>>();
        assert_eq!(shown(20.0), ["$0", "$5", "$10", "$15", "$20"]);
        assert_eq!(shown(0.2), ["$0", "$0.05", "$0.10", "$0.15", "$0.20"]);
        assert_eq!(shown(40_000.0), ["$0", "$10k", "$20k", "$30k", "$40k"]);
    }

    fn point(part: u64, all: u64) -> Point {
        let slot = Slot { label: "1 Nov".to_owned(), year: 2026, title: "Sun 1 Nov 2026".to_owned() };
        let share = crate::outcomes::wilson(part, all, crate::outcomes::Z95)
            .map(|interval| (part as f64 / all as f64, interval));
        Point { slot, all, share }
    }

    #[test]
    fn a_share_of_few_is_hollow_at_its_own_height_and_no_line_leads_to_it_or_across_a_gap() {
        let all = [point(2, 20), point(2, 2), point(3, 20), point(4, 20), point(0, 0), point(5, 20)];
        let svg = shares(510, &all, (0.0, 0.15), "a chart");
        let count = |part: &str| svg.matches(part).count();
        assert_eq!((count("class=\"few\""), count("class=\"dot\""), count("class=\"range\"")), (1, 4, 4));
        assert!(svg.contains("100\u{a0}%</text>"), "the axis holds the share of few");
        let path = svg.split("class=\"trend\" d=\"").nth(1).and_then(|rest| rest.split('"').next());
        let path = path.expect("a line");
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (3, 1), "{path}");
    }

    #[test]
    fn labels_thin_out_where_there_is_no_room_and_the_last_one_stays() {
        let all: Vec<Point> = (1..=60)
            .map(|number| Point {
                slot: Slot { label: format!("label {number}"), year: 2026, title: String::new() },
                ..point(1, 10)
            })
            .collect();
        for (width, most) in [(330, 6), (510, 10), (1040, 20)] {
            let svg = shares(width, &all, (0.6, 0.8), "a chart");
            let labels = svg.matches(">label ").count();
            assert!((3..=most).contains(&labels) && svg.contains(">label 60<"), "{width}: {labels}");
        }
    }

    #[test]
    fn a_bar_never_leaves_its_box() {
        for part in [f64::NAN, f64::INFINITY, -1.0, 2.0] {
            let width = share_of_width(part);
            assert!(width == "0.00%" || width == "100.00%", "{part}: {width}");
        }
    }
}
