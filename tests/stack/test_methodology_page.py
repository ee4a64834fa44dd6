"""The methodology page says every value of methodology.yml, in both languages, and is served behind the token."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from spark_jobs.index.methodology import load_methodology
from stack.layout import PORTS, Layout
from stack.methodology_page import FILES, PATHS, html_page, methodology_page
from stack.portal import application

TOKEN = "a-token-of-the-test"
CONTENT = load_methodology().model_dump(mode="json")
Place = tuple[str | int, ...]


def leaves(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every single value of the file with its place; the ends of absent fields are left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is not None:
        for key, below in inner:
            yield from leaves(below, (*path, key))
    elif value is not None:
        yield path, value


def with_another(path: Place, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    place: Any = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


def another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return f"{value}x" if isinstance(value, str) else value * 2 + 1


def says_the_same(language: str, path: Place, value: Any, page: str) -> bool:
    """Whether the page is blind to this value; one that it cannot put into words is not a page at all."""
    try:
        return methodology_page(language, with_another(path, another(value))) == page
    except TemplateError:
        return False


@pytest.mark.unit
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_value_can_change_without_the_page(language: str) -> None:
    other = {"zh": "en", "en": "zh"}[language]
    page = methodology_page(language)
    seen = [(path, value) for path, value in leaves(CONTENT) if path[-1] != other]
    assert len(seen) > 250
    assert methodology_page(language, copy.deepcopy(CONTENT)) == page
    blind = [path for path, value in seen if says_the_same(language, path, value, page)]
    assert blind == []


@pytest.mark.unit
def test_both_pages_carry_the_same_numbers() -> None:
    """Numbers of the tables and formulas; the prose may count in words."""

    def numbers(language: str) -> list[str]:
        rows = [line for line in methodology_page(language).splitlines() if re.match(r"\| \*\*|\| `|s = ", line)]
        return re.findall(r"\d[\d,.]*", " ".join(row.split("|", 2)[-1] for row in rows))

    assert len(numbers("zh")) > 60
    weights = [re.findall(r"\| (\d+) \| ([\d.]+) ?% \|", methodology_page(language)) for language in ("zh", "en")]
    assert weights[0] == weights[1]
    assert len(weights[0]) == len(load_methodology().indicators)
    assert sum(float(effective) for _, effective in weights[0]) == pytest.approx(100.0)


@pytest.mark.unit
def test_the_committed_pages_are_fresh() -> None:
    for language, path in FILES.items():
        assert path.read_text(encoding="utf-8") == methodology_page(language), "run: make render"


@pytest.mark.unit
def test_looking_back_is_said() -> None:
    meanings = {indicator.id[:2]: indicator.meaning for indicator in load_methodology().indicators}
    for each in ("c4", "d4"):
        assert "向前回看" in meanings[each].zh
        assert "looks back" in meanings[each].en


@pytest.mark.unit
def test_html_has_the_tables_and_asks_no_other_host() -> None:
    for language, neighbour in (("zh", "en"), ("en", "zh")):
        html = html_page(language)
        assert html.count("<table>") == 7
        assert html.count("<pre>") == 4
        assert f'href="{neighbour}"' in html
        assert not re.search(r"(src|href)=\"(https?:)?//", html)
        assert "{{" not in html and "{%" not in html


async def asked(port: int, *paths: str) -> list[HTTPResponse]:
    client = AsyncHTTPClient()
    return [await client.fetch(f"http://127.0.0.1:{port}{path}", raise_error=False) for path in paths]


@pytest.mark.e2e
def test_the_portal_serves_both_behind_its_token(tmp_path: Path, free_ports: int) -> None:
    layout = Layout(tmp_path, tmp_path, free_ports)
    port = layout.port(PORTS[0])

    async def visit() -> list[HTTPResponse]:
        server = application(layout, "daqing", {TOKEN: {}}).listen(port, address="127.0.0.1")
        try:
            zh, en = (f"{path}?token={TOKEN}" for path in PATHS.values())
            return await asked(port, *PATHS.values(), zh, en, f"/?token={TOKEN}", f"/methodology/fr?token={TOKEN}")
        finally:
            server.stop()

    closed_zh, closed_en, zh, en, home, unknown = asyncio.run(visit())
    assert (closed_zh.code, closed_en.code, unknown.code) == (403, 403, 404)
    assert "<table>" not in closed_zh.body.decode()
    assert "危害" in zh.body.decode() and "Harm, not volume" in en.body.decode()
    for path in PATHS.values():
        assert f'href="{path}"' in home.body.decode()
