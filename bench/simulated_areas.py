"""Posteriors of areas whose true rates are known: coverage and error, compared with plug-in and classical intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.gamma_draws import stream
from spark_jobs.index.engine.intervals import exact_poisson, wilson
from spark_jobs.index.engine.posterior import beta_binomial_draws, gamma_poisson_draws
from spark_jobs.index.engine.reference.empirical_bayes import marshall_poisson, martuzzi_binomial
from spark_jobs.index.methodology import load_methodology

SETTINGS = load_methodology().posterior
TAIL = (1.0 - SETTINGS.interval) / 2.0
BASE_PROPORTION = 0.1
REPLICATES = {9: 300, 100: 80}  # the standard error of a coverage is then about a point
SPREADS = (None, 0.0, 0.1, 0.3, 0.8)  # tau of the areas' true rates; None: drawn from its prior each time
EVENTS_AN_AREA = {9: (1.2, 3.0, 10.0, 100.0, 1000.0), 100: (0.2, 1.2, 3.0, 10.0, 100.0)}

Interval = tuple[FloatArray, FloatArray, FloatArray]  # point, lower, upper: (n_areas,) each


@dataclass(frozen=True)
class Sample:
    """One simulated year: the true rates or proportions (n_areas,), and what was counted."""

    truth: FloatArray
    counts: FloatArray
    denominator: FloatArray


@dataclass(frozen=True)
class Model:
    """A kind of indicator: how it is simulated, and its three interval makers."""

    name: str
    simulate: Callable[[int, float, float, np.random.Generator], Sample]
    joint: Callable[[Sample, np.random.Generator], Interval]
    plug_in: Callable[[Sample], tuple[Interval, bool]]
    classical: Callable[[Sample], Interval]


def uneven_denominator(n_areas: int, rng: np.random.Generator) -> FloatArray:
    """Sizes like those of counties: of nine, the largest is about ten times the smallest. Their mean is 1."""
    size = np.exp(rng.normal(0.0, 0.7, n_areas))
    return np.asarray(size / size.mean())


def simulated_rates(n_areas: int, events: float, spread: float, rng: np.random.Generator) -> Sample:
    denominator = events * uneven_denominator(n_areas, rng)
    truth = rng.gamma(spread**-2, spread**2, n_areas) if spread > 0.0 else np.ones(n_areas)
    return Sample(truth, rng.poisson(truth * denominator).astype(float), denominator)


def simulated_proportions(n_areas: int, events: float, spread: float, rng: np.random.Generator) -> Sample:
    trials = np.maximum(np.round(events / BASE_PROPORTION * uneven_denominator(n_areas, rng)), 1.0)
    truth = np.full(n_areas, BASE_PROPORTION)
    if spread > 0.0:
        truth = rng.beta(spread**-2 / (1.0 - BASE_PROPORTION), spread**-2 / BASE_PROPORTION, n_areas)
    return Sample(truth, rng.binomial(trials.astype(int), truth).astype(float), trials)


def of_draws(draws: FloatArray) -> Interval:
    lower, upper = np.quantile(draws, [TAIL, 1.0 - TAIL], axis=1)
    return draws.mean(axis=1), lower, upper


def plug_in_rates(sample: Sample) -> tuple[Interval, bool]:
    """Gamma posterior with Marshall's moments taken as known. With variance 0: the interval of the pooled rate."""
    y, e = sample.counts, sample.denominator
    found = marshall_poisson(y, e)
    if found.variance == 0.0:
        pooled = stats.gamma(np.maximum(y.sum(), 0.5), scale=1.0 / e.sum()).ppf([TAIL, 1.0 - TAIL])
        return (found.rates, np.full(y.size, pooled[0]), np.full(y.size, pooled[1])), True
    shape, rate = found.mean**2 / found.variance, found.mean / found.variance
    known = stats.gamma(y + shape, scale=1.0 / (e + rate))
    return (found.rates, known.ppf(TAIL), known.ppf(1.0 - TAIL)), False


def plug_in_proportions(sample: Sample) -> tuple[Interval, bool]:
    """Beta posterior with the moments of Martuzzi and Elliott taken as known."""
    y, n = sample.counts, sample.denominator
    found, mean_n = martuzzi_binomial(y, n), float(n.mean())
    binomial = found.mean * (1.0 - found.mean)
    between = (found.variance - binomial / mean_n) * mean_n / (mean_n - 1.0)
    if between <= 0.0:
        pooled = stats.beta(y.sum() + 0.5, n.sum() - y.sum() + 0.5).ppf([TAIL, 1.0 - TAIL])
        return (np.full(y.size, found.mean), np.full(y.size, pooled[0]), np.full(y.size, pooled[1])), True
    strength = max(binomial / between - 1.0, 1e-6)
    a, b = y + found.mean * strength, n - y + (1.0 - found.mean) * strength
    return (found.rates, stats.beta.ppf(TAIL, a, b), stats.beta.ppf(1.0 - TAIL, a, b)), False


