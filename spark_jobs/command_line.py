"""`python -m spark_jobs <step>`: the only entry that DAGs, make and people use.

A step imports what it runs once its arguments are known to be right: Spark and the statistics take seconds.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from expectations.contract import load_city
from expectations.located_yaml import ContractError
from expectations.models import City, DatabaseSource, Feed, FilesSource
from expectations.outcomes import Outcome
from spark_jobs import lineage
from spark_jobs.business_date import business_date, business_month
from spark_jobs.errors import FULL_DISK, ContractBreach, EnvironmentFault, StepError, UsageError
from spark_jobs.private_files import private_by_default
from spark_jobs.settings import REPOSITORY, settings

EXIT_CODES = "Exit codes: " + "; ".join(f"{outcome:d} {outcome.meaning}" for outcome in Outcome)
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=f"{__doc__}\n{EXIT_CODES}",
    rich_markup_mode=None,
)
CityOption = Annotated[str, typer.Option("--city", help="Code of a folder in expectations/cities.")]
FeedOption = Annotated[str, typer.Option("--feed", help="Code of one of the city's feeds.")]
DateOption = Annotated[str, typer.Option("--date", help="Business date, YYYY-MM-DD: a local day of the city.")]
RevisedOption = Annotated[
    bool, typer.Option("--revised", help="As known on the day from which figures are revised, not on the night itself.")
]


@app.command()
def land(
    city: CityOption,
    feed: FeedOption,
    day: DateOption,
    since: Annotated[str | None, typer.Option("--since", help="First day to pull once more, though it landed.")] = None,
) -> None:
    """Pull raw bytes and a manifest from a source into landing. Needs no Spark."""
    the_city = load_city(city)
    the_feed = the_city.feed(feed)
    on = business_date(day, the_city)
    again = business_date(since, the_city) if since else None
    if again and again > on:
        raise UsageError(f"land: expected --since on or before --date, found {again} and {on}")

    from spark_jobs.feeds.connection import Connection
    from spark_jobs.feeds.landing import Landing
    from spark_jobs.feeds.pseudonym import Pseudonymiser
    from spark_jobs.feeds.sources import api, database, files
    from spark_jobs.feeds.sources.pull import Pull
    from spark_jobs.lake.locks import one_run_a_feed

    source = {"database": database.land, "api": api.land, "files": files.land}[the_feed.source.type]
    connection = Connection.from_environment(the_feed.source.connection)
    landing = Landing.of(settings().landing, the_feed)
    with one_run_a_feed(settings().state, the_feed):
        neutral = partial(Pseudonymiser.from_file(settings().hash_keys).neutral, the_city.city_code)
        manifest = source(
            Pull(the_feed, connection, landing, on, the_city.as_of(on), the_city.time_zone, again, neutral)
        )
    if manifest is None:
        through = landing.landed_through()
        typer.echo(f"{the_feed.code}: nothing new; landed through {through}" if through else _nothing_yet(the_feed, on))
        return
    lineage.read(f"source.{the_feed.source.connection}")
    lineage.wrote(f"landing.{the_feed.city_code}_{the_feed.feed_code}")
    rows = "" if manifest.n_rows is None else f"{manifest.n_rows:,} rows, "
    typer.echo(
        f"{the_feed.code} {manifest.batch_id}: {rows}{len(manifest.files)} files, {manifest.n_bytes / 1e6:.1f} MB landed"
    )


def _nothing_yet(feed: Feed, day: date) -> str:
    if isinstance(feed.source, FilesSource):
        return f"{feed.code}: nothing has come yet: no file {feed.source.pattern!r} below its folder covers a day up to {day}"
    if isinstance(feed.source, DatabaseSource):
        return (
            f"{feed.code}: nothing has come yet: no row up to {day}, or no table {feed.source.table!r} that we may see"
        )
    return f"{feed.code}: nothing has come yet: the source has no row up to {day}"


@app.command()
def check(
    city: CityOption,
    data: Annotated[Path, typer.Option("--data", help="Folder of deliveries, as for make run DATA=.")],
) -> None:
    """Say what the contracts make of the newest file of each feed, before anything runs. Needs no Spark."""
    the_city = load_city(city)
    if not data.is_dir():
        raise UsageError(f"check: expected a folder in --data, found {data}")

    from spark_jobs.feeds.first_look import look

    told, faults = look(the_city, data)
    typer.echo("\n".join(told))
    if faults:
        raise ContractBreach("\n".join(faults))


@app.command()
def refine(city: CityOption, feed: FeedOption, day: DateOption) -> None:
    """Take what has landed into bronze, judge it, and merge it into silver."""
    the_city = load_city(city)
    the_feed = the_city.feed(feed)
    business_date(day, the_city)

    from spark_jobs.feeds import refine as job
    from spark_jobs.lake.session import connect

    account = job.refine(connect(), the_city, the_feed, settings())
    typer.echo("\n".join(account) or f"{city}.{feed}: nothing new")


@app.command()
def rebuild(
    city: CityOption,
    feed: FeedOption,
    from_landing: Annotated[bool, typer.Option("--from-landing", help="Read the raw bytes again first.")] = False,
) -> None:
    """Make a feed's silver, rejects and counts anew from bronze, by the contract as it is now."""
    the_city = load_city(city)
    the_feed = the_city.feed(feed)

    from spark_jobs.feeds import rebuild as job
    from spark_jobs.lake.session import connect

    typer.echo(job.rebuild(connect(), the_city, the_feed, settings(), from_landing))


