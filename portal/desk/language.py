"""The reader's language: Chinese, unless they chose English."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language


def in_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def in_language(row: Any, name: str) -> str:
    """`<name>_zh` or `<name>_en` of a row, by the language of the reader; Chinese where there is no English."""
    chinese: str = getattr(row, f"{name}_zh")
    return chinese if in_chinese() else getattr(row, f"{name}_en") or chinese
