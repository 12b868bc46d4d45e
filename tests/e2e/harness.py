"""Cases: the harness itself. Its claims must be able to fail, so it is shown a hook that is not SEF's, and none."""

from api import spawn
from trial import GREETING, LOOKUP, NEUTRAL, case, expect, talk

# The least hook that can be told apart on the wire: haiku for every spawn, one word for every prompt.
PLAIN_HOOK = """
import json, sys
event = json.load(sys.stdin)
answer = {"hookEventName": event["hook_event_name"]}
if event["hook_event_name"] == "PreToolUse":
    answer["updatedInput"] = {**event["tool_input"], "model": "haiku"}
else:
    answer["additionalContext"] = "kingfisher"
print(json.dumps({"hookSpecificOutput": answer}))
"""


def session(t):
    return t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]}, install=False)


@case(product=False)
def harness_without_a_hook_sees_the_parents_model(t):
    home = session(t)
    talk(home, NEUTRAL)
    expect("models on the wire", ["opus"], home.api.families(GREETING))
    expect("contexts", [], home.contexts("UserPromptSubmit"))
    return "no hook: the look-up asked for opus, no context"


@case(product=False)
def harness_with_a_plain_hook_sees_its_rewrite(t):
    home = session(t)
    command = {"type": "command", "command": f"python3 -I {home.write('plain_hook.py', PLAIN_HOOK)}"}
    home.settings(
        hooks={"PreToolUse": [{"matcher": "Agent", "hooks": [command]}], "UserPromptSubmit": [{"hooks": [command]}]}
    )
    talk(home, NEUTRAL)
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    expect("contexts", ["kingfisher"], home.contexts("UserPromptSubmit"))
    expect("requests with the context", True, all("kingfisher" in s.text() for s in home.api.main()))
    return "a hook that rewrites to haiku: the look-up asked for haiku, its word reached the API"
