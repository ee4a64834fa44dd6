"""The leaders' portal, real: set up twice, served, looked at with a browser, and what a leader may not do."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Response, expect, sync_playwright

from superset.render import titles
from tests.superset import mart
from tests.superset.portal import LEADER, REPOSITORY, SUPERSET, WITH_MAP, WITHOUT_MAP, Portal

pytestmark = pytest.mark.e2e
CHARTS = titles()
TITLES = set(CHARTS.values())
MAP_TITLE = CHARTS["county_map"]


def test_setting_up_twice_changes_nothing(portal: Portal) -> None:
    first, second = portal.states
    assert len(first["charts"]) == len(TITLES)
    assert {user for user, _ in first["users"]} == {"admin", "leader"}
    assert dict(first["permissions"])["Leader"] == 23
    assert first == second


def test_a_missing_secret_is_one_line(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PINGAN_STATE": str(tmp_path),
        "SUPERSET_CONFIG_PATH": "superset/config.py",
    }
    command: list[str | Path] = [
        SUPERSET / "python",
        "superset/setup.py",
        "--city",
        "x",
        "--city-name",
        "某市",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 7
    assert done.stderr.strip().splitlines()[-1].startswith("superset: secret superset_secret_key is missing")
    assert "Traceback" not in done.stdout + done.stderr


def dashboard(client: httpx.Client, city: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Dashboard id, {chart title: chart}."""
    slug = f"peace-index-{city}"
    charts = client.get(f"/api/v1/dashboard/{slug}/charts").json()["result"]
    found = client.get(f"/api/v1/dashboard/{slug}").json()["result"]["id"]
    return found, {chart["slice_name"]: chart for chart in charts}


def county_query(charts: dict[str, dict[str, Any]], dashboard_id: int | None) -> dict[str, Any]:
    """The county table's rows, asked for inside the dashboard or (None) outside."""
    chart = charts["县区指数（由低到高）"]
    form = {"slice_id": chart["id"], "viz_type": "table", "dashboardId": dashboard_id} if dashboard_id else {}
    source = int(chart["form_data"]["datasource"].split("__")[0])
    query = {"columns": ["area_name_zh", "index"], "metrics": [], "row_limit": 100}
    return {
        "datasource": {"id": source, "type": "table"}, "force": True, "queries": [query], "form_data": form,
        "result_format": "json", "result_type": "full",
    }  # fmt: skip


def test_a_leader_reads_the_dashboard_and_nothing_else(portal: Portal) -> None:
    leader = portal.login(LEADER)
    listed = {found["slug"] for found in leader.get("/api/v1/dashboard/").json()["result"]}
    assert listed == {f"peace-index-{WITH_MAP}", f"peace-index-{WITHOUT_MAP}"}
    number, charts = dashboard(leader, WITH_MAP)
    rows = leader.post("/api/v1/chart/data", json=county_query(charts, number)).json()["result"][0]["data"]
    by_name = {row["area_name_zh"]: row["index"] for row in rows}
    assert by_name.keys() >= mart.COUNTIES
    assert by_name[mart.NO_INDEX] is None
    assert leader.post("/api/v1/chart/data", json=county_query(charts, None)).status_code == 403
    for method, path in [
        ("GET", "/api/v1/database/"),
        ("GET", "/api/v1/dataset/"),
        ("GET", "/api/v1/security/users/"),
        ("PUT", f"/api/v1/dashboard/{number}"),
        ("DELETE", f"/api/v1/dashboard/{number}"),
        ("POST", "/api/v1/chart/"),
        ("POST", "/api/v1/sqllab/execute/"),
        ("POST", "/api/v1/assets/import/"),
    ]:
        answer = leader.request(method, path, json=None if method in ("GET", "DELETE") else {})
        assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"


def test_a_stranger_is_sent_to_the_login(portal: Portal) -> None:
    answer = httpx.get(f"{portal.url}/superset/dashboard/peace-index-{WITH_MAP}/")
    assert answer.status_code == 302
    assert "/login/" in answer.headers["location"]
    answer = httpx.get(f"{portal.url}/methodology/zh")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login/")
    for path in ("/api/v1/dashboard/", "/api/v1/chart/", "/api/v1/dataset/"):
        answer = httpx.get(f"{portal.url}{path}")
        assert answer.status_code == 401 or answer.json()["count"] == 0, path


def test_headers_allow_no_eval_and_no_other_host(portal: Portal) -> None:
    headers = httpx.get(f"{portal.url}/login/").headers
    policy = headers["content-security-policy"]
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe-inline" not in scripts
    assert "frame-ancestors 'none'" in policy
    assert "httponly" in headers["set-cookie"].lower()


