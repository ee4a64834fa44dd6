"""`make serve`: everything a person looks at. Started in order, stopped together by Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console

from expectations.models import City
from spark_jobs.flags.desk import city_environment
from stack.machine import Machine
from stack.methodology_page import write_html
from stack.postgres import PORTAL
from stack.private_files import passwords
from stack.response_headers import RESPONSE_HEADERS
from stack.service import Service, ServiceError, is_open
from stack.spark_server import spark_environment
from stack.watch import Watch

DESK_ACCOUNTS = ("duty_officer", "reviewer", "viewer", "admin")  # of the portal, made at the first start
# What the landing page shows each role beside the released pages: services, each with the role's own accounts there, and
# folders of documents. The role `admin` has every door and every account.
ADMIN = "admin"
DOORS: dict[str, dict[str, Sequence[str]]] = {
    "leader": {"superset": ["leader"]},
    "officer": {"desk": ["duty_officer", "reviewer", "viewer"]},
    "analyst": {"superset": ["leader"], "jupyter": ["token"], "docs": [], "checks": []},
    "operator": {"airflow": ["ops", "ro"], "checks": []},
}
SOURCES_LIVE_EVERY = 300  # seconds: how often the simulated sources are brought to the present


def superset_environment(machine: Machine) -> dict[str, str]:
    """Superset's secrets and addresses; for child processes."""
    made = passwords(machine.layout.secrets / "superset.json", ["secret_key", "admin", "leader"])
    return {
        "PINGAN_STATE": str(machine.layout.state),
        "SUPERSET_CONFIG_PATH": str(machine.layout.repository / "superset" / "config.py"),
        "SUPERSET_SECRET_KEY": made["secret_key"] * 2,
        "SUPERSET_METADATA_URL": machine.postgres.url("superset", "superset", "psycopg2"),
        "MART_READER_URL": machine.postgres.url("mart", "mart_reader", "psycopg2"),
        "SUPERSET_ADMIN_PASSWORD": made["admin"],
        "SUPERSET_LEADER_PASSWORD": made["leader"],
    }


def prepare_superset(machine: Machine, city: City) -> None:
    """County boundaries, methodology, metadata, roles, users and the city's dashboard. A second run changes nothing."""
    repository = machine.layout.repository
    areas = repository / "expectations" / "cities" / city.city_code / "areas.csv"
    shapes = machine.layout.state / "superset" / f"counties_{city.city_code}.geojson"
    shapes.parent.mkdir(parents=True, exist_ok=True)
    write_html(shapes.parent)
    commands: list[list[str | Path]] = [
        [machine.layout.python("pipeline"), "superset/boundaries.py", "--areas", areas, "--out", shapes],
        [machine.layout.python("superset"), "superset/setup.py", "--city", city.city_code, "--city-name", city.name.zh],
    ]
    for command in commands:
        _prepare("superset", machine, command, superset_environment(machine))


def write_documents(machine: Machine) -> None:
    """dbt's documentation of the tables as they are stored now."""
    command: list[str | Path] = [machine.layout.python("pipeline"), "-m", "spark_jobs", "document"]
    _prepare("documents", machine, command, machine.environment())


