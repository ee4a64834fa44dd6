"""Every table and column of the lake, gathered from where each is declared: kinds, contracts, DDL, dbt, releases.

What a column means and its class come from where the tables themselves have them: spark_jobs/lake/meanings.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from expectations.contract import load_cities, load_kinds
from expectations.models import Feed, KindColumn, Text
from spark_jobs.feeds import batches, decoding, delivery_calendar, silver
from spark_jobs.feeds.bronze import BATCH, DELIVERED, LANDED
from spark_jobs.feeds.casting import SPARK_TYPES
from spark_jobs.flags.assembly import COLUMNS as FLAG_COLUMNS
from spark_jobs.flags.job import TABLE as FLAGS
from spark_jobs.index.history import HISTORY
from spark_jobs.index.job import GOALPOST_COLUMNS, GOALPOSTS
from spark_jobs.index.rows import HISTORY as HISTORY_COLUMNS
from spark_jobs.lake import meanings, reference_data
from spark_jobs.lake.meanings import MEANINGS, MeaningError, Model
from spark_jobs.lake.tables import declared as ddl
from spark_jobs.released.columns import TABLES as RELEASED
from spark_jobs.released.columns import Table as Released
from spark_jobs.released.pointer import MANIFEST, POINTER, POINTER_COLUMNS
from spark_jobs.released.schemas import CITY_DAY, spark_types

SMALL_TABLES = {
    GOALPOSTS: f"city_code string, method_version string, {GOALPOST_COLUMNS}",
    POINTER: f"city_code string, {POINTER_COLUMNS}",
    # its columns are declared inside the function that writes it
    MANIFEST: "city_code string, release_id string, business_date date, as_of timestamp, document string, "
    "evidence string",
}
# Names are contracts: what a name ends or begins with says type and unit.
TYPES_BY_NAME = {r"_at$": "timestamp", r"(_on|^day)$": "date", r"^is_": "boolean", r"^n_": "int", r"^value$": "double"}
UNITS_BY_NAME = {
    r"_at$": Text(zh="UTC 时刻", en="UTC"),
    r"(_on|^day|_since|^since|_date|_from|_to|_through)$": Text(zh="当地日期", en="local day"),
    r"^n_|^count$": Text(zh="个", en="count"),
    r"_yuan$": Text(zh="元", en="yuan"),
    r"_share$": Text(zh="占比（0至1）", en="share, 0 to 1"),
}
NOTHING = Text(zh="", en="")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    meaning: Text
    unit: Text
    privacy: str
    codes: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Table:
    name: str
    meaning: Text
    columns: tuple[Column, ...]
    source: str = ""


def tables() -> list[Table]:
    """All tables, in the order in which data flows."""
    found = [
        *_plain(_raw()),
        *(_silver(kind_code) for kind_code in load_kinds()),
        *_plain({"silver.rejects": ddl(silver.REJECT_COLUMNS)}),
        *_plain({batches.BATCHES: ddl(batches.BATCH_COLUMNS), batches.CONTRACTS: ddl(batches.CONTRACT_COLUMNS)}),
        *_plain({delivery_calendar.VIEW: ddl(delivery_calendar.COLUMNS)}),
        *(_model(name, model) for name, model in meanings.models().items()),
        *(_handed_on(table) for table in RELEASED.values() if table.lake),
        *(_released(name, table) for name, table in RELEASED.items()),
        *_plain({name: ddl(text) for name, text in SMALL_TABLES.items()}),
        *_plain({HISTORY: {"city_code": "string", **HISTORY_COLUMNS}}),
    ]
    order = ("raw", "silver", "ops", "conformed", "indicators", "index", "flags", "release")
    return sorted(found, key=lambda table: order.index(table.name.split(".")[0]))


def column(table: str, name: str, type_: str) -> Column:
    """A column of that type with what is said of it. Raises MeaningError if nothing is."""
    meaning = meanings.of_column(table, name)
    return Column(name, type_, meaning.text, meaning.unit or unit_by_name(name, type_), meaning.privacy)


def unit_by_name(name: str, type_: str) -> Text:
    if type_ == "timestamp":
        return UNITS_BY_NAME[r"_at$"]
    units = (unit for pattern, unit in UNITS_BY_NAME.items() if re.search(pattern, name))
    return next(units, NOTHING) if type_ != "string" else NOTHING


def _table_meaning(name: str) -> tuple[Text, str]:
    declared = meanings.declared()["tables"].get(name)
    if declared is None:
        raise MeaningError(f"{name}: nothing says what it means; say it in {MEANINGS.name}, under tables")
    return Text(zh=declared["zh"], en=declared["en"]), declared["from"]


def _plain(declared: Mapping[str, Mapping[str, str]]) -> Iterator[Table]:
    for name, columns in declared.items():
        meaning, source = _table_meaning(name)
        yield Table(name, meaning, tuple(column(name, c, t) for c, t in columns.items()), source)


def _raw() -> dict[str, dict[str, str]]:
    return {name: {"city_code": "string"} | reference_data.columns_of(name) for name in reference_data.RAW}


def _silver(kind_code: str) -> Table:
    kind, name = load_kinds()[kind_code], f"silver.{kind_code}"
    leading, trailing = (
        [column(name, c, t) for c, t in ddl(text).items()] for text in (silver.LEADING, silver.TRAILING)
    )
    own = [_kind_column(name, c, declared) for c, declared in kind.columns.items()]
    grain = Text(zh=f"{kind.name.zh}：{kind.grain.zh}", en=f"{kind.name.en}: {kind.grain.en}")
    return Table(name, grain, (*leading, *own, *trailing), kind.source)


def _kind_column(table: str, name: str, declared: KindColumn) -> Column:
    feeds = [feed for city in load_cities() for feed in city.feeds if f"silver.{feed.kind}" == table]
    source = declared.day_of or "; ".join(_origins(name, feeds))
    return replace(column(table, name, SPARK_TYPES[declared.type]), codes=declared.codes, source=source)


def _origins(name: str, feeds: Iterable[Feed]) -> Iterator[str]:
    """`city.feed: source columns` of every feed that fills the column."""
    for feed in feeds:
        mapped = feed.columns.get(name)
        if mapped:
            yield f"{feed.code}: {', '.join(mapped.reads) or f'= {mapped.constant}'}"


def _model(name: str, model: Model) -> Table:
    sql = model.sql.read_text(encoding="utf-8")
    names = selected(sql)
    stale = set(model.columns) - set(names)
    if stale:
        raise MeaningError(f"{name}: no column of the model: {', '.join(sorted(stale))}")
    silver_columns = {c.name: c for kind in model.kinds for c in _silver(kind).columns}
    columns = [_model_column(name, each, model, silver_columns.get(each)) for each in names]
    sources = re.findall(r"(?:source|ref)\('(\w+)'(?:, '(\w+)')?\)", sql)
    source = ", ".join(dict.fromkeys(f"{a}.{b}" if b else f"conformed.{a}" for a, b in sources))
    own = "models/indicators/*/*.sql" if name == "indicators.daily" else model.sql.name
    return Table(name, model.name, tuple(columns), source or f"`{own}`")


def _model_column(table: str, name: str, model: Model, of_silver: Column | None) -> Column:
    """A column that the model describes has that meaning; one that it does not has its codes from silver too."""
    found = column(table, name, of_silver.type if of_silver else _type(name))
    return replace(found, codes=of_silver.codes) if of_silver and name not in model.columns else found


def _type(name: str) -> str:
    if name in ("numerator", "denominator"):
        return "double"
    if name in ("valid_from", "valid_to"):
        return "date"
    return next((type_ for pattern, type_ in TYPES_BY_NAME.items() if re.search(pattern, name)), "string")


def selected(sql: str) -> list[str]:
    """Names of the columns of a model's last CTE, `final`."""
    listed = re.search(r"as listed \(([^)]*)\)", sql)
    if listed:
        return [name.strip() for name in listed[1].split(",")]
    body = re.search(r"final as \(\s*select\s+(.*?)(\n\s+from\s|\n\)\s)", sql, re.DOTALL)
    assert body, "a model ends with the CTE `final`"
    text = re.sub(r"\{\{.*?\}\}|'[^']*'", "x", body[1])
    while "(" in text:
        text = re.sub(r"\([^()]*\)", "", text)
    return [re.split(r"[\s.]+", part.strip())[-1] for part in text.split(",")]


