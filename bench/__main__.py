"""`make bench`: measures a first night, a second one, and the same night again from outside, in a folder of their own.

Writes bench/results.json and the tables of bench/README.md. Times are of this machine at this moment: compare ratios.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psutil

from bench.asked_city import asked_city

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "bench" / "results.json"
PAGE = REPOSITORY / "bench" / "README.md"
MARK = "<!-- measured -->"
STEP = re.compile(r"[✓✗] (\S+ \S+) ([\d.]+) s")
PORT_BASE = "19700"
CITY = asked_city()
FIRST = date(2026, 11, 19)


@dataclass
class MeasuredNight:
    """One `make run`. CPU seconds are those of all its processes, memory that of the largest one."""

    name: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    jvms: int = 0
    landed_mb: float = 0.0
    lake_mb: float = 0.0
    exit_code: int = -1
    steps: dict[str, float] = field(default_factory=dict)


def folder_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def measure(name: str, day: date, state: Path) -> MeasuredNight:
    """Run one night and watch its processes ten times a second."""
    night = MeasuredNight(name)
    environment = {**os.environ, "PINGAN_STATE": str(state), "PINGAN_PUBLISHED": str(state / "published")}
    landed_before = folder_mb(state / "landing")
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stack", "run", "--city", CITY, "--date", day.isoformat()],
            cwd=REPOSITORY,
            env={**environment, "PORT_BASE": PORT_BASE},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        cpu: dict[int, float] = {}
        jvms: set[int] = set()
        root = psutil.Process(process.pid)
        while process.poll() is None:
            _sample(root, cpu, jvms, night)
            time.sleep(0.1)
        output.seek(0)
        night.steps = {step: float(seconds) for step, seconds in STEP.findall(output.read())}
    night.wall_s = round(time.monotonic() - began, 1)
    night.cpu_s = round(sum(cpu.values()), 1)
    night.jvms = len(jvms)
    night.landed_mb = round(folder_mb(state / "landing") - landed_before, 1)
    night.lake_mb = round(folder_mb(state / "lake"), 1)
    night.exit_code = process.returncode
    return night


def _sample(root: psutil.Process, cpu: dict[int, float], jvms: set[int], night: MeasuredNight) -> None:
    for process in [root, *root.children(recursive=True)]:
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
                night.peak_mb = max(night.peak_mb, round(process.memory_info().rss / 1e6))
                if process.name() == "java":
                    jvms.add(process.pid)
        except psutil.Error:
            continue


def tables(nights: list[MeasuredNight]) -> str:
    """Markdown of the measurements."""
    lines = ["| | " + " | ".join(night.name for night in nights) + " |", "|---|" + "---:|" * len(nights)]
    rows = {
        "wall, s": "wall_s",
        "CPU of all processes, s": "cpu_s",
        "largest process, MB": "peak_mb",
        "JVMs started": "jvms",
        "landed, MB": "landed_mb",
        "lake, MB": "lake_mb",
        "exit code": "exit_code",
    }
    lines += [
        f"| {label} | " + " | ".join(str(getattr(n, name)) for n in nights) + " |" for label, name in rows.items()
    ]
    lines += [
        "",
        "Seconds a step:",
        "",
        "| step | " + " | ".join(n.name for n in nights) + " |",
        "|---|" + "---:|" * len(nights),
    ]
    steps = dict.fromkeys(step for night in nights for step in night.steps)
    lines += [f"| {step} | " + " | ".join(str(n.steps.get(step, "")) for n in nights) + " |" for step in steps]
    return "\n".join(lines)


def main() -> None:
    state = REPOSITORY / ".state" / "bench"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    plan = [
        ("first night", FIRST),
        ("second night", FIRST + timedelta(days=1)),
        ("same night again", FIRST + timedelta(days=1)),
    ]
    nights = []
    for name, day in plan:
        sys.stderr.write(f"bench · {name} ({day})\n")
        nights.append(measure(name, day, state))
    machine = f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}"
    RESULTS.write_text(json.dumps({"machine": machine, "nights": [asdict(n) for n in nights]}, indent=1) + "\n")
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(f"{head}{MARK}\n{machine}, {date.today()}.\n\n{tables(nights)}\n", encoding="utf-8")
    shutil.rmtree(state)


if __name__ == "__main__":
    main()
