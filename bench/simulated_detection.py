"""False alarms and detections of the flag detectors in simulated weeks."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.made_up_weeks import made_up_weeks
from spark_jobs.flags.detectors.cusum import rossi_cusum
from spark_jobs.flags.detectors.farrington import judge
from spark_jobs.flags.rules import RULES as ALL_RULES
from spark_jobs.flags.rules.f1_exceedance import design
from spark_jobs.flags.standing import judged_week
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.methodology import load_methodology

RULES = load_methodology().flags
F1 = RULES.f1_exceedance
MEANS = (2.0, 5.0, 10.0, 20.0, 50.0)
DISPERSIONS = (1.0, 2.0)  # variance / mean of the weekly counts
N_WEEKS = 230  # the last two weeks, and four years and half a window before them
N_FARRINGTON, N_EARS, N_CUSUM = 250, 500, 400
CUSUM_WEEKS, DRIFT_AT = 104, 52
AMBER = design(F1, n_years=4)
RED = dataclasses.replace(AMBER, alpha=F1.red_alpha)
RATES = tuple(each.id for each in load_methodology().indicators if each.kind == "rate")


def weekly(rng: np.random.Generator, mean: float | FloatArray, dispersion: float, shape: tuple[int, ...]) -> FloatArray:
    """Poisson counts, or negative binomial ones with that ratio of variance to mean."""
    if dispersion == 1.0:
        return rng.poisson(mean, shape).astype(float)
    return rng.negative_binomial(np.asarray(mean) / (dispersion - 1.0), 1.0 / dispersion, shape).astype(float)


def farrington_row(rng: np.random.Generator, mean: float, dispersion: float) -> list[str]:
    """Share of quiet weeks with an alarm (amber, red), and of doublings with an alarm within two weeks."""
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
    quiet = [len(f1b_rows(counts[:, i], 21)) / 81 for i in range(N_EARS // 2)]
    counts[0, :, 20:] = weekly(rng, 2.0 * mean, dispersion, (N_EARS, 2))
    found = [any(0 in f1b_rows(counts[:, i], at) for at in (20, 21)) for i in range(N_EARS)]
    return [f"{np.mean(quiet):.2%}", f"{np.mean(found):.0%}"]


def f1b_rows(counts: FloatArray, at: int) -> set[int]:
    """Series (of 81: nine rates in nine counties) that F1b signals in week `at`."""
    week = judged_week(made_up_weeks(counts, RATES), [ALL_RULES["f1b_short_history"]], at)
    return {row for _, row in week.signals}


def cusum_row(rng: np.random.Generator, mean: float, dispersion: float) -> list[str]:
    """Share of quiet weeks with an alarm; median weeks until a lasting rise by half alarms, and share within 8."""
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
