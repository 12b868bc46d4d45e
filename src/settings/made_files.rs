//! Settings files as people and other tools write them, made from a seed: hooks of others, any order of keys, numbers that
//! a parser would spell anew, escapes, every kind of line end and indentation; and ways to break one. Only in tests.

use crate::seeded::Random;

/// The same text with something in it that JSON does not allow, or that readers disagree about.
pub fn broken(random: &mut Random, sound: &str) -> String {
    let open = sound.find('{').expect("settings are an object") + 1;
    let close = sound.rfind('}').expect("settings are an object");
    let is_empty = sound[open..close].trim().is_empty();
    let put = |at: usize, what: &str| format!("{}{what}{}", &sound[..at], &sound[at..]);
    match random.below(6) {
        0 => put(open, "\n  // mine\n"),
        1 => put(close, " /* mine */ "),
        2 => put(0, "# mine\n"),
        3 => put(close, ","),
        4 if is_empty => put(open, "\"k\":1,\"k\":2"),
        4 => put(open, "\"k\":1,\"\\u006b\":2,"),
        _ if is_empty => put(open, "'k': 1"),
        _ => put(open, "'k': 1,"),
    }
}

/// White space of every kind that JSON allows, or one style kept throughout.
fn gap(random: &mut Random, layout: usize, depth: usize) -> String {
    match layout {
        0 => String::new(),
        1 => format!("\n{}", "  ".repeat(depth)),
        2 => format!("\r\n{}", "\t".repeat(depth)),
        3 => format!("\n{}", "    ".repeat(depth)),
        4 => format!("\n{}", "\t".repeat(depth)),
        5 => format!("\r\n{}", "   ".repeat(depth)),
        _ => random.pick(&["", " ", "\n", "\r\n\t", "  \n\n ", "\t", "\n      "]).to_owned(),
    }
}

fn scalar(random: &mut Random) -> String {
    random
        .pick(&[
            "1.0",
            "1.000",
            "1e-7",
            "9007199254740993",
            "12345678901234567890123",
            "-0",
            "1E+400",
            "0.10",
            "true",
            "null",
            "\"\"",
            "\"{[,]}:\\\"\"",
            "\"\\u00e9\\n/\\/\"",
            "\"\\ud83d\\ude00 \\u0000 \\\\\"",
            "\"日本 🦀\"",
            "\"[ -x '/a/sef-hook' ] text, not a hook\"",
        ])
        .to_owned()
}

fn container(random: &mut Random, layout: usize, depth: usize, marks: [char; 2], items: &[String]) -> String {
    let mut text = String::from(marks[0]);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&gap(random, layout, depth + 1));
        text.push_str(item);
        if layout > 5 {
            text.push_str(random.pick(&["", "", " ", "\n"]));
        }
    }
    if !items.is_empty() || layout > 5 {
        text.push_str(&gap(random, layout, depth));
    }
    text.push(marks[1]);
    text
}

fn value(random: &mut Random, layout: usize, depth: usize) -> String {
    let count = random.below(3);
    match random.below(if depth > 3 { 1 } else { 4 }) {
        0 | 1 => scalar(random),
        2 => {
            let items: Vec<String> = (0..count).map(|_| value(random, layout, depth + 1)).collect();
            container(random, layout, depth, ['[', ']'], &items)
        }
        _ => {
            let items: Vec<String> =
                (0..count).map(|at| format!("\"k{at}\": {}", value(random, layout, depth + 1))).collect();
            container(random, layout, depth, ['{', '}'], &items)
        }
    }
}

fn hooks_value(random: &mut Random, layout: usize, ours: &[String]) -> String {
    let mut names = ["Stop", "PreToolUse", "SessionStart", "PreCompact", "NotYetInvented", "SubagentStop"];
    names.rotate_left(random.below(6));
    let mut events = Vec::new();
    for name in names {
        if random.below(2) == 0 {
            continue;
        }
        let groups: Vec<String> = (0..random.below(3))
            .map(|_| {
                let handlers: Vec<String> = (0..random.below(3))
                    .map(|_| {
                        let command = match random.below(4) {
                            0 if !ours.is_empty() => ours[random.below(ours.len())].clone(),
                            _ => random.pick(&["/bin/true", "x 'y' \"z\"", "/b/sef-hook"]).to_owned(),
                        };
                        let command = serde_json::to_string(&command).unwrap();
                        let mut fields = vec![
                            "\"type\":\"command\"".to_owned(),
                            format!("\"command\": {command}"),
                            format!("\"timeout\" :{}", random.pick(&["5", "5.0", "1e1"])),
                        ];
                        if random.below(4) == 0 {
                            fields.push(
                                random
                                    .pick(&["\"async\": true", "\"args\":[\"-x\" ]", "\"u\":{}"])
                                    .to_owned(),
                            );
                        }
                        let first = random.below(fields.len());
                        fields.rotate_left(first);
                        container(random, layout, 5, ['{', '}'], &fields)
                    })
                    .collect();
                let list = container(random, layout, 4, ['[', ']'], &handlers);
                let mut fields = vec![format!("\"hooks\":{list}")];
                if random.below(2) == 0 {
                    let matcher = random.pick(&["Bash", "Agent|Task", "^(Agent|mcp__.*)$", "*", ""]);
                    fields.insert(random.below(2), format!("\"matcher\": \"{matcher}\""));
                }
                container(random, layout, 3, ['{', '}'], &fields)
            })
            .collect();
        events.push(format!("\"{name}\": {}", container(random, layout, 2, ['[', ']'], &groups)));
    }
    container(random, layout, 1, ['{', '}'], &events)
}

/// The text of a sound settings file; `ours` are commands of ours that may stand among the others.
pub fn settings(random: &mut Random, ours: &[String]) -> String {
    let layout = random.below(8);
    let mut names =
        ["zz", "model", "$schema", "env", "permissions", "statusLine", "\\u00e9", "disableAllHooks_", "A b"];
    names.rotate_left(random.below(9));
    let count = random.below(5);
    let mut fields: Vec<String> =
        names[..count].iter().map(|name| format!("\"{name}\" : {}", value(random, layout, 1))).collect();
    if random.below(3) > 0 {
        let at = random.below(fields.len() + 1);
        let name = random.pick(&["hooks", "hooks", "hooks", "\\u0068ooks"]);
        fields.insert(at, format!("\"{name}\": {}", hooks_value(random, layout, ours)));
    }
    let body = container(random, layout, 0, ['{', '}'], &fields);
    format!("{}{body}{}", random.pick(&["", "", "\n", " "]), random.pick(&["", "\n", "\r\n", "\n\n"]))
}
