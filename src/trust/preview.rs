//! What a project's rules would do: which rules come, change and go, and what becomes of the verdicts on the examples of all
//! rules. Pure: two sets of rules in, text out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::text::plain;
use crate::rules::Loaded;
use crate::rules::bed::Bed;
use crate::rules::compile::compile;
use crate::rules::image::Image;
use crate::rules::project::{self, FILE};
use crate::rules::schema::Rule;

/// Changed verdicts that are listed.
const MAX_LISTED: usize = 5;

/// The page below the text: `after` is `before` with the project's text on top.
pub fn of(before: &Loaded, after: &Loaded, text: &str) -> String {
    let mut out = String::from("\nwhat it would do\n");
    let mut list = |title: &str, lines: Vec<String>| {
        let _ = writeln!(out, "  {title}: {}", lines.len());
        for line in lines {
            let _ = writeln!(out, "    {}", plain(&line));
        }
    };
    let of_project: Vec<&Rule> =
        after.set.rules.iter().filter(|(source, _)| source == FILE).map(|(_, rule)| rule).collect();
    let earlier = |rule: &Rule| before.set.rules.iter().find(|(_, known)| known.id == rule.id);
    let added = of_project.iter().filter(|rule| earlier(rule).is_none());
    list("rules added", added.map(|rule| format!("{}: tier {}", rule.id, rule.tier)).collect());
    let changed = of_project.iter().filter_map(|rule| {
        let (source, known) = earlier(rule)?;
        Some(format!("{} ({source}): tier {} -> {}", rule.id, known.tier, rule.tier))
    });
    list("rules changed", changed.collect());
    let is_left = |id: &str| after.set.rules.iter().any(|(_, rule)| rule.id == id);
    let gone = before.set.rules.iter().filter(|(_, rule)| !is_left(&rule.id));
    list("rules switched off", gone.map(|(source, rule)| format!("{} ({source})", rule.id)).collect());
    let fitted =
        after.set.learned.iter().filter(|(_, tables)| tables.iter().flatten().any(|one| one.source == FILE));
    let fitted: Vec<String> = fitted.map(|(key, _)| key.clone()).collect();
    if !fitted.is_empty() {
        list("weights set", fitted);
    }
    let ids = project::parse(text).map(|said| said.ids()).unwrap_or_default();
    let unused: Vec<String> = ids.into_iter().filter(|id| !is_left(id)).collect();
    if !unused.is_empty() {
        list("rules that stay off, as you have it", unused);
    }
    out.push_str(&verdicts(before, after));
    out
}

fn verdicts(before: &Loaded, after: &Loaded) -> String {
    let image = |loaded: &Loaded| {
        Image::from_bytes(compile(&loaded.set, &loaded.policy)).unwrap_or_else(Image::built_in)
    };
    let (old, new) = (image(before), image(after));
    let bed = Bed::of(&before.set, &old);
    let mut counts: BTreeMap<(u8, u8), usize> = BTreeMap::new();
    let mut shown = String::new();
    for text in &bed.texts {
        let tier = |image: &Image| text.verdict(image).tier.number();
        let (was, is) = (tier(&old), tier(&new));
        if was == is {
            continue;
        }
        *counts.entry((was, is)).or_default() += 1;
        if counts.values().sum::<usize>() <= MAX_LISTED {
            let _ = writeln!(shown, "    {was} -> {is}  {}", plain(&format!("{:?}", text.text)));
        }
    }
    let changed: usize = counts.values().sum();
    let mut out = format!("  examples whose verdict changes: {changed} of {}\n", bed.texts.len());
    for ((was, is), count) in &counts {
        let _ = writeln!(out, "    tier {was} -> {is}: {count}");
    }
    out.push_str(&shown);
    if changed > MAX_LISTED {
        let _ = writeln!(out, "    and {} more", changed - MAX_LISTED);
    }
    out
}
