"""Totals to rates."""

import numpy as np

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, require_number, require_numbers


def denominated(values: FloatArray, denominator: FloatArray, per: float = 1.0) -> FloatArray:
    """values / (denominator / per), elementwise; a denominator of zero gives NaN, a negative one an error."""
    require_numbers("denominators", denominator, least=0.0)
    if require_numbers("values", values).shape != np.broadcast_shapes(values.shape, denominator.shape):
        raise EngineInputError(f"denominators {denominator.shape} must be one a value {values.shape}")
    positive = np.where(denominator > 0.0, denominator, np.nan)
    return np.asarray(values * require_number("per", per) / positive)
