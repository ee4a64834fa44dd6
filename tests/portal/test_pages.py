"""What the pages say: lists, card, funnel, languages, headers; with five thousand flags too."""

from __future__ import annotations

import gettext
import re
from ast import literal_eval
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.portal.conftest import CITY_AREA, COUNTY, DAY, OTHER, flag

if TYPE_CHECKING:
    from django.test import Client

    from portal.desk.models import Officer

pytestmark = pytest.mark.portal
PORTAL = Path(__file__).parents[2] / "portal"
A, B = (f"{n:016x}" for n in (1, 2))
HAN = re.compile(r"[\u3400-\u9fff，。、；：（）]")
Make, Browse = Callable[..., "Officer"], Callable[..., "Client"]


def text_of(answer: object) -> str:
    return answer.content.decode()  # type: ignore[attr-defined]


def step(client: Client, flag_id: str, target: str, reason: str, seen: int, **other: str) -> int:
    form = {"target": target, "reason_code": reason, "seen_steps": str(seen), "text": "到现场", **other}
    return client.post(f"/flags/{flag_id}/", form).status_code


def ids(page: str) -> list[str]:
    listed = page.split('<ul class="list">')[1].split("</ul>")[0]
    return re.findall(r'href="/flags/([0-9a-f]{16})/"', listed)


def test_each_list_has_its_own(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    from django.utils import timezone

    from portal.desk.models import Case

    publish([flag(1), flag(2, colour="red"), flag(3, colour="grey"), flag(4)])
    client = browser(officer("reviewer", CITY_AREA, "chief"))
    assert ids(text_of(client.get("/flags/"))) == [f"{n:016x}" for n in (2, 1, 4, 3)]  # most urgent first
    assert step(client, A, "assigned", "first_look", 1, assignee="chief") == 302
    assert step(client, A, "verified", "on_site", 2) == 302
    assert step(client, A, "cleared", "chance", 3) == 302
    assert step(client, f"{4:016x}", "assigned", "first_look", 1, assignee="chief") == 302
    Case.objects.filter(pk=B).update(due_at=timezone.now() - timedelta(days=2, hours=1))
    found = {tab: ids(text_of(client.get(f"/flags/?tab={tab}"))) for tab in ("open", "mine", "overdue", "closed")}
    assert found == {"open": [B, f"{4:016x}", f"{3:016x}"], "mine": [f"{4:016x}"], "overdue": [B], "closed": [A]}
    page = text_of(client.get("/flags/"))
    assert re.findall(r'tab=\w+"[^>]*>(\S+) (\d+)</a>', page) == [
        ("未结", "3"),
        ("我的", "1"),
        ("超时", "1"),
        ("已结", "1"),
    ]
    assert "超时 2 天" in page
    assert client.get("/flags/?tab=nonsense").status_code == 404


def test_five_thousand_flags(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from portal.desk.models import Case, Step
    from portal.desk.taking import take_release

    publish([flag(1)])
    take_release(timezone.now())
    (first,) = Case.objects.all()
    made = []
    for n in range(2, 5001):
        first.pk = f"{n:016x}"
        made.append(Case(**{f.attname: getattr(first, f.attname) for f in Case._meta.concrete_fields}))
    Case.objects.bulk_create(made)
    Step.objects.bulk_create(
        [Step(case=case, number=1, at=case.raised_at, to_state="raised", reason_code="signal") for case in made]
    )
    client = browser(officer("reviewer"))
    for address, n in {
        "/flags/": 50,
        "/flags/?page=100": 50,
        "/flags/?page=9999": 50,
        f"/flags/?q={4999:016x}": 1,
    }.items():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(ids(text_of(client.get(address)))) == n
        assert len(queries) < 16, "the number of queries does not grow with that of flags"
    assert "1 / 100" in text_of(client.get("/flags/"))
    assert "<td>5000</td>" in text_of(client.get("/funnel/"))


def test_the_card_draws_what_was_released(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1), flag(2, rule_code="F8", indicator_id=None, indicator_name_zh=None, indicator_name_en=None),
             flag(3, rule_code="F9", indicator_id=None, indicator_name_zh=None, indicator_name_en=None, feed_code="hotline")])  # fmt: skip
    client = browser(officer("viewer"))
    page = text_of(client.get(f"/flags/{A}/"))
    series, peers = (ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.S))  # noqa: S314
    bars = series.findall("rect")
    assert len(bars) == 26
    heights = [float(bar.get("height") or 0) for bar in bars]
    assert heights[-1] / heights[0] == pytest.approx(9 / 3, rel=0.01)
    limit = float(next(line.get("y1") for line in series.findall("line") if line.get("class") == "limit") or 0)
    assert (128 - limit) / heights[-1] == pytest.approx(7 / 9, rel=0.01)
    assert [bar.get("class") for bar in bars].count("hit") == 1 and bars[-1].get("class") == "hit"
    assert [title.text for title in peers.iter("title")] == ["林甸县 3.5", "萨尔图区 2.5"]
    assert "热线工单" in page and "同县区两周内另有未结提示 2 条" in page
    assert '<form class="step"' not in page  # a viewer
    assert text_of(client.get(f"/flags/{B}/")).count("<svg") == 1  # index of the counties; no trend yet
    assert "<svg" not in text_of(client.get(f"/flags/{3:016x}/"))


