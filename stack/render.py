"""Files that are made from others, committed, and never edited: what they say, and whether they are fresh."""

from __future__ import annotations

import json
import runpy
import subprocess
from pathlib import Path

from expectations.contract import load_cities
from stack import house, published_files
from stack.bootstrap import ENVIRONMENTS
from stack.data_dictionary import FILES as DICTIONARIES
from stack.data_dictionary import data_dictionary
from stack.layout import REPOSITORY, Layout
from stack.methodology_page import FILES, methodology_page

LICENCES = REPOSITORY / "docs" / "licences.md"
CODE_LISTS = (
    ("GA 240.1-2000 case codes", "code list of the Ministry of Public Security, as quoted by public software", "facts"),
)
SYSTEM_PACKAGES = (
    ("chromium", "BSD-3-Clause and others", "PDFs, browser tests"),
    ("fonts-noto-cjk", "OFL-1.1", "Chinese text in PDFs and screenshots"),
)
STANDARDS = (
    ("data-package.json, tabular-data-resource.json", "Data Package 1.0, from `datapackage` 1.15.4", "MIT"),
    (
        "odcs-3.0.2.json",
        "Open Data Contract Standard, from `open-data-contract-standard` 3.0.5",
        "Apache-2.0; the package: MIT",
    ),
    ("openapi-3.1.json", "OpenAPI 3.1, from `openapi-spec-validator` 0.9.0", "Apache-2.0"),
    ("axe-4.12.1.min.js", "WCAG as axe-core 4.12.1 checks it, from `axe-playwright-python` 0.1.8", "MPL-2.0"),
)
JARS = {"delta-spark_4.1_2.13": "Apache-2.0", "delta-storage": "Apache-2.0"}


def rendered() -> dict[Path, str]:
    """Path -> text of every rendered file."""
    dbt = runpy.run_path(str(REPOSITORY / "dbt" / "render.py"))
    return {
        **dbt["rendered"](),
        house.FILE: house.picture(),
        LICENCES: licences(Layout.from_environment()),
        published_files.FILE: published_files.page(),
        **{path: methodology_page(language) for language, path in FILES.items()},
        **{path: data_dictionary(language) for language, path in DICTIONARIES.items()},
    }


def stale() -> list[Path]:
    """Rendered files that are not what they would be now."""
    return [path for path, text in rendered().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def licences(layout: Layout) -> str:
    """Every dependency of every environment with its licence, and every data source."""
    lines = ["<!-- Rendered by `make render`. Do not edit. -->", "# Licences", "", "The project itself: MIT.", ""]
    lines += ["## Data", "", "| data | source | licence |", "|---|---|---|"]
    sources = [(each.name, each.source, each.licence) for city in load_cities() for each in city.data_sources]
    lines += [f"| {' | '.join(row)} |" for row in (*sources, *CODE_LISTS)]
    lines += ["", "## Schemas of standards, in tests/standards", "", "| file | standard | licence |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in STANDARDS]
    lines += ["", "## Jars and system packages", "", "| package | licence | for |", "|---|---|---|"]
    lines += [f"| {name} | {licence} | Delta Lake on Spark |" for name, licence in JARS.items()]
    lines += [f"| {' | '.join(row)} |" for row in SYSTEM_PACKAGES]
    for environment in ENVIRONMENTS:
        lines += ["", f"## Python environment `{environment}`", *_licence_table(layout, environment)]
    return "\n".join(lines) + "\n"


def _licence_table(layout: Layout, environment: str) -> list[str]:
    """Of an environment that this machine has not made, what the page said of it."""
    if not layout.python(environment).exists():
        _, _, said = LICENCES.read_text(encoding="utf-8").partition(f"## Python environment `{environment}`\n")
        return said.partition("\n## ")[0].rstrip("\n").split("\n")
    rows = [f"| {p['Name']} | {p['Version']} | {_short(p['License'])} |" for p in _packages(layout, environment)]
    return ["", "| package | version | licence |", "|---|---|---|", *rows]


def _packages(layout: Layout, environment: str) -> list[dict[str, str]]:
    tool = layout.python("pipeline").with_name("pip-licenses")
    command = [tool, f"--python={layout.python(environment)}", "--format=json", "--from=mixed"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    packages: list[dict[str, str]] = json.loads(done.stdout)
    return sorted(packages, key=lambda package: package["Name"].lower())


def _short(licence: str) -> str:
    """Some packages put the whole text of their licence where its name belongs."""
    first = licence.strip().splitlines()[0] if licence.strip() else "UNKNOWN"
    return first.replace("|", "/")[:80]
