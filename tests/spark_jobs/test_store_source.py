"""Files in an S3-compatible store are taken as files in a folder are, and not read again every night."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from pyarrow import fs

from spark_jobs.connection import Connection
from spark_jobs.errors import SourceUnavailable
from spark_jobs.landing import Landing, Manifest
from spark_jobs.sources import files
from spark_jobs.sources.folder import Folder, Store
from tests.bad_input import cases

DAY, CUTOFF = date(2026, 6, 30), datetime(2026, 6, 30, 18, tzinfo=UTC)
CONTENT = cases.csv_of(cases.line("good2")).encode()


def land(landing: Landing, connection: Connection) -> Manifest | None:
    return files.land(cases.feed(), connection, landing, DAY, CUTOFF, "Asia/Shanghai")


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
def store(free_ports: int) -> Iterator[Connection]:
    """The connection to a store on loopback, with a bucket `drops`."""
    program = shutil.which("moto_server")
    if program is None:
        pytest.skip("moto_server is not there: an S3-compatible store on loopback")
    port = free_ports + 29
    endpoint = f"http://127.0.0.1:{port}"
    with subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    httpx.put(f"{endpoint}/drops").raise_for_status()
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    assert server.poll() is None
                    time.sleep(0.2)
            extra = {"path": "s3://drops/police/cases", "endpoint_url": endpoint}
            yield Connection.model_validate({"conn_type": "aws", "login": "key", "password": "s3cret", "extra": extra})
        finally:
            server.terminate()


@pytest.mark.e2e
def test_files_of_a_store_land_once(store: Connection, tmp_path: Path) -> None:
    landing, address = Landing(tmp_path / "landing"), str(store.extra["endpoint_url"]).removeprefix("http://")
    office = fs.S3FileSystem(access_key="key", secret_key="s3cret", scheme="http", endpoint_override=address)
    names = ("cases_20260210.csv", "cases_20260211.csv", "other.csv", "older/cases_20260209.csv")
    contents = {name: CONTENT.replace(b"good2", name.encode()) for name in names} | {"cases_20260211.csv.sha256": b"0"}
    for name, content in contents.items():
        httpx.put(f"http://{address}/drops/police/cases/{name}", content=content).raise_for_status()
    with pytest.raises(SourceUnavailable, match="the transfer is not complete"):
        land(landing, store)
    office.delete_file("drops/police/cases/cases_20260211.csv.sha256")
    manifest = land(landing, store)
    assert manifest
    assert [file.name for file in manifest.files] == [*names[:2], "older__cases_20260209.csv"]
    assert landing.path(manifest, manifest.files[0]).read_bytes() == contents[names[0]]
    assert land(landing, store) is None
    gone = store.model_copy(update={"extra": {**store.extra, "path": "s3://nothing/here"}})
    with pytest.raises(SourceUnavailable, match="the store does not list s3://nothing/here") as refusal:
        land(landing, gone)
    assert "s3cret" not in str(refusal.value)
