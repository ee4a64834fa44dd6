"""A paged HTTP JSON API: every page as it came, and proof that no page was lost."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from threading import Timer
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from expectations.models import ApiSource, Feed
from spark_jobs.errors import ContractBreach, EnvironmentFault, SourceUnavailable
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.formats.content import shortened
from spark_jobs.feeds.formats.json_records import loads
from spark_jobs.feeds.landing import Batch, Manifest
from spark_jobs.feeds.sources.pull import Pull

LARGEST_PAGE = 256 << 20  # bytes, unpacked
MOMENT = "%Y-%m-%d %H:%M:%S"  # how times are asked for
MOST_ROWS = 100_000_000  # of one pull
ASK = "ask the source what it answers, and why"
ROUND = 1_000  # sources stop counting, or giving, at 1,000, 5,000, 10,000: a total that is a multiple of this has to be proved


class Patience(BaseModel):
    """How long a source may take, in seconds, and how often it is asked; `patience` in the Connection's extra."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    connect: float = 10
    read: float = 60  # between two pieces of an answer
    whole: float = 300  # for an answer: one that drips never runs into `read`
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 20

    @classmethod
    def of(cls, connection: Connection) -> Patience:
        """Raises EnvironmentFault for fields that do not exist or are no numbers."""
        try:
            return cls.model_validate(connection.extra.get("patience", {}))
        except ValidationError as error:
            raise EnvironmentFault(f"connection: extra.patience: {error}") from None


class _Transient(Exception):
    """Worth another try: half an answer, a 429 or a 5xx. `wait`: what the source asked for, in seconds."""

    def __init__(self, message: str, what_to_do: str, wait: float = 0) -> None:
        super().__init__(message)
        self.what_to_do, self.wait = what_to_do, wait


def _unavailable(found: str, what_to_do: str) -> SourceUnavailable:
    return SourceUnavailable(f"{found}\n  what to do: {what_to_do}; the run may be repeated at any time")


@dataclass(frozen=True)
class Page:
    """One page as it came, the total that it claims, and its rows."""

    content: bytes
    total: int
    rows: list[Any]


