//! The conversation's own turns on the page of text. Shows figures, never makes them.

use std::collections::BTreeMap;

use super::page::labelled;
use super::sheet::Sheet;
use super::text::{money, name, plural};
use crate::main_turn::account::{Output, Turns};

/// The section; nothing when nobody asked about a turn.
pub fn turns(sheet: &mut Sheet, turns: &Turns) {
    if turns.is_empty() {
        return;
    }
    sheet.title("The conversation's own turns");
    labelled(sheet, "decided:", &decided(turns));
    if !turns.left.is_empty() {
        labelled(sheet, "left alone:", &each(&turns.left));
    }
    if turns.complaints > 0 {
        labelled(sheet, "complaints:", &format!("{} about a changed turn", turns.complaints));
    }
    for (tier, output) in &turns.output {
        if let Some(words) = written(*tier, output) {
            labelled(sheet, "with less effort:", &words);
        }
    }
    if !turns.moved.is_empty() {
        moved(sheet, turns);
    }
}

/// What became of turns on another model.
fn moved(sheet: &mut Sheet, turns: &Turns) {
    labelled(sheet, "checked:", &checked(turns));
    if turns.ran_elsewhere > 0 {
        sheet.loud(&format!("  NOT MOVED: {} ran on another model than the one chosen", turns.ran_elsewhere));
    }
    labelled(sheet, "came to:", &detours(turns));
    if turns.without_price > 0 {
        sheet.loud(&format!("  NO PRICE for {}: they are in no sum", plural(turns.without_price, "request")));
    }
    if turns.detours.is_empty() {
        return;
    }
    let net = turns.net_usd();
    if net < 0.0 {
        sheet.loud(&format!("  LOST {} by leaving your model", money(-net)));
        sheet.line("  to leave your turns alone: preset = \"off\" under [main] in config.toml");
    } else {
        sheet.good(&format!("  gained {} by leaving your model", money(net)));
    }
    let words = format!(
        "{} instead of {}, {} expected (an estimate: the same tokens, read and written as the cache of your model would \
         have had them)",
        money(turns.went_usd),
        money(turns.stayed_usd),
        signed(turns.expected_usd)
    );
    labelled(sheet, "", &words);
}

/// `12 turns: 3 on haiku, 2 with low effort, 7 left alone`.
pub(super) fn decided(turns: &Turns) -> String {
    let mut parts: Vec<String> =
        turns.moved.iter().map(|(model, count)| format!("{count} on {}", name(model, 20))).collect();
    parts.extend(
        turns.lowered.iter().map(|(level, count)| format!("{count} with {} effort", name(level, 20))),
    );
    let left: u64 = turns.left.values().sum();
    if left > 0 {
        parts.push(format!("{left} left alone"));
    }
    format!("{}: {}", plural(turns.decided, "turn"), parts.join(", "))
}

/// What the transcripts say of moved turns.
pub(super) fn checked(turns: &Turns) -> String {
    let moved: u64 = turns.moved.values().sum();
    let unseen = match turns.not_seen {
        0 => String::new(),
        count => format!("; {count} without a request in the transcripts"),
    };
    format!("{} of {} ran wholly on the model chosen{unseen}", turns.ran_there, plural(moved, "moved turn"))
}

/// How many detours, and how they ended.
pub(super) fn detours(turns: &Turns) -> String {
    format!(
        "{}: {} gained, {} lost, {} came back to a cache that was gone",
        plural(turns.detours.len() as u64, "detour"),
        turns.gained,
        turns.lost,
        turns.cold_returns
    )
}

/// Mean output of requests with less effort and without.
pub(super) fn written(tier: u8, output: &Output) -> Option<String> {
    let mean = |tokens: u64, requests: u64| (requests > 0).then(|| tokens / requests);
    let lowered = mean(output.lowered_tokens, output.lowered_requests)?;
    let left = mean(output.left_tokens, output.left_requests).map_or(String::new(), |left| {
        format!("; {left} in {} of turns left alone", plural(output.left_requests, "request"))
    });
    let requests = plural(output.lowered_requests, "request");
    Some(format!("tier {tier}: {lowered} tokens written by a request on the average in {requests}{left}"))
}

fn each(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(why, count)| format!("{} {count}", name(why, 40))).collect();
    parts.join(", ")
}

/// Money with its sign.
pub(super) fn signed(dollars: f64) -> String {
    format!("{}{}", if dollars < 0.0 { "-" } else { "+" }, money(dollars.abs()))
}
