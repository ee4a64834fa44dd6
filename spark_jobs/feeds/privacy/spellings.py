"""Where a value stands in a text, however it is spelled there: in full width, with marks that nobody sees between its
characters, escaped as JSON does. Whatever has the value's normal form is found, character by character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from expectations.normal_form import DASHES, IGNORABLE, normal

COMPATIBLE = (range(0xD800), range(0xE000, 0x20000), range(0x2F800, 0x2FA20))  # where Unicode keeps spellings of others
# IGNORABLE as JSON may escape it; what lies beyond the first plane is two escapes
UNSEEN = (
    r"\\u(?i:00ad|034f|061c|115f|1160|17b[45]|180[b-f]|200[b-f]|202[a-e]|206[0-9a-f]|3164|fe0[0-9a-f]|feff|ffa0|fff[0-8]"
    r"|d82f\\udca[0-3]|d834\\udd7[3-9a]|db4[0-3]\\ud[c-f][0-9a-f]{2})"
)
ESCAPE = "\\"


def in_text(values: Iterable[str], text: str) -> list[re.Pattern[str]]:
    """What finds each value in a text, the longest first; where JSON may have escaped characters, those too."""
    found = sorted({normal(value) for value in values}, key=len, reverse=True)
    return [_pattern(value, ESCAPE in text) for value in found]


def in_java(values: Iterable[str]) -> str:
    """What finds the values in a column of Spark's."""
    ignored = f"[{_written(IGNORABLE)}]*"
    return "|".join(ignored.join(_character(each, _one_in_java) for each in normal(value)) for value in values)


@cache
def _pattern(value: str, has_escapes: bool) -> re.Pattern[str]:
    ignored = f"(?:[{IGNORABLE}]|{UNSEEN})*" if has_escapes else f"[{IGNORABLE}]*"
    one = _one_escaped if has_escapes else _one
    return re.compile(ignored.join(_character(each, one) for each in value))


def _character(character: str, one: Callable[[str], str]) -> str:
    """One character of a normal form: as it is or in another spelling, or as a letter and the marks on it."""
    apart = unicodedata.normalize("NFD", character)
    whole = one(character + "".join(_spellings().get(character, ())))
    return whole if len(apart) == 1 else f"(?:{whole}|{''.join(map(one, apart))})"


def _one(characters: str) -> str:
    return f"[{re.escape(characters)}]"


def _one_in_java(characters: str) -> str:
    return f"[{_written(characters, but='')}]"


def _written(characters: str, but: str = "-") -> str:
    """Characters as Java's regular expressions write them; `but` stands for a range and stays."""
    return "".join(each if each in but else f"\\x{{{ord(each):x}}}" for each in characters)


def _one_escaped(characters: str) -> str:
    r"""One of the characters, or its escape: \u200b, \u200B, two of them beyond the first plane; or a backslash before it."""
    units = [each.encode("utf-16-be").hex() for each in characters]
    escapes = "|".join(r"\\u".join(unit[n : n + 4] for n in range(0, len(unit), 4)) for unit in units)
    return rf"(?:\\?{_one(characters)}|\\u(?i:{escapes}))"


@cache
def _spellings() -> dict[str, tuple[str, ...]]:
    """Character -> the other ones of which it is the normal form."""
    found: dict[str, list[str]] = {"-": [*DASHES]}
    for character in (chr(code) for codes in COMPATIBLE for code in codes):
        plain = unicodedata.normalize("NFKC", character)
        if len(plain) == 1 and plain != character:
            found.setdefault("-" if plain in DASHES else plain, []).append(character)
    return {plain: tuple(others) for plain, others in found.items()}
