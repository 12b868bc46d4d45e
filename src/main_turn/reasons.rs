//! What the guard's reasons for leaving a turn alone mean, in words for people.

/// What each reason for leaving a turn alone means.
const LEFT: [(&str, &str); 17] = [
    ("tier-3", "work for your model"),
    ("no-task", "thanks, answers, small talk: no task"),
    ("no-gain", "weighed, and not expected to pay"),
    ("history", "the history is too long, and cached, for a detour to begin"),
    ("nothing-smaller", "no smaller model and no lower effort"),
    ("mid-work", "the turn before was interrupted or failed"),
    ("complaint", "it complains about the changed turn before it"),
    ("complaints", "changed turns were complained about"),
    ("fails-again", "the same failure keeps coming back"),
    ("plan-mode", "plan mode: it asks to think, whatever about"),
    ("orchestrator", "asks for turbo, a race, or a choice of ways"),
    ("stay-limit", "too soon after the last detour"),
    ("away-limit", "too many turns away in a row"),
    ("detour-limit", "too many detours in the session"),
    ("one-at-a-time", "from one detour into another only upwards"),
    ("losing", "the session's detours lost so far"),
    ("history-unknown", "the beginning of the conversation was not seen"),
];

/// What a reason for leaving a turn alone means, in words.
pub fn reason(why: &str) -> Option<&'static str> {
    LEFT.iter().find_map(|(known, words)| (*known == why).then_some(*words))
}
