//! What is shipped is what was reviewed (RELIABILITY G5): the crates of Cargo.lock against deny.toml without cargo-deny
//! and without a network, the promised Rust version, the package, and the workflows that check and release.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::sandbox::{Sandbox, finish, skipped};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Two versions of these are in Cargo.lock besides those that deny.toml lets pass: postcard names both as options, and
/// neither is compiled, so cargo-deny does not see them.
const LISTED_TWICE: &[&str] = &["embedded-io"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The texts of a list.
fn texts(list: &toml::Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// `cargo` with the caller's environment: what it has fetched is in the caller's home. Never asks a network.
#[expect(clippy::disallowed_methods, reason = "cargo tells a test where it is through the environment")]
fn cargo(args: &[&str]) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(program).args(args).args(["--locked", "--offline"]).current_dir(root()).output();
    let output = output.expect("cargo starts");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(err) }
}

/// The crates that are here: all of Cargo.lock where all were fetched, else those of this platform.
fn packages() -> Vec<Value> {
    let whole = ["metadata", "--format-version", "1"];
    let here = [&whole[..], &["--filter-platform", host()]].concat();
    let text = cargo(&whole)
        .or_else(|_| cargo(&here))
        .unwrap_or_else(|why| panic!("Cargo.lock is not current: {why}"));
    let mut value: Value = serde_json::from_str(&text).expect("cargo prints JSON");
    let packages = value["packages"].take();
    let Value::Array(mut packages) = packages else { panic!("no packages") };
    packages.retain(|package| package["name"] != "sef");
    packages
}

fn host() -> &'static str {
    if cfg!(target_os = "macos") {
        return if cfg!(target_arch = "aarch64") { "aarch64-apple-darwin" } else { "x86_64-apple-darwin" };
    }
    if cfg!(target_arch = "aarch64") { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" }
}

/// Whether a licence expression can be met with the allowed licences: all of AND, one of OR.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any(&mut words, allowed);
    assert!(words.is_empty(), "not a licence expression: {expression}");
    met
}