@app.command()
def calendar(
    city: CityOption,
    first: Annotated[str, typer.Option("--from", help="First local day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last local day, YYYY-MM-DD.")],
    feed: Annotated[str | None, typer.Option("--feed", help="Code of one of the city's feeds; all without it.")] = None,
) -> None:
    """Show what was delivered of each county and day: a number, 0 (a real zero), late, part(ly), or a dot: missing."""
    the_city = load_city(city)
    days = [business_date(day, the_city) for day in (first, last)]
    feed_code = the_city.feed(feed).feed_code if feed else None

    from rich.console import Console

    from spark_jobs.feeds import delivery_calendar
    from spark_jobs.lake.session import connect

    rows = delivery_calendar.calendar(connect(), the_city, feed_code, *days)
    console = Console()
    for table in delivery_calendar.as_tables(the_city, rows):
        console.print(table)
    if not rows:
        typer.echo(f"{city}: nothing has been delivered yet")


@app.command()
def delivered(city: CityOption, day: DateOption) -> None:
    """Exit 0 if every feed has delivered the day, 3 if one is missing."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs.feeds.batches import batches_of
    from spark_jobs.feeds.feed_status import feed_status
    from spark_jobs.lake.session import connect

    status = feed_status(the_city.feeds, batches_of(connect(), the_city), on)
    missing = status[status["state_code"] != "delivered"]
    for feed_code, since in zip(missing["feed_code"], missing["missing_since"], strict=True):
        typer.echo(f"{city}.{feed_code}: missing since {since}")
    if len(missing):
        raise typer.Exit(Outcome.INCOMPLETE)
    typer.echo(f"{city}: all {len(status)} feeds have delivered {on}")


@app.command()
def conform(city: CityOption, day: DateOption) -> None:
    """Build dimensions, facts and indicators with dbt."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs import conform as job
    from spark_jobs.feeds import delivery_calendar
    from spark_jobs.lake.locks import reading_silver
    from spark_jobs.lake.reference_data import load_reference_data
    from spark_jobs.lake.session import connect

    spark = connect()
    load_reference_data(spark, the_city)
    delivery_calendar.define(spark)
    with reading_silver(settings().state):
        job.conform(city, the_city.time_zone, on, the_city.as_of(on), the_city.context_feeds)


