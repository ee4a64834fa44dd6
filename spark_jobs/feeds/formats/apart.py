"""A reading in a process of its own, with an end to its memory and its time.

What a workbook or a Parquet file takes to be read stands nowhere in its bytes: five kilobytes can name a cell that lies 500
GB away, and the libraries that read them end the whole process when memory ends. So they are read in a fork, which may
end instead. A fork costs some hundredths of a second, and nothing is imported anew.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from spark_jobs.feeds.formats.content import Unreadable
from spark_jobs.feeds.formats.unpack import EXPANSION, LARGEST

T = TypeVar("T")
MEMORY = 768 << 20  # bytes that any file may take to be read, beside what the process has already, ...
SECONDS, SECONDS_A_MEGABYTE = 25, 5  # ... and the time of a processor
WAITS = 20  # times as long, by the clock: the machine may have much else to do
A_THREAD = 16 << 20  # bytes that a library sets aside for each of its threads, one a processor
PAGES = Path("/proc/self/statm")  # of memory; the sixth number is that of data


def apart(n_bytes: int, read: Callable[[], T]) -> T:
    """What `read` returns or raises in a fork, for a file of so many bytes.

    Raises Unreadable where it takes more memory or time than such a file may. Only on Linux: elsewhere a fork of a process
    with large libraries may crash, and it is read here.
    """
    if sys.platform != "linux":
        return read()
    memory, seconds = min(LARGEST, MEMORY + EXPANSION * n_bytes), SECONDS + SECONDS_A_MEGABYTE * (n_bytes >> 20)
    with os.fdopen(os.memfd_create("answer"), "w+b") as answer:
        work = partial(_answer, answer, memory, seconds, read)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join(WAITS * seconds)
        is_late = child.exitcode in (None, -signal.SIGXCPU)
        child.kill()
        child.join()
        if is_late:
            raise _beyond(f"{seconds} seconds")
        if child.exitcode:
            raise _beyond(f"{memory >> 20:,} MB of memory")
        answer.seek(0)
        is_done, found = pickle.load(answer)  # noqa: S301 - written by the fork
    if not is_done:
        raise found
    result: T = found
    return result


def _answer(to: BinaryIO, memory: int, seconds: int, read: Callable[[], object]) -> None:
    """In the fork: read within the limits, and write (True, result) or (False, error)."""
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a library that ends the process tells where, and may quote a row
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    here = int(PAGES.read_text().split()[5]) * resource.getpagesize() + A_THREAD * (os.cpu_count() or 1)
    for limited, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_DATA, here + memory)):
        ends = resource.getrlimit(limited)[1]  # the machine's own limit may be narrower
        resource.setrlimit(limited, (most if ends < 0 else min(most, ends), ends))
    try:
        answer = True, read()
    except MemoryError:
        answer = False, _beyond(f"{memory >> 20:,} MB of memory")
    except Exception as error:  # noqa: BLE001 - raised by whoever asked
        answer = False, error
    pickle.dump(answer, to, pickle.HIGHEST_PROTOCOL)
    to.flush()


def _beyond(what: str) -> Unreadable:
    return Unreadable(f"expected a file that can be read within {what}, found more: a mistake or a bomb")
