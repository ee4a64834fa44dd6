"""One process that has imported the large libraries. Steps ask it for a fork of itself, which need not import them
again.

`python -m spark_jobs.step_server SOCKET` serves until it is stopped. A step asks if PINGAN_STEP_SERVER names a socket
and somebody answers there. The fork has the arguments, environment, folder and standard streams of the process that
asked. It ends when that process ends, or the server. Each fork imports the project's own modules itself, so that a step
is always the code that lies on disk.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from threading import Thread

from spark_jobs.private_files import private_by_default

ADDRESS = "PINGAN_STEP_SERVER"
LIBRARIES = (
    "expectations.gx",  # Great Expectations as this project imports it
    "dbt.cli.main",
    "dbt.adapters.spark",
    "pyspark.sql.connect.session",
    "scipy.stats",
    "httpx",
    "psycopg",
    "typer",
)
STREAMS = (0, 1, 2)
SERVER_ENDED = 7  # environment: may be tried again


def ask(arguments: Sequence[str]) -> int | None:
    """Let the server run a step, and wait. Returns the step's exit code, or None where no server answers.

    If a signal ended the step, this process ends by the same signal.
    """
    asking = socket.socket(socket.AF_UNIX)
    try:
        asking.connect(os.environ[ADDRESS])
    except (KeyError, OSError):
        return None
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the step ends with this process
    with Connection(asking.detach()) as connection:
        try:
            connection.send((list(arguments), dict(os.environ), str(Path.cwd())))
            for stream in STREAMS:
                send_handle(connection, stream, None)
            code: int = connection.recv()
        except (EOFError, OSError):
            sys.stderr.write("step server: it has ended, and this step with it. Run the step again\n")
            return SERVER_ENDED
    if code < 0:
        os.kill(os.getpid(), -code)
    return code


def serve(address: Path) -> None:
    """Answer at a socket for this user alone, until stopped. Who asks before all is imported waits."""
    address.parent.mkdir(parents=True, exist_ok=True)
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        private_by_default()
        listening.bind(str(address))
        listening.listen()
        for library in LIBRARIES:
            importlib.import_module(library)
        _serve(listening)


def _serve(listening: socket.socket) -> None:
    forks: dict[int, tuple[ForkProcess, Connection]] = {}  # by the sentinel that tells of a fork's end
    while True:
        for ready in wait([listening, *forks]):
            if isinstance(ready, int):
                fork, connection = forks.pop(ready)
                fork.join()
                with connection, suppress(OSError):  # who asked may be gone
                    connection.send(fork.exitcode)
                fork.close()
            else:
                connection = Connection(listening.accept()[0].detach())
                fork = ForkProcess(target=_be_the_step, args=(connection,))
                fork.start()
                forks[fork.sentinel] = fork, connection


def _be_the_step(connection: Connection) -> None:
    os.setsid()
    arguments, environment, folder = connection.recv()
    for stream in STREAMS:
        handle = recv_handle(connection)
        os.dup2(handle, stream)
        os.close(handle)
    sys.stdin = os.fdopen(0, closefd=False)  # multiprocessing has closed the one that there was
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    Thread(target=_end_with, args=(connection,), daemon=True).start()
    from spark_jobs.command_line import main

    sys.exit(main())


def _end_with(connection: Connection) -> None:
    """Wait until who asked, or the server, has ended, and end this step with all that it started."""
    server = parent_process()
    assert server
    wait([connection, server.sentinel])
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
