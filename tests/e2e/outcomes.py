"""Cases: how delegations end in the real client, one session for each kind of outcome and for what is none.

Each claim is checked by `Session.judged` (verdicts.py): the verdict and its evidence, the report's sums, its cost.
"""

import re
from pathlib import Path

from api import NOTIFICATION, Reply, call, http_error, spawn
from trial import (
    BUILD, DURATION, GREETING, LOOKUP, MIDDLE, NEWEST, OTHER_LOOKUP, PORT,
    case, expect, expect_that,
)  # fmt: skip
from tui import Screen
from verdicts import CENT, WORK, Session

ACCEPTED = ("accepted", "went-on")
COMPLAINED = ("user-visible", "user-complained")

CODE = "def parse_duration(text):\n    return int(text[:-1])\n"
WRITES = call("Write", file_path="src/duration.py", content=CODE)
BROKEN = http_error(400, "invalid_request_error", "the request is not well-formed")
GREP = {"pattern": "PORT", "path": "src"}
SHELL_GREP = "grep -rn PORT src"


@case()
def outcome_work_that_was_used_is_accepted(t):
    look, build, tests = (
        spawn(OTHER_LOOKUP, agent="sef-explore"),
        spawn(BUILD, agent="sef-implement"),
        spawn("Run the command true and report whether it passes.", agent="sef-validate"),
    )
    s = Session(
        t,
        {WORK: [[look, build], tests, "done"]},
        {PORT: [call("Grep", **GREP), call("Read", file_path="src/net.py"), "src/net.py:2"],
         DURATION: [WRITES, call("Bash", command="python3 -m unittest"), "written, tests pass"],
         "command true": [call("Bash", command="true"), "it passes"]},
    )  # fmt: skip
    s.say()
    return s.judged((look, *ACCEPTED), (build, *ACCEPTED), (tests, *ACCEPTED))


@case()
def outcome_an_edit_of_the_executors_file_is_redone(t):
    build = spawn(BUILD, agent="sef-implement")
    s = Session(t, {}, {DURATION: [WRITES, "written"]})
    path = str(s.home.project / "src/duration.py")
    edit = call("Edit", file_path=path, old_string="int(text[:-1])", new_string="float(text[:-1])")
    s.home.api.script.prompts[WORK] = [build, call("Read", file_path=path), edit, "done"]
    s.say()
    expect_that("float" in Path(path).read_text(), "the edit in the file", Path(path).read_text())
    return s.judged((build, "redone", "edited-again"))


@case()
def outcome_a_whole_new_version_of_the_executors_file_is_redone(t):
    build = spawn(BUILD)
    better = call("Write", file_path="src/duration.py", content=CODE.replace("int", "float"))
    s = Session(
        t,
        {WORK: [build, call("Read", file_path="src/duration.py"), better, "done"]},
        {DURATION: [WRITES, "written"]},
    )
    s.say()
    return s.judged((build, "redone", "edited-again"))


@case()
def outcome_the_same_search_again_is_redone(t):
    # Unless told to, neither client gives its orchestrator Grep or Glob; executors have them by their files.
    look = spawn(OTHER_LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [look, call("Grep", **GREP, output_mode="content"), "done"]},
        {PORT: [call("Grep", **GREP), "src/net.py:2"]},
    )
    s.say(WORK, "--tools", "Agent,Read,Grep,Glob")
    return s.judged((look, "redone", "searched-again"))


@case()
def outcome_the_same_search_again_in_the_shell_is_redone(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [look, call("Bash", command=SHELL_GREP, description="Search the port"), "done"]},
        {PORT: [call("Grep", **GREP), "src/net.py:2"]},
    )
    s.say()
    return s.judged((look, "redone", "searched-again"))


@case()
def outcome_the_same_command_again_is_redone(t):
    check = spawn("Run python3 -m compileall src and report whether it passes.", agent="sef-validate")
    s = Session(
        t,
        {WORK: [check, call("Bash", command="python3  -m compileall src", description="Compile"), "done"]},
        {"compileall": [call("Bash", command="ls src"), call("Bash", command="python3 -m compileall src"), "yes"]},
    )
    s.say()
    return s.judged((check, "redone", "ran-again"))


