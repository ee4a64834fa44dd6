"""Landed file -> the bytes of its members, within limits: plain, gzip by its first bytes, zip by its first bytes.

Nothing is ever written to disk, so a member's name cannot lead anywhere; a name that tries to is refused all the same.
"""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from spark_jobs.feeds.formats.content import LeftOut, Unreadable
from spark_jobs.masking import without_persons

BLOCK = 1 << 20
LARGEST = 8 << 30  # bytes of one unpacked file
EXPANSION = 200  # text packs about 1:20, at the very most 1:100; a bomb up to 1:1,000
ALWAYS_ALLOWED = 32 << 20  # a short file of one repeated line is no bomb
GZIP, ZIP, EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES encryption"}
WORKBOOK = "[Content_Types].xml"  # a part of every one
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # beside what a Mac writes: __MACOSX and ._ before a name
DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
FOREIGN = {  # first bytes of what arrives in place of a text file
    ZIP: "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old or encrypted Excel workbook",
    b"%PDF": "a PDF",
    b"PAR1": "Parquet",
    b"<!DOCTYPE": "an HTML page",
    b"<html": "an HTML page",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    GZIP: "gzip inside gzip",
    b"BZh91AY&S": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}


def members(path: Path, extension: str) -> Iterator[tuple[str, bytes] | LeftOut]:
    """(name, bytes) of the file, or of each member of an archive whose members end in `.extension`.

    What a system puts into its archives for itself is left out and named. Raises Unreadable for an archive that is cut
    off, damaged, encrypted, packed by another method, too large, or holds something else.
    """
    with path.open("rb") as file:
        start = file.read(4)
    size = path.stat().st_size
    if not size:
        raise Unreadable("expected at least a header, found an empty file (0 bytes)")
    if size > LARGEST:
        raise Unreadable(f"expected at most {LARGEST:,} bytes, found {size:,}")
    try:
        if start.startswith(GZIP):
            with gzip.open(path) as stream:
                yield path.name, within_limits(stream, size)
        elif start in (ZIP, EMPTY_ZIP) and (path.suffix == ".zip" or extension != "xlsx"):
            yield from _zip_members(path, extension)
        else:
            yield path.name, path.read_bytes()
    except DAMAGED as error:
        raise Unreadable(f"expected a whole archive, found one that is cut off or damaged: {error}") from None


def allowed_in_all(packed: int) -> int:
    """Bytes that all members of an archive of so many bytes may hold: they may share the same packed ones."""
    return ALWAYS_ALLOWED + packed * EXPANSION


def within_limits(stream: IO[bytes] | gzip.GzipFile, packed: int, most: int = LARGEST) -> bytes:
    """What a stream holds that has so many bytes packed. Raises Unreadable for more than is ever unpacked, or `most`."""
    allowed = min(most, LARGEST, max(ALWAYS_ALLOWED, packed * EXPANSION))
    blocks, size = [], 0
    while block := stream.read(BLOCK):
        size += len(block)
        if size > allowed:
            raise Unreadable(
                f"expected at most {allowed:,} bytes from {packed:,} packed ones, found more: a mistake or a zip bomb"
            )
        blocks.append(block)
    return b"".join(blocks)


def _zip_members(path: Path, extension: str) -> Iterator[tuple[str, bytes] | LeftOut]:
    with zipfile.ZipFile(path, metadata_encoding="gb18030") as archive:
        found = [entry for entry in archive.infolist() if not entry.is_dir()]
        entries = [entry for entry in found if not _is_of_the_system(entry.filename)]
        yield from (LeftOut(without_persons(f"member {entry.filename!r}")) for entry in found if entry not in entries)
        if WORKBOOK in archive.namelist():
            raise Unreadable(f"expected a zip of .{extension} files, found an Excel workbook")
        for entry in entries:
            _check_member(entry, extension)
        names = sorted(entry.filename for entry in entries)
        if not names:
            raise Unreadable(f"expected members that end in .{extension}, found none")
        if len(set(names)) != len(names):
            raise Unreadable(f"expected members with different names, found {names}")
        left = allowed_in_all(path.stat().st_size)
        for entry in sorted(entries, key=lambda entry: entry.filename):
            content = _unpacked(archive, entry, left)
            left -= len(content)
            yield f"{path.name}/{entry.filename}", content


def _is_of_the_system(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] in OF_THE_SYSTEM


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    where = f"member {entry.filename!r}"
    try:
        with archive.open(entry) as stream:
            content = within_limits(stream, entry.compress_size, most)
    except Unreadable as error:
        raise Unreadable(f"{where}: {error}") from None
    except DAMAGED as error:
        raise Unreadable(f"{where}: expected a whole archive, found one that is cut off or damaged: {error}") from None
    if not content:
        raise Unreadable(f"{where}: expected at least a header, found 0 bytes")
    return content


def _check_member(entry: zipfile.ZipInfo, extension: str) -> None:
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name:
        raise Unreadable(f"member {name!r} leads out of the archive; nothing was unpacked")
    if not name.lower().endswith(f".{extension}"):
        raise Unreadable(f"expected members that end in .{extension}, found {name!r}")
    if entry.flag_bits & 1:
        raise Unreadable(f"member {name!r} is encrypted; expected an archive without password")
    if entry.compress_type not in METHODS:
        method = OTHER_METHODS.get(entry.compress_type, "another method")
        raise Unreadable(
            f"member {name!r} is packed with {method} (method {entry.compress_type}), which is not read; "
            "expected Deflate: pack the archive anew, with members under 2 GB where Windows packs it"
        )


def check_workbook_size(content: bytes) -> None:
    """An .xlsx is an archive too: refuse one whose parts would unpack beyond the limits."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            in_all, most = sum(entry.file_size for entry in parts), allowed_in_all(len(content))
            if in_all > most:
                raise Unreadable(f"expected parts of at most {most:,} bytes, found {in_all:,}: a mistake or a zip bomb")
            for entry in parts:
                if entry.file_size > max(ALWAYS_ALLOWED, entry.compress_size * EXPANSION):
                    raise Unreadable(
                        f"part {entry.filename!r} would unpack from {entry.compress_size:,} to {entry.file_size:,} "
                        "bytes: a mistake or a zip bomb"
                    )
    except zipfile.BadZipFile as error:
        raise Unreadable(f"expected an .xlsx workbook, found something else ({error})") from None


def refuse_foreign(content: bytes, expected: str) -> None:
    """Say what a file really is where its first bytes tell."""
    for start, what in FOREIGN.items():
        if content.lstrip()[:9].lower().startswith(start.lower()):
            raise Unreadable(f"expected {expected}, found {what}")
