"""Signing in is locked for a while after failures of an account or from an address; others go on."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from tests.portal.conftest import CITY_AREA, COUNTY, PASSWORD

if TYPE_CHECKING:
    from django.http import HttpResponse

    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
HERE, THERE = "10.0.0.7", "10.0.0.8"
FORMS = ("/login/", "/admin/login/")


def sign_in(name: str, password: str = PASSWORD, form: str = FORMS[0], **asked: str) -> HttpResponse:
    from django.test import Client

    return Client().post(form, {"username": name, "password": password}, **({"REMOTE_ADDR": HERE} | asked))


@pytest.fixture
def people(officer: Callable[..., Officer]) -> None:
    officer("reviewer", COUNTY, "wang.li")
    officer("reviewer", CITY_AREA, "zhao.min")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time go by."""
    from django.utils import timezone

    now = timezone.now()
    return lambda gone: monkeypatch.setattr("portal.desk.sign_in.timezone.now", lambda: now + gone)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("name", ["wang.li", "nobody.of.that.name"])
def test_an_account_is_locked_and_others_go_on(
    name: str, later: Callable[[timedelta], None], caplog: pytest.LogCaptureFixture
) -> None:
    """An account that does not exist is locked like any other: the answers tell nobody which names there are."""
    from portal.desk.sign_in import LIMITS, WINDOW

    later(timedelta())
    forms = cycle(FORMS)
    for n in range(LIMITS["account"]):
        assert sign_in(name, "wrong", next(forms), REMOTE_ADDR=f"10.0.1.{n}").status_code == 200
    assert caplog.records == []
    later(WINDOW / 3)
    for form in FORMS:
        for password in (PASSWORD, "wrong"):
            answer = sign_in(name, password, form, REMOTE_ADDR=THERE)
            assert (answer.status_code, answer["Retry-After"]) == (429, "600")
            page = answer.content.decode()
            assert "请 10 分钟后再试" in page and "try again in 10 min" in page
    assert sign_in("zhao.min").status_code == sign_in("zhao.min", REMOTE_ADDR=THERE).status_code == 302
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("sign-in locked: account" in line for line in said) == 4
    assert not re.search(rf"{name}|zhao\.min|10\.0\.", "\n".join(said))
    later(WINDOW)
    assert sign_in(name).status_code == (302 if name == "wang.li" else 200)


@pytest.mark.usefixtures("people")
def test_an_address_is_locked_and_others_go_on(
    later: Callable[[timedelta], None], caplog: pytest.LogCaptureFixture
) -> None:
    from portal.desk.sign_in import LIMITS, WINDOW

    later(timedelta())
    for n in range(LIMITS["address"]):
        assert sign_in(f"guess{n}", "wrong").status_code == 200
    assert sign_in("wang.li").status_code == 429
    assert "sign-in locked: address" in caplog.text and HERE not in caplog.text
    assert sign_in("wang.li", REMOTE_ADDR=THERE).status_code == 302
    later(WINDOW)
    assert sign_in("wang.li").status_code == 302


@pytest.mark.usefixtures("people")
def test_a_success_forgives_the_account_and_not_the_address() -> None:
    from portal.desk.sign_in import LIMITS

    for n in range(LIMITS["address"]):  # one's own password does not buy guesses at those of others
        name = "wang.li" if n < 4 else f"guess{n}"
        assert sign_in(name, "wrong").status_code == 200
        if n == 3:
            assert sign_in("wang.li").status_code == 302
    assert sign_in("wang.li").status_code == 429
    for _ in range(LIMITS["account"] - 1):
        assert sign_in("wang.li", "wrong", REMOTE_ADDR=THERE).status_code == 200
    assert sign_in("wang.li", REMOTE_ADDR=THERE).status_code == 302


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("behind", [False, True])
def test_behind_the_proxy_the_address_is_the_one_that_it_saw(behind: bool) -> None:
    """What a caller writes before it, or without a proxy, makes no address of its own."""
    from django.conf import settings
    from django.test import override_settings

    from portal.desk.sign_in import LIMITS

    assert settings.BEHIND_TLS is False
    with override_settings(BEHIND_TLS=behind):
        for n in range(LIMITS["address"]):
            sign_in(f"guess{n}", "wrong", HTTP_X_FORWARDED_FOR=f"10.9.9.{n}, {HERE}", REMOTE_ADDR="127.0.0.1")
        same = sign_in("wang.li", HTTP_X_FORWARDED_FOR=f"10.9.9.200, {HERE}", REMOTE_ADDR="127.0.0.1")
        other = sign_in("wang.li", HTTP_X_FORWARDED_FOR=f"{HERE}, {THERE}", REMOTE_ADDR="127.0.0.1")
    assert (same.status_code, other.status_code) == (429, 302 if behind else 429)


@pytest.mark.usefixtures("people")
def test_what_is_kept_names_nobody_and_goes(later: Callable[[timedelta], None]) -> None:
    from portal.desk.models import SignInTry
    from portal.desk.sign_in import WINDOW

    later(timedelta())
    sign_in("wang.li", "wrong")
    kept = list(SignInTry.objects.values_list("subject", flat=True))
    assert len(kept) == 2 and all(re.fullmatch("[0-9a-f]{64}", subject) for subject in kept)
    later(WINDOW)
    sign_in("zhao.min")
    assert SignInTry.objects.count() == 0
