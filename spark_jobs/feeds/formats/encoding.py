"""Bytes -> UTF-8 by the contract's encoding. A character that cannot be read is marked, never guessed."""

from __future__ import annotations

import codecs
import re

import pyarrow as pa

from spark_jobs.feeds.formats.content import LOST, Unreadable

_MARKS = {  # byte order marks: which encoding a file itself claims
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHINESE = re.compile("[一-鿿]")


def to_utf8(content: bytes, encoding: str) -> bytes:
    """The same text in UTF-8 without byte order mark.

    What a broken row lost becomes U+FFFD, for the row's reject. Raises Unreadable if the whole file is in another
    encoding: Chinese in UTF-8 read as GB18030 gives other, valid Chinese characters, so that nothing else would notice.
    """
    name = codecs.lookup(encoding).name.removesuffix("-sig")
    for mark, claimed in _MARKS.items():
        if content.startswith(mark):
            if not name.startswith(claimed):
                raise Unreadable(f"expected encoding {name}, found the byte order mark of {claimed}")
            content = content.removeprefix(mark) if claimed == "utf-8" else content
    if content.isascii() and not name.startswith("utf-16"):
        return content
    if name == "utf-8":
        return _checked_utf8(content)
    if _is_chinese_utf8(content):
        raise Unreadable(f"expected encoding {name}, found utf-8")
    return content.decode(name, "replace").encode()


def _is_chinese_utf8(content: bytes) -> bool:
    try:
        return bool(_CHINESE.search(content.decode("utf-8")))
    except UnicodeDecodeError:
        return False


def _checked_utf8(content: bytes) -> bytes:
    try:
        pa.array([content], pa.large_binary()).cast(pa.large_string())  # checks at memory speed, unlike str
        return content
    except pa.ArrowInvalid:
        text = content.decode("utf-8", "replace")
    lost = text.count(LOST)
    if lost > sum(not character.isascii() for character in text) / 2:
        raise Unreadable("expected encoding utf-8, found another one (GB18030 perhaps): most characters cannot be read")
    return text.encode()
