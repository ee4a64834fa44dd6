"""Every rule of the flags, in the order of their codes: each module of this folder declares one as RULE."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from spark_jobs.flags.rule import Rule


def _number(module: str) -> tuple[int, str]:
    """f10_threshold after f9_data_quality."""
    found = re.match(r"f(\d+)(.*)", module)
    assert found, f"rules/{module}.py: expected the name f<number>_<what>"
    return int(found[1]), found[2]


_MODULES = sorted((path.stem for path in Path(__file__).parent.glob("f*.py")), key=_number)

# Name of the module (and of its thresholds in methodology.yml) -> rule.
RULES: dict[str, Rule] = {module: import_module(f"{__name__}.{module}").RULE for module in _MODULES}
IN_FORCE = tuple(rule for rule in RULES.values() if not rule.because)
