"""The yearly page of the uncertainty analysis of a release (index/engine/uncertainty_analysis.py), in both languages.

It is computed from the inputs that the release holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.index.engine.arrays import EngineInputError, FloatArray
from spark_jobs.index.engine.released_inputs import released_inputs
from spark_jobs.index.engine.uncertainty_analysis import FACTORS, N_BASE, VARIED_STRATUM, WEIGHT_DEVIATION, Study, study
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.release.files import RELEASE_FILE, parse_csv, read_latest, release_folder
from spark_jobs.release.wording import LANGUAGES, LanguageCode, Wording
from spark_jobs.released.columns import TABLES, TableFault

FILES: dict[LanguageCode, str] = {"zh": "sensitivity.zh.md", "en": "sensitivity.md"}


@dataclass(frozen=True)
class _Subject:
    """A release that was studied. `names`: by language, in the order of the study's areas."""

    city: City
    release_id: str
    period: str
    names: dict[LanguageCode, list[str]]
    methodology: Methodology
    n_base: int
    study: Study


def write_pages(published: Path, city: City, release_id: str | None, into: Path, n_base: int = N_BASE) -> list[Path]:
    """Study a release (the current one if none is named) and write both pages into a folder. Returns their paths.

    Raises UsageError for a release that is not there, is of another version of the method, or has no index.
    """
    subject = _subject(published / city.city_code, city, release_id, n_base)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # noqa: S701 - Markdown of our own contracts; HTML in it is shown and not obeyed
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    written = []
    for language in LANGUAGES:
        text = environment.get_template(f"sensitivity.{language}.md.j2").render(_content(subject, language))
        written.append(into / FILES[language])
        written[-1].write_text(text, encoding="utf-8")
    return written


def _subject(folder: Path, city: City, release_id: str | None, n_base: int) -> _Subject:
    latest = read_latest(folder)
    chosen = release_folder(folder, release_id or (latest["release_id"] if latest else "none"))
    if not (chosen / RELEASE_FILE).is_file():
        raise UsageError(f"sensitivity: there is no release {chosen.name} of {city.city_code}; expected {chosen}")
    document = json.loads((chosen / RELEASE_FILE).read_text(encoding="utf-8"))
    methodology = load_methodology()
    if document["method_version"] != methodology.version:
        raise UsageError(
            f"sensitivity: release {chosen.name} is of method {document['method_version']}, the method here is "
            f"{methodology.version}; check out the code of its time"
        )
    try:
        inputs = released_inputs(parse_csv("input", (chosen / TABLES["input"].file).read_bytes()), methodology)
        found = study(inputs, methodology, n_base)
    except (EngineInputError, TableFault) as error:
        raise UsageError(f"sensitivity: {chosen.name}: {error}") from error
    by_code = {county["area_code"]: county for county in document["counties"]}
    names = {language: [by_code[code][f"name_{language}"] for code in inputs.area_codes] for language in LANGUAGES}
    return _Subject(city, chosen.name, document["period"], names, methodology, n_base, found)


def _content(subject: _Subject, language: LanguageCode) -> dict[str, Any]:
    """What the template places: values for its sentences, and rows of text."""
    words, found = Wording(language, subject.methodology), subject.study
    severity = subject.methodology.severity[VARIED_STRATUM]
    return {
        "city": words.pick(subject.city.name),
        "city_code": subject.city.city_code,
        "note": words.pick(subject.city.note) if subject.city.note else None,
        "release_id": subject.release_id,
        "period": subject.period,
        "version": subject.methodology.version,
        "days": severity,
        "n_points": f"{subject.n_base * (len(FACTORS) + 3):,}",
        "deviation": f"{100 * WEIGHT_DEVIATION:.0f}",
        "left_out": words.listed(map(words.indicator, found.left_out)),
        "factors": list(_factor_rows(found, words)),
        "factor_names": [words.name("factor", code) for code in FACTORS],
        "areas": list(_area_rows(found, subject.names[language])),
        "indicators": list(_indicator_rows(found, words)),
        "largest": words.name("factor", FACTORS[int(np.argmax(found.of_mean_shift.total[0]))]),
        "median_shift": f"{np.median(found.shift):.0f}",
    }


def _factor_rows(found: Study, words: Wording) -> Iterator[list[str]]:
    columns = zip(FACTORS, found.of_mean_shift.first[0], found.of_mean_shift.total[0], found.shift_alone, strict=True)
    for code, first, total, alone in columns:
        yield [words.name("factor", code), f"{first:.2f}", f"{total:.2f}", f"{alone:.2f}"]


def _area_rows(found: Study, names: list[str]) -> Iterator[list[str]]:
    for a in np.argsort(found.rank, kind="stable"):
        spread = f"{found.rank_low[a]:.0f}–{found.rank_high[a]:.0f}"
        shares: FloatArray = found.of_rank.total[a]
        yield [names[a], f"{found.rank[a]:.0f}", spread, f"{found.shift[a]:.0f}", *(f"{s:.2f}" for s in shares)]


def _indicator_rows(found: Study, words: Wording) -> Iterator[list[str]]:
    for row, indicator in enumerate(words.methodology.indicators):
        influence = found.influence[row]
        shown = words.say("nothing") if np.isnan(influence) else f"{influence:.2f}"
        yield [words.pick(indicator.name), f"{100 * found.nominal[row]:.1f} %", shown]
