//! `sef explain --main`: the decisions about the conversation's own turns that the log holds, and what would be decided about a
//! prompt now, with every way that was weighed. Reads only.

use std::fmt::Write as _;

use crate::calendar::{minute, now};
use crate::config::Env;
use crate::error::Result;
use crate::main_turn::ask::{World, evidence, judge, typed, weigh};
use crate::main_turn::assumed::Assumed;
use crate::main_turn::guard::Decision;
use crate::main_turn::memory::Memory;
use crate::main_turn::reasons::reason;
use crate::metrics::reader;
use crate::metrics::record::{Kind, Record, project_key, transcript_folder};
use crate::models::Family;
use crate::prices::Prices;
use crate::report::text::{name, plain, short};
use crate::rules::project;
use crate::state::{self, Whose};

/// Decisions that are shown.
const SHOWN: usize = 20;

/// The latest decisions, or what would be decided about a prompt in the latest session of this project.
pub fn page(env: &Env, prompt: Option<&str>) -> Result<String> {
    let records = env.state_dir.as_deref().map(reader::read).transpose()?.unwrap_or_default().records;
    let decisions: Vec<Record> = records.into_iter().filter(|record| record.e == Kind::Main).collect();
    match prompt {
        None => Ok(latest(&decisions)),
        Some(prompt) => would_be(env, &decisions, prompt),
    }
}

fn latest(decisions: &[Record]) -> String {
    if decisions.is_empty() {
        return "no turn was decided about yet: `sef install --main-turn` puts in the mod that asks\n"
            .to_owned();
    }
    let mut out = format!(
        "{:<17}{:>5} {:<8}{:>9}{:>9}{:>9}{:>7}  {}\n",
        "when (UTC)", "tier", "turn on", "expected", "at worst", "history", "warm", "why"
    );
    for record in decisions.iter().rev().take(SHOWN) {
        let of = record.mt.as_deref().cloned().unwrap_or_default();
        let why = record.why.as_deref().unwrap_or_default();
        let on = record.want.as_deref().unwrap_or("-");
        let not = match (&record.want, of.alt.as_deref()) {
            (None, Some(alternative)) => format!(" (not {})", name(alternative, 10)),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "{:<17}{:>5} {:<8}{:>9}{:>9}{:>9}{:>6}s  {}{not}",
            minute(record.t),
            record.tier.map_or("-".to_owned(), |tier| tier.to_string()),
            name(on, 8),
            of.g.map_or("-".to_owned(), |gain| cents(gain as f64 / 1e6)),
            of.w.map_or("-".to_owned(), |worst| cents(worst as f64 / 1e6)),
            short(of.h),
            of.warm,
            name(why, 40),
        );
    }
    out.push_str("expected: gain in cents of what was chosen, or else of the best that was not; at worst: should your\n");
    out.push_str(
        "model's cache be gone on the way back; warm: seconds that it still has the conversation cached\n",
    );
    plain(&out)
}

fn would_be(env: &Env, decisions: &[Record], prompt: &str) -> Result<String> {
    let Some((mark, text)) = typed(prompt) else {
        return Ok("not a prompt of yours: it runs as you have it, and nothing is recorded\n".to_owned());
    };
    let root = project::root_here(env);
    let folder = root.as_ref().map(|root| root.to_string_lossy().into_owned()).unwrap_or_default();
    let (image, policy) = super::load(env)?;
    let preset = policy.main.preset_in(&folder);
    let Some(guard) = policy.main.guard_in(&folder) else {
        return Ok(format!("preset {preset:?} of [main] in this project: every turn runs as you have it\n"));
    };
    let key = project_key(&transcript_folder(&folder));
    let last = decisions.iter().rev().find(|record| record.pj.as_deref() == Some(&key));
    let memory: Memory = last
        .map(|record| state::peek_at(env.state_dir.as_deref(), &record.s, Whose::MainTurn))
        .unwrap_or_default();
    let known = last.and_then(|record| record.par.as_deref()).or(env.anthropic_model.as_deref());
    let time = now();
    let home = known.filter(|model| model.contains('-')).unwrap_or_else(|| {
        let family = known.and_then(Family::of).or_else(|| Family::of(&policy.orchestrator.model));
        family.unwrap_or(Family::Opus).id_at(time)
    });
    let (prices, assumed) = (Prices::load(env)?, Assumed::built_in());
    let evidence = evidence(env);
    let world = World {
        image: &image,
        policy: &policy,
        guard,
        prices: &prices,
        assumed: &assumed,
        evidence,
        plan: false,
        now: time,
    };
    let judged = judge(&world, text, mark, &memory);
    let decision = weigh(&world, home, assumed.effort_of(home), judged.wish, &memory);
    let mut out = super::heading(&policy, &judged.verdict, None);
    let _ = writeln!(
        out,
        "preset {preset} of [main]; surely no more than tier {} is needed",
        judged.wish.tier.number()
    );
    let session = match last {
        Some(record) if memory.history > 0 => format!(
            "in session {}: {} tokens of history, cached on {home} for {} s more",
            name(&record.s, 40),
            short(memory.history),
            memory.caches.left(home, time) / 1000
        ),
        _ => format!("at the beginning of a session on {home}"),
    };
    let _ = writeln!(out, "{session}");
    let factor = evidence.factor();
    if (factor - 1.0).abs() >= 0.05 {
        let _ = writeln!(
            out,
            "changed turns were complained about {factor:.1} times as often as assumed, which counts"
        );
    }
    out.push('\n');
    out.push_str(&weighed(&decision));
    Ok(plain(&out))
}

/// What is decided, and each way with what it is expected to bring.
fn weighed(decision: &Decision) -> String {
    let word = decision.choice.word();
    let words = reason(decision.why).unwrap_or(match decision.why {
        "pays" => "the smallest model that is expected to pay",
        "effort" => "less effort is enough",
        "mark" => "you said so",
        other => other,
    });
    let on = if word.is_empty() { "as you have it" } else { word };
    let mut out = format!("the turn runs: {on} ({words})\n");
    for way in &decision.weighed {
        let barred =
            way.barred.map_or(String::new(), |why| format!("  barred: {}", reason(why).unwrap_or(why)));
        let _ = writeln!(
            out,
            "  {:<8}{:>10} cents expected{:>10} at worst{barred}",
            way.choice.word(),
            cents(way.gain),
            cents(way.worst)
        );
    }
    out
}

/// `+1.25`.
fn cents(dollars: f64) -> String {
    format!("{:+.2}", dollars * 100.0)
}
