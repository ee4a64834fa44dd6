"""Made-up people: shaped like real ones, provably nobody."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pytest

from simulator import people

pytestmark = pytest.mark.unit

PERSONS = people.keys(9, np.arange(2_000) + 20_000, np.arange(2_000) % 9, np.arange(2_000) % 50 + 1)


def checksum(first_17: str) -> str:
    """ISO 7064 MOD 11-2, as GB 11643-1999 prescribes, by its recursive definition."""
    remainder = 0
    for digit in first_17:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]


def test_checksum_of_a_published_example() -> None:
    assert checksum("11010519491231002") == "X"  # the standard's own example


def test_identity_numbers_are_valid_and_of_no_division() -> None:
    for number in people.identity_numbers(PERSONS).tolist():
        assert number.startswith("999999")
        assert date.fromisoformat(f"{number[6:10]}-{number[10:12]}-{number[12:14]}").year in range(1946, 2006)
        assert checksum(number[:17]) == number[17]


def test_gender_agrees_with_the_identity_number() -> None:
    odd = [int(number[16]) % 2 for number in people.identity_numbers(PERSONS).tolist()]
    assert people.genders(PERSONS).tolist() == [("女", "男")[bit] for bit in odd]


def test_telephones_look_like_mobiles_of_no_operator() -> None:
    assert all(re.fullmatch(r"154\d{8}", number) for number in people.telephones(PERSONS).tolist())


def test_persons_differ_and_stay_themselves() -> None:
    numbers = people.identity_numbers(PERSONS).tolist()
    assert len(set(numbers)) == len(numbers)
    assert people.identity_numbers(PERSONS).tolist() == numbers
    assert all(re.fullmatch(r"[\u4e00-\u9fff]{3}", name) for name in people.names(PERSONS).tolist())
