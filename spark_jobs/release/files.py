"""The published files of a release, and the pointer latest.json. Nobody ever sees half of either.

A release folder is written beside its place, flushed and renamed; latest.json is replaced by one rename, last.
Folders are never edited: a release that lies there whole is left as it is.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from expectations.models import Text
from spark_jobs.errors import EnvironmentFault
from spark_jobs.release.canonical import document_hash, json_text
from spark_jobs.release.model import Gate, Previous, Release
from spark_jobs.released.columns import TABLES, TableFault

RELEASE_FILE = "release.json"
LATEST_FILE = "latest.json"
LATEST_LINK = "latest"  # the current folder under an address that stays
FOR_ANALYSTS, FOR_EVERYBODY = 0o750, 0o755  # who may enter a city's folder: published/, public/
METHODOLOGY_FILE = "methodology.json"
MONTHLY = "monthly"  # folder of the months
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel on a Chinese desktop reads UTF-8 as GBK
# A spreadsheet runs a text cell that begins so as a formula. It gets an apostrophe; so does one that has one already.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'", "＝", "＋", "－", "＠")
# What of release.json a program needs every day; the rest stays in the release folder.
_LATEST_KEYS = (
    "schema_version", "release_id", "city", "city_name_zh", "city_name_en", "period", "as_of", "time_zone", "status",
    "data_version", "method_version", "note_zh", "note_en", "city_index", "counties", "missing_feeds",
    "previous_release_id",
)  # fmt: skip


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    return f"'{value}" if value.startswith(FORMULA_STARTS) else str(value)


def parse_csv(table: str, content: bytes) -> pd.DataFrame:
    """What table_csv wrote, read back into the declared columns. Raises ValueError for any other content."""
    reader, columns = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")), TABLES[table].columns
    try:
        parsed = list(reader)
    except csv.Error as error:
        raise ValueError(f"no CSV: {error}") from error
    if any(None in row or None in row.values() for row in parsed):
        raise ValueError("a row has more or fewer cells than the header")
    if lacking := columns.keys() - {*(reader.fieldnames or ())}:
        raise TableFault(
            f"{TABLES[table].file}: expected the columns {', '.join(columns)}; not found: {', '.join(sorted(lacking))}. "
            "A release from before they had these names is read by the code of its time"
        )
    cells = [{name: _parse_cell(columns[name].type, row[name]) for name in columns} for row in parsed]
    return pd.DataFrame(cells, columns=pd.Index(list(columns)), dtype=object)


def _parse_cell(kind: str, text: str) -> Any:
    if text == "":
        return None
    if kind == "number":
        return float(text)
    if kind == "flag":
        return text == "true"
    if kind == "day":
        return date.fromisoformat(text)
    return text.removeprefix("'")


def latest(release: Release, gates: tuple[Gate, ...], written: Mapping[str, Any]) -> dict[str, Any]:
    """Content of latest.json: the headline of release.json, all gates and the switch, and hashes. It is not stale yet.

    `written`: release.json as it stands in the folder, which an earlier run may have written.
    """
    document = release.document
    switched = [
        {"name": g.name, "passed": g.passed, "severity": g.severity, "detail_zh": g.detail.zh, "detail_en": g.detail.en}
        for g in gates
    ]
    return {
        **{key: document[key] for key in _LATEST_KEYS},
        "gates": switched,
        "tables": {name: table["sha256"] for name, table in document["tables"].items()},
        "folder": f"releases/{release.release_id}",
        "predecessor": written.get("predecessor"),
        "sha256": document_hash(written),
        "stale": None,
    }


def releases_folder(city_folder: Path) -> Path:
    return city_folder / "releases"


def release_folder(city_folder: Path, release_id: str) -> Path:
    return releases_folder(city_folder) / release_id


def write_release(city_folder: Path, release_id: str, files: Mapping[str, bytes]) -> Path:
    """Put the release folder in its place. A damaged one that is there is replaced."""
    return write_folder(release_folder(city_folder, release_id), files)


def open_folder(folder: Path, readers: int) -> None:
    """Make a city's folder and the one above it, for those who may enter them.

    `readers`: FOR_ANALYSTS or FOR_EVERYBODY. Who may enter a folder may read what is written in it, although this
    process otherwise writes for its own account alone.
    """
    with _room_on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for each in (folder.parent, folder):
            if each.stat().st_uid == os.getuid():
                each.chmod(readers)


def _open_as_parent(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    readers = folder.parent.stat().st_mode & 0o777
    if folder.stat().st_mode & 0o777 != readers:
        folder.chmod(readers)


def write_folder(final: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files as one folder. It replaces what is there by one rename."""
    writing = final.with_name(f".writing-{final.name}")
    with _room_on_disk(final):
        shutil.rmtree(writing, ignore_errors=True)  # left by a run that was killed
        final.parent.parent.mkdir(parents=True, exist_ok=True)
        _open_as_parent(final.parent)
        _open_as_parent(writing)
        for name, content in files.items():
            _write_flushed(writing / name, content)
        _flush_folder(writing)
        if final.exists():
            damaged = final.with_name(f".damaged-{final.name}")
            shutil.rmtree(damaged, ignore_errors=True)
            final.rename(damaged)
            shutil.rmtree(damaged)
        writing.rename(final)
        _flush_folder(final.parent)
    return final


