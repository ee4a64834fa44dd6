"""Whether what an officer wrote may be kept: no telephone and no identity number, in whatever spelling. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from urllib.parse import unquote

LONGEST, LONGEST_LINK = 300, 500  # characters
_CHINESE_DIGITS = str.maketrans("〇零○一壹幺二贰三叁四肆五伍六陆七柒八捌九玖", "0001112233445566778899")
_DATE = re.compile(r"(?<![\d-])(19|20)\d\d[-/.年](0?[1-9]|1[0-2])([-/.月](0?[1-9]|[12]\d|3[01])日?)?(?![\d-])")
_RUN = re.compile(r"\d[\dXx \-.·()/]*")
_LONG = re.compile(r"\d{7,}")
_LOCAL = re.compile(r"(?<!\d)(?!(?:19|20)\d\d-(?:19|20)\d\d)[2-8]\d{2,3}-\d{4}(?!\d)")
_PERSONAL = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}|(?:(?:00)?86)?0\d{9,11}|\d{15}|\d{17}[\dXx]")
_IN_LINK = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")
_LINK = re.compile(r"https?://[^\s/@]+(/\S*)?")
_FILE_HASH = re.compile(r"sha256:[0-9a-f]{64}")


def holds_number_of_person(text: str) -> bool:
    """Whether the text holds what looks like a telephone or an identity number.

    Any seven digits in a row look like one, unless they are a date. So do groups of digits that together have the form
    of one. Full-width, Chinese and other digits count. Characters that nobody sees do not separate digits.
    """
    plain = _DATE.sub("日", _plain(text))
    if any(not _is_day(run[0]) for run in _LONG.finditer(plain)) or _LOCAL.search(plain):
        return True
    return any(_PERSONAL.fullmatch(number) for run in _RUN.finditer(plain) for number in _joined(run[0]))


def is_evidence(text: str) -> bool:
    """Whether the text is a link or the hash of a file, without a person's number in it."""
    if _FILE_HASH.fullmatch(text):
        return True
    return bool(_LINK.fullmatch(text)) and not _IN_LINK.search(_plain(unquote(text)))


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).translate(_CHINESE_DIGITS)
    seen = (each for each in normal if unicodedata.category(each) != "Cf")
    return "".join(str(unicodedata.decimal(each, each)) for each in seen)


def _is_day(digits: str) -> bool:
    try:
        return len(digits) == 8 and date.fromisoformat(digits).year in range(1900, 2100)
    except ValueError:
        return False


def _joined(run: str) -> list[str]:
    """What neighbouring groups of digits say together: 139 1234 5678 is one number."""
    groups = re.findall(r"[\dXx]+", run)
    return ["".join(groups[i:j]) for i in range(len(groups)) for j in range(i + 1, len(groups) + 1)]
