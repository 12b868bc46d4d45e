//! Inputs for property tests: the same on every machine for the same seed. Only in tests.

use std::path::Path;

pub use crate::random::Random;

/// Checks the kept inputs of a fuzz target (`fuzz/seeds`, `fuzz/corpus`) and so many changes of them, on stable what the
/// target does for longer. Panics with the input for which `check` does.
pub fn inputs(target: &str, changes: usize, check: impl Fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let seeds = files(&fuzz.join("seeds").join(target));
    assert!(seeds.len() > 3, "fuzz/seeds/{target} holds what the changes start from");
    let kept = files(&fuzz.join("corpus").join(target));
    let words = dictionary(&fuzz.join(format!("dicts/{target}.dict")));
    let mut random = Random(7);
    let few = changes < seeds.len();
    let whole = seeds.iter().chain(&kept).take(if few { changes } else { usize::MAX });
    whole.for_each(|input| tried(input, &check));
    for _ in 0..changes {
        let mut input = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(3) {
            change(&mut random, &mut input, &words);
        }
        tried(&input, &check);
    }
}

fn tried(input: &[u8], check: impl Fn(&[u8])) {
    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(input)));
    assert!(checked.is_ok(), "for {:?}", String::from_utf8_lossy(input));
}

/// One change: a word put in, a part cut out or doubled, a byte changed, or the end cut off.
fn change(random: &mut Random, input: &mut Vec<u8>, words: &[Vec<u8>]) {
    let (first, second) = (random.below(input.len() + 1), random.below(input.len() + 1));
    let (from, to) = (first.min(second), first.max(second).min(first.min(second) + 64));
    match random.below(6) {
        0 | 1 => drop(input.splice(from..from, words[random.below(words.len())].iter().copied())),
        2 => drop(input.drain(from..to)),
        3 => input.extend_from_within(from..to),
        4 => input.truncate(from),
        _ => {
            if let Some(byte) = input.get_mut(from) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a kept input can be read")).collect()
}

/// The words of a libFuzzer dictionary: `"..."` on a line of its own, with `\\`, `\"` and `\xAB` escaped.
fn dictionary(path: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(path).expect("the target has a dictionary");
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, true) => match rest.next().expect("an escape has a second character") {
                b'x' => {
                    let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                    let digits = std::str::from_utf8(&digits).expect("hexadecimal digits");
                    u8::from_str_radix(digits, 16).expect("hexadecimal digits")
                }
                escaped => escaped,
            },
            (plain, false) => plain,
        });
    }
    bytes
}
