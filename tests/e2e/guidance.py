"""Cases: what SEF says to the model, when, how long it is, and when it keeps quiet."""

from api import NOTIFICATION, call, http_error, spawn
from trial import (
    GREETING, LOOKUP, NEUTRAL, NEWEST, SEARCH,
    case, expect, expect_on_wire, expect_that, hints, talk,
)  # fmt: skip

# Bytes. The texts stay in the history and are paid again with every request, so they are kept short.
SESSION_LIMIT = 600
HINT_LIMIT = 240

PLEASE = "please look for the greeting"


def one_short_line(given, what):
    """Checks that exactly one text was given and that it is a short line; gives it."""
    expect(f"number of texts about {what}", 1, len(given))
    line = given[0].strip()
    expect_that(line and "\n" not in line, f"one line about {what}", line)
    expect_that(len(line.encode()) <= HINT_LIMIT, f"at most {HINT_LIMIT} bytes", len(line.encode()))
    return line


@case()
def a_session_starts_with_one_short_text(t):
    home = t.start({NEUTRAL: ["welcome"]})
    talk(home, NEUTRAL)
    given = home.contexts("SessionStart")
    expect("number of texts at the start", 1, len(given))
    size = len(given[0].encode())
    expect_that(0 < size <= SESSION_LIMIT, f"1 to {SESSION_LIMIT} bytes", size)
    expect_on_wire(home, given[0])
    return f"{size} bytes, in the first request"


@case()
def a_search_gets_one_hint_per_session_and_thanks_gets_none(t):
    home = t.start({SEARCH: ["none"], "uses the database": ["none"], NEUTRAL: ["welcome"]})
    session = talk(home, NEUTRAL)["session_id"]
    expect("hints after 'thanks'", [], hints(home))
    talk(home, SEARCH, "--resume", session)
    hint = one_short_line(hints(home), "the search")
    expect_that("sef-explore" in hint, "the name sef-explore in the hint", hint)
    expect_on_wire(home, hint)
    talk(home, "Find every file that uses the database and list it", "--resume", session)
    expect("hints after a second search", 1, len(hints(home)))
    talk(home, NEUTRAL, "--resume", session)
    expect("hints after another 'thanks'", 1, len(hints(home)))
    return f"thanks, search, search, thanks: 0 + 1 + 0 + 0 hints, {len(hint.encode())} bytes"


@case()
def the_off_word_silences_the_hint(t):
    home = t.start({SEARCH[4:]: ["none"]})
    talk(home, "~off find" + SEARCH[4:])
    expect("hints", [], hints(home))
    return "~off find ...: no hint"


@case()
def under_a_haiku_orchestrator_there_are_no_hints(t):
    home = t.start({NEUTRAL: ["welcome"], SEARCH: ["none"]})
    session = talk(home, NEUTRAL, model="haiku")["session_id"]
    talk(home, SEARCH, "--resume", session, model="haiku")
    expect("hints", [], hints(home))
    return "a search after the first reply on haiku: no hint"


def background(t, answers):
    home = t.start(
        {NOTIFICATION: ["noted"], NEUTRAL: [spawn(LOOKUP, background=True), "waiting"]}, {GREETING: answers}
    )
    talk(home, NEUTRAL)
    arrived = [s for s in home.api.main() if s.key == NOTIFICATION]
    expect_that(arrived, "a notification in a request", [s.key for s in home.api.main()])
    return home


@case()
def a_background_agent_that_did_well_is_not_commented_on(t):
    home = background(t, ["hello.txt:1"])
    expect("hints", [], hints(home))
    return "notification arrived, nothing added"


@case()
def a_background_agent_that_gave_up_gets_one_line(t):
    home = background(t, ["INCOMPLETE: there is no such file."])
    line = one_short_line(hints(home), "the agent that gave up")
    expect_on_wire(home, line)
    return f"{len(line.encode())} bytes: {line[:60]}..."


@case(clients=(NEWEST,))  # The oldest client ends before it notifies of a failed background agent.
def a_background_agent_that_failed_gets_one_line(t):
    home = background(t, [http_error(400, "invalid_request_error", "the request is not well-formed")])
    line = one_short_line(hints(home), "the agent that failed")
    expect_on_wire(home, line)
    return f"{len(line.encode())} bytes: {line[:60]}..."


def foreground(t, answers):
    home = t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: answers})
    talk(home, NEUTRAL)
    return home, home.contexts("PostToolUse")


@case()
def a_foreground_agent_that_did_well_is_not_commented_on(t):
    _, given = foreground(t, ["hello.txt:1"])
    expect("texts after the result", [], given)
    return "nothing after the result"


@case()
def a_foreground_agent_that_gave_up_gets_one_line(t):
    home, given = foreground(t, ["INCOMPLETE: there is no such file."])
    line = one_short_line(given, "the agent that gave up")
    expect_on_wire(home, line)
    return f"{len(line.encode())} bytes: {line[:60]}..."


@case()
def a_foreground_agent_that_failed_gets_one_line(t):
    home, given = foreground(t, [http_error(400, "invalid_request_error", "the request is not well-formed")])
    line = one_short_line(given, "the agent that failed")
    expect_on_wire(home, line)
    return f"{len(line.encode())} bytes: {line[:60]}..."


@case(clients=[NEWEST])
def the_sef_command_notes_the_users_word_without_asking(t):
    typed = "The user typed `/sef reject`"
    home = t.start({PLEASE: [spawn(LOOKUP, agent="sef-explore"), "done"]}, {GREETING: ["hello.txt:1"]})
    session = talk(home, PLEASE)["session_id"]
    command = f"sef reject --session {session}"
    home.api.script.prompts[typed] = [call("Bash", command=command), "rejected"]
    talk(home, "/sef reject", "--resume", session)
    expect_on_wire(home, command)
    ended = [(one["outcome"], one["reason"]) for one in home.audit()["list"]]
    expect("the outcome", [("user-visible", "rejected-by-hand")], ended)
    return f"/sef reject in the session: {ended[0][1]}"
