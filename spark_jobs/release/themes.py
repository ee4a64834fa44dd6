"""The themes of the monthly bulletin, read from themes.yml beside this module: one declaration a theme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from expectations.located_yaml import ContractFault, load, one_of
from expectations.models import Frozen, Text
from spark_jobs.index.methodology import Methodology

THEMES_FILE = Path(__file__).with_suffix(".yml")
Series = Literal["pulse", "settlement"]
Month = Annotated[int, Field(ge=1, le=12)]


class Theme(Frozen):
    """One theme: when it comes, which indicators and series it shows, and what its reader should know."""

    name: Text
    months: tuple[Month, ...]
    indicators: Annotated[tuple[str, ...], Field(min_length=1)]
    series: tuple[Series, ...] = ()
    words: Text


class Themes(Frozen):
    """The whole of themes.yml."""

    themes: dict[str, Theme]

    def of(self, month: date) -> Theme:
        """The theme of a month."""
        return next(theme for theme in self.themes.values() if month.month in theme.months)


def load_themes(methodology: Methodology, path: Path = THEMES_FILE) -> Themes:
    """Every theme. Raises ContractError with every fault: file, line, expected, found."""
    return load(path, Themes, check=lambda themes: _faults(themes, methodology))


def _faults(declared: Themes, methodology: Methodology) -> Iterator[ContractFault]:
    """Indicators that the methodology does not have, and calendar months with no theme, or with two."""
    known = [indicator.id for indicator in methodology.indicators]
    for name, theme in declared.themes.items():
        for n, indicator in enumerate(theme.indicators):
            if indicator not in known:
                yield ContractFault(("themes", name, "indicators", n), one_of(known, indicator), repr(indicator))
    times = Counter(month for theme in declared.themes.values() for month in theme.months)
    wrong = {month: times[month] for month in range(1, 13) if times[month] != 1}
    if wrong:
        said = ", ".join(f"month {month} in {n}" for month, n in wrong.items())
        yield ContractFault(("themes",), "each calendar month in exactly one theme", said)
