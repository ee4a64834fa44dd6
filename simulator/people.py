"""People who do not exist: name, telephone and identity number from a 64-bit key.

The same key is always the same person. Names are made from characters that mean "test", "made up", "sample". Telephones
start with 154, which no mobile operator was seen to use. Identity numbers start with 999999, which is no division code;
they have a valid check character (GB 11643-1999), so that privacy checks meet the true form.
"""

from __future__ import annotations

import numpy as np

from simulator.truth import Array

_SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
_GIVEN = tuple("测试虚拟样例假设演练仿真")
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECKS = np.array(list("10X98765432"), dtype=object)
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def _mix(keys: Array, salt: int) -> Array:
    """SplitMix64 finaliser (Steele, Lea, Flood 2014): spreads keys over all 64 bits."""
    z = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15 * (salt + 1) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def keys(stream: int, day: Array, county: Array, number: Array) -> Array:
    """The key of a record's person, from the record's stream, day, county and number."""
    packed = ((day.astype(np.uint64) * np.uint64(16) + county.astype(np.uint64)) << np.uint64(20)) + number.astype(
        np.uint64
    )
    return _mix(packed, 100 + stream)


def names(person: Array) -> Array:
    """Surname and two given characters."""
    code = _mix(person, 1)
    surname = (code % np.uint64(len(_SURNAMES))).tolist()
    first = (code // np.uint64(100) % np.uint64(len(_GIVEN))).tolist()
    second = (code // np.uint64(10_000) % np.uint64(len(_GIVEN))).tolist()
    text = [_SURNAMES[s] + _GIVEN[a] + _GIVEN[b] for s, a, b in zip(surname, first, second, strict=True)]
    return np.array(text, dtype=object)


def telephones(person: Array) -> Array:
    """Eleven digits, 154…"""
    return np.array([f"154{n:08d}" for n in (_mix(person, 2) % np.uint64(10**8)).tolist()], dtype=object)


def genders(person: Array) -> Array:
    """男 or 女, in agreement with the identity number."""
    return np.array(["女", "男"], dtype=object)[(_mix(person, 5) % np.uint64(2)).astype(np.int64)]


def identity_numbers(person: Array) -> Array:
    """Eighteen characters: 999999, date of birth 1946..2005, three digits, check character."""
    births = np.datetime64("1946-01-01", "D") + (_mix(person, 3) % np.uint64(21_900)).astype("timedelta64[D]")
    number = _mix(person, 4) % np.uint64(500) * np.uint64(2) + _mix(person, 5) % np.uint64(2)
    first = [
        f"999999{birth.replace('-', '')}{n:03d}"
        for birth, n in zip(np.datetime_as_string(births).tolist(), number.tolist(), strict=True)
    ]
    digits = np.array(first, dtype="U17").view("U1").reshape(len(first), 17).astype(np.int64)
    checks = _CHECKS[digits @ _WEIGHTS % 11]
    return np.array([text + check for text, check in zip(first, checks.tolist(), strict=True)], dtype=object)


def credit_code(number: int) -> str:
    """An organisation's 18-place unified credit code of an unassigned area, with check character (GB 32100-2015)."""
    body = f"91999999{number:09d}"
    total = sum(_CREDIT_ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(body))
    return body + _CREDIT_ALPHABET[-total % 31]
