"""The table of docs/bad-input.md, rendered from the tests' own tables: `python -m tests.bad_input.table` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.bad_input import api_cases, file_cases, row_cases, test_database, test_drops

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "bad-input.md"
BEGIN, END = "<!-- table: python -m tests.bad_input.table -->", "<!-- end of table -->"
Line = tuple[str, str, str]  # kind, level, what happens

# Cases that are a story of their own: kind -> (level, what happens, test)
ALONE = {
    "a file that grows while it is read": (
        "source", "exit 4: still being written; the next run takes it",
        "test_drops.py::test_a_file_that_grows_while_it_is_read_waits_for_the_next_run",
    ),
    "a checksum file that agrees": (
        "passes", "taken", "test_drops.py::test_a_checksum_that_agrees_lets_the_file_through"
    ),
    "a header alone": (
        "passes", "a delivery of no rows: zero, not missing",
        "test_files.py::test_a_header_alone_is_a_delivery_of_no_rows",
    ),
    "several files in one zip": (
        "passes", "rows of all", "test_files.py::test_a_zip_of_two_files_gives_the_rows_of_both"
    ),
    "a new column": (
        "passes", "stays in landing, named in the step's account and in ops.batches",
        "test_files.py::test_a_new_column_stays_in_landing_and_is_reported",
    ),
    "landed bytes that changed afterwards": (
        "file", "exit 5: expected SHA-256 …, found …", "test_files.py::test_landed_bytes_that_changed_are_not_read"
    ),
    "NaN in a page of an API": ("row", "`not_json`", "test_api.py::test_nan_in_a_page_costs_its_row_only"),
    "an API that nobody answers for": ("source", "exit 4: no answer after 3 tries", "test_api.py::test_nobody_answers"),
    "a database that is away": (
        "source", "exit 4: the database of connection … failed", "test_database.py::test_a_database_that_is_away"
    ),
    "a database table with more columns in another order": (
        "passes", "new ones are named, and never leave the source",
        "test_database.py::test_a_table_with_more_columns_in_another_order_passes",
    ),
    "an id reused with other content in one batch": (
        "row", "`id_reused` in record_id; the same one stays in any order",
        "test_rows.py::test_an_id_reused_with_other_content_in_one_batch_is_reported",
    ),
    "a stage of a grid event before an earlier one": (
        "row", "`out_of_order` in that stage", "test_kinds.py::test_a_loop_out_of_order_is_rejected_at_the_stage"
    ),
    "a local time that the clocks skip, or repeat": (
        "passes", "read by the offset before the change, or as the first of the two; how many rows is told",
        "../feeds/test_doubts.py::test_odd_keys_and_times_are_told",
    ),
    "a stage in the hour that comes twice, or with its own offset": (
        "passes", "in order where its second reading is", "test_kinds.py::test_a_loop_out_of_order_is_rejected_at_the_stage"
    ),
    "a dispute neither accepted nor entered": (
        "row", "`required` in accepted_on", "test_kinds.py::test_a_dispute_needs_an_acceptance_or_an_entry"
    ),
    "a county that is no more, in a record of a later day": (
        "row", "`no_area_of_that_day` in area_code",
        "test_places_by_day.py::test_each_record_is_where_its_place_was_that_day",
    ),
    "the code or name of a merged county, in a record of a later day": (
        "passes", "counted for the county that took it in, if `area_aliases.csv` says which",
        "test_places_by_day.py::test_each_record_is_where_its_place_was_that_day",
    ),
    "the same name for two counties, one after the other": (
        "passes", "counted for the one of the day of the event",
        "test_places_by_day.py::test_each_record_is_where_its_place_was_that_day",
    ),
    "a formula in a text that is published": (
        "passes", "an apostrophe before it in the CSV files", "test_published.py::test_no_text_runs_as_a_formula"
    ),
    "a workbook that goes on in another sheet, hidden or not": (
        "passes", "rows of all sheets that have all columns", "test_files.py::test_every_sheet_is_read_or_named_with_its_rows",
    ),
    "an Excel sheet that is full to its last row, and no other that goes on": (
        "file", "exit 5: found it full to row 1,048,576", "test_files.py::test_a_sheet_that_is_full_to_its_last_row_is_refused",
    ),
    "a file with a round number of rows (1,000, 10,000)": (
        "passes", "taken; told in the account and in ops.batches",
        "test_files.py::test_a_file_that_may_end_where_exports_stop_is_told",
    ),
    "a sheet that is not read (notes, no header, a column lost behind a whole sheet, beside the contract's)": (
        "passes", "left out: named with its rows in the account, ops.batches and the calendar",
        "test_account.py::test_sheets_that_are_not_read_stand_in_ledger_and_calendar",
    ),
    "a first sheet that lost a column before one that has all": (
        "file", "exit 5: the sheet and the column", "test_files.py::test_a_sheet_that_lost_a_column_is_named_in_the_report",
    ),
    "values under no name": (
        "passes", "stay in landing, reported as `column 8 (no name)`",
        "test_files.py::test_values_under_no_name_are_reported",
    ),
    "a file or member of which no row can be used": (
        "file", "exit 5 whatever the tolerance", "test_account.py::test_a_file_of_which_nothing_can_be_used_stops_its_batch",
    ),
    "a name with a day without all its digits (2026-1-15, 2026年1月15日)": (
        "passes", "that day", "test_drops.py::test_a_name_says_the_last_day_that_its_file_covers",
    ),
    "a name whose day may be another (2026115, 26-01-05)": (
        "file", "exit 5: expected a name like", "test_drops.py::test_a_name_that_may_mean_another_day_is_refused",
    ),
    "a round total of an API (1,000, 10,000)": (
        "source", "exit 5, unless the halves of the window prove it", "test_api.py::test_a_round_total_has_to_be_proved",
    ),
    "rows of an API alike in all that is read": (
        "passes", "taken", "test_api.py::test_rows_alike_in_all_that_is_read_may_stand_on_two_pages"
    ),
    "a whole table that did not change": (
        "passes", "a delivery of its day",
        "test_drops.py::test_a_whole_table_that_did_not_change_is_a_delivery_of_its_day",
    ),
    "a correction whose time of knowledge did not move": (
        "passes", "the later delivery counts, whatever the order in which batches are taken",
        "../feeds/test_ties.py::test_the_later_delivery_counts_in_whatever_order_batches_are_taken",
    ),
    "a whole table that is cut off": (
        "passes", "taken, closes nothing: the account and `n_withheld` say how many records it lacks",
        "../feeds/test_absence.py::test_closings_are_withheld_where_the_delivery_is_in_doubt",
    ),
    "a whole table with each row twice": (
        "passes", "taken, and told with the number of rows before",
        "../feeds/test_doubts.py::test_a_whole_table_of_twice_the_rows_is_told",
    ),
    "changes of a hundred times the usual number": (
        "file", "exit 5: `flood`, with what is usual; weeks that come at once are taken",
        "../feeds/test_doubts.py::test_a_flood_stops_and_what_comes_late_does_not",
    ),
    "a whole table without the records of one county": (
        "passes", "taken, closes nothing, though they are few: the account says of how many it is most of which area",
        "../feeds/test_absence.py::test_closings_are_withheld_where_the_delivery_is_in_doubt",
    ),
    "a whole table of a header alone, after one with records": (
        "passes", "taken, closes nothing: the account and `n_withheld` say how many records it lacks",
        "test_files.py::test_a_whole_table_without_a_row_is_told_where_there_were_records",
    ),
    "a whole table with rows without a readable key": (
        "passes", "taken, closes nothing, says so", "../feeds/test_absence.py::test_a_cut_snapshot_closes_nothing_and_says_so"
    ),
    "a second edition of a whole table on one day": (
        "passes", "replaces the first; a part that shares no records with it is added; both are named",
        "../feeds/test_absence.py::test_a_second_file_of_a_day_replaces_the_first_where_it_is_the_same_table",
    ),
    "a feed that stands still while its files come": (
        "passes", "windows end before the silence; after more than a pulse of it the indicators are grey",
        "../index/test_coverage.py::test_windows_end_where_the_content_of_a_feed_ends",
    ),
    "a bad file delivered again under its name": (
        "file", "the new one is taken, the bad batch set aside as `replaced`",
        "test_rows.py::test_a_bad_file_stops_the_feed_and_the_next_good_delivery_goes_through",
    ),
}  # fmt: skip


def _said(pattern: str) -> str:
    """A regular expression of the tests as a person reads it."""
    return re.sub(r"\\(.)", r"\1", pattern.replace(r"\n", " ")).replace(".*", "…").replace("|", "\\|")


def lines() -> Iterator[Line]:
    """Every case of every table, once."""
    yield from _rejected()
    yield from _refused()
    yield from _passed()
    for name, (level, happens, _) in ALONE.items():
        yield name, level, happens


def _rejected() -> Iterator[Line]:
    for name, case in file_cases.ROWS.items():
        yield name, "row", f"`{case.rule}`" + (f" in {case.column}" if case.column else "")
    for name, rejected in row_cases.REJECTED.items():
        yield name, "row", f"`{rejected.rule}` in {rejected.column}"


def _refused() -> Iterator[Line]:
    for name, case in file_cases.FILES.items():
        yield name, "file", f"exit {case.exit_code}: {_said(case.rule)}"
    for name, (_, report) in test_database.DRIFTED.items():
        yield name, "file", f"exit 5: {_said(report)}"
    for name, drop in test_drops.REFUSED.items():
        yield name, "source" if drop.exit_code == 4 else "file", f"exit {drop.exit_code}: {_said(drop.report)}"
    for name, refused in api_cases.REFUSED.items():
        yield name, "source", f"exit {refused.exit_code}: {_said(refused.report)}"


def _passed() -> Iterator[Line]:
    for name, overcome in api_cases.OVERCOME.items():
        yield name, "passes", f"all rows; pages asked for: {', '.join(map(str, overcome.asked))}"
    for name, (_, _, taken) in test_drops.AGAIN.items():
        yield name, "passes", f"landed: {', '.join(file for file, _ in taken)}"
    for name in [*file_cases.PASSES, *row_cases.PASSES]:
        yield name, "passes", "understood, no value changed"


def rendered() -> str:
    rows = [f"| {kind} | {level} | {happens} |" for kind, level, happens in lines()]
    return "\n".join([BEGIN, "| kind | level | what happens |", "|---|---|---|", *rows, END])


def page_with(table: str) -> str:
    """The page with its table replaced."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + table + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page_with(rendered()), encoding="utf-8")
