"""`python -m stack`: what the Makefile calls. Run one night, serve everything, test, check, render."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from expectations.contract import load_city
from expectations.located_yaml import ContractError
from spark_jobs.business_date import business_date, latest_business_date
from spark_jobs.errors import EnvironmentFault, StepError, UsageError
from spark_jobs.private_files import private_by_default
from stack import unchanged
from stack.airflow_home import AirflowBootstrapError
from stack.bootstrap import ENVIRONMENTS
from stack.embedded_night import EmbeddedNight
from stack.layout import REPOSITORY, Layout
from stack.machine import Machine
from stack.service import ServiceError
from stack.sources import configured_connections

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
console = Console()
CityOption = Annotated[str, typer.Option("--city", help="Code of a folder in expectations/cities.")]
MIN_FREE_BYTES = 3_000_000_000


def require_room(layout: Layout) -> None:
    layout.state.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.state).free
    if free < MIN_FREE_BYTES:
        raise EnvironmentFault(
            f"disk: expected {MIN_FREE_BYTES / 1e9:.0f} GB free at {layout.state}, found {free / 1e9:.1f} GB"
        )


@app.command()
def run(
    city: CityOption,
    date: Annotated[
        str | None, typer.Option("--date", help="Business date, YYYY-MM-DD; the latest without it.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder with the files of a city of file feeds.")] = None,
    is_full: Annotated[bool, typer.Option("--full", help="All of it, also where nothing has changed.")] = False,
) -> None:
    """One night of one city through Airflow: pull, refine, compute, publish; print the index.

    A day whose last night would be repeated as it was is told so, without Spark and Airflow.
    """
    the_city = load_city(city)
    day = business_date(date, the_city) if date else latest_business_date(the_city, datetime.now(UTC))
    layout = Layout.from_environment()
    require_room(layout)
    machine = Machine(layout)
    began = time.monotonic()
    console.print(f"[bold]{the_city.name.zh} {the_city.name.en}[/] · business date {day}")
    with machine.one_night_at_a_time():
        code = None if is_full else unchanged.outcome(machine, the_city, day, data, console)
        if code is None:
            night = EmbeddedNight(machine, machine.airflow.night_command(city, day.isoformat()))
            with night, machine.up(the_city, the_city.as_of(day), data, night.begin):
                code = night.run()
            unchanged.note(machine, the_city, day, code)
    console.print(f"night ended after {time.monotonic() - began:.0f} s")
    from spark_jobs.release.pages.summary import print_summary

    print_summary(layout.published, city, console)
    raise typer.Exit(code)


@app.command()
def backfill(
    city: CityOption,
    first: Annotated[str, typer.Option("--from", help="First business date, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last business date, YYYY-MM-DD.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder with the files of a city of file feeds.")] = None,
) -> None:
    """Bring a range of days again: pull them once more, refine, and publish each day as it is known now."""
    from stack import backfill as range_of_days

    the_city = load_city(city)
    since, until = business_date(first, the_city), business_date(last, the_city)
    if since > until:
        raise UsageError(f"backfill: expected --from on or before --to, found {since} and {until}")
    layout = Layout.from_environment()
    require_room(layout)
    machine = Machine(layout)
    console.print(f"[bold]{the_city.name.zh} {the_city.name.en}[/] · business dates {since} to {until}")
    if range_of_days.scheduler_is_up(machine):
        raise typer.Exit(range_of_days.by_scheduler(machine, the_city, since, until, console))
    night = EmbeddedNight(machine, machine.airflow.night_command(city, until.isoformat(), since=since.isoformat()))
    with machine.one_night_at_a_time(), night, machine.up(the_city, the_city.as_of(until), data, night.begin):
        raise typer.Exit(night.run())


def connection_for(machine: Machine, arguments: list[str]) -> dict[str, str]:
    """The connection that a step is about (of a feed, or of the messages), as Airflow hands it over, if anybody configured it."""
    options = dict(pairwise(arguments))
    try:
        city = load_city(options["--city"])
        name = (
            city.digest or ""
            if arguments[:1] in (["digest"], ["remind"])
            else city.feed(options["--feed"]).source.connection
        )
        found = {**machine.stored_connections(), **configured_connections()}[name]
    except (KeyError, ContractError):
        return {}  # the step itself says what it lacks
    return {"PINGAN_CONNECTION": json.dumps(found)}


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def step(context: typer.Context) -> None:
    """One step by hand with the Spark server and the connection it needs: step NAME --city CODE …

    Such as: step refine --city CODE --feed FEED --date YYYY-MM-DD. All steps: python -m spark_jobs --help.
    """
    machine = Machine(Layout.from_environment())
    command = [str(machine.layout.python("pipeline")), "-m", "spark_jobs", *context.args]
    with machine.spark_up():
        environment = {**connection_for(machine, context.args), **os.environ, **machine.environment()}
        raise typer.Exit(
            subprocess.run(command, cwd=machine.layout.repository, env=environment, check=False).returncode
        )


@app.command()
def serve(city: CityOption) -> None:
    """Dashboard, Airflow with its nightly schedule, notebooks and documents, on loopback; Ctrl-C stops all of it."""
    from stack.serve import serve as serve_all

    layout = Layout.from_environment()
    require_room(layout)
    serve_all(Machine(layout), load_city(city), console)


@app.command()
def accounts(
    service: Annotated[
        str, typer.Argument(help="landing (an address for each role), superset, desk (the portal), airflow or jupyter.")
    ],
) -> None:
    """Names and passwords of one service's first accounts, or the landing page's address for each role, to be handed to
    those who are to have them.
    """
    from stack.serve import accounts as of_services
    from stack.serve import addresses

    machine = Machine(Layout.from_environment())
    known = {"landing": addresses(machine), **of_services(machine)}
    if service not in known:
        raise UsageError(f"accounts: expected one of {', '.join(known)}, found {service}")
    for name, password in known[service].items():
        typer.echo(f"{name}  {password}")


@app.command()
def test(arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for pytest.")] = None) -> None:
    """All tests, or those that the arguments name."""
    from stack.testing import run_tests

    raise typer.Exit(run_tests(Layout.from_environment(), arguments or []))


def checks(layout: Layout) -> dict[str, list[str | Path]]:
    """What `make check` runs, by name; .pre-commit-config.yaml has a hook for each."""
    tools = layout.python("pipeline").parent
    return {
        "ruff": [tools / "ruff", "check", "."],
        "ruff-format": [tools / "ruff", "format", "--check", "-q", "."],
        "mypy": [tools / "mypy"],
        "import-linter": [tools / "lint-imports"],
        "sqlfluff": [tools / "sqlfluff", "lint", "-q", "dbt/models", "dbt/tests"],
        "rendered": [tools / "python", "-m", "stack", "render", "--check"],
    }


@app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Some of the checks, such as ruff; else all of them.")
    ] = None,
) -> None:
    """What `make test` does not see: style, types, SQL, who may import whom, rendered files."""
    layout = Layout.from_environment()
    commands = checks(layout)
    if unknown := set(names or ()) - commands.keys():
        raise UsageError(f"check: expected some of {', '.join(commands)}, found {', '.join(sorted(unknown))}")
    failed = []
    for name in names or commands:
        command, began = commands[name], time.monotonic()
        done = subprocess.run(
            list(map(str, command)), cwd=layout.repository, capture_output=True, text=True, check=False
        )
        console.print(f"{'✗' if done.returncode else '✓'} {name} ({time.monotonic() - began:.0f} s)")
        if done.returncode:
            failed.append(name)
            console.print((done.stdout + done.stderr).rstrip(), markup=False, highlight=False)
    if failed:
        raise typer.Exit(1)


@app.command()
def audit() -> None:
    """Bills of materials (CycloneDX) of the environments and the jars, and what is known against the packages."""
    from stack.audit import bills_of_materials, known_vulnerabilities

    layout = Layout.from_environment()
    for path, n_components in bills_of_materials(layout):
        console.print(f"✓ {path}: {n_components} components")
    verdicts = [known_vulnerabilities(layout, name) for name in ENVIRONMENTS]
    for verdict in verdicts:
        console.print(str(verdict), markup=False, highlight=False)
    if any(verdict.vulnerable for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def render(
    only_check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is stale.")] = False,
) -> None:
    """Write the files that are made from others."""
    from stack import render as files

    if only_check:
        stale = files.stale()
        for path in stale:
            console.print(f"stale: {path.relative_to(REPOSITORY)}; run: make render")
        raise typer.Exit(1 if stale else 0)
    for path, text in files.rendered().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        console.print(f"rendered {path.relative_to(REPOSITORY)}")


def main() -> int:
    """Run a command; a fault becomes one error report and the exit code of its class.

    SIGTERM stops it like Ctrl-C does, also where a shell started it with interrupts switched off.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    private_by_default()
    try:
        return int(app(standalone_mode=False) or 0)
    except StepError as error:
        typer.echo(error, err=True)
        return error.exit_code
    except (ContractError, typer.TyperException) as error:
        typer.echo(error, err=True)
        return UsageError.exit_code
    except (ServiceError, AirflowBootstrapError, subprocess.CalledProcessError) as error:
        typer.echo(error, err=True)
        return EnvironmentFault.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("stopped; nothing is running and nothing is half published", err=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
