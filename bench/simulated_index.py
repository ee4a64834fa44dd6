"""Harm-days and index computed from counts whose truth is known: nine counties, from few events to many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_jobs.index.engine.aggregate import ampi, arithmetic
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.composite_index import IndexInput, IndicatorWindow, base_goalposts, compute_index
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.posterior import gamma_poisson_draws
from spark_jobs.index.engine.scale import Goalposts, score, transformed
from spark_jobs.index.methodology import load_methodology

METHODOLOGY = load_methodology()
N_AREAS, REPLICATES = 9, 60
CITY_EVENTS = (100.0, 300.0, 1000.0, 10_000.0)  # of each indicator in a year
PROPORTION, SPREAD = 0.1, 0.3
STRATUM_SHARES = {1: [1.0], 2: [0.9, 0.1], 3: [0.05, 0.25, 0.7], 4: [0.05, 0.15, 0.3, 0.5]}

CASUALTIES = ("death", "serious_injury", "minor_injury")
HARM_REPLICATES = 200

Risks = FloatArray  # (n_indicators, n_areas), relative to the city


def drawn_risks(rng: np.random.Generator) -> Risks:
    return rng.gamma(SPREAD**-2, SPREAD**2, (len(METHODOLOGY.indicators), N_AREAS))


def expected_windows(risks: Risks, city_events: float) -> list[IndicatorWindow]:
    """The windows without chance: expected counts. All strata of an indicator have the same relative risk."""
    windows = []
    for indicator, risk in zip(METHODOLOGY.indicators, risks, strict=True):
        shares = np.array(STRATUM_SHARES[len(indicator.strata)])
        denominator = np.full(N_AREAS, city_events / N_AREAS / (PROPORTION if indicator.kind == "proportion" else 1.0))
        events = denominator * np.minimum(risk, 5.0) * (PROPORTION if indicator.kind == "proportion" else 1.0)
        weights = np.array(METHODOLOGY.harm_days(indicator))
        windows.append(
            IndicatorWindow(indicator.id, shares[:, None] * events, np.round(denominator + 0.5), weights, True)
        )
    return windows


def counted(windows: Sequence[IndicatorWindow], rng: np.random.Generator) -> tuple[IndicatorWindow, ...]:
    """The same windows with chance: Poisson or binomial counts."""
    found = []
    for window, indicator in zip(windows, METHODOLOGY.indicators, strict=True):
        if indicator.kind == "rate":
            counts = rng.poisson(window.counts)
        else:
            counts = rng.binomial(window.denominator.astype(int), window.counts / window.denominator)
        found.append(
            IndicatorWindow(window.indicator_id, counts.astype(float), window.denominator, window.weights, is_live=True)
        )
    return tuple(found)


def true_index(windows: Sequence[IndicatorWindow], goalposts: Goalposts, mean: str) -> FloatArray:
    """Index of each area, (n_areas,), from the true rates."""
    aggregate, scale = ampi if mean == "ampi" else arithmetic, METHODOLOGY.scale
    rates = np.array([(w.weights[:, None] * w.counts).sum(axis=0) / w.denominator for w in windows])
    scores = np.array(
        [
            score(
                transformed(rate, i.kind),
                goalposts.centre[row],
                goalposts.low[row],
                goalposts.high[row],
                scale.centre,
                scale.span,
            )
            for row, (rate, i) in enumerate(zip(rates, METHODOLOGY.indicators, strict=True))
        ]
    )
    domains, start = [], 0
    for domain in METHODOLOGY.domains:
        rows, start = slice(start, start + len(domain.indicators)), start + len(domain.indicators)
        weights = np.array([i.weight for i in domain.indicators])
        domains.append(aggregate(np.maximum(scores[rows], scale.floor), weights))
    overall = np.array([d.weight for d in METHODOLOGY.domains])
    return aggregate(np.maximum(np.array(domains), scale.floor), overall)


def harm_days_row(events: float, has_shared_risk: bool, seed: int) -> list[str]:
    """Coverage of the harm-days of casualties, and share of years without a death."""
    rng, inside, n_deathless = np.random.default_rng([seed, int(events)]), [], 0
    weights = np.array([METHODOLOGY.severity[name].days for name in CASUALTIES])
    shares = np.array(STRATUM_SHARES[3])
    tail = (1.0 - METHODOLOGY.posterior.interval) / 2.0
    for replicate in range(HARM_REPLICATES):
        risks = rng.gamma(SPREAD**-2, SPREAD**2, (3, N_AREAS))
        rates = shares[:, None] * (risks[:1] if has_shared_risk else risks) * events / N_AREAS
        counts = rng.poisson(rates).astype(float)
        n_deathless += int(counts[0].sum() == 0.0)
        drawn = [
            weight * gamma_poisson_draws(y, np.ones(N_AREAS), METHODOLOGY.posterior, stream(seed, replicate, row))
            for row, (weight, y) in enumerate(zip(weights, counts, strict=True))
        ]
        lower, upper = np.quantile(np.sum(drawn, axis=0), [tail, 1.0 - tail], axis=1)
        truth = weights @ rates
        inside.append((lower <= truth) & (truth <= upper))
    return [f"{np.mean(inside):.1%}", f"{n_deathless / HARM_REPLICATES:.0%}"]


def harm_days_table(seed: int) -> str:
    """One row a size of the city. One casualty in 20 is a death, one in 4 a serious injury."""
    rows = [
        "| casualties in the city | of these deaths | covered, each severity with a risk of its own "
        "| covered, all severities with one risk | years without a death |",
        "|---:|---:|---:|---:|---:|",
    ]
    for events in (30.0, 100.0, 300.0, 1000.0, 10_000.0):
        own, _ = harm_days_row(events, False, seed)
        shared, n_deathless = harm_days_row(events, True, seed)
        cells = [f"{events:,.0f}", f"{events * STRATUM_SHARES[3][0]:g}", own, shared, n_deathless]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def index_table(seed: int) -> str:
    """Coverage of the index's interval, bias and RMSE of its point, by size of the city."""
    rows = [
        "| events of an indicator in the city | index covered | bias of the index | RMSE | mean width "
        "| bias of the arithmetic variant |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for events in CITY_EVENTS:
        rng = np.random.default_rng([seed, int(events)])
        inside, errors, widths, arithmetic_errors = [], [], [], []
        for _ in range(REPLICATES):
            windows = expected_windows(drawn_risks(rng), events)
            base = [counted(windows, rng) for _ in range(METHODOLOGY.windows.base_years)]
            goalposts = base_goalposts(base, METHODOLOGY)
            inputs = IndexInput(tuple(map(str, range(N_AREAS))), counted(windows, rng))
            found = compute_index(inputs, goalposts, METHODOLOGY, seed).overall
            truth = true_index(windows, goalposts, "ampi")
            inside.append((found.lower[:-1] <= truth) & (truth <= found.upper[:-1]))
            errors.append(found.index[:-1] - truth)
            widths.append(found.upper[:-1] - found.lower[:-1])
            arithmetic_errors.append(found.arithmetic[:-1] - true_index(windows, goalposts, "arithmetic"))
        error = np.array(errors)
        cells = [
            f"{events:,.0f}",
            f"{np.nanmean(np.where(np.isnan(error), np.nan, inside)):.1%}",
            f"{np.nanmean(error):+.1f}",
            f"{np.sqrt(np.nanmean(error**2)):.1f}",
            f"{np.nanmean(widths):.1f}",
            f"{np.nanmean(arithmetic_errors):+.1f}",
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)
