//! Property: whatever stands in a user's rules.toml, config.toml or calibration.toml, loading it leaves rules that
//! compile and classify, and says what is wrong within bounds. Shared by `cargo test` and `fuzz/`.

use super::compile::{self, Problem, RuleSet};
use super::image::Image;
use super::policy::Policy;
use super::schema::RuleFile;
use super::{Loaded, USERS, built_in_policy, calibration, check as checked, overlay, strangers, syntax};
use crate::classify::{Source, classify};

/// Stands for the built-in rules in the fuzz target, since compiling those takes many times as long as a user's file.
const FEW: &str = r#"
[model]
bias = [0.2, 0.1, 0.0, 0.0]
temperature = 1.0
[class.filler]
words = ["please", "can you"]
[class.conj]
words = ["and", "then"]
[class.verb]
words = ["find", "fix*", "design"]
[class.negation]
words = ["not", "never"]
[class.gave-up]
words = ["i could not"]
[[rule]]
id = "find-it"
tier = 1
role = "explore"
weight = 2.0
phrases = ["{verb} all", "where is ... used"]
examples = ["find all callers"]
[[rule]]
id = "fix-it"
tier = 2
role = "implement"
phrases = ["fix*"]
unless = ["do not"]
examples = ["fix the test"]
[learned.user]
"^ find" = [0.0, 1.0, 0.0, 0.0]
"#;

/// A prompt that is classified with whatever was loaded. Its words are known to the few rules: the search for what a word
/// that is not known could mean takes longer than everything else together.
const PROMPT: &str = "find all then fix all";
/// So much of the file's own text is classified too, in bytes.
const OWN: usize = 24;

/// The rules that a file is laid over, and what they make of [`PROMPT`] by themselves.
struct Base {
    layers: Vec<(String, RuleFile)>,
    verdict: [f32; 4],
}

impl Base {
    fn of(layers: Vec<(String, RuleFile)>) -> Self {
        let image = image_of(&compile::merge(&layers).0, &built_in_policy());
        Self { verdict: verdict_of(&image, PROMPT), layers }
    }
}

thread_local! {
    static FEW_RULES: Base = {
        let file = toml::from_str(FEW).expect("the few rules are a rule file");
        Base::of(vec![("few.toml".to_owned(), file)])
    };
    static POLICY: Policy = built_in_policy();
    static TABLE: toml::Table = overlay::built_in_table();
}

/// Loads the bytes as each of the three files over a few rules.
pub fn check(bytes: &[u8]) {
    FEW_RULES.with(|base| load_over(base, bytes));
}

fn load_over(base: &Base, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split('\n').count();
    let mut layers = base.layers.clone();
    let mut problems = Vec::new();
    match toml::from_str::<RuleFile>(&text) {
        Ok(file) => {
            problems.extend(strangers(&layers, &file, USERS));
            layers.push((USERS.to_owned(), file));
        }
        Err(error) => problems.push(syntax(USERS, &error, &text)),
    }
    let left_out = layers.len() == base.layers.len();
    let mut policy = POLICY.with(Clone::clone);
    match TABLE.with(|table| overlay::over(table, &text, overlay::FILE)) {
        Ok((_, changed)) => policy = changed,
        Err(problem) => problems.push(problem),
    }
    let (mut set, found) = compile::merge(&layers);
    problems.extend(found);
    let (file, found) = calibration::parse(&text);
    problems.extend(found);
    let unchanged = left_out && file.rule.is_empty();
    policy.calibration = calibration::apply(file, &mut set);
    check_problems(&problems, lines, bytes.len());
    classifies(&set, &policy, &text, unchanged.then_some(base));
    if !left_out {
        let loaded = Loaded { set, policy, problems: Vec::new(), layers: Vec::new() };
        let strict = [checked::regex_problems(&loaded), checked::example_problems(&loaded)].concat();
        check_problems(&strict, lines, bytes.len());
    }
}

fn check_problems(problems: &[Problem], lines: usize, bytes: usize) {
    assert!(problems.len() <= bytes + 3, "{} problems in {bytes} bytes", problems.len());
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.hint.is_empty(), "{problem:?}");
        if let Some((_, line)) = problem.source.rsplit_once(':') {
            let line: usize = line.parse().unwrap_or_else(|_| panic!("{problem:?}"));
            assert!((1..=lines).contains(&line), "{problem:?} of {lines} lines");
        }
    }
}

/// What was loaded compiles, and classifies with figures that are figures; a file that was left out changes nothing.
fn classifies(set: &RuleSet, policy: &Policy, text: &str, unchanged: Option<&Base>) {
    let image = image_of(set, policy);
    let verdict = verdict_of(&image, PROMPT);
    verdict_of(&image, &text[..text.floor_char_boundary(OWN)]);
    if let Some(base) = unchanged {
        assert_eq!(
            verdict.map(f32::to_bits),
            base.verdict.map(f32::to_bits),
            "a file that is left out changes no verdict"
        );
    }
}

fn verdict_of(image: &Image, text: &str) -> [f32; 4] {
    let verdict = classify(image, text, Source::User(None));
    let sum: f32 = verdict.probabilities.iter().sum();
    assert!((0.99..=1.01).contains(&sum), "{:?}", verdict.probabilities);
    assert!(verdict.confidence.is_finite() && verdict.fired.len() <= image.rules(), "{verdict:?}");
    verdict.probabilities
}

fn image_of(set: &RuleSet, policy: &Policy) -> Image {
    Image::from_bytes(compile::compile(set, policy)).expect("what merge leaves compiles")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::built_in_layers;
    use crate::seeded;

    #[test]
    fn g1_whatever_stands_in_a_rule_file_routing_goes_on() {
        seeded::inputs("rules", 3_000, check);
    }

    #[test]
    fn g1_whatever_stands_in_a_rule_file_the_built_in_rules_go_on() {
        let base = Base::of(built_in_layers());
        seeded::inputs("rules", 5, |bytes| load_over(&base, bytes));
    }
}
