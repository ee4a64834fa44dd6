"""Errors of sign, smoothing and unit, planted one by one in a copy of the engine: does the metamorphic gate see each?

Run by test_metamorphic.py as `python planted_errors.py FOLDER`, with the copy of the package in FOLDER. Prints for each
error the relations that it broke, as JSON. Nothing of the package that is tested here is loaded into the tests.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import NamedTuple

ENGINE = "spark_jobs/index/engine"


class Planted(NamedTuple):
    """`old` stands in the file exactly once and becomes `new`."""

    file: str
    old: str
    new: str


ERRORS = {
    "sign: a higher rate scores higher": Planted("scale.py", "centre - span * (x", "centre + span * (x"),
    "sign: imbalance is rewarded": Planted("aggregate.py", "sign = -1.0 if", "sign = 1.0 if"),
    "sign: failures count as successes": Planted(
        "posterior.py", "success / (success + failure)", "failure / (success + failure)"
    ),
    "smoothing: none of rates": Planted(
        "posterior.py", "draw(counts[part, None] + kappa, own) / (kappa + pooled", "draw(counts[part, None] + 1e-9 * kappa, own) / (pooled"
    ),
    "smoothing: none of proportions": Planted(
        "posterior.py", "success = of_success.draw(successes[part, None] + alpha, own)",
        "alpha, beta = 1e-9 * alpha, 1e-9 * beta; success = of_success.draw(successes[part, None] + alpha, own)",
    ),
    "smoothing: every county has the mean count": Planted(
        "posterior.py", "draw(counts[part, None] + kappa, own)", "draw(0.0 * counts[part, None] + counts[used].mean() + kappa, own)"
    ),
    "smoothing: the denominator is forgotten": Planted(
        "posterior.py", "(kappa + pooled * denominator[part, None] * mu)", "(kappa + pooled * denominator[used].mean() * mu)"
    ),
    "smoothing: random numbers go by position": Planted(
        "gamma_draws.py", "for unit, name in enumerate(names):", "for unit, name in enumerate(map(str, range(len(names)))):"
    ),
    "unit: logarithms of base ten": Planted("scale.py", "np.log(values) if", "np.log10(values) if"),
    "unit: rates per city event": Planted("posterior.py", "draws[part] = pooled * mu * theta", "draws[part] = mu * theta"),
    "unit: an event is an event, whatever its harm": Planted("window_draws.py", "+= weight * draw(", "+= draw("),
    "unit: the city has the denominator of a county": Planted(
        "inputs.py", "return float(self.denominator.sum()) + self.rest_denominator", "return float(self.denominator.mean())"
    ),
}  # fmt: skip


def plant(package: Path, error: Planted) -> None:
    """Write the error into the copy. Raises ValueError if the line is not there, or not once."""
    path = package / ENGINE / error.file
    text = path.read_text(encoding="utf-8")
    if text.count(error.old) != 1:
        raise ValueError(f"{error.file}: expected {error.old!r} once, found it {text.count(error.old)} times")
    path.write_text(text.replace(error.old, error.new), encoding="utf-8")


def broken(n_worlds: int) -> list[str]:
    """Relations that the package as it stands breaks in some of the first worlds, loaded afresh."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("spark_jobs", "tests")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    worlds = importlib.import_module("tests.index.random_worlds")
    engine = importlib.import_module(f"{ENGINE.replace('/', '.')}.metamorphic")
    found: set[str] = set()
    for seed in range(n_worlds):
        try:
            found.update(engine.metamorphic(*worlds.world(seed)).faults)
        except ValueError as error:  # the engine refuses what the error made of its own figures
            found.add(f"{type(error).__name__}: {error}")
    return sorted(found)


def main(package: Path) -> None:
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(package))
    said = {"none": broken(12)}
    for name, error in ERRORS.items():
        path = package / ENGINE / error.file
        whole = path.read_text(encoding="utf-8")
        plant(package, error)
        said[name] = broken(12)
        path.write_text(whole, encoding="utf-8")
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
