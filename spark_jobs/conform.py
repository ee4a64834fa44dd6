"""The conform step: dbt makes conformed.* and indicators.* from silver, in this process, on the one Spark."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import typer
from dbt.cli.main import dbtRunner, dbtRunnerResult
from pyspark.sql import DataFrame

from expectations.contract import load_kinds
from spark_jobs import lineage
from spark_jobs.errors import StepError
from spark_jobs.lake import tables
from spark_jobs.lake.session import connect
from spark_jobs.settings import REPOSITORY, settings

PROJECT = REPOSITORY / "dbt"
MAX_EXAMPLES = 5


class ConformError(StepError):
    """dbt could not build a table, or a test of what it computed failed. Nothing downstream may run."""


def conform(
    city_code: str,
    time_zone: str,
    business_date: date,
    as_of: datetime,
    context_feeds: tuple[str, ...] = (),
) -> None:
    """Build the city's slice of indicators.daily as known at `as_of`, and test it.

    Args:
        city_code: replaces the rows of this city; other cities stay as they are.
        time_zone: IANA name; turns UTC instants into the city's calendar days.
        business_date: last local day that is counted.
        as_of: aware instant; silver versions that became known later are not seen.
        context_feeds: feeds that support no indicator; their records are not counted.

    Raises:
        EnvironmentFault: Spark does not answer.
        ConformError: names every failed model and test, with up to five offending rows each.
    """
    spark = connect()  # fails in one line if Spark is away; dbt then uses this very session
    variables = _variables(city_code, time_zone, business_date, as_of, context_feeds)
    # unit tests judge definitions, not tonight's data: they run in `make test`
    # The models read the whole of silver. Asking each file's statistics, once a model, would skip no file and take seconds.
    with tables.compiled(spark), tables.configured(spark, {"spark.databricks.delta.stats.skipping": "false"}):
        outcome = run_dbt("build", "--exclude-resource-type", "unit_test", "--vars", json.dumps(variables))
    if not outcome.success:
        raise ConformError(failure_report(city_code, business_date, outcome))
    for source in ("raw.area", "raw.denominator", *(f"silver.{kind}" for kind in load_kinds())):
        lineage.read(source)
    for model in (each.node for each in node_results(outcome) if each.node.resource_type.value == "model"):
        lineage.wrote(f"{model.schema}.{model.name}")
        if model.config.materialized != "view":  # which says of its columns what the tables below it say
            tables.carry_meanings(spark, f"{model.schema}.{model.name}")


def _variables(
    city_code: str, time_zone: str, business_date: date, as_of: datetime, context_feeds: tuple[str, ...]
) -> dict[str, str | list[str]]:
    return {
        "city_code": city_code,
        "time_zone": time_zone,
        "business_date": business_date.isoformat(),
        "as_of": f"{as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "context_feeds": list(context_feeds),
    }


def daily_as_known(
    city_code: str, time_zone: str, business_date: date, as_of: datetime, context_feeds: tuple[str, ...] = ()
) -> DataFrame:
    """indicators.daily of the city as it was known at `as_of`, computed and not written: the table stays as it is.

    Raises:
        EnvironmentFault: Spark does not answer.
        ConformError: dbt could not read the project.
    """
    return _compiled(("--select", "daily"), _variables(city_code, time_zone, business_date, as_of, context_feeds))


def query_as_known(
    query: str,
    city_code: str,
    time_zone: str,
    business_date: date,
    as_of: datetime,
    context_feeds: tuple[str, ...] = (),
) -> DataFrame:
    """The rows of a query in dbt's words (`ref`, `source`), as a model of this project would have them. Writes nothing.

    Raises:
        EnvironmentFault: Spark does not answer.
        ConformError: dbt could not read the query.
    """
    return _compiled(("--inline", query), _variables(city_code, time_zone, business_date, as_of, context_feeds))


def _compiled(selection: tuple[str, str], variables: Mapping[str, Any]) -> DataFrame:
    spark = connect()
    outcome = run_dbt("compile", *selection, "--vars", json.dumps(variables))
    queries = [
        result.node for result in node_results(outcome) if result.node.resource_type.value in ("model", "sql_operation")
    ]
    if not outcome.success or len(queries) != 1:  # the tests of a model are compiled with it
        about = f"{variables['city_code']} {variables['business_date']}"
        raise ConformError(f"conform {about}: {one_line(str(outcome.exception or outcome.result))}")
    return spark.sql(queries[0].compiled_code)


def document(page: Path) -> None:
    """Write dbt's documentation (models, tests, lineage, columns as stored) as one page that needs no other file.

    Raises:
        EnvironmentFault: Spark does not answer.
        ConformError: dbt could not read the project.
    """
    connect()
    outcome = run_dbt("docs", "generate", "--static")
    if not outcome.success:
        raise ConformError(f"dbt docs: {one_line(str(outcome.exception or outcome.result))}")
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings().state / "dbt" / "static_index.html", page)


def run_dbt(*arguments: str) -> dbtRunnerResult:
    """Run one dbt command on this project, one line a model or test; artefacts go to <state>/dbt."""
    folder = settings().state / "dbt"
    with warnings.catch_warnings():
        # dbt-spark asks each time for a catalogue that only the server's start can set
        warnings.filterwarnings("ignore", message=".*spark.sql.catalogImplementation")
        return dbtRunner(callbacks=[show_progress]).invoke(
            [
                *arguments,
                *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(folder), "--log-path", str(folder)),
                *("--quiet", "--no-use-colors", "--log-level", "none"),
            ]
        )


def node_results(outcome: dbtRunnerResult) -> list[Any]:
    """What became of each model and test; empty if dbt stopped before the first."""
    return list(getattr(outcome.result, "results", ()))


def show_progress(event: Any) -> None:
    """Print one line when a model or a test of the data is done; dbt's other events go to its log only."""
    if event.info.name in ("LogModelResult", "LogTestResult"):
        done = event.data
        typer.echo(f"  dbt {done.status:<5} {done.node_info.node_name} ({done.execution_time:.1f} s)")


def failure_report(city_code: str, business_date: date, outcome: dbtRunnerResult) -> str:
    """All failures at once, each with what dbt said and the first offending rows."""
    failed = [result for result in node_results(outcome) if result.status.value in ("error", "fail")]
    lines = [f"conform {city_code} {business_date}: dbt stopped; the tables below must not be used"]
    for result in failed:
        lines.append(f"- {result.node.resource_type.value} {result.node.name}: {one_line(result.message)}")
        if result.status.value == "fail":
            lines += [f"    {row}" for row in offending_rows(result.node.compiled_code)]
    if outcome.exception:
        lines.append(f"- {one_line(str(outcome.exception))}")
    lines.append(f"What to do: dbt/tests/<name>.sql says what is expected; log: {settings().state}/dbt/dbt.log")
    return "\n".join(lines)


def one_line(message: str | None) -> str:
    """The part of a dbt message that a person needs."""
    return " ".join((message or "no message").split())[:400]


def offending_rows(query: str) -> list[str]:
    """Up to MAX_EXAMPLES rows that a failed test returns, as `column=value` pairs."""
    rows = connect().sql(query).limit(MAX_EXAMPLES).collect()
    return [", ".join(f"{key}={value}" for key, value in row.asDict().items()) for row in rows]