def test_what_was_merged_stands_on_the_card_of_the_other(
    publish: Callable[..., None], officer: Make, browser: Browse
) -> None:
    publish([flag(1), flag(2, rule_code="F3")])
    client = browser(officer("reviewer"))
    client.get("/flags/")
    assert step(client, A, "merged", "same_cause", 1, merged_into=B) == 302
    assert re.search(rf'并入本条.*href="/flags/{A}/"', text_of(client.get(f"/flags/{B}/")))
    assert "并入本条" not in text_of(client.get(f"/flags/{A}/"))


def test_flags_of_one_cause_name_each_other(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1, cause_id=B), flag(2, rule_code="F3", cause_id=B), flag(3, rule_code="F2", cause_id=f"{3:016x}")])
    client = browser(officer("reviewer"))
    client.get("/flags/")
    first, second, third = (text_of(client.get(f"/flags/{n:016x}/")) for n in (1, 2, 3))
    assert (
        re.search(rf'或为同一起因.*href="/flags/{B}/"', first)
        and f'name="merged_into" maxlength="32" value="{B}"' in first
    )
    assert re.search(rf'或为同一起因.*href="/flags/{A}/"', second)
    assert "或为同一起因" not in third and 'name="merged_into" maxlength="32" value=""' in third


def test_peers_of_a_county_have_no_names(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1)])
    page = text_of(browser(officer("viewer", COUNTY)).get(f"/flags/{A}/"))
    assert page.count("<circle") == 2 and "萨尔图区 2.5" in page and "林甸" not in page


def test_what_was_refused_stays_in_the_form(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1)])
    client = browser(officer("reviewer", CITY_AREA, "chief"))
    client.get("/flags/")
    assert step(client, A, "assigned", "first_look", 1, assignee="chief") == 302
    form = {"target": "verified", "reason_code": "by_records", "seen_steps": "2", "text": "联系13912345678<b>"}
    answer = client.post(f"/flags/{A}/", form)
    page = text_of(answer)
    assert answer.status_code == 422
    assert "电话号码或证件号码" in page and 'aria-invalid="true"' in page
    assert 'value="联系13912345678&lt;b&gt;"' in page
    assert '<option value="by_records" selected>' in page


