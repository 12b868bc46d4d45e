//! `sef prices`: which prices count and how old they are. Reads the two lists and the clock; fetches nothing.

use std::fmt::Write as _;

use super::Prices;
use super::file::{Priced, Whose};
use crate::calendar::{DAY, parse_date};
use crate::config::Env;
use crate::error::Result;

/// Age from which a list should be compared with its source, in days: list prices changed about that often in 2026.
const OLD: u64 = 90;

/// The prices, and the rows that count.
fn rows(env: &Env) -> Result<(Prices, Vec<Priced>)> {
    // Loading checks both lists, so that what is shown is what reports use.
    Ok((Prices::load(env)?, Prices::rows(env)?))
}

/// Every row, in dollars per million tokens, with its source.
pub fn list(env: &Env) -> Result<String> {
    let mut out = String::from("dollars per million tokens\n");
    let _ = writeln!(
        out,
        "{:<20}{:>8}{:>8}{:>9}{:>9}{:>8}  when",
        "model", "input", "output", "write 5m", "write 1h", "read"
    );
    for row in rows(env)?.1 {
        let [input, output, five_minutes, hour, read] = row.rates;
        let mut when = Vec::new();
        if let Some(from) = &row.from {
            when.push(format!("from {from}"));
        }
        if row.over_prompt > 0 {
            when.push(format!("prompt over {}k", row.over_prompt / 1_000));
        }
        if row.fast {
            when.push("fast".to_owned());
        }
        if let Some(whose) = whose(&row) {
            when.push(format!("{whose}, {}", row.as_of));
        }
        let line = format!(
            "{:<20}{input:>8}{output:>8}{five_minutes:>9}{hour:>9}{read:>8}  {}",
            row.model,
            when.join(", ")
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    Ok(out)
}

/// How old the lists are at `now` (milliseconds since 1970), and whether that is too old.
pub fn check(env: &Env, now: u64) -> Result<(String, bool)> {
    let (prices, rows) = rows(env)?;
    let mut out = String::new();
    let mut old = say_age(&mut out, "the built-in list", &prices.as_of, now);
    let mut own: Vec<&Priced> = rows.iter().filter(|row| row.whose != Whose::BuiltIn).collect();
    own.dedup_by(|a, b| a.model == b.model && a.as_of == b.as_of);
    for row in own {
        let by = if row.whose == Whose::User { "your price" } else { "your organisation's price" };
        old |= say_age(&mut out, &format!("{by} of {}", row.model), &row.as_of, now);
    }
    for row in &rows {
        if let Some(from) = row.from.as_deref()
            && parse_date(from).is_some_and(|from| from > now)
        {
            let _ = writeln!(out, "{}: another price from {from} on, already listed", row.model);
        }
    }
    if old {
        let _ = writeln!(
            out,
            "older than {OLD} days: compare `sef prices list` with the vendor's price page; rows in prices.toml in\n\
             SEF's configuration folder replace the built-in ones of their model"
        );
    }
    Ok((out, old))
}

/// Who says a row that is not built in.
fn whose(row: &Priced) -> Option<&'static str> {
    match row.whose {
        Whose::BuiltIn => None,
        Whose::Managed => Some("your organisation's"),
        Whose::User => Some("yours"),
    }
}

fn say_age(out: &mut String, what: &str, as_of: &str, now: u64) -> bool {
    let days = parse_date(as_of).map(|date| now.saturating_sub(date) / DAY);
    let age = match days {
        Some(0) => "today".to_owned(),
        Some(1) => "1 day old".to_owned(),
        Some(days) => format!("{days} days old"),
        None => "of no date".to_owned(),
    };
    let _ = writeln!(out, "{what}: checked {as_of}, {age}");
    days.is_none_or(|days| days > OLD)
}
