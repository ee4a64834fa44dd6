"""The landing page and the public files' policy: a scheduler that is dead does not stay the latest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from expectations.contract import load_city
from spark_jobs.release.pages.template import script_source
from stack.layout import Layout
from stack.machine import Machine
from stack.portal import PublicFiles, page
from stack.serve import accounts, portal

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


def test_the_page_names_accounts_and_no_password(tmp_path: Path) -> None:
    machine = Machine(Layout(state=tmp_path / "state", published=tmp_path / "published", port_base=1))
    service, _ = portal(machine, load_city("daqing"))
    shown = page(machine.layout, "daqing", json.loads(service.environment["PORTAL_LOGINS"]), IN_TIME)
    known = accounts(machine)
    assert [name for of_service in known.values() for name in of_service if name not in shown] == []
    told = shown + service.environment["PORTAL_LOGINS"]
    assert [name for of_service in known.values() for name, password in of_service.items() if password in told] == []
