"""`python -m expectations`: draft the contract of a feed from a sample, check, compare and export contracts. Exit code 2: wrong input."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from expectations.city_faults import city_faults, city_remarks
from expectations.contract import CITY_TABLES, city_codes, load_city, load_kinds, read_table
from expectations.located_yaml import TODO, ContractError, one_of
from expectations.models import CODE
from expectations.outcomes import Outcome
from expectations.places import successors
from expectations.sample import SampleError, read_sample

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__, rich_markup_mode=None
)


@app.command()
def draft(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder of deliveries: drafts the city. Or a CSV, JSON Lines, Excel or Parquet file, also with .gz."
        ),
    ],
    city: Annotated[
        str, typer.Option("--city", help="Code of the city; its areas.csv tells which column is the area.")
    ],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Kind of record: a file in expectations/kinds. Of a folder's feed: FEED=KIND."),
    ] = None,
    feed: Annotated[
        str | None, typer.Option("--feed", help="Of a file: code of the feed, the name of its contract.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a file: encoding of a text; found by trial without it.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a file: sheet of a workbook; the first without it.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Of a file: new file for the draft; standard output without it.")
    ] = None,
) -> None:
    """Draft a contract from a sample, or a whole city from a folder, for a person to finish."""
    if source.is_dir():
        if feed or encoding or sheet or out:
            raise SampleError("--feed, --encoding, --sheet, --out: expected with a file only, found a folder")
        _draft_folder(source, city, kind or [])
    else:
        _draft_file(source, city, kind or [], feed, (encoding, sheet), out)


def _draft_folder(folder: Path, city: str, said: list[str]) -> None:
    from expectations.draft_city import draft_city

    if wrong := [each for each in said if "=" not in each]:
        raise SampleError(f"--kind: expected FEED=KIND with a folder, found {wrong[0]!r}")
    kinds = {feed: _known_kind(kind) for feed, _, kind in (each.rpartition("=") for each in said)}
    if not re.fullmatch(CODE, city):
        raise SampleError(f"--city: expected a letter, then letters, digits and _, all small, found {city!r}")
    for line in draft_city(folder, city, kinds):
        typer.echo(line)


def _known_kind(kind: str) -> str:
    if kind not in load_kinds():
        raise SampleError(f"--kind: expected {one_of(sorted(load_kinds()), kind)}, found {kind!r}")
    return kind


def _draft_file(
    sample: Path, city: str, kinds: list[str], feed: str | None, how: tuple[str | None, str | None], out: Path | None
) -> None:
    from expectations.draft import Draft
    from expectations.draft_text import DraftText

    if len(kinds) != 1 or feed is None:
        raise SampleError(f"{sample}: expected --kind and --feed, once each, with a file")
    kind = load_kinds()[_known_kind(kinds[0])]
    if out and out.exists():
        raise SampleError(f"--out: expected a new file, found {out}: a contract is not written over")
    text = DraftText(Draft(read_sample(sample, *how), kind, city, feed)).text()
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        n_open = sum(TODO in line.split("#")[0] for line in text.splitlines())
        typer.echo(f"{out}: {n_open} lines are to be decided (TODO)")


@app.command()
def check(city: Annotated[str | None, typer.Option("--city", help="Code of a city; all without it.")] = None) -> None:
    """Load contracts and say what is wrong with them: file, line, expected, found."""
    for code in [city] if city else city_codes():
        loaded = load_city(code)
        n_feeds = len(loaded.feeds)
        successors(code)
        for table in CITY_TABLES:
            read_table(code, table)
        if faults := list(city_faults(loaded)):
            raise ContractError("\n".join(faults))
        for remark in city_remarks(loaded, date.today()):
            typer.echo(remark)
        typer.echo(
            f"{code}: {n_feeds} feeds, all as they should be"
            if n_feeds != 1
            else f"{code}: 1 feed, all as it should be"
        )


@app.command()
def odcs(
    city: Annotated[str, typer.Option("--city", help="Code of a city.")],
    into: Annotated[Path, typer.Option("--into", help="Folder of the files, one a feed.")],
) -> None:
    """Write every feed's contract as Open Data Contract Standard 3.0.2."""
    from expectations.odcs import SUFFIX, odcs_text

    the_city = load_city(city)
    into.mkdir(parents=True, exist_ok=True)
    for feed in the_city.feeds:
        path = into / f"{feed.feed_code}{SUFFIX}"
        path.write_text(odcs_text(the_city, feed, load_kinds()[feed.kind]), encoding="utf-8")
        typer.echo(path)


@app.command()
def plan(
    before: Annotated[Path, typer.Argument(help="Folder of contracts as they are: kinds and cities.")],
    after: Annotated[Path, typer.Argument(help="The same as it is to be.")],
) -> None:
    """Say what a change of contracts would break, and which columns and indicators it touches. Exit code 5: it breaks."""
    from expectations.plan import plan as changes_between
    from expectations.plan import read_contracts

    changes = changes_between(read_contracts(before), read_contracts(after))
    for change in changes:
        typer.echo(change)
    n_breaking = sum(change.breaks is not None for change in changes)
    typer.echo(f"{len(changes)} changes, {n_breaking} of them breaking")
    raise typer.Exit(Outcome.CONTRACT_BREACH if n_breaking else Outcome.DONE)


def main() -> int:
    """Run a command; what is wrong with the input becomes one error report on stderr and exit code 2."""
    try:
        return int(app(standalone_mode=False) or 0)
    except (ContractError, SampleError, typer.TyperException) as error:
        typer.echo(error, err=True)
        return Outcome.USAGE


if __name__ == "__main__":
    sys.exit(main())
