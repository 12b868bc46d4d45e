//! Any text as a contract: the check answers with a bounded list of problems, by line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sef::contract::{MOST_PROBLEMS, check};

fuzz_target!(|bytes: &[u8]| {
    let contract = String::from_utf8_lossy(bytes);
    let lines = contract.split('\n').count();
    let problems = check(&contract);
    assert!(problems.len() <= MOST_PROBLEMS + 1);
    assert!(problems.is_sorted_by_key(|problem| problem.line));
    assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
});
