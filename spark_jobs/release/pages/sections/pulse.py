"""The last 28 days in words: what lies above or below its season, for the bulletin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_jobs.release.wording import Wording


@dataclass(frozen=True)
class PulseSection:
    """`pulses`: rows of the released table; `names`: area code -> name, the city and its counties."""

    pulses: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    city_code: str
    words: Wording

    @property
    def title(self) -> str:
        return self.words.say("h_pulse", days=self.words.methodology.windows.pulse_days)

    @property
    def sentences(self) -> list[str]:
        return [*self._of_city(), *self._of_areas()]

    def _of_city(self) -> Iterator[str]:
        compared = [row for row in self._city if row["expected"] is not None]
        if not compared:
            yield self.words.say("pulse_none")
            return
        for state in ("above", "below", "not_complete"):
            found = [self._item(row) for row in compared if row["state_code"] == state]
            if found:
                yield self.words.say(f"pulse_{state}", list=self.words.listed(found))
        if all(row["state_code"] == "expected" for row in compared):
            yield self.words.say("pulse_usual")

    def _item(self, row: Mapping[str, Any]) -> str:
        name = self.words.indicator(row["indicator_id"])
        return self.words.say(
            "pulse_item", name=name, observed=f"{row['observed']:,.0f}", expected=f"{row['expected']:,.0f}"
        )

    def _of_areas(self) -> Iterator[str]:
        above: dict[str, list[str]] = {}
        for row in self.pulses:
            if row["state_code"] == "above" and row["area_code"] != self.city_code:
                above.setdefault(row["indicator_id"], []).append(self.names[row["area_code"]])
        if above:
            said = [
                self.words.say(
                    "pulse_areas", indicator=self.words.indicator(i.id), areas=self.words.listed(above[i.id])
                )
                for i in self.words.methodology.indicators
                if i.id in above
            ]
            yield self.words.say("pulse_areas_above", list=self.words.say("clause").join(said))

    @property
    def rows(self) -> list[dict[str, str]]:
        """The city's indicators in the order of the methodology."""
        found = {row["indicator_id"]: row for row in self._city}
        return [self._row(found[i.id]) for i in self.words.methodology.indicators if i.id in found]

    @property
    def _city(self) -> list[Mapping[str, Any]]:
        return [row for row in self.pulses if row["area_code"] == self.city_code]

    def _row(self, row: Mapping[str, Any]) -> dict[str, str]:
        nothing = self.words.say("nothing")
        interval = self.words.counts(row["expected_lower"], row["expected_upper"])
        return {
            "indicator": self.words.indicator(row["indicator_id"]),
            "observed": nothing if row["observed"] is None else f"{row['observed']:,.0f}",
            "expected": nothing if row["expected"] is None else f"{row['expected']:,.0f} ({interval})",
            "change": self.words.relative_change(row["change"]),
            "state": row["state_code"],
            "state_name": self.words.name("pulse_state", row["state_code"]),
            "through": self.words.day(row["last_day"]),
        }
