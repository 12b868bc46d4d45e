//! `sef-stats report`: every figure against transcripts and logs that the tests write themselves.

mod by_rule;
pub(crate) mod corpus;
mod cost;
mod delegations;
mod html;
mod index;
pub(crate) mod outcomes;
mod prices;
mod races;
mod survival;
mod turns;

use serde_json::Value;

use crate::sandbox::{Run, Sandbox};

/// Runs `sef-stats report --json` with more arguments; it must succeed and be silent on stderr.
fn report(sandbox: &Sandbox, args: &[&str]) -> Value {
    let run = sandbox.run("sef-stats", &[&["report", "--json"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    serde_json::from_str(&run.out).expect("the report is JSON")
}

/// Runs `sef-stats report`; checks what every page promises.
fn page(sandbox: &Sandbox, args: &[&str]) -> String {
    let run: Run = sandbox.run("sef-stats", &[&["report"], args].concat(), "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    for line in run.out.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
        assert!(!line.chars().any(char::is_control), "a control byte in: {line:?}");
    }
    run.out
}

/// A dollar figure, to a millionth of a cent.
fn dollars(value: &Value) -> Value {
    let dollars = value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"));
    ((dollars * 1e8).round() / 1e8).into()
}
