"""`peace-index-verify FOLDER`: a stranger checks a release from its folder alone, without Spark, lake or database.

    uvx --from . peace-index-verify published/<city>/releases/<id>

Of a release: whether the files are what they claim to be (verify.py), then whether the figures follow from the inputs
beside them (reproduce.py). Of a city's folder: whether every release is whole, and whether the chain of hashes holds.
Exit code 0: all is as it should be; 1: something is not; 2: there is no release.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from spark_jobs.errors import StepError, UsageError
from spark_jobs.index.engine.arrays import EngineInputError
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.release.files import LATEST_FILE, METHODOLOGY_FILE, RELEASE_FILE, parse_csv
from spark_jobs.release.reproduce import Reproduced, reproduced
from spark_jobs.release.verify import verify, verify_city, verify_link
from spark_jobs.released.columns import TABLES, canonical_frame

SAID, FOUND_WRONG = 0, 1


def verification(folder: Path) -> Iterator[tuple[bool, str]]:
    """What is found of a folder, line by line: whether it is as it should be, and the words.

    Raises UsageError where there is no release.
    """
    if (folder / RELEASE_FILE).is_file():
        yield from _release(folder)
    elif (folder / "releases").is_dir():
        yield from _city(folder)
    else:
        raise UsageError(
            f"verify: expected the folder of a release, with {RELEASE_FILE}, or of a city, with releases; found {folder}"
        )


def _city(folder: Path) -> Iterator[tuple[bool, str]]:
    n_sound, n_all = 0, 0
    for name, problems in verify_city(folder):
        yield from ((False, f"{name}: {problem}") for problem in problems)
        n_all, n_sound = n_all + 1, n_sound + (not problems)
    yield n_sound == n_all, f"{n_all - 1} releases and {LATEST_FILE}: {n_sound} of {n_all} are whole and of one chain"


def _release(folder: Path) -> Iterator[tuple[bool, str]]:
    problems = verify(folder)
    yield from ((False, str(problem)) for problem in problems)
    if problems:
        yield False, "the figures were not computed again: the files are not those of the release"
        return
    document: dict[str, Any] = json.loads((folder / RELEASE_FILE).read_text(encoding="utf-8"))
    yield True, f"{document['release_id']}: {len(document['files'])} files are those of the release"
    yield from _before(folder.parent, document.get("predecessor"))
    try:
        yield from ((not table.unlike, str(table)) for table in reproduced_folder(folder, document))
    except EngineInputError as error:
        yield False, f"the figures cannot be computed again: {error}"


def _before(releases: Path, named: dict[str, str] | None) -> Iterator[tuple[bool, str]]:
    """The release before, if its folder is there too; a stranger may have one folder only."""
    if named is None:
        yield True, "no release before it"
    elif not (releases / named["release_id"]).is_dir():
        yield True, f"the release before it, {named['release_id']}, does not lie beside it and was not looked at"
    else:
        problems = verify_link(releases, named)
        yield (
            not problems,
            str(problems[0]) if problems else f"the release before it is {named['release_id']}, unaltered",
        )


def reproduced_folder(folder: Path, document: dict[str, Any]) -> list[Reproduced]:
    """Compute the figures of an unaltered release again. Raises UsageError where its method is not known."""
    tables = {name: _table(folder, name) for name in TABLES if name in document["tables"]}
    return reproduced(tables, _methodology(folder, document), document["city_index"]["area_code"], document["period"])


def _table(folder: Path, name: str) -> pd.DataFrame:
    return canonical_frame(name, parse_csv(name, (folder / TABLES[name].file).read_bytes()))


def _methodology(folder: Path, document: dict[str, Any]) -> Methodology:
    """The version of the method in the folder. Releases from before that file get the version in force."""
    if (folder / METHODOLOGY_FILE).is_file():
        return Methodology.model_validate_json((folder / METHODOLOGY_FILE).read_bytes())
    in_force = load_methodology()
    if document["method_version"] != in_force.version:
        raise UsageError(
            f"verify: release {document['release_id']} is of method {document['method_version']}, the method here is "
            f"{in_force.version}; check out the code of its time ({document['code_commit']})"
        )
    return in_force


def report(folder: Path) -> int:
    """Print what is found of a folder, line by line. Returns the exit code."""
    is_sound = True
    for is_right, words in verification(folder):
        is_sound &= is_right
        sys.stdout.write(f"{'ok ' if is_right else 'NO '} {words}\n")
    sys.stdout.write("all of it is as it should be\n" if is_sound else "not as it should be\n")
    return SAID if is_sound else FOUND_WRONG


def main() -> int:
    """The console script."""
    parser = argparse.ArgumentParser(prog="peace-index-verify", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of a release, or of a city")
    try:
        return report(parser.parse_args().folder)
    except StepError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
