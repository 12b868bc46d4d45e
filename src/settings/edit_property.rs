//! Property: over thousands of generated settings texts, add changes only our entries and take_out undoes it.

use super::super::made_files::settings;
use super::*;
use crate::seeded::Random;

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
