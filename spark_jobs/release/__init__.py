"""The release: gates, one frozen set of tables, and its copies in the lake, the serving database and files.

model.py        what goes in (ReleaseInput) and what comes out (Release)
canonical.py    canonical text and hash of the tables that released/tables.yml declares
feeds.py        what each feed delivered                         gates.py  suite.py  may it be published
build.py        ReleaseInput -> Release, pure                    wording.py  numbers and codes as words
movement.py  movement_between.py                                  why the index moved, in sums and in words
public_tables.py  public_catalogue.py  public.py  public_files.py      what everybody may see, in every format
pages/  bulletin.py, its sections/ and templates/, charts.py     the printed page
scorecard.py                                                     how matters are handled, beside the index
data_package.py  release_calendar.py                             what the files hold, for programs; when releases come
files.py lake.py serving.py                                      the three copies
mart.yml mart.py serving_tables.py                               the tables of the serving database and their rows
verify.py  reproduce.py  verification.py                         are the files what they claim to be, do the figures follow
summary.py      the table a run prints
monthly.py  monthly_gates.py  monthly_files.py  disclosure/      the public month after disclosure control
job.py          the thin edge to Spark
"""
