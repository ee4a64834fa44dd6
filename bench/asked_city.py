"""The city that a measurement is asked for: its places, contracts or files are used."""

from __future__ import annotations

import os
import sys

from expectations.contract import city_codes


def asked_city() -> str:
    """Code of the city in CITY, as `make bench` sets it. Ends the program with a line and 2 where it names none."""
    city, known = os.environ.get("CITY", ""), city_codes()
    if city not in known:
        sys.stderr.write(
            f"CITY: expected a city ({', '.join(known)}), found {city or 'nothing'!r}; call it as CITY={known[0]} …\n"
        )
        raise SystemExit(2)
    return city
