"""Array types and the one input error of the index engine."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class EngineInputError(ValueError):
    """Numbers that have no meaning for the formula that was asked for.

    The message says what was expected, what was found and what to do.
    """
