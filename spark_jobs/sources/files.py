"""Files dropped into a folder: each content is picked up once, whatever its name, however often it is delivered."""

from __future__ import annotations

import re
import shutil
from calendar import monthrange
from datetime import date, datetime
from pathlib import Path

from expectations.contract import Feed, FilesSource
from spark_jobs.connection import Connection
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.landing import Landing, Manifest, file_sha256


def delivered_on(source: FilesSource, name: str) -> date:
    """Last local day that a file covers, from its name: YYYYMMDD, YYYY-MM-DD, YYYYMM or YYYY-MM (end of the month)."""
    if source.delivered_on:
        return source.delivered_on
    match = re.fullmatch(source.delivered or "", name)
    digits = re.sub(r"\D", "", match.group(1)) if match else ""
    try:
        if len(digits) == 6:
            year, month = int(digits[:4]), int(digits[4:])
            return date(year, month, monthrange(year, month)[1])
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise ContractBreach(
            f"file {name}: expected a name like {source.delivered!r} with a day or a month in it"
        ) from None


def land(
    feed: Feed, connection: Connection, landing: Landing, business_date: date, cutoff: datetime, time_zone: str
) -> Manifest | None:
    """Copy the files not landed before that cover days up to `business_date`. None if there is nothing new."""
    source = feed.source
    assert isinstance(source, FilesSource)
    folder = Path(str(connection.extra.get("path", "")))
    if not folder.is_dir():
        raise SourceUnavailable(f"feed {feed.code}: folder {folder} of connection {source.connection} is not there")
    seen = {file.sha256 for manifest in landing.manifests() for file in manifest.files}
    names = {path: delivered_on(source, path.name) for path in sorted(folder.glob(source.pattern)) if path.is_file()}
    horizon = max(business_date, cutoff.date()) if feed.ends_on else business_date
    due = {path: day for path, day in names.items() if day <= horizon and file_sha256(path) not in seen}
    if not due:
        return None
    window_from = landing.landed_through() or feed.starts_on
    with landing.new_batch() as batch:
        for path, day in due.items():
            if ".." in path.name or path.is_symlink():
                raise ContractBreach(f"feed {feed.code}: {path.name!r} is a link or leads out of the folder")
            with batch.file(path.name, day) as out, path.open("rb") as content:
                shutil.copyfileobj(content, out, 1 << 20)
        window_to = max(due.values())
        return batch.commit(feed, min(window_from, window_to), min(window_to, feed.ends_on or window_to), n_rows=None)
