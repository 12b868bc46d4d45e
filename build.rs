//! Compiles the built-in rules and policy into a table, so that the hook parses nothing when it runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[allow(dead_code)]
#[path = "src/rules/compile.rs"]
mod compile;
#[allow(dead_code)]
#[path = "src/rules/policy.rs"]
mod policy;
#[allow(dead_code)]
#[path = "src/rules/schema.rs"]
mod schema;
#[allow(dead_code)]
#[path = "src/rules/words.rs"]
mod words;

#[allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn main() {
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        println!("cargo::error=SEF runs on Linux and macOS; on Windows inside WSL (docs/platforms.md)");
        return;
    }
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-changed=build.rs");
    let mut paths: Vec<PathBuf> = std::fs::read_dir("rules/tiers")
        .expect("rules/tiers is part of the source")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let mut layers = Vec::new();
    let mut listing = String::from("pub const BUILT_IN: &[(&str, &str)] = &[\n");
    for path in paths {
        let name = path.to_str().expect("names of rule files are ASCII").to_owned();
        let text = std::fs::read_to_string(&path).expect("a rule file is readable");
        match toml::from_str(&text) {
            Ok(file) => layers.push((name.clone(), file)),
            Err(error) => panic!("{name}: {error}"),
        }
        let full = path.canonicalize().expect("the file exists");
        let full = full.to_str().expect("the checkout's path is UTF-8");
        writeln!(listing, "    ({name:?}, include_str!({full:?})),").expect("a string takes any text");
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
    let mut code = vec![PathBuf::from("Cargo.lock")];
    files_below(Path::new("src"), &mut code);
    code.sort();
    let code = code.iter().map(|path| std::fs::read(path).expect("a source file is readable"));
    println!("cargo::rustc-env=SEF_BUILD={:016x}", words::hash_bytes(&code.collect::<Vec<_>>().concat()));
}

/// Every file below a folder: whatever one build wrote for itself is not read by another.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the source's folders are readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}
