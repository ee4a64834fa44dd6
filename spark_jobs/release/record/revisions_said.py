"""How far figures were revised, ready to show: rows of revisions.csv and revision_triangle.csv in one language's words.

Pure but for `read`. Measures in points only: rates and counts of indicators have units of their own, which the file says.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from spark_jobs.release.record.revisions import DELAYS
from spark_jobs.release.wording import Wording
from spark_jobs.released.columns import ACROSS

IN_POINTS = ("index", "domain", "score")
Row = Mapping[str, str]


def read(folder: Path, name: str) -> list[dict[str, str]]:
    """Rows of `revisions` or `revision_triangle` beside latest.json, as texts; none where a city has no such file yet."""
    path = folder / ACROSS[name].file
    text = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    return list(csv.DictReader(io.StringIO(text, newline="")))


@dataclass(frozen=True)
class DelayLine:
    """How far the figures of one measure had moved so many days after they were first said; in points, as texts."""

    measure: str
    delay_days: int
    n_figures: int
    mean_absolute: str
    mean: str
    largest: str


@dataclass(frozen=True)
class TriangleLine:
    """One month end of an area: the index as first said, and the revision after each delay ("—": not reached yet)."""

    day: date
    first: str
    after: Mapping[int, str]


def by_delay(rows: Iterable[Row], words: Wording) -> Iterator[DelayLine]:
    """Rows of revisions.csv: the index, then domains, then scores; each by delay."""
    found = {(row["measure_code"], int(float(row["delay_days"]))): row for row in rows}
    for measure in IN_POINTS:
        for delay in DELAYS:
            if row := found.get((measure, delay)):
                yield DelayLine(
                    words.name("measure", measure),
                    delay,
                    int(float(row["n_figures"])),
                    f"{float(row['mean_absolute_revision']):.2f}",
                    _signed(row["mean_revision"], 2),
                    f"{float(row['largest_revision']):.2f}",
                )


def triangle(rows: Iterable[Row], area_code: str, words: Wording) -> Iterator[TriangleLine]:
    """Rows of revision_triangle.csv about one area, the newest month end first."""
    found: dict[date, dict[int, Row]] = {}
    for row in rows:
        if row["area_code"] == area_code:
            found.setdefault(date.fromisoformat(row["day"]), {})[int(float(row["delay_days"]))] = row
    for day, said in sorted(found.items(), reverse=True):
        after = {
            delay: _signed(said[delay]["revision"], 1) if delay in said else words.say("nothing") for delay in DELAYS
        }
        yield TriangleLine(day, words.index(float(next(iter(said.values()))["first"])), after)


def _signed(text: str, decimals: int) -> str:
    """+0.12 or −0.40, with a true minus sign; no sign where it is zero as shown."""
    shown = f"{float(text):+.{decimals}f}"
    return shown[1:] if not float(shown) else shown.replace("-", "−")
