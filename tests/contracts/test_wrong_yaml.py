"""Every mistake that a newcomer makes in a contract is answered with file, line, expected, found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from expectations.contract import load_city, read_table
from expectations.located_yaml import ContractError

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
TAB = "\t"


class Mistake(NamedTuple):
    """In `file` the text `right` becomes `wrong`; the answer names the line on which `near` (or `wrong`) ends."""

    right: str
    wrong: str
    expected: str
    found: str
    file: str = "feeds/cases.yml"
    near: str = ""


CASES_CSV = "  delivered: 'cases_(\\d{6,8})\\.csv'"
MISTAKES = {
    "unknown key": Mistake("kind: case", "kind: case\ncolour: red", "one of feed, kind, name", "'colour'"),
    "key that the folder decides": Mistake(
        "kind: case", "kind: case\ncity_code: x", "no such key: the folder says it", "'x'"
    ),
    "misspelt key": Mistake("starts_on:", "start_on:", r"\(perhaps starts_on\)", "'start_on'"),
    "unknown key of a source": Mistake("  encoding:", "  encodnig:", r"\(perhaps encoding\)", "'encodnig'"),
    "unknown key of a column": Mistake(
        "  venue_code: 场所类型", "  venue_code: {form: 场所类型}", "one of from, map, prefixes", "'form'"
    ),
    "a count beside what is said of one event": Mistake(
        "  n_deaths:",
        "  n_events: 件数\n  n_deaths:",
        "none beside `n_events`: a row stands for several events",
        "`from` '死亡人数'",
        near="  n_deaths:",
    ),
    "a count that is no column's": Mistake(
        "  venue_code: 场所类型", '  n_events: {constant: "3"}', "`from`, the column that counts", "'3'"
    ),
    "wrong type": Mistake("record_id: [案件编号]", "record_id: 案件编号", "a valid list", "'案件编号'"),
    "number for a text": Mistake('values: ["1"]}', "values: [1]}", "a text: put it in quotes", "1"),
    "missing key": Mistake("kind: case\n", "", "the field `kind`", "no such key", near="feed: cases"),
    "duplicate key": Mistake("kind: case", "kind: case\nkind: case", "YAML", "key 'kind' is given twice"),
    "tab indentation": Mistake("  occurred_on", f"{TAB}occurred_on", "indented with blanks", "a tab"),
    "no YAML": Mistake("[案件编号]", "[案件编号", "YAML", "expected ',' or ']'", near="known_at:"),
    "alias": Mistake("record_id: [案件编号]", "record_id: &id [案件编号]\narea: *id", "YAML", "an alias"),
    "aliases of aliases": Mistake(
        "kind: case",
        "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]),
        "YAML",
        "an alias",
        near="a1: &a1 [*a0, *a0]",
    ),
    "key that is a list": Mistake("涉油标志", "{[a]: b}", "YAML", "a list or a mapping as a key"),
    "character that YAML forbids": Mistake("kind: case", "kind: ca\x00se", "YAML", r"character '\\x00'"),
    "not a mapping": Mistake("", "- feed", "a mapping of fields", r"\['feed'\]"),
    "unknown kind": Mistake("kind: case", "kind: cases", r"one of case, .*\(perhaps case\)", "'cases'"),
    "unknown source type": Mistake("type: files", "type: ftp", "one of 'database', 'api', 'files'", "'ftp'"),
    "source without a type": Mistake("  type: files\n", "", "the field `type`", "no such key", near="source:"),
    "unknown format": Mistake("format: csv", "format: xls", "'csv', 'jsonl', 'xlsx' or 'parquet'", "'xls'"),
    "unknown column": Mistake("  n_deaths:", "  n_dead:", r"a column of kind case: .*\(perhaps n_deaths\)", "'n_dead'"),
    "clock of a count": Mistake(
        "  n_deaths: 死亡人数",
        "  n_deaths: {from: 死亡人数, clock: {column: 发案时间}}",
        "no `clock`: n_deaths is a count",
        "'发案时间'",
    ),
    "column that is computed": Mistake(
        "  occurred_at: 发现时间",
        "  occurred_on: 发现时间",
        "no source for it: it is the local day of `occurred_at`",
        "'occurred_on'",
        "feeds/grid_events.yml",
    ),
    "required column not given": Mistake(
        "  occurred_on: 发案时间\n",
        "",
        "the column `occurred_on`, required by kind case",
        "no such key",
        near="columns:",
    ),
    "bad code target": Mistake("刑事: criminal", "刑事: crime", r"one of criminal, public_order \(perhaps", "'crime'"),
    "a word in two spellings": Mistake(
        "刑事: criminal", "'1': criminal, '１': public_order", "one meaning for '1' in all its spellings", r"\{'1'"
    ),
    "a beginning in two spellings": Mistake(
        "nature_code: {from: 案件性质, map: {刑事: criminal, 行政: public_order}}",
        "nature_code: {from: 案件性质, prefixes: {A-: criminal, A–: public_order}}",
        "one meaning for 'A-' in all its spellings",
        r"\{'A-'",
    ),
    "a value that is meant and is not": Mistake(
        'values: ["1"]}',
        'values: ["1", "y"], others: ["Ｙ", "n"]}',
        "each value in `values` or in `others`",
        "'y|Ｙ|column",
    ),
    "a word that is a value and nothing": Mistake(
        "nature_code: {from: 案件性质, map: {刑事: criminal,",
        "nature_code: {from: 案件性质, empty: [刑事], map: {刑事: criminal,",
        "each value in `map` or in `empty`, not in both: 刑事",
        r"\{'from'",
    ),
    "a number as word for nothing": Mistake(
        "  n_deaths: 死亡人数", "  n_deaths: {from: 死亡人数, empty: [0]}", "a text: put it in quotes", "0"
    ),
    "null as word for nothing": Mistake(
        "  n_deaths: 死亡人数", "  n_deaths: {from: 死亡人数, empty: [NULL]}", "a valid string", "None"
    ),
    "words for nothing of a key": Mistake(
        "  venue_code: 场所类型",
        "  venue_code: {from: 案件编号, empty: [无]}",
        "no `empty`: venue_code is read from '案件编号', which tells records or places apart",
        r"\['无'\]",
    ),
    "words for nothing of a place": Mistake(
        "  venue_code: 场所类型",
        "  venue_code: {from: [场所类型, 发案地区划], empty: [无]}",
        "no `empty`: venue_code is read from '发案地区划', which tells records or places apart",
        r"\['无'\]",
    ),
    "words for nothing of a constant": Mistake(
        "  venue_code: 场所类型",
        "  venue_code: {constant: shop, empty: [无]}",
        "no `empty`: venue_code is constant",
        "无",
    ),
    "words for nothing of a person": Mistake(
        "  caller_pseudonym: caller_phone",
        "  caller_pseudonym: {from: caller_phone, empty: [无]}",
        "no `empty`: caller_pseudonym is a pseudonym",
        "无",
        "feeds/hotline.yml",
    ),
    "columns that differ by capitals": Mistake(
        "  n_serious_injuries: 重伤人数\n  n_minor_injuries: 轻伤人数",
        "  n_serious_injuries: Hurt\n  n_minor_injuries: hurt",
        "differs from 'Hurt' in more than capitals, blanks or underscores",
        "'hurt'",
    ),
    "columns that differ by blank and underscore": Mistake(
        "  reported_at: 报案时间\n  filed_on: 立案时间",
        "  reported_at: Report Date\n  filed_on: Report_Date",
        "differs from 'Report Date' in more than capitals, blanks or underscores",
        "'Report_Date'",
    ),
    "columns that differ by brackets": Mistake(
        "  n_minor_injuries: 轻伤人数\n  amount_yuan: 涉案金额(元)",
        "  amount_yuan: 涉案金额(元)\n  n_minor_injuries: 涉案金额_元",
        "differs from '涉案金额\\(元\\)' in more than",
        "'涉案金额_元'",
    ),
    "a column without letters": Mistake(
        "  venue_code: 场所类型", "  venue_code: '()'", "a source column with letters or digits in its name", "'\\(\\)'"
    ),
    "coverage by a column that is no day": Mistake(
        "kind: case",
        "kind: case\ncovered_through: {column: 死亡人数}",
        "a source column that is read as days or times: one of .*发案时间",
        "'死亡人数'",
    ),
    "coverage by a column that is not read": Mistake(
        "kind: case", "kind: case\ncovered_through: {column: 截至}", "read as days or times: one of", "'截至'"
    ),
    "coverage said twice": Mistake(
        "kind: case",
        "kind: case\nlag_days: 3\ncovered_through: {column: 发案时间}",
        "none beside `covered_through`",
        "3",
        near="lag_days: 3",
    ),
    "unknown encoding": Mistake("encoding: gb18030", "encoding: gb1803", "an encoding that Python knows", "'gb1803'"),
    "delimiter of two characters": Mistake(
        "  encoding: gb18030", "  encoding: gb18030\n  delimiter: ', '", "at most 1 character", "', '"
    ),
    "bad flag target": Mistake("紧急: true", "紧急: urgent", "one of true, false", "'urgent'", "feeds/hotline.yml"),
    "months that are minutes": Mistake(
        "  occurred_on: 发案时间",
        "  occurred_on: {from: 发案时间, format: yyyy-mm-dd}",
        "a Spark pattern with hours before minutes",
        "'yyyy-mm-dd'",
    ),
    "pattern of another language": Mistake(
        "  occurred_on: 发案时间",
        "  occurred_on: {from: 发案时间, format: '%Y-%m-%d'}",
        "a Spark pattern, such as .*'Y' is none of its letters",
        "'%Y-%m-%d'",
    ),
    "pattern of a text": Mistake(
        "venue_code: 场所类型",
        "venue_code: {from: 场所类型, format: yyyy}",
        "patterns are for days and times",
        "'yyyy'",
    ),
    "two origins": Mistake(
        "venue_code: 场所类型", "venue_code: {from: 场所类型, constant: x}", "either `from` or `constant`", "{'from'"
    ),
    "bad regex in delivered": Mistake(
        CASES_CSV, "  delivered: 'cases_(\\d{6}\\.csv'", r"a regular expression \(missing \)", "'cases_"
    ),
    "regex without a group": Mistake(CASES_CSV, "  delivered: 'cases_.*'", "with one group, around the day", "'cases_"),
    "no delivery date": Mistake(CASES_CSV + "\n", "", "either `delivered` .* or `delivered_on`", "{", near="source:"),
    "bad date": Mistake("starts_on: 2021-11-01", "starts_on: 2021-11-31", "YAML", "'2021-11-31', which is no day"),
    "text for a date": Mistake("starts_on: 2021-11-01", "starts_on: soon", "date", "'soon'"),
    "ends before it starts": Mistake(
        "starts_on: 2021-11-01",
        "starts_on: 2021-11-01\nends_on: 2020-01-01",
        r"a day from `starts_on` \(2021-11-01\) on",
        "2020-01-01",
    ),
    "snapshot whose rows say when they were known": Mistake(
        "known_at: {column: 数据更新时间}",
        "mode: snapshot\nknown_at: {column: 数据更新时间}",
        "no `column`: all rows of a snapshot are known from the day of its delivery on",
        "'数据更新时间'",
    ),
    **{
        f"snapshot that is pulled, {feed}": Mistake(
            "starts_on:",
            "mode: snapshot\nstarts_on:",
            "`changes`: of a database or an API only what changed since the last pull",
            "'snapshot'",
            file=f"feeds/{feed}.yml",
            near="mode: snapshot",
        )
        for feed in ("disputes", "hotline")
    },
    "code of another feed": Mistake("feed: cases", "feed: incidents", "'cases', the name of the file", "'incidents'"),
    "code that is no name": Mistake("feed: cases", "feed: our-cases", "match pattern", "'our-cases'"),
    "code of another city": Mistake(
        "city: daqing", "city: jixi", "'daqing', the name of the folder", "'jixi'", "city.yml"
    ),
    "unknown indicator": Mistake(
        "starts_on: 2021-11-01",
        "starts_on: 2021-11-01\nsupports: [a4_publik_order]",
        r"an indicator: .*\(perhaps a4_public_order\)",
        "'a4_publik_order'",
    ),
    "unknown privacy class": Mistake(
        "被害人姓名: personal", "被害人姓名: private", "'public', 'internal', 'personal' or 'secret'", "'private'"
    ),
    "used and dropped": Mistake(
        "被害人姓名: personal", "涉油标志: personal", "a column that the contract does not use", "'涉油标志'"
    ),
    "tolerance out of range": Mistake(
        "starts_on: 2021-11-01",
        "starts_on: 2021-11-01\ntolerance: {rejected_share: 2}",
        "less than or equal to 1",
        "2",
    ),
    "a TODO that is left": Mistake("案件编号", "TODO", "a decision", "TODO"),
    "unknown time zone": Mistake("Asia/Shanghai", "Asia/Daqing", "an IANA time zone", "'Asia/Daqing'", "city.yml"),
    "unknown day types": Mistake("day_types: china", "day_types: chine", r"one of \['china'\]", "'chine'", "city.yml"),
    "a name of nothing": Mistake(
        "city: daqing",
        "city: daqing\nnames: {a2_property: {en: Theft}}",
        "a domain or a kind: .*perhaps a2_property_crime",
        "'a2_property'",
        "city.yml",
    ),
    "no name": Mistake("{zh: 大庆市, en: Daqing}", "{}", "the field `en`", "no such key", "city.yml"),
    "unknown key of the city": Mistake("time_zone:", "timezone:", r"\(perhaps time_zone\)", "'timezone'", "city.yml"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_answered_with_file_line_expected_found(copied_city: Path, mistake: Mistake) -> None:
    path = copied_city / mistake.file
    text = path.read_text(encoding="utf-8")
    assert mistake.right in text, "the contract no longer holds what this test breaks"
    changed = text.replace(mistake.right, mistake.wrong, 1) if mistake.right else mistake.wrong
    path.write_text(changed, encoding="utf-8")
    near = mistake.near or mistake.wrong
    line = changed[: changed.index(near) + len(near)].count("\n") + 1
    with pytest.raises(ContractError) as error:
        load_city("daqing")
    answers = str(error.value).splitlines()
    pattern = rf"{re.escape(str(path))}:\d+: .*expected:? .*{mistake.expected}.*[;,] found:? .*{mistake.found}"
    right = [answer for answer in answers if re.match(pattern, answer)]
    assert right, answers
    assert any(answer.startswith(f"{path}:{line}:") for answer in right), (line, answers)


def test_all_faults_of_a_file_are_told_at_once_in_its_order(copied_city: Path) -> None:
    path = copied_city / "feeds" / "cases.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("刑事: criminal", "刑事: crime").replace("n_deaths:", "n_dead:"), encoding="utf-8")
    with pytest.raises(ContractError) as error:
        load_city("daqing")
    lines = [int(answer.split(":")[1]) for answer in str(error.value).splitlines()]
    assert len(lines) == 2
    assert lines == sorted(lines)


def test_two_files_with_one_code_name_the_one_that_is_wrong(copied_city: Path) -> None:
    feeds = copied_city / "feeds"
    (feeds / "cases_again.yml").write_text((feeds / "cases.yml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"cases_again\.yml:1: feed: expected: 'cases_again', .* found 'cases'"):
        load_city("daqing")


def test_a_contract_in_another_encoding_is_answered_with_its_line(copied_city: Path) -> None:
    path = copied_city / "feeds" / "cases.yml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(ContractError, match=r"cases\.yml:3: expected UTF-8, found: byte 0x"):
        load_city("daqing")


CORRECTION = """feed: cases
corrections:
  a_year:
    reason: letter of the station
    where: {案件编号: A1}
    column: 死亡人数
    found: "99"
    corrected: "1"
