//! Types as the source writes them: names, doc comments, attributes and types of fields, read line by line. It reads the
//! plain structs and enums that data is described by, and stops the test at anything else.

use super::text;

/// A struct or an enum.
pub struct Item {
    /// Its doc comment, in one line.
    pub doc: String,
    /// Its public fields, or its variants.
    pub fields: Vec<Field>,
}

/// A field or a variant.
pub struct Field {
    /// As files have it: `#[serde(rename)]` counts.
    pub name: String,
    /// Its doc comment, in one line.
    pub doc: String,
    /// Its doc comment, line by line.
    pub lines: Vec<String>,
    /// Its type; empty for a variant.
    pub kind: String,
    /// It may be left out, because it has a default.
    pub has_default: bool,
}

/// The type of that name in a file of the source.
pub fn item(path: &str, name: &str) -> Item {
    find(&text(path), name).unwrap_or_else(|| panic!("{path} has no type {name}"))
}

/// Which of some files has the type.
pub fn whichever<'a>(paths: &[&'a str], name: &str) -> Option<&'a str> {
    paths.iter().copied().find(|path| find(&text(path), name).is_some())
}

fn find(source: &str, name: &str) -> Option<Item> {
    let lines: Vec<&str> = source.lines().collect();
    let begins = |line: &str| {
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
        rest.is_some_and(|rest| rest.split(|c: char| !c.is_alphanumeric()).next() == Some(name))
    };
    let at = lines.iter().position(|line| begins(line))?;
    let above: Vec<&str> = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.starts_with("///") || line.starts_with('#'))
        .copied()
        .collect();
    let all_default = above
        .iter()
        .any(|line| line.starts_with("#[serde(") && line.contains("default") && !line.contains("default ="));
    let doc: Vec<String> = above.iter().rev().filter_map(|line| doc_of(line)).collect();
    let body = lines[at + 1..].iter().take_while(|line| **line != "}").copied();
    Some(Item { doc: plain(&doc), fields: fields(body, all_default) })
}

fn fields<'a>(body: impl Iterator<Item = &'a str>, all_default: bool) -> Vec<Field> {
    let mut found = Vec::new();
    let (mut docs, mut attributes) = (Vec::new(), String::new());
    for line in body.map(str::trim) {
        if let Some(doc) = doc_of(line) {
            docs.push(doc);
        } else if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some((name, kind)) = declared(line) {
            let renamed = attributes.split("rename = \"").nth(1).and_then(|rest| rest.split('"').next());
            found.push(Field {
                name: renamed.unwrap_or(name).to_owned(),
                doc: plain(&docs),
                lines: std::mem::take(&mut docs)
                    .iter()
                    .map(|line| plain(std::slice::from_ref(line)))
                    .collect(),
                kind: kind.to_owned(),
                has_default: all_default || attributes.contains("default"),
            });
            attributes.clear();
        }
    }
    found
}

/// Name and type of a field, or the name of a variant.
fn declared(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_suffix(',')?;
    if let Some(field) = line.strip_prefix("pub ") {
        return field.split_once(": ");
    }
    line.chars().all(char::is_alphanumeric).then_some((line, ""))
}

fn doc_of(line: &str) -> Option<String> {
    Some(line.strip_prefix("///")?.trim().to_owned())
}

/// Lines as one, links to other items as code.
fn plain(lines: &[String]) -> String {
    lines.join(" ").replace("[`super::record::", "[`").replace("[`", "`").replace("`]", "`")
}

/// A type in words, and whether the field may be missing because of it.
pub fn kind_in_words(kind: &str) -> (String, bool) {
    let inside = |outer: &str| kind.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inside("Option<") {
        return (kind_in_words(inner).0, true);
    }
    if let Some(inner) = inside("Box<") {
        return kind_in_words(inner);
    }
    if let Some(inner) = inside("Vec<") {
        return (format!("list: {}", kind_in_words(inner).0), true);
    }
    if let Some(inner) = inside("BTreeMap<String, ") {
        return (format!("table by name: {}", kind_in_words(inner).0), true);
    }
    let words = match kind {
        "String" => "text",
        "bool" => "true or false",
        "f32" => "number",
        "[f32; 4]" => "four numbers",
        "u8" | "u16" | "u32" | "u64" | "i16" => "whole number",
        "crate::metrics::race::Race" => "Race",
        other => other,
    };
    (words.to_owned(), false)
}

/// Names of an enum's variants as files have them.
pub fn values(path: &str, name: &str) -> Vec<(String, String)> {
    item(path, name).fields.into_iter().map(|variant| (snake(&variant.name), variant.doc)).collect()
}

/// `AgentStart` as `agent_start`.
fn snake(name: &str) -> String {
    let mut made = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            made.push('_');
        }
        made.extend(letter.to_lowercase());
    }
    made
}

/// Every type that a page of the reference is made of.
const DESCRIBED: &[(&str, &str)] = &[
    ("src/metrics/record.rs", "Record"),
    ("src/metrics/record.rs", "Hosted"),
    ("src/metrics/record.rs", "Kind"),
    ("src/metrics/record.rs", "Outcome"),
    ("src/metrics/race.rs", "Race"),
    ("src/metrics/race.rs", "Step"),
    ("src/metrics/race.rs", "Sort"),
    ("src/rules/schema.rs", "RuleFile"),
    ("src/rules/schema.rs", "Learned"),
    ("src/rules/schema.rs", "Model"),
    ("src/rules/schema.rs", "WordClass"),
    ("src/rules/schema.rs", "At"),
    ("src/rules/schema.rs", "Role"),
    ("src/rules/schema.rs", "Rule"),
    ("src/rules/schema.rs", "Tag"),
    ("src/rules/policy.rs", "Policy"),
    ("src/rules/policy.rs", "Tiers"),
    ("src/rules/policy.rs", "Spawn"),
    ("src/rules/policy.rs", "Confidence"),
    ("src/rules/policy.rs", "Thresholds"),
    ("src/rules/policy.rs", "Prompt"),
    ("src/rules/policy.rs", "Orchestrator"),
    ("src/rules/policy.rs", "Show"),
    ("src/rules/policy.rs", "Log"),
    ("src/rules/policy.rs", "Hosted"),
    ("src/rules/policy.rs", "Sandbox"),
    ("src/protocol.rs", "Name"),
];

#[test]
fn every_public_field_that_users_meet_has_a_description() {
    for (path, name) in DESCRIBED {
        let item = item(path, name);
        assert!(!item.doc.is_empty() && !item.fields.is_empty(), "{path}: {name}");
        for field in item.fields {
            assert!(!field.doc.is_empty(), "{path}: {name}.{} has no description", field.name);
        }
    }
}

#[test]
fn a_field_without_a_description_is_seen() {
    let source = "/// A thing.\n#[derive(Debug)]\n#[serde(default)]\npub struct Thing {\n    pub bare: u8,\n    /// Said\n    /// well, see [`Thing`].\n    #[serde(rename = \"1\")]\n    pub one: Option<String>,\n    hidden: u8,\n}\n";
    let item = find(source, "Thing").expect("is there");
    let said: Vec<(&str, &str, &str, bool)> = item
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.doc.as_str(), field.kind.as_str(), field.has_default))
        .collect();
    assert_eq!(item.doc, "A thing.");
    assert_eq!(said, [("bare", "", "u8", true), ("1", "Said well, see `Thing`.", "Option<String>", true)]);
    assert!(find(source, "Thin").is_none());
}
