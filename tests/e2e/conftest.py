"""One first night, shared by all end-to-end tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.place import FIRST, Place, new_place


@pytest.fixture(scope="session")
def place(free_ports: int) -> Iterator[Place]:
    with new_place(free_ports + 10) as place:
        yield place


@pytest.fixture(scope="session")
def first_night(place: Place) -> subprocess.CompletedProcess[str]:
    return place.run("--date", FIRST)
