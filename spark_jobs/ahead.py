"""Large libraries, imported beside the work of Spark: they take seconds, and most runs of a step need them never."""

from __future__ import annotations

import importlib
import threading

GREAT_EXPECTATIONS = "expectations.gx"
DBT = "spark_jobs.conform"


def begin_import(module: str) -> None:
    """Import a module in a thread; whoever imports it meanwhile waits for the end of that.

    After the session is made: two threads that import PySpark's modules, which import each other, may see half of one.
    """
    threading.Thread(target=importlib.import_module, args=(module,), daemon=True).start()
