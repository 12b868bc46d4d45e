use headline::letters::{is_mark, spelled};

#[test]
fn letters_of_latin_alphabets_are_spelled_in_ascii() {
    assert_eq!(spelled('é'), Some("e"));
    assert_eq!(spelled('ß'), Some("ss"));
}

#[test]
fn ascii_and_other_scripts_are_left() {
    assert_eq!((spelled('a'), spelled('д'), spelled('東')), (None, None, None));
}

#[test]
fn marks_are_known() {
    assert!(is_mark('\u{301}') && !is_mark('a'));
}
