"""The whole line as a newcomer runs it: real PostgreSQL, Spark, Airflow, Superset and browser, in a folder of its own.

One state folder, used in order: the first night with its history, the same night again, the next night through the
real scheduler, and the dashboard of what was published.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from expectations.contract import load_city
from tests.e2e.place import CITY, FIRST, REPOSITORY, SECOND, Place
from tests.privacy.traces import matches, parts, traces

COUNTIES = 9
pytestmark = pytest.mark.e2e


def test_first_night_publishes_nine_counties(place: Place, first_night: subprocess.CompletedProcess[str]) -> None:
    assert first_night.returncode == 0, first_night.stdout + first_night.stderr
    latest = place.latest()
    assert (latest["period"], latest["missing_feeds"], latest["stale"]) == (FIRST, [], None)
    assert len(latest["counties"]) == COUNTIES
    for county in latest["counties"]:
        assert county["lower"] < county["index"] < county["upper"]
    assert {
        "release.json", "index.csv", "index.parquet", "indicators.csv", "flags.csv", "bulletin.zh.html", "bulletin.en.html"
    } <= place.release_hashes().keys()  # fmt: skip
    for county in latest["counties"]:
        assert county["name_zh"][:3] in first_night.stdout
    folder = place.folder / "published" / CITY / "releases" / latest["release_id"]
    assert "narrow_base" not in (folder / "indicators.csv").read_text(encoding="utf-8-sig")


def test_planted_truth_is_found(place: Place, first_night: subprocess.CompletedProcess[str]) -> None:
    """The county that was made to deteriorate is worst, the one made to improve is best, the severe event is flagged."""
    truth = yaml.safe_load((REPOSITORY / "simulator" / "truth.yml").read_text(encoding="utf-8"))
    counties = {county["area_code"]: county for county in place.latest()["counties"]}
    by_change = sorted(counties, key=lambda code: counties[code]["change"])
    trends = {"worse": by_change[0], "better": by_change[-1]}
    planted = {event["factor"] > 1: event["area"] for event in truth["changes"] if event["shape"] == "ramp"}
    assert trends == {"worse": planted[True], "better": planted[False]}
    folder = place.folder / "published" / CITY / "releases" / place.latest()["release_id"]
    flags = (folder / "flags.csv").read_text(encoding="utf-8-sig")
    assert "F4" in flags
    assert truth["severe_incident"]["area"] in flags


def test_same_night_again_says_so_and_changes_nothing(
    place: Place, first_night: subprocess.CompletedProcess[str]
) -> None:
    """At once, from folders and sources alone, and as a whole night that finds its release published."""
    before, landed, spark = place.release_hashes(), place.landed(), place.folder / "state" / "logs" / "spark.log"
    said_by_spark = spark.read_bytes()
    for options, words in ((), "nothing has changed since"), (("--full",), "is already published"):
        again = place.run("--date", FIRST, *options)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "nothing new" in again.stdout and words in again.stdout
        assert place.release_hashes() == before
        assert place.landed() == landed
        assert (spark.read_bytes() == said_by_spark) == (not options)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another account")
def test_another_account_reads_no_file_and_holds_no_lock(
    place: Place, first_night: subprocess.CompletedProcess[str]
) -> None:
    """Landing has persons in clear, and who may read a lock's file may hold it."""
    control = place.folder / "control.txt"
    control.write_text("everybody may read this", encoding="utf-8")
    control.chmod(0o644)
    folders = [str(place.folder / name) for name in ("state", "published", control.name)]
    looked = subprocess.run(
        ["find", *folders, "-type", "f", "-readable"],
        user="nobody", group="nogroup", extra_groups=[], cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert looked.stdout.split() == [str(control)]
    assert sum(len(names) for _, _, names in os.walk(folders[0])) > 100


@pytest.fixture(scope="module")
def served(place: Place, first_night: subprocess.CompletedProcess[str]) -> Iterator[Place]:
    """`make serve` on the same folder: scheduler, Superset, notebooks, landing page."""
    log = (place.folder / "serve.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "stack", "serve", "--city", CITY],
        cwd=REPOSITORY, env=place.environment, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while "open:" not in Path(log.name).read_text():
        assert process.poll() is None and time.monotonic() < deadline, Path(log.name).read_text()
        time.sleep(1)
    yield place
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    log.close()
    for port in range(place.port_base, place.port_base + 7):  # Ctrl-C leaves nothing behind
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection just closed is not a listener
            probe.bind(("127.0.0.1", port))


def airflow_api(place: Place) -> httpx.Client:
    base = f"http://127.0.0.1:{place.port_base + 2}"
    login = {"username": "ops", "password": place.secret("airflow_passwords")["ops"]}
    token = httpx.post(f"{base}/auth/token", json=login, timeout=30).json()["access_token"]
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def complete_releases(place: Place, day: str) -> list[dict[str, Any]]:
    """Releases of that day that lack no feed, the archive of older days included."""
    folders = (place.folder / "published" / CITY / "releases").glob(f"{day.replace('-', '')}-*")
    documents = [json.loads((folder / "release.json").read_text(encoding="utf-8")) for folder in folders]
    return [document for document in documents if not document["missing_feeds"]]


def test_scheduler_publishes_when_the_last_feed_arrives(served: Place) -> None:
    """The next night, triggered through the API: each feed by its DAG, and the publication by the event of the last.

    The scheduler meanwhile fires the night of the present by itself, so the newest release may be a later one.
    """
    with airflow_api(served) as api:
        body = {"logical_date": None, "conf": {"business_date": SECOND}}
        for feed in load_city(CITY).feeds:
            run = api.post(f"/api/v2/dags/feed_{CITY}_{feed.feed_code}/dagRuns", json=body)
            assert run.is_success, run.text
        deadline = time.monotonic() + 1200
        while not complete_releases(served, SECOND):
            assert time.monotonic() < deadline, api.get("/api/v2/dags/~/dagRuns").text
            time.sleep(3)
        runs = api.get(f"/api/v2/dags/publish_{CITY}/dagRuns").json()["dag_runs"]
    (release, *_) = complete_releases(served, SECOND)
    assert all(county["index"] is not None for county in release["counties"])
    assert "asset_triggered" in {run["run_type"] for run in runs}


@pytest.mark.browser
def test_leader_sees_the_release_on_the_dashboard(served: Place, tmp_path: Path) -> None:
    from playwright.sync_api import TimeoutError as PlaywrightTimeout
    from playwright.sync_api import sync_playwright

    address = f"http://127.0.0.1:{served.port_base + 1}"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            str(tmp_path), executable_path="/usr/bin/chromium", headless=True, locale="zh-CN", args=flags,
            viewport={"width": 1600, "height": 2000},
        )  # fmt: skip
        page, hosts = browser.pages[0], set()
        page.on("response", lambda answer: hosts.add(answer.url.split("/")[2]) if "://" in answer.url else None)
        page.goto(f"{address}/login/")
        page.fill("[data-test=username-input]", "leader")
        page.fill("[data-test=password-input]", served.secret("superset")["leader"])
        page.click("[data-test=login-button]")
        page.wait_for_url(f"**/peace-index-{CITY}/**", wait_until="commit", timeout=240_000)
        regions = page.locator(".superset-legacy-chart-country-map path.region")
        try:
            regions.nth(COUNTIES - 1).wait_for(timeout=240_000)  # beside the Spark tests, twenty charts take their time
        except PlaywrightTimeout:
            pytest.fail(f"no map; the page says: {page.locator('body').inner_text()[:3000]}")
        page.get_by_text(re.compile(r"^2026\d{4}-[0-9a-f]{10}$")).first.wait_for(timeout=60_000)
        page.wait_for_timeout(5_000)
        picture = os.environ.get("PICTURES")
        page.screenshot(
            path=str(Path(picture) / "dashboard.png") if picture else str(tmp_path / "x.png"), full_page=True
        )
        assert regions.count() == COUNTIES
        assert page.locator(".ant-alert-error, .error-boundary").count() == 0
        assert hosts <= {address.removeprefix("http://"), ""}
        browser.close()


def test_nothing_opens_without_a_login(served: Place) -> None:
    base = served.port_base
    assert httpx.get(f"http://127.0.0.1:{base}/").status_code == 403
    assert (
        "/login" in httpx.get(f"http://127.0.0.1:{base + 1}/superset/dashboard/peace-index-{CITY}/").headers["location"]
    )
    assert httpx.get(f"http://127.0.0.1:{base + 2}/api/v2/dags").status_code == 401
    assert httpx.get(f"http://127.0.0.1:{base + 3}/api/contents").status_code == 403
    page = httpx.get(f"http://127.0.0.1:{base}/", params={"token": served.secret("portal")["admin"]})
    assert f"/published/{CITY}/releases/" in page.text


def test_only_loopback_listens_and_secrets_are_private(served: Place) -> None:
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [
        line.split()[3]
        for line in listening
        if served.port_base <= int(line.split()[3].rsplit(":", 1)[1]) < served.port_base + 7
    ]
    assert len(ours) >= 6
    assert all("127.0.0.1" in address for address in ours), ours
    for path in (served.folder / "state" / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


# how the simulated world writes telephones and identity numbers, see simulator/people.py
PERSON = re.compile(rb"(?<![\w.])(154\d{8}|999999\d{11}[\dX])(?![\w.])")
ALLOWED = {"landing", "simulator", "postgres", "secrets"}  # raw bytes, the sources themselves, databases (asked below)


@pytest.mark.canary
def test_people_are_found_in_landing_only(served: Place) -> None:
    """Nobody's telephone, identity number or name in lake, logs, staging, GX, dbt, documents, releases, or databases."""
    state = served.folder / "state"
    pages = b"".join(content for _, content in parts([state / "landing" / CITY / "disputes"]))
    assert PERSON.search(pages)
    names = {name.decode() for name in re.findall(rb'"partyName":\s*"([^"]+)"', pages)}
    assert len(names) > 100
    some = sorted(names)[::10][:20]
    elsewhere = [path for path in state.iterdir() if path.name not in ALLOWED]
    assert {"lake", "logs", "gx", "dbt", "airflow", "spark"} <= {path.name for path in elsewhere}
    elsewhere.append(served.folder / "published")
    assert matches(elsewhere, PERSON) == {}
    assert {name: files for name, files in traces(elsewhere, some).items() if files} == {}
    for table, rows in served.tables():
        assert PERSON.findall(rows) + [name for name in some if name.encode() in rows] == [], table


@pytest.mark.parametrize("name", sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb")))
def test_notebook_runs(served: Place, name: str) -> None:
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    notebook = nbformat.read(REPOSITORY / "notebooks" / name, as_version=4)
    token = served.secret("spark")["connect"]
    environment = {
        **served.environment,
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'notebooks'}",
        "SPARK_REMOTE": f"sc://localhost:{served.port_base + 5}",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
    }
    client = NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(REPOSITORY / "notebooks")}})
    client.execute(env=environment)
    shown = json.dumps([cell.get("outputs") for cell in notebook.cells], ensure_ascii=False)
    assert "Lindian" in shown
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "Lindian" in page
