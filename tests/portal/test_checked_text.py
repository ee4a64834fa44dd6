"""What an officer may write: numbers of persons are refused in whatever spelling, ordinary sentences are not."""

from __future__ import annotations

import pytest

from portal.desk.checked_text import holds_number_of_person, is_evidence

pytestmark = pytest.mark.portal

OF_A_PERSON = """
    13912345678 | 电话13912345678。 | １３９１２３４５６７８ | 139 1234 5678 | 139-1234-5678 | 139.1234.5678 | +86 139 1234 5678
    0086-13912345678 | 一三九一二三四五六七八 | 139\u200b1234\u200b5678 | ٠١٣٩١٢٣٤٥٦٧٨ | 9 139 1234 5678 | 0459-6123456
    0459 612 3456 | (0459)6123456 | 6123456 | 612-3456 | 230602199001011234 | 23060219900101123X | 230602 19900101 123x
    230602900101123 | 6222021234567890123
"""
ORDINARY = """
    11月26日到现场，9起中5起在G015国道18–31公里 | 2026-11-26 08:32 到场 | 20261126 派出 | 2025-2026年同期 3 4 5 2 1 6 7
    近7日17起，预期约8.4起 | 3、5、7、9 | 由12345转来 | 占 12.5%（3/24） | 二〇二六年十一月二十六日 | 损失1,234,567元 | 2026.11.26
    第100-200号 | 弯道结冰，增设警示
"""


def cases(table: str) -> list[str]:
    return [each.strip(" ") for line in table.strip().splitlines() for each in line.split("|")]


@pytest.mark.parametrize("text", cases(OF_A_PERSON))
def test_a_number_of_a_person_is_found(text: str) -> None:
    assert holds_number_of_person(text)


@pytest.mark.parametrize("text", [*cases(ORDINARY), ""])
def test_an_ordinary_sentence_passes(text: str) -> None:
    assert not holds_number_of_person(text)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("https://oa.example.gov.cn/case/202611261234", True),
        ("http://10.0.0.5/a?b=c", True),
        ("sha256:" + "1" * 64, True),
        ("https://oa.example.gov.cn/?tel=13912345678", False),
        ("https://oa.example.gov.cn/?tel=%31%33%39%31%32%33%34%35%36%37%38", False),
        ("https://oa.example.gov.cn/23060219900101123X", False),
        ("https://name:secret@oa.example.gov.cn/", False),
        ("javascript:alert(1)", False),
        ("sha256:1234", False),
        ("file:///etc/passwd", False),
        ("见附件", False),
    ],
)
def test_evidence_is_a_link_or_a_hash(text: str, passes: bool) -> None:
    assert is_evidence(text) is passes