def _handed_on(declared: Released) -> Table:
    """The table of the lake that a release is made from."""
    name = declared.lake or ""
    types = FLAG_COLUMNS if name == FLAGS else CITY_DAY | spark_types(declared.lake_columns)
    meaning = Text(zh=declared.zh, en=declared.en)
    return Table(name, meaning, _declared_columns(name, types, declared), declared.made_from)


def _released(name: str, declared: Released) -> Table:
    full = f"release.{name}"
    types = {"city_code": "string", "release_id": "string", **spark_types(declared.columns)}
    meaning = Text(zh=f"已发布：{declared.zh}", en=f"released: {declared.en}")
    return Table(full, meaning, _declared_columns(full, types, declared), declared.lake or declared.made_from)


def _declared_columns(table: str, types: Mapping[str, str], declared: Released) -> tuple[Column, ...]:
    codes = {name: each.codes for name, each in declared.declared.items()}
    return tuple(replace(column(table, name, type_), codes=codes.get(name, ())) for name, type_ in types.items())


def bronze_columns() -> list[Column]:
    """What every bronze table has beside the columns of its source."""
    types = {
        decoding.FILE: "string",
        decoding.ROW: "bigint",
        decoding.FAULT: "struct",
        DELIVERED: "date",
        LANDED: "timestamp",
        BATCH: "string",
    }
    return [column("bronze", name, type_) for name, type_ in types.items()]
