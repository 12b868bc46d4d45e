//! `sef explain --why-not`: what speaks for the tier that was chosen and against another one, rule by rule, and what
//! would have to be different. Pure: a verdict and its rules in, text out.

use std::fmt::Write as _;

use super::bars;
use super::matched;
use crate::classify::matcher::Fired;
use crate::classify::{Verdict, decide, expected_cost, least_cost};
use crate::rules::image::{Image, Table};

/// Lines that are shown of what speaks against the tier, and of what speaks for it.
const MAX_AGAINST: usize = 12;
const MAX_FOR: usize = 6;
/// Rules named as what would have to be absent.
const MAX_NAMED: usize = 3;
/// Longest bar; its length is relative to the strongest line.
const WIDEST: usize = 24;
/// The heaviest weight that is tried, in tenths of a point.
const HEAVIEST: u16 = 200;

/// One line of the difference.
struct Line<'a> {
    name: &'a str,
    /// Points by which it lifts the chosen tier over the asked one.
    lead: f32,
    found: String,
}

/// Why a text did not get the asked tier.
pub fn page(image: &Image, table: Table, text: &str, verdict: &Verdict, asked: u8) -> String {
    let chosen = usize::from(verdict.tier.number());
    let asked = usize::from(asked);
    if chosen == asked {
        return format!("\nit is tier {asked} already\n");
    }
    let mut out = format!("\nwhy not tier {asked}?\n");
    out.push_str(&gap(image, table, verdict, chosen, asked));
    let mut lines = vec![Line {
        name: "(starting scores)",
        lead: image.bias(table)[chosen] - image.bias(table)[asked],
        found: String::new(),
    }];
    for hit in &verdict.fired {
        let weights = image.weights(hit.rule, table);
        let lead = weights[chosen] - weights[asked];
        lines.push(Line { name: image.rule(hit.rule).id, lead, found: matched(text, hit) });
    }
    lines.retain(|line| line.lead.abs() >= 0.005);
    lines.sort_by(|a, b| b.lead.total_cmp(&a.lead));
    let strongest = lines.iter().map(|line| line.lead.abs()).fold(0.01, f32::max);
    let (against, rest): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.lead >= 0.0);
    let _ = writeln!(out, "\nspeaks for tier {chosen} and against tier {asked}, in points");
    list(&mut out, &against, MAX_AGAINST, strongest);
    let _ = writeln!(out, "\nspeaks for tier {asked} and against tier {chosen}");
    list(&mut out, &rest.into_iter().rev().collect::<Vec<_>>(), MAX_FOR, strongest);
    out.push_str(&ways(image, table, verdict, asked));
    out
}

/// The two tiers side by side, and what the costs of a wrong tier have to do with it.
fn gap(image: &Image, table: Table, verdict: &Verdict, chosen: usize, asked: usize) -> String {
    let (caution, lean) = (image.caution(table), image.lean());
    let mut out = format!("  {:<8}{:>8}{:>14}{:>16}\n", "", "score", "probability", "expected cost");
    let cost = |tier: usize| expected_cost(verdict.probabilities, caution, lean, tier);
    let mut row = |name: &str, score: f32, share: f32, cost: f32, bar: &str| {
        let line = format!("  {name:<8}{score:>8.2}{:>12.0} %{cost:>16.2}  {bar}", share * 100.0);
        let _ = writeln!(out, "{}", line.trim_end());
    };
    for tier in [chosen, asked] {
        let (score, share) = (verdict.scores[tier], verdict.probabilities[tier]);
        row(&format!("tier {tier}"), score, share, cost(tier), &bars::share(share, WIDEST));
    }
    let (scores, shares) = (verdict.scores, verdict.probabilities);
    row(
        "gap",
        scores[chosen] - scores[asked],
        shares[chosen] - shares[asked],
        cost(chosen) - cost(asked),
        "",
    );
    // With no lean and no caution every mistake costs the same, and the likeliest tier is chosen.
    let plain = least_cost(verdict.probabilities, [1.0; 4], 0.0);
    let _ = if plain == chosen {
        writeln!(out, "  tier {chosen} is the likeliest too: what a wrong tier costs decides nothing")
    } else {
        writeln!(out, "  tier {plain} is the likeliest: what a wrong tier costs decides for tier {chosen}")
    };
    out
}

