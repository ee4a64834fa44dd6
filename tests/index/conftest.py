"""A made-up city for the tests of the chain: expected events per indicator, spread over the areas."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.composite_index import IndicatorWindow
from spark_jobs.index.methodology import Methodology, load_methodology

settings.register_profile("untimed", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("untimed")

Windows = tuple[IndicatorWindow, ...]
EVENTS, TRIALS = 3000.0, 30_000.0


@pytest.fixture(scope="session")
def methodology() -> Methodology:
    return load_methodology()


@pytest.fixture(scope="session")
def year(methodology: Methodology) -> Callable[..., Windows]:
    """year(relative_risk (n_areas,), size=1.0): windows with exactly the expected, unrounded counts."""

    def build(relative_risk: FloatArray, size: float = 1.0) -> Windows:
        n_areas = relative_risk.size
        windows = []
        for indicator in methodology.indicators:
            per_area = size * (EVENTS if indicator.kind == "rate" else TRIALS / 10.0) / n_areas
            n_strata = len(indicator.strata)
            counts = np.tile(relative_risk * per_area / n_strata, (n_strata, 1))
            denominator = np.full(n_areas, 1e5 if indicator.kind == "rate" else size * TRIALS / n_areas)
            weights = np.array(methodology.harm_days(indicator))
            windows.append(IndicatorWindow(indicator.id, counts, denominator, weights, is_live=True))
        return tuple(windows)

    return build
