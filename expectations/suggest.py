"""What a source's own word probably means: a code of the kind, by the words of words/codes.csv. Guesses, for a person."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from expectations.normal_form import normal

WORDS = Path(__file__).with_name("words") / "codes.csv"
DELETED, OUTSIDE = "deleted", "outside_area"  # no event at all; a place that is not in the city
EVERYWHERE = "*"  # of any kind


@cache
def _words() -> dict[tuple[str, str], dict[str, str]]:
    """(kind, column) -> word -> code."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    with WORDS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["kind"], row["column"]), {})[_plain(row["word"])] = row["code"]
    return found


def _plain(text: str) -> str:
    """Words in small letters with one blank between them, singular and plural alike."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", normal(text))
    return re.sub(r"s\b", "", " ".join(re.findall(r"[^\W_]+", words.lower())))


def suggested(kind: str, column: str, value: str) -> str | None:
    """The code of the longest known word that the value says; of Latin letters whole words count, of Chinese any part."""
    plain = _plain(value)
    known = _words().get((kind, column), {})
    said = [word for word in known if (word in plain if re.search(r"[\u4e00-\u9fff]", word) else _has(plain, word))]
    return known[max(said, key=len)] if said else None


def _has(plain: str, word: str) -> bool:
    return f" {word} " in f" {plain} "


def is_outside(value: str) -> bool:
    """True for the name of a place that says that it is not in the city."""
    return suggested(EVERYWHERE, "area", value) == OUTSIDE


def likely_kind(names: Iterable[str]) -> str | None:
    """Kind of the records of a file, by the first of its names (of the file, of its columns) that speaks of one only."""
    kinds = {kind for kind, column in _words() if column == "kind"}
    for name in names:
        said = [kind for kind in sorted(kinds) if suggested(kind, "kind", name)]
        if len(said) == 1:
            return said[0]
    return None
