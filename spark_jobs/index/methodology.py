"""The statistical choices of methodology.yml as frozen models, and the loader (the engine's only I/O)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import AliasChoices, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from expectations.models import Frozen, Text
from spark_jobs.index.flag_thresholds import Flags, Probability, Share

METHODOLOGY_PATH = Path(__file__).with_name("methodology.yml")


class MethodologyError(ValueError):
    """methodology.yml does not say what it must; the message lists every breach."""


class Windows(Frozen):
    headline_days: PositiveInt
    pulse_days: PositiveInt
    pulse_years: PositiveInt
    holiday_days_before: Annotated[int, Field(ge=0)]
    holiday_days_after: Annotated[int, Field(ge=0)]
    base_years: PositiveInt
    trend_months: PositiveInt


class PosteriorSettings(Frozen):
    """Section 4: prior, grid, draws. Defaults live in methodology.yml only."""

    draws: PositiveInt
    seed: Annotated[int, Field(ge=0)]
    tau_prior_scale: PositiveFloat
    tau_max: PositiveFloat
    tau_points: PositiveInt
    mean_points: PositiveInt
    mean_half_width: PositiveFloat
    interval: Probability
    min_events: PositiveInt


class GoalpostRule(Frozen):
    centre: Literal["base_period_city"]
    range: Literal["base_period_county_years"]
    frozen_years: PositiveInt


class Scale(Frozen):
    centre: float
    span: PositiveFloat
    floor: PositiveFloat
    least_width: PositiveFloat
    goalposts: GoalpostRule


class Aggregation(Frozen):
    headline: Literal["ampi"]
    variants: tuple[Literal["arithmetic", "geometric"], ...]
    domain_live_share: Share
    all_domains_required: Literal[True]
    top_k: PositiveInt


BandCode = Literal["better", "level", "worse", "none"]


class Bands(Frozen):
    level: float
    names: dict[BandCode, Text]


StatusCode = Literal["provisional", "revised", "final"]


class Publication(Frozen):
    revised_after_days: PositiveInt
    min_completeness: Probability
    delay_nights: PositiveInt
    min_delay_nights: PositiveInt
    max_denominator_years: PositiveInt
    clear_probability: Probability
    jump_points: PositiveFloat
    jump_days: PositiveInt


class Severity(Frozen):
    """Harm-days of one event; low and high bound the yearly sensitivity run."""

    days: PositiveFloat
    low: PositiveFloat | None = None
    high: PositiveFloat | None = None
    name: Text


DenominatorCode = Literal["residents", "population_at_risk", "vehicles_10k", "employees"]


class Indicator(Frozen):
    """One harm: higher is worse. `rate_per` turns the engine's rate into the displayed unit.

    A flow is counted over a window, a stock on its last day; releases from before call that `measure`.
    """

    id: str
    weight: PositiveFloat
    kind: Literal["rate", "proportion"]
    flow_or_stock: Literal["flow", "stock"] = Field(validation_alias=AliasChoices("flow_or_stock", "measure"))
    denominator: DenominatorCode | None = None
    rate_per: PositiveFloat
    strata: Annotated[tuple[str, ...], Field(min_length=1)]
    feed_kind: Literal["hotline", "dispute", "case", "incident"]
    incident_family: Literal["traffic", "fire", "work_safety", "grid"] | None = None
    name: Text
    unit: Text
    meaning: Text

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> Self:
        if (self.kind == "rate") != (self.denominator is not None):
            raise ValueError(
                f"{self.id}: a rate names its denominator, a proportion counts its own; found {self.denominator}"
            )
        if self.kind == "proportion" and self.strata != ("all",):
            raise ValueError(f"{self.id}: a proportion has the one stratum 'all'; found {self.strata}")
        if (self.feed_kind == "incident") != (self.incident_family is not None):
            raise ValueError(f"{self.id}: incident_family goes with feed_kind incident and no other")
        return self


class Domain(Frozen):
    id: str
    weight: PositiveFloat
    name: Text
    indicators: Annotated[tuple[Indicator, ...], Field(min_length=1)]


class Methodology(Frozen):
    """The whole file. Order of domains and indicators is the order of every engine array."""

    version: str
    name: Text
    windows: Windows
    posterior: PosteriorSettings
    scale: Scale
    aggregation: Aggregation
    bands: Bands
    publication: Publication
    denominators: dict[DenominatorCode, Text]
    severity: dict[str, Severity]
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    flags: Flags

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        return tuple(indicator for domain in self.domains for indicator in domain.indicators)

    def named_by(self, names: Mapping[str, Text]) -> Self:
        """The same method with a city's own names of domains and indicators, by their ids: names are no choices."""

        def named(part: Node, **changes: object) -> Node:
            return part.model_copy(update={"name": names.get(part.id, part.name), **changes})

        domains = tuple(named(d, indicators=tuple(map(named, d.indicators))) for d in self.domains)
        return self.model_copy(update={"domains": domains}) if names else self

    def status(self, day: date, known_on: date) -> StatusCode:
        """What figures of `day` are when they rest on what was known at the cut-off of `known_on`."""
        if (known_on - day).days < self.publication.revised_after_days:
            return "provisional"
        return "final" if (day.month, day.day) == (12, 31) else "revised"

    def revised_on(self, day: date) -> date:
        """The business date from whose cut-off on figures of `day` are revised."""
        return day + timedelta(days=self.publication.revised_after_days)

    def harm_days(self, indicator: Indicator) -> tuple[float, ...]:
        """Harm-days per event of the indicator's strata, in their order."""
        return tuple(self.severity[stratum].days for stratum in indicator.strata)

    @model_validator(mode="after")
    def _tree_is_sound(self) -> Self:
        ids = [domain.id for domain in self.domains] + [indicator.id for indicator in self.indicators]
        repeated = sorted({name for name in ids if ids.count(name) > 1})
        if repeated:
            raise ValueError(f"ids must be unique in the tree; found again: {repeated}")
        sums = {"domains": sum(domain.weight for domain in self.domains)}
        sums |= {domain.id: sum(indicator.weight for indicator in domain.indicators) for domain in self.domains}
        wrong = {name: total for name, total in sums.items() if abs(total - 100.0) > 1e-9}
        if wrong:
            raise ValueError(f"weights must sum to 100 among the domains and inside each; found {wrong}")
        unknown = {s for indicator in self.indicators for s in indicator.strata} - set(self.severity)
        if unknown:
            raise ValueError(f"strata without harm-days under severity: {sorted(unknown)}")
        if "all" in self.severity and self.severity["all"].days != 1.0:
            raise ValueError(f"severity 'all' is a plain count of 1 an event; found {self.severity['all'].days}")
        nameless = {indicator.denominator for indicator in self.indicators if indicator.denominator} - set(
            self.denominators
        )
        if nameless:
            raise ValueError(f"denominators without a name under denominators: {sorted(nameless)}")
        return self


