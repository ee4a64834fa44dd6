"""What flags say to a leader, in Chinese and English: how days and numbers are written in both texts."""

from __future__ import annotations

from datetime import date, timedelta


def day_zh(day: date) -> str:
    """2026年11月9日"""
    return f"{day.year}年{day.month}月{day.day}日"


def week_zh(monday: date) -> str:
    """2026年11月9日至2026年11月15日"""
    return f"{day_zh(monday)}至{day_zh(sunday_of(monday))}"


def sunday_of(monday: date) -> date:
    """The last day of the week that begins on `monday`."""
    return monday + timedelta(days=6)


def counted(n: int, word: str) -> str:
    """1 death, 3 deaths"""
    return f"{n} {plural(n, word)}"


def plural(n: int, word: str) -> str:
    """The English word in the singular or plural that goes with `n`."""
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word.endswith('sh') else 's'}"
    return word if n == 1 else many
