//! What tests said.

use super::Ended;

/// What tests said.
#[derive(Debug)]
pub struct Tested {
    pub runner: Option<&'static str>,
    pub passed: Option<u64>,
    pub failed: Option<u64>,
    pub skipped: Option<u64>,
    pub errors: Option<u64>,
    pub failing: Vec<String>,
    pub relevant: Vec<String>,
    pub complete: bool,
}

/// By exit status.
pub fn read(output: &str, ended: Ended) -> Tested {
    Tested {
        runner: None,
        passed: None,
        failed: None,
        skipped: None,
        errors: None,
        failing: Vec::new(),
        relevant: output.lines().rev().take(40).map(str::to_owned).collect(),
        complete: ended == Ended::Exit(0),
    }
}
