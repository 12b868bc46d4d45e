//! What a waiting client is told while a tool works: one sentence a step, and no more of them than a person can use.

use tokio::sync::mpsc::UnboundedSender;

use crate::race::live::{Spectator, Weight};
use crate::report::text::excerpt;
use crate::watch::{Step, Watch};

/// Growth of the generated tokens, as a part of the most, that is worth another message.
const WORTH: u64 = 50;

/// Most sentences about one race: six candidates with three contracts and five repairs each need fewer.
const MOST_OF_A_RACE: usize = 200;
/// Longest sentence about a race, in characters.
const LONGEST: usize = 200;

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// A step of one order.
    Step(Step),
    /// A phase of a race or of one candidate, in words.
    Phase(String),
}

/// The engine's view of the client.
pub(super) struct Client {
    /// Whether it does not want the result any more.
    pub(super) cancelled: Box<dyn Fn() -> bool + Send + Sync>,
    /// None when the client did not ask for progress.
    pub(super) news: Option<UnboundedSender<News>>,
}

impl Client {
    pub(super) fn tell(&self, news: News) {
        if let Some(sender) = &self.news {
            // Nobody listens once the server is closing.
            let _ = sender.send(news);
        }
    }

    pub(super) fn has_left(&self) -> bool {
        (self.cancelled)()
    }
}

impl Watch for Client {
    fn step(&self, step: Step) {
        self.tell(News::Step(step));
    }

    fn cancelled(&self) -> bool {
        self.has_left()
    }
}

impl Spectator for Client {
    fn say(&self, candidate: Option<&str>, words: &str, weight: Weight) {
        if weight == Weight::Phase {
            self.tell(News::Phase(phase(candidate, words)));
        }
    }

    fn cancelled(&self) -> bool {
        self.has_left()
    }
}

/// A phase as one short sentence: `runner-1: testing`.
pub(super) fn phase(candidate: Option<&str>, words: &str) -> String {
    excerpt(&format!("{}: {words}", candidate.unwrap_or("race")), LONGEST)
}

/// What the client was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    step: Option<Step>,
    phases: usize,
}

impl Told {
    /// The sentence for some news; none when it says too little more than the last one.
    pub(super) fn next(&mut self, news: News) -> Option<String> {
        match news {
            News::Step(step) => self.step(step),
            News::Phase(_) if self.phases >= MOST_OF_A_RACE => None,
            News::Phase(words) => {
                self.phases += 1;
                Some(words)
            }
        }
    }

    fn step(&mut self, step: Step) -> Option<String> {
        let worth = match (self.step, step) {
            (Some(Step::Generating { tokens: last, .. }), Step::Generating { tokens, of }) => {
                tokens.saturating_sub(last) >= (of / WORTH).max(1)
            }
            (Some(Step::Waiting { seconds: last }), Step::Waiting { seconds }) => {
                (last - seconds).abs() >= 1.0
            }
            (last, step) => last != Some(step),
        };
        worth.then(|| {
            self.step = Some(step);
            step.in_words()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_steps_are_at_most_fifty_messages() {
        let mut told = Told::default();
        let steps = (0..10_000).map(|tokens| News::Step(Step::Generating { tokens, of: 10_000 }));
        assert_eq!(steps.filter_map(|step| told.next(step)).count(), 50);
        assert_eq!(told.next(News::Step(Step::Testing)).as_deref(), Some("running the tests"));
        assert_eq!(told.next(News::Step(Step::Testing)), None);
        assert_eq!(told.next(News::Step(Step::Waiting { seconds: 5.2 })).map(|said| said.len()), Some(30));
        assert_eq!(told.next(News::Step(Step::Waiting { seconds: 4.9 })), None);
    }

    #[test]
    fn a_race_that_says_too_much_is_cut_off_and_so_is_each_sentence() {
        let mut told = Told::default();
        let phases = (0..10_000).map(|_| News::Phase("runner-1: testing".to_owned()));
        assert_eq!(phases.filter_map(|phase| told.next(phase)).count(), MOST_OF_A_RACE);
        assert_eq!(phase(Some("runner-1"), "tests 3/4\u{1b}[2J"), "runner-1: tests 3/4 [2J");
        assert_eq!(phase(None, &"é".repeat(1_000)).chars().count(), LONGEST);
    }
}
