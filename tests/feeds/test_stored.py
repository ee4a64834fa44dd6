"""A table read from its folder: only the files that its log names, and none of which it says that they lack the keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from spark_jobs.errors import EnvironmentFault
from spark_jobs.lake import stored

pytestmark = pytest.mark.unit
COLUMNS = {"city": "string", "n": "long", "later": "date"}
SCHEMA = {
    "type": "struct",
    "fields": [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in COLUMNS.items()],
}
CREATED = {"metaData": {"schemaString": json.dumps(SCHEMA), "partitionColumns": ["city"]}}


def added(path: str, city: str | None, **more: Any) -> dict[str, Any]:
    return {"add": {"path": quote(path), "partitionValues": {"city": city}, **more}}


def committed(folder: Path, version: int, *actions: dict[str, Any]) -> None:
    (folder / "_delta_log").mkdir(exist_ok=True)
    lines = "".join(f"{json.dumps(action)}\n" for action in actions)
    (folder / "_delta_log" / f"{version:020d}.json").write_text(lines, encoding="utf-8")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for number, name in enumerate(("a", "b", "城 c")):
        pa_parquet.write_table(pa.table({"n": [number]}), tmp_path / f"{name}.parquet")
    committed(tmp_path, 0, {"commitInfo": {}}, CREATED)
    committed(tmp_path, 1, added("a.parquet", "x"), added("b.parquet", "y"), added("城 c.parquet", "x"))
    return tmp_path


def test_a_file_counts_from_the_commit_that_adds_it_to_the_one_that_removes_it(table: Path) -> None:
    assert stored.rows_in(table, {"city": "x"}).to_pylist() == [
        {"city": "x", "n": 0, "later": None}, {"city": "x", "n": 2, "later": None}
    ]  # fmt: skip
    committed(table, 2, {"remove": {"path": "a.parquet"}}, added("b.parquet", None))
    assert sorted(stored.rows_in(table, {})["n"].to_pylist()) == [1, 2]
    assert stored.rows_in(table, {"city": "y"}).num_rows == 0


def test_a_file_of_which_the_log_says_that_it_has_not_the_keys_is_not_read(table: Path) -> None:
    said = {"minValues": {"city": "p"}, "maxValues": {"city": "q"}}
    fields = [{"name": "city", "type": "string", "nullable": True, "metadata": {}}]
    plain = {"metaData": {"schemaString": json.dumps({"type": "struct", "fields": fields}), "partitionColumns": []}}
    removed = [{"remove": {"path": quote(path)}} for path in ("a.parquet", "b.parquet", "城 c.parquet")]
    committed(table, 2, plain, *removed, added("gone.parquet", None, stats=json.dumps(said)))
    assert stored.rows_in(table, {"city": "a"}).num_rows == 0
    with pytest.raises(FileNotFoundError):
        stored.rows_in(table, {"city": "p"})


def test_a_log_that_says_more_than_is_read_here_is_told(table: Path) -> None:
    committed(table, 3, added("b.parquet", "y"))
    with pytest.raises(EnvironmentFault, match=r"_delta_log is not read here: commits from 0 on: .*3\.json"):
        stored.rows_in(table, {})
    committed(table, 2, added("a.parquet", "x", deletionVector={"storageType": "u"}))
    with pytest.raises(EnvironmentFault, match="it has deletion vectors"):
        stored.rows_in(table, {"city": "x"})
    assert stored.rows_in(table, {"city": "y"}).num_rows == 1
