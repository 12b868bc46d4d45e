//! Compiles the built-in rules and policy into a table, so that the hook parses nothing when it runs.

use std::path::Path;

#[allow(dead_code)]
#[path = "src/rules/compile.rs"]
mod compile;
#[path = "src/rules/policy.rs"]
mod policy;
#[allow(dead_code)]
#[path = "src/rules/schema.rs"]
mod schema;
#[allow(dead_code)]
#[path = "src/rules/words.rs"]
mod words;

fn main() {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/rules");
    println!("cargo::rerun-if-changed=build.rs");
    let mut names: Vec<String> = std::fs::read_dir("rules/tiers")
        .expect("rules/tiers is part of the source")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut layers = Vec::new();
    let mut listing = String::from("pub const BUILT_IN: &[(&str, &str)] = &[\n");
    for name in names {
        let path = Path::new("rules/tiers").join(&name);
        let text = std::fs::read_to_string(&path).expect("a rule file is readable");
        match toml::from_str(&text) {
            Ok(file) => layers.push((format!("rules/tiers/{name}"), file)),
            Err(error) => panic!("{}: {error}", path.display()),
        }
        let full = path.canonicalize().expect("the file exists");
        listing.push_str(&format!("    ({:?}, include_str!({:?})),\n", format!("rules/tiers/{name}"), full));
    }
    listing.push_str("];\n");
    let policy: policy::Policy =
        toml::from_str(&std::fs::read_to_string("rules/config.toml").expect("rules/config.toml is readable"))
            .expect("rules/config.toml fits its schema");
    let (set, problems) = compile::merge(&layers);
    assert!(problems.is_empty(), "mistakes in the built-in rules: {problems:#?}");
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("image.bin"), compile::compile(&set, &policy))
        .expect("write the image");
    std::fs::write(Path::new(&out).join("built_in.rs"), listing).expect("write the list of rule files");
}
