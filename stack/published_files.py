"""docs/published-files.md: the sections of it that are made from declarations, each between two marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spark_jobs.release.gates import GATES, Check
from spark_jobs.release.monthly_gates import MONTHLY_GATES
from spark_jobs.released.columns import ACROSS, FILED, PUBLIC, Column, Table, Tier
from stack.layout import REPOSITORY

FILE = REPOSITORY / "docs" / "published-files.md"
TIERS: dict[Tier, str] = {
    "public_nightly": "public, nightly 每日公开",
    "public_monthly": "public, monthly 每月公开",
    "restricted": "restricted 限定",
    "internal": "internal 内部",
}


def page() -> str:
    """The page as it stands, its rendered sections made anew."""
    text = FILE.read_text(encoding="utf-8")
    for name, lines in {
        "gates": gates(GATES),
        "monthly_gates": gates(MONTHLY_GATES),
        "files": files(),
        "public": public(),
        "columns": columns(),
        "across": across(),
    }.items():
        text = with_section(text, name, lines)
    return text


def with_section(page: str, name: str, lines: list[str]) -> str:
    """The page with `lines` between its marks `<!-- name: … -->` and `<!-- /name -->`."""
    before, opened, rest = page.partition(f"<!-- {name}:")
    mark, closed, after = rest.partition(f"<!-- /{name} -->")
    assert opened and closed, f"expected the marks of the section {name}"
    return "\n".join([before + opened + mark.splitlines()[0], "", *lines, "", closed + after])


def gates(declared: Mapping[str, Check]) -> list[str]:
    """Gates as a table."""
    rows = [
        f"| `{name}` | {each.name.zh} {each.name.en} | {each.looks_at.zh}; {each.looks_at.en} |"
        for name, each in declared.items()
    ]
    return ["| gate 关口 | | looks at 检查 |", "|---|---|---|", *rows]


def files() -> list[str]:
    """One row a table: its files, what it holds and who may see it."""
    rows = [f"| {_names(table)} | {table.zh} {table.en} | {TIERS[table.tier]} |" for table in FILED.values()]
    return ["| file 文件 | content 内容 | tier 范围 |", "|---|---|---|", *rows]


def public() -> list[str]:
    """One row a public table: its file, the tier and its columns."""
    rows = [
        f"| `{table.file}` | {TIERS[table.tier]} | {table.zh} {table.en} | {', '.join(f'`{name}`' for name in table.columns)} |"
        for table in PUBLIC.values()
    ]
    return ["| table 表 | tier 范围 | content 内容 | columns 列 |", "|---|---|---|---|", *rows]


def columns() -> list[str]:
    """For each file a heading and its columns."""
    return [line for table in FILED.values() for line in _section(table)][:-1]


def across() -> list[str]:
    """The tables that go across releases: who may see them, and their columns."""
    lines = []
    for table in ACROSS.values():
        heading, *rest = _section(table)
        lines += [heading, f"{table.zh} {table.en}. {TIERS[table.tier]}", "", *rest]
    return lines[:-1]


def _names(table: Table) -> str:
    return ", ".join(f"`{name}`" for name in (table.file, table.parquet) if name)


def _section(table: Table) -> Iterator[str]:
    yield f"#### {table.file}"
    yield f"Key 主键: {', '.join(f'`{column}`' for column in table.key)}"
    yield ""
    yield "| column 列 | type | unit 单位 | values 取值 | meaning 含义 |"
    yield "|---|---|---|---|---|"
    for name, column in table.columns.items():
        unit = f"{column.unit.zh} {column.unit.en}" if column.unit else ""
        meaning = f"{column.zh} {column.en}".replace("|", "\\|")
        yield f"| `{name}` | {column.type} | {unit} | {_values(column)} | {meaning} |"
    yield ""


def _values(column: Column) -> str:
    """The lawful values, as far as they are bounded, and whether there always is one."""
    listed = ", ".join(f"`{code}`" for code in column.codes)
    ends = ("" if end is None else f"{end:g}" for end in (column.low, column.high))
    bounds = " … ".join(ends).strip() if (column.low, column.high) != (None, None) else ""
    return "; ".join(part for part in (listed, bounds, "never empty 必有" if column.required else "") if part)
