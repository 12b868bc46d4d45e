//! Property: any bytes as settings.json are either refused with a place that exists, or get our entries in and out with
//! nothing else changed, to the byte. Shared by `cargo test` and `fuzz/`; generated sound files are in `edit_property`.

use std::path::Path;

use serde_json::Value;

use super::check::{Refusal, decode};
use super::edit::{Edited, Shells, add, find, take_out};
use super::hooks::{self, Hook};

/// Most of what can be different: an event with a matcher, one without.
const EVENTS: [&str; 2] = ["PreToolUse", "Stop"];

/// The hooks of two installs, the earlier one in another folder.
struct Wanted {
    earlier: Vec<Hook>,
    now: Vec<Hook>,
}

thread_local! {
    static WANTED: Wanted = Wanted { earlier: wanted("/old/bin/sef-hook"), now: wanted("/b/sef-hook") };
}

fn wanted(binary: &str) -> Vec<Hook> {
    let command = hooks::command_for(Path::new(binary)).expect("an absolute path");
    hooks::wanted(&command).into_iter().filter(|hook| EVENTS.contains(&hook.event.as_str())).collect()
}

/// Installs into the bytes, upgrades from an earlier install, and uninstalls.
pub fn check(bytes: &[u8]) {
    let text = match decode(bytes) {
        Ok((mark, text)) => {
            assert_eq!([mark.as_bytes(), text.as_bytes()].concat(), bytes, "nothing is lost in reading");
            text
        }
        Err(refusal) => return check_refusal(&String::from_utf8_lossy(bytes), &refusal),
    };
    WANTED.with(|wanted| install_and_take_out(text, wanted));
}

fn install_and_take_out(text: &str, wanted: &Wanted) {
    let edited = match add(text, &wanted.now) {
        Ok(Some(edited)) => edited,
        Ok(None) => return assert_current(text, &wanted.now),
        Err(refusal) => {
            // Uninstall may be able to do more than install, but it never guesses either.
            let _ = take_out(text, &Shells::default()).map_err(|refusal| check_refusal(text, &refusal));
            return check_refusal(text, &refusal);
        }
    };
    let others = take_out(text, &Shells::default()).expect("it was sound enough to add to");
    let others = others.as_deref().unwrap_or(text);
    assert_eq!(taken_out(&edited), others, "uninstall gives back the very bytes");
    assert_current(&edited.text, &wanted.now);
    assert_eq!(add(&edited.text, &wanted.now), Ok(None), "a second install changes nothing");
    check_by_another_reader(others, &edited, &wanted.now);
    if others.len() == text.len() {
        let earlier = add(text, &wanted.earlier).expect("as sound as before").expect("nothing of ours is in");
        let upgraded = add(&earlier.text, &wanted.now).expect("our own text is sound").expect("another path");
        assert_current(&upgraded.text, &wanted.now);
        let made = earlier.made.and(&upgraded.made);
        assert_eq!(taken_out(&Edited { text: upgraded.text, made }), text, "also after an upgrade");
    }
}

fn taken_out(edited: &Edited) -> String {
    take_out(&edited.text, &edited.made).expect("our own text is sound").expect("ours were in")
}

fn assert_current(text: &str, wanted: &[Hook]) {
    let found = find(text, wanted).expect("it was sound");
    assert_eq!(found.len(), wanted.len(), "each hook once: {text}");
    assert!(found.iter().all(|one| one.current), "{text}");
}

/// New minus ours is old, as serde_json reads them, where it can hold their numbers at all.
fn check_by_another_reader(old: &str, edited: &Edited, wanted: &[Hook]) {
    let mut new: Value = match serde_json::from_str(&edited.text) {
        Ok(new) => new,
        Err(error) => {
            assert!(error.to_string().contains("out of range"), "{error}: {}", edited.text);
            return;
        }
    };
    let events = new["hooks"].as_object_mut().expect("hooks are there now");
    for hook in wanted {
        let groups = events[&hook.event].as_array_mut().expect("the event is registered");
        assert_eq!(groups.pop(), Some(serde_json::to_value(&hook.group).expect("plain values")));
        if edited.made.events.contains(&hook.event) {
            events.remove(&hook.event);
        }
    }
    if edited.made.hooks {
        new.as_object_mut().expect("an object").remove("hooks");
    }
    assert_eq!(new, serde_json::from_str::<Value>(old).expect("the new text was read too"));
}

/// The place of a refusal is in the text, or right behind its last character.
fn check_refusal(text: &str, refusal: &Refusal) {
    let (line, column) = refusal.place;
    let at = text.split('\n').nth(line.wrapping_sub(1)).unwrap_or_else(|| panic!("{refusal} in {text:?}"));
    assert!((1..=at.chars().count() + 1).contains(&column), "{refusal} in {text:?}");
    assert!(!refusal.why.is_empty() && refusal.why.len() < text.len() * 6 + 300, "{refusal}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded;

    #[test]
    fn c1_c2_any_bytes_as_settings_are_refused_by_place_or_given_back_to_the_byte() {
        seeded::inputs("settings", 6_000, check);
    }
}
