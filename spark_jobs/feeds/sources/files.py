"""Files dropped into a folder or a store: each content is picked up once, whatever its name, however often it is delivered."""

from __future__ import annotations

import re
import shutil
import unicodedata
from calendar import monthrange
from datetime import date
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from expectations.models import Feed, FilesSource
from spark_jobs.errors import FULL_DISK, ContractBreach, SourceUnavailable
from spark_jobs.feeds.decoding import has_no_rows
from spark_jobs.feeds.landing import IN_FOLDER, UNFINISHED, Batch, Landing, Manifest
from spark_jobs.feeds.sources.folder import Drop, Folder
from spark_jobs.feeds.sources.pull import Pull
from spark_jobs.masking import without_persons

CHECKSUM = ".sha256"  # a file beside the file, as sha256sum writes it
EARLIEST, LATEST = 1990, 2100  # of years in names: as of those in rows
_MARK, _END = r"[-_. /年月]", "[年月日号]?"
_PADDED = re.compile(rf"(\d{{4}})(?:{_MARK}?(\d\d)(?:{_MARK}?(\d\d))?)?{_END}")
_BY_MARKS = re.compile(rf"(\d{{4}}){_MARK}(\d\d?)(?:{_MARK}(\d\d?))?{_END}")
QUIET_FILE = 32_768  # bytes; a file of a quiet day is a header and no more, or a workbook around one


def delivered_on(source: FilesSource, name: str) -> date:
    """Last local day that a file covers, from its name: a day, a month (its end) or a year (its end).

    Parts may stand without marks between them only with all their digits: 2026115 is 15 January or 5 November. Raises
    ContractBreach.
    """
    if source.delivered_on:
        return source.delivered_on
    match = re.fullmatch(source.delivered or "", name)
    said = unicodedata.normalize("NFKC", match.group(1) or "") if match else ""
    parts = _PADDED.fullmatch(said) or _BY_MARKS.fullmatch(said)
    try:
        return _last_day(*(int(part) for part in (parts.groups() if parts else "") if part))
    except (TypeError, ValueError):  # no part at all is no year
        raise ContractBreach(
            f"file {without_persons(name)}: expected a name like '{source.delivered}' with a day, a month or a year in its group, such as "
            "20260115, 2026-01-15, 2026-1-15 or 2026年1月15日\n"
            "  what to do: ask the source to name it as agreed, or correct `delivered`; nothing was taken"
        ) from None


def _last_day(year: int, month: int = 12, day: int | None = None) -> date:
    """Raises ValueError for a day that does not exist, or of a time of which no feed tells."""
    if not EARLIEST <= year < LATEST:
        raise ValueError(f"expected a year from {EARLIEST} to {LATEST - 1}, found {year}")
    return date(year, month, day or monthrange(year, month)[1])


def land(pull: Pull) -> Manifest | None:
    """Copy the files not landed before that cover days up to the business date. None if there is nothing new.

    `since` changes nothing: a file is known by its content, so one that was corrected is new however old its day.

    Raises SourceUnavailable while a file is still being written (the next run takes it), ContractBreach for a name
    or a link that leads out of the folder.
    """
    feed, landing = pull.feed, pull.landing
    source = feed.source
    assert isinstance(source, FilesSource)
    folder = Folder.of(pull.connection)
    try:
        found = [drop for drop in folder.drops(source.pattern) if not drop.name.endswith(CHECKSUM)]
        for drop in found:
            _check_place(feed, drop)
        horizon = max(pull.business_date, pull.cutoff.date()) if feed.ends_on else pull.business_date
        days = {drop: delivered_on(source, PurePosixPath(drop.name).name) for drop in found}
        due = _new(pull, folder, {drop: day for drop, day in days.items() if day <= horizon})
        if not due:
            return None
        window_from = landing.landed_through() or feed.starts_on
        with landing.new_batch() as batch:
            for drop, known in due.items():
                _copy(pull, batch, folder, drop, known)
            window_to = max(known.day for known in due.values())
            return batch.commit(
                feed, min(window_from, window_to), min(window_to, feed.ends_on or window_to), n_rows=None
            )
    except (OSError, SourceUnavailable) as error:
        if str(error).startswith("feed ") or (isinstance(error, OSError) and error.errno in FULL_DISK):
            raise
        raise SourceUnavailable(
            f"feed {feed.code}: connection {source.connection}: {without_persons(str(error))}\n"
            "  what to do: check folder or address and account; the run may be repeated at any time"
        ) from None


