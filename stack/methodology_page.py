"""The methodology page, in Chinese and English: methodology.yml, the indicators' YAML and the rules put into words.

Every number and name on it is read from there, so that code and page cannot differ; the templates hold
the sentences around them. docs/ has it as Markdown (`make render`), portal and dashboard serve it as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from expectations.models import Text
from spark_jobs.flags.rule import Rule
from spark_jobs.flags.rules import RULES
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.release.gates import GATES
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from stack.layout import REPOSITORY
from stack.markdown_page import as_html

INDICATORS = REPOSITORY / "dbt" / "models" / "indicators"
FILES: dict[LanguageCode, Path] = {
    "zh": REPOSITORY / "docs" / "methodology.zh.md",
    "en": REPOSITORY / "docs" / "methodology.md",
}
PATHS: dict[LanguageCode, str] = {language: f"/methodology/{language}" for language in LANGUAGES}

Definition = dict[Literal["numerator", "denominator", "definition"], dict[LanguageCode, str]]


def methodology_page(language: LanguageCode, content: Mapping[str, Any] | None = None, *, other: str = "") -> str:
    """Markdown of the page. `content` is the methodology as plain values; `other` the address of the other language."""
    said = content or _methodology().model_dump(mode="json")
    return _template(language).render(
        m=said,
        definitions=_definitions(),
        rules=[_rule(name, rule, language, said["flags"]) for name, rule in RULES.items()],
        gates=[getattr(check.name, language) for check in GATES.values()],
        words=Wording(language, _methodology()),
        other=other or FILES["en" if language == "zh" else "zh"].name,
    )


def html_page(language: LanguageCode) -> str:
    """The page as one HTML document without any outside file; the other language is its neighbour."""
    text = methodology_page(language, other="en" if language == "zh" else "zh")
    return as_html(text, language)


def write_html(folder: Path) -> None:
    """methodology.<language>.html in `folder`, where Superset's configuration looks for them."""
    for language in LANGUAGES:
        (folder / f"methodology.{language}.html").write_text(html_page(language), encoding="utf-8")


# Read once a process: the files do not change under it.
@cache
def _methodology() -> Methodology:
    return load_methodology()


def _rule(module: str, rule: Rule, language: LanguageCode, flags: Mapping[str, Any]) -> dict[str, Any]:
    """A rule in words, with the thresholds of its entry in methodology.yml filled in."""

    def said(text: Text) -> str:
        return _environment(language).from_string(getattr(text, language)).render(t=flags.get(module), flags=flags)

    return {
        "code": rule.code,
        "name": said(rule.name),
        "when": said(rule.when),
        "colours": said(rule.colours),
        "because": said(rule.because) if rule.because else None,
        "is_fact": rule.is_fact,
    }


@cache
def _template(language: LanguageCode) -> Template:
    return _environment(language).get_template(f"methodology.{language}.md.j2")


@cache
def _environment(language: LanguageCode) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # noqa: S701 - Markdown of our own files; HTML in it is escaped by html_page
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sign = "%" if language == "zh" else " %"
    environment.filters |= {"n": _number, "pct": lambda share: f"{100 * share:g}{sign}"}
    return environment


@cache
def _definitions() -> dict[str, Definition]:
    """Indicator id -> what its SQL counts, from the YAML beside it: "Chinese / English" and two paragraphs."""
    return {path.stem: _definition(path) for path in sorted(INDICATORS.glob("*/*.yml"))}


def _definition(path: Path) -> Definition:
    (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    columns = {column["name"]: column["description"].split(" / ") for column in model["columns"]}
    texts = {**columns, "definition": model["description"].strip().split("\n")}
    for name, text in texts.items():
        if len(text) != 2:
            raise ValueError(f"{path.name}: {name}: expected Chinese and English, found {text}; see the other files")
    return {
        "numerator": dict(zip(LANGUAGES, texts["numerator"], strict=True)),
        "denominator": dict(zip(LANGUAGES, texts["denominator"], strict=True)),
        "definition": dict(zip(LANGUAGES, texts["definition"], strict=True)),
    }


def _number(value: float) -> str:
    """100000 -> 100,000; 2.5 -> 2.5; 1.0 -> 1"""
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"
