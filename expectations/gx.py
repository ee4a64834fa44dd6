"""Great Expectations as all of this project imports it. The import costs seconds: only what judges should ask for it."""

# ruff: noqa: E402 - what is set here is read while it is imported
from __future__ import annotations

import os
import sys

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # nothing leaves this machine
# It imports jsonschema, and that, where this package is there, builds a grammar of internationalised addresses: a second
# of CPU in every step, for a format that nobody here checks. Without it jsonschema does not.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column as RowColumn

__all__ = ["Expectation", "RowColumn", "gx", "gxe"]
