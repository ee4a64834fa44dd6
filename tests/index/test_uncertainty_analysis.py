"""The yearly study: it computes the published index at the published choices, and blames what was varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from spark_jobs.index.engine import uncertainty_analysis as choices
from spark_jobs.index.engine.arrays import EngineInputError, FloatArray
from spark_jobs.index.engine.inputs import IndicatorWindow
from spark_jobs.index.engine.released_inputs import ReleasedInputs, Windows
from spark_jobs.index.engine.uncertainty_analysis import FACTORS, Choices, study
from spark_jobs.index.methodology import Methodology

pytestmark = pytest.mark.unit

CLOSE = np.array([1.0, 0.98, 1.02, 1.01, 0.99])
APART = np.array([0.3, 0.6, 1.0, 1.6, 2.5])
Year = Callable[..., Windows]


@pytest.fixture(scope="module")
def coarse(methodology: Methodology) -> Methodology:
    return methodology.model_copy(update={"posterior": methodology.posterior.model_copy(update={"draws": 400})})


def released(year: Year, risk: FloatArray, size: float = 1.0) -> ReleasedInputs:
    base = tuple(year(np.array([0.6, 0.8, 1.0, 1.3, 1.7]) * level, size) for level in (0.95, 1.0, 1.05))
    return ReleasedInputs(("1", "2", "3", "4", "5"), year(risk, size), (), base)


def without(inputs: ReleasedInputs, start: str) -> ReleasedInputs:
    def kept(windows: Windows) -> tuple[IndicatorWindow, ...]:
        return tuple(w for w in windows if not w.indicator_id.startswith(start))

    return replace(inputs, headline=kept(inputs.headline), base_years=tuple(map(kept, inputs.base_years)))


def test_the_published_choices_give_the_published_index(coarse: Methodology, year: Year) -> None:
    """With a thousand times the events chance is gone, and two ways of computing must agree."""
    inputs = released(year, CLOSE * np.array([1.0, 0.7, 1.2, 1.5, 0.9]), size=1000.0)
    model = Choices(inputs, coarse)
    found = model.index(model.published[:, None])[:, 0]
    np.testing.assert_allclose(found, inputs.index(coarse).overall.index[:-1], atol=0.1)


def test_areas_far_apart_keep_their_rank_whatever_is_chosen(coarse: Methodology, year: Year) -> None:
    found = study(released(year, APART), coarse, n_base=32)
    assert found.rank.tolist() == found.rank_low.tolist() == found.rank_high.tolist() == [1, 2, 3, 4, 5]
    assert not found.shift.any() and not found.shift_alone.any()
    assert not found.of_rank.total.any() and not found.of_mean_shift.total.any()


def test_only_chance_tells_apart_areas_that_are_alike(coarse: Methodology, year: Year) -> None:
    """The made-up city divides everything by the same denominator, so that residents are no other denominator."""
    found = study(released(year, CLOSE), coarse, n_base=256)
    total = dict(zip(FACTORS, found.of_mean_shift.total[0], strict=True))
    assert total["denominators"] == 0.0 and found.shift_alone[FACTORS.index("denominators")] == 0.0
    assert max(total, key=lambda factor: total[factor]) == "chance"
    assert total["chance"] > 0.8
    assert (found.rank_low <= found.rank).all() and (found.rank <= found.rank_high).all()


def test_each_factor_is_one_choice(coarse: Methodology, year: Year, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving one factor moves the index unless there is nothing to choose."""
    inputs = released(year, CLOSE * np.array([1.0, 0.7, 1.2, 1.5, 0.9]))
    more_residents = [
        replace(
            w,
            denominator=w.denominator * np.array([1.0, 2.0, 1.0, 0.5, 1.0])
            if w.indicator_id[:2] == "a3"
            else w.denominator,
        )
        for w in inputs.headline
    ]
    model = Choices(replace(inputs, headline=tuple(more_residents)), coarse)
    before = model.index(model.published[:, None])
    for n, factor in enumerate(FACTORS):
        point = model.published.copy()
        point[n] = 0.99
        assert np.abs(model.index(point[:, None]) - before).max() > 1e-6, factor
    monkeypatch.setattr(choices, "VARIED_STRATUM", "no such stratum")
    fixed = Choices(inputs, coarse)
    point = fixed.published.copy()
    point[FACTORS.index("serious_injury")] = 0.99
    np.testing.assert_array_equal(fixed.index(point[:, None]), fixed.index(fixed.published[:, None]))


def test_what_is_missing_is_left_out_and_a_whole_domain_stops_the_study(coarse: Methodology, year: Year) -> None:
    inputs = released(year, APART)
    found = study(without(inputs, "b2"), coarse, n_base=2)
    row = [indicator.id[:2] for indicator in coarse.indicators].index("b2")
    assert found.left_out == (coarse.indicators[row].id,)
    assert found.nominal[row] == 0.0 and np.isnan(found.influence[row])
    assert found.nominal.sum() == pytest.approx(1.0)
    assert np.nanmin(found.influence) > 0.9, "every indicator has the same relative risks here"
    with pytest.raises(EngineInputError, match="disputes"):
        study(without(inputs, "c"), coarse, n_base=2)
