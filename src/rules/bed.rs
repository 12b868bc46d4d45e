//! The examples and counter-examples of all rules as a test bed for a new phrase: on which texts it fires, and which
//! verdicts a change of the rules changes. Pure: rules in, answers out; never reads or writes a file.

use super::Loaded;
use super::compile::{RuleSet, compile};
use super::image::{Image, Table};
use super::policy::Policy;
use super::schema::{At, Role, Rule};
use crate::classify::matcher::Fired;
use crate::classify::{Verdict, lexer, matcher, score};

/// One text of the bed.
#[derive(Debug, Clone)]
pub struct Text {
    /// What a person wrote.
    pub text: String,
    /// What is given with it: `@user`, or the features that an example names.
    features: Vec<String>,
    /// The tier that it belongs to.
    pub tier: u8,
}

impl Text {
    /// An example as a rule file has it: of one that begins with `@`, the words that begin so are features.
    pub fn of_example(example: &str, tier: u8) -> Self {
        if !example.starts_with('@') {
            return Self::of_prompt(example, tier);
        }
        let (features, words): (Vec<&str>, Vec<&str>) =
            example.split(' ').partition(|word| word.starts_with('@'));
        Self { text: words.join(" "), features: features.into_iter().map(str::to_owned).collect(), tier }
    }

    /// A prompt of a person.
    pub fn of_prompt(prompt: &str, tier: u8) -> Self {
        Self { text: prompt.to_owned(), features: vec!["@user".to_owned()], tier }
    }

    /// The rules that fire on it.
    pub fn fired(&self, image: &Image) -> Vec<Fired> {
        let features: Vec<&str> = self.features.iter().map(String::as_str).collect();
        matcher::fired(image, &lexer::tokens(image, &self.text, &features), &self.text)
    }

    /// What the rules make of it.
    pub fn verdict(&self, image: &Image) -> Verdict {
        let of_a_task = self.features.iter().any(|feature| feature.starts_with("@agent"))
            || self.features.iter().any(|feature| feature == "@subagent");
        score(image, if of_a_task { Table::Task } else { Table::User }, self.fired(image))
    }
}

/// All texts. An example belongs to the tier of its rule; a counter-example only says which rule it is not of, so it
/// belongs to the tier that the rules give it.
#[derive(Debug, Clone)]
pub struct Bed {
    /// In the order of the rules.
    pub texts: Vec<Text>,
}

impl Bed {
    /// The texts of a set of rules; the image is the set's.
    pub fn of(set: &RuleSet, image: &Image) -> Self {
        let mut texts = Vec::new();
        for (_, rule) in &set.rules {
            texts.extend(rule.examples.iter().map(|example| Text::of_example(example, rule.tier)));
            for counter in &rule.not {
                let mut text = Text::of_example(counter, rule.tier);
                text.tier = text.verdict(image).tier.number();
                texts.push(text);
            }
        }
        Self { texts }
    }

    /// For each phrase the numbers of the texts on which it fires. A phrase that cannot be read fires on none.
    pub fn hits(&self, set: &RuleSet, policy: &Policy, phrases: &[String]) -> Vec<Vec<usize>> {
        let probes = RuleSet {
            rules: phrases.iter().map(|phrase| (String::new(), probe(phrase))).collect(),
            classes: set.classes.clone(),
            ..RuleSet::default()
        };
        let mut hits = vec![Vec::new(); phrases.len()];
        let Some(image) = Image::from_bytes(compile(&probes, policy)) else { return hits };
        for (number, text) in self.texts.iter().enumerate() {
            for fired in text.fired(&image) {
                hits[fired.rule].push(number);
            }
        }
        hits
    }
}

/// Whether a phrase fires on a prompt.
pub fn fires_on(loaded: &Loaded, phrase: &str, prompt: &str) -> bool {
    let bed = Bed { texts: vec![Text::of_prompt(prompt, 0)] };
    bed.hits(&loaded.set, &loaded.policy, &[phrase.to_owned()]).concat() == [0]
}

/// A rule that says nothing and is only looked at for whether it fires.
fn probe(phrase: &str) -> Rule {
    Rule {
        id: String::new(),
        tier: 0,
        role: Role::None,
        weight: 0.0,
        weights: None,
        at: At::Any,
        phrases: vec![phrase.to_owned()],
        with: Vec::new(),
        unless: Vec::new(),
        regex: None,
        tags: Vec::new(),
        examples: Vec::new(),
        not: Vec::new(),
    }
}
