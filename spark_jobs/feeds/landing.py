"""The landing zone: raw bytes as they came, one folder a batch, with a manifest.

Immutable but for two things that the manifest then says: the end of their time to live, and an erasure.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict

from expectations.models import Feed, FilesSource
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.feeds.formats.content import LeftOut

MANIFEST = "manifest.json"
UNFINISHED = ".landing-"  # how the folders of unfinished pulls begin
IN_FOLDER = "__"  # between folder and name of a dropped file, in its name here


class Alteration(BaseModel):
    """What became of a landed file since: at the end of its time to live, or when a person's values were erased."""

    model_config = ConfigDict(frozen=True)
    reason: Literal["expired", "erasure"]
    at: datetime
    sha256: str | None  # of what is kept of it; None: nothing


class LandedFile(BaseModel):
    """One file of a batch.

    `sha256` and `n_bytes` are those of the file as it came, even if it was altered since, so that the same delivery is
    known again. `delivered_on` is the last local day that the file covers. `n_before`: how often the same bytes had
    landed under the name before; they are back after others.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    sha256: str
    n_bytes: int
    delivered_on: date
    n_before: int = 0
    altered: Alteration | None = None

    @property
    def kept_sha256(self) -> str | None:
        return self.altered.sha256 if self.altered else self.sha256


class Manifest(BaseModel):
    """What one pull brought: all records known by the end of `window_to`, beginning at `window_from`.

    `left_out`: what the source has and the pull could not ask for.
    """

    model_config = ConfigDict(frozen=True)
    city_code: str
    feed_code: str
    batch_id: str
    window_from: date
    window_to: date
    fetched_at: datetime
    n_rows: int | None  # as the source counts them, where it does
    files: tuple[LandedFile, ...]
    source_columns: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def landed_at(self, feed: Feed) -> dict[str, datetime]:
        """When each file came. Dropped files that came at once follow each other by name, a microsecond apart.

        What one pull brings is one delivery, however many pages it has.
        """
        names = [file.name for file in self.files]
        if not isinstance(feed.source, FilesSource):
            return dict.fromkeys(names, self.fetched_at)
        return {name: self.fetched_at + timedelta(microseconds=n) for n, name in enumerate(sorted(names, key=_edition))}

    @property
    def n_bytes(self) -> int:
        """Of all its files, as they landed."""
        return sum(file.n_bytes for file in self.files)


def _edition(name: str) -> tuple[list[int | str], str]:
    """Order of names as a person reads them: `x.csv`, `x (1).csv`, `x_v2.csv`, `x_v10.csv`."""
    stem = name.partition(".")[0]
    return [int(part) if n % 2 else part for n, part in enumerate(re.split(r"(\d+)", stem))], name


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Landing:
    """The batches of one feed."""

    folder: Path

    @classmethod
    def of(cls, root: Path, feed: Feed) -> Landing:
        return cls(root / feed.city_code / feed.feed_code)

    def manifests(self) -> list[Manifest]:
        """All batches in order of their window and then of their content."""
        found = [Manifest.model_validate_json(path.read_text()) for path in self.folder.glob(f"[!.]*/{MANIFEST}")]
        return sorted(found, key=lambda m: (m.window_to, m.window_from, m.batch_id))

    def landed_through(self) -> date | None:
        return max((manifest.window_to for manifest in self.manifests()), default=None)

    def next_window(self, feed: Feed, business_date: date, since: date | None) -> date | None:
        """First day of the window to pull, up to `business_date`; None if it has landed.

        `since` asks for days that have landed once more. It never leaves a gap, nor out the beginning.
        """
        landed = self.landed_through()
        if landed is None:
            return feed.starts_on
        following = landed + timedelta(days=1)
        if since is not None:
            return min(max(since, feed.starts_on), following)
        return following if following <= business_date else None

    def path(self, manifest: Manifest, file: LandedFile) -> Path:
        return self.folder / manifest.batch_id / file.name

    def verified(self, manifest: Manifest, file: LandedFile) -> Path:
        """Path of a landed file whose bytes are those that the manifest says. Raises ContractBreach."""
        path = self.path(manifest, file)
        where = f"feed {manifest.city_code}.{manifest.feed_code}: batch {manifest.batch_id}: file {file.name}"
        if file.altered and file.altered.sha256 is None:
            raise ContractBreach(
                f"{where}: its raw bytes were removed on {file.altered.at:%Y-%m-%d} ({file.altered.reason})\n"
                "  what to do: bronze has its rows; only the source can deliver the file itself again"
            )
        found = file_sha256(path) if path.is_file() else "no such file"
        if found != file.kept_sha256:
            raise ContractBreach(
                f"{where}: expected SHA-256 {file.kept_sha256}, found {found}\n"
                "  what to do: landing is never edited; restore the file, or ask the source to deliver it again"
            )
        return path

    def alter(self, manifest: Manifest, reason: Literal["expired", "erasure"], kept: Mapping[str, Path | None]) -> None:
        """Put other bytes in the place of landed files (the path of a new one beside them), or nothing (None).

        The manifest says so before it is done: whoever is killed in between does the same again.
        """
        now = datetime.now(UTC)
        sums = {name: file_sha256(path) if path else None for name, path in kept.items()}
        files = tuple(
            file.model_copy(update={"altered": Alteration(reason=reason, at=now, sha256=sums[file.name])})
            if file.name in sums and file.kept_sha256 != sums[file.name]
            else file
            for file in manifest.files
        )
        _write_whole(self.folder / manifest.batch_id / MANIFEST, manifest.model_copy(update={"files": files}))
        for name, path in kept.items():
            place = self.folder / manifest.batch_id / name
            if path:
                path.replace(place)
            else:
                place.unlink(missing_ok=True)

    def rename(self, manifest: Manifest, names: Mapping[str, str]) -> None:
        """Say in the manifest that files have other names by now."""
        files = tuple(file.model_copy(update={"name": names.get(file.name, file.name)}) for file in manifest.files)
        _write_whole(self.folder / manifest.batch_id / MANIFEST, manifest.model_copy(update={"files": files}))

    def replaced(self, feed: Feed, manifest: Manifest) -> frozenset[str]:
        """Names of dropped files of the batch that came again afterwards under the same name, with other bytes."""
        return frozenset(name for batch_id, name in self.delivered_again(feed) if batch_id == manifest.batch_id)

    def delivered_again(self, feed: Feed, among: Collection[str] | None = None) -> frozenset[tuple[str, str]]:
        """(batch, name) of the dropped files that a later batch brought under the same name: of all batches, or of some."""
        if not isinstance(feed.source, FilesSource):
            return frozenset()  # a pull is never repeated for the same window, and names its files anew
        found = [manifest for manifest in self.manifests() if among is None or manifest.batch_id in among]
        in_turn = sorted(found, key=lambda manifest: manifest.fetched_at)
        files = [(manifest.batch_id, file.name) for manifest in in_turn for file in manifest.files]
        latest = {name: batch_id for batch_id, name in files}
        return frozenset((batch_id, name) for batch_id, name in files if latest[name] != batch_id)

    def of_one_day(self, feed: Feed, among: Collection[str]) -> list[list[tuple[str, str]]]:
        """(batch, name) of the dropped files of these batches that cover the same day, by day and folder, as they landed.

        Only where there is more than one. Of an archive that names one day for all its files they are none.
        """
        if not isinstance(feed.source, FilesSource) or feed.source.delivered_on:
            return []
        found: dict[tuple[date, str], list[tuple[datetime, str, str]]] = {}
        for manifest in self.manifests():
            landed_at = manifest.landed_at(feed) if manifest.batch_id in among else {}
            for file in manifest.files if landed_at else ():
                place = (file.delivered_on, file.name.rpartition(IN_FOLDER)[0])
                found.setdefault(place, []).append((landed_at[file.name], manifest.batch_id, file.name))
        groups = [[(batch, name) for _, batch, name in sorted(group)] for _, group in sorted(found.items())]
        return [group for group in groups if len({name for _, name in group}) > 1]

    def drop_unfinished(self, but: Path | None = None) -> None:
        """Remove what broken pulls have left."""
        for leftover in self.folder.glob(f"{UNFINISHED}*"):
            if leftover != but:
                shutil.rmtree(leftover)

    @contextmanager
    def new_batch(self, pull: str = "") -> Iterator[Batch]:
        """A batch under construction. What a killed pull left behind is removed first, and an error removes this one.

        A source that can resume names the `pull`. Then the files that an earlier try of it brought whole are there
        again. Only a ContractBreach, which proves them wrong, removes them.
        """
        folder = self.folder / f"{UNFINISHED}{pull or os.getpid()}"
        self.drop_unfinished(but=folder if pull else None)
        folder.mkdir(parents=True, exist_ok=bool(pull))
        for torn in folder.glob(".*"):
            torn.unlink()
        is_kept = False
        try:
            yield Batch(folder)
        except (SourceUnavailable, KeyboardInterrupt):
            is_kept = bool(pull)
            raise
        finally:
            if not is_kept:
                shutil.rmtree(folder, ignore_errors=True)


def _write_whole(path: Path, manifest: Manifest) -> None:
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text(manifest.model_dump_json(indent=1))
    unfinished.replace(path)


class Batch:
    """Files being landed; `commit` makes them a batch in one rename."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[LandedFile] = []

    @contextmanager
    def file(self, name: str, delivered_on: date, n_before: int = 0) -> Iterator[BinaryIO]:
        """Write one file; it is hashed from disk, so the manifest says what is really there."""
        path = self.folder / name
        if path.exists() or name == MANIFEST:
            raise ContractBreach(f"file {name!r}: expected a name of its own within the batch, found it taken")
        unfinished = self.folder / f".{uuid.uuid4().hex}"
        with unfinished.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        unfinished.rename(path)
        self._add(path, delivered_on, n_before)

    def again(self, name: str, delivered_on: date) -> bytes | None:
        """Content of a file that an earlier try of this pull has brought whole, which is part of the batch from now on."""
        path = self.folder / name
        if not path.is_file():
            return None
        self._add(path, delivered_on)
        return path.read_bytes()

    def _add(self, path: Path, delivered_on: date, n_before: int = 0) -> None:
        size, sha256 = path.stat().st_size, file_sha256(path)
        self.files.append(
            LandedFile(name=path.name, sha256=sha256, n_bytes=size, delivered_on=delivered_on, n_before=n_before)
        )

    def clear(self) -> None:
        """Begin anew."""
        self.files.clear()
        for path in self.folder.iterdir():
            path.unlink()

    def commit(self, feed: Feed, window_from: date, window_to: date, **more: Any) -> Manifest:
        """Write the manifest and rename the folder to the batch's id, which is made of window and content.

        Content that comes back, after other content came under its name, is another batch.
        """
        content = [(f.name, f.sha256, *([f.n_before] if f.n_before else [])) for f in self.files]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        manifest = Manifest(
            city_code=feed.city_code,
            feed_code=feed.feed_code,
            batch_id=f"{window_to:%Y%m%d}-{digest}",
            window_from=window_from,
            window_to=window_to,
            fetched_at=datetime.now(UTC),
            files=tuple(self.files),
            **more,
        )
        (self.folder / MANIFEST).write_text(manifest.model_dump_json(indent=1))
        target = self.folder.parent / manifest.batch_id
        if not target.exists():  # the same content for the same window has landed before
            self.folder.rename(target)
        return manifest
