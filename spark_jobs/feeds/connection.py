"""The address and the secret of a source, handed over by Airflow for one step; never logged, never stored."""

from __future__ import annotations

import json
import os
from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from spark_jobs.errors import EnvironmentFault

VARIABLE = "PINGAN_CONNECTION"


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