@case()
def outcome_the_same_file_read_twice_is_redone(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore")
    first, second = (call("Read", file_path="src/net.py") for _ in range(2))
    s = Session(
        t,
        {WORK: [look, first, second, "done"]},
        {PORT: [call("Read", file_path="src/net.py"), "src/net.py:2"]},
    )
    s.say()
    return s.judged((look, "redone", "read-again"))


@case()
def outcome_a_check_of_what_an_executor_wrote_by_shell_commands_is_accepted(t):
    build, tests = spawn(BUILD), "python3 -m unittest"
    s = Session(
        t,
        {WORK: [build, call("Bash", command=tests), call("Bash", command="grep -rn duration src"), "done"]},
        {DURATION: [call("Bash", command="echo 'def parse_duration(t): ...' > src/duration.py"),
                    call("Bash", command="grep -rn duration src"), call("Bash", command=tests), "written"]},
    )  # fmt: skip
    s.say()
    return s.judged((build, *ACCEPTED))


@case()
def outcome_the_same_task_again_is_re_delegated(t):
    first = spawn(LOOKUP, agent="sef-explore")
    second = spawn(LOOKUP + " Look again.", agent="sef-explore")
    third = spawn(LOOKUP + " Look again, it is there.", model="sonnet")
    fourth = spawn(LOOKUP + " Look again, it is there in plain sight.", model="opus")
    s = Session(
        t,
        {WORK: [first, second, third, fourth, "done"]},
        {GREETING: [call("Read", file_path="hello.txt"), "it may be in hello.txt"]},
    )
    s.say()
    same, higher = ("re-delegated", "again-same-tier"), ("re-delegated", "again-higher-tier")
    return s.judged((first, *same), (second, *higher), (third, *higher), (fourth, *ACCEPTED))


@case()
def outcome_work_that_did_not_come_is_failed(t):
    broken, gave_up, empty = (
        spawn(LOOKUP, agent="sef-explore"),
        spawn(OTHER_LOOKUP, agent="sef-explore"),
        spawn(BUILD, agent="sef-implement"),
    )
    s = Session(
        t,
        {WORK: [broken, gave_up, empty, "I do it myself"]},
        {GREETING: [call("Read", file_path="hello.txt"), BROKEN], PORT: ["INCOMPLETE: there is no such file."],
         DURATION: [""]},
    )  # fmt: skip
    s.say()
    return s.judged(
        (broken, "failed", "error-result"), (gave_up, "failed", "gave-up"), (empty, "failed", "empty-result")
    )


def background(t, answers):
    look = spawn(OTHER_LOOKUP, agent="sef-explore", background=True)
    s = Session(t, {NOTIFICATION: ["noted"], WORK: [look, "waiting"]}, {PORT: answers})
    s.say()
    return s, look


@case()
def outcome_a_background_agent_is_accepted_after_its_notification(t):
    s, look = background(t, [call("Grep", **GREP), Reply([{"type": "text", "text": "src/net.py:2"}], delay=1)])
    return s.judged((look, *ACCEPTED))


@case()
def outcome_a_background_agent_that_gave_up_is_failed(t):
    s, look = background(t, ["INCOMPLETE: there is no such file."])
    return s.judged((look, "failed", "gave-up"))


@case(clients=(NEWEST,))  # The oldest client ends before it notifies of a failed background agent.
def outcome_a_background_agent_that_failed_is_failed(t):
    s, look = background(t, [BROKEN])
    return s.judged((look, "failed", "error-result"))


@case()
def outcome_nested_agents_are_each_judged_by_who_started_them(t):
    outer, inner = spawn(BUILD), spawn(OTHER_LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [outer, "done"]},
        {DURATION: [inner, WRITES, "written"], PORT: [call("Grep", **GREP), "src/net.py:2"]},
    )
    s.say()
    return s.judged((outer, *ACCEPTED), (inner, *ACCEPTED))


