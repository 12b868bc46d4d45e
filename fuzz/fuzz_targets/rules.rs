//! Any bytes as the files of a user's configuration: routing goes on, and what is wrong is said within bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sef::rules::property::check(bytes));
