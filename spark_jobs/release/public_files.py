"""The public tier as static files: public/<city>/releases/<id>/ and latest.json, which moves last.

The same run writes it from the same release, in the way of the restricted folder (spark_jobs/release/files.py). It is
served without a login. All its figures are those that public.py gives.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.models import Text
from spark_jobs.release import files
from spark_jobs.release.canonical import json_text
from spark_jobs.release.data_package import DATA_PACKAGE_FILE, data_package
from spark_jobs.release.model import Release
from spark_jobs.release.pages.leader import PAGES, public_page
from spark_jobs.release.public import TIER, nightly_tables, public_document
from spark_jobs.release.public_catalogue import catalogue_files
from spark_jobs.release.public_tables import copies, csv_files
from spark_jobs.release.wording import LANGUAGES
from spark_jobs.released.columns import PUBLIC


def public_folder(city_folder: Path) -> Path:
    """public/<city> beside published/<city>."""
    return city_folder.parent.with_name("public") / city_folder.name


def render_public(release: Release) -> dict[str, bytes]:
    """Every file of the public folder by name. The same release gives the same bytes."""
    tables = nightly_tables(release)
    declared = [PUBLIC[name] for name in tables]
    found = {PAGES[language]: public_page(release, language) for language in LANGUAGES}
    found[files.METHODOLOGY_FILE] = json_text(release.methodology.model_dump(mode="json"))
    package = data_package(release.city, release.methodology, release.document, TIER, declared)
    found[DATA_PACKAGE_FILE] = json_text(package)
    return {**csv_files(tables), **copies(tables), **{name: text.encode() for name, text in found.items()}}


def is_public(release: Release, city_folder: Path) -> bool:
    """Whether the public folder shows this very release, unaltered and not marked stale."""
    latest = files.read_latest(city_folder)
    if latest is None or latest["release_id"] != release.release_id or latest["stale"] is not None:
        return False
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == content
        for folder, written in (
            (files.release_folder(city_folder, release.release_id), render_public(release)),
            (city_folder, catalogue_files(release.city)),
        )
        for name, content in written.items()
    )


def write_public(release: Release, city_folder: Path) -> None:
    """Publish the release to everybody: its folder first, then the catalogue of all files, then latest.json."""
    files.open_folder(city_folder, files.FOR_EVERYBODY)
    files.write_release(city_folder, release.release_id, render_public(release))
    for name, content in catalogue_files(release.city).items():
        files.write_if_new(city_folder / name, content)
    document = public_document(release)
    files.write_latest(city_folder, {**document, "folder": f"releases/{release.release_id}", "stale": None})


def mark_public_stale(city_folder: Path, since: date, reason: Text) -> None:
    """Say to everybody that the release shown is older than it should be, and why. Without a release, do nothing."""
    if files.read_latest(city_folder) is not None:
        files.mark_stale(city_folder, since, reason)
