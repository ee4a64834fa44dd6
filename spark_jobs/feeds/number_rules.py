"""Counts and amounts of a contract for texts in memory: what `casting` makes of them in Spark, without Spark.

Signs, widths and limits are those of `casting`; here is only what Spark itself does to a text that it casts to a decimal.
A test holds both against the same rows.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal

from expectations.models import FeedColumn, KindColumn
from expectations.normal_form import BLANKS
from spark_jobs.feeds.casting import FLOAT_NOISE, NARROW, THREE_DIGITS, UNSEEN, WIDE, not_a

NUMBERS = ("count", "amount")  # types
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
_HALF_WIDTH = str.maketrans(WIDE, NARROW) | str.maketrans("", "", UNSEEN)
_NUMBER = re.compile(r"[+-]?(\d+[.]?\d*|[.]\d+)([eE][+-]?\d{1,9})?")
_THREE_DIGITS = re.compile(THREE_DIGITS, re.ASCII)
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP, Emax=MAX_EMAX, Emin=MIN_EMIN)


def narrow(text: str) -> str:
    """`casting.narrow` of a text."""
    return (text if text.isascii() else text.translate(_HALF_WIDTH)).strip(BLANKS)


def count_of(column: FeedColumn, text: str) -> int | None:
    """The whole number that a text says, or None."""
    decimal = _decimal(column, text, 20, 4)
    whole = decimal is not None and decimal == decimal.to_integral_value()
    return int(decimal) if decimal is not None and whole and INT_MIN <= decimal <= INT_MAX else None


def number_faults(kind: KindColumn, column: FeedColumn, text: str, mapped: str | None) -> frozenset[str]:
    """Rules that a number breaks. `mapped`: what the contract makes of the text that the source gives."""
    read = count_of(column, mapped or "") if kind.type == "count" else _decimal(column, mapped or "", 18, 2)
    is_ambiguous = column.decimal is None and not (column.values or column.prefixes) and bool(_THREE_DIGITS.match(text))
    broken = {"ambiguous_number"} if is_ambiguous else set[str]()
    if read is None:
        return frozenset(broken or {not_a(kind.type)})
    if read < 0:
        broken.add("negative")
    if kind.at_most is not None and read > kind.at_most:
        broken.add("too_large")
    given = _decimal(column, text, 38, 12) if kind.type == "amount" and not is_ambiguous else None
    if given is not None and abs(given - read) > Decimal(FLOAT_NOISE):
        broken.add("too_precise")
    return frozenset(broken)


def _decimal(column: FeedColumn, text: str, precision: int, scale: int) -> Decimal | None:
    """A text as Spark casts it to decimal(precision, scale): rounded half up; None where it is none or too long."""
    plain = _plain(column, text)
    if plain is None or not _NUMBER.fullmatch(plain):
        return None
    found = Decimal(plain)
    if found and found.adjusted() >= precision - scale:
        return None
    if found and found.adjusted() < -scale - 1:
        return Decimal(0)
    rounded = found.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    return None if rounded and rounded.adjusted() >= precision - scale else rounded


def _plain(column: FeedColumn, text: str) -> str | None:
    """The text with a decimal point and without thousands, where the contract says how the source writes them."""
    if column.decimal is None:
        return text
    thousand = "," if column.decimal == "." else "."
    point, group = re.escape(column.decimal), re.escape(thousand)
    is_number = re.fullmatch(rf"[+-]?(\d+|\d{{1,3}}({group}\d{{3}})+)({point}\d*)?", text, re.ASCII)
    return text.replace(thousand, "").replace(column.decimal, ".") if is_number else None
