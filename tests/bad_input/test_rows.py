"""One delivery with a row of each kind of bad value and as many good ones, taken once through Spark."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from expectations import contract
from expectations.contract import load_city
from spark_jobs.errors import ContractBreach
from tests.bad_input import row_cases
from tests.bad_input.row_cases import COLUMNS, PASSES, REJECTED, row
from tests.feeds.conftest import AREAS, CITY, Trial

pytestmark = [pytest.mark.spark, pytest.mark.bad_input]
SAME = {"id": "same", "updated": "2026-02-01 09:00:00"}
CITIES = {
    "badrows": row_cases.FEED,
    "badfiles": row_cases.FEED.replace("0.9", "0")
    .replace("starts_on:", "mode: snapshot\nstarts_on:")
    .replace("known_at: {column: updated}", "known_at: {}"),
}


def csv_text(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def trials(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trial]]:
    """The trial cities of this module."""
    from spark_jobs.settings import Settings

    root = tmp_path_factory.mktemp("expectations")
    (root / "kinds").symlink_to(contract.ROOT / "kinds")
    keys = root / "hash_keys.json"
    keys.write_text('{"1": "00ff"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contract, "ROOT", root)
        load_city.cache_clear()
        made = {}
        for code, feed in CITIES.items():
            (root / "cities" / code / "feeds").mkdir(parents=True)
            for name, text in {
                "city.yml": CITY.format(code=code), "areas.csv": AREAS, "feeds/cases.yml": feed,
                "area_aliases.csv": "alias,area_code,note\n西,9902,short\n油田分局,,works in several counties\n",
            }.items():  # fmt: skip
                (root / "cities" / code / name).write_text(text, encoding="utf-8")
            state = tmp_path_factory.mktemp(code)
            (state / "drops").mkdir()
            city = load_city(code)
            settings = Settings(state, state / "published", "", "", keys)
            made[code] = Trial(spark, city, city.feeds[0], state, state / "drops", settings)
        yield made
    load_city.cache_clear()


@dataclass(frozen=True)
class Outcome:
    """What became of the delivery: rejects by row number, silver by record id, the ledger's row."""

    rejects: dict[int, list[tuple[str, str, str | None]]]
    silver: dict[str, dict[str, Any]]
    ledger: Any


@pytest.fixture(scope="module")
def outcome(trials: dict[str, Trial]) -> Outcome:
    trial = trials["badrows"]
    rows = [row(f"bad{number}") | case.values for number, case in enumerate(REJECTED.values())]
    rows += [row(f"odd{number}") | values for number, (values, _, _) in enumerate(PASSES.values())]
    rows += [row("good") | SAME | {"deaths": deaths} for deaths in ("1", "2", "2")]  # one id, two contents, one double
    (trial.drops / "cases_20260202.csv").write_bytes(csv_text(rows))
    trial.land()
    trial.refine()
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    own = f"city_code = '{trial.city.city_code}'"
    for reject in trial.spark.read.table("silver.rejects").where(own).collect():
        found.setdefault(reject.row_number, []).append((reject.rule, reject.column_name, reject.found))
    silver = {line.record_id: line.asDict() for line in trial.spark.read.table("silver.`case`").where(own).collect()}
    return Outcome(found, silver, trial.batches().iloc[0])


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_value_rejects_its_row_with_the_reason(outcome: Outcome, name: str) -> None:
    case = REJECTED[name]
    number = list(REJECTED).index(name) + 1
    assert outcome.rejects[number] == [(case.rule, case.column, case.found)]
    assert f"bad{number - 1}" not in outcome.silver


@pytest.mark.parametrize("name", PASSES)
def test_an_odd_spelling_is_understood(outcome: Outcome, name: str) -> None:
    _, column, expected = PASSES[name]
    number = list(PASSES).index(name)
    found = outcome.silver[f"odd{number}"][column]
    assert (f"{found}" if column.endswith(("_on", "_at")) else found) == expected
    assert len(REJECTED) + number + 1 not in outcome.rejects


def test_an_id_reused_with_other_content_in_one_batch_is_reported(outcome: Outcome) -> None:
    """One content stays, the same whatever the order; the other is a reject and not lost in silence."""
    first = len(REJECTED) + len(PASSES) + 1
    losers = [number for number in range(first, first + 3) if number in outcome.rejects]
    kept = outcome.silver["same"]["n_deaths"]
    assert losers == ([first] if kept == 2 else [first + 1, first + 2])
    assert all(outcome.rejects[number] == [("id_reused", "record_id", "same")] for number in losers)


def test_the_first_look_judges_words_as_spark_does(outcome: Outcome, trials: dict[str, Trial]) -> None:
    """The same rows under the same contract, with and without Spark."""
    assert {rule for faults in outcome.rejects.values() for rule, _, _ in faults} >= {
        "required", "null_word", "number_like", "too_long", "unknown_value", "unknown_code", "not_a_flag", "unknown_area",
    }  # fmt: skip
    trials["badrows"].assert_words_judged_alike(trials["badrows"].drops / "cases_20260202.csv")


def test_nothing_is_lost(outcome: Outcome) -> None:
    n_rows = len(REJECTED) + len(PASSES) + 3
    ledger = outcome.ledger
    assert (ledger.n_received, ledger.n_rejected) == (n_rows, len(outcome.rejects))
    assert ledger.n_accepted == n_rows - len(outcome.rejects)
    assert sorted(outcome.silver) == sorted([*(f"odd{n}" for n in range(len(PASSES))), "same"])


def test_a_bad_file_stops_the_feed_and_the_next_good_delivery_goes_through(trials: dict[str, Trial]) -> None:
    """A snapshot feed: neither an unreadable file nor one with too many rejects touches silver or holds others up."""
    trial = trials["badfiles"]

    def deliver(**days: bytes) -> None:
        for day, content in days.items():
            (trial.drops / f"cases_202602{day[1:]}.csv").write_bytes(content)
        trial.land()

    half_bad = [row("wrong"), row("x", place="9999")]
    deliver(d02=csv_text(half_bad))
    deliver(d03=gzip.compress(csv_text([row("late")]))[:-9])
    deliver(d04=csv_text([row("a")]))
    with pytest.raises(ContractBreach, match=r"(?s)unknown_area.*20260203\.csv.*cut off.*1 received = 1 accepted"):
        trial.refine()
    assert [version[0] for version in trial.silver()] == ["a"]
    deliver(d02=csv_text([row("a"), row("right")]), d03=gzip.compress(csv_text([row("late")])))
    account = trial.refine()
    assert sum("set aside, its files were delivered again" in line for line in account) == 2
    assert {version[0] for version in trial.silver()} == {"a", "right", "late"}
    assert sorted(trial.batches().status) == ["checked", "checked", "replaced", "replaced"]
    assert len(trial.landing.manifests()) == 4  # what came stays, the bad files too
