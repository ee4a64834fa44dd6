"""Joint posteriors of small counts: Gamma-Poisson for rates, beta-binomial for proportions (methodology, section 4).

Rates:        y_i ~ Poisson(E_i mu theta_i),  theta_i ~ Gamma(kappa, kappa),  E_i = pooled rate x denominator_i.
Proportions:  y_i ~ Binomial(n_i, p_i),       p_i ~ Beta(a, b),  a = 1/(tau^2 (1-m)),  b = 1/(tau^2 m).
Prior of both: tau half-normal, flat on the location (log mu, logit m). For rates tau = kappa^(-1/2); for
proportions tau is the same thing, the spread of the areas on the logit scale: as m -> 0, a -> kappa.

The two hyper-parameters are integrated on a grid. At each tau, its location axis follows the conditional mode and
width. Its tau axis is divided anew where the posterior has mass, until the points resolve it. So 2 areas and 40,000
areas, 10 events and a billion, use the same 60 x 61 points. Areas that are NaN (missing) or have no denominator take no
part and come back NaN. Shapes: (n_areas,) in, (n_areas, n_draws) out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, logit

from spark_jobs.index.engine.arrays import (
    LARGEST_COUNT,
    LARGEST_SIZE,
    BoolArray,
    EngineInputError,
    FloatArray,
    IntArray,
    require_numbers,
    require_whole,
)
from spark_jobs.index.engine.gamma_draws import GammaStreams, labels_of
from spark_jobs.index.methodology import PosteriorSettings

AREAS_AT_ONCE = 2048  # bounds the memory of the (tau, location, area) array
CELLS_AT_ONCE = 2**18  # bounds the memory of the (area, draw) arrays
RESOLVED = 12.0  # a cell of the tau axis holds at most so many times its even share of the mass
MOST_PASSES = 8  # over the tau axis; where the mass is, each is about thirty times as fine as the one before
LEAST_TAU = 1e-6  # below it the areas differ by rounding only
LEAST_EVENTS = 0.01  # with fewer in all, but not none, the posterior is wider than the range of numbers

LogLikelihood = Callable[[FloatArray, FloatArray], FloatArray]
Centre = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class HyperGrid:
    """Posterior of the two hyper-parameters.

    tau (n_tau,); location (n_tau, n_mean), log mu or logit m; probability (n_tau, n_mean), sums to 1.
    """

    tau: FloatArray
    location: FloatArray
    probability: FloatArray

    def draw(self, n_draws: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Joint draws (tau, location), each (n_draws,), by inverse distribution functions.

        Two separate uniforms, and interpolation along the location axis, keep the draws of neighbouring days close. One
        uniform in each of n_draws equal strata (Latin hypercube) keeps the sampling error small.
        """
        strata = rng.permuted(np.tile(np.arange(n_draws), (2, 1)), axis=1)
        of_tau, of_location = (strata + rng.random((2, n_draws))) / n_draws
        by_tau = np.cumsum(self.probability.sum(axis=1))
        row = np.minimum(np.searchsorted(by_tau, of_tau * by_tau[-1]), self.tau.size - 1)
        steps = np.cumsum(0.5 * (self.probability[:, 1:] + self.probability[:, :-1]), axis=1)
        cumulative = np.zeros_like(self.probability)  # row r runs from r to r + 1: one search serves all
        np.divide(steps, steps[:, -1:], out=cumulative[:, 1:], where=steps[:, -1:] > 0.0)
        flat = (cumulative + np.arange(self.tau.size)[:, None]).ravel()
        first = row * self.location.shape[1]
        right = np.searchsorted(flat, row + of_location, side="right")
        right = np.clip(right, first + 1, first + self.location.shape[1] - 1)
        low, high = flat[right - 1], flat[right]
        share = np.divide(row + of_location - low, high - low, out=np.full(n_draws, 0.5), where=high > low)
        place = self.location.ravel()
        return self.tau[row], place[right - 1] + share * (place[right] - place[right - 1])