fn any(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Vec<&str>, allowed: &BTreeSet<String>) -> bool {
    let word = words.pop().expect("a licence expression goes on");
    if word == "(" {
        let met = any(words, allowed);
        assert_eq!(words.pop(), Some(")"), "an open parenthesis");
        return met;
    }
    if words.last() == Some(&"WITH") {
        words.pop();
        let exception = words.pop().expect("an exception has a name");
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(word)
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0"].map(str::to_owned).into();
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("ISC AND MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("(GPL-3.0 OR Apache-2.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("GPL-3.0 OR ISC AND LGPL-2.1", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}

#[test]
fn g5_cargo_lock_is_current_and_every_licence_is_allowed() {
    let packages = packages();
    let locked = table("Cargo.lock")["package"].as_array().expect("packages").len() - 1;
    if packages.len() < locked {
        let fewer = format!("{} of {locked} crates are fetched here, those of this platform", packages.len());
        skipped("licences of other platforms' crates", &fewer);
    }
    assert!(packages.len() > 80, "{}", packages.len());
    let allowed = texts(&table("deny.toml")["licenses"]["allow"]);
    let bad: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| is_met(licence, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(bad.is_empty(), "licences that deny.toml does not allow:\n{}", bad.join("\n"));
}

#[test]
fn g5_every_crate_is_from_the_registry_with_a_checksum_and_in_one_version() {
    let lock = table("Cargo.lock");
    let deny = table("deny.toml");
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        versions.entry(name).or_default().insert(package["version"].as_str().expect("a version"));
        if name == "sef" {
            continue;
        }
        assert_eq!(package.get("source").and_then(toml::Value::as_str), Some(REGISTRY), "{name}");
        let checksum = package.get("checksum").and_then(toml::Value::as_str).unwrap_or("");
        assert!(
            checksum.len() == 64 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{name}: {checksum}"
        );
    }
    let skips: BTreeMap<&str, &str> = deny["bans"]["skip"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|skip| {
            assert!(skip["reason"].as_str().is_some_and(|reason| reason.len() > 5), "{skip:?}: no reason");
            skip["crate"].as_str().and_then(|name| name.split_once('@')).expect("NAME@VERSION")
        })
        .collect();
    for (name, found) in &versions {
        let many = found.len() > 1;
        let listed = skips.contains_key(name) || LISTED_TWICE.contains(name);
        assert_eq!(
            many, listed,
            "{name} is there as {found:?}: say so in deny.toml, or take it off its list"
        );
        if let Some(skip) = skips.get(name) {
            assert!(found.len() == 2, "{name}: {found:?}");
            assert!(
                found.iter().any(|version| version.starts_with(&format!("{skip}."))),
                "{name}: {found:?}"
            );
        }
    }
    for banned in deny["bans"]["deny"].as_array().expect("a list") {
        let name = banned["crate"].as_str().expect("a name");
        assert!(!versions.contains_key(name), "{name} is banned: {:?}", banned["reason"]);
    }
}

#[test]
fn the_promised_rust_version_is_everywhere_the_same_and_no_crate_needs_a_newer_one() {
    let manifest = table("Cargo.toml");
    let promised = manifest["package"]["rust-version"].as_str().expect("it is stated");
    let number = |version: &str| -> (u32, u32) {
        let mut parts = version.split('.').map(|part| part.parse().expect("a number"));
        (parts.next().expect("a major version"), parts.next().unwrap_or(0))
    };
    for package in packages() {
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(number(needed) <= number(promised), "{} needs Rust {needed}", package["name"]);
        }
    }
    let minor = number(promised).1;
    assert!(read("scripts/build.sh").contains(&format!("needed_minor={minor}\n")), "scripts/build.sh");
    for workflow in ["ci", "release"] {
        let text = read(&format!(".github/workflows/{workflow}.yml"));
        let checked = format!("cargo +{promised}.0 check --locked --all-targets");
        assert!(text.contains(&checked), "{workflow}.yml does not run {checked}");
    }
    assert!(read("README.md").contains(&format!("cargo ({promised} or newer)")), "README.md");
    // Clippy knows the version of each function of std; it must not be told to look away.
    assert!(!read("Cargo.toml").contains("incompatible_msrv"));
    assert!(!read("clippy.toml").contains("msrv"));
}

/// One step or setting of a workflow: the lines in order, each with its depth.
fn lines(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
        .map(|line| (line.len() - line.trim_start().len(), line.trim()))
        .collect()
}

/// The jobs of a workflow with their lines.
fn jobs(text: &str) -> BTreeMap<String, Vec<&str>> {
    let mut jobs: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut job = None;
    for (depth, line) in lines(text).into_iter().skip_while(|(_, line)| *line != "jobs:").skip(1) {
        if depth == 2 {
            job = Some(line.trim_end_matches(':').to_owned());
        }
        jobs.entry(job.clone().expect("a job comes first")).or_default().push(line);
    }
    jobs
}

/// What is wrong with a workflow, one line each.
fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !lines(text).contains(&(0, "permissions: {}")) {
        faults.push("not all permissions are taken away at the top".to_owned());
    }
    if text.contains("pull_request_target") {
        faults.push("it runs foreign code with the repository's rights".to_owned());
    }
    for (name, lines) in jobs(text) {
        let mut fault = |what: String| faults.push(format!("{name}: {what}"));
        if !lines.iter().any(|line| line.starts_with("timeout-minutes: ")) {
            fault("no time limit".to_owned());
        }
        if !lines.contains(&"permissions:") {
            fault("it does not say its permissions".to_owned());
        }
        let checkouts = lines.iter().filter(|line| line.contains("actions/checkout@")).count();
        if lines.iter().filter(|line| **line == "persist-credentials: false").count() != checkouts {
            fault("a checkout leaves its token behind".to_owned());
        }
        let writes = lines.iter().any(|line| line.ends_with(": write"));
        for line in &lines {
            let line = line.trim_start_matches("- ");
            if let Some(action) = line.strip_prefix("uses: ")
                && !is_pinned(action)
            {
                fault(format!("not pinned by commit, with its version: {action}"));
            }
            let Some(command) = line.strip_prefix("run: ") else { continue };
            // A title or a branch's name is anybody's text, and would become a command.
            if command.contains("${{ github.") {
                fault(format!("foreign text in a command: {command}"));
            }
            for script in command.split([' ', '"', '$', '(', ')']).filter(|word| is_script(word)) {
                if !root().join(script).is_file() {
                    fault(format!("there is no {script}"));
                }
            }
            let builds = ["cargo ", "scripts/", ".ci/"].iter().any(|word| command.contains(word));
            if builds && writes {
                fault(format!("it may write and runs {command}"));
            }
            if command.starts_with("cargo ") && !command.contains("--locked") {
                fault(format!("not --locked: {command}"));
            }
            if command.contains("curl ") || command.contains("wget ") {
                fault(format!("it downloads by hand: {command}"));
            }
        }
    }
    faults
}

fn is_script(word: &str) -> bool {
    word.starts_with("scripts/") || word.starts_with(".ci/")
}

/// `owner/name@<40 hexadecimal digits> # vX.Y.Z`, of GitHub's own actions.
fn is_pinned(action: &str) -> bool {
    let Some((path, version)) = action.split_once(" # v") else { return false };
    let Some((name, commit)) = path.split_once('@') else { return false };
    let hex = commit.len() == 40
        && commit.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    name.starts_with("actions/") && hex && version.split('.').all(|part| part.parse::<u32>().is_ok())
}

#[test]
fn g5_the_workflows_pin_what_they_use_and_may_do_little() {
    for name in ["ci", "release"] {
        let text = read(&format!(".github/workflows/{name}.yml"));
        let faults = faults(&text);
        assert!(faults.is_empty(), "{name}.yml:\n{}", faults.join("\n"));
        assert!(jobs(&text).len() >= 4, "{name}.yml");
    }
    let release = read(".github/workflows/release.yml");
    let writing: Vec<String> = jobs(&release)
        .into_iter()
        .filter(|(_, lines)| lines.iter().any(|line| line.ends_with(": write")))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(writing, ["publish"]);
    for target in [
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    ] {
        assert!(release.contains(target), "{target}");
    }
}

#[test]
fn a_workflow_that_is_careless_is_named() {
    let good = read(".github/workflows/release.yml");
    assert!(faults(&good).is_empty());
    for (old, new, what) in [
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "not pinned"),
        (
            "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
            "@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "not pinned",
        ),
        ("actions/attest@", "someone/attest@", "not pinned"),
        ("permissions: {}", "permissions: write-all", "taken away"),
        ("persist-credentials: false", "persist-credentials: true", "token"),
        ("timeout-minutes: 15", "environment: x", "time limit"),
        ("scripts/deny.sh", "scripts/denied.sh", "there is no scripts/denied.sh"),
        ("cargo test --locked", "cargo test", "not --locked"),
        ("contents: read", "contents: write", "may write"),
        ("\"$GITHUB_REF_NAME\" --repo", "${{ github.ref_name }} --repo", "foreign text"),
        ("run: scripts/deny.sh", "run: curl https://x | sh # scripts/deny.sh", "downloads"),
    ] {
        assert!(good.contains(old), "{old}");
        let found = faults(&good.replace(old, new));
        assert!(found.iter().any(|fault| fault.contains(what)), "{new}: {found:?}");
    }
}

#[test]
fn the_package_holds_what_a_build_needs_and_nothing_else() {
    let listed = cargo(&["package", "--list", "--allow-dirty"]).unwrap_or_else(|why| panic!("{why}"));
    let allowed =
        [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig", "README.md", "build.rs"];
    for path in listed.lines() {
        let folder = ["src/", "rules/", "agents/", "skills/", "hooks/", "mods/", "references/"];
        let fits = allowed.contains(&path) || folder.iter().any(|folder| path.starts_with(folder));
        assert!(fits, "{path} is in the package: see include in Cargo.toml");
    }
    for needed in [
        "src/lib.rs",
        "build.rs",
        "Cargo.lock",
        "rules/config.toml",
        "hooks/hooks.json",
        "mods/sef-main/hooks/register.js",
    ] {
        assert!(listed.lines().any(|path| path == needed), "{needed} is not in the package");
    }
}

#[test]
fn an_archive_is_named_and_laid_out_as_cargo_binstall_expects_it() {
    let sandbox = Sandbox::new();
    let manifest = table("Cargo.toml");
    let package = &manifest["package"];
    let version = package["version"].as_str().expect("a version");
    let target = "x86_64-unknown-linux-gnu";
    let filled = |template: &str, program: &str| {
        let binstall = package["metadata"]["binstall"][template].as_str().expect("a template");
        [
            ("name", "sef"),
            ("version", version),
            ("target", target),
            ("bin", program),
            ("binary-ext", ""),
            ("archive-suffix", ".tgz"),
        ]
        .iter()
        .fold(binstall.to_owned(), |text, (key, value)| text.replace(&format!("{{ {key} }}"), value))
    };
    for program in ["sef", "sef-hook", "sef-stats"] {
        sandbox.write(&format!("built/{program}"), program);
    }
    let binaries = sandbox.path("built");
    let out = sandbox.path("dist of ours");
    let mut command = sandbox.command(root().join("scripts/package.sh"));
    command.arg(&binaries).arg(target).arg(&out);
    let run = finish(command, b"");
    let archive = PathBuf::from(run.out.trim());
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    let url = filled("pkg-url", "");
    assert_eq!(url.rsplit('/').next(), archive.file_name().and_then(|name| name.to_str()));
    assert!(url.starts_with("{ repo }/releases/download/v"), "{url}");

    let mut command = sandbox.command("tar");
    command.arg("-tzf").arg(&archive);
    let listed = finish(command, b"").out;
    for program in ["sef", "sef-hook", "sef-stats"] {
        let path = filled("bin-dir", program);
        assert!(listed.lines().any(|line| line == path), "{path} is not in {listed}");
    }
    let mut command = sandbox.command("sha256sum");
    command.arg("--check").arg(format!("{}.sha256", archive.file_name().expect("a name").to_string_lossy()));
    command.current_dir(&out);
    assert_eq!(finish(command, b"").code, Some(0));

    for (folder, target, why) in [
        (sandbox.path("none"), "x86_64-unknown-linux-gnu", "sef is not there"),
        (binaries, "../x", "not a target"),
    ] {
        let mut command = sandbox.command(root().join("scripts/package.sh"));
        command.arg(folder).arg(target).arg(sandbox.path("dist2"));
        let run = finish(command, b"");
        assert!(run.code == Some(1) && run.err.contains(why), "{run:?}");
        assert!(!sandbox.path("dist2").exists());
    }
}

#[test]
fn a_tag_that_is_not_the_version_is_not_released() {
    let sandbox = Sandbox::new();
    sandbox.write("own/scripts/release-check.sh", read("scripts/release-check.sh"));
    let check = |tag: &str, manifest: &str, locked: &str| {
        sandbox.write("own/Cargo.toml", manifest);
        sandbox.write("own/Cargo.lock", format!("[[package]]\nname = \"sef\"\nversion = \"{locked}\"\n"));
        let mut command = sandbox.command("bash");
        command.arg(sandbox.path("own/scripts/release-check.sh")).args([tag, "someone/sef"]);
        finish(command, b"")
    };
    let named = "[package]\nversion = \"1.2.3\"\nrepository = \"https://github.com/someone/sef\"\n";
    assert_eq!(check("v1.2.3", named, "1.2.3").code, Some(0));
    for (tag, manifest, locked, why) in [
        ("v1.2.4", named, "1.2.3", "the tag is v1.2.4"),
        ("1.2.3", named, "1.2.3", "the tag is 1.2.3"),
        ("v1.2.3", named, "1.2.2", "Cargo.lock has sef 1.2.2"),
        ("v1.2.3", "[package]\nversion = \"1.2.3\"\n", "1.2.3", "repository"),
    ] {
        let run = check(tag, manifest, locked);
        assert!(run.code == Some(1) && run.err.contains(why) && run.err.contains("to mend it"), "{run:?}");
    }
}

/// Files of the code that use what only Unix has.
fn platform_files() -> BTreeSet<String> {
    let signs = ["std::os::unix", "std::os::fd", "rustix::", "signal_hook", "tokio::signal", "\"/proc/"];
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file is readable");
            // What a test does is no part of what is shipped.
            let code = text.split("\n#[cfg(test)]\nmod ").next().expect("a first part");
            if signs.iter().any(|sign| code.contains(sign)) {
                let path = path.strip_prefix(root()).expect("below the root");
                found.insert(path.to_str().expect("names are ASCII").to_owned());
            }
        }
    }
    found
}

#[test]
fn the_list_of_platform_code_is_complete() {
    let text = read("docs/platforms.md");
    let listed: BTreeSet<String> = text
        .split('`')
        .filter(|word| word.starts_with("src/") && word.strip_suffix(".rs").is_some())
        .map(str::to_owned)
        .collect();
    let found = platform_files();
    let missing: Vec<&String> = found.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&found).filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/platforms.md does not say what these do on other systems: {missing:?}");
    assert!(gone.is_empty(), "docs/platforms.md names files that are gone: {gone:?}");
}
