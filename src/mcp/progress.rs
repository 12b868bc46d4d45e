//! What a waiting client is told while a tool works: one sentence a step, and no more of them than a person can use.

use tokio::sync::mpsc::UnboundedSender;

use crate::watch::{Step, Watch};

/// Growth of the generated tokens, as a part of the most, that is worth another message.
const WORTH: u64 = 50;

/// The engine's view of the client. `C` says whether it still wants the result.
pub(super) struct Client<C> {
    pub(super) cancelled: C,
    /// None when the client did not ask for progress.
    pub(super) steps: Option<UnboundedSender<Step>>,
}

impl<C: Fn() -> bool + Sync> Watch for Client<C> {
    fn step(&self, step: Step) {
        if let Some(steps) = &self.steps {
            // Nobody listens once the server is closing.
            let _ = steps.send(step);
        }
    }

    fn cancelled(&self) -> bool {
        (self.cancelled)()
    }
}

/// What the client was told last.
#[derive(Debug, Default)]
pub(super) struct Told(Option<Step>);

impl Told {
    /// The sentence for a step; none when it says too little more than the last one.
    pub(super) fn next(&mut self, step: Step) -> Option<String> {
        let worth = match (self.0, step) {
            (Some(Step::Generating { tokens: last, .. }), Step::Generating { tokens, of }) => {
                tokens.saturating_sub(last) >= (of / WORTH).max(1)
            }
            (Some(Step::Waiting { seconds: last }), Step::Waiting { seconds }) => {
                (last - seconds).abs() >= 1.0
            }
            (last, step) => last != Some(step),
        };
        worth.then(|| {
            self.0 = Some(step);
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
        let steps = (0..10_000).map(|tokens| Step::Generating { tokens, of: 10_000 });
        assert_eq!(steps.filter_map(|step| told.next(step)).count(), 50);
        assert_eq!(told.next(Step::Testing).as_deref(), Some("running the tests"));
        assert_eq!(told.next(Step::Testing), None);
        assert_eq!(told.next(Step::Waiting { seconds: 5.2 }).map(|said| said.len()), Some(30));
        assert_eq!(told.next(Step::Waiting { seconds: 4.9 }), None);
    }
}