def test_guessing_passwords_is_slowed_down(portal: Portal) -> None:
    """From an address of its own, so that no other test is locked out."""
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=portal.url, transport=elsewhere, timeout=30) as client:
        guess = {"username": "leader", "password": "guess", "provider": "db"}
        answers = [client.post("/api/v1/security/login", json=guess).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


def test_a_session_ends_where_somebody_logs_out(portal: Portal) -> None:
    with httpx.Client(base_url=portal.url, timeout=60) as leader:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', leader.get("/login/").text)
        assert token
        leader.post("/login/", data={"username": LEADER[0], "password": LEADER[1], "csrf_token": token[1]})
        with httpx.Client(base_url=portal.url, cookies=dict(leader.cookies), timeout=60) as copied:
            assert copied.get("/api/v1/me/").status_code == 200
            leader.get("/logout/")
            assert copied.get("/api/v1/me/").status_code == 401


@dataclass
class Visit:
    """What a browser met on a page."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)  # of charts

    def on_response(self, response: Response) -> None:
        if response.url.startswith("http"):
            self.hosts.add(response.url.split("/")[2])
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")
        elif "/explore_json/" in response.url or "/api/v1/chart/data" in response.url:
            self.answers.append(response)

    def rows(self) -> dict[int, int]:
        """{chart id: rows in its answer}; of two queries the smaller one. The map uses the older API."""
        found = {}
        for answer in self.answers:
            match = re.search(r'"slice_id":(\d+)', answer.request.post_data or "")
            assert match is not None, answer.url
            content = answer.json()
            parts = [len(content["data"])] if "data" in content else [p["rowcount"] for p in content["result"]]
            found[int(match[1])] = min(parts)
        return found

    def open(self, url: str) -> str:
        """The text of all tabs of a dashboard, each once every chart on it has come to rest; the first is left open."""
        self.page.goto(url)
        self.page.wait_for_selector("[data-test-chart-name]", timeout=60_000)
        tabs = self.page.get_by_role("tab")
        texts = []
        for number in [*range(tabs.count()), 0]:  # a tab that is left before its charts have come asks for them again
            tabs.nth(number).click()
            self.page.wait_for_load_state("networkidle", timeout=60_000)
            # Not wait_for_function: it evaluates a string, which the page's own policy forbids and reports.
            expect(self.page.locator("[data-test=loading-indicator], .loading")).to_have_count(0, timeout=60_000)
            self.page.wait_for_timeout(1500)  # charts animate
            texts.append(self.page.inner_text("body"))
            if pictures := os.environ.get("PICTURES"):
                self.page.screenshot(path=Path(pictures) / f"{url.rstrip('/').rsplit('/', 1)[1]}.{number}.png")
        return "\n".join(texts)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    arguments += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"), executable_path="/usr/bin/chromium", headless=True,
            locale="zh-CN", viewport={"width": 1600, "height": 4000}, args=arguments,
        )  # fmt: skip
        yield context
        context.close()


@pytest.fixture(scope="module")
def visit(portal: Portal, chromium: BrowserContext) -> Visit:
    """A leader has logged in through the Chinese form; all that the browser meets from then on is noted."""
    visit = Visit(chromium.pages[0])
    visit.page.on("response", visit.on_response)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.goto(f"{portal.url}/login/", wait_until="networkidle")
    expect(visit.page.locator("body")).to_contain_text("请输入用户名和密码", timeout=60_000)
    visit.page.fill("[data-test=username-input]", LEADER[0])
    visit.page.fill("[data-test=password-input]", LEADER[1])
    visit.page.click("[data-test=login-button]")
    visit.page.wait_for_url("**/dashboard/list/**", timeout=60_000)  # two cities: the leader chooses
    return visit


@pytest.mark.browser
def test_a_leader_sees_the_whole_page(portal: Portal, visit: Visit, tmp_path: Path) -> None:
    text = visit.open(f"{portal.url}/superset/dashboard/peace-index-{WITH_MAP}/")
    visit.page.screenshot(path=tmp_path / "dashboard.png")
    assert visit.errors == []
    assert visit.hosts == {portal.url.removeprefix("http://")}
    assert visit.page.locator("[data-test=error-alert], .ant-alert-error, .error-boundary").count() == 0
    assert all(title in text for title in TITLES), TITLES
    rows = visit.rows()
    assert len(rows) == len(TITLES)
    assert min(rows.values()) > 0, rows
    assert visit.page.locator("path.region").count() == len(mart.COUNTIES)
    for expected in (
        mart.RELEASE,
        "2026-11-22 01:30",
        "暂定",
        "102",
        "100–104",
        "死亡3人",
        "98.00%",
        "97.9–98.1",
        *mart.COUNTIES,
    ):
        assert expected in text, expected
    for english in ("N/A", "No data", "No results", "Loading", "Sign in"):
        assert english not in text, english


@pytest.mark.browser
def test_the_dashboard_leads_to_the_methodology(portal: Portal, visit: Visit) -> None:
    visit.open(f"{portal.url}/superset/dashboard/peace-index-{WITH_MAP}/")
    with visit.page.expect_navigation(url="**/methodology/zh"):
        visit.page.get_by_role("link", name="指数方法").click()
    assert visit.page.locator("table").count() == 7
    assert "伤害日" in visit.page.inner_text("body")
    visit.page.click("text=English")
    visit.page.wait_for_url("**/methodology/en")
    assert "Harm, not volume" in visit.page.inner_text("body")
    assert visit.errors == []
    assert visit.hosts == {portal.url.removeprefix("http://")}


@pytest.mark.browser
def test_a_county_without_an_index_says_so_and_is_not_zero(portal: Portal, visit: Visit) -> None:
    visit.open(f"{portal.url}/superset/dashboard/peace-index-{WITH_MAP}/")
    # Superset leaves the hidden rows with which it has measured the columns
    county = visit.page.locator("[data-test-chart-name^='县区指数'] tr:visible", has_text=mart.NO_INDEX).last
    row = county.inner_text()
    assert "无指数" in row
    assert "0.0" not in row
    value = county.locator("td").nth(1)
    assert "无指数" in value.evaluate("cell => getComputedStyle(cell, '::after').content")
    unfilled = visit.page.locator("path.region").evaluate_all(
        "all => all.filter(path => path.style.fill === 'none').map(path => getComputedStyle(path).fill)"
    )
    assert unfilled == ["rgb(158, 158, 158)"], "the county without an index is the only grey one"


@pytest.mark.browser
def test_context_and_intervals_are_shown_as_they_are(portal: Portal, visit: Visit) -> None:
    """Domains with their intervals, the city's last 28 days alone, coverage with the year before where it compares."""
    visit.open(f"{portal.url}/superset/dashboard/peace-index-{WITH_MAP}/")

    def chart(title: str) -> Locator:
        return visit.page.locator(f"[data-test-chart-name^='{title}']")

    for title, texts in {
        "全市四大领域": ("98–107", "与基期持平"),
        "县区四大领域": ("▲ 113（108–117）", "▼ 94（90–99）", "100（96–105）"),
        "全市近28天": ("1,404", "887–958", "+48%", "高于常年同期", "数据未到"),
        "治理覆盖情况": ("13,200（12,480）", "93.7%（91.9%）", "2022-10-01"),
    }.items():
        for expected in texts:
            expect(chart(title)).to_contain_text(expected)
    expect(chart("全市近28天")).not_to_contain_text("77")  # of a county
    without_index = chart("县区四大领域").locator("tr", has_text=mart.NO_INDEX)
    expect(without_index).to_contain_text("无指数")
    marked = chart("县区四大领域").locator("td", has_text="▲").first
    assert marked.evaluate("cell => getComputedStyle(cell).backgroundColor") != "rgba(0, 0, 0, 0)"
    for county, cells in {
        "萨尔图区": ["2026年10月", "13,200", "472", "4,713", "333", "93.7%", "75.0%", "89.6%", "2026-04-01"],
        mart.NO_INDEX: ["—"] * 8,
    }.items():
        row = chart("治理覆盖情况").locator("tr", has_text=county).locator("td").all_inner_texts()
        assert row[1:][: len(cells)] == cells, row


@pytest.mark.browser
def test_a_bad_day_is_told_in_words(portal: Portal, visit: Visit, tmp_path: Path) -> None:
    """The other city: no map, no city index, no flag, no coverage, no revision yet, yesterday's release."""
    text = visit.open(f"{portal.url}/superset/dashboard/peace-index-{WITHOUT_MAP}/")
    visit.page.screenshot(path=tmp_path / "bad_day.png")
    assert MAP_TITLE not in text
    assert mart.STALE_REASON in text
    for empty in (
        "当前预警",
        "修订幅度（公布后各天数）",
        "全市指数修订三角（各月末）",
        "治理覆盖情况（仅供参考，不计分）",
    ):
        expect(visit.page.locator(f"[data-test-chart-name='{empty}']")).to_contain_text("暂无记录")
    big = visit.page.locator("[data-test-chart-name='全市平安指数']").inner_text()
    assert "无指数" in big
    assert visit.page.locator("[data-test=error-alert], .ant-alert-error, .error-boundary").count() == 0
    assert visit.errors == []
