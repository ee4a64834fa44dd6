"""The scale of the index: logarithms of rates, logits of proportions, and the fixed base (methodology 5)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit

from spark_jobs.index.engine.arrays import BoolArray, FloatArray

Kind = Literal["rate", "proportion"]


@dataclass(frozen=True)
class Goalposts:
    """Frozen base-period marks, one entry per indicator in the order of the methodology.

    centre x0: city value of the whole base period; low, high: least and greatest county-year value, all on
    the log or logit scale. is_available: False where a base year is missing or the marks do not differ.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray
    is_available: BoolArray


def transformed(values: FloatArray, kind: Kind) -> FloatArray:
    """x = ln(rate) or logit(proportion); 0 gives -inf, a proportion of 1 gives +inf, NaN stays NaN."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values) if kind == "rate" else logit(values), dtype=np.float64)


def score(x: FloatArray, x0: float, low: float, high: float, centre: float, span: float) -> FloatArray:
    """s = centre - span (x - x0) / (high - low): higher is safer, `centre` is the base-period city.

    Mazziotta and Pareto (2016), Soc. Indic. Res. 127, re-scaled with a fixed reference; the sign turns harms.
    """
    return np.asarray(centre - span * (x - x0) / (high - low))
