"""Keys change, pseudonyms go on meeting, and what was erased stays erased."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from spark_jobs.errors import EnvironmentFault
from spark_jobs.feeds.pseudonym import ERASED, NEXT, Pseudonymiser

pytestmark = pytest.mark.unit
KEYS = {"1": "11" * 32, "2": "22" * 32, "10": "aa" * 32}  # as numbers, not as text
FIRST = Pseudonymiser({"1": KEYS["1"]})
ALL = Pseudonymiser(KEYS)
PARTIES = ("张三", "李四")


def test_a_pseudonym_brought_to_the_new_key_is_the_one_that_new_rows_get() -> None:
    old = FIRST.of("here", PARTIES)
    assert old and old.startswith("v1:")
    assert ALL.renewed(old) == ALL.of("here", PARTIES) != old
    assert ALL.renewed(ALL.renewed(old)) == ALL.renewed(old)
    assert ALL.under_every_key("here", list(PARTIES))[0] == old
    assert [name.split(":")[0] for name in ALL.under_every_key("here", list(PARTIES))] == ["v1", "v2", "v10"]


def test_a_pseudonym_needs_every_key() -> None:
    """Whoever has one key only, an old or the new one, cannot test values against the lake."""
    for version in KEYS:
        assert Pseudonymiser({version: KEYS[version]}).of("here", PARTIES) != ALL.of("here", PARTIES)


def test_a_pair_has_no_order_a_city_no_neighbours_and_half_a_pair_no_pseudonym() -> None:
    assert len({ALL.of("here", order) for order in permutations(PARTIES)}) == 1
    assert ALL.of("there", PARTIES) != ALL.of("here", PARTIES)
    assert ALL.of("here", ("张三", " ")) is None


def test_an_erased_value_gets_no_pseudonym_under_any_later_key() -> None:
    erased = frozenset({FIRST.fingerprint("here", "张三")})
    later = Pseudonymiser(KEYS, erased)
    assert later.of("here", ("张三",)) is None
    assert later.of("here", (" 张三 ", "李四")) is None
    assert later.of("here", ("李四",)) == ALL.of("here", ("李四",))
    assert later.of("there", ("张三",)) is not None


PHONE = "13912345678"
SPELLINGS = (
    "１３９１２３４５６７８",
    "\u202d13912345678\u202c",
    "139\u200b12345678",
    "'13912345678",
    "\ufeff13912345678 ",
    "13912345678\u00a0",
)


@pytest.mark.bad_input
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_spellings_of_a_person_are_one_and_erased_as_one(spelling: str) -> None:
    assert ALL.of("here", (spelling,)) == ALL.of("here", (PHONE,))
    for erased, came in ((PHONE, spelling), (spelling, PHONE)):
        assert Pseudonymiser(KEYS, frozenset({FIRST.fingerprint("here", erased)})).of("here", (came,)) is None


@pytest.mark.bad_input
@pytest.mark.parametrize("word", ["NULL", "无", "-", "N/A", "\u200b"])
def test_a_word_for_nothing_is_nobody(word: str) -> None:
    assert ALL.of("here", (word,)) is None
    assert ALL.of("here", ("张三", word)) is None


def test_an_older_spelling_is_found_under_its_own_pseudonym_too() -> None:
    """A lake from before there was a normal form has the hash of the text as it was written."""
    plain = FIRST.under_every_key("here", [PHONE])
    assert (
        FIRST.under_every_key("here", [SPELLINGS[0]])[1:] == plain != FIRST.under_every_key("here", [SPELLINGS[0]])[:1]
    )


def test_nothing_is_hashed_while_a_change_of_the_key_is_unfinished(tmp_path: Path) -> None:
    keys = tmp_path / "hash_keys.json"
    keys.write_text(json.dumps(KEYS))
    (tmp_path / ERASED).write_text(json.dumps([FIRST.fingerprint("here", "张三")]))
    assert Pseudonymiser.from_file(keys).of("here", ("张三",)) is None
    (tmp_path / NEXT).write_text("{}")
    with pytest.raises(EnvironmentFault, match="(?s)interrupted.*rotate"):
        Pseudonymiser.from_file(keys)
