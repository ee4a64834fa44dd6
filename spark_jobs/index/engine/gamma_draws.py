"""Gamma random numbers that move smoothly with their shape: common random numbers for neighbouring days."""

import zlib

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST,
    BoolArray,
    EngineInputError,
    FloatArray,
    require_numbers,
    require_whole,
)

LARGEST_SHAPE = 1e16  # beyond it the test of a proposal is rounding only


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """An independent, reproducible generator for one label, e.g. (window, indicator, stratum).

    The day is deliberately no part of the label, so that two days with equal data get equal draws.
    """
    require_whole("seed", seed, 0, 2**128 - 1)
    return np.random.default_rng([seed, *(zlib.crc32(str(label).encode()) for label in labels)])


def standard_gamma(shape: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Gamma(shape, 1) draws, one for each entry of `shape` (n_units, n_draws) > 0; NaN gives NaN.

    A draw that is too small for a number is the smallest one: a rate of 0 would have an infinite score.

    Marsaglia and Tsang (2000), ACM TOMS 26(3), with the boost Gamma(a) = Gamma(a + 1) U^(1/a) for a < 1.
    NumPy's own generator uses a varying number of uniforms, so one changed shape shifts all later draws.
    Here proposals have fixed places in child streams that nothing else uses: a small change of one shape
    changes its own draws little and the others not at all.
    """
    require_numbers("gamma shape", shape, (None, None), most=LARGEST_SHAPE)
    if bool(np.any(shape <= 0.0)):
        raise EngineInputError(f"gamma shape must be positive; found {np.nanmin(shape)}")
    rounds, boosts = rng.spawn(2)
    small = shape < 1.0
    if not bool(np.any(small)):
        return _marsaglia_tsang(shape, rounds)
    exponential = boosts.standard_exponential(shape.shape)
    draws = _marsaglia_tsang(np.where(small, shape + 1.0, shape), rounds)
    draws = np.where(small, draws * np.exp(-exponential / np.where(small, shape, 1.0)), draws)
    return np.maximum(draws, 1.0 / LARGEST)


def _marsaglia_tsang(shape: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Rejection rounds for shapes >= 1; NaN stays NaN.

    The first round proposes for every cell. Fewer than one cell in twenty needs another; from then on the
    cells of one draw share that draw's proposals, each being exact on its own.
    """
    draws, accepted = _proposals(shape, rng.standard_normal(shape.shape), rng.standard_exponential(shape.shape))
    pending = np.nonzero(~(accepted | np.isnan(shape)))
    while pending[0].size:
        column = pending[1]
        normal = rng.standard_normal((shape.shape[1],))[column]
        threshold = rng.standard_exponential((shape.shape[1],))[column]
        proposed, accepted = _proposals(shape[pending], normal, threshold)
        draws[pending] = proposed
        pending = (pending[0][~accepted], column[~accepted])
    return draws


def _proposals(shape: FloatArray, normal: FloatArray, threshold: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Proposed gamma draws and whether each is accepted; threshold is standard exponential."""
    smallest = np.finfo(float).tiny ** 0.25  # a root of zero or less is never accepted: its log is -inf
    offset = shape - 1.0 / 3.0
    root = np.maximum(1.0 + normal / np.sqrt(9.0 * offset), smallest)
    cube = root * root * root
    accepted = 0.5 * normal * normal + offset * (1.0 - cube + np.log(cube)) > -threshold
    return offset * cube, accepted
