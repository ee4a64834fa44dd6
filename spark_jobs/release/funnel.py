"""Decisions on flags -> what became of them: how many came to each step, in how many days, and the share confirmed, by rule.

The portal's page says the same of this moment (portal/desk/funnel.py); a release says it as known at its cut-off. Both
are tried on the same steps. Pure: no Spark, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from spark_jobs.index.engine.intervals import wilson
from spark_jobs.release.model import Release
from spark_jobs.release.wording import Wording, number
from spark_jobs.released.columns import TABLES, rows

ALL_RULES = "all"
COLUMNS = ["flag_id", "n_step", "rule_code", "since_on", "raised_on", "to_state_code", "decided_at"]  # of a decision
STEPS = ("raised", "assigned", "verified", "decided")
DECIDED = ("confirmed", "cleared")
OPEN = ("raised", "assigned", "verified")
COUNTED = ("flags", "assigned", "verified", "confirmed", "cleared", "expired", "merged", "open")
WITHIN_DAYS = {"raised": 7, "assigned": 1, "verified": 7, "decided": 7}  # the clock of the portal (portal/desk/life.py)


@dataclass(frozen=True)
class FunnelLine:
    """What became of a rule's flags. `counts`: by COUNTED; `days`: median / 90th percentile, by step."""

    rule: str
    counts: Mapping[str, int]
    confirmed: str
    days: Mapping[str, str]


def funnel_table(decisions: pd.DataFrame) -> pd.DataFrame:
    """One row for all rules, first, and one a rule; none without decisions.

    Args:
        decisions: one row a step of a flag, with COLUMNS (`decided_at`: an instant).

    Returns:
        Columns of TABLES["flag_funnel"]. Days are the median and the 90th percentile over the flags that came to the
        step, from the step before; to `raised` from the first day of what was flagged. The share confirmed is that of
        the flags confirmed or cleared, with Wilson's 95 % interval (Wilson 1927).
    """
    columns = pd.Index(list(TABLES["flag_funnel"].columns))
    if decisions.empty:
        return pd.DataFrame(columns=columns)
    flags = _flags(decisions)
    groups = [(ALL_RULES, flags), *flags.groupby("rule_code")]
    return pd.DataFrame([_row(code, of_rule) for code, of_rule in groups], columns=columns)


def _flags(decisions: pd.DataFrame) -> pd.DataFrame:
    """One row a flag: its state, and the days that each step took."""
    steps = decisions.sort_values(["flag_id", "n_step"])
    steps = steps.assign(to=steps["to_state_code"].replace(dict.fromkeys(DECIDED, "decided")))
    firsts = steps.pivot_table(index="flag_id", columns="to", values="decided_at", aggfunc="min")
    at = firsts.reindex(columns=list(STEPS)).apply(pd.to_datetime)
    first, last = steps.groupby("flag_id").first(), steps.groupby("flag_id").last()
    days = {step: (at[step] - at[before]).dt.total_seconds() / 86400 for before, step in pairwise(STEPS)}
    days["raised"] = (pd.to_datetime(first["raised_on"]) - pd.to_datetime(first["since_on"])).dt.days.astype(float)
    found = pd.DataFrame({f"days_to_{step}": days[step] for step in STEPS}).join(at.notna().add_prefix("is_"))
    return found.assign(rule_code=first["rule_code"], state_code=last["to_state_code"])


def _row(rule_code: str, flags: pd.DataFrame) -> dict[str, Any]:
    states = flags["state_code"]
    n_of = {state: float((states == state).sum()) for state in (*DECIDED, "expired", "merged")}
    share, lower, upper = confirmed_share(n_of["confirmed"], n_of["confirmed"] + n_of["cleared"])
    return {
        "rule_code": rule_code,
        "n_flags": float(len(flags)),
        "n_assigned": float(flags["is_assigned"].sum()),
        "n_verified": float(flags["is_verified"].sum()),
        **{f"n_{state}": n for state, n in n_of.items()},
        "n_open": float(states.isin(OPEN).sum()),
        "confirmed_share": share,
        "confirmed_lower": lower,
        "confirmed_upper": upper,
        **dict(_quantiles(flags)),
    }


def _quantiles(flags: pd.DataFrame) -> Iterator[tuple[str, float | None]]:
    for step in STEPS:
        days = flags[f"days_to_{step}"].dropna()
        for name, share in (("median", 0.5), ("p90", 0.9)):
            yield f"{name}_days_to_{step}", float(days.quantile(share)) if len(days) else None


def funnel_lines(release: Release, words: Wording) -> list[FunnelLine]:
    """One line for all rules, first, and one a rule, ready to print; none without decisions."""
    found = sorted(
        rows(release.tables["flag_funnel"]), key=lambda row: (row["rule_code"] != ALL_RULES, row["rule_code"])
    )
    return [funnel_line(row, words) for row in found]


def funnel_line(row: Mapping[str, Any], words: Wording) -> FunnelLine:
    """A row of the table in words."""
    code, nothing = row["rule_code"], words.say("nothing")
    share = nothing
    if row["confirmed_share"] is not None:
        interval = words.percent_interval(row["confirmed_lower"], row["confirmed_upper"])
        share = words.say("scored", name=words.percent(row["confirmed_share"]), score=interval)
    pairs = {step: (row[f"median_days_to_{step}"], row[f"p90_days_to_{step}"]) for step in STEPS}
    return FunnelLine(
        rule=words.say("all_rules") if code == ALL_RULES else f"{code} {words.rule(code)}",
        counts={name: int(row[f"n_{name}"]) for name in COUNTED},
        confirmed=share,
        days={
            step: nothing if median is None else f"{number(median)} / {number(p90)}"
            for step, (median, p90) in pairs.items()
        },
    )


def confirmed_share(n_confirmed: float, n_decided: float) -> tuple[float, float, float] | tuple[None, None, None]:
    """Share and Wilson's 95 % interval; nothing of none decided."""
    if not n_decided:
        return None, None, None
    lower, upper = wilson(np.array([n_confirmed]), np.array([n_decided]))
    return n_confirmed / n_decided, float(lower[0]), float(upper[0])
