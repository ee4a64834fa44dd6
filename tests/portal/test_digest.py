"""The digest of a night, through a real SMTP server and a real web server on loopback: once, and without a person."""

from __future__ import annotations

import asyncore
import json
import smtpd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.conftest import DAY, OTHER, flag

if TYPE_CHECKING:
    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
WORDS = "看过现场，情况属实"


class MailServer(smtpd.SMTPServer):
    """Keeps what it is sent."""

    def __init__(self, sockets: dict[int, Any]) -> None:
        super().__init__(("127.0.0.1", 0), None, map=sockets)
        self.port: int = self.socket.getsockname()[1]
        self.received: list[Message] = []

    def process_message(self, peer: Any, mailfrom: str, rcpttos: list[str], data: bytes, **options: Any) -> None:
        self.received.append(message_from_bytes(data, policy=default))


@pytest.fixture
def mail() -> Iterator[MailServer]:
    sockets: dict[int, Any] = {}
    server = MailServer(sockets)
    thread = Thread(target=lambda: asyncore.loop(timeout=0.05, map=sockets), daemon=True)
    thread.start()
    yield server
    server.close()
    for channel in list(sockets.values()):
        channel.close()
    thread.join(5)


@contextmanager
def web(status: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of a web server that answers so, and what it was posted."""
    posted: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/send?key=a-secret", posted
    server.shutdown()
    server.server_close()


@pytest.fixture
def desk(publish: Callable[..., None], officer: Callable[..., Officer]) -> None:
    """Two red flags of today; an amber one that somebody works on, and is a day late with."""
    from portal.desk.steps import Wish, perform_step
    from portal.desk.taking import take_release

    publish([flag(1, colour="red"), flag(2, OTHER, colour="red"), flag(3)])
    take_release(NOW)
    chief = officer("reviewer", name="li_lei")
    perform_step(f"{3:016x}", Wish("assigned", "first_look", WORDS, assignee="li_lei"), chief, NOW)


def tell(now: datetime, port: int = 0, hooks: tuple[str, ...] = (), **extra: Any) -> tuple[list[str], list[str]]:
    from django.utils import translation

    from portal.desk.digest import send

    told = {"to": ["duty@city.example"], "from": "index@city.example", "transport": "plain", "webhooks": hooks, **extra}
    with translation.override("zh-hans"):
        return send(DAY, now, {"host": "127.0.0.1", "port": port, "extra": json.dumps(told)})


def test_new_reds_and_overdue_ones_are_told_once(desk: None, mail: MailServer) -> None:
    late = NOW + timedelta(days=7, hours=1)
    with web(200) as (address, posted):
        done, failed = tell(late, mail.port, (address,), portal="https://portal.example")
        assert (done, failed) == (["mail: sent", "webhook 127.0.0.1: sent"], [])
        again, _ = tell(late, mail.port, (address,))
    assert again == ["mail: was sent before", "webhook 127.0.0.1: was sent before"]
    (message,), (hook,) = mail.received, posted
    assert message["To"] == "duty@city.example"
    assert message["Message-ID"] == f"<digest.demo.{DAY}@city.example>"
    text = message.get_content()  # type: ignore[attr-defined]
    assert "新增红色2条，逾期3条" in message["Subject"]
    assert "林甸县：上周9起，预期约3.4起 · Lindian: 9 last week, about 3.4 expected" in text
    assert "已交办，逾期1天 · 1 d late" in text  # the amber one; the red ones wait for six days
    assert "https://portal.example" in text
    assert hook["msgtype"] == "text"
    assert text.splitlines()[0] in hook["text"]["content"]
    for said in (text, hook["text"]["content"]):
        assert "li_lei" not in said
        assert WORDS not in said


def test_a_red_flag_is_new_on_one_night_only(desk: None, mail: MailServer) -> None:
    from portal.desk.digest import compose

    tell(NOW, mail.port)
    assert "新增红色2条，逾期0条" in mail.received[0]["Subject"]
    assert compose(DAY + timedelta(days=1), NOW) is None  # nothing is overdue yet
    later = compose(DAY + timedelta(days=1), NOW + timedelta(days=2))
    assert later
    assert "新增红色0条，逾期2条" in later.subject


def test_what_could_not_be_sent_is_told_and_sent_the_next_time(desk: None, mail: MailServer) -> None:
    with web(500) as (address, _):
        done, failed = tell(NOW, mail.port, (address,))
    assert (done, failed) == (["mail: sent"], ["webhook 127.0.0.1: HTTPError 500"])  # and not the key in its address
    with web(200) as (working, posted):
        done, failed = tell(NOW, mail.port, (working,))
    assert (done, failed) == (["mail: was sent before", "webhook 127.0.0.1: sent"], [])
    assert (len(mail.received), len(posted)) == (1, 1)


def test_a_reminder_goes_the_same_way_once_a_night_and_beside_the_digest(
    desk: None, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.management import call_command

    def remind(hook: str) -> str:
        extra = {"to": ["duty@city.example"], "from": "index@city.example", "transport": "plain", "webhooks": [hook]}
        monkeypatch.setenv("PINGAN_CONNECTION", json.dumps({"host": "127.0.0.1", "port": mail.port, "extra": extra}))
        out = StringIO()
        call_command("remind", f"--date={DAY}", "--month=2026-09", "--days=4", stdout=out)
        return out.getvalue()

    with web(200) as (address, posted):
        first, again = remind(address), remind(address)
        done, failed = tell(NOW, mail.port, (address,))
    assert (first.count(": sent"), again.count(": was sent before")) == (2, 2)
    assert (done, failed) == (["mail: sent", "webhook 127.0.0.1: sent"], [])
    reminder, digest = mail.received
    assert "2026-09修订数据待批准，已等4天" in reminder["Subject"]
    assert "the revised figures of 2026-09 have waited 4 d for approval" in reminder["Subject"]
    assert reminder["Message-ID"] == f"<revision.demo.{DAY}@city.example>"
    assert "新增红色2条" in digest["Subject"]  # the reminder has not used up the red flags
    assert len(posted) == 2


@pytest.mark.parametrize(("extra", "said"), [
    ({"transport": "verified"}, "mail: SMTPNotSupportedError"),  # the server has no TLS
    ({"to": [], "webhooks": ["http://hooks.example/send?key=a-secret"]}, "webhook hooks.example: expected an https address"),
])  # fmt: skip
def test_nothing_leaves_the_machine_in_clear(desk: None, mail: MailServer, extra: dict[str, Any], said: str) -> None:
    assert tell(NOW, mail.port, **extra) == ([], [said])
    assert mail.received == []


def test_a_mail_server_elsewhere_is_not_asked_without_tls(desk: None) -> None:
    from portal.desk.digest import send

    extra = {"to": ["duty@city.example"], "from": "index@city.example", "transport": "plain"}
    done, failed = send(DAY, NOW, {"host": "mail.example", "port": 25, "extra": extra})
    assert (done, len(failed)) == ([], 1)
    assert "expected TLS" in failed[0]


def test_the_command_ends_with_4_and_tells_no_secret(
    desk: None, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.management import call_command
    from django.core.management.base import CommandError

    def run(day: str) -> str:
        out = StringIO()
        call_command("digest", f"--date={day}", stdout=out)
        return out.getvalue()

    extra = {"to": ["duty@city.example"], "from": "index@city.example", "transport": "plain"}
    connection = {"host": "127.0.0.1", "port": mail.port, "password": "a-secret", "extra": extra}
    monkeypatch.setenv("PINGAN_CONNECTION", json.dumps(connection))
    assert "is not the day of the current release" in run("2026-11-20")
    assert "mail: sent" in run(DAY.isoformat())
    assert "mail: was sent before" in run(DAY.isoformat())
    with web(500) as (address, _):
        monkeypatch.setenv("PINGAN_CONNECTION", json.dumps({**connection, "extra": {**extra, "webhooks": [address]}}))
        with pytest.raises(CommandError) as fault:
            run(DAY.isoformat())
    assert fault.value.returncode == 4
    assert "a-secret" not in str(fault.value)
