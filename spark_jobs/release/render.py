"""Every file of a release folder, made from the release alone.

These are the tables as CSV and Parquet, what they hold (datapackage.json), the pages, the method, and release.json.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.models import Text
from spark_jobs.release.canonical import document_hash, json_text, sha256
from spark_jobs.release.data_package import DATA_PACKAGE_FILE, release_package
from spark_jobs.release.files import BYTE_ORDER_MARK, METHODOLOGY_FILE, RELEASE_FILE, csv_cell
from spark_jobs.release.model import Release
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.county import county_pages
from spark_jobs.release.pages.leader import PAGES, leader_page
from spark_jobs.release.scorecard import scorecard
from spark_jobs.release.wording import LANGUAGES
from spark_jobs.released.columns import FILED, Table, rows
from spark_jobs.released.file_columns import CONF_STATUS, file_columns, has_rates
from spark_jobs.released.obs_status import INTERNAL, obs_status
from spark_jobs.released.schemas import arrow_types

_DERIVED: Mapping[str, Callable[[Release], Iterable[Mapping[str, Any]]]] = {"scorecard": scorecard}


def render(release: Release, predecessor: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Every file of the release folder by name; release.json, which lists the hashes of the others, comes last.

    `predecessor`: what files.predecessor gives; release.json carries it beside the release's own content.
    """
    files = {table.file: table_csv(release, name).encode() for name, table in FILED.items()}
    files |= {table.parquet: table_parquet(release, name) for name, table in FILED.items()}
    files[DATA_PACKAGE_FILE] = json_text(release_package(release)).encode()
    files |= {f"bulletin.{code}.html": bulletin(release, code).encode() for code in LANGUAGES}
    files |= {PAGES[code]: leader_page(release, code).encode() for code in LANGUAGES}
    files |= {name: page.encode() for code in LANGUAGES for name, page in county_pages(release, code).items()}
    files[METHODOLOGY_FILE] = json_text(release.methodology.model_dump(mode="json")).encode()
    listed = {name: {"bytes": len(content), "sha256": sha256(content)} for name, content in sorted(files.items())}
    document = {**release.document, "files": listed, "predecessor": predecessor}
    return {**files, RELEASE_FILE: json_text({**document, "sha256": document_hash(document)}).encode()}


def table_csv(release: Release, table: str) -> str:
    """A table as CSV (RFC 4180, UTF-8 with byte order mark): release, day, names beside codes, floats in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for n, row in enumerate(_named_rows(release, table)):
        if n == 0:
            writer.writerow(row)
        writer.writerow([csv_cell(value) for value in row.values()])
    if not text.tell():
        writer.writerow(file_columns(FILED[table]))
    return BYTE_ORDER_MARK + text.getvalue()


def _named_rows(release: Release, table: str) -> Iterator[dict[str, Any]]:
    """Rows for the files: first the release, then the declared columns, then statuses, units and names of areas."""
    names = {area.area_code: area.name for area in release.areas}
    units = {i.id: i.unit for i in release.methodology.indicators} if has_rates(FILED[table]) else {}
    for row in _DERIVED[table](release) if table in _DERIVED else rows(release.tables[table]):
        named = {"release_id": release.release_id, "business_date": release.business_date, **row}
        named |= _statuses(release, FILED[table], row)
        if units:
            unit = units[row["indicator_id"]]
            named |= {"rate_unit_zh": unit.zh, "rate_unit_en": unit.en}
        if "area_code" in row:
            name = names.get(row["area_code"], Text("", ""))
            named |= {"area_name_zh": name.zh, "area_name_en": name.en}
        yield named


def _statuses(release: Release, table: Table, row: Mapping[str, Any]) -> dict[str, str]:
    """The status of each figure of a row, and how confidential the row is. Both follow from it, so no hash has them."""
    day = row.get("day", release.business_date)
    status, state = release.status_of(day), row.get("state_code")
    found = {
        table.status_column(figure): obs_status(row[figure], status, state, table.columns[figure].empty)
        for figure in table.figures
    }
    return {**found, CONF_STATUS: INTERNAL} if found else {}


def table_parquet(release: Release, table: str) -> bytes:
    """The CSV with types. Writer options are fixed, pandas metadata left out: the same release gives the same bytes."""
    types = arrow_types(file_columns(FILED[table]))
    content = pa.Table.from_pylist(list(_named_rows(release, table)), schema=pa.schema(list(types.items())))
    buffer = io.BytesIO()
    pq.write_table(content, buffer, compression="snappy", version="2.6", write_statistics=True, store_schema=False)
    return buffer.getvalue()
