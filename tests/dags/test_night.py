"""The embedded night, as a process, against the stand-in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from expectations.models import City
from stack.airflow_home import AirflowHome
from tests.dags.surroundings import PASSWORD, Stub

pytestmark = pytest.mark.dags
DAY = "2026-01-15"


def start(
    home: AirflowHome, city_code: str, only: str | None = None, since: str | None = None, *options: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*home.night_command(city_code, DAY, only, since), *options],
        cwd=home.layout.repository,
        env={**os.environ, **home.environment(), "PINGAN_STATE": str(home.layout.state)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_failed_feed_does_not_stop_the_night(fresh_home: AirflowHome, city: City, stub: Stub) -> None:
    down, breached = city.feeds[0].feed_code, city.feeds[1].feed_code
    stub.plan({f"land:{down}": 4, f"refine:{breached}": 5, "release": 3})
    night = start(fresh_home, city.city_code)
    out, err = night.communicate(timeout=90)
    assert night.returncode == 3, err
    landed = [call["feed"] for call in stub.calls() if call["step"] == "land"]
    assert sorted(landed) == sorted(feed.feed_code for feed in city.feeds)  # each once: a person waits, no retries
    assert stub.steps()[-4:] == ["conform", "index", "flags", "release"]
    assert f"step land of {city.city_code}.{down}: source unavailable (exit 4)" in err
    assert f"step refine of {city.city_code}.{breached}: contract breach (exit 5)" in err
    assert "published, but a feed is missing: release said 3" in err
    call_nothing = len(["gate", "other_days", "complete"])
    assert out.count("…") == out.count("✓") + out.count("✗") == len(stub.calls()) + call_nothing
    assert "Traceback" not in out + err


def test_a_range_is_pulled_once_and_each_of_its_days_is_published(
    fresh_home: AirflowHome, city: City, stub: Stub
) -> None:
    only, first = city.feeds[0].feed_code, "2026-01-14"
    stub.plan({"flags": 0})
    backfill = start(fresh_home, city.city_code, only, first)
    _, err = backfill.communicate(timeout=300)
    assert backfill.returncode == 0, err
    calls = [(call["step"], call["date"], call["since"]) for call in stub.calls()]
    line = ("conform", "index", "flags", "release")
    days = (first, DAY)
    assert calls[:2] == [("land", DAY, first), ("refine", DAY, None)]
    assert calls[2:] == [(step, day, None) for day in days for step in line]


def test_every_step_tells_what_it_read_and_wrote(fresh_home: AirflowHome, city: City, stub: Stub) -> None:
    pytest.importorskip("airflow.providers.openlineage")
    night = start(fresh_home, city.city_code, city.feeds[0].feed_code)
    _, err = night.communicate(timeout=300)
    assert night.returncode == 0, err
    lines = (fresh_home.layout.state / "lineage" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    done = {event["job"]["name"].split(".")[-1]: event for event in events if event["eventType"] == "COMPLETE"}
    for step in stub.steps():
        assert [put["name"] for put in done[step]["inputs"]] == ["bronze.some"]
        assert f"silver.{step}" in [put["name"] for put in done[step]["outputs"]]
    assert PASSWORD not in "".join(lines)


@pytest.mark.parametrize(("plan", "code"), [({}, 0), ({"release": 6}, 6), ({"index": 70}, 70)])
def test_the_night_ends_with_the_code_of_its_release(
    fresh_home: AirflowHome, city: City, stub: Stub, plan: dict[str, int | str], code: int
) -> None:
    only = city.feeds[0].feed_code
    stub.plan(plan)
    night = start(fresh_home, city.city_code, only)
    out, err = night.communicate(timeout=90)
    assert night.returncode == code, err
    assert [call["feed"] for call in stub.calls() if call["feed"]] == [only, only]
    assert no_secret_is_left(fresh_home, out + err)


@pytest.mark.parametrize(("told", "code", "n_steps"), [("begin\n", 0, 6), ("", 7, 0)])
def test_a_night_that_waits_begins_when_it_is_told(
    fresh_home: AirflowHome, city: City, stub: Stub, told: str, code: int, n_steps: int
) -> None:
    night = start(fresh_home, city.city_code, city.feeds[0].feed_code, None, "--when-told")
    log = fresh_home.layout.logs / "airflow-night.log"
    wait_until(lambda: log.exists(), night)
    assert night.poll() is None
    assert stub.steps() == []
    _, err = night.communicate(told, timeout=90)
    assert night.returncode == code, err
    assert len(stub.steps()) == n_steps


def no_secret_is_left(home: AirflowHome, shown: str) -> bool:
    """The stand-in prints its connection: neither the log nor the database of Airflow may show its password."""
    log = (home.layout.logs / "airflow-night.log").read_bytes()
    assert b"a careless step prints" in log
    return PASSWORD.encode() not in log + (home.layout.state / "airflow.db").read_bytes() + shown.encode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_running(
    fresh_home: AirflowHome, city: City, stub: Stub, number: signal.Signals
) -> None:
    stub.plan({f"refine:{feed.feed_code}": "hang" for feed in city.feeds})
    night = start(fresh_home, city.city_code)
    wait_until(lambda: stub.steps().count("refine") == 2, night)  # two feeds at a time
    night.send_signal(number)
    _, err = night.communicate(timeout=20)
    assert night.returncode == 128 + number, err
    assert sorted(stub.steps()) == ["land", "land", "refine", "refine"]  # no other feed, no publication
    assert not any(is_running(pid) for call in stub.calls() for pid in call["pids"] if pid)


def test_a_feed_that_takes_long_holds_up_no_other(fresh_home: AirflowHome, city: City, stub: Stub) -> None:
    first, *others = [feed.feed_code for feed in city.feeds]
    stub.plan({f"refine:{first}": "hang"})
    night = start(fresh_home, city.city_code)
    wait_until(lambda: set(others) <= {call["feed"] for call in stub.calls() if call["step"] == "refine"}, night)
    night.send_signal(signal.SIGTERM)
    night.communicate(timeout=20)
    assert {"conform", "release"}.isdisjoint(stub.steps())  # the publication waits for all that are on their way


def test_a_night_killed_outright_leaves_nothing_running(fresh_home: AirflowHome, city: City, stub: Stub) -> None:
    stub.plan({f"refine:{feed.feed_code}": "hang" for feed in city.feeds})
    night = start(fresh_home, city.city_code)
    wait_until(lambda: stub.steps().count("refine") == 2, night)
    steps = [call["pids"][0] for call in stub.calls()]
    forks = [fork.pid for fork in psutil.Process(night.pid).children()]
    night.kill()
    night.communicate(timeout=20)
    give_up = time.monotonic() + 5  # each ends when it has seen its parent end
    while (left := [pid for pid in [*forks, *steps] if is_running(pid)]) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert left == []


def is_running(pid: int) -> bool:
    """A process that has ended and waits for init to take notice runs no more."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(is_true: object, night: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + 60
    while not is_true():  # type: ignore[operator]
        assert night.poll() is None, night.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.1)


def test_unknown_names_are_told_in_a_line(fresh_home: AirflowHome, city: City, stub: Stub) -> None:
    for arguments in [("nowhere",), (city.city_code, "no_such_feed")]:
        night = start(fresh_home, *arguments)
        _, err = night.communicate(timeout=60)
        assert night.returncode == 2
        assert len(err.splitlines()) == 1
        assert arguments[-1] in err
    assert stub.calls() == []
