"""Spark's patterns for days and times: what is wrong with one, before a row is read by it.

Letters and their counts: https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html, those that Spark parses.
"""

from __future__ import annotations

import re
from typing import Literal

MOST = {  # of a letter in a row
    **{"G": 4, "y": 10, "M": 4, "L": 4, "d": 2, "D": 3, "a": 1, "H": 2, "k": 2, "h": 2, "K": 2, "m": 2, "s": 2, "S": 9},
    **{"V": 2, "z": 4, "O": 4, "X": 5, "x": 5, "Z": 5},
}
HALF_DAYS = {"h", "K"}
HOURS = {"H", "k"} | HALF_DAYS
ZONES = {"V", "z", "O", "X", "x", "Z"}
UTC = r"(Z|UTC|GMT|[+-]00:?00)$"
OTHER_OFFSET = r"[+-](?!00:?00$)\d{2}:?\d{2}$"
DAYS = {"y", "M", "L", "d", "D"}


def time_pattern(pattern: str) -> str:
    """A pattern of a day, with or without a time. Raises ValueError: Spark cannot read it, or not as it is meant."""
    used = _letters(pattern)
    if "y" not in used or ("d" in used and not used & {"M", "L"}):
        raise ValueError("a Spark pattern with years (y) and, where it has days (d), with months (M; m is minutes)")
    return pattern


def clock_pattern(pattern: str) -> str:
    """A pattern of a time of day. Raises ValueError, as `time_pattern` does."""
    used = _letters(pattern)
    if used & DAYS or not used & HOURS:
        raise ValueError("a Spark pattern of a time of day with hours (H, or h with a; minutes are m) and without days")
    return pattern


def zone_in(pattern: str) -> Literal["none", "always", "optional"]:
    """Whether texts of a pattern say their time zone: by its letters, or by a UTC that stands in it as it is."""
    bare = re.sub(r"'[^']*'", "", pattern)
    if set(re.sub(r"\[[^]]*\]", "", bare)) & ZONES or re.search(UTC, _literal(pattern)):
        return "always"
    return "optional" if set(bare) & ZONES else "none"


def names_zone(pattern: str) -> bool:
    """True if texts of a pattern may say their zone by an abbreviation (z)."""
    return "z" in re.sub(r"'[^']*'", "", pattern)


def _literal(pattern: str) -> str:
    """What stands in a pattern as it is: between quotes, and whatever is no letter."""
    parts = re.findall(r"'[^']*'|[^']+", pattern)
    return "".join(part[1:-1] if part[0] == "'" else re.sub(r"[A-Za-z]", "", part) for part in parts)


def _letters(pattern: str) -> set[str]:
    """The letters that stand for something."""
    bare = re.sub(r"'[^']*'", "", pattern)
    runs = [match.group() for match in re.finditer(r"([A-Za-z])\1*", bare)]
    wrong = [run for run in runs if len(run) > MOST.get(run[0], 0)]
    if wrong:
        raise ValueError(
            f"a Spark pattern, such as yyyy-MM-dd HH:mm:ss or yyyy-MM-dd'T'HH:mm; {wrong[0]!r} is none of its letters"
        )
    if re.search(r"['%#{}]", bare):
        raise ValueError(
            "a Spark pattern, such as yyyy-MM-dd'T'HH:mm, with its quotes closed and without %, #, { and }"
        )
    if re.search(OTHER_OFFSET, _literal(pattern)):
        raise ValueError("a Spark pattern whose offset is written in letters (XXX for +08:00, xx for +0800)")
    used = {run[0] for run in runs}
    if bool(used & HALF_DAYS) != ("a" in used) or (used & {"m", "s"} and not used & HOURS):
        raise ValueError("a Spark pattern with hours before minutes: H (0-23), or h (1-12) together with a (AM, PM)")
    return used
