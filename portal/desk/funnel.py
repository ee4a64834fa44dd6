"""What became of the flags: how many came to each step, how long it took, and how many were confirmed, by rule.

It is one SQL text. PostgreSQL keeps it as the view flag_funnel of the whole city, which dashboards may read.
Days are the median and the 90th percentile of the flags that came to the step. The share confirmed is that of the
decided flags (confirmed or cleared), with Wilson's 95 % interval (Wilson 1927).
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from portal.desk.models import Officer

# One row a flag: when it first came to each step, and the days between the steps.
CASES = """
    with first_steps as (
        select case_id,
            min(at) filter (where to_state = 'raised') as raised_at,
            min(at) filter (where to_state = 'assigned') as assigned_at,
            min(at) filter (where to_state = 'verified') as verified_at,
            min(at) filter (where to_state in ('confirmed', 'cleared')) as decided_at
        from desk_step
        group by case_id
    )
    select c.flag_id, c.rule_code, c.rule_name_zh, c.rule_name_en, c.area_code, c.colour_code, c.state_code,
        f.raised_at, f.assigned_at, f.verified_at, f.decided_at,
        (c.raised_on - c.since)::double precision as days_to_raised,
        extract(epoch from f.assigned_at - f.raised_at)::double precision / 86400 as days_to_assigned,
        extract(epoch from f.verified_at - f.assigned_at)::double precision / 86400 as days_to_verified,
        extract(epoch from f.decided_at - f.verified_at)::double precision / 86400 as days_to_decided
    from desk_case as c
    inner join first_steps as f on f.case_id = c.flag_id
"""
STEPS = ("raised", "assigned", "verified", "decided")
_QUANTILES = ", ".join(
    f"percentile_cont({share}) within group (order by days_to_{step}) as {name}_days_to_{step}"
    for step in STEPS
    for name, share in (("median", 0.5), ("p90", 0.9))
)
_COUNTS = """
    count(*) as n_flags, count(assigned_at) as n_assigned, count(verified_at) as n_verified,
    count(*) filter (where state_code = 'confirmed') as n_confirmed,
    count(*) filter (where state_code = 'cleared') as n_cleared,
    count(*) filter (where state_code = 'expired') as n_expired,
    count(*) filter (where state_code = 'merged') as n_merged,
    count(*) filter (where state_code in ('raised', 'assigned', 'verified')) as n_open
"""
# One row a rule, and one for all rules, whose code is empty. n: flags decided; p: share of them confirmed; z = 1.96.
_FUNNEL = """
    with counted as (
        select coalesce(rule_code, '') as rule_code, max(rule_name_zh) as rule_name_zh,
            max(rule_name_en) as rule_name_en, {counts}, {quantiles}
        from ({cases}) as flags
        where {condition}
        group by grouping sets ((rule_code), ())
    ),
    shared as (
        select *, n_confirmed::double precision / nullif(n_confirmed + n_cleared, 0) as confirmed_share,
            nullif(n_confirmed + n_cleared, 0)::double precision as n_decided
        from counted
    )
    select shared.*,
        (confirmed_share + 1.9208 / n_decided - 1.96 * sqrt(
            confirmed_share * (1 - confirmed_share) / n_decided + 0.9604 / (n_decided * n_decided)
        )) / (1 + 3.8416 / n_decided) as confirmed_lower,
        (confirmed_share + 1.9208 / n_decided + 1.96 * sqrt(
            confirmed_share * (1 - confirmed_share) / n_decided + 0.9604 / (n_decided * n_decided)
        )) / (1 + 3.8416 / n_decided) as confirmed_upper
    from shared
    where n_flags > 0
    order by rule_code
"""


def _sql(condition: str) -> str:
    return _FUNNEL.format(counts=_COUNTS, quantiles=_QUANTILES, cases=CASES, condition=condition)


VIEW = _sql("true")


def funnel(officer: Officer) -> list[dict[str, Any]]:
    """Rows of the funnel for the flags that the officer may see; the row of all rules comes first."""
    condition, values = ("true", []) if officer.is_of_city else ("area_code = %s", [officer.area_code])
    with connection.cursor() as cursor:
        cursor.execute(_sql(condition), values)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
