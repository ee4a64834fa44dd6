"""The digest of a night: red flags that nobody has been told of yet, and open ones that are overdue, in one message.

It says what the release says and how long a step is late; neither a person nor what somebody wrote. A reminder that a
revision waits for an approval goes the same way, and neither takes the place of the other. What they say to whom comes from
the city's Connection (conn_type smtp), which Airflow hands over in PINGAN_CONNECTION:
host, port, login, password; extra: from, to (addresses), webhooks (addresses that take a JSON of a text message),
portal (the address that people open), transport and ca_file as for any other Connection.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from portal.desk import life
from portal.desk.models import Case, SentDigest

LONGEST_LIST = 30
TIMEOUT = 20  # seconds
DIGEST, REVISION = "digest", "revision"
TLS_PORT = 465  # where TLS comes before the first word; elsewhere STARTTLS


class NotSent(Exception):
    """What could not be told to somebody, in words without a secret."""


@dataclass(frozen=True)
class Message:
    about: str  # DIGEST or REVISION; of a date each is told once
    subject: str
    text: str
    new_reds: tuple[str, ...] = ()  # ids of the flags that it tells of for the first time


def compose(day: date, now: datetime, address: str = "") -> Message | None:
    """The message of a business date; None if there is nothing to tell."""
    untold = Q(red_told_on=None) | Q(red_told_on=day)
    reds = Case.objects.filter(untold, colour_code=life.RED, state_code__in=life.OPEN)
    new = list(reds.order_by("raised_at", "pk"))
    overdue = list(Case.objects.filter(state_code__in=life.OPEN, due_at__lt=now).order_by("urgency", "due_at", "pk"))
    if not new and not overdue:
        return None
    city = settings.CITY_NAMES
    subject = (
        f"{city['zh']}风险提示 {day}：新增红色{len(new)}条，逾期{len(overdue)}条 · "
        f"{city['en']}: {len(new)} new red, {len(overdue)} overdue"
    )
    parts = [
        *_listed("新增红色提示 · New red flags", [_said(case) for case in new]),
        *_listed("逾期未办 · Overdue", [f"{_said(case)}（{_late(case, now)}）" for case in overdue]),
        *([f"办理 · Act on them: {address}"] if address else []),
    ]
    return Message(DIGEST, subject, "\n".join(parts) + "\n", tuple(case.pk for case in new))


def reminder(month: str, n_days: int) -> Message:
    """That the revised figures of a month (yyyy-mm) have waited for somebody's approval for so many days."""
    city = settings.CITY_NAMES
    return Message(
        REVISION,
        f"{city['zh']}：{month}修订数据待批准，已等{n_days}天 · "
        f"{city['en']}: the revised figures of {month} have waited {n_days} d for approval",
        f"请在 Airflow 的 Required Actions 中批准或退回；在此之前保留原发布。\n"
        f"Approve or reject them in Airflow, Required Actions (revise_{settings.CITY}); until then the former release "
        "stays up.\n",
    )