@case()
def outcome_a_nested_agent_whose_file_its_parent_edits_is_redone_and_the_parent_is_not(t):
    inner_task = BUILD.replace("parse_duration", "parse_interval")
    outer, inner = spawn(BUILD), spawn(inner_task, agent="sef-implement")
    edit = call("Edit", file_path="src/duration.py", old_string="int(text", new_string="float(text")
    s = Session(
        t,
        {WORK: [outer, "done"]},
        {DURATION: [inner, call("Read", file_path="src/duration.py"), edit, "written"],
         "parse_interval": [WRITES, "written"]},
    )  # fmt: skip
    s.say()
    return s.judged((outer, *ACCEPTED), (inner, "redone", "edited-again"))


def builds(t, words, expected):
    """One session: after each implementation the user says one of those words, and after them goes on with the next."""
    tasks = [spawn(BUILD, agent="sef-implement") for _ in words]
    steps = dict(zip([WORK, *words], [[task, "done"] for task in tasks] + [["I see"]]))
    s = Session(t, steps, {DURATION: [WRITES, "written"]})
    for prompt in steps:
        s.say(prompt)
    s.judged(*((task, *expected) for task in tasks))
    return f"{len(words)} of {len(words)}: " + "; ".join(words)


@case()
def outcome_the_users_complaint_makes_it_user_visible(t):
    words = (
        "that's wrong, it returns an int for 1h30m",
        "it is broken, revert it",
        "that doesn't work, the tests fail",
    )
    return builds(t, words, COMPLAINED)


@case()
def outcome_thanks_a_new_task_and_a_question_leave_it_accepted(t):
    words = ("thanks, that works", "now add a changelog entry for it", "why did you choose a regex?")
    return builds(t, words, ACCEPTED)


@case()
def outcome_verification_is_held_against_nobody(t):
    look, build = spawn(OTHER_LOOKUP, agent="sef-explore"), spawn(BUILD, agent="sef-implement")
    tests = call("Bash", command="python3 -m unittest", description="Run the tests")
    edit = call("Edit", file_path="src/net.py", old_string="8080", new_string="8081")
    s = Session(
        t,
        {WORK: [look, call("Read", file_path="src/net.py"), build, call("Read", file_path="src/duration.py"), tests,
                call("Bash", command="git status"), call("Bash", command="git diff"), edit, "done"]},
        {PORT: [call("Grep", **GREP), call("Read", file_path="src/net.py"), "src/net.py:2"],
         DURATION: [WRITES, call("Bash", command="python3 -m unittest"), call("Bash", command="git status"), "done"]},
    )  # fmt: skip
    s.say()
    expect_that("8081" in (s.home.project / "src/net.py").read_text(), "the edit of the other file", "not there")
    return "read once, tests, git, another file edited: " + s.judged((look, *ACCEPTED), (build, *ACCEPTED))


@case()
def outcome_another_search_and_another_task_are_no_second_try(t):
    first, second = spawn(LOOKUP, agent="sef-explore"), spawn(OTHER_LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [first, second, call("Bash", command="grep -rn config src"), "done"]},
        {GREETING: [call("Grep", pattern="hello"), "hello.txt:1"], PORT: [call("Grep", **GREP), "src/net.py:2"]},
    )
    s.say()
    return s.judged((first, *ACCEPTED), (second, *ACCEPTED))


@case()
def outcome_a_check_that_is_run_again_after_a_shell_command_changed_something_is_accepted(t):
    check = spawn("Run python3 src/net.py and report whether it passes.", agent="sef-validate")
    run = call("Bash", command="python3 src/net.py", description="Run it")
    mend = call("Bash", command="sed -i 's/import config//' src/net.py", description="Mend it")
    s = Session(
        t,
        {WORK: [check, mend, run, "done"]},
        {"python3 src/net.py": [call("Bash", command="python3 src/net.py"), "It fails: no module named config"]},
    )
    s.say()
    return s.judged((check, *ACCEPTED))


