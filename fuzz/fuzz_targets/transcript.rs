//! Any bytes as a transcript: counts are bounded by lines and every sum is a number.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::transcript::property::check(bytes));