fn list(out: &mut String, lines: &[&Line], most: usize, strongest: f32) {
    for line in lines.iter().take(most) {
        let bar = bars::share(line.lead.abs() / strongest, WIDEST);
        let name = bars::clip(line.name, 26);
        let text = format!("  {name:<26} {:>5.2} {bar:<WIDEST$} {}", line.lead.abs(), line.found);
        let _ = writeln!(out, "{}", text.trim_end());
    }
    if lines.is_empty() {
        let _ = writeln!(out, "  nothing");
    }
    if lines.len() > most {
        let rest: f32 = lines[most..].iter().map(|line| line.lead.abs()).sum();
        let _ = writeln!(out, "  {:<26} {rest:>5.2}", format!("({} more, together)", lines.len() - most));
    }
}

/// The smallest changes that would give the asked tier.
fn ways(image: &Image, table: Table, verdict: &Verdict, asked: usize) -> String {
    let names = |hits: &[&Fired]| {
        let names: Vec<&str> = hits.iter().take(MAX_NAMED).map(|hit| image.rule(hit.rule).id).collect();
        let more = hits.len().saturating_sub(MAX_NAMED);
        names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    let gets_it =
        |without: &[&Fired]| decide(image, table, scores_without(image, table, verdict, without)).1 == asked;
    let mut singles: Vec<&Fired> = verdict.fired.iter().filter(|hit| gets_it(&[hit])).collect();
    let for_others = |hit: &&Fired| {
        let weights = image.weights(hit.rule, table);
        weights[asked] - weights[usize::from(verdict.tier.number())]
    };
    singles.sort_by(|a, b| for_others(a).total_cmp(&for_others(b)));
    let mut out = format!("\nwhat would make it tier {asked}\n");
    let _ = if !singles.is_empty() {
        let any = if singles.len() > 1 { "any one of " } else { "" };
        writeln!(out, "  without {any}{}", names(&singles))
    } else if let Some(set) = smallest_set(image, table, verdict, asked) {
        writeln!(out, "  no single rule: without all {} of {}", set.len(), names(&set))
    } else {
        writeln!(out, "  no single rule, nor any number of them left out")
    };
    let weight = (1..=HEAVIEST).map(|tenths| f32::from(tenths) / 10.0).find(|weight| {
        let mut scores = verdict.scores;
        scores[asked] += weight;
        decide(image, table, scores).1 == asked
    });
    if let Some(weight) = weight {
        let _ = writeln!(
            out,
            "  or a rule of yours for tier {asked} with weight {weight:.1} (`sef rules add --tier {asked}`)"
        );
    }
    out
}

fn scores_without(image: &Image, table: Table, verdict: &Verdict, without: &[&Fired]) -> [f32; 4] {
    let mut scores = verdict.scores;
    for hit in without {
        for (score, weight) in scores.iter_mut().zip(image.weights(hit.rule, table)) {
            *score -= weight;
        }
    }
    scores
}

/// Rules that all have to be absent: again and again the one that lifts the winner most, then those that were not
/// needed are put back. No other set is looked for, so a smaller one may exist.
fn smallest_set<'a>(
    image: &Image,
    table: Table,
    verdict: &'a Verdict,
    asked: usize,
) -> Option<Vec<&'a Fired>> {
    let winner = |without: &[&Fired]| decide(image, table, scores_without(image, table, verdict, without)).1;
    let mut set: Vec<&Fired> = Vec::new();
    while winner(&set) != asked {
        let ahead = winner(&set);
        let lead = |hit: &&Fired| {
            let weights = image.weights(hit.rule, table);
            weights[ahead] - weights[asked]
        };
        let left = verdict.fired.iter().filter(|hit| !set.contains(hit) && lead(hit) > 0.0);
        set.push(left.max_by(|a, b| lead(a).total_cmp(&lead(b)))?);
    }
    for hit in set.clone() {
        let fewer: Vec<&Fired> = set.iter().copied().filter(|other| *other != hit).collect();
        if winner(&fewer) == asked {
            set = fewer;
        }
    }
    Some(set)
}
