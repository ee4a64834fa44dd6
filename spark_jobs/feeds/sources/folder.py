"""Where files are dropped: a folder of this machine, or a prefix of an S3-compatible store. They differ in nothing else."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from pyarrow import fs

from spark_jobs.errors import EnvironmentFault, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import file_sha256

STORE = "s3://"
CLOCKS = timedelta(hours=1)  # by which our clock and the store's may differ
TIMEOUT = 60  # seconds


@dataclass(frozen=True, order=True)
class Drop:
    """One file: its name below the folder, with `/` between the parts, and its size in bytes.

    `modified`: when the store received it. `is_link`: it is, or lies behind, a link that may lead out of the folder.
    """

    name: str
    size: int
    modified: datetime | None = None
    is_link: bool = False

    def is_older(self, instant: datetime) -> bool:
        """True if the bytes are certain to have been there at the instant; a local clock of a file proves nothing."""
        return self.modified is not None and self.modified < instant - CLOCKS


class Folder(ABC):
    """What can be done with dropped files: list, read, hash."""

    @classmethod
    def of(cls, connection: Connection) -> Folder:
        """By the connection's `path`: `s3://bucket/prefix` is a store, with key and secret as login and password."""
        path = str(connection.extra.get("path", ""))
        return Store.at(path, connection) if path.startswith(STORE) else LocalFolder(Path(path))

    @abstractmethod
    def drops(self, pattern: str) -> list[Drop]:
        """Files whose names match, in order of their names. Raises SourceUnavailable."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Content of a file. Raises OSError."""

    @abstractmethod
    def sha256(self, name: str) -> str:
        """Hash of a file's content. Raises OSError."""


class LocalFolder(Folder):
    """A folder that this machine sees."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def drops(self, pattern: str) -> list[Drop]:
        if not self._path.is_dir():
            raise SourceUnavailable(f"folder {self._path} is not there")
        found = [path for path in sorted(self._path.glob(pattern)) if path.is_file() or path.is_symlink()]
        return [self._drop(path) for path in found]

    def _drop(self, path: Path) -> Drop:
        is_link = path.is_symlink() or not path.resolve().is_relative_to(self._path.resolve())
        return Drop(path.relative_to(self._path).as_posix(), path.lstat().st_size, is_link=is_link)

    def open(self, name: str) -> BinaryIO:
        return (self._path / name).open("rb")

    def sha256(self, name: str) -> str:
        return file_sha256(self._path / name)


class Store(Folder):
    """A prefix of a store. What has landed is told by name, size and time, so that it is not read every night."""

    def __init__(self, filesystem: fs.FileSystem, prefix: str) -> None:
        self._filesystem, self._prefix = filesystem, PurePosixPath(prefix)

    @classmethod
    def at(cls, path: str, connection: Connection) -> Store:
        """The connection's `extra` may hold `endpoint_url` (of a store that is not AWS) and `region_name`.

        Raises EnvironmentFault for an address on http that the connection does not call plain.
        """
        scheme, _, address = str(connection.extra.get("endpoint_url", "")).rpartition("://")
        if scheme == "http" and not connection.is_plain:
            raise EnvironmentFault(
                f"connection: expected https in extra.endpoint_url, found {scheme}://{address}\n  what to do: write https, "
                'or add "transport": "plain" if what the files hold may be read on the way'
            )
        filesystem = fs.S3FileSystem(
            access_key=connection.login,
            secret_key=connection.password.get_secret_value() or None,
            endpoint_override=address or None,
            scheme=scheme or "https",
            region=connection.extra.get("region_name", "us-east-1"),
            connect_timeout=TIMEOUT,
            request_timeout=TIMEOUT,
        )
        return cls(filesystem, path.removeprefix(STORE).rstrip("/"))

    def drops(self, pattern: str) -> list[Drop]:
        wanted = PurePosixPath(pattern).parts
        try:
            listed = self._filesystem.get_file_info(fs.FileSelector(str(self._prefix), recursive=len(wanted) > 1))
        except OSError as error:
            raise SourceUnavailable(f"the store does not list {STORE}{self._prefix}: {error}") from None
        return sorted(self._matching(listed, wanted))

    def _matching(self, listed: list[fs.FileInfo], pattern: Sequence[str]) -> Iterator[Drop]:
        for found in listed:
            parts = PurePosixPath(found.path).relative_to(self._prefix).parts
            if _agrees(parts, pattern) and found.type == fs.FileType.File:
                yield Drop("/".join(parts), found.size, found.mtime.astimezone(UTC))

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self._filesystem.open_input_stream(str(self._prefix / name)))

    def sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.open(name) as content:
            while block := content.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()


def _agrees(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a name agrees with a pattern as `Path.glob` understands it; `**` is any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _agrees(parts, pattern[1:]) or (bool(parts) and _agrees(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _agrees(parts[1:], pattern[1:])
