//! docs/reference/config.md: every key of rules/config.toml with its type, default and meaning, and every variable.

use std::collections::BTreeMap;

use super::source::{item, kind_in_words, values, whichever};
use super::{code, head, hold, page, row, text};

const SCHEMA: &str = "src/rules/policy.rs";
const DEFAULTS: &str = "rules/config.toml";

/// What the comments of the file say that stand above something: of the file, of each section, of each `section.key`.
fn comments(file: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut above, mut section) = (Vec::new(), String::new());
    let mut keep = |place: String, lines: &mut Vec<String>| {
        if !lines.is_empty() {
            found.insert(place, std::mem::take(lines).join(" "));
        }
    };
    for line in file.lines() {
        if let Some(comment) = line.strip_prefix('#') {
            above.push(comment.trim().to_owned());
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut section);
            keep(section.clone(), &mut above);
        } else if let Some((key, _)) = line.split_once(" = ") {
            keep(format!("{section}.{key}"), &mut above);
        } else if section.is_empty() {
            keep(String::new(), &mut above);
        }
    }
    found
}

/// A value as TOML writes it.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => format!("{text:?}"),
        toml::Value::Table(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", shown(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        toml::Value::Array(list) => {
            format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        other @ toml::Value::Datetime(_) => {
            panic!("{DEFAULTS} has a value that this page cannot show: {other:?}")
        }
    }
}

/// Rows for the keys of one table; `prefix` is what stands before a key in it.
fn rows(
    name: &str,
    prefix: &str,
    section: &str,
    table: &toml::Table,
    said: &BTreeMap<String, String>,
) -> String {
    let schema = item(SCHEMA, name);
    let mut made = String::new();
    for field in &schema.fields {
        let value =
            table.get(&field.name).unwrap_or_else(|| panic!("{DEFAULTS}: [{section}] has no {}", field.name));
        let shown = code(&shown(value));
        let written = format!("{prefix}{}", field.name);
        let meaning = said.get(&format!("{section}.{}", field.name)).unwrap_or(&field.doc);
        match whichever(&[SCHEMA], &field.kind).map(|path| (path, values(path, &field.kind))) {
            Some(_) if value.is_table() => {
                made += &row(&[&code(&written), "a set", &shown, meaning]);
            }
            Some((_, allowed)) => {
                let allowed: Vec<String> = allowed.iter().map(|(value, _)| code(value)).collect();
                made += &row(&[&code(&written), &allowed.join(", "), &shown, meaning]);
            }
            None => made += &row(&[&code(&written), &kind_in_words(&field.kind).0, &shown, meaning]),
        }
    }
    for key in table.keys() {
        assert!(
            schema.fields.iter().any(|field| field.name == *key),
            "{SCHEMA} does not describe {section}.{key}"
        );
    }
    made
}

fn made() -> String {
    let file = text(DEFAULTS);
    let table: toml::Table = toml::from_str(&file).expect("the defaults are TOML");
    let said = comments(&file);
    let mut body = format!(
        "{} Where that folder is: `SEF_CONFIG_DIR` [below](#environment). `sef rules check` names every mistake; the hook uses what is sound.\n\n",
        said.get("").expect("the file begins with what it is")
    );
    let policy = item(SCHEMA, "Policy");
    for section in &policy.fields {
        let Some(value) = table.get(&section.name).and_then(toml::Value::as_table) else {
            assert!(section.has_default, "{DEFAULTS} has no [{}]", section.name);
            continue;
        };
        let meaning = said.get(&section.name).unwrap_or(&section.doc);
        body += &format!("## \\[{}\\]\n\n{meaning}\n\n", section.name);
        body += &head(&["key", "type", "default", "meaning"]);
        body += &rows(&section.kind, "", &section.name, value, &said);
        body += "\n";
        for (name, schema, preset) in [("confidence", "Thresholds", "balanced"), ("main", "Guard", "careful")]
        {
            if section.name == name {
                body += "Each of the sets has these keys:\n\n";
                body += &head(&["key", "type", &format!("default (`{preset}`)"), "meaning"]);
                let inner = value[preset].as_table().expect("a preset is a table");
                body += &rows(schema, "", &format!("{name}.{preset}"), inner, &BTreeMap::new());
                body += "\n";
            }
        }
    }
    body += "## Environment\n\n";
    body += &head(&["variable", "meaning"]);
    for (name, meaning) in sef::config::VARIABLES {
        body += &row(&[&code(name), meaning]);
    }
    page("Configuration", &body)
}

#[test]
fn the_page_of_configuration_is_what_the_defaults_and_the_schema_say() {
    hold("config.md", &made());
}

#[test]
fn comments_belong_to_what_stands_below_them() {
    let said = comments(
        "# The file.\n\n# Of a.\n[a]\n# Of b,\n# at length.\nb = 1  # in metres\nc = 2\n\n[d]\ne = \"# no\"\n",
    );
    let pairs: Vec<(&str, &str)> =
        said.iter().map(|(place, comment)| (place.as_str(), comment.as_str())).collect();
    assert_eq!(pairs, [("", "The file."), ("a", "Of a."), ("a.b", "Of b, at length.")]);
}
