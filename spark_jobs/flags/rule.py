"""What a rule of the flags is, what it may look at on a night, and what it finds.

Flags never feed the index and never name a person: they are about counties, queues and feeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd

from expectations.holiday_notices import DayTypes
from expectations.models import PSEUDONYM, Feed, Text
from spark_jobs.flags.weekly import DAYS_A_WEEK, Judgement, Weekly, weekly, weeks_needed
from spark_jobs.index.engine.holidays import MovingHoliday
from spark_jobs.index.flag_thresholds import Flags
from spark_jobs.index.methodology import Methodology

NOTHING_TO_JUDGE = Text(
    "本夜没有可供检验的序列：历史太短、事件太少，或数据源缺失",
    "no series could be judged: too short a history, too few events, or a feed is missing",
)
# In a query of silver: the version of a record that was known at the cut-off, unless it is deleted
KNOWN = "known_from <= timestamp {as_of} and (known_to is null or known_to > timestamp {as_of}) and not is_deleted"
_EVERY_COLUMN = re.compile(r"(?<!\()\*(?!\))")  # count(*) takes none


@dataclass(frozen=True)
class Query:
    """A query in Spark SQL for a small frame that rules need; `name` is the frame's name in the evidence.

    {city}, {day}, {as_of} and {zone} are filled in as literals, and {days} as how far back the rules look.
    kind: of records; a city none of whose feeds is of it is not asked, and its evidence lacks the frame.
    No rule is written on a person: a query that names a pseudonym, or takes every column, is an error where it is declared.
    """

    name: str
    sql: str
    kind: str | None = None

    def __post_init__(self) -> None:
        assert PSEUDONYM not in self.sql.lower(), f"query {self.name}: expected no column of a person (…{PSEUDONYM})"
        assert not _EVERY_COLUMN.search(self.sql), f"query {self.name}: expected columns by their names, found *"


DAILY = Query(
    "daily",
    """
    select indicator_id, area_code, day, stratum, numerator, denominator
    from indicators.daily
    where city_code = {city} and day between date_sub(date {day}, {days}) and date {day}
    """,
)


VALUES = Query(
    "values",
    """
    select area_code, indicator_id, denominator
    from index.indicator_value
    where city_code = {city} and business_date = date {day}
    """,
)
TREND = Query(
    "trend",
    """
    select area_code, day, index, lower, upper from index.trend where city_code = {city} and business_date = date {day}
    """,
)


CITY = Text("全市", "the city")
BY_PROBABILITY = Text(  # the colours of a rule that is this sure of a rise
    "橙 {{ t.amber_probability | pct }}，红 {{ t.red_probability | pct }}",
    "amber {{ t.amber_probability | pct }}, red {{ t.red_probability | pct }}",
)


@dataclass(frozen=True)
class Place:
    """The areas of a city as flags need them: its own code, and its counties with their names."""

    city_code: str
    city_area: str
    counties: Mapping[str, Text]

    def name(self, area_code: str) -> Text:
        """Name of a county; that of the city for what lies in no county of today."""
        return self.counties.get(area_code, CITY)


@dataclass(frozen=True)
class QuantityLimit:
    """How much of a product, in a sort of container, may be sold at one place in the rule's window. limit: in unit_code."""

    product_code: str
    container_code: str
    unit_code: str
    limit: Decimal

    @property
    def of(self) -> dict[str, str]:
        """What a sale says that counts towards it, by column."""
        return {"product_code": self.product_code, "container_code": self.container_code, "unit_code": self.unit_code}


