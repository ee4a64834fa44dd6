"""Files in an S3-compatible store are taken as files in a folder are, and not read again every night."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from pyarrow import fs
from pydantic import SecretStr

from spark_jobs.errors import SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import Landing, Manifest
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.folder import Folder, Store
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input import cases

DAY, CUTOFF = date(2026, 6, 30), datetime(2026, 6, 30, 18, tzinfo=UTC)
CONTENT = cases.csv_of(cases.line("good2")).encode()


def land(landing: Landing, connection: Connection) -> Manifest | None:
    return files.land(Pull(cases.feed(), connection, landing, DAY, CUTOFF, "Asia/Shanghai"))


@pytest.mark.unit
def test_what_has_landed_is_told_by_name_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = tmp_path / "bucket" / "cases"
    bucket.mkdir(parents=True)
    store, landing = Store(fs.LocalFileSystem(), str(bucket)), Landing(tmp_path / "landing")
    monkeypatch.setattr(Folder, "of", lambda connection: store)
    read: list[str] = []
    sha256 = store.sha256
    monkeypatch.setattr(store, "sha256", lambda name: (read.append(name), sha256(name))[1])
    path, long_ago = bucket / "cases_20260210.csv", time.time() - 86_400
    path.write_bytes(CONTENT)
    os.utime(path, (long_ago, long_ago))
    for _ in range(2):
        land(landing, Connection(conn_type="aws"))
    assert read == [path.name]
    changed = CONTENT.replace(b"good2", b"good3")
    path.write_bytes(changed)  # another content of the same size: its time tells
    manifest = land(landing, Connection(conn_type="aws"))
    assert manifest
    assert landing.path(manifest, manifest.files[0]).read_bytes() == changed
    assert len(landing.manifests()) == 2


@pytest.fixture
def store(free_ports: int, tmp_path: Path) -> Iterator[Connection]:
    """The connection to a store on loopback that checks signatures; its buckets are the folders of `tmp_path/store`."""
    program = Path(sys.executable).with_name("rclone")
    assert program.is_file(), f"{program} is not there: it comes with requirements/pipeline.in (make setup)"
    (tmp_path / "store").mkdir()
    address = f"127.0.0.1:{free_ports + 29}"
    options = ["--config=", "--dir-cache-time=0", f"--addr={address}", "--auth-key=key,s3cret"]  # no file of settings
    with subprocess.Popen([program, "serve", "s3", *options, tmp_path / "store"], stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    assert httpx.get(f"http://{address}/").is_client_error  # up, and unsigned requests are refused
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    assert server.poll() is None
                    time.sleep(0.2)
            extra = {"path": "s3://drops/police/cases", "endpoint_url": f"http://{address}", "transport": "plain"}
            yield Connection.model_validate({"conn_type": "aws", "login": "key", "password": "s3cret", "extra": extra})
        finally:
            server.terminate()


@pytest.mark.e2e
def test_files_of_a_store_land_once(store: Connection, tmp_path: Path) -> None:
    landing, office = Landing(tmp_path / "landing"), tmp_path / "store" / "drops" / "police" / "cases"
    (office / "older").mkdir(parents=True)
    names = ("cases_20260210.csv", "cases_20260211.csv", "other.csv", "older/cases_20260209.csv")
    contents = {name: CONTENT.replace(b"good2", name.encode()) for name in names} | {"cases_20260211.csv.sha256": b"0"}
    for name, content in contents.items():
        (office / name).write_bytes(content)
    with pytest.raises(SourceUnavailable, match="the transfer is not complete"):
        land(landing, store)
    (office / "cases_20260211.csv.sha256").unlink()
    manifest = land(landing, store)
    assert manifest
    assert [file.name for file in manifest.files] == [*names[:2], "older__cases_20260209.csv"]
    assert landing.path(manifest, manifest.files[0]).read_bytes() == contents[names[0]]
    assert land(landing, store) is None
    gone = store.model_copy(update={"extra": {**store.extra, "path": "s3://nothing/here"}})
    stranger = store.model_copy(update={"password": SecretStr("gue55ed")})
    for refused, path in ((gone, "s3://nothing/here"), (stranger, "s3://drops/police/cases")):
        with pytest.raises(SourceUnavailable, match=f"the store does not list {path}") as refusal:
            land(landing, refused)
        assert not {word for word in ("s3cret", "gue55ed") if word in str(refusal.value)}