def classical_rates(sample: Sample) -> Interval:
    lower, upper = exact_poisson(sample.counts, SETTINGS.interval)
    return sample.counts / sample.denominator, lower / sample.denominator, upper / sample.denominator


def classical_proportions(sample: Sample) -> Interval:
    return (sample.counts / sample.denominator, *wilson(sample.counts, sample.denominator, SETTINGS.interval))


MODELS = (
    Model(
        "Gamma-Poisson (rates)",
        simulated_rates,
        lambda s, rng: of_draws(gamma_poisson_draws(s.counts, s.denominator, SETTINGS, rng)),
        plug_in_rates,
        classical_rates,
    ),
    Model(
        "Beta-binomial (proportions around 10 %)",
        simulated_proportions,
        lambda s, rng: of_draws(beta_binomial_draws(s.counts, s.denominator, SETTINGS, rng)),
        plug_in_proportions,
        classical_proportions,
    ),
)


@dataclass
class Tally:
    """Coverage and squared error of one method over the replicates of one regime."""

    n_inside: int = 0
    n_areas: int = 0
    squares: float = 0.0

    def add(self, interval: Interval, truth: FloatArray) -> None:
        point, lower, upper = interval
        self.n_inside += int(((lower <= truth) & (truth <= upper)).sum())
        self.n_areas += truth.size
        self.squares += float(((point - truth) ** 2).sum())

    @property
    def coverage(self) -> float:
        return self.n_inside / self.n_areas

    @property
    def rmse(self) -> float:
        return float(np.sqrt(self.squares / self.n_areas))


def regime_row(model: Model, n_areas: int, events: float, spread: float | None, seed: int) -> str:
    """One table row. Replicates without any event are left out, because the engine publishes none below ten events."""
    rng = np.random.default_rng([seed, n_areas, int(events * 10), int(100 * (spread or 0.0)), int(spread is None)])
    joint, plug_in, classical, n_collapsed, n_used = Tally(), Tally(), Tally(), 0, 0
    for replicate in range(REPLICATES[n_areas]):
        tau = max(abs(rng.normal(0.0, SETTINGS.tau_prior_scale)), 0.01) if spread is None else spread
        sample = model.simulate(n_areas, events, tau, rng)
        if sample.counts.sum() == 0.0:
            continue
        n_used += 1
        joint.add(model.joint(sample, stream(seed, model.name, replicate)), sample.truth)
        interval, is_collapsed = model.plug_in(sample)
        plug_in.add(interval, sample.truth)
        n_collapsed += is_collapsed
        classical.add(model.classical(sample), sample.truth)
    cells = [
        f"{events:g}",
        "prior" if spread is None else f"{spread:g}",
        marked(joint.coverage),
        marked(plug_in.coverage),
        f"{n_collapsed / n_used:.0%}",
        f"{classical.coverage:.0%}",
        f"{joint.rmse / classical.rmse:.2f}",
        f"{plug_in.rmse / classical.rmse:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def marked(coverage: float) -> str:
    """Bold where clearly below the nominal level."""
    text = f"{coverage:.1%}"
    return f"**{text}**" if coverage < SETTINGS.interval - 0.03 else text


def posterior_table(model: Model, n_areas: int, seed: int) -> str:
    head = [
        f"### {model.name}, {n_areas} areas",
        "",
        "| events an area | spread | joint posterior | plug-in EB | of these collapsed | raw, exact | RMSE joint / raw "
        "| RMSE plug-in / raw |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows = [regime_row(model, n_areas, events, s, seed) for events in EVENTS_AN_AREA[n_areas] for s in SPREADS]
    return "\n".join(head + rows)


def outlier_table(seed: int) -> str:
    """Eight equal areas and one with three times their rate: the interval of the one, and those of the eight."""
    rows = [
        "| events an area | the outlier covered | its posterior mean / truth | the eight covered |",
        "|---:|---:|---:|---:|",
    ]
    truth = np.append(np.ones(8), 3.0)
    for events in (1.2, 3.0, 10.0, 30.0, 100.0):
        rng, inside, means = np.random.default_rng([seed, int(events * 10)]), [], []
        for replicate in range(300):
            denominator = np.full(9, events)
            counts = rng.poisson(truth * denominator).astype(float)
            draws = gamma_poisson_draws(counts, denominator, SETTINGS, stream(seed, "outlier", replicate))
            point, lower, upper = of_draws(draws)
            inside.append((lower <= truth) & (truth <= upper))
            means.append(point[8] / 3.0)
        share = np.mean(inside, axis=0)
        rows.append(f"| {events:g} | {marked(share[8])} | {np.mean(means):.2f} | {marked(share[:8].mean())} |")
    return "\n".join(rows)
