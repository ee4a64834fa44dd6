"""Every table and column of the lake, gathered from where each is declared: kinds, contracts, DDL, dbt, releases.

What a column means is said once: in its kind, in the YAML of its dbt model, or in spark_jobs/meanings.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from expectations.contract import Feed, KindColumn, Name, load_cities, load_kinds
from spark_jobs import decoding, delivery_calendar, reference_data, refine, silver
from spark_jobs.bronze import BATCH, DELIVERED
from spark_jobs.casting import SPARK_TYPES
from spark_jobs.flags.assembly import COLUMNS as FLAG_COLUMNS
from spark_jobs.index.history import HISTORY
from spark_jobs.index.job import GOALPOST_COLUMNS, GOALPOSTS
from spark_jobs.index.rows import HISTORY as HISTORY_COLUMNS
from spark_jobs.index.rows import SCHEMAS as INDEX_SCHEMAS
from spark_jobs.release.columns import TABLES as RELEASED
from spark_jobs.release.lake import MANIFEST, POINTER, POINTER_COLUMNS, RELEASE_TYPES
from stack.layout import REPOSITORY

MEANINGS = REPOSITORY / "spark_jobs" / "meanings.yml"
MODELS = REPOSITORY / "dbt" / "models"
CITY_DAY = {"city_code": "string", "business_date": "string"}
SMALL_TABLES = {
    GOALPOSTS: f"city_code string, method_version string, {GOALPOST_COLUMNS}",
    HISTORY: f"city_code string, {HISTORY_COLUMNS}",
    POINTER: f"city_code string, {POINTER_COLUMNS}",
    # its columns are declared inside the function that writes it
    MANIFEST: "city_code string, release_id string, business_date date, as_of timestamp, document string, "
    "evidence string",
}
# Names are contracts: what a name ends or begins with says type and unit.
TYPES_BY_NAME = {r"_at$": "timestamp", r"(_on|^day)$": "date", r"^is_": "boolean", r"^n_": "int", r"^value$": "double"}
UNITS_BY_NAME = {
    r"_at$": Name(zh="UTC 时刻", en="UTC"),
    r"(_on|^day|_since|^since|_date|_from|_to|_through)$": Name(zh="当地日期", en="local day"),
    r"^n_|^count$": Name(zh="个", en="count"),
    r"_yuan$": Name(zh="元", en="yuan"),
    r"_share$": Name(zh="占比（0至1）", en="share, 0 to 1"),
}
NOTHING = Name(zh="", en="")


class DictionaryError(Exception):
    """A table or a column of which nothing says what it means. The text names where to say it."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    meaning: Name
    unit: Name
    privacy: str
    codes: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Table:
    name: str
    meaning: Name
    columns: tuple[Column, ...]
    source: str = ""


