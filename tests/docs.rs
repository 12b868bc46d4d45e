//! What the documents say of the code, held against the code.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::payloads::{names, payload};

fn text(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_readme_lists_every_variable_that_sef_reads() {
    let readme = text("README.md");
    for (name, meaning) in sef::config::VARIABLES {
        assert!(readme.contains(&format!("| `{name}` | {meaning} |")), "{name}");
    }
}

#[test]
fn every_event_that_is_registered_has_a_payload_and_the_other_way_round() {
    let events = |file: &str| -> Vec<String> {
        let hooks: Value = serde_json::from_str(&text(file)).expect("JSON");
        hooks["hooks"].as_object().expect("events").keys().cloned().collect()
    };
    let registered: BTreeSet<String> =
        ["hooks/hooks.json", "hooks/newer.json"].into_iter().flat_map(events).collect();
    let payloads: BTreeSet<String> = names()
        .iter()
        .map(|name| payload(name)["hook_event_name"].as_str().expect("a name").to_owned())
        .filter(|name| name != "FutureThing")
        .collect();
    assert_eq!(registered, payloads);
}

#[test]
fn every_crate_has_its_reason() {
    let reasons = text("docs/DEPENDENCIES.md");
    let manifest: toml::Table = toml::from_str(&text("Cargo.toml")).expect("a manifest");
    for section in ["dependencies", "build-dependencies"] {
        for name in manifest[section].as_table().expect("a table").keys() {
            assert!(
                reasons.lines().any(|line| line.starts_with('|') && line.contains(name.as_str())),
                "{name}"
            );
        }
    }
}

#[test]
fn no_file_names_the_place_it_was_written_in() {
    for path in [
        "README.md",
        "docs/DEPENDENCIES.md",
        "docs/how-it-routes.md",
        "docs/fleet.md",
        "scripts/install.sh",
        "scripts/e2e.sh",
    ] {
        let text = text(path);
        for place in ["/root/", "/home/user", "/work/", "/tmp/h/"] {
            assert!(!text.contains(place), "{path} names {place}");
        }
    }
}
