//! The user's own configuration.

use std::fs;

use super::planted::Mend::{Do, Run};
use super::planted::{Defect, check, defect, fifo};

const DEFECTS: &[Defect] = &[
    defect(
        "rules.toml is no TOML",
        |s| {
            s.write("config/rules.toml", "[[rule]\n");
        },
        "rules-invalid",
        Do("correct ~/config/rules.toml"),
    ),
    defect(
        "a rule does not fire on its example",
        |s| {
            s.write("config/rules.toml", "[[rule]]\nid = \"mine\"\ntier = 1\nrole = \"explore\"\nweight = 1.0\nphrases = [\"hunt down\"]\nexamples = [\"paint it\"]\nnot = [\"x\"]\n");
        },
        "rule-fails",
        Do("correct ~/config/rules.toml"),
    ),
    defect(
        "config.toml has an unknown key",
        |s| {
            s.write("config/config.toml", "[spawn]\nrooute = true\n");
        },
        "config-invalid",
        Do("correct ~/config/config.toml"),
    ),
    defect(
        "calibration.toml is damaged",
        |s| {
            s.write("config/calibration.toml", "schema = \"x\"\n");
        },
        "calibration-invalid",
        Run("sef-stats calibrate --revert"),
    ),
    defect(
        "prices.toml has a wrong price",
        |s| {
            s.write("config/prices.toml", "[[price]]\nmodel = 7\n");
        },
        "prices-invalid",
        Do("correct ~/config/prices.toml"),
    ),
    defect(
        "prices.toml is a FIFO",
        |s| {
            fs::create_dir_all(s.path("config")).expect("make a folder");
            fifo(s, "config/prices.toml");
        },
        "prices-invalid",
        Do("~/config/prices.toml"),
    ),
    defect(
        "prices are old",
        |s| {
            s.write("config/prices.toml", "[[price]]\nmodel = \"m\"\ninput = 1\noutput = 1\ncache_write_5m = 1\ncache_write_1h = 1\ncache_read = 1\nsource = \"s\"\nas_of = \"2020-01-01\"\n");
        },
        "prices-old",
        Do("sef prices list"),
    ),
];

#[test]
fn defects_of_the_configuration_are_found_and_mended() {
    check(DEFECTS);
}
