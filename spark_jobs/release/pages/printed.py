"""Published pages as PDF: bulletins on numbered A4 pages, and the leader's page as the short form on one page.

Chromium prints them from the published HTML, so they say the same to the letter. Fonts are embedded. A PDF holds the
time at which it was printed, so it is no part of a release or its id: it stands beside the releases, in
print/<release>/, that of a public month in print/<YYYY-MM>/, that of a correction in print/<YYYY-MM>-v2/.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from spark_jobs.errors import EnvironmentFault, UsageError
from spark_jobs.release import files
from spark_jobs.release.month_versions import MonthVersion, newest_versions
from spark_jobs.release.pages.leader import PAGES
from spark_jobs.release.wording import LANGUAGES

FOLDER = "print"  # of a city
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_MARGIN_MM, _FOOT_MM = 12, 16
_PX_PER_MM = 96 / 25.4
_WIDE, _HIGH = (210 - 2 * _MARGIN_MM) * _PX_PER_MM, (297 - _MARGIN_MM - _FOOT_MM) * _PX_PER_MM
_SMALLEST = 0.4  # below this nobody reads it
_FOOT = (
    '<div style="width:100%;font-size:8px;padding:0 12mm;display:flex;justify-content:space-between">'
    '<span>{printed_as}</span><span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
)


def print_release(city_folder: Path, release_id: str | None) -> Path:
    """Print a release, or the current one if no id is given. Replaces an earlier print. Returns the folder.

    Raises UsageError where there is no such release, EnvironmentFault without Chromium.
    """
    latest = files.read_latest(city_folder)
    chosen = release_id or (latest or {}).get("release_id")
    if chosen is None or files.read_document(files.release_folder(city_folder, chosen)) is None:
        raise UsageError(f"print: expected a release of {city_folder.name}, found {chosen or 'none published'}")
    folder = files.release_folder(city_folder, chosen)
    names = [*(f"bulletin.{code}.html" for code in LANGUAGES), *(PAGES[code] for code in LANGUAGES)]
    return _print(folder, names, city_folder, chosen)


def print_month(city_folder: Path, public: Path, month: date) -> Path:
    """Print the bulletin of a public month in its newest version, and in December that of its year. Returns the folder.

    Raises UsageError where the month is not public, EnvironmentFault without Chromium.
    """
    monthly = public / files.MONTHLY
    name = newest_versions(monthly).get(f"{month:%Y-%m}", MonthVersion(f"{month:%Y-%m}")).folder
    folder = monthly / name
    names = sorted(path.name for path in folder.glob("*.html"))
    if not names:
        raise UsageError(f"print: expected the bulletin of {name} in {folder}, found none; run the step monthly first")
    return _print(folder, names, city_folder, name)


def _print(folder: Path, names: Iterable[str], city_folder: Path, printed_as: str) -> Path:
    pages = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    return files.write_folder(city_folder / FOLDER / printed_as, printed(pages, printed_as))


def printed(pages: Mapping[str, str], printed_as: str) -> dict[str, bytes]:
    """Name -> PDF, from the published pages by name. `printed_as` stands at the foot of each sheet."""
    foot = _FOOT.format(printed_as=printed_as)
    briefs = {PAGES[code]: f"brief.{code}.pdf" for code in LANGUAGES}
    with _chromium() as browser:
        context = browser.new_context(java_script_enabled=False, offline=True)
        page, found = context.new_page(), {}
        for name, html in pages.items():
            page.set_content(html)
            scale = _scale_to_one_page(page, name) if name in briefs else 1.0
            found[briefs.get(name, name.replace(".html", ".pdf"))] = page.pdf(
                format="A4", scale=scale, print_background=True, display_header_footer=True, header_template="<span></span>",
                footer_template=foot, margin={"top": f"{_MARGIN_MM}mm", "bottom": f"{_FOOT_MM}mm",
                                              "left": f"{_MARGIN_MM}mm", "right": f"{_MARGIN_MM}mm"},
            )  # fmt: skip
        return found


def _scale_to_one_page(page: Page, name: str) -> float:
    """The scale at which the page fits on one sheet. A smaller scale makes lines wider, so the text gets shorter."""
    page.emulate_media(media="print")
    for scale in (step / 100 for step in range(100, int(100 * _SMALLEST) - 1, -5)):
        page.set_viewport_size({"width": int(_WIDE / scale), "height": int(_HIGH / scale)})
        box = page.locator("html").bounding_box()
        if box and box["height"] <= _HIGH / scale:
            return scale
    raise EnvironmentFault(f"print: {name} does not fit on one page even at {_SMALLEST:.0%} of its size")


@contextmanager
def _chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        raise EnvironmentFault(
            f"print: no Chromium; looked for {', '.join(_NAMES)}. Install it with fonts for Chinese (Debian: apt-get "
            "install chromium fonts-noto-cjk), then print again."
        )
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox does not run for root
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
