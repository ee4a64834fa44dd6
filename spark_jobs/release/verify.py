"""Are published files what they claim to be? Recomputes every hash of a release folder from its bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.release.canonical import data_version, release_id, sha256, table_hash
from spark_jobs.release.files import RELEASE_FILE, parse_csv
from spark_jobs.released.columns import TABLES, TableFault, canonical_frame


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file of a release."""

    file: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.file}: expected {self.expected}, found {self.found}"


def verify(release_dir: Path) -> list[Problem]:
    """Problems of a release folder, none if it is whole and unaltered.

    The bytes of every file against release.json; the tables read back from the CSV files against their hashes; the
    data version from the batches; and the release id from all of these. release.json vouches for the files and
    the id vouches for release.json's tables, so no file can be altered alone.
    """
    document, problem = _document(release_dir)
    if document is None:
        assert problem
        return [problem]
    return [*_files(release_dir, document), *_tables(release_dir, document), *_identity(release_dir, document)]


def _document(release_dir: Path) -> tuple[dict[str, Any] | None, Problem | None]:
    try:
        return json.loads((release_dir / RELEASE_FILE).read_text(encoding="utf-8")), None
    except (OSError, ValueError) as error:
        return None, Problem(RELEASE_FILE, "a readable release", str(error))


def _files(release_dir: Path, document: dict[str, Any]) -> list[Problem]:
    found = {path.name for path in release_dir.iterdir()} - {RELEASE_FILE}
    strangers = found - set(document["files"])
    problems = [Problem(name, "a file of the release", "one that it does not list") for name in strangers]
    for name, listed in document["files"].items():
        if name not in found:
            problems.append(Problem(name, "the file", "nothing"))
        elif (actual := sha256((release_dir / name).read_bytes())) != listed["sha256"]:
            problems.append(Problem(name, f"SHA-256 {listed['sha256']}", actual))
    return sorted(problems, key=lambda problem: problem.file)


def _tables(release_dir: Path, document: dict[str, Any]) -> list[Problem]:
    problems = []
    listed = {name: table.file for name, table in TABLES.items() if name in document["tables"]}
    for table, file in listed.items():
        expected = document["tables"][table]["sha256"]
        try:
            found = table_hash(table, canonical_frame(table, parse_csv(table, (release_dir / file).read_bytes())))
        except (OSError, KeyError, ValueError, TableFault) as error:
            found = f"unreadable: {error}"
        if found != expected:
            problems.append(Problem(file, f"table hash {expected}", found))
    return problems


def _identity(release_dir: Path, document: dict[str, Any]) -> list[Problem]:
    header = {
        "city_code": document["city"],
        "business_date": document["period"],
        "as_of": document["as_of"],
        "method_version": document["method_version"],
        "data_version": data_version(document["batches"]),
    }
    expected = release_id(header, {name: table["sha256"] for name, table in document["tables"].items()})
    claimed = {document["release_id"], release_dir.name}
    if claimed == {expected}:
        return []
    return [Problem(RELEASE_FILE, f"release id {expected}", ", ".join(sorted(claimed)))]
