"""The door to the flags' desk: the portal's own command, run in the portal's environment (portal/, which we never import)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from expectations.models import City
from spark_jobs.errors import EnvironmentFault
from spark_jobs.settings import REPOSITORY


def city_environment(city: City) -> dict[str, str]:
    """What the portal must be told of a city; it reads no contract."""
    return {
        "PORTAL_CITY": city.city_code,
        "PORTAL_CITY_AREA": city.area_code,
        "PORTAL_CITY_NAME_ZH": city.name.zh,
        "PORTAL_CITY_NAME_EN": city.name.en,
        "PORTAL_TIME_ZONE": city.time_zone,
    }


def run_portal(city: City, command: str, arguments: Sequence[str]) -> int:
    """One of the portal's own commands (flag, digest); returns its exit code. Raises EnvironmentFault if it is not there."""
    python = Path(os.environ.get("PINGAN_PORTAL_PYTHON", REPOSITORY / ".venv" / "portal" / "bin" / "python"))
    if not os.environ.get("PORTAL_URL") or not python.exists():
        raise EnvironmentFault(
            f"{command}: expected PORTAL_URL and the portal's environment; while make serve is up, call: "
            f".venv/pipeline/bin/python -m stack step {command} --city CODE …"
        )
    called = [str(python), "-m", "portal", command, *arguments]
    environment = {**os.environ, **city_environment(city)}
    return subprocess.run(called, cwd=REPOSITORY, env=environment, check=False).returncode