"""
CORRECTION_MISTAKES = {
    "unknown key": ("    reason", "    raeson", r":4: corrections\.a_year\.raeson: expected: one of reason, .*; found 'raeson'"),
    "a column that is not read": ("死亡人数", "死亡数", r":6: .*column: .*\(perhaps 死亡人数\); found '死亡数'"),
    "a personal column": ("案件编号", "被害人姓名", r":5: .*where\.被害人姓名: expected: a source column that the contract reads"),
    "rows that are not named": ("{案件编号: A1}", "{}", r":5: .*where: .*at least 1 item"),
    "nothing corrected": ('corrected: "1"', 'corrected: "99"', r":8: .*another value than `found`; found '99'"),
    "a number for a text": ('"99"', "99", r":7: .*found: expected: a text: put it in quotes; found 99"),
    "a code that is no name": ("a_year", "a-year", r":3: .*match pattern"),
    "code of another feed": ("feed: cases", "feed: hotline", r":1: feed: expected: 'cases', as the file is named"),
    "the same twice": (
        "corrections:\n",
        "corrections:\n  same: {reason: x, where: {案件编号: A1}, column: 死亡人数, found: '1', corrected: '2'}\n",
        r":7: .*another row or column than `same` corrects",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), CORRECTION_MISTAKES.values(), ids=CORRECTION_MISTAKES.keys())
def test_a_wrong_correction_is_answered_with_file_and_line(
    copied_city: Path, right: str, wrong: str, message: str
) -> None:
    path = copied_city / "feeds" / "cases.corrections.yml"
    path.write_text(CORRECTION, encoding="utf-8")
    assert list(load_city("daqing").feed("cases").corrections) == ["a_year"]
    load_city.cache_clear()
    assert right in CORRECTION
    path.write_text(CORRECTION.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=rf"cases\.corrections\.yml{message}"):
        load_city("daqing")


def test_corrections_of_no_feed_are_named(copied_city: Path) -> None:
    (copied_city / "feeds" / "case.corrections.yml").write_text(CORRECTION, encoding="utf-8")
    with pytest.raises(ContractError, match=r"case\.corrections\.yml: expected the contract of a feed beside it"):
        load_city("daqing")


CSV_MISTAKES = {
    "header": ("area_code,level", "code,level", "areas.csv:1: expected the header area_code,level,.* found code,level"),
    "a value too many": (",2012-01-01,\n", ",2012-01-01,,\n", "areas.csv:2: expected 7 values, found 8"),
    "empty": (None, "", "areas.csv:1: expected the header area_code,.*, found nothing"),
    "encoding": (None, "大庆".encode("gb18030"), "areas.csv: expected CSV in UTF-8 that can be read"),
}


@pytest.mark.parametrize(("right", "wrong", "message"), CSV_MISTAKES.values(), ids=CSV_MISTAKES.keys())
def test_a_wrong_table_of_a_city_is_answered_with_file_and_line(
    copied_city: Path, right: str | None, wrong: str | bytes, message: str
) -> None:
    path = copied_city / "areas.csv"
    text = path.read_text(encoding="utf-8")
    content = text.replace(right, str(wrong), 1) if right else wrong
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ContractError, match=message):
        read_table("daqing", "areas")


def test_a_table_saved_by_a_spreadsheet_has_a_byte_order_mark(copied_city: Path) -> None:
    path = copied_city / "areas.csv"
    before = read_table("daqing", "areas")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_table("daqing", "areas") == before
