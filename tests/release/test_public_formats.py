"""The public files for programs: the same figures in every format, described by standards, under addresses that stay."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from spark_jobs.private_files import ONLY_OWNER
from spark_jobs.release import files, public_files
from spark_jobs.release.disclosure.published import public_files as files_of
from spark_jobs.release.disclosure.published import unknown
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.monthly_files import publish_month
from spark_jobs.release.public_catalogue import catalogue, openapi
from spark_jobs.release.public_tables import json_file
from spark_jobs.release.record import keeping
from spark_jobs.release.render import render
from spark_jobs.released.columns import PUBLIC, TableFault
from spark_jobs.released.file_columns import file_columns
from tests.disclosure.test_months import OCTOBER, given
from tests.release import made_up
from tests.release.record_world import night
from tests.release.test_data_package import STANDARDS, faults

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]


def publish(release: Release, folder: Path) -> None:
    """As the job does, without lake and database."""
    with files.only_publisher(folder):
        document = json.loads(render(release)["release.json"])
        files.write_release(folder, release.release_id, render(release))
        public_files.write_public(release, public_files.public_folder(folder))
        files.write_latest(folder, files.latest(release, (), document))
        keeping.record(release.city, release.methodology, folder, document, night(release.business_date))


@pytest.fixture(scope="module")
def folder(make_release: Make, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """published/demo with a revised night and its month, written by a process that is private by default."""
    before = os.umask(ONLY_OWNER)
    try:
        root = tmp_path_factory.mktemp("formats") / "published"
        publish(make_release(given()), root / "demo")
        publish_month(root, made_up.city(), OCTOBER, made_up.METHODOLOGY, print)
    finally:
        os.umask(before)
    yield root / "demo"


@pytest.fixture
def public(folder: Path) -> Path:
    return public_files.public_folder(folder)


def latest_of(public: Path, name: str) -> Path:
    return public / ("latest" if PUBLIC[name].tier == "public_nightly" else "monthly/latest")


@pytest.mark.parametrize("name", PUBLIC)
def test_every_format_says_the_same(public: Path, name: str) -> None:
    table, place = PUBLIC[name], latest_of(public, name)
    said = list(csv.DictReader(io.StringIO((place / table.file).read_text(encoding="utf-8-sig"), newline="")))
    assert said
    assert list(said[0]) == list(file_columns(table))
    document = json.loads((place / json_file(table)).read_text(encoding="utf-8"))
    of = {column: document[column] for column in document if column not in ("tier", "rows")}
    assert [spelt({**of, **row}) for row in document["rows"]] == said
    typed = pq.read_table(place / table.parquet).to_pylist()
    assert [spelt(row) for row in typed] == said
    by_area: list[dict[str, str]] = []
    for path in place.glob("area-*.json"):
        area = json.loads(path.read_text(encoding="utf-8"))
        about = {column: text for column, text in area.items() if isinstance(text, str) and column != "tier"}
        by_area += [spelt({**about, **row}) for row in area[table.file.removesuffix(".csv")]]
    columns = list(said[0])
    assert sorted([row[c] for c in columns] for row in by_area) == sorted([row[c] for c in columns] for row in said)


def spelt(row: dict[str, Any]) -> dict[str, str]:
    """As the CSV file writes it."""
    return {
        name: files.csv_cell(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
        for name, cell in row.items()
    }


def test_a_row_that_lacks_a_column_is_refused() -> None:
    from spark_jobs.release.public_tables import complete

    with pytest.raises(TableFault, match="public table nightly_trend: expected the columns"):
        complete("nightly_trend", {"release_id": "x"}, made_up.areas(), [{"area_code": made_up.CITY_AREA}])


def test_openapi_is_valid_and_each_address_answers_what_it_says(public: Path) -> None:
    document = json.loads((public / "openapi.json").read_text(encoding="utf-8"))
    schema = json.loads((STANDARDS / "openapi-3.1.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    assert list(Draft202012Validator(schema).iter_errors({**document, "openapi": "3"}))
    n_read = 0
    for address, of in document["paths"].items():
        operation = of["get"]
        assert {p["name"] for p in operation.get("parameters", ())} == {
            part[1:-1] for part in address.replace("area-", "").replace(".json", "").split("/") if part.startswith("{")
        }
        if "{release_id}" in address or "{month}" in address:
            continue
        for area in [made_up.CITY_AREA, made_up.COUNTIES[0][0]]:
            answer = public / address.replace("{area_code}", area).removeprefix("/")
            ((media, declared),) = operation["responses"]["200"]["content"].items()
            assert answer.is_file(), address
            if media == "application/json":
                checked = Draft202012Validator({**declared["schema"], "components": document["components"]})
                said = json.loads(answer.read_text(encoding="utf-8"))
                assert [error.message for error in checked.iter_errors(said)] == []
                n_read += 1
    assert n_read > len(PUBLIC)
    assert len({of["get"]["operationId"] for of in document["paths"].values()}) == len(document["paths"])


def test_every_distribution_of_the_catalogue_is_there(public: Path) -> None:
    said = json.loads((public / "catalogue.jsonld").read_text(encoding="utf-8"))
    urls = [each["dcat:downloadURL"]["@id"] for of in said["dcat:dataset"] for each in of["dcat:distribution"]]
    assert len(urls) == len(set(urls)) == 3 * len(PUBLIC) + 6
    assert [url for url in urls if not (public / url).is_file()] == []
    assert (public / said["dcat:service"]["dcat:endpointDescription"]["@id"]).is_file()


def test_an_archive_has_no_months() -> None:
    ended = made_up.city().model_copy(update={"publication": None})
    assert "monthly" not in json.dumps([openapi(ended), catalogue(ended)])


@pytest.mark.parametrize("place", ["latest", "monthly/latest"])
def test_the_data_package_is_valid_and_names_files_that_are_there(public: Path, place: str) -> None:
    package = json.loads((public / place / "datapackage.json").read_text(encoding="utf-8"))
    assert faults(package, "data-package.json") == []
    for resource in package["resources"]:
        assert (public / place / resource["path"]).is_file()
        if resource["format"] == "csv":
            assert faults(resource, "tabular-data-resource.json") == []
    assert (public / place / package["methodology"]["path"]).is_file()


def test_everybody_may_read_what_is_public_and_analysts_the_rest(folder: Path, public: Path) -> None:
    for root, of_file, of_folder in ((public, 0o644, 0o755), (folder, 0o640, 0o750)):
        paths = [path for path in (root, root.parent, *root.rglob("*")) if not path.is_symlink()]
        paths = [path for path in paths if path.name != ".publishing"]
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {of_file}
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {of_folder}


def test_the_attacker_knows_every_public_file_by_name(public: Path) -> None:
    found = files_of(public)
    assert unknown(found) == []
    assert unknown({**found, "latest/counts.json": b"", "releases/x/area-1.csv": b""}) == [
        "latest/counts.json", "releases/x/area-1.csv",
    ]  # fmt: skip


def test_the_stable_address_follows_the_release_and_a_killed_run_is_made_good(
    make_release: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "published" / "demo"
    public = public_files.public_folder(folder)
    for seed in (1, 2):
        release = make_release(made_up.release_input(seed=seed))
        public.mkdir(parents=True, exist_ok=True)
        (public / ".latest").symlink_to("nowhere")  # left by a run that was killed
        public_files.write_public(release, public)
        said = json.loads((public / "latest" / "index.json").read_text(encoding="utf-8"))
        assert said["release_id"] == release.release_id == files.read_latest(public)["release_id"]  # type: ignore[index]
        assert public_files.is_public(release, public)
    (public / "latest").unlink()
    (public / "latest" / "x").mkdir(parents=True)  # a copy of the tree that followed its links
    public_files.write_public(release, public)
    assert (public / "latest").is_symlink()
    (public / "openapi.json").write_text("{}", encoding="utf-8")
    assert not public_files.is_public(release, public)
