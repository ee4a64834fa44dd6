"""The one form in which keys, names of places, codes, persons and the contract's own words are compared.

Unicode's NFKC without what cannot be seen, with one dash and without the apostrophe that makes a spreadsheet's cell a
text. `normal` says it in Python, `spark_jobs/feeds/casting.py` in Spark's SQL by the tables here; a test compares them.
"""

from __future__ import annotations

import re
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator

# Unicode's Default_Ignorable_Code_Point: marks of direction, zero width, variation selectors, tags
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58"  # hyphens, dashes and minus signs beside "-"
BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029"  # that NFKC leaves
PLAIN = "\\x00-\\x7f\u4e00-\u9fff"  # ASCII and common ideographs, which NFKC leaves as they are
APOSTROPHE = (
    r"^'(?=[0-9A-Za-z=+@-]|[^\x00-\xa0\u1680\u2028\u2029])"  # of a cell of text; a quotation has another sign behind it
)

# What exports write where there is nothing, in the normal form and in small letters
NULL_WORDS = (
    "null", "(null)", "[null]", "<null>", "\\n", "none", "nil", "n/a", "#n/a", "na", "<na>", "nan", "nat", "undefined",
    "n.a.", "unknown", "#ref!", "#value!", "#name?", "#null!", "#num!", "#div/0!", "-", "--", "---", "/", "?", "无", "空", "空值",
    "暂无", "未知", "不详",
)  # fmt: skip
# A whole number that became a binary fraction on its way (20260001.0, 2.3E+17), with a comma in other languages, or got
# commas between its thousands: its digits may be another key's
NUMBER_LIKE = r"^[+-]?(\d+[.,]0*|\d+([.,]\d+)?[eE][+-]\d+|\d+[.,]\d+[eE]\d+|\d{1,3}(,\d{3})+)$"

_IGNORED, _ODD = re.compile(f"[{IGNORABLE}]"), re.compile(f"[^{PLAIN}]")
_APOSTROPHE, _NUMBER_LIKE = re.compile(APOSTROPHE), re.compile(NUMBER_LIKE)
_NULL_WORDS = frozenset(NULL_WORDS)
_ONE_DASH = str.maketrans(DASHES, "-" * len(DASHES))


def normal(text: str) -> str:
    """The normal form of a text; it is its own normal form.

    Each key and person of a batch comes here, so what is plain is asked as little as possible.
    """
    if not text.isascii() and _ODD.search(text):
        text = normalize("NFKC", _IGNORED.sub("", text)).translate(_ONE_DASH)
    text = text.strip(BLANKS)
    return _APOSTROPHE.sub("", text) if text.startswith("'") else text


def is_null_word(text: str) -> bool:
    """True for a text in normal form that says there is nothing."""
    return text.lower() in _NULL_WORDS


def is_number_like(text: str) -> bool:
    """True for a text in normal form that is no key but a number by which a program has replaced one."""
    return _NUMBER_LIKE.match(text) is not None


Normal = Annotated[str, AfterValidator(normal)]  # a word of a contract
