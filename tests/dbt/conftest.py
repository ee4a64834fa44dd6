"""Three made-up cities in the lake of the test's Spark server, and what dbt makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_jobs.conform import conform
from tests.dbt.lake import CITIES, Lake

BUSINESS_DATE = date(2026, 3, 10)
THAT_NIGHT = datetime(2026, 3, 10, 17, 30, tzinfo=UTC)
TEN_DAYS_LATER = datetime(2026, 3, 20, 17, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of our own, so that dbt's artefacts of a real run stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("PINGAN_STATE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def lake(spark: SparkSession, state: Path) -> Iterator[Lake]:
    """Silver and reference rows of the made-up cities; removed afterwards."""
    lake = Lake(spark)
    lake.remove(CITIES)
    lake.fill()
    yield lake
    lake.remove(CITIES)


@pytest.fixture(scope="session")
def nights(lake: Lake) -> dict[str, list[str]]:
    """Rows of indicators.daily as text, by what was run: the same day seen that night and ten days later."""
    seen = {}
    for city_code, time_zone, name, as_of in (
        ("northtown", "Asia/Shanghai", "north that night", THAT_NIGHT),
        ("southtown", "America/New_York", "south that night", THAT_NIGHT),
        ("northtown", "Asia/Shanghai", "north that night again", THAT_NIGHT),
        ("northtown", "Asia/Shanghai", "north ten days later", TEN_DAYS_LATER),
    ):
        conform(city_code, time_zone, BUSINESS_DATE, as_of)
        seen[name] = lake.daily(city_code)
    seen["south afterwards"] = lake.daily("southtown")
    return seen