@dataclass(frozen=True, eq=False)
class RuleInput:
    """What the rules of a city look at on a business date, as known at the release's cut-off.

    evidence: by name "status" (feed_status.feed_status, with what the content covers), "batches" (ops.batches), and the
    frame of each query that a rule needs.
    holiday: the city's holiday that moves, if it has one. day_types: its calendar of holidays, if it has one.
    silenced: indicators whose feed is at fault tonight, so that statistics of them mean nothing.
    limits: of quantities, those of the city that hold on the business date.
    """

    business_date: date
    place: Place
    feeds: Sequence[Feed]
    methodology: Methodology
    evidence: Mapping[str, pd.DataFrame]
    silenced: frozenset[str] = frozenset()
    holiday: MovingHoliday | None = None
    day_types: DayTypes | None = None
    limits: Sequence[QuantityLimit] = ()

    @cached_property
    def indicators(self) -> dict[str, Text]:
        """Names by indicator."""
        return {i.id: Text(i.name.zh, i.name.en) for i in self.methodology.indicators}

    @cached_property
    def covered_since(self) -> dict[str, date]:
        """Indicator -> first day on which all feeds that support it are expected."""
        since: dict[str, date] = {}
        for feed in self.feeds:
            for indicator in feed.supports:
                since[indicator] = max(since.get(indicator, feed.starts_on), feed.starts_on)
        return since

    @cached_property
    def covered_through(self) -> dict[str, date]:
        """Indicator -> last day that all feeds that support it cover. Later days are unknown and not zero."""
        status = self.evidence["status"]
        last = dict(zip(status["feed_code"], status["covered_through"], strict=True))
        through: dict[str, date] = {}
        for feed in self.feeds:
            of_feed = last.get(feed.feed_code) or feed.starts_on - timedelta(days=1)
            for indicator in feed.supports:
                through[indicator] = min(through.get(indicator, self.business_date), of_feed)
        return through

    @cached_property
    def weekly(self) -> Weekly:
        """The weeks of every indicator that is covered and not silenced."""
        judged = self.covered_since.keys() - self.silenced
        covered = {indicator: (self.covered_since[indicator], self.covered_through[indicator]) for indicator in judged}
        counties = sorted(self.place.counties)
        daily, values = self.evidence["daily"], self.evidence["values"]
        about = (self.methodology, self.business_date, self.holiday, self.day_types)
        return weekly(daily, values, counties, covered, *about)


@dataclass(frozen=True)
class Finding:
    """One flag. It is about an area, and may be about one of the area's indicators or a feed.

    observed, expected, threshold: in the unit that the detail names; NaN where the rule has none.
    part: tells findings of one rule, area, subject and day apart. silences: indicators (RuleInput.silenced).
    """

    colour_code: str
    area_code: str
    since: date
    detail: Text
    observed: float = np.nan
    expected: float = np.nan
    threshold: float = np.nan
    indicator_id: str | None = None
    feed_code: str | None = None
    part: str | None = None
    silences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """What the text of a standing flag is made from. monday: first day of the judged week."""

    judgement: Judgement
    area: Text
    indicator: Text
    monday: date


def nothing(_: Flags) -> Mapping[Query, int]:
    return {}


def of_weeks(flags: Flags) -> Mapping[Query, int]:
    """What every rule that judges weeks looks at. It has one week more, because the last one may not be over."""
    return {DAILY: DAYS_A_WEEK * (weeks_needed(flags) + 1), VALUES: 0}


@dataclass(frozen=True)
class Rule:
    """One rule. Its module declares it as RULE and is named after its entry in methodology.yml.

    when, colours: for the methodology page. They are Jinja texts in which `t` is that entry and `flags` all entries.
    needs: queries, each with the days that the rule looks back.
    A rule has one of find, judge and because:
    find: what it raises on a night; n_looked_at says how many areas, feeds or series it looks at.
    judge: what it says of the rows (series) in a week, which is given by its position; `say` gives the text of a flag.
    False discoveries are controlled over all such rules together.
    because: why no night runs the rule. nothing: why a night on which it found nothing to look at did not run it.
    is_fact: a flag stands the same night and is no statistic; other rules wait for several nights.
    is_first: the rule looks before the others, because its findings may silence them.
    """

    code: str
    name: Text
    when: Text
    colours: Text
    find: Callable[[RuleInput], list[Finding]] | None = None
    n_looked_at: Callable[[RuleInput], int] | None = None
    judge: Callable[[Weekly, int, Sequence[int]], list[Judgement]] | None = None
    say: Callable[[Said], Text] | None = None
    needs: Callable[[Flags], Mapping[Query, int]] = nothing
    because: Text | None = None
    nothing: Text = NOTHING_TO_JUDGE
    is_fact: bool = False
    is_first: bool = False

    def __post_init__(self) -> None:
        assert sum(way is not None for way in (self.find, self.judge, self.because)) == 1, (
            f"{self.code}: one of find, judge, because"
        )
        assert (self.find is None) == (self.n_looked_at is None), f"{self.code}: n_looked_at goes with find"
        assert (self.judge is None) == (self.say is None), f"{self.code}: say goes with judge"