Node = TypeVar("Node", Indicator, Domain)


def load_methodology(path: Path = METHODOLOGY_PATH) -> Methodology:
    """Read and check a methodology file, the one in force or a candidate; every breach at once (MethodologyError)."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MethodologyError(f"{path}: expected a methodology file in YAML, found: {error}") from error
    try:
        return Methodology.model_validate(content)
    except ValidationError as error:
        breaches = [f"  {'.'.join(map(str, e['loc'])) or 'tree'}: {e['msg']}" for e in error.errors()]
        raise MethodologyError("\n".join([f"{path.name}: correct these entries:", *breaches])) from error


def reweighted(methodology: Methodology, weights: Mapping[str, float]) -> Methodology:
    """What if: the methodology with other weights, by id of an indicator or a domain; the others keep theirs.

    Siblings are brought back to a sum of 100. Raises MethodologyError for an unknown id and for weights that are not
    positive.
    """
    known = {d.id for d in methodology.domains} | {i.id for i in methodology.indicators}
    if wrong := {name: weight for name, weight in weights.items() if name not in known or not weight > 0.0}:
        raise MethodologyError(f"weights are positive numbers by id of a domain or an indicator; found {wrong}")
    domains = [
        domain.model_copy(update={"indicators": tuple(_weighted(domain.indicators, weights))})
        for domain in methodology.domains
    ]
    return methodology.model_copy(update={"domains": tuple(_weighted(domains, weights))})


def _weighted(siblings: Sequence[Node], weights: Mapping[str, float]) -> list[Node]:
    given = [weights.get(node.id, node.weight) for node in siblings]
    total = sum(given)
    return [
        node.model_copy(update={"weight": 100.0 * weight / total}) for node, weight in zip(siblings, given, strict=True)
    ]