def _prepare(what: str, machine: Machine, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
    """Run a command of preparation to its end. Raises ServiceError with its last words."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=machine.layout.repository,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"{what}: {(done.stderr or done.stdout).strip()[-600:]}")


def superset(machine: Machine) -> Service:
    port = machine.layout.port("superset")
    options = ["-w", "1", "-k", "gthread", "--threads", "8", "--timeout", "120", "--no-control-socket"]
    gunicorn = machine.layout.python("superset").with_name("gunicorn")
    command: list[str | Path] = [gunicorn, *options, "-b", f"127.0.0.1:{port}", "superset.app:create_app()"]
    return Service(machine.layout, "superset", port, command, environment=superset_environment(machine))


def airflow(machine: Machine) -> list[Service]:
    """API server first: a task that reports to one that is not up yet burns a retry."""
    environment = machine.environment()

    def healthy() -> bool:
        try:
            return httpx.get(machine.airflow.health_url, timeout=5).is_success
        except httpx.HTTPError:
            return False

    ports = [machine.layout.port("airflow"), 0, 0]  # only the API server listens
    return [
        Service(machine.layout, name, port, command, environment=environment, ready=healthy)
        for port, (name, command) in zip(ports, machine.airflow.components().items(), strict=True)
    ]


def desk_environment(machine: Machine, city: City) -> dict[str, str]:
    """The portal's secrets, its database and whose it is; for child processes."""
    made = passwords(machine.layout.secrets / "desk.json", ["secret_key"])
    return {
        "PORTAL_URL": machine.postgres.url("mart", PORTAL),
        "PORTAL_SECRET_KEY": made["secret_key"] * 3,
        "PORTAL_ACCOUNTS": json.dumps(desk_accounts(machine)),
        **city_environment(city),
    }


def desk_accounts(machine: Machine) -> dict[str, str]:
    """Name and password of each account that the first start makes."""
    made = passwords(machine.layout.secrets / "desk.json", DESK_ACCOUNTS)
    return {name: made[name] for name in DESK_ACCOUNTS}


def desk(machine: Machine, city: City) -> Service:
    """The web application in which people act on flags; its schema, tables, roles and first accounts are made before."""
    machine.postgres.make_portal_schema(city.city_code)
    environment, port = desk_environment(machine, city), machine.layout.port("desk")
    python = machine.layout.python("portal")
    _prepare("portal", machine, [python, "-m", "portal", "prepare"], environment)
    options = ["-w", "2", "-k", "gthread", "--threads", "4", "--timeout", "60", "--no-control-socket"]
    command: list[str | Path] = [
        python.with_name("gunicorn"), *options, "-b", f"127.0.0.1:{port}", "portal.wsgi:application",
    ]  # fmt: skip
    return Service(machine.layout, "desk", port, command, environment=environment)


def working_copies(originals: Path, folder: Path) -> Path:
    """The notebooks where analysts may change them, outside the repository. Returns the folder.

    A copy that nobody has changed follows its original; one that somebody has changed stays as it is. The originals as
    they were copied are kept in a hidden folder, to tell one from the other.
    """
    copied = folder / ".originals"
    copied.mkdir(parents=True, exist_ok=True)
    for original in sorted(originals.glob("*.ipynb")):
        mine, before = folder / original.name, copied / original.name
        if not mine.exists() or (before.exists() and mine.read_bytes() == before.read_bytes()):
            shutil.copyfile(original, mine)
            shutil.copyfile(original, before)
    return folder


def jupyter(machine: Machine) -> Service:
    """JupyterLab on working copies of the notebooks; `import peace_index` finds the module beside the originals.

    Its environment leads to the lake and to what was published, and holds no key of another service.
    """
    port, originals = machine.layout.port("jupyter"), machine.layout.repository / "notebooks"
    token = passwords(machine.layout.secrets / "jupyter.json", ["token"])["token"]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0", "--allow-root"]
    folder = f"--ServerApp.root_dir={working_copies(originals, machine.layout.state / 'notebooks')}"
    headers = f"--ServerApp.tornado_settings={ {'headers': RESPONSE_HEADERS} }"  # beside the policy that it sets itself
    command: list[str | Path] = [machine.layout.python("pipeline"), "-m", "jupyterlab", *options, folder, headers]
    environment = {
        "PINGAN_STATE": str(machine.layout.state),
        "PINGAN_PUBLISHED": str(machine.layout.published),
        "PYTHONPATH": f"{machine.layout.repository}{os.pathsep}{originals}",
        "JUPYTER_TOKEN": token,
        **spark_environment(machine.layout),
    }
    return Service(machine.layout, "jupyter", port, command, environment=environment)


def accounts(machine: Machine) -> dict[str, dict[str, str]]:
    """Service -> account -> password of each that the first start makes. JupyterLab has one token for all."""
    made = superset_environment(machine)
    return {
        "superset": {"leader": made["SUPERSET_LEADER_PASSWORD"], "admin": made["SUPERSET_ADMIN_PASSWORD"]},
        "desk": desk_accounts(machine),
        "airflow": machine.airflow.passwords(),
        "jupyter": passwords(machine.layout.secrets / "jupyter.json", ["token"]),
    }


def tokens(machine: Machine) -> dict[str, str]:
    """Role -> the token by which the landing page knows it."""
    roles = (ADMIN, *DOORS)
    made = passwords(machine.layout.secrets / "portal.json", roles)
    return {role: made[role] for role in roles}


def addresses(machine: Machine) -> dict[str, str]:
    """Role -> its address of the landing page, token included."""
    port = machine.layout.port("portal")
    return {role: f"http://127.0.0.1:{port}/?token={token}" for role, token in tokens(machine).items()}


def portal(machine: Machine, city: City) -> Service:
    """The landing page. It is told each role's token, doors and names of accounts, and no password."""
    every = {service: list(of_service) for service, of_service in accounts(machine).items()} | {
        "docs": [],
        "checks": [],
    }
    doors = {ADMIN: every, **DOORS}
    return Service(
        machine.layout,
        "portal",
        machine.layout.port("portal"),
        [machine.layout.python("pipeline"), "-m", "stack.portal", "--city", city.city_code],
        environment={"PORTAL_ACCESS": json.dumps({token: doors[role] for role, token in tokens(machine).items()})},
    )


def serve(machine: Machine, city: City, console: Console) -> None:
    """Run until interrupted. Raises ServiceError when something does not start. What ends later is started again."""
    for name in ("portal", "superset", "airflow", "jupyter", "desk"):
        if is_open(machine.layout.port(name)):
            raise ServiceError(
                f"port {machine.layout.port(name)} ({name}) is in use; choose others: make serve PORT_BASE=…"
            )
    now = datetime.now(UTC)
    with machine.up(city, now) as below, ExitStack() as running:
        with console.status("Superset: database, roles, dashboard"):
            prepare_superset(machine, city)
        with console.status("dbt docs"):
            write_documents(machine)
        with console.status("portal: tables, roles, accounts"):
            people = desk(machine, city)
        services = [*airflow(machine), superset(machine), jupyter(machine), people, portal(machine, city)]
        for service in services:
            with console.status(f"{service.name} starting"):
                running.callback(service.stop)
                service.start()
            where = f" on 127.0.0.1:{service.port}" if service.port else ""
            console.print(f"✓ {service.name}{where}")
        logins = "landing, superset, desk, airflow, jupyter: .venv/pipeline/bin/python -m stack accounts SERVICE"
        console.print(f"\n打开 · open:  [bold]{addresses(machine)[ADMIN]}[/]\n账号 · logins: {logins}", soft_wrap=True)
        console.print("Ctrl-C 停止全部 · stops all of it\n")
        _live(machine, city, [*below, *services], console)


def _live(machine: Machine, city: City, services: list[Service], console: Console) -> None:
    """Keep the simulated sources in the present, and every service up."""
    brought, watch = time.monotonic(), Watch(machine.layout, services)
    while True:
        time.sleep(2)
        for line in watch.look():
            console.print(line, soft_wrap=True, markup=False)
        if machine.is_simulated(city) and time.monotonic() - brought > SOURCES_LIVE_EVERY:
            machine.simulator.bring(city, datetime.now(UTC))
            brought = time.monotonic()
