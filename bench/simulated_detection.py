"""False alarms and detections of the flag detectors in simulated weeks."""

from __future__ import annotations

import dataclasses

import numpy as np

from spark_jobs.flags.detectors.cusum import rossi_cusum
from spark_jobs.flags.detectors.farrington import Design, judge
from spark_jobs.flags.rules.f1b_short_history import weekly_signals
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.methodology import load_methodology

RULES = load_methodology().flags
F1 = RULES.f1_exceedance
MEANS = (2.0, 5.0, 10.0, 20.0, 50.0)
DISPERSIONS = (1.0, 2.0)  # variance / mean of the weekly counts
N_WEEKS = 230  # four years and a half window before the last two
N_FARRINGTON, N_EARS, N_CUSUM = 250, 500, 400
CUSUM_WEEKS, DRIFT_AT = 104, 52
RED = Design(
    alpha=F1.red_alpha,
    n_years=4,
    half_window=F1.half_window_weeks,
    n_seasons=F1.season_levels,
    n_recent_excluded=F1.excluded_recent_weeks,
    residual_limit=F1.residual_threshold,
    trend_p_limit=1.0,
    threshold="nbPlugin",
)
AMBER = dataclasses.replace(RED, alpha=F1.amber_alpha)


def weekly(rng: np.random.Generator, mean: float | FloatArray, dispersion: float, shape: tuple[int, ...]) -> FloatArray:
    """Poisson counts, or negative binomial ones with that ratio of variance to mean."""
    if dispersion == 1.0:
        return rng.poisson(mean, shape).astype(float)
    return rng.negative_binomial(np.asarray(mean) / (dispersion - 1.0), 1.0 / dispersion, shape).astype(float)


def farrington_row(rng: np.random.Generator, mean: float, dispersion: float) -> list[str]:
    """Share of quiet weeks that alarm (amber, red), and of doublings that do within two weeks."""
    quiet = weekly(rng, mean, dispersion, (N_FARRINGTON, N_WEEKS))
    alarms = np.array([[judge(y, N_WEEKS - 1, d).is_alarm for d in (AMBER, RED)] for y in quiet])
    doubled = quiet.copy()
    doubled[:, -2:] = weekly(rng, 2.0 * mean, dispersion, (N_FARRINGTON, 2))
    last_two = (N_WEEKS - 2, N_WEEKS - 1)
    found = np.array([[any(judge(y, at, d).is_alarm for at in last_two) for d in (AMBER, RED)] for y in doubled])
    return [f"{share:.1%}" for share in alarms.mean(axis=0)] + [f"{share:.0%}" for share in found.mean(axis=0)]


def ears_row(rng: np.random.Generator, mean: float, dispersion: float) -> list[str]:
    """F1b as it runs: EARS C2 and false-discovery control over 81 series; one of them doubles."""
    counts = weekly(rng, mean, dispersion, (81, N_EARS, 22))
    quiet = np.array([weekly_signals(counts[:, i], RULES)[1][:, -1] for i in range(N_EARS // 2)])
    counts[0, :, 20:] = weekly(rng, 2.0 * mean, dispersion, (N_EARS, 2))
    found = [bool(weekly_signals(counts[:, i], RULES)[1][0, 20:].any()) for i in range(N_EARS)]
    return [f"{quiet.mean():.2%}", f"{np.mean(found):.0%}"]


def cusum_row(rng: np.random.Generator, mean: float, dispersion: float) -> list[str]:
    """Share of quiet weeks that alarm; median weeks until a lasting rise by a half alarms, and share within 8."""
    quiet = weekly(rng, mean, dispersion, (N_CUSUM, CUSUM_WEEKS))
    rule = RULES.f2_drift
    alarms = [rossi_cusum(y, mean, k=rule.k, h=rule.h, resets_after_alarm=True).is_alarm for y in quiet]
    risen = weekly(rng, 1.5 * mean, dispersion, (N_CUSUM, DRIFT_AT))
    after = [rossi_cusum(y, mean, k=rule.k, h=rule.h, resets_after_alarm=True).is_alarm for y in risen]
    delays = np.array([int(np.argmax(a)) + 1 if a.any() else DRIFT_AT + 1 for a in after])
    return [f"{np.mean(alarms):.1%}", f"{np.mean(delays <= 8):.0%}", f"{np.median(delays):.0f}"]


def detection_table(seed: int) -> str:
    """One row a weekly mean and dispersion."""
    rows = [
        "| weekly mean | variance / mean | Farrington amber, quiet weeks | red | doubling found in 2 weeks, amber | red "
        "| F1b (EARS C2), quiet weeks | doubling found in 2 weeks | CUSUM, quiet weeks | rise by half found in 8 weeks "
        "| median weeks |",
        "|---:|" + "---:|" * 10,
    ]
    for dispersion in DISPERSIONS:
        for mean in MEANS:
            rng = np.random.default_rng([seed, int(mean), int(dispersion)])
            cells = [f"{mean:g}", f"{dispersion:g}"]
            cells += farrington_row(rng, mean, dispersion)
            cells += ears_row(rng, mean, dispersion)
            cells += cusum_row(rng, mean, dispersion)
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)
