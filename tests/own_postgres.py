"""The product's PostgreSQL in a folder of the tests' own."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stack.postgres import Postgres


@contextmanager
def own_postgres(port_base: int) -> Iterator[Postgres]:
    """One that runs inside. Its folder, which is thrown away, lies where PostgreSQL's own account may pass."""
    from stack.layout import Layout, close_to_others
    from stack.postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="peace-index-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        layout = Layout(state=Path(folder) / "state", published=Path(folder) / "published", port_base=port_base)
        close_to_others(layout.state)
        postgres = Postgres(layout)
        postgres.service.stop_signal = signal.SIGQUIT  # nothing need be written at the end
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.service.stop()
