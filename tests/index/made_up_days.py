"""Made-up daily counts of a city, small enough that the engine is through with them in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from spark_jobs.index.methodology import Methodology

FIRST = date(2022, 1, 1)
DENOMINATORS = ("residents", "population_at_risk", "vehicles_10k", "employees")
FEW = {"draws": 60, "tau_points": 20, "mean_points": 21}


def with_few_draws(methodology: Methodology) -> Methodology:
    return methodology.model_copy(update={"posterior": methodology.posterior.model_copy(update=FEW)})


def daily(methodology: Methodology, area_codes: Sequence[str], last: date, seed: int = 3) -> pd.DataFrame:
    """indicators.daily: some events every day in every area and stratum; the proportions with sixty trials."""
    generator = np.random.default_rng(seed)
    days = pd.date_range(FIRST, last).date
    frames = [
        pd.DataFrame({
            "indicator_id": indicator.id, "area_code": area, "day": days, "stratum": stratum,
            "numerator": generator.poisson(generator.uniform(0.5, 3.0), len(days)).astype(float),
            "denominator": np.nan if indicator.kind == "rate" else 60.0,
        })
        for indicator in methodology.indicators for stratum in indicator.strata for area in area_codes
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)
