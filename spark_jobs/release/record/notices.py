"""The notices of withdrawn releases, beside every folder that shows their figures. The folders themselves do not change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from expectations.models import Text
from spark_jobs.release import files
from spark_jobs.release.canonical import utc_text
from spark_jobs.release.month_versions import ACCOUNT_FILE, MonthVersion, month_versions
from spark_jobs.release.record.changes import notice
from spark_jobs.release.record.journal import Published, Withdrawn
from spark_jobs.release.wording import LANGUAGES, Wording

NOTICE = ".withdrawn.json"  # after the name of the folder


def notice_file(folder: Path, release_id: str) -> Path:
    """The notice beside the folder of a withdrawn release."""
    return files.releases_folder(folder) / f"{release_id}{NOTICE}"


def notices(
    folder: Path, entries: Sequence[Published | Withdrawn], words: Mapping[str, Wording]
) -> dict[Path, dict[str, Any]]:
    """The notices of one tier by file: beside each release that was withdrawn, each month that was made from it, and each
    December whose bulletin of the year shows the index of such a month.

    A month's notice names the version that corrects it (`corrected_by`), as soon as there is one that stands.
    """
    withdrawn = {entry.release_id: entry for entry in entries if isinstance(entry, Withdrawn)}
    monthly = folder / files.MONTHLY
    accounts = {version: _account(monthly, version) for version in month_versions(monthly)}
    found = {
        notice_file(folder, name): _notice(entry, [notice(entry, words)])
        for name, entry in withdrawn.items()
        if files.release_folder(folder, name).is_dir()
    }
    of_months = {v: withdrawn[a["release_id"]] for v, a in accounts.items() if a["release_id"] in withdrawn}
    standing = [version for version in accounts if version not in of_months]
    for version, account in accounts.items():
        shown = [each for each in of_months if each.folder in account.get("year_from", ())]
        said = [text for each in shown for text in _said(of_months[each], each, standing, words, is_year=True)]
        if version in of_months:
            said = [*_said(of_months[version], version, standing, words), *said]
        if said:
            entry = of_months.get(version) or of_months[shown[0]]
            content = _notice(entry, said)
            if (by := _correction(version, standing)) and version in of_months:
                content["corrected_by"] = by.folder
            found[monthly / f"{version.folder}{NOTICE}"] = content
    return found


def _account(monthly: Path, version: MonthVersion) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((monthly / version.folder / ACCOUNT_FILE).read_bytes())
    return content


def _correction(version: MonthVersion, standing: Sequence[MonthVersion]) -> MonthVersion | None:
    return next((each for each in reversed(standing) if each.month == version.month and each > version), None)


def _said(
    entry: Withdrawn,
    version: MonthVersion,
    standing: Sequence[MonthVersion],
    words: Mapping[str, Wording],
    is_year: bool = False,
) -> Iterator[Text]:
    """Sentences: the withdrawal, what of it the bulletin of the year shows, and where the correction is."""
    yield notice(entry, words)
    if is_year:
        yield _text(words, "notice_year", month=version.month)
    if by := _correction(version, standing):
        yield _text(words, "notice_corrected", folder=by.folder)


def _text(words: Mapping[str, Wording], key: str, **values: object) -> Text:
    zh, en = (words[code].say(key, **values) for code in LANGUAGES)
    return Text(zh, en)


def _notice(entry: Withdrawn, said: Sequence[Text]) -> dict[str, Any]:
    return {
        "release_id": entry.release_id,
        "withdrawn_at": utc_text(entry.at),
        "said_zh": "".join(text.zh for text in said),
        "said_en": " ".join(text.en for text in said),
    }
