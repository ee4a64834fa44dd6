"""What comes from a source comes encrypted from the one who was asked, unless its connection says otherwise by name."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from expectations.models import ApiSource
from spark_jobs.errors import EnvironmentFault, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.sources import database
from spark_jobs.feeds.sources.api import ApiClient
from spark_jobs.feeds.sources.folder import Store
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input.unreliable_api import ROWS, Office, page, serving
from tests.feeds.test_database_source import feed_of

PATIENCE = {"attempts": 1, "first_wait": 0.01, "longest_wait": 0.01}
SOURCE = ApiSource.model_validate(
    {
        "type": "api", "connection": "trial", "token_path": "/token", "path": "/rows", "items": "items", "total": "total",
        "page_parameter": "page", "size_parameter": "size", "page_size": 2, "from_parameter": "from", "to_parameter": "to",
    }
)  # fmt: skip


def certificate(folder: Path, address: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for an address, as a client's authority and as a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "office")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority, secret = folder / f"{address}.pem", folder / f"{address}.key"
    authority.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, secret)
    return authority, context


def asked(port: int, **extra: Any) -> list[Any]:
    connection = Connection(conn_type="http", host="127.0.0.1", port=port, extra={"patience": PATIENCE, **extra})
    with ApiClient(SOURCE, connection) as client:
        return client.page({"page": 1}).rows


@pytest.mark.e2e
def test_an_api_is_asked_over_https(tmp_path: Path) -> None:
    authority, context = certificate(tmp_path, "127.0.0.1")
    with serving(Office(lambda number, _: page(number)), context) as office:
        assert asked(office.port, ca_file=str(authority)) == ROWS[:2]


@pytest.mark.e2e
@pytest.mark.parametrize("fault", ["unknown authority", "another address", "no TLS"])
def test_an_api_that_cannot_prove_who_it_is_gets_no_password(tmp_path: Path, fault: str) -> None:
    authority, context = certificate(tmp_path, "127.0.0.2" if fault == "another address" else "127.0.0.1")
    extra = {} if fault == "unknown authority" else {"ca_file": str(authority)}
    with serving(Office(lambda number, _: page(number)), None if fault == "no TLS" else context) as office:
        with pytest.raises(SourceUnavailable, match=r"(?i)ssl"):
            asked(office.port, **extra)
        assert office.n_tokens == 0


@pytest.mark.unit
@pytest.mark.parametrize("host", ["10.0.0.5", "api.example", "8.8.8.8", "2001:db8::1", None])
def test_no_password_goes_over_http_to_another_machine(host: str | None) -> None:
    connection = Connection(conn_type="http", host=host, port=80, extra={"transport": "plain"})
    with pytest.raises(EnvironmentFault, match="expected https"):
        ApiClient(SOURCE, connection)


@pytest.mark.unit
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_may_be_plain(host: str) -> None:
    Connection(conn_type="http", host=host, port=80, extra={"transport": "plain"}).keep_secrets()


@pytest.mark.unit
@pytest.mark.parametrize("word", ["http", "Plain", "none", "", 1, None])
def test_another_word_for_the_transport_is_refused(word: object) -> None:
    with pytest.raises(EnvironmentFault, match=r"extra\.transport"):
        Connection(conn_type="postgres", host="db.example", extra={"transport": word}).keep_secrets()


@pytest.mark.unit
def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="ca_file .*gone.pem"):
        ApiClient(SOURCE, Connection(conn_type="http", host="a.example", extra={"ca_file": str(tmp_path / "gone.pem")}))


@pytest.mark.unit
def test_a_store_on_http_says_so_by_name() -> None:
    extra = {"endpoint_url": "http://store.example:9000"}
    with pytest.raises(EnvironmentFault, match=r"expected https in extra\.endpoint_url"):
        Store.at("s3://drops/cases", Connection(conn_type="aws", login="key", password=SecretStr("s"), extra=extra))
    Store.at(
        "s3://drops/cases",
        Connection(conn_type="aws", login="key", password=SecretStr("s"), extra={**extra, "transport": "plain"}),
    )


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, free_ports: int) -> Iterator[int]:
    """Port of a real database server on loopback that has no TLS."""
    from stack.layout import Layout
    from stack.postgres import Postgres

    layout = Layout(
        state=tmp_path_factory.mktemp("state"), published=tmp_path_factory.mktemp("out"), port_base=free_ports
    )
    server = Postgres(layout)
    server.start()
    yield layout.port("postgres")
    server.service.stop()


def pull_of(tmp_path: Path, port: int, **extra: str) -> Pull:
    connection = Connection(conn_type="postgres", host="127.0.0.1", port=port, schema_="x", login="x", extra=extra)
    cutoff = datetime(2026, 2, 10, 18, tzinfo=UTC)
    return Pull(feed_of("cases"), connection, Landing(tmp_path), date(2026, 2, 10), cutoff, "Asia/Shanghai")


@pytest.mark.e2e
def test_a_database_without_tls_is_not_asked_unless_the_connection_says_so(tmp_path: Path, port: int) -> None:
    with pytest.raises(SourceUnavailable, match="server does not support SSL"):
        database.land(pull_of(tmp_path, port))
    with pytest.raises(SourceUnavailable, match="password") as refused:  # it was asked, and knows no such account
        database.land(pull_of(tmp_path, port, transport="plain"))
    assert "SSL" not in str(refused.value)


@pytest.mark.unit
def test_a_database_proves_who_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    def connect(**options: Any) -> Any:
        told.update(options)
        raise psycopg.OperationalError("away")

    monkeypatch.setattr(psycopg, "connect", connect)
    for extra, root in (({}, "system"), ({"ca_file": "/etc/ssl/city.pem"}, "/etc/ssl/city.pem")):
        with pytest.raises(SourceUnavailable):
            database.land(pull_of(tmp_path, 5432, **extra))
        assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", root)
