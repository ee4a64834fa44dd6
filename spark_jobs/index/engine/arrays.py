"""Array types, the one input error, and the checks of what enters the engine.

A `require_` function returns its argument as numbers, or raises an EngineInputError that names the argument, what was
expected and what was found. Whatever passes lies within the limits below. So no product of a few numbers leaves the
range of floating-point numbers, and no argument asks for more memory or time than a machine has.
"""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

LARGEST = 1e50  # no measurement is larger, or nearer to 0 than its inverse
LARGEST_COUNT = 1e12  # events, trials: beyond it one more cannot be told from rounding
LARGEST_SIZE = 10**8  # cells of an array, 800 MB


class EngineInputError(ValueError):
    """Numbers that have no meaning for the formula that was asked for.

    The message says what was expected, what was found and what to do.
    """


def require_numbers(
    name: str,
    values: npt.ArrayLike,
    shape: tuple[int | None, ...] | None = None,
    *,
    least: float | None = None,
    most: float = LARGEST,
    has_gaps: bool = True,
) -> FloatArray:
    """`values` as an array: finite, or also NaN if `has_gaps`. An axis that is None in `shape` may have any length."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EngineInputError(f"{name} must be numbers; found what is none") from error
    if shape is not None and not _fits(found.shape, shape):
        expected = ", ".join("any" if length is None else str(length) for length in shape)
        raise EngineInputError(f"{name} must have the shape ({expected}); found {found.shape}")
    if found.size == 0:
        return found
    smallest, greatest = float(np.fmin.reduce(found, axis=None)), float(np.fmax.reduce(found, axis=None))
    if not has_gaps and bool(np.isnan(found).any()):
        raise EngineInputError(f"{name} must not have gaps; found NaN")
    if math.isinf(smallest) or math.isinf(greatest):
        raise EngineInputError(f"{name} must be finite; found an infinite one: correct it, or pass NaN for missing")
    if least is not None and smallest < least:
        said = "not be negative" if least == 0.0 else f"be {least:g} or more"
        raise EngineInputError(f"{name} must {said}; found {smallest:g}")
    if greatest > most or smallest < -LARGEST:
        raise EngineInputError(f"{name} must be at most {most:g}; found {max(greatest, -smallest):g}")
    if bool(np.any((found != 0.0) & (np.abs(found) < 1.0 / LARGEST))):
        raise EngineInputError(f"{name} must be 0 or {1.0 / LARGEST:g} away from it; found less")
    return found


def require_number(
    name: str, value: float, least: float = -LARGEST, most: float = LARGEST, *, is_open: bool = False
) -> float:
    """One finite number from `least` to `most`; strictly between them if `is_open`."""
    found = float(require_numbers(name, value, ()))
    if not (least < found < most if is_open else least <= found <= most):
        between = f"strictly between {least:g} and {most:g}" if is_open else f"from {least:g} to {most:g}"
        raise EngineInputError(f"{name} must lie {between}; found {found:g}")
    return found


def require_whole(name: str, value: int, least: int = 1, most: int = LARGEST_SIZE) -> int:
    """One whole number from `least` to `most`, e.g. how many draws: its size is that of an array."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise EngineInputError(f"{name} must be a whole number from {least} to {most}; found {value!r}")
    return int(value)


def require_weights(name: str, weights: npt.ArrayLike, *, is_positive: bool = False) -> FloatArray:
    """Weights >= 0 without gaps. With `is_positive` at least one of them is above 0."""
    found = require_numbers(name, weights, has_gaps=False)
    if bool(np.any(found < 0.0)) or (is_positive and not float(found.sum()) > 0.0):
        raise EngineInputError(
            f"{name} must not be negative: each >= 0 and not all 0; found {found.ravel()[:9].tolist()}"
        )
    return found


def require_finite(name: str, result: npt.ArrayLike) -> None:
    """Raise an EngineInputError for a result out of the range of numbers, although every argument lies within it."""
    if bool(np.isinf(result).any()):
        raise EngineInputError(f"{name} leaves the range of numbers; the arguments lie too far apart")


def _fits(found: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return len(found) == len(shape) and all(
        length is None or length == own for own, length in zip(found, shape, strict=True)
    )
