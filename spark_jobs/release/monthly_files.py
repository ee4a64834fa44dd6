"""The months as static files: public/<city>/monthly/<YYYY-MM>/ is for everybody.

published/<city>/monthly/<YYYY-MM>/ says why cells are hidden, for those who may know. A month is made from one revised
release as it lies in its folder. It is published once and never edited. If that release is withdrawn, the next revised
one of the day makes a correction, which is a version of its own (<YYYY-MM>-v2). Needs no Spark.
"""

from __future__ import annotations

import calendar
import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from expectations.models import City, Text
from spark_jobs.errors import UsageError
from spark_jobs.index.methodology import Methodology
from spark_jobs.release import files
from spark_jobs.release.canonical import json_text, utc_text
from spark_jobs.release.data_package import DATA_PACKAGE_FILE, data_package
from spark_jobs.release.disclosure.published import public_files
from spark_jobs.release.disclosure.rules import load_rules
from spark_jobs.release.disclosure.suppression import Hidden, Pattern
from spark_jobs.release.model import Area
from spark_jobs.release.month_versions import ACCOUNT_FILE, MonthVersion, month_versions, newest_versions, of_folder
from spark_jobs.release.monthly import SCHEMA_VERSION, TABLES_READ, TIER, Corrected, Month, MonthInput
from spark_jobs.release.monthly_bulletin import bulletin_files
from spark_jobs.release.monthly_gates import judge_month, protected
from spark_jobs.release.monthly_page import PublicMonth
from spark_jobs.release.public_files import public_folder
from spark_jobs.release.public_tables import copies
from spark_jobs.release.record import journal, keeping, revisions_said
from spark_jobs.released.columns import PUBLIC, TABLES, canonical_frame

PATTERN_FILE = "pattern.csv"


def publish_month(
    published: Path, city: City, month: date, methodology: Methodology, say: Callable[[str], None]
) -> None:
    """Publish `month` (its first day), made from the revised release of its last day.

    Raises UsageError where there is no such release, or where the month is public already, made from another one that
    was not withdrawn. Raises MonthlyGateFailed if a gate is not passed.
    """
    folder = published / city.city_code
    public = public_folder(folder)
    with files.only_publisher(folder):
        document = _revised_release(folder, month)
        out = newest_versions(public / files.MONTHLY).get(f"{month:%Y-%m}")
        if out and _release_behind(public, out) == document["release_id"]:
            say(f"{city.city_code} {out.folder}: nothing new; {document['release_id']} is already published")
            return
        corrects = _corrected(folder, public, out, document["release_id"]) if out else None
        given = replace(
            _read(folder, city, document), corrects=corrects, year_from=tuple(_year_before(public, month).values())
        )
        rules, before = load_rules(methodology), pattern_before(folder, given.version)
        candidate = protected(given, document["status"], methodology, rules, before, public_files(public))
        judge_month(candidate)
        _write(candidate.month, city, document, folder, public)
        if corrects:
            keeping.keep(city, methodology, folder)  # the notice of the version before says where this one is
    said = f"{city.city_code} {given.version.folder}: published {document['release_id']}"
    said += f" in place of {corrects.version.folder}" if corrects else ""
    say(f"{said}; {100 * candidate.month.hidden_share:.0f} % of county cells are hidden")


def pattern_before(city_folder: Path, version: MonthVersion) -> Pattern | None:
    """The pattern that a version starts from: that of the version which it corrects, else that of the newest month
    before it in its newest version. None for the first month.
    """
    monthly = city_folder / files.MONTHLY
    earlier = [
        each for each in month_versions(monthly) if each < version and (monthly / each.folder / PATTERN_FILE).is_file()
    ]
    if not earlier:
        return None
    return parse_pattern(earlier[-1].month, (monthly / earlier[-1].folder / PATTERN_FILE).read_bytes())


def parse_pattern(month: str, content: bytes) -> Pattern:
    """What monthly.pattern_csv wrote."""
    hidden = {
        (row["table"], row["part"], row["area_code"]): Hidden(
            row["reason"],  # type: ignore[arg-type] # a Reason, as it was written
            date.fromisoformat(row["since"]),
            date.fromisoformat(row["needed"]),
        )
        for row in _csv_rows(content)
    }
    return Pattern(date.fromisoformat(f"{month}-01"), hidden)


def _revised_release(city_folder: Path, month: date) -> dict[str, Any]:
    """release.json of the newest release of the month's last day that is neither provisional nor withdrawn."""
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (city_folder / "releases").glob(f"{last:%Y%m%d}-*/{files.RELEASE_FILE}")
    ]
    said = journal.read(city_folder)
    stands = [document for document in found if not journal.withdrawal(said, document["release_id"])]
    revised = [document for document in stands if document["status"] != "provisional"]
    if not revised:
        raise UsageError(
            f"monthly: expected a revised release of {last} in {city_folder / 'releases'}, found "
            f"{len(stands)} provisional and {len(found) - len(stands)} withdrawn; run the steps index and release of this date with --revised first"
        )
    newest: dict[str, Any] = max(revised, key=lambda document: (document["as_of"], document["release_id"]))
    return newest


