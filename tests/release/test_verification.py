"""A stranger computes a release again from its folder alone, and finds every figure that does not follow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spark_jobs.errors import UsageError
from spark_jobs.release import files
from spark_jobs.release.canonical import sha256
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.render import render
from spark_jobs.release.reproduce import reproduced
from spark_jobs.release.verification import verification
from spark_jobs.released.columns import TABLES
from spark_jobs.settings import REPOSITORY
from tests.release import computed, made_up
from tests.release.test_files import forge

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
FOLLOW = ("county_index", "domain_index", "indicator_value", "trend", "year_change")
# What a stranger has not: the command refuses to need it.
WITHOUT = ("pyspark", "delta", "great_expectations", "dbt", "typer", "psycopg", "statsmodels", "airflow")


@pytest.fixture(scope="module")
def given() -> ReleaseInput:
    return computed.release_input(silent=("a3_telecom_fraud",))


@pytest.fixture(scope="module")
def whole(given: ReleaseInput, make_release: Make) -> Release:
    return make_release(given)


@pytest.fixture(scope="module")
def folder(whole: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.write_release(tmp_path_factory.mktemp("city"), whole.release_id, render(whole))


def test_every_figure_follows_from_the_inputs(whole: Release, folder: Path) -> None:
    found = list(verification(folder))
    assert [words for is_right, words in found if not is_right] == []
    for table in FOLLOW:
        assert any(words.startswith(f"{TABLES[table].file}: ") for _, words in found), table
    assert whole.tables["county_index"]["index"].notna().all()  # or nothing would be compared
    assert "live" in set(whole.tables["indicator_value"]["state_code"]) != {"live"}


CHANGED = {
    "input": ("count", lambda rows: rows["window"] == "headline"),
    "scale": ("low", lambda rows: rows["low"].notna()),
    "county_index": ("rank_high", lambda rows: rows["rank_high"].notna()),
    "domain_index": ("lower", lambda rows: rows["lower"].notna()),
    "indicator_value": ("rate_upper", lambda rows: rows["rate_upper"].notna()),
    "trend": ("upper", lambda rows: rows["day"] == made_up.DAY),
    "year_change": ("lower", lambda rows: rows["lower"].notna()),
}


@pytest.mark.parametrize("table", CHANGED)
def test_a_figure_that_does_not_follow_is_found_though_all_hashes_were_made_anew(
    table: str, given: ReleaseInput, make_release: Make
) -> None:
    """A release that was made with another figure is whole in itself."""
    frame, (column, which) = given.frames[table].copy(), CHANGED[table]
    row = frame.index[which(frame)][0]
    frame.loc[row, column] = float(frame.loc[row, column]) * (1.0 + 1e-6) + 1e-6
    forged = make_release(replace(given, frames={**given.frames, table: frame}))
    assert forged.release_id != make_release(given).release_id
    found = reproduced(forged.tables, forged.methodology, made_up.CITY_AREA, made_up.DAY.isoformat())
    wrong = {each.table for each in found if each.unlike}
    assert wrong == ({table} if table in FOLLOW else wrong) and wrong


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_changed_value_of_any_file_is_found(table: str, folder: Path, tmp_path: Path) -> None:
    altered = tmp_path / folder.name
    shutil.copytree(folder, altered)
    path = altered / TABLES[table].file
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))
    assert any(not is_right and path.name in words for is_right, words in verification(altered))


def test_another_method_beside_the_figures_is_found(folder: Path, tmp_path: Path) -> None:
    """The method's file and its hash in release.json altered together: the figures do not follow from it."""
    altered = tmp_path / folder.name
    shutil.copytree(folder, altered)
    method = json.loads((altered / "methodology.json").read_text(encoding="utf-8"))
    method["posterior"]["seed"] += 1
    content = json.dumps(method).encode()
    (altered / "methodology.json").write_bytes(content)
    document = json.loads((altered / "release.json").read_text(encoding="utf-8"))
    document["files"]["methodology.json"]["sha256"] = sha256(content)
    forge(altered, document)
    wrong = [words for is_right, words in verification(altered) if not is_right]
    assert wrong and all("NOT REPRODUCED" in words for words in wrong)


def test_a_release_older_than_its_scale_is_led_by_its_base_years(whole: Release) -> None:
    tables = {name: frame for name, frame in whole.tables.items() if name != "scale"}
    found = reproduced(tables, whole.methodology, made_up.CITY_AREA, made_up.DAY.isoformat())
    assert all(not each.unlike and np.isfinite(each.largest) for each in found)
    assert {each.table for each in found} == set(FOLLOW)


def test_a_folder_without_a_release_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"release\.json"):
        list(verification(tmp_path))


def test_the_command_needs_nothing_but_its_dependencies(folder: Path) -> None:
    """In a process of its own, in which everything that the project does not declare cannot be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({WITHOUT!r})); sys.argv[1:] = [{str(folder)!r}]; "
    program = blocked + "from spark_jobs.release.verification import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for table in FOLLOW:
        assert f"{TABLES[table].file}: " in done.stdout
