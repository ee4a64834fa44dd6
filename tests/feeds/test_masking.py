"""A masked value says how it is written and nothing of what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.masking import LONGEST, masked

pytestmark = pytest.mark.unit

MASKED = {
    "a telephone": ("15412345678", "99999999999"),
    "an identity number": ("99999919800101001X", "99999999999999999A"),
    "a name": ("王测样", "文文文"),
    "a name with a dot": ("阿依古丽·买买提", "文文文文·文文文"),
    "a Latin name": ("O'Neil, Zoë", "A'Aaaa, Aa文"),
    "full-width digits": ("１２", "99"),
    "a day the wrong way round": ("31/01/2026", "99/99/9999"),
    "an amount with its unit": ("10.5万元", "99.9文文"),
    "a mark that belongs to a letter": ("नि", "文文"),
    "a lost character": ("刑\ufffd", "文\ufffd"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("value", "expected"), MASKED.values(), ids=MASKED.keys())
def test_letters_and_digits_give_way_and_the_rest_stays(value: str, expected: str) -> None:
    assert masked(value) == expected


def test_a_long_value_is_cut_and_its_length_told() -> None:
    assert masked("x" * 1_234) == "a" * LONGEST + "… (1,234 characters)"


@given(st.text(st.characters(categories=["L", "M", "N"]), max_size=LONGEST))
def test_values_with_the_same_mask_cannot_be_told_apart(value: str) -> None:
    assert set(masked(value)) <= set("9Aa文")
