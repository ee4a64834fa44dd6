"""Totals to rates."""

import numpy as np

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray


def denominated(values: FloatArray, denominator: FloatArray, per: float = 1.0) -> FloatArray:
    """values / (denominator / per), elementwise; a denominator of zero gives NaN, a negative one an error."""
    if bool(np.any(denominator < 0.0)):
        raise EngineInputError(f"denominators must not be negative; found {np.nanmin(denominator)}")
    positive = np.where(denominator > 0.0, denominator, np.nan)
    return np.asarray(values * per / positive)
