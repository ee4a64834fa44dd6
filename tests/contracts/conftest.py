"""A folder of contracts of the test's own: the real kinds and holidays, and cities that a test copies or makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations import contract
from expectations.contract import load_city


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An `expectations` folder with the real kinds and holidays and no city, in place of the real one while the test runs."""
    folder = tmp_path / "expectations"
    (folder / "cities").mkdir(parents=True)
    for shared in ("kinds", "holidays", "day_types"):
        (folder / shared).symlink_to(contract.ROOT / shared)
    monkeypatch.setattr(contract, "ROOT", folder)
    load_city.cache_clear()
    yield folder
    load_city.cache_clear()


@pytest.fixture
def copied_city(root: Path) -> Path:
    """The folder of a copy of the first city, for the test to break."""
    real = Path(contract.__file__).parent / "cities" / "daqing"
    return shutil.copytree(real, root / "cities" / "daqing")
