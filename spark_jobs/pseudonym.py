"""Pseudonyms: HMAC-SHA256 under a versioned key that is held outside the lake."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from spark_jobs.errors import EnvironmentFault


class Pseudonymiser:
    """Turns a personal value into `v<key version>:<128 bits of HMAC>`; the same value gives the same pseudonym."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._version = max(keys, key=int)
        self._key = bytes.fromhex(keys[self._version])

    @classmethod
    def from_file(cls, path: Path) -> Pseudonymiser:
        """Read {"1": "<hex>", ...}; the highest version is in use. Raises EnvironmentFault."""
        try:
            return cls(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise EnvironmentFault(f"pseudonym keys: {path} cannot be read ({error}); `make run` creates it") from error

    def of(self, city_code: str, values: tuple[str | None, ...]) -> str | None:
        """Pseudonym of one value, or of an unordered group of them (the two parties of a dispute).

        The city is part of the message, so that cities cannot be linked. None if any value is missing.
        """
        cleaned = sorted(value.strip() for value in values if value and value.strip())
        if len(cleaned) != len(values):
            return None
        message = "\x1f".join([city_code, *cleaned]).encode()
        return f"v{self._version}:{hmac.new(self._key, message, hashlib.sha256).hexdigest()[:32]}"
