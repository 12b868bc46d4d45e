//! What the documents say of the code, held against the code.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::docs_links::documents;
use crate::payloads::{names, payload};

/// Whether the pages that are made from the code are to be written anew instead of compared.
pub fn are_written() -> bool {
    #[expect(clippy::disallowed_methods, reason = "whether to write comes from outside")]
    let asked = std::env::var_os("SEF_WRITE_DOCS");
    asked.is_some()
}

fn text(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_variable_that_sef_reads_is_in_the_documents() {
    let page = text("docs/reference/config.md");
    for (name, meaning) in sef::config::VARIABLES {
        assert!(page.contains(&format!("| `{name}` | {meaning} |")), "{name}");
    }
}

#[test]
fn every_event_that_is_registered_has_a_payload_and_the_other_way_round() {
    let hooks: Value = serde_json::from_str(&text("hooks/hooks.json")).expect("hooks.json is JSON");
    let registered: BTreeSet<String> = hooks["hooks"].as_object().expect("events").keys().cloned().collect();
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
    let scripts =
        ["scripts/install.sh", "scripts/e2e.sh"].map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    for path in documents().into_iter().chain(scripts) {
        let text = std::fs::read_to_string(&path).expect("a document is readable");
        for place in ["/root/", "/home/user", "/work/", "/tmp/h/"] {
            // Recorded payloads have a made-up home of that name.
            let made_up = place == "/home/user" && path.ends_with("docs/reference/log.md");
            assert!(made_up || !text.contains(place), "{} names {place}", path.display());
        }
    }
}
