"""Gamma random numbers that move smoothly with their shape: common random numbers for neighbouring days."""

import zlib
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from spark_jobs.index.engine.arrays import (
    LARGEST,
    BoolArray,
    EngineInputError,
    FloatArray,
    require_numbers,
    require_whole,
)

CELLS_AT_ONCE = 2**18  # bounds the memory of many units
LARGEST_SHAPE = 1e30
NEVER_REJECTED = 1e12  # for larger shapes the test of a proposal is only rounding


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """An independent, reproducible generator for one label, e.g. (window, indicator, stratum).

    The day is deliberately no part of the label, so that two days with equal data get equal draws.
    """
    require_whole("seed", seed, 0, 2**128 - 1)
    return np.random.default_rng([seed, *(zlib.crc32(str(label).encode()) for label in labels)])


def standard_gamma(shape: FloatArray, rng: np.random.Generator, labels: Sequence[str] | None = None) -> FloatArray:
    """Gamma(shape, 1) draws, one for each entry of `shape` (n_units, n_draws) > 0; NaN gives NaN.

    `labels`: the name of each unit, e.g. its area code; without labels, its position.
    A draw below the smallest number is that number, because a rate of 0 would have an infinite score.
    """
    require_numbers("gamma shape", shape, (None, None), most=LARGEST_SHAPE)
    if bool(np.any(shape <= 0.0)):
        raise EngineInputError(f"gamma shape must be positive; found {np.nanmin(shape)}")
    names = labels_of(labels, len(shape))
    return GammaStreams(rng).draw(shape, names)


def labels_of(labels: Sequence[str] | None, n_units: int) -> list[str]:
    """One name a unit, no two alike; without labels, the positions."""
    names = [str(position) for position in range(n_units)] if labels is None else list(labels)
    if len(names) != n_units or len(set(names)) != n_units:
        raise EngineInputError(f"labels must name each of {n_units} units once; found {len(set(names))} names")
    return names


class GammaStreams:
    """Random numbers that belong to names, and gamma draws from them.

    Marsaglia and Tsang (2000), ACM TOMS 26(3), with the boost Gamma(a) = Gamma(a + 1) U^(1/a) for a < 1.
    NumPy's own generator uses a varying number of uniforms, so one changed shape shifts all later draws. Here every
    unit has a stream that begins where its name says, and the rejection rounds have another one. So a small change of
    one shape changes its own draws little and other draws not at all, whatever units there are and in whatever order.
    Some units may be drawn now and others later, so memory need not grow with them.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._units, self._rounds = (np.random.PCG64(seed) for seed in rng.bit_generator.seed_seq.spawn(2))  # type: ignore[attr-defined]
        self._begin = (self._units.state, self._rounds.state)

    def draw(self, shape: FloatArray, names: Sequence[str]) -> FloatArray:
        """As `standard_gamma`, for shapes that were checked."""
        draws = np.empty(shape.shape)
        at_once = max(1, CELLS_AT_ONCE // max(shape.shape[1], 1))
        for start in range(0, len(shape), at_once):
            part = slice(start, start + at_once)
            draws[part] = self._drawn(shape[part], names[part])
        return draws

    def _drawn(self, shape: FloatArray, names: Sequence[str]) -> FloatArray:
        small = shape < 1.0
        has_small = np.asarray(small.any(axis=1))
        normal, threshold, boost = (np.empty(shape.shape) for _ in range(3))
        generator = np.random.Generator(self._units)
        for unit, name in enumerate(names):
            self._units.state = self._begin[0]
            self._units.advance(int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little"))
            generator.standard_normal(out=normal[unit])
            generator.standard_exponential(out=threshold[unit])
            if has_small[unit]:
                generator.standard_exponential(out=boost[unit])
        raised = np.where(small, shape + 1.0, shape) if has_small.any() else shape
        draws = self._accepted(raised, normal, threshold)
        if has_small.any():
            draws[small] = np.maximum(draws[small] * np.exp(-boost[small] / shape[small]), 1.0 / LARGEST)
        return draws

    def _accepted(self, shape: FloatArray, normal: FloatArray, threshold: FloatArray) -> FloatArray:
        """Rejection rounds for shapes >= 1; NaN stays NaN.

        The first round proposes for every cell. Fewer than one cell in twenty needs another round; there the cells of
        one draw share the draw's proposals, and each cell is still exact on its own.
        """
        self._rounds.state = self._begin[1]
        rng = np.random.Generator(self._rounds)
        draws, accepted = _proposals(shape, normal, threshold)
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
    return offset * cube, accepted | (offset > NEVER_REJECTED)
