"""The data dictionary: every table and column is in it with a meaning, and nothing in it is out of date."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from expectations.contract import load_cities, load_kinds
from expectations.models import Text
from spark_jobs.lake import meanings
from spark_jobs.lake.meanings import Meaning, MeaningError, declared
from spark_jobs.lake.tables import SCHEMAS
from stack import dictionary_tables
from stack.data_dictionary import FILES, PATHS, data_dictionary, html_page
from stack.dictionary_tables import bronze_columns, column, selected, tables

pytestmark = pytest.mark.unit


def test_every_schema_of_the_lake_has_its_tables() -> None:
    names = [table.name for table in tables()]
    assert not [name for name, n in Counter(names).items() if n > 1]
    assert {name.split(".")[0] for name in names} | {"bronze"} == set(SCHEMAS)
    assert {f"silver.{kind}" for kind in load_kinds()} < set(names)


def test_every_column_says_what_it_means_in_both_languages() -> None:
    for table in tables():
        for each in table.columns:
            assert re.search(r"[\u4e00-\u9fff]", each.meaning.zh), f"{table.name}.{each.name}"
            assert re.search(r"[a-z]", each.meaning.en), f"{table.name}.{each.name}"
            assert each.type, f"{table.name}.{each.name}"
        assert len({each.name for each in table.columns}) == len(table.columns), table.name


def test_numbers_have_units() -> None:
    bare = [
        f"{table.name}.{each.name}"
        for table in tables()
        if table.name.split(".")[0] in ("silver", "ops", "index", "release")
        for each in table.columns
        if each.type in ("int", "double", "timestamp", "date") and not each.unit.en and each.name != "row_number"
    ]
    assert not bare


def test_no_meaning_is_left_over_from_a_column_that_is_gone() -> None:
    full = {f"{table.name}.{each.name}" for table in tables() for each in table.columns}
    known = full | {name.split(".")[-1] for name in full} | {f"bronze.{each.name}" for each in bronze_columns()}
    assert not set(declared()["columns"]) - known - {"bronze.*"}
    assert not set(declared()["tables"]) - {table.name for table in tables()}
    for entry in declared()["columns"].values():
        assert set(entry) <= {"zh", "en", "unit"}, entry
    for entry in declared()["tables"].values():
        assert set(entry) == {"zh", "en", "from"}, entry


def test_a_column_without_a_meaning_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MeaningError, match=r"ops\.batches\.colour: nothing says what it means; say it in meanings"):
        column("ops.batches", "colour", "string")
    monkeypatch.setitem(dictionary_tables.SMALL_TABLES, "index.colours", "area_code string")
    with pytest.raises(MeaningError, match=r"index\.colours: nothing says what it means"):
        tables()


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("with final as (\n    select\n        a.one,\n        x as two\n    from t\n)\n", ["one", "two"]),
        (
            "with final as (\n    select\n        case when a in ('x, y', 'z') then b end as one,\n"
            "        coalesce(c, 0) as two,\n        {{ local_day('three', 4) }} as three\n    from t\n)\n",
            ["one", "two", "three"],
        ),
        ("with final as (\n    select explode(sequence(a, b)) as day\n)\n", ["day"]),
        (
            "with final as (\n    select *\n    from\n        values\n ('a', 1)\n as listed (one, two)\n)",
            ["one", "two"],
        ),
    ],
)
def test_columns_of_a_model_are_read_from_its_last_step(sql: str, columns: list[str]) -> None:
    assert selected(sql) == columns


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_column_of_every_contract_is_told_with_its_class(language: str) -> None:
    page = data_dictionary(language)  # type: ignore[arg-type]
    for city in load_cities():
        for feed in city.feeds:
            start = page.index(f"### `{feed.code}`")
            section = (
                page[start : page.find("\n### ", start + 1)] if page.find("\n### ", start + 1) > 0 else page[start:]
            )
            for name in feed.mapped_columns:
                assert f"| `{name}` |" in section
            for name, privacy in feed.dropped.items():
                assert f"| `{name}` | {privacy} |" in section
    assert set(FILES) == {"zh", "en"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_served_page_is_whole_and_its_links_lead_to_pages(language: str) -> None:
    page = html_page(language)  # type: ignore[arg-type]
    assert page.count("<h3>") == len(tables()) + sum(len(city.feeds) for city in load_cities())
    links = set(re.findall(r'<a href="([^"]*)"', page))
    assert links == {PATHS["en" if language == "zh" else "zh"], f"/methodology/{language}"}
    assert "<!--" not in page
    assert "&lt;!--" not in page


def test_a_pseudonym_is_personal_wherever_it_goes() -> None:
    found = {
        f"{table.name}.{each.name}": each.privacy
        for table in tables()
        for each in table.columns
        if each.name.endswith("_pseudonym")
    }
    assert len(found) >= 3
    assert set(found.values()) == {"personal"}


def test_a_column_that_carries_a_kinds_column_has_its_class_also_where_a_model_describes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, pair = "conformed.dispute", "party_pair_pseudonym"
    model = meanings.models()[name]
    words = Text(zh="一对当事人", en="pair of parties")
    described = replace(model, columns={**model.columns, pair: words})
    monkeypatch.setitem(meanings.models(), name, described)
    assert meanings.of_column(name, pair) == Meaning(words, "personal")
    assert meanings.of_column(name, "n_children").privacy == "internal"
    assert meanings.comment("bronze.anywhere_feed", pair).startswith("[personal] ")
    assert (
        meanings.comment("bronze.anywhere_feed", "value")
        == "[internal] 来源列的原文 / text of the source's column of this name"
    )
