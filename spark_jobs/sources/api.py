"""A paged HTTP JSON API: every page as it came, and proof that no page was lost."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from expectations.contract import ApiSource, Feed
from spark_jobs.connection import Connection
from spark_jobs.errors import ContractBreach, SourceUnavailable
from spark_jobs.landing import Landing, Manifest

TIMEOUT = httpx.Timeout(connect=10, read=60, write=10, pool=10)  # seconds
ATTEMPTS = 5


class _Transient(Exception):
    """Worth another try: the network, a 429 or a 5xx."""


class ApiClient:
    """Bearer token by client credentials, renewed when the server says so; retries with back-off; no redirects."""

    def __init__(self, source: ApiSource, connection: Connection) -> None:
        self._source, self._connection = source, connection
        scheme = connection.extra.get("scheme", "http")
        self._http = httpx.Client(base_url=f"{scheme}://{connection.host}:{connection.port}", timeout=TIMEOUT)
        self._token = ""

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _authenticate(self) -> None:
        answer = self._http.post(
            self._source.token_path,
            data={
                "grant_type": "client_credentials",
                "client_id": self._connection.login or "",
                "client_secret": self._connection.password.get_secret_value(),
            },
        )
        if answer.status_code in (400, 401, 403):
            raise SourceUnavailable(
                f"the API of connection {self._source.connection} refused our credentials ({answer.status_code})"
            )
        if answer.status_code != httpx.codes.OK:
            raise _Transient(f"token: status {answer.status_code}")
        self._token = answer.json()["access_token"]

    def _once(self, parameters: dict[str, Any]) -> bytes:
        if not self._token:
            self._authenticate()
        answer = self._http.get(
            self._source.path, params=parameters, headers={"Authorization": f"Bearer {self._token}"}
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""
            raise _Transient("the token has expired")
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.status_code >= 500:
            raise _Transient(f"status {answer.status_code}")
        if answer.status_code != httpx.codes.OK:
            raise SourceUnavailable(f"{self._source.path}: expected status 200, found {answer.status_code}")
        return answer.content

    def page(self, parameters: dict[str, Any]) -> bytes:
        """Bytes of one page. Raises SourceUnavailable when the source stays silent after five tries."""
        retrying = Retrying(
            retry=retry_if_exception_type((_Transient, httpx.TransportError)),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=0.5, max=20),
        )
        try:
            return retrying(self._once, parameters)
        except RetryError as error:
            cause = error.last_attempt.exception()
            raise SourceUnavailable(f"no answer after {ATTEMPTS} tries: {cause}") from None


def land(
    feed: Feed, connection: Connection, landing: Landing, business_date: date, cutoff: datetime, time_zone: str
) -> Manifest | None:
    """Land all pages of the records changed since the last window, less the overlap, and up to `cutoff` (UTC).

    None if the window has landed already. Raises SourceUnavailable or ContractBreach (the source's totals do not hold).
    """
    source = feed.source
    assert isinstance(source, ApiSource)
    landed = landing.landed_through()
    if landed is not None and landed >= business_date:
        return None
    window_from = feed.starts_on if landed is None else landed + timedelta(days=1)
    parameters: dict[str, Any] = {
        source.to_parameter: f"{cutoff.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}",
        source.size_parameter: source.page_size,
    }
    if landed is not None:
        lower = datetime.combine(window_from, datetime.min.time()) - timedelta(hours=source.overlap_hours)
        parameters[source.from_parameter] = f"{lower:%Y-%m-%d %H:%M:%S}"
    try:
        with ApiClient(source, connection) as client, landing.new_batch() as batch:
            total = seen = 0
            number = 1
            while number == 1 or seen < total:
                content = client.page({**parameters, source.page_parameter: number})
                found_total, found_rows = _counts(source, content)
                if number > 1 and (found_total != total or found_rows == 0):
                    raise ContractBreach(
                        f"feed {feed.code}: page {number}: expected total {total} and rows, "
                        f"found total {found_total} and {found_rows} rows; the pull is repeated from its beginning"
                    )
                total, seen, number = found_total, seen + found_rows, number + 1
                with batch.file(f"page_{number - 1:05d}.json.gz", business_date) as out:
                    out.write(gzip.compress(content, 1, mtime=0))
            if seen != total:
                raise ContractBreach(f"feed {feed.code}: expected {total} rows in all pages, found {seen}")
            return batch.commit(feed, window_from, business_date, n_rows=total)
    except SourceUnavailable as error:
        raise SourceUnavailable(
            f"feed {feed.code}: the API of connection {source.connection}: {error}\n"
            "  what to do: check address, account and network; the run may be repeated at any time"
        ) from None


def _counts(source: ApiSource, content: bytes) -> tuple[int, int]:
    """The total that a page claims and the number of rows it holds."""
    try:
        page = json.loads(content)
        return int(page[source.total]), len(page[source.items])
    except (ValueError, KeyError, TypeError) as error:
        raise ContractBreach(
            f"{source.path}: expected a JSON object with {source.total!r} and {source.items!r}, found {content[:80]!r}"
        ) from error
