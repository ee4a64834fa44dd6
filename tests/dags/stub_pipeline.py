"""Stands where the pipeline's python stands: records how it was called and ends as the test has planned.

Called as `<this> -m spark_jobs <step> --city C [--feed F] --date D [--since D]`, of a revision with --revised and who approved
it, of a month with --month instead of --date. STUB_FOLDER holds `plan.json` (exit code by `step` or `step:feed`, "hang" to wait with a child; by `step says` its last
line) and gets one line in `calls.jsonl` for each call.
`delivered` needs no plan: it asks whether `refine` has been called for each of STUB_FEEDS on that date.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["STUB_FOLDER"])


def record(call: dict[str, Any]) -> None:
    with (FOLDER / "calls.jsonl").open("a") as file:
        file.write(json.dumps(call) + "\n")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def delivered(day: str) -> int:
    calls = [json.loads(line) for line in (FOLDER / "calls.jsonl").read_text().splitlines()]
    refined = {call["feed"] for call in calls if call["step"] == "refine" and call["date"] == day}
    return 0 if refined >= set(os.environ["STUB_FEEDS"].split(",")) else 3


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-m", dest="module")
    parser.add_argument("step")
    for name in ("--city", "--feed", "--date", "--since", "--month", "--approved-by", "--approved-at"):
        parser.add_argument(name)
    parser.add_argument("--revised", action="store_true")
    call = vars(parser.parse_args())
    child = None
    plan = json.loads((FOLDER / "plan.json").read_text())
    ending = plan.get(f"{call['step']}:{call['feed']}", plan.get(call["step"], 0))
    if ending == "hang":
        child = subprocess.Popen(["sleep", "60"])
    connection = os.environ.get("PINGAN_CONNECTION")
    record(call | {"connection": connection, "names": sorted(os.environ), "pids": [os.getpid(), child and child.pid]})
    if connection:
        say(f"a careless step prints {connection} {json.loads(connection).get('password')}")
    if child:
        time.sleep(60)
    if call["step"] == "delivered" and "delivered" not in plan:
        ending = delivered(call["date"])
    told = {"inputs": ["bronze.some"], "outputs": [f"silver.{call['step']}"]}
    Path(os.environ["PINGAN_LINEAGE"]).write_text(json.dumps(told))
    say(plan.get(f"{call['step']} says", f"{call['step']} said {ending}"))
    return int(ending)


if __name__ == "__main__":
    sys.exit(main())