@cache
def meanings() -> dict[str, dict[str, Any]]:
    """`tables` and `columns` of meanings.yml."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))
    return content


def tables() -> list[Table]:
    """All tables, in the order in which data flows."""
    found = [
        *_plain(_raw()),
        *(_silver(kind_code) for kind_code in load_kinds()),
        *_plain({"silver.rejects": ddl(silver.REJECT_COLUMNS)}),
        *_plain({refine.BATCHES: ddl(refine.BATCH_COLUMNS), refine.CONTRACTS: ddl(refine.CONTRACT_COLUMNS)}),
        *_plain({delivery_calendar.VIEW: ddl(delivery_calendar.COLUMNS)}),
        *(_model(path, model) for path, model in _models()),
        *_plain({f"index.{name}": CITY_DAY | ddl(text) for name, text in INDEX_SCHEMAS.items()}),
        *_plain({"flags.flag": FLAG_COLUMNS}),
        *(_released(name) for name in RELEASED),
        *_plain({name: ddl(text) for name, text in SMALL_TABLES.items()}),
    ]
    order = ("raw", "silver", "ops", "conformed", "indicators", "index", "flags", "release")
    return sorted(found, key=lambda table: order.index(table.name.split(".")[0]))


def ddl(text: str) -> dict[str, str]:
    """`name type, …` -> {name: type}."""
    return {name: type_ for name, _, type_ in (part.partition(" ") for part in text.split(", "))}


def column(table: str, name: str, type_: str, privacy: str) -> Column:
    """A column that meanings.yml explains. Raises DictionaryError if it does not."""
    declared = meanings()["columns"].get(f"{table}.{name}") or meanings()["columns"].get(name)
    if declared is None:
        raise DictionaryError(f"{table}.{name}: nothing says what it means; say it in {MEANINGS.name}, under columns")
    unit = Name(**declared["unit"]) if "unit" in declared else unit_by_name(name, type_)
    return Column(name, type_, Name(zh=declared["zh"], en=declared["en"]), unit, privacy)


def unit_by_name(name: str, type_: str) -> Name:
    if type_ == "timestamp":
        return UNITS_BY_NAME[r"_at$"]
    units = (unit for pattern, unit in UNITS_BY_NAME.items() if re.search(pattern, name))
    return next(units, NOTHING) if type_ != "string" else NOTHING


def _table_meaning(name: str) -> tuple[Name, str]:
    declared = meanings()["tables"].get(name)
    if declared is None:
        raise DictionaryError(f"{name}: nothing says what it means; say it in {MEANINGS.name}, under tables")
    return Name(zh=declared["zh"], en=declared["en"]), declared["from"]


def _plain(declared: Mapping[str, Mapping[str, str]]) -> Iterator[Table]:
    for name, columns in declared.items():
        meaning, source = _table_meaning(name)
        yield Table(name, meaning, tuple(column(name, c, t, "internal") for c, t in columns.items()), source)


def _raw() -> dict[str, dict[str, str]]:
    return {name: {"city_code": "string"} | reference_data.columns_of(name) for name in reference_data.RAW}


def _silver(kind_code: str) -> Table:
    kind, name = load_kinds()[kind_code], f"silver.{kind_code}"
    leading, trailing = (
        [column(name, c, t, "internal") for c, t in ddl(text).items()] for text in (silver.LEADING, silver.TRAILING)
    )
    own = [_kind_column(kind_code, c, declared) for c, declared in kind.columns.items()]
    grain = Name(zh=f"{kind.name.zh}：{kind.grain.zh}", en=f"{kind.name.en}: {kind.grain.en}")
    return Table(name, grain, (*leading, *own, *trailing), kind.source)


def _kind_column(kind_code: str, name: str, declared: KindColumn) -> Column:
    type_ = SPARK_TYPES[declared.type]
    meaning, unit = Name(zh=declared.zh, en=declared.en), unit_by_name(name, type_)
    feeds = [feed for city in load_cities() for feed in city.feeds if feed.kind == kind_code]
    source = declared.day_of or "; ".join(_origins(name, feeds))
    return Column(name, type_, meaning, unit, declared.privacy, declared.codes, source)


def _origins(name: str, feeds: Iterable[Feed]) -> Iterator[str]:
    """`city.feed: source columns` of every feed that fills the column."""
    for feed in feeds:
        mapped = feed.columns.get(name)
        if mapped:
            yield f"{feed.code}: {', '.join(mapped.source) or f'= {mapped.constant}'}"


def _models() -> list[tuple[Path, dict[str, Any]]]:
    """dbt's tables: those of conformed, and indicators.daily. Single indicators are parts of the latter."""
    files = [MODELS / "conformed" / "conformed.yml", MODELS / "indicators" / "daily.yml"]
    return [(path, model) for path in files for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]]


def _model(path: Path, model: dict[str, Any]) -> Table:
    name = f"{path.parent.name}.{model['name']}"
    sql = (path.parent / f"{model['name']}.sql").read_text(encoding="utf-8")
    said = {each["name"]: _both(each["description"], name) for each in model.get("columns", [])}
    stale = set(said) - set(selected(sql))
    if stale:
        raise DictionaryError(f"{path}: {model['name']}: no column of the model: {', '.join(sorted(stale))}")
    inherited = {
        c.name: c for kind in load_kinds() if re.search(rf"'silver', '{kind}'", sql) for c in _silver(kind).columns
    }
    columns = [_model_column(name, each, said, inherited) for each in selected(sql)]
    sources = re.findall(r"(?:source|ref)\('(\w+)'(?:, '(\w+)')?\)", sql)
    source = ", ".join(dict.fromkeys(f"{a}.{b}" if b else f"conformed.{a}" for a, b in sources))
    own = "models/indicators/*/*.sql" if model["name"] == "daily" else f"{model['name']}.sql"
    return Table(name, _both(model["description"], name), tuple(columns), source or f"`{own}`")


def _model_column(table: str, name: str, said: Mapping[str, Name], inherited: Mapping[str, Column]) -> Column:
    if name not in said:
        return (
            replace(inherited[name], source="") if name in inherited else column(table, name, _type(name), "internal")
        )
    type_ = inherited[name].type if name in inherited else _type(name)
    return Column(name, type_, said[name], unit_by_name(name, type_), "internal")


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


def _both(text: str, where: str) -> Name:
    zh, slash, en = text.partition(" / ")
    if not slash:
        raise DictionaryError(f"{where}: a description is `Chinese / English`, found {text[:60]!r}")
    return Name(zh=zh.strip(), en=" ".join(en.split()))


def _released(name: str) -> Table:
    full, declared = f"release.{name}", RELEASED[name]
    meaning, source = _table_meaning(full)
    keys = [column(full, key, "string", "public") for key in ("city_code", "release_id")]
    own = [
        replace(column(full, c, RELEASE_TYPES[each.type], "public"), codes=each.codes)
        for c, each in declared.columns.items()
    ]
    return Table(full, meaning, (*keys, *own), source)


def bronze_columns() -> list[Column]:
    """What every bronze table has beside the columns of its source."""
    types = {
        decoding.FILE: "string",
        decoding.ROW: "bigint",
        decoding.FAULT: "struct",
        DELIVERED: "date",
        BATCH: "string",
    }
    return [column("bronze", name, type_, "internal") for name, type_ in types.items()]