def read_latest(city_folder: Path) -> dict[str, Any] | None:
    """latest.json, or None before the first release."""
    path = city_folder / LATEST_FILE
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_latest(city_folder: Path, content: Mapping[str, Any]) -> None:
    """Let the stable address `latest` lead to the folder that the content names; then replace latest.json.

    Each is one rename.
    """
    link, writing = city_folder / LATEST_LINK, city_folder / f".{LATEST_LINK}"
    with _room_on_disk(link):
        writing.unlink(missing_ok=True)  # left by a run that was killed
        writing.symlink_to(content["folder"], target_is_directory=True)
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)  # somebody copied the city's folder and so turned the link into a folder
        writing.rename(link)
    write_file(city_folder / LATEST_FILE, json_text(content).encode())


def write_file(path: Path, content: bytes) -> None:
    """Replace one file beside the releases by one rename."""
    writing = path.with_name(f".{path.name}")
    with _room_on_disk(path):
        _write_flushed(writing, content)
        writing.rename(path)
        _flush_folder(path.parent)


def write_if_new(path: Path, content: bytes) -> None:
    """Replace the file by one rename; do nothing where it has this content already."""
    if not path.exists() or path.read_bytes() != content:
        write_file(path, content)


def stale_since(current: Mapping[str, Any] | None, business_date: date) -> date | None:
    """First business date that readers wait for after a failed gate; None if what they see is newer."""
    if current is None or business_date < date.fromisoformat(current["period"]):
        return None
    before = current["stale"]
    return min(business_date, date.fromisoformat(before["since"])) if before else business_date


def read_document(folder: Path) -> dict[str, Any] | None:
    """release.json of a release's folder; None where it is not there or cannot be read."""
    try:
        content: dict[str, Any] = json.loads((folder / RELEASE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def predecessor(city_folder: Path, release_id: str) -> dict[str, str] | None:
    """The release that readers saw when `release_id` was first written, and the hash of its release.json.

    A folder that is written again keeps its predecessor. It is read from the folder itself if release.json is still
    whole, else from latest.json. So the same data after the same release give the same bytes, however often they are
    written. None for a city's first release, and after one that was switched before releases carried a hash.
    """
    written, current = read_document(release_folder(city_folder, release_id)), read_latest(city_folder)
    if written is not None and written.get("sha256") == document_hash(written):
        kept: dict[str, str] | None = written["predecessor"]
        return kept
    if current is None or "sha256" not in current:
        return None
    if current["release_id"] == release_id:
        of_current: dict[str, str] | None = current["predecessor"]
        return of_current
    return {"release_id": current["release_id"], "sha256": current["sha256"]}


def mark_stale(city_folder: Path, since: date, reason: Text) -> None:
    """Say in latest.json that the release shown is older than it should be, and why."""
    content = read_latest(city_folder)
    assert content is not None
    stale = {"since": since.isoformat(), "reason_zh": reason.zh, "reason_en": reason.en}
    write_latest(city_folder, {**content, "stale": stale})


def previous(city_folder: Path, current: Mapping[str, Any] | None) -> Previous | None:
    """What readers see now, for the gate on jumps."""
    if current is None:
        return None
    figures = [current["city_index"], *current["counties"]]
    return Previous(
        current["release_id"],
        date.fromisoformat(current["period"]),
        current["method_version"],
        {figure["area_code"]: figure["index"] for figure in figures if figure["index"] is not None},
        frozenset(feed["feed"] for feed in current["missing_feeds"]),
        dict(_parts(release_folder(city_folder, current["release_id"]))),
    )


def _parts(folder: Path) -> Iterator[tuple[tuple[str, str], float]]:
    """Values of live domains and scores of indicators. Another version of the code may have written the release."""
    for table, part, value in (("domain_index", "domain_id", "value"), ("indicator_value", "indicator_id", "score")):
        if (path := folder / TABLES[table].file).is_file():
            text = io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")
            for row in csv.DictReader(text):
                if row[value] and row.get("is_live") != "false":
                    yield (row["area_code"], row[part]), float(row[value])


@contextmanager
def only_publisher(city_folder: Path) -> Iterator[None]:
    """One publisher of a city at a time. The lock ends with the process, however that ends."""
    open_folder(city_folder, FOR_ANALYSTS)
    with (city_folder / ".publishing").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentFault(
                f"release: another run is publishing {city_folder.name}; wait for it to end"
            ) from None
        yield


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), path.parent.stat().st_mode & 0o666)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _room_on_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"release: cannot write {path}: {error.strerror}. Nothing was switched; make room or correct the rights, "
            "then run the same date again."
        ) from error
