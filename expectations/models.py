"""What a contract can say: kinds, feeds and cities as frozen models. Reading them from files: expectations/contract.py.

This is the floor of the house: it imports nothing of ours and never pyspark, so that Airflow, Spark jobs,
tests and documentation all read the same declaration.
"""

from __future__ import annotations

import codecs
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from expectations.corrections import Correction
from expectations.located_yaml import ContractError
from expectations.normal_form import Normal, normal
from expectations.source_columns import SourceColumn
from expectations.time_patterns import clock_pattern, time_pattern

CODE = r"^[a-z][a-z0-9_]*$"  # part of names of tables and connections
Privacy = Literal["public", "internal", "personal", "secret"]
ColumnType = Literal["text", "code", "instant", "date", "flag", "count", "amount", "pseudonym"]
Mode = Literal["changes", "snapshot"]
CLOSED: tuple[Privacy, ...] = ("personal", "secret")  # classes of what is said of a person
PSEUDONYM, MONEY = "_pseudonym", "_yuan"  # how columns of such a type end
Scalar = str | bool | None
EVENTS = "n_events"  # the column of a kind by which one row of a source of counts stands for several events
TRUE_WORDS, FALSE_WORDS = ("1", "true", "t", "y", "yes", "是"), ("0", "false", "f", "n", "no", "否")  # of flags


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Text(Frozen):
    """The same words in both languages of publication: Text("中文", "English").

    What has words in one language only says them in the other too: no page shows a blank.
    """

    zh: str
    en: str

    def __init__(self, *both: str, **given: str) -> None:
        super().__init__(**dict(zip(("zh", "en"), both, strict=False)), **given)

    @model_validator(mode="before")
    @classmethod
    def _one_language_for_both(cls, said: object) -> object:
        if not isinstance(said, dict):
            return said
        words = {language: said.get(language) or said.get(other) for language, other in (("zh", "en"), ("en", "zh"))}
        return said | {language: word for language, word in words.items() if word is not None}


def _time_of_day(value: object) -> object:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _one_meaning_a_word(words: object) -> object:
    """Two spellings of one word that mean different things: the later would win without a word."""
    said: dict[str, object] = {}
    for word, meaning in words.items() if isinstance(words, dict) else ():
        plain = normal(str(word))
        if said.setdefault(plain, meaning) != meaning:
            raise ValueError(f"one meaning for {plain!r} in all its spellings")
    return words


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
TimePattern = Annotated[str, AfterValidator(time_pattern)]
ClockPattern = Annotated[str, AfterValidator(clock_pattern)]


class KindColumn(Frozen):
    """One canonical column of a kind. `privacy` (YAML: class) is carried to every table."""

    type: ColumnType
    privacy: Privacy = Field(alias="class")
    zh: str
    en: str
    required: bool = False
    never_empty: bool = False  # a feed may do without the column; one that has it says it in every row
    at_most: int | None = None  # of a count; more is no count but a mistake
    codes: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()  # lengths of a code's digits: some sources lose zeros on the left
    day_of: str | None = None  # local day of another column, never given by a source

    @property
    def is_needed(self) -> bool:
        """True if a row of a feed that has the column must say it."""
        return self.required or self.never_empty

    @model_validator(mode="after")
    def _codes_only_for_codes(self) -> KindColumn:
        if (self.type == "code") != bool(self.codes):
            raise ValueError("`codes` goes with type code, and type code needs it")
        return self

    @model_validator(mode="after")
    def _persons_as_pseudonyms(self) -> KindColumn:
        if (self.type == "pseudonym") != (self.privacy in CLOSED):
            raise ValueError(
                "class personal or secret goes with type pseudonym: of persons the lake has keyed hashes only"
            )
        return self


