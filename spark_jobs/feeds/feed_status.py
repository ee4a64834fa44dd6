"""What each feed delivered for a business date. A feed that did not deliver is missing, never zero."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pandas as pd

from expectations.contract import load_kinds
from expectations.models import Feed

COLUMNS = (
    "feed_code", "feed_name_zh", "feed_name_en", "kind_code", "delivered_through", "covered_through",
    "missing_since", "state_code", "reason",
)  # fmt: skip


def checked(batches: pd.DataFrame) -> pd.DataFrame:
    """The batches that kept their contract: the others never reached silver."""
    return batches[batches["status"] == "checked"]


def batches_read(batches: pd.DataFrame, business_date: date) -> pd.DataFrame:
    """Rows of ops.batches that a release of `business_date` rests on: later windows are not its business."""
    starts = [_day(value) for value in batches["window_from"]]
    is_read = [start is None or start <= business_date for start in starts]
    return batches[pd.Series(is_read, index=batches.index, dtype=bool)]


def feed_status(feeds: Iterable[Feed], batches: pd.DataFrame, business_date: date) -> pd.DataFrame:
    """One row a feed of the contracts that has begun by the business date, by code; columns of COLUMNS, None where empty.

    Feeds of a context kind are left out: nothing waits for them, and what they brought says itself of which month it is.

    delivered: a checked batch reaches the business date (or the last day of an ended archive);
    covered_through: as the contract says it (`lag_days`, `covered_through`); `spark_jobs.index.coverage` finds more.
    breached: the newest window known broke its contract; missing: nothing arrived since `missing_since`.
    """
    known = batches_read(batches, business_date)
    awaited = [feed for feed in feeds if feed.starts_on <= business_date and not load_kinds()[feed.kind].is_context]
    found = [_status(feed, known, business_date) for feed in sorted(awaited, key=lambda feed: feed.feed_code)]
    return pd.DataFrame(found, columns=pd.Index(COLUMNS), dtype=object)


def _status(feed: Feed, batches: pd.DataFrame, business_date: date) -> dict[str, Any]:
    own = batches[batches["feed_code"] == feed.feed_code]
    windows = sorted(
        (min(_day(end) or date.min, business_date), status, reason if isinstance(reason, str) else "")
        for end, status, reason in zip(own["window_to"], own["status"], own["reason"], strict=True)
    )
    delivered_through = max((end for end, status, _ in windows if status == "checked"), default=None)
    needed = min(business_date, feed.ends_on or business_date)
    breaches = [
        reason
        for end, status, reason in windows
        if status == "breached" and (delivered_through is None or end > delivered_through)
    ]
    if delivered_through is not None and delivered_through >= needed:
        state, since, reason = "delivered", None, None
    else:
        since = delivered_through + timedelta(days=1) if delivered_through else feed.starts_on
        state, reason = ("breached", breaches[-1]) if breaches else ("missing", None)
    return {
        "feed_code": feed.feed_code,
        "feed_name_zh": feed.name.zh,
        "feed_name_en": feed.name.en,
        "kind_code": feed.kind,
        "delivered_through": delivered_through,
        "covered_through": _covered_through(feed, own, delivered_through),
        "missing_since": since,
        "state_code": state,
        "reason": reason,
    }


def _covered_through(feed: Feed, own: pd.DataFrame, delivered_through: date | None) -> date | None:
    """Day through which the content reaches by the contract, `own`: the feed's batches; None while nothing says so."""
    if delivered_through is None:
        return None
    if feed.covered_through is None:
        return delivered_through - timedelta(days=feed.lag_days)
    said = [day for value in checked(own)["covered_through"] if (day := _day(value))]
    return min(delivered_through, max(said)) if said else None


def _day(value: Any) -> date | None:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return date.fromisoformat(str(value)[:10])
