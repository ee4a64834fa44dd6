"""How many public reads a second the portal answers from static files: `CITY=… python -m bench.public_reads [SECONDS]`.

Starts the portal as `make serve` does, on the public files of this machine, and reads what programs and people read most:
latest.json, the index as CSV and as JSON, the page. Clients keep their connections open and check every answer's length.
On a machine of two cores they take as much of it as the server, so it prints two figures: requests a second as answered,
and requests a second of the server's own CPU time, which the clients and what else runs do not change.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import psutil

from bench.asked_city import asked_city
from stack.layout import Layout
from stack.service import is_open

FILES = ("latest.json", "latest/index.csv", "latest/index.json", "latest/index.html")
CLIENTS = 4


def main() -> None:
    seconds, city = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0, asked_city()
    layout = Layout.from_environment()
    lengths = {name: (layout.public / city / name).stat().st_size for name in FILES}
    command = [sys.executable, "-m", "stack.portal", "--city", city]
    server = subprocess.Popen(command, env={**os.environ, "PORTAL_ACCESS": '{"of this measurement": {}}'})
    try:
        port = layout.port("portal")
        until = time.monotonic() + 60
        while not is_open(port) and time.monotonic() < until:
            time.sleep(0.2)
        asked = [(f"/public/{city}/{name}", lengths[name]) for name in FILES]
        before, began = _cpu_s(server.pid), time.monotonic()
        with ProcessPoolExecutor(CLIENTS) as pool:
            counts = list(pool.map(read, [port] * CLIENTS, [asked] * CLIENTS, [seconds] * CLIENTS))
        wall, cpu = time.monotonic() - began, _cpu_s(server.pid) - before
    finally:
        server.terminate()
        server.wait()
    n = sum(counts)
    sys.stdout.write(
        f"{n:,} answers, {CLIENTS} clients: {n / wall:,.0f} a second, {n / cpu:,.0f} a second of the server's CPU "
        f"(it had {100 * cpu / wall:.0f} % of a core; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)\n"
    )


def read(port: int, asked: list[tuple[str, int]], seconds: float) -> int:
    """Read the addresses in turn over one connection. Returns how many answers came, each of its file's length."""
    n, until = 0, time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        while time.monotonic() < until:
            address, length = asked[n % len(asked)]
            connection.sendall(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            status = answers.readline()
            headers = dict(line.decode().rstrip().split(": ", 1) for line in iter(answers.readline, b"\r\n"))
            body = answers.read(int(headers["Content-Length"]))
            if b" 200 " not in status or len(body) != length:
                raise RuntimeError(f"{address}: expected 200 and {length} bytes, found {status!r} and {len(body)}")
            n += 1
    return n


def _cpu_s(pid: int) -> float:
    """CPU seconds of the server and its children so far."""
    server = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in [server, *server.children(recursive=True)])


if __name__ == "__main__":
    main()