def gamma_poisson_draws(
    counts: FloatArray,
    denominator: FloatArray,
    settings: PosteriorSettings,
    rng: np.random.Generator,
    area_codes: Sequence[str] | None = None,
) -> FloatArray:
    """Draws of each area's rate per unit of denominator, (n_areas, settings.draws).

    The random numbers of an area go by its code, or without codes by its position. So its draws do not depend on the
    order of the areas, or on which others there are.
    No events at all give rate 0 everywhere, the limit of the posterior under the flat prior on log mu.
    One area gives Gamma(y, denominator): alone, it carries no information on the spread.
    """
    used = _usable(counts, denominator)
    _require_draws(settings, counts.size)
    names = labels_of(area_codes, counts.size)
    draws = np.full((counts.size, settings.draws), np.nan)
    y, total = counts[used], float(counts[used].sum())
    if total == 0.0:
        draws[used] = 0.0
    elif y.size == 1:
        own = [names[position] for position in np.flatnonzero(used)]
        draws[used] = GammaStreams(rng).draw(np.full((1, settings.draws), total), own) / denominator[used][:, None]
    else:
        pooled = total / float(denominator[used].sum())
        expected = pooled * denominator[used]
        tau, log_mu = gamma_poisson_grid(y, expected, settings).draw(settings.draws, rng)
        kappa, mu, gammas = tau**-2, np.exp(log_mu), GammaStreams(rng)
        for part, own in _parts(used, names, settings.draws):
            theta = gammas.draw(counts[part, None] + kappa, own) / (kappa + pooled * denominator[part, None] * mu)
            draws[part] = pooled * mu * theta
    return draws


def gamma_poisson_mean(counts: FloatArray, denominator: FloatArray, settings: PosteriorSettings) -> FloatArray:
    """Posterior mean of each area's rate, (n_areas,), without draws; the same rules as the draws."""
    used = _usable(counts, denominator)
    mean = np.full(counts.size, np.nan)
    y, total = counts[used], float(counts[used].sum())
    if total == 0.0 or y.size == 1:
        mean[used] = y / denominator[used]
        return mean
    pooled = total / float(denominator[used].sum())
    expected = pooled * denominator[used]
    grid = gamma_poisson_grid(y, expected, settings)
    kappa, mu = (grid.tau**-2)[:, None], np.exp(grid.location)
    mean[used] = [
        float((grid.probability * pooled * mu * (y_i + kappa) / (kappa + e_i * mu)).sum())
        for y_i, e_i in zip(y, expected, strict=True)
    ]
    return mean


def beta_binomial_draws(
    successes: FloatArray,
    trials: FloatArray,
    settings: PosteriorSettings,
    rng: np.random.Generator,
    area_codes: Sequence[str] | None = None,
) -> FloatArray:
    """Draws of each area's proportion, (n_areas, settings.draws), kept inside (0, 1); random numbers by area code.

    All failures give 0, all successes give 1 (limits under the flat prior on logit m).
    One area gives Beta(y, n - y).
    """
    used = _usable(successes, trials)
    _require_successes(successes[used], trials[used])
    _require_draws(settings, successes.size)
    names = labels_of(area_codes, successes.size)
    draws = np.full((successes.size, settings.draws), np.nan)
    y, n = successes[used], trials[used]
    if y.sum() in (0.0, n.sum()):
        draws[used] = float(y.sum() > 0.0)
        return draws
    if y.size == 1:
        alpha, beta = np.full(settings.draws, 0.0), np.full(settings.draws, 0.0)
    else:
        tau, location = beta_binomial_grid(y, n, settings).draw(settings.draws, rng)
        alpha, beta = _beta_parameters(tau, expit(location))
    of_success, of_failure = GammaStreams(rng), GammaStreams(rng)
    tiny = np.finfo(float).eps  # a draw that rounds to 1 would have an infinite logit
    for part, own in _parts(used, names, settings.draws):
        success = of_success.draw(successes[part, None] + alpha, own)
        failure = of_failure.draw((trials - successes)[part, None] + beta, own)
        draws[part] = np.clip(success / (success + failure), tiny, 1.0 - tiny)
    return draws


