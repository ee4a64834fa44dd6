"""The thresholds of the flags' rules in methodology.yml, by the name of the rule's module (flags/rules/)."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from expectations.models import Frozen

Probability = Annotated[float, Field(gt=0.0, lt=1.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ExceedanceFlag(Frozen):
    history_years: PositiveInt
    min_history_years: PositiveInt
    half_window_weeks: PositiveInt
    excluded_recent_weeks: PositiveInt
    season_levels: PositiveInt
    residual_threshold: PositiveFloat
    recent_weeks: PositiveInt
    min_recent_events: PositiveInt
    amber_alpha: Probability
    red_alpha: Probability


class ShortHistoryFlag(Frozen):
    baseline: PositiveInt
    lag: PositiveInt
    alpha: Probability
    min_sigma: PositiveFloat
    variance_weeks: PositiveInt


class DriftFlag(Frozen):
    k: PositiveFloat
    h: PositiveFloat
    weeks: PositiveInt
    reference_years: PositiveInt
    half_window_weeks: PositiveInt
    min_mean: PositiveFloat


class OutlierFlag(Frozen):
    amber_limit: Probability
    red_limit: Probability
    window_weeks: PositiveInt
    winsorised_share: Share
    min_units: PositiveInt


class SevereEventFlag(Frozen):
    min_deaths: PositiveInt
    min_serious_injuries: PositiveInt
    homicide_alpha: Probability
    window_days: PositiveInt
    homicide_past_years: PositiveInt
    homicide_min_past_years: PositiveInt
    history_nights: PositiveInt


class BacklogFlag(Frozen):
    open_days: PositiveInt
    amber_probability: Probability
    red_probability: Probability
    rising_weeks: PositiveInt
    max_weeks_of_closures: PositiveFloat
    min_open: PositiveInt
    base_weeks: PositiveInt


class EscalationFlag(Frozen):
    window_weeks: PositiveInt
    base_weeks: PositiveInt
    min_events: PositiveInt
    amber_probability: Probability
    red_probability: Probability


class DeteriorationFlag(Frozen):
    drop_points: PositiveFloat
    probability: Probability
    months: PositiveInt


class DataQualityFlag(Frozen):
    max_days_behind: PositiveInt
    count_alpha: Probability
    baseline_weeks: PositiveInt
    max_times_usual: PositiveFloat = 20.0  # releases from before do not say it
    history_days: PositiveInt
    max_null_county_share: Share
    share_days: PositiveInt
    min_received: PositiveInt
    min_completeness: Share
    max_revision_ratio: PositiveFloat


class ThresholdFlag(Frozen):
    """The limits are each city's (quantity_limits.csv); releases from before have one here, which no night compared."""

    window_days: PositiveInt

    @model_validator(mode="before")
    @classmethod
    def _without_the_limit_of_before(cls, said: object) -> object:
        return {k: v for k, v in said.items() if k not in ("limit", "unit")} if isinstance(said, dict) else said


class FlagLifecycle(Frozen):
    false_discovery_rate: Probability
    nights_on: PositiveInt
    nights_observed: PositiveInt
    nights_off: PositiveInt
    history_weeks: PositiveInt
    cause_days: PositiveInt


class Flags(Frozen):
    f1_exceedance: ExceedanceFlag
    f1b_short_history: ShortHistoryFlag
    f2_drift: DriftFlag
    f3_outlier_area: OutlierFlag
    f4_severe_event: SevereEventFlag
    f5_backlog: BacklogFlag
    f7_escalation: EscalationFlag
    f8_deterioration: DeteriorationFlag
    f9_data_quality: DataQualityFlag
    f10_threshold: ThresholdFlag
    lifecycle: FlagLifecycle
