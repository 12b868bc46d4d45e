#!/usr/bin/env python3
"""Looks at `sef-stats report --html` in Chromium: check-html.py [FOLDER OF THE BINARIES] [--shots FOLDER]

Three pages (a made-up history, nothing at all, hostile names), each in light and dark and at 360, 768 and 1280 pixels: it
is well-formed XML, asks for nothing, says nothing on the console, does not scroll sideways, its text has the contrast that
WCAG AA asks for, and no two labels of a chart overlap. --shots also saves pictures. Says so when there is no Chromium.
Everything it writes is in a temporary folder, which is Chromium's HOME too.
"""
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WIDTHS = (360, 768, 1280)

# Run in the page: everything that is wrong with it at this width and in these colours.
LOOK = r"""(room => {
  const wrong = [], parse = text => {
    const parts = text.match(/[\d.]+/g).map(Number);
    return [parts[0], parts[1], parts[2], parts.length > 3 ? parts[3] : 1];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = colour => {
    const [r, g, b] = colour.slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const behind = node => {
    const layers = [];
    for (; node; node = node.parentElement) layers.push(parse(getComputedStyle(node).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const wide = document.documentElement.scrollWidth;
  if (wide > room) wrong.push(`the page is ${wide} wide in a window of ${room}`);
  const hidden = [...document.querySelectorAll('body *')].filter(node => getComputedStyle(node).clipPath !== 'none');
  const shown = node => node.getClientRects().length > 0 && !hidden.some(one => one.contains(node));
  let texts = 0;
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.nodeValue.trim());
    if (!own || !shown(node) || ['title', 'desc', 'STYLE'].includes(node.tagName)) continue;
    texts += 1;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const box = node.getBoundingClientRect();
    if (box.right > room + 0.5 || box.left < -0.5) wrong.push(`leaves the window: ${node.textContent.slice(0, 40)}`);
    const colour = parse(node instanceof SVGElement ? style.fill : style.color), ground = behind(node);
    const need = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const have = contrast(over(colour, ground), ground);
    if (have < need) wrong.push(`contrast ${have.toFixed(2)} of ${need}: ${node.textContent.slice(0, 40)}`);
    if (size < 12) wrong.push(`letters of ${size} px: ${node.textContent.slice(0, 40)}`);
  }
  for (const mark of document.querySelectorAll('[class^="f-"], [class^="o-"], .fill, .dot, .range, .trend')) {
    if (!shown(mark)) continue;
    const style = getComputedStyle(mark), ground = behind(mark.closest('svg') || mark.parentElement);
    const colour = !(mark instanceof SVGElement) ? style.backgroundColor : ['range', 'trend'].includes(mark.getAttribute('class')) ? style.stroke : style.fill;
    const have = contrast(over(parse(colour), ground), ground);
    if (have < 3) wrong.push(`contrast ${have.toFixed(2)} of 3: a mark of class ${mark.getAttribute('class')}`);
  }
  for (const chart of document.querySelectorAll('svg[viewBox]')) {
    const labels = [...chart.querySelectorAll('text')].filter(shown);
    const boxes = labels.map(label => label.getBoundingClientRect()), frame = chart.getBoundingClientRect();
    boxes.forEach((a, i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1) wrong.push(`a label leaves its chart: ${labels[i].textContent}`);
      boxes.slice(i + 1).forEach((b, j) => {
        if (a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2) wrong.push(`labels overlap: ${labels[i].textContent} and ${labels[i + 1 + j].textContent}`);
      });
    });
  }
  return {wrong: [...new Set(wrong)], texts, height: document.documentElement.scrollHeight};
})"""


