"""What the public files of a city say, read back as somebody outside would read them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from spark_jobs.release.month_versions import of_folder

# Public files by name. The attacker reads every line of the first, which have figures that no other file has.
# The others repeat these. Pages and bulletins, latest.json and the files across releases give the same index in whole points; copies
# are the rows of the tables in other formats; the rest says what the files hold and how figures are made. A name that
# is not here stops the gate.
READ = frozenset({"index.csv", "trend.csv", "domains.csv", "indicators.csv", "pulse.csv", "settlement.csv"})
REPEATING = frozenset({
    "latest.json", "index.html", "index.en.html", "disclosure.json",
    "bulletin.zh.html", "bulletin.en.html", "year.zh.html", "year.en.html",
    "vintages.parquet", "revisions.csv", "revision_triangle.csv", "changes.json", "release_calendar.csv", "punctuality.csv",
    "datapackage.json", "methodology.json", "openapi.json", "catalogue.jsonld",
})  # fmt: skip
_COPY = re.compile(rf"({'|'.join(sorted(name.removesuffix('.csv') for name in READ))}|area-[0-9a-z_]+)\.(json|parquet)")
NOTICE = ".withdrawn.json"  # beside the folder of a release: why it was withdrawn
_COUNTS = {"indicators.csv": "n_events", "pulse.csv": "observed"}
Files = Mapping[str, bytes]  # path below public/<city>, with slashes -> content


@dataclass(frozen=True)
class Count:
    """Events of an area from `first` to `last`, both included; None where the file hides them."""

    table: str
    indicator_id: str
    area_code: str
    first: date
    last: date
    value: float | None


@dataclass(frozen=True)
class Rate:
    """The printed count and the printed rate of a year. From both, harm-days can be worked out."""

    indicator_id: str
    area_code: str
    last: date
    count: float
    denominator: float
    rate: float


@dataclass(frozen=True)
class Parts:
    """A printed whole and its parts, in points: a domain of its indicators, or an index of its domains.

    `hidden`: parts that are live and not printed.
    """

    month: str
    area_code: str
    whole: str
    value: float
    shown: Mapping[str, float]
    hidden: tuple[str, ...]


def public_files(folder: Path) -> dict[str, bytes]:
    """All files of public/<city>, without hidden ones (of a run that is writing). Those that repeat others are unread."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.name in READ else b""
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def unknown(files: Files) -> list[str]:
    """Files that the attacker cannot read: nobody knows what they give away."""
    return sorted(path for path in files if not _is_known(PurePosixPath(path).name))


def _is_known(name: str) -> bool:
    return name in READ | REPEATING or name.endswith(NOTICE) or bool(_COPY.fullmatch(name))


def standing(files: Files) -> dict[str, bytes]:
    """The files without those of months that a later version corrects."""
    versions = {path: of_folder(PurePosixPath(path).parent.name) for path in files}
    newest = {each.month: each for each in sorted(filter(None, versions.values()))}
    return {
        path: content for path, content in files.items() if (own := versions[path]) is None or own == newest[own.month]
    }


def is_nightly(path: str) -> bool:
    return path.startswith("releases/")


def counts(files: Files) -> Iterator[Count]:
    """Every cell of the monthly tables that has a count, or hides one."""
    for path, content in files.items():
        table = PurePosixPath(path).name
        if is_nightly(path) or table not in _COUNTS:
            continue
        for row in _rows(content):
            value = _number(row[_COUNTS[table]])
            if value is None and row["conf_status"] == "F":
                continue
            first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
            yield Count(table.removesuffix(".csv"), row["indicator_id"], row["area_code"], first, last, value)


def rates(files: Files) -> Iterator[Rate]:
    for path, content in files.items():
        if PurePosixPath(path).name == "indicators.csv":
            for row in _rows(content):
                n, denominator, rate = (_number(row[name]) for name in ("n_events", "denominator", "rate"))
                if n and denominator and rate is not None:
                    last = date.fromisoformat(row["last_day"])
                    yield Rate(row["indicator_id"], row["area_code"], last, n, denominator, rate)


def parts(files: Files, domain_of: Mapping[str, str]) -> Iterator[Parts]:
    """The printed wholes of every month. `domain_of`: indicator -> domain."""
    for path in files:
        folder = PurePosixPath(path).parent
        if PurePosixPath(path).name != "domains.csv":
            continue
        domains = list(_rows(files[path]))
        indicators = list(_rows(files[f"{folder}/indicators.csv"]))
        overall = {row["area_code"]: _number(row["index"]) for row in _rows(files[f"{folder}/index.csv"])}
        for row in domains:
            value = _number(row["value"])
            own = [r for r in indicators if r["area_code"] == row["area_code"]]
            own = [r for r in own if domain_of[r["indicator_id"]] == row["domain_id"] and r["state_code"] == "live"]
            if value is not None:
                scores = {r["indicator_id"]: _number(r["score"]) for r in own}
                yield _parts(folder.name, row["area_code"], row["domain_id"], value, scores)
        for area, value in overall.items():
            values = {r["domain_id"]: _number(r["value"]) for r in domains if r["area_code"] == area}
            if value is not None:
                yield _parts(folder.name, area, "index", value, values)


def settled(files: Files) -> Iterator[tuple[str, str, str, float]]:
    """Month, area, view and number of disputes of every printed settlement rate, which is in whole percents."""
    for path, content in files.items():
        if PurePosixPath(path).name == "settlement.csv":
            for row in _rows(content):
                if (n := _number(row["n_accepted"])) is not None:
                    yield PurePosixPath(path).parent.name, row["area_code"], row["view"], n


def n_nights(files: Files) -> int:
    return sum(is_nightly(path) and path.endswith("/index.csv") for path in files)


def _parts(month: str, area: str, whole: str, value: float, of: Mapping[str, float | None]) -> Parts:
    shown = {name: score for name, score in of.items() if score is not None}
    return Parts(month, area, whole, value, shown, tuple(sorted(of.keys() - shown.keys())))


def _rows(content: bytes) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))


def _number(text: str) -> float | None:
    return float(text) if text else None
