"""A leader's request for a chart: no SQL gets through, in whatever corner it stands; the chart's own request does."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from typing import Any

import httpx
import pytest

from tests.superset.portal import ADMIN, LEADER, REPOSITORY, WITH_MAP, Portal
from tests.superset.test_superset_portal import dashboard

SELECT = "(select string_agg(usename, ',') from pg_user)"
ADHOC = {"expressionType": "SQL", "sqlExpression": SELECT, "label": "x"}
Change = Callable[[dict[str, Any]], None]


def put(*path: str, value: Any) -> Change:
    """Set a value in the first query of a request, at a path of keys."""

    def change(query: dict[str, Any]) -> None:
        for key in path[:-1]:
            query = query.setdefault(key, {})
        query[path[-1]] = value

    return change


HOSTILE: dict[str, Change] = {
    "a column that is a query": put("columns", value=[SELECT]),
    "an ad-hoc column": put("columns", value=[ADHOC]),
    "an ad-hoc column without its type": put("columns", value=[{"sqlExpression": "version()", "label": "x"}]),
    "an ad-hoc metric": put("metrics", value=[{**ADHOC, "aggregate": None}]),
    "a metric among simple ones": put("metrics", value=["count", ADHOC]),
    "a sleep": put("metrics", value=[{**ADHOC, "sqlExpression": "max(pg_sleep(60)::text)"}]),
    "publication's lock": put("columns", value=["pg_advisory_lock(1)"]),
    "words of other queries": put(
        "columns", value=["(select word from ts_stat('select to_tsvector(query) from pg_stat_activity'))"]
    ),
    "a condition as text": put("extras", "where", value=f"1 = 1 or {SELECT} is null"),
    "a condition on groups as text": put("extras", "having", value="count(*) > 0"),
    "an order": put("orderby", value=[[SELECT, True]]),
    "an ad-hoc order": put("orderby", value=[[ADHOC, True]]),
    "a filter on an expression": put("filters", value=[{"col": ADHOC, "op": "IS NOT NULL"}]),
    "a filter on a query": put("filters", value=[{"col": SELECT, "op": "==", "val": "x"}]),
    "a series": put("series_columns", value=[SELECT]),
    "a limit of series": put("series_limit_metric", value=ADHOC),
    "groups": put("groupby", value=["1); drop table mart_sample.flag; --"]),
    "a time": put("granularity", value="now() - interval '1 day'"),
    "a filter as ad-hoc SQL": put(
        "adhoc_filters", value=[{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": "1 = 1"}]
    ),
    "SQL inside a text": put("applied", value=json.dumps({"extras": {"where": SELECT}})),
    "SQL far inside": put("a", "b", "c", "d", value=[[[ADHOC]]]),
}


def request_of(client: httpx.Client, city: str) -> dict[str, Any]:
    """The request of the county table as the dashboard sends it."""
    found, charts = dashboard(client, city)
    chart = next(chart for title, chart in charts.items() if title.startswith("县区指数"))
    form = {**chart["form_data"], "dashboardId": found, "slice_id": chart["id"]}
    number = int(str(form["datasource"]).split("__")[0])
    query = {"columns": ["area_name_zh", "band_name_zh"], "metrics": [], "filters": [], "extras": {"where": "", "having": ""},
             "orderby": [["area_name_zh", True]], "row_limit": 50}  # fmt: skip
    return {
        "datasource": {"id": number, "type": "table"},
        "form_data": form,
        "queries": [query],
        "result_format": "json",
        "result_type": "full",
    }


@pytest.fixture(scope="module")
def leader(portal: Portal) -> Iterator[httpx.Client]:
    with closing(portal.login(LEADER)) as client:
        yield client


@pytest.mark.e2e
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_sql_of_a_leader_is_refused(leader: httpx.Client, change: Change) -> None:
    body = request_of(leader, WITH_MAP)
    change(body["queries"][0])
    assert leader.post("/api/v1/chart/data", json=body).status_code == 403
    text = {"form_data": json.dumps({**body["form_data"], **body["queries"][0]})}
    assert leader.post("/superset/explore_json/", data=text).status_code == 403


@pytest.mark.e2e
def test_the_chart_itself_is_answered(leader: httpx.Client) -> None:
    answer = leader.post("/api/v1/chart/data", json=request_of(leader, WITH_MAP))
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["result"][0]["data"]) > 1


@pytest.mark.e2e
def test_an_administrator_may(portal: Portal) -> None:
    with closing(portal.login(ADMIN)) as client:
        body = request_of(client, WITH_MAP)
        body["queries"][0]["columns"] = [{**ADHOC, "sqlExpression": "upper(area_name_zh)"}]
        body["queries"][0]["orderby"] = []
        assert client.post("/api/v1/chart/data", json=body).status_code == 200


@pytest.mark.unit
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_what_looks_like_sql_is_found(change: Change) -> None:
    sql_in = runpy.run_path(str(REPOSITORY / "superset" / "reader_requests.py"))["sql_in"]
    query: dict[str, Any] = {
        "columns": ["area_name_zh"],
        "orderby": [["index", False]],
        "extras": {"where": "", "having": ""},
    }
    query["filters"] = [{"col": "level_code", "op": "==", "val": "select; it's only a value"}]
    axis = {"columnType": "BASE_AXIS", "sqlExpression": "day", "label": "day", "expressionType": "SQL"}
    assert list(sql_in({"queries": [query, {**query, "columns": [axis, "area_name_zh"]}]})) == []
    changed = deepcopy(query)
    change(changed)
    assert list(sql_in({"queries": [changed]})) != []
