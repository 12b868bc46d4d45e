//! What the runs of an exam are worth together. Pure: the same runs give the same verdict.

use std::cmp::Ordering;

use super::{Control, Proof, Sat, Share, Verdict};
use crate::fence::Ended;
use crate::fence::tested::{self, Tested};
use crate::report::text::plural;
use crate::turbo::trial::ended as in_words;

/// One run as the verdict sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What its output says.
    pub tested: &'a Tested,
    /// How it ended.
    pub ended: Ended,
    /// The word that only broken tests hold is in its output.
    pub shows: bool,
}

/// What is known of the exam by reading it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    /// Something in it skips tests on purpose.
    pub may_skip: bool,
    /// Every test of it could be broken, as far as reading shows.
    pub whole: bool,
    /// Tests inside the candidate's sources, which run and are not broken.
    pub own: u64,
}

/// A verdict with its reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    pub reason: String,
    pub share: Share,
}

/// Runners whose tests a candidate's code can skip while they run.
const SKIPPABLE: &[&str] = &["pytest", "unittest", "node --test", "TAP", "jest", "vitest", "mocha"];

/// The verdict on the run against whole tests, when nothing else is known.
pub fn first(run: Seen, known: Known, control: &Control) -> Judged {
    let counts = Counts::of(run.tested);
    let share = Share { passed: counts.passed, of: counts.all() };
    let judged = |verdict, reason: String| Judged { verdict, reason, share };
    let failing = counts.failed + counts.errors;
    let broken_off = run.tested.runner.is_some() && !run.tested.complete;
    match (run.ended, run.tested.verdict) {
        (Ended::Exit(_), tested::Verdict::NoTests) => {
            judged(Verdict::NoTests, format!("no test ran{}", skipped(counts.skipped)))
        }
        (Ended::Exit(_), _) if broken_off => {
            let reason = format!("the run broke off before its runner was done ({})", in_words(run.ended));
            judged(Verdict::Incomplete, reason).with(0)
        }
        (Ended::Exit(0), tested::Verdict::Failed) if failing == 0 => {
            judged(Verdict::Failed, "the output speaks of failures".to_owned()).with(0)
        }
        (Ended::Exit(code), tested::Verdict::Failed) if failing == 0 => {
            judged(Verdict::Failed, format!("the command ended with exit {code} and names no failing test"))
                .with(0)
        }
        (Ended::Exit(_), tested::Verdict::Failed) => {
            judged(Verdict::Failed, format!("{failing} of {} failed", plural(counts.all(), "test")))
        }
        (Ended::Exit(0), tested::Verdict::Passed) => passed(run.tested, counts, known, control, share),
        (ended, _) => {
            judged(Verdict::Failed, format!("the command did not end well: {}", in_words(ended))).with(0)
        }
    }
}

fn passed(tested: &Tested, counts: Counts, known: Known, control: &Control, share: Share) -> Judged {
    let judged = |verdict, reason: String| Judged { verdict, reason, share };
    let skips = tested.runner.is_some_and(|runner| SKIPPABLE.contains(&runner));
    let least = control.least.unwrap_or(0);
    match () {
        () if tested.passed == Some(0) => {
            judged(Verdict::NoTests, format!("no test passed{}", skipped(counts.skipped)))
        }
        () if tested.passed.is_some() && counts.all() < least => {
            let reason = format!("{} ran, and the exam holds at least {least}", plural(counts.all(), "test"));
            judged(Verdict::Incomplete, reason)
        }
        () if skips && counts.skipped > 0 && !known.may_skip && control.proof == Proof::Broken => {
            let reason =
                format!("{} skipped, and the exam skips none by itself", plural(counts.skipped, "test"));
            judged(Verdict::Incomplete, reason)
        }
        () if tested.runner.is_none() => judged(
            Verdict::Passed,
            "the command ended with exit 0; its output is of no known runner, so nothing was counted"
                .to_owned(),
        ),
        () => judged(
            Verdict::Passed,
            match tested.passed {
                Some(count) => format!("{} passed and none failed", plural(count, "test")),
                None => "all tests passed; the runner does not say how many".to_owned(),
            },
        ),
    }
}

/// The verdict once the run against broken tests is known as well.
pub fn second(whole: Seen, broken: Seen, known: Known, control: &Control) -> Judged {
    let judged = first(whole, known, control);
    let forged = |reason: String| Judged {
        verdict: Verdict::Forged,
        reason,
        share: Share { passed: 0, ..judged.share },
    };
    let (was, is) = (Counts::of(whole.tested), Counts::of(broken.tested));
    let failing = is.failed + is.errors;
    match broken.ended {
        Ended::Exit(0) => {
            return forged("the command succeeds although every test of the exam is broken".to_owned());
        }
        Ended::Exit(_) => {}
        ended if judged.verdict == Verdict::Passed => {
            let reason = format!("the run against broken tests did not end by itself: {}", in_words(ended));
            return Judged { verdict: Verdict::Incomplete, reason, ..judged };
        }
        _ => return judged.with(0),
    }
    if failing == 0 {
        return forged("no test is said to fail although every test of the exam is broken".to_owned());
    }
    if control.seen && !broken.shows {
        return forged(
            "the output does not show why broken tests fail, which it does without the candidate".to_owned(),
        );
    }
    if known.whole && is.passed > known.own {
        return forged(format!(
            "{} of the exam passed although it is broken",
            plural(is.passed - known.own, "test")
        ));
    }
    // What fails when everything is broken is all there is, however often a test is repeated with other values. A run that
    // stops at its first failure shows fewer.
    let of = failing.max(control.least.unwrap_or(0));
    let fails = match judged.verdict {
        Verdict::Passed => 0,
        Verdict::Failed if was.failed + was.errors > 0 => {
            let missing = if whole.tested.passed.is_some() { of.saturating_sub(was.all()) } else { 0 };
            let skipped = if known.may_skip { 0 } else { was.skipped };
            was.failed + was.errors + missing + skipped
        }
        _ => of,
    };
    Judged { share: Share { passed: of.saturating_sub(fails), of }, ..judged }
}

impl Judged {
    fn with(self, passed: u64) -> Self {
        Self { share: Share { passed, ..self.share }, ..self }
    }
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
    errors: u64,
}

impl Counts {
    fn of(tested: &Tested) -> Self {
        let known = |count: Option<u64>| count.unwrap_or(0);
        Self {
            passed: known(tested.passed),
            failed: known(tested.failed),
            skipped: known(tested.skipped),
            errors: known(tested.errors),
        }
    }

    fn all(self) -> u64 {
        [self.failed, self.skipped, self.errors].into_iter().fold(self.passed, u64::saturating_add)
    }
}

fn skipped(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", and {} skipped", plural(count, "test")) }
}

/// The better exam is the greater one: by verdict, then by the share of tests that passed.
pub fn compare(one: &Sat, other: &Sat) -> Ordering {
    let class = |sat: &Sat| match sat.verdict {
        Verdict::Passed => 4,
        Verdict::Failed => 3,
        Verdict::Incomplete => 2,
        Verdict::NoTests => 1,
        Verdict::Forged => 0,
    };
    let product = |part: Share, whole: Share| u128::from(part.passed) * u128::from(whole.of.max(1));
    class(one).cmp(&class(other)).then(product(one.share, other.share).cmp(&product(other.share, one.share)))
}
