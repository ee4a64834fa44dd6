"""A change of contracts is shown before it is made: what breaks for whom, which columns and indicators it touches."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from expectations import contract
from expectations.__main__ import app
from expectations.located_yaml import ContractError
from expectations.plan import Contracts, plan, read_contracts

pytestmark = pytest.mark.unit
FEED = "cities/daqing/feeds/cases.yml"
KIND, HOTLINE = "kinds/case.yml", "kinds/hotline.yml"
# file, text before, text after, contract, place, whom it breaks, columns that it touches
CHANGES = [
    (FEED, "刑事: criminal,", "刑事: criminal, 治安: public_order,", "daqing.cases", "columns.nature_code.map.治安", None, "nature_code"),
    (FEED, "行政: public_order", "行政: criminal", "daqing.cases", "columns.nature_code.map.行政", "readers", "nature_code"),
    (FEED, ", 行政: public_order", "", "daqing.cases", "columns.nature_code.map.行政", "source", "nature_code"),
    (FEED, "  is_oil: 涉油标志\n", "", "daqing.cases", "columns.is_oil", "readers", "is_oil"),
    (FEED, "  is_oil: 涉油标志\n", "  is_oil: 石油标志\n", "daqing.cases", "columns.is_oil.from", "readers", "is_oil"),
    (FEED, "record_id: [案件编号]", "record_id: [案件号]", "daqing.cases", "record_id", "readers", ""),
    (FEED, "encoding: gb18030", "encoding: utf-8", "daqing.cases", "source.encoding", "source", ""),
    (FEED, "dropped:", "raw_kept_days: 30\ndropped:", "daqing.cases", "raw_kept_days", None, ""),
    (FEED, "dropped:", "tolerance: {rejected_share: 0.001}\ndropped:", "daqing.cases", "tolerance.rejected_share", "source", ""),
    (FEED, "dropped:", "tolerance: {rejected_share: 0.5}\ndropped:", "daqing.cases", "tolerance.rejected_share", None, ""),
    (FEED, "Police cases", "Cases of the police", "daqing.cases", "name.en", None, ""),
    (FEED, "  is_oil: 涉油标志\n", "  is_oil: {from: 涉油标志, map: {有: true}, otherwise: null}\n", "daqing.cases",
     "columns.is_oil.otherwise", None, "is_oil"),
    (FEED, "  n_deaths: 死亡人数\n  n_serious_injuries: 重伤人数\n  n_minor_injuries: 轻伤人数\n  amount_yuan: 涉案金额(元)\n",
     "  n_events: 死亡人数\n", "daqing.cases", "columns.n_events", "readers", "n_events"),
    (HOTLINE, "closed_at: {type: instant,", "closed_at: {type: instant, required: true,", "kind hotline",
     "columns.closed_at.required", "source", "closed_at"),
    (KIND, "is_oil: {type: flag, class: internal", "is_oil: {type: flag, class: public", "kind case", "columns.is_oil.class",
     "readers", "is_oil"),
]  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All kinds and two feeds of one city: what every change below lies in."""
    root = tmp_path_factory.mktemp("small") / "expectations"
    shutil.copytree(contract.ROOT / "kinds", root / "kinds")
    (root / FEED).parent.mkdir(parents=True)
    for feed in (FEED, "cities/daqing/feeds/hotline.yml"):
        shutil.copy(contract.ROOT / feed, root / feed)
    return root


@pytest.fixture(scope="module")
def before(small: Path) -> Contracts:
    return read_contracts(small)


def changed(small: Path, folder: Path, file: str, old: str, new: str) -> Path:
    root = folder / "expectations"
    shutil.copytree(small, root)
    text = (root / file).read_text(encoding="utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("file", "old", "new", "name", "place", "breaks", "column"), CHANGES, ids=lambda value: str(value)[:30]
)
def test_a_change_says_whom_it_breaks_and_what_it_touches(
    tmp_path: Path, small: Path, before: Contracts, file: str, old: str, new: str, name: str, place: str, breaks: str | None, column: str
) -> None:  # fmt: skip
    found = {
        ".".join(change.place): change
        for change in plan(before, read_contracts(changed(small, tmp_path, file, old, new)))
    }
    change = found[place]
    assert (change.contract, change.breaks) == (name, breaks)
    assert change.columns == ((column,) if column else ())
    of = [feed for code, feed in before.feeds.items() if name in (code, f"kind {feed.kind}")]
    assert set(change.indicators) == {indicator for feed in of for indicator in feed.supports} != set()
    assert f"breaks {'the ' + breaks if breaks else 'nothing'}" in str(change)


def test_the_same_contracts_have_no_change_and_are_those_of_the_loader() -> None:
    found = read_contracts(contract.ROOT)
    assert plan(found, found) == []
    for city in contract.load_cities():
        for feed in city.feeds:
            assert found.feeds[feed.code] == feed.model_copy(update={"corrections": {}})


def test_a_feed_that_is_new_breaks_nothing_and_one_that_is_gone_its_readers(
    tmp_path: Path, small: Path, before: Contracts
) -> None:
    root = changed(small, tmp_path, FEED, "feed", "feed")
    (root / FEED).unlink()
    without = read_contracts(root)
    (gone,), (new,) = plan(before, without), plan(without, before)
    assert (gone.breaks, new.breaks) == ("readers", None)
    assert "is_oil" in gone.columns
    assert gone.indicators == before.feeds["daqing.cases"].supports


@pytest.mark.parametrize(
    ("new", "code", "said"), [("行政: criminal", 5, "1 of them breaking"), ("行政: public_order", 0, "0 changes")]
)
def test_the_command_ends_with_5_where_something_breaks(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], new: str, code: int, said: str
) -> None:
    root = changed(small, tmp_path, FEED, "行政: public_order", new)
    assert app(["plan", str(small), str(root)], standalone_mode=False) == code
    assert said in capsys.readouterr().out


def test_a_folder_without_contracts_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="expected a folder of contracts"):
        read_contracts(tmp_path)
