"""What an error report may say of a source's value: the sorts of its characters."""

from __future__ import annotations

import re
import unicodedata

# mobile telephones and citizen identity numbers, which people write into names of files
OF_A_PERSON = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx])(?!\d)")
LONGEST = 40  # characters
LEGEND = "9 stands for a digit; A, a and 文 for letters"  # for the reader of an error report


def masked(value: str) -> str:
    """The value with its characters replaced by their sort: `9` a digit, `A` and `a` a Latin letter, `文` any other.

    Error reports go into logs, to Airflow and to people who may not see a person's data. Where a column has slipped,
    any value may be a telephone or a name. A name of two characters looks like a code, so no rule could let the one
    through and hold the other back. The masked value can hold neither, and still says what went wrong: `99/99/9999` is
    a day the wrong way round, `99999999999` a telephone. The value itself stands in the row that the report names.
    """
    sorts = "".join(map(_sort, value[:LONGEST]))
    return sorts if len(value) <= LONGEST else f"{sorts}… ({len(value):,} characters)"


def without_persons(text: str) -> str:
    """A text in which telephone and identity numbers are masked: names of files stand in reports as they are."""
    return OF_A_PERSON.sub(lambda number: masked(number.group()), text)


def _sort(character: str) -> str:
    """Blanks, punctuation and signs stay, and so does what cannot be read (U+FFFD)."""
    category = unicodedata.category(character)
    if category.startswith("N"):
        return "9"
    if not category.startswith(("L", "M")):
        return character
    if not character.isascii():
        return "文"
    return "A" if character.isupper() else "a"
