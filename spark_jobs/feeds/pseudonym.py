"""Pseudonyms: HMAC-SHA256 under versioned keys that are held outside the lake.

The pseudonym under key n is the keyed hash of the pseudonym under key n-1, and under key 1 that of the value itself.
So a pseudonym of the lake can be brought to a new key without the value, which is long gone, and old and new rows of
the same person go on meeting. Whoever gets hold of a replaced key alone can no longer test values against the lake.
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path

from expectations.normal_form import is_null_word, normal
from spark_jobs.errors import EnvironmentFault
from spark_jobs.masking import OF_A_PERSON

ERASED, NEXT = "erased.json", "hash_keys.next.json"  # beside the keys


class Pseudonymiser:
    """Turns a personal value into `v<key version>:<128 bits of HMAC>`; the same value gives the same pseudonym."""

    def __init__(self, keys: dict[str, str], erased: frozenset[str] = frozenset()) -> None:
        self._keys = {version: bytes.fromhex(keys[version]) for version in sorted(keys, key=int)}
        self._first = next(iter(self._keys.values()))
        self._erased = erased
        self.version = max(keys, key=int)

    @classmethod
    def from_file(cls, path: Path) -> Pseudonymiser:
        """Read {"1": "<hex>", ...}; the highest version is in use. Raises EnvironmentFault.

        Also while a change of the key is unfinished: rows under two keys would not meet.
        """
        if path.with_name(NEXT).exists():
            raise EnvironmentFault(
                "pseudonym keys: a change of the key was interrupted\n  what to do: python -m spark_jobs rotate"
            )
        return cls(read_keys(path), frozenset(read_erased(path)))

    def of(self, city_code: str, values: tuple[str | None, ...]) -> str | None:
        """Pseudonym of one value, or of an unordered group of them (the two parties of a dispute).

        All spellings of one normal form are one person. The city is part of the message, so that cities cannot be
        linked. None if any value is missing or a null word, or is one whose person had it erased.
        """
        persons = [normal(value) for value in values if value]
        if len(persons) != len(values) or any(not person or is_null_word(person) for person in persons):
            return None
        if self._erased:
            spellings = {*persons, *(value.strip() for value in values if value)}  # of before there was a normal form
            if not self._erased.isdisjoint(self._remembered(city_code, each) for each in spellings):
                return None
        return self._under_every_key(city_code, persons)[-1]

    def under_every_key(self, city_code: str, values: list[str]) -> list[str]:
        """The pseudonyms that a group of values has had under the keys so far, the one in use last.

        Those of the values as they are written stand before those of their normal form: older rows have them.
        """
        persons = [normal(value) for value in values]
        written = [value.strip() for value in values]
        older = self._under_every_key(city_code, written) if written != persons else []
        return [*older, *self._under_every_key(city_code, persons)]

    def _under_every_key(self, city_code: str, persons: list[str]) -> list[str]:
        message = "\x1f".join([city_code, *sorted(persons)])
        found: list[str] = []
        for version, key in self._keys.items():
            found.append(_hashed(version, key, found[-1] if found else message))
        return found

    def renewed(self, pseudonym: str) -> str:
        """A pseudonym under an older key, brought to the key in use."""
        began = int(pseudonym[1:].split(":")[0])
        for version, key in self._keys.items():
            if int(version) > began:
                pseudonym = _hashed(version, key, pseudonym)
        return pseudonym

    def fingerprint(self, city_code: str, value: str) -> str:
        """How an erased value is remembered: a keyed hash that is no pseudonym and stays when the key is changed."""
        return self._remembered(city_code, normal(value))

    def neutral(self, city_code: str, name: str) -> str:
        """A file's name in which each telephone or identity number is a keyed hash of itself."""
        return OF_A_PERSON.sub(lambda number: self.fingerprint(city_code, number.group())[:16], name)

    def _remembered(self, city_code: str, text: str) -> str:
        message = "\x1f".join(["erased", city_code, text])
        return hmac.digest(self._first, message.encode(), "sha256").hex()


def _hashed(version: str, key: bytes, message: str) -> str:
    return f"v{version}:{hmac.digest(key, message.encode(), 'sha256')[:16].hex()}"


def read_keys(path: Path) -> dict[str, str]:
    """Key version -> hex. Raises EnvironmentFault."""
    try:
        keys: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"pseudonym keys: {path} cannot be read ({error}); `make run` creates it") from error
    return keys


def read_erased(path: Path) -> list[str]:
    """Fingerprints of the values that persons had erased, from beside the keys in `path`. Raises EnvironmentFault."""
    beside = path.with_name(ERASED)
    try:
        erased: list[str] = json.loads(beside.read_text()) if beside.exists() else []
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"erased values: {beside} cannot be read ({error})") from error
    return erased
