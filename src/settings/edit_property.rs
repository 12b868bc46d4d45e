//! Property: over thousands of generated settings texts, add changes only our entries and take_out undoes it.

use super::*;
use crate::seeded::Random;

/// White space of every kind that JSON allows, or one style kept throughout.
fn gap(random: &mut Random, layout: usize, depth: usize) -> String {
    match layout {
        0 => String::new(),
        1 => format!("\n{}", "  ".repeat(depth)),
        2 => format!("\r\n{}", "\t".repeat(depth)),
        3 => format!("\n{}", "    ".repeat(depth)),
        _ => random.pick(&["", " ", "\n", "\r\n\t", "  \n\n ", "\t", "\n      "]).to_owned(),
    }
}

fn scalar(random: &mut Random) -> String {
    random
        .pick(&[
            "1.0",
            "12345678901234567890123",
            "-0",
            "1E+400",
            "0.10",
            "true",
            "null",
            "\"\"",
            "\"{[,]}:\\\"\"",
            "\"\\u00e9\\n/\\/\"",
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
        if layout > 3 {
            text.push_str(random.pick(&["", "", " ", "\n"]));
        }
    }
    if !items.is_empty() || layout > 3 {
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
    let names = ["Stop", "PreToolUse", "SessionStart", "PreCompact", "NotYetInvented"];
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
                        let fields = vec![
                            "\"type\":\"command\"".to_owned(),
                            format!("\"command\": {command}"),
                            format!("\"timeout\" :{}", random.pick(&["5", "5.0", "1e1"])),
                        ];
                        container(random, layout, 5, ['{', '}'], &fields)
                    })
                    .collect();
                let list = container(random, layout, 4, ['[', ']'], &handlers);
                let mut fields = vec![format!("\"hooks\":{list}")];
                if random.below(2) == 0 {
                    fields.insert(0, "\"matcher\": \"Bash\"".to_owned());
                }
                container(random, layout, 3, ['{', '}'], &fields)
            })
            .collect();
        events.push(format!("\"{name}\": {}", container(random, layout, 2, ['[', ']'], &groups)));
    }
    container(random, layout, 1, ['{', '}'], &events)
}

fn settings(random: &mut Random, ours: &[String]) -> String {
    let layout = random.below(6);
    let mut fields: Vec<String> =
        (0..random.below(4)).map(|at| format!("\"key{at}\" : {}", value(random, layout, 1))).collect();
    if random.below(3) > 0 {
        let at = random.below(fields.len() + 1);
        fields.insert(at, format!("\"hooks\": {}", hooks_value(random, layout, ours)));
    }
    let body = container(random, layout, 0, ['{', '}'], &fields);
    format!("{}{body}{}", random.pick(&["", "", "\n", " "]), random.pick(&["", "\n", "\r\n", "\n\n"]))
}

fn command(folder: &str) -> String {
    hooks::command_for(std::path::Path::new(&format!("{folder}/sef-hook"))).unwrap()
}

#[test]
fn c1_install_changes_only_our_entries_over_generated_settings() {
    let wanted = hooks::wanted(&command("/home/u/.local/bin"));
    let mut random = Random(2026);
    for case in 0..2500 {
        let old = settings(&mut random, &[]);
        let edited =
            add(&old, &wanted).unwrap_or_else(|why| panic!("case {case}: {why}\n{old}")).expect("new");
        let back = take_out(&edited.text, &edited.made).unwrap().expect("something to take out");
        assert_eq!(back, old, "case {case}");
        // Nothing of the old text is gone or moved: it can be read off the new one in order.
        let mut rest = edited.text.as_bytes().iter();
        assert!(old.as_bytes().iter().all(|byte| rest.any(|other| other == byte)), "case {case}");
        // Apart from our own code: both texts as a general JSON reader sees them.
        let before: serde_json::Value = serde_json::from_str(&old.replace("1E+400", "1")).unwrap();
        let mut after: serde_json::Value = serde_json::from_str(&edited.text.replace("1E+400", "1")).unwrap();
        for hook in &wanted {
            let groups = after["hooks"][&hook.event].as_array_mut().expect("the event is registered");
            assert_eq!(groups.pop(), Some(serde_json::to_value(&hook.group).unwrap()), "case {case}");
            if edited.made.events.contains(&hook.event) {
                assert!(groups.is_empty());
                after["hooks"].as_object_mut().unwrap().remove(&hook.event);
            }
        }
        if edited.made.hooks {
            after.as_object_mut().unwrap().remove("hooks");
        }
        assert_eq!(after, before, "case {case}");
        assert_eq!(add(&edited.text, &wanted), Ok(None), "case {case}: a second add is no change");
    }
}

#[test]
fn c6_an_upgrade_replaces_only_ours_over_generated_settings() {
    let stale = [command("/old/bin"), command("/home/u/.local/bin")];
    let wanted = hooks::wanted(&command("/home/u/.local/bin"));
    let mut random = Random(7);
    let mut upgrades = 0;
    for case in 0..1500 {
        let old = settings(&mut random, &stale);
        let had = find(&old, &wanted).unwrap().len();
        upgrades += usize::from(had > 0);
        let edited =
            add(&old, &wanted).unwrap_or_else(|why| panic!("case {case}: {why}\n{old}")).expect("new");
        let found = find(&edited.text, &wanted).unwrap();
        assert_eq!(found.len(), wanted.len(), "case {case}");
        assert!(found.iter().all(|one| one.current), "case {case}");
        let others = take_out(&old, &Shells::default()).unwrap().unwrap_or(old);
        let left = take_out(&edited.text, &edited.made).unwrap().expect("ours were in");
        assert_eq!(left, others, "case {case}");
    }
    assert!(upgrades > 200, "the generator must plant old entries: {upgrades}");
}

#[test]
fn c1_a_broken_text_never_panics_and_is_never_edited_into_something_else() {
    let wanted = hooks::wanted(&command("/b"));
    let mut random = Random(99);
    for _ in 0..3000 {
        let mut text = settings(&mut random, &[]);
        for _ in 0..=random.below(2) {
            let at = random.below(text.len() + 1);
            if !text.is_char_boundary(at) {
                continue;
            }
            match random.below(3) {
                0 => text.truncate(at),
                1 => text.insert_str(at, random.pick(&["{", "}", "[", "]", ",", "\"", ":", "//", "\0", "7"])),
                _ if at < text.len() => {
                    text.remove(at);
                }
                _ => {}
            }
        }
        if let Ok(Some(edited)) = add(&text, &wanted) {
            assert!(
                serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(),
                "only sound JSON is edited: {text}"
            );
            assert_eq!(take_out(&edited.text, &edited.made).unwrap(), Some(text));
        }
    }
}
