"""Render what dbt must know at parse time and cannot list by itself: the ids of the indicators.

`python dbt/render.py` writes macros/indicator_ids.sql from the files under models/indicators/.
"""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent
RENDERED = PROJECT / "macros" / "indicator_ids.sql"


def rendered_indicator_ids() -> str:
    """Text of the macro: one id per file models/indicators/<domain>/<id>.sql, sorted."""
    ids = sorted(path.stem for path in (PROJECT / "models" / "indicators").glob("*/*.sql"))
    listed = "".join(f"        '{indicator_id}',\n" for indicator_id in ids)
    return (
        "{#- Rendered by `python dbt/render.py` from models/indicators/<domain>/<id>.sql. Do not edit. -#}\n"
        f"{{% macro indicator_ids() %}}\n    {{{{ return([\n{listed}    ]) }}}}\n{{% endmacro %}}\n"
    )


if __name__ == "__main__":
    RENDERED.write_text(rendered_indicator_ids(), encoding="utf-8")
