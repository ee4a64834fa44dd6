"""Each release carries the hash of the one before it: no old release can be altered, by a byte or with all its hashes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from spark_jobs.release import files
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.render import render
from spark_jobs.release.verification import verification
from spark_jobs.release.verify import verify, verify_city
from tests.release import made_up
from tests.release.test_files import forge, put

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]


def of_day(make_release: Make, days: int, seed: int = 7) -> Release:
    return make_release(made_up.release_input(seed=seed, business_date=made_up.DAY + timedelta(days=days)))


def archive(city: Path, release: Release) -> Path:
    """An older business date: its folder is written, readers keep the newest."""
    before = files.predecessor(city, release.release_id)
    return files.write_release(city, release.release_id, render(release, before))


@pytest.fixture(scope="module")
def releases(make_release: Make) -> dict[str, Release]:
    """first; second; second corrected on the same day; third; and an older day that is published last."""
    days = {"first": (0, 7), "second": (1, 7), "corrected": (1, 8), "third": (2, 7), "older": (-9, 7)}
    return {name: of_day(make_release, *of) for name, of in days.items()}


@pytest.fixture(scope="module")
def published(releases: dict[str, Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "demo"
    for name, release in releases.items():
        (archive if name == "older" else put)(folder, release)
    return folder


@pytest.fixture
def city(published: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return shutil.copytree(published, tmp_path / "demo", symlinks=True)


def problems(city: Path) -> list[str]:
    return [str(problem) for _, found in verify_city(city) for problem in found]


def test_each_release_names_what_readers_saw_before_it(releases: dict[str, Release], city: Path) -> None:
    before = {"first": None, "second": "first", "corrected": "second", "third": "corrected", "older": "third"}
    for name, release in releases.items():
        document = files.read_document(files.release_folder(city, release.release_id))
        assert document is not None
        named, expected = document["predecessor"], before[name]
        assert (named["release_id"] if named else None) == (releases[expected].release_id if expected else None)
    assert problems(city) == []
    assert [is_right for is_right, _ in verification(city)] == [True]


def test_the_same_data_after_the_same_release_are_the_same_bytes(
    releases: dict[str, Release], city: Path, tmp_path: Path
) -> None:
    for name, release in releases.items():
        (archive if name == "older" else put)(tmp_path / "another", release)
    contents = [
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (city, tmp_path / "another")
    ]
    assert contents[0] == contents[1] and len(contents[0]) > 5


@pytest.mark.parametrize("name", ["first", "second", "corrected", "third", "older"])
def test_a_damaged_folder_is_written_again_to_the_same_bytes(
    releases: dict[str, Release], city: Path, name: str
) -> None:
    folder = files.release_folder(city, releases[name].release_id)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "flags.csv").write_bytes(b"")
    assert problems(city)
    archive(city, releases[name])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_the_current_release_is_written_again_though_all_of_it_is_gone(
    releases: dict[str, Release], city: Path
) -> None:
    folder = files.release_folder(city, releases["third"].release_id)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    put(city, releases["third"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def test_one_replaced_byte_of_any_file_of_an_old_release_is_found(releases: dict[str, Release], city: Path) -> None:
    """A bit at a place of chance; in release.json, which vouches for the others, at forty of them."""
    chance, old = random.Random(11), files.release_folder(city, releases["second"].release_id)
    for path in sorted(old.iterdir()):
        content = path.read_bytes()
        for _ in range(40 if path.name == "release.json" else 1):
            place, altered = chance.randrange(len(content)), bytearray(content)
            altered[place] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(altered))
            assert verify(old), f"{path.name}, byte {place} of {len(content)}"
        path.write_bytes(content)
    assert problems(city) == []


@pytest.mark.parametrize("name", ["first", "second", "corrected", "third"])
def test_a_release_that_was_altered_with_all_its_own_hashes_is_betrayed_by_the_next(
    releases: dict[str, Release], city: Path, name: str
) -> None:
    """Of the newest, latest.json has the hash."""
    folder = files.release_folder(city, releases[name].release_id)
    document = files.read_document(folder)
    assert document is not None
    forge(folder, {**document, "code_commit": "another"})
    expected = f"{folder.name}/release.json: expected SHA-256"  # said by each that names it
    assert problems(city) and all(found.startswith(expected) and "successor" in found for found in problems(city))


def test_a_release_that_is_gone_is_missed(releases: dict[str, Release], city: Path) -> None:
    shutil.rmtree(files.release_folder(city, releases["second"].release_id))
    (found,) = problems(city)
    assert releases["second"].release_id in found


def test_a_link_that_was_taken_out_is_missed(releases: dict[str, Release], city: Path) -> None:
    folder = files.release_folder(city, releases["second"].release_id)
    document = files.read_document(folder)
    assert document is not None
    forge(folder, {**document, "predecessor": None})
    assert len(problems(city)) == 1


def test_releases_of_before_the_chain_begin_it(releases: dict[str, Release], tmp_path: Path) -> None:
    """Their release.json and latest.json carry no hash, and are sound all the same."""
    folder = put(tmp_path, releases["first"])
    document, latest = files.read_document(folder), files.read_latest(tmp_path)
    assert document and latest
    links = ("predecessor", "sha256")
    (folder / "release.json").write_text(files.json_text({k: v for k, v in document.items() if k not in links}))
    files.write_latest(tmp_path, {k: v for k, v in latest.items() if k not in links})
    assert problems(tmp_path) == []
    for name in ("second", "third"):
        put(tmp_path, releases[name])
    assert problems(tmp_path) == []
    second, third = (
        files.read_document(files.release_folder(tmp_path, releases[n].release_id)) for n in ("second", "third")
    )
    assert second and third and second["predecessor"] is None
    assert third["predecessor"]["release_id"] == releases["second"].release_id
