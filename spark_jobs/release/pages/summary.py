"""What a run prints at its end: the index as a table, from published/<city>/latest.json alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spark_jobs.index.methodology import load_methodology
from spark_jobs.release.files import read_latest
from spark_jobs.release.wording import Wording

_COLOURS = {"better": "blue", "worse": "red"}


def print_summary(published: Path, city_code: str, console: Console) -> None:
    """County, index, 90 % interval, band, change, status, what is missing; then where the bulletin is."""
    folder = published / city_code
    latest = read_latest(folder)
    if latest is None:
        console.print(f"{city_code}: nothing has been published yet")
        return
    console.print(index_table(latest))
    figures = (latest["city_index"], *latest["counties"])
    for reason in dict.fromkeys(figure["reason_en"] for figure in figures if figure["reason_en"]):
        console.print(f"[yellow]no index[/] {escape(reason)}")
    for feed in latest["missing_feeds"]:
        console.print(f"[yellow]missing[/] {escape(_both(feed['name_en'], feed['name_zh']))} since {feed['since']}")
    if latest["stale"]:
        stale = latest["stale"]
        console.print(f"[bold red]stale[/] since {stale['since']}: {escape(stale['reason_en'])}")
    if latest["note_en"]:
        console.print(f"[dim]{escape(latest['note_en'])}[/]")
    for code in ("zh", "en"):
        console.print(f"bulletin  {escape(str(folder / latest['folder'] / f'bulletin.{code}.html'))}", soft_wrap=True)
    console.print("dashboard make serve")


def index_table(latest: dict[str, Any]) -> Table:
    """The city, then its counties in the order of their codes."""
    words = Wording("en", load_methodology())
    title = (
        f"{_both(latest['city_name_zh'], latest['city_name_en'])} · {latest['period']} · release {latest['release_id']}"
    )
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("county", "index", "90 % interval", "band", "change", "status", "missing"):
        is_number = name in ("index", "90 % interval", "change")
        # on a narrow terminal names are folded; figures and the status are never cut
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=is_number or name == "status", overflow="fold"
        )
    for figure in (latest["city_index"], *latest["counties"]):
        colour = _COLOURS.get(figure["band"])
        band = "—" if figure["band"] == "none" else figure["band"]  # short: better, level or worse than the base
        table.add_row(
            escape(_both(figure["name_zh"], figure["name_en"])),
            words.index(figure["index"]),
            words.interval(figure["lower"], figure["upper"]),
            f"[{colour}]{band}[/]" if colour else band,
            words.change_1y(figure["change"]),
            figure["status"],
            _missing(figure),
            style="bold" if figure is latest["city_index"] else "",
        )
    return table


def _both(one: str, other: str) -> str:
    """A name in both languages; once where it has one only."""
    return " ".join(dict.fromkeys((one, other)))


def _missing(figure: dict[str, Any]) -> str:
    """Short, because the reason for a missing index stands once below the table."""
    domains = len(figure["missing_domains"])
    return f"{domains} domains" if domains > 1 else escape(figure["missing_en"])
