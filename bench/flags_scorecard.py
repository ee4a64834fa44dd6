"""`python -m bench.flags_scorecard`: what the rules of the flags find, how soon, and how often they are wrong.

Simulated nights give the rules daily counts directly: no Spark, no lake. Events are planted, and the rules do not see
the list of them. Writes docs/flags-scorecard.md. It is seeded, so equal library versions give equal tables. It takes
some minutes of one core.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.flags_in_holidays import holiday_table
from bench.made_up_weeks import COUNTIES, METHODOLOGY, N_COUNTIES, made_up_weeks
from spark_jobs.flags.rules import IN_FORCE, RULES
from spark_jobs.flags.standing import JudgedWeek, judged_week
from spark_jobs.flags.weekly import Weekly, weeks_needed
from spark_jobs.index.engine.arrays import FloatArray

PAGE = Path(__file__).resolve().parents[1] / "docs" / "flags-scorecard.md"
SEED = 20260101
N_NIGHTS, DAYS = 400, 7
N_JUDGED = -(-N_NIGHTS // DAYS)  # weeks
N_WEEKS = weeks_needed(METHODOLOGY.flags) + N_JUDGED
FIRST = N_WEEKS - N_JUDGED
BLOCK = N_JUDGED // 3  # weeks between two events of a county
STRENGTHS = ("weak", "middle", "strong")
YOUNG = "d5_grid_overdue"  # its feed has sixty weeks only, so the rule for short histories judges it
# Events a week in a county, about those of the demonstration city; twice Poisson's variance where people are counted.
MEANS = {
    "a1_violent_crime": 1.5, "a2_property_crime": 10, "a3_telecom_fraud": 7, "a4_public_order": 30, "b1_road_casualties": 6,
    "b2_injury_crashes": 4, "b3_fires": 2.5, "b4_work_safety": 0.5, "c1_escalated": 2, "c2_failed": 2,
    "c3_open_over_30_days": 18, "c4_repeated_parties": 2, "d1_unresolved": 13, "d2_late": 24, "d3_dissatisfied": 12,
    "d4_returned_or_repeated": 11, YOUNG: 8,
}  # fmt: skip
SIZES = {"c1_escalated": 50, "c2_failed": 50, "c3_open_over_30_days": 75, "c4_repeated_parties": 50}
DOUBLE = ("b1_road_casualties", "b4_work_safety", "a4_public_order")
SEASON = 0.2


@dataclass(frozen=True)
class Kind:
    """A kind of event. factors: on the rate, by strength. n_weeks: how long it lasts. is_ramp: it grows meanwhile."""

    name: str
    rule: str
    indicators: tuple[str, ...]
    factors: tuple[float, float, float]
    n_weeks: int
    is_ramp: bool = False


KINDS = (
    Kind("doubling, ten a week or more", "F1", ("a4_public_order", "d2_late"), (1.5, 2.0, 3.0), 4),
    Kind("doubling, five to ten a week", "F1", ("a2_property_crime", "a3_telecom_fraud"), (1.5, 2.0, 3.0), 4),
    Kind("one week", "F1", ("d1_unresolved",), (1.5, 2.0, 3.0), 1),
    Kind("doubling in a young feed", "F1b", (YOUNG,), (1.5, 2.0, 3.0), 4),
    Kind("slow drift", "F2", ("a2_property_crime", "d3_dissatisfied"), (1.3, 1.6, 2.0), 18, is_ramp=True),
    Kind("lasting step", "F2", ("b2_injury_crashes", "b3_fires"), (1.5, 1.8, 2.5), 16),
    Kind("outlier county", "F3", ("c2_failed", "d4_returned_or_repeated"), (1.4, 1.7, 2.2), 16),
    Kind("flood: crashes, fires, calls", "F1", ("b2_injury_crashes", "b3_fires", "d2_late"), (1.5, 2.0, 3.0), 2),
    Kind("backlog", "F5", ("c3_open_over_30_days",), (1.6, 2.0, 2.6), 8, is_ramp=True),
    Kind("escalation", "F7", ("c1_escalated",), (1.5, 2.0, 2.5), 16),
)
NOT_IN_FORCE = (
    ("repeats of a pair or a place", "F6"), ("under-reporting", "§3"),
    ("downgrading", "§3"), ("closing without evidence", "§3"), ("heaping before the deadline", "§3"), ("splitting", "§3"),
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """A planted event. day: its first day, counted from the first judged day."""

    kind: Kind
    county: int
    day: int


def planted(rng: np.random.Generator) -> list[Event]:
    """Three events a county, one in each third of the nights, on any weekday. All kinds are equally frequent."""
    slots = [(county, third) for county in range(N_COUNTIES) for third in range(3)]
    kinds = [KINDS[n % len(KINDS)] for n in range(len(slots))]
    order = rng.permutation(len(slots))
    return [
        Event(kinds[n], slots[at][0], DAYS * BLOCK * slots[at][1] + int(rng.integers(0, DAYS)))
        for n, at in enumerate(order)
    ]


def city(
    rng: np.random.Generator, events: list[Event], strength: int, of_day: Callable[[str], FloatArray] | None = None
) -> Weekly:
    """Daily counts of seventeen indicators in nine counties, with season, summed to weeks as the rules see them.

    of_day: an indicator's factor on the rate of each day, for holidays.
    """
    days = np.arange(DAYS * N_WEEKS)
    season = 1 + SEASON * np.sin(2 * np.pi * days / 365.25)
    counts, sizes = [], []
    for indicator in METHODOLOGY.indicators:
        level = MEANS[indicator.id] / DAYS * rng.uniform(0.7, 1.3, (N_COUNTIES, 1))
        mean = level * season * _raised(indicator.id, events, strength) * (of_day(indicator.id) if of_day else 1.0)
        own = _drawn(rng, mean, 2.0 if indicator.id in DOUBLE else 1.0)
        size = np.full(own.shape, np.nan)
        if indicator.id == "c3_open_over_30_days":  # a stock moves slowly: share and size, not new each day
            own, size = _stock(rng, mean * DAYS)
        elif indicator.kind == "proportion":
            rest = max(SIZES.get(indicator.id, 120) - MEANS[indicator.id], 1) / DAYS
            size = own + rng.poisson(rest * level / level.mean(), own.shape)
        counts.append(own.reshape(N_COUNTIES, N_WEEKS, DAYS).sum(axis=2).astype(float))
        sizes.append(size.reshape(N_COUNTIES, N_WEEKS, DAYS).sum(axis=2))
        if indicator.id == YOUNG:
            counts[-1][:, : FIRST - 60] = np.nan
    return made_up_weeks(np.concatenate(counts), denominators=np.concatenate(sizes))


def _raised(indicator_id: str, events: list[Event], strength: int) -> FloatArray:
    factor = np.ones((N_COUNTIES, DAYS * N_WEEKS))
    for event in events:
        if indicator_id in event.kind.indicators:
            begin, n_days = DAYS * FIRST + event.day, DAYS * event.kind.n_weeks
            part = np.linspace(1 / n_days, 1, n_days) if event.kind.is_ramp else np.ones(n_days)
            part = part[: factor.shape[1] - begin]
            factor[event.county, begin : begin + part.size] = 1 + (event.kind.factors[strength] - 1) * part
    return factor


def _drawn(rng: np.random.Generator, mean: FloatArray, dispersion: float) -> FloatArray:
    if dispersion == 1.0:
        return rng.poisson(mean).astype(float)
    return rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)


def _stock(rng: np.random.Generator, mean_old: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Old and all open cases by day. An old case stays open for about a month, so today's are mostly yesterday's."""
    stay = 29 / 30
    old = np.empty(mean_old.shape)
    old[:, 0] = rng.poisson(mean_old[:, 0])
    for day in range(1, mean_old.shape[1]):
        kept = rng.binomial(old[:, day - 1].astype(np.int64), stay)
        old[:, day] = kept + rng.poisson(np.maximum(mean_old[:, day] - stay * mean_old[:, day - 1], 0))
    young = SIZES["c3_open_over_30_days"] - MEANS["c3_open_over_30_days"]
    return old, old + rng.poisson(young, (N_COUNTIES, 1 + mean_old.shape[1] // DAYS)).repeat(DAYS, axis=1)[
        :, : old.shape[1]
    ]


def judged(given: Weekly) -> dict[int, JudgedWeek]:
    return {at: judged_week(given, IN_FORCE, at) for at in range(FIRST, N_WEEKS)}


def delay(given: Weekly, weeks: dict[int, JudgedWeek], event: Event) -> tuple[int, str] | None:
    """Days from the event's first day to the night on which its first flag stands, and the rule of that flag.

    A flag counts while the event lasts and for two weeks after. It stands from the second night that judges its week.
    """
    first = FIRST + event.day // DAYS
    for at in range(first, min(N_WEEKS, first + event.kind.n_weeks + 3)):
        for code, row in sorted(weeks[at].signals):
            if given.series[row] in {(COUNTIES[event.county], name) for name in event.kind.indicators}:
                return DAYS * (at - FIRST + 1) - event.day, code
    return None


def true_signals(given: Weekly, weeks: dict[int, JudgedWeek], events: list[Event]) -> dict[str, list[bool]]:
    """For each signal of each rule: is it about the county and indicator of an event that lasts or is in its window?"""
    window = METHODOLOGY.flags.f3_outlier_area.window_weeks
    spans = [
        (COUNTIES[e.county], name, FIRST + e.day // DAYS, FIRST + e.day // DAYS + e.kind.n_weeks + window)
        for e in events
        for name in e.kind.indicators
    ]
    found: dict[str, list[bool]] = defaultdict(list)
    for at, week in weeks.items():
        for code, row in week.signals:
            area, indicator = given.series[row]
            found[code].append(any(a == area and i == indicator and b <= at < e for a, i, b, e in spans))
    return found


def main() -> None:
    began = time.monotonic()
    rng = np.random.default_rng(SEED)
    quiet = judged(city(rng, [], 0))
    sys.stderr.write(f"scorecard · quiet city · {time.monotonic() - began:.0f} s\n")
    found: dict[tuple[str, int], list[tuple[int, str] | None]] = defaultdict(list)
    signals: dict[str, list[bool]] = defaultdict(list)
    for strength, name in enumerate(STRENGTHS):
        events = planted(rng)
        given = city(rng, events, strength)
        weeks = judged(given)
        for event in events:
            found[event.kind.name, strength].append(delay(given, weeks, event))
        for code, are_true in true_signals(given, weeks, events).items():
            signals[code] += are_true
        sys.stderr.write(f"scorecard · {name} events · {time.monotonic() - began:.0f} s\n")
    in_holidays = holiday_table(lambda own, of_day: city(own, [], 0, of_day), judged, FIRST, N_WEEKS)
    sys.stderr.write(f"scorecard · holidays · {time.monotonic() - began:.0f} s\n")
    PAGE.write_text(page(quiet, found, signals, in_holidays), encoding="utf-8")


def page(
    quiet: dict[int, JudgedWeek],
    found: dict[tuple[str, int], list[tuple[int, str] | None]],
    signals: dict[str, list[bool]],
    in_holidays: str,
) -> str:
    """The scorecard as Markdown."""
    return TEXT.format(
        nights=N_NIGHTS,
        n_series=max(len({row for _, row in week.judgements}) for week in quiet.values()),
        kinds=_kinds_table(found),
        rules=_rules_table(quiet, signals),
        goals=_goals_table(quiet, found, signals),
        holidays=in_holidays,
    )


def _kinds_table(found: dict[tuple[str, int], list[tuple[int, str] | None]]) -> str:
    rows = [
        "| planted | rule meant | weak | middle | strong | days to the flag (middle, median) | found by |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for kind in KINDS:
        shares = [f"{sum(d is not None for d in found[kind.name, s])} of {len(found[kind.name, s])}" for s in range(3)]
        middle = [d for d in found[kind.name, 1] if d]
        days = f"{np.median([d for d, _ in middle]):.0f}" if middle else "–"
        rules = ", ".join(sorted({code for s in range(3) for d in found[kind.name, s] if d for code in [d[1]]}))
        rows.append(f"| {kind.name} | {kind.rule} | {' | '.join(shares)} | {days} | {rules or '–'} |")
    rows.append("| threshold at a station | F10 | a limit and no statistics: tests/flags | – | – | – | – |")
    rows += [f"| {name} | {rule} | no rule in force | – | – | – | – |" for name, rule in NOT_IN_FORCE]
    return "\n".join(rows)


def _false(quiet: dict[int, JudgedWeek], code: str | None = None, is_red: bool = False) -> int:
    """Flags raised in the quiet city: signals of a series that the week before did not have."""
    n = 0
    for at, week in quiet.items():
        before = quiet[at - 1].signals if at - 1 in quiet else frozenset()
        for subject in week.signals - before:
            n += (code is None or subject[0] == code) and (not is_red or week.judgements[subject].is_red)
    return n


def _rules_table(quiet: dict[int, JudgedWeek], signals: dict[str, list[bool]]) -> str:
    rows = [
        "| rule | series judged a week | false flags a county and quarter | of these red | precision with events planted |",
        "|---|---:|---:|---:|---:|",
    ]
    quarters = N_COUNTIES * len(quiet) / 13
    for rule in RULES.values():
        if rule.judge is None:
            continue
        n = np.mean([sum(code == rule.code for code, _ in week.judgements) for week in quiet.values()])
        own = signals.get(rule.code, [])
        precision = f"{np.mean(own):.0%} of {len(own)}" if own else "–"
        rates = [f"{_false(quiet, rule.code, red) / quarters:.3f}" for red in (False, True)]
        rows.append(f"| {rule.code} {rule.name.en} | {n:.0f} | {' | '.join(rates)} | {precision} |")
    return "\n".join(rows)


def _goals_table(
    quiet: dict[int, JudgedWeek],
    found: dict[tuple[str, int], list[tuple[int, str] | None]],
    signals: dict[str, list[bool]],
) -> str:
    n_rows = max(len({row for _, row in week.judgements}) for week in quiet.values())
    share = sum(len({row for _, row in week.signals}) for week in quiet.values()) / (n_rows * len(quiet))
    middle = [d for kind in KINDS for d in found[kind.name, 1]]
    doublings = found[KINDS[0].name, 1]
    every = [one for own in signals.values() for one in own]
    reds = _false(quiet, is_red=True) / (N_COUNTIES * len(quiet) / 13)
    lines = [
        ("series-nights that become a flag in a quiet city", "≤ 0.05 %", f"{share:.3%}", share <= 0.0005),
        ("events of the middle strength found", "≥ 90 %", _share(middle), _mean(middle) >= 0.9),
        (
            "doublings at ten a week and more found within 7 days",
            "≥ 80 %",
            _share(doublings, 7),
            _mean(doublings, 7) >= 0.8,
        ),
        ("the same within 14 days", "–", _share(doublings, 14), None),
        (
            "realised false-discovery rate, over signals",
            "≤ 10 %",
            f"{1 - np.mean(every):.1%}",
            bool(1 - np.mean(every) <= 0.1),
        ),
        (
            "false reds a county and quarter, a third of the indicators of people at twice Poisson's variance",
            "≤ 1",
            f"{reds:.3f}",
            reds <= 1,
        ),
    ]
    rows = ["| goal | wanted | measured | |", "|---|---:|---:|---|"]
    said = {True: "met", False: "**missed**", None: ""}
    return "\n".join([*rows, *(f"| {what} | {wanted} | {is_} | {said[met]} |" for what, wanted, is_, met in lines)])


def _mean(delays: list[tuple[int, str] | None], most: int = 10_000) -> float:
    return float(np.mean([d is not None and d[0] <= most for d in delays]))


def _share(delays: list[tuple[int, str] | None], most: int = 10_000) -> str:
    return f"{_mean(delays, most):.0%} of {len(delays)}"


TEXT = """<!-- Written by `python -m bench.flags_scorecard`. Do not edit. -->
# Scorecard of the flags

{nights} nights of a simulated city, {n_series} series judged, on daily counts at the door of the rules that run each night: a quiet
city, and one for each of three strengths with 27 events in seeded places and on any weekday. A week is judged once it is
complete, and its flag stands on the second night after; so an event that begins on a Thursday waits for ten days at least.
Few events of each kind are planted: read a share with its number. Write this page anew with
`.venv/pipeline/bin/python -m bench.flags_scorecard`: some minutes of one core.

## Goals

{goals}

## What is found

Found: a flag of any rule about the county and indicator while the event lasts, or within two weeks after. F4 and F9 are
facts by their definitions and are tried in the tests; they are not part of this table.

{kinds}

## Rules

False flags: in the quiet city. Precision: of the signals (a series and week) in the cities with events, those about an
event that is on, or is still in the window of thirteen weeks.

{rules}

{holidays}
"""


if __name__ == "__main__":
    main()
