"""A text is the same text in SQL, whatever it says; and nothing gets into SQL but literals and names of ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as f

from spark_jobs.lake import tables
from tests.feeds.conftest import Trial, row

REPOSITORY = Path(__file__).parents[2]
VALUES = [
    "plain", "", " ", "大庆", "😀", "'", "''", '"', "`", "\\", "\\\\", "\\'", "'\\", "\\n", "\n", "\r\n", "\t",
    "\\u0041", "\\x41", "%", "\\%", "\\_", "--", "/* */", "; drop table silver.rejects", ":name", "?", "{city}",
    "${x}", "${env:PATH}", "${spark:spark.app.name}", "$${x}", "${system:user.home}", "${hivevar:x:-y}",
]  # fmt: skip


@pytest.mark.spark
def test_every_text_goes_through_sql_as_it_is(spark: Any) -> None:
    """As a literal and as a condition on keys, all in one query each."""
    listed = ", ".join(f"{tables.literal(value)} as v{n}" for n, value in enumerate(VALUES))
    assert list(spark.sql(f"select {listed}").first()) == VALUES
    given = spark.createDataFrame([(n, value) for n, value in enumerate(VALUES)], "n int, value string")
    conditions = [tables.condition({"value": value}) for value in VALUES]
    found = given.select(*(f.count_if(f.expr(each)).alias(f"n{n}") for n, each in enumerate(conditions))).first()
    assert list(found) == [1] * len(VALUES)


@pytest.mark.spark
def test_a_slice_of_any_key_is_replaced_and_no_other(spark: Any) -> None:
    """The key stands in a commit's condition, as text: it must mean its own rows."""
    hostile = "${env:PATH}'\\"
    for key, n in ((hostile, 1), ("other", 2), (hostile, 3)):
        tables.replace_slice(spark, spark.createDataFrame([(n,)], "n int"), "ops.literal", {"city_code": key}, ())
    try:
        found = sorted(map(tuple, spark.read.table("ops.literal").select("city_code", "n").collect()))
        assert found == sorted([(hostile, 3), ("other", 2)])
    finally:
        spark.sql("drop table ops.literal")


@pytest.mark.spark
@pytest.mark.bad_input
def test_a_record_of_any_id_has_one_current_version(new_trial: Any) -> None:
    """Ids stand as text in the condition of a merge; one with ${x} was looked for elsewhere and became current twice."""
    trial: Trial = new_trial()
    ids = ["${x}", "${env:PATH}", "$1", "a'b", "a\\b", "%"]
    for n, name in enumerate(("cases_20260210.csv", "cases_20260211.csv")):
        trial.deliver(name, [row(id, f"2026-02-0{n + 1} 08:00:00", deaths=str(n)) for id in ids])
        trial.land()
        trial.refine()
    current = [
        (id, deaths) for id, deaths, is_current in trial.silver("record_id", "n_deaths", "is_current") if is_current
    ]
    assert sorted(current) == sorted((id, 1) for id in ids)


DOORS = {"sql", "where", "filter", "expr", "selectExpr", "option"}  # methods that take SQL as text
MADE_OF_LITERALS = {"literal", "condition", "holds_in_sql", "_with_comments", "_day", "_feeds", "_counties", "_records"}
# Names put into SQL that are declared in our own code or contracts, of which a contract allows letters, digits and _.
DECLARED = {
    "spark_jobs/conform.py": {"query", "queries[0].compiled_code"},  # as dbt compiled it
    "spark_jobs/feeds/corrections.py": {"HEALED"},
    "spark_jobs/feeds/delivery_calendar.py": {"VIEW", "COLUMNS", "name", "refine.BATCHES", "batches.BATCHES", "comment"},
    "spark_jobs/feeds/doubts.py": {"own", "near"},  # made by tables.condition and versions.near, of literals
    "spark_jobs/feeds/silver.py": {"number"},
    "spark_jobs/flags/job.py": {"query", "literals", "days"},
    "spark_jobs/lake/catalogue.py": {"table", "schema", "ATTACHED", "BY_NAME", "old", "new"},
    "spark_jobs/lake/tables.py": {
        "table", "partition", "properties", "comments", "name", "on", "within", "then", "where", "by",
        "hours", "columns", "lacking",
    },
    "spark_jobs/release/job.py": {"table"},
}  # fmt: skip


def _within(node: ast.expr) -> list[ast.expr]:
    """The expressions that a text is put together from; none for what is put into it as it is."""
    if isinstance(node, ast.JoinedStr):
        return [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join"):
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        return [node.elt]
    return [node.value] if isinstance(node, ast.Starred) else []


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    """What is put into a text: the values of f-strings, the arguments of format and join, both sides of + and %."""
    within = _within(node)
    for each in within:
        yield from _parts(each)
    if not within and not isinstance(node, ast.Constant | ast.JoinedStr):
        yield node


def _is_text(node: ast.AST) -> bool:
    """Whether an argument is a text that is put together here."""
    made = any(isinstance(each, ast.JoinedStr) for each in ast.walk(node))
    return made or any(isinstance(each, ast.Attribute) and each.attr == "format" for each in ast.walk(node))


def put_into_sql(source: str) -> list[tuple[int, str]]:
    """(line, expression) of all that is put into the text of SQL and is not made of literals."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in DOORS):
            continue
        texts = [each for each in call.args if call.func.attr == "sql" or _is_text(each)]
        for part in (part for text in texts for part in _parts(text)):
            called = part.func if isinstance(part, ast.Call) else None
            name = (
                called.attr
                if isinstance(called, ast.Attribute)
                else called.id
                if isinstance(called, ast.Name)
                else None
            )
            if name not in MADE_OF_LITERALS:
                found.append((part.lineno, ast.unparse(part)))
    return found


@pytest.mark.unit
@pytest.mark.parametrize(
    "line",
    [
        'spark.sql(f"select {value}")',
        'rows.where(f"a = {value}")',
        'f.expr("a = {}".format(value))',
        "spark.sql(value)",
    ],
)
def test_a_value_that_is_put_into_sql_is_seen(line: str) -> None:
    assert [expression for _, expression in put_into_sql(line)] == ["value"]


@pytest.mark.unit
def test_a_literal_is_not_taken_for_a_value() -> None:
    assert put_into_sql('rows.where(f"a = {tables.literal(value)} and {condition(keys)}")') == []


@pytest.mark.unit
@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("spark_jobs/**/*.py")), ids=lambda path: path.stem)
def test_nothing_gets_into_sql_but_literals_and_declared_names(path: Path) -> None:
    """A new value goes through tables.literal or, better, a column or parameter; a new name is listed with its reason."""
    known = DECLARED.get(str(path.relative_to(REPOSITORY)), set())
    unknown = [
        (line, expression)
        for line, expression in put_into_sql(path.read_text(encoding="utf-8"))
        if not {expression, expression.split("(")[0]} & known
    ]
    assert unknown == [], f"{path}: put into SQL as it is"
