//! docs/reference/rules.md: every field of a rule file, from src/rules/schema.rs.

use super::source::{item, kind_in_words, values};
use super::{code, head, hold, page, row, text};

const SCHEMA: &str = "src/rules/schema.rs";
const ENUMS: [&str; 3] = ["At", "Role", "Tag"];

fn fields(name: &str) -> String {
    let mut table = head(&["field", "type", "needed", "meaning"]);
    for field in item(SCHEMA, name).fields {
        let (kind, optional) = kind_in_words(&field.kind);
        let written = kind.rsplit(": ").next().unwrap_or(&kind);
        let kind = if ENUMS.contains(&written) {
            let allowed: Vec<String> = values(SCHEMA, written).iter().map(|(value, _)| code(value)).collect();
            let list = if kind.starts_with("list") { "list of " } else { "" };
            format!("{list}{}", allowed.join(", "))
        } else {
            kind
        };
        // A plain list without a default must be there, even if it is empty.
        let optional = field.has_default || (optional && field.kind.starts_with("Option"));
        table += &row(&[&code(&field.name), &kind, if optional { "" } else { "yes" }, &field.doc]);
    }
    table
}

/// The first rule of a built-in file, as it stands there.
fn example() -> String {
    let file = text("rules/tiers/20-tier1.toml");
    let rule = file.split("[[rule]]\n").nth(1).expect("the file has a rule");
    let lines: Vec<&str> =
        rule.lines().take_while(|line| !line.is_empty() && !line.starts_with('#')).collect();
    format!("[[rule]]\n{}", lines.join("\n"))
}

fn made() -> String {
    let mut body = "A rule file is TOML: the built-in ones are `rules/tiers/*.toml`, yours is `rules.toml` in SEF's configuration folder. An unknown \
         key is a mistake. How to write one: [the guide](../guide/rules.md).\n\n"
        .to_owned();
    for (title, name) in [
        ("The file", "RuleFile"),
        ("\\[\\[rule\\]\\]", "Rule"),
        ("\\[class.NAME\\]", "WordClass"),
        ("\\[model\\]", "Model"),
        ("\\[learned\\]", "Learned"),
    ] {
        body += &format!("## {title}\n\n{}\n\n{}\n", item(SCHEMA, name).doc, fields(name));
        if name == "Rule" {
            body += &format!("One of the built-in rules:\n\n```toml\n{}\n```\n\n", example());
        }
    }
    for name in ENUMS {
        body += &format!(
            "## Values of `{}`\n\n",
            if name == "Tag" { "tags".to_owned() } else { name.to_lowercase() }
        );
        body += &head(&["value", "meaning"]);
        for (value, doc) in values(SCHEMA, name) {
            body += &row(&[&code(&value), &doc]);
        }
        body += "\n";
    }
    page("Rule files", &body)
}

#[test]
fn the_page_of_rule_files_is_what_the_schema_says() {
    hold("rules.md", &made());
}
