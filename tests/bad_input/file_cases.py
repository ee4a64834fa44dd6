"""Tables of bad files: rows that are set aside, files that stop the feed, and oddities that must pass unchanged."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import zipfile
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from tests.bad_input.cases import GOOD, HEADER, Case, csv_of, line, lines_of, row, with_parts, workbook_of, zip_of

JSON, EXCEL, PARQUET = {"format": "jsonl"}, {"format": "xlsx", "sheet": "案件"}, {"format": "parquet"}
GB = {"encoding": "gb18030"}
MEGABYTE = 1 << 20
SPREADSHEET = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _bytes(text: str, **replaced: bytes) -> bytes:
    content = text.encode()
    for mark, raw in replaced.items():
        content = content.replace(mark.encode(), raw)
    return content


def _merged(sheet: Any) -> None:
    sheet["B4"].value = None
    sheet.merge_cells("B3:B4")


def _error(sheet: Any) -> None:
    sheet["E3"].value, sheet["E3"].data_type = "#N/A", "e"


def _formula(of_kind: bytes, value: bytes) -> bytes:
    """openpyxl writes formulas without values; Excel writes both."""
    content = workbook_of([*list(row("good2").values())[:4], "=1+1", "2026-02-01 08:00:00", "z"])
    written = b'<c r="E3"' + of_kind + b"><f>1+1</f>" + value + b"</c>"
    return with_parts(content, lambda part: part.replace(b'<c r="E3"><f>1+1</f><v /></c>', written))


def _strict() -> bytes:
    """As "Strict Open XML" of Excel writes: other namespaces, and days as text."""

    def change(part: bytes) -> bytes:
        part = part.replace(b"schemas.openxmlformats.org/spreadsheetml/2006", b"purl.oclc.org/ooxml/spreadsheetml")
        part = part.replace(
            b"schemas.openxmlformats.org/officeDocument/2006/relationships",
            b"purl.oclc.org/ooxml/officeDocument/relationships",
        )
        text = b'<c r="C3" t="inlineStr"><is><t>2026-01-31</t></is></c>'
        return part.replace(text, b'<c r="C3" t="d"><v>2026-01-31</v></c>')

    return with_parts(workbook_of(list(row("good2").values())), change)


def _parquet(**columns: Any) -> bytes:
    rows = {name: [good[name] for good in GOOD] for name in HEADER} | columns
    content = io.BytesIO()
    pa_parquet.write_table(pa.table({name: column for name, column in rows.items() if column is not None}), content)
    return content.getvalue()


def _locked_zip() -> bytes:
    """The flag that says encrypted, set in both headers of the only member."""
    content = bytearray(zip_of({"cases.csv": csv_of().encode()}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _packed_otherwise(method: int) -> bytes:
    """A zip whose headers name a method that the standard library does not know."""
    content = bytearray(zip_of({"north/cases.csv": csv_of().encode()}))
    content[8] = content[content.index(b"PK\x01\x02") + 10] = method
    return bytes(content)


def _mac_zip() -> bytes:
    """What Finder packs: beside every file one of its own, which is no text."""
    return zip_of({"cases.csv": csv_of(line("good2")).encode(), "__MACOSX/._cases.csv": b"\0\5\x16\7\0\2" + bytes(152)})


def _spaced_keys(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps({f" {name}": value for name, value in each.items()}) for each in rows).encode()


def _spaced_parquet(*rows: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    pa_parquet.write_table(pa.table({f" {name}": [each[name] for each in rows] for name in HEADER}), content)
    return content.getvalue()


def _far_cell(sheet: Any) -> None:
    sheet["XFD1048576"].value = "."


def _far_cell_in_other_words(cell: bytes) -> bytes:
    """XML that says a far cell in another way than Excel writes it."""
    far = b"<row r='1048576'>" + cell + b"<v>1</v></c></row></sheetData>"
    return with_parts(workbook_of(), lambda part: part.replace(b"</sheetData>", far))


def _shared_text() -> bytes:
    """One text of a megabyte, and a thousand cells that each are it."""
    book = workbook_of(list(row("x").values()))
    cell = b'<c r="A%d" t="s"><v>0</v></c>'
    rows = b"".join(b'<row r="%d">%b</row>' % (n, cell % n) for n in range(6, 1006)) + b"</sheetData>"
    with zipfile.ZipFile(io.BytesIO(with_parts(book, lambda part: part.replace(b"</sheetData>", rows)))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = b'<sst xmlns="%b"><si><t>%b</t></si></sst>' % (SPREADSHEET, b"x" * MEGABYTE)
    return zip_of({**parts, "xl/sharedStrings.xml": text})


def _repeated_text() -> bytes:
    """Parquet whose only value of a column is a text of a megabyte, 900,000 times."""
    rows = {name: pa.array([value] * 900_000) for name, value in row("x").items()}
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 900_000, pa.int32()), pa.array(["x" * MEGABYTE]))
    content = io.BytesIO()
    pa_parquet.write_table(pa.table(rows | {"place": text}), content)
    return content.getvalue()


def _merged_rest() -> bytes:
    merge = b'</sheetData><mergeCells count="1"><mergeCell ref="H5:XFD1048576"/></mergeCells>'
    return with_parts(workbook_of(list(row("good2").values())), lambda part: part.replace(b"</sheetData>", merge))


def _damaged_zip() -> bytes:
    content = bytearray(zip_of({"cases.csv": csv_of().encode()}, zipfile.ZIP_STORED))
    content[content.index(b"good1")] ^= 0xFF
    return bytes(content)


def _workbook_bomb() -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook_of())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return zip_of({**parts, "xl/worksheets/sheet2.xml": b" " * (64 * MEGABYTE)})


def _parquet_bomb() -> bytes:
    content = io.BytesIO()
    column = pa.nulls(2_000_000, pa.string())
    pa_parquet.write_table(pa.table(dict.fromkeys(HEADER, column)), content)
    return content.getvalue()


ROWS = {
    "a row with too few values": Case(csv_of("bad,9901,2026-01-31").encode(), "wrong_number_of_values"),
    "a comma in a value without quotes": Case(csv_of(line(name="张,三")).encode(), "wrong_number_of_values"),
    "a row with another delimiter": Case(csv_of(line().replace(",", ";")).encode(), "wrong_number_of_values"),
    "the last row cut off": Case(
        csv_of().encode() + b"bad,99", "wrong_number_of_values", rows=(3,)
    ),
    "NUL bytes": Case(_bytes(csv_of(line(place="9901@")), **{"@": b"\0"}), "nul_byte", column="place"),
    "bytes that are no UTF-8": Case(_bytes(csv_of(line(id="b@d")), **{"@": b"\xb4"}), "lost_character", column="id"),
    "half a GB18030 character": Case(
        csv_of(line(nature="刑@")).encode("gb18030").replace(b"@", b"\xca"), "lost_character", feed=GB, column="nature"
    ),
    "a value that was lost before (U+FFFD)": Case(
        csv_of(line(nature="刑\ufffd")).encode(), "lost_character", column="nature"
    ),
    "a field of 100 MB": Case(lambda: csv_of(line(place="x" * 100 * MEGABYTE)).encode(), "too_long", column="place"),
    "half a JSON line": Case(lines_of('{"id": "bad", "place": "99'), "not_json", feed=JSON),
    "NaN in JSON": Case(lines_of('{"id": "bad", "deaths": NaN}'), "not_json", feed=JSON, column="deaths"),
    "Infinity in JSON": Case(lines_of('{"id": "bad", "deaths": -Infinity}'), "not_json", feed=JSON, column="deaths"),
    "a JSON key twice": Case(lines_of('{"id": "bad", "id": "other"}'), "key_twice", feed=JSON, column="id"),
    "a JSON list in place of an object": Case(lines_of('["bad", "9901"]'), "not_an_object", feed=JSON),
    "an object in place of a JSON value": Case(
        lines_of('{"id": "bad", "place": {"code": "9901"}}'), "nested_value", feed=JSON, column="place"
    ),
    "a JSON line nested 100,000 deep": Case(lines_of("[" * 100_000 + "]" * 100_000), "not_json", feed=JSON),
    "a number of 600,000 digits in JSON": Case(
        lines_of('{"id": "bad", "deaths": 1.' + "0" * 600_000 + "1}"), "too_long", feed=JSON, column="deaths"
    ),
    "half a surrogate pair in JSON": Case(
        lines_of('{"id": "b\\ud800d"}'), "lost_character", feed=JSON, column="id"
    ),
    "a formula without a value in Excel": Case(
        workbook_of([*list(row("bad").values())[:4], "=1+1"]), "formula_without_value", feed=EXCEL, column="deaths"
    ),
    "an error value in Excel (#N/A)": Case(
        workbook_of(list(row("bad").values()), change=_error), "spreadsheet_error", feed=EXCEL, column="deaths"
    ),
    "merged cells in Excel": Case(
        workbook_of(list(row("bad").values()), list(row("bad").values()), change=_merged),
        "merged_cell", feed=EXCEL, rows=(2, 3), column="place",
    ),
    "a number of 18 digits in Excel": Case(
        workbook_of([230602198001011234, *list(row("bad").values())[1:]]), "lost_digits", feed=EXCEL, column="id"
    ),
}  # fmt: skip

FILES = {
    "an empty file": Case(b"", "found an empty file"),
    "an empty JSON Lines file": Case(b"", "found an empty file", feed=JSON),
    "blank lines only": Case(b"\n\n\n", "expected a header, found an empty file"),
    "a truncated gzip": Case(gzip.compress(csv_of().encode())[:-12], "cut off or damaged"),
    "a gzip with a wrong checksum": Case(gzip.compress(csv_of().encode())[:-8] + bytes(8), "cut off or damaged"),
    "rubbish behind a gzip": Case(gzip.compress(csv_of().encode()) + b"rubbish", "cut off or damaged"),
    "a gzip bomb": Case(lambda: gzip.compress(bytes(64 * MEGABYTE)), "a zip bomb"),
    "a zip bomb": Case(lambda: zip_of({"cases.csv": bytes(64 * MEGABYTE)}), "a zip bomb"),
    "a zip bomb of many members": Case(
        lambda: zip_of({f"{n}.csv": csv_of().encode() + b"\n" * MEGABYTE for n in range(50)}), "a zip bomb"
    ),
    "a zip with a path that leads up": Case(
        zip_of({"../../etc/cases.csv": csv_of().encode()}), "leads out of the archive"
    ),
    "a zip with an absolute Windows path": Case(
        zip_of({"C:\\cases.csv": csv_of().encode()}), "leads out of the archive"
    ),
    "a zip with something else inside": Case(
        zip_of({"cases.csv": csv_of().encode(), "run.exe": b"MZ"}), "expected members that end in .csv"
    ),
    "an encrypted zip": Case(_locked_zip(), "is encrypted"),
    "a zip with a Deflate64 member": Case(_packed_otherwise(9), "member 'north/cases.csv' is packed with Deflate64"),
    "a zip with a Zstandard member": Case(_packed_otherwise(93), "member 'north/cases.csv' is packed with Zstandard"),
    "a zip with an AES member": Case(_packed_otherwise(99), "member 'north/cases.csv' is packed with AES encryption"),
    "a zip with a member that is in another encoding": Case(
        zip_of({"a.csv": csv_of().encode(), "b.csv": csv_of().encode("gb18030")}),
        "cases_20260210.csv/b.csv cannot be read as csv: expected encoding utf-8, found another one",
    ),
    "a damaged zip": Case(_damaged_zip(), "cut off or damaged"),
    "a zip without members": Case(zip_of({}), "expected members that end in .csv, found none"),
    "a zip of what a Mac adds and nothing else": Case(
        zip_of({"__MACOSX/._cases.csv": b"x"}), "expected members that end in .csv, found none"
    ),
    "an empty member behind a good one": Case(
        zip_of({"a.csv": csv_of().encode(), "b.csv": b""}),
        r"file cases_20260210\.\w+ cannot be read as csv: member 'b.csv': expected at least a header",
    ),
    "UTF-16 where UTF-8 was agreed": Case(csv_of().encode("utf-16"), "found the byte order mark of utf-16"),
    "GB18030 where UTF-8 was agreed": Case(csv_of().encode("gb18030"), "expected encoding utf-8, found another one"),
    "UTF-8 where GB18030 was agreed": Case(csv_of().encode(), "expected encoding gb18030, found utf-8", feed=GB),
    "a byte order mark against the contract": Case(
        codecs.BOM_UTF8 + csv_of().replace("刑事", "x").replace("张三", "y").encode(),
        "found the byte order mark of utf-8", feed=GB,
    ),
    "duplicate headers": Case(csv_of(header="id,place,day,nature,deaths,updated,id").encode(), "more than once"),
    "duplicate headers in Excel": Case(
        workbook_of(header=("id", "place", "day", "nature", "deaths", "updated", "id")), "more than once", feed=EXCEL
    ),
    "the wrong delimiter": Case(
        csv_of(header=";".join(HEADER), delimiter=";").encode(), "is the delimiter the contract's"
    ),
    "a missing column": Case(
        csv_of(header="id,place,day,nature,death,updated,name").encode(),
        r"deaths: the contract reads count, for n_deaths \| the source has missing; there is 'death'",
    ),
    "a column missing from all JSON objects": Case(
        b'{"id": "a", "place": "9901"}\n', r"expected columns \['day', 'nature', 'deaths', 'updated'\]", feed=JSON
    ),
    "a JSON array where JSON Lines were agreed": Case(
        json.dumps(GOOD).encode(), "expected one object a line .* found a JSON array", feed=JSON
    ),
    "a JSON array over many lines": Case(
        b"\n" + json.dumps(GOOD, indent=1).encode(), "expected one object a line .* found a JSON array", feed=JSON
    ),
    "a JSON key in two spellings": Case(
        lines_of(json.dumps({" id": "x"})), "expected each key in one spelling, found 'id' and ' id'", feed=JSON
    ),
    "a re-typed column (Parquet structure)": Case(
        _parquet(deaths=pa.array([{"n": 1}, {"n": 2}])),
        r"deaths: the contract reads count, for n_deaths \| the source has struct", feed=PARQUET,
    ),
    "ids re-typed to floating point": Case(
        _parquet(id=pa.array([1.0, 2.0])), r"id: the contract reads text, for record_id \| the source has double",
        feed=PARQUET,
    ),
    "ids as bytes of one length (UUID)": Case(
        _parquet(id=pa.array([bytes(range(240, 256))] * 2, pa.binary(16))),
        r"id: the contract reads text, for record_id \| the source has fixed_size_binary\[16\]", feed=PARQUET,
    ),
    "truncated Parquet": Case(_parquet()[:-30], "expected Parquet", feed=PARQUET),
    "CSV where Parquet was agreed": Case(csv_of().encode(), "expected Parquet", feed=PARQUET),
    "a quote that does not close": Case(csv_of(line(id='"bad')).encode(), "quotes that close"),
    "two stray quotes that swallow a row": Case(
        csv_of(line(place='"9901'), line("lost"), line(name='z" z')).encode(), "quotes that close"
    ),
    "an error page in place of CSV": Case(b"<!DOCTYPE html><html>502</html>", "found an HTML page"),
    "Excel where CSV was agreed": Case(workbook_of(), "found an Excel workbook"),
    "gzip inside gzip": Case(gzip.compress(gzip.compress(csv_of().encode())), "found gzip inside gzip"),
    "a zip inside gzip": Case(gzip.compress(zip_of({"a.csv": csv_of().encode()})), "found a zip archive"),
    "bzip2 where CSV was agreed": Case(bz2.compress(csv_of().encode()), "found bzip2"),
    "xz where CSV was agreed": Case(lzma.compress(csv_of().encode()), "found xz"),
    "Zstandard where CSV was agreed": Case(b"\x28\xb5\x2f\xfd" + bytes(30), "found Zstandard"),
    "an old or encrypted Excel file": Case(b"\xd0\xcf\x11\xe0" + bytes(600), "expected an .xlsx workbook", feed=EXCEL),
    "CSV where Excel was agreed": Case(csv_of().encode(), "expected an .xlsx workbook", feed=EXCEL),
    "an Excel sheet of another name": Case(
        workbook_of(), "expected sheet '十一月', found", feed={"format": "xlsx", "sheet": "十一月"}
    ),
    "a title above the header in Excel": Case(
        workbook_of(list(HEADER), header=["二月案件"]), "expected columns", feed=EXCEL
    ),
    "an Excel file that is a zip bomb": Case(_workbook_bomb, "a zip bomb", feed=EXCEL),
    "an Excel file with a part that is no XML": Case(
        with_parts(workbook_of(), lambda part: part.replace(b"</workbook>", b"<")), "expected an .xlsx workbook that",
        feed=EXCEL,
    ),
    "an archive that is no workbook where Excel was agreed": Case(
        zip_of({"cases.csv": csv_of().encode()}), "expected an .xlsx workbook that can be opened", feed=EXCEL
    ),
    "a cell far away in Excel": Case(workbook_of(change=_far_cell), "a stray cell lies far away", feed=EXCEL),
    **{
        f"a far cell in Excel, in XML of {other}": Case(
            lambda cell=cell: _far_cell_in_other_words(cell), "can be read within 768 MB of memory", feed=EXCEL
        )
        for other, cell in {
            "single quotes": b"<c r='XFD1048576'>", "a line break": b'<c\nr="XFD1048576">', "blanks": b'<c r = "XFD1048576">',
        }.items()
    },
    "a text of a megabyte in a thousand cells of Excel": Case(
        _shared_text, r"can be read within \d+ MB of memory", feed=EXCEL
    ),
    "a text of a megabyte in all rows of Parquet": Case(_repeated_text, "in the memory that there is", feed=PARQUET),
    "a line without an end in place of a header": Case(
        lambda: b"id," + b"x" * 2 * MEGABYTE, "expected a header of at most 1,048,576 bytes"
    ),
    "100,000 rows that are none": Case(
        lambda: csv_of(*["a"] * 100_001).encode(), "found more than 100,000 that cannot be split"
    ),
    "100,000 lines that are no JSON": Case(
        lambda: lines_of(*["a"] * 100_001), "found more than 100,000 that cannot be split", feed=JSON
    ),
    "a Parquet file of millions of rows in a few bytes": Case(
        _parquet_bomb, "expected at most 10 rows a byte, found 2,000,000", feed=PARQUET
    ),
}  # fmt: skip


def _mac_calendar() -> bytes:
    """Days counted from 1904, as Excel for Mac did."""

    def change(sheet: Any) -> None:
        sheet.parent.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
        sheet["C3"].value = openpyxl.utils.datetime.from_excel(46053)

    return workbook_of(list(row("good2").values()), change=change)


PASSES: dict[str, tuple[Case, str, str | None]] = {
    # name: (case, column of the middle row, its value)
    "a byte order mark before UTF-8": (Case(codecs.BOM_UTF8 + csv_of(line("good2")).encode(), ""), "id", "good2"),
    "a byte order mark before JSON Lines": (
        Case(codecs.BOM_UTF8 + lines_of(json.dumps(row("good2"))), "", feed=JSON), "id", "good2",
    ),
    "GB18030 by contract, four-byte characters too": (
        Case(csv_of(line("好𠮷2")).encode("gb18030"), "", feed=GB), "id", "好𠮷2",
    ),
    "line breaks, quotes and commas inside quotes": (
        Case(csv_of(line('"a\r\n""b"",c"')).encode(), ""), "id", 'a\r\n"b",c',
    ),
    "Windows line ends and blank lines": (
        Case(csv_of("", line("good2"), "").replace("\n", "\r\n").encode(), ""), "id", "good2",
    ),
    "columns in another order": (
        Case(
            "\n".join(",".join(reversed(text.split(","))) for text in csv_of(line("good2")).split("\n")).encode(), ""
        ), "id", "good2",
    ),
    "gzip under any name": (Case(gzip.compress(csv_of(line("good2")).encode()), ""), "id", "good2"),
    "a formula in a text": (Case(csv_of(line("=HYPERLINK(1)")).encode(), ""), "id", "=HYPERLINK(1)"),
    "a whole number of any length in JSON": (
        Case(lines_of(json.dumps({**row(""), "id": 10**40 + 1})), "", feed=JSON), "id", str(10**40 + 1),
    ),
    "a decimal of any length in JSON": (
        Case(lines_of('{"id": "good2", "deaths": 1.100000000000000000000000000001}'), "", feed=JSON),
        "deaths", "1.100000000000000000000000000001",
    ),
    "a decimal in JSON, less the zeros that say nothing": (
        Case(lines_of('{"id": "good2", "deaths": 1.10}'), "", feed=JSON), "deaths", "1.1",
    ),
    "a formula with its value in Excel": (Case(_formula(b"", b"<v>2</v>"), "", feed=EXCEL), "deaths", "2"),
    "a formula whose value is an empty text": (
        Case(_formula(b' t="str"', b"<v></v>"), "", feed=EXCEL), "deaths", None,
    ),
    "an Excel file in Strict Open XML": (Case(_strict(), "", feed=EXCEL), "day", "2026-01-31"),
    "a merge over the rest of an Excel sheet": (
        Case(_merged_rest(), "", feed=EXCEL), "id", "good2",
    ),
    "blanks around the names in Excel": (
        Case(workbook_of(list(row("good2").values()), header=[f" {name}\u3000" for name in HEADER]), "", feed=EXCEL),
        "id", "good2",
    ),
    "blanks behind the commas of a header": (Case(csv_of(line("good2"), header=", ".join(HEADER)).encode(), ""), "id", "good2"),
    "a mark of direction before the first name": (Case(("\u200f" + csv_of(line("good2"))).encode(), ""), "id", "good2"),
    "blanks around the names in JSON": (
        Case(_spaced_keys(GOOD[0], row("good2"), GOOD[1]), "", feed=JSON), "id", "good2",
    ),
    "blanks around the names in Parquet": (
        Case(_spaced_parquet(GOOD[0], row("good2"), GOOD[1]), "", feed=PARQUET), "id", "good2",
    ),
    "a zip made on a Mac": (Case(_mac_zip(), ""), "id", "good2"),
    "a zip with what Windows keeps of pictures": (
        Case(zip_of({"a/cases.csv": csv_of(line("good2")).encode(), "a/Thumbs.db": b"\xd0\xcf\x11\xe0"}), ""),
        "id", "good2",
    ),
    "dates of the 1904 calendar in Excel": (Case(_mac_calendar(), "", feed=EXCEL), "day", "2026-01-31"),
    "blank rows in Excel": (
        Case(workbook_of(list(row("good2").values()), [None]), "", feed=EXCEL), "id", "good2",
    ),
    "a field of 100 MB in a column that is not used": (
        Case(lambda: csv_of(line("good2", name="x" * 100 * MEGABYTE)).encode(), ""), "id", "good2",
    ),
}  # fmt: skip
