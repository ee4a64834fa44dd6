"""The landing page and the public files' policy: a scheduler that is dead does not stay the latest."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from expectations.contract import load_city
from spark_jobs.release.pages.template import script_source
from stack.layout import Layout
from stack.machine import Machine
from stack.portal import PublicFiles, application, page
from stack.response_headers import RESPONSE_HEADERS
from stack.serve import DOORS, accounts, portal, tokens

pytestmark = pytest.mark.unit
# The night of 27 November is up by 07:00 of the 28th in Daqing.
IN_TIME, LATE = datetime(2026, 11, 27, 22, 59, tzinfo=UTC), datetime(2026, 11, 27, 23, 1, tzinfo=UTC)
REASON = {"since": "2026-11-27", "reason_zh": "警情数据未到", "reason_en": "the cases are missing"}


@pytest.mark.parametrize(
    ("now", "stale", "said"),
    [
        (IN_TIME, None, []),
        (LATE, None, ["新一期应在2026年11月28日 07:00前发布", "The next release was due by 28 November 2026, 07:00"]),
        (LATE, REASON, ["自2026-11-27起未能更新：警情数据未到"]),
        (IN_TIME, REASON, ["自2026-11-27起未能更新：警情数据未到"]),
    ],
)
def test_it_is_the_latest_only_until_the_next_is_due(
    tmp_path: Path, now: datetime, stale: dict[str, str] | None, said: list[str]
) -> None:
    layout = Layout(state=tmp_path / "state", published=tmp_path / "published", port_base=1)
    (layout.published / "daqing").mkdir(parents=True)
    latest = {"release_id": "20261126-0123456789", "period": "2026-11-26", "stale": stale}
    (layout.published / "daqing" / "latest.json").write_text(json.dumps(latest), encoding="utf-8")
    shown = page(layout, "daqing", {}, now)
    assert ('class="stale"' in shown) == bool(said)
    assert [line for line in said if line not in shown] == []


def test_a_public_page_may_run_its_clock_and_nothing_else() -> None:
    headers: dict[str, str] = {}
    PublicFiles.set_default_headers(
        type("Reply", (), {"set_header": lambda _, name, value: headers.update({name: value})})()
    )
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == script_source()
    assert policy["default-src"] == "'none'"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(Layout(state=tmp_path / "state", published=tmp_path / "published", port_base=1))


def test_the_page_names_accounts_and_no_password(machine: Machine) -> None:
    told = portal(machine, load_city("daqing")).environment["PORTAL_ACCESS"]
    shown = page(machine.layout, "daqing", json.loads(told)[tokens(machine)["admin"]], IN_TIME)
    known = accounts(machine)
    assert [name for of_service in known.values() for name in of_service if name not in shown] == []
    in_clear = [name for names in known.values() for name, password in names.items() if password in shown + told]
    assert in_clear == []


def test_the_doors_of_a_role_exist(machine: Machine) -> None:
    """A service or an account by another name would be a door that is never shown."""
    known = {service: set(names) for service, names in accounts(machine).items()} | {"docs": set(), "checks": set()}
    named = {(role, door) for role, doors in DOORS.items() for door in doors}
    assert {(role, door) for role, door in named if door in known} == named
    assert [door for role, door in named if not set(DOORS[role][door]) <= known[door]] == []
    assert {door for _, door in named} == set(known)  # each is somebody's


SERVICES = {"superset": 2, "airflow": 3, "jupyter": 4, "desk": 8}  # by port, from 1 on
PAGES = ["/methodology/zh", "/methodology/en", "/dictionary/zh", "/dictionary/en", "/published/daqing/latest.json"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("role", "doors", "logins"),
    [
        ("leader", {"superset"}, {"leader"}),
        ("officer", {"desk"}, {"duty_officer · reviewer · viewer"}),
        ("analyst", {"superset", "jupyter", "docs", "checks"}, {"leader", "token"}),
        ("operator", {"airflow", "checks"}, {"ops · ro"}),
        ("admin", {*SERVICES, "docs", "checks"}, {
            "leader · admin", "duty_officer · reviewer · viewer · admin", "ops · ro", "token",
        }),
    ],
)  # fmt: skip
def test_a_role_is_shown_its_own_doors_and_let_in_by_no_other(
    machine: Machine, free_ports: int, role: str, doors: set[str], logins: set[str]
) -> None:
    for name in ("docs/dbt.html", "gx/gx/uncommitted/data_docs/local_site/index.html"):
        (machine.layout.state / name).parent.mkdir(parents=True)
        (machine.layout.state / name).write_text("<html>", encoding="utf-8")
    (machine.layout.published / "daqing").mkdir(parents=True)
    latest = {"release_id": "20261126-0123456789", "period": "2026-11-26"}
    (machine.layout.published / "daqing" / "latest.json").write_text(json.dumps(latest), encoding="utf-8")
    access = json.loads(portal(machine, load_city("daqing")).environment["PORTAL_ACCESS"])
    token = tokens(machine)[role]
    behind = {"docs": "/docs/dbt.html", "checks": "/checks/index.html"}

    async def visit() -> tuple[HTTPResponse, dict[str, int]]:
        server = application(machine.layout, "daqing", access).listen(free_ports, "127.0.0.1")
        client, asked = AsyncHTTPClient(), {"raise_error": False}
        try:
            home = await client.fetch(f"http://127.0.0.1:{free_ports}/?token={token}", **asked)
            cookie = {"Cookie": home.headers["Set-Cookie"].partition(";")[0]}
            codes = {}
            for path in [*PAGES, *behind.values()]:
                answer = await client.fetch(f"http://127.0.0.1:{free_ports}{path}", headers=cookie, **asked)
                codes[path] = answer.code
                assert RESPONSE_HEADERS.items() <= dict(answer.headers).items()
            return home, codes
        finally:
            server.stop()

    home, codes = asyncio.run(visit())
    rows = re.findall(r'<td><a href="([^"]+)">.*?<td>([^<]*)</td></tr>', home.body.decode())
    linked = {link for link, _ in rows}
    assert {name for name, port in SERVICES.items() if any(f"127.0.0.1:{port}/" in link for link in linked)} == (
        doors & SERVICES.keys()
    )
    assert {name for name, path in behind.items() if path in linked} == doors & behind.keys()
    assert {login for _, login in rows} - {""} == logins
    assert {path for path in PAGES[:4] if path not in linked} == set()
    assert codes == dict.fromkeys(PAGES, 200) | {path: 200 if name in doors else 403 for name, path in behind.items()}
