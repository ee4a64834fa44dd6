"""The same work in DuckDB: raw rows -> typed columns, counties, versions. The SQL is made from the feed's own contract.

It does less than the pipeline: it has no bronze, keeps no rejects, judges no batch and has no ledger of batches. It
accepts the same rows.
"""

# ruff: noqa: S608 - the SQL is made from contracts and paths of our own
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from expectations.contract import load_kinds
from expectations.models import FALSE_WORDS, TRUE_WORDS, City, Condition, Feed, FeedColumn, KindColumn
from expectations.normal_form import BLANKS, NULL_WORDS, NUMBER_LIKE, PLAIN, normal
from expectations.places import places_on
from spark_jobs.feeds.bronze import DELIVERED
from spark_jobs.feeds.casting import EARLIEST, LATEST, NARROW, THREE_DIGITS, UNSEEN, WIDE, measures
from spark_jobs.feeds.decoding import hashed_sources
from spark_jobs.feeds.local_times import ISO
from spark_jobs.feeds.row_faults import LONGEST_KEY, SLACK

MEMORY = "12GB"
OFFSET = r":\d{2}([.]\d{1,9})? ?(Z|[+-]\d{2}(:?\d{2})?)$"  # of a time
BLOCK = 64  # bytes of a block of SHA-256, to which the key of an HMAC is padded


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _text(name: str) -> str:
    return f'"text_{name}"'


def _listed(values: Iterable[str]) -> str:
    return "(" + ", ".join(map(quoted, values)) + ")"