class ApiClient:
    """Bearer token by client credentials, renewed once when it has expired; retries with back-off; no redirects."""

    def __init__(self, source: ApiSource, connection: Connection) -> None:
        self._source, self._connection = source, connection
        self._patience = patience = Patience.of(connection)
        connection.keep_secrets()
        scheme, verify = ("http", False) if connection.is_plain else ("https", connection.tls())
        self._http = httpx.Client(
            base_url=f"{scheme}://{connection.host}:{connection.port}",
            verify=verify,
            timeout=httpx.Timeout(patience.read, connect=patience.connect),
            follow_redirects=False,  # the token would be shown to whoever the redirect names
        )
        self._token = ""
        self._socket: socket.socket | None = None

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def page(self, parameters: dict[str, Any]) -> Page:
        """One page. Raises SourceUnavailable when no whole page comes after all tries, ContractBreach for other JSON."""
        retrying = Retrying(
            retry=retry_if_exception_type((_Transient, httpx.TransportError, httpx.DecodingError)),
            stop=stop_after_attempt(self._patience.attempts),
            wait=self._pause,
        )
        try:
            return retrying(self._once, parameters)
        except RetryError as error:
            cause = error.last_attempt.exception()
            what_to_do = cause.what_to_do if isinstance(cause, _Transient) else "check address and network"
            raise _unavailable(f"no answer after {self._patience.attempts} tries: {cause}", what_to_do) from None

    def _pause(self, state: RetryCallState) -> float:
        """Seconds before the next try: what the source asked for, else longer each time."""
        backing_off = wait_exponential_jitter(self._patience.first_wait, self._patience.longest_wait)
        cause = state.outcome.exception() if state.outcome else None
        asked = cause.wait if isinstance(cause, _Transient) else 0
        return min(max(asked, backing_off(state)), self._patience.longest_wait)

    def _once(self, parameters: dict[str, Any]) -> Page:
        if not self._token:
            self._authenticate()
        status, content = self._get(parameters)
        if status == httpx.codes.UNAUTHORIZED:  # it has expired on the way: one new token, not one for each try
            self._authenticate()
            status, content = self._get(parameters)
            if status == httpx.codes.UNAUTHORIZED:
                raise _unavailable("the API refused a token that it had just given", ASK)
        return _page(self._source, content)

    def _authenticate(self) -> None:
        status, content = self._answer(
            "POST",
            self._source.token_path,
            data={
                "grant_type": "client_credentials",
                "client_id": self._connection.login or "",
                "client_secret": self._connection.password.get_secret_value(),
            },
        )
        if status in (400, 401, 403):
            raise _unavailable(
                f"the API refused our credentials ({status})", "check login and password of the connection"
            )
        try:
            self._token = str(loads(content.decode())["access_token"])
        except (ValueError, KeyError, TypeError):
            raise _Transient(f"{self._source.token_path}: expected JSON with 'access_token', found none", ASK) from None

    def _get(self, parameters: dict[str, Any]) -> tuple[int, bytes]:
        return self._answer(
            "GET", self._source.path, params=parameters, headers={"Authorization": f"Bearer {self._token}"}
        )

    def _answer(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        """Status and body; statuses that nobody can act on are raised.

        An answer that is not complete in time is cut off: one whose headers drip never runs into `read`.
        """
        until = time.monotonic() + self._patience.whole
        cut = Timer(self._patience.whole, self._cut)
        cut.daemon = True
        cut.start()
        try:
            return self._read(method, path, until, **request)
        except httpx.TransportError:
            if time.monotonic() < until:
                raise
            raise self._too_slow(path, 0) from None
        finally:
            cut.cancel()

    def _cut(self) -> None:
        with suppress(OSError):
            if self._socket:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _trace(self, event: str, about: dict[str, Any]) -> None:
        """Keep the socket that the answers come on."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = about["return_value"].get_extra_info("socket")

    def _too_slow(self, path: str, size: int) -> _Transient:
        found = f"{path}: not complete after {self._patience.whole:g} seconds ({size:,} bytes)"
        return _Transient(found, "make `page_size` smaller, or `patience` of the connection longer")

    def _read(self, method: str, path: str, until: float, **request: Any) -> tuple[int, bytes]:
        with self._http.stream(method, path, extensions={"trace": self._trace}, **request) as answer:
            status = answer.status_code
            if answer.has_redirect_location:
                elsewhere = httpx.URL(answer.headers["Location"]).host or "another path"
                found = f"{path}: expected an answer, found a redirect to {elsewhere}; it was refused"
                raise _unavailable(found, "check the address of the connection and the paths of the contract")
            if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
                asked = answer.headers.get("Retry-After", "")
                wait = float(asked) if asked.isdecimal() else 0
                raise _Transient(f"{path}: status {status}", "wait until the source answers again, or ask it", wait)
            if status not in (200, 400, 401, 403):
                found = f"{path}: expected status 200, found {status}"
                raise _unavailable(found, "check the address of the connection and the paths of the contract")
            return status, self._body(answer, until, path)

    def _body(self, answer: httpx.Response, until: float, path: str) -> bytes:
        blocks, size = [], 0
        for block in answer.iter_bytes():
            blocks.append(block)
            size += len(block)
            if time.monotonic() > until:
                raise self._too_slow(path, size)
            if size > LARGEST_PAGE:
                found = f"{path}: expected at most {LARGEST_PAGE:,} bytes a page, found more"
                raise _unavailable(found, "make `page_size` of the contract smaller, or ask the source")
        return b"".join(blocks)


def _page(source: ApiSource, content: bytes) -> Page:
    """Raises _Transient for what is no JSON (half an answer, a proxy's error page), ContractBreach for other JSON."""
    try:
        page = loads(content.decode("utf-8"))
    except ValueError as error:
        found = f"{source.path}: expected JSON, found {len(content):,} bytes that are none: {error}"
        raise _Transient(found, ASK) from None
    rows = page.get(source.items) if isinstance(page, dict) else None
    total = str(page.get(source.total, "")) if isinstance(page, dict) else ""
    if not isinstance(rows, list) or not (total.isdecimal() and total.isascii()):
        keys = sorted(page) if isinstance(page, dict) else type(page).__name__
        raise ContractBreach(
            f"{source.path}: expected an object with a count {source.total!r} and a list {source.items!r}, found {keys}"
        )
    if len(total) > len(str(MOST_ROWS)) or int(total) > MOST_ROWS:
        raise ContractBreach(f"{source.path}: expected a total of at most {MOST_ROWS:,}, found {shortened(total)}")
    return Page(content, int(total), rows)


def land(pull: Pull) -> Manifest | None:
    """Land all pages of the records changed since the last window, less the overlap, and up to the cut-off.

    None if the window has landed already, unless the days from `since` on are wanted again. Raises SourceUnavailable,
    or ContractBreach where the source's totals do not hold.
    """
    feed, landing, day = pull.feed, pull.landing, pull.business_date
    source = feed.source
    assert isinstance(source, ApiSource)
    window_from = pull.window_from()
    if window_from is None:
        return None
    parameters: dict[str, Any] = {
        source.to_parameter: f"{pull.cutoff.astimezone(ZoneInfo(pull.time_zone)):{MOMENT}}",
        source.size_parameter: source.page_size,
    }
    if landing.landed_through() is not None:
        lower = datetime.combine(window_from, datetime.min.time()) - timedelta(hours=source.overlap_hours)
        parameters[source.from_parameter] = f"{lower:{MOMENT}}"
    try:
        with ApiClient(source, pull.connection) as client, landing.new_batch(_name(source, parameters)) as batch:
            total = _pull(feed, source, client, parameters, batch, day)
            return batch.commit(feed, window_from, day, n_rows=total)
    except SourceUnavailable as error:
        raise SourceUnavailable(f"feed {feed.code}: the API of connection {source.connection}: {error}") from None
    except ContractBreach as error:
        raise ContractBreach(
            f"feed {feed.code}: {error}\n  what to do: ask the source; nothing has landed, the next run begins anew"
        ) from None


@dataclass
class _Proof:
    """That nothing is missing: every page claims the same total, the rows add up to it, none stands on two pages."""

    total: int = 0
    seen: int = 0
    rows_before: set[int] = field(default_factory=set)

    def check(self, number: int, page: Page) -> None:
        """Count one more page in. Raises ContractBreach."""
        if number == 1:
            self.total = page.total
        if page.total != self.total:
            raise ContractBreach(f"page {number}: expected total {self.total} as on page 1, found {page.total}")
        if self.seen + len(page.rows) > self.total:
            raise ContractBreach(f"page {number}: expected {self.total} rows in all, found more")
        if not page.rows and self.seen < self.total:
            raise ContractBreach(
                f"page {number}: expected {self.total} rows in all, found {self.seen} and an empty page"
            )
        rows = {hash(repr(row)) for row in page.rows}  # all of it: rows may be alike in what the contract reads
        if repeated := len(rows & self.rows_before):
            raise ContractBreach(f"page {number}: expected each row on one page, found {repeated} of earlier pages")
        self.rows_before |= rows
        self.seen += len(page.rows)


def _name(source: ApiSource, parameters: dict[str, Any]) -> str:
    """Name of a pull: another window or page size is another pull."""
    return hashlib.sha256(json.dumps([source.path, parameters]).encode()).hexdigest()[:12]


def _pull(feed: Feed, source: ApiSource, client: ApiClient, parameters: dict[str, Any], batch: Batch, day: date) -> int:
    """All pages into the batch; returns the number of rows.

    After a break it goes on with the pages that are there, which later pages have to agree with as with any others.
    Where they do not, the source has changed since, and all pages are asked for again.
    """
    kept = _kept(source, batch, day)
    try:
        return _pages(feed, source, client, parameters, batch, day, kept)
    except ContractBreach:
        if not kept:
            raise
        batch.clear()
        return _pages(feed, source, client, parameters, batch, day, [])


def _kept(source: ApiSource, batch: Batch, day: date) -> list[Page]:
    """Pages that an earlier try has brought."""
    pages: list[Page] = []
    while content := batch.again(_file(len(pages) + 1), day):
        pages.append(_page(source, gzip.decompress(content)))
    return pages


def _file(number: int) -> str:
    return f"page_{number:05d}.json.gz"


def _pages(
    feed: Feed,
    source: ApiSource,
    client: ApiClient,
    parameters: dict[str, Any],
    batch: Batch,
    day: date,
    kept: list[Page],
) -> int:
    """Behind a full last page one more must be empty. Behind pages of an earlier try one more proves the total."""
    proof = _Proof()
    for number, page in enumerate(kept, 1):
        proof.check(number, page)
    for number in count(len(kept) + 1):
        page = client.page({**parameters, source.page_parameter: number})
        proof.check(number, page)
        if page.rows or number == 1:
            with batch.file(_file(number), day) as out:
                out.write(gzip.compress(page.content, 1, mtime=0))
        if proof.seen == proof.total and len(page.rows) < source.page_size:
            break
    _prove_round(feed, source, client, parameters, proof.total)
    return proof.total


def _prove_round(feed: Feed, source: ApiSource, client: ApiClient, parameters: dict[str, Any], total: int) -> None:
    """Prove a total at which the source may have stopped: each half of the window must have fewer rows, and both
    together no more. Raises ContractBreach.
    """
    if not total or total % ROUND:
        return
    last = _moment(parameters[source.to_parameter])
    first = _moment(parameters.get(source.from_parameter, f"{feed.starts_on} 00:00:00"))
    middle = (first + (last - first) / 2).replace(microsecond=0)
    halves = [
        client.page({**parameters, **half, source.page_parameter: 1}).total
        for half in (
            {source.to_parameter: f"{middle:{MOMENT}}"},
            {source.from_parameter: f"{middle + timedelta(seconds=1):{MOMENT}}"},
        )
    ]
    if sum(halves) > total or max(halves) >= total:
        raise ContractBreach(
            f"{source.path}: expected all rows of the window, found a round total of {total:,}, at which sources stop: "
            f"the halves of the window have {halves[0]:,} and {halves[1]:,}"
        )


def _moment(parameter: str) -> datetime:
    return datetime.strptime(parameter, MOMENT)
