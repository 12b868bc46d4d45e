//! `sef prices`: what counts and how old it is.

use crate::sandbox::Sandbox;

const ROW: &str = "[[price]]\nmodel = \"claude-haiku-5-5\"\ninput = 7.0\noutput = 8.5\ncache_write_5m = 0\ncache_write_1h = 0\ncache_read = 0.25\nsource = \"contract\"\nas_of = \"2020-01-02\"\n";

#[test]
fn every_built_in_price_is_listed_with_its_bands_and_dates() {
    let run = Sandbox::new().run("sef", &["prices", "list"], "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let haiku: Vec<&str> = run.out.lines().filter(|line| line.starts_with("claude-haiku-5-5")).collect();
    assert_eq!(haiku.len(), 2, "{}", run.out);
    assert!(haiku[1].contains("prompt over 100k"), "{}", run.out);
    assert!(run.out.contains("from 2026-10-07") && run.out.contains("fast"), "{}", run.out);
    assert!(run.out.lines().all(|line| line.len() <= 100), "{}", run.out);
}

#[test]
fn the_users_rows_replace_those_of_their_model_and_old_ones_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("config/prices.toml", ROW);
    let list = sandbox.run("sef", &["prices", "list"], "").out;
    let haiku: Vec<&str> = list.lines().filter(|line| line.starts_with("claude-haiku-5-5")).collect();
    assert_eq!(haiku.len(), 1, "{list}");
    assert!(haiku[0].contains("8.5") && haiku[0].contains("yours, 2020-01-02"), "{list}");
    let check = sandbox.run("sef", &["prices", "check"], "");
    assert_eq!(check.code, Some(1), "{}", check.out);
    assert!(check.out.contains("your price of claude-haiku-5-5: checked 2020-01-02"), "{}", check.out);
}

#[test]
fn a_faulty_price_file_is_refused_with_its_place() {
    let sandbox = Sandbox::new();
    sandbox.write("config/prices.toml", ROW.replace("input = 7.0", "input = \"a lot\""));
    for action in ["list", "check"] {
        let run = sandbox.run("sef", &["prices", action], "");
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
        assert!(run.err.contains("prices.toml:3"), "{}", run.err);
    }
}
