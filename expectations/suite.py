"""Contract -> Great Expectations suite, built in memory: what an accepted row must be, and how many may be rejected."""

from __future__ import annotations

from scipy.stats import binom

from expectations.contract import load_kinds, read_table
from expectations.gx import Expectation, gx, gxe
from expectations.models import City, Feed

FALSE_BREACHES = 0.001  # share of batches at the very edge of the tolerance that are stopped by chance


def tolerated_rejects(n_rows: int, share: float) -> int:
    """Most rejects that chance explains in a batch of `n_rows`, where `share` of all rows may be rejected.

    A night of 187 rows has four rejects now and then, though two in a hundred are the rule. A whole month does not
    stray so far.
    """
    return int(binom.isf(FALSE_BREACHES, n_rows, share))


def suite_of(city: City, feed: Feed, n_meant: int) -> gx.ExpectationSuite:
    """Suite for the accepted rows of one batch, of which `n_meant` rows tell of something in this city.

    Rejects are judged by the number of rows that remain: as many as the tolerance asks for.
    """
    least = n_meant - tolerated_rejects(n_meant, feed.tolerance.rejected_share)
    n_rows = gxe.ExpectTableRowCountToBeBetween(min_value=least, max_value=n_meant)
    return gx.ExpectationSuite(name=f"{feed.code}.accepted", expectations=[n_rows, *_of_columns(city, feed)])


def judged_columns(city: City, feed: Feed) -> list[str]:
    """The columns that the suite asks about: a batch is judged without the others."""
    return sorted({expectation.column for expectation in _of_columns(city, feed)})


def _of_columns(city: City, feed: Feed) -> list[Expectation]:
    kind = load_kinds()[feed.kind]
    levels = ("city", "county") if kind.may_be_of_city else ("county",)
    areas = [area["area_code"] for area in read_table(city.city_code, "areas") if area["level"] in levels]
    expectations: list[Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column="record_id"),
        gxe.ExpectColumnValuesToNotBeNull(column="known_at"),
        gxe.ExpectColumnValuesToBeInSet(column="area_code", value_set=areas),
    ]
    for name, column in kind.columns.items():
        is_given = name in feed.columns
        if (column.required or (column.never_empty and is_given)) and not (is_given and feed.columns[name].keep):
            expectations.append(gxe.ExpectColumnValuesToNotBeNull(column=name))
        if column.codes:
            expectations.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.codes)))
        if column.type in ("count", "amount"):
            expectations.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0, max_value=column.at_most))
    return expectations
