"""Every file of a release folder, made from the release alone: tables as CSV and Parquet, bulletins, the method, release.json."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from expectations.models import Text
from spark_jobs.release.canonical import document_hash, json_text, sha256
from spark_jobs.release.files import BYTE_ORDER_MARK, METHODOLOGY_FILE, RELEASE_FILE, csv_cell
from spark_jobs.release.model import Release
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.leader import PAGES, leader_page
from spark_jobs.release.wording import LANGUAGES
from spark_jobs.released.columns import TABLES, rows
from spark_jobs.released.schemas import arrow_types


def render(release: Release, predecessor: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Every file of the release folder by name; release.json, which lists the hashes of the others, comes last.

    `predecessor`: files.predecessor, which release.json carries beside what the release is made of.
    """
    files = {table.file: table_csv(release, name).encode() for name, table in TABLES.items()}
    files |= {table.parquet: table_parquet(release, name) for name, table in TABLES.items() if table.parquet}
    files |= {f"bulletin.{code}.html": bulletin(release, code).encode() for code in LANGUAGES}
    files |= {PAGES[code]: leader_page(release, code).encode() for code in LANGUAGES}
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
    if not len(release.tables[table]):
        writer.writerow(["release_id", "business_date", *TABLES[table].columns])
    return BYTE_ORDER_MARK + text.getvalue()


def _named_rows(release: Release, table: str) -> Iterator[dict[str, Any]]:
    """Declared columns of the table, after the release they belong to, with the names of areas at the end."""
    names = {area.area_code: area.name for area in release.areas}
    for row in rows(release.tables[table]):
        named = {"release_id": release.release_id, "business_date": release.business_date, **row}
        if "area_code" in row:
            name = names.get(row["area_code"], Text("", ""))
            named |= {"area_name_zh": name.zh, "area_name_en": name.en}
        yield named


def table_parquet(release: Release, table: str) -> bytes:
    """The CSV with types. Fixed writer options and no pandas metadata: the same release gives the same bytes."""
    types = {"release_id": pa.string(), "business_date": pa.date32(), **arrow_types(TABLES[table].columns)}
    if "area_code" in types:
        types |= {"area_name_zh": pa.string(), "area_name_en": pa.string()}
    content = pa.Table.from_pylist(list(_named_rows(release, table)), schema=pa.schema(list(types.items())))
    buffer = io.BytesIO()
    pq.write_table(content, buffer, compression="snappy", version="2.6", write_statistics=True, store_schema=False)
    return buffer.getvalue()