def _release_behind(public: Path, version: MonthVersion) -> str:
    path = public / files.MONTHLY / version.folder / ACCOUNT_FILE
    return str(json.loads(path.read_text(encoding="utf-8"))["release_id"])


def _corrected(city_folder: Path, public: Path, out: MonthVersion, release_id: str) -> Corrected:
    """The version that is out, whose release must have been withdrawn: so everybody has been told why."""
    behind = _release_behind(public, out)
    withdrawn = journal.withdrawal(journal.read(city_folder), behind)
    if withdrawn is None:
        raise UsageError(
            f"monthly: {out.folder} is published from {behind} and is never edited; the newest revised release is "
            f"{release_id}. To correct the month, first run: withdraw {behind} --why REASON; then run monthly again."
        )
    return Corrected(out, behind, utc_text(withdrawn.at), withdrawn.why)


def _read(city_folder: Path, city: City, document: dict[str, Any]) -> MonthInput:
    folder = files.release_folder(city_folder, document["release_id"])
    tables = {
        name: canonical_frame(name, files.parse_csv(name, (folder / TABLES[name].file).read_bytes()))
        for name in TABLES_READ
    }
    whole, counties = document["city_index"], document["counties"]
    areas = [Area(whole["area_code"], "city", Text(whole["name_zh"], whole["name_en"]))]
    areas += [Area(each["area_code"], "county", Text(each["name_zh"], each["name_en"])) for each in counties]
    period = date.fromisoformat(document["period"])
    return MonthInput(city.city_code, document["release_id"], period, document["method_version"], tuple(areas), tables)


def _bulletins(month: Month, city: City, document: dict[str, Any], public: Path) -> dict[str, bytes]:
    """The month's bulletin, and in December the year's, from what is public of it and of the months before."""
    said = PublicMonth(
        city,
        month.methodology,
        month.given.business_date,
        document["status"],
        month.given.release_id,
        month.given.areas,
        month.rows,
        {**_indices_before(public, month), month.given.month: _by_area(month.rows["monthly_index"])},
        revisions_said.read(public, "revisions"),
        revisions_said.read(public, "revision_triangle"),
        month.given.corrects,
    )
    return bulletin_files(said)


def _year_before(public: Path, month: date) -> dict[date, str]:
    """For a December, whose bulletin of the year shows them: the year's earlier months that are public, by first day ->
    the folder of the newest version. Empty for another month.
    """
    newest = newest_versions(public / files.MONTHLY)
    earlier = [date(month.year, n, 1) for n in range(1, 12)] if month.month == 12 else []
    return {each: newest[name].folder for each in earlier if (name := f"{each:%Y-%m}") in newest}


def _indices_before(public: Path, month: Month) -> dict[date, dict[str, float | None]]:
    """The index by area of the months that the bulletin of the year shows, by first day of the month."""
    return {
        date.fromisoformat(f"{version.month}-01"): {
            row["area_code"]: float(row["index"]) if row["index"] else None
            for row in _csv_rows((public / files.MONTHLY / version.folder / PUBLIC["monthly_index"].file).read_bytes())
        }
        for version in filter(None, map(of_folder, month.given.year_from))
    }


def _by_area(rows: Iterable[dict[str, Any]]) -> dict[str, float | None]:
    return {row["area_code"]: row["index"] for row in rows}


def _csv_rows(content: bytes) -> Iterable[dict[str, str]]:
    return csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))


def _write(month: Month, city: City, document: dict[str, Any], city_folder: Path, public: Path) -> None:
    """Write the restricted files first, so that the pattern of every public month is kept; latest.json last."""
    name = month.given.version.folder
    files.open_folder(public, files.FOR_EVERYBODY)
    package = data_package(city, month.methodology, document, TIER, [PUBLIC[table] for table in month.rows])
    described = {
        DATA_PACKAGE_FILE: json_text(package).encode(),
        files.METHODOLOGY_FILE: json_text(month.methodology.model_dump(mode="json")).encode(),
    }
    shown = {**month.files(), **copies(month.rows), **described, **_bulletins(month, city, document, public)}
    for folder, written in ((city_folder, month.restricted_files()), (public, shown)):
        files.write_folder(folder / files.MONTHLY / name, written)
    newest = month_versions(public / files.MONTHLY)[-1]
    content = {
        "schema_version": SCHEMA_VERSION,
        "tier": TIER,
        "city": month.given.city,
        "month": newest.month,
        "version": newest.number,
        "folder": newest.folder,
    }
    files.write_latest(public / files.MONTHLY, content)
