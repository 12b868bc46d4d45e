//! Any bytes as settings.json: refused by place, or our entries go in and out and leave every other byte.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::settings::property::check(bytes));
