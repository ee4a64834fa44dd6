"""Which column of a source is which: by its name in Chinese, English or pinyin. Guesses, for a person to confirm."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import yaml

WORDS = Path(__file__).with_name("words") / "columns.yml"
GENERIC_WEIGHT = 0.3
MIN_LONG = 4
ENOUGH = 0.45  # a likeness below this is no guess


class Vocabulary(NamedTuple):
    """Word -> concepts, by the way it is written; concept -> its group (generic, specific, personal, prose)."""

    zh: dict[str, set[str]]
    latin: dict[str, set[str]]
    long: dict[str, set[str]]  # the English ones that are told apart in a run such as INCIDENTLOCATION
    pinyin: dict[str, set[str]]
    group: dict[str, str]


@cache
def vocabulary() -> Vocabulary:
    """The words of words/columns.yml; pinyin in full and as initials."""
    words = Vocabulary({}, {}, {}, {}, {})
    for group, concepts in yaml.safe_load(WORDS.read_text(encoding="utf-8")).items():
        for concept, written in concepts.items():
            words.group[concept] = group
            for word in written["zh"]:
                words.zh.setdefault(word, set()).add(concept)
            for word in written["en"]:
                words.latin.setdefault(word, set()).add(concept)
                if len(word) >= MIN_LONG:
                    words.long.setdefault(word, set()).add(concept)
            for word in written["pinyin"]:
                syllables = word.split()
                for spelling in ("".join(syllables), "".join(syllable[0] for syllable in syllables)):
                    words.pinyin.setdefault(spelling, set()).add(concept)
    return words


@cache
def concepts_of(name: str) -> frozenset[str]:
    """What the name of a column speaks of."""
    words = vocabulary()
    found: set[str] = set()
    for run in re.findall(r"[\u4e00-\u9fff]+", name):
        found |= _in_run(run, words.zh)
    tokens = _tokens(name)
    for first, second in pairwise(tokens):
        found |= words.latin.get(f"{first} {second}", set())
    for token in tokens:
        found |= words.latin.get(token) or _in_pinyin(token, words.pinyin) or _in_run(token, words.long)
    return frozenset(found)


def _tokens(name: str) -> list[str]:
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [token.lower() for token in re.findall(r"[A-Za-z]+", parted)]


def _in_run(run: str, known: Mapping[str, set[str]]) -> set[str]:
    """Concepts of the longest known words of a run without blanks, from left to right; what is unknown is skipped."""
    found: set[str] = set()
    start = 0
    while start < len(run):
        end = next((e for e in range(len(run), start, -1) if run[start:e] in known), None)
        found |= known[run[start:end]] if end else set()
        start = end or start + 1
    return found


def _in_pinyin(token: str, known: Mapping[str, set[str]]) -> set[str]:
    """Concepts of a token that is pinyin, in full or as initials, from its beginning to its end; else none."""
    ways: dict[int, set[str]] = {0: set()}
    for start in range(len(token)):
        if start in ways:
            for end in range(start + 2, len(token) + 1):
                if token[start:end] in known:
                    ways.setdefault(end, ways[start] | known[token[start:end]])
    return ways.get(len(token), set())


def _weight(concepts: Iterable[str]) -> float:
    group = vocabulary().group
    return sum(GENERIC_WEIGHT if group[concept] == "generic" else 1.0 for concept in concepts)


def likeness(source: str, canonical: str, zh: str) -> float:
    """From 0 to 1: how well the name of a source column says what a canonical column is, by meaning and by letters."""
    mine, theirs = concepts_of(source), concepts_of(canonical) | concepts_of(zh)
    meaning = 2 * _weight(mine & theirs) / (_weight(mine) + _weight(theirs)) if mine and theirs else 0.0
    spelt = max(
        SequenceMatcher(None, "".join(_tokens(source)), "".join(_tokens(canonical))).ratio() if _tokens(source) else 0,
        SequenceMatcher(None, source, zh).ratio(),
    )
    return max(0.6 * meaning + 0.4 * spelt, spelt if spelt > 0.8 else 0.0)


def speaks_of(name: str, concept: str) -> bool:
    return concept in concepts_of(name)


def is_named_personal(name: str) -> bool:
    """True if the name speaks of a person, unless `name` is that of an area, a status, a list …"""
    group = vocabulary().group
    concepts = concepts_of(name)
    personal = {concept for concept in concepts if group[concept] == "personal"}
    if personal == {"name"}:
        return not any(group[concept] in ("specific", "generic") for concept in concepts - {"time", "record"})
    return bool(personal)


def is_named_prose(name: str) -> bool:
    return any(vocabulary().group[concept] == "prose" for concept in concepts_of(name))


def assigned(scores: Mapping[tuple[str, str], float]) -> dict[str, str]:
    """Canonical column -> source column: the likeliest pair first, each column once, nothing that is unlikely."""
    found: dict[str, str] = {}
    for (canonical, source), score in sorted(scores.items(), key=lambda item: (-item[1], item[0])):
        if score >= ENOUGH and canonical not in found and source not in found.values():
            found[canonical] = source
    return found
