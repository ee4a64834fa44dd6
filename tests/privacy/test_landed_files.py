"""Values in landed files: found in whatever spelling; what cannot be searched goes; everything else keeps its bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from expectations.normal_form import IGNORABLE
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.connection import Connection
from spark_jobs.feeds.decoding import FILE, decode
from spark_jobs.feeds.landing import Landing
from spark_jobs.feeds.privacy.landed import neutral_names, rename, take_out
from spark_jobs.feeds.privacy.spellings import UNSEEN, in_text
from spark_jobs.feeds.pseudonym import Pseudonymiser
from spark_jobs.feeds.sources import files
from spark_jobs.feeds.sources.pull import Pull
from tests.bad_input import cases

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
PHONE, NAME, QUOTED = "15412345678", "王测样", 'a"b-c/d'
DAY = date(2026, 2, 10)
SPELT = {
    "as it is": PHONE,
    "a zero-width space inside": "154\u200b12345678",
    "two of them, and a mark of direction": "1\u200b\u200b5412345\u202d678",
    "a tag beyond the first plane": "15412345\U000e0041678",
    "full width": "１５４１２３４５６７８",
    "some of it in full width": "154１２３45678",
    "digits of mathematics": "𝟏5412345678",
    "escaped by JSON": "154\\u200b1234567\\u0038",
    "a name": NAME,
    "a name with a soft hyphen": "王\u00ad测样",
    "a compatibility ideograph": "王\ufe00测样",
    "a name escaped by JSON": "\\u738B\\u6d4b\\u6837",
    "a name with a tag escaped": "王\\uDB40\\udd00测样",
    "a quotation in JSON": json.dumps(QUOTED)[1:-1],
    "a quotation with a solidus escaped": 'a\\"b-c\\/d',
    "another dash": 'a"b–c/d',
}
OTHERS = ("154 12345678", "15412345679", "1541234567", "王样测", "王、测样", "")


@pytest.mark.parametrize("text", SPELT.values(), ids=SPELT.keys())
def test_a_value_is_found_in_whatever_spelling(text: str) -> None:
    content = f"id,{text},东县"
    (match,) = [match for found in in_text([PHONE, NAME, QUOTED], content) for match in found.finditer(content)]
    assert match.group() == text


@pytest.mark.parametrize("text", OTHERS)
def test_another_value_is_none_of_them(text: str) -> None:
    assert not any(found.search(f"id,{text},东县") for found in in_text([PHONE, NAME, QUOTED], text))


def test_every_character_that_nobody_sees_is_known_escaped() -> None:
    ignored, escaped = re.compile(f"[{IGNORABLE}]"), re.compile(UNSEEN)
    for character in (chr(code) for code in (*range(0xD800), *range(0xE000, 0x110000))):
        written = json.dumps(character)[1:-1]
        assert bool(ignored.match(character)) == bool(escaped.fullmatch(written)), written


def text(*words: str) -> bytes:
    return "\n".join(
        [",".join(cases.HEADER), *(f"c1,9901,2026-01-31,刑事,0,2026-02-01,{word}" for word in words)]
    ).encode()


def zipped(content: bytes, name: str = "cases.csv", packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    return cases.zip_of({name: content}, packed)


def parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pa_parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def changed(content: bytes, at: bytes, by: int, to: int) -> bytes:
    """A zip whose headers say something else, `by` bytes behind their mark."""
    place = content.index(at) + by
    return content[:place] + bytes([to]) + content[place + 1 :]


def of_method(method: int) -> bytes:
    return changed(changed(zipped(text("x")), b"PK\x01\x02", 10, method), b"PK\x03\x04", 8, method)


def encrypted() -> bytes:
    return changed(changed(zipped(text("x")), b"PK\x01\x02", 8, 1), b"PK\x03\x04", 6, 1)


UNSEARCHABLE: dict[str, Callable[[], bytes]] = {
    "a gzip that is cut off": lambda: gzip.compress(text("x") * 100)[:-20],
    "a gzip that is damaged": lambda: gzip.compress(text("x"))[:10] + b"\xff" * 30,
    "a gzip bomb": lambda: gzip.compress(bytes(40 << 20)),
    "a zip that is cut off": lambda: zipped(text("x") * 100)[:-30],
    "a zip with a bomb inside": lambda: zipped(bytes(40 << 20)),
    "a zip with Deflate64": lambda: of_method(9),
    "a zip that is encrypted": encrypted,
    "a zip bomb of many members": lambda: cases.zip_of({f"{n}.csv": bytes(1 << 20) for n in range(50)}),
    "archives in archives": lambda: gzip.compress(gzip.compress(gzip.compress(gzip.compress(text("x"))))),
    "Parquet of millions of rows in a few bytes": lambda: parquet({"name": pa.nulls(2_000_000, pa.string())}),
    "Parquet that is cut off": lambda: b"PAR1" + bytes(100),
    "an old workbook": lambda: b"\xd0\xcf\x11\xe0" + bytes(100),
    "a PDF": lambda: b"%PDF-1.7" + bytes(100),
}
UNTOUCHED: dict[str, bytes] = {
    "text": text("李演练", "154 12345678"),
    "text in no encoding": b"\xff\xfe\x00,\x81\n",
    "gzip": gzip.compress(text("李演练")),
    "a zip": zipped(text("李演练")),
    "a zip in a zip": zipped(zipped(text("李演练")), "inner.zip"),
    "a zip without members": b"PK\x05\x06" + bytes(18),
    "Parquet of a text that many rows share": parquet(
        {"name": pa.DictionaryArray.from_arrays(pa.array([0] * 900_000, pa.int32()), pa.array(["李演练" * 3_000]))}
    ),
    "nothing": b"",
}
HOLDING: dict[str, bytes] = {
    "a zip that holds the value": zipped(text("154\u200b12345678")),
    "a zip in a zip that holds the value": zipped(zipped(text(PHONE)), "inner.zip"),
    "a gzip in a zip that holds the value": zipped(gzip.compress(text(PHONE))),
    "a Parquet file that holds the value": parquet(
        {"name": ["李演练", None, "154\u200b12345678"], "more.of": [["a"], ["b"], None]}
    ),
    "a zip whose member is named so": zipped(text("x"), f"cases-{NAME}.csv"),
}


def erased(tmp_path: Path, content: bytes, encoding: str = "utf-8") -> bytes | None:
    """What is left of a landed file after an erasure; the manifest agrees."""
    feed, landing = cases.feed(encoding=encoding), Landing(tmp_path)
    with landing.new_batch() as batch:
        with batch.file("cases_20260210.csv", DAY) as out:
            out.write(content)
        manifest = batch.commit(feed, DAY, DAY, n_rows=None)
    take_out(feed, landing, [PHONE, NAME], {manifest.batch_id})
    (after,) = landing.manifests()
    if after.files[0].kept_sha256 is None:
        assert not landing.path(after, after.files[0]).exists()
        return None
    return landing.verified(after, after.files[0]).read_bytes()


@pytest.mark.parametrize("make", UNSEARCHABLE.values(), ids=UNSEARCHABLE.keys())
def test_what_cannot_be_searched_goes_and_stops_no_erasure(make: Callable[[], bytes], tmp_path: Path) -> None:
    assert erased(tmp_path, make()) is None


@pytest.mark.parametrize("content", HOLDING.values(), ids=HOLDING.keys())
def test_an_archive_that_holds_a_value_goes_as_a_whole(content: bytes, tmp_path: Path) -> None:
    assert erased(tmp_path, content) is None


@pytest.mark.parametrize("content", UNTOUCHED.values(), ids=UNTOUCHED.keys())
def test_what_holds_no_value_keeps_every_byte(content: bytes, tmp_path: Path) -> None:
    assert erased(tmp_path, content) == content


@pytest.mark.parametrize("spelt", [PHONE, "154\u200b12345678", "１５４１２３４５６７８", NAME, "王\u00ad测样"])
def test_text_keeps_every_other_byte(spelt: str, tmp_path: Path) -> None:
    content = text("李演练", spelt, "154 12345678")
    assert erased(tmp_path, content) == content.replace(spelt.encode(), b" " * len(spelt.encode()))
    packed = erased(tmp_path / "packed", gzip.compress(content))
    assert packed and gzip.decompress(packed) == content.replace(spelt.encode(), b" " * len(spelt.encode()))


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("spelt", [PHONE, "１５４１２３４５６７８", NAME])
def test_text_in_another_encoding(spelt: str, encoding: str, tmp_path: Path) -> None:
    content = "\n".join([",".join(cases.HEADER), f"c1,9901,2026-01-31,行政,0,2026-02-01,{spelt}", ""])
    left = erased(tmp_path, content.encode(encoding), encoding)
    assert left is not None
    assert left.decode(encoding).replace(" ", "") == content.replace(spelt, "")
    assert len(left) == len(content.encode(encoding))


NAMES = {
    "cases_20260210.csv": "cases_20260210.csv",
    f"cases_20260210-{NAME}.csv": r"erased-[0-9a-f]{16}\.csv",
    f"{PHONE}.{NAME}.csv.gz": r"erased-[0-9a-f]{16}\.csv\.gz",
    "cases_154\u200b12345678.csv": r"erased-[0-9a-f]{16}\.csv",
    f"cases_20260210.zip/{NAME}.csv": r"cases_20260210\.zip/erased-[0-9a-f]{16}\.csv",
    f"{NAME}.xlsx/案件": r"erased-[0-9a-f]{16}\.xlsx/案件",
    "cases_李演练.csv": "cases_李演练.csv",
}


@pytest.mark.parametrize(("name", "becomes"), NAMES.items())
def test_a_name_that_holds_a_value_becomes_a_keyed_hash(name: str, becomes: str) -> None:
    of = [
        neutral_names(cases.feed(), [PHONE, NAME], Pseudonymiser({"1": key}))(name) for key in ("00ff", "00ff", "00aa")
    ]
    assert re.fullmatch(becomes, of[0])
    assert of[0] == of[1]
    assert (of[0] == of[2]) == (of[0] == name)


def test_landed_files_are_called_by_neutral_names_also_where_it_was_killed(tmp_path: Path) -> None:
    feed, landing = cases.feed(), Landing(tmp_path)
    with landing.new_batch() as batch:
        for name in (f"cases_20260210-{NAME}.csv", f"cases_20260210-{PHONE}.csv", "cases_20260210.csv"):
            with batch.file(name, DAY) as out:
                out.write(name.encode())
        manifest = batch.commit(feed, DAY, DAY, n_rows=None)
    contents = {landing.verified(manifest, file).read_bytes() for file in manifest.files}
    neutral = neutral_names(feed, [PHONE, NAME], Pseudonymiser({"1": "00ff"}))
    killed = landing.path(manifest, manifest.files[0])
    killed.rename(killed.with_name(neutral(killed.name)))
    rename(landing, neutral)
    (after,) = landing.manifests()
    assert {landing.verified(after, file).read_bytes() for file in after.files} == contents
    assert [path.name for path in tmp_path.rglob("*.csv") if NAME in path.name or PHONE in path.name] == []
    assert [file.sha256 for file in after.files] == [file.sha256 for file in manifest.files]


MOBILE, CITIZEN = "13812345678", "11010519491231002X"


def test_a_number_in_a_name_reaches_neither_landing_nor_report(tmp_path: Path) -> None:
    """Of a telephone or identity number in the name of a file, a member or a sheet its keyed hash is left."""
    drops, landing, keys = tmp_path / "drops", Landing(tmp_path / "landing"), Pseudonymiser({"1": "00ff"})
    drops.mkdir()
    connection = Connection(conn_type="fs", extra={"path": str(drops)})
    cutoff = datetime(2026, 2, 28, 18, tzinfo=UTC)
    feed, neutral = cases.feed(), partial(keys.neutral, "trial")

    def land(*names: str, content: bytes = cases.csv_of().encode()) -> list[str]:
        for name in names:
            (drops / name).write_bytes(content + name.encode())
        pull = Pull(feed, connection, landing, date(2026, 2, 28), cutoff, "Asia/Shanghai", None, neutral)
        manifest = files.land(pull)
        return [file.name for file in manifest.files] if manifest else []

    of_two = land(f"cases_20260210.{MOBILE}.csv", f"cases_20260210.{CITIZEN}.csv", "cases_20260210.csv")
    assert len(set(of_two)) == 3
    assert all(re.fullmatch(r"cases_20260210[.]([0-9a-f]{16}[.])?csv", name) for name in of_two)
    assert land() == []
    (again,) = land(f"cases_20260210.{MOBILE}.csv", content=cases.csv_of(cases.line("z")).encode())
    assert {name for _, name in landing.delivered_again(feed)} == {again} < set(of_two)
    everything = [f"{path.name} {path.read_text()}" for path in landing.folder.rglob("*.json")]
    assert not any(number in said for said in everything for number in (MOBILE, CITIZEN))
    with pytest.raises(ContractBreach, match=r"file cases_today[.]99999999999[.]csv: expected a name like") as breach:
        land(f"cases_today.{MOBILE}.csv")
    assert MOBILE not in str(breach.value)


def test_a_number_in_the_name_of_a_member_or_a_sheet_is_not_told(tmp_path: Path) -> None:
    keys = Pseudonymiser({"1": "00ff"})
    path = tmp_path / "cases_20260210.zip"
    path.write_bytes(cases.zip_of({f"{MOBILE}.csv": cases.csv_of().encode(), f"__MACOSX/{MOBILE}": b"x"}))
    decoded = decode(cases.feed(), path, keys)
    (name,) = set(decoded.table[FILE].to_pylist())
    assert re.fullmatch(r"cases_20260210[.]zip/[0-9a-f]{16}[.]csv", name)
    assert str(decoded.left_out[0]) == "member '__MACOSX/99999999999'"
    path.write_bytes(cases.zip_of({f"{CITIZEN}.txt": b"x"}))
    with pytest.raises(ContractBreach, match="found '99999999999999999A[.]txt'"):
        decode(cases.feed(), path, keys)
