"""Contract -> Great Expectations suite, built in memory: what an accepted row must be, and how many may be rejected."""

from __future__ import annotations

from math import ceil

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.contract import City, Feed, load_kinds, read_table


def suite_of(city: City, feed: Feed, n_received: int, n_outside: int) -> gx.ExpectationSuite:
    """Suite for the accepted rows of one batch with `n_received` rows, `n_outside` of them of other places.

    The share of rejects is judged as a row count: at least (1 - tolerance) of the rows meant for this city remain.
    """
    kind = load_kinds()[feed.kind]
    counties = [area["area_code"] for area in read_table(city.city_code, "areas") if area["level"] == "county"]
    expectations: list[Expectation] = [
        gxe.ExpectTableRowCountToBeBetween(
            min_value=ceil((n_received - n_outside) * (1 - feed.tolerance.rejected_share) - 1e-9), max_value=n_received
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="record_id"),
        gxe.ExpectColumnValuesToNotBeNull(column="known_at"),
        gxe.ExpectColumnValuesToBeInSet(column="area_code", value_set=counties),
    ]
    for name, column in kind.columns.items():
        if column.required and not (name in feed.columns and feed.columns[name].keep):
            expectations.append(gxe.ExpectColumnValuesToNotBeNull(column=name))
        if column.codes:
            expectations.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.codes)))
        if column.type in ("count", "amount"):
            expectations.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0))
    return gx.ExpectationSuite(name=f"{feed.code}.accepted", expectations=expectations)
