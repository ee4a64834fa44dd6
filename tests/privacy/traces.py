"""Where words are found in a folder: in the bytes of every file, unpacked, and in the values and the footer of every
Parquet file."""

from __future__ import annotations

import gzip
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pa_parquet

LZ4_BLOCK = b"LZ4Block"  # how Spark packs what lies between two stages
LZ4_HEADER = struct.Struct("<8sBiii")  # magic, method and level, packed and plain length, checksum
LZ4_PLAIN = 0x10


def traces(folders: Iterable[Path], words: Iterable[str]) -> dict[str, set[str]]:
    """Word -> files in which it stands, hidden ones included."""
    spellings = {word: {word.encode(), word.encode("gb18030"), word.encode("utf-16-le")} for word in words}
    found: dict[str, set[str]] = {word: set() for word in spellings}
    for path, part in parts(folders):
        for word, ways in spellings.items():
            if any(way in part for way in ways):
                found[word].add(path)
    return found


def matches(folders: Iterable[Path], pattern: re.Pattern[bytes]) -> dict[bytes, str]:
    """What matches the pattern -> a file in which it stands."""
    return {found: path for path, part in parts(folders) for found in pattern.findall(part)}


def parts(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of each file and of what is packed in it; of a Parquet file, its footer and each column's different values."""
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            try:
                content = path.read_bytes() if path.is_file() else b""
            except FileNotFoundError:  # a file of a running service, gone since it was listed
                continue
            if not content.startswith(b"PAR1"):
                yield str(path), content
            if content.startswith(b"\x1f\x8b"):
                yield str(path), gzip.decompress(content)
            if content.startswith(LZ4_BLOCK):
                yield str(path), b"".join(lz4_blocks(content))
            if content.startswith(b"PK") and zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    yield from ((str(path), archive.read(entry)) for entry in archive.infolist())
            if content.startswith(b"PAR1"):
                # not the packed pages: Snappy cuts hashes anywhere, and a piece of one can look like a telephone
                yield str(path), content[-8 - int.from_bytes(content[-8:-4], "little") :]
                for column in pa_parquet.read_table(pa.BufferReader(content)).flatten().columns:
                    is_nested = pa.types.is_nested(column.type)
                    values = column.to_pylist() if is_nested else pc.unique(column.cast(pa.string())).to_pylist()
                    yield str(path), "\n".join(map(str, values)).encode()


def lz4_blocks(content: bytes) -> Iterator[bytes]:
    """The blocks of a file of lz4-java, unpacked."""
    at = 0
    while at < len(content):
        _, token, n_packed, n_plain, _ = LZ4_HEADER.unpack_from(content, at)
        at += LZ4_HEADER.size
        block = content[at : at + n_packed]
        at += n_packed
        is_packed = n_plain and token & 0xF0 != LZ4_PLAIN
        yield pa.decompress(block, n_plain, codec="lz4_raw", asbytes=True) if is_packed else block