@case()
def outcome_a_call_that_never_became_an_agent_is_unknown(t):
    denied, unheard = spawn(BUILD, agent="sef-implement"), spawn(LOOKUP, agent="explorer")
    right = spawn(LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [denied, unheard, right, "done"]},
        {GREETING: [call("Read", file_path="hello.txt"), "hello.txt:1"]},
        before=lambda home: home.settings(permissions={"deny": ["Agent(sef-implement)"]}),
    )
    s.say()
    expect("texts after the refusals", [], s.home.contexts("PostToolUseFailure"))
    return s.judged((denied, "unknown", "refused"), (unheard, "unknown", "refused"), (right, *ACCEPTED))


@case()
def outcome_a_call_that_is_not_allowed_is_unknown(t):
    wrong, no = "that's wrong, it does nothing at all", {"type": "command", "command": "echo no >&2; exit 2"}
    for settings, mode, reason in (
        ({"permissions": {"ask": ["Agent"]}}, "default", "refused"),
        ({"permissions": {"deny": ["Agent(model:sonnet)"]}}, "default", "stopped-by-user"),
        ({"hooks": {"PreToolUse": [{"matcher": "Agent", "hooks": [no]}]}}, "default", "stopped-by-user"),
        # The scripted API has no safety check, so the client refuses every spawn in this mode.
        ({}, "auto", "refused"),
    ):
        build = spawn(BUILD, model="sonnet")
        s = Session(
            t,
            {WORK: [build, "done"], wrong: ["I see"]},
            {DURATION: [WRITES, "written"]},
            before=lambda home, settings=settings: home.settings(**settings),
        )
        s.say(WORK, "--permission-mode", mode, code=int(mode == "auto" and t.newest))
        if mode == "auto":
            s.say(wrong)
        s.judged((build, "unknown", reason))
    return "asked and not granted, denied by rule, by hook, in auto mode: unknown, also after a complaint"