def test_of_a_file_only_the_hash_is_kept(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    from hashlib import sha256

    from django.core.files.uploadedfile import SimpleUploadedFile

    from portal.desk.models import Step

    publish([flag(1)])
    client = browser(officer("reviewer", CITY_AREA, "chief"))
    client.get("/flags/")
    step(client, A, "assigned", "first_look", 1, assignee="chief", file=SimpleUploadedFile("a.pdf", b"of a person"))
    assert Step.objects.latest("number").evidence == f"sha256:{sha256(b'of a person').hexdigest()}"


def test_english_pages_have_no_chinese(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    """Every page, every state of a card, every refusal that a form can meet."""
    publish(
        [
            flag(1, colour="red"),
            flag(2),
            flag(3, rule_code="F9", indicator_id=None, feed_code="hotline"),
            flag(4, OTHER),
        ]
    )
    client, other = browser(officer("reviewer", CITY_AREA, "chief")), browser(officer("reviewer", CITY_AREA, "second"))
    for each in (client, other):
        each.post("/language/", {"language": "en", "next": "/flags/"})
    pages = [text_of(client.get(each)) for each in ("/flags/", "/flags/?tab=closed", "/flags/?q=none", "/password/")]
    pages += [text_of(client.get(f"/flags/{n:016x}/")) for n in (1, 2, 3, 4)]
    pages += [text_of(client.get("/flags/none/"))]
    for seen, (target, reason, by) in enumerate(
        [("assigned", "first_look", client), ("verified", "on_site", client), ("confirmed", "real_rise", other)], 1
    ):
        words = {"assignee": "chief", "text": "seen", "evidence": "https://x.example/1"}
        wrong = {"text": "13912345678"} if seen == 2 else {"evidence": "x"} if seen == 3 else {"assignee": ""}
        for given in ({**words, "seen_steps": "9"}, {**words, **wrong}, {**words, "reason_code": "x"}):
            pages.append(
                text_of(by.post(f"/flags/{A}/", {"target": target, "reason_code": reason, "seen_steps": seen, **given}))
            )
        pages.append(text_of(client.post(f"/flags/{A}/", {"target": "expired", "seen_steps": seen, **words})))
        assert step(by, A, target, reason, seen, **words) == 302
        pages += [text_of(client.get(f"/flags/{A}/"))]
    pages += [text_of(client.get("/funnel/")), text_of(client.get("/flags/?tab=closed"))]
    for page in pages:
        said = page.replace(">中文</button>", "")
        assert not HAN.search(said), HAN.search(said) and said[HAN.search(said).start() - 200 :][:260]  # type: ignore[union-attr]
        assert '<html lang="en">' in page


def test_every_text_of_the_code_has_its_english() -> None:
    """Also those that no test meets; the compiled file says what its source says."""
    texts = set()
    for path in [*PORTAL.rglob("*.py"), *PORTAL.rglob("*.html")]:
        source = path.read_text(encoding="utf-8")
        texts |= set(re.findall(r'\b(?:_|gettext_lazy)\(\s*"([^"]+)"', source))
        texts |= {text.replace("%", "%%") for text in re.findall(r"{% translate [\"']([^\"']+)[\"']", source)}
        blocks = re.findall(r"{% blocktranslate.*?%}(.*?){% endblocktranslate", source)
        texts |= {re.sub(r"{{ (\w+) }}", r"%(\1)s", text) for text in blocks}
    folder = PORTAL / "locale" / "en" / "LC_MESSAGES"
    written = re.findall(r"^msgid (.+)\nmsgstr (.+)$", (folder / "django.po").read_text(encoding="utf-8"), re.M)
    english = {literal_eval(text): literal_eval(said) for text, said in written if text != '""'}
    with (folder / "django.mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    compiled.pop("")
    assert compiled == english
    assert texts == english.keys()
    assert not [said for said in english.values() if HAN.search(said)]


def test_nothing_of_a_page_comes_from_elsewhere(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1)])
    client = browser(officer("reviewer"))
    for address in ("/flags/", f"/flags/{A}/", "/funnel/", "/password/", "/no-such/"):
        answer = client.get(address)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert (answer["X-Content-Type-Options"], answer["Referrer-Policy"]) == ("nosniff", "same-origin")
        page = text_of(answer)
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|(src|href)=\"(https?:)?//", page), address
    assert client.get("/static/desk/desk.css").status_code == 200
    assert "no-store" in client.get("/flags/")["Cache-Control"]


def test_a_release_that_is_out_of_date_is_said(
    publish: Callable[..., None], mart: str, officer: Make, browser: Browse
) -> None:
    import psycopg

    publish([flag(1)])
    with psycopg.connect(mart) as connection:
        connection.execute(
            "update mart_demo.release_info set is_stale = true, stale_since = %s, stale_reason_zh = '发布未通过', stale_reason_en = 'a gate'",
            (DAY,),
        )
    assert "起未能更新：发布未通过" in text_of(browser(officer("viewer")).get("/flags/"))


def test_chinese_until_the_reader_chooses(publish: Callable[..., None], officer: Make, browser: Browse) -> None:
    publish([flag(1)])
    client = browser(officer("viewer"))
    assert "未结" in text_of(client.get("/flags/", headers={"accept-language": "en"}))
    client.post("/language/", {"language": "en", "next": "/flags/"})
    assert "Overdue" in text_of(client.get("/flags/", headers={"accept-language": "zh-CN"}))
    client.cookies["portal_language"] = "tlh"
    assert "未结" in text_of(client.get("/flags/"))