def beta_binomial_mean(successes: FloatArray, trials: FloatArray, settings: PosteriorSettings) -> FloatArray:
    """Posterior mean of each area's proportion, (n_areas,), without draws; the same rules as the draws."""
    used = _usable(successes, trials)
    _require_successes(successes[used], trials[used])
    mean = np.full(successes.size, np.nan)
    y, n = successes[used], trials[used]
    if y.size == 1 or y.sum() in (0.0, n.sum()):
        mean[used] = y / n
        return mean
    grid = beta_binomial_grid(y, n, settings)
    alpha, beta = _beta_parameters(grid.tau[:, None], expit(grid.location))
    mean[used] = [
        float((grid.probability * (y_i + alpha) / (n_i + alpha + beta)).sum()) for y_i, n_i in zip(y, n, strict=True)
    ]
    return mean


def gamma_poisson_grid(y: FloatArray, expected: FloatArray, settings: PosteriorSettings) -> HyperGrid:
    """Hyper-posterior of (tau, log mu) for two or more areas; `expected` sums to the events."""
    _require_grid(y, expected)

    def log_likelihood(tau: FloatArray, log_mu: FloatArray) -> FloatArray:
        kappa = tau[:, None] ** -2
        total = np.zeros_like(log_mu)
        for part in _blocks(y.size):
            y_i, e_i = y[part], expected[part]
            total += (gammaln(y_i + kappa) - gammaln(kappa)).sum(axis=1, keepdims=True)
            ratio = np.exp(log_mu)[:, :, None] * e_i / kappa[:, :, None]
            total += y_i.sum() * (log_mu - np.log(kappa))
            total -= ((kappa[:, :, None] + y_i) * np.log1p(ratio)).sum(axis=2)
        return total

    def centre(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        kappa, mu = tau[:, None] ** -2, np.ones((tau.size, 1))
        for _ in range(6):  # fixed point of the score equation; the grid is wide, so an approximate one is enough
            weight = 1.0 / (1.0 + expected * mu / kappa)
            mu = (y * weight).sum(axis=1, keepdims=True) / (expected * weight).sum(axis=1, keepdims=True)
        information = (expected * mu / (1.0 + expected * mu / kappa)).sum(axis=1)
        return np.log(mu[:, 0]), 1.0 / np.sqrt(information)

    return _grid(log_likelihood, centre, settings)


def beta_binomial_grid(y: FloatArray, n: FloatArray, settings: PosteriorSettings) -> HyperGrid:
    """Hyper-posterior of (tau, logit m) for two or more areas with some successes and some failures."""
    _require_grid(y, n)
    _require_successes(y, n)
    if not bool(np.any(y < n)):
        raise EngineInputError("counts must leave some failures; all are successes")

    def log_likelihood(tau: FloatArray, location: FloatArray) -> FloatArray:
        alpha, beta = _beta_parameters(tau[:, None], expit(location))
        both = alpha + beta
        total = y.size * (gammaln(both) - gammaln(alpha) - gammaln(beta))
        for part in _blocks(y.size):
            total += gammaln(y[part] + alpha[:, :, None]).sum(axis=2)
            total += gammaln((n - y)[part] + beta[:, :, None]).sum(axis=2)
            total -= gammaln(n[part] + both[:, :, None]).sum(axis=2)
        return np.asarray(total)

    def centre(tau: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean = np.full((tau.size, 1), y.sum() / n.sum())
        for _ in range(6):
            alpha, beta = _beta_parameters(tau[:, None], mean)
            weight = n / (1.0 + (n - 1.0) / (1.0 + alpha + beta))
            mean = (weight * y / n).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
            mean = np.clip(mean, 1e-9, 1.0 - 1e-9)
        information = (mean * (1.0 - mean) * weight).sum(axis=1)
        return logit(mean[:, 0]), 1.0 / np.sqrt(information)

    return _grid(log_likelihood, centre, settings)


def _beta_parameters(tau: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Beta(a, b) with mean m whose spread on the logit scale is about tau."""
    rest = np.maximum(1.0 - mean, np.finfo(float).epsneg)  # a mean may round to 1
    return 1.0 / (tau**2 * rest), 1.0 / (tau**2 * mean)


def _grid(log_likelihood: LogLikelihood, centre: Centre, settings: PosteriorSettings) -> HyperGrid:
    """The posterior on the tau axis: first in even cells, then in cells where the mass is, until these resolve it."""
    borders = np.linspace(0.0, settings.tau_max, settings.tau_points + 1)
    for _ in range(MOST_PASSES):
        grid, mass = _evaluate(log_likelihood, centre, settings, borders)
        if float(mass.max()) * mass.size <= RESOLVED or borders[1] < LEAST_TAU:
            break
        borders = _refined(borders, mass)
    return grid


def _refined(borders: FloatArray, mass: FloatArray) -> FloatArray:
    """The same number of cells: half of them shared out by mass, the other half evenly among the cells so far."""
    share = np.concatenate([[0.0], np.cumsum(0.5 * mass + 0.5 / mass.size)])
    return np.interp(np.linspace(0.0, 1.0, borders.size), share / share[-1], borders)


def _evaluate(
    log_likelihood: LogLikelihood, centre: Centre, settings: PosteriorSettings, borders: FloatArray
) -> tuple[HyperGrid, FloatArray]:
    """One pass over the midpoints of the cells of the tau axis; also the mass of each cell."""
    tau = np.maximum(0.5 * (borders[1:] + borders[:-1]), LEAST_TAU)
    middle, deviation = centre(tau)
    offsets = np.linspace(-settings.mean_half_width, settings.mean_half_width, settings.mean_points)
    location = middle[:, None] + deviation[:, None] * offsets
    stretch = np.log(deviation) + np.log(np.diff(borders))  # a cell's size
    prior = -0.5 * (tau / settings.tau_prior_scale) ** 2 + stretch
    log_posterior = log_likelihood(tau, location) + prior[:, None]
    probability = np.exp(log_posterior - log_posterior.max())
    probability /= probability.sum()
    return HyperGrid(tau, location, probability), probability.sum(axis=1)


def _usable(counts: FloatArray, denominator: FloatArray) -> BoolArray:
    """Areas with a count and a positive denominator; EngineInputError for impossible numbers."""
    if counts.shape != denominator.shape or counts.ndim != 1:
        raise EngineInputError(f"counts and denominator must be (n_areas,); found {counts.shape}, {denominator.shape}")
    require_numbers("counts", counts, least=0.0, most=LARGEST_COUNT)
    require_numbers("denominator", denominator, least=0.0)
    stranded = (counts > 0.0) & (denominator == 0.0)
    if bool(np.any(stranded)):
        found = np.flatnonzero(stranded)[:5].tolist()
        raise EngineInputError(f"events without a denominator at positions {found}; give the denominator or pass NaN")
    used = np.asarray(~np.isnan(counts) & (denominator > 0.0))
    _require_events("counts", counts[used])
    return used


def _require_successes(successes: FloatArray, trials: FloatArray) -> None:
    if bool(np.any(successes > trials)):
        found = np.flatnonzero(successes > trials)[:5].tolist()
        raise EngineInputError(f"more successes than trials at positions {found}; correct the input")
    require_numbers("trials", trials, most=LARGEST_COUNT)
    _require_events("failures", trials - successes)


def _require_events(name: str, counts: FloatArray) -> None:
    if 0.0 < float(counts.sum()) < LEAST_EVENTS:
        raise EngineInputError(f"{name} must be none or {LEAST_EVENTS} at least in all; found {counts.sum():g}")


def _require_grid(counts: FloatArray, denominator: FloatArray) -> None:
    used = _usable(counts, denominator)
    if used.size < 2 or not used.all() or not float(counts.sum()) > 0.0:
        raise EngineInputError("counts must be those of two areas or more, without gaps, and not all 0")


def _require_draws(settings: PosteriorSettings, n_areas: int) -> None:
    require_whole("draws", settings.draws, 1, LARGEST_SIZE // max(n_areas, 1))


def _parts(used: BoolArray, names: Sequence[str], n_draws: int) -> Iterator[tuple[IntArray, list[str]]]:
    """Positions of the areas that take part, and their names, some at a time: memory does not grow with the areas."""
    positions, at_once = np.flatnonzero(used), max(1, CELLS_AT_ONCE // n_draws)
    for start in range(0, positions.size, at_once):
        part = positions[start : start + at_once]
        yield part, [names[position] for position in part]


def _blocks(n_areas: int) -> list[slice]:
    return [slice(start, start + AREAS_AT_ONCE) for start in range(0, n_areas, AREAS_AT_ONCE)]