@app.command()
def index(
    city: CityOption,
    day: DateOption,
    first: Annotated[str | None, typer.Option("--from", help="First as-of day of a range that ends on --date.")] = None,
    is_then: Annotated[
        bool, typer.Option("--as-known-then", help="Each day as it was known at its own cut-off.")
    ] = False,
    is_revised: RevisedOption = False,
) -> None:
    """Compute the index with its intervals; with --from the index on every as-of day of a range."""
    the_city = load_city(city)
    on = business_date(day, the_city)
    begin = business_date(first, the_city) if first else on if is_then else None
    if begin and is_revised:
        raise UsageError("index: --revised is for one day, --from and --as-known-then for a range; give one of them")

    from spark_jobs.index import job, recompute
    from spark_jobs.lake.session import connect

    if is_revised:
        typer.echo(recompute.revise(connect(), the_city, on))
    elif begin is None:
        typer.echo(job.run(connect(), the_city, on))
    else:
        compute = recompute.as_known_then if is_then else recompute.as_known_now
        typer.echo(compute(connect(), the_city, begin, on))


@app.command()
def flags(city: CityOption, day: DateOption) -> None:
    """Raise risk flags."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs.flags import job
    from spark_jobs.lake.session import connect

    typer.echo(job.run(connect(), the_city, on))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def flag(context: typer.Context, city: CityOption) -> None:
    """What people do with flags: flag --city CODE --by USER list | show ID | step ID --to STATE … Needs no Spark."""
    the_city = load_city(city)

    from spark_jobs.flags.desk import run_portal

    raise typer.Exit(run_portal(the_city, "flag", context.args))


@app.command()
def digest(city: CityOption, day: DateOption) -> None:
    """Tell the addresses and webhooks of the city's connection of new red flags and overdue ones; once a night."""
    the_city = load_city(city)
    on = business_date(day, the_city)
    if the_city.digest is None:
        typer.echo(f"{city}: city.yml names no connection as `digest`: no message")
        return

    raise typer.Exit(_tell(the_city, "digest", ["--date", on.isoformat()]))


@app.command()
def remind(city: CityOption, day: DateOption) -> None:
    """Tell them that a revised month has waited for approval since `remind_after_days` or longer; once a night."""
    the_city = load_city(city)
    on = business_date(day, the_city)
    if the_city.remind_after_days is None:
        typer.echo(f"{city}: city.yml gives no `remind_after_days`: no message")
        return

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.release.record import journal, punctuality

    methodology = load_methodology()
    waits = punctuality.due_revision(methodology, journal.read(settings().published / the_city.city_code), on)
    n_days = (on - methodology.revised_on(waits)).days if waits else 0
    if waits is None or n_days < the_city.remind_after_days:
        typer.echo(f"{city}: no revision has waited for {the_city.remind_after_days} days: no message")
        return
    options = ["--date", on.isoformat(), "--month", f"{waits:%Y-%m}", "--days", str(n_days)]
    raise typer.Exit(_tell(the_city, "remind", options))


def _tell(city: City, command: str, options: list[str]) -> int:
    """A command of the portal that sends over the connection `digest` of the city. Returns its exit code."""
    from spark_jobs.feeds.connection import VARIABLE
    from spark_jobs.flags.desk import run_portal

    if not os.environ.get(VARIABLE):
        raise EnvironmentFault(f"{command}: {VARIABLE} is not set; the Airflow task sets it from {city.digest}")
    return run_portal(city, command, options)