class DuckDB:
    """One connection with all cores. What MEMORY does not hold is spilled to `folder`."""

    def __init__(self, city: City, feed: Feed, keys: Path, folder: Path) -> None:
        self.city, self.feed, self.kind = city, feed, load_kinds()[feed.kind]
        self._key = bytes.fromhex(json.loads(keys.read_text())["1"]).ljust(BLOCK, b"\0")
        self.connection = duckdb.connect(
            config={"memory_limit": MEMORY, "temp_directory": str(folder), "preserve_insertion_order": False}
        )
        self.connection.execute("set TimeZone = 'UTC'")
        self.connection.create_function("normal_form", normal)
        words = [(word, *place[:2]) for word, place in places_on(city.city_code, feed.starts_on).items()]
        self.connection.execute("create table places (word varchar, area varchar, township varchar)")
        self.connection.executemany("insert into places values (?, ?, ?)", words)

    def parquet(self, files: Path | Sequence[str], columns: str = "*") -> duckdb.DuckDBPyRelation:
        """Columns of Parquet files, or of all files of a folder."""
        names = f"{files}/*.parquet" if isinstance(files, Path) else list(files)
        return self.connection.read_parquet(names).project(columns)

    def raw_files(self, files: Sequence[Path], delivered: date) -> str:
        """Landed CSV files as a relation with a column for the pseudonym."""
        (phone,) = hashed_sources(self.feed)
        rows = f"read_csv({list(map(str, files))}, header = true, all_varchar = true, delim = ',', nullstr = '')"
        return (
            f"(select *, {self._pseudonym(phone)} as caller_pseudonym, date '{delivered}' as {DELIVERED} from {rows})"
        )

    def write_bronze(self, rows: pa.Table, path: Path, delivered: date) -> None:
        """Raw rows as bronze keeps them: text, the caller's number hashed, in Parquet."""
        (phone,) = hashed_sources(self.feed)
        self.connection.execute(
            f"copy (select * exclude ({phone}), {self._pseudonym(phone)} as caller_pseudonym, "
            f"date '{delivered}' as {DELIVERED} from rows) to {quoted(str(path))} (format parquet)"
        )

    def write_versions(self, relation: str, path: Path, batch_id: str) -> None:
        """The versions of all rows of a relation, as Parquet; the folder is made anew."""
        self.connection.execute(
            f"copy ({self._versions(relation, batch_id)}) to {quoted(str(path))} (format parquet, overwrite true, per_thread_output true)"
        )

    def _pseudonym(self, column: str) -> str:
        """HMAC-SHA256 of city and value under the one key."""
        inner, outer = ("'" + "".join(f"\\x{byte ^ pad:02x}" for byte in self._key) + "'::blob" for pad in (0x36, 0x5C))
        message = f"encode({quoted(self.city.city_code)} || chr(31) || trim({column}))"
        return f"'v1:' || left(sha256({outer} || unhex(sha256({inner} || {message}))), 32)"

    def _versions(self, relation: str, batch_id: str) -> str:
        """One pass over each record's rows. The last row of an instant holds until the next instant, or is open."""
        names = ["area_code", "township_code", "is_deleted", *self.kind.columns]
        said = ", ".join(f'"{name}" := "{name}"' for name in names)
        return f"""
with cleaned as ({self._cleaned(relation)}), typed as ({self._typed()}), accepted as (
  select *, sha256(struct_pack({said})::varchar) as row_hash from typed where not ({self._faults()})
), versions as (
  select *, lead(known_at) over (partition by record_id order by known_at, {DELIVERED}, is_deleted, row_hash) as known_to from accepted
  qualify known_to is distinct from known_at
)
select record_id, {", ".join(f'"{name}"' for name in names)}, known_at, known_at as known_from, known_to,
  known_to is null as is_current, {quoted(batch_id)} as batch_id, row_hash from versions"""

    def _cleaned(self, relation: str) -> str:
        """Text in normal form; numbers and times in half width; empty is null."""
        texts, measured = [], measures(self.feed)
        for name in self.feed.mapped_columns:
            if name not in hashed_sources(self.feed):
                is_ascii = f"strlen({name}) = length({name})"
                plain = f"trim({name}, {quoted(BLANKS)})"
                if name in measured:
                    half = f"translate({name}, {quoted(WIDE + UNSEEN)}, {quoted(NARROW)})"
                    text = f"if({is_ascii}, {plain}, trim({half}, {quoted(BLANKS)}))"
                else:
                    is_odd = f"contains({name}, chr(39)) or regexp_matches({name}, {quoted(f'[^{PLAIN}]')})"
                    text = f"if({is_odd}, normal_form({name}), {plain})"
                texts.append(f"nullif({text}, '') as {_text(name)}")
        return f"select {', '.join(texts)}, caller_pseudonym, {DELIVERED} from {relation}"

    def _typed(self) -> str:
        """Canonical columns, empty where the record is deleted. Columns that are the day of another one come last."""
        columns = {"record_id": "concat_ws('|', " + ", ".join(map(_text, self.feed.record_id)) + ")"}
        columns["known_at"] = self._instant(_text(self.feed.known_at.column or ""))
        deleted = self.feed.deleted
        columns["is_deleted"] = self._says(deleted, deleted.values) if deleted else "false"
        for name, declared in self.kind.columns.items():
            if name in self.feed.columns:
                value = name if declared.type == "pseudonym" else self._value(declared, self.feed.columns[name])
                columns[name] = f"if(is_deleted, null, {value})"
            elif not declared.day_of:
                columns[name] = "null"
        joins, areas = "", range(len(self.feed.area))
        for n, source in enumerate(self.feed.area):
            joins += f" left join places as p{n} on p{n}.word = {_text(source)}"
        columns["area_code"] = "coalesce(" + ", ".join(f"p{n}.area" for n in areas) + ")"
        columns["township_code"] = (
            f"coalesce({', '.join(f'if(p{n}.area = area_code, p{n}.township, null)' for n in areas)})"
        )
        for name, declared in self.kind.columns.items():
            if declared.day_of:
                columns[name] = self._local_day(declared.day_of)
        values = ", ".join(f"{value} as {name}" for name, value in columns.items())
        return f"select cleaned.* exclude (caller_pseudonym), {values} from cleaned{joins}"

    def _says(self, condition: Condition, words: Iterable[str]) -> str:
        said = f"lower({_text(condition.column)}) in {_listed(sorted(map(str.lower, words)))}"
        return f"coalesce({said}, false)"

    def _instant(self, text: str) -> str:
        local = f"try_cast({text} as timestamp) at time zone {quoted(self.city.time_zone)}"
        moment = f"if(regexp_matches({text}, {quoted(OFFSET)}), try_cast({text} as timestamptz), {local})"
        return f"case when regexp_matches({text}, {quoted(ISO)}) then {moment} end"

    def _local_day(self, instant: str) -> str:
        return f"({instant} at time zone {quoted(self.city.time_zone)})::date"

    def _value(self, declared: KindColumn, column: FeedColumn) -> str:
        text = _text(column.source[0])
        if column.values:
            cases = [f"when {quoted(value)} then {quoted(str(word).lower())}" for value, word in column.values.items()]
            rest = f" else {quoted(str(column.otherwise))}" if column.has_otherwise else ""
            text = f"if({text} is null, null, case {text} {' '.join(cases)}{rest} end)"
        if declared.type == "instant":
            return self._instant(text)
        if declared.type == "flag":
            return f"case when lower({text}) in {_listed(TRUE_WORDS)} then true when lower({text}) in {_listed(FALSE_WORDS)} then false end"
        if declared.type == "count":
            number = f"try_cast({text} as decimal(20, 4))"
            return f"if({number} = floor({number}), try_cast({number} as integer), null)"
        return text

    def _faults(self) -> str:
        """The faults for which the pipeline rejects a row, by the rules that this feed's columns can break."""
        keys = [f"{_text(name)} is null" for name in self.feed.record_id]
        known_on = self._local_day("known_at")
        for name in self.feed.record_id:
            keys.append(f"lower({_text(name)}) in {_listed(NULL_WORDS)}")
            keys.append(f"regexp_matches({_text(name)}, {quoted(NUMBER_LIKE)})")
        if (deleted := self.feed.deleted) and (named := self.feed.named_values(deleted)) is not None:
            keys.append(f"{_text(deleted.column)} is not null and not {self._says(deleted, named)}")
        of_version = [*keys, f"length(record_id) > {LONGEST_KEY}", "known_at is null"]
        of_version.append(f"{known_on} >= {DELIVERED} + {SLACK}")
        (day,) = self.kind.event_on
        faults = ["area_code is null"]
        faults.append(f"coalesce({day} between {known_on} + {SLACK} and date '{LATEST}', false)")
        for name, column in self.feed.columns.items():
            declared, given = self.kind.columns[name], f"{_text(column.source[0])} is not null"
            if declared.required:
                faults.append(f"not {given}")
            if declared.type in ("instant", "flag", "count", "code"):
                faults.append(f"{given} and {name} is null")
            if declared.type == "code":
                faults.append(f"coalesce({name} not in {_listed(declared.codes)}, false)")
            if declared.type == "count":
                faults.append(f"coalesce({name} < 0, false)")
                faults.append(f"coalesce(regexp_matches({_text(column.source[0])}, {quoted(THREE_DIGITS)}), false)")
            if declared.type == "instant":
                faults.append(f"coalesce({name} < timestamptz '{EARLIEST}' or {name} >= timestamptz '{LATEST}', false)")
        of_content = "\n or ".join(f"({fault})" for fault in faults)
        return "\n or ".join([*(f"({fault})" for fault in of_version), f"(not is_deleted and ({of_content}))"])
