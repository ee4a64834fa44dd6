"""What flags say to a leader, in Chinese and English: the pair of texts, and how days and numbers stand in it."""

from __future__ import annotations

from datetime import date


def day_zh(day: date) -> str:
    """2026年11月9日"""
    return f"{day.year}年{day.month}月{day.day}日"


def counted(n: int, word: str) -> str:
    """1 death, 3 deaths"""
    return f"{n} {plural(n, word)}"


def plural(n: int, word: str) -> str:
    """The English word for so many of it."""
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word.endswith('sh') else 's'}"
    return word if n == 1 else many
