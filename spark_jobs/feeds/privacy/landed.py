"""Values in landed files: whose pairs they belong to, and how they are taken out of the raw bytes.

A text file keeps every other byte: the value, in whatever spelling, becomes as many blanks. It must still be read as
before, pseudonyms aside. A file of another format, or one in which the value was part of something else, goes as a whole:
bronze has its rows. So does a file that nobody can search: an archive that is damaged, encrypted or a bomb.
"""

from __future__ import annotations

import gzip
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

from expectations.models import Feed, FilesSource
from spark_jobs.errors import ContractBreach, UsageError
from spark_jobs.feeds.decoding import decode, groups_with, pseudonym_columns
from spark_jobs.feeds.formats.columnar import check_size
from spark_jobs.feeds.formats.content import Unreadable
from spark_jobs.feeds.formats.unpack import DAMAGED, EMPTY_ZIP, GZIP, ZIP, allowed_in_all, within_limits
from spark_jobs.feeds.landing import LandedFile, Landing, Manifest
from spark_jobs.feeds.privacy.spellings import in_text
from spark_jobs.feeds.pseudonym import Pseudonymiser

CLOSED = (b"\xd0\xcf\x11\xe0", b"%PDF", b"Rar!", b"7z\xbc\xaf")  # old or encrypted workbooks and the like
# damaged, encrypted, packed by a method that is not read, a bomb, as the libraries say it of bytes in memory
DAMAGED_ALL_WAYS = (Unreadable, *DAMAGED, RuntimeError, OSError, ValueError, struct.error, pa.ArrowException)
NO_TEXT = (ZIP, EMPTY_ZIP, b"PAR1", *CLOSED)
ENDINGS = (".csv", ".txt", ".json", ".jsonl", ".parquet", ".xlsx", ".gz", ".zip")
SCRATCH = ".erasing"
DEEPEST = 2  # archives in each other
NOBODY = Pseudonymiser({"1": "00"})  # pseudonyms are left out of the comparison


def groups_in(feed: Feed, landing: Landing, values: frozenset[str]) -> set[tuple[str, ...]]:
    """Groups of source values that became one pseudonym and hold one of the values, from all raw files there still are."""
    found: set[tuple[str, ...]] = set()
    for manifest in landing.manifests() if pseudonym_columns(feed) else ():
        for path in _present(landing, manifest).values():
            try:
                if _holds(feed, path, values):
                    found.update(*groups_with(feed, path, values).values())
            except (_Unsearchable, ContractBreach, Unreadable, LookupError, pa.ArrowException, ValueError):
                continue  # a file that broke its contract never reached the lake
    return found


def take_out(feed: Feed, landing: Landing, values: Iterable[str], taken: set[str]) -> int:
    """Take the values out of all raw files of a feed. Returns how many files were changed or removed.

    A file that cannot be searched, and so can never be read either, goes as a whole. `taken` are the batches whose rows
    the lake has. Raises UsageError for a file that holds a value, cannot be changed and is not in the lake either.
    """
    landing.drop_unfinished()  # pages of a broken pull, which the next one asks for again
    n_altered = 0
    for manifest in landing.manifests():
        scratch = landing.folder / manifest.batch_id / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        kept: dict[str, Path | None] = {}
        for file, path in _present(landing, manifest).items():
            if file.kept_sha256 is None:
                kept[file.name] = None  # killed between the manifest and the removal
                continue
            try:
                if _holds(feed, path, values):
                    kept[file.name] = _without(feed, path, values, scratch, manifest.batch_id in taken)
            except _Unsearchable:
                kept[file.name] = None
        if kept:
            landing.alter(manifest, "erasure", kept)
            n_altered += len(kept)
        shutil.rmtree(scratch, ignore_errors=True)
    return n_altered


def _present(landing: Landing, manifest: Manifest) -> dict[LandedFile, Path]:
    paths = {file: landing.path(manifest, file) for file in manifest.files}
    return {file: path for file, path in paths.items() if path.is_file()}


def rename(landing: Landing, neutral: Callable[[str], str]) -> None:
    """Call files by neutral names, on disk and then in the manifests; killed in between, the same is done again."""
    for manifest in landing.manifests():
        names = {file.name: fresh for file in manifest.files if (fresh := neutral(file.name)) != file.name}
        for stale, fresh in names.items():
            place = landing.folder / manifest.batch_id / stale
            if place.exists():
                place.rename(place.with_name(fresh))
        if names:
            landing.rename(manifest, names)