@case()
def outcome_an_agent_that_is_stopped_while_it_runs_is_unknown(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore", background=True)

    def stop(seen):
        return call("TaskStop", task_id=re.search(r"agentId: (\w+)", seen.text())[1])

    s = Session(
        t,
        {NOTIFICATION: ["noted"], WORK: [look, stop, "stopped"]},
        {PORT: [Reply([{"type": "text", "text": "src/net.py:2"}], delay=4)]},
    )
    s.say()
    return s.judged((look, "unknown", "stopped-by-user"))


@case()
def outcome_work_after_which_the_orchestrator_fails_is_unknown(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore")
    s = Session(t, {WORK: [look, BROKEN]}, {PORT: ["src/net.py:2"]})
    s.say(code=1)
    return s.judged((look, "unknown", "nothing-after"))


@case(clients=(NEWEST,), but=(MIDDLE,))  # The others do not note what they counted.
def outcome_a_complaint_after_a_compaction_still_counts(t):
    build, wrong = spawn(BUILD, agent="sef-implement"), "that's wrong, it still returns an int for 1h30m"
    s = Session(
        t,
        {WORK: [build, "done"], "create a detailed summary": [f"{wrong}, said nobody"], wrong: ["I see"]},
        {DURATION: [WRITES, "written"]},
    )
    s.say().say("/cost").say("/compact").say(wrong)
    verdict = s.judged((build, *COMPLAINED), priced=False)
    # The requests of a compaction are in the client's sum and in no transcript.
    cost = s.home.report()["cost"]
    mine = cost["by_model"]["claude-opus-5-5"]
    unseen = len(s.home.api.seen) - sum(model["requests"] for model in cost["by_model"].values())
    gap, expected = cost["client_usd"] - cost["actual_usd"], unseen * mine["usd"] / mine["requests"]
    expect_that(unseen > 0 and abs(gap - expected) < CENT / 2, f"${expected:.4f} for {unseen} unseen requests", gap)
    return verdict + f"; the client's sum has {unseen} requests more"


@case()
def outcome_a_forked_session_counts_each_delegation_once(t):
    build = spawn(BUILD, agent="sef-implement")
    s = Session(t, {WORK: [build, "done"], "thanks": ["welcome"]}, {DURATION: [WRITES, "written"]})
    s.say()
    s.say("thanks", "--fork-session")
    s.say("thanks")
    verdict = s.judged((build, *ACCEPTED), priced=False)
    cost = s.home.report()["cost"]
    expect("differences that the report itself found", [], cost["differences"])
    if not t.newest:
        return verdict
    # Each of the two sums holds what the fork copied.
    expect("sessions checked", (2, 0), (cost["sessions_checked"], cost["sessions_unchecked"]))
    expect_that(
        abs(cost["client_usd"] - cost["actual_usd"]) < CENT / 2, f"${cost['client_usd']:.6f}", cost["actual_usd"]
    )
    return verdict


@case()
def outcome_a_resumed_session_with_background_agents_adds_up(t):
    first, second = (spawn(task, agent="sef-explore", background=True) for task in (OTHER_LOOKUP, LOOKUP))
    late = Reply([{"type": "text", "text": "hello.txt:1"}], delay=1)
    s = Session(
        t,
        {NOTIFICATION: ["noted"], WORK: [first, "waiting"], "and the greeting": [second, "waiting"],
         "thanks": ["welcome"]},
        {PORT: ["src/net.py:2"], GREETING: [call("Read", file_path="hello.txt"), late]},
    )  # fmt: skip
    s.say().say("and the greeting").say("thanks")
    return s.judged((first, *ACCEPTED), (second, *ACCEPTED))


@case()
def outcome_a_notification_in_the_middle_of_a_turn_counts_where_it_stands(t):
    again, pause = call("Bash", command=SHELL_GREP), call("Bash", command="sleep 2")
    for steps, verdict in (((again, pause), ACCEPTED), ((pause, again), ("redone", "searched-again"))):
        look, build = spawn(OTHER_LOOKUP, agent="sef-explore", background=True), spawn(BUILD, agent="sef-implement")
        s = Session(
            t,
            {WORK: [[look, build], *steps, "done"]},
            {PORT: [call("Grep", **GREP), Reply([{"type": "text", "text": "src/net.py:2"}], delay=1)],
             DURATION: ["written"]},
        )  # fmt: skip
        s.say()
        s.judged((look, *verdict), (build, *ACCEPTED))
    return "the same search before the report: accepted; after it: redone"


@case()
def outcome_a_model_that_the_settings_exclude_is_a_mismatch(t):
    look = spawn(OTHER_LOOKUP)
    s = Session(
        t,
        {WORK: [look, "done"]},
        {PORT: [call("Read", file_path="src/net.py"), "src/net.py:2"]},
        before=lambda home: home.settings(availableModels=["opus", "sonnet"]),
    )
    s.say()
    expect("models on the wire", ["opus"], s.home.api.families(PORT))
    return s.judged((look, *ACCEPTED), mismatches=1)


@case()
def outcome_a_model_that_the_user_sets_for_all_is_no_mismatch(t):
    look, other = spawn(OTHER_LOOKUP), spawn(LOOKUP, agent="sef-explore")
    s = Session(
        t,
        {WORK: [look, other, "done"]},
        {PORT: ["src/net.py:2"], GREETING: ["hello.txt:1"]},
        CLAUDE_CODE_SUBAGENT_MODEL="sonnet",
    )
    s.say()
    # In the newest client the agent's own file wins, in the oldest the variable. The two tasks have one form, and no
    # tool was used: still they are two.
    wire = (s.home.api.families(PORT), s.home.api.families(GREETING))
    expect("models on the wire", (["sonnet"], ["sonnet" if t.old else "haiku"]), wire)
    return s.judged((look, *ACCEPTED), (other, *ACCEPTED))


@case()
def outcome_a_model_that_the_api_exchanges_is_a_mismatch(t):
    look, build = spawn(OTHER_LOOKUP, agent="sef-explore"), spawn(BUILD, agent="sef-implement")
    other = "claude-opus-4-8" if t.old else "claude-opus-5-5"
    s = Session(
        t,
        {WORK: [look, build, "done"]},
        {PORT: [Reply([{"type": "text", "text": "src/net.py:2"}], model=other)], DURATION: ["written"]},
    )
    s.say()
    # The client charges the model that it asked for.
    return s.judged((look, *ACCEPTED), (build, *ACCEPTED), mismatches=1, priced=False)


# The middle one counts a request of its own, for a title, in its sum and notes it in no transcript.
@case(clients=(NEWEST,), but=(MIDDLE,), tools=("tmux",))
def outcome_tui_a_background_agent_whose_file_is_edited_is_redone(t):
    build = spawn(BUILD, agent="sef-implement", background=None)
    edit = call("Edit", file_path="src/duration.py", old_string="int(text", new_string="float(text")
    s = Session(
        t,
        {NOTIFICATION: [call("Read", file_path="src/duration.py"), edit, "mended"], WORK: [build, "waiting"]},
        {DURATION: [WRITES, "written"]},
    )
    with Screen(s.home, "--permission-mode", "acceptEdits") as screen:
        screen.say(WORK)
        screen.wait("mended", lambda: "mended" in screen.text())
        expect("exit code after /exit", 0, screen.exit())
    return s.judged((build, "redone", "edited-again"))


@case(clients=(NEWEST,), but=(MIDDLE,), tools=("tmux",))
def outcome_tui_a_complaint_about_a_background_agent_is_user_visible(t):
    build, wrong = spawn(BUILD, agent="sef-implement", background=None), "that's wrong, it returns an int"
    s = Session(
        t,
        {NOTIFICATION: ["it is done"], wrong: ["I see"], WORK: [build, "waiting"]},
        {DURATION: [WRITES, "written"]},
    )
    with Screen(s.home, "--permission-mode", "acceptEdits") as screen:
        screen.say(WORK)
        screen.wait("it is done", lambda: "it is done" in screen.text())
        screen.say(wrong)
        screen.wait("I see", lambda: "I see" in screen.text())
        expect("exit code after /exit", 0, screen.exit())
    return s.judged((build, *COMPLAINED))


@case(clients=(NEWEST,), but=(MIDDLE,), tools=("tmux",))
def outcome_tui_an_agent_that_the_user_stops_is_unknown(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore", background=None)
    slow = Reply([{"type": "text", "text": "src/net.py:2"}], delay=20)
    s = Session(
        t, {WORK: [look, "done"], "thanks": ["welcome"]}, {PORT: [slow]}, CLAUDE_CODE_DISABLE_BACKGROUND_TASKS="1"
    )
    with Screen(s.home) as screen:
        screen.say(WORK)
        screen.wait("request of the agent", lambda: s.home.api.agent(PORT))
        screen.press("Escape")
        screen.wait("Interrupted", lambda: "nterrupted" in screen.text())
        screen.say("thanks")
        screen.wait("welcome", lambda: "welcome" in screen.text())
        expect("exit code after /exit", 0, screen.exit())
    return s.judged((look, "unknown", "stopped-by-user"))


@case(clients=(NEWEST,), but=(MIDDLE,), tools=("tmux",))
def outcome_tui_an_agent_that_is_running_at_the_end_is_unknown(t):
    look = spawn(OTHER_LOOKUP, agent="sef-explore", background=None)
    slow = Reply([{"type": "text", "text": "src/net.py:2"}], delay=20)
    s = Session(t, {WORK: [look, "waiting"], "thanks": ["welcome"]}, {PORT: [slow]})
    with Screen(s.home) as screen:
        screen.say(WORK)
        screen.wait("waiting", lambda: "waiting" in screen.text())
        screen.settle()
        screen.say("/exit")
        screen.wait("question", lambda: "Exit and stop" in screen.text())
        screen.press("Enter")
        screen.wait("end", lambda: screen.ended.exists() and screen.ended.read_text().strip())
    s.judged((look, "unknown", "still-running"))
    # Resumed, the client says that it was stopped, with the agent's id only.
    s.id = s.home.transcripts()[0].stem
    s.say("thanks")
    return "still running, then resumed: " + s.judged((look, "unknown", "stopped-by-user"))