@app.command()
def due_revision(city: CityOption, day: DateOption) -> None:
    """Say which month's last day is to be published as revised once the night of --date is; exit 3 if none is."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.release.record import journal, punctuality

    entries = journal.read(settings().published / the_city.city_code)
    found = punctuality.due_revision(load_methodology(), entries, on)
    if found is None:
        typer.echo(f"{city}: no month is to be revised with what is known on {on}")
        raise typer.Exit(Outcome.INCOMPLETE)
    typer.echo(found.isoformat())


@app.command()
def preview_revision(city: CityOption, day: DateOption, is_revised: RevisedOption = False) -> None:
    """Say in one line what publishing the computed revision of a day would change; publishes nothing."""
    the_city = load_city(city)
    on = business_date(day, the_city)
    if not is_revised:
        raise UsageError("preview_revision: expected --revised: only a revision is shown before it is published")

    from spark_jobs.lake.session import connect
    from spark_jobs.release import revision

    typer.echo(revision.preview(connect(), the_city, on, settings().published / the_city.city_code))


@app.command()
def release(
    city: CityOption,
    day: DateOption,
    is_revised: RevisedOption = False,
    approved_by: Annotated[str | None, typer.Option("--approved-by", help="Who approved the revision.")] = None,
    approved_at: Annotated[str | None, typer.Option("--approved-at", help="When: an instant, ISO 8601.")] = None,
) -> None:
    """Pass the gates and publish: tables, serving database, files, pointer."""
    the_city, here = load_city(city), settings()
    on = business_date(day, the_city)

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.lake.session import connect
    from spark_jobs.release import job
    from spark_jobs.release.record.journal import Approval

    approval = Approval.of(approved_by, approved_at)
    spark = connect()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    code_commit = commit.stdout.strip() or "unknown"
    as_of = the_city.as_of(load_methodology().revised_on(on) if is_revised else on)
    raise typer.Exit(
        job.publish(spark, the_city, on, as_of, here.published, here.mart_url, code_commit, typer.echo, approval)
    )


@app.command()
def withdraw(
    release_id: Annotated[str, typer.Argument(metavar="RELEASE", help="Id of a published release.")],
    city: CityOption,
    why: Annotated[str, typer.Option("--why", help="The reason, in words that everybody may read.")],
    by: Annotated[str | None, typer.Option("--by", help="Who withdraws it; this account without it.")] = None,
) -> None:
    """Withdraw a release: a notice wherever it is shown, its files as they are. Needs no Spark."""
    the_city, here = load_city(city), settings()

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.release.record import withdrawal

    folder, now = here.published / the_city.city_code, datetime.now(UTC)
    who = by or getpass.getuser()
    typer.echo(withdrawal.withdraw(the_city, load_methodology(), folder, here.mart_url, release_id, why, who, now))


@app.command()
def monthly(
    city: CityOption,
    month: Annotated[str, typer.Option("--month", help="Month that is over, YYYY-MM, with a revised release.")],
) -> None:
    """Publish a month for everybody, after disclosure control, from its revised release. Needs no Spark."""
    the_city, first = load_city(city), business_month(month)

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.release.monthly_files import publish_month

    publish_month(settings().published, the_city, first, load_methodology(), typer.echo)


@app.command("print")
def print_pages(
    city: CityOption,
    release: Annotated[
        str | None, typer.Option("--release", help="Id of a release; the current one without it.")
    ] = None,
    month: Annotated[
        str | None, typer.Option("--month", help="A public month, YYYY-MM, in place of a release.")
    ] = None,
) -> None:
    """Print a release as PDF (bulletin, and short form on one page), or a public month. Needs Chromium and no Spark."""
    folder = settings().published / load_city(city).city_code
    if release and month:
        raise UsageError("print: expected --release or --month, found both")

    from spark_jobs.release.pages.printed import print_month, print_release
    from spark_jobs.release.public_files import public_folder

    done = (
        print_month(folder, public_folder(folder), business_month(month)) if month else print_release(folder, release)
    )
    typer.echo(f"print: {done}")


@app.command()
def movement(
    city: CityOption,
    first: Annotated[str, typer.Option("--from", help="Id of the earlier release.")],
    last: Annotated[str, typer.Option("--to", help="Id of the later release.")],
) -> None:
    """Say why the index moved between two published releases. Needs no Spark."""
    folder = settings().published / load_city(city).city_code

    from spark_jobs.index.methodology import load_methodology
    from spark_jobs.release.movement_between import said_between
    from spark_jobs.release.wording import LANGUAGES, Wording

    for language in LANGUAGES:
        typer.echo("\n".join(said_between(folder, first, last, Wording(language, load_methodology()))))


@app.command()
def verify(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a release, or of a city: then all of them and their chain.")
    ],
) -> None:
    """Check published files from their folder alone: hashes, chain, figures computed again. Needs no Spark."""
    from spark_jobs.release.verification import report

    raise typer.Exit(report(folder))


@app.command()
def maintain(city: CityOption, day: DateOption) -> None:
    """Upkeep: raw files past their time to live, small files, files that no version needs."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs.feeds import maintain as job
    from spark_jobs.lake.session import connect

    for line in job.maintain(connect(), the_city, on, settings()):
        typer.echo(line)


