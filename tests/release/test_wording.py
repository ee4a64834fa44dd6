"""How figures are printed: no digit that the draws do not carry, no interval narrower than it was computed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording, bounds, points

pytestmark = pytest.mark.unit
METHODOLOGY = load_methodology()
POINTS = st.floats(-300.0, 300.0)


def read(text: str) -> int:
    """A printed figure as a number again."""
    assert re.fullmatch("[+−]?[0-9]+", text) and text != "−0", text
    return int(text.replace("−", "-"))


@given(POINTS)
def test_points_are_whole_and_within_half_a_point(value: float) -> None:
    assert abs(read(points(value)) - value) <= 0.5


@given(POINTS, st.floats(0.0, 80.0))
def test_bounds_are_whole_and_hold_the_interval_and_the_figure(lower: float, width: float) -> None:
    low, high = map(read, bounds(lower, lower + width))
    assert lower - 1 <= low <= lower and lower + width <= high <= lower + width + 1
    assert low <= read(points(lower + width / 2)) <= high


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=POINTS)
def test_a_change_on_the_year_before_has_a_sign_or_is_nothing(language: LanguageCode, value: float) -> None:
    said = Wording(language, METHODOLOGY).change_1y(value)
    assert abs(read(said) - value) <= 0.5
    assert said == "0" or said[0] == ("+" if value > 0 else "−")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_said_in_words(language: LanguageCode) -> None:
    words = Wording(language, METHODOLOGY)
    for said in (words.index(None), words.interval(None, 1.0), words.interval(1.0, None), words.change_1y(None)):
        assert said and not re.search("[0-9]", said)
