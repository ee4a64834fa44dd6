"""What a column of a sample holds: how full, how varied, of which type, and whether it looks personal."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from expectations.guess import is_named_personal, is_named_prose
from expectations.models import FALSE_WORDS, TRUE_WORDS

MOST = 0.95  # so many of the values must fit a pattern for the column to count as such
MAX_CODES = 40  # a column with more different values is no list of codes ...
LONG_LIST, OFTEN = 150, 20  # ... unless it says each so often, on an average
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_PERSONAL_VALUES = {
    "phone numbers": r"(\+?86)?1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|(\+?1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}",
    "identity numbers": r"[1-9]\d{5}(18|19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])\d{3}[\dXx]|\d{3}-\d{2}-\d{4}",
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.\w+",
    "number plates": r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][A-Z0-9]{5,6}",
    "names of persons": rf"[{SURNAMES}][\u4e00-\u9fff]{{1,2}}",
    "addresses": r".*(\d+号|小区|单元|[路街巷]\d|\b(ST|AVE|RD|BLVD|STREET|AVENUE|ROAD|DR|LN)\b).*",
}


class Pattern(NamedTuple):
    """A way to write days or times: what it looks like, Spark's pattern (None: ISO, needs none), Python's pattern."""

    looks: str
    spark: str | None
    python: str
    has_time: bool


_DAY, _CLOCK = r"\d{1,2}", r"\d{1,2}:\d{2}"
CLOCK_LOOKS = rf"{_CLOCK}(:\d{{2}}(\.\d+)?)?"
PATTERNS = (
    Pattern(rf"\d{{4}}-{_DAY}-{_DAY}", None, "%Y-%m-%d", False),
    Pattern(rf"\d{{4}}-{_DAY}-{_DAY}[ T]{_CLOCK}:\d{{2}}(\.\d+)?(Z|[+-]\d{{2}}:?\d{{2}})?", None, "", True),
    Pattern(r"\d{8}", "yyyyMMdd", "%Y%m%d", False),
    Pattern(r"\d{14}", "yyyyMMddHHmmss", "%Y%m%d%H%M%S", True),
    Pattern(r"\d{12}", "yyyyMMddHHmm", "%Y%m%d%H%M", True),
    Pattern(rf"\d{{4}}-{_DAY}-{_DAY} {_CLOCK}", "yyyy-M-d H:mm", "%Y-%m-%d %H:%M", True),
    Pattern(rf"\d{{4}}/{_DAY}/{_DAY}", "yyyy/M/d", "%Y/%m/%d", False),
    Pattern(rf"\d{{4}}/{_DAY}/{_DAY} {_CLOCK}", "yyyy/M/d H:mm", "%Y/%m/%d %H:%M", True),
    Pattern(rf"\d{{4}}/{_DAY}/{_DAY} {_CLOCK}:\d{{2}}", "yyyy/M/d H:mm:ss", "%Y/%m/%d %H:%M:%S", True),
    Pattern(rf"\d{{4}}/{_DAY}/{_DAY} {_CLOCK}:\d{{2}} [AP]M", "yyyy/M/d h:mm:ss a", "%Y/%m/%d %I:%M:%S %p", True),
    Pattern(rf"\d{{4}}\.{_DAY}\.{_DAY}", "yyyy.M.d", "%Y.%m.%d", False),
    Pattern(rf"\d{{4}}年{_DAY}月{_DAY}日", "yyyy年M月d日", "%Y年%m月%d日", False),
    Pattern(rf"\d{{4}}年{_DAY}月{_DAY}日 {_CLOCK}", "yyyy年M月d日 H:mm", "%Y年%m月%d日 %H:%M", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}}", "M/d/yyyy", "%m/%d/%Y", False),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK}", "M/d/yyyy H:mm", "%m/%d/%Y %H:%M", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK}:\d{{2}}", "M/d/yyyy H:mm:ss", "%m/%d/%Y %H:%M:%S", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK} [AP]M", "M/d/yyyy h:mm a", "%m/%d/%Y %I:%M %p", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK}:\d{{2}} [AP]M", "M/d/yyyy h:mm:ss a", "%m/%d/%Y %I:%M:%S %p", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}}", "d/M/yyyy", "%d/%m/%Y", False),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK}", "d/M/yyyy H:mm", "%d/%m/%Y %H:%M", True),
    Pattern(rf"{_DAY}/{_DAY}/\d{{4}} {_CLOCK}:\d{{2}}", "d/M/yyyy H:mm:ss", "%d/%m/%Y %H:%M:%S", True),
    Pattern(rf"{_DAY}\.{_DAY}\.\d{{4}}", "d.M.yyyy", "%d.%m.%Y", False),
    Pattern(r"\d{4}-\d{2}", "yyyy-MM", "%Y-%m", False),  # of a month, as tables of counts have it: its first day
    Pattern(r"\d{4}年\d{1,2}月", "yyyy年M月", "%Y年%m月", False),
    Pattern(rf"{_DAY} [A-Z][a-z]{{2}} \d{{4}}", "d MMM yyyy", "%d %b %Y", False),
    Pattern(rf"{_DAY}-[A-Z][a-z]{{2}}-\d{{4}}", "d-MMM-yyyy", "%d-%b-%Y", False),
)


def parsed(pattern: Pattern, text: str) -> datetime | None:
    """The local time that `text` says in `pattern`, or None."""
    if not re.fullmatch(pattern.looks, text):
        return None
    try:
        found = datetime.strptime(text, pattern.python) if pattern.python else datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=None) if 1900 <= found.year <= 2100 else None


@dataclass(frozen=True)
class Facts:
    """One column of a sample. `values` are those that are not empty, half-width, with how often each occurs."""

    name: str
    n_rows: int
    values: Counter[str]

    @classmethod
    def of(cls, rows: pd.DataFrame, name: str) -> Facts:
        texts = (unicodedata.normalize("NFKC", text) for text in rows[name].dropna())
        return cls(name, len(rows), Counter(texts))

    @property
    def n_filled(self) -> int:
        return self.values.total()

    @property
    def empty_share(self) -> float:
        return 1 - self.n_filled / self.n_rows

    @property
    def is_unique(self) -> bool:
        return self.n_filled == self.n_rows == len(self.values)

    @property
    def is_row_number(self) -> bool:
        """1, 2, 3 …: unique, and tells nothing about the record."""
        count = len(self.values)
        return self.is_unique and count > 1 and set(self.values) in ({*map(str, range(n, count + n))} for n in (0, 1))

    @property
    def is_measure(self) -> bool:
        return self.share(r"-?\d+\.\d+") >= 0.5

    def share(self, looks: str) -> float:
        """Share of the filled rows whose whole value matches."""
        return sum(n for text, n in self.values.items() if re.fullmatch(looks, text)) / max(self.n_filled, 1)

    @cached_property
    def pattern(self) -> Pattern | None:
        """How the column writes days or times, if it does."""
        sizes = {
            pattern: sum(n for text, n in self.values.items() if parsed(pattern, text)) / max(self.n_filled, 1)
            for pattern in PATTERNS
            if self.values and self.share(pattern.looks) >= MOST
        }
        best = max(sizes, key=lambda pattern: sizes[pattern], default=None)
        return best if best and sizes[best] >= MOST else None

    @property
    def is_clock(self) -> bool:
        """Times of day without a day."""
        return self.share(CLOCK_LOOKS) >= MOST

    @property
    def says_time(self) -> bool:
        """Days with their times; midnight throughout is none."""
        pattern = self.pattern
        if pattern is None or not pattern.has_time:
            return False
        moments = (parsed(pattern, text) for text in self.values)
        return any(moment and moment.time() != time.min for moment in moments)

    @cached_property
    def days(self) -> list[date]:
        """The different days that the column says."""
        assert self.pattern
        said = (parsed(self.pattern, text) for text in self.values)
        return [day.date() for day in said if day]

    @property
    def earliest(self) -> date | None:
        return min(self.days, default=None)

    @property
    def latest(self) -> date | None:
        return max(self.days, default=None)

    @cached_property
    def is_code(self) -> bool:
        """Few different values, each of them several times; or more of them, each of them often."""
        n = len(self.values)
        return (0 < n <= MAX_CODES and 2 * n <= self.n_filled) or (n <= LONG_LIST and 0 < OFTEN * n <= self.n_filled)

    @cached_property
    def personal(self) -> str | None:
        """Why the column looks personal, or None. By its name first: a name is known without a look at the values."""
        if is_named_personal(self.name):
            return "by its name"
        for what, looks in _PERSONAL_VALUES.items():
            if self.share(looks) >= (0.2 if what == "addresses" else 0.5) and not self.pattern:
                return f"looks like {what}"
        if is_named_prose(self.name) and not self.is_code:
            return "free text"
        lengths = [len(text) * n for text, n in self.values.items()]
        return "free text" if sum(lengths) > 40 * self.n_filled and not self.is_code else None

    def fits(self, type_: str, widths: tuple[int, ...] = ()) -> float:
        """How well the column fits a canonical column of that type, from 0 (it cannot be) to 1 (it is just so).

        `widths`: lengths of the digits that the codes of such a column have; what is written otherwise is no such code.
        """
        if not self.values:
            return 0.3
        if widths:  # zeros on the left may be lost
            shortest = min(widths) - 1
            return 0.9 if self.share(rf"\d{{{shortest},{max(widths)}}}") >= MOST else 0.0
        if type_ in ("instant", "date"):
            return 0.0 if not self.pattern else 1.0 if self.pattern.has_time or type_ == "date" else 0.6
        if type_ == "flag":
            return (
                1.0
                if set(map(str.lower, self.values)) <= {*TRUE_WORDS, *FALSE_WORDS}
                else 0.7
                if len(self.values) <= 3
                else 0.0
            )
        if type_ == "count":
            return 1.0 if self.share(r"\d{1,6}(\.0+)?") >= MOST else 0.0
        if type_ == "amount":
            return 1.0 if self.share(r"\d+(\.\d+)?") >= MOST else 0.0
        if type_ == "code":
            return 1.0 if self.is_code else 0.6
        return 0.6 if self.pattern else 0.9

    @property
    def writes_days(self) -> str:
        return (self.pattern.spark or "ISO") if self.pattern else ""

    def in_words(self) -> str:
        """Facts without a value of the column."""
        return ", ".join(
            filter(None, [f"{self.empty_share:.0%} empty, {len(self.values):,} different", self.writes_days])
        )


def is_printable(value: str) -> bool:
    """True for a value that may stand in a draft: short, and nothing in it like a number of a person."""
    return len(value) <= 40 and not any(
        re.fullmatch(looks, value) for what, looks in _PERSONAL_VALUES.items() if what != "names of persons"
    )
