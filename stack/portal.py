"""The landing page: links and names of accounts, bulletins, Data Docs. On loopback, behind a token for each role."""

from __future__ import annotations

import argparse
import asyncio
import hmac
import html
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import tornado.web

from expectations.contract import load_city
from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.pages.template import overdue, script_source
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from stack import data_dictionary, methodology_page
from stack.layout import Layout
from stack.response_headers import RESPONSE_HEADERS
from stack.watch import told

Doors = Mapping[str, Sequence[str]]  # service, or folder of documents -> names of the reader's accounts there
COOKIE = "peace_index_portal"
PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.6 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;max-width:60rem;margin:2.5rem auto;
padding:0 1rem;color:#222}}h1{{color:#b8261c;margin-bottom:0}}small{{color:#666}}table{{border-collapse:collapse;width:100%;
margin-top:1.5rem}}td,th{{padding:.55rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}}
a{{color:#b8261c}}code{{background:#f4f1ee;padding:.1rem .35rem;border-radius:3px}}.stale{{background:#fff3cd;padding:.6rem}}
</style><h1>{title}</h1><small>{subtitle}</small>{notice}
<p>每人只用自己的账号；口令由管理员在本机以下列命令读取。 Each person has an account; who runs the machine reads its password with:
<code>.venv/pipeline/bin/python -m stack accounts SERVICE</code></p>
<table><tr><th>入口 · open</th><th>地址 · where</th><th>登录 · login</th></tr>{rows}</table></html>"""


class Guarded(tornado.web.RequestHandler):
    """Lets in whoever holds a token: once in the address, then in a cookie. The token says which doors are the reader's."""

    door = ""  # the one that a page is behind; none: whoever has a token may read it
    doors: Doors

    def prepare(self) -> None:
        given = self.get_query_argument("token", "") or self.get_cookie(COOKIE, "") or ""
        access: Mapping[str, Doors] = self.settings["access"]
        known = [token for token in access if hmac.compare_digest(given.encode(), token.encode())]
        if not known:
            self._refuse(
                "需要口令：请打开 make serve 打印的完整网址。\nA token is needed: open the address that make serve printed."
            )
            return
        self.doors = access[known[0]]
        if self.get_query_argument("token", ""):
            self.set_cookie(COOKIE, known[0], httponly=True, samesite="Strict")
        if self.door and self.door not in self.doors:
            self._refuse("此入口不属于你的角色。\nThis door is not one of your role.")

    def _refuse(self, said: str) -> None:
        self.set_status(403)
        self.finish(said)

    def set_default_headers(self) -> None:
        policy = "default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'"
        for name, value in {**RESPONSE_HEADERS, "Content-Security-Policy": policy}.items():
            self.set_header(name, value)


class Released(tornado.web.StaticFileHandler):
    """Files of releases. A withdrawn release answers with its notice: a page shows it at its top, another file in its
    header.
    """

    async def get(self, path: str, include_body: bool = True) -> None:
        file = _notice_file(Path(self.root), path)
        if file is None or not file.is_file():
            await super().get(path, include_body)
            return
        notice = json.loads(file.read_text(encoding="utf-8"))
        self.set_header("Warning", f'299 - "withdrawn at {notice["withdrawn_at"]}"')
        beside = "../" if file.parent.name in path.split("/") else "../releases/"
        self.set_header("Link", f'<{beside}{file.name}>; rel="describedby"')
        page = Path(self.root, path)
        if page.suffix == ".html" and page.is_file():  # the pattern of the notice's name lets no path out of the folder
            self.set_header("Cache-Control", "no-store")
            self.write(with_notice(page.read_text(encoding="utf-8"), notice))
        else:
            await super().get(path, include_body)

    def compute_etag(self) -> str | None:
        """Of what is answered: a page with a notice is not the one that a browser has kept."""
        is_file = getattr(self, "absolute_path", None)
        return super().compute_etag() if is_file else tornado.web.RequestHandler.compute_etag(self)


def _notice_file(root: Path, path: str) -> Path | None:
    """Where the notice of a file's release would lie, or of the month made from one; None for what is neither. `latest`
    leads to one."""
    if current := re.fullmatch(r"([a-z][a-z0-9_]*/monthly)/(latest|\d{4}-\d{2}(?:-v\d+)?)/[^/]+", path):
        return root / current[1] / f"{(root / current[1] / current[2]).resolve().name}.withdrawn.json"
    if current := re.fullmatch(r"([a-z][a-z0-9_]*)/latest/([^/]+)", path):
        path = f"{current[1]}/releases/{(root / current[1] / 'latest').resolve().name}/{current[2]}"
    found = re.fullmatch(r"([a-z][a-z0-9_]*/releases/\d{8}-[0-9a-f]{10})/[^/]+", path)
    return root / f"{found[1]}.withdrawn.json" if found else None


def with_notice(page: str, notice: dict[str, str]) -> str:
    """The page with the notice before all that it says."""
    said = "<br>".join(html.escape(notice[name]) for name in ("said_zh", "said_en"))
    banner = f'<div role="alert" style="padding:1em;background:#b3261e;color:#fff;font-size:1.1em">{said}</div>'
    return re.sub(r"<body[^>]*>", lambda body: body[0] + banner, page, count=1)


class PublicFiles(Released):
    """What everybody may see: no token is asked for, no script runs but the pages' own, nothing is kept longer than the
    next release."""

    def set_default_headers(self) -> None:
        policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {script_source()}; frame-ancestors 'none'"
        own = {"Content-Security-Policy": policy, "Access-Control-Allow-Origin": "*"}
        for name, value in {**RESPONSE_HEADERS, **own}.items():
            self.set_header(name, value)

    def set_extra_headers(self, path: str) -> None:
        is_of_one_release = "/releases/" in path
        self.set_header("Cache-Control", f"public, max-age={86400 if is_of_one_release else 300}")


class PublicPage(tornado.web.RequestHandler):
    """The stable address of a city's public page: leads to that of the current release."""

    def get(self, city_code: str) -> None:
        latest = self.settings["public"] / city_code / "latest.json"
        if not latest.exists():
            raise tornado.web.HTTPError(404)
        self.redirect(f"/public/{city_code}/{json.loads(latest.read_text(encoding='utf-8'))['folder']}/index.html")


class Home(Guarded):
    def get(self) -> None:
        self.write(self.settings["page"](self.doors))


class Document(Guarded):
    """A page made from the declarations, in the language that the address names."""

    def initialize(self, html_page: Callable[[LanguageCode], str]) -> None:
        self.html_page = html_page

    def get(self, language: LanguageCode) -> None:
        self.write(self.html_page(language))


class Files(Guarded, Released):
    """Files of one folder; never cached, because a release replaces them."""

    def initialize(self, *folder: Any, door: str = "", **options: Any) -> None:
        super().initialize(*folder, **options)
        self.door = door

    def set_extra_headers(self, path: str) -> None:
        self.set_header("Cache-Control", "no-store")


def page(layout: Layout, city_code: str, doors: Doors, now: datetime) -> str:
    """The landing page as it is `now` for a reader with these doors: the current release, whether it is the newest that
    should be, or why there is none.
    """
    city = load_city(city_code)
    latest = layout.published / city_code / "latest.json"
    release = json.loads(latest.read_text(encoding="utf-8")) if latest.exists() else None
    address = {name: f"http://127.0.0.1:{layout.port(name)}" for name in ("superset", "airflow", "jupyter", "desk")}
    rows = [
        (
            f"{address['superset']}/superset/dashboard/peace-index-{city_code}/",
            "领导驾驶舱 · Superset dashboard",
            "superset",
        ),
        (f"{address['desk']}/", "风险提示处置 · flags: take up, check, decide", "desk"),
        (f"{address['airflow']}/", "调度 · Airflow: nightly runs", "airflow"),
        (f"{address['jupyter']}/lab", "分析笔记本 · JupyterLab", "jupyter"),
        (methodology_page.PATHS["zh"], "指数方法 · methodology (Chinese)", ""),
        (methodology_page.PATHS["en"], "指数方法（英文）· methodology (English)", ""),
        (data_dictionary.PATHS["zh"], "数据字典 · data dictionary (Chinese)", ""),
        (data_dictionary.PATHS["en"], "数据字典（英文）· data dictionary (English)", ""),
        ("/docs/dbt.html", "指标口径与血缘 · dbt docs: models, tests, lineage", "docs"),
        ("/checks/index.html", "数据检验 · Great Expectations Data Docs", "checks"),
    ]
    notice = "<p>尚未发布：请先运行 <code>make run</code>。 Nothing is published yet: run <code>make run</code>.</p>"
    rows.append((f"/public/{city_code}/", "公开页（无需登录）· public page, no login", ""))
    if release:
        folder = f"/published/{city_code}/releases/{release['release_id']}"
        rows.insert(0, (f"{folder}/index.html", "平安指数一页读懂 · the city in a minute (Chinese)", ""))
        rows.insert(1, (f"{folder}/index.en.html", "平安指数一页读懂（英文）· the city in a minute (English)", ""))
        rows.insert(3, (f"{folder}/bulletin.zh.html", "平安指数通报 · bulletin (Chinese)", ""))
        rows.insert(4, (f"{folder}/bulletin.en.html", "平安指数通报（英文）· bulletin (English)", ""))
        stale = release.get("stale")
        said = [_stale_words(stale)] if stale else _overdue_words(city, date.fromisoformat(release["period"]), now)
        notice = "".join(f'<p class="stale">{html.escape(line)}</p>' for line in said)
    notice += "".join(f'<p class="stale">{html.escape(line)}</p>' for line in told(layout))
    subtitle = f"发布 {release['release_id']} · {release['period']}" if release else city.name.en
    cells = "".join(
        f'<tr><td><a href="{html.escape(link)}">{html.escape(what)}</a></td><td>{html.escape(link.split("?")[0])}</td>'
        f"<td>{html.escape(' · '.join(doors.get(door, [])))}</td></tr>"
        for link, what, door in rows
        if not door or door in doors
    )
    title = html.escape(f"{city.name.zh}平安指数")
    return PAGE.format(title=title, subtitle=html.escape(subtitle), notice=notice, rows=cells)


def _overdue_words(city: City, period: date, now: datetime) -> list[str]:
    """From the clock alone: a scheduler that is dead gives no reason."""
    methodology = load_methodology()
    found = [overdue(city, methodology, period, Wording(code, methodology)) for code in LANGUAGES]
    return [each.said for each in found if each and each.due < now]


def _stale_words(stale: dict[str, str]) -> str:
    return (
        f"自{stale['since']}起未能更新：{stale['reason_zh']}。 "
        f"Not updated since {stale['since']}: {stale['reason_en']}."
    )


def application(layout: Layout, city_code: str, access: Mapping[str, Doors]) -> tornado.web.Application:
    """All routes of the portal, each behind a token but for what is public. `access`: token -> doors."""
    checks = layout.state / "gx" / "gx" / "uncommitted" / "data_docs" / "local_site"
    routes = [
        (r"/published/(.*)", Files, {"path": str(layout.published)}),
        (r"/docs/(.*)", Files, {"path": str(layout.state / "docs"), "door": "docs"}),
        (r"/checks/(.*)", Files, {"path": str(checks), "door": "checks"}),
    ]
    documents = {"methodology": methodology_page, "dictionary": data_dictionary}
    own = [(rf"/{name}/(zh|en)", Document, {"html_page": module.html_page}) for name, module in documents.items()]
    everybody: list[tuple[Any, ...]] = [
        (r"/public/([a-z][a-z0-9_]*)/", PublicPage),
        (r"/public/(.*)", PublicFiles, {"path": str(layout.public)}),
    ]
    return tornado.web.Application(
        [("/", Home), *own, *routes, *everybody],
        access=access, page=lambda doors: page(layout, city_code, doors, datetime.now(UTC)), public=layout.public,
    )  # fmt: skip


async def serve(layout: Layout, city_code: str, access: Mapping[str, Doors]) -> None:
    """Serve until the process is ended. Loopback only."""
    application(layout, city_code, access).listen(layout.port("portal"), address="127.0.0.1")
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stack.portal", description=__doc__)
    parser.add_argument("--city", required=True)
    arguments = parser.parse_args()
    access = json.loads(os.environ.get("PORTAL_ACCESS", "{}"))
    if not access:
        raise UsageError("PORTAL_ACCESS is not set; `make serve` sets it")
    asyncio.run(serve(Layout.from_environment(), arguments.city, access))


if __name__ == "__main__":
    main()