def _check_place(feed: Feed, drop: Drop) -> None:
    is_writable_name = drop.name.isprintable() and not any("\ud800" <= each <= "\udfff" for each in drop.name)
    if drop.is_link or not is_writable_name:
        raise ContractBreach(
            f"feed {feed.code}: {without_persons(drop.name)!r}: expected a plain file in the folder with a readable name, "
            "found a link, a way out of the folder or unprintable characters\n"
            "  what to do: remove it from the folder; nothing was taken"
        )


class _Known(NamedTuple):
    """What is known of a file that is to be taken."""

    day: date
    sha256: str
    n_before: int  # how often its content has landed under its name


def _new(pull: Pull, folder: Folder, days: dict[Drop, date]) -> dict[Drop, _Known]:
    """Files whose content has not landed; of the same content twice, the first.

    On quiet days a header alone is the same bytes each day, and so is a whole table in which nothing changed. There the
    day counts too, or the second day would be missing. Content that comes back after other bytes under its name is new
    as well.
    """
    feed, landing = pull.feed, pull.landing
    landed_files = [
        (file, manifest.fetched_at)
        for manifest in sorted(landing.manifests(), key=lambda manifest: manifest.fetched_at)
        for file in manifest.files
    ]
    landed = {(file.sha256, day) for file, _ in landed_files for day in (None, file.delivered_on)}
    latest = {file.name: (file, fetched_at) for file, fetched_at in landed_files}
    new = {}
    for drop, day in days.items():
        name = _landed_name(pull, drop)
        before, fetched_at = latest.get(name, (None, None))
        if before and fetched_at and before.n_bytes == drop.size and drop.is_older(fetched_at):
            continue
        sha256 = folder.sha256(drop.name)
        is_back = before is not None and before.sha256 != sha256
        is_known = (sha256, day) in landed or (
            (sha256, None) in landed and feed.mode != "snapshot" and not _is_quiet(feed, folder, drop, landing)
        )
        if is_back or not is_known:
            n_before = sum((file.name, file.sha256) == (name, sha256) for file, _ in landed_files)
            new[drop] = _Known(day, sha256, n_before)
            landed |= {(sha256, None), (sha256, day)}
    return new


def _landed_name(pull: Pull, drop: Drop) -> str:
    return pull.neutral(drop.name).replace("/", IN_FOLDER)


def _is_quiet(feed: Feed, folder: Folder, drop: Drop, landing: Landing) -> bool:
    """True for a file without rows: a header alone, as text or packed, in a sheet or in Parquet; or nothing at all."""
    if drop.size > QUIET_FILE:
        return False
    landing.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=landing.folder, prefix=UNFINISHED) as scratch:
        path = Path(scratch) / PurePosixPath(drop.name).name
        with folder.open(drop.name) as content:
            path.write_bytes(content.read())
        return not drop.size or has_no_rows(feed, path)


def _copy(pull: Pull, batch: Batch, folder: Folder, drop: Drop, known: _Known) -> None:
    """Copy one file and compare it with what was seen before and with its checksum, if one lies beside it."""
    feed, name = pull.feed, without_persons(drop.name)
    with batch.file(_landed_name(pull, drop), known.day, known.n_before) as out, folder.open(drop.name) as content:
        shutil.copyfileobj(content, out, 1 << 20)
    copied = batch.files[-1].sha256
    if copied != known.sha256:
        raise SourceUnavailable(
            f"feed {feed.code}: file {name} changed while it was read: it is still being written\n"
            "  what to do: nothing; the next run takes it. Sources should write under another name and rename"
        )
    promised = _promised(folder, drop)
    if promised is not None and promised != copied:
        raise SourceUnavailable(
            f"feed {feed.code}: file {name}: expected the SHA-256 that {name}{CHECKSUM} says, "
            f"found {copied}: the transfer is not complete\n  what to do: ask the source to send it again"
        )


def _promised(folder: Folder, drop: Drop) -> str | None:
    """Hash in the file of checksums beside a file; none if there is no such file."""
    try:
        with folder.open(drop.name + CHECKSUM) as beside:
            words = beside.read().decode(errors="replace").split()
    except FileNotFoundError:
        return None
    return words[0].lower() if words else ""
