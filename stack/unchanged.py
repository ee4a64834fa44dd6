"""A night in which nothing new has come: told from folders and the sources, before Spark and Airflow start.

A night is made from code, contracts, keys, what has landed and the tables of the lake; it makes tables, files and a copy
of them in the serving database. Where all of these are as they were when this day's last night ended, and no source has
anything new, another night would only say so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from expectations.models import City, Feed
from expectations.outcomes import Outcome
from spark_jobs.settings import settings
from stack.backfill import scheduler_is_up
from stack.layout import Layout
from stack.machine import Machine
from stack.sources import Connections

CODE = ("dags", "dbt", "expectations", "requirements", "spark_jobs", "stack")
MADE_BY_TOOLS = {"__pycache__", "logs", "target"}
AT_ONCE = 2  # sources asked


def outcome(machine: Machine, city: City, day: date, data: Path | None, console: Console) -> int | None:
    """Exit code of this day's last night where another would be the same, having asked every source; else None."""
    record = _record(machine.layout, city)
    try:
        ended = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if ended.get("seal") != _seal(machine.layout, city, day):
        return None
    with machine.sources_up(city, city.as_of(day), data):
        is_silent = _have_nothing_new(machine, city, day, console)
    if not is_silent or ended["seal"] != _seal(machine.layout, city, day):
        return None
    console.print(
        "nothing has come and nothing has changed since this day's last night; all of it again: make run FULL=1"
    )
    return int(ended["exit_code"])


def note(machine: Machine, city: City, day: date, exit_code: int) -> None:
    """Remember what a night that published left; nothing where a scheduler is at work, which may have gone on since."""
    record = _record(machine.layout, city)
    record.unlink(missing_ok=True)
    if exit_code not in (Outcome.DONE, Outcome.INCOMPLETE) or scheduler_is_up(machine):
        return
    record.parent.mkdir(parents=True, exist_ok=True)
    whole = record.with_suffix(".part")
    whole.write_text(json.dumps({"seal": _seal(machine.layout, city, day), "exit_code": exit_code}), encoding="utf-8")
    whole.replace(record)


def _record(layout: Layout, city: City) -> Path:
    return layout.state / "nights" / f"{city.city_code}.json"


def _have_nothing_new(machine: Machine, city: City, day: date, console: Console) -> bool:
    """Let every feed land what its source has; a source that cannot answer is the night's business."""
    connections = machine.stored_connections()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda feed: _land(machine, feed, day, connections), city.feeds))
    for done in said:
        if done.returncode == 0:
            console.print(f"  ✓ {done.stdout.strip()}", markup=False, highlight=False)
    return not any(done.returncode for done in said)


def _land(machine: Machine, feed: Feed, day: date, connections: Connections) -> subprocess.CompletedProcess[str]:
    command = [str(machine.layout.python("pipeline")), "-m", "spark_jobs", "land", "--city", feed.city_code]
    connection = {"PINGAN_CONNECTION": json.dumps(connections[feed.source.connection])}
    return subprocess.run(
        [*command, "--feed", feed.feed_code, "--date", day.isoformat()],
        cwd=machine.layout.repository, env={**os.environ, **machine.environment(), **connection},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def _seal(layout: Layout, city: City, day: date) -> str:
    """SHA-256 of all that a night of the city is made from, and of what it has made."""
    seal = sha256(day.isoformat().encode())
    for name, said in _parts(layout, city):
        seal.update(f"\0{name}\0{said}".encode())
    return seal.hexdigest()


def _parts(layout: Layout, city: City) -> Iterator[tuple[str, str]]:
    for folder in CODE:
        yield from _contents(layout.repository, layout.repository / folder, "*")
    yield "keys", sha256(settings().hash_keys.read_bytes()).hexdigest()
    yield from _contents(layout.state, layout.state / "landing" / city.city_code, "manifest.json")
    for log in sorted((layout.state / "lake").glob("*/*/_delta_log")):
        newest = max(log.glob("*.json"), default=None)  # a table's version, and what made it
        yield (
            str(log.relative_to(layout.state)),
            newest.name + sha256(newest.read_bytes()).hexdigest() if newest else "",
        )
    for published in (layout.published / city.city_code, layout.public / city.city_code):
        for path in sorted(published.rglob("*")):
            yield str(path), str(path.stat().st_size) if path.is_file() else ""
        for name in ("latest.json", "journal.jsonl"):
            yield from _contents(published, published, name)
    cluster = layout.state / "postgres" / "PG_VERSION"  # another cluster has no copy of the release
    yield "postgres", str(cluster.stat().st_mtime_ns if cluster.exists() else None)


def _contents(root: Path, folder: Path, pattern: str) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob(pattern)):
        if path.is_file() and not MADE_BY_TOOLS & {*path.parts}:
            yield str(path.relative_to(root)), sha256(path.read_bytes()).hexdigest()
