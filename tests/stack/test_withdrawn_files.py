"""The old addresses of a withdrawn release answer with the notice; its files, and other releases, are as they were."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from stack.layout import Layout
from stack.portal import application

pytestmark = pytest.mark.e2e
TOKEN = "a-token-of-the-test"
OLD, NEW = "20261129-0123456789", "20261130-0123456789"
PAGE = "<!doctype html><html><body class='x'><main>101.3</main></body></html>"
NOTICE = {
    "release_id": OLD,
    "withdrawn_at": "2026-12-01T00:00:00Z",
    "said_zh": "发布已撤回：<重复计入>",
    "said_en": "withdrawn: counted twice",
}


@pytest.fixture
def layout(tmp_path: Path, free_ports: int) -> Layout:
    for tier in ("published", "public"):
        for release_id in (OLD, NEW):
            folder = tmp_path / tier / "daqing" / "releases" / release_id
            folder.mkdir(parents=True)
            (folder / "index.html").write_text(PAGE, encoding="utf-8")
            (folder / "index.csv").write_text("index\n101\n", encoding="utf-8")
        folder.with_name(f"{OLD}.withdrawn.json").write_text(json.dumps(NOTICE), encoding="utf-8")
    return Layout(state=tmp_path, published=tmp_path / "published", port_base=free_ports)


def ask(layout: Layout, path: str, token: str = TOKEN) -> HTTPResponse:
    async def asked() -> HTTPResponse:
        server = application(layout, "daqing", {TOKEN: {}}).listen(layout.port("portal"), "127.0.0.1")
        try:
            address = f"http://127.0.0.1:{layout.port('portal')}{path}?token={token}"
            return await AsyncHTTPClient().fetch(address, raise_error=False)
        finally:
            server.stop()

    return asyncio.run(asked())


@pytest.mark.parametrize("tier", ["published", "public"])
def test_a_page_of_a_withdrawn_release_begins_with_the_notice(layout: Layout, tier: str) -> None:
    body = ask(layout, f"/{tier}/daqing/releases/{OLD}/index.html").body.decode()
    assert body.index("发布已撤回：&lt;重复计入&gt;") < body.index("101.3")
    assert "withdrawn: counted twice" in body
    assert ask(layout, f"/{tier}/daqing/releases/{NEW}/index.html").body.decode() == PAGE


@pytest.mark.parametrize("tier", ["published", "public"])
def test_another_file_says_it_in_its_header(layout: Layout, tier: str) -> None:
    old, new = (ask(layout, f"/{tier}/daqing/releases/{release}/index.csv") for release in (OLD, NEW))
    assert (old.body, new.body) == (b"index\n101\n",) * 2
    assert old.headers["Warning"] == '299 - "withdrawn at 2026-12-01T00:00:00Z"'
    assert old.headers["Link"] == f'<../{OLD}.withdrawn.json>; rel="describedby"'
    assert "Warning" not in new.headers
    assert ask(layout, f"/{tier}/daqing/releases/{OLD}.withdrawn.json").code == 200


@pytest.mark.parametrize("tier", ["published", "public"])
@pytest.mark.parametrize(("current", "is_withdrawn"), [(OLD, True), (NEW, False)])
def test_the_address_that_stays_says_it_while_it_leads_there(
    layout: Layout, tier: str, current: str, is_withdrawn: bool
) -> None:
    city = layout.published.with_name(tier) / "daqing"
    (city / "latest").symlink_to(f"releases/{current}", target_is_directory=True)
    page, table = (ask(layout, f"/{tier}/daqing/latest/index.{ending}") for ending in ("html", "csv"))
    assert ("withdrawn: counted twice" in page.body.decode(), "Warning" in table.headers) == (
        is_withdrawn,
        is_withdrawn,
    )
    assert table.body == b"index\n101\n"
    if is_withdrawn:
        assert table.headers["Link"] == f'<../releases/{OLD}.withdrawn.json>; rel="describedby"'
    else:
        assert page.body.decode() == PAGE


@pytest.mark.parametrize("tier", ["published", "public"])
@pytest.mark.parametrize(("month", "is_withdrawn"), [("2026-10", True), ("2026-10-v2", False)])
def test_a_month_made_from_a_withdrawn_release_says_it_too(
    layout: Layout, tier: str, month: str, is_withdrawn: bool
) -> None:
    monthly = layout.published.with_name(tier) / "daqing" / "monthly"
    for name in ("2026-10", "2026-10-v2"):
        (monthly / name).mkdir(parents=True)
        (monthly / name / "bulletin.zh.html").write_text(PAGE, encoding="utf-8")
        (monthly / name / "index.csv").write_text("index\n101\n", encoding="utf-8")
    (monthly / "2026-10.withdrawn.json").write_text(json.dumps(NOTICE), encoding="utf-8")
    (monthly / "latest").symlink_to(month, target_is_directory=True)
    for place in (month, "latest"):
        page, table = (
            ask(layout, f"/{tier}/daqing/monthly/{place}/{name}") for name in ("bulletin.zh.html", "index.csv")
        )
        assert ("withdrawn: counted twice" in page.body.decode(), "Warning" in table.headers) == (is_withdrawn,) * 2
        assert table.body == b"index\n101\n"
        if is_withdrawn:
            assert table.headers["Link"] == '<../2026-10.withdrawn.json>; rel="describedby"'


@pytest.mark.parametrize(
    "path", [f"/published/daqing/releases/{OLD}/nothing.html", f"/published/daqing/releases/{OLD}/"]
)
def test_what_is_not_there_is_not_there(layout: Layout, path: str) -> None:
    assert ask(layout, path).code in (403, 404)


def test_the_notice_lets_nobody_in_without_the_token(layout: Layout) -> None:
    path = f"/published/daqing/releases/{OLD}/index.html"
    without = ask(layout, path, "wrong")
    assert (ask(layout, path).code, without.code) == (200, 403)
    assert b"101.3" not in without.body
