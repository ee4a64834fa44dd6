"""The address and the secret of a source, handed over by Airflow for one step; never logged, never stored."""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from spark_jobs.errors import EnvironmentFault

VARIABLE = "PINGAN_CONNECTION"


class Transport(BaseModel):
    """How the way to a source is kept, from the Connection's extra; nothing said is a checked certificate.

    `ca_file`: certificates (PEM) of those who sign for the source, where they are not the machine's own.
    `search_path`: the schema of a PostgreSQL database in which the source's table lies, where it is not the account's own.
    """

    model_config = ConfigDict(extra="ignore")
    transport: Literal["verified", "plain"] = "verified"
    ca_file: str | None = None
    search_path: str | None = Field(pattern=r"^[a-z_][a-z0-9_]*$", default=None)


class Connection(BaseModel):
    """An Airflow Connection. `extra` holds what the source type needs beyond an address (a path, TLS)."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    conn_type: str
    host: str | None = None
    port: int | None = None
    schema_: str | None = None
    login: str | None = None
    password: SecretStr = SecretStr("")
    extra: dict[str, Any] = {}

    @property
    def is_plain(self) -> bool:
        """Whether the connection says by name that nothing on the way is encrypted. Raises EnvironmentFault."""
        return self._transport().transport == "plain"

    @property
    def ca_file(self) -> str | None:
        return self._transport().ca_file

    @property
    def search_path(self) -> str | None:
        return self._transport().search_path

    def tls(self) -> ssl.SSLContext:
        """A context that checks who answers. Raises EnvironmentFault for certificates that cannot be read."""
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise EnvironmentFault(f"connection: extra.ca_file {self.ca_file}: {error}") from None

    def keep_secrets(self) -> None:
        """Raises EnvironmentFault where http would show a password or a token to a network."""
        if self.is_plain and not _is_here(self.host):
            raise EnvironmentFault(
                f'connection to {self.host}: expected https, found "transport": "plain" in its extra; over http everybody '
                "on the way reads the password\n  what to do: let the source answer on https (its own authority's "
                'certificates as "ca_file"), or put a proxy with TLS before it'
            )

    def _transport(self) -> Transport:
        try:
            return Transport.model_validate(self.extra)
        except ValidationError as error:
            found = ", ".join(f"extra.{part['loc'][0]}: {part['msg']}" for part in error.errors())
            raise EnvironmentFault(f"connection: {found}") from None

    @classmethod
    def from_environment(cls, connection_id: str) -> Connection:
        """Read PINGAN_CONNECTION, a JSON object with Airflow's field names. Raises EnvironmentFault."""
        text = os.environ.get(VARIABLE)
        if not text:
            raise EnvironmentFault(
                f"connection {connection_id}: {VARIABLE} is not set; the Airflow task sets it from the Connection of that name"
            )
        try:
            fields = json.loads(text)
            extra = fields.get("extra") or {}
            fields["extra"] = json.loads(extra) if isinstance(extra, str) else extra
            return cls(**{("schema_" if name == "schema" else name): value for name, value in fields.items()})
        except ValueError as error:
            raise EnvironmentFault(f"connection {connection_id}: not a usable Airflow Connection: {error!r}") from None


def _is_here(host: str | None) -> bool:
    """Whether the address is this machine's own loopback."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
