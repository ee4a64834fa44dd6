"""Same data -> same id and same bytes, whatever the order of rows, the clock, the machine or the commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from spark_jobs.release.canonical import table_hash
from spark_jobs.release.files import parse_csv
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.render import render
from spark_jobs.released.columns import TABLES, TableFault, canonical_frame
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]


def _with_frames(given: ReleaseInput, change: Callable[[str, pd.DataFrame], pd.DataFrame]) -> ReleaseInput:
    return replace(given, frames={name: change(name, frame) for name, frame in given.frames.items()})


def _with_cell(given: ReleaseInput, table: str, column: str, value: object) -> ReleaseInput:
    frame = given.frames[table].copy()
    frame[column] = frame[column].astype(object)
    frame.loc[frame.index[0], column] = value
    return replace(given, frames={**given.frames, table: frame})


def test_id_says_the_business_date_and_ten_hex_digits(release: Release) -> None:
    day, content = release.release_id.split("-")
    assert day == "20261122"
    assert len(content) == 10
    assert int(content, 16) >= 0


def test_shuffled_rows_and_columns_give_the_same_bytes(make_release: Make) -> None:
    given = made_up.release_input()
    shuffled = _with_frames(
        replace(given, batches=given.batches.sample(frac=1, random_state=3)),
        lambda _name, frame: frame.sample(frac=1, random_state=5)[list(reversed(frame.columns))],
    )
    assert render(make_release(shuffled)) == render(make_release(given))


def test_null_has_one_spelling(make_release: Make) -> None:
    """None, NaN, NaT and pandas' NA come from different readers and mean the same."""
    given = made_up.release_input(grey_domain="disputes")
    nans = _with_frames(given, lambda _name, frame: frame.where(frame.notna(), np.nan))
    assert render(make_release(nans)) == render(make_release(given))


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("county_index", "index", 101.30000000000001),
        ("domain_index", "lower", 12.5),
        ("indicator_value", "n_events", 41.5),
        ("trend", "upper", 140.25),
        ("flag", "detail_zh", "另一句话"),
        ("input", "count", 999.0),
        ("feed_status", "reason", "x"),
    ],
)
def test_any_changed_cell_changes_the_id(make_release: Make, table: str, column: str, value: object) -> None:
    given = made_up.release_input()
    assert make_release(_with_cell(given, table, column, value)).release_id != make_release(given).release_id


def test_other_bytes_read_change_the_data_version_and_the_id(make_release: Make) -> None:
    given = made_up.release_input()
    batches = given.batches.assign(sha256="ff")
    before, after = make_release(given), make_release(replace(given, batches=batches))
    assert before.document["data_version"] != after.document["data_version"]
    assert before.release_id != after.release_id


def test_when_a_batch_was_fetched_does_not_matter(make_release: Make) -> None:
    given = made_up.release_input()
    later = replace(given, batches=given.batches.assign(fetched_at=pd.Timestamp("2030-01-01"), batch_id="other"))
    assert render(make_release(later)) == render(make_release(given))


def test_delta_versions_never_reach_the_files(make_release: Make) -> None:
    """A run that was killed and repeated has other versions of the same rows."""
    given = made_up.release_input()
    assert render(make_release(replace(given, delta_versions={"index.trend": 99}))) == render(make_release(given))


def test_another_commit_does_not_change_the_id(make_release: Make) -> None:
    given = made_up.release_input()
    assert make_release(replace(given, code_commit="beef")).release_id == make_release(given).release_id


def test_csv_files_hold_the_tables_to_the_last_bit(release: Release) -> None:
    files = render(release)
    for name, table in TABLES.items():
        again = canonical_frame(name, parse_csv(name, files[table.file]))
        assert table_hash(name, again) == release.document["tables"][name]["sha256"], name


def test_parquet_holds_the_same_figures_as_the_csv(release: Release) -> None:
    import io

    parquet = pd.read_parquet(io.BytesIO(render(release)["index.parquet"]))
    csv = pd.read_csv(io.BytesIO(render(release)["index.csv"]), dtype={"area_code": str}, float_precision="round_trip")
    assert list(parquet.columns) == list(csv.columns)
    assert parquet["index"].tolist() == csv["index"].tolist()
    assert parquet["area_code"].tolist() == [area.area_code for area in made_up.areas()]


@settings(max_examples=60, deadline=None)
@examples(number=st.floats(allow_nan=False, allow_infinity=False), text=st.text(min_size=1))
def test_any_cell_survives_the_csv(number: float, text: str) -> None:
    frame = made_up.flags(made_up.areas()).assign(observed=number, detail_zh=text)
    text_row = canonical_frame("flag", frame)
    import spark_jobs.release.files as files

    cells = {name: files.csv_cell(text_row[name][0]) for name in ("observed", "detail_zh")}
    assert files._parse_cell("number", cells["observed"]) == number
    assert files._parse_cell("text", cells["detail_zh"]) == text


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("index", "high", "expected a number"), ("index", float("inf"), "expected a number")],
)
def test_impossible_cells_are_named(column: str, value: object, said: str) -> None:
    frame = made_up.release_input().frames["county_index"].astype({column: object})
    frame.loc[0, column] = value
    with pytest.raises(TableFault, match=f"county_index, column {column}: {said}"):
        canonical_frame("county_index", frame)


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_column_is_named(table: str) -> None:
    key = TABLES[table].key[0]
    with pytest.raises(TableFault, match=key):
        canonical_frame(table, made_up.release_input().frames[table].drop(columns=key))