class Kind(Frozen):
    """A kind of record (hotline, dispute, case, incident, coverage): what many sources and cities share.

    `event_on` names the columns that say when it happened, the first that a record has; it must have one of them.
    `order` names instants that follow each other; a record may lack some, but none may precede an earlier one.
    `family` names the column that says what sort of event it is.
    """

    kind: str
    name: Text
    grain: Text
    source: str
    event_on: tuple[str, ...] = Field(min_length=1)
    order: tuple[str, ...] = ()
    family: str | None = None
    is_context: bool = False  # shown, never scored: its feeds support no indicator, and nothing waits for them
    may_be_of_city: bool = False  # a record may be about the city as a whole, which is no place within it
    columns: dict[str, KindColumn]

    @field_validator("event_on", mode="before")
    @classmethod
    def _one_event(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _references(self) -> Kind:
        days = (column.day_of for column in self.columns.values())
        for name in filter(None, [*self.event_on, *self.order, self.family, *days]):
            if name not in self.columns:
                raise ValueError(f"column {name!r} is not declared")
        for name, column in self.columns.items():
            if (column.type == "pseudonym") != name.endswith(PSEUDONYM):
                raise ValueError(f"columns of type pseudonym, and no others, end in {PSEUDONYM!r}; {name!r}")
        for name in self.order:
            if self.columns[name].type != "instant":
                raise ValueError(f"`order` compares instants, and {name!r} is a {self.columns[name].type}")
        return self

    @model_validator(mode="after")
    def _no_person_beside_a_quantity(self) -> Kind:
        """What somebody buys is never kept: quantities are of places."""
        persons = [name for name, column in self.columns.items() if column.privacy in CLOSED]
        if persons and self.quantities:
            raise ValueError(f"no person ({', '.join(persons)}) beside a quantity ({', '.join(self.quantities)})")
        return self

    @property
    def quantities(self) -> tuple[str, ...]:
        """Amounts of goods: all amounts but those of money, whose names end in the currency."""
        return tuple(n for n, column in self.columns.items() if column.type == "amount" and not n.endswith(MONEY))

    @property
    def events(self) -> tuple[str, ...]:
        """`event_on` as a source gives it: a day that is computed stands for its instant."""
        return tuple(self.columns[name].day_of or name for name in self.event_on)


class DatabaseSource(Frozen):
    """A table read over SQL by a cursor column, with overlap for rows that committed late."""

    type: Literal["database"]
    connection: str
    table: str
    cursor: str
    overlap_hours: int = Field(ge=0, default=24)


class ApiSource(Frozen):
    """A paged HTTP JSON API behind a bearer token."""

    type: Literal["api"]
    connection: str
    token_path: str
    path: str
    items: str
    total: str
    page_parameter: str
    size_parameter: str
    page_size: int = Field(ge=1, default=500)
    from_parameter: str
    to_parameter: str
    overlap_hours: int = Field(ge=0, default=24)


class FilesSource(Frozen):
    """Files dropped into a folder; each is picked up once by its checksum."""

    type: Literal["files"]
    connection: str
    pattern: str  # glob below the connection's path
    format: Literal["csv", "jsonl", "xlsx", "parquet"]
    encoding: str = "utf-8"
    delimiter: str = Field(min_length=1, max_length=1, default=",")
    sheet: str | None = None
    delivered: str | None = None  # regular expression on the file name whose group says day or month of delivery
    delivered_on: date | None = None  # for a file of an archive, whose name does not say

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError:
            raise ValueError("an encoding that Python knows, such as utf-8 or gb18030") from None
        return name

    @field_validator("delivered")
    @classmethod
    def _one_group(cls, pattern: str | None) -> str | None:
        try:
            groups = 1 if pattern is None else re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        if groups != 1:
            raise ValueError(f"a regular expression with one group, around the day or month; this has {groups}")
        return pattern

    @model_validator(mode="after")
    def _delivery_is_known(self) -> FilesSource:
        if (self.delivered is None) == (self.delivered_on is None):
            raise ValueError("give either `delivered` (in the file's name) or `delivered_on` (a day)")
        return self


Source = Annotated[DatabaseSource | ApiSource | FilesSource, Field(discriminator="type")]


Meanings = Annotated[dict[Normal, Scalar], BeforeValidator(_one_meaning_a_word)]


class Condition(Frozen):
    """A row of which one source column says one of these values, in capitals or not.

    `others`: what the column says where the condition does not hold; an empty value needs no naming. The words of a
    flag bring their opposite with them. A value that the contract does not name is rejected.
    """

    column: SourceColumn
    values: tuple[Normal, ...]
    others: Literal["any"] | tuple[Normal, ...] = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Condition:
        both = {*map(str.lower, self.values)} & {*map(str.lower, self.others if self.others != "any" else ())}
        if both:
            raise ValueError(f"each value in `values` or in `others`, not in both: {', '.join(sorted(both))}")
        return self


class Clock(Frozen):
    """The source column with the time of day, where a source keeps it apart from the day."""

    column: SourceColumn
    format: ClockPattern | None = None  # where it is not H:mm or H:mm:ss


class FeedColumn(Frozen):
    """How one canonical column comes out of the source. Closed vocabulary: no expressions."""

    source: tuple[SourceColumn, ...] = Field(alias="from", default=())
    values: Meanings | None = Field(alias="map", default=None)
    prefixes: Meanings | None = None  # by the beginning of the text, the longest first
    empty: tuple[Normal, ...] = ()  # what a source column says, in capitals or not, where it has no value
    otherwise: Scalar = None  # for values that neither map nor prefixes name; without it they are rejected
    format: TimePattern | None = None  # where the source is not ISO
    clock: Clock | None = None  # of an instant whose `from` says the day; an empty one leaves the day at midnight
    width: int | None = Field(ge=1, default=None)  # digits of the source's own codes, if it loses zeros on the left
    decimal: Literal[".", ","] | None = None  # of a number; the other of the two then parts thousands
    constant: Scalar = None
    when: Condition | None = None  # only rows that meet it give a value; on the others the column is empty
    keep: Literal["first", "last"] | None = None  # over a record's versions: first known, or last known, value

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`column: source_name` is short for `column: {from: source_name}`."""
        if isinstance(value, str):
            return {"from": (value,)}
        if isinstance(value, dict) and isinstance(value.get("from"), str):
            return {**value, "from": (value["from"],)}
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> FeedColumn:
        if bool(self.source) == (self.constant is not None):
            raise ValueError("give either `from` or `constant`")
        return self

    @model_validator(mode="after")
    def _one_meaning(self) -> FeedColumn:
        both = {*map(str.lower, self.empty)} & {*map(str.lower, self.values or {})}
        if both:
            raise ValueError(f"each value in `map` or in `empty`, not in both: {', '.join(sorted(both))}")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Source columns that its value is made of."""
        return (*self.source, self.clock.column) if self.clock else self.source

    @property
    def has_otherwise(self) -> bool:
        return "otherwise" in self.model_fields_set


class Known(Frozen):
    """When the source recorded this version: a column of the source, or the delivery date of the file."""

    column: SourceColumn | None = None
    format: TimePattern | None = None


class CoveredThrough(Frozen):
    """Which source column says how far the content reaches. Its newest value counts that is not after the file's day."""

    column: SourceColumn


class Tolerance(Frozen):
    """Shares of a batch beyond which, and beyond what chance adds, it is refused; and how many times its usual size."""

    rejected_share: float = Field(ge=0, le=1, default=0.02)
    changed_share: float = Field(ge=0, le=1, default=0.02)  # of known ids: of another day, and county or family
    swapped_share: float = Field(ge=0, le=1, default=0.05)  # of days that would fit with day and month changed about
    closed_share: float = Field(ge=0, le=1, default=0.05)  # of a snapshot's records, from one delivery to the next
    times_usual: float = Field(gt=1, default=100.0)  # of the records a day that the feed's newest batches have


class Feed(Frozen):
    """One source of one city: where, cadence, format, kind, mapping, tolerances."""

    feed_code: str = Field(alias="feed", pattern=CODE)
    city_code: str
    kind: str
    name: Text
    source: Source
    mode: Mode = "changes"
    starts_on: date  # first local day the feed covers
    ends_on: date | None = None  # last local day, for an archive that will get no more
    lag_days: int = Field(ge=0, default=0)  # by which the content ends before the day that a delivery is of
    covered_through: CoveredThrough | None = None  # instead of lag_days: the content says it itself
    supports: tuple[str, ...] = ()  # indicators that need this feed; left out: those of its kind (indicators.py)
    record_id: tuple[SourceColumn, ...]
    known_at: Known
    deleted: Condition | None = None
    area: tuple[SourceColumn, ...]  # source columns tried in order: code, name, township
    outside_area: tuple[Normal, ...] = ()  # values of them that mean: not in this city (counted, never scored)
    columns: dict[str, FeedColumn]
    dropped: dict[SourceColumn, Privacy] = {}  # source columns that go no further, with their class
    tolerance: Tolerance = Tolerance()
    raw_kept_days: int = Field(ge=1, default=400)  # time to live of raw files; bronze keeps their rows, without persons
    corrections: dict[str, Correction] = {}  # never here: from the file of corrections beside the contract

    @property
    def code(self) -> str:
        return f"{self.city_code}.{self.feed_code}"

    @property
    def takes_away(self) -> bool:
        """True if a row may say that its record is deleted, or lies elsewhere."""
        return self.deleted is not None or bool(self.outside_area)

    @property
    def is_rebuilt(self) -> bool:
        """True if one new row may change stored versions, so that a record needs all its rows again."""
        return self.mode == "snapshot" or any(column.keep for column in self.columns.values())

    @property
    def open_columns(self) -> tuple[str, ...]:
        """Columns that have a target for values which nobody named."""
        return tuple(name for name, column in self.columns.items() if column.has_otherwise and column.source)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that decides over a row or a column."""
        whens = tuple(column.when for column in self.columns.values() if column.when)
        return (*whens, self.deleted) if self.deleted else whens

    def named_values(self, condition: Condition) -> frozenset[str] | None:
        """All values, in small letters, that the contract names for the condition's column; None if it takes any.

        They are those of this condition, of other conditions on the column, and of its maps and words for nothing. A
        map with `otherwise` takes any value.
        """
        maps = [column for column in self.columns.values() if condition.column in column.source]
        beside = [each for each in self.conditions if each.column == condition.column]
        if any(each.others == "any" for each in beside) or any(column.has_otherwise for column in maps):
            return None
        named = {word.lower() for each in beside for word in (*each.values, *each.others)}
        named |= {word.lower() for column in maps for word in (*(column.values or {}), *column.empty)}
        opposites, own = ((TRUE_WORDS, FALSE_WORDS), (FALSE_WORDS, TRUE_WORDS)), set(map(str.lower, condition.values))
        return frozenset(named.union(*(against for words, against in opposites if own & set(words))))

    @property
    def mapped_columns(self) -> tuple[str, ...]:
        """Source columns that the contract uses, each once, in a stable order."""
        used = [*self.record_id, *self.area]
        used += [name for column in self.columns.values() for name in column.reads]
        used += [self.known_at.column] if self.known_at.column else []
        used += [condition.column for condition in self.conditions]
        return tuple(dict.fromkeys(used))


class Publication(Frozen):
    starts: TimeOfDay
    deadline: TimeOfDay


class Archive(Frozen):
    """A city whose feeds have ended: published for one day, with all that was ever delivered."""

    business_date: date
    as_of: datetime


class DataSource(Frozen):
    """Where a city's facts or open data come from, for the page of licences."""

    name: str
    source: str
    licence: str


class Publisher(Frozen):
    """Who answers for a city's figures, and under which terms others may use them. `licence`: its SPDX identifier."""

    name: Text
    email: str
    licence: str
    licence_url: str


class BasePeriod(Frozen):
    first_day: date
    last_day: date
    known_by: date  # the base is computed from what was known then, so that it stays fixed


class MovingHoliday(Frozen):
    """A holiday that moves through the calendar and that days of different years are aligned by."""

    name: Text
    source: str
    first_days: tuple[date, ...]


class City(Frozen):
    """A city: one folder and nothing else."""

    city_code: str = Field(alias="city", pattern=CODE)
    name: Text
    area_code: str
    time_zone: str
    base_period: BasePeriod
    publication: Publication | None = None
    archive: Archive | None = None
    moving_holiday: str | None = None
    day_types: str | None = None  # calendar of holidays and worked weekends; or none
    names: dict[str, Text] = {}  # what this city calls an indicator, a domain or a kind of record
    digest: str | None = Field(pattern=CODE, default=None)  # connection by which flags are told each night; or none
    remind_after_days: int | None = Field(ge=1, default=None)  # a revision waits until `digest` says so; or never
    note: Text | None = None
    publisher: Publisher | None = None
    data_sources: tuple[DataSource, ...] = ()
    feeds: tuple[Feed, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (KeyError, ValueError, OSError):
            raise ValueError("an IANA time zone, such as Asia/Shanghai") from None

    @model_validator(mode="after")
    def _nightly_or_archive(self) -> City:
        if (self.publication is None) == (self.archive is None):
            raise ValueError("give either `publication` (nightly) or `archive` (ended feeds)")
        return self

    @model_validator(mode="after")
    def _reminders_have_a_channel(self) -> City:
        if self.remind_after_days is not None and self.digest is None:
            raise ValueError("`remind_after_days` needs `digest`, the connection over which reminders go")
        return self

    @property
    def context_feeds(self) -> tuple[str, ...]:
        """Codes of the feeds that support no indicator: their records are shown and never counted."""
        return tuple(feed.feed_code for feed in self.feeds if not feed.supports)

    def as_of(self, business_date: date) -> datetime:
        """Cut-off instant (UTC) of a business date: what was known then is what a release shows."""
        if self.archive:
            return self.archive.as_of.astimezone(UTC)
        assert self.publication
        zone = ZoneInfo(self.time_zone)
        local = datetime.combine(business_date + timedelta(days=1), self.publication.starts, zone)
        return local.astimezone(UTC)

    def feed(self, feed_code: str) -> Feed:
        """The feed of that code. Raises ContractError with the codes that exist."""
        for feed in self.feeds:
            if feed.feed_code == feed_code:
                return feed
        known = ", ".join(f.feed_code for f in self.feeds)
        raise ContractError(f"city {self.city_code} has no feed {feed_code!r}; it has: {known}")
