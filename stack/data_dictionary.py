"""The data dictionary, in Chinese and English: every table and column with meaning, unit, type, class and source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from expectations.contract import load_cities, load_kinds
from expectations.models import Feed, Text
from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.wording import LANGUAGES, LanguageCode
from stack import methodology_page
from stack.dictionary_tables import Column, Table, bronze_columns, tables
from stack.layout import REPOSITORY
from stack.markdown_page import as_html

FILES: dict[LanguageCode, Path] = {
    "zh": REPOSITORY / "docs" / "data-dictionary.zh.md",
    "en": REPOSITORY / "docs" / "data-dictionary.md",
}
PATHS: dict[LanguageCode, str] = {language: f"/dictionary/{language}" for language in LANGUAGES}
WORDS: dict[str, Text] = {
    "title": Text(zh="数据字典", en="Data dictionary"),
    "intro": Text(
        zh="由契约和各表的声明生成，与代码一致。另见 English: [data-dictionary.md](data-dictionary.md)。"
        "等级：public 公开，internal 内部，personal 个人信息，secret 机密；每张表自身的元数据中，各列的注释也写明等级和含义。",
        en="Made from the contracts and from the declarations of the tables, so that it cannot differ from the code. "
        "In Chinese: [data-dictionary.zh.md](data-dictionary.zh.md). Classes: public, internal, personal, secret. "
        "Class and meaning also stand in each table's own metadata, as the comment of the column.",
    ),
    "feeds": Text(zh="数据源：来源列与去向", en="Feeds: columns of the source and what becomes of them"),
    "bronze": Text(
        zh="每个数据源在 `bronze.<city>_<feed>` 中逐行存为文本，每批只入一次；个人信息在入湖前删除或做成假名。此外每张表都有：",
        en="Each feed lies in `bronze.<city>_<feed>`, row by row as text, every batch once; personal values are dropped or "
        "made pseudonyms before. Each of these tables also has:",
    ),
    "tables": Text(zh="表", en="Tables"),
    "indicators": Text(zh="指标", en="Indicators"),
    "definitions": Text(
        zh="分子、分母及定义见 [methodology.zh.md](methodology.zh.md)。",
        en="Numerators, denominators and definitions: [methodology.md](methodology.md).",
    ),
    "from": Text(zh="来自", en="from"),
    "column": Text(zh="列", en="column"),
    "type": Text(zh="类型", en="type"),
    "unit": Text(zh="单位", en="unit"),
    "class": Text(zh="等级", en="class"),
    "meaning": Text(zh="含义", en="meaning"),
    "source": Text(zh="来源", en="source"),
    "becomes": Text(zh="去向", en="becomes"),
    "indicator": Text(zh="指标", en="indicator"),
    "name": Text(zh="名称", en="name"),
    "supported": Text(zh="数据源", en="feeds"),
    "gone": Text(zh="不再传递", en="goes no further"),
    "codes": Text(zh="代码", en="codes"),
    "record": Text(zh="记录编号", en="record_id"),
    "area": Text(zh="区划", en="area_code"),
    "known": Text(zh="记录时间", en="known_at"),
    "deleted": Text(zh="删除标志", en="is_deleted"),
    "condition": Text(zh="条件", en="condition"),
}


def data_dictionary(language: LanguageCode) -> str:
    """Markdown of the dictionary."""
    lines = ["<!-- Rendered by `make render`. Do not edit. -->", f"# {_say('title', language)}", ""]
    lines += [_say("intro", language), "", f"## {_say('tables', language)}"]
    for table in tables():
        lines += _table(table, language)
    lines += ["", f"## {_say('indicators', language)}", _say("definitions", language), "", *_indicators(language)]
    lines += ["", f"## {_say('feeds', language)}", _say("bronze", language), ""]
    lines += _grid(
        ("column", "type", "unit", "class", "meaning"),
        [_cells(column, language) for column in bronze_columns()],
        language,
    )
    for city in load_cities():
        for feed in city.feeds:
            lines += _feed(feed, language)
    return "\n".join(lines) + "\n"


def html_page(language: LanguageCode) -> str:
    """The dictionary as one HTML document without any outside file; links lead to the pages of the portal."""
    text = data_dictionary(language)
    for pages, paths in ((FILES, PATHS), (methodology_page.FILES, methodology_page.PATHS)):
        for each in LANGUAGES:
            text = text.replace(f"]({pages[each].name})", f"]({paths[each]})")
    return as_html(text.split("\n", 1)[1], language)  # without the line that says where it comes from


def _say(key: str, language: LanguageCode) -> str:
    return str(getattr(WORDS[key], language))


def _in(name: Text, language: LanguageCode) -> str:
    return str(getattr(name, language))


def _grid(header: Iterable[str], rows: Iterable[tuple[str, ...]], language: LanguageCode) -> list[str]:
    """A Markdown table; `header` are keys of WORDS."""
    titles = [_say(key, language) for key in header]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles), *(f"| {' | '.join(row)} |" for row in cells)]


def _cells(column: Column, language: LanguageCode) -> tuple[str, ...]:
    """A column's line: name, type, unit, class, meaning."""
    meaning = _in(column.meaning, language)
    if column.codes:
        meaning += f" ({_say('codes', language)}: {', '.join(f'`{code}`' for code in column.codes)})"
    return (f"`{column.name}`", column.type, _in(column.unit, language), column.privacy, meaning)


def _table(table: Table, language: LanguageCode) -> list[str]:
    header = ["column", "type", "unit", "class", "meaning"]
    rows = [_cells(column, language) for column in table.columns]
    if any(column.source for column in table.columns):
        header.append("source")
        rows = [(*row, column.source) for row, column in zip(rows, table.columns, strict=True)]
    lead = f"{_in(table.meaning, language)} ({_say('from', language)}: {table.source})"
    return ["", f"### `{table.name}`", lead, "", *_grid(header, rows, language)]


def _indicators(language: LanguageCode) -> list[str]:
    rows = []
    for indicator in load_methodology().indicators:
        feeds = [feed.code for city in load_cities() for feed in city.feeds if indicator.id in feed.supports]
        rows.append(
            (f"`{indicator.id}`", _in(indicator.name, language), _in(indicator.unit, language), ", ".join(feeds))
        )
    return _grid(("indicator", "name", "unit", "supported"), rows, language)


def _feed(feed: Feed, language: LanguageCode) -> list[str]:
    title = f"### `{feed.code}`: {_in(feed.name, language)} → `silver.{feed.kind}`"
    return ["", title, "", *_grid(("column", "class", "becomes"), _source_columns(feed, language), language)]


def _source_columns(feed: Feed, language: LanguageCode) -> Iterator[tuple[str, ...]]:
    """Every source column that the contract names: its class, and the canonical columns that it becomes."""
    kind = load_kinds()[feed.kind]
    roles = {
        "record": feed.record_id,
        "area": feed.area,
        "known": [feed.known_at.column] if feed.known_at.column else [],
        "deleted": [feed.deleted.column] if feed.deleted else [],
        "condition": [column.when.column for column in feed.columns.values() if column.when],
    }
    for name in dict.fromkeys([*feed.mapped_columns, *feed.dropped]):
        canonical = [target for target, column in feed.columns.items() if name in column.reads]
        becomes = [_say(role, language) for role, names in roles.items() if name in names]
        becomes += [f"`{target}`" for target in canonical]
        classes = {kind.columns[target].privacy for target in canonical} or {"internal"}
        privacy = feed.dropped.get(name) or ("personal" if "personal" in classes else "/".join(sorted(classes)))
        yield f"`{name}`", privacy, ", ".join(becomes) or _say("gone", language)
