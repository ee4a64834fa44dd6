"""`python -m bench.engine`: CPU time of the engine for an as-of day, beside a plain NumPy/SciPy version of the model.

Writes bench/engine.md. Both versions run in one process, so that their ratio is comparable between machines.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from bench.engine_on_spark import measured
from bench.made_up_years import AREAS, METHODOLOGY, SEED, days, year
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.composite_index import IndexInput, IndicatorWindow, base_goalposts, compute_index
from spark_jobs.index.engine.scale import Goalposts

PAGE = Path(__file__).with_name("engine.md")
SETTINGS = METHODOLOGY.posterior
N_DAYS, N_PLAIN_DAYS, N_WARM = 60, 3, 5


def plain_rates(counts: FloatArray, denominator: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draws (n_areas, n_draws): the joint posterior on a fixed grid, area by area, with SciPy's distributions."""
    pooled = counts.sum() / denominator.sum()
    tau = (np.arange(SETTINGS.tau_points) + 0.5) * SETTINGS.tau_max / SETTINGS.tau_points
    log_mu = np.linspace(-2.0, 2.0, SETTINGS.mean_points)
    kappa, mu = tau[:, None] ** -2, np.exp(log_mu)[None, :]
    log_posterior = stats.halfnorm.logpdf(tau, scale=SETTINGS.tau_prior_scale)[:, None] + np.zeros_like(mu)
    for y, e in zip(counts, denominator, strict=True):
        log_posterior = log_posterior + stats.nbinom.logpmf(y, kappa, kappa / (kappa + e * pooled * mu))
    weight = np.exp(log_posterior - log_posterior.max()).ravel()
    row, column = np.divmod(rng.choice(weight.size, SETTINGS.draws, p=weight / weight.sum()), log_mu.size)
    k, m = kappa[row, 0], np.exp(log_mu[column])
    drawn = [
        stats.gamma.rvs(y + k, scale=pooled * m / (k + e * pooled * m), random_state=rng)
        for y, e in zip(counts, denominator, strict=True)
    ]
    return np.array(drawn)


