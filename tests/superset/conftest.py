"""One running portal for all tests of this folder that need it."""

from collections.abc import Iterator

import pytest

from tests.superset.portal import Portal, running_portal


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, free_ports: int) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("portal"), free_ports + 10) as running:
        yield running
