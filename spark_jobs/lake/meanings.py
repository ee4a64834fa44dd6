"""What the lake's columns mean and the class of each: said once, carried to every table and to the data dictionary.

A meaning stands in the column's kind, in the YAML of its dbt model, in released/tables.yml, or in meanings.yml beside
this module. A column that comes from a kind has the class that the kind gives it, whatever the table. Any other is
public in a released table that becomes public, and internal elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from expectations.contract import load_kinds
from expectations.models import KindColumn, Privacy, Text
from spark_jobs.settings import REPOSITORY

MEANINGS = Path(__file__).with_suffix(".yml")
RELEASED = Path(__file__).parents[1] / "released" / "tables.yml"
MODELS = REPOSITORY / "dbt" / "models"
MODEL_FILES = ("conformed/conformed.yml", "indicators/daily.yml")  # single indicators are parts of the latter's table


class MeaningError(Exception):
    """A table or a column of which nothing says what it means. The text names where to say it."""


@dataclass(frozen=True)
class Meaning:
    """`unit` is there where neither name nor type of the column tells it."""

    text: Text
    privacy: Privacy
    unit: Text | None = None


@dataclass(frozen=True)
class Model:
    """A dbt model: what its YAML says of it and of some of its columns, and its SQL."""

    name: Text
    columns: Mapping[str, Text]
    sql: Path

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds whose silver tables it reads."""
        text = self.sql.read_text(encoding="utf-8")
        return tuple(kind for kind in load_kinds() if f"source('silver', '{kind}')" in text)


@cache
def declared() -> dict[str, dict[str, Any]]:
    """`tables` and `columns` of meanings.yml."""
    content: dict[str, dict[str, Any]] = yaml.load(MEANINGS.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return content


@cache
def released() -> dict[str, dict[str, Any]]:
    """What tables.yml says of each released table, by the names of its tables in the lake: the released one, and the one
    that a release is made from."""
    tables = yaml.load(RELEASED.read_text(encoding="utf-8"), yaml.CSafeLoader)["tables"]
    return {f"release.{name}": said for name, said in tables.items()} | {
        said["lake"]: said for said in tables.values() if "lake" in said
    }


@cache
def _released_columns() -> dict[str, Mapping[str, Any]]:
    """Column -> what the first released table that has it says of it."""
    found: dict[str, Mapping[str, Any]] = {}
    for table in released().values():
        found = {**table["columns"], **found}
    return found


@cache
def models() -> dict[str, Model]:
    """dbt's tables and views by name, as schema.name."""
    return {
        f"{path.parent.name}.{model['name']}": _model(path.with_name(f"{model['name']}.sql"), model)
        for path in (MODELS / name for name in MODEL_FILES)
        for model in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["models"]
    }


def _model(sql: Path, model: Mapping[str, Any]) -> Model:
    said = {each["name"]: in_both(each["description"], str(sql)) for each in model.get("columns", ())}
    return Model(in_both(model["description"], str(sql)), said, sql)


def in_both(text: str, where: str) -> Text:
    """`Chinese / English` as a name. Raises MeaningError if the text is not that."""
    zh, slash, en = text.partition(" / ")
    if not slash:
        raise MeaningError(f"{where}: a description is `Chinese / English`, found {text[:60]!r}")
    return Text(zh=zh.strip(), en=" ".join(en.split()))


def of_column(table: str, column: str) -> Meaning:
    """Meaning and class of a column of the table schema.name. Raises MeaningError if nothing says it."""
    table = table.replace("`", "")
    schema = table.partition(".")[0]
    said = models()[table].columns.get(column) if schema in ("conformed", "indicators") and table in models() else None
    if carried := _carried(table).get(column):
        return Meaning(said or Text(zh=carried.zh, en=carried.en), carried.privacy)
    if said:
        return Meaning(said, "internal")
    found = _said(table, column)
    if found is None:
        raise MeaningError(f"{table}.{column}: nothing says what it means; say it in {MEANINGS.name}, under columns")
    unit = Text(**found["unit"]) if "unit" in found else None
    return Meaning(Text(zh=found["zh"], en=found["en"]), _class(table), unit)


def _said(table: str, column: str) -> Mapping[str, Any] | None:
    """What the table's own declaration says of the column, else meanings.yml, else another released table."""
    columns = declared()["columns"]
    is_bronze = table.startswith("bronze.") or table == "bronze"
    keys = (f"bronze.{column}", "bronze.*") if is_bronze else (f"{table}.{column}", column)
    of_table: Mapping[str, Any] = released().get(table, {}).get("columns", {})
    places = ((of_table, column), *((columns, key) for key in keys), (_released_columns(), column))
    return next((said[key] for said, key in places if key in said), None)


def _class(table: str) -> Privacy:
    is_public = table.startswith("release.") and released().get(table, {}).get("tier", "").startswith("public")
    return "public" if is_public else "internal"


def _carried(table: str) -> Mapping[str, KindColumn]:
    """The columns of kinds that the table carries. Of persons bronze has the kinds' pseudonyms and nothing else."""
    schema, _, name = table.partition(".")
    kinds = load_kinds()
    if schema == "bronze":
        every = (item for kind in kinds.values() for item in kind.columns.items())
        return {column: declared for column, declared in every if declared.type == "pseudonym"}
    if schema == "silver":
        return kinds[name].columns if name in kinds else {}
    if schema == "conformed" and table in models():
        return {column: said for kind in models()[table].kinds for column, said in kinds[kind].columns.items()}
    return {}


def comment(table: str, column: str) -> str:
    """`[class] Chinese / English`: what a table's own metadata say of the column. Raises MeaningError as `of_column`."""
    meaning = of_column(table, column)
    return f"[{meaning.privacy}] {meaning.text.zh} / {meaning.text.en}"
