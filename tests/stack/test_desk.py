"""The portal as `make serve` starts it: its schema, tables and accounts are made, and its own pages answer behind a login."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from expectations.contract import load_city
from stack.layout import Layout
from stack.machine import Machine
from stack.serve import desk, desk_accounts

pytestmark = pytest.mark.e2e


@pytest.fixture
def machine(free_ports: int) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="peace-index-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        machine = Machine(Layout(Path(folder) / "state", Path(folder) / "published", free_ports + 20))
        machine.postgres.start()
        yield machine
        machine.postgres.service.stop()


def signed_in(address: str, name: str, password: str) -> httpx.Response:
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
        page = client.get("/").text
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w{64})"', page)) or {""}
        form = {"csrfmiddlewaretoken": token, "username": name, "password": password, "next": "/flags/"}
        return client.post("/login/", data=form)


def test_the_portal_is_served_with_its_accounts(machine: Machine) -> None:
    city = load_city("daqing")
    desk(machine, city)
    served = desk(machine, city)  # a second start changes nothing
    served.start()
    try:
        address, accounts = f"http://127.0.0.1:{served.port}", desk_accounts(machine)
        for name in ("duty_officer", "reviewer", "viewer"):
            page = signed_in(address, name, accounts[name])
            assert page.status_code == 200 and "尚未发布" in page.text and name in page.text
        assert signed_in(address, "admin", accounts["admin"]).status_code == 403  # looks after accounts, sees no flag
        assert "errorlist" in signed_in(address, "viewer", accounts["reviewer"]).text
        with ThreadPoolExecutor(8) as guesses:  # of both workers, at the same moment
            said = [each.status_code for each in guesses.map(lambda _: signed_in(address, "viewer", "wrong"), range(8))]
        assert set(said) <= {200, 429} and said.count(200) <= 4  # one was wrong before
        assert signed_in(address, "viewer", accounts["viewer"]).status_code == 429
        assert signed_in(address, "reviewer", accounts["reviewer"]).status_code == 200
        assert httpx.get(f"{address}/static/desk/desk.css", timeout=60).headers["content-type"].startswith("text/css")
    finally:
        served.stop()
