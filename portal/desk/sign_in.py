"""Signing in, with a limit: after some failures of an account, or from an address, nobody gets in for a while.

A right password is refused during the lock too, or guessing could go on. The count is in the database, so all workers
share it, and it holds for every form that signs somebody in, because it stands before the check of the password.
"""

from __future__ import annotations

import logging
import math
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from portal.desk.models import SignInTry

WINDOW = timedelta(minutes=15)
# Failures within the window. An address has more, because an office may stand behind one.
LIMITS = {"account": 5, "address": 20}
log = logging.getLogger(__name__)


class SignInLocked(Exception):
    """Too many failures; `seconds` until the next try is heard."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"locked for {seconds} s")
        self.seconds = seconds


class LimitedSignIn(ModelBackend):
    """Django's check of name and password, behind the limit."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """The user, or None if name or password is wrong. Raises SignInLocked."""
        given = {"account": username, "address": _address(request) if request else None}
        subjects = {kind: _unnamed(kind, name) for kind, name in given.items() if name}
        now = timezone.now()
        SignInTry.objects.filter(at__lte=now - WINDOW).delete()
        # Counts as failed until it succeeds: of tries at the same moment, no more than the limit are heard.
        tries = SignInTry.objects.bulk_create(SignInTry(subject=subject, at=now) for subject in subjects.values())
        mine = SignInTry.objects.filter(pk__in=[each.pk for each in tries])
        locks = {kind: _seconds_locked(subject, LIMITS[kind], now) for kind, subject in subjects.items()}
        if seconds := max(locks.values(), default=0):
            mine.delete()  # a refused try does not make the lock longer
            for kind in (kind for kind, left in locks.items() if left):
                log.warning("sign-in locked: %s %s, for %d s", kind, subjects[kind][:12], locks[kind])
            raise SignInLocked(seconds)
        user: User | None = super().authenticate(request, username, password, **other)
        if user:
            mine.delete()
            SignInTry.objects.filter(subject=subjects["account"]).delete()
        return user


def _seconds_locked(subject: str, limit: int, now: datetime) -> int:
    """How long the newest try must wait: until the failure that fills the limit is out of the window. 0 if it may go on."""
    before = SignInTry.objects.filter(subject=subject).order_by("-at", "-pk").values_list("at", flat=True)
    filling = before[limit : limit + 1]
    return max((math.ceil((at + WINDOW - now).total_seconds()) for at in filling), default=0)


def _address(request: HttpRequest) -> str:
    """Whose request it is. Behind the TLS proxy all come from the proxy, which adds at the end who has asked it."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_TLS else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


def _unnamed(kind: str, name: str) -> str:
    """The same for the same account or address, and leads back to neither without the portal's key: for table and log."""
    return salted_hmac(f"sign-in {kind}", name, algorithm="sha256").hexdigest()
