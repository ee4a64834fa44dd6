"""Holidays, worked weekends and eves as the yearly notices say; a library is held against them and never asked."""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.city_faults import city_remarks
from expectations.contract import ROOT, load_city, load_day_types
from expectations.holiday_notices import KNOWN_AHEAD, DayTypes, HolidayNotice
from expectations.located_yaml import ContractError, load

pytestmark = pytest.mark.unit
CHINA = load_day_types()["china"]
SUPERSET = ROOT.parent / ".venv" / "superset" / "bin" / "python"  # its lock happens to hold the library `holidays`
ASKED = """
import json
from holidays import China
days = China(years={years})
print(json.dumps([[str(day) for day in days], [str(day) for day in days.weekend_workdays]]))
"""


@pytest.mark.parametrize(
    ("day", "type_", "is_eve"),
    [
        (date(2026, 2, 13), "workday", False),
        (date(2026, 2, 14), "make_up_workday", True),  # a Saturday that is worked before the festival
        (date(2026, 2, 15), "holiday", False),
        (date(2026, 2, 23), "holiday", False),
        (date(2026, 2, 24), "workday", False),
        (date(2026, 2, 28), "make_up_workday", False),
        (date(2026, 9, 20), "make_up_workday", False),
        (date(2026, 9, 30), "workday", True),
        (date(2026, 10, 11), "weekend", False),
        (date(2022, 12, 31), "holiday", False),  # by the notice of 2023
        (date(2024, 6, 7), "workday", True),  # Friday: the weekend runs into the holiday
        (date(2024, 6, 8), "weekend", False),
        (date(2020, 12, 31), None, False),
        (date(2027, 1, 1), None, False),  # certainly a holiday, and not known here
    ],
)
def test_a_day_is_what_the_notice_says(day: date, type_: str | None, is_eve: bool) -> None:
    assert (CHINA.of(day), CHINA.is_eve(day)) == (type_, is_eve)


def test_every_year_has_as_many_days_off_as_its_notice_counts() -> None:
    found = {notice.year: len(notice.holidays) for notice in CHINA.notices if notice.year <= 2026}
    assert found == {2021: 31, 2022: 31, 2023: 27, 2024: 28, 2025: 28, 2026: 33}


def test_a_library_says_the_same_of_the_years_that_it_knows() -> None:
    """It invents nothing here: of a year without a notice it gives holidays and leaves out the worked weekends."""
    if not SUPERSET.exists() or subprocess.run([SUPERSET, "-c", "import holidays"], capture_output=True).returncode:
        pytest.skip("the library `holidays` is not installed beside us, and nothing needs it")
    years = [notice.year for notice in CHINA.notices]
    told = subprocess.run([SUPERSET, "-c", ASKED.format(years=years)], capture_output=True, check=True, text=True)
    off, worked = (set(map(date.fromisoformat, days)) for days in json.loads(told.stdout))
    own = [CHINA.first_day + n * timedelta(days=1) for n in range((CHINA.last_day - CHINA.first_day).days + 1)]
    worked = {day for day in worked if CHINA.first_day <= day}  # it gives those of all years
    assert worked == {day for day in own if CHINA.of(day) == "make_up_workday"}
    assert {day for day in off if CHINA.of(day) != "holiday"} == set()
    assert {day for day in own if CHINA.of(day) == "holiday" and day.weekday() < 5} <= off


@pytest.mark.parametrize(("days", "warns"), [(0, False), (1, True)])
def test_check_warns_when_the_calendar_ends_within_sixty_days(days: int, warns: bool) -> None:
    today = CHINA.last_day - KNOWN_AHEAD + timedelta(days=days)
    remarks = [remark for remark in city_remarks(load_city("daqing"), today) if "calendar" in remark]
    assert bool(remarks) == warns
    assert all(str(CHINA.last_day) in each and "expectations/day_types/china.yml" in each for each in remarks)
    assert not [each for each in city_remarks(load_city("pittsburgh"), today) if "calendar" in each]  # it has none


@pytest.mark.bad_input
@pytest.mark.parametrize("notices", [CHINA.notices[:1] + CHINA.notices[2:], CHINA.notices[::-1], CHINA.notices[:1] * 2])
def test_years_follow_each_other(notices: tuple[HolidayNotice, ...]) -> None:
    with pytest.raises(ValidationError, match="one notice a year, in order and without a gap"):
        DayTypes(name=CHINA.name, source=CHINA.source, notices=notices)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("[2026-02-15, 2026-02-23]", "[2026-02-23, 2026-02-15]", "from a first day to a last one in 2026"),
        ("[2026-02-15, 2026-02-23]", "[2025-02-15, 2025-02-23]", "from a first day to a last one in 2026"),
        ("2026-02-28, 2026-05-09", "2026-02-27, 2026-05-09", "worked Saturdays and Sundays for holidays of 2026"),
        ("2026-02-28, 2026-05-09", "2026-02-22, 2026-05-09", "worked Saturdays and Sundays for holidays of 2026"),
        ("2026-02-28, 2026-05-09", "2027-02-27, 2026-05-09", "worked Saturdays and Sundays for holidays of 2026"),
        ("2026-02-28, 2026-05-09", "2026-02-30, 2026-05-09", "no day"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    text = (ROOT / "day_types" / "china.yml").read_text(encoding="utf-8")
    assert right in text
    file = tmp_path / "country.yml"
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(ContractError, match=expected) as refused:
        load(file, DayTypes)
    assert str(file) in str(refused.value)
