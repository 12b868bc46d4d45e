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
    let reached = broken.shows || !control.seen;
    match () {
        () if judged.verdict == Verdict::Passed && failing == 0 => {
            return forged("no test is said to fail although every test of the exam is broken".to_owned());
        }
        () if judged.verdict == Verdict::Passed && !reached => {
            return forged(
                "the output does not show why broken tests fail, which it does without the candidate"
                    .to_owned(),
            );
        }
        // As when nothing can be loaded or built: the tests did not get to run, and none of them passed.
        () if failing == 0 || !reached => {
            let of = judged.share.of.max(control.least.unwrap_or(0));
            return Judged { share: Share { passed: 0, of }, ..judged };
        }
        () => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: Control = Control { proof: Proof::Broken, seen: true, least: Some(5), why: String::new() };
    const KNOWN: Known = Known { may_skip: false, whole: true, own: 0 };

    /// A run of unittest; what is empty came to no end.
    fn run(passed: u64, failed: u64, errors: u64, skipped: u64) -> Tested {
        let bad = failed + errors > 0;
        let all = passed + failed + errors + skipped;
        let end = if bad { "FAILED" } else { "OK" };
        let text = format!(
            "Ran {all} tests in 0.1s\n\n{end} (failures={failed}, errors={errors}, skipped={skipped})\n"
        );
        tested::read(&text, Ended::Exit(i32::from(bad)))
    }

    fn seen(tested: &Tested, code: i32) -> Seen<'_> {
        Seen { tested, ended: Ended::Exit(code), shows: true }
    }

    #[test]
    fn f6_only_a_run_that_the_tests_decide_passes() {
        let whole = run(5, 0, 0, 0);
        let table = [
            (run(0, 5, 0, 0), 1, true, Verdict::Passed),
            (run(0, 0, 5, 0), 1, true, Verdict::Passed),
            (run(0, 12, 0, 0), 1, true, Verdict::Passed),
            (run(0, 5, 0, 0), 0, true, Verdict::Forged),
            (run(5, 0, 0, 0), 0, true, Verdict::Forged),
            (run(5, 0, 0, 0), 1, true, Verdict::Forged),
            (run(2, 3, 0, 0), 1, true, Verdict::Forged),
            (run(0, 5, 0, 0), 1, false, Verdict::Forged),
        ];
        for (broken, code, shows, verdict) in table {
            let broken_run = Seen { shows, ..seen(&broken, code) };
            let judged = second(seen(&whole, 0), broken_run, KNOWN, &CONTROL);
            assert_eq!(judged.verdict, verdict, "{broken:?} exit {code}: {judged:?}");
            assert_eq!(judged.share.passed == judged.share.of, verdict == Verdict::Passed, "{judged:?}");
        }
        let endless = Seen { ended: Ended::TimedOut, ..seen(&whole, 0) };
        assert_eq!(second(seen(&whole, 0), endless, KNOWN, &CONTROL).verdict, Verdict::Incomplete);
    }

    #[test]
    fn tests_that_are_not_broken_may_pass() {
        let (whole, broken) = (run(8, 0, 0, 0), run(3, 5, 0, 0));
        for (known, verdict) in [
            (KNOWN, Verdict::Forged),
            (Known { own: 2, ..KNOWN }, Verdict::Forged),
            (Known { own: 3, ..KNOWN }, Verdict::Passed),
            (Known { whole: false, ..KNOWN }, Verdict::Passed),
        ] {
            assert_eq!(
                second(seen(&whole, 0), seen(&broken, 1), known, &CONTROL).verdict,
                verdict,
                "{known:?}"
            );
        }
    }

    #[test]
    fn f6_a_share_counts_what_is_known_to_fail_and_not_what_is_said_to_pass() {
        let broken = run(0, 5, 0, 0);
        for (whole, passed) in [
            (run(3, 2, 0, 0), 3),
            (run(100, 4, 1, 0), 0),
            (run(100, 3, 0, 0), 2),
            (run(1, 1, 0, 0), 1),
            (run(2, 1, 0, 2), 2),
            (run(0, 9, 0, 0), 0),
        ] {
            let judged = second(seen(&whole, 1), seen(&broken, 1), KNOWN, &CONTROL);
            assert_eq!(
                (judged.verdict, judged.share),
                (Verdict::Failed, Share { passed, of: 5 }),
                "{whole:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_loaded_fails_and_is_not_called_a_forgery() {
        let (whole, broken) = (run(0, 0, 1, 0), run(0, 0, 1, 0));
        let unshown = Seen { shows: false, ..seen(&broken, 1) };
        let judged = second(seen(&whole, 1), unshown, KNOWN, &CONTROL);
        assert_eq!((judged.verdict, judged.share), (Verdict::Failed, Share { passed: 0, of: 5 }));
    }

    #[test]
    fn f6_fewer_tests_than_there_are_is_no_pass_and_neither_is_a_skip_of_the_candidates() {
        for (tested, known, verdict) in [
            (run(5, 0, 0, 0), KNOWN, Verdict::Passed),
            (run(4, 0, 0, 0), KNOWN, Verdict::Incomplete),
            (run(4, 0, 0, 1), KNOWN, Verdict::Incomplete),
            (run(4, 0, 0, 1), Known { may_skip: true, ..KNOWN }, Verdict::Passed),
            (run(0, 0, 0, 5), KNOWN, Verdict::NoTests),
        ] {
            assert_eq!(first(seen(&tested, 0), known, &CONTROL).verdict, verdict, "{tested:?}");
        }
        for ended in [Ended::Signal(9), Ended::TimedOut, Ended::TooMuchMemory, Ended::TooManyProcesses] {
            let whole = run(5, 0, 0, 0);
            let judged = first(Seen { ended, ..seen(&whole, 0) }, KNOWN, &CONTROL);
            assert_eq!((judged.verdict, judged.share.passed), (Verdict::Failed, 0), "{ended:?}");
        }
    }
}