@app.command()
def erase(
    city: CityOption,
    values: Annotated[
        typer.FileText, typer.Option("--values", help="Private file with one value a line; - is standard input.")
    ] = "-",  # type: ignore[assignment]
) -> None:
    """Erase a person's values (telephone, identity number, name) from lake and landing. Never on the command line."""
    the_city = load_city(city)
    if values is not sys.stdin and os.fstat(values.fileno()).st_mode & 0o077:
        raise UsageError(f"erase: {values.name} can be read by others; chmod 600 it, or use standard input")

    from spark_jobs.feeds.privacy import erasure
    from spark_jobs.lake.session import connect

    given = erasure.checked_values(values.read())
    for line in erasure.erase(connect(), the_city, given, settings()):
        typer.echo(line)


@app.command()
def rotate() -> None:
    """Make a new key for pseudonyms and bring the whole lake to it; also after a change that was interrupted."""
    from spark_jobs.feeds.privacy import rotation
    from spark_jobs.lake.session import connect

    for line in rotation.rotate(connect(), settings()):
        typer.echo(line)


@app.command()
def compare_methods(
    city: CityOption,
    day: DateOption,
    candidate: Annotated[Path, typer.Option("--with", help="File of the candidate version of methodology.yml.")],
) -> None:
    """Run a candidate version of the method beside the one in force over the twelve month ends before a date."""
    the_city = load_city(city)
    on = business_date(day, the_city)

    from spark_jobs.lake.session import connect
    from spark_jobs.release import method_job

    new = method_job.candidate_of(candidate)
    typer.echo(method_job.compare_methods(connect(), the_city, on, new, settings().published))


@app.command()
def sensitivity(
    city: CityOption,
    release: Annotated[
        str | None, typer.Option("--release", help="Id of a release; the current one without it.")
    ] = None,
    into: Annotated[Path, typer.Option("--into", help="Folder of the two pages.")] = REPOSITORY / "docs",
) -> None:
    """Say in docs/sensitivity.md which choices of the method the ranks of a release hang on. Needs no Spark."""
    the_city = load_city(city)

    from spark_jobs.release.pages.sensitivity_page import write_pages

    for page in write_pages(settings().published, the_city, release, into):
        typer.echo(f"sensitivity: {page}")


@app.command()
def attach() -> None:
    """Tell a server that has just started which tables lie in the lake. Each step does so where it is needed."""
    from spark_jobs.lake.session import connect

    connect()
    typer.echo("the server knows the tables of the lake")


@app.command()
def document() -> None:
    """Write dbt's documentation as one page, <state>/docs/dbt.html."""
    from spark_jobs import conform as job

    page = settings().state / "docs" / "dbt.html"
    job.document(page)
    typer.echo(f"dbt docs: {page}")


def main() -> int:
    """Run a step; a fault becomes one error report on stderr and the exit code of its class."""
    private_by_default()
    try:
        return int(app(prog_name="python -m spark_jobs", standalone_mode=False) or 0)
    except StepError as error:
        typer.echo(error, err=True)
        return error.exit_code
    except ContractError as error:
        typer.echo(error, err=True)
        return UsageError.exit_code
    except typer.TyperException as error:  # a wrong option
        typer.echo(error, err=True)
        return UsageError.exit_code
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        typer.echo(f"this machine: {error.strerror}\n  what to do: make room, then run the step again", err=True)
        return EnvironmentFault.exit_code
    finally:
        lineage.hand_over()
