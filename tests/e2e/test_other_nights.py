"""Nights that go wrong, on a machine of their own: killed again and again, without a feed, with a broken delivery.

Some fifteen minutes, so they run where they are asked for: SEVERAL_NIGHTS=1 make test ARGS=tests/e2e
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.e2e.place import CITY, FIRST, REPOSITORY, SECOND, THIRD, Place, new_place

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("SEVERAL_NIGHTS" not in os.environ, reason="fifteen more minutes: SEVERAL_NIGHTS=1 make test"),
]
KILLED_AT = (
    "cases land", "cases refine", "disputes land", "hotline refine",
    "publication conform", "publication index", "publication flags", "publication release",
)  # fmt: skip


@pytest.fixture(scope="module")
def other(free_ports: int) -> Iterator[Place]:
    with new_place(free_ports + 20) as place:
        yield place


def killed_at(place: Place, step: str, day: str) -> None:
    """Begin a night and end it outright, without a chance to tidy up, soon after `step` has begun."""
    output = place.folder / "killed.log"
    with output.open("w") as out:
        night = subprocess.Popen(
            place.command("--date", day), cwd=REPOSITORY, env=place.environment, stdout=out, stderr=subprocess.STDOUT
        )
    while f"… {step}" not in output.read_text():
        assert night.poll() is None, f"the night ended before {step}:\n{output.read_text()}"
        time.sleep(0.1)
    time.sleep(3)
    night.send_signal(signal.SIGKILL)
    night.wait()
    deadline = time.monotonic() + 30
    while (left := left_running(place)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not left, f"killed in {step}: something runs on"


def left_running(place: Place) -> list[str]:
    """Command lines of the processes that work on this place."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # one that has just ended
            if process.environ().get("PINGAN_STATE") == place.environment["PINGAN_STATE"]:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.kill
def test_killed_at_every_step_and_run_again_gives_the_same_release(
    place: Place, first_night: subprocess.CompletedProcess[str], other: Place
) -> None:
    assert first_night.returncode == 0
    for step in KILLED_AT:
        killed_at(other, step, FIRST)
    night = other.run("--date", FIRST)
    assert night.returncode == 0, night.stdout + night.stderr
    undisturbed = place.folder / "published" / CITY / "releases" / other.latest()["release_id"]
    assert undisturbed.is_dir(), "another release than the night that nobody disturbed"
    assert other.release_hashes() == place.hashes(undisturbed)


def connections(place: Place, **changed: dict[str, object]) -> dict[str, str]:
    """Environment of a night in which some sources are elsewhere."""
    path = place.folder / "connections.json"
    path.write_text(json.dumps(changed))
    return {"PINGAN_CONNECTIONS": str(path)}


def test_a_feed_that_is_down_is_grey_and_told(other: Place) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
    address = {
        "host": "127.0.0.1",
        "port": closed,
        "schema": "x",
        "login": "x",
        "password": "x",
        "extra": {"transport": "plain"},
    }
    night = other.run("--date", SECOND, **connections(other, daqing_hotline={"conn_type": "postgres", **address}))
    assert night.returncode == 3, night.stdout + night.stderr
    latest = other.latest()
    assert latest["period"] == SECOND
    assert [(feed["feed"], feed["since"]) for feed in latest["missing_feeds"]] == [("hotline", SECOND)]
    assert all(county["index"] is None for county in latest["counties"])
    assert "hotline" in night.stdout + night.stderr


@pytest.mark.bad_input
def test_a_broken_delivery_keeps_yesterdays_release_until_it_comes_again(other: Place) -> None:
    before, hashes = other.latest(), other.release_hashes()
    drops = other.folder / "drops"
    drops.mkdir()
    name = f"cases_{THIRD.replace('-', '')}.csv"
    good = (other.folder / "state" / "simulator" / "drops" / "cases" / "cases_20261120.csv").read_text("gb18030")
    header, *rows = good.splitlines()
    (drops / name).write_text("\n".join([header, *(row.replace("刑事", "？？") for row in rows)]), "gb18030")
    broken = {"conn_type": "fs", "extra": {"path": str(drops)}}
    night = other.run("--date", THIRD, **connections(other, daqing_cases=broken))
    assert night.returncode == 5, night.stdout + night.stderr
    assert "nature_code" in night.stderr
    assert "stale" in night.stdout
    latest = other.latest()
    assert latest["release_id"] == before["release_id"]
    assert latest["stale"]["since"] == THIRD
    assert other.release_hashes() == hashes

    again = other.run("--date", THIRD)  # the source has put things right: the same name, another content
    assert again.returncode == 0, again.stdout + again.stderr
    assert other.latest()["period"] == THIRD
    assert other.latest()["stale"] is None
