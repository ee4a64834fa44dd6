"""A small world: the planted truth, but with a history that begins in summer 2026."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import ModuleType

import pytest

from simulator import cases, disputes, grid_events, hotline, incidents, truth
from simulator.world import World

SOURCES = {module.KIND.name: module for module in (hotline, disputes, cases, incidents, grid_events)}


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> ModuleType:
    """Each kind's module in turn."""
    return SOURCES[request.param]


@pytest.fixture(scope="session")
def city() -> World:
    """The whole city as shipped."""
    return World(truth.load())


@pytest.fixture(scope="session")
def young_city() -> World:
    """History from 2026-08-01, single-day files from 2026-09-01."""
    return World(replace(truth.load(), start=truth.day_number(date(2026, 8, 1))))
