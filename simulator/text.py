"""Columns as the sources write them: instants as text, vocabularies, spellings and dirt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from simulator.city import COUNTIES, UNKNOWN_NAMES, ZONE_CODE, ZONE_SPELLINGS, townships
from simulator.truth import Array
from simulator.world import NEVER, Columns

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_SPELLINGS = [county.spellings for county in COUNTIES] + [ZONE_SPELLINGS]


def pick(words: Sequence[str | None], positions: Array) -> Array:
    """Words at the given positions."""
    return np.array(words, dtype=object)[positions]


def instants(seconds: Array, template: str = "{} {}") -> Array:
    """Local instants as text from their date and clock time; None for NEVER."""
    happened = seconds < NEVER
    stamps = np.datetime_as_string(np.where(happened, seconds, 0).astype("datetime64[s]")).tolist()
    texts = [
        template.format(stamp[:10], stamp[11:]) if known else None
        for stamp, known in zip(stamps, happened.tolist(), strict=True)
    ]
    return np.array(texts, dtype=object)


def dates(days: Array, is_compact: bool = False) -> Array:
    """Days as YYYY-MM-DD or YYYYMMDD; None for NEVER."""
    known = days < NEVER
    stamps = np.datetime_as_string(np.where(known, days, 0).astype("datetime64[D]")).tolist()
    texts = [
        (stamp.replace("-", "") if is_compact else stamp) if is_known else None
        for stamp, is_known in zip(stamps, known.tolist(), strict=True)
    ]
    return np.array(texts, dtype=object)


def seen(values: Array, is_seen: Array) -> Array:
    """Values where they are known already, None elsewhere."""
    shown = values.astype(object)
    shown[~is_seen] = None
    return np.asarray(shown)


def county_codes(columns: Columns) -> Array:
    """Six digits; the high-tech zone under its own."""
    codes = pick([county.code for county in COUNTIES], columns["county"])
    return np.where(columns["is_zone"], ZONE_CODE, codes)


def township_codes(columns: Columns) -> Array:
    """Nine digits."""
    return np.asarray(townships().codes[columns["town"]])


def township_names(columns: Columns) -> Array:
    """Name of the township."""
    return np.asarray(townships().names[columns["town"]])


def county_names(columns: Columns) -> Array:
    """A spelling of the county's name, by the uniform column `spelling`. Nine in ten clerks write the official name."""
    parents = np.where(columns["is_zone"], len(COUNTIES), columns["county"]).tolist()
    chosen = []
    for parent, draw in zip(parents, columns["spelling"].tolist(), strict=True):
        others = _SPELLINGS[parent][1:]
        chosen.append(_SPELLINGS[parent][0] if draw < 0.9 else others[int((draw - 0.9) * 10 * len(others))])
    return np.array(chosen, dtype=object)


def record_numbers(prefix: str, columns: Columns) -> Array:
    """Prefix, date, last two digits of the county code, number within day and county."""
    return numbers_of(prefix, columns["day"], columns["county"], columns["number"])


def numbers_of(prefix: str, day: Array, county: Array, number: Array) -> Array:
    """Record numbers of any day, county and number (see record_numbers)."""
    suffix = pick([county.code[4:] for county in COUNTIES], county).tolist()
    stamps = dates(day, is_compact=True).tolist()
    texts = [f"{prefix}{d}{c}{n:03d}" for d, c, n in zip(stamps, suffix, number.tolist(), strict=True)]
    return np.array(texts, dtype=object)


Spoil = Callable[[str, int], str] | str | int | None
Dirt = Sequence[Mapping[str, Spoil]]


def full_width(value: str, _: int) -> str:
    """Digits as a Chinese input method writes them."""
    return value.translate(_FULL_WIDTH)


def spaced(value: str, number: int) -> str:
    """A stray space before the value, or an ideographic one after it."""
    return f" {value}" if number % 2 else f"{value}\u3000"


def without_leading_zero(value: str, _: int) -> str:
    """What a spreadsheet leaves of a code."""
    return value.removeprefix("0")


def impossible_date(value: str, _: int) -> str:
    """The same text on a 30th or 31st of February."""
    return f"{value[:4]}0231" if value.isdigit() else f"{value[:4]}-02-30{value[10:]}"


def unknown_name(_: str, number: int) -> str:
    """A county that does not exist."""
    return UNKNOWN_NAMES[number % len(UNKNOWN_NAMES)]


def soil(rows: dict[str, Array], columns: Columns, sorts: Dirt) -> None:
    """Apply dirt in place. Sort i (column -> new value or function) goes on the records with dirt = i + 1."""
    for sort, changes in enumerate(sorts, start=1):
        dirty = np.flatnonzero(columns["dirt"] == sort).tolist()
        for name, change in changes.items():
            column = rows[name].astype(object)
            for row in dirty:
                column[row] = change(column[row], int(columns["number"][row])) if callable(change) else change
            rows[name] = column
