"""Versions of a public month. 2026-10 is the first; 2026-10-v2 corrects it. Each is a folder of its own, never edited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_FILE = "disclosure.json"  # of a month: what it hides, and the release that it is made from
_FOLDER = re.compile(r"(\d{4}-\d{2})(?:-v([2-9]|[1-9]\d+))?")


@dataclass(frozen=True, order=True)
class MonthVersion:
    """`month`: YYYY-MM. Versions are ordered by month, then number: what was made with knowledge of what."""

    month: str
    number: int = 1

    @property
    def folder(self) -> str:
        return self.month if self.number == 1 else f"{self.month}-v{self.number}"

    @property
    def next(self) -> MonthVersion:
        return MonthVersion(self.month, self.number + 1)


def of_folder(name: str) -> MonthVersion | None:
    """The version that a folder holds; None for another name."""
    found = _FOLDER.fullmatch(name)
    return MonthVersion(found[1], int(found[2] or 1)) if found else None


def month_versions(monthly: Path) -> list[MonthVersion]:
    """All versions that lie in a folder of months, in order."""
    return sorted(found for path in monthly.glob(f"*/{ACCOUNT_FILE}") if (found := of_folder(path.parent.name)))


def newest_versions(monthly: Path) -> dict[str, MonthVersion]:
    """Month -> its newest version."""
    return {version.month: version for version in month_versions(monthly)}
