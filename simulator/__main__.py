"""python -m simulator: bring the source systems to a clock, and serve the dispute API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator import api, clock, coverage, database, drops, truth
from simulator.world import World

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

ClockOption = Annotated[datetime, typer.Option("--clock", help="Local time (Asia/Shanghai) to bring the sources to.")]
DropsOption = Annotated[Path, typer.Option("--drops", help="Folder for the file feeds, one subfolder each.")]
StateOption = Annotated[Path, typer.Option("--state", help="Folder for the city's clock.")]
UrlOption = Annotated[
    str, typer.Option("--database-url", envvar="SIMULATOR_DATABASE_URL", help="Database of the hotline, as its owner.")
]
ReaderOption = Annotated[str, typer.Option("--reader", help="Existing role that may read the hotline's table.")]
SilenceOption = Annotated[
    list[str] | None, typer.Option("--silence", help="FEED=YYYY-MM-DD: nothing new of that feed from that day on.")
]


@dataclass(frozen=True)
class Sources:
    """Where the sources live."""

    drops: Path
    state: Path
    database_url: str
    reader: str


def _silences(options: list[str] | None) -> dict[str, int]:
    """Feed to day number. Raises typer.BadParameter for an unknown feed or a bad date."""
    silences = {}
    for option in options or []:
        feed, _, day = option.partition("=")
        if feed not in clock.FEEDS:
            raise typer.BadParameter(f"--silence {option}: feed must be one of {', '.join(clock.FEEDS)}")
        try:
            silences[feed] = truth.day_number(date.fromisoformat(day))
        except ValueError as error:
            raise typer.BadParameter(f"--silence {option}: expected FEED=YYYY-MM-DD") from error
    return silences


def _bring_hotline(sources: Sources, world: World, city: int, silences: dict[str, int], bar: Progress) -> int:
    until = clock.stop(city, "hotline", silences)
    task = bar.add_task("hotline", total=database.months_to_fill(world, until))
    n_rows = database.bring(sources.database_url, sources.reader, world, until, lambda: bar.advance(task))
    bar.update(task, completed=bar.tasks[task].total)
    return n_rows


def _bring_drop(
    sources: Sources, world: World, drop: drops.Drop, city: int, silences: dict[str, int], bar: Progress
) -> int:
    silent_from = silences.get(drop.kind.name, clock.NO_SILENCE)
    files = drops.missing(sources.drops, world.truth, drop, city, silent_from)
    task = bar.add_task(drop.kind.name, total=len(files))
    for period, path in files:
        drops.write(world, drop, period, path)
        bar.advance(task)
    return len(files)


def _bring_coverage(sources: Sources, world: World, city: int, silences: dict[str, int]) -> int:
    files = coverage.missing(sources.drops, world.truth, city, silences.get("coverage", clock.NO_SILENCE))
    for month, path in files:
        coverage.write(world.truth, month, path)
    return len(files)


def _bring(sources: Sources, world: World, at: datetime, silences: dict[str, int]) -> None:
    """Bring every source to `at` and say what was new."""
    before = clock.Clock.read(sources.state)
    wanted = clock.seconds(at)
    if wanted < before.city:
        typer.echo(f"simulator: the clock stays at {clock.text(before.city)}; {clock.text(wanted)} lies before it")
    after = before.advance(wanted, silences)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        n_rows = _bring_hotline(sources, world, after.city, silences, bar)
        n_files = sum(_bring_drop(sources, world, drop, after.city, silences, bar) for drop in drops.DROPS)
        n_files += _bring_coverage(sources, world, after.city, silences)
    after.write(sources.state)
    news = f"{n_rows:,} hotline rows, {n_files:,} files" if n_rows or n_files else "nothing new"
    typer.echo(f"simulator: sources at {clock.text(after.city)}: {news}")


def _ready(port: int) -> None:
    typer.echo(f"simulator: ready on http://{api.HOST}:{port}")


def _fail(message: str) -> typer.Exit:
    typer.echo(f"simulator: {message}", err=True)
    return typer.Exit(1)


def _bring_or_explain(sources: Sources, at: datetime, silence: list[str] | None) -> World:
    """Bring, turning faults of the surroundings into one line each."""
    world = World(truth.load())
    silences = _silences(silence)
    if clock.seconds(at) < world.truth.start * 86_400:
        raise typer.BadParameter(f"--clock {at}: history begins on 2021-11-01")
    try:
        _bring(sources, world, at, silences)
    except psycopg.Error as error:
        raise _fail(
            f"hotline database: {str(error).strip().splitlines()[0]}; check --database-url and --reader"
        ) from error
    except OSError as error:
        raise _fail(f"cannot write {error.filename}: {error.strerror}; check --drops and --state") from error
    return world


@app.command()
def bring(
    at: ClockOption,
    drops_folder: DropsOption,
    state: StateOption,
    database_url: UrlOption,
    reader: ReaderOption,
    silence: SilenceOption = None,
) -> None:
    """Bring all sources to the clock and end. A running `serve` on the same state shows it at once."""
    _bring_or_explain(Sources(drops_folder, state, database_url, reader), at, silence)


@app.command()
def serve(
    at: ClockOption,
    drops_folder: DropsOption,
    state: StateOption,
    database_url: UrlOption,
    reader: ReaderOption,
    client_id: Annotated[
        str, typer.Option(envvar="SIMULATOR_CLIENT_ID", help="Client of the API; best by environment.")
    ],
    client_secret: Annotated[
        str, typer.Option(envvar="SIMULATOR_CLIENT_SECRET", help="Its secret; best by environment.")
    ],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1 for the dispute API.")] = 21080,
    token_seconds: Annotated[float, typer.Option(help="Life of a token.")] = 600.0,
    rate_limit: Annotated[int, typer.Option(help="Most requests a second before 429; 0 = no limit.")] = 0,
    silence: SilenceOption = None,
) -> None:
    """Bring all sources to the clock, then serve the dispute API until SIGTERM or SIGINT."""
    world = _bring_or_explain(Sources(drops_folder, state, database_url, reader), at, silence)
    desk = api.Desk(world, state, client_id, client_secret, token_seconds, rate_limit)
    try:
        asyncio.run(api.serve(desk, port, _ready))
    except OSError as error:
        raise _fail(f"port {port} on {api.HOST}: {error.strerror}; choose another --port") from error


if __name__ == "__main__":
    app(prog_name="python -m simulator")
