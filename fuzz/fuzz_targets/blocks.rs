//! Any text as a model's answer: it becomes whole files or reasons, and what it becomes obeys the words of
//! `sef::turbo::blocks`. Nothing is invented, nothing grows, and what is written out again is read the same.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use sef::turbo::blocks::{
    Blocks, MAX_FILE, MAX_FILES, MAX_LISTED, MAX_PATH, MAX_TOTAL, Reason, parse, render,
};

/// As in the seeds and in the dictionary.
const SUFFIX: &str = "k3v9";

fuzz_target!(|bytes: &[u8]| {
    let answer = String::from_utf8_lossy(bytes);
    let lines = answer.split('\n').count();
    match parse(&answer, SUFFIX) {
        Ok(blocks) => {
            check_reasons(&blocks.warnings, lines);
            check_files(&answer, &blocks, lines);
            check_rendered(&blocks);
        }
        Err(reasons) => {
            assert!(!reasons.is_empty(), "refused without a reason");
            check_reasons(&reasons, lines);
        }
    }
});

fn check_reasons(reasons: &[Reason], lines: usize) {
    assert!(reasons.len() <= MAX_LISTED);
    assert!(reasons.is_sorted_by_key(|reason| reason.line));
    for reason in reasons {
        assert!((1..=lines).contains(&reason.line), "{reason} of {lines} lines");
        assert!(!reason.what.contains(char::is_control), "{reason:?}");
        assert!(reason.what.chars().count() < 800, "{reason}");
    }
}

fn check_files(answer: &str, blocks: &Blocks, lines: usize) {
    let plain = answer.replace('\r', "");
    let mut paths = HashSet::new();
    let mut total = 0;
    assert!((1..=MAX_FILES).contains(&blocks.files.len()));
    assert!(blocks.files.is_sorted_by_key(|file| file.line));
    for file in &blocks.files {
        assert!((1..=lines).contains(&file.line));
        assert!(!file.path.is_empty() && file.path.len() <= MAX_PATH);
        assert_eq!(file.path, file.path.trim());
        assert!(!file.path.contains(char::is_control) && !file.path.contains("//"));
        assert!(paths.insert(file.path.to_lowercase()), "{} twice", file.path);
        assert!(file.content.len() <= MAX_FILE);
        if !file.content.is_empty() {
            let text = file.content.strip_suffix('\n').expect("a file that is not empty ends in a line end");
            assert!(!text.is_empty() && !text.ends_with(['\n', '\r']) && !file.content.contains("\r\n"));
            assert!(plain.contains(&text.replace('\r', "")), "invented: {text:?}");
        }
        total += file.content.len();
    }
    // One line end for each file is all that is ever added.
    assert!(total <= MAX_TOTAL && total <= answer.len() + blocks.files.len());
}

fn check_rendered(blocks: &Blocks) {
    let mut number = 0;
    let suffix = loop {
        let suffix = format!("r{number}");
        if !blocks.files.iter().any(|file| file.content.contains(&suffix)) {
            break suffix;
        }
        number += 1;
    };
    let rendered: String =
        blocks.files.iter().map(|file| render(&file.path, &file.content, &suffix)).collect();
    let again = parse(&rendered, &suffix).expect("what was rendered can be read");
    assert_eq!(again.files.len(), blocks.files.len());
    for (file, again) in blocks.files.iter().zip(&again.files) {
        assert_eq!((&file.path, &file.content), (&again.path, &again.content));
    }
}
