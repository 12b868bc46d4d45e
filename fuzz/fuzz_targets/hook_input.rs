//! Any bytes on the hook's stdin: no panic, a reply that the protocol allows or none, and nothing of what was said is kept.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::hook::property::check(bytes));
