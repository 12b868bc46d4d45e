//! `sef turbo` against the scripted service: what each answer of a service leads to, and that nothing is written unless all
//! of it is.

mod faults;
mod hook;
mod key;
mod limits;
pub mod service;
mod trials;
mod work;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};
use service::Service;

/// A contract that the checker takes.
const CONTRACT: &str = "Build a greeter library in Python, standard library only.

## DATA CONTRACT
Greeting:
- name: str
- text: str

## API CONTRACT
def greet(name: str) -> Greeting

## ALGORITHM
1. Take the name and strip white space from both ends.
2. Put it into the text \"hello NAME\".
3. Return the greeting with name and text.

## RULES
- One file greeter.py.
- An empty name raises ValueError.
";

/// An answer with these files.
fn files(files: &[(&str, &str)]) -> Value {
    let map: serde_json::Map<String, Value> =
        files.iter().map(|(path, content)| ((*path).to_owned(), json!(content))).collect();
    json!({"do": "answer", "files": map})
}

/// One order in the sandbox's project; `out` is its folder `app`.
fn turbo(sandbox: &Sandbox, more: &[&str]) -> Run {
    sandbox.write("project/contract.md", CONTRACT);
    let args = [&["turbo", "--contract", "contract.md", "--out", "app", "--json"], more].concat();
    sandbox.run("sef", &args, "")
}

/// The JSON of an order that must succeed.
fn done(run: &Run) -> Value {
    let value: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {run:?}"));
    assert_eq!((run.code, value["status"].as_str(), run.err.as_str()), (Some(0), Some("ok"), ""), "{run:?}");
    value
}

/// The error of an order that must fail; `code` is its name.
fn failed(run: &Run, code: &str) -> Value {
    let value: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("no JSON: {run:?}"));
    assert_eq!((run.code, value["status"].as_str()), (Some(1), Some("error")), "{run:?}");
    assert_eq!(value["error"]["code"], code, "{}", value["error"]);
    assert_ne!(value["error"]["fix"], "", "it says what to do: {}", value["error"]);
    value
}

/// Every file below a folder, with its content.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().into_owned();
                found.insert(
                    name,
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned(),
                );
            }
        }
    }
    found
}

/// What the order wrote.
fn app(sandbox: &Sandbox) -> BTreeMap<String, String> {
    tree(&sandbox.path("project/app"))
}

/// One file as a tree.
fn only(path: &str, content: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(path.to_owned(), content.to_owned())])
}
