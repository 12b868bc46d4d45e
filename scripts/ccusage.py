"""Gets ccusage, the tool that SEF's figures are compared with, into a throw-away folder. Used by bench_report.py and
compare-ccusage.py; never looks at a real ~/.claude."""
import glob
import os
import shutil
import subprocess

VERSION = "20.0.24"


def install(folder):
    """Path of the program itself (not of its node launcher), or None and why there is none."""
    npm = shutil.which("npm")
    if npm is None:
        return None, "there is no npm here"
    command = [npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", f"ccusage@{VERSION}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return None, "npm did not answer within two minutes"
    found = glob.glob(os.path.join(folder, "node_modules/@ccusage/*/bin/ccusage"))
    if done.returncode != 0 or not found:
        return None, "npm could not install it: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    # The launcher would do the same at its first run.
    os.chmod(found[0], 0o755)
    return found[0], None


def environment(home, claude):
    """Nothing of the real home is seen: neither its transcripts nor its configuration."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home, "CLAUDE_CONFIG_DIR": claude, "TZ": "UTC",
            "SEF_STATE_DIR": os.path.join(home, "state"), "SEF_CONFIG_DIR": os.path.join(home, "config")}
