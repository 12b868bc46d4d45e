//! Any memory and any events of the mod: no panic, no turn gets dearer, nothing of a prompt is kept.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::main_turn::property::check(bytes));
