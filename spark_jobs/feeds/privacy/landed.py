"""Values in landed files: whose pairs they belong to, and how they are taken out of the raw bytes.

A text file keeps every other byte: the value becomes as many blanks. It must still be read as before, pseudonyms aside.
A file of another format, or one in which the value was part of something else, goes as a whole: bronze has its rows.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from expectations.models import Feed, FilesSource
from spark_jobs.errors import ContractBreach, UsageError
from spark_jobs.feeds.decoding import decode, groups_with, pseudonym_columns
from spark_jobs.feeds.formats.content import Unreadable
from spark_jobs.feeds.formats.unpack import GZIP
from spark_jobs.feeds.landing import LandedFile, Landing, Manifest
from spark_jobs.feeds.pseudonym import Pseudonymiser

NO_TEXT = (b"PK\x03\x04", b"PK\x05\x06", b"PAR1", b"\xd0\xcf\x11\xe0")
SCRATCH = ".erasing"
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
NOBODY = Pseudonymiser({"1": "00"})  # pseudonyms are left out of the comparison


def groups_in(feed: Feed, landing: Landing, values: frozenset[str]) -> set[tuple[str, ...]]:
    """Groups of source values that became one pseudonym and hold one of the values, from all raw files there still are."""
    found: set[tuple[str, ...]] = set()
    for manifest in landing.manifests() if pseudonym_columns(feed) else ():
        for path in _present(landing, manifest).values():
            if not _holds(path, _spellings(feed, values)):
                continue
            try:
                found.update(*groups_with(feed, path, values).values())
            except (ContractBreach, Unreadable, LookupError, pa.ArrowException, ValueError):
                continue  # a file that broke its contract never reached the lake
    return found


def take_out(feed: Feed, landing: Landing, values: Iterable[str], taken: set[str]) -> int:
    """Take the values out of all raw files of a feed. Returns how many files were changed or removed.

    `taken` are the batches whose rows the lake has. Raises UsageError for a file that holds a value, cannot be changed
    and is not in the lake either.
    """
    spellings = _spellings(feed, values)
    landing.drop_unfinished()  # pages of a broken pull, which the next one asks for again
    n_altered = 0
    for manifest in landing.manifests():
        scratch = landing.folder / manifest.batch_id / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        kept: dict[str, Path | None] = {}
        for file, path in _present(landing, manifest).items():
            if file.kept_sha256 is None:
                kept[file.name] = None  # killed between the manifest and the removal
            elif _holds(path, spellings):
                kept[file.name] = _without(feed, path, spellings, scratch, manifest.batch_id in taken)
        if kept:
            landing.alter(manifest, "erasure", kept)
            n_altered += len(kept)
        shutil.rmtree(scratch, ignore_errors=True)
    return n_altered


def _present(landing: Landing, manifest: Manifest) -> dict[LandedFile, Path]:
    paths = {file: landing.path(manifest, file) for file in manifest.files}
    return {file: path for file, path in paths.items() if path.is_file()}


def _spellings(feed: Feed, values: Iterable[str]) -> list[bytes]:
    """How a value may stand in a file: in full width, in the feed's encoding, in UTF-8, or escaped as JSON does."""
    encodings = {"utf-8", feed.source.encoding if isinstance(feed.source, FilesSource) else "utf-8"}
    wide = {value: value.translate(FULL_WIDTH) for value in values}
    texts = {spelling for value in {*wide, *wide.values()} for spelling in (value, json.dumps(value)[1:-1])}
    found = {text.encode(encoding, "ignore") for text in texts for encoding in encodings}
    return sorted(found - {b""}, key=len, reverse=True)


def _holds(path: Path, spellings: list[bytes]) -> bool:
    content = path.read_bytes()
    if content.startswith(b"PAR1"):
        words = [spelling.decode("utf-8", "ignore") for spelling in spellings]
        columns = pa_parquet.read_table(path).columns
        texts = [column.cast(pa.string()) for column in columns if not pa.types.is_nested(column.type)]
        return any(pc.any(pc.match_substring(text, word)).as_py() for text in texts for word in words)
    if content.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(entry) for entry in archive.infolist()]
        return any(spelling in part for part in parts for spelling in spellings)
    text = gzip.decompress(content) if content.startswith(GZIP) else content
    return any(spelling in text for spelling in spellings)


def _without(feed: Feed, path: Path, spellings: list[bytes], scratch: Path, is_taken: bool) -> Path | None:
    """The file without the values, under the same name in `scratch`; None if it has to go as a whole."""
    content = path.read_bytes()
    if not content.startswith(NO_TEXT):
        scratch.mkdir(exist_ok=True)
        changed = scratch / path.name
        is_packed = content.startswith(GZIP)
        text = gzip.decompress(content) if is_packed else content
        for spelling in spellings:
            text = text.replace(spelling, b" " * len(spelling))
        changed.write_bytes(gzip.compress(text, 1, mtime=0) if is_packed else text)
        if _rows(feed, changed) == _rows(feed, path):
            return changed
    if is_taken:
        return None
    raise UsageError(
        f"feed {feed.code}: {path.parent.name}/{path.name} holds a value, cannot be changed and is not in the lake\n"
        "  what to do: refine the feed, or have the source deliver the file again, then erase again"
    )


def _rows(feed: Feed, path: Path) -> pa.Table | None:
    """What the lake would get of a file, pseudonyms aside; None if it cannot be read."""
    try:
        return decode(feed, path, NOBODY).table.drop_columns(list(pseudonym_columns(feed)))
    except ContractBreach:
        return None
