"""The release: gates, one frozen set of tables, and its copies in the lake, the serving database and files.

model.py                                  what goes in (ReleaseInput) and what comes out (Release)
canonical.py                              canonical text and hash of the tables that released/tables.yml declares
gates.py  suite.py  jumps.py  whole.py    may it be published
build.py                                  ReleaseInput -> Release, pure
wording.py                                numbers and codes as words
movement.py  movement_between.py          why the index moved since the last release, in sums and in words
year_change.py                            why it moved since a year before
scorecard.py  coverage.py  settlement.py  what stands beside the index and is never scored
pages/                                    the bulletin, the leader's and counties' pages, charts, PDF, what a run prints
public.py  public_tables.py  public_catalogue.py  public_files.py    what everybody may see each night, in every format
monthly.py  monthly_gates.py  monthly_files.py  disclosure/          the public month after disclosure control
monthly_bulletin.py  monthly_page.py  monthly_theme.py  themes.yml   its bulletin with a theme, and the year's
data_package.py  release_calendar.py      what the files hold, for programs; when releases come
render.py  files.py  lake.py  serving.py  the three copies: files, lake, serving database
mart.yml  mart.py  serving_tables.py      the tables of the serving database and their rows
record/                                   what was said when: journal, vintages, revisions, withdrawals
verify.py  reproduce.py  verification.py  are the files what they claim to be; do the figures follow from the inputs
job.py                                    the thin edge to Spark
"""
