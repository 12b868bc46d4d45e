//! Property: whatever the mod writes and whatever a session's memory holds, there is no panic, a turn never gets a dearer
//! model or a higher effort than the user has, and nothing of the prompt is kept. Shared by `cargo test` and `fuzz/`.

use super::ask::{World, start};
use super::assumed::{Assumed, Effort};
use super::guard::Choice;
use super::memory::{Evidence, Memory};
use super::wire::{At, Said};
use crate::models::Family;
use crate::prices::Prices;
use crate::rules::built_in_policy;
use crate::rules::image::Image;
use crate::rules::policy::Policy;

/// Stands in the seeds and in the dictionary; has a blank, so that no id and no model's name can hold it.
const CANARY: &str = "CANARY 9e2";

thread_local! {
    static GROUND: (Image, Policy, Prices, Assumed) = (
        Image::built_in(),
        built_in_policy(),
        Prices::built_in().expect("the built-in prices have no fault"),
        Assumed::built_in(),
    );
}

/// The first line is a session's memory, each other one what the mod writes.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let memory = lines.next().unwrap_or_default();
    let mut memory: Memory = serde_json::from_str(memory).unwrap_or_default();
    // A memory that was written by hand may hold anything.
    let was_clean = !format!("{memory:?}").contains(CANARY);
    for said in lines.filter_map(Said::parse) {
        GROUND.with(|(image, policy, prices, assumed)| {
            let guard =
                if said.text.len().is_multiple_of(2) { &policy.main.careful } else { &policy.main.eager };
            let evidence = Evidence { complaints: text.len() as f64, expected: 3.0 };
            let plan = text.len().is_multiple_of(7);
            let world =
                World { image, policy, guard, prices, assumed, evidence, plan, now: 1_795_200_000_000 };
            match said.at {
                At::Done => {
                    memory.ended(&said.model, &said.steps(), said.reason == "answer", prices, assumed.system);
                }
                At::Start => decided(&said, &world, &mut memory, was_clean),
            }
        });
        let text = serde_json::to_string(&memory).expect("a memory serialises");
        assert!(serde_json::from_str::<Memory>(&text).is_ok(), "it reads back: {text}");
        assert!(text.len() < 8_000 || !was_clean, "{} bytes", text.len());
    }
}

fn decided(said: &Said<'_>, world: &World<'_>, memory: &mut Memory, was_clean: bool) {
    let Some((choice, record)) = start(said, world, memory) else { return };
    let home = Family::of(&said.model);
    match choice {
        Choice::Stay => {}
        Choice::Model(family) => assert!(Some(family) < home, "{choice:?} from {home:?}"),
        Choice::Effort(effort) => {
            let own = said.effort.as_ref().map_or_else(
                || world.assumed.effort_of(&said.model),
                |level| level.as_str().and_then(Effort::named),
            );
            assert!(Some(effort) < own, "{choice:?} from {own:?}");
        }
    }
    let record = serde_json::to_string(&record).expect("a record serialises");
    assert!(!record.contains(CANARY) || !was_clean, "{record}");
    assert!(record.len() < 4_000, "{} bytes", record.len());
}

#[cfg(test)]
#[test]
fn a4_whatever_the_mod_says_a_turn_never_gets_dearer() {
    crate::seeded::inputs("main_turn", 3_000, check);
}
