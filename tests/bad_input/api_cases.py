"""Tables of bad answers of an HTTP API: what stops the pull, and what it gets over."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

from spark_jobs.feeds.sources import api
from tests.bad_input.cases import row
from tests.bad_input.unreliable_api import ROWS, SIZE, Answer, Office, Pages, page

ATTEMPTS = 3
LARGEST_PAGE = 1 << 20  # bytes; the real limit would cost the tests seconds


@dataclass(frozen=True)
class Refused:
    """An office whose answers cannot be used; `n_asked` pages were asked for before giving up."""

    office: Office
    report: str
    exit_code: int
    n_asked: int
    whole: float = 60  # seconds that an answer may take


@dataclass(frozen=True)
class Overcome:
    """An office whose answers are bad for a while: all rows arrive; `asked` are the pages it was asked for."""

    office: Office
    asked: list[int]
    n_tokens: int = 1


def _always(answer: Answer) -> Office:
    return Office(lambda number, asked: answer)


def _once(answer: Answer, at: int = 2) -> Pages:
    """Honest pages, but for the `at`-th request."""
    return lambda number, asked: answer if asked == at else page(number)


def _overlapping(number: int, asked: int) -> Answer:
    """The order changes between two requests: page 2 repeats a row of page 1, and r3 is never shown."""
    order = [ROWS[0], ROWS[1], ROWS[1], ROWS[2], ROWS[4]]
    return page(number, order)


HALF = Answer(page(2).body[:40])
HTML = Answer(b"<html>502 Bad Gateway</html>")
BOMB = Answer(gzip.compress(bytes(LARGEST_PAGE + 1), 1), headers=(("Content-Encoding", "gzip"),))
ELSEWHERE = Answer(b"", 302, (("Location", "http://elsewhere.example/api"),))

# words of a report -> what a person is told to do; the network only where it is its fault
ADVICE = {
    "status 500": "wait until the source answers again",
    "bytes that are none": "ask the source what it answers",
    "nested too deeply": "ask the source what it answers",
    "status 404": "check the address of the connection and the paths of the contract",
    "a redirect to": "check the address of the connection and the paths of the contract",
    "not complete after": "make `page_size` smaller",
    "bytes a page": "make `page_size` of the contract smaller",
    "refused our credentials": "check login and password",
}
REFUSED = {
    "a total larger than the rows": Refused(
        Office(lambda number, asked: page(number, total=7)), "expected 7 rows in all, found 5 and an empty page", 5, 4
    ),
    "a total smaller than the rows": Refused(
        Office(lambda number, asked: page(number, total=4)), "expected 4 rows in all, found more", 5, 3
    ),
    "a total that changes on the way": Refused(
        Office(lambda number, asked: page(number, total=4 + number)),
        "page 2: expected total 5 as on page 1, found 6",
        5,
        2,
    ),
    "pages that overlap": Refused(Office(_overlapping), "page 2: expected each row on one page, found 1", 5, 2),
    "the first page again and again": Refused(
        Office(lambda number, asked: page(1)), "page 2: expected each row on one page, found 2", 5, 2
    ),
    "JSON of another shape": Refused(_always(Answer(b'{"data": [], "count": 0}')), r"found \['count', 'data'\]", 5, 1),
    "a total that is no count": Refused(
        _always(page(1, total="many")), "expected an object with a count 'total'", 5, 1
    ),
    "a total that no source has": Refused(
        _always(page(1, total=10**15)), "expected a total of at most 100,000,000", 5, 1
    ),
    "a total of 5,000 digits": Refused(_always(page(1, total="9" * 5_000)), r"found 9+… \(5,000 characters\)", 5, 1),
    "half JSON on every try": Refused(_always(HALF), "no answer after 3 tries: .* bytes that are none", 4, ATTEMPTS),
    "a page nested 100,000 deep": Refused(
        _always(Answer(b"[" * 100_000)), "no answer after 3 tries: .* nested too deeply", 4, ATTEMPTS
    ),
    "an error page in place of JSON": Refused(_always(HTML), "no answer after 3 tries", 4, ATTEMPTS),
    "status 500 on every try": Refused(
        _always(Answer(b"", 500)), "no answer after 3 tries: .* status 500", 4, ATTEMPTS
    ),
    "status 429 on every try": Refused(
        _always(Answer(b"", 429)), "no answer after 3 tries: .* status 429", 4, ATTEMPTS
    ),
    "status 404": Refused(_always(Answer(b"", 404)), "expected status 200, found 404", 4, 1),
    "a redirect to elsewhere": Refused(
        _always(ELSEWHERE), "found a redirect to elsewhere.example; it was refused", 4, 1
    ),
    "an answer that drips": Refused(
        _always(Answer(page(1).body, drip=0.05)), "not complete after 0.4 seconds", 4, ATTEMPTS, whole=0.4
    ),
    "headers that drip": Refused(
        _always(Answer(b"", drip=0.05, drips_early=True)), "not complete after 0.4 seconds", 4, ATTEMPTS, whole=0.4
    ),
    "a page that unpacks without end": Refused(_always(BOMB), "bytes a page, found more", 4, 1),
    "a new token that is refused too": Refused(
        Office(lambda number, asked: page(number), dies=(1, 2)), "refused a token that it had just given", 4, 2
    ),
    "an error page in place of a token": Refused(
        Office(lambda number, asked: page(number), token=lambda n: HTML), "expected JSON with 'access_token'", 4, 0
    ),
    "credentials that are refused": Refused(
        Office(lambda number, asked: page(number), token=lambda n: Answer(b"{}", 401)), "refused our credentials", 4, 0
    ),
    "a redirect in place of a token": Refused(
        Office(lambda number, asked: page(number), token=lambda n: ELSEWHERE), "a redirect to elsewhere.example", 4, 0
    ),
}

OVERCOME = {
    "half JSON once": Overcome(Office(_once(HALF)), [1, 2, 2, 3]),
    "a connection that breaks inside a page": Overcome(Office(_once(Answer(page(2).body, cut=True))), [1, 2, 2, 3]),
    "status 500 twice": Overcome(
        Office(lambda number, asked: Answer(b"", 500) if asked in (2, 3) else page(number)), [1, 2, 2, 2, 3]
    ),
    "status 429 with Retry-After": Overcome(Office(_once(Answer(b"", 429, (("Retry-After", "1"),)))), [1, 2, 2, 3]),
    "Retry-After that is no number": Overcome(
        Office(_once(Answer(b"", 503, (("Retry-After", "Wed, 21 Oct"),)))), [1, 2, 2, 3]
    ),
    "a token that expires on the way": Overcome(
        Office(lambda number, asked: page(number), dies=(3,)), [1, 2, 3, 3], n_tokens=2
    ),
    "a full last page": Overcome(Office(lambda number, asked: page(number, ROWS[: 2 * SIZE])), [1, 2, 3]),
    "no rows at all": Overcome(Office(lambda number, asked: page(number, [])), [1]),
    "a total written as text": Overcome(Office(lambda number, asked: page(number, total="5")), [1, 2, 3]),
}

FULL = [row(f"r{number}") for number in range(api.ROUND)]
ROUND_TOTALS = {
    # name: (totals that the halves of the window claim, whether the rows are taken)
    "a round total at which the source stops": ((api.ROUND, 234), False),
    "a round total whatever is asked for": ((api.ROUND, api.ROUND), False),
    "a round total of which one half has all": ((api.ROUND, 0), False),
    "a round total that its halves add up to": ((266, 234), True),
}


def of_round_total(halves: tuple[int, int]) -> Office:
    """One full page, an empty one, and the halves of the window that are asked for afterwards."""

    def pages(number: int, asked: int) -> Answer:
        total = halves[asked - 3] if asked > 2 else len(FULL)
        return Answer(json.dumps({"total": total, "items": FULL if number == 1 else []}).encode())

    return Office(pages)


NAN = Office(lambda number, asked: Answer(
    json.dumps({"total": 2, "items": [{**ROWS[0], "deaths": float("nan")}, ROWS[1]]}).encode()
    if number == 1 else page(9, total=2).body
))  # fmt: skip
