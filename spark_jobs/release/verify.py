"""Are published files what they claim to be? Recomputes every hash of a release folder from its bytes.

Each release.json carries the hash of the release before it, so the releases of a city are a chain. To alter an old one,
one would have to write all later ones anew, and latest.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_jobs.release.canonical import data_version, document_hash, json_text, release_id, sha256, table_hash
from spark_jobs.release.files import LATEST_FILE, RELEASE_FILE, parse_csv, read_document, read_latest
from spark_jobs.released.columns import TABLES, TableFault, canonical_frame

NEEDED = {
    "release_id", "city", "period", "as_of", "method_version", "batches", "tables", "files", "city_index", "code_commit"
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file of a release."""

    file: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.file}: expected {self.expected}, found {self.found}"


def verify(release_dir: Path) -> list[Problem]:
    """Problems of a release folder; none if it is whole and unaltered.

    Compared are the bytes of every file with release.json, the tables read back from CSV with their hashes, the data
    version with the batches, and the release id with all of these. release.json vouches for the files, the id for the
    tables of release.json, and release.json for itself by its own hash. So no file can be altered alone.
    """
    document = read_document(release_dir)
    if document is None or not document.keys() >= NEEDED:
        return [Problem(RELEASE_FILE, "a readable release", "none, or one that lacks a part")]
    if problems := _itself(release_dir, document):
        return problems  # what it says of the others is not what it said
    return [*_files(release_dir, document), *_tables(release_dir, document), *_identity(release_dir, document)]


def verify_city(city_folder: Path) -> Iterator[tuple[str, list[Problem]]]:
    """Every release of a city with its problems, the oldest business date first; then latest.json with its own.

    A release that is gone, or whose hash is not the one that its successor carries, is a problem of the successor.
    """
    releases = city_folder / "releases"
    for path in sorted(path for path in releases.iterdir() if path.is_dir() and path.name[0] != "."):
        yield path.name, verify(path) or verify_link(releases, (read_document(path) or {}).get("predecessor"))
    yield LATEST_FILE, verify_link(releases, read_latest(city_folder))


def verify_link(releases: Path, named: Mapping[str, Any] | None) -> list[Problem]:
    """Whether a release still has the hash by which its successor, or latest.json, names it."""
    if named is None or "sha256" not in named:  # nothing came before, or it was before releases carried hashes
        return []
    file, expected = f"{named['release_id']}/{RELEASE_FILE}", f"SHA-256 {named['sha256']}, which its successor carries"
    document = read_document(releases / named["release_id"])
    found = "none that can be read" if document is None else document_hash(document)
    return [] if found == named["sha256"] else [Problem(file, expected, found)]


def _itself(release_dir: Path, document: dict[str, Any]) -> list[Problem]:
    """release.json against its own hash. One from before it carried hashes has nothing to be compared with."""
    if not document.keys() & {"sha256", "predecessor"}:
        return []
    content = (release_dir / RELEASE_FILE).read_bytes()
    if content != json_text(document).encode():
        return [Problem(RELEASE_FILE, "canonical text", "other bytes")]
    found = document_hash(document)
    said = document.get("sha256")
    return [] if found == said else [Problem(RELEASE_FILE, f"SHA-256 {said}", found)]


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
