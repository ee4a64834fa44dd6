"""The scale of the index: logarithms of rates, logits of proportions, and the fixed base (methodology, section 5)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit

from spark_jobs.index.engine.arrays import EngineInputError, FloatArray, require_number

Kind = Literal["rate", "proportion"]


@dataclass(frozen=True)
class Goalposts:
    """Frozen base-period goalposts, one entry per indicator in the order of the methodology.

    centre x0: the city's value in the whole base period. low, high: the least and greatest value of a county-year. All
    are on the log or logit scale, and NaN without a complete base. They are kept as they are, however close they lie.
    """

    centre: FloatArray
    low: FloatArray
    high: FloatArray


def transformed(values: FloatArray, kind: Kind) -> FloatArray:
    """x = ln(rate) or logit(proportion); 0 gives -inf, a proportion of 1 gives +inf, NaN stays NaN.

    A rate below 0 and a proportion outside [0, 1] are an EngineInputError.
    """
    if kind not in ("rate", "proportion"):
        raise EngineInputError(f"kind must be rate or proportion; found {kind!r}")
    most = np.inf if kind == "rate" else 1.0
    least, greatest = np.fmin.reduce(values, axis=None, initial=0.0), np.fmax.reduce(values, axis=None, initial=0.0)
    if least < 0.0 or greatest > most or np.isinf(greatest):
        raise EngineInputError(f"values must be a {kind}, from 0 to {most:g} and finite")
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values) if kind == "rate" else logit(values), dtype=np.float64)


def score(x: FloatArray, x0: float, low: float, high: float, centre: float, span: float) -> FloatArray:
    """s = centre - span (x - x0) / (high - low): higher is safer, `centre` is the base-period city.

    Mazziotta and Pareto (2016), Soc. Indic. Res. 127, re-scaled with a fixed reference; the minus sign turns harms into
    safety. An infinite x has an infinite score, and so has one beyond the range of numbers. Goalposts whose high does
    not lie above their low are an EngineInputError.
    """
    for name, value in (("x0", x0), ("centre", centre), ("span", span)):
        require_number(name, value)
    if not require_number("high", high) > require_number("low", low):
        raise EngineInputError(f"high must lie above low; found {low} and {high}")
    with np.errstate(over="ignore"):
        return np.asarray(centre - span * (x - x0) / (high - low))
