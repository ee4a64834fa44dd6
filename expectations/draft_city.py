"""A folder of deliveries -> the draft of a city: its feeds, its own file, and the tables of its areas.

Files whose names differ only in their day are one feed. Nothing that exists is written over.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import pandas as pd

from expectations.contract import CITY_TABLES, city_folder, load_kinds
from expectations.draft import Draft
from expectations.draft_text import DAY_IN_NAME, GUESS, DraftText, pattern_of
from expectations.guess import speaks_of
from expectations.indicators import denominators
from expectations.located_yaml import TODO
from expectations.models import Mode
from expectations.normal_form import normal
from expectations.sample import MAX_ROWS, Sample, SampleError, read_sample
from expectations.suggest import is_outside, likely_kind

OVERLAP = 0.5  # two files that share more of their records are the same table twice
MAX_AREAS = 60
SINCE = "2000-01-01"  # of areas: what is as old as the oldest has no first day
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Group:
    """Files of one feed, the newest last, as names below `folder`; the pattern of their names."""

    folder: Path
    pattern: str
    names: tuple[str, ...]

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """A sample of each file; the more files, the smaller."""
        most = max(MAX_ROWS // len(self.names), 1_000)
        older = (read_sample(self.folder / name, max_rows=most) for name in self.names[:-1])
        return (*older, read_sample(self.folder / self.names[-1]))

    @property
    def code(self) -> str | None:
        """Code of the feed by the files' names; None where they have no letter that a code may have."""
        stem = re.sub(r"\.[a-z]+(\.gz)?$", "", DAY_IN_NAME.sub("", Path(self.names[-1]).name).lower())
        return re.sub(r"[^a-z0-9]+", "_", re.sub(r"^[^a-z]+", "", stem)).strip("_") or None

    @property
    def kind(self) -> str | None:
        """Kind of the records, by the name of the files, then of the columns."""
        return likely_kind([self.pattern, " ".join(self.samples[-1].rows.columns), *self.samples[-1].rows.columns])

    def draft(self, city_code: str, feed_code: str, kind: str) -> Draft:
        """What can be guessed, with the mode and the key that two files show."""
        *older, newest = self.samples
        draft = Draft(newest, load_kinds()[kind], city_code, feed_code, tuple(older))
        if not older:
            return draft
        lasting = max(draft.unique, key=lambda name: self._agreement(draft, name), default=None)
        draft = replace(draft, lasting=lasting)
        mode: Mode = "snapshot" if self._overlap(draft.record_id[0]) > OVERLAP else "changes"
        return replace(draft, mode=mode)

    def _whole(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        return read_sample(self.folder / name, max_rows=10**9, columns=columns).rows

    def _overlap(self, key: Sequence[str]) -> float:
        """Share of the smaller one's records that the two newest files have both."""
        if TODO in key or not set(key) <= set(self.samples[-2].rows.columns):
            return 0.0
        one, other = (set(self._whole(name, key).itertuples(index=False, name=None)) for name in self.names[-2:])
        return len(one & other) / max(min(len(one), len(other)), 1)

    def _agreement(self, draft: Draft, key: str) -> float:
        """Share of the newest file's rows of which the file before says the same day under the same key."""
        day = draft.columns.get(draft.event)
        wanted = [key, day] if day and day != key else [key]
        if not set(wanted) <= set(self.samples[-2].rows.columns):
            return 0.0
        before, now = (set(self._whole(name, wanted).itertuples(index=False, name=None)) for name in self.names[-2:])
        return len(before & now) / max(len(now), 1)


def groups_of(folder: Path) -> Iterator[Group]:
    """The files below a folder by the pattern of their names, in order of it. Hidden files are none."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
            parent = f"{Path(name).parent.as_posix()}/" if "/" in name else ""
            found.setdefault(parent + pattern_of(path.name), []).append(name)
    for pattern, names in sorted(found.items()):
        yield Group(folder, pattern, tuple(sorted(names, key=_day_in)))


def _day_in(name: str) -> tuple[str, str]:
    dated = DAY_IN_NAME.search(Path(name).name)
    return ("".join(f"{int(part):02d}" for part in re.findall(r"\d+", dated[0])) if dated else ""), name


def draft_city(folder: Path, city_code: str, kinds: dict[str, str]) -> Iterator[str]:
    """Write the draft of a city from a folder of its deliveries and yield what a person should know, line by line.

    `kinds`: feed -> kind where the names do not say it. Raises SampleError if no file of the folder can be read.
    """
    readable: list[tuple[str, str, Group]] = []
    for group in groups_of(folder):
        try:
            kind = kinds.get(group.code or group.pattern) or group.kind
        except SampleError as error:
            yield f"left out: {error}"
            continue
        if kind is None:
            yield f"left out: {group.pattern}: which kind of record? Say it: --kind {group.code or group.pattern}={'|'.join(load_kinds())}"
        else:
            readable.append((_free_code(group.code or kind, [code for code, _, _ in readable]), kind, group))
    if not readable:
        raise SampleError(f"{folder}: expected files that can be read and whose kind is known, found none")
    drafts = [(group, group.draft(city_code, code, kind)) for code, kind, group in readable]
    yield from _write_areas(city_code, [draft for _, draft in drafts])
    texts = {}
    for group, draft in drafts:
        text = DraftText(draft, group.pattern, tuple(_remarks(group))).text()
        texts[city_folder(city_code) / "feeds" / f"{draft.feed_code}.yml"] = text
    texts[city_folder(city_code) / "city.yml"] = _city_text(city_code, [draft for _, draft in drafts])
    for path, text in texts.items():
        yield from _written(path, text)


def _free_code(code: str, taken: Sequence[str]) -> str:
    return next(each for each in (code, *(f"{code}_{n}" for n in range(2, 1000))) if each not in taken)


def _remarks(group: Group) -> Iterator[str]:
    """Columns that some of the files lack, and rows that cannot be told apart in the whole newest one."""
    newest = group.samples[-1].rows.columns
    for sample in group.samples[:-1]:
        if gone := [name for name in newest if name not in sample.rows.columns]:
            yield f"{sample.path.name} lacks {', '.join(gone)}"
        if beyond := [name for name in sample.rows.columns if name not in newest]:
            yield f"{sample.path.name} has also {', '.join(beyond)}"


def _shown(path: Path) -> Path:
    """As one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _written(path: Path, text: str) -> Iterator[str]:
    name = _shown(path)
    if path.exists():
        yield f"{name}: kept as it is"
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if path.suffix == ".csv":
        yield f"{name}: {len(text.splitlines()) - 1} rows"
        return
    n_open = sum(TODO in line.split("#")[0] for line in text.splitlines())
    n_guessed = sum(f"# {GUESS}" in line for line in text.splitlines())
    yield f"{name}: {n_open} lines are to be decided (TODO), {n_guessed} guesses to confirm (# {GUESS})"


def _write_areas(city_code: str, drafts: Sequence[Draft]) -> Iterator[str]:
    """The tables of a city that has none yet, from the column that looks like its districts."""
    folder = city_folder(city_code)
    if (folder / "areas.csv").exists():
        yield f"{_shown(folder / 'areas.csv')}: kept as it is"
        return
    column, values = _area_column(drafts)
    areas, aliases = _areas(city_code, values)
    yield from _written(folder / "areas.csv", _csv("areas", areas))
    yield from _written(folder / "area_aliases.csv", _csv("area_aliases", aliases))
    yield from _written(folder / "denominators.csv", _csv("denominators", []))
    if column is None:
        yield "no column looks like districts: write them into areas.csv, then draft again"
        return
    yield f"{GUESS} districts from the column {column}: {', '.join(area[0] for area in areas[1:])}"
    unnamed = [area[0] for area in areas if not (area[2] or area[3])]
    if unnamed:
        yield f"areas.csv: names that lack: {', '.join(unnamed)}"
    needed: dict[str, list[str]] = {}
    for indicator in (name for draft in drafts for name, missing in draft.supports.items() if missing is None):
        if denominator := denominators().get(indicator):
            needed.setdefault(denominator, []).append(indicator)
    for denominator, indicators in needed.items():
        yield f"denominators.csv: lacks {denominator} of all {len(areas) - 1} districts, for {', '.join(indicators)}"


def _area_column(drafts: Sequence[Draft]) -> tuple[str | None, Counter[str]]:
    """The column of districts that most feeds share, then the fullest; and its values over all feeds."""
    found: dict[str, list[tuple[Draft, Counter[str]]]] = {}
    for draft in drafts:
        for name, facts in draft.open_facts.items():
            is_listed = facts.is_code and 1 < len(facts.values) <= MAX_AREAS and not facts.pattern
            if is_listed and speaks_of(name, "area"):
                found.setdefault(_meaning(facts.values), []).append((draft, facts.values))
    if not found:
        return None, Counter()
    best = max(found, key=lambda key: (len(found[key]), sum(values.total() for _, values in found[key]), key))
    names = [n for draft, values in found[best] for n, facts in draft.open_facts.items() if facts.values is values]
    return " / ".join(dict.fromkeys(names)), sum((values for _, values in found[best]), Counter())


def _meaning(values: Counter[str]) -> str:
    """What a list of places is, whatever the capitals and whoever lacks a rare one: its commonest half."""
    plain = Counter[str]()
    for value, n in values.items():
        plain[normal(value).lower().removesuffix(".0")] += n
    common = sorted(value for value, n in plain.items() if 4 * n * len(plain) >= plain.total())
    return "|".join(common)


def _areas(city_code: str, values: Counter[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of areas.csv and area_aliases.csv: the city, and a district for each value that is not outside of it."""
    rows = [[city_code, "city", "", city_code.replace("_", " ").title(), "", SINCE, ""]]
    aliases, known = [], dict[str, str]()
    for value in sorted(values):
        plain = value.removesuffix(".0")
        if is_outside(value):
            continue
        if normal(plain).lower() in known:
            if plain != value:
                aliases.append([value, known[normal(plain).lower()], "as one of the files writes it"])
            continue
        code = _area_code(city_code, plain, len(rows))
        known[normal(plain).lower()] = code
        zh, en = (plain, "") if CHINESE.search(plain) else ("", "" if plain.isdecimal() else plain)
        rows.append([code, "county", zh, en, city_code, SINCE, ""])
        if plain != value:
            aliases.append([value, code, "as one of the files writes it"])
    return rows, aliases


def _area_code(city_code: str, name: str, number: int) -> str:
    if name.isdecimal():
        return name
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or f"{city_code}_{number:02d}"


def _csv(table: str, rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([CITY_TABLES[table], *rows])
    return text.getvalue()


def _city_text(city_code: str, drafts: Sequence[Draft]) -> str:
    """city.yml; the base is the last three whole years that the data know."""
    days = [draft.facts[source] for draft in drafts if (source := draft.columns.get(draft.event))]
    last = max((facts.latest for facts in days if facts.pattern and facts.latest), default=None)
    year = (last.year if last and (last.month, last.day) == (12, 31) else last.year - 1) if last else None
    is_chinese = any(CHINESE.search(name) for draft in drafts for name in draft.facts)
    zone = f"Asia/Shanghai  # {GUESS}" if is_chinese else f"{TODO}  # such as America/Los_Angeles"
    first, end, known = (f"{year - 2}-01-01", f"{year}-12-31", f"{year + 1}-12-31") if year else (TODO, TODO, TODO)
    name = city_code.replace("_", " ").title()
    return "\n".join(chain(
        [f"city: {city_code}", f"name: {{en: {name}}}  # {GUESS} and zh: in Chinese, if there are Chinese readers", f"area_code: {city_code}"],
        [f"time_zone: {zone}"],
        [f'publication: {{starts: "01:30", deadline: "02:30"}}  # {GUESS} local time; or archive, for feeds that have ended'],
        [f"base_period: {{first_day: {first}, last_day: {end}, known_by: {known}}}  # {GUESS} three whole years are 100"],
    )) + "\n"  # fmt: skip
