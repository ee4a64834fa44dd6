"""What passed as text must not run as a formula on the desk of whoever opens a published file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest

from expectations.models import Text
from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.render import render
from tests.release import made_up

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
FORMULAS = ("=HYPERLINK(0)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠A1")


def test_no_text_runs_as_a_formula() -> None:
    given = made_up.release_input()
    one = given.frames["flag"].iloc[[0]]
    flags = pd.concat([one.assign(flag_id=f"f{number}", detail_zh=text) for number, text in enumerate(FORMULAS)])
    first = given.areas[0]
    areas = (replace(first, name=Text("=1", first.name.en)), *given.areas[1:])
    given = replace(given, areas=areas, frames={**given.frames, "flag": flags})
    files = render(build(given, canonical_tables(given), ()))

    def column(file: str, name: str) -> list[str]:
        rows = csv.DictReader(io.StringIO(files[file].decode("utf-8-sig"), newline=""))
        return [row[name] for row in rows]

    assert column("flags.csv", "detail_zh") == [f"'{text}" for text in FORMULAS]
    assert "'=1" in column("index.csv", "area_name_zh")
    assert "=1" not in column("index.csv", "area_name_zh")
