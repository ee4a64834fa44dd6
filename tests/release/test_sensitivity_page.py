"""The sensitivity pages of a release: whole in both languages, from the files of the release alone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.release.pages.sensitivity_page import FILES, write_pages
from tests.release.made_up import COUNTIES, METHODOLOGY, city

pytestmark = pytest.mark.unit

RELEASE = "20261122-0123456789"
WINDOWS = ("headline", "base_1", "base_2", "base_3")


def published(folder: Path, version: str = METHODOLOGY.version, absent: str = "nothing") -> Path:
    """A published folder with one release of the made-up city, as far as the study reads it."""
    release = folder / city().city_code / "releases" / RELEASE
    release.mkdir(parents=True)
    counties = [{"area_code": code, "name_zh": zh, "name_en": en} for code, zh, en in COUNTIES]
    document = {"method_version": version, "period": "2026-11-22", "counties": counties}
    (release / "release.json").write_text(json.dumps(document), encoding="utf-8")
    rng = np.random.default_rng(5)
    with (release / "inputs.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["indicator_id", "area_code", "window", "stratum", "count", "denominator"])
        for indicator in METHODOLOGY.indicators:
            for window in WINDOWS if not indicator.id.startswith(absent) else ():
                for n, (code, _, _) in enumerate(COUNTIES):
                    counts = rng.poisson(80.0 + 20.0 * n, len(indicator.strata))
                    for stratum, count in zip(indicator.strata, counts, strict=True):
                        writer.writerow([indicator.id, code, window, stratum, float(count), 5000.0])
    return folder


def test_both_pages_are_whole(tmp_path: Path) -> None:
    pages = write_pages(published(tmp_path, absent="b2"), city(), RELEASE, tmp_path, n_base=4)
    assert [page.name for page in pages] == list(FILES.values())
    for page, names, left_out in zip(pages, (1, 2), ("伤人交通事故", "Injury crashes"), strict=True):
        text = page.read_text(encoding="utf-8")
        assert text.startswith("# ") and RELEASE in text and left_out in text
        assert "nan" not in text and "{" not in text
        for county in COUNTIES:
            assert f"\n| {county[names]} |" in text
        tables = [line for line in text.splitlines() if line.startswith("|")]
        assert sum("%" in line for line in tables) >= len(METHODOLOGY.indicators)


@pytest.mark.bad_input
def test_what_cannot_be_studied_is_said_in_one_report(tmp_path: Path) -> None:
    folder = published(tmp_path / "without", absent="c")
    with pytest.raises(UsageError, match="disputes"):
        write_pages(folder, city(), RELEASE, tmp_path)
    with pytest.raises(UsageError, match="there is no release 20261122-abc"):
        write_pages(folder, city(), "20261122-abc", tmp_path)
    with pytest.raises(UsageError, match="there is no release none"):
        write_pages(folder, city(), None, tmp_path)
    with pytest.raises(UsageError, match=r"method 2020\.1"):
        write_pages(published(tmp_path / "old", version="2020.1"), city(), RELEASE, tmp_path)
    assert not list(tmp_path.glob("*.md"))
