"""A rolling sum of exact quantities strictly above a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

LONGEST = 3660  # days of a window, and of history
LARGEST = 10**15  # of a quantity or limit


@dataclass(frozen=True)
class Above:
    """The sum of the window that ends on the last day. since: first day of the unbroken run of days above the limit."""

    since: date
    total: Decimal


def above_limit(
    quantities: Mapping[date, Decimal], limit: Decimal, last: date, *, window_days: int, history_days: int
) -> Above | None:
    """None if the `window_days` days that end on `last` add up to `limit` or less.

    quantities: by local day, in the unit of the limit; decimals, because 99.9 + 0.1 in floats may be above 100.
    The run of days above the limit is followed back at most `history_days`. Raises ValueError.
    """
    if not (1 <= window_days <= LONGEST and 0 <= history_days <= LONGEST):
        raise ValueError(f"above_limit: expected window_days from 1 and history_days from 0 to {LONGEST:,}")
    if not all(each.is_finite() and 0 <= each <= LARGEST for each in (limit, *quantities.values())):
        raise ValueError(f"above_limit: expected a limit and quantities from 0 to {LARGEST:,}")

    def total(end: date) -> Decimal:
        first = end - timedelta(days=window_days - 1)
        return sum((q for day, q in quantities.items() if first <= day <= end), Decimal(0))

    back = 0
    while back <= history_days and total(last - timedelta(days=back)) > limit:
        back += 1
    return Above(last - timedelta(days=back - 1), total(last)) if back else None