def _listed(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    left = len(lines) - LONGEST_LIST
    more = [f"…… 另有{left}条 · {left} more"] if left > 0 else []
    return [f"{title} ({len(lines)})", *lines[:LONGEST_LIST], *more, ""]


def _said(case: Case) -> str:
    return f"{case.mark} {case.rule_code} {case.detail_zh} · {case.detail_en or case.area_name_en}"


def _late(case: Case, now: datetime) -> str:
    assert case.due_at
    days = max(1, -(-(now - case.due_at).total_seconds() // 86400))
    return f"{life.STATES[case.state_code]}，逾期{days:.0f}天 · {days:.0f} d late"


def send(day: date, now: datetime, connection: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Tell everybody who has not been told of this date: what was done and what could not be done, a line each."""
    message = compose(day, now, _extra(connection).get("portal", ""))
    if message is None:
        return ["nothing new is red and nothing is overdue: no message"], []
    done, failed = tell(message, day, now, connection)
    if done:
        Case.objects.filter(pk__in=message.new_reds).update(red_told_on=day)
    return done, failed


def tell(message: Message, day: date, now: datetime, connection: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Send a message to everybody who has not been sent the one about the same of this date: done and failed, as `send`."""
    done, failed = [], []
    for name, channel, give in _channels(day, now, {**connection, "extra": _extra(connection)}):
        try:
            is_new = _once(day, _kept(message, channel), lambda give=give: give(message))  # type: ignore[misc]
            done.append(f"{name}: {'sent' if is_new else 'was sent before'}")
        except (OSError, smtplib.SMTPException, NotSent) as error:
            failed.append(f"{name}: {_in_words(error)}")
    return done, failed


def _extra(connection: Mapping[str, Any]) -> Mapping[str, Any]:
    extra: Any = connection.get("extra") or {}
    return json.loads(extra) if isinstance(extra, str) else extra  # type: ignore[no-any-return]


def _kept(message: Message, channel: str) -> str:
    """What is kept of a channel that was told; the digest's is the channel itself."""
    return channel if message.about == DIGEST else hashlib.sha256(f"{message.about} {channel}".encode()).hexdigest()


def _channels(
    day: date, now: datetime, connection: Mapping[str, Any]
) -> list[tuple[str, str, Callable[[Message], None]]]:
    """(name that holds no secret, what is kept of it, how to tell it)."""
    extra = connection["extra"]
    found: list[tuple[str, str, Callable[[Message], None]]] = []
    if extra.get("to"):
        found.append(("mail", "mail", lambda message: _mail(message, connection, day, now)))
    for address in extra.get("webhooks", ()):
        kept = hashlib.sha256(address.encode()).hexdigest()
        host = urlsplit(address).hostname
        found.append((f"webhook {host}", kept, lambda message, to=address: _post(message, to)))  # type: ignore[misc]
    return found


def _once(day: date, channel: str, tell: Callable[[], None]) -> bool:
    """Tell it unless that was done. Of two who try at once, one waits; if it fails, nothing is kept."""
    with transaction.atomic():
        _, is_new = SentDigest.objects.get_or_create(business_date=day, channel=channel)
        if is_new:
            tell()
    return is_new


def _mail(message: Message, connection: Mapping[str, Any], day: date, now: datetime) -> None:
    extra, host = connection["extra"], connection.get("host") or ""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message.subject, extra["from"], ", ".join(extra["to"])
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = (
        f"<{message.about}.{settings.CITY}.{day}@{extra['from'].rpartition('@')[2]}>"  # the same if it comes twice
    )
    mail.set_content(message.text)
    port, is_plain = int(connection.get("port") or 587), extra.get("transport") == "plain"
    if is_plain and not _is_here(host):
        raise NotSent('expected TLS, found "transport": "plain" in the extra of a connection that leaves this machine')
    tls = None if is_plain else ssl.create_default_context(cafile=extra.get("ca_file"))
    with (
        smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=tls)
        if tls and port == TLS_PORT
        else smtplib.SMTP(host, port, timeout=TIMEOUT)
    ) as server:
        if tls and port != TLS_PORT:
            server.starttls(context=tls)
        if connection.get("login"):
            server.login(connection["login"], connection.get("password") or "")
        if refused := server.send_message(mail):
            raise NotSent(f"{len(refused)} of {len(extra['to'])} addresses were refused")


def _post(message: Message, address: str) -> None:
    """A text message as WeCom and DingTalk take it."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname or "")):
        raise NotSent("expected an https address")
    content = {"msgtype": "text", "text": {"content": f"{message.subject}\n\n{message.text}"}}
    request = urllib.request.Request(  # noqa: S310 -- the scheme is checked above
        address, json.dumps(content, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310
        pass


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_words(error: Exception) -> str:
    """Without what a server says, which may quote an address or a secret."""
    if isinstance(error, NotSent):
        return str(error)
    code = getattr(error, "smtp_code", None) or getattr(error, "code", None)
    return type(error).__name__ + (f" {code}" if code else "")