class Browser:
    """Chromium, spoken to through its debugging pipe: messages of JSON with a NUL behind each."""

    def __init__(self, program, folder):
        down, up = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (down[0], up[1])]

        def place():
            os.dup2(theirs[0], 3, inheritable=True)
            os.dup2(theirs[1], 4, inheritable=True)

        options = ["--headless=new", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "--hide-scrollbars",
                   f"--user-data-dir={folder}/profile"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
        self.process = subprocess.Popen([program, *options, "about:blank"], preexec_fn=place, pass_fds=(3, 4),
                                        env={"HOME": folder, "PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (down[0], up[1], *theirs):
            os.close(end)
        self.down, self.up = os.fdopen(down[1], "wb"), os.fdopen(up[0], "rb")
        self.number, self.events, self.rest, self.session = 0, [], b"", None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def read(self):
        while b"\0" not in self.rest:
            more = self.up.read1(1 << 20)
            if not more:
                raise RuntimeError("Chromium ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.down.write(json.dumps(message).encode() + b"\0")
        self.down.flush()
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, path):
        self.events = []
        self.ask("Page.navigate", url="file://" + path)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())

    def evaluate(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def look_like(self, width, height, scheme, scale=1):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def shot(self, path, width, height, whole):
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        """What the console said and what was asked of the network since the page was opened."""
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded":
                yield f"the console says: {params['entry']['text']}"
            elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                yield f"a script ran: {json.dumps(params)[:200]}"
            elif method == "Network.requestWillBeSent" and params.get("type") != "Document":
                if not params["request"]["url"].startswith("data:"):
                    yield f"a request: {params['request']['url']}"

    def close(self):
        self.down.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def page(bin_dir, folder, name):
    """The report of the home `name`, as a file."""
    home, file = os.path.join(folder, name), os.path.join(folder, name + ".html")
    env = {"HOME": home, "PATH": os.environ["PATH"], "SEF_STATE_DIR": home + "/state", "SEF_CONFIG_DIR": home + "/config",
           "CLAUDE_CONFIG_DIR": home + "/.claude"}
    subprocess.run([os.path.join(bin_dir, "sef-stats"), "report", "--html", file], env=env, check=True, cwd=folder,
                   stdout=subprocess.DEVNULL)
    return file


def hostile(home):
    """A session in which everything that has a name has a bad one."""
    evil = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\u200f\x1b[31m" + "W" * 9_000
    folder = os.path.join(home, ".claude", "projects", "-home-\u05d0\u05d1" + "x" * 120 + "<b>&\"'")
    os.makedirs(os.path.join(folder, "s", "subagents"))
    stamp = {"timestamp": "2026-11-20T12:00:00.000Z", "sessionId": "s", "type": "assistant", "isSidechain": False}
    for number, (path, model) in enumerate([("s.jsonl", evil), ("s/subagents/agent-a.jsonl", "opus" + evil), ("t.jsonl", "claude-opus-5-5")]):
        usage = {"input_tokens": 5, "output_tokens": 10 ** 12}
        message = {"id": f"m{number}", "role": "assistant", "model": model, "content": [{"type": "text", "text": "x"}], "usage": usage}
        with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
            file.write(json.dumps({**stamp, "message": message}) + "\n")
    with open(os.path.join(folder, "s/subagents/agent-a.meta.json"), "w", encoding="utf-8") as file:
        json.dump({"agentType": evil, "toolUseId": "toolu_1", "model": "haiku"}, file)
    os.makedirs(os.path.join(home, "state"))
    log = [{"e": "prompt", "tier": 1, "p": evil}, {"e": "spawn", "tu": evil, "agent": evil, "rules": [evil, "\u05d0" * 3000], "role": evil,
           "tier": 200, "want": "haiku", "req": "haiku", "par": evil}, {"e": "result", "tu": evil, "a": "b", "ran": evil, "out": "failed"},
           {"e": "fault", "why": evil}, {"e": "refused", "mode": evil},
           {"e": "turbo", "h": {"m": evil, "i": 10 ** 7, "o": 10 ** 7, "usd": 10 ** 9}, "why": evil},
           {"e": "race", "ms": 10 ** 9, "h": {"m": evil, "i": 10 ** 9, "o": 10 ** 9, "usd": 10 ** 9},
            "rc": {"id": evil, "st": "judged", "n": 10 ** 9, "ok": 10 ** 9, "calls": 10 ** 9, "w": False, "tok": 10 ** 9}}]
    with open(os.path.join(home, "state", "log.jsonl"), "w", encoding="utf-8") as file:
        for at, record in enumerate(log):
            file.write(json.dumps({"v": 1, "t": 1_795_176_000_000 + at * 10 ** (9 + at), "s": evil, "us": 7, **record}) + "\n")


def main():
    given = sys.argv[1:]
    shots = None
    if "--shots" in given:
        at = given.index("--shots")
        shots = os.path.abspath(given[at + 1])
        del given[at:at + 2]
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if not program:
        print("skipped: no Chromium here")
        return 0
    bin_dir = os.path.abspath(given[0]) if given else os.path.join(ROOT, "target", "debug")
    wrong, looks, texts = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="sef-html-", ignore_cleanup_errors=True) as folder:
        subprocess.run([os.path.join(ROOT, "scripts", "demo-home.py"), os.path.join(folder, "demo")], check=True)
        hostile(os.path.join(folder, "hostile"))
        browser = Browser(program, folder)
        for name in ("demo", "empty", "hostile"):
            file = page(bin_dir, folder, name)
            xml.etree.ElementTree.parse(file)
            for scheme in ("light", "dark"):
                for width in WIDTHS:
                    browser.look_like(width, 900, scheme)
                    browser.open(file)
                    for folded in ("as it is", "unfolded"):
                        if folded == "unfolded":
                            browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                        seen = browser.evaluate(f"{LOOK}({width})")
                        wrong += [f"{name}, {scheme}, {width} px, {folded}: {one}" for one in seen["wrong"]]
                        looks, texts = looks + 1, texts + seen["texts"]
                    wrong += [f"{name}, {scheme}, {width} px: {one}" for one in browser.complaints()]
        if shots:
            os.makedirs(shots, exist_ok=True)
            for name, width, height, scheme, scale in (("light", 1280, 1800, "light", 1), ("dark", 1280, 1800, "dark", 1), ("phone", 390, 844, "light", 2)):
                browser.look_like(width, height, scheme, scale)
                browser.open(os.path.join(folder, "demo.html"))
                browser.shot(os.path.join(shots, f"report-{name}.png"), width, height, False)
                browser.shot(os.path.join(shots, f"whole-{name}.png"), width, browser.evaluate(f"{LOOK}({width})")["height"], True)
        browser.close()
    for one in wrong[:40]:
        print(one)
    print(f"{looks} looks at 3 pages, {texts} texts: {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
