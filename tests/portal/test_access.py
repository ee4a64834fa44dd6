"""Who reaches what, through HTTP: every role and area, every address, every verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.portal.conftest import CITY_AREA, COUNTY, OTHER, PASSWORD, flag

if TYPE_CHECKING:
    from django.test import Client

    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
OWN, THEIRS, OF_CITY = (f"{n:016x}" for n in (1, 2, 3))
VERBS = ("get", "head", "options", "post", "put", "patch", "delete")
STEP = {"target": "assigned", "reason_code": "first_look", "assignee": "chief", "seen_steps": "1"}
PAGES = ("/flags/", f"/flags/{OWN}/", "/funnel/")


@pytest.fixture
def world(publish: Callable[..., None], officer: Callable[..., Officer]) -> None:
    publish([flag(1), flag(2, OTHER), flag(3, CITY_AREA)])
    officer("reviewer", CITY_AREA, "chief")


def verbs(client: Client, address: str, form: dict[str, str]) -> dict[str, int]:
    """Status by verb; the POST comes last, because it may change what the others see."""
    asked = sorted(VERBS, key=lambda verb: verb == "post")
    return {
        verb: getattr(client, verb)(address, **({"data": form} if verb == "post" else {})).status_code for verb in asked
    }


@pytest.mark.parametrize("area_code", [COUNTY, CITY_AREA])
@pytest.mark.parametrize("role", ["viewer", "duty_officer", "reviewer"])
def test_each_role_by_each_verb(
    world: None, officer: Callable[..., Officer], browser: Callable[..., Client], role: str, area_code: str
) -> None:
    from portal.desk.models import Step

    client = browser(officer(role, area_code))
    client.get("/flags/")
    before = Step.objects.count()
    acts = role != "viewer"
    reads = {"get": 200, "head": 200}
    refused = dict.fromkeys(("options", "put", "patch", "delete"), 405)
    assert verbs(client, "/flags/", STEP) == {**reads, **refused, "post": 405}
    assert verbs(client, "/funnel/", STEP) == {**reads, **refused, "post": 405}
    assert verbs(client, f"/flags/{OWN}/", STEP) == {**reads, **refused, "post": 302 if acts else 403}
    elsewhere = {**reads, **refused, "post": 302 if acts else 403}
    if area_code == COUNTY:  # neither read nor written, nor told from what does not exist
        elsewhere = {**dict.fromkeys(VERBS, 404), **refused}
        client.get("/flags/")  # says what was recorded, once
        nothing = client.get("/flags/ffffffffffffffff/").content.replace(b"f" * 16, THEIRS.encode())
        assert _without_tokens(client.get(f"/flags/{THEIRS}/").content) == _without_tokens(nothing)
    for other in (THEIRS, OF_CITY):
        assert verbs(client, f"/flags/{other}/", STEP) == elsewhere
    written = sum(acts and (area_code == CITY_AREA or own) for own in (True, False, False))
    assert Step.objects.count() == before + written


def _without_tokens(page: bytes) -> list[bytes]:
    return [line for line in page.splitlines() if b"csrfmiddlewaretoken" not in line]


def test_a_county_sees_nothing_of_another(
    world: None, officer: Callable[..., Officer], browser: Callable[..., Client]
) -> None:
    client = browser(officer("reviewer", COUNTY))
    for address in (*PAGES, "/flags/?tab=closed", "/flags/?q=林甸", "/flags/?q=F1", f"/flags/?q={THEIRS}"):
        page = client.get(address).content.decode()
        found = page.replace('value="林甸"', "").replace(f'value="{THEIRS}"', "").replace(f"q={THEIRS}", "")
        found = found.replace("q=%E6%9E%97%E7%94%B8", "")
        assert "林甸" not in found and THEIRS not in found and OF_CITY not in found, address
    assert "<td>1</td><td>0</td>" in client.get("/funnel/").content.decode()  # one flag of three
    into_theirs = {**STEP, "target": "merged", "reason_code": "same_cause", "text": "一事", "merged_into": THEIRS}
    assert client.post(f"/flags/{OWN}/", into_theirs).status_code == 422


def test_a_stranger_is_led_to_the_login(world: None) -> None:
    from django.test import Client

    for address in (*PAGES, f"/flags/{THEIRS}/", "/", "/admin/", "/password/"):
        for verb in VERBS:
            answer = getattr(Client(), verb)(address)
            assert answer.status_code == 302 and "/login/?next=" in answer["Location"], (address, verb)
    assert Client().get("/no-such/").status_code == 404


@pytest.mark.parametrize("role", [None, "viewer"])
def test_an_account_without_role_or_area_sees_nothing(
    world: None, officer: Callable[..., Officer], browser: Callable[..., Client], role: str | None
) -> None:
    someone = officer(role, CITY_AREA, "someone")
    if role:
        client = browser(someone)
        someone.delete()
    else:
        client = browser(someone)
    for address in PAGES:
        answer = client.get(address)
        assert answer.status_code == 403 and "萨尔图" not in answer.content.decode()


def test_who_is_made_inactive_is_out_at_once(
    world: None, officer: Callable[..., Officer], browser: Callable[..., Client]
) -> None:
    from django.contrib.auth.models import User

    client = browser(officer("reviewer", CITY_AREA, "leaver"))
    User.objects.filter(username="leaver").update(is_active=False)
    assert client.get("/flags/").status_code == 302


def test_a_form_without_its_token_is_refused(world: None, officer: Callable[..., Officer]) -> None:
    from django.test import Client

    from portal.desk.models import Step

    client = Client(enforce_csrf_checks=True)
    someone = officer("reviewer", COUNTY)
    assert client.post("/login/", {"username": someone.user.username, "password": PASSWORD}).status_code == 403
    client.force_login(someone.user)
    client.get("/flags/")
    before = Step.objects.count()
    assert client.post(f"/flags/{OWN}/", STEP).status_code == 403
    assert Step.objects.count() == before


def test_accounts_are_for_the_administrator_only(
    world: None, officer: Callable[..., Officer], browser: Callable[..., Client]
) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    assert browser(officer("reviewer", CITY_AREA)).get("/admin/auth/user/").status_code == 302
    User.objects.create_superuser("root", password=PASSWORD)
    client = Client()
    client.login(username="root", password=PASSWORD)
    assert client.get("/admin/auth/user/").status_code == 200
    page = client.get(f"/admin/auth/user/{User.objects.get(username='chief').pk}/change/").content.decode()
    assert f'value="{CITY_AREA}" selected' in page and "林甸县" in page
    assert client.get("/admin/desk/step/").status_code == 404
    assert client.get("/flags/").status_code == 403
