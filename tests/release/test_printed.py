"""The printed release: A4, numbered, fonts embedded, the short form on one page, and nothing of the release altered."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from spark_jobs.errors import EnvironmentFault, UsageError
from spark_jobs.release import files
from spark_jobs.release.model import Release
from spark_jobs.release.pages import printed
from spark_jobs.release.verify import verify
from tests.release.test_files import put


@pytest.mark.browser
def test_a_release_is_printed_on_a4_with_its_fonts_and_the_short_form_on_one_page(
    release: Release, tmp_path: Path
) -> None:
    written = put(tmp_path / "demo", release)
    folder = printed.print_release(tmp_path / "demo", None)
    assert folder == tmp_path / "demo" / "print" / release.release_id
    assert {path.name for path in folder.iterdir()} == {
        f"{n}.{code}.pdf" for n in ("bulletin", "brief") for code in ("zh", "en")
    }
    for path in folder.iterdir():
        content = path.read_bytes()
        assert content.startswith(b"%PDF-")
        boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
        assert boxes
        for wide, high in boxes:
            assert (float(wide), float(high)) == pytest.approx((595.3, 841.9), abs=1.5)  # whole pixels
        n_pages = len(re.findall(rb"/Type /Page\b", content))
        assert n_pages == 1 if path.name.startswith("brief") else n_pages > 1
        fonts = Counter(re.findall(rb"/Subtype /(Type0|Type1|Type3|TrueType|CIDFontType\d)\b", content))
        drawn = len(re.findall(rb"/CharProcs\b", content))  # glyphs of a Type 3 font stand in the file itself
        assert fonts[b"Type3"] == drawn
        assert fonts[b"CIDFontType0"] + fonts[b"CIDFontType2"] == len(re.findall(rb"/FontFile[23]? ", content))
        assert fonts[b"Type1"] + fonts[b"TrueType"] == 0 < sum(fonts.values())
    assert verify(written) == []
    month = tmp_path / "public" / "monthly" / "2026-12"
    month.mkdir(parents=True)
    for name in ("bulletin", "year"):
        (month / f"{name}.en.html").write_bytes((written / "bulletin.en.html").read_bytes())
    folder = printed.print_month(tmp_path / "demo", tmp_path / "public", date(2026, 12, 1))
    assert {path.name: path.read_bytes()[:5] for path in folder.iterdir()} == {
        f"{name}.en.pdf": b"%PDF-" for name in ("bulletin", "year")
    }


@pytest.mark.unit
def test_what_cannot_be_printed_is_named(release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="none published"):
        printed.print_release(tmp_path / "demo", None)
    put(tmp_path / "demo", release)
    with pytest.raises(UsageError, match="20200101-0123456789"):
        printed.print_release(tmp_path / "demo", "20200101-0123456789")
    with pytest.raises(UsageError, match="bulletin of 2026-10"):
        printed.print_month(tmp_path / "demo", tmp_path / "public", date(2026, 10, 1))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault, match="no Chromium"):
        printed.print_release(tmp_path / "demo", None)
    assert not (tmp_path / "demo" / printed.FOLDER).exists()
    assert files.read_latest(tmp_path / "demo")
