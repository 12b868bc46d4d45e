#!/usr/bin/env python3
"""Runs every ```sql block of docs/fleet.md on DuckDB, over logs that the real hook wrote: check-fleet-queries.py [FOLDER]

Each result is compared with the same figures counted here from the logs. FOLDER holds the binaries. Installs DuckDB from
PyPI into a temporary venv and says so when it cannot. Exit 0 when all is well or nothing could run.
"""
import collections
import os
import re
import sys
import tempfile

from made_log import ROOT, in_venv, records, write_log

MACHINES = {"ada": 2, "bob": 3}


def blocks():
    with open(os.path.join(ROOT, "docs", "fleet.md"), encoding="utf-8") as file:
        return re.findall(r"```sql\n(.*?)```", file.read(), re.S)


def main():
    in_venv(["duckdb"])
    import duckdb

    bin_dir = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "target", "debug")
    queries = blocks()
    assert len(queries) == 5, f"{len(queries)} queries, and this script knows what 5 must answer"
    with tempfile.TemporaryDirectory(prefix="sef-fleet-") as folder:
        logs, fleet = {}, os.path.join(folder, "fleet")
        os.mkdir(fleet)
        for machine, sessions in MACHINES.items():
            home = os.path.join(folder, machine)
            os.mkdir(home)
            write_log(bin_dir, home, sessions)
            logs[machine] = list(records(home))
            os.rename(os.path.join(home, "state"), os.path.join(fleet, machine))
        # What a reader meets in the field: a rotated file, a torn line, a later version.
        os.rename(os.path.join(fleet, "bob", "log.jsonl"), os.path.join(fleet, "bob", "log.1.jsonl"))
        with open(os.path.join(fleet, "bob", "log.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"v":2,"t":1,"e":"prompt","s":"x"}\n{"v":1,"t":17\n')

        os.chdir(fleet)
        base = duckdb.connect()
        base.execute(queries[0])
        rows = [base.execute(query).fetchall() for query in queries[1:]]
        named = [(machine, record) for machine, log in logs.items() for record in log]
        of = {kind: [record for _, record in named if record["e"] == kind] for kind in ("prompt", "spawn", "result")}
        count = collections.Counter

        prompts, hints = count(), count()
        for _, tier, number, hinted in rows[0]:
            prompts[tier] += number
            hints[tier] += hinted
        assert prompts == count(record["tier"] for record in of["prompt"]), rows[0]
        assert +hints == count(record["tier"] for record in of["prompt"] if "hint" in record), rows[0]

        ran = {(record["s"], record["tu"]): record.get("ran") for record in of["result"]}
        wanted = count((machine, record["agent"], record.get("want"), record.get("req"), ran[record["s"], record["tu"]])
                       for machine, record in named if record["e"] == "spawn")
        assert wanted and {row[:5]: row[5] for row in rows[1]} == wanted, (rows[1], wanted)

        ends = count((record["agent"], record["out"]) for record in of["result"])
        assert {row[:2]: row[2] for row in rows[2]} == ends, (rows[2], ends)

        assert [row[:3] for row in rows[3]] == [("ada", 0, 0), ("bob", 0, 0)], rows[3]
        assert all(0 < row[3] < 1000 for row in rows[3]), rows[3]
        print(f"DuckDB {duckdb.__version__}: {len(queries)} queries of docs/fleet.md right over {len(named)} records of "
              f"{len(logs)} machines")


if __name__ == "__main__":
    main()
