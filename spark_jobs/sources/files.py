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
from spark_jobs.landing import Batch, Landing, Manifest, file_sha256

CHECKSUM = ".sha256"  # a file beside the file, as sha256sum writes it
QUIET_FILE = 4_096  # bytes; a file of a quiet day is a header and no more


def delivered_on(source: FilesSource, name: str) -> date:
    """Last local day that a file covers, from its name: YYYYMMDD, YYYY-MM-DD, YYYYMM or YYYY-MM (end of the month)."""
    if source.delivered_on:
        return source.delivered_on
    match = re.fullmatch(source.delivered or "", name)
    digits = re.sub(r"\D", "", match.group(1) or "") if match else ""
    try:
        if len(digits) == 6:
            year, month = int(digits[:4]), int(digits[4:])
            return date(year, month, monthrange(year, month)[1])
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise ContractBreach(
            f"file {name}: expected a name like {source.delivered!r} with a day or a month in it\n"
            "  what to do: ask the source to name it as agreed; nothing was taken"
        ) from None


def land(
    feed: Feed,
    connection: Connection,
    landing: Landing,
    business_date: date,
    cutoff: datetime,
    time_zone: str,
    since: date | None = None,
) -> Manifest | None:
    """Copy the files not landed before that cover days up to `business_date`. None if there is nothing new.

    `since` changes nothing: a file is known by its content, so one that was corrected is new however old its day.

    Raises SourceUnavailable while a file is still being written (the next run takes it), ContractBreach for a name
    or a link that leads out of the folder.
    """
    source = feed.source
    assert isinstance(source, FilesSource)
    folder = Path(str(connection.extra.get("path", "")))
    if not folder.is_dir():
        raise SourceUnavailable(f"feed {feed.code}: folder {folder} of connection {source.connection} is not there")
    found = [path for path in sorted(folder.glob(source.pattern)) if path.is_file() or path.is_symlink()]
    found = [path for path in found if path.suffix != CHECKSUM]
    for path in found:
        _check_place(feed, folder, path)
    horizon = max(business_date, cutoff.date()) if feed.ends_on else business_date
    days = {path: delivered_on(source, path.name) for path in found}
    due = _new({path: day for path, day in days.items() if day <= horizon}, landing)
    if not due:
        return None
    window_from = landing.landed_through() or feed.starts_on
    with landing.new_batch() as batch:
        for path, (day, sha256) in due.items():
            _copy(feed, batch, folder, path, (day, sha256))
        window_to = max(day for day, _ in due.values())
        return batch.commit(feed, min(window_from, window_to), min(window_to, feed.ends_on or window_to), n_rows=None)


def _check_place(feed: Feed, folder: Path, path: Path) -> None:
    name = str(path.relative_to(folder))
    is_writable_name = name.isprintable() and not any("\ud800" <= character <= "\udfff" for character in name)
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()) or not is_writable_name:
        raise ContractBreach(
            f"feed {feed.code}: {name!r}: expected a plain file in the folder with a readable name, "
            "found a link, a way out of the folder or unprintable characters\n"
            "  what to do: remove it from the folder; nothing was taken"
        )


def _new(days: dict[Path, date], landing: Landing) -> dict[Path, tuple[date, str]]:
    """Files whose content has not landed, with day and SHA-256; of the same content twice, the first.

    A header without rows is the same bytes on every quiet day: there the day counts too, or the second quiet day
    would be missing instead of zero.
    """
    landed = {(file.sha256, day) for m in landing.manifests() for file in m.files for day in (None, file.delivered_on)}
    new = {}
    for path, day in days.items():
        sha256 = file_sha256(path)
        if (sha256, day if _is_quiet(path) else None) not in landed:
            new[path] = (day, sha256)
            landed |= {(sha256, None), (sha256, day)}
    return new


def _is_quiet(path: Path) -> bool:
    """True for a text file of one line at most."""
    if path.stat().st_size > QUIET_FILE:
        return False
    content = path.read_bytes()
    is_text = b"\0" not in content and not content.startswith((b"\x1f\x8b", b"PK"))
    return is_text and len(content.splitlines()) <= 1


def _copy(feed: Feed, batch: Batch, folder: Path, path: Path, known: tuple[date, str]) -> None:
    """Copy one file and compare it with what was seen before and with its checksum, if one lies beside it."""
    day, sha256 = known
    name = "__".join(path.relative_to(folder).parts)
    with batch.file(name, day) as out, path.open("rb") as content:
        shutil.copyfileobj(content, out, 1 << 20)
    copied = batch.files[-1].sha256
    if copied != sha256:
        raise SourceUnavailable(
            f"feed {feed.code}: file {path.name} changed while it was read: it is still being written\n"
            "  what to do: nothing; the next run takes it. Sources should write under another name and rename"
        )
    beside = path.with_name(path.name + CHECKSUM)
    if beside.is_file():
        promised = beside.read_text(errors="replace").split()
        if not promised or promised[0].lower() != copied:
            raise SourceUnavailable(
                f"feed {feed.code}: file {path.name}: expected SHA-256 {promised[:1]} as {beside.name} says, "
                f"found {copied}: the transfer is not complete\n  what to do: ask the source to send it again"
            )
