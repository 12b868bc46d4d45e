//! Properties over made answers: what is rendered is read back, and no change to an answer makes the reader panic or
//! invent text.

use super::golden::{READ, REFUSED, SUFFIX};
use super::*;
use crate::seeded::Random;

/// What bodies, and changes to answers, are made of.
const PIECES: [&str; 40] = [
    "<FILE path=\"a\">",
    "</FILE>",
    "<FILE-k3v9 path=\"b\">",
    "</FILE-k3v9>",
    "<FILE filename='A'>",
    "<FILE ",
    "</",
    ">",
    "### FILE: a.py",
    "### FILE: `b`",
    "```",
    "```py",
    "````",
    "~~~",
    "<think>",
    "</think>",
    "<![CDATA[",
    "]]>",
    "&lt;",
    "\n",
    "\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{fffd}",
    "\0",
    " ",
    "    ",
    "\t",
    "\"",
    "'",
    "=",
    "// ...",
    "... rest unchanged",
    "path/to/",
    "é",
    "日本",
    "x = 1",
];

fn text(random: &mut Random, most: usize) -> String {
    let count = random.below(most + 1);
    (0..count).map(|_| random.pick(&PIECES)).collect()
}

/// A text as a file may hold it: see [`FileBlock::content`].
fn content(text: &str) -> String {
    let text = with_lf_only(text);
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

#[test]
fn d5_what_is_rendered_is_read_back() {
    let mut random = Random(5);
    let (mut files_read, mut wrapped) = (0, 0);
    for round in 0..20_000 {
        let mut answer = String::new();
        let mut files = Vec::new();
        let suffix = format!("r{round}");
        for at in 0..=random.below(4) {
            let extension = random.pick(&["py", "md", "rs", "html", "txt"]);
            let path = format!("{}{at}.{extension}", random.pick(&["", "src/", "a b/", "日本/"]));
            let content = content(&text(&mut random, 20));
            wrapped += usize::from(body::is_wrapped(&path, &content));
            answer.push_str(random.pick(&[
                "",
                "prose\n",
                "\n",
                "```\n",
                "### FILE: x\n",
                "<think>\n</think>\n",
            ]));
            answer.push_str(&render(&path, &content, &suffix));
            files.push((path, content));
        }
        let blocks = parse(&answer, &suffix).unwrap_or_else(|reasons| panic!("{answer:?}: {reasons:?}"));
        let read: Vec<(String, String)> =
            blocks.files.into_iter().map(|file| (file.path, file.content)).collect();
        assert_eq!(read, files, "{answer:?}");
        files_read += read.len();
    }
    assert!(files_read > 20_000 && wrapped > 20, "{files_read} files, {wrapped} with a wrapper");
}

/// One change: a piece put in, a part cut out, doubled or moved, a byte changed, or the end cut off.
fn changed(random: &mut Random, answer: &str) -> String {
    let mut place = || {
        let mut at = random.below(answer.len() + 1);
        while !answer.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (first, second, third) = (place(), place(), place());
    let (from, to) = (first.min(second), first.max(second));
    let part = &answer[from..to];
    match random.below(6) {
        0 => format!("{}{}{}", &answer[..from], random.pick(&PIECES), &answer[from..]),
        1 => format!("{}{}", &answer[..from], &answer[to..]),
        2 => format!("{}{part}{part}{}", &answer[..from], &answer[to..]),
        3 => format!("{}{part}{}", &answer[..third], &answer[third..]),
        4 => answer[..from].to_owned(),
        _ => {
            let mut bytes = answer.as_bytes().to_vec();
            if let Some(byte) = bytes.get_mut(first) {
                *byte ^= 1 << random.below(8);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

#[test]
fn d5_no_change_to_an_answer_makes_it_panic_or_invent_text() {
    let golden: Vec<&str> = READ.iter().map(|row| row.1).chain(REFUSED.iter().map(|row| row.1)).collect();
    let mut random = Random(1);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..100_000 {
        let mut answer = random.pick(&golden).to_owned();
        for _ in 0..=random.below(4) {
            answer = changed(&mut random, &answer);
        }
        let plain = answer.replace('\r', "");
        let lines = answer.split('\n').count();
        match parse(&answer, SUFFIX) {
            Ok(blocks) => {
                read += 1;
                assert!(!blocks.files.is_empty(), "{answer:?}");
                for file in &blocks.files {
                    let text = file.content.strip_suffix('\n').unwrap_or(&file.content);
                    assert!(
                        !text.ends_with('\n') && plain.contains(&text.replace('\r', "")),
                        "{answer:?}: {file:?}"
                    );
                    assert!((1..=lines).contains(&file.line), "{answer:?}: {file:?}");
                }
                assert!(
                    blocks.warnings.iter().all(|warning| (1..=lines).contains(&warning.line)),
                    "{answer:?}"
                );
            }
            Err(reasons) => {
                refused += 1;
                assert!(!reasons.is_empty(), "{answer:?}");
                for reason in reasons {
                    assert!((1..=lines).contains(&reason.line), "{answer:?}: {reason}");
                    assert!(!reason.what.contains(char::is_control), "{answer:?}: {reason}");
                }
            }
        }
    }
    assert!(read > 10_000 && refused > 10_000, "{read} read, {refused} refused");
}
