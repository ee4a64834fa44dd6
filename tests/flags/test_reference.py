"""The detectors against published results of the R package surveillance: Salmonella Newport, Germany, 2011."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spark_jobs.flags.detectors import cusum, ears, farrington
from tests.validation_page import Comparisons

NEWPORT = "surveillance_salmonella"
FOLDER = Path(__file__).resolve().parents[3] / "shared" / "reference" / "surveillance_salmonella"
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"reference data not found at {FOLDER}"),
]
MU0, PHI = 1e-6, 1e-5  # tolerances stated with the reference data: mu0 absolute, phi relative
ALPHA = 0.05
FLEXIBLE = {
    "n_years": 4,
    "half_window": 3,
    "n_seasons": 10,
    "n_recent_excluded": 26,
    "residual_limit": 2.58,
    "trend_p_limit": 1.0,
}
ORIGINAL = {
    "n_years": 4,
    "half_window": 3,
    "n_seasons": 1,
    "n_recent_excluded": 3,
    "residual_limit": 1.0,
    "trend_p_limit": 0.05,
}


@pytest.fixture(scope="module")
def newport() -> tuple[np.ndarray, list[date]]:
    weeks = pd.read_csv(FOLDER / "salmNewport_germany_weekly.csv")
    return weeks["observed"].to_numpy(float), [date.fromisoformat(day) for day in weeks["date"]]


def expected(name: str, starts: list[date]) -> tuple[pd.DataFrame, list[int]]:
    """The published rows, and their positions in the series."""
    rows = pd.read_csv(FOLDER / f"{name}_2011.csv")
    assert len(rows) == 52
    return rows, [starts.index(date.fromisoformat(day)) for day in rows["date"]]


@pytest.mark.parametrize(
    ("name", "method", "alpha"), [("C1", ears.c1, 0.05), ("C2", ears.c2, 0.05), ("C3", ears.c3, 0.025)]
)
def test_ears(newport, name, method, alpha, compared: Comparisons):
    counts, starts = newport
    rows, at = expected(f"ears_{name}", starts)
    found = method(counts, alpha=alpha)
    compared(NEWPORT, f"EARS {name}: upper bounds", found.upper[at], rows["upperbound"], absolute=MU0)
    compared(NEWPORT, f"EARS {name}: alarms", found.is_alarm[at], rows["alarm"])
    np.testing.assert_array_equal(counts[at], rows["observed"])


def test_ears_c1_against_the_constants_of_the_package(newport, compared: Comparisons):
    """tests/testthat/test-earsC.R of the package."""
    counts, starts = newport
    at = starts.index(date(2011, 1, 3))
    found = ears.c1(counts, alpha=ALPHA).upper[at : at + 4]
    published = [3.278854, 3.278854, 3.436517, 3.855617]
    compared(NEWPORT, "EARS C1: constants of the package's tests", found, published, absolute=5e-7)


def test_cusum_rossi_without_reset(newport, compared: Comparisons):
    counts, starts = newport
    rows, at = expected("cusum_rossi", starts)
    mean = counts[: at[0]].mean()
    found = cusum.rossi_cusum(counts[at], mean, k=1.04, h=2.26, resets_after_alarm=False)
    np.testing.assert_allclose(mean, rows["m"], atol=MU0)
    compared(NEWPORT, "CUSUM: upper bounds", found.upper, rows["cusum_upperbound"], absolute=MU0)
    compared(NEWPORT, "CUSUM: alarms", found.is_alarm, rows["alarm"])


@pytest.mark.parametrize(
    ("name", "threshold", "design"),
    [
        ("farrington_flexible_nbPlugin", "nbPlugin", FLEXIBLE),
        ("farrington_flexible_muan", "muan", FLEXIBLE),
        ("farrington_original_delta", "delta", ORIGINAL),
    ],
)
def test_farrington(newport, name, threshold, design, compared: Comparisons):
    counts, starts = newport
    rows, at = expected(name, starts)
    plan = farrington.Design(alpha=ALPHA, threshold=threshold, **design)
    found = pd.DataFrame([vars(farrington.judge(counts, k, plan, starts)) for k in at])
    columns = {"mu0": published_mu0(found, threshold), "p-values": found["p_value"], "trend": found["trend"]}
    for what, column in zip(columns, ("mu0", "pvalue", "trend"), strict=True):
        compared(NEWPORT, f"{name}: {what}", columns[what], rows[column], absolute=MU0)
    compared(NEWPORT, f"{name}: phi", found["phi"], rows["phi"], relative=PHI)
    tolerance = {"absolute": MU0} if threshold == "delta" else {}  # the others are counts: exact
    compared(NEWPORT, f"{name}: upper bounds", found["upper"], rows["upperbound"], **tolerance)
    compared(NEWPORT, f"{name}: alarms", found["is_alarm"], rows["alarm"])
    # The package leaves the mean out where events are too few for a bound.
    compared(NEWPORT, f"{name}: mean", found["expected"].where(found["upper"].notna()), rows["expected"], absolute=MU0)


def published_mu0(found: pd.DataFrame, threshold: str) -> pd.Series:
    """The column mu0: the mean behind the bound; for delta the package takes exp of a mean that is no logarithm."""
    if threshold == "delta":
        upper_mean = found["expected"] * (1 + stats.norm.isf(ALPHA) * found["log_se"])
        return np.exp(upper_mean)
    return found["mean"]


def test_quirk_standard_errors_are_not_those_of_the_model(newport):
    """The package puts prior weights where working weights belong; nbPlugin, which F1 uses, is not touched by it."""
    counts, starts = newport
    at = starts.index(date(2011, 1, 3))
    used = np.arange(at - 60, at)
    fit = farrington.fit_poisson(counts[used], np.ones((used.size, 1)), np.ones(used.size))
    pearson = np.sum((counts[used] - fit.fitted) ** 2 / fit.fitted) / (used.size - 1)
    assert fit.phi == pytest.approx(max(pearson, 1.0), rel=PHI)
    assert fit.dispersion_of_se == pytest.approx(pearson / fit.fitted[0], rel=PHI)
