"""Where words are found in a folder: in the bytes of every file, unpacked, and in the values of every Parquet file."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet


def traces(folders: Iterable[Path], words: Iterable[str]) -> dict[str, set[str]]:
    """Word -> files in which it stands, hidden ones included."""
    spellings = {word: {word.encode(), word.encode("gb18030"), word.encode("utf-16-le")} for word in words}
    found: dict[str, set[str]] = {word: set() for word in spellings}
    for folder in folders:
        for path in folder.rglob("*"):
            if not path.is_file():
                continue
            for part in parts(path):
                for word, ways in spellings.items():
                    if any(way in part for way in ways):
                        found[word].add(str(path.relative_to(folder)))
    return found


def parts(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(entry) for entry in archive.infolist())
    if content.startswith(b"PAR1"):
        for column in pa_parquet.ParquetFile(path).read().flatten().columns:
            values = column.cast(pa.string()) if not pa.types.is_nested(column.type) else column.to_pylist()
            yield "\n".join(map(str, values)).encode()