def neutral_names(feed: Feed, values: Iterable[str], pseudonymiser: Pseudonymiser) -> Callable[[str], str]:
    """What becomes of a name, part by part: one that holds a value is a keyed hash of itself and keeps its ending."""

    def neutral(part: str) -> str:
        if not any(found.search(part) for found in in_text(values, part)):
            return part
        endings = [each for each in PurePosixPath(part).suffixes if each in ENDINGS]
        return f"erased-{pseudonymiser.fingerprint(feed.city_code, part)[:16]}{''.join(endings)}"

    return lambda name: "/".join(map(neutral, name.split("/")))


class _Unsearchable(Exception):
    """A file in which a value may stand and cannot be found."""


def _holds(feed: Feed, path: Path, values: Iterable[str]) -> bool:
    """Whether one of the values stands in a file, in whatever spelling. Raises _Unsearchable."""
    content = path.read_bytes()
    try:
        return any(found.search(text) for text in _texts(feed, content) for found in in_text(values, text))
    except DAMAGED_ALL_WAYS as error:
        raise _Unsearchable from error


def _texts(feed: Feed, content: bytes, depth: int = 0) -> Iterator[str]:
    """What can be read in a file: its text, that of each member, its columns; in each encoding that it may have.

    An archive in an archive is looked into; of one further down nobody can say how much it unpacks to.
    """
    if depth > DEEPEST:
        raise Unreadable("archives in archives")
    if content.startswith(CLOSED):
        raise Unreadable("a format whose text lies packed in it")
    if content.startswith(b"PAR1"):
        for column in _columns(content):
            yield "\n".join(
                map(str, pc.unique(column).to_pylist() if not pa.types.is_nested(column.type) else column.to_pylist())
            )
    elif content.startswith((ZIP, EMPTY_ZIP)):
        left = allowed_in_all(len(content))
        with zipfile.ZipFile(BytesIO(content), metadata_encoding="gb18030") as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    part = within_limits(stream, entry.compress_size, left)
                left -= len(part)
                yield entry.filename
                yield from _texts_within(feed, part, depth)
    else:
        yield from _texts_within(feed, _unpacked(content), depth)


def _texts_within(feed: Feed, text: bytes, depth: int) -> Iterator[str]:
    if text.startswith((ZIP, EMPTY_ZIP, GZIP, b"PAR1")):
        yield from _texts(feed, text, depth + 1)
    else:
        yield from (text.decode(name, "surrogateescape") for name in _encodings(feed))


def _columns(content: bytes) -> Iterator[pa.ChunkedArray]:
    """Columns of a Parquet file, some rows at a time; a text that many rows share is there once."""
    leaves = pa_parquet.ParquetFile(pa.BufferReader(content)).schema
    paths = [leaves.column(n).path for n in range(len(leaves))]
    file = pa_parquet.ParquetFile(pa.BufferReader(content), read_dictionary=paths)
    check_size(file, len(content))
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group).unify_dictionaries().columns


def _encodings(feed: Feed) -> list[str]:
    return sorted({"utf-8", feed.source.encoding if isinstance(feed.source, FilesSource) else "utf-8"})


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(GZIP):
        return content
    with gzip.GzipFile(fileobj=BytesIO(content)) as stream:
        return within_limits(stream, len(content))


def _without(feed: Feed, path: Path, values: Iterable[str], scratch: Path, is_taken: bool) -> Path | None:
    """The file without the values, under the same name in `scratch`; None if it has to go as a whole."""
    content = path.read_bytes()
    if not content.startswith(NO_TEXT):
        scratch.mkdir(exist_ok=True)
        changed = scratch / path.name
        text = _unpacked(content)
        for encoding in _encodings(feed):
            text = _blanked(text, encoding, values)
        changed.write_bytes(gzip.compress(text, 1, mtime=0) if content.startswith(GZIP) else text)
        if _rows(feed, changed) == _rows(feed, path) and not _holds(feed, changed, values):
            return changed
    if is_taken:
        return None
    raise UsageError(
        f"feed {feed.code}: {path.parent.name}/{path.name} holds a value, cannot be changed and is not in the lake\n"
        "  what to do: refine the feed, or have the source deliver the file again, then erase again"
    )


def _blanked(content: bytes, encoding: str, values: Iterable[str]) -> bytes:
    """The text with as many blanks in the place of each value as it has bytes."""

    def n_bytes(text: str) -> int:  # without the mark with which some encodings begin each text
        return len((text + text).encode(encoding)) - len(text.encode(encoding))

    text = content.decode(encoding, "surrogateescape")
    for found in in_text(values, text):
        text = found.sub(lambda match: " " * (n_bytes(match.group()) // n_bytes(" ")), text)
    return text.encode(encoding, "surrogateescape")


def _rows(feed: Feed, path: Path) -> pa.Table | None:
    """What the lake would get of a file, pseudonyms aside; None if it cannot be read."""
    try:
        return decode(feed, path, NOBODY).table.drop_columns(list(pseudonym_columns(feed)))
    except ContractBreach:
        return None