def plain_proportions(successes: FloatArray, trials: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The same for proportions, beta-binomial."""
    tau = (np.arange(SETTINGS.tau_points) + 0.5) * SETTINGS.tau_max / SETTINGS.tau_points
    place = logit(successes.sum() / trials.sum()) + np.linspace(-2.0, 2.0, SETTINGS.mean_points)
    m = expit(place)[None, :]
    a, b = tau[:, None] ** -2 / (1.0 - m), tau[:, None] ** -2 / m
    log_posterior = stats.halfnorm.logpdf(tau, scale=SETTINGS.tau_prior_scale)[:, None] + np.zeros_like(m)
    for y, n in zip(successes, trials, strict=True):
        log_posterior = log_posterior + stats.betabinom.logpmf(y, np.round(n), a, b)
    weight = np.exp(log_posterior - log_posterior.max()).ravel()
    row, column = np.divmod(rng.choice(weight.size, SETTINGS.draws, p=weight / weight.sum()), place.size)
    alpha, beta = a[row, column], b[row, column]
    drawn = [stats.beta.rvs(y + alpha, n - y + beta, random_state=rng) for y, n in zip(successes, trials, strict=True)]
    return np.array(drawn)


def plain_scores(
    windows: tuple[IndicatorWindow, ...], goalposts: Goalposts, rng: np.random.Generator
) -> list[FloatArray]:
    """Scores of each indicator, (n_areas + 1, n_draws), the city last."""
    scores = []
    for row, (indicator, one) in enumerate(zip(METHODOLOGY.indicators, windows, strict=True)):
        total = np.zeros((len(AREAS) + 1, SETTINGS.draws))
        for counts, weight in zip(one.counts, one.weights, strict=True):
            y, n = counts.sum(), one.denominator.sum()
            if indicator.kind == "rate":
                areas = plain_rates(counts, one.denominator, rng)
                city = stats.gamma.rvs(y, scale=1.0 / n, size=SETTINGS.draws, random_state=rng)
            else:
                areas = plain_proportions(counts, one.denominator, rng)
                city = stats.beta.rvs(y, n - y, size=SETTINGS.draws, random_state=rng)
            total += weight * np.vstack([areas, city])
        x = np.log(total) if indicator.kind == "rate" else logit(total)
        span = goalposts.high[row] - goalposts.low[row]
        scores.append(METHODOLOGY.scale.centre - METHODOLOGY.scale.span * (x - goalposts.centre[row]) / span)
    return scores


def plain_ampi(scores: list[FloatArray], weights: list[float]) -> FloatArray:
    values = np.maximum(np.array(scores), METHODOLOGY.scale.floor)
    mean = np.average(values, axis=0, weights=weights)
    return np.asarray(mean - np.average((values - mean) ** 2, axis=0, weights=weights) / mean)


def plain_index(inputs: IndexInput, goalposts: Goalposts, rng: np.random.Generator) -> FloatArray:
    """Index of each area and the city, its interval and its change on last year, (7, n_areas + 1)."""
    now, before = (_plain_draws(w, goalposts, rng) for w in (inputs.headline, inputs.last_year))
    ends = [0.05, 0.5, 0.95]
    return np.vstack([np.quantile(now, ends, axis=1), np.quantile(now - before, ends, axis=1), (now < before).mean(1)])


def _plain_draws(windows: tuple[IndicatorWindow, ...], goalposts: Goalposts, rng: np.random.Generator) -> FloatArray:
    scores = iter(plain_scores(windows, goalposts, rng))
    domains = [
        plain_ampi([next(scores) for _ in domain.indicators], [i.weight for i in domain.indicators])
        for domain in METHODOLOGY.domains
    ]
    return plain_ampi(domains, [domain.weight for domain in METHODOLOGY.domains])


def cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def compute_all(n_days: int, goalposts: Goalposts) -> list[FloatArray]:
    """The index of every day. All else is dropped at once, as in a job that writes day by day."""
    return [compute_index(inputs, goalposts, METHODOLOGY, SEED).overall.index for inputs in days(n_days)]


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    rng = np.random.default_rng(SEED)
    goalposts = base_goalposts([year(rng) for _ in range(METHODOLOGY.windows.base_years)], METHODOLOGY)
    engine = compute_all(N_WARM, goalposts)
    memory_few = peak_mb()
    a_day = cpu_seconds(lambda: compute_all(N_DAYS, goalposts)) / N_DAYS
    memory_many = peak_mb()
    plain: list[FloatArray] = []
    plain_day = cpu_seconds(lambda: plain.extend(plain_index(i, goalposts, rng)[1] for i in days(N_PLAIN_DAYS)))
    plain_day /= N_PLAIN_DAYS
    gap = max(float(np.abs(a - b).max()) for a, b in zip(engine, plain, strict=False))
    text = TEXT.format(
        a_day=a_day,
        year=365 * a_day,
        plain_day=plain_day,
        ratio=plain_day / a_day,
        gap=gap,
        n_indicators=len(METHODOLOGY.indicators),
        n_strata=sum(len(indicator.strata) for indicator in METHODOLOGY.indicators),
        n_warm=N_WARM,
        n_days=N_DAYS,
        few=memory_few,
        more=memory_many - memory_few,
        **{f"spark_{name}": run for name, run in measured().items()},
        n_cores=os.cpu_count(),
        machine=f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}",
    )
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


TEXT = """# The engine alone

One as-of day: {n_indicators} indicators ({n_strata} strata) x 9 counties and the city x 2,000 draws from counts to index, for the year
and the year before, with intervals, ranks, change and the two variants. CPU seconds of one core, without Spark and
without reading anything, by `python -m bench.engine`. The plain version is the same model on a fixed grid, area by
area, with SciPy's distributions, without variants and ranks; both ran in the same process. Compare the ratio.

| | |
|---|---:|
| engine, CPU seconds a day | {a_day:.3f} |
| the same for 365 days | {year:.0f} |
| plain NumPy/SciPy version, CPU seconds a day | {plain_day:.3f} |
| plain / engine | {ratio:.1f} |
| largest difference of an index between the two, points | {gap:.1f} |
| peak memory after {n_warm} days, MB | {few:.0f} |
| more after {n_days} days, MB | {more:.0f} |

Through Spark, on {n_cores} cores, wall seconds and memory: the index job's own map (`spark_jobs/index/history.py`) over as-of days
and cities, from daily rows in Parquet to rows of index.history, on a server whose Python workers have started.

| | |
|---|---:|
| 365 as-of days of one city with 9 counties | {spark_year.seconds:.0f} |
| one night of 30 cities with 300 counties | {spark_cities.seconds:.0f} |
| largest Python worker over 30 as-of days, MB | {spark_month.worker_mb:.0f} |
| largest Python worker over 365 as-of days, MB | {spark_year.worker_mb:.0f} |

{machine}.
"""


if __name__ == "__main__":
    main()
