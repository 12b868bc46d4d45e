//! The least that a session of the simulated month can cost for somebody who knows every pause, every length and every failure
//! beforehand: exact, over all sequences of choices. What the guard's gain is measured against.

use std::collections::HashMap;

use super::assumed::Effort;
use super::caches::Caches;
use super::guard::Choice;
use super::month::{Month, Session, suffices};
use crate::classify::Tier;
use crate::models::Family;

/// For each model the last turn that it served.
type Served = [Option<usize>; 3];

/// The least cost, in dollars.
pub(super) fn least(month: &Month<'_>, session: &Session) -> f64 {
    let mut at = session.begin;
    let mut history = month.assumed.system;
    let begins = session.turns.iter().map(|turn| {
        at += turn.pause;
        history += month.assumed.prompt;
        let begun = (at, history);
        at += turn.requests.iter().map(|request| request.millis).sum::<u64>();
        history += turn.requests.iter().map(|request| request.grows).sum::<u64>();
        begun
    });
    let begins: Vec<(u64, u64)> = begins.collect();
    Search { month, session, begins, known: HashMap::new() }.from(0, [None; 3])
}

struct Search<'a> {
    month: &'a Month<'a>,
    session: &'a Session,
    /// Time and length of each turn's first prompt.
    begins: Vec<(u64, u64)>,
    known: HashMap<(usize, Served), f64>,
}

impl Search<'_> {
    /// The least cost from a turn on.
    fn from(&mut self, turn: usize, served: Served) -> f64 {
        if turn == self.session.turns.len() {
            return 0.0;
        }
        if let Some(known) = self.known.get(&(turn, served)) {
            return *known;
        }
        let mut least = f64::INFINITY;
        for (place, choice) in self.choices(turn) {
            let mut next = served;
            next[place] = Some(turn);
            least = least.min(self.cost(turn, choice, served[place]) + self.from(turn + 1, next));
        }
        self.known.insert((turn, served), least);
        least
    }

    /// What would come out well, with the place of its model in [`Served`].
    fn choices(&self, at: usize) -> Vec<(usize, Choice)> {
        let turn = &self.session.turns[at];
        let home = Family::of(self.month.setting.home);
        let effort = match turn.judged {
            Tier::Haiku => Some(Effort::Low),
            Tier::Sonnet => Some(Effort::Medium),
            Tier::None | Tier::Opus => None,
        };
        let lower =
            effort.filter(|level| Some(*level) < self.month.assumed.effort_of(self.month.setting.home));
        let mut choices = vec![(0, Choice::Stay)];
        choices.extend(lower.map(|level| (0, Choice::Effort(level))));
        for (place, family) in [(1, Family::Haiku), (2, Family::Sonnet)] {
            if Some(family) < home {
                choices.push((place, Choice::Model(family)));
            }
        }
        choices.retain(|(_, choice)| suffices(turn, *choice));
        choices
    }

    /// What a turn costs on a model that served `last` before.
    fn cost(&self, at: usize, choice: Choice, last: Option<usize>) -> f64 {
        let month = self.month;
        let (model, output) = month.meant(choice);
        let mut caches = match last {
            None => month.begun(self.session),
            Some(last) => self.left_by(last, model),
        };
        let (mut time, mut prompt) = self.begins[at];
        let mut sum = 0.0;
        for request in &self.session.turns[at].requests {
            let generated = (request.output as f64 * output) as u64;
            sum += month.price(&month.request(&mut caches, model, time, prompt, generated));
            time += request.millis;
            prompt += request.grows;
        }
        sum
    }

    /// What a turn's last request left in a model's cache.
    fn left_by(&self, turn: usize, model: &str) -> Caches {
        let (mut time, mut prompt) = self.begins[turn];
        let requests = &self.session.turns[turn].requests;
        for request in &requests[..requests.len() - 1] {
            time += request.millis;
            prompt += request.grows;
        }
        let mut caches = Caches::default();
        caches.used(model, time, prompt, self.month.setting.hour);
        caches
    }
}
