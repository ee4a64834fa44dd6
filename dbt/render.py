"""Render what dbt must know at parse time and cannot list by itself: the ids of the indicators, and its sources.

`python dbt/render.py` writes macros/indicator_ids.sql from the files under models/indicators/, and models/sources.yml
from the kinds of record (expectations/kinds) and the meanings of the raw tables (spark_jobs/lake/meanings.yml).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent
KINDS = PROJECT.parent / "expectations" / "kinds"
MEANINGS = PROJECT.parent / "spark_jobs" / "lake" / "meanings.yml"
INDICATOR_IDS = PROJECT / "macros" / "indicator_ids.sql"
SOURCES = PROJECT / "models" / "sources.yml"


def rendered() -> dict[Path, str]:
    """Path -> text of every rendered file of this project."""
    return {INDICATOR_IDS: rendered_indicator_ids(), SOURCES: rendered_sources()}


def rendered_indicator_ids() -> str:
    """Text of the macro: one id per file models/indicators/<domain>/<id>.sql, sorted."""
    ids = sorted(path.stem for path in (PROJECT / "models" / "indicators").glob("*/*.sql"))
    listed = "".join(f"        '{indicator_id}',\n" for indicator_id in ids)
    return (
        "{#- Rendered by `python dbt/render.py` from models/indicators/<domain>/<id>.sql. Do not edit. -#}\n"
        f"{{% macro indicator_ids() %}}\n    {{{{ return([\n{listed}    ]) }}}}\n{{% endmacro %}}\n"
    )


def rendered_sources() -> str:
    """Text of models/sources.yml: silver has a table for each kind, raw one for each of a city's files."""
    declared = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))["tables"]
    raw = {name.removeprefix("raw."): said for name, said in declared.items() if name.startswith("raw.")}
    arrivals = _table("batches", declared["ops.batches"]) | {
        "loaded_at_field": "fetched_at",  # `dbt source freshness` tells by hand whether anything arrives
        "config": {"freshness": {"warn_after": {"count": 36, "period": "hour"}}},
    }
    kinds = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(KINDS.glob("*.yml"))]
    sources = [
        _source(
            "silver",
            "One row per record and version. Read it through the macro known_at_as_of, never directly.",
            [_table(kind["kind"], kind["name"]) for kind in kinds],
        ),
        _source(
            "raw",
            "The dated tables of each city's folder, as written there.",
            [_table(name, said) for name, said in raw.items()],
        ),
        _source("ops", "What arrived, when, and how it was judged.", [arrivals]),
    ]
    text = yaml.safe_dump({"version": 2, "sources": sources}, allow_unicode=True, sort_keys=False, width=200)
    return f"# Rendered by `python dbt/render.py` from expectations/kinds and spark_jobs/lake/meanings.yml. Do not edit.\n{text}"


def _source(name: str, description: str, tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "description": description, "tables": tables}


def _table(name: str, said: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "description": f"{said['zh']} / {said['en']}"}


if __name__ == "__main__":
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
